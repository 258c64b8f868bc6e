// Custom functions, recomputation, Jacobians and checks of derivatives.
import Testing
import TorchTensor

@Suite struct FunctionTests {
    @Test func customFunctionUsesItsOwnDerivative() {
        let x = Tensor(3.0).requiringGrad()
        let y = customFunction([x]) {
            $0[0] * $0[0]
        } backward: { g, inputs, _ in
            [g * inputs[0] * 100]
        }
        #expect(y.item() == 9)
        #expect(gradients(of: y, withRespectTo: [x])[0].item() == 300)
    }

    @Test func customFunctionCanBeDifferentiatedTwice() {
        let x = Tensor(2.0).requiringGrad()
        let y = customFunction([x]) {
            $0[0].exp()
        } backward: { g, _, y in
            [g * y]
        }
        let first = gradients(of: y, withRespectTo: [x], createGraph: true)[0]
        let second = gradients(of: first, withRespectTo: [x])[0]
        #expect(abs(second.item() - 7.389056) < 1e-5)
    }

    @Test func checkpointGivesTheSameGradients() {
        let w = Tensor([0.5, -1, 2]).requiringGrad()
        let x = Tensor([1.0, 2, 3]).requiringGrad()
        func block(_ t: [Tensor]) -> Tensor { (t[0] * w).tanh() * t[0] }
        block([block([x])]).sum().backward()
        let (plainW, plainX) = (w.grad!.array(of: Float.self), x.grad!.array(of: Float.self))
        w.grad = nil
        x.grad = nil
        checkpoint([checkpoint([x], block)], block).sum().backward()
        #expect(w.grad!.array(of: Float.self) == plainW)
        #expect(x.grad!.array(of: Float.self) == plainX)
    }

    @Test func jacobianAndHessian() {
        let x = Tensor([1.0, 2], dtype: .float64)
        let j = jacobian({ $0 * $0 }, at: x)
        #expect(j.array(of: Double.self) == [2, 0, 0, 4])
        let h = hessian({ ($0 * $0 * $0).sum() }, at: x)
        #expect(h.array(of: Double.self) == [6, 0, 0, 12])
        let v = Tensor([1.0, 1], dtype: .float64)
        #expect(jvp({ $0 * $0 }, at: x, v).product.array(of: Double.self) == [2, 4])
        #expect(vjp({ $0 * $0 }, at: x, v).product.array(of: Double.self) == [2, 4])
        #expect(hvp({ ($0 * $0 * $0).sum() }, at: x, v).product.array(of: Double.self) == [6, 12])
    }

    @Test func gradcheckAcceptsRightAndRefusesWrongDerivatives() throws {
        let x = Tensor([0.3, -0.7, 1.2], dtype: .float64).requiringGrad()
        try gradcheck({ ($0[0].sin() * $0[0]).sum() }, [x])
        try gradgradcheck({ ($0[0].exp() * $0[0].cos()).sum() }, [x])
        #expect(throws: GradcheckFailure.self) {
            try gradcheck(
                { t in
                    customFunction([t[0]]) {
                        $0[0] * 2
                    } backward: { g, _, _ in
                        [g * 3]
                    }
                }, [x])
        }
    }
}
