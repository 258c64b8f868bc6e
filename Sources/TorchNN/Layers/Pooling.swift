// Pooling layers over (n, channels, height, width).
import TorchTensor

/// Largest of each window. PyTorch: `torch.nn.MaxPool2d`.
public final class MaxPool2d: Module, Layer {
    public let kernelSize, stride, padding, dilation: [Int]
    public let ceilMode: Bool
    /// `stride` defaults to the kernel's size.
    public init(_ kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, dilation: SpatialSize = 1, ceilMode: Bool = false) {
        self.kernelSize = kernelSize.list(2, "kernelSize")
        self.stride = stride?.list(2, "stride") ?? kernelSize.list(2, "kernelSize")
        self.padding = padding.list(2, "padding")
        self.dilation = dilation.list(2, "dilation")
        self.ceilMode = ceilMode
    }
    public func callAsFunction(_ x: Tensor) -> Tensor {
        inLayer { maxPool2d(x, kernelSize: SpatialSize(kernelSize), stride: SpatialSize(stride), padding: SpatialSize(padding), dilation: SpatialSize(dilation), ceilMode: ceilMode) }
    }
    public override var extraDescription: String { "kernel_size=\(kernelSize), stride=\(stride), padding=\(padding), dilation=\(dilation), ceil_mode=\(ceilMode ? "True" : "False")" }
}

/// Mean of each window. PyTorch: `torch.nn.AvgPool2d`.
public final class AvgPool2d: Module, Layer {
    public let kernelSize, stride, padding: [Int]
    public let ceilMode, countIncludePad: Bool
    public init(_ kernelSize: SpatialSize, stride: SpatialSize? = nil, padding: SpatialSize = 0, ceilMode: Bool = false, countIncludePad: Bool = true) {
        self.kernelSize = kernelSize.list(2, "kernelSize")
        self.stride = stride?.list(2, "stride") ?? kernelSize.list(2, "kernelSize")
        self.padding = padding.list(2, "padding")
        self.ceilMode = ceilMode
        self.countIncludePad = countIncludePad
    }
    public func callAsFunction(_ x: Tensor) -> Tensor {
        inLayer { avgPool2d(x, kernelSize: SpatialSize(kernelSize), stride: SpatialSize(stride), padding: SpatialSize(padding), ceilMode: ceilMode, countIncludePad: countIncludePad) }
    }
    public override var extraDescription: String { "kernel_size=\(kernelSize), stride=\(stride), padding=\(padding)" }
}

/// Mean of windows chosen so that the output has the given size. PyTorch: `torch.nn.AdaptiveAvgPool2d`.
public final class AdaptiveAvgPool2d: Module, Layer {
    public let outputSize: [Int]
    public init(_ outputSize: SpatialSize) { self.outputSize = outputSize.list(2, "outputSize") }
    public func callAsFunction(_ x: Tensor) -> Tensor { inLayer { adaptiveAvgPool2d(x, outputSize) } }
    public override var extraDescription: String { "output_size=\(outputSize)" }
}
