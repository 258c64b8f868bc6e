// Rows: picking and placing elements.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let indexing: [OperatorRow] = [
        OperatorRow("gather", "input, dim, index, *, sparse_grad=False") { a in try .tensor(a.tensor("input").gather(a.int("dim"), a.tensor("index"))) },
        OperatorRow("scatter_add", "input, dim, index, src") { a in
            try .tensor(a.tensor("input").scatterAdd(a.int("dim"), a.tensor("index"), a.tensor("src")))
        },
        OperatorRow("index_select", "input, dim, index") { a in try .tensor(a.tensor("input").indexSelect(a.int("dim"), a.tensor("index"))) },
        OperatorRow("index_add", "input, dim, index, source, *, alpha=1") { a in
            try .tensor(a.tensor("input").indexAdd(a.int("dim"), a.tensor("index"), a.tensor("source"), alpha: a.double("alpha")))
        },
        OperatorRow("narrow", "input, dim, start, length") { a in try .tensor(a.tensor("input").narrow(a.int("dim"), a.int("start"), a.int("length"))) },
        OperatorRow("narrow_copy", "input, dim, start, length") { a in
            try .tensor(a.tensor("input").narrow(a.int("dim"), a.int("start"), a.int("length")))
        },
        OperatorRow("select", "input, dim, index") { a in try .tensor(a.tensor("input").select(a.int("dim"), a.int("index"))) },
        OperatorRow("slice", "input, dim=0, start=None, end=None, step=1") { a in
            try .tensor(a.tensor("input").slice(a.int("dim"), a.optionalInt("start"), a.optionalInt("end"), step: a.int("step")))
        },
    ]
}
