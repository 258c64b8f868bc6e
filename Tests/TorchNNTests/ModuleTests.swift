// Modules: names, state, modes, misuse.
import Testing
import TorchNN
import TorchOptim

private final class Block: Module {
    let selfAttn = Linear(4, 4)
    let layers = [Linear(4, 4, bias: false), Linear(4, 2)]
    @Named("head.out") var last: Linear? = Linear(2, 1)
    @Parameter var scaleFactor: Tensor = .ones(4)
    @Buffer var runningTotal: Tensor = .zeros(4)
    let heads = ["b": Linear(1, 1), "a": Linear(1, 1)]
}

private final class Bad: Module {
    let stray = Tensor.ones(2)
}

private final class BadContainer: Module {
    let pair = (Linear(1, 1), 3)
}

@Suite struct ModuleTests {
    @Test func namesFollowPyTorch() {
        let names = Block().stateDict().names
        #expect(
            names == [
                "scale_factor", "running_total", "self_attn.weight", "self_attn.bias", "layers.0.weight", "layers.1.weight", "layers.1.bias", "head.out.weight", "head.out.bias",
                "heads.a.weight", "heads.a.bias", "heads.b.weight", "heads.b.bias",
            ])
    }

    @Test func whatCanNotBeWalkedIsReported() {
        let stray = #expect(throws: TensorError.self) { try withTensorErrors { _ = Bad().parameters() } }
        #expect(stray!.description.contains("`stray` is a bare Tensor") && stray!.hint.contains("@Parameter"))
        let pair = #expect(throws: TensorError.self) { try withTensorErrors { _ = BadContainer().parameters() } }
        #expect(pair!.description.contains("`pair` holds modules"))
    }

    @Test func defaultWeightsAreThoseOfPyTorch() {
        let layer = Linear(3, 2, generator: Generator(seed: 0))
        // torch.manual_seed(0); torch.nn.Linear(3, 2)
        #expect(layer.weight.array(of: Float.self).map(\.bitPattern) == [0xbb8d_a3e8, 0x3e9e_9313, 0xbef3_4b7e, 0xbed9_8bc9, 0xbe63_b4b1, 0x3e1e_8953])
        #expect(layer.bias!.tensor.array(of: Float.self).map(\.bitPattern) == [0xbc3b_6b40, 0x3eea_617a])
    }

    @Test func loadReportsEverythingAtOnceAndChangesNothing() throws {
        let net = Sequential(Linear(2, 3), ReLU(), Linear(3, 1))
        var state = net.stateDict()
        let before = net.stateDict()["0.weight"]!.array(of: Float.self)
        state["0.weight"] = .zeros(2, 2)
        state["2.bias"] = nil
        state["extra"] = .zeros(1)
        let error = #expect(throws: StateError.self) { try net.load(state) }
        #expect(error!.report.missing == ["2.bias"] && error!.report.unexpected == ["extra"] && error!.report.wrongShape.map(\.name) == ["0.weight"])
        #expect(net.stateDict()["0.weight"]!.array(of: Float.self) == before)
        let report = try net.load(state, strict: false)
        #expect(report.loaded == ["0.bias", "2.weight"])
    }

    @Test func modesReachAllModules() {
        let net = Sequential(Linear(2, 2), Sequential(Dropout(0.5)))
        net.eval()
        #expect(net.modules().allSatisfy { !$0.isTraining })
        let x = Tensor.ones(4, 2)
        #expect(net(x).array(of: Float.self) == net(x).array(of: Float.self))
        net.train()
        #expect(net.modules().allSatisfy { $0.isTraining })
    }

    @Test func errorsNameTheLayer() {
        let net = Sequential(Linear(4, 3), ReLU())
        _ = net.parameters()
        let error = #expect(throws: TensorError.self) { try withTensorErrors { _ = net(Tensor.ones(2, 5)) } }
        #expect(error!.path.contains("0: Linear(in_features=4, out_features=3"))
    }

    @Test func frozenParametersGetNoGradient() {
        let net = Sequential(Linear(2, 2), Linear(2, 1))
        net[0].freeze()
        net(Tensor.ones(1, 2)).sum().backward()
        #expect(net[0].parameters().allSatisfy { $0.grad == nil })
        #expect(net[1].parameters().allSatisfy { $0.grad != nil })
    }

    @Test func printingShowsTheTree() {
        let net = Sequential(Linear(2, 3), ReLU())
        #expect("\(net)" == "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): ReLU()\n)")
        #expect(net.summary().hasSuffix("9 parameters, 9 of them trainable"))
    }
}

@Suite struct OptimizerTests {
    /// Minimises (x - 3)² for five steps.
    private func run(_ make: ([Parameter]) -> Optimizer) -> Float {
        let p = Parameter(Tensor([0.0]))
        let optimizer = make([p])
        for _ in 0..<5 {
            optimizer.zeroGrad()
            ((p.tensor - 3) * (p.tensor - 3)).sum().backward()
            optimizer.step()
        }
        return p.tensor.item(Float.self)
    }

    @Test func stepsAgreeWithPyTorch() {
        // The same five steps in PyTorch 2.13.
        #expect(abs(run { SGD($0, learningRate: 0.1) } - 2.01696) < 1e-5)
        #expect(abs(run { SGD($0, learningRate: 0.1, momentum: 0.9) } - 4.74126) < 1e-4)
        #expect(abs(run { Adam($0, learningRate: 0.1) } - 0.49822) < 1e-4)
    }

    @Test func stateRoundTripContinuesWithTheSameBits() throws {
        func train(_ p: Parameter, _ o: Optimizer, _ n: Int) {
            for i in 0..<n {
                o.zeroGrad()
                (p.tensor * p.tensor * (Double(i) + 1)).sum().backward()
                o.step()
            }
        }
        let (a, b) = (Parameter(Tensor([1.0, -2])), Parameter(Tensor([1.0, -2])))
        let (first, second) = (AdamW([a], learningRate: 0.1), AdamW([b], learningRate: 0.1))
        train(a, first, 3)
        train(b, second, 3)
        let third = AdamW([b], learningRate: 0.5)
        try third.load(second.stateDict())
        train(a, first, 3)
        train(b, third, 3)
        #expect(a.tensor.array(of: Float.self) == b.tensor.array(of: Float.self))
    }

    @Test func schedulesFollowPyTorch() {
        let o = SGD([Parameter(.ones(1))], learningRate: 1)
        let s = StepLR(o, stepSize: 2, gamma: 0.1)
        let rates = (0..<4).map { _ -> Double in
            s.step()
            return s.lastRates[0]
        }
        #expect(zip(rates, [1, 0.1, 0.1, 0.01]).allSatisfy { abs($0 - $1) < 1e-12 })
        let c = SGD([Parameter(.ones(1))], learningRate: 1)
        let cosine = CosineAnnealingLR(c, tMax: 4)
        let curve = (0..<4).map { _ -> Double in
            cosine.step()
            return cosine.lastRates[0]
        }
        #expect(zip(curve, [0.8535533905932737, 0.5, 0.14644660940672627, 0]).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test func misuseIsReported() {
        #expect(throws: TensorError.self) { try withTensorErrors { _ = SGD([], learningRate: 1) } }
        let p = Parameter(.ones(1))
        #expect(throws: TensorError.self) { try withTensorErrors { _ = SGD([p, p], learningRate: 1) } }
        #expect(throws: TensorError.self) { try withTensorErrors { _ = SGD([p], learningRate: -1) } }
    }
}
