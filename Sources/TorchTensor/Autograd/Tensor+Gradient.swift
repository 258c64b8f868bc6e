// Gradients: asking for them, getting them.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// True if operators on this tensor are recorded. Setting it on a computed tensor to false is refused; use `detached()`. PyTorch: `requires_grad`.
    public var requiresGrad: Bool {
        get { impl.node != nil }
        set {
            if newValue == requiresGrad { return }
            if newValue {
                guard dtype.isDifferentiable else {
                    TensorError.report("requiresGrad", "only tensors of floating point and complex dtype can require gradients, this one is \(dtype)")
                    return
                }
                impl = impl.alias()
                impl.node = LeafNode(self)
            } else if isLeaf {
                impl = impl.alias()
            } else {
                TensorError.report(
                    "requiresGrad", "you can only change requiresGrad flags of leaf tensors", hint: "use detached() for the same values without graph")
            }
        }
    }

    /// This tensor with gradients wanted. PyTorch: `requires_grad_()`.
    public func requiringGrad(_ on: Bool = true) -> Tensor {
        var t = self
        t.requiresGrad = on
        return t
    }

    /// True unless an operator made it from tensors that want gradients. PyTorch: `is_leaf`.
    public var isLeaf: Bool { impl.node == nil || impl.node is LeafNode }

    /// The node that made this tensor, nil for leaves. PyTorch: `grad_fn`.
    public var gradientNode: Node? { impl.node is LeafNode ? nil : impl.node }

    /// The gradient that backward passes have collected here; shared by all copies of the tensor. PyTorch: `grad`.
    public var grad: Tensor? {
        get { (impl.node as? LeafNode)?.grad ?? impl.node?.extras?.retained }
        nonmutating set {
            guard let leaf = impl.node as? LeafNode else {
                TensorError.report("grad", "only a leaf tensor that requires gradients has a gradient to set")
                return
            }
            if let newValue, newValue.dims != dims || newValue.dtype != dtype {
                TensorError.report("grad", "assigned grad has shape \(newValue.dims) and type \(newValue.dtype), the tensor \(dims) and \(dtype)")
                return
            }
            leaf.grad = newValue
        }
    }

    /// Keeps the gradient of a computed tensor in `grad`. PyTorch: `retain_grad()`.
    public func retainGrad() {
        guard let node = impl.node else {
            TensorError.report("retainGrad", "can't retain_grad on Tensor that has requires_grad=False")
            return
        }
        if node is LeafNode { return }
        node.ensureExtras().retains = true
    }

    /// The same values, outside the graph. PyTorch: `detach()`.
    public func detached() -> Tensor { withoutGraph }

    /// Sums up gradients of this tensor into the leaves that it was computed from.
    ///
    /// - Parameters:
    ///   - gradient: of the final result with respect to this tensor, its shape; may be left out for one element.
    ///   - retainGraph: keeps saved tensors, so that backward can run again; default: as `createGraph`.
    ///   - createGraph: records backward itself, for higher derivatives.
    ///   - inputs: collect only into these leaves; nil for all.
    ///
    /// PyTorch: `backward`.
    public func backward(gradient: Tensor? = nil, retainGraph: Bool? = nil, createGraph: Bool = false, inputs: [Tensor]? = nil) {
        guard let root = impl.node else {
            TensorError.report(
                "backward", "element 0 of tensors does not require grad and does not have a grad_fn",
                hint: "no input of this result has requiresGrad, or it was computed inside noGrad")
            return
        }
        guard let seed = Autograd.seed(for: self, gradient, "backward") else { return }
        guard let inputs else {
            _ = Engine.run(roots: [root], gradients: [seed], capture: nil, retainGraph: retainGraph ?? createGraph, createGraph: createGraph)
            return
        }
        let leaves = inputs.map { $0.impl.node as? LeafNode }
        guard !leaves.contains(where: { $0 == nil }) else {
            TensorError.report("backward", "inputs must be leaf tensors that require gradients")
            return
        }
        let results = Engine.run(roots: [root], gradients: [seed], capture: leaves.map { $0! }, retainGraph: retainGraph ?? createGraph, createGraph: createGraph)
        for (leaf, g) in Swift.zip(leaves, results) { if let leaf, let g { leaf.apply(g) } }
    }

    /// Calls `body` with each gradient of this tensor; what it returns, if anything, replaces the gradient. Returns a handle that removes the hook.
    /// PyTorch: `register_hook`.
    @discardableResult
    public func registerHook(_ body: @escaping (Tensor) -> Tensor?) -> HookHandle {
        guard let node = impl.node else {
            TensorError.report("registerHook", "cannot register a hook on a tensor that doesn't require gradient")
            return HookHandle {}
        }
        return node.registerHook(body)
    }
}

/// Removes a hook.
public struct HookHandle {
    private let action: () -> Void
    init(_ action: @escaping () -> Void) { self.action = action }
    /// The hook is not called any more.
    public func remove() { action() }
}

extension Node {
    func ensureExtras() -> NodeExtras {
        if let extras { return extras }
        let e = NodeExtras()
        extras = e
        return e
    }

