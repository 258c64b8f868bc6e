// Systems of equations, inverses, determinants.
import TorchKernels
import TorchRuntime

extension Linalg {
    // MARK: Triangular

    /// Solves A X = B (X A = B without `left`) for triangular A; the other triangle is not read. Batch dims broadcast. PyTorch: `torch.linalg.solve_triangular`.
    public static func solveTriangular(_ a: Tensor, _ b: Tensor, upper: Bool, left: Bool = true, unitriangular: Bool = false) -> Tensor {
        let name = "linalg.solve_triangular"
        guard isSquare(a, name), isMatrix(b, name, "B"), agree(a, b, name), fits(a, b, left: left, name) else { return .placeholder }
        if !left { return solveTriangular(a.mT, b.mT, upper: !upper, unitriangular: unitriangular).mT }
        guard let (f, y) = broadcastBatches(a, b, "solve_triangular") else { return .placeholder }
        let x = output(y.dims, [], like: y)
        run(.triangularSolve(upper: upper, unitDiagonal: unitriangular), [x], [f, y], name)
        return Tensor.recordedJointly("solveTriangular", outputs: [x], [f, y]) { gradients, outputs, needs in
            guard let g = gradients[0] else { return [nil, nil] }
            let gy = solveTriangular(f.mH, g, upper: !upper, unitriangular: unitriangular)
            if !needs[0] { return [nil, gy] }
            let full = -gy.matmul(outputs[0].mH)
            let k = unitriangular ? 1 : 0
            return [upper ? Linalg.upper(full, k) : lower(full, -k), gy]
        }[0]
    }

    // MARK: General

    /// True where `b` holds one vector a matrix, as PyTorch decides it.
    private static func isVector(_ a: Tensor, _ b: Tensor) -> Bool {
        b.rank == 1 || (a.rank - 1 == b.rank && b.dims == Dims(Array(a.dims)[..<(a.rank - 1)]))
    }

    /// Solves A X = B (X A = B without `left`) for square A; B may be a vector, or a batch of them. PyTorch: `torch.linalg.solve`.
    public static func solve(_ a: Tensor, _ b: Tensor, left: Bool = true) -> Tensor {
        if let cast = Autocast.raise(a, b, on: .cpu) { return cast.run { solve(cast(a), cast(b), left: left) } }
        let r = solved(a, b, left, "linalg.solve")
        let ok = check(r.info, "linalg.solve") { _ in "The solver failed because the input matrix is singular." }
        return ok ? r.result : .placeholder
    }

    /// `solve` with an int32 `info` a matrix: 0, or the position (from 1) of a zero pivot. PyTorch: `torch.linalg.solve_ex`.
    public static func solveEx(_ a: Tensor, _ b: Tensor, left: Bool = true, checkErrors: Bool = false) -> (result: Tensor, info: Tensor) {
        let r = solved(a, b, left, "linalg.solve_ex")
        if checkErrors { check(r.info, "linalg.solve_ex") { _ in "The solver failed because the input matrix is singular." } }
        return r
    }

    private static func solved(_ a: Tensor, _ b: Tensor, _ left: Bool, _ name: String) -> (result: Tensor, info: Tensor) {
        let nothing = (result: Tensor.placeholder, info: Tensor.zeros([], dtype: .int32, device: a.device))
        guard isSquare(a, name), hasField(b, name), agree(a, b, name) else { return nothing }
        guard b.rank > 0 else {
            TensorError.report(name, "The input tensor B must have at least 1 dimension")
            return nothing
        }
        let vector = isVector(a, b)
        guard !vector || left else {
            TensorError.report(name, "Vector broadcasting of the left hand side is not supported for left=False. In this case linalg.solve is equivalent to B / A.squeeze(-1)")
            return nothing
        }
        let columns = vector ? b.unsqueeze(-1) : b
        guard fits(a, columns, left: left, name) else { return nothing }
        guard let (f, y) = broadcastBatches(left ? a : a.mT, left ? columns : columns.mT, "solve") else { return nothing }
        let (x, info) = solveSquare(f, y, name)
        return (vector ? x.squeeze(-1) : left ? x : x.mT, info)
    }

