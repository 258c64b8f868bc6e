// Norms and distances along a dim.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// The p-norm along dims; zero vectors have gradient zero.
    func pNorm(_ p: Double, _ dims: [Int], keepDim: Bool) -> Tensor {
        let x = dtype.isComplex ? abs() : self
        guard let d = x.checkedDims(dims, "norm") else { return .placeholder }
        let out: Tensor
        switch p {
        case .infinity: out = x.abs().withoutGraph.reduced(.max, d, keepDim: true, "norm")
        case -.infinity: out = x.abs().withoutGraph.reduced(.min, d, keepDim: true, "norm")
        case 0: out = (x.withoutGraph .!= 0).to(x.dtype).reduced(.sum, d, keepDim: true, "norm")
        case 1: out = x.abs().withoutGraph.reduced(.sum, d, keepDim: true, "norm")
        default: out = x.withoutGraph.reduced(.norm, d, keepDim: true, "norm", KernelParameters(p))
        }
        let recorded = out.recordedWithOutput(
            "norm",
            (
                x,
                { g, n in
                    let isZero = n.withoutGraph .== 0
                    let safe = isZero.select(n.withoutGraph.onesLike(), n)
                    let slope: Tensor
                    switch p {
                    case 0: return x.zerosLike()
                    case 1: slope = x.sgn()
                    case 2: slope = x / safe
                    case .infinity, -.infinity:
                        // Equal extremes share.
                        let at = (x.withoutGraph.abs() .== n.withoutGraph).to(x.dtype)
                        slope = x.sgn() * (at / at.sum(d, keepDim: true))
                    default:
                        let power = x.abs().pow(p - 1)
                        slope = x.sgn() * (p < 2 ? (x.withoutGraph .== 0).select(power.withoutGraph.zerosLike(), power) : power) / safe.pow(p - 1)
                    }
                    return isZero.select(x.withoutGraph.zerosLike(), g * slope)
                }
            ))
        var mask = Dims(rank: rank)
        for i in d { mask[i] = 1 }
        return keepDim ? recorded : recorded.reshaped(Dims((0..<rank).filter { mask[$0] == 0 }.map { self.dims[$0] }))
    }
}

/// x over its p-norm along `dim`, which counts at least `epsilon`. PyTorch: `torch.nn.functional.normalize`.
public func normalize(_ x: Tensor, p: Double = 2, dim: Int = 1, epsilon: Double = 1e-12) -> Tensor {
    if let cast = Autocast.raise(x, on: .cuda) { return cast.run { normalize(cast(x), p: p, dim: dim, epsilon: epsilon) } }
    guard x.checkedDim(dim, "normalize") != nil else { return .placeholder }
    if x.rank == 0 { return normalize(x.unsqueeze(0), p: p, dim: 0, epsilon: epsilon).squeeze(0) }
    return x / x.pNorm(p, [dim], keepDim: true).clamp(min: epsilon)
}

/// Cosine of the angle between vectors along `dim`; inputs broadcast. PyTorch: `torch.nn.functional.cosine_similarity`.
public func cosineSimilarity(_ x1: Tensor, _ x2: Tensor, dim: Int = 1, epsilon: Double = 1e-8) -> Tensor {
    if let cast = Autocast.raise(x1, x2, on: .cuda) { return cast.run { cosineSimilarity(cast(x1), cast(x2), dim: dim, epsilon: epsilon) } }
    guard let sizes = Shape.broadcast(x1.dims, x2.dims, "cosineSimilarity") else { return .placeholder }
    let type = Tensor.resultType(x1, x2)
    guard type.isFloatingPoint else {
        TensorError.report("cosineSimilarity", "expected common dtype to be floating point, yet common dtype is \(type)")
        return .placeholder
    }
    let (a, b) = (x1.to(type).expanded(to: sizes), x2.to(type).expanded(to: sizes))
    guard let d = a.checkedDim(dim, "cosineSimilarity") else { return .placeholder }
    if a.rank == 0 { return cosineSimilarity(a.unsqueeze(0), b.unsqueeze(0), dim: 0, epsilon: epsilon) }
    func unit(_ t: Tensor) -> Tensor { t / t.pNorm(2, [d], keepDim: true).clamp(min: epsilon) }
    return (unit(a) * unit(b)).sum(dim: d)
}

/// p-norm of x1 - x2 + epsilon along the last dim. PyTorch: `torch.nn.functional.pairwise_distance`.
public func pairwiseDistance(_ x1: Tensor, _ x2: Tensor, p: Double = 2, epsilon: Double = 1e-6, keepDim: Bool = false) -> Tensor {
    let difference = x1 - x2 + epsilon
    guard difference.rank > 0 else {
        TensorError.report("pairwiseDistance", "expected vectors, got \(x1.dims) and \(x2.dims)")
        return .placeholder
    }
    return difference.pNorm(p, [-1], keepDim: keepDim)
}

/// p-norm distances between all pairs of rows of x (n, d), as the upper triangle row by row. PyTorch: `torch.nn.functional.pdist`.
public func pdist(_ x: Tensor, p: Double = 2) -> Tensor {
    if let cast = Autocast.raise(x, on: .cuda) { return cast.run { pdist(cast(x), p: p) } }
    guard x.rank == 2, x.dtype.isFloatingPoint, p >= 0 else {
        TensorError.report("pdist", "pdist only supports 2D floating tensors and non-negative p values, got \(x.dims) of \(x.dtype) and p = \(p)")
        return .placeholder
    }
    let n = x.dims[0]
    var (first, second) = ([Int](), [Int]())
    for i in 0..<n {
        for j in (i + 1)..<Swift.max(n, i + 1) {
            first.append(i)
            second.append(j)
        }
    }
    if first.isEmpty { return x.flatten().slice(0, 0, 0) }
    let difference = x.indexSelect(0, Tensor.table(first, on: x.device)) - x.indexSelect(0, Tensor.table(second, on: x.device))
    return difference.pNorm(p, [1], keepDim: false)
}
