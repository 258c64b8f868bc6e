// QR factorisation and Householder reflectors.
import TorchKernels
import TorchRuntime

extension Linalg {
    /// What `qr` returns.
    public enum QRMode: String, Sendable {
        /// Q m x k, R k x n, k = min(m, n).
        case reduced
        /// Q m x m, R m x n.
        case complete
        /// R only, Q is empty.
        case r
    }

    /// A = Q R with orthonormal columns of Q and an upper triangular R. PyTorch: `torch.linalg.qr`.
    public static func qr(_ a: Tensor, mode: QRMode = .reduced) -> (q: Tensor, r: Tensor) {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { qr(cast(a), mode: mode) } }
        guard isMatrix(a, "linalg.qr") else { return (.placeholder, .placeholder) }
        let (m, n) = (a.dims[a.rank - 2], a.dims[a.rank - 1])
        let k = Swift.min(m, n)
        let columns = mode == .complete ? m : k
        let packed = output(a.dims, [], like: a)
        let tau = output(batch(a), [k], like: a)
        run(.householder, [packed, tau], [a], "linalg.qr")
        let rows = mode == .complete && m > n ? packed : packed.narrow(-2, 0, k)
        let r = noGrad { upper(rows).contiguous() }
        if mode == .r {
            let q = Tensor.make([0], a.dtype, device: a.device)
            let result = Tensor.recordedJointly("qr", outputs: [Tensor(r.impl.alias())], [a]) { _, _, _ in
                TensorError.report(
                    "linalg.qr", "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, mode='reduced') if you are going to require gradients")
                return [nil]
            }
            return (q, result[0])
        }
        let q = output(batch(a), [m, columns], like: a)
        run(.householderProduct, [q], [packed, tau], "linalg.qr")
        let results = Tensor.recordedJointly("qr", outputs: [q, Tensor(r.impl.alias())], [a]) { gradients, outputs, _ in
            if mode == .complete && m > n {
                TensorError.report("linalg.qr", "The QR decomposition is not differentiable when mode='complete' and nrows > ncols")
                return [nil]
            }
            return [qrGradient(outputs[0], outputs[1], gradients[0], gradients[1])]
        }
        return (results[0], results[1])
    }

    private static func qrGradient(_ q: Tensor, _ r: Tensor, _ gq: Tensor?, _ gr: Tensor?) -> Tensor? {
        let (m, n) = (q.dims[q.rank - 2], r.dims[r.rank - 1])
        // X = gR R^H - Q^H gQ
        var x: Tensor?
        if let gr { x = gr.matmul(r.mH) }
        if let gq {
            let y = q.mH.matmul(gq)
            x = x.map { $0 - y } ?? -y
        }
        guard let x else { return nil }
        if m >= n {
            // gA = (gQ + Q S(triu X)) R^-H, S(X) = X + X^H with a real diagonal counted once
            let t = upper(x)
            let strict = upper(x, 1)
            let diagonal = diagonalMatrix(t.diagonal(dim1: -2, dim2: -1).real.to(x.dtype))
            var y = q.matmul(strict + strict.mH + diagonal)
            if let gq { y = y + gq }
            return solveTriangular(r.mH, y, upper: false, left: false)
        }
        // gA = Q (gR + [M R1^-H, 0]), M the lower triangle of X^H - X with half the diagonal
        let skew = x.mH - x
        var y = lower(skew, -1)
        if x.dtype.isComplex { y = y + diagonalMatrix(skew.diagonal(dim1: -2, dim2: -1) * 0.5) }
        let first = solveTriangular(r.narrow(-1, 0, m).mH, y, upper: false, left: false)
        let rest = Tensor.zeros(join(batch(q), m, n - m), dtype: q.dtype, device: q.device)
        var g = q.matmul(cat([first, rest], dim: -1))
        if let gr { g = g + q.matmul(gr) }
        return g
    }

    /// The first columns of H0 H1 …, H = I - tau v v^H with v in `a`'s columns below the diagonal (1 on it). PyTorch: `torch.linalg.householder_product`.
    public static func householderProduct(_ a: Tensor, _ tau: Tensor) -> Tensor { householderColumns(a, tau, a.rank < 2 ? 0 : a.dims[a.rank - 1], "linalg.householder_product") }

    static func householderColumns(_ a: Tensor, _ tau: Tensor, _ columns: Int, _ name: String) -> Tensor {
        if let cast = Autocast.raise(a, tau, on: .cpu) { return cast.run { householderColumns(cast(a), cast(tau), columns, name) } }
        guard isMatrix(a, name, "input"), agree(a, tau, name) else { return .placeholder }
        let (m, n) = (a.dims[a.rank - 2], a.dims[a.rank - 1])
        guard tau.rank == a.rank - 1, batch(tau, dropping: 1) == batch(a) else {
            TensorError.report(name, "Expected batch dimensions of tau to be equal to input.shape[:-2], but got \(tau.dims) for an input of shape \(a.dims)")
            return .placeholder
        }
        let k = tau.dims[tau.rank - 1]
        guard m >= columns, n >= k else {
            TensorError.report(name, "input.shape[-2] must be greater than or equal to input.shape[-1], and input.shape[-1] to tau.shape[-1]: input \(a.dims), tau \(tau.dims)")
            return .placeholder
        }
        if a.isRecorded || tau.isRecorded { return composedProduct(a, tau, columns) }
        let q = output(batch(a), [m, columns], like: a)
        run(.householderProduct, [q], [a, tau], name)
        return q
    }

    /// The same in differentiable operators, one reflector after the other.
    private static func composedProduct(_ a: Tensor, _ tau: Tensor, _ columns: Int) -> Tensor {
        let (m, k) = (a.dims[a.rank - 2], tau.dims[tau.rank - 1])
        var q = Tensor.eye(m, columns, dtype: a.dtype, device: a.device).expanded(to: join(batch(a), m, columns))
        let v = lower(a, -1) + Tensor.eye(m, a.dims[a.rank - 1], dtype: a.dtype, device: a.device)
        for j in (0..<k).reversed() {
            let x = v.narrow(-1, j, 1)
            let t = tau.narrow(-1, j, 1).unsqueeze(-1)
            q = q - (t * x).matmul(x.mH.matmul(q))
        }
        return q
    }
}

