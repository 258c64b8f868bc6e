// State dictionaries: all parameters and buffers by name.
import TorchFormats
import TorchTensor

/// Names and tensors in order. PyTorch: the result of `state_dict()`.
public struct StateDict: Sendable, Sequence {
    /// The entries.
    public private(set) var entries: [(name: String, tensor: Tensor)]
    private var places: [String: Int]

    public init(_ entries: [(name: String, tensor: Tensor)] = []) {
        self.entries = entries
        places = Dictionary(entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { _, last in last })
    }

    /// The tensor of that name; setting appends or replaces.
    public subscript(_ name: String) -> Tensor? {
        get { places[name].map { entries[$0].tensor } }
        set {
            if let i = places[name] {
                if let newValue { entries[i].tensor = newValue } else { self = StateDict(entries.filter { $0.name != name }) }
            } else if let newValue {
                places[name] = entries.count
                entries.append((name, newValue))
            }
        }
    }

    /// Names in order.
    public var names: [String] { entries.map(\.name) }
    public var count: Int { entries.count }
    /// The entries as a checkpoint's ordered dictionary.
    public var checkpointValue: CheckpointValue { .dictionary(entries.map { .init(.string($0.name), .tensor(StoredTensor($0.tensor))) }, kind: .ordered) }
    public func makeIterator() -> Array<(name: String, tensor: Tensor)>.Iterator { entries.makeIterator() }
}

/// What happened to each entry when state was loaded.
public struct LoadReport: Sendable, CustomStringConvertible {
    /// Names that were loaded.
    public var loaded: [String] = []
    /// Names of the model that the state lacks.
    public var missing: [String] = []
    /// Names in the state that the model lacks.
    public var unexpected: [String] = []
    /// Names whose shapes differ: expected and found.
    public var wrongShape: [(name: String, expected: [Int], found: [Int])] = []

    /// What may mend it; empty if nothing is known.
    public var hint = ""

    /// Nothing looked at yet.
    public init() {}

    /// True if everything fitted.
    public var isComplete: Bool { missing.isEmpty && unexpected.isEmpty && wrongShape.isEmpty }

    public var description: String {
        var lines = ["\(loaded.count) loaded"]
        if !missing.isEmpty { lines.append("\(missing.count) missing: \(missing.joined(separator: ", "))") }
        if !unexpected.isEmpty { lines.append("\(unexpected.count) unexpected: \(unexpected.joined(separator: ", "))") }
        for w in wrongShape { lines.append("wrong shape: \(w.name): the model has \(w.expected), the state \(w.found)") }
        if !hint.isEmpty { lines.append("hint: \(hint)") }
        return lines.joined(separator: "\n")
    }
}

/// State that does not fit a model.
public struct StateError: Error, Sendable, CustomStringConvertible {
    /// The whole story, all entries at once.
    public let report: LoadReport
    public init(report: LoadReport) { self.report = report }
    public var description: String { "the state does not fit the model: \(report)" }
}

extension Module {
    /// All parameters and persistent buffers by name. The tensors are snapshots: training on does not change them. PyTorch: `state_dict()`.
    public func stateDict() -> StateDict {
        var entries: [(name: String, tensor: Tensor)] = []
        func walk(_ m: Module, _ prefix: String) {
            let members = Reflection.members(of: m)
            for (name, p) in members.parameters { entries.append((prefix + name, p.tensor.detached())) }
            for (name, b) in members.buffers where b.isPersistent { entries.append((prefix + name, b.wrappedValue)) }
            for (name, child) in members.children { walk(child, "\(prefix)\(name).") }
        }
        walk(self, "")
        return StateDict(entries)
    }

    /// Puts saved values in. With `strict`, anything missing, unexpected or of another shape throws and changes nothing. PyTorch: `load_state_dict`.
    @discardableResult
    public func load(_ state: StateDict, strict: Bool = true) throws(StateError) -> LoadReport {
        var report = LoadReport()
        var assignments: [() -> Void] = []
        var known = Set<String>()
        func consider(_ name: String, _ current: Tensor, _ assign: @escaping (Tensor) -> Void) {
            known.insert(name)
            guard let new = state[name] else {
                report.missing.append(name)
                return
            }
            guard new.dims == current.dims else {
                report.wrongShape.append((name, current.shape, new.shape))
                return
            }
            report.loaded.append(name)
            assignments.append { assign(new.to(current.dtype).to(current.device)) }
        }
        func walk(_ m: Module, _ prefix: String) {
            let members = Reflection.members(of: m)
            for (name, p) in members.parameters { consider(prefix + name, p.tensor) { p.tensor = $0 } }
            for (name, b) in members.buffers where b.isPersistent { consider(prefix + name, b.wrappedValue) { b.wrappedValue = $0 } }
            for (name, child) in members.children { walk(child, "\(prefix)\(name).") }
        }
        walk(self, "")
        report.unexpected = state.names.filter { !known.contains($0) }
        if strict && !report.isComplete { throw StateError(report: report) }
        noGrad { for a in assignments { a() } }
        return report
    }
}
