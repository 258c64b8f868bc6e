// Runs the tape backwards.
import TorchKernels
import TorchRuntime

/// The backward engine: counts how many gradients each node will get, then runs ready nodes, latest recorded first.
///
/// One pass at a time in a process (a lock); a pass may start another inside (checkpointing, custom functions that differentiate).
enum Engine {
    /// Held during a pass; guards everything below and the scratch fields of nodes.
    static let lock = Mutex()
    // Guarded by `lock`.
    nonisolated(unsafe) private static var heap: [Node] = []
    nonisolated(unsafe) private static var stack: [Unmanaged<Node>] = []
    nonisolated(unsafe) private static var epoch: UInt64 = 0
    /// Passes that are running, innermost last. Scratch of their nodes must survive a nested pass.
    nonisolated(unsafe) private static var activeEpochs: [UInt64] = []
    /// Nodes whose arriving gradient is wanted by this pass, and those gradients.
    nonisolated(unsafe) private static var captures: [ObjectIdentifier: Tensor?] = [:]
    nonisolated(unsafe) private static var capturing = false
    nonisolated(unsafe) private static var failed = false

    /// A gradient for `node`; sums with what is there, and queues the node when all have come.
    @inline(__always)
    static func push(_ node: Node, _ gradient: Tensor) {
        if !node.isNeeded { return }
        var g = gradient
        if g.impl.operand.sizes != node.shape || g.impl.operand.dtype != node.dtype { g = fitted(g, to: node) }
        if node.gradient == nil {
            node.gradient = g
        } else if st_grad_enabled() {
            node.gradient = node.gradient! + g
        } else {
            node.gradient! += g
        }
        arrive(node)
    }

    /// No gradient comes along this edge.
    @inline(__always)
    static func skip(_ node: Node) {
        if node.isNeeded { arrive(node) }
    }

    @inline(__always)
    static func arrive(_ node: Node) {
        node.pending &-= 1
        if node.pending == 0 { enqueue(node) }
    }

    /// Undoes broadcasting, drops the imaginary part for a real input, converts; reports what can not be meant.
    @inline(never)
    private static func fitted(_ gradient: Tensor, to node: Node) -> Tensor {
        var g = gradient
        if g.dims != node.shape {
            guard Shape.canBroadcast(node.shape, to: g.dims) else {
                failed = true
                TensorError.report(
                    "backward", "\(node.name) got a gradient of shape \(g.dims) but its output has shape \(node.shape)",
                    hint: "the derivative of the operator after it returned the wrong shape")
                return Tensor.zeros(node.shape, dtype: node.dtype)
            }
            g = g.sumToSize(node.shape)
        }
        if g.dtype.isComplex && !node.dtype.isComplex { g = g.real }
        if g.dtype != node.dtype { g = g.to(node.dtype) }
        return g
    }

    // MARK: A pass

    /// Back-propagates `gradients` through `roots`. With `capture`, returns the gradients that arrive at those nodes and accumulates nowhere.
    static func run(roots: [Node], gradients: [Tensor], capture: [Node]?, retainGraph: Bool, createGraph: Bool) -> [Tensor?] {
        lock.withLock {
            let outer = (heap, captures, capturing)
            let (gradWas, castWas) = (st_grad_enabled(), st_autocast())
            heap = []
            capturing = capture != nil
            captures = [:]
            if let capture { for n in capture { captures[ObjectIdentifier(n)] = .some(nil) } }
            epoch &+= 1
            let pass = epoch
            activeEpochs.append(pass)
            var disturbed: [(Node, Int32, Bool, UInt64, Tensor?)] = []
            count(roots, pass, &disturbed)
            st_set_grad_enabled(createGraph)
            st_set_autocast(0)
            defer {
                st_set_grad_enabled(gradWas)
                st_set_autocast(castWas)
                activeEpochs.removeLast()
                for (n, pending, needed, e, g) in disturbed {
                    n.pending = pending
                    n.isNeeded = needed
                    n.epoch = e
                    n.gradient = g
                }
                (heap, captures, capturing) = outer
                if activeEpochs.isEmpty { failed = false }
            }
            for (n, g) in zip(roots, gradients) { push(n, g) }
            drain(retainGraph: retainGraph, createGraph: createGraph)
            guard let capture else { return [] }
            return capture.map { captures[ObjectIdentifier($0)] ?? nil }
        }
    }

