// Singular values and eigenvalues.
import TorchKernels
import TorchRuntime

extension Linalg {
    // MARK: Singular values

    private static func svdSucceeded(_ info: Tensor, _ name: String) -> Bool {
        check(info, name) { "The algorithm failed to converge because the input matrix is ill-conditioned, has too many repeated singular values or has non-finite values (error code: \($0))." }
    }

    /// A = U diag(S) V^H, S descending. `fullMatrices`: square U and V^H, of which only the first min(m, n) vectors are differentiable. PyTorch: `torch.linalg.svd`.
    public static func svd(_ a: Tensor, fullMatrices: Bool = true) -> (u: Tensor, s: Tensor, vh: Tensor) {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { svd(cast(a), fullMatrices: fullMatrices) } }
        guard isMatrix(a, "linalg.svd") else { return (.placeholder, .placeholder, .placeholder) }
        let (m, n) = (a.dims[a.rank - 2], a.dims[a.rank - 1])
        let k = Swift.min(m, n)
        let u = output(batch(a), [m, fullMatrices ? m : k], like: a)
        let s = output(batch(a), [k], like: a, a.dtype.real)
        let vh = output(batch(a), [fullMatrices ? n : k, n], like: a)
        let info = output(batch(a), [], like: a, .int32)
        guard run(.svd(full: fullMatrices), [u, s, vh, info], [a], "linalg.svd"), svdSucceeded(info, "linalg.svd") else {
            return (.placeholder, .placeholder, .placeholder)
        }
        let results = Tensor.recordedJointly("svd", outputs: [u, s, vh], [a]) { g, o, _ in
            [
                svdGradient(
                    o[0].narrow(-1, 0, k), o[1], o[2].narrow(-2, 0, k), g[0]?.narrow(-1, 0, k), g[1], g[2]?.narrow(-2, 0, k))
            ]
        }
        return (results[0], results[1], results[2])
    }

    private static func skew(_ x: Tensor) -> Tensor { x - x.mH }

    private static func svdGradient(_ u: Tensor, _ s: Tensor, _ vh: Tensor, _ gu: Tensor?, _ gs: Tensor?, _ gvh: Tensor?) -> Tensor? {
        let (m, n, k) = (u.dims[u.rank - 2], vh.dims[vh.rank - 1], s.dims[s.rank - 1])
        if gu == nil && gvh == nil { return gs.map { (u * $0.unsqueeze(-2)).matmul(vh) } }
        let squares = s * s
        let e = fillingDiagonal(squares.unsqueeze(-2) - squares.unsqueeze(-1), 1)
        var inner = gs.map { diagonalMatrix($0.to(u.dtype)) } ?? Tensor.zeros(join(batch(u), k, k), dtype: u.dtype, device: u.device)
        if let gu {
            let x = u.mH.matmul(gu)
            inner = inner + skew(x) / e * s.unsqueeze(-2)
            if u.dtype.isComplex {
                let phase = x.diagonal(dim1: -2, dim2: -1).imag / s
                inner = inner + diagonalMatrix(phase.to(u.dtype) * Tensor(real: 0, imaginary: 1, dtype: u.dtype, device: .cpu))
            }
        }
        if let gvh {
            let y = vh.matmul(gvh.mH)
            inner = inner + s.unsqueeze(-1) * (skew(y) / e)
        }
        if m > k, let gu {
            let left = u.matmul(inner) + (gu - u.matmul(u.mH.matmul(gu))) / s.unsqueeze(-2)
            let g = left.matmul(vh)
            return g
        }
        if n > k, let gvh {
            let right = inner.matmul(vh) + (gvh - gvh.matmul(vh.mH).matmul(vh)) / s.unsqueeze(-1)
            return u.matmul(right)
        }
        return u.matmul(inner).matmul(vh)
    }

    /// Singular values, descending. PyTorch: `torch.linalg.svdvals`.
    public static func svdvals(_ a: Tensor) -> Tensor {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { svdvals(cast(a)) } }
        if a.isRecorded { return svd(a, fullMatrices: false).s }
        guard isMatrix(a, "linalg.svdvals") else { return .placeholder }
        let s = output(batch(a), [Swift.min(a.dims[a.rank - 2], a.dims[a.rank - 1])], like: a, a.dtype.real)
        let info = output(batch(a), [], like: a, .int32)
        run(.singularValues, [s, info], [a], "linalg.svdvals")
        return svdSucceeded(info, "linalg.svdvals") ? s : .placeholder
    }

    // MARK: Eigenvalues

    private static func eigenSucceeded(_ info: Tensor, _ name: String) -> Bool {
        check(info, name) { "The algorithm failed to converge because the input matrix is ill-conditioned, has too many repeated eigenvalues or has non-finite values (error code: \($0))." }
    }

    /// Eigenvalues (real, ascending) and orthonormal eigenvectors (columns) of Hermitian matrices; one triangle is read. PyTorch: `torch.linalg.eigh`.
    public static func eigh(_ a: Tensor, triangle: Triangle = .lower) -> (eigenvalues: Tensor, eigenvectors: Tensor) {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { eigh(cast(a), triangle: triangle) } }
        guard isSquare(a, "linalg.eigh") else { return (.placeholder, .placeholder) }
        let w = output(batch(a), [a.dims[a.rank - 1]], like: a, a.dtype.real)
        let v = output(a.dims, [], like: a)
        let info = output(batch(a), [], like: a, .int32)
        guard run(.eigh(upper: triangle == .upper), [w, v, info], [a], "linalg.eigh"), eigenSucceeded(info, "linalg.eigh") else { return (.placeholder, .placeholder) }
        let results = Tensor.recordedJointly("eigh", outputs: [w, v], [a]) { g, o, _ in
            let (w, v) = (o[0], o[1])
            guard let gv = g[1] else { return [g[0].map { (v * $0.unsqueeze(-2)).matmul(v.mH) }] }
            let e = fillingDiagonal(w.unsqueeze(-2) - w.unsqueeze(-1), 1)
            var inner = fillingDiagonal(v.mH.matmul(gv) / e, 0)
            if let gw = g[0] { inner = inner + diagonalMatrix(gw.to(v.dtype)) }
            return [v.matmul(inner).matmul(v.mH)]
        }
        return (results[0], results[1])
    }

    /// Eigenvalues of Hermitian matrices, ascending. PyTorch: `torch.linalg.eigvalsh`.
    public static func eigvalsh(_ a: Tensor, triangle: Triangle = .lower) -> Tensor {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { eigvalsh(cast(a), triangle: triangle) } }
        if a.isRecorded { return eigh(a, triangle: triangle).eigenvalues }
        guard isSquare(a, "linalg.eigvalsh") else { return .placeholder }
        let w = output(batch(a), [a.dims[a.rank - 1]], like: a, a.dtype.real)
        let info = output(batch(a), [], like: a, .int32)
        run(.eighValues(upper: triangle == .upper), [w, info], [a], "linalg.eigvalsh")
        return eigenSucceeded(info, "linalg.eigvalsh") ? w : .placeholder
    }

    /// Eigenvalues and right eigenvectors (columns, norm 1) of general matrices, both complex. PyTorch: `torch.linalg.eig`.
    public static func eig(_ a: Tensor) -> (eigenvalues: Tensor, eigenvectors: Tensor) {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { eig(cast(a)) } }
        guard isSquare(a, "linalg.eig") else { return (.placeholder, .placeholder) }
        let complex = a.dtype.complex
        let w = output(batch(a), [a.dims[a.rank - 1]], like: a, complex)
        let v = output(a.dims, [], like: a, complex)
        let info = output(batch(a), [], like: a, .int32)
        guard run(.eig, [w, v, info], [a], "linalg.eig"), eigenSucceeded(info, "linalg.eig") else { return (.placeholder, .placeholder) }
        let isReal = !a.dtype.isComplex
        let results = Tensor.recordedJointly("eig", outputs: [w, v], [a]) { g, o, _ in
            let (w, v) = (o[0], o[1])
            // gA = V^-H (diag(gL) + (V^H gV - V^H V diag(Re(V^H gV))) / conj(E)) V^H, E[i, j] = L[j] - L[i]
            var inner: Tensor?
            if let gv = g[1] {
                let x = v.mH.matmul(gv)
                let along = v.mH.matmul(v * x.diagonal(dim1: -2, dim2: -1).real.unsqueeze(-2))
                let e = fillingDiagonal((w.unsqueeze(-2) - w.unsqueeze(-1)).conj(), 1)
                inner = fillingDiagonal((x - along) / e, 0)
            }
            if let gw = g[0] {
                let d = diagonalMatrix(gw)
                inner = inner.map { $0 + d } ?? d
            }
            guard let inner else { return [nil] }
            let result = solveEx(v.mH, inner.matmul(v.mH)).result
            return [isReal ? result.real : result]
        }
        return (results[0], results[1])
    }

    /// Eigenvalues of general matrices, complex. PyTorch: `torch.linalg.eigvals`.
    public static func eigvals(_ a: Tensor) -> Tensor {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { eigvals(cast(a)) } }
        if a.isRecorded { return eig(a).eigenvalues }
        guard isSquare(a, "linalg.eigvals") else { return .placeholder }
        let w = output(batch(a), [a.dims[a.rank - 1]], like: a, a.dtype.complex)
        let info = output(batch(a), [], like: a, .int32)
        run(.eigValues, [w, info], [a], "linalg.eigvals")
        return eigenSucceeded(info, "linalg.eigvals") ? w : .placeholder
    }
}

