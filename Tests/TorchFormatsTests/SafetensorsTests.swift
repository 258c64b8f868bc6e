// safetensors: what must load loads with the right values, what must not is refused, what is written reads back.
import Glibc
import Testing
import TorchFormats
import TorchTensor

struct SafetensorsTests {
    @Test func everyTypeThatPyTorchWrites() throws {
        let file = try Safetensors.File(path: Fixtures.folder + "all_dtypes.safetensors")
        let tensors = Dictionary(uniqueKeysWithValues: try file.tensors().map { ($0.name, $0.tensor) })
        let expected: [(String, DType, [Double])] = [
            ("int64", .int64, [20, 89, 5]), ("float64", .float64, [0.744502604007721, -1.1285077333450317, 0.2285151481628418]),
            ("float32", .float32, [-2.779829502105713, -1.6623563766479492, 0.8778475522994995]), ("int32", .int32, [18, 39, 50]),
            ("bfloat16", .bfloat16, [1.078125, 7.96875, 0.77734375]), ("float16", .float16, [3.89453125, -3.09765625, -1.6767578125]),
            ("int16", .int16, [82, 94, 35]), ("int8", .int8, [51, 51, 30]), ("uint8", .uint8, [55, 28, 67]), ("bool", .bool, [1, 0, 1]),
            ("float8_e5m2fnuz", .float32, [-0.4375, 1.25, -1]), ("float8_e4m3fnuz", .float32, [5.5, 3, -0.3125]), ("float8_e8m0fnu", .float32, [2, 1, 0.25]),
            ("float8_e4m3fn", .float32, [-2.25, -1.375, -1.5]), ("float8_e5m2", .float32, [0.75, -1.5, 0.25]),
        ]
        for (name, dtype, values) in expected {
            let t = try #require(tensors[name], "\(name)")
            #expect(t.dtype == dtype, "\(name)")
            #expect(t.array(of: Double.self) == values, "\(name)")
        }
        for (name, dtype) in [("uint16", DType.uint16), ("uint32", .uint32), ("uint64", .uint64), ("complex64", .complex64)] {
            #expect(tensors[name]?.dtype == dtype)
        }
        #expect(tensors["uint32"]?.withBytes { $0.load(fromByteOffset: 8, as: UInt32.self) } == 91)
        #expect(tensors.count == 19)
    }

    @Test func shapesAndMetadata() throws {
        let file = try Safetensors.File(path: Fixtures.folder + "metadata.safetensors")
        #expect(file.metadata == ["note": "größe", "format": "pt", "empty": ""])
        #expect(file.entries.map(\.name) == ["ids", "bias", "empty", "scalar", "weight"])
        #expect(try file.tensor("empty").shape == [0, 5])
        #expect(try file.tensor("scalar").shape == [])
        #expect(try file.tensor("scalar").item() == 2.5)
        #expect(try file.tensor("weight")[1].array(of: Float.self) == [-1.6613361, 0.9549635, 0.17655])
        #expect(throws: FormatError.self) { try file.tensor("wieght") }
        #expect(try Safetensors.load(Fixtures.folder + "empty.safetensors").isEmpty)
        #expect(try Safetensors.File(path: Fixtures.folder + "padded_header.safetensors").metadata == ["k": "v"])
    }

    @Test(arguments: Fixtures.names(in: "bad", suffix: ".safetensors"))
    func refused(_ name: String) {
        let error = #expect(throws: FormatError.self) { try Safetensors.load(Fixtures.folder + "bad/" + name) }
        #expect(error?.file.hasSuffix(name) == true)
        #expect(error?.kind == .malformed)
    }

