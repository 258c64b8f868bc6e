// Cholesky, LU and LDL factorisations.
import TorchKernels
import TorchRuntime

extension Linalg {
    // MARK: Cholesky

    /// A = L L^H (or U^H U) of Hermitian positive-definite matrices. PyTorch: `torch.linalg.cholesky`.
    ///
    /// Reads the lower triangle, with `upper` the upper one. An A that is not positive-definite is an error; `choleskyEx` reports it in `info` instead.
    public static func cholesky(_ a: Tensor, upper: Bool = false) -> Tensor { checkedCholesky(a, upper, "linalg.cholesky") }

    static func checkedCholesky(_ a: Tensor, _ upper: Bool, _ name: String) -> Tensor {
        guard let (l, info) = choleskyFactor(a, upper, name) else { return .placeholder }
        return choleskySucceeded(info, name) ? l : .placeholder
    }

    private static func choleskySucceeded(_ info: Tensor, _ name: String) -> Bool {
        check(info, name) {
            "The factorization could not be completed because the input is not positive-definite (the leading minor of order \($0) is not positive-definite)."
        }
    }

    /// `cholesky` with an int32 `info` a matrix: 0, or the order of the leading minor that is not positive-definite. PyTorch: `torch.linalg.cholesky_ex`.
    public static func choleskyEx(_ a: Tensor, upper: Bool = false, checkErrors: Bool = false) -> (factor: Tensor, info: Tensor) {
        guard let (l, info) = choleskyFactor(a, upper, "linalg.cholesky_ex") else { return (.placeholder, .placeholder) }
        if checkErrors { _ = choleskySucceeded(info, "linalg.cholesky_ex") }
        return (l, info)
    }

