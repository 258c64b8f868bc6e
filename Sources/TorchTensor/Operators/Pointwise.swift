// The machinery of pointwise operators: promotion, broadcasting, allocation, the kernel call, the tape.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: One operand

    /// Applies a kernel without recording. Integers and bool become the default floating type where the kernel has only floats.
    @inline(__always)
    static func map(_ op: UnaryOp, _ x: Tensor, _ name: StaticString, _ parameters: KernelParameters = KernelParameters(0)) -> Tensor {
        if x.isContiguous {
            let dtype = x.dtype
            let out = make(x.dims, DType(st_unary_result(op, dtype.kernel)), device: x.device)
            if x.backend.unaryRun(op, dtype, out.operand.pointer, x.operand.pointer, count: x.count, parameters) { return out }
        }
        return mapGeneral(op, x, name, parameters)
    }

    @inline(never)
    private static func mapGeneral(_ op: UnaryOp, _ x: Tensor, _ name: StaticString, _ parameters: KernelParameters) -> Tensor {
        let out = make(like: x, DType(st_unary_result(op, x.dtype.kernel)))
        if x.backend.unary(op, out.operand, x.operand, parameters) { return out }
        if !x.dtype.isDifferentiable, st_unary(op, DefaultDType.floating.kernel) != nil {
            return map(op, x.converted(to: DefaultDType.floating), name, parameters)
        }
        TensorError.report("\(name)", "not implemented for \(x.dtype)", hint: "convert with .to(.float32) first")
        return placeholder
    }

    /// A unary operator whose derivative uses the input.
    @inline(__always)
    func unary(_ op: UnaryOp, _ name: StaticString, parameters: KernelParameters = KernelParameters(0), _ derivative: @escaping UnaryInputNode.Body) -> Tensor {
        let out = Tensor.map(op, self, name, parameters)
        if isRecorded { out.impl.node = UnaryInputNode(name, out, self, derivative) }
        return out
    }

    /// A unary operator whose derivative uses the output.
    @inline(__always)
    func unaryOfOutput(_ op: UnaryOp, _ name: StaticString, parameters: KernelParameters = KernelParameters(0), _ derivative: @escaping UnaryOutputNode.Body) -> Tensor {
        let out = Tensor.map(op, self, name, parameters)
        if isRecorded { out.impl.node = UnaryOutputNode(name, out, self, derivative) }
        return out
    }

    /// A unary operator whose derivative is zero everywhere (rounding, sign).
    @inline(__always)
    func unaryFlat(_ op: UnaryOp, _ name: StaticString, _ parameters: KernelParameters = KernelParameters(0)) -> Tensor {
        let out = Tensor.map(op, self, name, parameters)
        if isRecorded, out.dtype.isDifferentiable { out.impl.node = UnaryInputNode(name, out, self) { g, _ in g.zerosLike() } }
        return out
    }

    // MARK: Two operands

    /// Which type a binary kernel computes in.
    enum Computation {
        /// The promoted type.
        case promoted
        /// The promoted type, integers and bool as the default floating type (true division, atan2).
        case floating
    }

    /// Applies a kernel without recording.
    @inline(__always)
    static func combine(
        _ op: BinaryOp, _ a: Tensor, _ b: Tensor, _ name: StaticString, _ parameters: KernelParameters = KernelParameters(0), _ computation: Computation = .promoted
    ) -> Tensor {
        let dtype = a.dtype
        if dtype == b.dtype, a.isContiguous, b.isContiguous, a.dims == b.dims, a.device == b.device, computation == .promoted || dtype.isDifferentiable,
            !(a.impl.isNumber && b.impl.isNumber)
        {
            let out = make(a.dims, DType(st_binary_result(op, dtype.kernel)), device: a.device)
            if a.backend.binaryRun(op, dtype, out.operand.pointer, a.operand.pointer, b.operand.pointer, count: a.count, parameters) { return out }
        }
        return combineGeneral(op, a, b, name, parameters, computation)
    }

    @inline(never)
    private static func combineGeneral(
        _ op: BinaryOp, _ a: Tensor, _ b: Tensor, _ name: StaticString, _ parameters: KernelParameters, _ computation: Computation
    ) -> Tensor {
        guard let operands = prepared([a, b], name, computation) else { return placeholder }
        let (x, y) = (operands.tensors[0], operands.tensors[1])
        let resultType = DType(st_binary_result(op, operands.dtype.kernel))
        // Channels-last operands give a channels-last result.
        let out =
            x.dims == operands.sizes && (y.dims != operands.sizes || x.operand.strides == y.operand.strides)
            ? make(like: x, resultType)
            : y.dims == operands.sizes && x.dims != operands.sizes ? make(like: y, resultType) : make(operands.sizes, resultType, device: operands.device)
        if backend(operands.device).binary(op, out.operand, x.operand.expanded(to: operands.sizes), y.operand.expanded(to: operands.sizes), parameters) { return out }
        TensorError.report("\(name)", "not implemented for \(operands.dtype)", hint: "convert the operands with .to(...) first")
        return placeholder
    }

    /// Operands in one type, on one device, with their common shape.
    static func prepared(_ tensors: [Tensor], _ name: StaticString, _ computation: Computation) -> (tensors: [Tensor], sizes: Dims, dtype: DType, device: Device)? {
        var sizes = tensors[0].dims
        for t in tensors.dropFirst() {
            guard let s = Shape.broadcast(sizes, t.dims, name) else { return nil }
            sizes = s
        }
        var dtype = resultType(tensors)
        if computation == .floating, !dtype.isDifferentiable { dtype = DefaultDType.floating }
        // Numbers and 0-dim CPU tensors follow the others to their device.
        let device = tensors.first { !$0.device.isCPU }?.device ?? .cpu
        var converted: [Tensor] = []
        for t in tensors {
            var c = t.dtype == dtype ? t : t.converted(to: dtype)
            if c.device != device {
                guard c.rank == 0 && c.device.isCPU || c.isHere(device, "\(name)") else { return nil }
                c = c.to(device)
            }
            converted.append(c)
        }
        return (converted, sizes, dtype, device)
    }

    /// A binary operator, recorded with a derivative towards each operand. `saving`: whether the derivatives use the operands.
    @inline(__always)
    static func binary(
        _ op: BinaryOp, _ a: Tensor, _ b: Tensor, _ name: StaticString, parameters: KernelParameters = KernelParameters(0),
        computation: Computation = .promoted, saving: Bool = true, _ towardsA: @escaping BinaryNode.Body, _ towardsB: @escaping BinaryNode.Body
    ) -> Tensor {
        let out = combine(op, a, b, name, parameters, computation)
        if (a.impl.node != nil || b.impl.node != nil) && st_grad_enabled() {
            out.impl.node = BinaryNode(name, out, a, b, saving: saving, towardsA, towardsB)
        }
        return out
    }

    // MARK: Three operands

    /// Applies a kernel to three operands without recording.
    static func combine(_ op: TernaryOp, _ a: Tensor, _ b: Tensor, _ c: Tensor, _ name: StaticString, _ parameters: KernelParameters = KernelParameters(0)) -> Tensor {
        guard let o = prepared([a, b, c], name, .promoted) else { return placeholder }
        let out = make(o.sizes, o.dtype, device: o.device)
        let e = o.tensors.map { $0.operand.expanded(to: o.sizes) }
        if backend(o.device).ternary(op, out.operand, e[0], e[1], e[2], parameters) { return out }
        TensorError.report("\(name)", "not implemented for \(o.dtype)")
        return placeholder
    }
}