// MARK: - Low rank

/// Singular vectors and values of a low-rank matrix, by random projection. PyTorch: `torch.svd_lowrank`.
///
/// - Parameters:
///   - q: how many, a little more than the rank.
///   - iterations: subspace iterations.
///   - mean: subtracted from `a` first, broadcast.
public func svdLowrank(_ a: Tensor, q: Int = 6, iterations: Int = 2, mean: Tensor? = nil) -> (u: Tensor, s: Tensor, v: Tensor) {
    guard Linalg.isMatrix(a, "svd_lowrank") else { return (.placeholder, .placeholder, .placeholder) }
    var x = mean.map { a - $0 } ?? a
    let wide = x.dims[x.rank - 2] < x.dims[x.rank - 1]
    guard q >= 0, q <= Swift.min(x.dims[x.rank - 2], x.dims[x.rank - 1]) else {
        TensorError.report("svd_lowrank", "q(=\(q)) must be non-negative integer and not greater than min(m, n)=\(Swift.min(x.dims[x.rank - 2], x.dims[x.rank - 1]))")
        return (.placeholder, .placeholder, .placeholder)
    }
    if wide { x = x.mH }
    let projection = Tensor.randn([x.dims[x.rank - 1], q], dtype: x.dtype, device: x.device)
    var basis = Linalg.qr(x.matmul(projection)).q
    for _ in 0..<iterations {
        basis = Linalg.qr(x.mH.matmul(basis)).q
        basis = Linalg.qr(x.matmul(basis)).q
    }
    let (u, s, vh) = Linalg.svd(basis.mH.matmul(x), fullMatrices: false)
    let (left, right) = (basis.matmul(u), vh.mH)
    return wide ? (right, s, left) : (left, s, right)
}

/// Principal components by `svdLowrank`: rows are samples, centred unless told otherwise. PyTorch: `torch.pca_lowrank`.
public func pcaLowrank(_ a: Tensor, q: Int? = nil, center: Bool = true, iterations: Int = 2) -> (u: Tensor, s: Tensor, v: Tensor) {
    guard Linalg.isMatrix(a, "pca_lowrank") else { return (.placeholder, .placeholder, .placeholder) }
    let count = q ?? Swift.min(6, a.dims[a.rank - 2], a.dims[a.rank - 1])
    return svdLowrank(a, q: count, iterations: iterations, mean: center ? a.mean(dim: -2, keepDim: true) : nil)
}
