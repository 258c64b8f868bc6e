// Reductions and normalisations that see only the elements where a mask is true.
import TorchRuntime

/// Operators under a mask: elements where `mask` (bool, broadcast to the input) is false do not take part. PyTorch: `torch.masked`.
///
/// Results that no element took part in are the operator's identity, or not defined. `dims` nil means all.
public enum Masked {
    /// Sum; small integers sum in int64. PyTorch: `torch.masked.sum`.
    public static func sum(_ x: Tensor, _ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        filled(x, mask, 0, "sum").sum(all(dims), keepDim: keepDim, dtype: dtype ?? sumType(x))
    }

    /// Product; small integers multiply in int64. PyTorch: `torch.masked.prod`.
    public static func prod(_ x: Tensor, _ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        var y = filled(x, mask, 1, "prod")
        let type = dtype ?? sumType(x)
        guard let chosen = x.checkedDims(all(dims), "masked.prod") else { return .placeholder }
        if x.rank == 0 { return y.to(type) }
        for d in chosen.sorted(by: >) { y = y.prod(dim: d, keepDim: keepDim, dtype: type) }
        return y.to(type)
    }

    /// Running sum along `dim`. PyTorch: `torch.masked.cumsum`.
    public static func cumsum(_ x: Tensor, dim: Int, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        filled(x, mask, 0, "cumsum").cumsum(dim: dim, dtype: dtype ?? sumType(x))
    }
    /// Running product along `dim`. PyTorch: `torch.masked.cumprod`.
    public static func cumprod(_ x: Tensor, dim: Int, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        filled(x, mask, 1, "cumprod").cumprod(dim: dim, dtype: dtype ?? sumType(x))
    }

    /// Largest. PyTorch: `torch.masked.amax`.
    public static func amax(_ x: Tensor, _ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        filled(x, mask, smallest(x.dtype), "amax").amax(dims ?? [], keepDim: keepDim).to(dtype ?? x.dtype)
    }
    /// Smallest. PyTorch: `torch.masked.amin`.
    public static func amin(_ x: Tensor, _ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        filled(x, mask, largest(x.dtype), "amin").amin(dims ?? [], keepDim: keepDim).to(dtype ?? x.dtype)
    }
    /// Position of the largest, in the input's type unless told otherwise. PyTorch: `torch.masked.argmax`.
    public static func argmax(_ x: Tensor, dim: Int? = nil, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        filled(x, mask, smallest(x.dtype), "argmax").argmax(dim: dim, keepDim: keepDim).to(dtype ?? x.dtype)
    }
    /// Position of the smallest, in the input's type unless told otherwise. PyTorch: `torch.masked.argmin`.
    public static func argmin(_ x: Tensor, dim: Int? = nil, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        filled(x, mask, largest(x.dtype), "argmin").argmin(dim: dim, keepDim: keepDim).to(dtype ?? x.dtype)
    }

    /// Mean; floating and complex types. PyTorch: `torch.masked.mean`.
    public static func mean(_ x: Tensor, _ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        let type = dtype ?? x.dtype
        guard type.isDifferentiable else {
            TensorError.report("masked.mean", "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: \(type)")
            return .placeholder
        }
        return sum(x, dims, keepDim: keepDim, dtype: type, mask: mask) / count(x, dims, keepDim, mask)
    }

    /// Median along a dim (the lower one of two); NaN where no element takes part. PyTorch: `torch.masked.median`.
    public static func median(_ x: Tensor, dim: Int = -1, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        let floating = x.dtype.isFloatingPoint
        let y = filled(floating ? x : x.to(.float32), mask, .double(.nan), "median").nanmedian(dim: dim, keepDim: keepDim).values
        if floating { return y.to(dtype ?? x.dtype) }
        if y.isNaN().any().item(Bool.self) {
            TensorError.report("masked.median", "masked median expected no fully masked out rows if dtype is not floating point")
            return .placeholder
        }
        return y.to(dtype ?? x.dtype)
    }

    /// log Σ exp. PyTorch: `torch.masked.logsumexp`.
    public static func logsumexp(_ x: Tensor, _ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        let type = dtype ?? x.dtype
        let y = type.isDifferentiable ? x.to(type) : x.to(.float32)
        return filled(y, mask, .double(-.infinity), "logsumexp").logsumexp(dims ?? Array(0..<x.rank), keepDim: keepDim).to(type)
    }

    /// log(exp a + exp b), each under a mask of its own. PyTorch: `torch.masked.logaddexp`.
    public static func logaddexp(_ a: Tensor, _ b: Tensor, dtype: DType? = nil, inputMask: Tensor? = nil, otherMask: Tensor? = nil) -> Tensor {
        let x = filled(a, inputMask, .double(-.infinity), "logaddexp")
        return x.logAddExp(filled(b, otherMask, .double(-.infinity), "logaddexp")).to(dtype ?? a.dtype)
    }

    /// Vector norm of order `ord`. PyTorch: `torch.masked.norm`.
    public static func norm(_ x: Tensor, ord: Double = 2, _ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        filled(x, mask, ord == -.infinity ? .double(.infinity) : 0, "norm").norm(ord, dims, keepDim: keepDim, dtype: dtype ?? x.dtype)
    }

