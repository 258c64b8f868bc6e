// Printing a model.
import TorchTensor

extension Module: CustomStringConvertible {
    /// The tree of layers, as PyTorch prints it.
    public var description: String {
        let children = namedChildren()
        let name = "\(type(of: self))"
        if children.isEmpty { return "\(name)(\(extraDescription))" }
        var lines = ["\(name)("]
        if !extraDescription.isEmpty { lines.append("  \(extraDescription)") }
        for (child, m) in children {
            let text = m.description.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n  ")
            lines.append("  (\(child)): \(text)")
        }
        return (lines + [")"]).joined(separator: "\n")
    }

    /// A table of layers with the shapes and numbers of their own parameters, and the total.
    public func summary() -> String {
        var rows: [(String, String, String, Int)] = []
        for (name, m) in namedModules() {
            let own = Reflection.members(of: m).parameters
            if own.isEmpty && !name.isEmpty && !m.namedChildren().isEmpty { continue }
            let shapes = own.map { "\($0.name) \($0.parameter.tensor.dims)" }.joined(separator: ", ")
            rows.append((name.isEmpty ? "(model)" : name, "\(type(of: m))", shapes, own.reduce(0) { $0 + $1.parameter.tensor.count }))
        }
        func pad(_ s: String, _ n: Int) -> String { s + String(repeating: " ", count: Swift.max(0, n - s.count)) }
        let w0 = rows.map(\.0.count).max() ?? 0
        let w1 = rows.map(\.1.count).max() ?? 0
        let w2 = rows.map(\.2.count).max() ?? 0
        let lines = rows.map { "\(pad($0.0, w0))  \(pad($0.1, w1))  \(pad($0.2, w2))  \($0.3)" }
        let trainable = parameters().filter(\.requiresGrad).reduce(0) { $0 + $1.tensor.count }
        return (lines + ["\(parameterCount) parameters, \(trainable) of them trainable"]).joined(separator: "\n")
    }
}
