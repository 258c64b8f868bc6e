// Rows: activations.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let activation: [OperatorRow] = [
        activation("relu") { x in x.relu() },
        activation("relu6") { x in x.relu6() },
        activation("selu") { x in x.selu() },
        activation("silu") { x in x.silu() },
        activation("mish") { x in x.mish() },
        activation("hardsigmoid") { x in x.hardSigmoid() },
        activation("hardswish") { x in x.hardSwish() },
        .unary("relu") { x in x.relu() },
        .unary("nn.functional.logsigmoid") { x in x.logSigmoid() },
        .unary("nn.functional.softsign") { x in x.softsign() },
        .unary("nn.functional.tanhshrink") { x in x.tanhShrink() },
        .unary("nn.functional.sigmoid") { x in x.sigmoid() },
        .unary("nn.functional.tanh") { x in x.tanh() },
        OperatorRow("nn.functional.gelu", "input, *, approximate='none'") { a in
            try .tensor(a.tensor("input").gelu(approximate: a.choice("approximate")))
        },
        OperatorRow("nn.functional.elu", "input, alpha=1.0, inplace=False") { a in try .tensor(a.tensor("input").elu(alpha: a.double("alpha"))) },
        OperatorRow("nn.functional.celu", "input, alpha=1.0, inplace=False") { a in try .tensor(a.tensor("input").celu(alpha: a.double("alpha"))) },
        OperatorRow("nn.functional.leaky_relu", "input, negative_slope=0.01, inplace=False") { a in
            try .tensor(a.tensor("input").leakyRelu(negativeSlope: a.double("negative_slope")))
        },
        OperatorRow("nn.functional.prelu", "input, weight") { a in try .tensor(a.tensor("input").prelu(a.tensor("weight"))) },
        OperatorRow("nn.functional.rrelu", "input, lower=0.125, upper=0.3333333333333333, training=False, inplace=False") { a in
            try .tensor(a.tensor("input").rrelu(lower: a.double("lower"), upper: a.double("upper"), training: a.bool("training")))
        },
        OperatorRow("nn.functional.hardtanh", "input, min_val=-1.0, max_val=1.0, inplace=False") { a in
            try .tensor(a.tensor("input").hardtanh(min: a.double("min_val"), max: a.double("max_val")))
        },
        OperatorRow("nn.functional.hardshrink", "input, lambd=0.5") { a in try .tensor(a.tensor("input").hardShrink(lambda: a.double("lambd"))) },
        OperatorRow("nn.functional.softshrink", "input, lambd=0.5") { a in try .tensor(a.tensor("input").softShrink(lambda: a.double("lambd"))) },
        OperatorRow("nn.functional.softplus", "input, beta=1, threshold=20") { a in
            try .tensor(a.tensor("input").softplus(beta: a.double("beta"), threshold: a.double("threshold")))
        },
        OperatorRow("nn.functional.threshold", "input, threshold, value, inplace=False") { a in
            try .tensor(a.tensor("input").threshold(a.double("threshold"), value: a.double("value")))
        },
        OperatorRow("nn.functional.glu", "input, dim=-1") { a in try .tensor(a.tensor("input").glu(dim: a.int("dim"))) },
    ]

    private static func activation(_ name: String, _ call: @escaping @Sendable (Tensor) -> Tensor) -> OperatorRow {
        OperatorRow("nn.functional." + name, "input, inplace=False") { a in try .tensor(call(a.tensor("input"))) }
    }
}
