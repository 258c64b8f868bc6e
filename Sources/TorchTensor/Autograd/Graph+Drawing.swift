// A drawing of the graph that leads to a tensor.

extension Tensor {
    /// The graph that computed this tensor, in Graphviz's DOT language: operators as boxes, leaves with their shapes as ellipses.
    ///
    /// - Parameter names: names for leaves that should appear in the drawing.
    /// ```swift
    /// print(loss.graphDrawing(names: ["weight": weight, "bias": bias]))   // | dot -Tsvg
    /// ```
    public func graphDrawing(names: [String: Tensor] = [:]) -> String {
        var lines = ["digraph {", "  rankdir=BT; node [fontname=\"sans-serif\", fontsize=10];"]
        var numbers: [ObjectIdentifier: Int] = [:]
        var leafNames: [ObjectIdentifier: String] = [:]
        for (name, t) in names { if let n = t.impl.node { leafNames[ObjectIdentifier(n)] = name } }
        var queue: [Node] = []

        func number(_ node: Node) -> Int {
            if let n = numbers[ObjectIdentifier(node)] { return n }
            let n = numbers.count
            numbers[ObjectIdentifier(node)] = n
            queue.append(node)
            let given = leafNames[ObjectIdentifier(node)]
            if node is LeafNode {
                lines.append("  n\(n) [shape=ellipse, style=filled, fillcolor=lightblue, label=\"\(escape(given ?? "leaf")) \(node.shape)\"];")
            } else {
                lines.append("  n\(n) [shape=box, label=\"\(escape(node.name)) \(node.shape)\"];")
            }
            return n
        }

        if let root = impl.node {
            _ = number(root)
            var next = 0
            while next < queue.count {
                let node = queue[next]
                next += 1
                for input in node.inputs { lines.append("  n\(number(input)) -> n\(number(node));") }
            }
        }
        lines.append("}")
        return lines.joined(separator: "\n")
    }

    private func escape(_ text: String) -> String {
        String(text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] })
    }
}
