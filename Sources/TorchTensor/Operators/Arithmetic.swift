// Arithmetic: + - * / and their kin.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Sums and products

    /// Elementwise sum, broadcast. PyTorch: `torch.add`.
    @inline(never)
    public static func + (a: Tensor, b: Tensor) -> Tensor {
        binary(.add, a, b, "add", saving: false, { g, _, _ in g }, { g, _, _ in g })
    }

    /// Elementwise difference, broadcast. PyTorch: `torch.sub`.
    @inline(never)
    public static func - (a: Tensor, b: Tensor) -> Tensor {
        if a.dtype == .bool && b.dtype == .bool {
            TensorError.report("sub", "Subtraction, the `-` operator, with two bool tensors is not supported", hint: "use logicalXor or logicalNot")
        }
        return binary(.sub, a, b, "sub", saving: false, { g, _, _ in g }, { g, _, _ in -g })
    }

    /// Elementwise product, broadcast. PyTorch: `torch.mul`.
    @inline(never)
    public static func * (a: Tensor, b: Tensor) -> Tensor {
        binary(.mul, a, b, "mul", { g, _, b in g * b.conjugateIfComplex }, { g, a, _ in g * a.conjugateIfComplex })
    }

    /// Elementwise quotient, broadcast; integers give the default floating type. PyTorch: `torch.div`.
    @inline(never)
    public static func / (a: Tensor, b: Tensor) -> Tensor {
        binary(
            .div, a, b, "div", computation: .floating, { g, _, b in g / b.conjugateIfComplex },
            { g, a, b in -(g * ((a / b) / b).conjugateIfComplex) })
    }

    /// Negative. PyTorch: `torch.neg`.
    public static prefix func - (x: Tensor) -> Tensor {
        if x.dtype == .bool {
            TensorError.report("neg", "Negation, the `-` operator, on a bool tensor is not supported", hint: "use logicalNot()")
            return .placeholder
        }
        let out = map(.neg, x, "neg")
        if x.isRecorded { out.impl.node = UnaryInputNode("neg", out, x) { g, _ in -g } }
        return out
    }

    /// self + alpha * other. PyTorch: `torch.add(alpha=)`.
    public func add(_ other: Tensor, alpha: some ScalarConvertible = 1) -> Tensor {
        let alpha = alpha.scalar
        if alpha == .int(1) { return self + other }
        return self + other * Tensor.number(alpha)
    }

    /// self - alpha * other. PyTorch: `torch.sub(alpha=)`.
    public func sub(_ other: Tensor, alpha: some ScalarConvertible = 1) -> Tensor {
        let alpha = alpha.scalar
        if alpha == .int(1) { return self - other }
        return self - other * Tensor.number(alpha)
    }

    /// How a quotient is rounded.
    public enum RoundingMode: String, Sendable { case trunc, floor }

    /// Quotient, rounded towards zero or down if asked. PyTorch: `torch.div(rounding_mode=)`.
    public func div(_ other: Tensor, roundingMode: RoundingMode? = nil) -> Tensor {
        guard let roundingMode else { return self / other }
        guard Tensor.refuseZeroDivisor(self, other, "div") else { return .placeholder }
        let out = Tensor.combine(roundingMode == .trunc ? .truncDivide : .floorDivide, self, other, "div")
        return out.recorded("div", (self, { $0.zerosLike() }), (other, { $0.zerosLike() }))
    }

    /// Quotient rounded down. PyTorch: `torch.floor_divide`.
    public func floorDivide(_ other: Tensor) -> Tensor { div(other, roundingMode: .floor) }

    /// Remainder with the sign of the divisor, as Python's `%`. PyTorch: `torch.remainder`.
    public func remainder(_ other: Tensor) -> Tensor {
        guard Tensor.refuseZeroDivisor(self, other, "remainder") else { return .placeholder }
        return Tensor.binary(.remainder, self, other, "remainder", { g, _, _ in g }, { g, a, b in -(g * a.div(b, roundingMode: .floor)) })
    }

    /// Remainder with the sign of the dividend, as C's `fmod`. PyTorch: `torch.fmod`.
    public func fmod(_ other: Tensor) -> Tensor {
        guard Tensor.refuseZeroDivisor(self, other, "fmod") else { return .placeholder }
        return Tensor.binary(.fmod, self, other, "fmod", { g, _, _ in g }, { g, a, b in -(g * a.div(b, roundingMode: .trunc)) })
    }

    /// Integer division by zero has no value; floats have infinities.
    private static func refuseZeroDivisor(_ a: Tensor, _ b: Tensor, _ name: StaticString) -> Bool {
        let check = ElementCheck.divisor(name)
        guard !resultType(a, b).isDifferentiable, b.backend.hasZero(b.operand, check) else { return true }
        check.report("0", position: 0, size: 0)
        return false
    }

    /// Remainder with the sign of the divisor. PyTorch: `%`.
    public static func % (a: Tensor, b: Tensor) -> Tensor { a.remainder(b) }

    /// self + value * a * b. PyTorch: `torch.addcmul`.
    public func addcmul(_ a: Tensor, _ b: Tensor, value: some ScalarConvertible = 1) -> Tensor {
        let value = value.scalar
        if dtype == a.dtype && dtype == b.dtype && dtype.isFloatingPoint {
            let v = value.doubleValue
            return Tensor.combine(.addcmul, self, a, b, "addcmul", KernelParameters(v)).recorded(
                "addcmul", (self, { $0 }), (a, { $0 * b * v }), (b, { $0 * a * v }))
        }
        return self + (a * b) * Tensor.number(value)
    }

    /// self + value * a / b. PyTorch: `torch.addcdiv`.
    public func addcdiv(_ a: Tensor, _ b: Tensor, value: some ScalarConvertible = 1) -> Tensor {
        let value = value.scalar
        guard Tensor.resultType(a, b).isDifferentiable else {
            TensorError.report("addcdiv", "Integer division with addcdiv is no longer supported", hint: "convert to a floating type first")
            return .placeholder
        }
        if dtype == a.dtype && dtype == b.dtype && dtype.isFloatingPoint {
            let v = value.doubleValue
            return Tensor.combine(.addcdiv, self, a, b, "addcdiv", KernelParameters(v)).recorded(
                "addcdiv", (self, { $0 }), (a, { $0 * v / b }), (b, { -($0 * (a * v / (b * b))) }))
        }
        return self + (a / b) * Tensor.number(value)
    }

    /// Linear interpolation self + weight * (end - self). PyTorch: `torch.lerp`.
    public func lerp(_ end: Tensor, weight: Tensor) -> Tensor {
        Tensor.combine(.lerp, self, end, weight, "lerp").recorded(
            "lerp", (self, { $0 * (1 - weight).conjugateIfComplex }), (end, { $0 * weight.conjugateIfComplex }),
            (weight, { $0 * (end - self).conjugateIfComplex }))
    }

    /// Linear interpolation with one weight. PyTorch: `torch.lerp`.
    public func lerp(_ end: Tensor, weight: Double) -> Tensor { lerp(end, weight: Tensor.number(weight, self).converted(to: dtype)) }

    /// Square. PyTorch: `torch.square`.
    public func square() -> Tensor { dtype == .bool ? to(.int64) : unary(.square, "square") { g, x in g * (x * 2).conjugateIfComplex } }

    /// 1 / x. PyTorch: `torch.reciprocal`.
    public func reciprocal() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).reciprocal() } }
        return unaryOfOutput(.reciprocal, "reciprocal", { g, y in -(g * (y * y).conjugateIfComplex) })
    }

    /// Power, broadcast. PyTorch: `torch.pow`.
    public func pow(_ exponent: Tensor) -> Tensor {
        if let cast = Autocast.raise(self, exponent, on: .cuda) { return cast.run { cast(self).pow(cast(exponent)) } }
        if exponent.impl.isNumber || (exponent.rank == 0 && !exponent.requiresGrad && exponent.count == 1 && dtype.isDifferentiable && !exponent.dtype.isComplex) {
            if dtype.isFloatingPoint && !exponent.dtype.isComplex { return pow(exponent.item(Double.self)).converted(to: Tensor.resultType(self, exponent)) }
        }
        let promoted = Tensor.resultType(self, exponent)
        if promoted.isInteger && !exponent.dtype.isUnsigned && exponent.dtype != .bool && exponent.impl.isNumber && exponent.item(Int.self) < 0 {
            TensorError.report("pow", "Integers to negative integer powers are not allowed", hint: "convert the base to a floating type")
            return .placeholder
        }
        let out = Tensor.combine(.pow, self, exponent, "pow")
        return out.recordedWithOutput(
            "pow",
            (
                self,
                { g, _ in
                    // x^0 has derivative 0 even at x = 0.
                    let d = exponent * self.pow(exponent - 1)
                    return g * (exponent .== 0).select(d.zerosLike(), d).conjugateIfComplex
                }
            ),
            (
                exponent,
                { g, y in
                    let towardsZero = exponent.dtype.isComplex ? (exponent.real .>= 0).logicalAnd(exponent.imag .== 0) : exponent .>= 0
                    let zeroBase = (self .== 0).logicalAnd(towardsZero)
                    let d = y * self.log()
                    return g * zeroBase.select(d.zerosLike(), d).conjugateIfComplex
                }
            ))
    }

    /// Power with a number as exponent. PyTorch: `torch.pow`.
    public func pow(_ exponent: Double) -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).pow(exponent) } }
        if !dtype.isDifferentiable { return pow(Tensor.number(.double(exponent))) }
        let out = Tensor.map(.powScalar, self, "pow", KernelParameters(exponent))
        return out.recorded("pow", self) { g in
            exponent == 0 ? g.zerosLike() : exponent == 1 ? g : g * (self.pow(exponent - 1) * exponent).conjugateIfComplex
        }
    }

    /// Power with a whole number as exponent. PyTorch: `torch.pow`.
    public func pow(_ exponent: Int) -> Tensor { dtype.isDifferentiable ? pow(Double(exponent)) : pow(Tensor.number(.int(exponent))) }
}