    /// x over its norm along `dim`, at least `epsilon`. PyTorch: `torch.masked.normalize`.
    public static func normalize(_ x: Tensor, ord: Double, dim: Int, epsilon: Double = 1e-12, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        let n = norm(x, ord: ord, [dim], keepDim: true, dtype: dtype, mask: mask)
        return filled(x.to(dtype ?? x.dtype), mask, 0, "normalize") / n.maximum(Tensor.full(Dims(), .double(epsilon), dtype: n.dtype))
    }

    /// Variance; of complex numbers a complex one, as PyTorch's. PyTorch: `torch.masked.var`.
    public static func `var`(
        _ x: Tensor, _ dims: [Int]? = nil, correction: Double = 1, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil
    ) -> Tensor {
        let type = dtype ?? (x.dtype.isDifferentiable ? x.dtype : .float32)
        let values = x.to(type)
        let n = count(x, dims, true, mask)
        let offset = values - sum(values, dims, keepDim: true, dtype: type, mask: mask) / n
        let total = sum(type.isComplex ? offset * offset.conj() : offset * offset, dims, keepDim: keepDim, mask: mask)
        var freedom = n.reshape(total.shape).to(total.dtype.real)
        if correction != 0 { freedom = (freedom - correction).maximum(freedom.zerosLike()) }
        return (total / freedom).to(type)
    }

    /// Standard deviation. PyTorch: `torch.masked.std`.
    public static func std(
        _ x: Tensor, _ dims: [Int]? = nil, correction: Double = 1, keepDim: Bool = false, dtype: DType? = nil, mask: Tensor? = nil
    ) -> Tensor { self.var(x, dims, correction: correction, keepDim: keepDim, dtype: dtype, mask: mask).sqrt() }

    /// Softmax along `dim`. PyTorch: `torch.masked.softmax`.
    public static func softmax(_ x: Tensor, dim: Int, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        filled(x.to(dtype ?? x.dtype), mask, .double(-.infinity), "softmax").softmax(dim: dim)
    }
    /// Logarithm of the softmax along `dim`. PyTorch: `torch.masked.log_softmax`.
    public static func logSoftmax(_ x: Tensor, dim: Int, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        filled(x.to(dtype ?? x.dtype), mask, .double(-.infinity), "logSoftmax").logSoftmax(dim: dim)
    }
    /// Softmax of the negative along `dim`. PyTorch: `torch.masked.softmin`.
    public static func softmin(_ x: Tensor, dim: Int, dtype: DType? = nil, mask: Tensor? = nil) -> Tensor {
        (-filled(x.to(dtype ?? x.dtype), mask, .double(.infinity), "softmin")).softmax(dim: dim)
    }

    // MARK: Parts

    /// x with `identity` where the mask is false.
    private static func filled(_ x: Tensor, _ mask: Tensor?, _ identity: Scalar, _ name: StaticString) -> Tensor {
        guard let mask = broadcast(mask, to: x, name) else { return x }
        return mask.select(x, Tensor.full(Dims(), identity, dtype: x.dtype, device: x.device))
    }

    private static func broadcast(_ mask: Tensor?, to x: Tensor, _ name: StaticString) -> Tensor? {
        guard let mask else { return nil }
        guard mask.rank <= x.rank, Shape.canBroadcast(mask.dims, to: x.dims) else {
            TensorError.report("masked.\(name)", "expected broadcastable mask (got mask shape \(mask.dims) for input \(x.dims))")
            return nil
        }
        return mask.to(.bool)
    }

    /// Number of elements that take part.
    private static func count(_ x: Tensor, _ dims: [Int]?, _ keepDim: Bool, _ mask: Tensor?) -> Tensor {
        let ones = broadcast(mask, to: x, "mean")?.expanded(to: x.dims) ?? Tensor.full(x.dims, 1, dtype: .bool, device: x.device)
        return ones.sum(all(dims), keepDim: keepDim)
    }

    /// An empty list of dims means all, as in PyTorch's older reductions.
    private static func all(_ dims: [Int]?) -> [Int]? { dims?.isEmpty == true ? nil : dims }

    private static func sumType(_ x: Tensor) -> DType { x.dtype.isDifferentiable ? x.dtype : .int64 }

    private static func smallest(_ t: DType) -> Scalar {
        switch t {
        case .bool: .bool(false)
        case .uint8: .int(0)
        case .int8: .int(-128)
        case .int16: .int(-32768)
        case .int32: .int(Int(Int32.min))
        case .int64: .int(.min)
        default: .double(-.infinity)
        }
    }

    private static func largest(_ t: DType) -> Scalar {
        switch t {
        case .bool: .bool(true)
        case .uint8: .int(255)
        case .int8: .int(127)
        case .int16: .int(32767)
        case .int32: .int(Int(Int32.max))
        case .int64: .int(.max)
        default: .double(.infinity)
        }
    }
}