/// A binary operator whose derivatives are plain functions of gradient and operands.
final class BinaryNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    typealias Body = (_ gradient: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor
    private let label: StaticString
    private var a: Tensor?
    private var b: Tensor?
    private let towardsA: Body
    private let towardsB: Body
    private let saves: Bool

    @inline(__always)
    init(_ label: StaticString, _ output: Tensor, _ a: Tensor, _ b: Tensor, saving: Bool, _ towardsA: @escaping Body, _ towardsB: @escaping Body) {
        self.label = label
        saves = saving
        if saving {
            self.a = a
            self.b = b
        }
        self.towardsA = towardsA
        self.towardsB = towardsB
        super.init(output, a.impl.node, b.impl.node)
    }

    override var name: String { "\(label)" }
    override func apply(_ gradient: Tensor) {
        // Nothing saved: the derivatives look at the gradient only.
        let (x, y) = saves ? (a.unsafelyUnwrapped, b.unsafelyUnwrapped) : (gradient, gradient)
        if let e0, e0.isNeeded { Engine.push(e0, towardsA(gradient, x, y)) }
        if let e1, e1.isNeeded { Engine.push(e1, towardsB(gradient, x, y)) }
    }
    override func release() {
        if !saves { return }
        a = nil
        b = nil
        isReleased = true
    }
}