    /// Calls `body` with the gradient that arrives at this node; what it returns replaces it. PyTorch: `Node.register_prehook`.
    public func registerHook(_ body: @escaping (Tensor) -> Tensor?) -> HookHandle {
        let extras = ensureExtras()
        extras.nextID += 1
        let id = extras.nextID
        extras.hooks.append((id, body))
        return HookHandle { [weak extras] in extras?.hooks.removeAll { $0.id == id } }
    }
}

extension LeafNode {
    /// Calls `body` after a gradient was added to `grad`. PyTorch: `register_post_accumulate_grad_hook`.
    public func registerPostAccumulateHook(_ body: @escaping () -> Void) -> HookHandle {
        let extras = ensureExtras()
        extras.nextID += 1
        let id = extras.nextID
        extras.postAccumulate.append((id, body))
        return HookHandle { [weak extras] in extras?.postAccumulate.removeAll { $0.id == id } }
    }
}

enum Autograd {
    /// The gradient to start from: given, or one for a single element.
    static func seed(for output: Tensor, _ gradient: Tensor?, _ operation: String) -> Tensor? {
        if let gradient {
            guard gradient.dims == output.dims else {
                TensorError.report(operation, "Mismatch in shape: the gradient has shape \(gradient.dims) and the output has shape \(output.dims)")
                return nil
            }
            return gradient
        }
        guard output.count == 1 else {
            TensorError.report(
                operation, "grad can be implicitly created only for scalar outputs, this one has shape \(output.dims)",
                hint: "reduce it first, e.g. with sum() or mean(), or pass the gradient")
            return nil
        }
        guard !output.dtype.isComplex else {
            TensorError.report(operation, "grad can be implicitly created only for real scalar outputs but got \(output.dtype)")
            return nil
        }
        return Tensor.full(output.dims, 1, dtype: output.dtype, device: output.device)
    }
}

/// Gradients of `outputs` with respect to `inputs`, without touching anybody's `grad`. PyTorch: `torch.autograd.grad`.
///
/// An input that the outputs do not depend on is an error unless `allowUnused`; then its gradient is nil.
public func gradients(
    of outputs: [Tensor], withRespectTo inputs: [Tensor], gradOutputs: [Tensor?]? = nil, retainGraph: Bool? = nil, createGraph: Bool = false,
    allowUnused: Bool
) -> [Tensor?] {
    let none = [Tensor?](repeating: nil, count: inputs.count)
    var roots: [Node] = []
    var seeds: [Tensor] = []
    for (i, o) in outputs.enumerated() {
        guard let node = o.impl.node else {
            TensorError.report(
                "gradients", "element \(i) of tensors does not require grad and does not have a grad_fn",
                hint: "no input of it has requiresGrad, or it was computed inside noGrad")
            return none
        }
        guard let seed = Autograd.seed(for: o, gradOutputs?[i], "gradients") else { return none }
        roots.append(node)
        seeds.append(seed)
    }
    for (i, x) in inputs.enumerated() where x.impl.node == nil {
        TensorError.report("gradients", "input \(i) does not require gradients", hint: "set requiresGrad = true before computing the outputs")
        return none
    }
    let nodes = inputs.map { $0.impl.node! }
    let results = Engine.run(roots: roots, gradients: seeds, capture: nodes, retainGraph: retainGraph ?? createGraph, createGraph: createGraph)
    if !allowUnused, let i = results.firstIndex(where: { $0 == nil }) {
        TensorError.report(
            "gradients", "One of the differentiated Tensors appears to not have been used in the graph (input \(i))",
            hint: "pass allowUnused: true if this is the desired behavior")
    }
    return results
}

/// Gradients of `outputs` with respect to `inputs`, all of which must take part. PyTorch: `torch.autograd.grad`.
/// ```swift
/// let dydx = gradients(of: y, withRespectTo: [a, b])
/// ```
public func gradients(
    of outputs: [Tensor], withRespectTo inputs: [Tensor], gradOutputs: [Tensor?]? = nil, retainGraph: Bool? = nil, createGraph: Bool = false
) -> [Tensor] {
    let results: [Tensor?] = gradients(
        of: outputs, withRespectTo: inputs, gradOutputs: gradOutputs, retainGraph: retainGraph, createGraph: createGraph, allowUnused: false)
    return results.map { $0 ?? .placeholder }
}

/// Gradients of one output.
public func gradients(
    of output: Tensor, withRespectTo inputs: [Tensor], gradOutput: Tensor? = nil, retainGraph: Bool? = nil, createGraph: Bool = false
) -> [Tensor] {
    gradients(of: [output], withRespectTo: inputs, gradOutputs: [gradOutput], retainGraph: retainGraph, createGraph: createGraph)
}

/// The value of a scalar function and its gradient.
public func valueAndGradient(at x: Tensor, of f: (Tensor) -> Tensor) -> (value: Tensor, gradient: Tensor) {
    let input = x.detached().requiringGrad()
    let y = enableGrad { f(input) }
    return (y.detached(), gradients(of: y, withRespectTo: [input])[0])
}

/// The value of a scalar function of several tensors and its gradients.
public func valueAndGradient(at xs: [Tensor], of f: ([Tensor]) -> Tensor) -> (value: Tensor, gradients: [Tensor]) {
    let inputs = xs.map { $0.detached().requiringGrad() }
    let y = enableGrad { f(inputs) }
    return (y.detached(), gradients(of: y, withRespectTo: inputs))
}
