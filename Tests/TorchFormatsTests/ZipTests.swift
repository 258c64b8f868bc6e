// Zip archives: what must be read is, what could be read in two ways is refused, what is written reads back.
import Testing
import TorchFormats
import TorchKernels

/// An archive made entry by entry, with any statement wrong that a test wants wrong.
struct ZipFixture {
    struct Entry {
        var name: String
        var data: [UInt8]
        /// Packed form, for method 8.
        var packed: [UInt8]?
        var method: UInt16 = 0
        var flags: UInt16 = 0
        var crc: UInt32?
        var size: UInt32?
        /// What the local header says instead.
        var localName: String?
        var localMethod: UInt16?
        var localCRC: UInt32?
        var localSize: UInt32?
        /// Where the directory says the entry is.
        var offset: UInt32?
        var centralExtra: [UInt8] = []
        /// Facts behind the data instead of in the local header.
        var descriptor: [UInt8]?
    }
    var entries: [Entry]
    var countInEnd: UInt16?
    var comment: [UInt8] = []
    var beforeEnd: [UInt8] = []

    init(_ entries: [Entry]) { self.entries = entries }
    init(_ name: String = "a", _ data: [UInt8] = Array("hello".utf8)) { entries = [Entry(name: name, data: data)] }

    func bytes() -> [UInt8] {
        var out = ByteBuilder()
        var directory = ByteBuilder()
        for e in entries {
            let start = UInt32(out.bytes.count)
            let stored = e.packed ?? e.data
            let crc = e.crc ?? CRC32.of(e.data)
            let size = e.size ?? UInt32(e.data.count)
            let local = e.localName ?? e.name
            let hidden = e.descriptor != nil
            out.put(UInt32(0x0403_4B50), UInt16(20), e.flags, e.localMethod ?? e.method, UInt32(0), hidden ? 0 : e.localCRC ?? crc)
            out.put(hidden ? 0 : e.packed == nil ? e.localSize ?? size : UInt32(stored.count), hidden ? 0 : e.localSize ?? size, UInt16(local.utf8.count), UInt16(0))
            out.put(local)
            out.put(stored)
            out.put(e.descriptor ?? [])
            directory.put(UInt32(0x0201_4B50), UInt16(20), UInt16(20), e.flags, e.method, UInt32(0), crc, e.packed == nil ? size : UInt32(stored.count), size)
            directory.put(UInt16(e.name.utf8.count), UInt16(e.centralExtra.count), UInt16(0), UInt16(0), UInt16(0), UInt32(0), e.offset ?? start)
            directory.put(e.name)
            directory.put(e.centralExtra)
        }
        let place = UInt32(out.bytes.count)
        out.put(directory.bytes)
        out.put(beforeEnd)
        let count = countInEnd ?? UInt16(entries.count)
        out.put(UInt32(0x0605_4B50), UInt32(0), count, count, UInt32(directory.bytes.count), place, UInt16(comment.count))
        out.put(comment)
        return out.bytes
    }

    @discardableResult
    func read() throws -> ZipArchive {
        let archive = try ZipArchive(FileBytes(bytes()))
        for e in archive.entries { _ = try archive.bytes(of: e) }
        return archive
    }
}

struct ZipTests {
    /// "fixed fixed fixed" and 1000 zeros, deflated.
    static let fixed: [UInt8] = [0x4B, 0xCB, 0xAC, 0x48, 0x4D, 0x51, 0x48, 0x43, 0x90, 0x00]
    static let fixedText = Array("fixed fixed fixed".utf8)

