// Cross-entropy and negative log-likelihood.
import TorchKernels
import TorchRuntime

/// Cross-entropy of logits: x (n, c), (n, c, *) or (c); target class indices (n), (n, *), () or probabilities in x's shape. PyTorch: `torch.nn.functional.cross_entropy`.
///
/// - Parameters:
///   - weight: factor of each class (c).
///   - ignoreIndex: targets with this value count nothing.
///   - labelSmoothing: how much of the target is spread over all classes, 0 to 1.
public func crossEntropy(
    _ x: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean, labelSmoothing: Double = 0
) -> Tensor {
    if let cast = Autocast.raise(x) {
        return cast.run { crossEntropy(cast(x), cast(target), weight: cast(weight), ignoreIndex: ignoreIndex, reduction: reduction, labelSmoothing: labelSmoothing) }
    }
    guard labelSmoothing >= 0, labelSmoothing <= 1 else {
        TensorError.report("crossEntropy", "label_smoothing must be between 0.0 and 1.0. Got: \(labelSmoothing)")
        return .placeholder
    }
    guard x.rank > 0, x.dtype.isFloatingPoint else {
        TensorError.report("crossEntropy", "expected floating logits with at least 1 dimension, got \(x.dims) of \(x.dtype)")
        return .placeholder
    }
    let classDim = x.rank == 1 ? 0 : 1
    if let weight, weight.dims != [x.dims[classDim]] {
        TensorError.report("crossEntropy", "cross_entropy: weight tensor should be defined either for all \(x.dims[classDim]) classes or no classes but got weight tensor of shape: \(weight.dims)")
        return .placeholder
    }
    if target.dims == x.dims && target.dtype.isFloatingPoint { return probabilityCrossEntropy(x, target, weight, classDim, reduction, labelSmoothing) }
    guard NLL.checkedShapes(x, target, classDim, "crossEntropy") else { return .placeholder }
    if weight == nil && labelSmoothing == 0 && target.dtype.isInteger { return fusedCrossEntropy(x, target, classDim, ignoreIndex, reduction) }
    let logs = x.logSoftmax(dim: classDim)
    let nll = nllLoss(logs, target, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction)
    if labelSmoothing == 0 { return nll }
    // Spread part: every class's log-probability, weighted; ignored places count nothing.
    let channelSizes = [Int](repeating: 1, count: x.rank - classDim - 1)
    let weighted = weight.map { logs * $0.reshape([x.dims[classDim]] + channelSizes) } ?? logs
    var smooth = -weighted.sum(dim: classDim)
    let ignored = target.withoutGraph .== ignoreIndex
    smooth = ignored.select(smooth.zerosLike(), smooth)
    switch reduction {
    case .none: break
    case .sum: smooth = smooth.sum()
    case .mean:
        if let weight {
            let safe = ignored.select(target.zerosLike(), target)
            let factors = weight.indexSelect(0, safe.flatten()).reshape(target.shape)
            smooth = smooth.sum() / ignored.select(factors.zerosLike(), factors).sum()
        } else {
            smooth = smooth.sum() / ignored.logicalNot().sum().to(x.dtype)
        }
    }
    return nll * (1 - labelSmoothing) + smooth * (labelSmoothing / Double(x.dims[classDim]))
}

private func probabilityCrossEntropy(_ x: Tensor, _ target: Tensor, _ weight: Tensor?, _ classDim: Int, _ reduction: Reduction, _ smoothing: Double) -> Tensor {
    let classes = x.dims[classDim]
    let t = smoothing > 0 ? target * (1 - smoothing) + smoothing / Double(classes) : target
    var terms = x.logSoftmax(dim: classDim) * t
    if let weight { terms = terms * weight.reshape([classes] + [Int](repeating: 1, count: x.rank - classDim - 1)) }
    let losses = -terms.sum(dim: classDim)
    switch reduction {
    case .none: return losses
    case .sum: return losses.sum()
    case .mean: return losses.sum() / Double(Swift.max(1, x.count / Swift.max(1, classes)))
    }
}

/// One kernel forward, one backward; targets are class indices.
private func fusedCrossEntropy(_ x: Tensor, _ target: Tensor, _ classDim: Int, _ ignoreIndex: Int, _ reduction: Reduction) -> Tensor {
    let classes = x.dims[classDim]
    let half = x.dtype.itemSize == 2
    let moved = classDim == x.rank - 1 ? x : x.moveDim(classDim, -1)
    // float16 and bfloat16 compute in float32.
    let logits = half ? moved.to(.float32) : moved
    let rows = logits.withoutGraph.contiguous()
    guard target.isHere(x.device, "crossEntropy") else { return .placeholder }
    let labels = target.withoutGraph.converted(to: .int64).contiguous()
    let n = labels.count
    guard let valid = NLL.valid(labels, classes, ignoreIndex, "crossEntropy", checks: classes == 0) else { return .placeholder }
    let folded: Dims = [n, classes]
    let input = rows.view(sizes: folded, strides: folded.contiguousStrides)
    let losses = Tensor.make([n], rows.dtype, device: x.device)
    let lse = Tensor.make([n], rows.dtype, device: x.device)
    if n > 0, !losses.backend.crossEntropy(loss: losses.operand, lse: lse.operand, input.operand, labels.view(sizes: [n], strides: [1]).operand, ignoreIndex: ignoreIndex, .target("crossEntropy")) {
        TensorError.report("crossEntropy", "not implemented for \(x.dtype)")
        return .placeholder
    }
    let out: Tensor
    switch reduction {
    case .none: out = losses.view(sizes: labels.dims, strides: labels.dims.contiguousStrides)
    case .sum: out = losses.reduced(.sum, [0], keepDim: false, "crossEntropy")
    case .mean:
        // No valid target: 0 / 0, as PyTorch.
        out = noGrad { losses.reduced(.sum, [0], keepDim: false, "crossEntropy") / valid }
    }
    let recorded = out.recorded("crossEntropy", logits) { g in
        let factor = reduction == .mean ? g / valid : g
        if st_grad_enabled() {
            // (softmax - one-hot) * factor, in differentiable operators.
            let p = logits.softmax(dim: -1).reshaped(folded)
            let ignored = labels.reshaped([n, 1]) .== ignoreIndex
            let safe = ignored.select(labels.reshaped([n, 1]).zerosLike(), labels.reshaped([n, 1]))
            let oneHot = Tensor.zeros(folded, dtype: p.dtype, device: p.device).scattered(.replace, 1, safe, Tensor.full([n, 1], 1, dtype: p.dtype, device: p.device), "crossEntropy")
            let scale = (reduction == .none ? factor.reshaped([n, 1]) : factor.reshaped([1, 1])) * ignored.logicalNot().to(p.dtype)
            return ((p - oneHot) * scale).reshaped(logits.dims)
        }
        let scale = (reduction == .none ? factor.reshaped([n]) : factor.reshaped([1]).expanded(to: [n])).contiguous()
        let dx = Tensor.make(logits.dims, logits.dtype, device: logits.device)
        if n > 0 {
            _ = dx.backend.crossEntropyBackward(
                dx.view(sizes: folded, strides: folded.contiguousStrides).operand, input.operand, labels.view(sizes: [n], strides: [1]).operand, lse: lse.operand,
                scale: scale.operand, ignoreIndex: ignoreIndex)
        }
        return dx
    }
    return half ? recorded.to(x.dtype) : recorded
}

