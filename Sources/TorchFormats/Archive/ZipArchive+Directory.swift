// Reading a zip archive's directory, every statement checked against another.
//
// A zip archive says most things twice: in the central directory at its end and in a local header before each entry's data. Readers that believe different
// ones see different files in one archive, which is how scanners are fooled. Here both must agree, and everything else that could be read in two ways is refused.

extension ZipArchive {
    private static let endSignature: UInt32 = 0x0605_4B50, endSize = 22
    private static let end64Signature: UInt32 = 0x0606_4B50, locator64Signature: UInt32 = 0x0706_4B50, locator64Size = 20
    private static let centralSignature: UInt32 = 0x0201_4B50, centralSize = 46
    private static let localSignature: UInt32 = 0x0403_4B50, localSize = 30
    private static let descriptorSignature: UInt32 = 0x0807_4B50
    /// Most that deflate can make of a byte (a bit for each 258 bytes), and a little for very short streams.
    private static let deflateRatio = 1032

    private static func bad(_ offset: Int, _ reason: String, _ expected: String = "") -> FormatError { FormatError(.malformed, offset: offset, reason, expected: expected) }

    /// Where the central directory is.
    private struct End {
        var offset, byteCount, entryCount: Int
    }

    /// All entries, in the directory's order, checked.
    static func directory(_ bytes: UnsafeRawBufferPointer) throws(FormatError) -> [ZipEntry] {
        let end = try end(bytes)
        var entries: [ZipEntry] = []
        var extents: [(start: Int, end: Int)] = []
        entries.reserveCapacity(min(end.entryCount, end.byteCount / centralSize))
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[end.offset..<end.offset + end.byteCount]), base: end.offset)
        var unpacked = 0
        let limit = unpackedLimit(archiveByteCount: bytes.count)
        for index in 0..<end.entryCount {
            let (entry, extent) = try entry(index, &reader, bytes, directoryOffset: end.offset)
            if entry.method == .deflated {
                guard entry.byteCount <= (entry.packedByteCount + 1) * deflateRatio else {
                    throw bad(extent.start, "entry \"\(entry.name)\" claims that \(entry.packedByteCount) bytes unpack to \(entry.byteCount)", "at most \(deflateRatio) times as many")
                }
                unpacked += entry.byteCount
                guard unpacked <= limit else {
                    throw bad(extent.start, "the packed entries claim to be more than \(limit) bytes once unpacked", "at most that many for an archive of \(bytes.count) bytes")
                }
            }
            entries.append(entry)
            extents.append(extent)
        }
        guard reader.remaining == 0 else { throw bad(reader.offset, "\(reader.remaining) bytes follow the last entry of the archive's directory") }
        extents.sort { $0.start < $1.start }
        for (a, b) in zip(extents, extents.dropFirst()) where b.start < a.end { throw bad(b.start, "two entries of the archive overlap") }
        return entries
    }

    // MARK: - End record

    private static func end(_ bytes: UnsafeRawBufferPointer) throws(FormatError) -> End {
        guard bytes.count >= endSize else { throw bad(0, "\(bytes.count) bytes are no zip archive") }
        // The record ends the file but for a comment of at most 65535 bytes, whose length it tells.
        var place = bytes.count - endSize
        let first = max(0, place - 0xFFFF)
        while true {
            if bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self).littleEndian == endSignature,
                Int(bytes.loadUnaligned(fromByteOffset: place + 20, as: UInt16.self).littleEndian) == bytes.count - endSize - place
            {
                break
            }
            guard place > first else { throw bad(bytes.count, "no directory of a zip archive at the end of the file: cut short, or not an archive") }
            place -= 1
        }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[(place + 4)...]), base: place + 4)
        let what = "the archive's end record"
        let (disk, directoryDisk) = (try reader.integer(UInt16.self, what), try reader.integer(UInt16.self, what))
        let (here, total) = (try reader.integer(UInt16.self, what), try reader.integer(UInt16.self, what))
        let (size, offset) = (try reader.integer(UInt32.self, what), try reader.integer(UInt32.self, what))
        guard here == total, disk == directoryDisk, disk == 0 || disk == 0xFFFF else { throw bad(place, "the archive is one of several parts") }
        if let (end, place64) = try end64(bytes, before: place) {
            // The fields of 16 and 32 bits must be full, or say the same.
            guard total == 0xFFFF || Int(total) == end.entryCount, size == .max || Int(size) == end.byteCount, offset == .max || Int(offset) == end.offset else {
                throw bad(place, "the archive's two end records differ")
            }
            return try located(end, endsAt: place64, place)
        }
        guard disk == 0 else { throw bad(place, "the archive is one of several parts") }
        return try located(End(offset: Int(offset), byteCount: Int(size), entryCount: Int(total)), endsAt: place, place)
    }

    /// The end record of 64 bits, if a locator for one stands before the other.
    private static func end64(_ bytes: UnsafeRawBufferPointer, before place: Int) throws(FormatError) -> (End, place: Int)? {
        let locator = place - locator64Size
        guard locator >= 0, bytes.loadUnaligned(fromByteOffset: locator, as: UInt32.self).littleEndian == locator64Signature else { return nil }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[(locator + 4)..<place]), base: locator + 4)
        let what = "the archive's 64-bit end record"
        guard try reader.integer(UInt32.self, what) == 0 else { throw bad(locator, "the archive is one of several parts") }
        let offset = try reader.count(UInt64.self, atMost: locator, "the place of \(what)")
        guard try reader.integer(UInt32.self, what) <= 1 else { throw bad(locator, "the archive is one of several parts") }
        reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[offset..<locator]), base: offset)
        guard try reader.integer(UInt32.self, what) == end64Signature else { throw bad(offset, "\(what) is not where its locator says") }
        let rest = try reader.count(UInt64.self, atMost: locator, "the size of \(what)")
        guard rest >= 44, rest == reader.remaining else { throw bad(offset, "\(what) has a size of \(rest) bytes", "\(reader.remaining)") }
        _ = try reader.take(4, what)
        guard try reader.integer(UInt32.self, what) == 0, try reader.integer(UInt32.self, what) == 0 else { throw bad(offset, "the archive is one of several parts") }
        let here = try reader.count(UInt64.self, atMost: bytes.count / centralSize, "the number of entries")
        let total = try reader.count(UInt64.self, atMost: bytes.count / centralSize, "the number of entries")
        guard here == total else { throw bad(offset, "the archive is one of several parts") }
        let size = try reader.count(UInt64.self, atMost: bytes.count, "the directory's size")
        return (End(offset: try reader.count(UInt64.self, atMost: bytes.count, "the directory's place"), byteCount: size, entryCount: total), offset)
    }

    private static func located(_ end: End, endsAt place: Int, _ record: Int) throws(FormatError) -> End {
        guard end.offset <= place, end.byteCount == place - end.offset else {
            throw bad(record, "the archive's directory lies at byte \(end.offset) and has \(end.byteCount) bytes", "one that ends at byte \(place)")
        }
        guard end.entryCount <= end.byteCount / centralSize else {
            throw bad(record, "\(end.entryCount) entries in a directory of \(end.byteCount) bytes", "at most \(end.byteCount / centralSize)")
        }
        return end
    }

    // MARK: - Entries

    /// Facts that stand in both headers.
    private struct Facts {
        var flags, method: UInt16
        var crc: UInt32
        var packed, unpacked: UInt32
        var nameLength, extraLength: Int
        init(_ reader: inout ByteReader, _ what: String) throws(FormatError) {
            flags = try reader.integer(UInt16.self, what)
            method = try reader.integer(UInt16.self, what)
            _ = try reader.take(4, what)  // time
            crc = try reader.integer(UInt32.self, what)
            packed = try reader.integer(UInt32.self, what)
            unpacked = try reader.integer(UInt32.self, what)
            nameLength = Int(try reader.integer(UInt16.self, what))
            extraLength = Int(try reader.integer(UInt16.self, what))
        }
    }

    private static func entry(
        _ index: Int, _ reader: inout ByteReader, _ bytes: UnsafeRawBufferPointer, directoryOffset: Int
    ) throws(FormatError) -> (ZipEntry, extent: (start: Int, end: Int)) {
        let start = reader.offset
        let what = "entry \(index) of the archive's directory"
        guard try reader.integer(UInt32.self, what) == centralSignature else { throw bad(start, "\(what) does not begin as one") }
        _ = try reader.take(4, what)  // versions
        let facts = try Facts(&reader, what)
        let commentLength = Int(try reader.integer(UInt16.self, what))
        let disk = try reader.integer(UInt16.self, what)
        _ = try reader.take(6, what)  // attributes
        let offset32 = try reader.integer(UInt32.self, what)
        let nameOffset = reader.offset
        let nameBytes = try reader.take(facts.nameLength, what)
        let extraOffset = reader.offset
        let extra = try reader.take(facts.extraLength, what)
        _ = try reader.take(commentLength, what)

        let name = try Self.name(nameBytes, nameOffset)
        // Bits: 0, 6 and 13 encryption, 5 patches; 1 and 2 the packer's effort, 3 a descriptor behind the data, 11 a name in UTF-8.
        guard facts.flags & 0x2041 == 0 else { throw FormatError(.unsupported, offset: start, "entry \"\(name)\" is encrypted") }
        guard facts.flags & ~0x080E == 0 else { throw FormatError(.unsupported, offset: start, "entry \"\(name)\" has flags \(String(facts.flags, radix: 16)) that are not known") }
        guard let method = ZipEntry.Method(rawValue: facts.method) else {
            throw FormatError(.unsupported, offset: start, "entry \"\(name)\" is packed by method \(facts.method)", expected: "0 (stored) or 8 (deflated)")
        }
        guard disk == 0 || disk == 0xFFFF else { throw bad(start, "the archive is one of several parts") }
        var fields64 = try extra64(extra, extraOffset)
        /// A field, or its 64-bit form where it is full.
        func value(_ field: UInt32, _ meaning: String) throws(FormatError) -> Int {
            if field != .max { return Int(field) }
            guard fields64 != nil else { throw bad(start, "entry \"\(name)\": its \(meaning) does not fit in 32 bits, and there is no field of 64") }
            return try fields64!.count(UInt64.self, atMost: bytes.count * deflateRatio, "the \(meaning) of entry \"\(name)\"")
        }
        let unpacked = try value(facts.unpacked, "size")
        let packed = try value(facts.packed, "packed size")
        let local = try value(offset32, "place")
        guard method == .deflated || packed == unpacked else { throw bad(start, "entry \"\(name)\" is stored, but has sizes \(packed) and \(unpacked)", "the same twice") }
        guard !name.hasSuffix("/") || unpacked == 0 else { throw bad(start, "entry \"\(name)\" is a folder of \(unpacked) bytes") }

        let (dataOffset, end) = try checkLocal(
            bytes, at: local, name: nameBytes, readable: name, central: facts, packed: packed, unpacked: unpacked, directoryOffset: directoryOffset)
        // Zero without data is right; zero with a descriptor is what torch writes when it is told not to compute checksums.
        let crc = facts.crc == 0 && facts.flags & 8 != 0 ? nil : facts.crc
        return (ZipEntry(name: name, method: method, byteCount: unpacked, packedByteCount: packed, crc32: crc, dataOffset: dataOffset, index: index), (local, end))
    }

    /// A name that is safe to look up, and would be safe to unpack.
    private static func name(_ bytes: UnsafeRawBufferPointer, _ offset: Int) throws(FormatError) -> String {
        guard let name = String(validating: bytes, as: UTF8.self) else { throw bad(offset, "an entry's name is not UTF-8") }
        guard isHarmless(name) else { throw bad(offset, "an entry is called \"\(name)\"", harmlessName) }
        return name
    }

    static let harmlessName = "a relative path without \"..\" and backslashes"

    /// True for a name that leads nowhere else when it is unpacked as a path.
    static func isHarmless(_ name: String) -> Bool {
        let bytes = name.utf8
        return !bytes.isEmpty && !bytes.contains(0) && !bytes.contains(UInt8(ascii: "\\")) && bytes.first != UInt8(ascii: "/")
            && !bytes.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual("..".utf8) }
    }

    /// The extra field with sizes of 64 bits, if there is one.
    private static func extra64(_ extra: UnsafeRawBufferPointer, _ offset: Int) throws(FormatError) -> ByteReader? {
        var reader = ByteReader(extra, base: offset)
        var found: ByteReader?
        // Fewer than four bytes at the end are padding of some writers.
        while reader.remaining >= 4 {
            let id = try reader.integer(UInt16.self, "an extra field")
            let length = Int(try reader.integer(UInt16.self, "an extra field"))
            let start = reader.offset
            let content = try reader.take(length, "an extra field")
            if id == 1 {
                guard found == nil else { throw bad(start, "two fields of 64-bit sizes") }
                found = ByteReader(content, base: start)
            }
        }
        return found
    }

    /// Compares an entry's local header with the directory; returns where its data begin, and where everything of it ends.
    private static func checkLocal(
        _ bytes: UnsafeRawBufferPointer, at offset: Int, name: UnsafeRawBufferPointer, readable: String, central: Facts, packed: Int, unpacked: Int, directoryOffset: Int
    ) throws(FormatError) -> (dataOffset: Int, end: Int) {
        let what = "the header of entry \"\(readable)\""
        guard offset <= directoryOffset - localSize else { throw bad(offset, "\(what) is at byte \(offset)", "one before the directory at \(directoryOffset)") }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[offset..<directoryOffset]), base: offset)
        guard try reader.integer(UInt32.self, what) == localSignature else { throw bad(offset, "\(what) is not where the directory says") }
        _ = try reader.take(2, what)  // version
        let local = try Facts(&reader, what)
        let localName = try reader.take(local.nameLength, what)
        let extraOffset = reader.offset
        let extra = try reader.take(local.extraLength, what)
        func differs(_ meaning: String) -> FormatError { bad(offset, "\(what) and the directory differ in its \(meaning)") }
        guard localName.elementsEqual(name) else { throw differs("name") }
        guard local.method == central.method else { throw differs("packing method") }
        // The packer's effort and the name's encoding change nothing.
        guard local.flags & ~0x0806 == central.flags & ~0x0806 else { throw differs("flags") }
        let hasDescriptor = local.flags & 8 != 0
        guard local.crc == central.crc || hasDescriptor && local.crc == 0 else { throw differs("checksum") }
        var fields64 = try extra64(extra, extraOffset)
        /// The local header's value, or nil where it leaves it to the descriptor.
        func value(_ field: UInt32) throws(FormatError) -> Int? {
            var n = UInt64(field)
            if field == .max, fields64 != nil { n = try fields64!.integer(UInt64.self, what) }
            return n == 0 && hasDescriptor ? nil : Int(exactly: n) ?? -1
        }
        let (localUnpacked, localPacked) = (try value(local.unpacked), try value(local.packed))
        guard localUnpacked == nil || localUnpacked == unpacked, localPacked == nil || localPacked == packed else { throw differs("sizes") }
        let dataOffset = reader.offset
        guard packed <= reader.remaining else {
            throw bad(dataOffset, "entry \"\(readable)\" has \(packed) bytes", "at most the \(reader.remaining) before the archive's directory")
        }
        _ = try reader.take(packed, what)
        if hasDescriptor { try descriptor(&reader, what, crc: central.crc, packed: packed, unpacked: unpacked) }
        return (dataOffset, reader.offset)
    }

    /// The facts behind the data: checksum and sizes of 32 or 64 bits, with or without a signature before them.
    private static func descriptor(_ reader: inout ByteReader, _ what: String, crc: UInt32, packed: Int, unpacked: Int) throws(FormatError) {
        for hasSignature in [true, false] {
            for is64 in [false, true] {
                var r = reader
                guard r.remaining >= (hasSignature ? 8 : 4) + (is64 ? 16 : 8) else { continue }
                if hasSignature, try r.integer(UInt32.self, what) != descriptorSignature { continue }
                guard try r.integer(UInt32.self, what) == crc else { continue }
                let p = is64 ? try r.integer(UInt64.self, what) : UInt64(try r.integer(UInt32.self, what))
                let u = is64 ? try r.integer(UInt64.self, what) : UInt64(try r.integer(UInt32.self, what))
                if p == UInt64(packed), u == UInt64(unpacked) {
                    reader = r
                    return
                }
            }
        }
        throw bad(reader.offset, "behind its data, \(what) says something else than the directory")
    }
}
