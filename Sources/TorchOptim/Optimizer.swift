// What optimizers share.
import TorchFormats
import TorchKernels
@_exported import TorchNN

/// Parameters that are updated with the same options.
public final class ParameterGroup {
    /// The parameters.
    public let parameters: [Parameter]
    /// Step size; schedulers change it.
    public var learningRate: Double
    /// The step size at the start, which schedulers count from. PyTorch: `initial_lr`.
    public var initialLearningRate: Double
    /// L2 penalty, or the decay of decoupled optimizers.
    public var weightDecay: Double

    public init(_ parameters: [Parameter], learningRate: Double, weightDecay: Double = 0) {
        self.parameters = parameters
        self.learningRate = learningRate
        initialLearningRate = learningRate
        self.weightDecay = weightDecay
    }
}

/// An optimizer: changes parameters against their gradients. PyTorch: `torch.optim.Optimizer`.
open class Optimizer {
    public let groups: [ParameterGroup]
    /// Steps done so far.
    public private(set) var stepCount = 0

    /// All parameters must be different and able to learn; a group without parameters is reported.
    public init(_ groups: [ParameterGroup]) {
        self.groups = groups
        var seen = Set<ObjectIdentifier>()
        let name = "\(type(of: self))"
        if groups.allSatisfy({ $0.parameters.isEmpty }) { TensorError.report(name, "optimizer got an empty parameter list") }
        for g in groups {
            if g.learningRate < 0 { TensorError.report(name, "Invalid learning rate: \(g.learningRate)") }
            if g.weightDecay < 0 { TensorError.report(name, "Invalid weight_decay value: \(g.weightDecay)") }
            for p in g.parameters where !seen.insert(ObjectIdentifier(p)).inserted {
                TensorError.report(name, "some parameters appear in more than one parameter group")
            }
        }
    }

    /// One update. PyTorch: `step()`.
    public final func step() {
        stepCount += 1
        if let captured = CapturedStep.current {
            captured.afterCapture { self.stepCount -= 1 }
            captured.beforeReplay { self.stepCount += 1 }
        }
        noGrad {
            for g in groups { update(g) }
        }
    }

    /// Forgets all gradients. PyTorch: `zero_grad()`.
    public final func zeroGrad() { for g in groups { for p in g.parameters { p.zeroGrad() } } }

    /// Updates the parameters of one group. Subclasses override it.
    open func update(_ group: ParameterGroup) {}

    /// Names of the state tensors, in the order of `stateTensors`.
    open var stateNames: [String] { [] }
    /// State of one parameter; nil before its first step.
    open func stateTensors(_ parameter: Parameter) -> [Tensor]? { nil }
    /// Puts the state of one parameter back.
    open func restore(_ parameter: Parameter, _ tensors: [Tensor], steps: Int) {}
    /// PyTorch's names and values of a group's options, `lr` first.
    open func groupOptions(_ group: ParameterGroup) -> [(String, CheckpointValue)] {
        [("lr", .double(group.learningRate)), ("weight_decay", .double(group.weightDecay)), ("initial_lr", .double(group.initialLearningRate))]
    }
    /// True if the state of a parameter has a number of steps.
    open var countsSteps: Bool { false }
    /// Steps of one parameter.
    open func steps(of parameter: Parameter) -> Int { stepCount }

    /// All state by name: `0.momentum_buffer`, `0.step`, …, and the groups' learning rates. PyTorch: `state_dict()`.
    public func stateDict() -> StateDict {
        var state = StateDict()
        state["steps"] = Tensor(stepCount, device: .cpu)
        var i = 0
        for (k, g) in groups.enumerated() {
            state["group\(k).learning_rate"] = Tensor([g.learningRate, g.initialLearningRate], dtype: .float64, device: .cpu)
            for p in g.parameters {
                if let tensors = stateTensors(p) {
                    state["\(i).step"] = Tensor(steps(of: p), device: .cpu)
                    for (name, t) in zip(stateNames, tensors) { state["\(i).\(name)"] = t }
                }
                i += 1
            }
        }
        return state
    }

    /// Puts saved state back, so that training goes on as if it had not stopped. PyTorch: `load_state_dict`.
    public func load(_ state: StateDict) throws(StateError) {
        var report = LoadReport()
        var actions: [() -> Void] = []
        guard let steps = state["steps"] else {
            report.missing.append("steps")
            throw StateError(report: report)
        }
        var i = 0
        for (k, g) in groups.enumerated() {
            if let rates = state["group\(k).learning_rate"], rates.count == 2 {
                let r = rates.array(of: Double.self)
                actions.append {
                    g.learningRate = r[0]
                    g.initialLearningRate = r[1]
                }
            } else {
                report.missing.append("group\(k).learning_rate")
            }
            for p in g.parameters {
                if let step = state["\(i).step"] {
                    var tensors: [Tensor] = []
                    for name in stateNames {
                        guard let t = state["\(i).\(name)"] else {
                            report.missing.append("\(i).\(name)")
                            continue
                        }
                        if t.dims != p.tensor.dims { report.wrongShape.append(("\(i).\(name)", p.tensor.shape, t.shape)) }
                        tensors.append(t)
                    }
                    let n = step.item(Int.self)
                    actions.append { self.restore(p, tensors, steps: n) }
                }
                i += 1
            }
        }
        guard report.isComplete else { throw StateError(report: report) }
        stepCount = steps.item(Int.self)
        for a in actions { a() }
    }

    /// Parameters of a group with gradients, as the fused kernels take them. `states` gives pointers to up to three state tensors.
    func fused(_ group: ParameterGroup, _ states: (Parameter, Tensor) -> [UnsafeMutableRawPointer]) -> [(DType, [st_optim_tensor], [Tensor])] {
        // A step runs on one device; what is elsewhere is another batch.
        struct Kind: Hashable {
            let dtype: DType
            let device: Device
        }
        var byType: [Kind: ([st_optim_tensor], [Tensor])] = [:]
        for p in group.parameters {
            guard let g = p.grad else { continue }
            if let captured = CapturedStep.current, p.tensor.device != captured.device {
                TensorError.report(
                    "\(type(of: self))", "a parameter of \(p.tensor.device) can not be updated by a captured step of \(captured.device)", hint: "move the module with .to(.cuda)")
                continue
            }
            // The kernels stream over row-major memory of one type.
            let grad = g.to(p.tensor.dtype).to(p.tensor.device).contiguous()
            let s = states(p, grad)
            let t = st_optim_tensor(
                param: p.mutablePointer(), grad: grad.readPointer, state0: s.count > 0 ? s[0] : nil, state1: s.count > 1 ? s[1] : nil,
                state2: s.count > 2 ? s[2] : nil, count: Int64(grad.count))
            let kind = Kind(dtype: p.tensor.dtype, device: p.tensor.device)
            byType[kind, default: ([], [])].0.append(t)
            byType[kind]!.1.append(grad)
        }
        return byType.map { ($0.key.dtype, $0.value.0, $0.value.1) }
    }

    /// Reports state that a captured step would make anew in every replay.
    func refuseFirstStep() {
        TensorError.report(
            "\(type(of: self))", "the first step makes the state of the parameters, which would be made anew by every replay of a captured step", hint: "do one step before the capture")
    }

    /// Reports a type that has no fused step.
    func refuse(_ dtype: DType) {
        TensorError.report("\(type(of: self))", "parameters of \(dtype) are not supported", hint: "keep float32 parameters and cast in the forward pass")
    }
}
