// Rows: new tensors.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let creation: [OperatorRow] = filled + likeAnother + counted + composed

    private static let filled: [OperatorRow] = [
        OperatorRow("empty", "*size, dtype=None") { a in try .tensor(Tensor.empty(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("zeros", "*size, dtype=None") { a in try .tensor(Tensor.zeros(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("ones", "*size, dtype=None") { a in try .tensor(Tensor.ones(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("full", "size, fill_value, *, dtype=None") { a in
            try .tensor(Tensor.full(a.ints("size"), a.scalar("fill_value"), dtype: a.dtype()))
        },
        OperatorRow("empty_permuted", "size, physical_layout, *, dtype=None") { a in
            try .tensor(Tensor.emptyPermuted(a.ints("size"), order: a.ints("physical_layout"), dtype: a.dtype()))
        },
        OperatorRow("empty_strided", "size, stride, *, dtype=None") { a in
            try .tensor(Tensor.emptyStrided(a.ints("size"), a.ints("stride"), dtype: a.dtype()))
        },
        OperatorRow("eye", "n, m=None, *, dtype=None") { a in try .tensor(Tensor.eye(a.int("n"), a.optionalInt("m"), dtype: a.dtype())) },
        OperatorRow("scalar_tensor", "s, *, dtype=None") { a in try .tensor(Tensor(a.scalar("s"), dtype: a.dtype() ?? DefaultDType.floating)) },
    ]

    private static let likeAnother: [OperatorRow] = [
        OperatorRow("empty_like", "input, *, dtype=None") { a in try .tensor(a.tensor("input").emptyLike(dtype: a.dtype())) },
        OperatorRow("zeros_like", "input, *, dtype=None") { a in try .tensor(a.tensor("input").zerosLike(dtype: a.dtype())) },
        OperatorRow("ones_like", "input, *, dtype=None") { a in try .tensor(a.tensor("input").onesLike(dtype: a.dtype())) },
        OperatorRow("full_like", "input, fill_value, *, dtype=None") { a in
            try .tensor(a.tensor("input").fullLike(a.scalar("fill_value"), dtype: a.dtype()))
        },
        OperatorRow("new_empty", "input, *size, dtype=None") { a in try .tensor(a.tensor("input").newEmpty(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("new_zeros", "input, *size, dtype=None") { a in try .tensor(a.tensor("input").newZeros(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("new_ones", "input, *size, dtype=None") { a in try .tensor(a.tensor("input").newOnes(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("new_full", "input, size, fill_value, *, dtype=None") { a in
            try .tensor(a.tensor("input").newFull(a.ints("size"), a.scalar("fill_value"), dtype: a.dtype()))
        },
        OperatorRow("new_empty_strided", "input, size, stride, *, dtype=None") { a in
            try .tensor(a.tensor("input").newEmptyStrided(a.ints("size"), a.ints("stride"), dtype: a.dtype()))
        },
    ]

    private static let counted: [OperatorRow] = [
        OperatorRow("arange", "end, *, dtype=None") { a in try .tensor(Tensor.arange(a.scalar("end"), dtype: a.dtype())) },
        OperatorRow("arange", "start, end, step=1, *, dtype=None") { a in
            try .tensor(Tensor.arange(a.scalar("start"), a.scalar("end"), step: a.scalar("step"), dtype: a.dtype()))
        },
        OperatorRow("linspace", "start, end, steps: int, *, dtype=None") { a in
            try .tensor(Tensor.linspace(a.operand("start"), a.operand("end"), steps: a.int("steps"), dtype: a.dtype()))
        },
        OperatorRow("logspace", "start, end, steps: int, base=10.0, *, dtype=None") { a in
            try .tensor(Tensor.logspace(a.operand("start"), a.operand("end"), steps: a.int("steps"), base: a.double("base"), dtype: a.dtype()))
        },
        OperatorRow("tril_indices", "row, col, offset=0, *, dtype=None") { a in
            try .tensor(Tensor.trilIndices(a.int("row"), a.int("col"), offset: a.int("offset"), dtype: a.dtype() ?? .int64))
        },
        OperatorRow("triu_indices", "row, col, offset=0, *, dtype=None") { a in
            try .tensor(Tensor.triuIndices(a.int("row"), a.int("col"), offset: a.int("offset"), dtype: a.dtype() ?? .int64))
        },
    ]

    private static let composed: [OperatorRow] = [
        OperatorRow("complex", "real, imag") { a in try .tensor(Tensor.complex(a.tensor("real"), a.tensor("imag"))) },
        OperatorRow("polar", "abs, angle") { a in try .tensor(Tensor.polar(a.tensor("abs"), a.tensor("angle"))) },
        OperatorRow("block_diag", "*tensors") { a in try .tensor(blockDiag(a.tensors("tensors"))) },
    ]
}
