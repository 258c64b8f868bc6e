// Captured steps: replays do what the steps would have done, and what can not be replayed is refused with its reason.
import Glibc
import Testing
import TorchCUDA
import TorchNN
import TorchOptim

private let settings: [[String: String]] = [["SWIFT_TORCH_CUDA_QUIET": "1"], ["SWIFT_TORCH_CUDA_QUIET": "1", "SWIFT_TORCH_EMULATOR_DEFERRED": "5"]]

/// Why a step can not be captured.
private func refusal(_ step: () throws -> Void) -> String {
    do {
        _ = try CUDAGraph { try step() }
        return "captured"
    } catch { return "\(error)" }
}

private func expectRefusal(_ reason: String, _ step: () throws -> Void) {
    let said = refusal(step)
    #expect(said.contains(reason), "\(reason): \(said)")
}

/// Batches of numbers, and losses of training on them, step by step or as a graph.
private func losses(asGraph: Bool, _ optimizer: ([Parameter]) -> Optimizer, schedule: Bool = false, dropout: Double = 0.3) throws -> (losses: [Double], net: Sequential) {
    manualSeed(11)
    let net = Sequential(Conv2d(1, 3, kernelSize: 3, padding: 1), BatchNorm2d(3), ReLU(), MaxPool2d(2), Flatten(), Dropout(dropout), Linear(27, 4)).to(.cuda)
    let update = optimizer(net.parameters())
    let rates = StepLR(update, stepSize: 2, gamma: 0.5)
    func step(_ x: Tensor, _ y: Tensor) -> Tensor {
        update.zeroGrad()
        let loss = crossEntropy(net(x), y)
        loss.backward()
        update.step()
        return loss
    }
    let batches = (0..<6).map { _ in (Tensor.randn([5, 1, 6, 6]), Tensor.randint(0, 4, [5])) }
    var result = [step(batches[0].0.to(.cuda), batches[0].1.to(.cuda)).item()]
    let graph = try asGraph ? CUDAGraph([batches[0].0, batches[0].1]) { [step($0[0], $0[1])] } : nil
    for (x, y) in batches[1...] {
        if schedule { rates.step() }
        let loss = try graph.map { try $0.replay([x, y])[0] } ?? step(x.to(.cuda), y.to(.cuda))
        result.append(loss.item())
    }
    return (result, net)
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct GraphTests {
    /// The same bits as step by step: parameters, running statistics, step counts, learning rates and the places of random streams move on with the replays.
    @Test(arguments: 0..<2) func trainingIsTheSameAsStepByStep(_ setting: Int) async {
        await #expect(processExitsWith: .success) { [setting] in
            Emulator.use(settings[setting])
            let optimizers: [([Parameter]) -> Optimizer] = [
                { AdamW($0, learningRate: 1e-2) }, { Adam($0, learningRate: 1e-2, amsgrad: true) }, { SGD($0, learningRate: 0.05, momentum: 0.9, nesterov: true) },
                { SGD($0, learningRate: 0.05) },
            ]
            for (i, o) in optimizers.enumerated() {
                let (there, here) = try! (losses(asGraph: true, o, schedule: true), losses(asGraph: false, o, schedule: true))
                #expect(there.losses == here.losses, "\(i): \(there.losses) \(here.losses)")
                // Without random numbers the optimizer's are the first ones that change, after much memory was used and given back.
                let (without, same) = try! (losses(asGraph: true, o, dropout: 0), losses(asGraph: false, o, dropout: 0))
                #expect(without.losses == same.losses, "\(i): \(without.losses) \(same.losses)")
                for ((name, a), (_, b)) in zip(there.net.stateDict(), here.net.stateDict()) { #expect(a.array(of: Float.self) == b.array(of: Float.self), "\(i): \(name)") }
            }
        }
    }

    @Test func outputsAreTensorsOfTheirOwn() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(settings[1])
            let graph = try! CUDAGraph([Tensor.zeros(4)]) { [$0[0] * 2 + 1, $0[0].sum()] }
            let first = try! graph.replay([Tensor([1, 2, 3, 4] as [Float])])
            let second = try! graph.replay([Tensor([5, 6, 7, 8] as [Float]).to(.cuda)])
            #expect(first[0].array(of: Float.self) == [3, 5, 7, 9] && second[0].array(of: Float.self) == [11, 13, 15, 17])
            #expect(first[1].item() == 10 && second[1].item() == 26, "\(first) \(second)")
            // A wrong input is said, and changes nothing.
            func said(_ inputs: [Tensor]) -> String {
                do {
                    try withTensorErrors { _ = try graph.replay(inputs) }
                    return "replayed"
                } catch { return "\(error)" }
            }
            #expect(said([Tensor.zeros(5)]).contains("input 0 is (5,) float32"))
            #expect(said([Tensor.zeros(4, dtype: .int64)]).contains("input 0 is (4,) int64, and the graph was captured with (4,) float32"))
            #expect(said([]).contains("captured with 1 inputs, not 0"))
            // On another stream, with the host far ahead.
            let side = try! CUDAStream()
            try! side.wait(for: .current())
            let sums = withCUDAStream(side) { (0..<9).map { i in try! graph.replay([Tensor.full([4], Double(i), dtype: .float32)])[1] } }
            try! side.synchronize()
            let values = sums.map { $0.item() }
            #expect(values == (0..<9).map { 4.0 * Double($0) }, "\(values)")
        }
    }

    /// What a step uses from outside stays as it is, whoever lets go of it, until the graph goes.
    @Test func memoryIsKeptForReplays() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(settings[1])
            var graph: CUDAGraph?
            do {
                let weight = Tensor.full([300], 3, dtype: .float32, device: .cuda)
                graph = try! CUDAGraph([Tensor.zeros(300)]) { [($0[0] * weight).exp().log()] }
            }
            for _ in 0..<10 { _ = Tensor.full([300], -7, dtype: .float32, device: .cuda) * 2 }
            let y = try! graph!.replay([Tensor.ones(300)])[0]
            #expect(y.array(of: Float.self).allSatisfy { abs($0 - 3) < 1e-5 })
            let held = try! CUDA.memoryStatistics().reserved
            try! CUDA.emptyCache()
            #expect(try! CUDA.memoryStatistics().reserved > 0 && held > 0)
            _ = try! graph!.replay([Tensor.ones(300)])
            graph = nil

            try! CUDA.emptyCache()
            let left = try! CUDA.memoryStatistics()
            #expect(left.allocated == 1536 && left.segments == 1, "\(left)")
            #expect(y.array(of: Float.self).allSatisfy { abs($0 - 3) < 1e-5 })
        }
    }

    @Test func whatCanNotBeReplayedIsRefused() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUDA_QUIET": "1"])
            let x = Tensor.ones(4, 4, device: .cuda)
            expectRefusal("copies elements to the CPU, which a captured step can not do") { _ = x.sum().item() }
            expectRefusal("copies elements from the CPU, which a captured step can not do") { _ = x + Tensor([1, 2, 3, 4] as [Float]).to(.cuda) }
            expectRefusal("waits for the device") { try CUDA.synchronize() }
            expectRefusal("records an event") { _ = try CUDAStream.current().record() }
            expectRefusal("a captured step has one stream") { withCUDAStream(try CUDAStream()) {} }
            expectRefusal("captured step") { _ = x.inverse() }
            expectRefusal("captured step") { _ = x.nonzero() }
            expectRefusal("captured already") { _ = try CUDAGraph {} }
            struct Stop: Error {}
            expectRefusal("Stop") { throw Stop() }
            #expect(
                {
                    do {
                        _ = try CUDAGraph([]) { _ in [Tensor.ones(2)] }
                        return "captured"
                    } catch { return "\(error)" }
                }().contains("result 0 of the step is on cpu"))
            // Optimizers, parameters and buffers.
            let net = Sequential(Linear(4, 3)).to(.cuda)
            func step(_ o: Optimizer) {
                o.zeroGrad()
                net(x).sum().backward()
                o.step()
            }
            for o in [Adam(net.parameters()), SGD(net.parameters(), momentum: 0.9)] {
                expectRefusal("do one step before the capture") { step(o) }
                o.zeroGrad()
            }
            let there = Linear(4, 3)
            there(Tensor.ones(1, 4)).sum().backward()
            expectRefusal("a parameter of cpu can not be updated by a captured step of cuda:0") { SGD(there.parameters()).step() }
            let sgd = SGD(net.parameters())
            let view = net.parameters()[0].tensor.detached()
            expectRefusal("its memory is shared with another tensor") { step(sgd) }
            withExtendedLifetime(view) {}
            let buffer = Buffer(wrappedValue: x)
            let alias = buffer.wrappedValue
            expectRefusal("its memory is shared with another tensor") { buffer.wrappedValue += 1 }
            expectRefusal("its memory is shared with another tensor") { buffer.wrappedValue = Tensor.ones(4, 4, device: .cuda) }
            withExtendedLifetime(alias) {}
            // More than a step has room for.
            let index = Tensor([0]).to(.cuda)
            expectRefusal("can check the elements of no more than 4096 operators") { for _ in 0..<4097 { _ = x.indexSelect(0, index) } }
            let many = SGD([Parameter(Tensor.ones(2, device: .cuda))])
            many.groups[0].parameters[0].grad = Tensor.ones(2, device: .cuda)
            expectRefusal("no more than 4096 numbers that change from replay to replay") { for _ in 0..<1025 { many.step() } }
            #expect(many.stepCount == 0)
            // After all that a good step can still be captured, and the device is as it was.
            let good = try! CUDAGraph([x]) { [$0[0] * 2] }
            #expect(try! good.replay([x])[0].sum().item() == 32)
        }
    }

    /// Parameters and buffers that are set keep their place, so replays go on from them.
    @Test func settingParametersAndBuffersReplays() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(settings[1])
            let p = Parameter(Tensor.ones(3, device: .cuda))
            let b = Buffer(wrappedValue: Tensor.zeros(3, device: .cuda))
            let graph = try! CUDAGraph {
                noGrad { p.tensor = p.tensor * 2 }
                p.update { $0 += 1 }
                b.wrappedValue = b.wrappedValue + p.tensor.detached()
                b.wrappedValue *= 1
            }
            #expect(p.tensor.array(of: Float.self) == [1, 1, 1])
            for _ in 0..<3 { try! graph.replay() }
            // 1, 3, 7, 15
            #expect(p.tensor.array(of: Float.self) == [15, 15, 15] && b.wrappedValue.array(of: Float.self) == [25, 25, 25])
        }
    }

    /// A bad element of a replay is reported at the next wait, again in every replay that has one.
    @Test func checksOfReplays() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(settings[1])
            let table = Tensor.ones(5, 2, device: .cuda)
            let graph = try! CUDAGraph([Tensor([0, 1])]) { [table.indexSelect(0, $0[0])] }
            func said(_ index: [Int]) -> String {
                do {
                    try withTensorErrors { _ = try graph.replay([Tensor(index)]) }
                    return "no error"
                } catch { return "\(error)" }
            }
            for _ in 0..<3 {
                #expect(said([4, 0]) == "no error")
                #expect(said([1, 7]).contains("index 7 is out of bounds for dimension 0 with size 5 (at position 1"))
            }
        }
    }

    /// Tables that operators make of shapes on the CPU are constants of the step.
    @Test func constantsOfOperators() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(settings[1])
            func step(_ x: Tensor) -> Tensor { interpolate(pad(x, [2, 1], mode: .reflect), size: [13], mode: .linear) }
            let graph = try! CUDAGraph([Tensor.zeros(1, 2, 6)]) { [step($0[0])] }
            for seed in 1...3 {
                let x = Tensor.randn([1, 2, 6], generator: Generator(seed: UInt64(seed)))
                #expect(try! graph.replay([x])[0].array(of: Float.self) == step(x.to(.cuda)).array(of: Float.self))
            }
        }
    }

    /// What NVIDIA's libraries do is part of the step, and waits for its turn.
    @Test func librariesInAStep() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(settings[1].merging(["SWIFT_TORCH_CUDNN": Emulator.path!, "SWIFT_TORCH_CUBLASLT": Emulator.path!]) { $1 })
            let (w, m) = (Tensor.randn([4, 3, 3, 3]).to(.cuda), Tensor.randn([4, 5]).to(.cuda))
            func step(_ x: Tensor) -> [Tensor] {
                let y = conv2d(x * 2, w, padding: 1)
                return [y, (y.mean([2, 3]) + 1).matmul(m), FFT.fft(y + 1).abs()]
            }
            let graph = try! CUDAGraph([Tensor.zeros(2, 3, 8, 8)]) { step($0[0]) }
            for seed in 1...3 {
                let x = Tensor.randn([2, 3, 8, 8], generator: Generator(seed: UInt64(seed)))
                let (there, here) = (try! graph.replay([x]), step(x.to(.cuda)))
                for (a, b) in zip(there, here) { #expect(a.array(of: Float.self) == b.array(of: Float.self)) }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// A generator of the user's, and draws by several kernels, go on as without a graph.
    @Test func randomNumbersGoOn() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(settings[0])
            func numbers(_ asGraph: Bool) -> [[Float]] {
                let g = Generator(device: .cuda(0), seed: 5)
                manualSeed(9)
                func draw() -> Tensor {
                    let a = Tensor.randn([700], device: .cuda, generator: g) + Tensor.rand([700], device: .cuda)
                    return a + Tensor.randperm(700, device: .cuda).to(.float32) + Tensor.rand([700], device: .cuda, generator: g)
                }
                let first = draw()
                let graph = asGraph ? try! CUDAGraph([]) { _ in [draw()] } : nil
                return [first.array(of: Float.self)] + (0..<3).map { _ in (graph.map { try! $0.replay()[0] } ?? draw()).array(of: Float.self) } + [draw().array(of: Float.self)]
            }
            let (there, here) = (numbers(true), numbers(false))
            #expect(there == here)
            #expect(Set(here.map { $0[0] }).count == 5)
        }
    }
}
