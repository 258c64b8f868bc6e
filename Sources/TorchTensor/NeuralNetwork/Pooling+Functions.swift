// The public pooling functions.
import TorchRuntime

// MARK: Max

/// Largest of each window over one dim: x (n, c, l) or (c, l). `stride` defaults to the window. PyTorch: `torch.nn.functional.max_pool1d`.
public func maxPool1d(
    _ x: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, dilation: SpatialSize = 1, ceilMode: Bool = false
) -> Tensor {
    Pool.max(x, 1, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode, indices: false, "maxPool1d").values
}
/// Largest of each window over two dims. PyTorch: `torch.nn.functional.max_pool2d`.
public func maxPool2d(
    _ x: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, dilation: SpatialSize = 1, ceilMode: Bool = false
) -> Tensor {
    Pool.max(x, 2, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode, indices: false, "maxPool2d").values
}
/// Largest of each window over three dims. PyTorch: `torch.nn.functional.max_pool3d`.
public func maxPool3d(
    _ x: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, dilation: SpatialSize = 1, ceilMode: Bool = false
) -> Tensor {
    Pool.max(x, 3, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode, indices: false, "maxPool3d").values
}

/// Max pooling with the position of each maximum within its plane, for unpooling. PyTorch: `max_pool1d(return_indices=True)`.
public func maxPool1dWithIndices(
    _ x: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, dilation: SpatialSize = 1, ceilMode: Bool = false
) -> (values: Tensor, indices: Tensor) {
    let r = Pool.max(x, 1, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode, indices: true, "maxPool1d")
    return (r.values, r.indices ?? .placeholder)
}
/// Max pooling with the position of each maximum within its plane. PyTorch: `max_pool2d(return_indices=True)`.
public func maxPool2dWithIndices(
    _ x: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, dilation: SpatialSize = 1, ceilMode: Bool = false
) -> (values: Tensor, indices: Tensor) {
    let r = Pool.max(x, 2, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode, indices: true, "maxPool2d")
    return (r.values, r.indices ?? .placeholder)
}
/// Max pooling with the position of each maximum within its volume. PyTorch: `max_pool3d(return_indices=True)`.
public func maxPool3dWithIndices(
    _ x: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, dilation: SpatialSize = 1, ceilMode: Bool = false
) -> (values: Tensor, indices: Tensor) {
    let r = Pool.max(x, 3, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode, indices: true, "maxPool3d")
    return (r.values, r.indices ?? .placeholder)
}

/// Puts pooled values back where their maxima were, zeros elsewhere. PyTorch: `torch.nn.functional.max_unpool1d`.
public func maxUnpool1d(
    _ x: Tensor, _ indices: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, outputSize: [Int]? = nil
) -> Tensor { Pool.unpool(x, indices, 1, kernelSize: kernelSize, stride: stride, padding: padding, outputSize: outputSize, "maxUnpool1d") }
/// Puts pooled values back where their maxima were. PyTorch: `torch.nn.functional.max_unpool2d`.
public func maxUnpool2d(
    _ x: Tensor, _ indices: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, outputSize: [Int]? = nil
) -> Tensor { Pool.unpool(x, indices, 2, kernelSize: kernelSize, stride: stride, padding: padding, outputSize: outputSize, "maxUnpool2d") }
/// Puts pooled values back where their maxima were. PyTorch: `torch.nn.functional.max_unpool3d`.
public func maxUnpool3d(
    _ x: Tensor, _ indices: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, outputSize: [Int]? = nil
) -> Tensor { Pool.unpool(x, indices, 3, kernelSize: kernelSize, stride: stride, padding: padding, outputSize: outputSize, "maxUnpool3d") }

// MARK: Average

/// Mean of each window over one dim. PyTorch: `torch.nn.functional.avg_pool1d`.
public func avgPool1d(
    _ x: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, ceilMode: Bool = false, countIncludePad: Bool = true
) -> Tensor {
    Pool.average(x, 1, kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad, divisor: nil, "avgPool1d")
}
/// Mean of each window over two dims; `divisorOverride` divides instead of the window's size. PyTorch: `torch.nn.functional.avg_pool2d`.
public func avgPool2d(
    _ x: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, ceilMode: Bool = false, countIncludePad: Bool = true,
    divisorOverride: Int? = nil
) -> Tensor {
    Pool.average(
        x, 2, kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad, divisor: divisorOverride, "avgPool2d")
}
/// Mean of each window over three dims. PyTorch: `torch.nn.functional.avg_pool3d`.
public func avgPool3d(
    _ x: Tensor, kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, ceilMode: Bool = false, countIncludePad: Bool = true,
    divisorOverride: Int? = nil
) -> Tensor {
    Pool.average(
        x, 3, kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad, divisor: divisorOverride, "avgPool3d")
}

// MARK: To a given size