    /// Depth-first over all reachable nodes: how many gradients will come, and who is needed.
    private static func count(_ roots: [Node], _ pass: UInt64, _ disturbed: inout [(Node, Int32, Bool, UInt64, Tensor?)]) {
        stack.removeAll(keepingCapacity: true)
        var visited: [Unmanaged<Node>] = []
        let nested = activeEpochs.count > 1
        func visit(_ n: Node) {
            if n.epoch == pass {
                n.pending &+= 1
                return
            }
            if nested, activeEpochs.contains(n.epoch) { disturbed.append((n, n.pending, n.isNeeded, n.epoch, n.gradient)) }
            n.epoch = pass
            n.pending = 1
            n.isNeeded = true
            n.gradient = nil
            stack.append(Unmanaged.passUnretained(n))
        }
        for r in roots { visit(r) }
        while let u = stack.popLast() {
            if capturing { visited.append(u) }
            u._withUnsafeGuaranteedRef { $0.forEachEdge(visit) }
        }
        if capturing { markNeeded(visited, roots) }
    }

    /// Keeps only the nodes from which a captured one can be reached. Inputs were recorded before outputs, so one sweep in that order settles it.
    private static func markNeeded(_ visited: [Unmanaged<Node>], _ roots: [Node]) {
        let nodes = visited.map { $0.takeUnretainedValue() }.sorted { $0.sequence < $1.sequence }
        for n in nodes where n is LeafNode { n.isNeeded = captures[ObjectIdentifier(n)] != nil }
        for n in nodes where !(n is LeafNode) {
            var needed = captures[ObjectIdentifier(n)] != nil
            n.forEachEdge { if $0.isNeeded { needed = true } }
            n.isNeeded = needed
        }
        // Edges from nodes that will not run bring nothing.
        for n in nodes { n.pending = 0 }
        for n in nodes where n.isNeeded { n.forEachEdge { $0.pending &+= 1 } }
        for r in roots { r.pending &+= 1 }
    }

    private static func drain(retainGraph: Bool, createGraph: Bool) {
        while let node = dequeue() {
            guard let arrived = node.gradient.take() else {
                // Every edge was skipped: its inputs get nothing either.
                node.forEachEdge { skip($0) }
                continue
            }
            var gradient = arrived
            if let extras = node.extras { gradient = runHooks(extras, gradient) }
            if capturing {
                if let slot = captures.index(forKey: ObjectIdentifier(node)) {
                    captures.values[slot] = captures.values[slot].map { $0 + gradient } ?? gradient
                    if node is LeafNode { continue }
                }
            }
            if node.isReleased {
                TensorError.report(
                    "backward",
                    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed) at \(node.name)",
                    hint: "pass retainGraph: true to the first backward")
                return
            }
            node.apply(gradient)
            if st_anomaly_mode() { checkForNaN(node) }
            if !retainGraph { node.release() }
            if failed || st_error_pending() { return }
        }
    }

    private static func runHooks(_ extras: NodeExtras, _ gradient: Tensor) -> Tensor {
        var g = gradient
        for hook in extras.hooks { if let replaced = hook.body(g) { g = replaced } }
        if extras.retains { extras.retained = extras.retained.map { $0 + g } ?? g }
        return g
    }

    /// Anomaly mode: names the operator, and the line that called it, whose derivative made a NaN.
    private static func checkForNaN(_ node: Node) {
        node.forEachEdge { input in
            guard let g = input.gradient, g.dtype.isDifferentiable, g.isNaN().any().item(Bool.self) else { return }
            failed = true
            let origin = node.extras?.origin.map { " It was recorded at:\n\($0)" } ?? ""
            TensorError.report("backward", "\(node.name) returned nan values in its gradient.\(origin)")
        }
    }

    // MARK: The queue: a heap by sequence number

    @inline(__always)
    private static func enqueue(_ node: Node) {
        heap.append(node)
        var i = heap.count &- 1
        if i == 0 { return }
        let s = node.sequence
        heap.withUnsafeMutableBufferPointer { h in
            while i > 0 {
                let parent = (i &- 1) >> 1
                if h[parent].sequence >= s { break }
                h.swapAt(i, parent)
                i = parent
            }
        }
    }

    @inline(__always)
    private static func dequeue() -> Node? {
        if heap.count <= 1 { return heap.popLast() }
        heap.swapAt(0, heap.count &- 1)
        let top = heap.removeLast()
        heap.withUnsafeMutableBufferPointer { h in
            var i = 0
            while true {
                let left = 2 &* i &+ 1
                if left >= h.count { break }
                var largest = left
                if left &+ 1 < h.count && h[left &+ 1].sequence > h[left].sequence { largest = left &+ 1 }
                if h[i].sequence >= h[largest].sequence { break }
                h.swapAt(i, largest)
                i = largest
            }
        }
        return top
    }
}