enum NLL {
    static func checkedShapes(_ x: Tensor, _ target: Tensor, _ classDim: Int, _ operation: String) -> Bool {
        var expected = x.dims
        expected.remove(at: classDim)
        if target.dims == expected { return true }
        TensorError.report(
            operation, "Expected target size \(expected), got \(target.dims): input \(x.dims) has classes in dimension \(classDim)",
            hint: target.dims == x.dims ? "targets of the input's shape are probabilities and must be of a floating type" : "targets are class indices without the class dimension")
        return false
    }

    /// Number of targets that count, as a tensor; nil after reporting one that is no class. On a device nothing is waited for, and targets are looked at only if `checks`.
    static func valid(_ labels: Tensor, _ classes: Int, _ ignoreIndex: Int, _ operation: String, checks: Bool) -> Tensor? {
        if labels.device.isCPU || checks { return countValid(labels, classes, ignoreIndex, operation).map { Tensor.number(.double(Double($0))) } }
        // Of float32, as counts above 2048 are not numbers of float16.
        return noGrad { (labels .!= ignoreIndex).sum().converted(to: .float32) }
    }

    /// Number of targets that count; nil after reporting one that is no class.
    static func countValid(_ labels: Tensor, _ classes: Int, _ ignoreIndex: Int, _ operation: String) -> Int? {
        let host = labels.device.isCPU ? labels : labels.to(.cpu)
        return withExtendedLifetime(host) {
            let p = host.operand.pointer.assumingMemoryBound(to: Int64.self)
            var valid = 0
            for i in 0..<host.count {
                let t = Int(p[i])
                if t == ignoreIndex { continue }
                guard t >= 0 && t < classes else {
                    TensorError.report(operation, "Target \(t) is out of bounds: there are \(classes) classes (target number \(i))")
                    return nil
                }
                valid += 1
            }
            return valid
        }
    }
}

/// Negative log-likelihood of log-probabilities x (n, c), (n, c, *) or (c) at the classes `target`. PyTorch: `torch.nn.functional.nll_loss`.
public func nllLoss(_ x: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean) -> Tensor {
    if let cast = Autocast.raise(x) { return cast.run { nllLoss(cast(x), target, weight: cast(weight), ignoreIndex: ignoreIndex, reduction: reduction) } }
    guard x.rank > 0 else {
        TensorError.report("nllLoss", "Expected 1 or more dimensions (got \(x.rank))")
        return .placeholder
    }
    let classDim = x.rank == 1 ? 0 : 1
    guard NLL.checkedShapes(x, target, classDim, "nllLoss") else { return .placeholder }
    if let weight, weight.dims != [x.dims[classDim]] {
        TensorError.report("nllLoss", "weight tensor should be defined either for all \(x.dims[classDim]) classes or no classes but got weight tensor of shape: \(weight.dims)")
        return .placeholder
    }
    guard let index = target.asIndex("nllLoss") else { return .placeholder }
    let labels = index.contiguous()
    // On a device the gather below checks the targets.
    guard let valid = NLL.valid(labels, x.dims[classDim], ignoreIndex, "nllLoss", checks: false) else { return .placeholder }
    let ignored = labels.device.isCPU && valid.item(Int.self) == labels.count ? nil : labels .== ignoreIndex
    let safe = ignored.map { $0.select(labels.zerosLike(), labels) } ?? labels
    let picked = x.rank == 1 ? x.gather(0, safe.reshape([1])).reshape([]) : x.gather(1, safe.unsqueeze(1)).squeeze(1)
    var factors = weight.map { $0.to(x.dtype).indexSelect(0, safe.flatten()).reshape(labels.shape) }
    if let f = factors, let ignored { factors = ignored.select(f.zerosLike(), f) }
    var losses = factors.map { -picked * $0 } ?? -picked
    if factors == nil, let ignored { losses = ignored.select(losses.zerosLike(), losses) }
    switch reduction {
    case .none: return losses
    case .sum: return losses.sum()
    case .mean: return factors.map { losses.sum() / $0.sum() } ?? (losses.sum() / valid).to(losses.dtype)
    }
}
