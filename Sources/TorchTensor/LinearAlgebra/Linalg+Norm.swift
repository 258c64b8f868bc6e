// Norms of vectors and matrices, condition numbers.
import TorchKernels
import TorchRuntime

extension Linalg {
    /// Which norm of a matrix: `.frobenius`, `.nuclear`, or a number (1, -1, 2, -2, infinity, -infinity; any number for vectors).
    public enum NormOrder: Sendable, Equatable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
        case frobenius
        case nuclear
        case number(Double)
        public init(integerLiteral value: Int) { self = .number(Double(value)) }
        public init(floatLiteral value: Double) { self = .number(value) }
    }

    // MARK: Building blocks

    /// |x|, real.
    static func magnitude(_ x: Tensor) -> Tensor { x.unary(.abs, "abs") { g, x in g * x.unaryFlat(.sgn, "sgn") } }

    /// Largest or smallest along `dims`; equal ones share the gradient.
    static func extreme(_ x: Tensor, _ dims: [Int], largest: Bool, keepDim: Bool, _ name: StaticString) -> Tensor {
        guard dims.allSatisfy({ x.dims[$0] > 0 }) else {
            TensorError.report("\(name)", "the norm of no elements is not defined for this order: shape \(x.dims)")
            return .placeholder
        }
        return x.reduced(largest ? .max : .min, dims, keepDim: keepDim, name).recordedWithOutput(
            name,
            (
                x,
                { g, y in
                    let (value, gradient) = (y.restoringDims(dims, keepDim: keepDim), g.restoringDims(dims, keepDim: keepDim))
                    let mask = (x.withoutGraph .== value.withoutGraph).to(g.dtype)
                    return mask * (gradient / mask.sum(dims, keepDim: true))
                }
            ))
    }

    // MARK: Vectors

    /// (sum |x|^order)^(1 / order) over `dims` (all if nil): also 0 (how many are not zero), infinity, -infinity. The result is real. PyTorch: `torch.linalg.vector_norm`.
    public static func vectorNorm(_ x: Tensor, order: Double = 2, dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        norm(x, order, dims, keepDim, dtype, "linalg.vector_norm")
    }

    static func norm(_ input: Tensor, _ order: Double, _ dims: [Int]?, _ keepDim: Bool, _ dtype: DType?, _ name: StaticString) -> Tensor {
        guard input.dtype.isDifferentiable else {
            TensorError.report("\(name)", "Expected a floating point or complex tensor as input. Got \(input.dtype)", hint: "convert with .to(.float32) first")
            return .placeholder
        }
        if let dtype, !dtype.isDifferentiable || (input.dtype.isComplex && !dtype.isComplex) {
            TensorError.report("\(name)", "dtype should be floating point or complex, and complex for complex input. Got \(dtype) for \(input.dtype)")
            return .placeholder
        }
        let x = dtype.map { input.to($0) } ?? input
        guard let d = x.checkedDims(dims?.isEmpty == true ? nil : dims, "\(name)") else { return .placeholder }
        if order.isInfinite { return extreme(magnitude(x), d, largest: order > 0, keepDim: keepDim, name) }
        if order == 0 {
            let count = (x .!= 0).to(x.dtype.real).reduced(.sum, d, keepDim: keepDim, name)
            return count.recorded(name, x) { _ in x.zerosLike() }
        }
        return x.reduced(.norm, d, keepDim: keepDim, name, KernelParameters(order)).recordedWithOutput(
            name,
            (
                x,
                { g, y in
                    normGradient(x, order, g.restoringDims(d, keepDim: keepDim), y.restoringDims(d, keepDim: keepDim))
                }
            ))
    }

    /// Zero gradient where the norm (or, below 1, the element) is zero: a subgradient.
    private static func normGradient(_ x: Tensor, _ p: Double, _ g: Tensor, _ y: Tensor) -> Tensor {
        func masked(_ t: Tensor, _ zero: Tensor) -> Tensor { (zero .== 0).select(Tensor.number(.int(0)), t) }
        if p == 1 { return x.unaryFlat(.sgn, "sgn") * g }
        if p == 2 { return masked(x / y, y) * g }
        let sign = x.unaryFlat(.sgn, "sgn")
        if p < 1 { return sign * masked(magnitude(x).pow(p - 1), x) * g * y.pow(1 - p) }
        if p < 2 { return sign * magnitude(x).pow(p - 1) * masked(g / y.pow(p - 1), y) }
        return x * magnitude(x).pow(p - 2) * masked(g / y.pow(p - 1), y)
    }

    // MARK: Matrices

    /// Norm of the matrices in two dims. PyTorch: `torch.linalg.matrix_norm`.
    public static func matrixNorm(_ a: Tensor, order: NormOrder = .frobenius, dims: (Int, Int) = (-2, -1), keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        let name = "linalg.matrix_norm"
        guard a.rank >= 2 else {
            TensorError.report(name, "The input tensor A must have at least 2 dimensions, got shape \(a.dims)")
            return .placeholder
        }
        guard let d = a.checkedDims([dims.0, dims.1], name) else { return .placeholder }
        let x = dtype.map { a.to($0) } ?? a
        switch order {
        case .frobenius: return norm(x, 2, d, keepDim, nil, "linalg.matrix_norm")
        case .nuclear: return reduceSingularValues(x, d, keepDim) { $0.sum(dim: -1) }
        case .number(let p):
            switch Swift.abs(p) {
            case 2: return reduceSingularValues(x, d, keepDim) { extreme($0, [$0.rank - 1], largest: p > 0, keepDim: false, "linalg.matrix_norm") }
            case 1, .infinity:
                // Sums along one dim, then the largest or smallest along the other.
                let (inner, outer) = Swift.abs(p) == 1 ? (d[0], d[1]) : (d[1], d[0])
                let sums = norm(x, 1, [inner], true, nil, "linalg.matrix_norm")
                let result = extreme(sums, [outer], largest: p > 0, keepDim: true, "linalg.matrix_norm")
                return keepDim ? result : result.squeeze(d)
            default:
                TensorError.report(name, "Order \(p) not supported.", hint: "1, -1, 2, -2, infinity, -infinity, .frobenius or .nuclear")
                return .placeholder
            }
        }
    }

    private static func reduceSingularValues(_ x: Tensor, _ d: [Int], _ keepDim: Bool, _ reduction: (Tensor) -> Tensor) -> Tensor {
        let result = reduction(svdvals(x.moveDim(d, [-2, -1])))
        return result.restoringDims(d, keepDim: !keepDim)
    }

    /// Vector norm over one dim or all elements, matrix norm over two dims, as PyTorch decides it. PyTorch: `torch.linalg.norm`.
    public static func norm(_ a: Tensor, order: NormOrder? = nil, dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        guard let order else { return vectorNorm(a, dims: dims, keepDim: keepDim, dtype: dtype) }
        if dims == nil && a.rank != 1 && a.rank != 2 {
            TensorError.report("linalg.norm", "If dim is not specified but ord is, the input must be 1D or 2D. Got \(a.rank)D.")
            return .placeholder
        }
        if let dims, dims.count != 1 && dims.count != 2 {
            TensorError.report("linalg.norm", "If dim is specified, it must be of length 1 or 2. Got \(dims)")
            return .placeholder
        }
        if dims?.count == 2 || (dims == nil && a.rank == 2) {
            let d = dims ?? [0, 1]
            return matrixNorm(a, order: order, dims: (d[0], d[1]), keepDim: keepDim, dtype: dtype)
        }
        guard case .number(let p) = order else {
            TensorError.report("linalg.norm", "the \(order) norm is one of matrices: give two dims")
            return .placeholder
        }
        return vectorNorm(a, order: p, dims: dims, keepDim: keepDim, dtype: dtype)
    }

    /// Condition numbers in a norm: largest over smallest singular value by default. PyTorch: `torch.linalg.cond`.
    public static func cond(_ a: Tensor, order: NormOrder = 2) -> Tensor {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { cond(cast(a), order: order) } }
        guard isMatrix(a, "linalg.cond") else { return .placeholder }
        if case .number(let p) = order, Swift.abs(p) == 2 {
            let s = svdvals(a)
            guard s.rank > 0, s.dims[s.rank - 1] > 0 else { return Tensor.zeros(batch(a), dtype: a.dtype.real, device: a.device) }
            let (first, last) = (s.select(-1, 0), s.select(-1, s.dims[s.rank - 1] - 1))
            return p > 0 ? first / last : last / first
        }
        guard isSquare(a, "linalg.cond") else { return .placeholder }
        let (x, info) = invEx(a)
        let value = matrixNorm(a, order: order) * matrixNorm(x, order: order)
        // A singular matrix has no bounded inverse.
        return (info .== 0).select(value, Tensor.number(.double(.infinity)))
    }
}

