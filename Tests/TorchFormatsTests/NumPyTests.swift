// .npy and .npz: every type both ways, the bytes of NumPy, headers that lie.
import Testing
import TorchFormats
import TorchTensor

struct NumPyTests {
    /// A file of version 1 (or another) with that header.
    private func file(_ header: String, version: UInt8 = 1, data: [UInt8] = []) -> [UInt8] {
        var b = ByteBuilder()
        b.put([0x93] + Array("NUMPY".utf8) + [version, 0])
        if version == 1 { b.put(UInt16(header.utf8.count)) } else { b.put(UInt32(header.utf8.count)) }
        b.put(header)
        b.put(data)
        return b.bytes
    }
    private func header(_ descr: String, _ shape: String, fortran: Bool = false) -> String { "{'descr': '\(descr)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }" }

    private func refused(_ bytes: [UInt8], _ part: String, _ line: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: FormatError.self, sourceLocation: line) { try Checkpoint(bytes: bytes) }
        #expect(error?.reason.contains(part) == true, "\(error.map { "\($0)" } ?? "none")", sourceLocation: line)
    }

    @Test func everyTypeBothWays() throws {
        try Fixtures.withFolder { folder in
            var all: [(name: String, tensor: Tensor)] = []
            for dtype in [DType.bool, .uint8, .int8, .int16, .int32, .int64, .float16, .float32, .float64, .complex64, .complex128, .uint16, .uint32, .uint64] {
                all.append(("\(dtype)", Tensor([1, 0, 3]).to(dtype)))
            }
            all += [("scalar", Tensor(2.5)), ("empty", Tensor.zeros(0, 3)), ("transposed", Tensor.randn(3, 4).t()), ("a.b/c", Tensor([1.0]))]
            try NumPyFile.save(all, to: folder + "/all.npz")
            let checkpoint = try Checkpoint(path: folder + "/all.npz")
            #expect(checkpoint.format == .npz)
            let loaded = try checkpoint.load()
            #expect(loaded.map(\.name) == all.map(\.name))
            for (a, b) in zip(all, loaded) {
                #expect(a.tensor.dtype == b.tensor.dtype && a.tensor.shape == b.tensor.shape, "\(a.name)")
                #expect(a.tensor.withBytes { [UInt8]($0) } == b.tensor.withBytes { [UInt8]($0) }, "\(a.name)")
                try NumPyFile.save(a.tensor, to: folder + "/one.npy")
                let one = try Checkpoint(path: folder + "/one.npy")
                #expect(one.format == .npy && one.tensors.count == 1)
                #expect(try one.tensors[0].tensor.load().withBytes { [UInt8]($0) } == a.tensor.withBytes { [UInt8]($0) }, "\(a.name)")
            }
            #expect(throws: FormatError.self) { try NumPyFile.save(Tensor(1.0).to(.bfloat16), to: folder + "/x.npy") }
            #expect(throws: FormatError.self) { try NumPyFile.save([("a", Tensor(1.0)), ("a", Tensor(2.0))], to: folder + "/x.npz") }
            #expect(Fixtures.contents(of: folder).sorted() == ["all.npz", "one.npy"])
        }
    }

    @Test func theBytesOfNumPy() throws {
        try Fixtures.withFolder { folder in
            try NumPyFile.save(Tensor([[1.0, 2, 3], [4, 5, 6]]), to: folder + "/a.npy")
            let expected = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" + String(repeating: " ", count: 58) + "\n"
            let data = [Float(1), 2, 3, 4, 5, 6].withUnsafeBytes { [UInt8]($0) }
            #expect(try FileBytes.read(path: folder + "/a.npy") == file(expected, data: data))
            try NumPyFile.save(Tensor([true, false]), to: folder + "/b.npy")
            #expect(try FileBytes.read(path: folder + "/b.npy") == file("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }" + String(repeating: " ", count: 60) + "\n", data: [1, 0]))
        }
    }

    @Test func ordersOfBytesAndElements() throws {
        #expect(try Checkpoint(bytes: file(header(">i2", "(2,)"), data: [1, 2, 255, 255])).load()[0].tensor.array(of: Int16.self) == [258, -1])
        #expect(try Checkpoint(bytes: file(header(">c8", "(1,)"), data: [0x3F, 0x80, 0, 0, 0x40, 0, 0, 0])).load()[0].tensor.withBytes { [UInt8]($0) } == [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])
        let columns = try Checkpoint(bytes: file(header("<i2", "(2, 3)", fortran: true), data: [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0])).load()[0].tensor
        #expect(columns.shape == [2, 3] && columns.array(of: Int16.self) == [1, 3, 5, 2, 4, 6])
        #expect(try Checkpoint(bytes: file(header("|b1", "(3,)"), data: [0, 7, 255])).load()[0].tensor.withBytes { [UInt8]($0) } == [0, 1, 1])
        #expect(try Checkpoint(bytes: file(header("<f8", "()"), version: 2, data: [0, 0, 0, 0, 0, 0, 0xF0, 0x3F])).load()[0].tensor.item() == 1)
        // Python 2 wrote long numbers, and keys in any order with any quotes.
        #expect(try Checkpoint(bytes: file("{\"shape\": (1L,), 'descr': '<u1', 'fortran_order': False}", version: 3, data: [9])).load()[0].tensor.shape == [1])
        let texts = try Checkpoint(bytes: Fixtures.seed("npy_unicode.npy"))
        #expect(texts.root.elements?.map(\.string) == ["ab", "größe"])
    }

    @Test func attackHeaders() {
        let data = [UInt8](repeating: 0, count: 24)
        refused(file("__import__('os').system('true')", data: data), "begins no literal")
        refused(file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3).__class__, }", data: data), "no comma")
        refused(file("[1, 2]", data: data), "not a dictionary")
        refused(file("{'descr': '<f4', 'shape': (2, 3), }", data: data), "the keys descr, shape")
        refused(file("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", data: data), "different texts")
        refused(file("{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3), }", data: data), "neither True nor False")
        refused(file(header("<f4", "(2, -3)"), data: data), "whole number from 0")
        refused(file(header("<f4", "6"), data: data), "not a tuple")
        refused(file(header("<f4", "(2, 3.0)"), data: data), "no comma")
        refused(file(header("<f4", "(99999999999, 99999999999)"), data: data), "more elements")
        refused(file(header("<f4", "(9223372036854775807,)"), data: data), "24 bytes of elements")
        refused(file(header("<f4", "(99999999999999999999,)"), data: data), "beyond 64 bits")
        refused(file(header("<f4", "(2, 4)"), data: data), "24 bytes of elements")
        refused(file(header("<f4", "(2, 2)"), data: data), "24 bytes of elements")
        refused(file(header("<f4", "(" + String(repeating: "1, ", count: 65) + ")"), data: data), "65 dims")
        refused(file(header("<f4", String(repeating: "(", count: 1000)), data: data), "inside one another")
        refused(file(header("<z9", "(2, 3)"), data: data), "unknown element type")
        refused(file(header("<f4", "(2, 3)"), version: 4, data: data), "version 4.0")
        refused(Array(file(header("<f4", "(2, 3)"), data: data).prefix(40)), "needs")
        for (descr, part) in [("|O", "Python objects"), ("<f16", "extended floats"), ("|S3", "byte strings"), ("|V8", "raw bytes"), ("<M8[ns]", "dates"), ("<U100000000", "texts")] {
            refused(file(header(descr, "(2,)"), data: data), descr == "<U100000000" ? "bytes of elements" : part)
        }
        refused(file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }", data: data), "records")
        // Texts of no characters take no bytes; a count of them must not take memory.
        refused(file(header("<U0", "(1000000000000,)")), "texts")
    }

    @Test func archives() throws {
        let good = file(header("<u1", "(3,)"), data: [1, 2, 3])
        var fixture = ZipFixture([.init(name: "a.npy", data: good), .init(name: "o.npy", data: file(header("|O", "(1,)"), data: [1])), .init(name: "notes.txt", data: [1])])
        let checkpoint = try Checkpoint(bytes: fixture.bytes())
        #expect(checkpoint.tensors.map(\.name) == ["a"])
        #expect(checkpoint.metadata.map(\.key) == ["skipped: o", "skipped: notes.txt"])
        // What is broken is refused.
        fixture.entries[1].data = file(header("<u1", "(9,)"), data: [1])
        #expect(throws: FormatError.self) { try Checkpoint(bytes: fixture.bytes()) }
        let packed = try Checkpoint(bytes: Fixtures.seed("arrays_compressed.npz"))
        let stored = try Checkpoint(bytes: Fixtures.seed("arrays.npz"))
        for (name, t) in stored.tensors { #expect(try packed[name]!.load().withBytes { [UInt8]($0) } == t.load().withBytes { [UInt8]($0) }) }
    }
}
