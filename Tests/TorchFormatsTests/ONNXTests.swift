// ONNX models: initializers of every form, and messages that lie.
import Testing
import TorchFormats
import TorchTensor

struct ONNXTests {
    private func varint(_ n: UInt64) -> [UInt8] {
        var (n, out) = (n, [UInt8]())
        while n >= 128 {
            out.append(UInt8(n & 127 | 128))
            n >>= 7
        }
        return out + [UInt8(n)]
    }
    private func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] { varint(UInt64(number << 3 | 2)) + varint(UInt64(bytes.count)) + bytes }
    private func field(_ number: Int, _ n: UInt64) -> [UInt8] { varint(UInt64(number << 3)) + varint(n) }
    private func tensor(_ name: String, _ type: UInt64, _ dims: [UInt64], _ content: [UInt8]) -> [UInt8] {
        dims.flatMap { field(1, $0) } + field(2, type) + field(8, Array(name.utf8)) + content
    }
    private func model(_ tensors: [[UInt8]]) -> [UInt8] {
        let graph = field(2, Array("g".utf8)) + tensors.flatMap { field(5, $0) } + field(11, field(1, Array("x".utf8)))
        return field(1, 9) + field(2, Array("test".utf8)) + field(7, graph) + field(8, field(2, 17))
    }
    private func refused(_ bytes: [UInt8], _ part: String, _ line: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: FormatError.self, sourceLocation: line) { try Checkpoint(bytes: bytes) }
        #expect(error?.reason.contains(part) == true, "\(error.map { "\($0)" } ?? "none")", sourceLocation: line)
    }

    @Test func everyForm() throws {
        let floats = [Float(1.5), -2].withUnsafeBytes { [UInt8]($0) }
        let checkpoint = try Checkpoint(
            bytes: model([
                tensor("raw", 1, [2], field(9, floats)), tensor("floats", 1, [1, 2], field(4, floats)),
                tensor("ints", 6, [3], field(5, varint(1) + varint(300) + varint(UInt64(bitPattern: -7)))),
                tensor("longs", 7, [2], field(7, varint(UInt64(bitPattern: .min)) + varint(5))), tensor("bytes", 2, [2], field(5, varint(255) + varint(0))),
                tensor("halves", 10, [1], field(5, varint(UInt64(Float16(0.5).bitPattern)))), tensor("truth", 9, [2], field(9, [1, 0])),
                tensor("scalar", 11, [], field(9, [0, 0, 0, 0, 0, 0, 0xF0, 0x3F])),
                tensor("none", 1, [0, 3], []), tensor("texts", 8, [1], field(6, [65])), tensor("elsewhere", 1, [2], field(13, []) + field(14, 1)),
                field(1, varint(1) + varint(2)) + field(2, 1) + field(8, Array("packed dims".utf8)) + field(9, floats),
            ]))
        #expect(checkpoint.format == .onnx)
        #expect(try checkpoint["raw"]!.load().array(of: Float.self) == [1.5, -2])
        #expect(try checkpoint["floats"]!.load().array(of: Float.self) == [1.5, -2] && checkpoint["floats"]!.shape == [1, 2])
        #expect(try checkpoint["ints"]!.load().array(of: Int32.self) == [1, 300, -7])
        #expect(try checkpoint["longs"]!.load().array(of: Int.self) == [.min, 5])
        #expect(try checkpoint["bytes"]!.load().array(of: UInt8.self) == [255, 0])
        #expect(try checkpoint["halves"]!.load().to(.float32).array(of: Float.self) == [0.5])
        #expect(try checkpoint["truth"]!.load().dtype == .bool && checkpoint["scalar"]!.load().item() == 1)
        #expect(checkpoint["none"]?.shape == [0, 3] && checkpoint["packed dims"]?.shape == [1, 2])
        // Another file is never opened; texts are passed over, and said.
        let error = #expect(throws: FormatError.self) { try checkpoint["elsewhere"]!.load() }
        #expect(error?.reason.contains("another file") == true)
        let metadata = Dictionary(uniqueKeysWithValues: checkpoint.metadata.map { ($0.key, $0.value) })
        #expect(metadata["skipped: texts"] != nil && metadata["producer"]?.string == "test" && metadata["opset"]?["ai.onnx"]?.int == 17 && metadata["graph"]?.string == "g")
    }

    @Test func constantsAndInnerGraphs() throws {
        let constant = tensor("", 7, [1], field(7, [5]))
        let node = field(2, Array("c".utf8)) + field(4, Array("Constant".utf8)) + field(5, field(1, Array("value".utf8)) + field(5, constant))
        let inner = field(1, node) + field(5, tensor("w", 7, [1], field(7, [6])))
        let branch = field(2, Array("y".utf8)) + field(3, Array("if".utf8)) + field(4, Array("If".utf8)) + field(5, field(1, Array("then_branch".utf8)) + field(6, inner))
        let checkpoint = try Checkpoint(bytes: field(1, 9) + field(7, field(1, node) + field(1, branch)))
        #expect(checkpoint.tensors.map(\.name) == ["c", "if.then_branch.c", "if.then_branch.w"])
        #expect(try checkpoint.load().map { $0.tensor.array(of: Int.self)[0] } == [5, 5, 6])
        var deep: [UInt8] = []
        for _ in 0..<40 { deep = field(1, field(5, field(6, deep))) }
        refused(field(1, 9) + field(7, deep), "inside one another")
    }

    @Test func attackMessages() {
        let data = [UInt8](repeating: 0, count: 8)
        refused(model([tensor("a", 1, [3], field(9, data))]), "8 bytes of elements")
        refused(model([tensor("a", 1, [1 << 62, 8], field(9, data))]), "dims")
        refused(model([tensor("a", 1, [.max], field(9, data))]), "dims")
        refused(model([tensor("a", 77, [2], field(9, data))]), "unknown element type")
        refused(model([tensor("a", 1, [2], [])]), "no elements")
        refused(model([tensor("a", 1, [2], field(9, data) + field(4, data))]), "2 fields")
        refused(model([tensor("a", 1, [2], field(7, data))]), "another type")
        refused(model([tensor("a", 7, [2], field(7, [1]))]), "1 elements")
        refused(model([tensor("a", 1, [2], field(9, data)), tensor("a", 1, [2], field(9, data))]), "two tensors")
        refused(model([tensor("a", 1, [UInt64](repeating: 1, count: 65), field(9, data))]), "64 dims")
        refused(field(1, 9) + [0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], "claims")
        refused(field(1, 9) + [0x3A] + [UInt8](repeating: 0xFF, count: 12), "more than 64 bits")
        refused(field(1, 9) + field(2, [0xFF]), "UTF-8")
        refused(field(1, 9) + field(2, [65]), "without a graph")
        refused(field(1, 9) + field(7, [0x0B]), "wire type 3")
        refused(field(1, 9) + field(7, []) + field(7, []), "two graphs")
    }
}
