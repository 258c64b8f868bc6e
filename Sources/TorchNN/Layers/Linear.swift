// Dense layers.
import TorchTensor

/// y = x Wᵀ + b: (…, inFeatures) to (…, outFeatures). PyTorch: `torch.nn.Linear`.
public final class Linear: Module, Layer {
    /// (outFeatures, inFeatures)
    @Parameter public var weight: Tensor
    /// (outFeatures)
    public let bias: Parameter?
    public let inFeatures: Int
    public let outFeatures: Int

    /// Start values are PyTorch's: uniform with bound 1 / √inFeatures.
    public init(_ inFeatures: Int, _ outFeatures: Int, bias: Bool = true, dtype: DType = .float32, generator: Generator = .default) {
        self.inFeatures = inFeatures
        self.outFeatures = outFeatures
        _weight = Parameter(.empty([outFeatures, inFeatures], dtype: dtype))
        self.bias = bias ? Parameter(.empty([outFeatures], dtype: dtype)) : nil
        super.init()
        resetParameters(generator: generator)
    }

    /// Draws new start values.
    public func resetParameters(generator: Generator = .default) {
        // No inputs: nothing to draw for, as PyTorch's no-op with a warning.
        if inFeatures > 0 { Init.kaimingUniform($weight, a: 5.0.squareRoot(), generator: generator) }
        if let bias {
            let bound = inFeatures > 0 ? 1 / Double(inFeatures).squareRoot() : 0
            Init.uniform(bias, from: -bound, to: bound, generator: generator)
        }
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { inLayer { linear(x, weight, bias?.tensor) } }

    public override var extraDescription: String { "in_features=\(inFeatures), out_features=\(outFeatures), bias=\(bias == nil ? "False" : "True")" }
}

/// The input as it is. PyTorch: `torch.nn.Identity`.
public final class Identity: Module, Layer {
    public func callAsFunction(_ x: Tensor) -> Tensor { x }
}

/// Joins dims. PyTorch: `torch.nn.Flatten`.
public final class Flatten: Module, Layer {
    public let startDim, endDim: Int
    public init(startDim: Int = 1, endDim: Int = -1) {
        self.startDim = startDim
        self.endDim = endDim
    }
    public func callAsFunction(_ x: Tensor) -> Tensor { inLayer { x.flatten(startDim: startDim, endDim: endDim) } }
    public override var extraDescription: String { "start_dim=\(startDim), end_dim=\(endDim)" }
}
