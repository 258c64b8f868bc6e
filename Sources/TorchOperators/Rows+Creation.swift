// Rows: new tensors.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let creation: [OperatorRow] = [
        OperatorRow("empty", "*size, dtype=None") { a in try .tensor(Tensor.empty(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("zeros", "*size, dtype=None") { a in try .tensor(Tensor.zeros(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("ones", "*size, dtype=None") { a in try .tensor(Tensor.ones(a.ints("size"), dtype: a.dtype())) },
        OperatorRow("full", "size, fill_value, *, dtype=None") { a in
            try .tensor(Tensor.full(a.ints("size"), a.scalar("fill_value"), dtype: a.dtype()))
        },
        OperatorRow("empty_like", "input, *, dtype=None") { a in try .tensor(a.tensor("input").emptyLike(dtype: a.dtype())) },
        OperatorRow("zeros_like", "input, *, dtype=None") { a in try .tensor(a.tensor("input").zerosLike(dtype: a.dtype())) },
        OperatorRow("ones_like", "input, *, dtype=None") { a in try .tensor(a.tensor("input").onesLike(dtype: a.dtype())) },
        OperatorRow("full_like", "input, fill_value, *, dtype=None") { a in
            try .tensor(a.tensor("input").fullLike(a.scalar("fill_value"), dtype: a.dtype()))
        },
        OperatorRow("eye", "n, m=None, *, dtype=None") { a in try .tensor(Tensor.eye(a.int("n"), a.optionalInt("m"), dtype: a.dtype())) },
        OperatorRow("arange", "end, *, dtype=None") { a in try .tensor(Tensor.arange(a.scalar("end"), dtype: a.dtype())) },
        OperatorRow("arange", "start, end, step=1, *, dtype=None") { a in
            try .tensor(Tensor.arange(a.scalar("start"), a.scalar("end"), step: a.scalar("step"), dtype: a.dtype()))
        },
        OperatorRow("linspace", "start, end, steps, *, dtype=None") { a in
            try .tensor(Tensor.linspace(a.double("start"), a.double("end"), steps: a.int("steps"), dtype: a.dtype()))
        },
        OperatorRow("logspace", "start, end, steps, base=10.0, *, dtype=None") { a in
            try .tensor(Tensor.logspace(a.double("start"), a.double("end"), steps: a.int("steps"), base: a.double("base"), dtype: a.dtype()))
        },
        OperatorRow("complex", "real, imag") { a in try .tensor(Tensor.complex(a.tensor("real"), a.tensor("imag"))) },
        OperatorRow("polar", "abs, angle") { a in try .tensor(Tensor.polar(a.tensor("abs"), a.tensor("angle"))) },
        OperatorRow("scalar_tensor", "s, *, dtype=None") { a in try .tensor(Tensor(a.scalar("s"), dtype: a.dtype() ?? DefaultDType.floating)) },
    ]
}
