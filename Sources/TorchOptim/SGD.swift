// Stochastic gradient descent.
import TorchFormats
import TorchKernels
import TorchNN

/// p -= learningRate * g, with momentum (also Nesterov's), dampening and weight decay. PyTorch: `torch.optim.SGD`.
public final class SGD: Optimizer {
    public let momentum, dampening: Double
    public let nesterov, maximize: Bool
    private var buffers: [ObjectIdentifier: Tensor] = [:]

    public init(
        _ groups: [ParameterGroup], momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false, maximize: Bool = false
    ) {
        if momentum < 0 { TensorError.report("SGD", "Invalid momentum value: \(momentum)") }
        if nesterov && (momentum <= 0 || dampening != 0) { TensorError.report("SGD", "Nesterov momentum requires a momentum and zero dampening") }
        self.momentum = momentum
        self.dampening = dampening
        self.nesterov = nesterov
        self.maximize = maximize
        super.init(groups)
    }

    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-3, momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0, nesterov: Bool = false,
        maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], momentum: momentum, dampening: dampening, nesterov: nesterov,
            maximize: maximize)
    }

    public override func update(_ group: ParameterGroup) {
        var fresh: Set<UnsafeMutableRawPointer> = []
        let batches = fused(group) { p, grad in
            if momentum == 0 { return [] }
            let id = ObjectIdentifier(p)
            let isNew = buffers[id] == nil
            if isNew, CapturedStep.current != nil { refuseFirstStep() }
            if isNew { buffers[id] = grad.emptyLike() }
            let pointer = buffers[id]!.mutablePointer()
            if isNew { fresh.insert(pointer) }
            return [pointer]
        }
        for (dtype, tensors, grads) in batches {
            // A first step starts the momentum from the gradient itself.
            for first in [true, false] {
                let part = momentum == 0 ? (first ? [] : tensors) : tensors.filter { fresh.contains($0.state0) == first }
                if part.isEmpty { continue }
                func options() -> st_sgd {
                    st_sgd(
                        lr: group.learningRate, momentum: momentum, dampening: dampening, weight_decay: group.weightDecay, nesterov: nesterov, maximize: maximize,
                        first_step: first)
                }
                if !grads[0].backendForSteps.sgdStep(part, dtype: dtype, options(), anew: options) { refuse(dtype) }
            }
            withExtendedLifetime(grads) {}
        }
    }

    public override func groupOptions(_ group: ParameterGroup) -> [(String, CheckpointValue)] {
        super.groupOptions(group) + [
            ("momentum", .double(momentum)), ("dampening", .double(dampening)), ("nesterov", .bool(nesterov)), ("maximize", .bool(maximize)), ("foreach", .none),
            ("differentiable", .bool(false)), ("fused", .none),
        ]
    }
    public override var stateNames: [String] { momentum == 0 ? [] : ["momentum_buffer"] }
    public override func stateTensors(_ p: Parameter) -> [Tensor]? { buffers[ObjectIdentifier(p)].map { [$0] } }
    public override func restore(_ p: Parameter, _ tensors: [Tensor], steps: Int) { buffers[ObjectIdentifier(p)] = tensors.first }
}
