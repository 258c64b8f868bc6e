// Factorisations give their input back, with LAPACK and without it; derivatives agree with differences; misuse is told in PyTorch's words.
import Testing
import TorchTensor

/// Fixed numbers in (-1, 1).
func numbers(_ shape: Int..., seed: Int = 1, dtype: DType = .float64) -> Tensor {
    func values(_ seed: Int) -> Tensor {
        var state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        let list = (0..<shape.reduce(1, *)).map { _ -> Double in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / 0x1p52 - 1
        }
        return Tensor(list, shape: shape, dtype: dtype.real)
    }
    return dtype.isComplex ? Tensor.complex(values(seed), values(seed + 77)) : values(seed)
}

/// Largest absolute difference.
func distance(_ a: Tensor, _ b: Tensor) -> Double {
    guard a.shape == b.shape else { return .infinity }
    return Linalg.vectorNorm(a - b, order: .infinity).item()
}

/// Hermitian and positive-definite.
func positive(_ x: Tensor) -> Tensor { x.matmul(x.mH) + Tensor.eye(x.size(-1), dtype: x.dtype) * 0.5 }

private let types: [(DType, Double)] = [(.float32, 3e-5), (.float64, 1e-12), (.complex64, 3e-5), (.complex128, 1e-12)]

@Suite struct FactorisationTests {
    @Test(arguments: [(5, 5), (7, 4), (4, 7), (1, 3)]) func factorsMultiplyBack(_ m: Int, _ n: Int) {
        for (dtype, tolerance) in types {
            let a = numbers(2, m, n, dtype: dtype)
            let (q, r) = Linalg.qr(a)
            #expect(distance(q.matmul(r), a) < tolerance)
            #expect(distance(q.mH.matmul(q), Tensor.eye(q.size(-1), dtype: dtype).expand(as: q.mH.matmul(q))) < tolerance)
            for full in [false, true] {
                let (u, s, vh) = Linalg.svd(a, fullMatrices: full)
                let k = min(m, n)
                #expect(distance((u.narrow(-1, 0, k) * s.unsqueeze(-2)).matmul(vh.narrow(-2, 0, k)), a) < tolerance)
                #expect(distance(vh.matmul(vh.mH), Tensor.eye(vh.size(-2), dtype: dtype).expand(as: vh.matmul(vh.mH))) < tolerance)
            }
            let (p, l, u) = Linalg.lu(a)
            #expect(distance(p.matmul(l).matmul(u), a) < tolerance)
            let x = Linalg.pinv(a)
            #expect(distance(a.matmul(x).matmul(a), a) < tolerance * 30)
        }
    }

    @Test func squareMatrices() {
        for (dtype, tolerance) in types {
            let a = numbers(3, 6, 6, dtype: dtype) + Tensor.eye(6, dtype: dtype) * 2.0
            let b = numbers(3, 6, 2, seed: 5, dtype: dtype)
            #expect(distance(a.matmul(Linalg.solve(a, b)), b) < tolerance * 10)
            #expect(distance(Linalg.inv(a).matmul(a), Tensor.eye(6, dtype: dtype).expand(as: a)) < tolerance * 10)
            let h = positive(a)
            let c = Linalg.cholesky(h)
            #expect(distance(c.matmul(c.mH), h) < tolerance * 20)
            #expect(distance(Linalg.cholesky(h, upper: true), c.mH) < tolerance * 20)
            let (w, v) = Linalg.eigh(h)
            #expect(distance((v * w.unsqueeze(-2)).matmul(v.mH), h) < tolerance * 30)
            let (lambda, x) = Linalg.eig(a)
            #expect(distance(a.to(x.dtype).matmul(x), x * lambda.unsqueeze(-2)) < tolerance * 20)
            let (sign, logarithm) = Linalg.slogdet(a)
            #expect(distance(sign * logarithm.exp(), Linalg.det(a)) < tolerance * 3000)
            let (ld, pivots) = Linalg.ldlFactor(a + a.mH, hermitian: true)
            #expect(distance((a + a.mH).matmul(Linalg.ldlSolve(ld, pivots, b, hermitian: true)), b) < tolerance * 100)
            #expect(distance(Linalg.matrixPower(a, -2), Linalg.inv(a).matmul(Linalg.inv(a))) < tolerance * 10)
        }
    }

