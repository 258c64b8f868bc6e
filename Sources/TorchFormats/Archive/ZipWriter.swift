// Writing zip archives of stored entries, whose data can be used where they lie in the file.

/// A zip archive on its way to a file; `commit` gives it its name. The same entries give the same bytes: all are dated 1980-01-01.
package struct ZipWriter: ~Copyable {
    private var file: AtomicFile
    private let path: String
    private var directory: [UInt8] = []
    private var names: Set<String> = []
    /// Bytes that are checksummed and written while they are in the cache.
    private static let step = 1 << 20

    /// Starts an archive that will be called `path`.
    package init(path: String, durable: Bool = true) throws(FormatError) {
        file = try AtomicFile(path: path, durable: durable)
        self.path = path
    }

    /// Tells how large the archive may become.
    package mutating func reserve(_ byteCount: Int) throws(FormatError) { try file.reserve(byteCount) }

    /// Adds an entry of `byteCount` bytes, which `write` hands to the function it is given, in as many calls as it likes. Its data begin at a multiple of `alignment`.
    /// Returns the checksum.
    @discardableResult
    package mutating func entry(
        _ name: String, byteCount: Int, alignment: Int = 64, write: (_ put: (UnsafeRawBufferPointer) throws(FormatError) -> Void) throws(FormatError) -> Void
    ) throws(FormatError) -> UInt32 {
        let utf8 = Array(name.utf8)
        guard !utf8.isEmpty, utf8.count <= 0xFFFF, names.insert(name).inserted else {
            throw FormatError(.request, file: path, "can not add an entry called \"\(name.prefix(80))\"", expected: "different names of 1 to 65535 bytes")
        }
        // What readers refuse, ours among them, is not written.
        guard ZipArchive.isHarmless(name) else {
            throw FormatError(.request, file: path, "can not add an entry called \"\(name.prefix(80))\"", expected: ZipArchive.harmlessName)
        }
        let start = file.count
        let is64 = byteCount >= Int(UInt32.max)
        let size = is64 ? UInt32.max : UInt32(byteCount)
        var extra: [UInt8] = []
        if is64 { extra = Self.bytes(UInt16(1), UInt16(16), UInt64(byteCount), UInt64(byteCount)) }
        // An extra field of padding, as torch's writer has it ("FB", filled with Z), brings the data to their alignment.
        let unpadded = start + 30 + utf8.count + extra.count
        if unpadded % alignment != 0 {
            let padding = (alignment - (unpadded + 4) % alignment) % alignment
            extra += Self.bytes(UInt16(0x4246), UInt16(padding)) + [UInt8](repeating: UInt8(ascii: "Z"), count: padding)
        }
        let version: UInt16 = is64 ? 45 : 20
        // Flag 11: the name is UTF-8. The checksum is filled in when the data have passed.
        try file.write(
            Self.bytes(UInt32(0x0403_4B50), version, UInt16(0x800), UInt16(0), UInt16(0), UInt16(0x21), UInt32(0), size, size, UInt16(utf8.count), UInt16(extra.count)) + utf8 + extra)

        var crc: UInt32 = 0
        var written = 0
        try write { bytes throws(FormatError) in
            written += bytes.count
            for from in stride(from: 0, to: bytes.count, by: Self.step) {
                let part = UnsafeRawBufferPointer(rebasing: bytes[from..<min(from + Self.step, bytes.count)])
                crc = CRC32.of(part, seed: crc)
                try file.write(part)
            }
        }
        guard written == byteCount else { throw FormatError(.request, file: path, "entry \"\(name)\": \(written) bytes were handed over instead of \(byteCount)") }
        try file.overwrite(at: start + 14, Self.bytes(crc))

        var centralExtra: [UInt8] = []
        let isFar = start >= Int(UInt32.max)
        if is64 || isFar {
            if is64 { centralExtra += Self.bytes(UInt64(byteCount), UInt64(byteCount)) }
            if isFar { centralExtra += Self.bytes(UInt64(start)) }
            centralExtra = Self.bytes(UInt16(1), UInt16(centralExtra.count)) + centralExtra
        }
        directory += Self.bytes(UInt32(0x0201_4B50), is64 || isFar ? UInt16(45) : 20, is64 || isFar ? UInt16(45) : 20, UInt16(0x800), UInt16(0), UInt16(0), UInt16(0x21), crc, size, size)
        directory += Self.bytes(UInt16(utf8.count), UInt16(centralExtra.count), UInt16(0), UInt16(0), UInt16(0), UInt32(0), isFar ? UInt32.max : UInt32(start))
        directory += utf8 + centralExtra
        return crc
    }

    /// Adds an entry and returns its checksum.
    @discardableResult
    package mutating func entry(_ name: String, _ bytes: [UInt8], alignment: Int = 64) throws(FormatError) -> UInt32 {
        try entry(name, byteCount: bytes.count, alignment: alignment) { put throws(FormatError) in
            var failure: FormatError?
            bytes.withUnsafeBytes { b in
                do throws(FormatError) { try put(b) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    /// Writes the directory, brings everything to the disk and gives the file its name.
    package mutating func commit() throws(FormatError) {
        let offset = file.count
        try file.write(directory)
        let count = names.count
        if count >= 0xFFFF || offset + directory.count >= Int(UInt32.max) {
            let end = file.count
            try file.write(Self.bytes(UInt32(0x0606_4B50), UInt64(44), UInt16(45), UInt16(45), UInt32(0), UInt32(0), UInt64(count), UInt64(count), UInt64(directory.count), UInt64(offset)))
            try file.write(Self.bytes(UInt32(0x0706_4B50), UInt32(0), UInt64(end), UInt32(1)))
        }
        let (n, size, place) = (UInt16(clamping: count), UInt32(clamping: directory.count), UInt32(clamping: offset))
        try file.write(Self.bytes(UInt32(0x0605_4B50), UInt16(0), UInt16(0), n, n, size, place, UInt16(0)))
        try file.commit()
    }

    /// Numbers as little-endian bytes.
    private static func bytes<each T: FixedWidthInteger>(_ values: repeat each T) -> [UInt8] {
        var result: [UInt8] = []
        for value in repeat each values { withUnsafeBytes(of: value.littleEndian) { result.append(contentsOf: $0) } }
        return result
    }
}