    private func refused(_ fixture: ZipFixture, _ part: String, _ line: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: FormatError.self, sourceLocation: line) { try fixture.read() }
        #expect(error?.reason.contains(part) == true, "\(error.map { "\($0)" } ?? "none")", sourceLocation: line)
    }

    @Test func storedAndDeflated() throws {
        var fixture = ZipFixture("folder/a.txt")
        fixture.entries.append(.init(name: "b", data: Self.fixedText, packed: Self.fixed, method: 8))
        fixture.entries.append(.init(name: "folder/", data: []))
        fixture.comment = Array("PK\u{5}\u{6} in a comment".utf8)
        let archive = try fixture.read()
        #expect(archive.entries.map(\.name) == ["folder/a.txt", "b", "folder/"])
        #expect(try archive.bytes(of: archive["b"]!).withBytes { [UInt8]($0) } == Self.fixedText)
        #expect(try archive.bytes(of: archive["folder/a.txt"]!).withBytes { [UInt8]($0) } == Array("hello".utf8))
        #expect(archive["B"] == nil)
        #expect(try ZipFixture([]).read().entries.isEmpty)
    }

    @Test func descriptorsAsTorchWritesThem() throws {
        var descriptor = ByteBuilder()
        descriptor.put(UInt32(0x0807_4B50), CRC32.of(Array("hello".utf8)), UInt32(5), UInt32(5))
        var fixture = ZipFixture()
        fixture.entries[0].flags = 0x808
        fixture.entries[0].descriptor = descriptor.bytes
        try fixture.read()
        // One that says something else is a trick.
        fixture.entries[0].descriptor![8] = 4
        refused(fixture, "says something else")
        fixture.entries[0].descriptor = [UInt8](repeating: 0, count: 16)
        refused(fixture, "says something else")
    }

    @Test func checksumsThatWereNotComputed() throws {
        let archive = try ZipArchive(FileBytes(try Fixtures.seed("no_crc32.pt")))
        #expect(archive.entries.count == 11)
        #expect(archive.entries.allSatisfy { $0.crc32 == nil })
        // Without torch's flag, zero is a checksum like any other.
        var fixture = ZipFixture()
        fixture.entries[0].crc = 0
        refused(fixture, "checksum")
    }

    @Test func attackNames() {
        for name in ["/etc/passwd", "../x", "a/../../x", "a\\b", "..", "a/..", "", "x\0y"] { refused(ZipFixture(name), "an entry is called") }
        var invalid = ZipFixture("ab").bytes()
        for i in invalid.indices where invalid[i] == UInt8(ascii: "a") && i + 1 < invalid.count && invalid[i + 1] == UInt8(ascii: "b") { invalid[i] = 0xFF }
        #expect(throws: FormatError.self) { try ZipArchive(FileBytes(invalid)) }
    }

    @Test func attackDuplicates() { refused(ZipFixture([.init(name: "a", data: [1]), .init(name: "a", data: [2])]), "two entries") }

    @Test func attackOverlap() {
        var fixture = ZipFixture([.init(name: "a", data: [1, 2, 3]), .init(name: "a", data: [1, 2, 3])])
        fixture.entries[1].offset = 0
        refused(fixture, "overlap")
        // One entry inside the other's data.
        let inner = ZipFixture("inner", [7]).bytes()
        var nested = ZipFixture([.init(name: "outer", data: inner), .init(name: "inner", data: [7])])
        nested.entries[1].offset = UInt32(30 + 5)
        refused(nested, "overlap")
    }

    @Test func attackHeadersThatDisagree() {
        for change: (inout ZipFixture.Entry) -> Void in [
            { $0.localName = "b" }, { $0.localMethod = 8 }, { $0.localCRC = 1 }, { $0.localSize = 4 }, { ($0.size, $0.localSize) = (6, 5) }, { $0.localSize = 0 },
        ] {
            var fixture = ZipFixture()
            change(&fixture.entries[0])
            refused(fixture, "differ")
        }
        var fixture = ZipFixture()
        fixture.entries[0].offset = 3
        refused(fixture, "not where the directory says")
        fixture.entries[0].offset = 0x7FFF_FFFF
        refused(fixture, "is at byte")
    }

    @Test func attackChecksum() throws {
        var fixture = ZipFixture()
        fixture.entries[0].crc = 5
        #expect(throws: FormatError.self) { try ZipArchive(FileBytes(fixture.bytes())) }
        // Large entries are compared when they are read.
        fixture = ZipFixture("large", [UInt8](repeating: 1, count: 2 << 20))
        fixture.entries[0].crc = 5
        let archive = try ZipArchive(FileBytes(fixture.bytes()))
        #expect(throws: FormatError.self) { try archive.bytes(of: archive.entries[0]) }
        fixture = ZipFixture([.init(name: "b", data: Self.fixedText, packed: Self.fixed, method: 8, crc: 5)])
        refused(fixture, "checksum")
    }

    @Test func attackBombs() {
        // More than deflate can do.
        refused(ZipFixture([.init(name: "b", data: Self.fixedText, packed: Self.fixed, method: 8, size: 100_000)]), "claims that 10 bytes")
        // Less than it does, and more.
        refused(ZipFixture([.init(name: "b", data: Self.fixedText, packed: Self.fixed, method: 8, size: 16)]), "unpacks to more")
        refused(ZipFixture([.init(name: "b", data: Self.fixedText, packed: Self.fixed, method: 8, size: 18)]), "unpacks to 17")
        // Many entries that are modest each.
        let packed = [UInt8](repeating: 0, count: 8000)
        refused(ZipFixture((0..<10).map { .init(name: "\($0)", data: [], packed: packed, method: 8, size: 8_000_000) }), "once unpacked")
        var many = ZipFixture()
        many.countInEnd = 60_000
        refused(many, "60000 entries")
        many.countInEnd = 0
        refused(many, "follow the last entry")
    }

    @Test func attackZip64() throws {
        // A directory that leaves sizes to 64-bit fields which are not there, lie, or are there twice.
        var fixture = ZipFixture()
        fixture.entries[0].size = .max
        fixture.entries[0].localSize = 5
        refused(fixture, "no field of 64")
        var extra = ByteBuilder()
        extra.put(UInt16(1), UInt16(16), UInt64(5), UInt64(5))
        fixture.entries[0].centralExtra = extra.bytes
        try fixture.read()
        fixture.entries[0].centralExtra = extra.bytes + extra.bytes
        refused(fixture, "two fields")
        extra = ByteBuilder()
        extra.put(UInt16(1), UInt16(16), UInt64.max, UInt64.max)
        fixture.entries[0].centralExtra = extra.bytes
        refused(fixture, "the size of entry")
        // A locator that points elsewhere, and an end record that differs from the other.
        var locator = ByteBuilder()
        locator.put(UInt32(0x0706_4B50), UInt32(0), UInt64(3), UInt32(1))
        fixture = ZipFixture()
        fixture.beforeEnd = locator.bytes
        refused(fixture, "not where its locator says")
    }

    @Test func attackKinds() {
        var fixture = ZipFixture()
        fixture.entries[0].flags = 1
        refused(fixture, "encrypted")
        fixture.entries[0].flags = 0x20
        refused(fixture, "flags")
        fixture.entries[0].flags = 0
        fixture.entries[0].method = 99
        refused(fixture, "method 99")
        #expect(throws: FormatError.self) { try ZipArchive(FileBytes(ZipFixture().bytes() + [0])) }
        #expect(throws: FormatError.self) { try ZipArchive(FileBytes([0] + ZipFixture().bytes())) }
    }

    @Test func everyCutIsNoticed() {
        var fixture = ZipFixture("a")
        fixture.entries.append(.init(name: "b", data: Self.fixedText, packed: Self.fixed, method: 8))
        let good = fixture.bytes()
        for n in 0..<good.count { #expect(throws: FormatError.self) { try ZipArchive(FileBytes(Array(good[..<n]))) } }
    }

    @Test func written() throws {
        try Fixtures.withFolder { folder in
            func write(_ path: String) throws {
                var writer = try ZipWriter(path: path)
                try writer.entry("x/data.pkl", Array("pickle".utf8))
                try writer.entry("x/größe", [], alignment: 1)
                let large = [UInt8](repeating: 7, count: 3 << 20)
                try writer.entry("x/data/0", byteCount: large.count) { put throws(FormatError) in
                    for _ in 0..<3 {
                        var failure: FormatError?
                        large[..<(1 << 20)].withUnsafeBytes { b in do throws(FormatError) { try put(b) } catch { failure = error } }
                        if let failure { throw failure }
                    }
                }
                #expect(throws: FormatError.self) { try writer.entry("x/data.pkl", []) }
                try writer.commit()
            }
            try write(folder + "/a.zip")
            try write(folder + "/b.zip")
            #expect(try FileBytes.read(path: folder + "/a.zip") == FileBytes.read(path: folder + "/b.zip"))
            let archive = try ZipArchive(FileBytes(path: folder + "/a.zip"))
            #expect(archive.entries.map(\.name) == ["x/data.pkl", "x/größe", "x/data/0"])
            #expect(archive.entries.map(\.byteCount) == [6, 0, 3 << 20])
            for e in archive.entries where e.name != "x/größe" { #expect(e.dataOffset % 64 == 0) }
            #expect(try archive.bytes(of: archive["x/data/0"]!).withBytes { $0.allSatisfy { $0 == 7 } })
            #expect(try archive.bytes(of: archive["x/data.pkl"]!).withBytes { [UInt8]($0) } == Array("pickle".utf8))
        }
    }

    @Test func moreEntriesThan16BitsCanCount() throws {
        try Fixtures.withFolder { folder in
            var writer = try ZipWriter(path: folder + "/many.zip")
            for i in 0..<70_000 { try writer.entry("\(i)", [UInt8(i & 255)], alignment: 1) }
            try writer.commit()
            let archive = try ZipArchive(FileBytes(path: folder + "/many.zip"))
            #expect(archive.entries.count == 70_000)
            #expect(try archive.bytes(of: archive["69999"]!).withBytes { $0[0] } == UInt8(69_999 & 255))
        }
    }

    @Test func checksumOfEveryLength() {
        // Against the definition, a bit at a time, over all ways through the kernels.
        var random = Sequence32(5)
        let bytes = (0..<400).map { _ in UInt8(random.next(256)) }
        for n in 0..<bytes.count {
            var crc: UInt32 = ~0
            for b in bytes[..<n] { crc = (0..<8).reduce(crc ^ UInt32(b)) { c, _ in c & 1 != 0 ? 0xEDB8_8320 ^ (c >> 1) : c >> 1 } }
            #expect(CRC32.of(Array(bytes[..<n])) == ~crc)
            #expect(CRC32.of(Array(bytes[(n / 3)..<n]), seed: CRC32.of(Array(bytes[..<(n / 3)]))) == ~crc)
        }
    }
}

@Suite struct ChecksumTests {
    /// One bit at a time, by the definition.
    private func plain(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { c, byte in (0..<8).reduce(c ^ UInt32(byte)) { c, _ in c & 1 == 1 ? 0xEDB8_8320 ^ (c >> 1) : c >> 1 } }
    }

    @Test func everyLengthAndPlace() {
        let data = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 167 ^ $0 >> 3) }
        #expect(st_crc32(0, Array("123456789".utf8), 9) == 0xCBF4_3926)
        let target = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
        defer { target.deallocate() }
        data.withUnsafeBytes { p in
            for (from, count) in (0..<700).map({ ($0 % 5, $0) }) + [(1, 1024), (3, 1279), (0, 2048), (7, 2900), (2, 2998)] {
                let part = UnsafeRawBufferPointer(rebasing: p[from..<from + count])
                let expected = plain(part)
                #expect(st_crc32(0, part.baseAddress, Int64(count)) == expected)
                // In two pieces, and while copying, to aligned and other places.
                let half = count / 3
                #expect(st_crc32(st_crc32(0, part.baseAddress, Int64(half)), part.baseAddress! + half, Int64(count - half)) == expected)
                for place in [0, 1, 16] {
                    target.initializeMemory(as: UInt8.self, repeating: 0xEE, count: 4096)
                    #expect(st_crc32_stream_copy(0, target + place, part.baseAddress, Int64(count)) == expected)
                    #expect(UnsafeRawBufferPointer(start: target + place, count: count).elementsEqual(part))
                    #expect(target.load(fromByteOffset: place + count, as: UInt8.self) == 0xEE)
                    target.initializeMemory(as: UInt8.self, repeating: 0xEE, count: 4096)
                    st_stream_copy(target + place, part.baseAddress, Int64(count))
                    #expect(UnsafeRawBufferPointer(start: target + place, count: count).elementsEqual(part) && target.load(fromByteOffset: place + count, as: UInt8.self) == 0xEE)
                }
            }
        }
    }
}
