// Convolution layers.
import TorchTensor

extension SpatialSize {
    /// One number for each of `rank` spatial dims; ones after a report of a wrong count.
    func list(_ rank: Int, _ name: String) -> [Int] { resolved(rank, name, "Module") ?? [Int](repeating: 1, count: rank) }
}

/// What Conv1d, Conv2d and Conv3d share.
public class Convolution: Module {
    /// (outChannels, inChannels / groups, kernel…)
    @Parameter public var weight: Tensor
    /// (outChannels)
    public let bias: Parameter?
    public let inChannels, outChannels, groups: Int
    public let kernelSize, stride, padding, dilation: [Int]

    init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: [Int], _ stride: [Int], _ padding: [Int], _ dilation: [Int], _ groups: Int, _ bias: Bool,
        _ dtype: DType, _ generator: Generator
    ) {
        if groups < 1 || inChannels % groups != 0 || outChannels % groups != 0 {
            TensorError.report("Conv", "in_channels (\(inChannels)) and out_channels (\(outChannels)) must be divisible by groups (\(groups))")
        }
        self.inChannels = inChannels
        self.outChannels = outChannels
        self.kernelSize = kernelSize
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        _weight = Parameter(.empty([outChannels, inChannels / Swift.max(groups, 1)] + kernelSize, dtype: dtype))
        self.bias = bias ? Parameter(.empty([outChannels], dtype: dtype)) : nil
        super.init()
        resetParameters(generator: generator)
    }

    /// Draws new start values, PyTorch's: uniform with bound 1 / √(fan in).
    public func resetParameters(generator: Generator = .default) {
        Init.kaimingUniform($weight, a: 5.0.squareRoot(), generator: generator)
        if let bias, let (fanIn, _) = Init.fans($weight), fanIn > 0 {
            let bound = 1 / Double(fanIn).squareRoot()
            Init.uniform(bias, from: -bound, to: bound, generator: generator)
        }
    }

    public override var extraDescription: String {
        func tuple(_ v: [Int]) -> String { Dims(v).description }
        var s = "\(inChannels), \(outChannels), kernel_size=\(tuple(kernelSize)), stride=\(tuple(stride))"
        if padding.contains(where: { $0 != 0 }) { s += ", padding=\(tuple(padding))" }
        if dilation.contains(where: { $0 != 1 }) { s += ", dilation=\(tuple(dilation))" }
        if groups != 1 { s += ", groups=\(groups)" }
        if bias == nil { s += ", bias=False" }
        return s
    }
}

/// Convolution over (n, channels, length). PyTorch: `torch.nn.Conv1d`.
public final class Conv1d: Convolution, Layer {
    public init(
        _ inChannels: Int, _ outChannels: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: Bool = true,
        dtype: DType = .float32, generator: Generator = .default
    ) {
        super.init(inChannels, outChannels, [kernelSize], [stride], [padding], [dilation], groups, bias, dtype, generator)
    }
    public func callAsFunction(_ x: Tensor) -> Tensor {
        inLayer { conv1d(x, weight, bias?.tensor, stride: SpatialSize(stride), padding: .size(SpatialSize(padding)), dilation: SpatialSize(dilation), groups: groups) }
    }
}

/// Convolution over (n, channels, height, width). PyTorch: `torch.nn.Conv2d`.
public final class Conv2d: Convolution, Layer {
    public init(
        _ inChannels: Int, _ outChannels: Int, kernelSize: SpatialSize, stride: SpatialSize = 1, padding: SpatialSize = 0,
        dilation: SpatialSize = 1, groups: Int = 1, bias: Bool = true, dtype: DType = .float32, generator: Generator = .default
    ) {
        super.init(
            inChannels, outChannels, kernelSize.list(2, "kernel_size"), stride.list(2, "stride"), padding.list(2, "padding"), dilation.list(2, "dilation"), groups, bias, dtype,
            generator)
    }
    public func callAsFunction(_ x: Tensor) -> Tensor {
        inLayer { conv2d(x, weight, bias?.tensor, stride: SpatialSize(stride), padding: .size(SpatialSize(padding)), dilation: SpatialSize(dilation), groups: groups) }
    }
}

/// Convolution over (n, channels, depth, height, width). PyTorch: `torch.nn.Conv3d`.
public final class Conv3d: Convolution, Layer {
    public init(
        _ inChannels: Int, _ outChannels: Int, kernelSize: SpatialSize, stride: SpatialSize = 1, padding: SpatialSize = 0,
        dilation: SpatialSize = 1, groups: Int = 1, bias: Bool = true, dtype: DType = .float32, generator: Generator = .default
    ) {
        super.init(
            inChannels, outChannels, kernelSize.list(3, "kernel_size"), stride.list(3, "stride"), padding.list(3, "padding"), dilation.list(3, "dilation"), groups, bias, dtype,
            generator)
    }
    public func callAsFunction(_ x: Tensor) -> Tensor {
        inLayer { conv3d(x, weight, bias?.tensor, stride: SpatialSize(stride), padding: .size(SpatialSize(padding)), dilation: SpatialSize(dilation), groups: groups) }
    }
}
