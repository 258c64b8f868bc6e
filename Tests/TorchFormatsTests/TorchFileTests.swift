// Files of torch.save: both containers, what is wrong with them, and writing.
import Testing
import TorchFormats
import TorchTensor

@Suite struct TorchFileTests {
    private func refusal(_ bytes: [UInt8]) -> FormatError? {
        do throws(FormatError) {
            _ = try Checkpoint(bytes: bytes).load()
            return nil
        } catch { return error }
    }

    // MARK: - Reading

    @Test func legacyTensor() throws {
        let file = TorchFixture.legacy(TorchFixture.tensor(), storages: [("0", 6, TorchFixture.floats)])
        let checkpoint = try Checkpoint(bytes: file)
        #expect(checkpoint.format == .torchLegacy)
        let t = try #require(checkpoint.root.tensor)
        #expect(t.shape == [2, 3] && t.strides == [3, 1] && t.type == .plain(.float32) && !t.requiresGradient)
        #expect(try t.load().array(of: Float.self) == [0, 1, 2, 3, 4, 5])
    }

    @Test func tarOfTheFirstVersions() throws {
        // Written by Fixtures/first_version.py, which lets PyTorch check it.
        let bytes = try FileBytes.read(path: Fixtures.folder + "first_version.tar")
        let c = try Checkpoint(bytes: bytes)
        #expect(c.format == .torchTar && c.root["epoch"]?.int == 4)
        #expect(try c["weight"]!.load().array(of: Float.self) == [1.5, -2, 3.25, 4, 5, 6.5])
        #expect(try c["transposed"]!.load().array(of: Float.self) == [-2, 5, 3.25, 6.5] && c["transposed"]!.block === c["weight"]!.block)
        #expect(try c["counts"]!.load().array(of: Int.self) == [7, -8])
        // Every cut and every flipped byte ends in an error or a value.
        for count in stride(from: 0, to: bytes.count, by: 37) { _ = try? Checkpoint(bytes: Array(bytes.prefix(count))).load() }
        for place in 0..<bytes.count {
            var damaged = bytes
            damaged[place] ^= 0x81
            // The header's checksum would catch it first.
            _ = try? Checkpoint(bytes: damaged).load()
        }
    }

    @Test func legacyBigEndian() throws {
        let swapped = stride(from: 0, to: 24, by: 4).flatMap { TorchFixture.floats[$0..<$0 + 4].reversed() }
        let file = TorchFixture.legacy(TorchFixture.tensor(), storages: [("0", 6, swapped)], littleEndian: false)
        #expect(try Checkpoint(bytes: file).root.tensor!.load().array(of: Float.self) == [0, 1, 2, 3, 4, 5])
    }

    @Test func zipTensor() throws {
        let checkpoint = try Checkpoint(bytes: TorchFixture.archive(tensor: TorchFixture.tensor(isZip: true)))
        #expect(checkpoint.format == .torch)
        #expect(try checkpoint.root.tensor!.load().array(of: Float.self) == [0, 1, 2, 3, 4, 5])
    }

    @Test("Sharing: one block for one storage")
    func shared() throws {
        let p = raw("](") + TorchFixture.tensor() + TorchFixture.tensor(offset: 1, sizes: [2], strides: [3]) + raw("e")
        let tensors = try Checkpoint(bytes: TorchFixture.legacy(p, storages: [("0", 6, TorchFixture.floats)])).tensors
        #expect(tensors.map(\.name) == ["0", "1"])
        #expect(tensors[0].tensor.block === tensors[1].tensor.block)
        #expect(try tensors[1].tensor.load().array(of: Float.self) == [1, 4])
        #expect(try tensors[0].tensor.load().sharesStorage(with: tensors[1].tensor.load()))
    }

