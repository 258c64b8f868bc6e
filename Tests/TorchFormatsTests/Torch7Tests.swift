// Torch7's files: networks as trees, shared storages, and what must not be believed.
import Testing
import TorchFormats
import TorchTensor

struct Torch7Tests {
    private func string(_ s: String) -> [UInt8] {
        var b = ByteBuilder()
        b.put(Int32(s.utf8.count))
        b.put(s)
        return b.bytes
    }
    private func number(_ d: Double) -> [UInt8] {
        var b = ByteBuilder()
        b.put(Int32(1), d.bitPattern)
        return b.bytes
    }
    private func table(_ index: Int32, _ count: Int32, _ content: [UInt8] = []) -> [UInt8] {
        var b = ByteBuilder()
        b.put(Int32(3), index, count)
        b.put(content)
        return b.bytes
    }
    private func reference(_ index: Int32) -> [UInt8] {
        var b = ByteBuilder()
        b.put(Int32(3), index)
        return b.bytes
    }
    private func object(_ index: Int32, _ name: String, _ body: [UInt8]) -> [UInt8] {
        var b = ByteBuilder()
        b.put(Int32(4), index)
        b.put(string("V 1") + string(name) + body)
        return b.bytes
    }
    private func tensor(_ shape: [Int64], _ strides: [Int64], _ first: Int64, _ storage: [UInt8]) -> [UInt8] {
        var b = ByteBuilder()
        b.put(Int32(shape.count))
        for n in shape + strides { b.put(n) }
        b.put(first)
        b.put(storage)
        return b.bytes
    }
    private func storage(_ index: Int32, _ values: [Float], count: Int64? = nil) -> [UInt8] {
        var b = ByteBuilder()
        b.put(count ?? Int64(values.count))
        for v in values { b.put(v.bitPattern) }
        return object(index, "torch.FloatStorage", b.bytes)
    }
    private func refused(_ bytes: [UInt8], _ part: String, _ line: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: FormatError.self, sourceLocation: line) { try Checkpoint(bytes: bytes) }
        #expect(error?.reason.contains(part) == true, "\(error.map { "\($0)" } ?? "none")", sourceLocation: line)
    }

    @Test func network() throws {
        let checkpoint = try Checkpoint(bytes: Fixtures.seed("sequential_float.t7"))
        guard case .object("nn.Sequential", let state) = checkpoint.root else { throw FormatError(.request, "not a network") }
        #expect(state["modules"]?.elements?.count == 4)
        #expect(checkpoint["modules.0.weight"]?.shape == [6, 4] && checkpoint["modules.2.bias"]?.shape == [3])
    }

    @Test func valuesAndViews() throws {
        let checkpoint = try Checkpoint(bytes: Fixtures.seed("table.t7"))
        let root = checkpoint.root
        #expect(root["number"]?.double == 1.5 && root["string"]?.string == "text" && root["yes"]?.bool == true)
        #expect(root["list"]?.elements?.map(\.double) == [1, 2, 3])
        #expect(root["again"]?["a"]?["b"]?.string == "c")
        let (a, b, c) = (try #require(checkpoint["view_a"]), try #require(checkpoint["view_b"]), try #require(checkpoint["view_c"]))
        #expect(a.block === b.block && b.block === c.block)
        #expect(try a.load().t().array(of: Double.self) == b.load().array(of: Double.self))
        #expect(checkpoint["empty"]?.shape == [0])
    }

    @Test func oldNamesAndOddKeys() throws {
        // The first versions wrote the class's name where the version is now.
        var b = ByteBuilder()
        b.put(Int32(4), Int32(1))
        b.put(string("torch.FloatTensor") + tensor([2], [1], 1, storage(2, [3, 4])))
        #expect(try Checkpoint(bytes: b.bytes).load()[0].tensor.array(of: Float.self) == [3, 4])
        let mixed = try Checkpoint(bytes: table(1, 2, number(1) + number(5) + number(2.5) + number(6)))
        #expect(mixed.root[1]?.double == 5 && mixed.root.pairs?.count == 2)
    }

    @Test func attackCycles() {
        refused(table(1, 1, number(1) + reference(1)), "contains itself")
        refused(object(1, "nn.Container", table(2, 1, number(1) + table(3, 1, number(1) + reference(2)))), "contains itself")
        // Tables that refer to tables twice: 2^40 values in a kilobyte.
        var bytes = table(41, 0)
        for i in (1...40).reversed() { bytes = table(Int32(i), 2, number(1) + bytes + number(2) + reference(Int32(i + 1))) }
        refused(bytes, "unfold")
        var deep: [UInt8] = number(0)
        for i in 1...5000 { deep = table(Int32(i), 1, number(1) + deep) }
        refused(deep, "inside one another")
    }

    @Test func attackLongNames() throws {
        // A key of a megabyte above a thousand tensors: the names together may not take a gigabyte.
        var tensors: [UInt8] = []
        for i in 0..<1000 {
            tensors += number(Double(i + 1))
            tensors += object(Int32(10 + 2 * i), "torch.FloatTensor", tensor([1], [1], 1, storage(Int32(11 + 2 * i), [1])))
        }
        let key: [UInt8] = [2, 0, 0, 0] + string(String(repeating: "k", count: 1 << 20))
        let checkpoint = try Checkpoint(bytes: table(1, 1, key + table(2, 1000, tensors)))
        #expect(checkpoint.tensors.count == 1000)
        let names = checkpoint.tensors.map { $0.name }
        #expect(names.reduce(0) { $0 + $1.utf8.count } < 40 << 20)
        #expect(Set(names).count == 1000)
    }

    @Test func attackNumbers() {
        refused(table(1, .max), "the number of entries")
        refused(table(1, -1), "the number of entries")
        refused([2, 0, 0, 0] + [255, 255, 255, 127], "the length of a text")
        refused([2, 0, 0, 0] + [255, 255, 255, 255], "the length of a text")
        refused([6, 0, 0, 0, 1, 0, 0, 0], "function")
        refused(number(1) + [0], "follow")
        let good = storage(2, [1, 2, 3, 4])
        refused(object(1, "torch.FloatTensor", tensor([5], [1], 1, good)), "sizes [5]")
        refused(object(1, "torch.FloatTensor", tensor([2], [2], 3, good)), "sizes [2]")
        refused(object(1, "torch.FloatTensor", tensor([2], [-1], 2, good)), "a stride of -1")
        refused(object(1, "torch.FloatTensor", tensor([-2], [1], 1, good)), "a size of -2")
        refused(object(1, "torch.FloatTensor", tensor([4], [1], 0, good)), "begins at element 0")
        refused(object(1, "torch.FloatTensor", tensor([1 << 40, 1 << 40], [0, 0], 1, good)), "sizes")
        refused(object(1, "torch.FloatTensor", tensor([1 << 40], [0], 1, good)), "elements over")
        refused(object(1, "torch.DoubleTensor", tensor([1], [1], 1, good)), "a tensor of float64")
        refused(object(1, "torch.FloatTensor", tensor([1], [1], 1, storage(2, [1], count: .max))), "the elements of a storage")
        refused(object(1, "torch.FloatTensor", tensor([1], [1], 1, storage(2, [1], count: -1))), "the elements of a storage")
        refused(object(1, "torch.FloatTensor", tensor([1], [1], 1, object(2, "nn.Linear", table(3, 0)))), "over an object of class nn.Linear")
        refused(object(1, "torch.FloatTensor", tensor([1], [1], 1, [0, 0, 0, 0])), "without a storage")
    }
}
