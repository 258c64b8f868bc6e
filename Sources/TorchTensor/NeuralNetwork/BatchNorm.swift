// Batch normalisation with running statistics, and instance normalisation.
import TorchKernels
import TorchRuntime

enum ChannelNorm {
    /// (n, c, inner) of memory that is contiguous.
    private static func folded(_ t: Tensor) -> Operand {
        let sizes: Dims = [t.dims[0], t.dims[1], t.dims[2...].reduce(1, *)]
        return t.operand.view(sizes: sizes, strides: sizes.contiguousStrides)
    }

    static func checked(_ x: Tensor, _ parameters: [(String, Tensor?)], _ operation: String) -> Bool {
        guard x.rank >= 2 || (x.rank == 1 && x.count == 0) else {
            TensorError.report(operation, "expected at least 2D input (got \(x.rank)D input)")
            return false
        }
        guard x.dtype.isFloatingPoint else {
            _ = RowNorm.missing("batchNorm", x)
            return false
        }
        for (name, p) in parameters {
            if let p, x.rank >= 2, p.dims != [x.dims[1]] {
                TensorError.report(operation, "\(name) should contain \(x.dims[1]) elements not \(p.count): input \(x.dims), \(name) \(p.dims)")
                return false
            }
        }
        return true
    }

    /// Mean and biased variance of each channel. Unrecorded.
    static func statistics(_ x: Tensor) -> (mean: Tensor, variance: Tensor)? {
        let type = x.dtype.computeType
        let (mean, variance) = (Tensor.make([x.dims[1]], type, device: x.device), Tensor.make([x.dims[1]], type, device: x.device))
        if x.count == 0 {
            mean.fillUnshared(0)
            variance.fillUnshared(0)
            return (mean, variance)
        }
        let input = x.withoutGraph.contiguous()
        guard x.backend.batchNormStatistics(mean: mean.operand, variance: variance.operand, folded(input)) else {
            _ = RowNorm.missing("batchNorm", x)
            return nil
        }
        return (mean, variance)
    }

    /// (x - mean) * rstd * weight + bias per channel. `training`: the statistics are x's own and take part in the derivative.
    static func apply(
        _ x: Tensor, mean: Tensor, variance: Tensor, _ weight: Tensor?, _ bias: Tensor?, _ epsilon: Double, training: Bool, _ name: StaticString
    ) -> (output: Tensor, rstd: Tensor) {
        let type = x.dtype.computeType
        let input = x.withoutGraph.contiguous()
        let centre = mean.withoutGraph.converted(to: type).contiguous()
        let rstd = noGrad { (variance.withoutGraph.converted(to: type).contiguous() + epsilon).rsqrt() }
        let (w, b) = (RowNorm.parameter(weight, x), RowNorm.parameter(bias, x))
        let y = Tensor.make(x.dims, x.dtype, device: x.device)
        if x.count > 0, !y.backend.batchNorm(folded(y), folded(input), mean: centre.operand, rstd: rstd.operand, weight: w?.operand, bias: b?.operand) {
            return (RowNorm.missing(name, x), rstd)
        }
        let out = y.recordedJointly(name, [x] + [weight, bias].compactMap { $0 }) { g, needs in
            let wantsWeight = weight != nil && needs[1]
            let wantsBias = bias != nil && needs[weight == nil ? 1 : 2]
            var results: [Tensor?]
            if st_grad_enabled() {
                results = composed(g, x, centre, rstd, weight, epsilon, training: training, wantsWeight: wantsWeight, wantsBias: wantsBias)
            } else {
                let dy = g.contiguous()
                let dx = needs[0] ? Tensor.make(x.dims, x.dtype, device: x.device) : nil
                let dw = wantsWeight ? Tensor.make([x.dims[1]], x.dtype, device: x.device) : nil
                let db = wantsBias ? Tensor.make([x.dims[1]], x.dtype, device: x.device) : nil
                if x.count == 0 {
                    dw?.fillUnshared(0)
                    db?.fillUnshared(0)
                } else if !dy.backend.batchNormBackward(
                    dx: dx.map(folded), dweight: dw?.operand, dbias: db?.operand, folded(dy), folded(input), mean: centre.operand, rstd: rstd.operand,
                    weight: w?.operand, training: training)
                {
                    return [RowNorm.missing("batchNormBackward", x)]
                }
                results = [dx, dw, db]
            }
            if bias == nil { results.remove(at: 2) }
            if weight == nil { results.remove(at: 1) }
            return results
        }
        return (out, rstd)
    }

