// Recomputation instead of memory.
import TorchKernels
import TorchRuntime

/// Runs `body` without keeping what is inside, and again in backward: less memory for more time. PyTorch: `torch.utils.checkpoint.checkpoint`.
///
/// Random numbers are drawn the same the second time (the states of the default generators of the CPU and the inputs' devices are put back for the recomputation). Parameters used inside get
/// their gradients; `autocast` around it counts for both. Second derivatives through it are refused.
public func checkpoint(_ inputs: [Tensor], _ body: @escaping ([Tensor]) -> Tensor) -> Tensor {
    let generators = Set(inputs.map(\.device) + [.cpu]).map { Generator.default(for: $0) }
    let start = generators.map { $0.clone() }
    let precision = st_autocast()
    let y = Tensor(noGrad { body(inputs) }.impl.alias())
    guard st_grad_enabled() else { return y }
    // Parameters inside want gradients even if no input does.
    let anchor = inputs.contains { $0.requiresGrad } ? inputs : inputs + [Tensor.zeros([], dtype: .float32).requiringGrad()]
    return Tensor.recordedJointly("checkpoint", outputs: [y], anchor) { gradients, _, _ in
        let none = [Tensor?](repeating: nil, count: anchor.count)
        guard let g = gradients[0] else { return none }
        if st_grad_enabled() {
            TensorError.report("checkpoint", "second derivatives through a checkpoint are not supported", hint: "call the body directly where createGraph is used")
            return none
        }
        let now = generators.map { $0.clone() }
        for (g, s) in zip(generators, start) { g.copyState(from: s) }
        defer { for (g, s) in zip(generators, now) { g.copyState(from: s) } }
        let fresh = inputs.map { $0.requiresGrad ? $0.detached().requiringGrad() : $0 }
        let again = Autocast.within(precision) { enableGrad { body(fresh) } }
        if let root = again.impl.node { _ = Engine.run(roots: [root], gradients: [g], capture: nil, retainGraph: false, createGraph: false) }
        return fresh.map { $0.isLeaf ? $0.grad : nil } + (anchor.count > inputs.count ? [nil] : [])
    }[0]
}