precedencegroup ExponentiationPrecedence {
    associativity: right
    higherThan: MultiplicationPrecedence
}
infix operator ** : ExponentiationPrecedence
infix operator **= : AssignmentPrecedence

// Numbers: concrete overloads, because literal conformance of Tensor makes type checking explode.
extension Tensor {
    /// Sum with a number.
    public static func + (a: Tensor, b: Double) -> Tensor { a + number(b, a) }
    /// Sum with a number.
    public static func + (a: Tensor, b: Float) -> Tensor { a + number(Double(b), a) }
    /// Sum with a number.
    public static func + (a: Tensor, b: Int) -> Tensor { a + number(b, a) }
    /// Sum with a number.
    public static func + (a: Double, b: Tensor) -> Tensor { number(a, b) + b }
    /// Sum with a number.
    public static func + (a: Float, b: Tensor) -> Tensor { number(Double(a), b) + b }
    /// Sum with a number.
    public static func + (a: Int, b: Tensor) -> Tensor { number(a, b) + b }

    /// Difference with a number.
    public static func - (a: Tensor, b: Double) -> Tensor { a - number(b, a) }
    /// Difference with a number.
    public static func - (a: Tensor, b: Float) -> Tensor { a - number(Double(b), a) }
    /// Difference with a number.
    public static func - (a: Tensor, b: Int) -> Tensor { a - number(b, a) }
    /// Difference with a number.
    public static func - (a: Double, b: Tensor) -> Tensor { number(a, b) - b }
    /// Difference with a number.
    public static func - (a: Float, b: Tensor) -> Tensor { number(Double(a), b) - b }
    /// Difference with a number.
    public static func - (a: Int, b: Tensor) -> Tensor { number(a, b) - b }

