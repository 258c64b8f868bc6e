// Rows: functions of elements.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let elementwise: [OperatorRow] = arithmetic + functions + tests

    private static let arithmetic: [OperatorRow] = [
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
        .unary("positive") { x in +x },
        .unary("square") { x in x.square() },
        .unary("reciprocal") { x in x.reciprocal() },
        OperatorRow("addcmul", "input, tensor1, tensor2, *, value=1") { a in
            try .tensor(a.tensor("input").addcmul(a.tensor("tensor1"), a.tensor("tensor2"), value: a.scalar("value")))
        },
        OperatorRow("addcdiv", "input, tensor1, tensor2, *, value=1") { a in
            try .tensor(a.tensor("input").addcdiv(a.tensor("tensor1"), a.tensor("tensor2"), value: a.scalar("value")))
        },
        OperatorRow("lerp", "input, end, weight") { a in
            if case .tensor(let w) = a.value("weight") { return try .tensor(a.tensor("input").lerp(a.tensor("end"), weight: w)) }
            return try .tensor(a.tensor("input").lerp(a.tensor("end"), weight: a.double("weight")))
        },
        .binary("float_power", "input: operand, exponent") { x, y in x.floatPower(y) },
        .binary("ldexp", "input, other: Tensor") { x, y in x.ldexp(y) },
        .binary("gcd", "input, other: Tensor") { x, y in x.gcd(y) },
        .binary("lcm", "input, other: Tensor") { x, y in x.lcm(y) },
        .binary("hypot") { x, y in x.hypot(y) },
        .binary("copysign") { x, y in x.copysign(y) },
        .binary("nextafter") { x, y in x.nextAfter(y) },
        .binary("heaviside", "input, values: Tensor") { x, y in x.heaviside(y) },
        .unary("deg2rad") { x in x.degreesToRadians() },
        .unary("rad2deg") { x in x.radiansToDegrees() },

        // Absolute values and signs
        .unary("abs") { x in x.abs() },
        .unary("sign") { x in x.sign() },
        .unary("sgn") { x in x.sgn() },
        .unary("angle") { x in x.angle() },
        OperatorRow("frexp", "input") { a in
            let r = try a.tensor("input").frexp()
            return [.tensor(r.mantissa), .tensor(r.exponent)]
        },

        // Rounding
        .unary("ceil") { x in x.ceil() },
        .unary("floor") { x in x.floor() },
        .unary("trunc") { x in x.trunc() },
        .unary("frac") { x in x.frac() },
        OperatorRow("round", "input, *, decimals=0") { a in try .tensor(a.tensor("input").round(decimals: a.int("decimals"))) },

        // Bits
        .binary("bitwise_and", "input: operand, other") { x, y in x & y },
        .binary("bitwise_or", "input: operand, other") { x, y in x | y },
        .binary("bitwise_xor", "input: operand, other") { x, y in x ^ y },
        .binary("__rand__") { x, y in y & x },
        .binary("__ror__") { x, y in y | x },
        .binary("__rxor__") { x, y in y ^ x },
        .unary("bitwise_not") { x in ~x },
        .binary("bitwise_left_shift", "input: operand, other") { x, y in x << y },
        .binary("bitwise_right_shift", "input: operand, other") { x, y in x >> y },

        // Limits
        .binary("maximum", "input, other: Tensor") { x, y in x.maximum(y) },
        .binary("minimum", "input, other: Tensor") { x, y in x.minimum(y) },
        .binary("fmax", "input, other: Tensor") { x, y in x.fmax(y) },
        .binary("fmin", "input, other: Tensor") { x, y in x.fmin(y) },
        OperatorRow("clamp", "input, min=None, max=None") { a in try .tensor(clamped(a, "min", "max")) },
        OperatorRow("clamp_min", "input: Tensor, min") { a in try .tensor(clamped(a, "min", nil)) },
        OperatorRow("clamp_max", "input: Tensor, max") { a in try .tensor(clamped(a, nil, "max")) },
        OperatorRow("nan_to_num", "input, nan=None, posinf=None, neginf=None") { a in
            try .tensor(a.tensor("input").nanToNum(nan: a.optionalDouble("nan") ?? 0, posInf: a.optionalDouble("posinf"), negInf: a.optionalDouble("neginf")))
        },
    ]

    /// Limits that are numbers or tensors.
    private static func clamped(_ a: OperatorArguments, _ low: String?, _ high: String?) throws -> Tensor {
        let x = try a.tensor("input")
        func isTensor(_ name: String?) -> Bool { if let name, case .tensor = a.value(name) { true } else { false } }
        if isTensor(low) || isTensor(high) {
            return try x.clamp(min: low.flatMap { a.has($0) ? try a.operand($0) : nil }, max: high.flatMap { a.has($0) ? try a.operand($0) : nil })
        }
        switch try (low.flatMap { try a.optionalScalar($0) }, high.flatMap { try a.optionalScalar($0) }) {
        case (let low?, let high?): return x.clamp(min: low, max: high)
        case (let low?, nil): return x.clamp(min: low)
        case (nil, let high?): return x.clamp(max: high)
        case (nil, nil): return x.clamp(min: nil, max: nil)  // says what is missing
        }
    }

    private static let functions: [OperatorRow] = [
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
        .unary("sinc") { x in x.sinc() },

        // Error and gamma functions, logarithmic forms
        .unary("sigmoid") { x in x.sigmoid() },
        .unary("erf") { x in x.erf() },
        .unary("erfc") { x in x.erfc() },
        .unary("erfinv") { x in x.erfinv() },
        .unary("lgamma") { x in x.lgamma() },
        .unary("digamma") { x in x.digamma() },
        OperatorRow("polygamma", "n, input") { a in try .tensor(a.tensor("input").polygamma(a.int("n"))) },
        OperatorRow("mvlgamma", "input, p") { a in try .tensor(a.tensor("input").mvlgamma(a.int("p"))) },
        .binary("igamma") { x, y in x.igamma(y) },
        .binary("igammac") { x, y in x.igammac(y) },
        .unary("i0") { x in x.i0() },
        OperatorRow("logit", "input, eps=None") { a in try .tensor(a.tensor("input").logit(eps: a.optionalDouble("eps"))) },
        .binary("logaddexp") { x, y in x.logAddExp(y) },
        .binary("logaddexp2") { x, y in x.logAddExp2(y) },
        .binary("xlogy", "input: operand, other") { x, y in x.xlogy(y) },
    ]

    private static let tests: [OperatorRow] = [
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
        .unary("isreal") { x in x.isReal() },
        OperatorRow("isclose", "input, other: Tensor, rtol=1e-05, atol=1e-08, equal_nan=False") { a in
            try .tensor(a.tensor("input").isClose(a.tensor("other"), rtol: a.double("rtol"), atol: a.double("atol"), equalNaN: a.bool("equal_nan")))
        },

        // Complex
        .unary("conj") { x in x.conj() },
        .unary("conj_physical") { x in x.conj() },
        .unary("real") { x in x.real },
        .unary("imag") { x in x.imag },
    ]
}