    @Test func exponentialOfCommutingMatricesAdds() {
        let a = numbers(4, 4) * 3.0
        #expect(distance(Linalg.matrixExp(a).matmul(Linalg.matrixExp(-a)), Tensor.eye(4, dtype: .float64)) < 1e-10)
        #expect(distance(Linalg.matrixExp(Tensor.eye(3, dtype: .float64) * 40.0).diagonal() / Tensor.full([3], 2.3538526683702e17, dtype: .float64), Tensor.ones([3], dtype: .float64)) < 1e-13)
    }

    @Test func gradients() throws {
        let square = (numbers(2, 3, 3) + Tensor.eye(3, dtype: .float64) * 1.5).requiringGrad()
        let tall = numbers(4, 2, seed: 3).requiringGrad()
        let wide = numbers(2, 4, seed: 4).requiringGrad()
        let right = numbers(2, 3, 2, seed: 9).requiringGrad()
        try gradgradcheck({ Linalg.solve($0[0], $0[1]) }, [square, right])
        for x in [square, tall, wide] {
            try gradcheck({ Linalg.svd($0[0], fullMatrices: false).s }, [x])
            try gradgradcheck(
                {
                    let (q, r) = Linalg.qr($0[0])
                    return cat([q.flatten(), r.flatten()])
                }, [x])
            try gradcheck(
                {
                    let (l, p) = Linalg.luFactor($0[0])
                    return l + p.sum().to(.float64) * 0.0
                }, [x])
            try gradgradcheck({ Linalg.pinv($0[0]) }, [x])
            try gradcheck(
                {
                    let (u, s, v) = Linalg.svd($0[0], fullMatrices: false)
                    return (u * (s * s).unsqueeze(-2)).matmul(v)
                }, [x])
        }
        try gradgradcheck({ Linalg.det($0[0]) }, [square])
        try gradgradcheck({ Linalg.slogdet($0[0]).logAbsDet }, [square])
        try gradgradcheck({ Linalg.inv($0[0]) }, [square])
        try gradcheck({ Linalg.matrixExp($0[0]) }, [square])
        try gradgradcheck({ Linalg.cholesky(positive($0[0])) }, [square])
        try gradcheck(
            {
                let (w, v) = Linalg.eigh(positive($0[0]))
                return (v * w.exp().unsqueeze(-2)).matmul(v.mH)
            }, [square])
        try gradcheck({ Linalg.eigvals($0[0]).pow(3).sum(dim: -1).real }, [square])
        try gradcheck({ Linalg.lstsq($0[0], $0[1]).solution }, [tall, numbers(4, 3, seed: 8).requiringGrad()])
        try gradcheck({ Linalg.householderProduct($0[0], $0[1]) }, [tall, numbers(2, seed: 6).requiringGrad()])
        for p in [0.7, 1, 1.5, 2, 3.5, .infinity, -.infinity] { try gradcheck({ Linalg.vectorNorm($0[0], order: p, dims: [-1]) }, [square]) }
        try gradcheck({ Linalg.matrixNorm($0[0], order: .nuclear) }, [square])
        try gradcheck({ cdist($0[0], $0[1], p: 1.5) }, [tall, numbers(3, 2, seed: 2).requiringGrad()])
    }

    @Test func complexGradients() throws {
        let (re, im) = (numbers(3, 3).requiringGrad(), numbers(3, 3, seed: 2).requiringGrad())
        func parts(_ z: Tensor) -> Tensor { cat([z.real.flatten(), z.imag.flatten()]) }
        try gradcheck({ parts(Linalg.inv(Tensor.complex($0[0], $0[1]))) }, [re, im])
        try gradcheck({ parts(Linalg.det(Tensor.complex($0[0], $0[1]))) }, [re, im])
        try gradcheck(
            {
                let r = Linalg.slogdet(Tensor.complex($0[0], $0[1]))
                return cat([parts(r.sign), r.logAbsDet.reshape([1])])
            }, [re, im])
        try gradcheck({ parts(Linalg.cholesky(positive(Tensor.complex($0[0], $0[1])))) }, [re, im])
        try gradcheck(
            {
                let (q, r) = Linalg.qr(Tensor.complex($0[0], $0[1]))
                return cat([parts(q), parts(r)])
            }, [re, im])
        // What does not depend on the phases of singular vectors.
        try gradcheck(
            {
                let (u, s, v) = Linalg.svd(Tensor.complex($0[0], $0[1]))
                return parts((u * s.exp().unsqueeze(-2)).matmul(v))
            }, [re, im])
    }

