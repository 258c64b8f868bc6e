// Activations as layers.
import TorchTensor

/// max(x, 0). PyTorch: `torch.nn.ReLU`.
public final class ReLU: Module, Layer {
    public func callAsFunction(_ x: Tensor) -> Tensor { x.relu() }
}

/// x·Φ(x). PyTorch: `torch.nn.GELU`.
public final class GELU: Module, Layer {
    public let approximate: Tensor.GELUApproximation
    public init(approximate: Tensor.GELUApproximation = .none) { self.approximate = approximate }
    public func callAsFunction(_ x: Tensor) -> Tensor { x.gelu(approximate: approximate) }
    public override var extraDescription: String { "approximate='\(approximate)'" }
}

/// 1 / (1 + e^-x). PyTorch: `torch.nn.Sigmoid`.
public final class Sigmoid: Module, Layer {
    public func callAsFunction(_ x: Tensor) -> Tensor { x.sigmoid() }
}

/// Hyperbolic tangent. PyTorch: `torch.nn.Tanh`.
public final class Tanh: Module, Layer {
    public func callAsFunction(_ x: Tensor) -> Tensor { x.tanh() }
}

/// x·sigmoid(x). PyTorch: `torch.nn.SiLU`.
public final class SiLU: Module, Layer {
    public func callAsFunction(_ x: Tensor) -> Tensor { x.silu() }
}

/// x where positive, slope·x elsewhere. PyTorch: `torch.nn.LeakyReLU`.
public final class LeakyReLU: Module, Layer {
    public let negativeSlope: Double
    public init(negativeSlope: Double = 0.01) { self.negativeSlope = negativeSlope }
    public func callAsFunction(_ x: Tensor) -> Tensor { x.leakyRelu(negativeSlope: negativeSlope) }
    public override var extraDescription: String { "negative_slope=\(negativeSlope)" }
}

/// Softmax along a dim. PyTorch: `torch.nn.Softmax`.
public final class Softmax: Module, Layer {
    public let dim: Int
    public init(dim: Int) { self.dim = dim }
    public func callAsFunction(_ x: Tensor) -> Tensor { inLayer { x.softmax(dim: dim) } }
    public override var extraDescription: String { "dim=\(dim)" }
}

/// Logarithm of the softmax along a dim. PyTorch: `torch.nn.LogSoftmax`.
public final class LogSoftmax: Module, Layer {
    public let dim: Int
    public init(dim: Int) { self.dim = dim }
    public func callAsFunction(_ x: Tensor) -> Tensor { inLayer { x.logSoftmax(dim: dim) } }
    public override var extraDescription: String { "dim=\(dim)" }
}

/// Zeroes elements with probability p while training, and scales the rest by 1 / (1 - p). PyTorch: `torch.nn.Dropout`.
public final class Dropout: Module, Layer {
    public let p: Double
    private let generator: Generator?
    /// `generator`: where the numbers come from; nil: the default one of the input's device.
    public init(_ p: Double = 0.5, generator: Generator? = nil) {
        if !(0...1).contains(p) { TensorError.report("Dropout", "dropout probability has to be between 0 and 1, but got \(p)") }
        self.p = p
        self.generator = generator
    }
    public func callAsFunction(_ x: Tensor) -> Tensor { inLayer { dropout(x, p: p, training: isTraining, generator: generator) } }
    public override var extraDescription: String { "p=\(p)" }
}
