// Losses between predictions and numbers.
import TorchRuntime

/// Mean of squared differences. PyTorch: `torch.nn.functional.mse_loss`.
public func mseLoss(_ x: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean) -> Tensor {
    if let cast = Autocast.raise(x, target) { return cast.run { mseLoss(cast(x), cast(target), weight: cast(weight), reduction: reduction) } }
    guard Loss.sameShape(x, target, "mseLoss") else { return .placeholder }
    if let weight {
        guard Loss.sameShape(x, weight, "mseLoss") else { return .placeholder }
        let losses = (x - target).square() * weight
        return reduction == .mean ? losses.sum() / weight.sum() : reduction.apply(losses)
    }
    guard x.dtype == target.dtype, x.dtype.isFloatingPoint, reduction != .none else { return reduction.apply((x - target).square()) }
    // The difference is kept: backward is one product.
    let difference = Tensor.combine(.sub, x, target, "mseLoss")
    let squares = Tensor.map(.square, difference, "mseLoss")
    let over = Array(0..<squares.rank)
    let out = squares.reduced(reduction == .mean ? .mean : .sum, over, keepDim: false, "mseLoss")
    let factor = reduction == .mean ? 2 / Double(x.count) : 2
    func derivative(_ sign: Double) -> Derivative {
        { g in
            let scaled = g * (factor * sign)
            return (x.isRecorded || target.isRecorded ? x - target : difference) * scaled
        }
    }
    return out.recorded("mseLoss", (x, derivative(1)), (target, derivative(-1)))
}

/// Mean of absolute differences. PyTorch: `torch.nn.functional.l1_loss`.
public func l1Loss(_ x: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean) -> Tensor {
    if let cast = Autocast.raise(x, target) { return cast.run { l1Loss(cast(x), cast(target), weight: cast(weight), reduction: reduction) } }
    guard Loss.sameShape(x, target, "l1Loss") else { return .placeholder }
    let losses = (x - target).abs()
    guard let weight else { return reduction.apply(losses) }
    guard Loss.sameShape(x, weight, "l1Loss") else { return .placeholder }
    return reduction == .mean ? (losses * weight).sum() / weight.sum() : reduction.apply(losses * weight)
}

/// Squared below `beta`, absolute above, joined smoothly. PyTorch: `torch.nn.functional.smooth_l1_loss`.
public func smoothL1Loss(_ x: Tensor, _ target: Tensor, beta: Double = 1, reduction: Reduction = .mean) -> Tensor {
    if let cast = Autocast.raise(x, target) { return cast.run { smoothL1Loss(cast(x), cast(target), beta: beta, reduction: reduction) } }
    guard Loss.sameShape(x, target, "smoothL1Loss") else { return .placeholder }
    guard beta >= 0 else {
        TensorError.report("smoothL1Loss", "smooth_l1_loss does not support negative values for beta, got \(beta)")
        return .placeholder
    }
    if beta == 0 { return l1Loss(x, target, reduction: reduction) }
    let d = x - target
    let z = d.abs()
    return reduction.apply((z .< beta).select(d.square() * (0.5 / beta), z - 0.5 * beta))
}

/// Half the square up to `delta`, linear above. PyTorch: `torch.nn.functional.huber_loss`.
public func huberLoss(_ x: Tensor, _ target: Tensor, delta: Double = 1, weight: Tensor? = nil, reduction: Reduction = .mean) -> Tensor {
    if let cast = Autocast.raise(x, target) { return cast.run { huberLoss(cast(x), cast(target), delta: delta, weight: cast(weight), reduction: reduction) } }
    guard Loss.sameShape(x, target, "huberLoss") else { return .placeholder }
    guard delta > 0 else {
        TensorError.report("huberLoss", "huber_loss does not support non-positive values for delta, got \(delta)")
        return .placeholder
    }
    let d = x - target
    let z = d.abs()
    let losses = (z .<= delta).select(d.square() * 0.5, (z - 0.5 * delta) * delta)
    guard let weight else { return reduction.apply(losses) }
    guard Loss.sameShape(x, weight, "huberLoss") else { return .placeholder }
    return reduction == .mean ? (losses * weight).sum() / weight.sum() : reduction.apply(losses * weight)
}