    @Test func misuseIsToldInPyTorchsWords() throws {
        func message(_ body: () -> Tensor) -> String {
            do { _ = try withTensorErrors(body) } catch { return "\(error)" }
            return "no error"
        }
        let notPositive = Tensor([1.0, 2, 2, 1], shape: [2, 2], dtype: .float64)
        #expect(
            message { Linalg.cholesky(notPositive) }.contains(
                "linalg.cholesky: The factorization could not be completed because the input is not positive-definite (the leading minor of order 2 is not positive-definite)."))
        #expect(message { Linalg.inv(Tensor.zeros([2, 2, 2])) }.contains("(Batch element 0): The diagonal element 1 is zero"))
        #expect(message { Linalg.solve(Tensor.zeros([2, 2]), Tensor.ones([2])) }.contains("The solver failed because the input matrix is singular."))
        #expect(message { Linalg.det(Tensor.zeros([2, 3])) }.contains("A must be batches of square matrices, but they are 2 by 3 matrices"))
        #expect(message { Linalg.svd(Tensor.zeros([3])).s }.contains("must have at least 2 dimensions"))
        #expect(message { Linalg.svd(Tensor.zeros([2, 2], dtype: .int64)).s }.contains("Expected a floating point or complex tensor as input"))
        #expect(message { Linalg.solve(Tensor.zeros([2, 2]), Tensor.zeros([3, 1])) }.contains("Incompatible shapes of A and B for the equation AX = B (2x2 and 3x1)"))
    }

    @Test func emptyMatrices() {
        #expect(Linalg.svd(Tensor.zeros([0, 3])).vh.shape == [3, 3])
        #expect(Linalg.det(Tensor.zeros([2, 0, 0])).array(of: Double.self) == [1, 1])
        #expect(Linalg.qr(Tensor.zeros([4, 0]), mode: .complete).q.shape == [4, 4])
        #expect(Linalg.solve(Tensor.zeros([0, 0]), Tensor.zeros([0, 2])).shape == [0, 2])
    }

    // The suite runs with LAPACK and without it (`make test`), so these also hold our own factorisations to account.

    @Test func svdOfDeficientMatrix() {
        // Rank 1, 4 x 3.
        let a = Tensor.arange(1, 5, dtype: .float64).unsqueeze(1) * Tensor.arange(1, 4, dtype: .float64)
        let (u, s, vh) = Linalg.svd(a, fullMatrices: true)
        let values = s.array(of: Double.self)
        #expect(abs(values[0] - (30.0 * 14).squareRoot()) < 1e-12 && values[1] < 1e-12)
        #expect(((u[0..., 0..<3] * s).matmul(vh) - a).abs().max().item() < 1e-12)
        #expect((u.matmul(u.transpose(0, 1)) - Tensor.eye(4, dtype: .float64)).abs().max().item() < 1e-12)
    }

    @Test func eigenvaluesOfCompanionMatrix() {
        // (x - 1)(x - 2)(x - 3)(x² + 1)
        let polynomial: [Double] = [-6, 11, -12, 12, -6]
        var a = Tensor.zeros([5, 5], dtype: .float64)
        for i in 1..<5 { a[i, i - 1] = Tensor.ones([], dtype: .float64) }
        for i in 0..<5 { a[i, 4] = Tensor(-polynomial[i]).to(.float64) }
        let found = Linalg.eigvals(a).viewAsReal().array(of: Double.self)
        for (re, im) in [(1.0, 0.0), (2, 0), (3, 0), (0, 1), (0, -1)] {
            #expect((0..<5).contains { abs(found[2 * $0] - re) + abs(found[2 * $0 + 1] - im) < 1e-11 }, "\(re) + \(im)i")
        }
    }
}
