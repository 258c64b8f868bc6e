// Rows: reductions and scans.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let reduction: [OperatorRow] = [
        OperatorRow("sum", "input, dim=None, keepdim=False, *, dtype=None") { a in
            try .tensor(a.tensor("input").sum(a.optionalInts("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype()))
        },
        OperatorRow("mean", "input, dim=None, keepdim=False, *, dtype=None") { a in
            try .tensor(a.tensor("input").mean(a.optionalInts("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype()))
        },
        OperatorRow("any", "input, dim=None, keepdim=False") { a in
            try .tensor(a.tensor("input").any(a.optionalInts("dim"), keepDim: a.bool("keepdim")))
        },
        OperatorRow("all", "input, dim=None, keepdim=False") { a in
            try .tensor(a.tensor("input").all(a.optionalInts("dim"), keepDim: a.bool("keepdim")))
        },
        OperatorRow("sum_to_size", "input, *size") { a in try .tensor(a.tensor("input").sumToSize(a.ints("size"))) },
    ]
}
