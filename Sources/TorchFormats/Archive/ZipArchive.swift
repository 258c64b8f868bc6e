// Zip archives: bytes of entries, found by name. The directory's reading and its checks are in ZipArchive+Directory.
import TorchKernels
import TorchTensor

/// A zip archive, opened: its directory is read and checked, its entries are unpacked when they are asked for.
///
/// Only what is certain is believed: one directory at the very end, whose entries agree with the headers before their data, do not overlap, have different
/// harmless names, and do not claim to unpack to more than `unpackedLimit` bytes in all.
package struct ZipArchive: Sendable {
    /// All entries in the order of the directory.
    package let entries: [ZipEntry]
    private let file: FileBytes
    private let places: [String: Int]
    private let checked: Checked

    /// Stored entries whose checksum was found right; each is computed once.
    private final class Checked: Sendable {
        nonisolated(unsafe) private var isRight: [Bool]  // guarded by `lock`
        private let lock = Mutex()
        init(_ count: Int) { isRight = [Bool](repeating: false, count: count) }
        subscript(index: Int) -> Bool {
            get { lock.withLock { isRight[index] } }
            set { lock.withLock { isRight[index] = newValue } }
        }
    }

    /// Entries up to this size are checked against their checksums when the archive is opened, as long as they are `eagerTotal` bytes in all.
    private static let eagerLimit = 1 << 20, eagerTotal = 8 << 20

    /// Bytes that all deflated entries of an archive may have together once unpacked: a small file can not fill the memory.
    package static func unpackedLimit(archiveByteCount: Int) -> Int { 48 << 20 + 2 * archiveByteCount }

    /// Reads the directory and checks it, and the checksums of small stored entries.
    package init(_ file: FileBytes) throws(FormatError) {
        self.file = file
        entries = try file.withBytes { b throws(FormatError) in try Self.directory(b) }
        var places: [String: Int] = [:]
        places.reserveCapacity(entries.count)
        for entry in entries {
            guard places.updateValue(entry.index, forKey: entry.name) == nil else {
                throw FormatError(.malformed, offset: entry.dataOffset, "two entries of the archive are called \"\(entry.name)\"")
            }
        }
        self.places = places
        checked = Checked(entries.count)
        var budget = Self.eagerTotal
        for entry in entries where entry.method == .stored && entry.byteCount <= min(Self.eagerLimit, budget) {
            budget -= entry.byteCount
            try check(entry)
        }
    }

    /// True if the bytes begin as a zip archive does.
    package static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 22 && bytes[0] == 0x50 && bytes[1] == 0x4B && (bytes[2] == 3 && bytes[3] == 4 || bytes[2] == 5 && bytes[3] == 6)
    }

    /// The entry of that name.
    package subscript(name: String) -> ZipEntry? { places[name].map { entries[$0] } }

    /// The bytes of an entry of this archive, unpacked and found to have the right checksum. Stored entries are not copied.
    package func bytes(of entry: ZipEntry) throws(FormatError) -> FileBytes {
        precondition(entries[entry.index] == entry, "an entry of another archive")
        return try file.checked { () throws(FormatError) in try unpack(entry) }
    }

    private func unpack(_ entry: ZipEntry) throws(FormatError) -> FileBytes {
        let packed = FileBytes(entry.dataOffset..<entry.dataOffset + entry.packedByteCount, of: file)
        if entry.method == .stored {
            try check(entry)
            return packed
        }
        let unpacked = try FileBytes(count: entry.byteCount) { target throws(FormatError) in
            try packed.withBytes { source throws(FormatError) in
                do throws(InflateError) { try Inflate.raw(source, into: target) } catch {
                    throw FormatError(.malformed, offset: entry.dataOffset + error.offset, "entry \"\(entry.name)\" can not be unpacked: \(error.reason)")
                }
            }
        }
        try unpacked.withBytes { b throws(FormatError) in try Self.compare(CRC32.of(b), entry) }
        return unpacked
    }

    /// Calls `body` with the first bytes of an entry, `count` or as many as there are; its checksum is not compared.
    func withPrefix<Value>(of entry: ZipEntry, _ count: Int, _ body: (UnsafeRawBufferPointer) throws(FormatError) -> Value) throws(FormatError) -> Value {
        try file.checked { () throws(FormatError) in
            try file.withBytes { b throws(FormatError) in
                let packed = UnsafeRawBufferPointer(rebasing: b[entry.dataOffset..<entry.dataOffset + entry.packedByteCount])
                if entry.method == .stored { return try body(UnsafeRawBufferPointer(rebasing: packed.prefix(count))) }
                let prefix: [UInt8]
                do throws(InflateError) { prefix = try Inflate.prefix(packed, count: min(count, entry.byteCount)) } catch {
                    throw FormatError(.malformed, offset: entry.dataOffset + error.offset, "entry \"\(entry.name)\" can not be unpacked: \(error.reason)")
                }
                return try FileBytes(prefix).withBytes(body)
            }
        }
    }

    /// Where a block finds the bytes of an entry of this archive: stored entries in place.
    func source(of entry: ZipEntry) -> StoredBlock.Source {
        if entry.method == .deflated { return .packed { [self] () throws(FormatError) in try bytes(of: entry) } }
        if entry.crc32 == nil || checked[entry.index] { return .file(file, offset: entry.dataOffset) }
        return .checked(file, offset: entry.dataOffset) { [self] target throws(FormatError) in try check(entry, copyingTo: target) }
    }

    /// Compares a stored entry with its checksum, once; copies its bytes if there is a target.
    private func check(_ entry: ZipEntry, copyingTo target: UnsafeMutableRawPointer? = nil) throws(FormatError) {
        let isDone = entry.crc32 == nil || checked[entry.index]
        try file.withBytes { b throws(FormatError) in
            guard let start = b.baseAddress.map({ $0 + entry.dataOffset }) else { return }
            let count = Int64(entry.byteCount)
            if isDone {
                if let target { st_stream_copy(target, start, count) }
            } else {
                try Self.compare(target.map { st_crc32_stream_copy(0, $0, start, count) } ?? st_crc32(0, start, count), entry)
            }
        }
        checked[entry.index] = true
    }

    private static func compare(_ crc: UInt32, _ entry: ZipEntry) throws(FormatError) {
        guard let expected = entry.crc32, crc != expected, !CRC32.isIgnored else { return }
        throw FormatError(
            .malformed, offset: entry.dataOffset, "the bytes of entry \"\(entry.name)\" have checksum \(String(crc, radix: 16))", expected: "\(String(expected, radix: 16)), as the archive says")
    }
}