extension Tensor {
    /// p-norm of self - other, broadcast. PyTorch: `torch.dist`.
    public func dist(_ other: Tensor, p: Double = 2) -> Tensor {
        if let cast = Autocast.raise(self, other, on: .cuda) { return cast.run { cast(self).dist(cast(other), p: p) } }
        return (self - other).norm(p)
    }

    /// Slices along `dim` whose p-norm is larger than `maxNorm`, scaled down to it. PyTorch: `torch.renorm`.
    public func renorm(p: Double, dim: Int, maxNorm: Double) -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).renorm(p: p, dim: dim, maxNorm: maxNorm) } }
        guard rank >= 2 else {
            TensorError.report("renorm", "input needs at least 2 dimensions, got \(rank) dimensions")
            return .placeholder
        }
        guard p > 0, maxNorm >= 0 else {
            TensorError.report("renorm", p > 0 ? "expected maxnorm to be >= 0 but got \(maxNorm)" : "non-positive-norm not supported")
            return .placeholder
        }
        guard let d = checkedDim(dim, "renorm") else { return .placeholder }
        let wide = to(dtype.computeType)
        let size = wide.norm(p, (0..<rank).filter { $0 != d }, keepDim: true)
        let factor = (size .> maxNorm).select(maxNorm / (size + 1e-7), Tensor.number(.double(1)))
        return self * factor.to(dtype.real)
    }
}

