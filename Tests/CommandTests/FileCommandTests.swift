// The commands for files: inspect, convert, diff.
import Foundation
import Testing
import TorchFormats
import TorchTensor

@Suite struct FileCommandTests {
    private let tensors: [(name: String, tensor: Tensor)] = [
        ("layer.weight", Tensor.arange(6.0).reshape([2, 3])), ("layer.bias", Tensor([1.5, -2])), ("steps", Tensor(7)),
    ]

    @Test func inspectShowsWhatIsThere() throws {
        let folder = try Folder()
        try TorchFile.save(tensors, to: folder["a.pt"])
        let text = try Outcome.of("inspect", folder["a.pt"])
        #expect(text.status == 0 && text.output.contains("3 tensors") && text.output.contains("weight") && text.output.contains("float32"), "\(text.output)")
        let json = try Outcome.of("inspect", folder["a.pt"], "--json")
        let parsed = try JSON(parsing: Array(json.output.utf8))
        #expect(parsed["format"]?.string == "torch", "\(json.output)")
    }

    @Test func convertGoesRoundAllFormats() throws {
        let folder = try Folder()
        try Safetensors.save(tensors, to: folder["a.safetensors"])
        for (from, to) in [("a.safetensors", "b.pt"), ("b.pt", "c.npz"), ("c.npz", "d.safetensors")] {
            let run = try Outcome.of("convert", folder[from], folder[to])
            #expect(run.status == 0, "\(from) to \(to): \(run.errors)")
        }
        let same = try Outcome.of("diff", folder["a.safetensors"], folder["d.safetensors"])
        #expect(same.status == 0 && same.output.contains("3 agree"), "\(same.output)")
    }

    @Test func convertRenamesChangesTypesAndSplits() throws {
        let folder = try Folder()
        try Safetensors.save(tensors, to: folder["a.safetensors"])
        let run = try Outcome.of("convert", folder["a.safetensors"], folder["b.safetensors"], "--rename", "layer.*=net.*", "--dtype", "float16", "--shard", "20B")
        #expect(run.status == 0, "\(run.errors)")
        let index = try FileManager.default.contentsOfDirectory(atPath: folder["."]).first { $0.hasSuffix(".index.json") }
        let c = try Checkpoint(path: folder[#require(index)])
        #expect(Set(c.tensors.map(\.name)) == ["net.weight", "net.bias", "steps"])
        #expect(c["net.weight"]?.dtype == .float16 && c["steps"]?.dtype == .int64)
        let unused = try Outcome.of("convert", folder["a.safetensors"], folder["x.npz"], "--rename", "absent.*=b.*")
        #expect(unused.status == 1 && unused.errors.contains("fits no tensor's name") && !FileManager.default.fileExists(atPath: folder["x.npz"]))
    }

    @Test func diffTellsHowFarApart() throws {
        let folder = try Folder()
        try Safetensors.save(tensors, to: folder["a.safetensors"])
        var changed = tensors
        changed[1].tensor = Tensor([1.5, -2.25])
        changed.removeLast()
        try TorchFile.save(changed, to: folder["b.pt"])
        let run = try Outcome.of("diff", folder["a.safetensors"], folder["b.pt"])
        #expect(run.status == 1 && run.output.contains("only in") && run.output.contains("steps") && run.output.contains("layer.bias: largest difference 0.25"), "\(run.output)")
        #expect(try Outcome.of("diff", folder["a.safetensors"], folder["absent"]).status == 2)
    }

    @Test func hostileFilesAreRefusedInOneLine() throws {
        let folder = try Folder()
        // os.system("…") as a pickle.
        try Data([0x80, 2] + Array("cos\nsystem\nX".utf8) + [4, 0, 0, 0] + Array("true".utf8) + Array("\u{85}R.".unicodeScalars.map { UInt8($0.value) })).write(
            to: folder.url.appendingPathComponent("evil.pt"))
        try Data().write(to: folder.url.appendingPathComponent("empty.gguf"))
        for name in ["evil.pt", "empty.gguf", "absent.npz"] {
            let run = try Outcome.of("inspect", folder[name])
            #expect(run.status == 1 && run.errors.contains(name) && run.errors.split(separator: "\n").count == 1 && run.output.isEmpty, "\(run)")
        }
    }
}