extension Tensor {
    /// QR as LAPACK packs it: R in the upper triangle, reflectors below, and their factors tau. No derivative. PyTorch: `torch.geqrf`.
    public func geqrf() -> (a: Tensor, tau: Tensor) {
        if let cast = Autocast.raise(self, on: .cpu) { return cast.run { cast(self).geqrf() } }
        guard Linalg.isMatrix(self, "geqrf", "input") else { return (.placeholder, .placeholder) }
        let packed = Linalg.output(dims, [], like: self)
        let tau = Linalg.output(Linalg.batch(self), [Swift.min(dims[rank - 2], dims[rank - 1])], like: self)
        Linalg.run(.householder, [packed, tau], [self], "geqrf")
        return (packed, tau)
    }

    /// Product of the whole Q that `geqrf` packed into self and `tau` with `other`: Q C, C Q (without `left`), with Q^H when `transpose`. PyTorch: `torch.ormqr`.
    public func ormqr(_ tau: Tensor, _ other: Tensor, left: Bool = true, transpose: Bool = false) -> Tensor {
        if let cast = Autocast.raise(self, tau, on: .cpu) { return cast.run { cast(self).ormqr(cast(tau), cast(other), left: left, transpose: transpose) } }
        let name = "torch.ormqr"
        guard rank >= 2, other.rank >= 2 else {
            TensorError.report(name, rank >= 2 ? "other must have at least 2 dimensions." : "input must have at least 2 dimensions.")
            return .placeholder
        }
        let side = left ? other.dims[other.rank - 2] : other.dims[other.rank - 1]
        guard tau.rank > 0, side >= tau.dims[tau.rank - 1], tau.dims[tau.rank - 1] == Swift.min(side, dims[rank - 1]), dims[rank - 2] == side else {
            let which = "other.shape[\(left ? -2 : -1)]"
            TensorError.report(
                name,
                tau.rank > 0 && tau.dims[tau.rank - 1] != Swift.min(side, dims[rank - 1])
                    ? "tau.shape[-1] must be equal to min(\(which), input.shape[-1])"
                    : dims[rank - 2] != side ? "input.shape[-2] must be equal to \(which)" : "\(which) must be greater than or equal to tau.shape[-1]")
            return .placeholder
        }
        guard Linalg.hasField(self, name), Linalg.agree(self, other, name) else { return .placeholder }
        let q = Linalg.householderColumns(self, tau, side, name)
        guard q.rank == rank else { return .placeholder }
        let factor = transpose ? q.mH : q
        return left ? factor.matmul(other) : other.matmul(factor)
    }
}