    /// The gradients in differentiable operators: towards x, weight, bias.
    private static func composed(
        _ g: Tensor, _ x: Tensor, _ mean: Tensor, _ rstd: Tensor, _ weight: Tensor?, _ epsilon: Double, training: Bool, wantsWeight: Bool, wantsBias: Bool
    ) -> [Tensor?] {
        let over = [0] + Array(2..<x.rank)
        let perChannel = Dims([x.dims[1]] + [Int](repeating: 1, count: x.rank - 2))
        let gw = weight.map { g * $0.to(x.dtype).reshaped(perChannel) } ?? g
        let (normal, scale, dx): (Tensor, Tensor, Tensor)
        if training {
            let centred = x - x.mean(over, keepDim: true)
            scale = (centred.square().mean(over, keepDim: true) + epsilon).rsqrt()
            normal = centred * scale
            dx = scale * (gw - gw.mean(over, keepDim: true) - normal * (gw * normal).mean(over, keepDim: true))
        } else {
            scale = rstd.to(x.dtype).reshaped(perChannel)
            normal = (x - mean.to(x.dtype).reshaped(perChannel)) * scale
            dx = gw * scale
        }
        return [dx, wantsWeight ? (g * normal).sum(over) : nil, wantsBias ? g.sum(over) : nil]
    }

    /// Batch norm by the batch's own statistics. Also mean, biased variance and rstd of the batch.
    static func training(
        _ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, _ epsilon: Double, _ name: StaticString
    ) -> (output: Tensor, mean: Tensor, variance: Tensor, rstd: Tensor)? {
        if x.rank < 2 {
            // Nothing at all.
            let none = Tensor.zeros([0], dtype: x.dtype.computeType, device: x.device)
            return (x * 1.0, none, none, none)
        }
        let perChannel = x.dims[1] == 0 ? 0 : x.count / x.dims[1]
        guard perChannel != 1 else {
            TensorError.report(
                "\(name)", "Expected more than 1 value per channel when training, got input size \(x.dims)", hint: "use a larger batch, or eval() for single examples")
            return nil
        }
        guard let (mean, variance) = statistics(x) else { return nil }
        let (y, rstd) = apply(x, mean: mean, variance: variance, weight, bias, epsilon, training: true, name)
        return (y, mean, variance, rstd)
    }
}

/// Batch norm by the batch's own statistics; x (n, c, *). PyTorch: `torch.nn.functional.batch_norm(training=True)` without running statistics.
public func batchNorm(_ x: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5) -> Tensor {
    guard ChannelNorm.checked(x, [("weight", weight), ("bias", bias)], "batchNorm") else { return .placeholder }
    return ChannelNorm.training(x, weight, bias, epsilon, "batchNorm")?.output ?? .placeholder
}

/// Batch norm by given statistics; x (n, c, *). PyTorch: `torch.nn.functional.batch_norm(training=False)`.
public func batchNorm(
    _ x: Tensor, runningMean: Tensor, runningVariance: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
) -> Tensor {
    guard ChannelNorm.checked(x, [("running_mean", runningMean), ("running_var", runningVariance), ("weight", weight), ("bias", bias)], "batchNorm") else { return .placeholder }
    return ChannelNorm.apply(x, mean: runningMean, variance: runningVariance, weight, bias, epsilon, training: false, "batchNorm").output
}

