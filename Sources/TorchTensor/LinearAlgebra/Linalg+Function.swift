// Powers and exponentials of matrices, products of several, cross and inner products.
import TorchKernels
import TorchRuntime

extension Linalg {
    /// A multiplied with itself `n` times; a negative power of the inverse. PyTorch: `torch.linalg.matrix_power`.
    public static func matrixPower(_ a: Tensor, _ n: Int) -> Tensor {
        guard a.rank >= 2, a.dims[a.rank - 2] == a.dims[a.rank - 1] else {
            TensorError.report("linalg.matrix_power", "A must be batches of square matrices, but it is of shape \(a.dims)")
            return .placeholder
        }
        if n == 0 { return identities(batch(a), a.dims[a.rank - 1], like: a).copied().recorded("matrixPower", a) { _ in a.zerosLike() } }
        var base = n < 0 ? inv(a) : a
        var exponent = n.magnitude
        var result: Tensor?
        while exponent > 0 {
            if exponent & 1 == 1 { result = result.map { $0.matmul(base) } ?? base }
            exponent >>= 1
            if exponent > 0 { base = base.matmul(base) }
        }
        return result!
    }

    /// e^A of square matrices. PyTorch: `torch.linalg.matrix_exp`.
    public static func matrixExp(_ a: Tensor) -> Tensor {
        if a.dtype.computeType != a.dtype { return matrixExp(a.to(a.dtype.computeType)).to(a.dtype) }
        guard isSquare(a, "linalg.matrix_exp") else { return .placeholder }
        let n = a.dims[a.rank - 1]
        if a.count == 0 { return a.clone() }
        let y = noGrad { exponential(a.withoutGraph) }
        return Tensor(y.impl.alias()).recorded("matrixExp", a) { g in
            // The derivative stands in the corner of the exponential of (A^H, G; 0, A^H).
            let h = a.mH
            let top = cat([h, g], dim: -1)
            let bottom = cat([h.zerosLike(), h], dim: -1)
            return matrixExp(cat([top, bottom], dim: -2)).narrow(-2, 0, n).narrow(-1, n, n)
        }
    }

    /// Scaling and squaring of the Taylor polynomial of degree 18, matrix by matrix as often as its norm asks for.
    private static func exponential(_ a: Tensor) -> Tensor {
        let n = a.dims[a.rank - 1]
        let size = matrixNorm(a, order: 1)
        let norms = size.array(of: Double.self)
        // Below this norm the polynomial is right to the last bit or so.
        let bound = a.dtype.real == .float32 ? 3.0 : 1.09
        let squarings = norms.map { $0 > bound && $0.isFinite ? Int((($0 / bound).log2).rounded(.up)) : 0 }
        let count = Tensor(squarings, device: a.device).reshaped(join(batch(a), 1, 1))
        let scale = (-count.to(a.dtype.real)).exp2()
        let x = a * scale
        // Paterson and Stockmeyer: six coefficients at a time, powers up to x^6.
        let eye = Tensor.eye(n, dtype: a.dtype, device: a.device)
        let x2 = x.matmul(x)
        let x3 = x2.matmul(x)
        let x6 = x3.matmul(x3)
        let powers = [eye, x, x2, x3, x2.matmul(x2), x3.matmul(x2)]
        var factorial = [1.0]
        for i in 1...18 { factorial.append(factorial[i - 1] * Double(i)) }
        var y = powers[0] * (1 / factorial[18])
        for block in (0..<3).reversed() {
            y = y.matmul(x6)
            for i in 0..<6 { y = y + powers[i] * (1 / factorial[block * 6 + i]) }
        }
        for i in 0..<(squarings.max() ?? 0) { y = (count .> i).select(y.matmul(y), y) }
        return y
    }

    /// Product of several matrices in the cheapest order; the first and the last may be vectors. PyTorch: `torch.linalg.multi_dot`.
    public static func multiDot(_ tensors: [Tensor]) -> Tensor {
        let name = "linalg.multi_dot"
        guard tensors.count >= 2 else {
            TensorError.report(name, "expected at least 2 tensors but got \(tensors.count)")
            return .placeholder
        }
        var matrices = tensors
        let (first, last) = (tensors[0].rank == 1, tensors[tensors.count - 1].rank == 1)
        if first { matrices[0] = matrices[0].unsqueeze(0) }
        if last { matrices[matrices.count - 1] = matrices[matrices.count - 1].unsqueeze(1) }
        for (i, m) in matrices.enumerated() where m.rank != 2 {
            TensorError.report(name, "tensor \(i) must be \(i == 0 || i == matrices.count - 1 ? "1D or 2D" : "2D") but got \(tensors[i].rank)D")
            return .placeholder
        }
        for i in 1..<matrices.count where matrices[i].dims[0] != matrices[i - 1].dims[1] {
            TensorError.report(name, "tensors \(i - 1) and \(i) with shapes \(tensors[i - 1].dims) and \(tensors[i].dims) cannot be multiplied")
            return .placeholder
        }
        var result = chain(matrices)
        if first { result = result.squeeze(0) }
        return last ? result.squeeze(-1) : result
    }