    /// Product with a number.
    public static func * (a: Tensor, b: Double) -> Tensor { a * number(b, a) }
    /// Product with a number.
    public static func * (a: Tensor, b: Float) -> Tensor { a * number(Double(b), a) }
    /// Product with a number.
    public static func * (a: Tensor, b: Int) -> Tensor { a * number(b, a) }
    /// Product with a number.
    public static func * (a: Double, b: Tensor) -> Tensor { number(a, b) * b }
    /// Product with a number.
    public static func * (a: Float, b: Tensor) -> Tensor { number(Double(a), b) * b }
    /// Product with a number.
    public static func * (a: Int, b: Tensor) -> Tensor { number(a, b) * b }

    /// Quotient with a number.
    public static func / (a: Tensor, b: Double) -> Tensor { a / number(b, a) }
    /// Quotient with a number.
    public static func / (a: Tensor, b: Float) -> Tensor { a / number(Double(b), a) }
    /// Quotient with a number.
    public static func / (a: Tensor, b: Int) -> Tensor { a / number(b, a) }
    /// A number over a tensor: in PyTorch the reciprocal, which autocast raises.
    private static func ratio(_ number: Tensor, _ b: Tensor) -> Tensor {
        if let cast = Autocast.raise(b, on: .cuda) { return cast.run { number / cast(b) } }
        return number / b
    }
    /// Quotient with a number.
    public static func / (a: Double, b: Tensor) -> Tensor { ratio(number(a, b), b) }
    /// Quotient with a number.
    public static func / (a: Float, b: Tensor) -> Tensor { ratio(number(Double(a), b), b) }
    /// Quotient with a number.
    public static func / (a: Int, b: Tensor) -> Tensor { ratio(number(a, b), b) }