    private static func choleskyFactor(_ a: Tensor, _ upper: Bool, _ name: String) -> (Tensor, Tensor)? {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { choleskyFactor(cast(a), upper, name) } }
        guard isSquare(a, name) else { return nil }
        let l = output(a.dims, [], like: a)
        let info = output(batch(a), [], like: a, .int32)
        guard run(.cholesky(upper: upper), [l, info], [a], name) else { return nil }
        let results = Tensor.recordedJointly("cholesky", outputs: [l, info], [a]) { gradients, outputs, _ in
            guard let g = gradients[0] else { return [nil] }
            // gA = L^-H P(L^H gL) L^-1, P(X) = (tril X + (tril X)^H - diag X) / 2
            let (l, gl) = upper ? (outputs[0].mH, g.mH) : (outputs[0], g)
            let x = lower(l.mH.matmul(gl))
            let sum = x + lower(x, -1).mH
            let y = solveTriangular(l.mH, sum, upper: true)
            return [solveTriangular(l, y, upper: false, left: false) * 0.5]
        }
        return (results[0], results[1])
    }

    // MARK: LU

    /// LU with partial pivoting, packed: U in the upper triangle, L without its ones below. Pivots are int32 and count from 1. PyTorch: `torch.linalg.lu_factor`.
    public static func luFactor(_ a: Tensor) -> (lu: Tensor, pivots: Tensor) {
        let r = luFactorEx(a)
        return (r.lu, r.pivots)
    }

    /// `luFactor` with an int32 `info` a matrix: 0, or the position (from 1) of a zero on U's diagonal. PyTorch: `torch.linalg.lu_factor_ex`.
    public static func luFactorEx(_ a: Tensor, checkErrors: Bool = false) -> (lu: Tensor, pivots: Tensor, info: Tensor) {
        guard isMatrix(a, "linalg.lu_factor") else { return (.placeholder, .placeholder, .placeholder) }
        let (m, n) = (a.dims[a.rank - 2], a.dims[a.rank - 1])
        let k = Swift.min(m, n)
        let lu = output(a.dims, [], like: a)
        let pivots = output(batch(a), [k], like: a, .int32)
        let info = output(batch(a), [], like: a, .int32)
        run(.lu, [lu, pivots, info], [a], "linalg.lu_factor")
        if checkErrors {
            check(info, "linalg.lu_factor_ex") { "U[\($0),\($0)] is zero and using it on lu_solve would result in a division by zero." }
        }
        let results = Tensor.recordedJointly("luFactor", outputs: [lu, pivots, info], [a]) { gradients, outputs, _ in
            guard let g = gradients[0] else { return [nil] }
            let (packed, p) = (outputs[0], permutation(outputs[1], m, like: outputs[0]))
            let (l, u) = unpack(packed)
            return [p.matmul(luGradient(l, u, lower(g, -1).narrow(-1, 0, k), upper(g).narrow(-2, 0, k)))]
        }
        return (results[0], results[1], results[2])
    }

    /// The gradient of P^T A = L U towards P^T A; `gl` strictly lower, `gu` upper triangular.
    private static func luGradient(_ l: Tensor, _ u: Tensor, _ gl: Tensor, _ gu: Tensor) -> Tensor {
        let (m, n) = (l.dims[l.rank - 2], u.dims[u.rank - 1])
        let k = Swift.min(m, n)
        if m <= n {
            let u1 = u.narrow(-1, 0, k)
            let y = lower(l.mH.matmul(gl), -1) - lower(gu.matmul(u.mH), -1)
            let first = gu.narrow(-1, 0, k) + solveTriangular(u1.mH, y, upper: false, left: false)
            let all = n == k ? first : cat([first, gu.narrow(-1, k, n - k)], dim: -1)
            return solveTriangular(l.mH, all, upper: true, unitriangular: true)
        }
        let l1 = l.narrow(-2, 0, k)
        let y = upper(gu.matmul(u.mH)) - upper(l.mH.matmul(gl))
        let first = gl.narrow(-2, 0, k) + solveTriangular(l1.mH, y, upper: true, unitriangular: true)
        let all = cat([first, gl.narrow(-2, k, m - k)], dim: -2)
        return solveTriangular(u.mH, all, upper: false, left: false)
    }

    /// L with its ones, and U, of a packed factorisation.
    static func unpack(_ lu: Tensor) -> (l: Tensor, u: Tensor) {
        let (m, n) = (lu.dims[lu.rank - 2], lu.dims[lu.rank - 1])
        let k = Swift.min(m, n)
        let l = lower(lu.narrow(-1, 0, k), -1) + Tensor.eye(m, k, dtype: lu.dtype, device: lu.device)
        return (l, upper(lu.narrow(-2, 0, k)))
    }

    /// The matrix P of A = P L U from pivots.
    static func permutation(_ pivots: Tensor, _ m: Int, like x: Tensor) -> Tensor {
        let k = pivots.dims[pivots.rank - 1]
        let exchanges = pivots.array(of: Int32.self)
        let count = batch(pivots, dropping: 1).product
        var order = [Int](repeating: 0, count: count * m)
        for b in 0..<count {
            for i in 0..<m { order[b * m + i] = i }
            for i in 0..<k {
                let p = Int(exchanges[b * k + i]) - 1
                guard p >= 0, p < m else {
                    TensorError.report("lu_unpack", "LU_pivots: pivot \(p + 1) is outside 1...\(m)")
                    return .placeholder
                }
                order.swapAt(b * m + i, b * m + p)
            }
        }
        // Row i of P^T A is row order[i] of A, so P[order[i], i] = 1.
        let target = Tensor(order, device: x.device).reshaped(join(batch(pivots, dropping: 1), 1, m))
        let rows = Tensor.arange(m, device: x.device).unsqueeze(1)
        return (rows .== target).to(x.dtype)
    }

    /// A = P L U. PyTorch: `torch.linalg.lu`.
    public static func lu(_ a: Tensor) -> (p: Tensor, l: Tensor, u: Tensor) {
        let f = luFactorEx(a)
        guard f.lu.rank >= 2 else { return (.placeholder, .placeholder, .placeholder) }
        let (l, u) = unpack(f.lu)
        return (permutation(f.pivots, a.dims[a.rank - 2], like: f.lu), l, u)
    }

    /// Solves A X = B (X A = B without `left`; with A^H when `adjoint`) from `luFactor`. Batch dims broadcast. PyTorch: `torch.linalg.lu_solve`.
    public static func luSolve(_ lu: Tensor, _ pivots: Tensor, _ b: Tensor, left: Bool = true, adjoint: Bool = false) -> Tensor {
        if let cast = Autocast.raise(lu, b, on: .cpu) { return cast.run { luSolve(cast(lu), pivots, cast(b), left: left, adjoint: adjoint) } }
        let name = "linalg.lu_solve"
        guard isSquare(lu, name, "LU"), isMatrix(b, name, "B"), agree(lu, b, name) else { return .placeholder }
        guard pivots.dtype == .int32, pivots.dims == Dims(Array(lu.dims)[..<(lu.rank - 1)]) else {
            TensorError.report(name, "Expected pivots of type int32 with shape \(Dims(Array(lu.dims)[..<(lu.rank - 1)])), got \(pivots.dtype) \(pivots.dims)")
            return .placeholder
        }
        guard fits(lu, b, left: left, name) else { return .placeholder }
        if lu.isRecorded || b.isRecorded {
            // Through the factors, so that gradients reach them.
            let (l, u) = unpack(lu)
            let p = permutation(pivots, lu.dims[lu.rank - 1], like: lu)
            switch (left, adjoint) {
            case (true, false): return solveTriangular(u, solveTriangular(l, p.mT.matmul(b), upper: false, unitriangular: true), upper: true)
            case (true, true): return p.matmul(solveTriangular(l.mH, solveTriangular(u.mH, b, upper: false), upper: true, unitriangular: true))
            case (false, false):
                return solveTriangular(l, solveTriangular(u, b, upper: true, left: false), upper: false, left: false, unitriangular: true).matmul(p.mT)
            case (false, true):
                return solveTriangular(u.mH, solveTriangular(l.mH, b.matmul(p), upper: true, left: false, unitriangular: true), upper: false, left: false)
            }
        }
        // X A = B is A^H X^H = B^H.
        guard let (f, right) = broadcastBatches(lu, left ? b : b.mH, "lu_solve") else { return .placeholder }
        let q = pivots.expanded(to: Dims(Array(f.dims)[..<(f.rank - 1)]))
        let x = solveFactored(f, q, right, adjoint: left == adjoint)
        return left ? x : x.mH
    }

    /// The primitive behind `luSolve`, unrecorded, batch dims equal.
    static func solveFactored(_ lu: Tensor, _ pivots: Tensor, _ b: Tensor, adjoint: Bool) -> Tensor {
        let x = output(b.dims, [], like: b)
        run(.luSolve(adjoint: adjoint), [x], [lu, pivots, b], "linalg.lu_solve")
        return x
    }

    // MARK: LDL

    /// A = L D L^T (L D L^H with `hermitian`) of symmetric matrices, packed as LAPACK does; reads the lower triangle. No derivative. PyTorch: `torch.linalg.ldl_factor`.
    public static func ldlFactor(_ a: Tensor, hermitian: Bool = false) -> (ld: Tensor, pivots: Tensor) {
        let r = ldlFactorEx(a, hermitian: hermitian)
        check(r.info, "torch.linalg.ldl_factor_ex") { "The diagonal element \($0) is zero, the factorization has a singular D." }
        return (r.ld, r.pivots)
    }

    /// `ldlFactor` with an int32 `info` a matrix. PyTorch: `torch.linalg.ldl_factor_ex`.
    public static func ldlFactorEx(_ a: Tensor, hermitian: Bool = false, checkErrors: Bool = false) -> (ld: Tensor, pivots: Tensor, info: Tensor) {
        guard isSquare(a, "linalg.ldl_factor_ex") else { return (.placeholder, .placeholder, .placeholder) }
        let ld = output(a.dims, [], like: a)
        let pivots = output(batch(a), [a.dims[a.rank - 1]], like: a, .int32)
        let info = output(batch(a), [], like: a, .int32)
        run(.ldl(hermitian: hermitian), [ld, pivots, info], [a], "linalg.ldl_factor_ex")
        if checkErrors { check(info, "linalg.ldl_factor_ex") { "The diagonal element \($0) is zero, the factorization has a singular D." } }
        return (lower(ld).withoutGraph, pivots, info)
    }

    /// Solves A X = B from `ldlFactor`. No derivative. PyTorch: `torch.linalg.ldl_solve`.
    public static func ldlSolve(_ ld: Tensor, _ pivots: Tensor, _ b: Tensor, hermitian: Bool = false) -> Tensor {
        let name = "linalg.ldl_solve"
        guard isSquare(ld, name, "LD"), isMatrix(b, name, "B"), agree(ld, b, name), fits(ld, b, left: true, name) else { return .placeholder }
        guard pivots.dtype.isInteger, pivots.dims == Dims(Array(ld.dims)[..<(ld.rank - 1)]) else {
            TensorError.report(name, "Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape \(pivots.dims) instead")
            return .placeholder
        }
        guard let (f, right) = broadcastBatches(ld, b, "ldl_solve") else { return .placeholder }
        let q = pivots.expanded(to: Dims(Array(f.dims)[..<(f.rank - 1)]))
        let x = output(right.dims, [], like: right)
        run(.ldlSolve(hermitian: hermitian), [x], [f, q, right], name)
        return x
    }

    /// Inner sizes of a solve.
    static func fits(_ a: Tensor, _ b: Tensor, left: Bool, _ name: String) -> Bool {
        let n = a.dims[a.rank - 1]
        if (left ? b.dims[b.rank - 2] : b.dims[b.rank - 1]) == n { return true }
        TensorError.report(
            name, "Incompatible shapes of A and B for the equation \(left ? "AX = B" : "XA = B") (\(a.dims[a.rank - 2])x\(n) and \(b.dims[b.rank - 2])x\(b.dims[b.rank - 1]))")
        return false
    }
}
