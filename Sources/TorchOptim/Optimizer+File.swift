// Optimizers in files, as PyTorch writes them.
import TorchFormats
import TorchNN

extension Optimizer {
    /// All state as PyTorch lays it out: `{"state": {0: {…}}, "param_groups": [{…, "params": [0, …]}]}`. It may stand in a larger checkpoint beside the model's.
    ///
    /// ```swift
    /// try TorchFile.save(.dictionary([.init(.string("model"), model.stateDict().checkpointValue),
    ///                                 .init(.string("optimizer"), optimizer.checkpointValue)], kind: .plain), to: "checkpoint.pt")
    /// ```
    public var checkpointValue: CheckpointValue {
        func named(_ pairs: [(String, CheckpointValue)]) -> CheckpointValue { .dictionary(pairs.map { .init(.string($0), $1) }, kind: .plain) }
        var states: [CheckpointValue.Pair] = []
        var written: [CheckpointValue] = []
        var i = 0
        for g in groups {
            var options = groupOptions(g)
            options.append(("params", .list((i..<i + g.parameters.count).map { .int($0) })))
            written.append(named(options))
            for p in g.parameters {
                if let tensors = stateTensors(p) {
                    var entries = zip(stateNames, tensors).map { ($0, CheckpointValue.tensor(StoredTensor($1))) }
                    if countsSteps { entries.insert(("step", .tensor(StoredTensor(Tensor(Float(steps(of: p)), device: .cpu)))), at: 0) }
                    states.append(.init(.int(i), named(entries)))
                }
                i += 1
            }
        }
        return named([("state", .dictionary(states, kind: .plain)), ("param_groups", .list(written))])
    }

    /// Writes the state for `torch.load`. PyTorch: `torch.save(optimizer.state_dict(), path)`.
    public func save(to path: String) throws(FormatError) { try TorchFile.save(checkpointValue, to: path) }

    /// Goes on from a file that PyTorch or `save(to:)` wrote. `key`: where in it the optimizer is, e.g. `optimizer`. PyTorch: `load_state_dict(torch.load(path))`.
    ///
    /// Learning rates and weight decays are taken over; other options (betas, momentum, …) must be those that this optimizer was made with, or it throws and changes nothing.
    public func load(from path: String, key: String? = nil) throws {
        let checkpoint = try Checkpoint(path: path)
        guard let value = key.map({ checkpoint.root[$0] }) ?? checkpoint.root else { throw FormatError(.request, file: path, "has no entry \"\(key ?? "")\"") }
        do throws(FormatError) { try load(value) } catch { throw error.inFile(path) }
    }

    /// Goes on from state in PyTorch's layout.
    public func load(_ value: CheckpointValue) throws(FormatError) {
        func misfit(_ what: String, _ expected: String = "") -> FormatError { FormatError(.request, "the optimizer's state does not fit: \(what)", expected: expected) }
        guard let written = value["param_groups"]?.elements, let states = value["state"]?.pairs else {
            throw FormatError(.malformed, "is not the state of an optimizer", expected: "a dictionary with \"state\" and \"param_groups\"")
        }
        guard written.count == groups.count else { throw misfit("\(written.count) parameter groups", "\(groups.count)") }
        var actions: [() -> Void] = []
        for (k, (g, w)) in zip(groups, written).enumerated() {
            guard let indices = w["params"]?.elements?.compactMap(\.int), indices.count == g.parameters.count else {
                throw misfit("group \(k) has \(w["params"]?.elements?.count ?? 0) parameters", "\(g.parameters.count)")
            }
            for (name, own) in groupOptions(g) {
                guard let there = w[name] else { continue }
                switch name {
                case "lr", "weight_decay", "initial_lr":
                    guard let rate = try there.number(), rate.isFinite else { throw misfit("group \(k): \(name) is not a number") }
                    let field = name == "lr" ? \ParameterGroup.learningRate : name == "weight_decay" ? \.weightDecay : \.initialLearningRate
                    actions.append { g[keyPath: field] = rate }
                // How PyTorch runs the update, not what it computes.
                case "foreach", "fused", "capturable", "differentiable": break
                default:
                    guard there.isSameOption(as: own) else { throw misfit("group \(k) was saved with \(name) \(there.optionText)", "\(own.optionText), as this optimizer was made") }
                }
            }
            for (p, index) in zip(g.parameters, indices) {
                guard let state = states.first(where: { $0.key.int == index })?.value else { continue }
                var tensors: [Tensor] = []
                for name in stateNames {
                    // A momentum that has not begun is none.
                    guard let stored = state[name]?.tensor else { break }
                    guard stored.shape == p.tensor.shape else { throw misfit("\(name) of parameter \(index) has shape \(stored.shape)", "\(p.tensor.shape)") }
                    tensors.append(try stored.load().to(p.tensor.dtype).to(p.tensor.device))
                }
                if tensors.isEmpty { continue }
                guard tensors.count == stateNames.count else { throw misfit("parameter \(index) has \(tensors.count) of \(stateNames.joined(separator: ", "))") }
                var steps = 0
                if countsSteps {
                    guard let count = try state["step"]?.number(), count >= 0, let whole = Int(exactly: count) else {
                        throw misfit("step of parameter \(index) is not a whole number")
                    }
                    steps = whole
                }
                actions.append { self.restore(p, tensors, steps: steps) }
            }
        }
        for a in actions { a() }
    }
}

extension CheckpointValue {
    /// A number, or a tensor of one element, as PyTorch writes either.
    fileprivate func number() throws(FormatError) -> Double? {
        guard let tensor else { return double }
        return tensor.count == 1 ? try tensor.load().item() : nil
    }

    /// True if both say the same option; a whole number may stand for a double, a list for a tuple.
    fileprivate func isSameOption(as other: CheckpointValue) -> Bool {
        switch (self, other) {
        case (.none, .none): true
        case (.bool(let a), .bool(let b)): a == b
        default: double.map { $0 == other.double } ?? (elements?.map(\.double) == other.elements?.map(\.double) && elements != nil)
        }
    }

    fileprivate var optionText: String {
        switch self {
        case .none: "None"
        case .bool(let b): "\(b)"
        default: double.map { "\($0)" } ?? elements.map { "(\($0.map { $0.double.map { "\($0)" } ?? "?" }.joined(separator: ", ")))" } ?? "a value of another kind"
        }
    }
}
