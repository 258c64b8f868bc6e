// The tensors that a module owns: parameters, which learn, and buffers, which do not.
import TorchKernels
import TorchRuntime

/// A tensor that an optimizer changes, with the cell that collects its gradient. Has identity, unlike a tensor. PyTorch: `torch.nn.Parameter`.
///
/// As a property wrapper in a module: `@Parameter var weight: Tensor`. Reading the property gives the tensor; `$weight` is the parameter. An optimizer
/// changes the value in place when no one else holds it; a gradient that arrives through an older value still lands here.
@propertyWrapper
public final class Parameter: @unchecked Sendable {
    // @unchecked: a parameter belongs to one training loop at a time, as in PyTorch; reading from several threads while none writes is fine.
    private var value: Tensor
    private var leaf: LeafNode
    /// Name in state dictionaries, if it is not the property's own.
    public let key: String?

    /// A parameter with this start value.
    public init(_ value: Tensor, key: String? = nil) {
        let plain = value.detached()
        leaf = LeafNode(plain)
        self.key = key
        self.value = Tensor(plain.impl.alias(node: plain.dtype.isDifferentiable ? leaf : nil))
    }

    public convenience init(wrappedValue: Tensor, key: String? = nil) { self.init(wrappedValue, key: key) }

    /// The current value, recorded in the graph when used. Setting replaces the values, not the parameter.
    public var wrappedValue: Tensor {
        get { value }
        set { replace(newValue) }
    }

    /// The parameter itself.
    public var projectedValue: Parameter { self }
    /// The current value. PyTorch: `data`.
    public var tensor: Tensor {
        get { value }
        set { replace(newValue) }
    }

    private func replace(_ new: Tensor) {
        if value.isKeptByStep {
            value.overwrite(new, "Parameter")
            return
        }
        let trainable = requiresGrad
        let plain = new.detached()
        if plain.dims != value.dims || plain.dtype != value.dtype {
            let old = leaf
            leaf = LeafNode(plain)
            leaf.extras = old.extras
        }
        value = Tensor(plain.impl.alias(node: trainable && plain.dtype.isDifferentiable ? leaf : nil))
    }

    /// The gradient collected so far. PyTorch: `grad`.
    public var grad: Tensor? {
        get { leaf.grad }
        set { leaf.grad = newValue }
    }

    /// False for a frozen parameter. PyTorch: `requires_grad`.
    public var requiresGrad: Bool {
        get { value.impl.node != nil }
        set {
            if newValue == requiresGrad { return }
            value = Tensor(value.impl.alias(node: newValue && value.dtype.isDifferentiable ? leaf : nil))
        }
    }

    /// Changes the value without recording: `body` gets it to write in place. What an optimizer does.
    public func update(_ body: (inout Tensor) -> Void) {
        noGrad {
            let node = value.impl.node
            let (sizes, dtype) = (value.dims, value.dtype)
            value.keepingMemory("Parameter", body)
            if value.impl.node !== node || value.dims != sizes || value.dtype != dtype {
                let changed = value
                value = Tensor(changed.impl.alias(node: node))
                if changed.dims != sizes || changed.dtype != dtype { replace(changed) }
            }
        }
    }

    /// Forgets the gradient. PyTorch: `zero_grad` for one parameter.
    public func zeroGrad() { leaf.grad = nil }

    /// Calls `body` with each gradient that arrives; what it returns replaces it.
    @discardableResult
    public func registerHook(_ body: @escaping (Tensor) -> Tensor?) -> HookHandle { leaf.registerHook(body) }

    /// Address, on the value's device, of the value for a fused update, its memory made its own and row-major first.
    package func mutablePointer() -> UnsafeMutableRawPointer {
        if !value.isContiguous, !value.isKeptByStep { replace(noGrad { value.contiguous() }) }
        value.keepingMemory("Parameter") { $0.makeUnshared() }
        return value.operand.pointer
    }
}

extension Tensor {
    /// Address of the elements, on the tensor's device, made this tensor's own and row-major first; valid until the tensor is next copied or changed.
    package mutating func mutablePointer() -> UnsafeMutableRawPointer {
        if !isContiguous, !isKeptByStep { self = contiguous() }
        keepingMemory("Optimizer") { $0.makeUnshared() }
        return operand.pointer
    }

    /// True for a value that replays of the step that this thread captures would go on from. See Note [Captured steps].
    var isKeptByStep: Bool {
        guard let step = CapturedStep.current else { return false }
        return step.outlives(operand.pointer, device)
    }

    /// Changes this tensor by `body`; in a captured step, where replays go on from it, the change must be in place.
    mutating func keepingMemory(_ owner: StaticString, _ body: (inout Tensor) -> Void) {
        if !isKeptByStep { return body(&self) }
        // A copy would be written by kernels that do not run: the value would be lost.
        guard isContiguous, isUnshared() else { return refuseMove(owner) }
        let place = operand.pointer
        body(&self)
        if operand.pointer != place { refuseMove(owner) }
    }

    func refuseMove(_ owner: StaticString) { CapturedStep.current?.refuseMove("\(owner)", "a tensor of shape \(dims)") }

    /// Writes the elements of `new` where those of this tensor are, for replays that go on from there.
    mutating func overwrite(_ new: Tensor, _ owner: StaticString) {
        guard new.dims == dims, new.dtype == dtype, isUnshared() else { return refuseMove(owner) }
        backend.copy(operand, new.operand)
    }

    /// Address of contiguous elements, on the tensor's device, for reading.
    package var readPointer: UnsafeRawPointer { UnsafeRawPointer(operand.pointer) }

    /// Does this backend's fused steps serve the tensor?
    package var backendForSteps: any Backend { backend }
}

/// A tensor that belongs to a module's state but does not learn, such as running statistics. PyTorch: `register_buffer`.
///
/// As a property wrapper: `@Buffer var runningMean: Tensor`.
@propertyWrapper
public final class Buffer: @unchecked Sendable {
    // @unchecked: as Parameter.
    private var value: Tensor
    /// The current value, never in a graph.
    public var wrappedValue: Tensor {
        get { value }
        set { if value.isKeptByStep { value.overwrite(newValue, "Buffer") } else { value = newValue.detached() } }
        _modify {
            if !value.isKeptByStep {
                yield &value
                value = value.detached()
            } else if value.isUnshared() {
                let place = value.operand.pointer
                yield &value
                if value.operand.pointer != place { value.refuseMove("Buffer") }
                value = value.detached()
            } else {
                value.refuseMove("Buffer")
                var unused = value
                yield &unused
            }
        }
    }
    /// Name in state dictionaries, if it is not the property's own.
    public let key: String?
    /// False for what state dictionaries leave out.
    public let isPersistent: Bool

    public init(wrappedValue: Tensor, key: String? = nil, persistent: Bool = true) {
        value = wrappedValue.detached()
        self.key = key
        isPersistent = persistent
    }

    public var projectedValue: Buffer { self }
}
