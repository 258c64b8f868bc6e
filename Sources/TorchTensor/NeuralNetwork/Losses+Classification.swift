// Losses between scores and classes or labels.
import TorchKernels
import TorchRuntime

/// Cross-entropy of probabilities x with targets of [0, 1]. PyTorch: `torch.nn.functional.binary_cross_entropy`.
public func binaryCrossEntropy(_ x: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean) -> Tensor {
    if st_autocast() != 0, x.device.kind == .cuda, Autocast.lowerType(.cuda) != nil {
        TensorError.report(
            "binaryCrossEntropy", "binary_cross_entropy and BCELoss are unsafe to autocast: the logarithm of a probability that float16 rounded to 0 or 1 has no gradient",
            hint: "use binaryCrossEntropyWithLogits instead of sigmoid and this loss, or leave the scope with autocast(enabled: false)")
        return .placeholder
    }
    if let cast = Autocast.raise(x, target, on: .cpu) { return cast.run { binaryCrossEntropy(cast(x), cast(target), weight: cast(weight), reduction: reduction) } }
    guard Loss.sameShape(x, target, "binaryCrossEntropy") else { return .placeholder }
    guard x.dtype.isFloatingPoint, x.count == 0 || (x.withoutGraph .>= 0).logicalAnd(x.withoutGraph .<= 1).all().item(Bool.self) else {
        TensorError.report("binaryCrossEntropy", "all elements of input should be between 0 and 1", hint: "apply sigmoid first, or use binaryCrossEntropyWithLogits")
        return .placeholder
    }
    if let weight, !Shape.canBroadcast(weight.dims, to: x.dims) {
        TensorError.report("binaryCrossEntropy", "weight of shape \(weight.dims) does not broadcast to the input's shape \(x.dims)")
        return .placeholder
    }
    let t = target.to(x.dtype)
    // Logarithms are bounded by -100, as PyTorch's.
    func bounded(_ p: Tensor) -> Tensor { p.log().clamp(min: -100) }
    let plain = noGrad { (t.withoutGraph - 1.0) * bounded(1.0 - x.withoutGraph) - t.withoutGraph * bounded(x.withoutGraph) }
    let losses = plain.recorded(
        "binaryCrossEntropy", (x, { g in g * (x - t) / ((1.0 - x) * x).clamp(min: 1e-12) }),
        (t, { g in g * (bounded(1.0 - x) - bounded(x)) }))
    return reduction.apply(weight.map { losses * $0 } ?? losses)
}

/// Binary cross-entropy of logits, computed stably. `posWeight` multiplies the positive term. PyTorch: `torch.nn.functional.binary_cross_entropy_with_logits`.
public func binaryCrossEntropyWithLogits(
    _ x: Tensor, _ target: Tensor, weight: Tensor? = nil, posWeight: Tensor? = nil, reduction: Reduction = .mean
) -> Tensor {
    if let cast = Autocast.raise(x, target) {
        return cast.run { binaryCrossEntropyWithLogits(cast(x), cast(target), weight: cast(weight), posWeight: cast(posWeight), reduction: reduction) }
    }
    guard Loss.sameShape(x, target, "binaryCrossEntropyWithLogits") else { return .placeholder }
    var losses: Tensor
    if let posWeight {
        let factor = (posWeight - 1.0) * target + 1.0
        losses = (1.0 - target) * x - factor * x.logSigmoid()
    } else {
        losses = (1.0 - target) * x - x.logSigmoid()
    }
    if let weight { losses = losses * weight }
    return reduction.apply(losses)
}

/// log(1 + exp(-target * x)) for targets of 1 and -1. PyTorch: `torch.nn.functional.soft_margin_loss`.
public func softMarginLoss(_ x: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
    if let cast = Autocast.raise(x, target) { return cast.run { softMarginLoss(cast(x), cast(target), reduction: reduction) } }
    guard Loss.sameShape(x, target, "softMarginLoss") else { return .placeholder }
    return reduction.apply(-(target * x).logSigmoid())
}

/// One binary cross-entropy a class, averaged over classes: x and target (n, c). PyTorch: `torch.nn.functional.multilabel_soft_margin_loss`.
public func multilabelSoftMarginLoss(_ x: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean) -> Tensor {
    guard Loss.sameShape(x, target, "multilabelSoftMarginLoss"), x.rank > 0 else { return .placeholder }
    var losses = -(target * x.logSigmoid() + (1.0 - target) * (-x).logSigmoid())
    if let weight { losses = losses * weight }
    return reduction.apply(losses.mean(dim: -1))
}