// MARK: - In place

extension Tensor {
    /// True if nobody else can see this tensor's memory. See Note [Who may write].
    @inline(__always)
    mutating func isUnshared() -> Bool {
        isKnownUniquelyReferenced(&impl) && isKnownUniquelyReferenced(&impl.operand.owner) && (impl.isContiguous || !repeatsElements)
    }

    /// True if several positions may share one place in memory (expanded and overlapping views): never written in place.
    var repeatsElements: Bool {
        let (sizes, strides) = (operand.sizes, operand.strides)
        var reach = 0
        for d in (0..<rank).filter({ sizes[$0] > 1 }).sorted(by: { Swift.abs(strides[$0]) < Swift.abs(strides[$1]) }) {
            if Swift.abs(strides[d]) <= reach { return true }
            reach += (sizes[d] - 1) * Swift.abs(strides[d])
        }
        return false
    }

    /// Gives this tensor memory of its own if it is shared. A leaf stays the same leaf.
    mutating func makeUnshared() {
        if isUnshared() { return }
        let node = impl.node
        impl = copied().impl
        if node is LeafNode { impl.node = node }
    }

    /// `self = op(self, other)`, in place where nobody can notice and nothing is recorded.
    @inline(__always)
    mutating func update(_ op: BinaryOp, _ other: Tensor, _ name: StaticString, _ parameters: KernelParameters = KernelParameters(0), recorded: (Tensor, Tensor) -> Tensor) {
        if st_grad_enabled() && (impl.node != nil || other.impl.node != nil) {
            self = recorded(self, other)
            return
        }
        updateUnrecorded(op, other, name, parameters)
    }

    mutating func updateUnrecorded(_ op: BinaryOp, _ other: Tensor, _ name: StaticString, _ parameters: KernelParameters) {
        let result = Tensor.resultType(self, other)
        guard result == dtype || result.category <= dtype.category else {
            TensorError.report("\(name)", "result type \(result) can't be cast to the desired output type \(dtype)", hint: "convert the tensor first: x = x.to(.\(result))")
            return
        }
        guard Shape.canBroadcast(other.dims, to: dims) else {
            TensorError.report("\(name)", "output with shape \(dims) doesn't match the broadcast shape of \(dims) and \(other.dims)")
            return
        }
        // A number goes to where the tensor is, which stays in its place.
        let other = other.device == device || other.rank > 0 ? other : other.to(device)
        if result == dtype, other.dtype == dtype, device == other.device, isUnshared() {
            if isContiguous && other.isContiguous && dims == other.dims {
                if backend.binaryRun(op, dtype, operand.pointer, operand.pointer, other.operand.pointer, count: count, parameters) { return }
            } else if backend.binary(op, operand, operand, other.operand.expanded(to: dims), parameters) {
                return
            }
        }
        let node = impl.node
        let value = Tensor.combine(op, self, other, name, parameters).converted(to: dtype)
        impl = value.impl.node == nil && node == nil ? value.impl : value.impl.alias(node: node is LeafNode ? node : nil)
    }
}