    @Test func thereAreBadFiles() { #expect(Fixtures.names(in: "bad", suffix: ".safetensors").count == 30) }

    @Test func deepHeader() {
        var header = Array("{\"a\":".utf8) + [UInt8](repeating: UInt8(ascii: "["), count: 100_000) + [UInt8](repeating: UInt8(ascii: "]"), count: 100_000) + [UInt8(ascii: "}")]
        header.insert(contentsOf: withUnsafeBytes(of: UInt64(header.count).littleEndian) { [UInt8]($0) }, at: 0)
        #expect(throws: FormatError.self) { try Safetensors.File(bytes: header) }
    }

    @Test func missingFilesSayWhy() {
        let error = #expect(throws: FormatError.self) { try Safetensors.load("/nowhere/at/all.safetensors") }
        #expect("\(error!)" == "/nowhere/at/all.safetensors: can not open: No such file or directory")
        #expect(throws: FormatError.self) { try Safetensors.load("/tmp") }
    }

    @Test func roundTrip() throws {
        try Fixtures.withFolder { folder in
            let path = folder + "/net.safetensors"
            let weight = Tensor.randn(7, 5)
            var all: [(name: String, tensor: Tensor)] = [("mask", Tensor([true, false, true])), ("weight", weight), ("transposed", weight.t()), ("none", Tensor.zeros(0, 3)), ("scalar", Tensor(2.5))]
            for dtype in [DType.uint8, .int8, .int16, .int32, .int64, .float16, .bfloat16, .float64, .complex64, .uint16, .uint32, .uint64] {
                all.append(("\(dtype)", Tensor([1, 2, 3]).to(dtype)))
            }
            try Safetensors.save(all, metadata: ["format": "pt", "quote": "\"ä\n\""], to: path)
            #expect(Fixtures.contents(of: folder) == ["net.safetensors"])
            let file = try Safetensors.File(path: path)
            #expect(file.metadata["quote"] == "\"ä\n\"")
            let loaded = try file.tensors()
            #expect(loaded.map(\.name) == all.map(\.name))
            for (a, b) in zip(all, loaded) {
                #expect(a.tensor.dtype == b.tensor.dtype && a.tensor.shape == b.tensor.shape, "\(a.name)")
                #expect(a.tensor.withBytes { [UInt8]($0) } == b.tensor.withBytes { [UInt8]($0) }, "\(a.name)")
            }
            for e in file.entries { #expect(e.offset % (e.type.bits / 8) == 0, "\(e.name) is not aligned") }
        }
    }

    @Test func writingToALoadedTensorLeavesTheFileAlone() throws {
        try Fixtures.withFolder { folder in
            let path = folder + "/a.safetensors"
            try Safetensors.save([("a", Tensor([1.0, 2, 3])), ("b", Tensor([4.0]))], to: path)
            let before = try FileBytes.read(path: path)
            var loaded = try Safetensors.load(path)
            loaded[0].tensor += 1
            #expect(loaded[0].tensor.array(of: Float.self) == [2, 3, 4])
            #expect(loaded[1].tensor.array(of: Float.self) == [4])
            #expect(try FileBytes.read(path: path) == before)
            // Replacing the file under a loaded tensor does not disturb it.
            try Safetensors.save([("b", loaded[1].tensor)], to: path)
            #expect(loaded[0].tensor.array(of: Float.self) == [2, 3, 4])
            #expect(try Safetensors.load(path).map(\.name) == ["b"])
        }
    }

    @Test func refusedRequestsLeaveNoFile() throws {
        try Fixtures.withFolder { folder in
            let path = folder + "/x.safetensors"
            #expect(throws: FormatError.self) { try Safetensors.save([("a", Tensor(1.0)), ("a", Tensor(2.0))], to: path) }
            #expect(throws: FormatError.self) { try Safetensors.save([("a", Tensor(1.0).to(.complex128))], to: path) }
            #expect(throws: FormatError.self) { try Safetensors.save([("__metadata__", Tensor(1.0))], to: path) }
            #expect(Fixtures.contents(of: folder).isEmpty)
            #expect(throws: FormatError.self) { try Safetensors.save([("a", Tensor(1.0))], to: folder + "/no/such/folder.safetensors") }
        }
    }

    @Test func truthValuesAreNormalised() throws {
        let header = Array("{\"t\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]}}".utf8)
        let bytes = withUnsafeBytes(of: UInt64(header.count).littleEndian) { [UInt8]($0) } + header + [0, 7, 255]
        #expect(try Safetensors.File(bytes: bytes).tensor("t").withBytes { [UInt8]($0) } == [0, 1, 1])
    }

    @Test func unalignedDataAreCopied() throws {
        let header = Array("{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}".utf8)
        #expect(header.count % 4 != 0)
        let data = [Float(1.5), -2].withUnsafeBytes { [UInt8]($0) }
        let bytes = withUnsafeBytes(of: UInt64(header.count).littleEndian) { [UInt8]($0) } + header + data
        #expect(try Safetensors.File(bytes: bytes).tensor("t").array(of: Float.self) == [1.5, -2])
    }

    @Test func damagedFilesNeverCrash() throws {
        let good = try Fixtures.bytes("all_dtypes.safetensors")
        var random = Sequence32(7)
        var refused = 0
        for _ in 0..<3000 {
            do { _ = try Safetensors.File(bytes: random.damaged(good)).tensors() } catch { refused += 1 }
        }
        #expect(refused > 1000)
    }
}

@Suite struct MappedMemoryTests {
    // In a process of its own: the peak of memory is one for all. The file is 500 MB of nothing, which takes no room on the disk.
    @Test func loadingMapsAndReadsNothing() async {
        await #expect(processExitsWith: .success) {
            let path = "/tmp/swift-torch-\(getpid()).safetensors"
            defer { unlink(path) }
            let entries = (0..<125).map { "\"t\($0)\":{\"dtype\":\"F32\",\"shape\":[1000,1000],\"data_offsets\":[\($0 * 4_000_000),\(($0 + 1) * 4_000_000)]}" }
            var header = Array("{\(entries.joined(separator: ","))}".utf8)
            header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
            try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try AtomicFile.write([UInt8]($0) + header, to: path) }
            guard truncate(path, off_t(8 + header.count + 500_000_000)) == 0 else { fatalError("no file of 500 MB") }
            // Not getrusage: its peak counts the process that started this one.
            func peak() -> Int {
                let status = String(decoding: readAll("/proc/self/status"), as: UTF8.self)
                let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
                return line.flatMap { $0.split(separator: " ").compactMap { Int($0) }.first }.map { $0 << 10 } ?? .max
            }
            let tensors = try Checkpoint(path: path).load()
            guard tensors.count == 125, peak() < 60_000_000 else { fatalError("\(peak()) bytes at the peak") }
            guard tensors[124].tensor.sum().item() == 0, peak() < 60_000_000 else { fatalError("\(peak()) bytes after reading one tensor") }
        }
    }
}

/// The bytes of a file that has no size, as those of the system.
private func readAll(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let n = fread(&bytes, 1, bytes.count, file)
    return Array(bytes.prefix(n))
}