    private static func chain(_ m: [Tensor]) -> Tensor {
        let n = m.count
        let sizes = [m[0].dims[0]] + m.map { $0.dims[1] }
        var cost = [[Int]](repeating: [Int](repeating: 0, count: n), count: n)
        var split = cost
        for length in 1..<n {
            for i in 0..<(n - length) {
                let j = i + length
                cost[i][j] = Int.max
                for k in i..<j {
                    let c = cost[i][k] &+ cost[k + 1][j] &+ sizes[i] &* sizes[k + 1] &* sizes[j + 1]
                    if c < cost[i][j] { (cost[i][j], split[i][j]) = (c, k) }
                }
            }
        }
        func product(_ i: Int, _ j: Int) -> Tensor { i == j ? m[i] : product(i, split[i][j]).matmul(product(split[i][j] + 1, j)) }
        return product(0, n - 1)
    }

    // MARK: Vectors

    /// Cross product along a dim of size 3, broadcast. PyTorch: `torch.linalg.cross`.
    public static func cross(_ a: Tensor, _ b: Tensor, dim: Int = -1) -> Tensor {
        guard a.rank == b.rank else {
            TensorError.report("linalg.cross", "inputs must have the same number of dimensions.")
            return .placeholder
        }
        guard let d = a.checkedDim(dim, "linalg.cross") else { return .placeholder }
        guard a.rank > 0, a.dims[d] == 3, b.dims[d] == 3 else {
            TensorError.report("linalg.cross", "inputs dimension \(dim) must have length 3. Got \(a.rank == 0 ? 0 : a.dims[d]) and \(b.rank == 0 ? 0 : b.dims[d])")
            return .placeholder
        }
        let (next, previous) = (Tensor.table([1, 2, 0], on: a.device), Tensor.table([2, 0, 1], on: a.device))
        return a.indexSelect(d, next) * b.indexSelect(d, previous) - a.indexSelect(d, previous) * b.indexSelect(d, next)
    }

    /// Sum of conj(x) * y along a dim, broadcast. PyTorch: `torch.linalg.vecdot`.
    public static func vecdot(_ x: Tensor, _ y: Tensor, dim: Int = -1) -> Tensor {
        guard x.dtype == y.dtype, x.dtype.isDifferentiable else {
            TensorError.report("linalg.vecdot", "Expected two floating point or complex tensors of one dtype, but got \(x.dtype) and \(y.dtype)")
            return .placeholder
        }
        return (x.conj() * y).sum(dim: dim)
    }

    /// Powers 0 to n - 1 of the elements as a new last dim. PyTorch: `torch.linalg.vander`.
    public static func vander(_ x: Tensor, _ n: Int? = nil) -> Tensor {
        guard n.map({ $0 > 1 }) ?? true else {
            TensorError.report("linalg.vander", "N must be greater than 1.")
            return .placeholder
        }
        if x.rank == 0 { return vander(x.reshape([1]), n) }
        let base = x.dtype.isDifferentiable ? x : x.to(.int64)
        let count = n ?? x.dims[x.rank - 1]
        let steps = noGrad {
            let repeated = base.withoutGraph.unsqueeze(-1).expanded(to: join(x.dims, count))
            return (Tensor.arange(count, device: x.device) .== 0).select(Tensor.number(1), repeated).to(base.dtype).contiguous()
        }
        let out = Tensor.make(steps.dims, base.dtype, device: x.device)
        guard count == 0 || x.backend.scan(.prod, out.operand, nil, steps.operand, dim: steps.rank - 1) else {
            TensorError.report("linalg.vander", "not implemented for \(base.dtype)")
            return .placeholder
        }
        return out.recordedWithOutput(
            "vander",
            (
                base,
                { g, y in
                    if count < 2 { return base.zerosLike() }
                    let slopes = y.narrow(-1, 0, count - 1) * Tensor.arange(1, count, dtype: y.dtype.real, device: y.device)
                    return (g.narrow(-1, 1, count - 1) * slopes.conjugateIfComplex).sum(dim: -1)
                }
            ))
    }
}

extension Double {
    fileprivate var log2: Double { _log2(self) }
}
private func _log2(_ x: Double) -> Double { Double(x.exponent) + (x.significand > 1 ? 1 : 0) }

extension Tensor {
    // MARK: Methods

