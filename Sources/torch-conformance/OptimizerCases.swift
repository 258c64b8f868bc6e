// Recorded runs of optimizers and schedules.
import Torch

/// One record of the part `optim`.
struct OptimizerCase {
    let record: Record
    private var json: JSON { record.json }

    init(_ record: Record) { self.record = record }

    /// One outcome, of the record's kind.
    func run() -> [(kind: String, reason: String?)] {
        let kind = json["kind"]?.string ?? ""
        do {
            let reason = try withTensorErrors {
                switch kind {
                case "optimizer": try optimizerReason()
                case "scheduler": try scheduleReason()
                case "clip": try clipReason()
                case "optimizer_error": try errorReason()
                default: throw Record.Unsupported(description: "'\(kind)' is not offered")
                }
            }
            return [(kind, reason)]
        } catch {
            return [(kind, "\(error)")]
        }
    }

    private var name: String { json["class"]?.string ?? "" }

    private func optimizerReason() throws -> String? {
        let tracks = try (json["params"]?.array ?? []).map { try record.tensor($0) }
        let grads = try (json["grads"]?.array ?? []).map { try record.tensor($0) }
        let parameters = tracks.map { Parameter($0[0].clone()) }
        let groups = json["groups"]?.array ?? []
        let optimizer = try OptimizerTable.build(
            name, groups.map { ($0["params"]?.array ?? []).compactMap(\.int).map { parameters[$0] } }, try record.members(json["kwargs"]),
            try groups.map { try record.members($0["kwargs"]) })
        let tolerance = Tolerance(relative: 0, absolute: json["atol"]?.double ?? 0)
        for t in 0..<(json["steps"]?.int ?? 10) {
            for (i, p) in parameters.enumerated() {
                let present = json["grad_present"]?.array?[t].array?[i].bool ?? true
                p.grad = present ? grads[i][t].clone() : nil
            }
            optimizer.step()
            for (i, p) in parameters.enumerated() {
                if let d = Numbers(p.tensor).difference(Numbers(tracks[i][t + 1]), tolerance) { return "parameter \(i) after step \(t + 1): \(d)" }
            }
            if t == 4 || t == 9, let d = try stateDifference(optimizer, json["state_dict_after_\(t + 1)"], tolerance) { return "state after step \(t + 1): \(d)" }
        }
        return nil
    }

    /// Compares the state that both keep under the same name.
    private func stateDifference(_ optimizer: Optimizer, _ expected: JSON?, _ tolerance: Tolerance) throws -> String? {
        let own = optimizer.stateDict()
        for (index, members) in expected?["state"]?.object ?? [:] {
            for (name, value) in members.object ?? [:] where value["$t"] != nil && name != "step" {
                guard let t = own["\(index).\(name)"] else { return "no '\(index).\(name)'" }
                if let d = Numbers(t).difference(Numbers(try record.tensor(value)), tolerance) { return "\(index).\(name): \(d)" }
            }
        }
        return nil
    }

    private func scheduleReason() throws -> String? {
        let rates = json["optimizer"]?["group_lr"]?.array?.compactMap(\.double) ?? []
        let groups = rates.map { ParameterGroup([Parameter(Tensor.zeros(1))], learningRate: $0) }
        let optimizer = SGD(groups, momentum: json["optimizer"]?["momentum"]?.double ?? 0)
        let schedule = try OptimizerTable.schedule(name, optimizer, try record.members(json["kwargs"]))
        if let a = json["step_args"], !a.isNull { throw Record.Unsupported(description: "steps with arguments") }
        for (i, row) in (json["lr"]?.array ?? []).enumerated() {
            if i > 0 { schedule.step() }
            for (g, expected) in (row.array ?? []).compactMap(\.double).enumerated() {
                let found = optimizer.groups[g].learningRate
                if abs(found - expected) > 1e-9 * abs(expected) + 1e-15 { return "after \(i) steps group \(g) has rate \(found), expected \(expected)" }
            }
        }
        return nil
    }

    private func clipReason() throws -> String? {
        throw Record.Unsupported(description: "\(json["fn"]?.string ?? "") is not offered")
    }

    private func errorReason() throws -> String? {
        let (type, message) = (json["error_type"]?.string ?? "", json["message"]?.string ?? "")
        do {
            try withTensorErrors {
                let shapes = (json["params"]?.array ?? []).map { ($0.array ?? []).compactMap(\.int) }
                _ = try OptimizerTable.build(name, [shapes.map { Parameter(Tensor.zeros($0)) }], try record.members(json["kwargs"]), [[:]])
            }
        } catch is TensorError {
            return nil
        } catch let e as OperatorCallError {
            return e.kind == .argument && e.message.hasPrefix("expected ") ? nil : "\(e), PyTorch raises \(type): \(message)"
        }
        return "no error, PyTorch raises \(type): \(message)"
    }
}
