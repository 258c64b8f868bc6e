// Rows: reductions and scans.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let reduction: [OperatorRow] = sums + extremes + moments + scans + statistics

    private static let sums: [OperatorRow] = [
        OperatorRow("sum", "input, dim=None, keepdim=False, *, dtype=None") { a in
            try .tensor(a.tensor("input").sum(a.optionalInts("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype()))
        },
        OperatorRow("mean", "input, dim=None, keepdim=False, *, dtype=None") { a in
            try .tensor(a.tensor("input").mean(a.optionalInts("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype()))
        },
        OperatorRow("nansum", "input, dim=None, keepdim=False, *, dtype=None") { a in
            try .tensor(a.tensor("input").nansum(a.optionalInts("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype()))
        },
        OperatorRow("nanmean", "input, dim=None, keepdim=False, *, dtype=None") { a in
            try .tensor(a.tensor("input").nanmean(a.optionalInts("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype()))
        },
        OperatorRow("any", "input, dim=None, keepdim=False") { a in
            try .tensor(a.tensor("input").any(a.optionalInts("dim"), keepDim: a.bool("keepdim")))
        },
        OperatorRow("all", "input, dim=None, keepdim=False") { a in
            try .tensor(a.tensor("input").all(a.optionalInts("dim"), keepDim: a.bool("keepdim")))
        },
        OperatorRow("sum_to_size", "input, *size") { a in try .tensor(a.tensor("input").sumToSize(a.ints("size"))) },
        OperatorRow("count_nonzero", "input, dim=None") { a in try .tensor(a.tensor("input").countNonzero(a.optionalInts("dim"))) },
        OperatorRow("prod", "input, *, dtype=None") { a in try .tensor(a.tensor("input").prod(dtype: a.dtype())) },
        OperatorRow("prod", "input, dim: int, keepdim=False, *, dtype=None") { a in
            try .tensor(a.tensor("input").prod(dim: a.int("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype()))
        },
        OperatorRow("hash_tensor", "input, dim=(), *, keepdim=False, mode=0") { a in
            guard try a.int("mode") == 0 else { throw a.notImplemented("mode", "only 0, exclusive or") }
            return try .tensor(a.tensor("input").hashTensor(a.ints("dim"), keepDim: a.bool("keepdim")))
        },
        OperatorRow("logsumexp", "input, dim, keepdim=False") { a in
            try .tensor(a.tensor("input").logsumexp(a.ints("dim"), keepDim: a.bool("keepdim")))
        },
    ]

    /// Values and their positions.
    static func both(_ e: Tensor.Extreme) -> OperatorValue { [.tensor(e.values), .tensor(e.indices)] }

    private static let extremes: [OperatorRow] = [
        OperatorRow("max", "input, other: Tensor") { a in try .tensor(a.tensor("input").max(a.tensor("other"))) },
        OperatorRow("max", "input, dim: int, keepdim=False") { a in try both(a.tensor("input").max(dim: a.int("dim"), keepDim: a.bool("keepdim"))) },
        .unary("max") { x in x.max() },
        OperatorRow("min", "input, other: Tensor") { a in try .tensor(a.tensor("input").min(a.tensor("other"))) },
        OperatorRow("min", "input, dim: int, keepdim=False") { a in try both(a.tensor("input").min(dim: a.int("dim"), keepDim: a.bool("keepdim"))) },
        .unary("min") { x in x.min() },
        OperatorRow("amax", "input, dim=(), keepdim=False") { a in try .tensor(a.tensor("input").amax(a.ints("dim"), keepDim: a.bool("keepdim"))) },
        OperatorRow("amin", "input, dim=(), keepdim=False") { a in try .tensor(a.tensor("input").amin(a.ints("dim"), keepDim: a.bool("keepdim"))) },
        OperatorRow("aminmax", "input, *, dim=None, keepdim=False") { a in
            let r = try a.tensor("input").aminmax(dim: a.optionalInt("dim"), keepDim: a.bool("keepdim"))
            return [.tensor(r.min), .tensor(r.max)]
        },
        OperatorRow("argmax", "input, dim=None, keepdim=False") { a in
            try .tensor(a.tensor("input").argmax(dim: a.optionalInt("dim"), keepDim: a.bool("keepdim")))
        },
        OperatorRow("argmin", "input, dim=None, keepdim=False") { a in
            try .tensor(a.tensor("input").argmin(dim: a.optionalInt("dim"), keepDim: a.bool("keepdim")))
        },
        .unary("median") { x in x.median() },
        OperatorRow("median", "input, dim: int, keepdim=False") { a in try both(a.tensor("input").median(dim: a.int("dim"), keepDim: a.bool("keepdim"))) },
        .unary("nanmedian") { x in x.nanmedian() },
        OperatorRow("nanmedian", "input, dim: int, keepdim=False") { a in
            try both(a.tensor("input").nanmedian(dim: a.int("dim"), keepDim: a.bool("keepdim")))
        },
        OperatorRow("quantile", "input, q, dim=None, keepdim=False, *, interpolation='linear'") { a in
            let (x, q) = try (a.tensor("input"), quantiles(a))
            return try .tensor(x.quantile(q, dim: a.optionalInt("dim"), keepDim: a.bool("keepdim"), interpolation: a.choice("interpolation")))
        },
        OperatorRow("nanquantile", "input, q, dim=None, keepdim=False, *, interpolation='linear'") { a in
            let (x, q) = try (a.tensor("input"), quantiles(a))
            return try .tensor(x.nanquantile(q, dim: a.optionalInt("dim"), keepDim: a.bool("keepdim"), interpolation: a.choice("interpolation")))
        },
    ]

    private static func quantiles(_ a: OperatorArguments) throws -> Tensor {
        if case .tensor(let q) = a.value("q") { return q }
        return try Tensor(a.double("q"), dtype: a.tensor("input").dtype, device: .cpu)
    }

    /// The four spellings of a variance: everything or dims, `unbiased` or `correction`.
    private static func moment(_ name: String, _ call: @escaping @Sendable (Tensor, [Int]?, Double, Bool) -> OperatorValue) -> [OperatorRow] {
        [
            OperatorRow(name, "input, unbiased: bool") { a in try call(a.tensor("input"), nil, a.bool("unbiased") ? 1 : 0, false) },
            OperatorRow(name, "input, dim, unbiased: bool, keepdim=False") { a in
                try call(a.tensor("input"), a.optionalInts("dim"), a.bool("unbiased") ? 1 : 0, a.bool("keepdim"))
            },
            OperatorRow(name, "input, dim=None, *, correction=1, keepdim=False") { a in
                try call(a.tensor("input"), a.optionalInts("dim"), a.optionalDouble("correction") ?? 1, a.bool("keepdim"))
            },
        ]
    }

    private static let moments: [OperatorRow] = [
        moment("var") { x, d, c, k in .tensor(x.var(d, correction: c, keepDim: k)) },
        moment("std") { x, d, c, k in .tensor(x.std(d, correction: c, keepDim: k)) },
        moment("var_mean") { x, d, c, k in
            let r = x.varMean(d, correction: c, keepDim: k)
            return [.tensor(r.variance), .tensor(r.mean)]
        },
        moment("std_mean") { x, d, c, k in
            let r = x.stdMean(d, correction: c, keepDim: k)
            return [.tensor(r.std), .tensor(r.mean)]
        },
    ].flatMap { $0 }

    private static let scans: [OperatorRow] = [
        OperatorRow("cumsum", "input, dim, *, dtype=None") { a in try .tensor(a.tensor("input").cumsum(dim: a.int("dim"), dtype: a.dtype())) },
        OperatorRow("cumprod", "input, dim, *, dtype=None") { a in try .tensor(a.tensor("input").cumprod(dim: a.int("dim"), dtype: a.dtype())) },
        OperatorRow("cummax", "input, dim") { a in try both(a.tensor("input").cummax(dim: a.int("dim"))) },
        OperatorRow("cummin", "input, dim") { a in try both(a.tensor("input").cummin(dim: a.int("dim"))) },
        OperatorRow("logcumsumexp", "input, dim") { a in try .tensor(a.tensor("input").logcumsumexp(dim: a.int("dim"))) },
        OperatorRow("diff", "input, n=1, dim=-1, prepend=None, append=None") { a in
            try .tensor(
                a.tensor("input").diff(n: a.int("n"), dim: a.int("dim"), prepend: a.optionalTensor("prepend"), append: a.optionalTensor("append")))
        },
        trapezoid, trapezoid.alias("trapz"),
        OperatorRow("cumulative_trapezoid", "y, x=None, *, dx=1, dim=-1") { a in
            let y = try a.tensor("y")
            if let x = try a.optionalTensor("x") { return try .tensor(y.cumulativeTrapezoid(x, dim: a.int("dim"))) }
            return try .tensor(y.cumulativeTrapezoid(dx: a.scalar("dx"), dim: a.int("dim")))
        },
        OperatorRow("gradient", "input, *, spacing=1, dim=None, edge_order=1") { a in
            let (x, dims, order) = try (a.tensor("input"), a.optionalInts("dim"), a.int("edge_order"))
            if case .tensor(let c) = a.value("spacing") { return .tensors(x.gradient(coordinates: [c], dims: dims, edgeOrder: order)) }
            if let items = a.value("spacing").items, case .tensor? = items.first {
                return try .tensors(x.gradient(coordinates: a.tensors("spacing"), dims: dims, edgeOrder: order))
            }
            guard let items = a.value("spacing").items else {
                return try .tensors(x.gradient(spacing: [a.optionalScalar("spacing") ?? 1], dims: dims, edgeOrder: order))
            }
            // A list names one step a dim, also when it has one item.
            guard items.count == (dims?.count ?? x.rank) else {
                TensorError.report(
                    "gradient",
                    "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the same length, but got \(items.count) and \(dims?.count ?? x.rank)")
                return .tensors([])
            }
            return try .tensors(x.gradient(spacing: a.doubles("spacing").map { .double($0) }, dims: dims, edgeOrder: order))
        },
    ]

    private static let trapezoid = OperatorRow("trapezoid", "y, x=None, *, dx=1, dim=-1") { a in
        let y = try a.tensor("y")
        if let x = try a.optionalTensor("x") { return try .tensor(y.trapezoid(x, dim: a.int("dim"))) }
        return try .tensor(y.trapezoid(dx: a.scalar("dx"), dim: a.int("dim")))
    }

    private static let statistics: [OperatorRow] = [
        OperatorRow("cov", "input, *, correction=1, fweights=None, aweights=None") { a in
            try .tensor(
                a.tensor("input").cov(correction: a.int("correction"), frequencies: a.optionalTensor("fweights"), weights: a.optionalTensor("aweights")))
        },
        .unary("corrcoef") { x in x.corrcoef() },
        OperatorRow("allclose", "input, other: Tensor, rtol=1e-05, atol=1e-08, equal_nan=False") { a in
            try .bool(a.tensor("input").allClose(a.tensor("other"), rtol: a.double("rtol"), atol: a.double("atol"), equalNaN: a.bool("equal_nan")))
        },
        OperatorRow("equal", "input, other: Tensor") { a in try .bool(a.tensor("input").equal(a.tensor("other"))) },
    ]
}
