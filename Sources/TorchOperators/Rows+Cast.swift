// Rows: element types.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let cast: [OperatorRow] = [
        OperatorRow("to", "input, device=None, dtype=None, non_blocking=False, copy=False") { a in
            let x = try a.tensor("input")
            var type = try a.dtype()
            // to(dtype) and to(other) have the type where to(device, dtype) has the device.
            if case .dtype(let t) = a.value("device") { type = t }
            if case .tensor(let other) = a.value("device") { type = other.dtype }
            return .tensor(type.map(x.to) ?? x)
        },
        OperatorRow("item", "input") { a in try .scalar(a.tensor("input").scalar) },
        .unary("bool") { x in x.to(.bool) },
        .unary("byte") { x in x.to(.uint8) },
        .unary("char") { x in x.to(.int8) },
        .unary("short") { x in x.to(.int16) },
        .unary("int") { x in x.to(.int32) },
        .unary("long") { x in x.to(.int64) },
        .unary("half") { x in x.to(.float16) },
        .unary("bfloat16") { x in x.to(.bfloat16) },
        .unary("float") { x in x.to(.float32) },
        .unary("double") { x in x.to(.float64) },
        .unary("cfloat") { x in x.to(.complex64) },
        .unary("cdouble") { x in x.to(.complex128) },
    ]
}
