// Whole networks on the emulated device learn what they learn on the CPU.
import Glibc
import Testing
import TorchCUDA
import TorchNN
import TorchOptim

/// Losses of a few steps.
private func losses(_ device: Device, _ make: () -> Sequential, _ optimizer: ([Parameter]) -> Optimizer, input: [Int]) -> [Double] {
    manualSeed(3)
    let net = make().to(device)
    let steps = optimizer(net.parameters())
    let (x, y) = (Tensor.randn(input).to(device), Tensor.randint(0, 4, [input[0]]).to(device))
    return (0..<4).map { _ in
        steps.zeroGrad()
        let loss = crossEntropy(net(x), y)
        loss.backward()
        #expect(net.parameters().allSatisfy { $0.grad?.device == device })
        steps.step()
        return loss.item()
    }
}

private func compare(_ make: () -> Sequential, _ optimizer: ([Parameter]) -> Optimizer, input: [Int]) {
    let (there, here) = (losses(.cuda, make, optimizer, input: input), losses(.cpu, make, optimizer, input: input))
    #expect(zip(there, here).allSatisfy { abs($0 - $1) < 1e-4 * abs($1) }, "\(there) \(here)")
    #expect(there[3] < there[0])
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct TrainingTests {
    @Test func perceptronWithAdam() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUDA_QUIET": "1"])
            compare({ Sequential(Linear(6, 16), LayerNorm([16]), GELU(), Linear(16, 4)) }, { Adam($0, learningRate: 1e-2) }, input: [8, 6])
            compare({ Sequential(Linear(6, 16), Tanh(), Linear(16, 4)) }, { AdamW($0, learningRate: 1e-2) }, input: [8, 6])
        }
    }

    @Test func convolutionsWithMomentum() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUDA_QUIET": "1"])
            compare(
                { Sequential(Conv2d(1, 3, kernelSize: 3, padding: 1), BatchNorm2d(3), ReLU(), MaxPool2d(2), Flatten(), Linear(27, 4)) },
                { SGD($0, learningRate: 0.05, momentum: 0.9, nesterov: true) }, input: [5, 1, 6, 6])
        }
    }
}