/// Negative log-likelihood of Poisson targets. `logInput`: x is the logarithm of the rate; `full`: adds Stirling's term. PyTorch: `torch.nn.functional.poisson_nll_loss`.
public func poissonNLLLoss(
    _ x: Tensor, _ target: Tensor, logInput: Bool = true, full: Bool = false, epsilon: Double = 1e-8, reduction: Reduction = .mean
) -> Tensor {
    if let cast = Autocast.raise(x, target) {
        return cast.run { poissonNLLLoss(cast(x), cast(target), logInput: logInput, full: full, epsilon: epsilon, reduction: reduction) }
    }
    guard Loss.sameShape(x, target, "poissonNLLLoss") else { return .placeholder }
    var losses = logInput ? x.exp() - target * x : x - target * (x + epsilon).log()
    if full {
        let t = target.dtype.isDifferentiable ? target : target.to(x.dtype)
        let stirling = t * t.log() - t + (t * (2 * Double.pi)).log() * 0.5
        losses = losses + (t .<= 1).select(t.zerosLike(), stirling)
    }
    return reduction.apply(losses)
}

/// Negative log-likelihood of normal targets with mean x and variance `variance`. PyTorch: `torch.nn.functional.gaussian_nll_loss`.
///
/// `variance` has x's shape, or lacks the last dim or has it as 1. It is raised to `epsilon` for stability, which does not change its gradient.
public func gaussianNLLLoss(
    _ x: Tensor, _ target: Tensor, variance: Tensor, full: Bool = false, epsilon: Double = 1e-6, reduction: Reduction = .mean
) -> Tensor {
    var v = variance
    if v.dims != x.dims {
        let lead = Array(x.dims.dropLast())
        if v.shape == lead {
            v = v.unsqueeze(-1)
        } else if !(x.rank == v.rank && Array(v.dims.dropLast()) == lead && v.dims[v.rank - 1] == 1) && v.rank != 0 {
            TensorError.report("gaussianNLLLoss", "var is of incorrect size: \(v.dims) for an input of size \(x.dims)")
            return .placeholder
        }
    }
    guard Loss.repeats(x, target, "gaussianNLLLoss") else { return .placeholder }
    if (v.withoutGraph .< 0).any().item(Bool.self) {
        TensorError.report("gaussianNLLLoss", "var has negative entry/entries")
        return .placeholder
    }
    let low = v.withoutGraph .< epsilon
    // The value is clamped, the gradient passes.
    let clamped = v + noGrad { low.select(epsilon - v.withoutGraph, v.withoutGraph.zerosLike()) }
    var losses = (clamped.log() + (x - target).square() / clamped) * 0.5
    if full { losses = losses + 0.5 * 1.8378770664093453 }
    return reduction.apply(losses)
}

/// How `klDiv` is reduced. PyTorch: `reduction`.
public enum KLDivReduction: String, Sendable {
    case none
    case mean
    case sum
    /// The sum over the number of rows: the mathematical divergence.
    case batchMean = "batchmean"
}

/// Kullback-Leibler divergence of `target` from the log-probabilities x. PyTorch: `torch.nn.functional.kl_div`.
public func klDiv(_ x: Tensor, _ target: Tensor, reduction: KLDivReduction = .mean, logTarget: Bool = false) -> Tensor {
    if let cast = Autocast.raise(x, target) { return cast.run { klDiv(cast(x), cast(target), reduction: reduction, logTarget: logTarget) } }
    guard Loss.sameShape(x, target, "klDiv") else { return .placeholder }
    let losses: Tensor
    if logTarget {
        losses = target.exp() * (target - x)
    } else {
        // 0 log 0 is 0.
        let safe = (target.withoutGraph .> 0).select(target, target.withoutGraph.onesLike())
        let entropy = (target.withoutGraph .> 0).select(target * safe.log(), target.withoutGraph * 0.0)
        losses = entropy - target * x
    }
    switch reduction {
    case .none: return losses
    case .mean: return losses.mean()
    case .sum: return losses.sum()
    case .batchMean: return losses.sum() / Double(Swift.max(1, x.rank == 0 ? 1 : x.dims[0]))
    }
}