    /// A X = B, batch dims equal; recorded.
    private static func solveSquare(_ a: Tensor, _ b: Tensor, _ name: String) -> (Tensor, Tensor) {
        let n = a.dims[a.rank - 1]
        let lu = output(a.dims, [], like: a)
        let pivots = output(batch(a), [n], like: a, .int32)
        let info = output(batch(a), [], like: a, .int32)
        run(.lu, [lu, pivots, info], [a], name)
        let x = solveFactored(lu, pivots, b, adjoint: false)
        let results = Tensor.recordedJointly("solve", outputs: [x, info], [a, b]) { gradients, outputs, needs in
            guard let g = gradients[0] else { return [nil, nil] }
            let gb = st_grad_enabled() ? solveEx(a.mH, g.dims.count == a.rank ? g : g.unsqueeze(-1)).result : solveFactored(lu, pivots, g, adjoint: true)
            return [needs[0] ? -gb.matmul(outputs[0].mH) : nil, gb]
        }
        return (results[0], results[1])
    }

    // MARK: Inverse

    /// Inverses of square matrices; singular ones are an error. PyTorch: `torch.linalg.inv`.
    public static func inv(_ a: Tensor) -> Tensor {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { inv(cast(a)) } }
        let r = inverse(a, "linalg.inv")
        return inverted(r.info, "linalg.inv") ? r.inverse : .placeholder
    }

    /// `inv` with an int32 `info` a matrix: 0, or the position (from 1) of a zero pivot. PyTorch: `torch.linalg.inv_ex`.
    public static func invEx(_ a: Tensor, checkErrors: Bool = false) -> (inverse: Tensor, info: Tensor) {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { invEx(cast(a), checkErrors: checkErrors) } }
        let r = inverse(a, "linalg.inv_ex")
        if checkErrors { _ = inverted(r.info, "linalg.inv_ex") }
        return r
    }

    private static func inverted(_ info: Tensor, _ name: String) -> Bool {
        check(info, name) { "The diagonal element \($0) is zero, the inversion could not be completed because the input matrix is singular." }
    }

    private static func inverse(_ a: Tensor, _ name: String) -> (inverse: Tensor, info: Tensor) {
        guard isSquare(a, name) else { return (.placeholder, Tensor.zeros([], dtype: .int32, device: a.device)) }
        let n = a.dims[a.rank - 1]
        let (lu, pivots) = (output(a.dims, [], like: a), output(batch(a), [n], like: a, .int32))
        let info = output(batch(a), [], like: a, .int32)
        run(.lu, [lu, pivots, info], [a], name)
        let x = solveFactored(lu, pivots, identities(batch(a), n, like: a), adjoint: false)
        let results = Tensor.recordedJointly("inv", outputs: [x, info], [a]) { gradients, outputs, _ in
            guard let g = gradients[0] else { return [nil] }
            let h = outputs[0].mH
            return [-h.matmul(g).matmul(h)]
        }
        return (results[0], results[1])
    }

    // MARK: Determinants

    /// LU factors without graph, the sign of the permutation, and U's diagonal.
    private static func factoredDeterminant(_ a: Tensor) -> (lu: Tensor, pivots: Tensor, sign: Tensor, diagonal: Tensor) {
        noGrad {
            let n = a.dims[a.rank - 1]
            let (lu, pivots) = (output(a.dims, [], like: a), output(batch(a), [n], like: a, .int32))
            run(.lu, [lu, pivots, output(batch(a), [], like: a, .int32)], [a], "linalg.det")
            let moved = (pivots .!= Tensor.arange(1, n + 1, dtype: .int32, device: a.device)).to(.int64).sum(dim: -1)
            let sign = 1 - moved.remainder(Tensor.number(.int(2))) * 2
            return (lu, pivots, sign.to(a.dtype), lu.diagonal(dim1: -2, dim2: -1))
        }
    }

    /// A^-H scaled by one number a matrix; a zero on U's diagonal is replaced by a tiny one, which is right in the limit for rank n - 1.
    private static func adjointInverse(_ a: Tensor, _ lu: Tensor, _ pivots: Tensor, _ scale: Tensor) -> Tensor {
        let n = a.dims[a.rank - 1]
        let d = scale.unsqueeze(-1).unsqueeze(-1) * Tensor.eye(n, dtype: a.dtype, device: a.device)
        if st_grad_enabled() { return solveEx(a.mH, d).result }
        let diagonal = lu.diagonal(dim1: -2, dim2: -1)
        let largest = lu.count == 0 ? 0 : Tensor.map(.abs, lu, "abs").reduced(.max, Array(0..<lu.rank), keepDim: false, "max").item()
        let tiny = Swift.max(largest, 1e-30) * a.dtype.epsilon
        let safe = lu + diagonalMatrix((diagonal .== 0).to(a.dtype) * tiny)
        return solveFactored(safe, pivots, d, adjoint: true)
    }

    /// Determinants of square matrices. PyTorch: `torch.linalg.det`.
    public static func det(_ a: Tensor) -> Tensor {
        guard isSquare(a, "linalg.det") else { return .placeholder }
        let f = factoredDeterminant(a)
        let value = noGrad { f.diagonal.reduced(.prod, [f.diagonal.rank - 1], keepDim: false, "det") * f.sign }
        let (lu, pivots) = (f.lu, f.pivots)
        return Tensor(value.impl.alias()).recordedWithOutput("det", (a, { g, y in adjointInverse(a, lu, pivots, g * y.conjugateIfComplex) }))
    }

    /// Sign (a complex number of absolute value 1 for complex matrices) and logarithm of the absolute value of determinants. PyTorch: `torch.linalg.slogdet`.
    public static func slogdet(_ a: Tensor) -> (sign: Tensor, logAbsDet: Tensor) {
        guard isSquare(a, "linalg.slogdet") else { return (.placeholder, .placeholder) }
        let f = factoredDeterminant(a)
        let (sign, logarithm) = noGrad {
            let last = f.diagonal.rank - 1
            let diagonal = f.diagonal.contiguous()
            let sign = Tensor.map(.sgn, diagonal, "sgn").reduced(.prod, [last], keepDim: false, "slogdet") * f.sign
            return (sign, Tensor.map(.abs, diagonal, "abs").log().sum(dim: -1))
        }
        let (lu, pivots) = (f.lu, f.pivots)
        let results = Tensor.recordedJointly("slogdet", outputs: [Tensor(sign.impl.alias()), Tensor(logarithm.impl.alias())], [a]) { gradients, outputs, _ in
            guard a.dtype.isComplex else { return [gradients[1].map { adjointInverse(a, lu, pivots, $0) }] }
            var weight: Tensor?
            if let g = gradients[1] { weight = g.to(a.dtype) }
            if let g = gradients[0] {
                let turn = (g.conj() * outputs[0]).imag * Tensor(real: 0, imaginary: -1, dtype: a.dtype, device: .cpu)
                weight = weight.map { $0 + turn } ?? turn
            }
            return [weight.map { adjointInverse(a, lu, pivots, $0) }]
        }
        return (results[0], results[1])
    }

    // MARK: Tensors as matrices

    /// The inverse of a tensor as a map from its last dims to its first `ind`. PyTorch: `torch.linalg.tensorinv`.
    public static func tensorinv(_ a: Tensor, ind: Int = 2) -> Tensor {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { tensorinv(cast(a), ind: ind) } }
        guard ind > 0, ind <= a.rank else {
            TensorError.report("linalg.tensorinv", ind > 0 ? "Expected self to have at least ind (\(ind)) dimensions, got \(a.rank)" : "Expected a strictly positive integer for 'ind'")
            return .placeholder
        }
        let (left, right) = (Array(a.dims)[..<ind], Array(a.dims)[ind...])
        let (m, n) = (left.reduce(1, *), right.reduce(1, *))
        guard m == n else {
            TensorError.report("linalg.tensorinv", "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got \(n) != \(m)")
            return .placeholder
        }
        return inv(a.reshape([m, n])).reshape(Array(right) + Array(left))
    }

    /// X with tensordot(A, X) = B; `dims` of A are moved to its end first. PyTorch: `torch.linalg.tensorsolve`.
    public static func tensorsolve(_ a: Tensor, _ b: Tensor, dims: [Int]? = nil) -> Tensor {
        if let cast = Autocast.raise(a, b, on: .cpu) { return cast.run { tensorsolve(cast(a), cast(b), dims: dims) } }
        var x = a
        if let dims {
            guard let moved = a.checkedDims(dims, "linalg.tensorsolve") else { return .placeholder }
            x = a.moveDim(moved, Array((a.rank - moved.count)..<a.rank))
        }
        let rest = Array(x.dims)[Swift.min(b.rank, x.rank)...]
        let n = rest.reduce(1, *)
        guard n == b.count, x.count == n * n else {
            TensorError.report("linalg.tensorsolve", "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got \(n) != \(b.count)")
            return .placeholder
        }
        return solve(x.reshape([n, n]), b.flatten()).reshape(Array(rest))
    }
}