/// x for targets of 1, max(0, margin - x) for targets of -1. PyTorch: `torch.nn.functional.hinge_embedding_loss`.
public func hingeEmbeddingLoss(_ x: Tensor, _ target: Tensor, margin: Double = 1, reduction: Reduction = .mean) -> Tensor {
    if let cast = Autocast.raise(x, target) { return cast.run { hingeEmbeddingLoss(cast(x), cast(target), margin: margin, reduction: reduction) } }
    guard Loss.repeats(x, target, "hingeEmbeddingLoss") else { return .placeholder }
    let zeros = Tensor.zeros([], dtype: x.dtype, device: x.device)
    let apart = (target .!= 1).select((margin - x).clamp(min: 0), zeros)
    let near = (target .!= -1).select(x, zeros)
    return reduction.apply(apart + near)
}

/// max(0, -target * (x1 - x2) + margin): target 1 wants x1 higher, -1 x2. PyTorch: `torch.nn.functional.margin_ranking_loss`.
public func marginRankingLoss(_ x1: Tensor, _ x2: Tensor, _ target: Tensor, margin: Double = 0, reduction: Reduction = .mean) -> Tensor {
    if let cast = Autocast.raise(x1, x2) { return cast.run { marginRankingLoss(cast(x1), cast(x2), cast(target), margin: margin, reduction: reduction) } }
    guard x1.rank == x2.rank, x1.rank == target.rank else {
        TensorError.report("marginRankingLoss", "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: \(x1.dims), input2: \(x2.dims), target: \(target.dims)")
        return .placeholder
    }
    return reduction.apply((-target * (x1 - x2) + margin).clamp(min: 0))
}

/// 1 - cos for targets of 1, max(0, cos - margin) for -1: x1, x2 (n, d) and target (n), or (d) and (). PyTorch: `torch.nn.functional.cosine_embedding_loss`.
public func cosineEmbeddingLoss(_ x1: Tensor, _ x2: Tensor, _ target: Tensor, margin: Double = 0, reduction: Reduction = .mean) -> Tensor {
    if let cast = Autocast.raise(x1, x2) { return cast.run { cosineEmbeddingLoss(cast(x1), cast(x2), cast(target), margin: margin, reduction: reduction) } }
    guard (target.rank == 1 && x1.rank == 2 && x2.rank == 2) || (target.rank == 0 && x1.rank == 1 && x2.rank == 1) else {
        TensorError.report("cosineEmbeddingLoss", "0D or 1D target tensor expected with inputs of 1 or 2 dimensions, got target \(target.dims), inputs \(x1.dims) and \(x2.dims)")
        return .placeholder
    }
    let d = x1.rank - 1
    func dot(_ a: Tensor, _ b: Tensor) -> Tensor { (a * b).sum(dim: d) }
    let floating = x1.dtype.isFloatingPoint ? (x1, x2) : (x1.to(DefaultDType.floating), x2.to(DefaultDType.floating))
    let (a, b) = floating
    let tiny = 1e-12
    let cosine = dot(a, b) / ((dot(a, a) + tiny) * (dot(b, b) + tiny)).sqrt()
    let zeros = cosine.withoutGraph.zerosLike()
    let near = (target .== 1).select(1.0 - cosine, zeros)
    let apart = (target .== -1).select((cosine - margin).clamp(min: 0), zeros)
    return reduction.apply(near + apart)
}

/// Hinge of each wrong class against the right one, to the power p: x (n, c) or (c), target (n) or (). PyTorch: `torch.nn.functional.multi_margin_loss`.
public func multiMarginLoss(
    _ x: Tensor, _ target: Tensor, p: Int = 1, margin: Double = 1, weight: Tensor? = nil, reduction: Reduction = .mean
) -> Tensor {
    if let cast = Autocast.raise(x) { return cast.run { multiMarginLoss(cast(x), target, p: p, margin: margin, weight: cast(weight), reduction: reduction) } }
    guard p == 1 || p == 2 else {
        TensorError.report("multiMarginLoss", "only p == 1 and p == 2 supported, got p = \(p)")
        return .placeholder
    }
    guard x.rank <= 2, x.rank == 0 || x.dims[x.rank - 1] > 0 else {
        TensorError.report("multiMarginLoss", "Expected non-empty vector or matrix with optional 0-dim batch size, but got: \(x.dims)")
        return .placeholder
    }
    let rows = x.rank == 2 ? x : x.reshape([1, x.count])
    let (n, classes) = (rows.dims[0], rows.dims[1])
    guard target.count == n, target.rank <= 1 else {
        TensorError.report("multiMarginLoss", "inconsistent target size: expected \(n) but got \(target.dims)")
        return .placeholder
    }
    guard let labels = target.asIndex("multiMarginLoss") else { return .placeholder }
    if let weight, weight.dims != [classes] {
        TensorError.report("multiMarginLoss", "inconsistent weight size: expected \(classes) but got \(weight.dims)")
        return .placeholder
    }
    let index = labels.contiguous().reshape([n, 1])
    guard NLL.countValid(index, classes, .min, "multiMarginLoss") != nil else { return .placeholder }
    let right = rows.gather(1, index)
    var terms = (rows - right + margin).clamp(min: 0)
    if p == 2 { terms = terms.square() }
    if let weight { terms = terms * weight.indexSelect(0, index.flatten()).unsqueeze(1) }
    // The right class itself is no term.
    let wrong = Tensor.arange(classes, device: x.device).unsqueeze(0) .!= index
    let losses = wrong.select(terms, terms.withoutGraph.zerosLike()).sum(dim: 1) / Double(classes)
    if reduction == .none { return x.rank == 2 ? losses : losses.reshape(target.shape) }
    return reduction.apply(losses)
}

