// The tape: one node an operator call that takes part in a gradient.
import TorchKernels
import TorchRuntime

/// One recorded operator: edges to the nodes of its inputs, what it saved, and its derivative.
///
/// Subclasses override `apply`. Scratch of the engine lives in the node, so that backward needs no dictionaries.
public class Node: @unchecked Sendable {
    // @unchecked: edges are constant after recording; the rest is scratch that the engine touches under its lock.

    /// Order of recording; later operators run first in backward. Leaves have the highest, so they run as soon as they are ready.
    final let sequence: UInt64
    /// Nodes of the first two inputs; nil where no gradient is wanted.
    final var e0: Node?
    final var e1: Node?
    /// Nodes of further inputs.
    final var more: [Node?]?
    /// Sizes and type of the output, which an arriving gradient must have.
    final let shape: Dims
    final let dtype: DType

    /// Gradients still to come in this backward pass.
    final var pending: Int32 = 0
    /// True when the current pass wants this node's work.
    final var isNeeded = false
    /// True once saved tensors were let go.
    final var isReleased = false
    /// The pass that counted this node last.
    final var epoch: UInt64 = 0
    /// Sum of the gradients that have arrived.
    final var gradient: Tensor?
    /// Hooks and other rare things.
    final var extras: NodeExtras?

    @inline(__always)
    init(_ output: Tensor, _ e0: Node?, _ e1: Node? = nil, more: [Node?]? = nil) {
        self.e0 = e0
        self.e1 = e1
        self.more = more
        shape = output.impl.operand.sizes
        dtype = output.impl.operand.dtype
        sequence = st_next_sequence()
        if st_anomaly_mode() { recordOrigin() }
    }

    /// A leaf.
    init(leafOf tensor: Tensor) {
        shape = tensor.dims
        dtype = tensor.dtype
        sequence = .max
    }

    @inline(never)
    private func recordOrigin() {
        let extras = NodeExtras()
        extras.origin = Origin.capture()
        self.extras = extras
    }

    /// The operator's name, for drawings and errors.
    public var name: String { "Node" }

    /// Turns the gradient of the output into those of the inputs and hands them to `Engine.push`.
    func apply(_ gradient: Tensor) {}

    /// Lets saved tensors go.
    func release() {}

    /// Calls `body` with each edge that leads somewhere.
    @inline(__always)
    final func forEachEdge(_ body: (Node) -> Void) {
        if let e0 { body(e0) }
        if let e1 { body(e1) }
        if let more { for case let e? in more { body(e) } }
    }

    /// Nodes of the inputs, for drawings and walks. PyTorch: `next_functions`.
    public var inputs: [Node] {
        var result: [Node] = []
        forEachEdge { result.append($0) }
        return result
    }

    // Note [Freeing long chains]
    // Releasing a chain of a million nodes by recursion would overflow the stack. So a node counts its depth in thread-local storage, and past 400 hands its
    // edges to a list that the outermost release drains. A list for every node would cost 30 to 100 ns each.
    deinit {
        if st_release_depth() > 400 {
            BuriedNodes.bury(e0.take())
            BuriedNodes.bury(e1.take())
            if let more { for n in more { BuriedNodes.bury(n) } }
            more = nil
            return
        }
        _ = st_add_release_depth(1)
        e0 = nil
        e1 = nil
        more = nil
        if st_add_release_depth(-1) == 0 && st_has_buried() { BuriedNodes.drain() }
    }
}

/// What few nodes have.
final class NodeExtras {
    var hooks: [(id: Int, body: (Tensor) -> Tensor?)] = []
    var postAccumulate: [(id: Int, body: () -> Void)] = []
    /// Gradient kept by `retainGrad`.
    var retained: Tensor?
    var retains = false
    var origin: Origin?
    var nextID = 0
}

/// Where gradients of a parameter or of a tensor with `requiresGrad` are collected.
public final class LeafNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    /// The sum of gradients of all backward passes since it was cleared.
    public final var grad: Tensor?

    init(_ tensor: Tensor) { super.init(leafOf: tensor) }

    public override var name: String { "AccumulateGrad" }

    override func apply(_ gradient: Tensor) {
        if grad == nil {
            grad = st_grad_enabled() ? gradient : gradient.detached()
        } else if st_grad_enabled() {
            grad = grad! + gradient
        } else {
            grad! += gradient
        }
        if let extras { for hook in extras.postAccumulate { hook.body() } }
    }
}

/// Nodes of this thread that wait to be freed without recursion.
private final class BuriedNodes {
    private var nodes: [Node] = []

    static func bury(_ node: Node?) {
        guard let node else { return }
        current.nodes.append(node)
        st_set_has_buried(true)
    }

    /// Frees until nothing is left; freeing may bury more.
    static func drain() {
        let list = current
        // One level deep while draining, so that the nodes freed here do not start to drain themselves.
        _ = st_add_release_depth(1)
        while let n = list.nodes.popLast() { _ = n }
        _ = st_add_release_depth(-1)
        st_set_has_buried(false)
        st_set_buried(nil)
        Unmanaged.passUnretained(list).release()
    }

    private static var current: BuriedNodes {
        if let p = st_buried() { return Unmanaged<BuriedNodes>.fromOpaque(p).takeUnretainedValue() }
        let list = BuriedNodes()
        st_set_buried(Unmanaged.passRetained(list).toOpaque())
        return list
    }
}
