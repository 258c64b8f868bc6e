// Rows: sorting, searching, counting.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let sorting: [OperatorRow] = [
        OperatorRow("sort", "input, dim=-1, descending=False, stable=False") { a in
            try both(a.tensor("input").sort(dim: a.int("dim"), descending: a.bool("descending")))
        },
        OperatorRow("argsort", "input, dim=-1, descending=False, stable=False") { a in
            try .tensor(a.tensor("input").argsort(dim: a.int("dim"), descending: a.bool("descending")))
        },
        .unary("msort") { x in x.msort() },
        OperatorRow("topk", "input, k, dim=-1, largest=True, sorted=True") { a in
            try both(a.tensor("input").topk(a.int("k"), dim: a.int("dim"), largest: a.bool("largest")))
        },
        OperatorRow("kthvalue", "input, k, dim=-1, keepdim=False") { a in
            try both(a.tensor("input").kthvalue(a.int("k"), dim: a.int("dim"), keepDim: a.bool("keepdim")))
        },
        OperatorRow("mode", "input, dim=-1, keepdim=False") { a in try both(a.tensor("input").mode(dim: a.int("dim"), keepDim: a.bool("keepdim"))) },
        OperatorRow("searchsorted", "sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None") { a in
            let right = try a.bool("right") || a.optionalString("side") == "right"
            return try .tensor(
                a.tensor("sorted_sequence").searchSorted(a.operand("input"), right: right, sorter: a.optionalTensor("sorter"), outInt32: a.bool("out_int32")))
        },
        OperatorRow("bucketize", "input, boundaries, *, out_int32=False, right=False") { a in
            try .tensor(a.operand("input").bucketize(a.tensor("boundaries"), right: a.bool("right"), outInt32: a.bool("out_int32")))
        },
        OperatorRow("isin", "elements, test_elements, *, assume_unique=False, invert=False") { a in
            try .tensor(a.operand("elements").isin(a.operand("test_elements"), invert: a.bool("invert")))
        },
        OperatorRow("unique", "input, sorted=True, return_inverse=False, return_counts=False, dim=None") { a in
            try wanted(a, a.tensor("input").unique(dim: a.optionalInt("dim")))
        },
        OperatorRow("unique_consecutive", "input, return_inverse=False, return_counts=False, dim=None") { a in
            try wanted(a, a.tensor("input").uniqueConsecutive(dim: a.optionalInt("dim")))
        },
        OperatorRow("bincount", "input, weights=None, minlength=0") { a in
            try .tensor(a.tensor("input").bincount(weights: a.optionalTensor("weights"), minLength: a.int("minlength")))
        },
        OperatorRow("histc", "input, bins=100, min=0, max=0") { a in
            try .tensor(a.tensor("input").histc(bins: a.int("bins"), min: a.double("min"), max: a.double("max")))
        },
        OperatorRow("histogram", "input, bins: Tensor, *, weight=None, density=False") { a in
            let h = try a.tensor("input").histogram(edges: a.tensor("bins"), weight: a.optionalTensor("weight"), density: a.bool("density"))
            return [.tensor(h.counts), .tensor(h.edges)]
        },
        OperatorRow("histogram", "input, bins: int, *, range=None, weight=None, density=False") { a in
            let range = try a.optionalDoubles("range").map { ($0.first ?? 0, $0.last ?? 0) }
            let h = try a.tensor("input").histogram(bins: a.int("bins"), range: range, weight: a.optionalTensor("weight"), density: a.bool("density"))
            return [.tensor(h.counts), .tensor(h.edges)]
        },
        OperatorRow("histogramdd", "input, bins, range=None, weight=None, density=False") { a in
            let x = try a.tensor("input")
            if let items = a.value("bins").items, case .tensor? = items.first {
                let h = try x.histogramdd(edges: a.tensors("bins"), weight: a.optionalTensor("weight"), density: a.bool("density"))
                return [.tensor(h.counts), .tensors(h.edges)]
            }
            let bins = a.value("bins").items == nil ? [Int](repeating: try a.int("bins"), count: x.shape.last ?? 0) : try a.ints("bins")
            let h = try x.histogramdd(bins: bins, range: a.optionalDoubles("range"), weight: a.optionalTensor("weight"), density: a.bool("density"))
            return [.tensor(h.counts), .tensors(h.edges)]
        },
    ]

    /// The values alone, or with what else was asked for.
    private static func wanted(_ a: OperatorArguments, _ d: Tensor.Distinct) throws -> OperatorValue {
        var result: [OperatorValue] = [.tensor(d.values)]
        if try a.bool("return_inverse") { result.append(.tensor(d.inverse)) }
        if try a.bool("return_counts") { result.append(.tensor(d.counts)) }
        return result.count == 1 ? result[0] : .list(result)
    }
}
