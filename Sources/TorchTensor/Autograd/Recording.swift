// How operators put themselves on the tape.
import TorchKernels
import TorchRuntime

// Note [Recording an operator]
// An operator computes its result without caring about gradients, then calls one of the `recorded` functions with its inputs and, beside each, the
// derivative towards it: a closure from the gradient of the output to the gradient of that input, called only if that input wants one. Derivatives are
// written in differentiable operators, so second derivatives come free. A gradient may have the broadcast shape: the engine sums it down to the input's.
// A derivative must never capture the operator's own output (a cycle); it is handed the output where it asks for it.

/// The operator's derivative towards one input.
typealias Derivative = (_ gradient: Tensor) -> Tensor?
/// The same, also given the operator's output.
typealias DerivativeOfOutput = (_ gradient: Tensor, _ output: Tensor) -> Tensor?

extension Tensor {
    /// True if operators on this tensor must be recorded now.
    @inline(__always) var isRecorded: Bool { impl.node != nil && st_grad_enabled() }

    /// Puts a one-input operator on the tape.
    @inline(__always)
    func recorded(_ name: StaticString, _ x: Tensor, _ derivative: @escaping Derivative) -> Tensor {
        if x.isRecorded { impl.node = ClosureNode(name, self, [x], [derivative]) }
        return self
    }

    /// Puts an operator on the tape, one derivative an input.
    @inline(__always)
    func recorded(_ name: StaticString, _ inputs: (Tensor, Derivative)...) -> Tensor {
        if inputs.contains(where: { $0.0.isRecorded }) { impl.node = ClosureNode(name, self, inputs.map(\.0), inputs.map(\.1)) }
        return self
    }

    /// The same for derivatives that use the output.
    @inline(__always)
    func recordedWithOutput(_ name: StaticString, _ inputs: (Tensor, DerivativeOfOutput)...) -> Tensor {
        if inputs.contains(where: { $0.0.isRecorded }) {
            impl.node = OutputClosureNode(name, self, inputs.map(\.0), inputs.map(\.1))
        }
        return self
    }

    /// Puts an operator on the tape whose derivatives towards all inputs are computed together. `needs[i]` says whether input i wants one.
    @inline(__always)
    func recordedJointly(_ name: StaticString, _ inputs: [Tensor], _ derivative: @escaping (_ gradient: Tensor, _ needs: [Bool]) -> [Tensor?]) -> Tensor {
        if inputs.contains(where: \.isRecorded) { impl.node = JointNode(name, self, inputs, derivative) }
        return self
    }

    /// Puts an operator with several outputs on the tape. A gradient is nil where an output was not used (or is not differentiable).
    /// `outputs` handed to the derivative are the operator's own, fit for second derivatives.
    static func recordedJointly(
        _ name: StaticString, outputs: [Tensor], _ inputs: [Tensor],
        _ derivative: @escaping (_ gradients: [Tensor?], _ outputs: [Tensor], _ needs: [Bool]) -> [Tensor?]
    ) -> [Tensor] {
        guard inputs.contains(where: \.isRecorded) else { return outputs }
        let node = MultiOutputNode(name, outputs, inputs, derivative)
        for (i, o) in outputs.enumerated() where o.dtype.isDifferentiable { o.impl.node = OutputPort(o, node, i) }
        return outputs
    }

    /// The same tensor without graph: what a node may save of its own output.
    @inline(__always)
    var withoutGraph: Tensor { impl.node == nil ? self : Tensor(impl.alias()) }
}

/// One input, derivative as a function of gradient and input; nothing captured, so no closure on the heap.
final class UnaryInputNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    typealias Body = (_ gradient: Tensor, _ x: Tensor) -> Tensor
    private let label: StaticString
    private var x: Tensor?
    private let body: Body

    @inline(__always)
    init(_ label: StaticString, _ output: Tensor, _ x: Tensor, _ body: @escaping Body) {
        self.label = label
        self.x = x
        self.body = body
        super.init(output, x.impl.node)
    }

    override var name: String { "\(label)" }
    override func apply(_ gradient: Tensor) { if let e0 { Engine.push(e0, body(gradient, x!)) } }
    override func release() {
        x = nil
        isReleased = true
    }
}

/// One input, derivative as a function of gradient and output.
final class UnaryOutputNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    typealias Body = (_ gradient: Tensor, _ y: Tensor) -> Tensor
    private let label: StaticString
    private var y: Tensor?
    private let body: Body

    @inline(__always)
    init(_ label: StaticString, _ output: Tensor, _ x: Tensor, _ body: @escaping Body) {
        self.label = label
        y = Tensor(output.impl.alias())
        self.body = body
        super.init(output, x.impl.node)
    }

    override var name: String { "\(label)" }
    override func apply(_ gradient: Tensor) {
        guard let e0, let y else { return }
        Engine.push(e0, body(gradient, st_grad_enabled() ? Tensor(y.impl.alias(node: self)) : y))
    }
    override func release() {
        y = nil
        isReleased = true
    }
}

/// Any number of inputs, one closure each.
class ClosureNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    private let label: StaticString
    private var derivatives: [Derivative]

    init(_ label: StaticString, _ output: Tensor, _ inputs: [Tensor], _ derivatives: [Derivative]) {
        self.label = label
        self.derivatives = derivatives
        let n = inputs.map(\.impl.node)
        super.init(output, n[0], n.count > 1 ? n[1] : nil, more: n.count > 2 ? Array(n[2...]) : nil)
    }

    override var name: String { "\(label)" }
    override func apply(_ gradient: Tensor) {
        if let e0, e0.isNeeded { send(e0, derivatives[0](gradient)) }
        if let e1, e1.isNeeded { send(e1, derivatives[1](gradient)) }
        if let more { for (i, e) in more.enumerated() { if let e, e.isNeeded { send(e, derivatives[i + 2](gradient)) } } }
    }
    override func release() {
        derivatives = []
        isReleased = true
    }
}

