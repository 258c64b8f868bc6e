// Normalisation layers.
import TorchTensor

/// What batch norms share: per-channel statistics over batch and space. PyTorch: `torch.nn.modules.batchnorm`.
public class BatchNorm: Module {
    /// Scale and shift, (features); nil without `affine`.
    public let weight, bias: Parameter?
    @Buffer public var runningMean: Tensor
    @Buffer public var runningVar: Tensor
    @Buffer public var numBatchesTracked: Tensor
    public let features: Int
    public let epsilon: Double
    /// Share of the new batch in the running statistics; nil for the plain mean of all batches.
    public let momentum: Double?

    /// Accepted ranks of the input.
    var ranks: ClosedRange<Int> { 2...5 }

    public init(_ features: Int, epsilon: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true, dtype: DType = .float32) {
        self.features = features
        self.epsilon = epsilon
        self.momentum = momentum
        weight = affine ? Parameter(.ones([features], dtype: dtype)) : nil
        bias = affine ? Parameter(.zeros([features], dtype: dtype)) : nil
        _runningMean = Buffer(wrappedValue: .zeros([features], dtype: dtype))
        _runningVar = Buffer(wrappedValue: .ones([features], dtype: dtype))
        _numBatchesTracked = Buffer(wrappedValue: Tensor(0))
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        inLayer {
            guard ranks.contains(x.rank) else {
                TensorError.report(
                    "\(type(of: self))", "expected \(ranks.lowerBound == ranks.upperBound ? "\(ranks.lowerBound)D" : "\(ranks.lowerBound)D or \(ranks.upperBound)D") input (got \(x.rank)D input)")
                return x
            }
            var share = momentum ?? 0
            if isTraining {
                numBatchesTracked += 1
                if momentum == nil { share = 1 / numBatchesTracked.item() }
            }
            if isTraining {
                return batchNorm(x, updatingMean: &runningMean, variance: &runningVar, weight: weight?.tensor, bias: bias?.tensor, momentum: share, epsilon: epsilon)
            }
            return batchNorm(x, runningMean: runningMean, runningVariance: runningVar, weight: weight?.tensor, bias: bias?.tensor, epsilon: epsilon)
        }
    }

    public override var extraDescription: String {
        "\(features), eps=\(epsilon), momentum=\(momentum.map { "\($0)" } ?? "None"), affine=\(weight == nil ? "False" : "True"), track_running_stats=True"
    }
}

/// Batch norm over (n, features) or (n, features, length). PyTorch: `torch.nn.BatchNorm1d`.
public final class BatchNorm1d: BatchNorm, Layer {
    override var ranks: ClosedRange<Int> { 2...3 }
}
/// Batch norm over (n, features, height, width). PyTorch: `torch.nn.BatchNorm2d`.
public final class BatchNorm2d: BatchNorm, Layer {
    override var ranks: ClosedRange<Int> { 4...4 }
}

/// Normalises the last dims, then scales and shifts. PyTorch: `torch.nn.LayerNorm`.
public final class LayerNorm: Module, Layer {
    public let weight, bias: Parameter?
    public let normalizedShape: [Int]
    public let epsilon: Double

    public init(_ normalizedShape: [Int], epsilon: Double = 1e-5, elementwiseAffine: Bool = true, bias: Bool = true, dtype: DType = .float32) {
        self.normalizedShape = normalizedShape
        self.epsilon = epsilon
        weight = elementwiseAffine ? Parameter(.ones(normalizedShape, dtype: dtype)) : nil
        self.bias = elementwiseAffine && bias ? Parameter(.zeros(normalizedShape, dtype: dtype)) : nil
    }
    public convenience init(_ features: Int, epsilon: Double = 1e-5, elementwiseAffine: Bool = true, bias: Bool = true, dtype: DType = .float32) {
        self.init([features], epsilon: epsilon, elementwiseAffine: elementwiseAffine, bias: bias, dtype: dtype)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        inLayer { layerNorm(x, normalizedShape, weight: weight?.tensor, bias: bias?.tensor, epsilon: epsilon) }
    }
    public override var extraDescription: String { "\(Dims(normalizedShape)), eps=\(epsilon), elementwise_affine=\(weight == nil ? "False" : "True")" }
}