/// Hinge between every right and every wrong class: target lists the right classes of each row, closed by -1. PyTorch: `torch.nn.functional.multilabel_margin_loss`.
public func multilabelMarginLoss(_ x: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
    if let cast = Autocast.raise(x) { return cast.run { multilabelMarginLoss(cast(x), target, reduction: reduction) } }
    guard x.rank <= 2, x.rank == 0 || x.dims[x.rank - 1] > 0 else {
        TensorError.report("multilabelMarginLoss", "Expected non-empty vector or matrix with optional 0-dim batch size, but got: \(x.dims)")
        return .placeholder
    }
    guard x.dims == target.dims || (x.count == target.count && x.rank <= 1), target.dtype.isInteger else {
        TensorError.report("multilabelMarginLoss", "inconsistent target size: \(target.dims) of \(target.dtype) for input of size: \(x.dims)")
        return .placeholder
    }
    let classes = x.rank == 0 ? 1 : x.dims[x.rank - 1]
    let n = x.rank == 2 ? x.dims[0] : 1
    let rows = x.reshape([n, classes])
    let listed = target.array(of: Int.self)
    // Every pair (right class, wrong class) of a row as one index into the row.
    var isRight = [Bool](repeating: false, count: n * classes)
    var right: [Int] = []
    var rowOf: [Int] = []
    for r in 0..<n {
        for c in 0..<classes {
            let t = listed[r * classes + c]
            if t == -1 { break }
            guard t >= 0 && t < classes else {
                TensorError.report("multilabelMarginLoss", "Target \(t) out of bounds: there are \(classes) classes")
                return .placeholder
            }
            isRight[r * classes + t] = true
            right.append(t)
            rowOf.append(r)
        }
    }
    let wrong = Tensor(isRight.map { !$0 }, shape: [n, classes], device: x.device)
    let zeros = Tensor.zeros([n], dtype: x.dtype, device: x.device)
    var losses = zeros + rows.sum(dim: 1) * 0.0
    if !right.isEmpty {
        let row = Tensor(rowOf, device: x.device)
        let picked = rows.indexSelect(0, row)
        let score = picked.gather(1, Tensor(right, shape: [right.count, 1], device: x.device))
        let hinge = (1.0 - score + picked).clamp(min: 0)
        let terms = wrong.indexSelect(0, row).select(hinge, hinge.withoutGraph.zerosLike()).sum(dim: 1)
        losses = zeros.indexAdd(0, row, terms) / Double(classes)
    }
    if reduction == .none { return x.rank == 2 ? losses : losses.squeeze(0) }
    return reduction.apply(losses)
}

/// max(0, d(anchor, positive) - d(anchor, negative) + margin) for the p-norm distance along the last dim. PyTorch: `torch.nn.functional.triplet_margin_loss`.
///
/// `swap`: the negative's distance is the smaller of those to anchor and positive.
public func tripletMarginLoss(
    _ anchor: Tensor, _ positive: Tensor, _ negative: Tensor, margin: Double = 1, p: Double = 2, epsilon: Double = 1e-6, swap: Bool = false,
    reduction: Reduction = .mean
) -> Tensor {
    if let cast = Autocast.raise(anchor, positive) {
        return cast.run {
            tripletMarginLoss(cast(anchor), cast(positive), cast(negative), margin: margin, p: p, epsilon: epsilon, swap: swap, reduction: reduction)
        }
    }
    guard anchor.rank == positive.rank, anchor.rank == negative.rank else {
        TensorError.report(
            "tripletMarginLoss",
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor \(anchor.rank)D, positive \(positive.rank)D, and negative \(negative.rank)D inputs"
        )
        return .placeholder
    }
    guard margin > 0 else {
        TensorError.report("tripletMarginLoss", "margin must be greater than 0, got \(margin)")
        return .placeholder
    }
    return tripletMarginLoss(anchor, positive, negative, margin: margin, swap: swap, reduction: reduction) { pairwiseDistance($0, $1, p: p, epsilon: epsilon) }
}

/// Triplet loss with a distance of one's own. PyTorch: `torch.nn.functional.triplet_margin_with_distance_loss`.
public func tripletMarginLoss(
    _ anchor: Tensor, _ positive: Tensor, _ negative: Tensor, margin: Double = 1, swap: Bool = false, reduction: Reduction = .mean,
    distance: (Tensor, Tensor) -> Tensor
) -> Tensor {
    let near = distance(anchor, positive)
    var far = distance(anchor, negative)
    if swap { far = far.minimum(distance(positive, negative)) }
    return reduction.apply((near - far + margin).clamp(min: 0))
}
