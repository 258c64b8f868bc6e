// Rows: functions of elements.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let elementwise: [OperatorRow] = [
        // Arithmetic
        OperatorRow("add", "input, other, *, alpha=1") { a in
            let (x, y) = (try a.operand("input"), try a.operand("other"))
            return try .tensor(x.add(y, alpha: a.scalar("alpha")))
        },
        OperatorRow("sub", "input, other, *, alpha=1") { a in
            let (x, y) = (try a.operand("input"), try a.operand("other"))
            return try .tensor(x.sub(y, alpha: a.scalar("alpha")))
        },
        OperatorRow("rsub", "input, other, *, alpha=1") { a in
            let (x, y) = (try a.tensor("input"), try a.operand("other"))
            return try .tensor(y.sub(x, alpha: a.scalar("alpha")))
        },
        .binary("__radd__") { x, y in y + x },
        .binary("__rsub__") { x, y in y - x },
        .binary("__rmul__") { x, y in y * x },
        .binary("__rdiv__") { x, y in y / x },
        .binary("__rmod__") { x, y in y.remainder(x) },
        .binary("__rpow__") { x, y in y.pow(x) },
        .binary("mul") { x, y in x * y },
        OperatorRow("div", "input, other, *, rounding_mode=None") { a in
            let (x, y) = (try a.operand("input"), try a.operand("other"))
            if !a.has("rounding_mode") { return .tensor(x / y) }
            let mode: Tensor.RoundingMode = try a.choice("rounding_mode")
            return .tensor(x.div(y, roundingMode: mode))
        },
        OperatorRow("true_divide", "input, other") { a in try .tensor(a.operand("input") / a.operand("other")) },
        .binary("floor_divide") { x, y in x.floorDivide(y) },
        .binary("remainder", "input: operand, other") { x, y in x.remainder(y) },
        .binary("fmod") { x, y in x.fmod(y) },
        .binary("pow", "input: operand, exponent") { x, y in x.pow(y) },
        .unary("neg") { x in -x },
        .unary("positive") { x in x },
        .unary("square") { x in x.square() },
        .unary("reciprocal") { x in x.reciprocal() },
        OperatorRow("addcmul", "input, tensor1, tensor2, *, value=1") { a in
            try .tensor(a.tensor("input").addcmul(a.tensor("tensor1"), a.tensor("tensor2"), value: a.scalar("value")))
        },
        OperatorRow("addcdiv", "input, tensor1, tensor2, *, value=1") { a in
            try .tensor(a.tensor("input").addcdiv(a.tensor("tensor1"), a.tensor("tensor2"), value: a.scalar("value")))
        },

        // Exponentials and roots
        .unary("exp") { x in x.exp() },
        .unary("exp2") { x in x.exp2() },
        .unary("expm1") { x in x.expm1() },
        .unary("log") { x in x.log() },
        .unary("log2") { x in x.log2() },
        .unary("log10") { x in x.log10() },
        .unary("log1p") { x in x.log1p() },
        .unary("sqrt") { x in x.sqrt() },
        .unary("rsqrt") { x in x.rsqrt() },

        // Circular and hyperbolic
        .unary("sin") { x in x.sin() },
        .unary("cos") { x in x.cos() },
        .unary("tan") { x in x.tan() },
        .unary("asin") { x in x.asin() },
        .unary("acos") { x in x.acos() },
        .unary("atan") { x in x.atan() },
        .unary("sinh") { x in x.sinh() },
        .unary("cosh") { x in x.cosh() },
        .unary("tanh") { x in x.tanh() },
        .unary("asinh") { x in x.asinh() },
        .unary("acosh") { x in x.acosh() },
        .unary("atanh") { x in x.atanh() },
        .binary("atan2", "input, other: Tensor") { x, y in x.atan2(y) },

        // Comparison and logic
        .binary("eq") { x, y in x .== y },
        .binary("ne") { x, y in x .!= y },
        .binary("lt") { x, y in x .< y },
        .binary("le") { x, y in x .<= y },
        .binary("gt") { x, y in x .> y },
        .binary("ge") { x, y in x .>= y },
        .binary("logical_and", "input, other: Tensor") { x, y in x.logicalAnd(y) },
        .binary("logical_or", "input, other: Tensor") { x, y in x.logicalOr(y) },
        .binary("logical_xor", "input, other: Tensor") { x, y in x.logicalXor(y) },
        .unary("logical_not") { x in x.logicalNot() },
        .unary("isnan") { x in x.isNaN() },
        .unary("isinf") { x in x.isInf() },
        .unary("isfinite") { x in x.isFinite() },
        .unary("isposinf") { x in x.isPosInf() },
        .unary("isneginf") { x in x.isNegInf() },
        .unary("signbit") { x in x.signBit() },

        // Complex
        .unary("conj") { x in x.conj() },
        .unary("conj_physical") { x in x.conj() },
        .unary("real") { x in x.real },
        .unary("imag") { x in x.imag },
    ]
}
