// Models in files.
import TorchFormats
import TorchTensor

extension Module {
    /// Writes the state at once or not at all: `.pt` and `.pth` as `torch.save(model.state_dict(), path)` does, anything else as safetensors. PyTorch: `torch.save`.
    ///
    /// `metadata` are texts beside the tensors, of safetensors only.
    /// ```swift
    /// try model.save(to: "model.safetensors")
    /// try model.load(from: "model.safetensors")
    /// ```
    public func save(to path: String, metadata: [String: String] = [:]) throws(FormatError) {
        if path.hasSuffix(".pt") || path.hasSuffix(".pth") {
            guard metadata.isEmpty else { throw FormatError(.request, file: path, "metadata have no place in a file of torch.save", expected: "safetensors") }
            try TorchFile.save(stateDict().entries, to: path)
        } else {
            try Safetensors.save(stateDict().entries, metadata: metadata.merging(["format": "pt"]) { given, _ in given }, to: path)
        }
    }

    /// Puts the state of a file of any format in: safetensors, `.pt`, `.npz`, GGUF, … Only the tensors that the model has are read. PyTorch: `load_state_dict(torch.load(path))`.
    ///
    /// - Parameters:
    ///   - prefix: where in the file the model is, e.g. `model` for a checkpoint `{"model": …, "optimizer": …}`, `module` after `DataParallel`.
    ///   - strict: throws `StateError` where anything is missing, unexpected or of another shape, and changes nothing.
    /// - Returns: what happened to each entry.
    /// - Throws: `FormatError` for the file, `StateError` for its fit.
    @discardableResult
    public func load(from path: String, prefix: String = "", strict: Bool = true) throws -> LoadReport {
        try load(from: Checkpoint(path: path), prefix: prefix, strict: strict)
    }

    /// Puts the state of an opened checkpoint in; see `load(from:prefix:strict:)` with a path.
    @discardableResult
    public func load(from checkpoint: Checkpoint, prefix: String = "", strict: Bool = true) throws -> LoadReport {
        let start = prefix.isEmpty || prefix.hasSuffix(".") ? prefix : "\(prefix)."
        let known = Set(stateDict().names)
        var state = StateDict()
        for (name, stored) in checkpoint.tensors where name.hasPrefix(start) {
            let own = String(name.dropFirst(start.count))
            // What the model does not have is only named, not read: an empty tensor stands for it.
            do throws(FormatError) { state[own] = known.contains(own) ? try stored.load() : Tensor.empty([0], device: .cpu) } catch { throw error.inFile(checkpoint.path) }
        }
        do throws(StateError) { return try load(state, strict: strict) } catch {
            var report = error.report
            report.hint = Self.hint(known, checkpoint.tensors.map(\.name), start)
            throw StateError(report: report)
        }
    }

    /// Where the model seems to be in the file, if it is not where it was looked for.
    private static func hint(_ known: Set<String>, _ names: [String], _ start: String) -> String {
        guard let sample = known.min() else { return "" }
        for name in names where name.hasSuffix(".\(sample)") {
            let prefix = String(name.dropLast(sample.count + 1))
            let found = Set(names)
            if "\(prefix)." != start, known.allSatisfy({ found.contains("\(prefix).\($0)") }) { return "all of it is under `\(prefix)`: load with prefix: \"\(prefix)\"" }
        }
        return ""
    }
}
