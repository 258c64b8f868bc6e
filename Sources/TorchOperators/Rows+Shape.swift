// Rows: views and rearrangements.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let shape: [OperatorRow] = [
        OperatorRow("reshape", "input, *shape") { a in try .tensor(a.tensor("input").reshape(a.ints("shape"))) },
        OperatorRow("view", "input, *size") { a in try .tensor(a.tensor("input").view(a.ints("size"))) },
        OperatorRow("view_copy", "input, *size") { a in try .tensor(a.tensor("input").view(a.ints("size"))) },
        OperatorRow("reshape_as", "input, other") { a in try .tensor(a.tensor("input").reshape(a.tensor("other").shape)) },
        OperatorRow("view_as", "input, other") { a in try .tensor(a.tensor("input").view(a.tensor("other").shape)) },
        OperatorRow("flatten", "input, start_dim=0, end_dim=-1") { a in
            try .tensor(a.tensor("input").flatten(startDim: a.int("start_dim"), endDim: a.int("end_dim")))
        },
        OperatorRow("unflatten", "input, dim, sizes") { a in try .tensor(a.tensor("input").unflatten(a.int("dim"), a.ints("sizes"))) },
        .unary("ravel") { x in x.flatten() },
        OperatorRow("permute", "input, *dims") { a in try .tensor(a.tensor("input").permute(a.ints("dims"))) },
        OperatorRow("permute_copy", "input, *dims") { a in try .tensor(a.tensor("input").permute(a.ints("dims"))) },
        OperatorRow("transpose", "input, dim0, dim1") { a in try .tensor(a.tensor("input").transpose(a.int("dim0"), a.int("dim1"))) },
        OperatorRow("transpose_copy", "input, dim0, dim1") { a in try .tensor(a.tensor("input").transpose(a.int("dim0"), a.int("dim1"))) },
        .unary("t") { x in x.t() },
        .unary("t_copy") { x in x.t() },
        .unary("T") { x in x.T },
        .unary("mT") { x in x.mT },
        .unary("mH") { x in x.mH },
        OperatorRow("movedim", "input, source, destination") { a in try .tensor(a.tensor("input").moveDim(a.ints("source"), a.ints("destination"))) },
        OperatorRow("squeeze", "input, dim=None") { a in try .tensor(a.tensor("input").squeeze(a.optionalInts("dim"))) },
        OperatorRow("squeeze_copy", "input, dim=None") { a in try .tensor(a.tensor("input").squeeze(a.optionalInts("dim"))) },
        OperatorRow("unsqueeze", "input, dim") { a in try .tensor(a.tensor("input").unsqueeze(a.int("dim"))) },
        OperatorRow("unsqueeze_copy", "input, dim") { a in try .tensor(a.tensor("input").unsqueeze(a.int("dim"))) },
        OperatorRow("expand", "input, *size") { a in try .tensor(a.tensor("input").expand(a.ints("size"))) },
        OperatorRow("expand_copy", "input, *size") { a in try .tensor(a.tensor("input").expand(a.ints("size"))) },
        OperatorRow("broadcast_to", "input, *size") { a in try .tensor(a.tensor("input").expand(a.ints("size"))) },
        OperatorRow("expand_as", "input, other") { a in try .tensor(a.tensor("input").expand(as: a.tensor("other"))) },
        OperatorRow("diagonal", "input, offset=0, dim1=0, dim2=1") { a in
            try .tensor(a.tensor("input").diagonal(offset: a.int("offset"), dim1: a.int("dim1"), dim2: a.int("dim2")))
        },
        OperatorRow("diagonal_copy", "input, offset=0, dim1=0, dim2=1") { a in
            try .tensor(a.tensor("input").diagonal(offset: a.int("offset"), dim1: a.int("dim1"), dim2: a.int("dim2")))
        },
        OperatorRow("unfold", "input, dimension, size, step") { a in
            try .tensor(a.tensor("input").unfold(a.int("dimension"), size: a.int("size"), step: a.int("step")))
        },
        OperatorRow("unfold_copy", "input, dimension, size, step") { a in
            try .tensor(a.tensor("input").unfold(a.int("dimension"), size: a.int("size"), step: a.int("step")))
        },
        .unary("clone") { x in x.clone() },
        .unary("alias_copy") { x in x.clone() },
        .unary("contiguous") { x in x.contiguous() },
        .unary("resolve_conj") { x in x },
        .unary("resolve_neg") { x in x },
        .unary("view_as_real") { x in x.viewAsReal() },
        .unary("view_as_complex") { x in x.viewAsComplex() },
    ]
}
