// Rows: random numbers. In-place functions give the filled tensor; the input keeps its value.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let random: [OperatorRow] = drawn + filledInPlace

    private static let drawn: [OperatorRow] = [
        OperatorRow("rand", "*size, dtype=None") { a in try .tensor(Tensor.rand(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("randn", "*size, dtype=None") { a in try .tensor(Tensor.randn(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("randint", "high, size: list, *, dtype=None") { a in
            try .tensor(Tensor.randint(0, a.int("high"), a.ints("size"), dtype: a.dtype() ?? .int64))
        },
        OperatorRow("randint", "low, high, size: list, *, dtype=None") { a in
            try .tensor(Tensor.randint(a.int("low"), a.int("high"), a.ints("size"), dtype: a.dtype() ?? .int64))
        },
        OperatorRow("randperm", "n, *, dtype=None") { a in try .tensor(Tensor.randperm(a.int("n"), dtype: a.dtype() ?? .int64)) },
        OperatorRow("rand_like", "input, *, dtype=None") { a in try .tensor(a.tensor("input").randLike(dtype: a.dtype())) },
        OperatorRow("randn_like", "input, *, dtype=None") { a in try .tensor(a.tensor("input").randnLike(dtype: a.dtype())) },
        OperatorRow("randint_like", "input, high, *, dtype=None") { a in
            try .tensor(a.tensor("input").randintLike(0, a.int("high"), dtype: a.dtype()))
        },
        OperatorRow("randint_like", "input, low, high, *, dtype=None") { a in
            try .tensor(a.tensor("input").randintLike(a.int("low"), a.int("high"), dtype: a.dtype()))
        },
        OperatorRow("normal", "mean: Tensor, std: Tensor") { a in try .tensor(Tensor.normal(mean: a.tensor("mean"), std: a.tensor("std"))) },
        OperatorRow("normal", "mean: Tensor, std: number=1.0") { a in try .tensor(Tensor.normal(mean: a.tensor("mean"), std: a.double("std"))) },
        OperatorRow("normal", "mean: number, std: Tensor") { a in try .tensor(Tensor.normal(mean: a.double("mean"), std: a.tensor("std"))) },
        OperatorRow("normal", "mean: number, std: number, size: list, *, dtype=None") { a in
            try .tensor(Tensor.normal(a.ints("size"), mean: a.double("mean"), std: a.double("std"), dtype: a.dtype()))
        },
        OperatorRow("bernoulli", "input") { a in try .tensor(a.tensor("input").bernoulli()) },
        OperatorRow("bernoulli", "input, p: number") { a in try .tensor(a.tensor("input").bernoulli(probability: a.double("p"))) },
        OperatorRow("multinomial", "input, num_samples, replacement=False") { a in
            try .tensor(a.tensor("input").multinomial(a.int("num_samples"), replacement: a.bool("replacement")))
        },
        .unary("poisson") { x in x.poisson() },
        .unary("_standard_gamma") { x in x.standardGamma() },
        .unary("_sample_dirichlet") { x in x.dirichlet() },
        OperatorRow("binomial", "count, prob") { a in try .tensor(a.tensor("count").binomial(a.tensor("prob"))) },
    ]

    private static let filledInPlace: [OperatorRow] = [
        OperatorRow("uniform_", "input, from=0.0, to=1.0") { a in
            let (from, to) = (try a.double("from"), try a.double("to"))
            return try fill(a) { $0.fillUniform(from: from, to: to) }
        },
        OperatorRow("normal_", "input, mean=0.0, std=1.0") { a in
            let (mean, std) = (try a.double("mean"), try a.double("std"))
            return try fill(a) { $0.fillNormal(mean: mean, std: std) }
        },
        OperatorRow("log_normal_", "input, mean=1.0, std=2.0") { a in
            let (mean, std) = (try a.double("mean"), try a.double("std"))
            return try fill(a) { $0.fillLogNormal(mean: mean, std: std) }
        },
        OperatorRow("cauchy_", "input, median=0.0, sigma=1.0") { a in
            let (median, sigma) = (try a.double("median"), try a.double("sigma"))
            return try fill(a) { $0.fillCauchy(median: median, sigma: sigma) }
        },
        OperatorRow("exponential_", "input, lambd=1.0") { a in
            let rate = try a.double("lambd")
            return try fill(a) { $0.fillExponential(rate: rate) }
        },
        OperatorRow("geometric_", "input, p") { a in
            let p = try a.double("p")
            return try fill(a) { $0.fillGeometric(p) }
        },
        OperatorRow("random_", "input") { a in try fill(a) { $0.fillRandom() } },
        OperatorRow("random_", "input, to: int") { a in
            let to = try a.int("to")
            return try fill(a) { $0.fillRandom(to: to) }
        },
        OperatorRow("random_", "input, from: int, to: int") { a in
            let (from, to) = (try a.int("from"), try a.int("to"))
            return try fill(a) { $0.fillRandom(from: from, to: to) }
        },
        OperatorRow("bernoulli_", "input, p=0.5") { a in
            if a.isTensor("p") {
                let p = try a.tensor("p")
                return try fill(a) { $0.fillBernoulli(p) }
            }
            let p = try a.double("p")
            return try fill(a) { $0.fillBernoulli(p) }
        },
    ]

    private static func fill(_ a: OperatorArguments, _ body: (inout Tensor) -> Void) throws -> OperatorValue {
        var t = try a.tensor("input").detached()
        body(&t)
        return .tensor(t)
    }
}
