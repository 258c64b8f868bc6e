// `gpucheck goldens`: numbers that PyTorch can be held against on the same device.
import ArgumentParser
import Glibc
import Torch

struct GoldensCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "goldens", abstract: "Writes what the device's generator gives, for Tools/gpu_peer.py to compare with PyTorch's.")

    @Option(help: "File to write, opened by torch.load.") var out: String

    func run() throws {
        try requireDevice()
        var state: [(name: String, tensor: Tensor)] = []
        for (n, seed) in [(1, 0), (7, 1), (1000, 2), (1 << 16, 3), (1_000_003, 4)] {
            func fresh(_ name: String, _ make: () -> Tensor) {
                manualSeed(seed)
                // The second draw shows by how much the first moved the generator.
                state.append(("\(name)_\(n)_\(seed)", make().to(.cpu)))
                state.append(("\(name)_\(n)_\(seed)_next", make().to(.cpu)))
            }
            fresh("rand") { Tensor.rand(n, device: .cuda) }
            fresh("randn") { Tensor.randn(n, device: .cuda) }
            fresh("randint") { Tensor.randint(0, 1000, [n], device: .cuda) }
            fresh("bernoulli") {
                var x = Tensor.empty([n], device: .cuda)
                x.fillBernoulli(0.3)
                return x
            }
            fresh("randperm") { Tensor.randperm(n, device: .cuda) }
        }
        try TorchFile.save(state, to: out)
        print("\(state.count) tensors in \(out)")
    }
}