    /// Cholesky factor L (or upper U). PyTorch: `torch.cholesky`.
    public func cholesky(upper: Bool = false) -> Tensor { Linalg.checkedCholesky(self, upper, "cholesky") }

    /// Solves A X = self from A's Cholesky factor. PyTorch: `torch.cholesky_solve`.
    public func choleskySolve(_ factor: Tensor, upper: Bool = false) -> Tensor {
        if let cast = Autocast.raise(self, factor, on: .cpu) { return cast.run { cast(self).choleskySolve(cast(factor), upper: upper) } }
        if upper { return Linalg.solveTriangular(factor, Linalg.solveTriangular(factor.mH, self, upper: false), upper: true) }
        return Linalg.solveTriangular(factor.mH, Linalg.solveTriangular(factor, self, upper: false), upper: true)
    }

    /// The inverse of A from its Cholesky factor, which is self. PyTorch: `torch.cholesky_inverse`.
    public func choleskyInverse(upper: Bool = false) -> Tensor {
        if let cast = Autocast.raise(self, on: .cpu) { return cast.run { cast(self).choleskyInverse(upper: upper) } }
        guard Linalg.isSquare(self, "cholesky_inverse") else { return .placeholder }
        return Linalg.identities(Linalg.batch(self), dims[rank - 1], like: self).choleskySolve(self, upper: upper)
    }

    /// Inverses of square matrices. PyTorch: `torch.inverse`.
    public func inverse() -> Tensor { Linalg.inv(self) }
    /// Determinants. PyTorch: `torch.det`.
    public func det() -> Tensor { Linalg.det(self) }
    /// Logarithms of determinants: NaN where negative, complex for complex matrices. PyTorch: `torch.logdet`.
    public func logdet() -> Tensor {
        let (sign, value) = Linalg.slogdet(self)
        if dtype.isComplex { return sign.log() + value }
        return (sign.withoutGraph .== -1).select(Tensor.number(.double(.nan)), value)
    }

    /// Sum of the diagonal of a matrix. PyTorch: `torch.trace`.
    public func trace() -> Tensor {
        if let cast = Autocast.raise(self, on: .cpu) { return cast.run { cast(self).trace() } }
        guard rank == 2 else {
            TensorError.report("trace", "expected a matrix, but got tensor with dim \(rank)")
            return .placeholder
        }
        return diagonal().sum()
    }

    /// Moore-Penrose inverse. PyTorch: `torch.pinverse`.
    public func pinverse(rcond: Double = 1e-15) -> Tensor {
        if let cast = Autocast.raise(self, on: .cpu) { return cast.run { cast(self).pinverse(rcond: rcond) } }
        return Linalg.pinv(self, atol: 0, rtol: rcond)
    }

    /// A multiplied with itself. PyTorch: `torch.matrix_power`.
    public func matrixPower(_ n: Int) -> Tensor { Linalg.matrixPower(self, n) }
    /// e^A. PyTorch: `torch.matrix_exp`.
    public func matrixExp() -> Tensor { Linalg.matrixExp(self) }

    /// Cross product along `dim`, by default the first of size 3. PyTorch: `torch.cross`.
    public func cross(_ other: Tensor, dim: Int? = nil) -> Tensor {
        guard let d = dim ?? dims.firstIndex(of: 3) else {
            TensorError.report("cross", "no dimension of size 3 in input")
            return .placeholder
        }
        return Linalg.cross(self, other, dim: d)
    }

    /// Packed LU factors and pivots. PyTorch: `torch.lu`.
    public func lu() -> (lu: Tensor, pivots: Tensor) { Linalg.luFactor(self) }

    /// Solves A X = self from A's packed LU factors. PyTorch: `torch.lu_solve`.
    public func luSolve(_ lu: Tensor, _ pivots: Tensor) -> Tensor { Linalg.luSolve(lu, pivots, self) }

    /// P, L and U of A = P L U from packed factors, which are self. PyTorch: `torch.lu_unpack`.
    public func luUnpack(_ pivots: Tensor) -> (p: Tensor, l: Tensor, u: Tensor) {
        guard Linalg.isMatrix(self, "lu_unpack", "LU_data") else { return (.placeholder, .placeholder, .placeholder) }
        let k = Swift.min(dims[rank - 2], dims[rank - 1])
        guard pivots.dtype == .int32, pivots.dims == Linalg.join(Linalg.batch(self), k) else {
            TensorError.report("lu_unpack", "LU_pivots is expected to be a contiguous tensor of torch.int32 dtype and shape \(Linalg.join(Linalg.batch(self), k)), got \(pivots.dtype) \(pivots.dims)")
            return (.placeholder, .placeholder, .placeholder)
        }
        let (l, u) = Linalg.unpack(self)
        return (Linalg.permutation(pivots, dims[rank - 2], like: self), l, u)
    }
}
