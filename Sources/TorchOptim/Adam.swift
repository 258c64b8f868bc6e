// Adam and AdamW.
import TorchFormats
import TorchKernels
import TorchNN

/// Adam (Kingma and Ba 2015), weight decay as L2 penalty. PyTorch: `torch.optim.Adam`.
public class Adam: Optimizer {
    public let betas: (Double, Double)
    public let epsilon: Double
    public let amsgrad, maximize: Bool
    var isDecoupled: Bool { false }
    private struct State {
        var step = 0
        var average: Tensor
        var squareAverage: Tensor
        var largest: Tensor?
    }
    private var states: [ObjectIdentifier: State] = [:]

    public init(
        _ groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, amsgrad: Bool = false, maximize: Bool = false
    ) {
        if !(0..<1).contains(betas.0) { TensorError.report("Adam", "Invalid beta parameter at index 0: \(betas.0)") }
        if !(0..<1).contains(betas.1) { TensorError.report("Adam", "Invalid beta parameter at index 1: \(betas.1)") }
        if epsilon < 0 { TensorError.report("Adam", "Invalid epsilon value: \(epsilon)") }
        self.betas = betas
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self.maximize = maximize
        super.init(groups)
    }

    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, weightDecay: Double = 0,
        amsgrad: Bool = false, maximize: Bool = false
    ) {
        self.init([ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], betas: betas, epsilon: epsilon, amsgrad: amsgrad, maximize: maximize)
    }

    public override func update(_ group: ParameterGroup) {
        // Parameters may have had different numbers of gradients, and the bias correction depends on it.
        var stepOf: [UnsafeMutableRawPointer: (count: Int, parameter: ObjectIdentifier)] = [:]
        let batches = fused(group) { p, grad in
            let id = ObjectIdentifier(p)
            if states[id] == nil, CapturedStep.current != nil { refuseFirstStep() }
            if states[id] == nil { states[id] = State(average: grad.zerosLike(), squareAverage: grad.zerosLike(), largest: amsgrad ? grad.zerosLike() : nil) }
            states[id]!.step += 1
            if let captured = CapturedStep.current {
                captured.afterCapture { self.states[id]?.step -= 1 }
                captured.beforeReplay { self.states[id]?.step += 1 }
            }
            var pointers = [states[id]!.average.mutablePointer(), states[id]!.squareAverage.mutablePointer()]
            if amsgrad { pointers.append(states[id]!.largest!.mutablePointer()) }
            stepOf[pointers[0]] = (states[id]!.step, id)
            return pointers
        }
        for (dtype, tensors, grads) in batches {
            for step in Set(tensors.map { stepOf[$0.state0]!.count }).sorted() {
                func options(_ step: Int) -> st_adam {
                    st_adam(
                        lr: group.learningRate, beta1: betas.0, beta2: betas.1, eps: epsilon, weight_decay: group.weightDecay, step: Double(step), decoupled: isDecoupled,
                        maximize: maximize)
                }
                let part = tensors.filter { stepOf[$0.state0]!.count == step }
                let one = stepOf[part[0].state0]!.parameter
                let done = grads[0].backendForSteps.adamStep(part, dtype: dtype, options(step), anew: { options(self.states[one]?.step ?? step) })
                if !done { refuse(dtype) }
            }
            withExtendedLifetime(grads) {}
        }
    }

    public override var countsSteps: Bool { true }
    public override func groupOptions(_ group: ParameterGroup) -> [(String, CheckpointValue)] {
        super.groupOptions(group) + [
            ("betas", .tuple([.double(betas.0), .double(betas.1)])), ("eps", .double(epsilon)), ("amsgrad", .bool(amsgrad)), ("maximize", .bool(maximize)),
            ("foreach", .none), ("capturable", .bool(false)), ("differentiable", .bool(false)), ("fused", .none), ("decoupled_weight_decay", .bool(isDecoupled)),
        ]
    }
    public override var stateNames: [String] { ["exp_avg", "exp_avg_sq"] + (amsgrad ? ["max_exp_avg_sq"] : []) }
    public override func stateTensors(_ p: Parameter) -> [Tensor]? {
        states[ObjectIdentifier(p)].map { [$0.average, $0.squareAverage] + ($0.largest.map { [$0] } ?? []) }
    }
    public override func steps(of p: Parameter) -> Int { states[ObjectIdentifier(p)]?.step ?? 0 }
    public override func restore(_ p: Parameter, _ tensors: [Tensor], steps: Int) {
        states[ObjectIdentifier(p)] = State(step: steps, average: tensors[0], squareAverage: tensors[1], largest: tensors.count > 2 ? tensors[2] : nil)
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019). PyTorch: `torch.optim.AdamW`.
public final class AdamW: Adam {
    override var isDecoupled: Bool { true }

    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, weightDecay: Double = 1e-2,
        amsgrad: Bool = false, maximize: Bool = false
    ) {
        self.init([ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], betas: betas, epsilon: epsilon, amsgrad: amsgrad, maximize: maximize)
    }
}