    @Test("A pickled module: own parameters, persistent buffers, children; in the order of state_dict")
    func module() throws {
        func tensor(_ n: Int) -> [UInt8] { TorchFixture.tensor(sizes: [n], strides: [1]) }
        func module(_ parameters: [UInt8], _ buffers: [UInt8], _ children: [UInt8], transient: String = "") -> [UInt8] {
            raw("ctorch.nn.modules.linear\nLinear\n)\u{81}}(") + unicode("_modules") + raw("}(") + children + raw("u") + unicode("_buffers") + raw("}(") + buffers + raw("u")
                + unicode("_non_persistent_buffers_set") + raw("c__builtin__\nset\n](") + (transient.isEmpty ? [] : unicode(transient)) + raw("e\u{85}R") + unicode("_parameters") + raw("}(")
                + parameters + raw("uub")
        }
        let child = module(unicode("weight") + tensor(3), [], [])
        let p = module(
            unicode("weight") + tensor(1) + unicode("bias") + raw("N"), unicode("mean") + tensor(2) + unicode("cache") + tensor(5), unicode("sub") + child + unicode("none") + raw("N"),
            transient: "cache")
        let checkpoint = try Checkpoint(bytes: TorchFixture.legacy(p, storages: [("0", 6, TorchFixture.floats)]))
        #expect(checkpoint.tensors.map(\.name) == ["weight", "mean", "sub.weight"])
        #expect(checkpoint.tensors.map(\.tensor.count) == [1, 2, 3])
        guard case .object("torch.nn.modules.linear.Linear", _) = checkpoint.root else {
            Issue.record("not an object")
            return
        }
    }

    // MARK: - What is wrong with files

    @Test(
        "Tensors that do not fit their storage",
        arguments: [
            ("offset beyond", 6, 5, [2, 3], [3, 1]), ("negative offset", 6, -1, [2, 3], [3, 1]), ("sizes beyond", 6, 0, [3, 3], [3, 1]), ("strides beyond", 6, 0, [2, 3], [4, 1]),
            ("negative size", 6, 0, [-2, 3], [3, 1]), ("negative stride", 6, 0, [2, 3], [-3, 1]), ("overflowing sizes", 6, 0, [Int.max, Int.max], [1, 1]),
            ("overflowing strides", 6, 0, [2, 3], [Int.max, 1]),
            ("rank", 6, 0, [2, 3], [1]), ("too many dims", 6, 0, [Int](repeating: 1, count: 65), [Int](repeating: 1, count: 65)), ("negative count", -6, 0, [2, 3], [3, 1]),
            ("overflowing count", Int.max, 0, [2, 3], [3, 1]), ("count beyond the record", 7, 0, [2, 3], [3, 1]), ("count below the record", 5, 0, [1], [1]),
            ("repetition without end", 6, 0, [1 << 40], [0]),
        ] as [(String, Int, Int, [Int], [Int])])
    func misfits(_ name: String, _ count: Int, _ offset: Int, _ sizes: [Int], _ strides: [Int]) throws {
        #expect(try refusal(TorchFixture.archive(tensor: TorchFixture.tensor(count: count, offset: offset, sizes: sizes, strides: strides, isZip: true)))?.kind == .malformed, "\(name)")
        #expect(refusal(TorchFixture.legacy(TorchFixture.tensor(count: count, offset: offset, sizes: sizes, strides: strides), storages: [("0", 6, TorchFixture.floats)])) != nil, "\(name), legacy")
    }