    /// Remainder with a number.
    public static func % (a: Tensor, b: Double) -> Tensor { a.remainder(number(b, a)) }
    /// Remainder with a number.
    public static func % (a: Tensor, b: Int) -> Tensor { a.remainder(number(b, a)) }

    /// Power. PyTorch: `**`.
    public static func ** (a: Tensor, b: Tensor) -> Tensor { a.pow(b) }
    /// Power with a number.
    public static func ** (a: Tensor, b: Double) -> Tensor { a.pow(b) }
    /// Power with a number.
    public static func ** (a: Tensor, b: Int) -> Tensor { a.pow(b) }
    /// Power of a number.
    public static func ** (a: Double, b: Tensor) -> Tensor { number(a, b).pow(b) }
    /// Power of a number.
    public static func ** (a: Int, b: Tensor) -> Tensor { number(a, b).pow(b) }
}

// In place where nobody can notice; see Note [Who may write].
extension Tensor {
    /// Adds in place. PyTorch: `add_`.
    public static func += (a: inout Tensor, b: Tensor) { a.update(.add, b, "add") { $0 + $1 } }
    /// Subtracts in place. PyTorch: `sub_`.
    public static func -= (a: inout Tensor, b: Tensor) { a.update(.sub, b, "sub") { $0 - $1 } }
    /// Multiplies in place. PyTorch: `mul_`.
    public static func *= (a: inout Tensor, b: Tensor) { a.update(.mul, b, "mul") { $0 * $1 } }
    /// Divides in place. PyTorch: `div_`.
    public static func /= (a: inout Tensor, b: Tensor) {
        guard a.dtype.isDifferentiable else {
            TensorError.report("div", "result type \(DefaultDType.floating) can't be cast to the desired output type \(a.dtype)", hint: "use floorDivide, or convert first")
            return
        }
        a.update(.div, b, "div") { $0 / $1 }
    }
    /// Adds a number in place.
    public static func += (a: inout Tensor, b: Double) { a += number(b, a) }
    /// Adds a number in place.
    public static func += (a: inout Tensor, b: Int) { a += number(b, a) }
    /// Subtracts a number in place.
    public static func -= (a: inout Tensor, b: Double) { a -= number(b, a) }
    /// Subtracts a number in place.
    public static func -= (a: inout Tensor, b: Int) { a -= number(b, a) }
    /// Multiplies by a number in place.
    public static func *= (a: inout Tensor, b: Double) { a *= number(b, a) }
    /// Multiplies by a number in place.
    public static func *= (a: inout Tensor, b: Int) { a *= number(b, a) }
    /// Divides by a number in place.
    public static func /= (a: inout Tensor, b: Double) { a /= number(b, a) }
    /// Divides by a number in place.
    public static func /= (a: inout Tensor, b: Int) { a /= number(b, a) }
    /// Adds `alpha * other` in place, in one pass. PyTorch: `add_(other, alpha=)`.
    public mutating func add(_ other: Tensor, scaledBy alpha: Double) {
        if dtype.isDifferentiable {
            update(.addScaled, other, "add", KernelParameters(alpha)) { $0 + $1 * alpha }
        } else {
            self += other * alpha
        }
    }
}
