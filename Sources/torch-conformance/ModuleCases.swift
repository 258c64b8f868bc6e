// Recorded forward and backward passes of layers.
import Torch

/// One record of the part `modules`.
struct ModuleCase {
    let record: Record
    private var json: JSON { record.json }

    init(_ record: Record) { self.record = record }

    /// Outcomes by kind: `module` (outputs, gradients, state), `repr`, `error`.
    func run() -> [(kind: String, reason: String?)] {
        if json["kind"]?.string == "error" {
            do { return [("error", try errorReason())] } catch { return [("error", "\(error)")] }
        }
        do {
            let outcome = try withTensorErrors { try pass() }
            return [("module", outcome.reason), ("repr", outcome.repr)]
        } catch {
            return [("module", "\(error)"), ("repr", "\(error)")]
        }
    }

    private var dtype: DType { json["dtype"]?.string.flatMap(DType.init(name:)) ?? .float32 }

    // MARK: A pass

    private func pass() throws -> (reason: String?, repr: String?) {
        for field in ["wrap", "lazy", "method"] where json[field] != nil && !json[field]!.isNull {
            if field == "wrap", json[field]?.array?.isEmpty == true { continue }
            throw Record.Unsupported(description: "'\(field)' is not offered")
        }
        let built = try ModuleTable.build(record, json, dtype)
        let module = built.module
        module.to(dtype)
        module.train(json["mode"]?.string != "eval")
        let state = StateDict(try record.pairs(json["state_before"]).map { ($0.name, try record.tensor($0.key ?? "")) })
        try module.load(state)
        let expectedText = json["repr"]?.string ?? ""
        let text = module.description
        let repr = text == expectedText ? nil : "prints \(text), expected \(expectedText)"
        return (try difference(built), repr)
    }

    private func difference(_ built: BuiltModule) throws -> String? {
        let gradInputs = record.pairs(json["grad_inputs"])
        let wanted = Set(gradInputs.map(\.name))
        var leaves: [String: Tensor] = [:]
        func seen(_ path: String, _ t: Tensor) -> Tensor {
            guard wanted.contains(path) else { return t }
            let leaf = t.requiringGrad()
            leaves[path] = leaf
            return leaf
        }
        let output = try built.call(try record.values(json["inputs"], seen), try record.members(json["input_kwargs"], seen))
        let tolerances = json["atol"]?.array?.compactMap(\.double) ?? [0, 0]
        let (forward, backward) = (Tolerance(relative: 0, absolute: tolerances[0]), Tolerance(relative: 0, absolute: tolerances.last!))

        // Outputs, in the order of the recorded tree.
        var paths: [String] = []
        let expected = try record.value(json["output"] ?? .null) { path, t in
            paths.append(path)
            return t
        }.leaves
        let found = output.leaves
        guard found.count == expected.count else { return "\(found.count) outputs, expected \(expected.count)" }
        for (i, e) in expected.enumerated() {
            switch (found[i], e) {
            case (.tensor(let x), .tensor(let y)):
                if let d = Numbers(x).difference(Numbers(y), forward) { return "output \(i): \(d)" }
            case (.none, .none): break
            default: return "output \(i): \(found[i].summary), expected \(e.summary)"
            }
        }

        // Gradients.
        let tensors = found.compactMap { v -> Tensor? in if case .tensor(let t) = v { t } else { nil } }
        var outputs: [Tensor] = []
        var cotangents: [Tensor?] = []
        for (path, key) in record.pairs(json["cotangents"]) {
            let name = path.hasPrefix(".") ? String(path.dropFirst()) : path
            guard let i = paths.firstIndex(of: name), i < tensors.count, let key else { return "no output '\(path)' for its cotangent" }
            outputs.append(tensors[i])
            cotangents.append(try record.tensor(key))
        }
        let parameters = Dictionary(uniqueKeysWithValues: built.module.namedParameters().map { ($0.name, $0.parameter) })
        var inputs: [(name: String, tensor: Tensor, key: String?)] = []
        for (path, key) in gradInputs {
            guard let leaf = leaves[path] else { return "no input '\(path)'" }
            inputs.append(("input \(path)", leaf, key))
        }
        for (name, key) in record.pairs(json["grad_params"]) {
            guard let p = parameters[name] else { return "no parameter '\(name)'" }
            inputs.append((name, p.tensor, key))
        }
        if !outputs.isEmpty && !inputs.isEmpty {
            let results: [Tensor?] = gradients(of: outputs, withRespectTo: inputs.map(\.tensor), gradOutputs: cotangents, allowUnused: true)
            for (input, g) in zip(inputs, results) {
                guard let key = input.key else {
                    if let g, !Numbers(g).isZero { return "gradient of \(input.name): not zero, PyTorch has none" }
                    continue
                }
                let e = try record.numbers(key)
                guard let g else {
                    if e.isZero { continue }
                    return "gradient of \(input.name): none"
                }
                if let d = Numbers(g).difference(e, backward) { return "gradient of \(input.name): \(d)" }
            }
        }

        // State that the pass changed.
        let after = built.module.stateDict()
        for (name, key) in record.pairs(json["state_after"]) {
            guard let key, let t = after[name] else { return "no state '\(name)'" }
            if let d = Numbers(t).difference(try record.numbers(key), backward) { return "state \(name): \(d)" }
        }
        return nil
    }

    // MARK: Misuse

    private func errorReason() throws -> String? {
        let (type, message) = (json["error_type"]?.string ?? "", json["message"]?.string ?? "")
        do {
            try withTensorErrors {
                let built = try ModuleTable.build(record, json, dtype)
                if json["on"]?.string != "constructor" {
                    _ = try built.call(try record.values(json["inputs"]), try record.members(json["input_kwargs"]))
                }
            }
        } catch is TensorError {
            return nil
        } catch let e as OperatorCallError {
            let ruledOut = e.kind == .argument && (type == "TypeError" || e.message.hasPrefix("expected "))
            return ruledOut ? nil : "\(e), PyTorch raises \(type): \(message)"
        }
        return "no error, PyTorch raises \(type): \(message)"
    }
}