    @Test func records() throws {
        let tensor = TorchFixture.tensor(isZip: true)
        #expect(try refusal(TorchFixture.archive(tensor: TorchFixture.tensor(key: "7", isZip: true)))?.reason == "the archive has no record \"x/data/7\" for a storage")
        #expect(try refusal(TorchFixture.archive(tensor: TorchFixture.tensor(key: "../../etc/passwd", isZip: true))) != nil)
        #expect(try refusal(TorchFixture.archive(tensor: TorchFixture.tensor(storageClass: "NoSuchStorage", isZip: true)))?.reason == "pickle: unknown storage class torch.NoSuchStorage")
        #expect(try refusal(TorchFixture.archive(tensor: tensor, data: Array(TorchFixture.floats.dropLast())))?.description.contains("has 23 bytes, expected 24 for 6 elements of float32") == true)
        #expect(try refusal(TorchFixture.archive(tensor: tensor, byteOrder: "middle"))?.description.contains("the byte order \"middle\", expected little or big") == true)
        let pickle = ("data.pkl", TorchFixture.start + raw("N."))
        #expect(try refusal(TorchFixture.archive([pickle], version: "999\n"))?.reason == "format version 999")
        #expect(try refusal(TorchFixture.archive([pickle], version: "x"))?.reason.contains("no number") == true)
        #expect(try refusal(TorchFixture.archive([pickle], version: nil))?.reason.contains("version") == true)
        #expect(try refusal(TorchFixture.archive([("notes", [])]))?.reason.contains("data.pkl") == true)
        #expect(try refusal(TorchFixture.archive([("data.pkl", [])])) != nil)
    }