/// Distances between each row of `a` (…, P, M) and each of `b` (…, R, M) in the p-norm: (…, P, R). PyTorch: `torch.cdist`.
public func cdist(_ a: Tensor, _ b: Tensor, p: Double = 2) -> Tensor {
    if let cast = Autocast.raise(a, b) { return cast.run { cdist(cast(a), cast(b), p: p) } }
    guard a.rank >= 2, b.rank >= 2, a.dims[a.rank - 1] == b.dims[b.rank - 1] else {
        TensorError.report("cdist", "X1 and X2 must have at least 2 dimensions and the same number of columns. X1: \(a.dims) X2: \(b.dims)")
        return .placeholder
    }
    guard p >= 0 else {
        TensorError.report("cdist", "cdist only supports non-negative p values, got \(p)")
        return .placeholder
    }
    let (rows, others) = (a.dims[a.rank - 2], b.dims[b.rank - 2])
    // Large Euclidean distances through a matrix product: |x|² - 2 x·y + |y|².
    if p == 2 && (rows > 25 || others > 25) && a.dims[a.rank - 1] > 0 {
        let squares = (a * a).sum(dim: -1, keepDim: true) + (b * b).sum(dim: -1).unsqueeze(-2) - a.matmul(b.mT) * 2
        let positive = (squares .> 0).select(squares, Tensor.number(.int(0)))
        // The root has no derivative at 0; PyTorch's is 0 there.
        let zero = positive .== 0
        return zero.select(Tensor.number(.int(0)), zero.select(Tensor.number(.int(1)), positive).sqrt())
    }
    return (a.unsqueeze(-2) - b.unsqueeze(-3)).norm(p, dim: -1)
}
