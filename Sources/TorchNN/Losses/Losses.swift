// Losses as modules, usable PyTorch's way (call) and Torch7's (forward, then backward towards the input).
import TorchTensor

/// A loss of an input against a target.
public protocol Criterion: Module {
    /// The loss.
    func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor
}

extension Criterion {
    /// Torch7's `criterion:forward`.
    public func forward(_ input: Tensor, _ target: Tensor) -> Tensor { self(input, target) }
    /// The gradient of the loss towards the input, Torch7's `criterion:backward`.
    public func backward(_ input: Tensor, _ target: Tensor) -> Tensor {
        valueAndGradient(at: input) { self($0, target) }.gradient
    }
}

/// Cross-entropy of logits against class indices or probabilities. PyTorch: `torch.nn.CrossEntropyLoss`.
public final class CrossEntropyLoss: Module, Criterion {
    @Buffer private var classWeight: Tensor
    private let isWeighted: Bool
    public let ignoreIndex: Int
    public let reduction: Reduction
    public let labelSmoothing: Double
    public init(weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean, labelSmoothing: Double = 0) {
        isWeighted = weight != nil
        _classWeight = Buffer(wrappedValue: weight ?? .ones([0]), key: "weight", persistent: weight != nil)
        self.ignoreIndex = ignoreIndex
        self.reduction = reduction
        self.labelSmoothing = labelSmoothing
    }
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        inLayer {
            crossEntropy(input, target, weight: isWeighted ? classWeight : nil, ignoreIndex: ignoreIndex, reduction: reduction, labelSmoothing: labelSmoothing)
        }
    }
}

/// Negative log likelihood of class indices, given log-probabilities. PyTorch: `torch.nn.NLLLoss`.
public final class NLLLoss: Module, Criterion {
    @Buffer private var classWeight: Tensor
    private let isWeighted: Bool
    public let ignoreIndex: Int
    public let reduction: Reduction
    public init(weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean) {
        isWeighted = weight != nil
        _classWeight = Buffer(wrappedValue: weight ?? .ones([0]), key: "weight", persistent: weight != nil)
        self.ignoreIndex = ignoreIndex
        self.reduction = reduction
    }
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        inLayer { nllLoss(input, target, weight: isWeighted ? classWeight : nil, ignoreIndex: ignoreIndex, reduction: reduction) }
    }
}

/// Squared error. PyTorch: `torch.nn.MSELoss`.
public final class MSELoss: Module, Criterion {
    public let reduction: Reduction
    public init(reduction: Reduction = .mean) { self.reduction = reduction }
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor { inLayer { mseLoss(input, target, reduction: reduction) } }
}

/// Absolute error. PyTorch: `torch.nn.L1Loss`.
public final class L1Loss: Module, Criterion {
    public let reduction: Reduction
    public init(reduction: Reduction = .mean) { self.reduction = reduction }
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor { inLayer { l1Loss(input, target, reduction: reduction) } }
}

/// Binary cross-entropy of logits. PyTorch: `torch.nn.BCEWithLogitsLoss`.
public final class BCEWithLogitsLoss: Module, Criterion {
    @Buffer private var elementWeight: Tensor
    @Buffer private var positiveWeight: Tensor
    private let isWeighted, isPositiveWeighted: Bool
    public let reduction: Reduction
    /// `weight` rescales each element, `posWeight` the positive examples of each class.
    public init(weight: Tensor? = nil, posWeight: Tensor? = nil, reduction: Reduction = .mean) {
        (isWeighted, isPositiveWeighted) = (weight != nil, posWeight != nil)
        _elementWeight = Buffer(wrappedValue: weight ?? .ones([0]), key: "weight", persistent: weight != nil)
        _positiveWeight = Buffer(wrappedValue: posWeight ?? .ones([0]), key: "pos_weight", persistent: posWeight != nil)
        self.reduction = reduction
    }
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        inLayer {
            binaryCrossEntropyWithLogits(
                input, target, weight: isWeighted ? elementWeight : nil, posWeight: isPositiveWeighted ? positiveWeight : nil, reduction: reduction)
        }
    }
}