extension Node {
    /// Hands a gradient, or the news that there is none, along an edge.
    @inline(__always)
    final func send(_ edge: Node, _ gradient: Tensor?) {
        if let gradient { Engine.push(edge, gradient) } else { Engine.skip(edge) }
    }

    /// Edge number `i`.
    @inline(__always)
    final func edge(_ i: Int) -> Node? { i == 0 ? e0 : i == 1 ? e1 : more?[i - 2] }
}

/// Any number of inputs, closures that use the output.
final class OutputClosureNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    private let label: StaticString
    private var derivatives: [DerivativeOfOutput]
    private var output: Tensor?

    init(_ label: StaticString, _ output: Tensor, _ inputs: [Tensor], _ derivatives: [DerivativeOfOutput]) {
        self.label = label
        self.derivatives = derivatives
        self.output = Tensor(output.impl.alias())
        let n = inputs.map(\.impl.node)
        super.init(output, n[0], n.count > 1 ? n[1] : nil, more: n.count > 2 ? Array(n[2...]) : nil)
    }

    override var name: String { "\(label)" }
    override func apply(_ gradient: Tensor) {
        guard let saved = output else { return }
        let y = st_grad_enabled() ? Tensor(saved.impl.alias(node: self)) : saved
        for i in derivatives.indices { if let e = edge(i), e.isNeeded { send(e, derivatives[i](gradient, y)) } }
    }
    override func release() {
        derivatives = []
        output = nil
        isReleased = true
    }
}

/// Any number of inputs, one closure for all.
final class JointNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    private let label: StaticString
    private let inputCount: Int
    private var derivative: ((Tensor, [Bool]) -> [Tensor?])?

    init(_ label: StaticString, _ output: Tensor, _ inputs: [Tensor], _ derivative: @escaping (Tensor, [Bool]) -> [Tensor?]) {
        self.label = label
        self.derivative = derivative
        inputCount = inputs.count
        let n = inputs.map(\.impl.node)
        super.init(output, n[0], n.count > 1 ? n[1] : nil, more: n.count > 2 ? Array(n[2...]) : nil)
    }

    override var name: String { "\(label)" }
    override func apply(_ gradient: Tensor) {
        let needs = (0..<inputCount).map { edge($0)?.isNeeded ?? false }
        guard let results = derivative?(gradient, needs) else { return }
        for i in 0..<inputCount { if let e = edge(i), e.isNeeded { send(e, results[i]) } }
    }
    override func release() {
        derivative = nil
        isReleased = true
    }
}

/// An operator with several outputs. Each output's tensor points to a port, and the ports to this node.
final class MultiOutputNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    private let label: StaticString
    private let inputCount: Int
    private var derivative: (([Tensor?], [Tensor], [Bool]) -> [Tensor?])?
    private var outputs: [Tensor]
    fileprivate var gradients: [Tensor?]

    init(_ label: StaticString, _ outputs: [Tensor], _ inputs: [Tensor], _ derivative: @escaping ([Tensor?], [Tensor], [Bool]) -> [Tensor?]) {
        self.label = label
        self.derivative = derivative
        self.outputs = outputs.map { Tensor($0.impl.alias()) }
        gradients = Array(repeating: nil, count: outputs.count)
        inputCount = inputs.count
        let n = inputs.map(\.impl.node)
        super.init(outputs[0], n[0], n.count > 1 ? n[1] : nil, more: n.count > 2 ? Array(n[2...]) : nil)
    }

    override var name: String { "\(label)" }

    /// `gradient` is a token: what counts was left by the ports.
    override func apply(_ gradient: Tensor) {
        guard let derivative else { return }
        let arrived = gradients
        for i in gradients.indices { gradients[i] = nil }
        let needs = (0..<inputCount).map { edge($0)?.isNeeded ?? false }
        // Outputs with a graph, through fresh ports, when second derivatives are recorded.
        let saved =
            st_grad_enabled()
            ? outputs.enumerated().map { i, o in o.dtype.isDifferentiable ? Tensor(o.impl.alias(node: OutputPort(o, self, i))) : o } : outputs
        let results = derivative(arrived, saved, needs)
        for i in 0..<inputCount { if let e = edge(i), e.isNeeded { send(e, results[i]) } }
    }
    override func release() {
        derivative = nil
        outputs = []
        isReleased = true
    }
}

/// One output of a `MultiOutputNode`.
final class OutputPort: Node, @unchecked Sendable {
    // @unchecked: see Node.
    private let index: Int

    init(_ output: Tensor, _ node: MultiOutputNode, _ index: Int) {
        self.index = index
        super.init(output, node)
    }

    override var name: String { "\(e0?.name ?? "")[\(index)]" }

    override func apply(_ gradient: Tensor) {
        guard let node = e0 as? MultiOutputNode else { return }
        if node.isNeeded {
            node.gradients[index] = node.gradients[index].map { $0 + gradient } ?? gradient
            // Any tensor will do to mark that something came.
            if node.gradient == nil { node.gradient = gradient }
            Engine.arrive(node)
        }
    }
}
