// A small file of every format, whole and damaged.
import Testing
import TorchFormats
import TorchTensor

struct SeedTests {
    /// Files that are a checkpoint by themselves.
    static let names = Fixtures.contents(of: Fixtures.seeds).filter { $0.contains(".") }.sorted()

    @Test(arguments: names.filter { !$0.hasPrefix("bad_") && !$0.hasSuffix(".gguf") })
    func loads(_ name: String) throws {
        let checkpoint = try Checkpoint(path: Fixtures.seeds + name)
        for (name, t) in try checkpoint.load() { #expect(t.shape == checkpoint[name]!.shape && t.dtype == checkpoint[name]!.dtype) }
    }

    @Test func thereAreAllFormats() {
        let formats = Set(Self.names.compactMap { try? Checkpoint(path: Fixtures.seeds + $0).format })
        #expect(formats.isSuperset(of: [.torch, .torchLegacy, .torchScript, .exportedProgram, .onnx, .safetensors, .npy, .npz, .gguf, .torch7]))
    }

    @Test(arguments: names)
    func damagedNeverCrashes(_ name: String) throws {
        let good = try Fixtures.seed(name)
        var random = Sequence32(UInt64(name.utf8.count))
        for _ in 0..<150 {
            guard let checkpoint = try? Checkpoint(bytes: random.damaged(good)) else { continue }
            for (_, stored) in checkpoint.tensors where stored.count < 1 << 20 { _ = try? stored.load() }
        }
    }

    @Test func unknownBytesAreRefused() {
        for bytes: [UInt8] in [[0], [1, 2, 3], Array("hello, world, this is a text".utf8), [UInt8](repeating: 0xFF, count: 1000)] {
            let error = #expect(throws: FormatError.self) { try Checkpoint(bytes: bytes) }
            #expect(error?.reason == "the bytes are of no known format")
        }
    }
}
