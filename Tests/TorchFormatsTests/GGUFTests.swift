// GGUF: all values and types of a file of the reference package, dequantised to the last bit; counts and places that lie.
import Testing
import TorchFormats
import TorchTensor

struct GGUFTests {
    /// A file of no values and the given tensors (name, sizes innermost first, type, place), with `data` behind.
    private func file(
        _ tensors: [(String, [UInt64], UInt32, UInt64)], values: UInt64 = 0, valueBytes: [UInt8] = [], tensorCount: UInt64? = nil, version: UInt32 = 3, data: Int = 256
    ) -> [UInt8] {
        var b = ByteBuilder()
        b.put("GGUF")
        b.put(version, tensorCount ?? UInt64(tensors.count), values)
        b.put(valueBytes)
        for (name, sizes, type, place) in tensors {
            b.put(UInt64(name.utf8.count))
            b.put(name)
            b.put(UInt32(sizes.count))
            for n in sizes { b.put(n) }
            b.put(type, place)
        }
        b.put([UInt8](repeating: 0, count: (32 - b.bytes.count % 32) % 32 + data))
        return b.bytes
    }
    private func value(_ key: String, _ type: UInt32, _ content: (inout ByteBuilder) -> Void) -> [UInt8] {
        var b = ByteBuilder()
        b.put(UInt64(key.utf8.count))
        b.put(key)
        b.put(type)
        content(&b)
        return b.bytes
    }
    private func refused(_ bytes: [UInt8], _ part: String, _ line: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: FormatError.self, sourceLocation: line) { try Checkpoint(bytes: bytes) }
        #expect(error?.reason.contains(part) == true, "\(error.map { "\($0)" } ?? "none")", sourceLocation: line)
    }

    @Test func valuesOfEveryType() throws {
        let checkpoint = try Checkpoint(path: Fixtures.folder + "blocks.gguf")
        #expect(checkpoint.format == .gguf)
        let m = Dictionary(uniqueKeysWithValues: checkpoint.metadata.map { ($0.key, $0.value) })
        let whole: [(String, Int)] = [("u8", 200), ("i8", -3), ("u16", 65535), ("i16", -300), ("u32", 4_000_000_000), ("i32", -5), ("i64", -5)]
        for (name, expected) in whole { #expect(m["test.\(name)"]?.int == expected, "\(name)") }
        if case .bigInt(let digits)? = m["test.u64"] { #expect(digits == "18446744073709551615") } else { Issue.record("u64 is not a big number") }
        #expect(m["test.f32"]?.double == 1.5 && m["test.f64"]?.double == 2.5)
        #expect(m["test.bool"]?.bool == true)
        #expect(m["test.text"]?.string == "größe")
        #expect(m["test.texts"]?.elements?.map(\.string) == ["a", "", "hello"])
        // Arrays of numbers stay in the file until they are loaded.
        #expect(try m["test.numbers"]!.tensor!.load().array(of: Int32.self) == [1, -2, 3])
        #expect(try m["test.nested"]!.elements!.map { try $0.tensor!.load().array(of: Int32.self) } == [[1, 2], [3]])
    }

    @Test func blocksToTheLastBit() throws {
        let file = try Checkpoint(path: Fixtures.folder + "blocks.gguf")
        let expected = try Checkpoint(path: Fixtures.folder + "blocks.npz")
        #expect(expected.tensors.count == 11)
        for (name, stored) in expected.tensors {
            let t = try #require(file[name])
            #expect(t.shape == [1, 256] && t.type.name == name)
            let (a, b) = (try t.load(), try stored.load())
            #expect(a.dtype == .float32)
            #expect(a.withBytes { [UInt8]($0) } == b.withBytes { [UInt8]($0) }, "\(name)")
        }
        #expect(try file["f32"]!.load().array(of: Float.self) == [0, 1, 2, 3, 4, 5])
        #expect(file["f32"]!.shape == [2, 3] && file["f16"]!.shape == [3, 2])
        for name in ["int8", "int16", "int32", "int64"] { #expect(try file[name]!.load().to(.int64).array(of: Int.self) == [1, -2, 3]) }
        // A type that is listed, not loaded.
        let listed = try #require(file["IQ4_XS"])
        #expect(listed.shape == [1, 256] && listed.type.name == "IQ4_XS")
        let error = #expect(throws: FormatError.self) { try listed.load() }
        #expect(error?.kind == .unsupported)
    }

    @Test func blockByHand() throws {
        // Q4_1: d = 2, m = -1, nibbles of byte j are j and 15 - j. Q8_0: d = 0.5, numbers -16 to 15.
        var b = ByteBuilder()
        b.put(Float16(2).bitPattern, Float16(-1).bitPattern)
        for j in 0..<16 { b.put(UInt8(j | (15 - j) << 4)) }
        b.put([UInt8](repeating: 0, count: 12))
        b.put(Float16(0.5).bitPattern)
        for j in 0..<32 { b.put(Int8(j - 16)) }
        let bytes = file([("a", [32], 3, 0), ("b", [32], 8, 32)], data: 0) + b.bytes
        let checkpoint = try Checkpoint(bytes: bytes)
        #expect(try checkpoint["a"]!.load().array(of: Float.self) == (0..<16).map { Float($0) * 2 - 1 } + (0..<16).map { Float(15 - $0) * 2 - 1 })
        #expect(try checkpoint["b"]!.load().array(of: Float.self) == (-16..<16).map { Float($0) / 2 })
    }

    @Test func attackCounts() {
        refused(file([], tensorCount: .max), "the number of tensors")
        refused(file([], values: .max), "the number of key-values")
        refused(file([("a", [1 << 40, 1 << 40], 0, 0)]), "more elements")
        refused(file([("a", [1 << 62], 0, 0)]), "rows of")
        refused(file([("a", [1 << 61], 0, 0)]), "rows of")
        refused(file([("a", [1 << 60], 0, 0)]), "bytes at 0")
        refused(file([("a", [.max], 0, 0)]), "a size of")
        refused(file([("a", [65], 0, 0)]), "260 bytes at 0")
        refused(file([("a", [4], 0, .max - 31)]), "the place of")
        refused(file([("a", [4], 0, 256)]), "16 bytes at 256")
        refused(file([("a", [4], 0, 8)]), "lies at 8")
        refused(file([("a", [4], 0, 0), ("b", [16], 0, 0)]), "overlap")
        refused(file([("a", [4], 0, 0), ("a", [4], 0, 32)]), "two tensors")
        refused(file([("a", [33], 2, 0)]), "rows of 33")
        refused(file([("a", [4], 77, 0)]), "type 77")
        refused(file([("a", [UInt64](repeating: 1, count: 65), 0, 0)]), "the dims of")
        refused(file([], version: 1), "version 1")
        refused(file([], version: UInt32(3).byteSwapped), "most significant byte first")
    }

    @Test func attackValues() {
        func one(_ bytes: [UInt8]) -> [UInt8] { file([], values: 1, valueBytes: bytes) }
        refused(one(value("k", 8) { $0.put(UInt64.max) }), "the length of")
        refused(one(value("k", 9) { $0.put(UInt32(4), UInt64(1) << 62) }), "the length of")
        refused(one(value("k", 9) { $0.put(UInt32(8), UInt64(1) << 40) }), "the length of")
        refused(one(value("k", 13) { _ in }), "unknown type 13")
        refused(one(value("k", 7) { $0.put(UInt8(2)) }), "truth value")
        refused(one(value("k", 9) { for _ in 0..<20 { $0.put(UInt32(9), UInt64(1)) } }), "inside one another")
        refused(one(value("general.alignment", 4) { $0.put(UInt32(0)) }), "power of two")
        refused(one(value("general.alignment", 4) { $0.put(UInt32(24)) }), "power of two")
        let key = value("k", 0) { $0.put(UInt8(1)) }
        refused(file([], values: 2, valueBytes: key + key), "occurs twice")
        var b = ByteBuilder()
        b.put(UInt64(1) << 63)
        refused(one(b.bytes), "the length of")
    }
}