/// Means of windows that divide the input into `outputSize` parts. PyTorch: `torch.nn.functional.adaptive_avg_pool1d`.
public func adaptiveAvgPool1d(_ x: Tensor, _ outputSize: [Int?]) -> Tensor { Pool.adaptiveAverage(x, 1, outputSize, "adaptiveAvgPool1d") }
/// Means of windows that divide the input into `outputSize` parts; nil keeps a size. PyTorch: `torch.nn.functional.adaptive_avg_pool2d`.
public func adaptiveAvgPool2d(_ x: Tensor, _ outputSize: [Int?]) -> Tensor { Pool.adaptiveAverage(x, 2, outputSize, "adaptiveAvgPool2d") }
/// Means of windows that divide the input into `outputSize` parts; nil keeps a size. PyTorch: `torch.nn.functional.adaptive_avg_pool3d`.
public func adaptiveAvgPool3d(_ x: Tensor, _ outputSize: [Int?]) -> Tensor { Pool.adaptiveAverage(x, 3, outputSize, "adaptiveAvgPool3d") }

/// Maxima of windows that divide the input into `outputSize` parts. PyTorch: `torch.nn.functional.adaptive_max_pool1d`.
public func adaptiveMaxPool1d(_ x: Tensor, _ outputSize: [Int?]) -> Tensor { Pool.adaptiveMax(x, 1, outputSize, indices: false, "adaptiveMaxPool1d").values }
/// Maxima of windows that divide the input into `outputSize` parts. PyTorch: `torch.nn.functional.adaptive_max_pool2d`.
public func adaptiveMaxPool2d(_ x: Tensor, _ outputSize: [Int?]) -> Tensor { Pool.adaptiveMax(x, 2, outputSize, indices: false, "adaptiveMaxPool2d").values }
/// Maxima of windows that divide the input into `outputSize` parts. PyTorch: `torch.nn.functional.adaptive_max_pool3d`.
public func adaptiveMaxPool3d(_ x: Tensor, _ outputSize: [Int?]) -> Tensor { Pool.adaptiveMax(x, 3, outputSize, indices: false, "adaptiveMaxPool3d").values }

/// Adaptive max pooling over `outputSize.count` dims, with the positions of the maxima. PyTorch: `adaptive_max_pool*(return_indices=True)`.
public func adaptiveMaxPoolWithIndices(_ x: Tensor, _ outputSize: [Int?]) -> (values: Tensor, indices: Tensor) {
    let r = Pool.adaptiveMax(x, outputSize.count, outputSize, indices: true, "adaptiveMaxPool")
    return (r.values, r.indices ?? .placeholder)
}

// MARK: Others

/// Max pooling over pseudo-random windows of two dims, with the positions of the maxima. PyTorch: `torch.nn.functional.fractional_max_pool2d`.
///
/// - Parameter randomSamples: (n, c, 2) numbers of [0, 1) that space the windows; drawn if nil.
public func fractionalMaxPool2d(
    _ x: Tensor, kernelSize: SpatialSize, outputSize: [Int]? = nil, outputRatio: [Double]? = nil, randomSamples: Tensor? = nil, generator: Generator? = nil
) -> (values: Tensor, indices: Tensor) {
    Pool.fractional(
        x, 2, kernelSize: kernelSize, outputSize: outputSize, outputRatio: outputRatio, samples: randomSamples, generator: generator, "fractionalMaxPool2d")
}
/// Max pooling over pseudo-random windows of three dims. PyTorch: `torch.nn.functional.fractional_max_pool3d`.
public func fractionalMaxPool3d(
    _ x: Tensor, kernelSize: SpatialSize, outputSize: [Int]? = nil, outputRatio: [Double]? = nil, randomSamples: Tensor? = nil, generator: Generator? = nil
) -> (values: Tensor, indices: Tensor) {
    Pool.fractional(
        x, 3, kernelSize: kernelSize, outputSize: outputSize, outputRatio: outputRatio, samples: randomSamples, generator: generator, "fractionalMaxPool3d")
}

/// The p-norm of each window over `n` dims.
private func lpPool(_ x: Tensor, _ n: Int, _ p: Double, _ kernelSize: SpatialSize, _ stride: SpatialSize?, _ ceilMode: Bool, _ name: StaticString) -> Tensor {
    guard let k = kernelSize.resolved(n, "kernel_size", "\(name)") else { return .placeholder }
    let mean = Pool.average(
        x.pow(p), n, kernelSize: kernelSize, stride: stride, padding: 0, ceilMode: ceilMode, countIncludePad: true, divisor: nil, name)
    return (mean * k.reduce(1, *)).pow(1 / p)
}
/// p-norm of each window over one dim. PyTorch: `torch.nn.functional.lp_pool1d`.
public func lpPool1d(_ x: Tensor, normType: Double, kernelSize: SpatialSize, stride: SpatialSize? = nil, ceilMode: Bool = false) -> Tensor {
    lpPool(x, 1, normType, kernelSize, stride, ceilMode, "lpPool1d")
}
/// p-norm of each window over two dims. PyTorch: `torch.nn.functional.lp_pool2d`.
public func lpPool2d(_ x: Tensor, normType: Double, kernelSize: SpatialSize, stride: SpatialSize? = nil, ceilMode: Bool = false) -> Tensor {
    lpPool(x, 2, normType, kernelSize, stride, ceilMode, "lpPool2d")
}
/// p-norm of each window over three dims. PyTorch: `torch.nn.functional.lp_pool3d`.
public func lpPool3d(_ x: Tensor, normType: Double, kernelSize: SpatialSize, stride: SpatialSize? = nil, ceilMode: Bool = false) -> Tensor {
    lpPool(x, 3, normType, kernelSize, stride, ceilMode, "lpPool3d")
}
