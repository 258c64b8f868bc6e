// Models in several safetensors files.
import Glibc
import Testing
import TorchFormats
import TorchTensor

struct ShardTests {
    private func write(_ folder: String) throws -> Int {
        let tensors = (0..<5).map { i in TensorSource(name: "t\(i)", dtype: .float32, shape: [100]) { Tensor.ones(100) * Double(i) } }
        return try Safetensors.write(tensors, shardLimit: 900, to: folder + "/model.safetensors")
    }
    private func index(_ folder: String, _ file: String) throws -> FormatError? {
        let text = try (["metadata": ["total_size": 1], "weight_map": ["t0": .string(file)]] as JSON).text()
        try AtomicFile.write(Array(text.utf8), to: folder + "/x.json")
        do {
            _ = try Checkpoint(path: folder + "/x.json")
            return nil
        } catch { return error }
    }

    @Test func writtenAndRead() throws {
        try Fixtures.withFolder { folder in
            #expect(try write(folder) == 3)
            #expect(
                Fixtures.contents(of: folder).sorted() == [
                    "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors", "model.safetensors.index.json",
                ])
            let checkpoint = try Checkpoint(path: folder + "/model.safetensors.index.json")
            #expect(checkpoint.format == .safetensors)
            #expect(checkpoint.tensors.map(\.name) == ["t0", "t1", "t2", "t3", "t4"])
            for (i, t) in try checkpoint.load().enumerated() { #expect(t.tensor.array(of: Float.self).allSatisfy { $0 == Float(i) }) }
            #expect(checkpoint.metadata.contains { $0.key == "total_size" && $0.value.int == 2000 })
        }
    }

    @Test func attackNames() throws {
        try Fixtures.withFolder { folder in
            _ = try write(folder)
            #expect(try index(folder, "model-00001-of-00003.safetensors") == nil)
            for name in ["../model.safetensors", "/etc/passwd", "a/b.safetensors", "..", ".", "", "a\\b"] {
                #expect(try index(folder, name)?.expected == "a name in the same folder", "\(name)")
            }
            #expect(symlink(folder + "/model-00001-of-00003.safetensors", folder + "/link.safetensors") == 0)
            #expect(try index(folder, "link.safetensors")?.reason.contains("symbolic link") == true)
            #expect(try index(folder, "missing.safetensors")?.kind == .system)
            #expect(try index(folder, "model-00002-of-00003.safetensors")?.reason.contains("does not have it") == true)
            #expect(mkfifo(folder + "/pipe.safetensors", 0o600) == 0)
            #expect(try index(folder, "pipe.safetensors")?.kind == .system)
            // An index that names itself is not a shard.
            #expect(try index(folder, "x.json")?.kind == .malformed)
        }
        #expect(throws: FormatError.self) { try Checkpoint(bytes: Array("{\"weight_map\": {\"a\": \"b\"}}".utf8)) }
    }
}
