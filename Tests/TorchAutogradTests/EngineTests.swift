// The tape and its engine.
import Testing
import TorchTensor

@Suite struct EngineTests {
    @Test func gradientsOfAPolynomial() {
        let x = Tensor(1.0)
        let (a, b, c) = (Tensor(1.0).requiringGrad(), Tensor(2.0).requiringGrad(), Tensor(3.0).requiringGrad())
        let y = a ** 2 * x + b * x + c
        let g = gradients(of: y, withRespectTo: [a, b, c])
        #expect(y.item() == 6)
        #expect(g.map { $0.item() } == [2, 1, 1])
        #expect(a.grad == nil, "gradients(of:) leaves grad alone")
    }

    @Test func backwardAccumulatesUntilCleared() {
        let w = Tensor([1.0, 2]).requiringGrad()
        for _ in 0..<3 { (w * w).sum().backward() }
        #expect(w.grad!.array(of: Float.self) == [6, 12])
        w.grad = nil
        (w * 5).sum().backward()
        #expect(w.grad!.array(of: Float.self) == [5, 5])
    }

    @Test func broadcastIsSummedBack() {
        let a = Tensor.ones(2, 3).requiringGrad()
        let b = Tensor.ones(3).requiringGrad()
        let c = Tensor(2.0).requiringGrad()
        (a * b * c).sum().backward()
        #expect(a.grad!.shape == [2, 3])
        #expect(b.grad!.array(of: Float.self) == [4, 4, 4])
        #expect(c.grad!.shape == [] && c.grad!.item() == 6)
    }

    @Test func higherDerivatives() {
        let x = Tensor(2.0).requiringGrad()
        var y = x * x * x * x
        var values: [Double] = []
        for _ in 0..<4 {
            y = gradients(of: y, withRespectTo: [x], createGraph: true)[0]
            values.append(y.item())
        }
        #expect(values == [32, 48, 48, 24])
    }

    @Test func secondDerivativeThroughASavedOutput() {
        // exp saves its own output; its second derivative must still see the graph.
        let x = Tensor(0.5, dtype: .float64).requiringGrad()
        let first = gradients(of: x.exp(), withRespectTo: [x], createGraph: true)[0]
        let second = gradients(of: first, withRespectTo: [x])[0]
        #expect(abs(second.item() - 1.6487212707001282) < 1e-12)
    }

    @Test func aSecondBackwardNeedsRetainGraph() throws {
        let x = Tensor(3.0).requiringGrad()
        let y = x * x
        y.backward(retainGraph: true)
        y.backward()
        #expect(x.grad!.item() == 12)
        let error = #expect(throws: TensorError.self) { try withTensorErrors { y.backward() } }
        #expect(error!.message.contains("Trying to backward through the graph a second time"))
    }

    @Test func unusedInputsAreReportedUnlessAllowed() {
        let (x, z) = (Tensor(1.0).requiringGrad(), Tensor(1.0).requiringGrad())
        let allowed: [Tensor?] = gradients(of: [x * 2], withRespectTo: [x, z], allowUnused: true)
        #expect(allowed[0]!.item() == 2 && allowed[1] == nil)
        #expect(throws: TensorError.self) {
            try withTensorErrors { _ = gradients(of: x * 2, withRespectTo: [x, z]) as [Tensor] }
        }
    }

    @Test func gradientsOfIntermediates() {
        let x = Tensor(2.0).requiringGrad()
        let h = x * 3
        let y = h * h
        #expect(gradients(of: y, withRespectTo: [h])[0].item() == 12)
        let again = x * 3
        again.retainGrad()
        (again * again).backward()
        #expect(again.grad!.item() == 12 && x.grad!.item() == 36)
    }

    @Test func noGradAndDetachedCutTheGraph() {
        let x = Tensor(2.0).requiringGrad()
        #expect(!noGrad { x * x }.requiresGrad)
        #expect(noGrad { enableGrad { x * x } }.requiresGrad)
        #expect(!inferenceMode { enableGrad { x * x } }.requiresGrad)
        let y = x * x.detached()
        y.backward()
        #expect(x.grad!.item() == 2)
    }

    @Test func hooksSeeAndReplaceGradients() {
        let x = Tensor(2.0).requiringGrad()
        var seen: [Double] = []
        let handle = x.registerHook { g in
            seen.append(g.item())
            return g * 10
        }
        (x * 3).backward()
        handle.remove()
        (x * 3).backward()
        #expect(seen == [3] && x.grad!.item() == 33)
    }

    @Test func backwardIntoChosenInputsOnly() {
        let (x, z) = (Tensor(2.0).requiringGrad(), Tensor(5.0).requiringGrad())
        (x * z).backward(inputs: [x])
        #expect(x.grad!.item() == 5 && z.grad == nil)
    }

    @Test func aMillionNodesFreeWithoutRecursion() {
        let x = Tensor([1.0]).requiringGrad()
        let c = Tensor([1.0])
        // A recursion of 100,000 would overflow the stack too; the emulator of a device needs a minute for a million.
        let nodes = Device.default.isCPU ? 1_000_000 : 100_000
        do {
            var y = x
            for _ in 0..<nodes { y = y * c }
            y.sum().backward()
        }
        #expect(x.grad!.item() == 1)
    }

    // In a process of its own: the count of live blocks is one for all threads.
    @Test func nothingLeaks() async {
        await #expect(processExitsWith: .success) {
            let w = Tensor.ones(8, 8).requiringGrad()
            func step() {
                let y = ((w * 2).exp() + w).sum()
                y.backward()
                w.grad = nil
            }
            step()
            let before = Storage.liveCount
            for _ in 0..<20_000 { step() }
            guard Storage.liveCount == before else { fatalError("\(Storage.liveCount) blocks, \(before) before") }
        }
    }

    @Test func dtypeAndComplexGradients() {
        let x = Tensor([1.0, 2], dtype: .float16).requiringGrad()
        (x.to(.float64) * 3).sum().backward()
        #expect(x.grad!.dtype == .float16 && x.grad!.array(of: Float.self) == [3, 3])
        // A real input that meets complex numbers gets the real part.
        let r = Tensor([1.0, 2]).requiringGrad()
        let z = r * Tensor(real: 0, imaginary: 1)
        (z * z.conj()).real.sum().backward()
        #expect(r.grad!.dtype == .float32 && r.grad!.array(of: Float.self) == [2, 4])
    }

    @Test func drawingNamesOperatorsAndLeaves() {
        let w = Tensor(1.0).requiringGrad()
        let text = (w * 2 + 1).graphDrawing(names: ["weight": w])
        #expect(text.hasPrefix("digraph {") && text.contains("weight ()") && text.contains("mul ()") && text.contains("add ()"))
    }

    @Test func anomalyModeNamesTheOperator() {
        let x = Tensor(-1.0).requiringGrad()
        let error = #expect(throws: TensorError.self) {
            try withTensorErrors { detectAnomaly { (x.sqrt() * 0).backward() } }
        }
        #expect(error!.message.contains("sqrt returned nan values"))
    }
}