/// Batch norm by the batch's own statistics, which move the running ones by `momentum` in place. PyTorch: `torch.nn.functional.batch_norm(training=True)`.
///
/// The running variance takes the unbiased variance.
public func batchNorm(
    _ x: Tensor, updatingMean runningMean: inout Tensor, variance runningVariance: inout Tensor, weight: Tensor? = nil, bias: Tensor? = nil,
    momentum: Double = 0.1, epsilon: Double = 1e-5
) -> Tensor {
    guard ChannelNorm.checked(x, [("running_mean", runningMean), ("running_var", runningVariance), ("weight", weight), ("bias", bias)], "batchNorm"),
        let (y, mean, variance, _) = ChannelNorm.training(x, weight, bias, epsilon, "batchNorm")
    else { return .placeholder }
    if x.count == 0 { return y }
    let n = x.count / Swift.max(1, x.dims[1])
    noGrad {
        runningMean *= 1 - momentum
        runningMean.add(mean.converted(to: runningMean.dtype), scaledBy: momentum)
        runningVariance *= 1 - momentum
        runningVariance.add(variance.converted(to: runningVariance.dtype), scaledBy: momentum * Double(n) / Double(Swift.max(1, n - 1)))
    }
    return y
}

/// Batch norm with the batch's mean and 1 / standard deviation. PyTorch: `torch.native_batch_norm(training=True)`.
public func batchNormWithStatistics(_ x: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5) -> (output: Tensor, mean: Tensor, rstd: Tensor) {
    guard ChannelNorm.checked(x, [("weight", weight), ("bias", bias)], "batchNorm"),
        let r = ChannelNorm.training(x, weight, bias, epsilon, "batchNorm")
    else { return (.placeholder, .placeholder, .placeholder) }
    let type = weight.map { $0.dtype == x.dtype } ?? true ? x.dtype : r.mean.dtype
    return (r.output, r.mean.to(type), r.rstd.to(type))
}

/// Zero mean and unit variance of each channel of each example; x (n, c, *). PyTorch: `torch.nn.functional.instance_norm(use_input_stats=True)`.
public func instanceNorm(_ x: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5) -> Tensor {
    guard ChannelNorm.checked(x, [("weight", weight), ("bias", bias)], "instanceNorm") else { return .placeholder }
    let inner = x.dims[2...].reduce(1, *)
    guard x.rank >= 3, inner != 1 || x.count == 0 else {
        TensorError.report("instanceNorm", "Expected more than 1 spatial element when training, got input size \(x.dims)")
        return .placeholder
    }
    var y = RowNorm.layer(x, inner, nil, nil, epsilon, "instanceNorm").0
    let perChannel = Dims([x.dims[1]] + [Int](repeating: 1, count: x.rank - 2))
    if let weight { y = y * weight.to(x.dtype).reshaped(perChannel) }
    if let bias { y = y + bias.to(x.dtype).reshaped(perChannel) }
    return y
}

/// Instance norm that moves running statistics, averaged over the batch, in place. PyTorch: `torch.nn.functional.instance_norm` with running statistics.
public func instanceNorm(
    _ x: Tensor, updatingMean runningMean: inout Tensor, variance runningVariance: inout Tensor, weight: Tensor? = nil, bias: Tensor? = nil,
    momentum: Double = 0.1, epsilon: Double = 1e-5
) -> Tensor {
    guard ChannelNorm.checked(x, [("running_mean", runningMean), ("running_var", runningVariance)], "instanceNorm") else { return .placeholder }
    let y = instanceNorm(x, weight: weight, bias: bias, epsilon: epsilon)
    let inner = x.dims[2...].reduce(1, *)
    if x.count == 0 { return y }
    // Every channel of every example counts as a channel.
    let planes = noGrad { x.withoutGraph.contiguous().reshaped([1, x.dims[0] * x.dims[1], inner]) }
    guard let (mean, variance) = ChannelNorm.statistics(planes) else { return .placeholder }
    noGrad {
        func average(_ t: Tensor) -> Tensor { t.reshaped([x.dims[0], x.dims[1]]).mean([0]) }
        runningMean *= 1 - momentum
        runningMean.add(average(mean).converted(to: runningMean.dtype), scaledBy: momentum)
        runningVariance *= 1 - momentum
        runningVariance.add(average(variance).converted(to: runningVariance.dtype), scaledBy: momentum * Double(inner) / Double(Swift.max(1, inner - 1)))
    }
    return y
}
