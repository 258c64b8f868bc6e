// Random zeros against overfitting.
import TorchRuntime

enum Drop {
    static func checked(_ p: Double, _ operation: String) -> Bool {
        if p >= 0 && p <= 1 { return true }
        TensorError.report(operation, "dropout probability has to be between 0 and 1, but got \(p)")
        return false
    }

    /// 1 with probability 1 - p, drawn on the tensor's device; one number for each of `sizes`.
    static func mask(_ x: Tensor, _ sizes: Dims, _ p: Double, _ generator: Generator?) -> Tensor {
        var noise = Tensor.make(sizes, x.dtype.isComplex ? x.dtype.real : x.dtype, device: x.device)
        noise.fillBernoulli(1 - p, generator: generator)
        return noise
    }

    /// One number for each channel of each example: (n, c, 1, …).
    static func channelSizes(_ x: Tensor) -> Dims { Dims((0..<x.rank).map { $0 < 2 ? x.dims[$0] : 1 }) }

    static func drop(_ x: Tensor, _ sizes: Dims, _ p: Double, _ generator: Generator?) -> Tensor {
        if p == 0 || x.count == 0 { return x }
        if p == 1 { return x * x.withoutGraph.zerosLike() }
        if sizes == x.dims, x.dtype.isFloatingPoint, !x.device.isCPU, let g = Tensor.generator(generator, x.device, "dropout"), let y = fused(x, p, g) { return y }
        var noise = mask(x, sizes, p, generator)
        noise /= 1 - p
        return x * noise
    }

    /// By a device's own kernel, which draws for single elements in an order of its own and keeps truth values for the gradient; nil where there is none.
    private static func fused(_ x: Tensor, _ p: Double, _ generator: Generator) -> Tensor? {
        let plain = x.withoutGraph.contiguous()
        let y = Tensor.make(x.dims, x.dtype, device: x.device)
        let kept: Tensor? = x.isRecorded ? Tensor.make(x.dims, .bool, device: x.device) : nil
        // The kernel compares in its own precision.
        let keep = x.dtype == .float64 ? 1 - p : Double(Float(1 - p))
        guard y.backend.dropout(y.operand, kept: kept?.operand, plain.operand, keep: keep, scale: 1 / keep, generator) else { return nil }
        guard let kept else { return y }
        return y.recorded("dropout", x) { gradient($0, kept, scale: 1 / keep) }
    }

    /// The gradient, which is linear in the one that comes in: its own derivative is the same again.
    private static func gradient(_ g: Tensor, _ kept: Tensor, scale: Double) -> Tensor {
        let dx = Tensor.make(g.dims, g.dtype, device: g.device)
        guard dx.backend.dropoutBackward(dx.operand, kept: kept.operand, g.withoutGraph.operand, scale: scale) else { return g * kept.converted(to: g.dtype) * scale }
        return dx.recorded("dropoutBackward", g) { gradient($0, kept, scale: scale) }
    }

    /// Dropped elements take the negative saturation of SELU, then mean and variance are put right.
    static func alpha(_ x: Tensor, _ sizes: Dims, _ p: Double, _ generator: Generator?) -> Tensor {
        if p == 0 || x.count == 0 { return x }
        if p == 1 { return x * x.withoutGraph.zerosLike() }
        let saturation = 1.7580993408473766
        let a = 1 / ((saturation * saturation * p + 1) * (1 - p)).squareRoot()
        let noise = mask(x, sizes, p, generator)
        let shift = (noise - 1.0) * (saturation * a) + saturation * a * p
        return x * (noise * a) + shift
    }
}

/// Zeros with probability `p`, the rest scaled by 1 / (1 - p); the input itself unless `training`. PyTorch: `torch.nn.functional.dropout`.
public func dropout(_ x: Tensor, p: Double = 0.5, training: Bool = true, generator: Generator? = nil) -> Tensor {
    guard Drop.checked(p, "dropout") else { return .placeholder }
    return training ? Drop.drop(x, x.dims, p, generator) : x
}

/// Whole channels of (n, c, l) or (c, l) to zero. PyTorch: `torch.nn.functional.dropout1d`.
public func dropout1d(_ x: Tensor, p: Double = 0.5, training: Bool = true, generator: Generator? = nil) -> Tensor { channelDropout(x, 1, p, training, generator, "dropout1d") }
/// Whole channels of (n, c, h, w) to zero. PyTorch: `torch.nn.functional.dropout2d`.
public func dropout2d(_ x: Tensor, p: Double = 0.5, training: Bool = true, generator: Generator? = nil) -> Tensor { channelDropout(x, 2, p, training, generator, "dropout2d") }
/// Whole channels of (n, c, d, h, w) or (c, d, h, w) to zero. PyTorch: `torch.nn.functional.dropout3d`.
public func dropout3d(_ x: Tensor, p: Double = 0.5, training: Bool = true, generator: Generator? = nil) -> Tensor { channelDropout(x, 3, p, training, generator, "dropout3d") }

private func channelDropout(_ x: Tensor, _ n: Int, _ p: Double, _ training: Bool, _ generator: Generator?, _ name: String) -> Tensor {
    guard Drop.checked(p, name) else { return .placeholder }
    if !training { return x }
    guard x.rank >= 2 else {
        TensorError.report(name, "Feature dropout requires at least 2 dimensions in the input, got \(x.dims)")
        return .placeholder
    }
    // dropout2d takes 3-dim inputs as (n, c, l), as PyTorch does; the others know inputs without batch.
    if n != 2 && x.rank == n + 1 { return Drop.drop(x.unsqueeze(0), Drop.channelSizes(x.unsqueeze(0)), p, generator).squeeze(0) }
    return Drop.drop(x, Drop.channelSizes(x), p, generator)
}

/// Dropout that keeps mean and variance of SELU's activations. PyTorch: `torch.nn.functional.alpha_dropout`.
public func alphaDropout(_ x: Tensor, p: Double = 0.5, training: Bool = false, generator: Generator? = nil) -> Tensor {
    guard Drop.checked(p, "alphaDropout") else { return .placeholder }
    return training ? Drop.alpha(x, x.dims, p, generator) : x
}

/// Alpha dropout of whole channels. PyTorch: `torch.nn.functional.feature_alpha_dropout`.
public func featureAlphaDropout(_ x: Tensor, p: Double = 0.5, training: Bool = false, generator: Generator? = nil) -> Tensor {
    guard Drop.checked(p, "featureAlphaDropout") else { return .placeholder }
    if !training { return x }
    guard x.rank >= 2 else {
        TensorError.report("featureAlphaDropout", "Feature dropout requires at least 2 dimensions in the input, got \(x.dims)")
        return .placeholder
    }
    return Drop.alpha(x, Drop.channelSizes(x), p, generator)
}