    @Test func legacyContainer() throws {
        let good = TorchFixture.legacy(TorchFixture.tensor(), storages: [("0", 6, TorchFixture.floats)])
        #expect(refusal(good) == nil)
        for cut in [1, 2, 14, 20, 60, good.count - 30, good.count - 1] { #expect(refusal(Array(good.prefix(cut))) != nil, "\(cut)") }
        // Not PyTorch's: a bare pickle, another magic number, another version.
        #expect(refusal(TorchFixture.start + raw("N."))?.reason == "a pickle without PyTorch's magic number")
        var other = good
        other[5] ^= 1
        #expect(refusal(other)?.reason == "a pickle without PyTorch's magic number")
        other = good
        other[18] ^= 1
        #expect(refusal(other)?.reason == "another version of the format")
        // A storage whose size differs, that is missing, or that nobody uses.
        #expect(refusal(TorchFixture.legacy(TorchFixture.tensor(), storages: [("0", 5, TorchFixture.floats)])) != nil)
        #expect(refusal(TorchFixture.legacy(TorchFixture.tensor())) != nil)
        #expect(refusal(TorchFixture.legacy(raw("N"), storages: [("0", 6, TorchFixture.floats)])) != nil)
    }

    // MARK: - Writing

    private func written(_ write: (String) throws -> Void) throws -> Checkpoint {
        var result: Checkpoint?
        try Fixtures.withFolder { folder in
            try write("\(folder)/model.pt")
            #expect(Fixtures.contents(of: folder) == ["model.pt"])
            result = try Checkpoint(path: "\(folder)/model.pt")
            _ = try result!.load()
        }
        return result!
    }

    @Test("A state dictionary keeps names, order, types and bytes")
    func stateDictionary() throws {
        var tensors: [(name: String, tensor: Tensor)] = []
        for dtype in DType.allCases { tensors.append(("of.\(dtype)", Tensor.arange(6).reshape(2, 3).to(dtype))) }
        tensors.append(("scalar", Tensor(3.5)))
        tensors.append(("empty", Tensor.zeros([0, 4])))
        let checkpoint = try written { try TorchFile.save(tensors, versions: [("", 1), ("of", 2)], to: $0) }
        #expect(checkpoint.tensors.map(\.name) == tensors.map(\.name))
        for (read, (name, tensor)) in zip(try checkpoint.load(), tensors) {
            #expect(read.tensor.dtype == tensor.dtype && read.tensor.shape == tensor.shape, "\(name)")
            #expect(read.tensor.withBytes { [UInt8]($0) } == tensor.withBytes { [UInt8]($0) }, "\(name)")
        }
        #expect(checkpoint.metadata.map(\.key) == ["_metadata"])
        #expect(show(checkpoint.metadata[0].value) == "ordered{'': {'version': 1}, 'of': {'version': 2}}")
        for (_, t) in checkpoint.tensors { #expect(t.block.fileOffset! % 64 == 0) }
    }

    @Test("Shared memory, strides and offsets are kept; a small part of a large tensor is written alone")
    func views() throws {
        let base = Tensor.arange(24, dtype: .float32).reshape(4, 6)
        let big = Tensor.arange(100_000, dtype: .float32)
        let checkpoint = try written {
            try TorchFile.save([("base", base), ("transposed", base.transpose(0, 1)), ("row", base[1]), ("alone", Tensor.arange(3)), ("part", big[10..<20])], to: $0)
        }
        let found = checkpoint.tensors.map(\.tensor)
        #expect(found[1].block === found[0].block && found[2].block === found[0].block && found[3].block !== found[0].block)
        #expect(found[0].block.count == 24 && found[1].strides == [1, 6] && found[2].offset == 6)
        #expect(found[4].block.count == 10)
        #expect(try found[1].load().array(of: Float.self) == base.transpose(0, 1).array(of: Float.self))
        #expect(try found[4].load().array(of: Float.self) == (10..<20).map { Float($0) })
    }

    @Test("Trees of all values come back")
    func trees() throws {
        let tree: CheckpointValue = .dictionary(
            [
                .init(.string("epoch"), .int(3)),
                .init(
                    .string("numbers"),
                    .list([.int(-1), .int(255), .int(65536), .int(1 << 40), .int(.min), .bigInt("9223372036854775808"), .bigInt("-1267650600228229401496703205376"), .double(.infinity)])),
                .init(.string("texts"), .tuple([.string("größe 🙂"), .bytes([0, 255, 10]), .bytes([]), .none, .bool(true)])),
                .init(.int(7), .set([.int(1), .string("a")])), .init(.tuple([.int(1), .int(2)]), .complex(real: 1, imaginary: -2)), .init(.string("size"), .size([2, 3])),
                .init(.string("types"), .list([.dtype("bfloat16"), .device("cuda:1")])), .init(.string("counter"), .dictionary([.init(.string("a"), .int(2))], kind: .counter)),
                .init(.string("nested"), .dictionary([.init(.string("w"), .tensor(StoredTensor(Tensor([1, 2]), isParameter: true, requiresGradient: true)))], kind: .ordered)),
                .init(.string("long"), .list((0..<2500).map { .int($0) })),
            ], kind: .plain)
        let checkpoint = try written { try TorchFile.save(tree, metadata: [("nested._metadata", .dictionary([], kind: .ordered))], to: $0) }
        #expect(show(checkpoint.root) == show(tree))
        #expect(checkpoint.metadata.map(\.key) == ["nested._metadata"])
        let w = try #require(checkpoint["nested.w"])
        #expect(w.isParameter && w.requiresGradient)
    }

    @Test("Tensors of another file keep their own storages, also where an empty one lies before another")
    func otherFile() throws {
        try Fixtures.withFolder { folder in
            try Safetensors.save([("a", Tensor.arange(3)), ("empty", Tensor.zeros([0, 5])), ("b", Tensor(2.5))], to: "\(folder)/s.safetensors")
            let first = try Checkpoint(path: "\(folder)/s.safetensors")
            try TorchFile.save(first.root, to: "\(folder)/s.pt")
            let second = try Checkpoint(path: "\(folder)/s.pt")
            #expect(second.tensors.map(\.tensor.block.byteCount) == [24, 0, 4])
            #expect(second.tensors.map(\.tensor.shape) == [[3], [0, 5], []])
            #expect(try second["b"]!.load().item() == 2.5)
        }
    }

    @Test("Types that tensors lack survive a second writing")
    func otherTypes() throws {
        for (type, bytes) in [("float8_e4m3fn", [UInt8](0..<6)), ("complex32", [UInt8](0..<24)), ("uint16", [UInt8](0..<12))] {
            let p =
                raw("ctorch._utils\n_rebuild_tensor_v3\n((") + unicode("storage") + raw("ctorch.storage\nUntypedStorage\n") + unicode("0") + unicode("cpu") + TorchFixture.int(bytes.count)
                + raw("tQI0\n(I6\nt(I1\nt\u{89}ccollections\nOrderedDict\n)Rctorch\n\(type)\ntR")
            let first = try Checkpoint(bytes: TorchFixture.archive(tensor: p, data: bytes))
            let second = try written { try TorchFile.save(first.root, to: $0) }
            let t = try #require(second.root.tensor)
            #expect(t.type.name == type)
            #expect(try t.elementBytes() == bytes)
        }
    }

    @Test("What is not written says so")
    func notWritten() throws {
        func text(_ write: () throws -> Void) -> String {
            do { try write() } catch { return "\(error)" }
            return ""
        }
        #expect(text { try TorchFile.save([("a", Tensor(1)), ("a", Tensor(2))], to: "m.pt") } == "m.pt: two tensors are called \"a\"")
        #expect(text { try TorchFile.save(.object(className: "m.C", state: .none), to: "m.pt") } == "m.pt: can not write an object of m.C, expected values and tensors")
        #expect(text { try TorchFile.save(.global("os.system"), to: "m.pt") } == "m.pt: can not write a reference to os.system, expected values and tensors")
        #expect(text { try TorchFile.save([("a", Tensor(1))], to: "/no/such/folder/m.pt") }.contains("can not create"))
        var deep = CheckpointValue.none
        for _ in 0..<300 { deep = .list([deep]) }
        #expect(text { try TorchFile.save(deep, to: "m.pt") }.contains("nested deeper than 256"))
    }
}

@Suite struct LoadingIntoTests {
    @Test func elementsGoIntoTensorsThatExist() throws {
        try Fixtures.withFolder { folder in
            let x = Tensor.arange(60_000, dtype: .float32).reshape([200, 300])
            let flags = Tensor([true, false, true])
            for name in ["a.pt", "a.safetensors", "a.npz"] {
                let path = "\(folder)/\(name)"
                let tensors: [(name: String, tensor: Tensor)] = [("x", x), ("turned", x.transpose(0, 1)), ("flags", flags)]
                switch name {
                case "a.pt": try TorchFile.save(tensors, to: path)
                case "a.npz": try NumPyFile.save(tensors, to: path)
                default: try Safetensors.save(tensors, to: path)
                }
                let c = try Checkpoint(path: path)
                var target = Tensor.zeros(200, 300)
                let before = target
                try c["x"]!.load(into: &target)
                #expect((target .== x).all().item(Bool.self) && before.sum().item() == 0, "\(name): another holder of the memory sees nothing")
                // In place, when nobody else holds it; of another type; of another layout.
                let place = target.withBytes { $0.baseAddress }
                try c["x"]!.load(into: &target)
                #expect(target.withBytes { $0.baseAddress } == place)
                var doubles = Tensor.zeros([200, 300], dtype: .float64)
                try c["x"]!.load(into: &doubles)
                #expect(doubles.dtype == .float64 && (doubles .== x).all().item(Bool.self))
                var turned = Tensor.zeros(300, 200)
                try c["turned"]!.load(into: &turned)
                #expect((turned .== x.transpose(0, 1)).all().item(Bool.self))
                var truth = Tensor([false, false, false])
                try c["flags"]!.load(into: &truth)
                #expect(truth.array(of: Bool.self) == [true, false, true])
                let error = #expect(throws: FormatError.self) { try c["x"]!.load(into: &turned) }
                #expect(error!.description.contains("a tensor of shape [200, 300] does not fit one of shape [300, 200]"))
            }
        }
    }

    @Test func aWrongChecksumIsNoticedWhileCopying() throws {
        try Fixtures.withFolder { folder in
            let path = "\(folder)/a.pt"
            // Larger than what is checked when the file is opened.
            try TorchFile.save([("x", Tensor.ones(1024, 1024))], to: path)
            var bytes = try FileBytes.read(path: path)
            let middle = bytes.count / 2
            bytes[middle] ^= 1
            try AtomicFile.write(bytes, to: path)
            var target = Tensor.zeros(1024, 1024)
            let error = #expect(throws: FormatError.self) { try Checkpoint(path: path)["x"]!.load(into: &target) }
            #expect(error!.description.contains("have checksum"))
        }
    }
}
