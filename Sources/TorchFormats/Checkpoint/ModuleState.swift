// Pickled modules of PyTorch.

/// The part of a pickled module's state that its `state_dict` would have.
struct ModuleState {
    /// Own parameters, persistent buffers, then children, each by its name; those that are None are left out.
    let members: [(name: String, value: CheckpointValue)]

    /// Nil if the state is no module's.
    init?(_ state: CheckpointValue) {
        guard let parameters = state["_parameters"]?.pairs, let buffers = state["_buffers"]?.pairs, let children = state["_modules"]?.pairs else { return nil }
        var transient: Set<String> = []
        if case .set(let names) = state["_non_persistent_buffers_set"] { for name in names { if let s = name.string { transient.insert(s) } } }
        var members: [(name: String, value: CheckpointValue)] = []
        for pair in parameters + buffers.filter({ !transient.contains($0.key.string ?? "") }) + children {
            if let name = pair.key.string { members.append((name, pair.value)) }
        }
        self.members = members
    }
}
