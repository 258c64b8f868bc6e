// Optimizer steps over lists of parameters: one launch, the numbers of the CPU.
import Glibc
import Testing
import TorchCPU
import TorchCUDA
import TorchKernels
import TorchOptim
import TorchTensor

/// Parameters after three steps on a device.
private func trained(_ device: Device, _ sizes: [Int], _ make: ([Parameter]) -> Optimizer) -> [[Float]] {
    let parameters = sizes.enumerated().map { i, n in Parameter((Tensor.arange(n, dtype: .float32) * 0.37 + Double(i)).sin().to(device)) }
    let optimizer = make(parameters)
    for step in 0..<3 {
        for (i, n) in sizes.enumerated() { parameters[i].grad = (Tensor.arange(n, dtype: .float32) * 0.11 + Double(i * step)).cos().to(device) }
        optimizer.step()
    }
    return parameters.map { $0.wrappedValue.array(of: Float.self) }
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct OptimizerTests {
    /// Odd sizes, a parameter of several chunks, empty ones, and lists that are too long for the short table.
    @Test func listsOfParametersAgreeWithTheCPU() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let lists = [[5, 1, 0, 70_003, 4096, 33], (0..<90).map { 3 * $0 % 17 + 1 }]
            let makers: [([Parameter]) -> Optimizer] = [
                { SGD($0, learningRate: 0.1) }, { SGD($0, learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true) }, { Adam($0, learningRate: 0.01) },
                { Adam($0, learningRate: 0.01, weightDecay: 0.1, amsgrad: true) }, { AdamW($0, learningRate: 0.01) },
            ]
            for sizes in lists {
                for (i, make) in makers.enumerated() {
                    let (there, here) = (trained(.cuda, sizes, make), trained(.cpu, sizes, make))
                    for (a, b) in zip(there, here) { #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 2e-6 * (1 + abs($1)) } && a.count == b.count, "optimizer \(i)") }
                }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// One launch for a list of parameters, two for one that is longer than the table.
    @Test func oneLaunchForAList() async {
        await #expect(processExitsWith: .success) {
            // Only the emulator counts.
            Emulator.use(["SWIFT_TORCH_EMULATOR_QUIET": "1"])
            let library = dlopen(Emulator.path!, RTLD_NOW)
            let launches = unsafeBitCast(dlsym(library, "emulator_launches"), to: (@convention(c) () -> UInt64).self)
            for (count, expected) in [(3, UInt64(1)), (70, 1), (71, 1), (580, 1), (581, 2)] {
                let parameters = (0..<count).map { _ in Parameter(Tensor.ones(3, device: .cuda)) }
                let optimizer = SGD(parameters, learningRate: 0.5)
                for p in parameters { p.grad = Tensor.ones(3, device: .cuda) }
                let before = launches()
                optimizer.step()
                #expect(launches() - before == expected, "\(count) parameters")
                #expect(parameters.allSatisfy { $0.wrappedValue.sum().item() == 1.5 }, "\(count) parameters")
            }
        }
    }
}
