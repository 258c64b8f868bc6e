// PyTorch's optimizers and schedules by name.
import Torch

enum OptimizerTable {
    /// An optimizer over groups of parameters with PyTorch's keyword arguments.
    static func build(_ name: String, _ groups: [[Parameter]], _ keywords: [String: OperatorValue], _ groupKeywords: [[String: OperatorValue]]) throws -> Optimizer {
        let signature: String
        switch name {
        case "SGD": signature = "lr=0.001, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False"
        case "Adam": signature = "lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0, amsgrad=False, *, maximize=False, decoupled_weight_decay=False"
        case "AdamW": signature = "lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01, amsgrad=False, *, maximize=False"
        default: throw Record.Unsupported(description: "no class \(name)")
        }
        let a = try OperatorSignature.bind(name, signature, [], keywords)
        let made = try zip(groups, groupKeywords).map { parameters, own -> ParameterGroup in
            for k in own.keys where k != "lr" && k != "weight_decay" { throw Record.Unsupported(description: "option \(k) of one group") }
            let g = try OperatorSignature.bind(name, signature, [], keywords.merging(own) { $1 })
            return ParameterGroup(parameters, learningRate: try rate(g), weightDecay: try g.double("weight_decay"))
        }
        switch name {
        case "SGD":
            return SGD(
                made, momentum: try a.double("momentum"), dampening: try a.double("dampening"), nesterov: try a.bool("nesterov"),
                maximize: try a.bool("maximize"))
        case "Adam":
            if try a.bool("decoupled_weight_decay") {
                return AdamW(made, betas: try betas(a), epsilon: try a.double("eps"), amsgrad: try a.bool("amsgrad"), maximize: try a.bool("maximize"))
            }
            return Adam(made, betas: try betas(a), epsilon: try a.double("eps"), amsgrad: try a.bool("amsgrad"), maximize: try a.bool("maximize"))
        default:
            return AdamW(made, betas: try betas(a), epsilon: try a.double("eps"), amsgrad: try a.bool("amsgrad"), maximize: try a.bool("maximize"))
        }
    }

    private static func rate(_ a: OperatorArguments) throws -> Double {
        try a.double("lr")
    }

    private static func betas(_ a: OperatorArguments) throws -> (Double, Double) {
        guard let items = a.value("betas").items, items.count == 2 else { throw a.mismatch("betas", "two numbers") }
        for i in items { if case .tensor = i { throw a.mismatch("betas", "numbers") } }
        let b = try a.doubles("betas")
        return (b[0], b[1])
    }

    /// A schedule with PyTorch's keyword arguments.
    static func schedule(_ name: String, _ optimizer: Optimizer, _ keywords: [String: OperatorValue]) throws -> LRScheduler {
        switch name {
        case "StepLR":
            let a = try OperatorSignature.bind(name, "step_size, gamma=0.1", [], keywords)
            return StepLR(optimizer, stepSize: try a.int("step_size"), gamma: try a.double("gamma"))
        case "CosineAnnealingLR":
            let a = try OperatorSignature.bind(name, "T_max, eta_min=0.0", [], keywords)
            return CosineAnnealingLR(optimizer, tMax: try a.int("T_max"), etaMin: try a.double("eta_min"))
        default: throw Record.Unsupported(description: "no class \(name)")
        }
    }
}
