// Comparisons and choices. Results are bool tensors and carry no gradient.
import TorchKernels
import TorchRuntime

infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence

extension Tensor {
    /// Elementwise equality. PyTorch: `torch.eq`.
    public static func .== (a: Tensor, b: Tensor) -> Tensor { combine(.eq, a, b, "eq") }
    /// Elementwise inequality. PyTorch: `torch.ne`.
    public static func .!= (a: Tensor, b: Tensor) -> Tensor { combine(.ne, a, b, "ne") }
    /// Elementwise less. PyTorch: `torch.lt`.
    public static func .< (a: Tensor, b: Tensor) -> Tensor { combine(.lt, a, b, "lt") }
    /// Elementwise less or equal. PyTorch: `torch.le`.
    public static func .<= (a: Tensor, b: Tensor) -> Tensor { combine(.le, a, b, "le") }
    /// Elementwise greater. PyTorch: `torch.gt`.
    public static func .> (a: Tensor, b: Tensor) -> Tensor { combine(.gt, a, b, "gt") }
    /// Elementwise greater or equal. PyTorch: `torch.ge`.
    public static func .>= (a: Tensor, b: Tensor) -> Tensor { combine(.ge, a, b, "ge") }

    /// Equality with a number.
    public static func .== (a: Tensor, b: Double) -> Tensor { a .== number(.double(b)) }
    /// Equality with a number.
    public static func .== (a: Tensor, b: Int) -> Tensor { a .== number(.int(b)) }
    /// Inequality with a number.
    public static func .!= (a: Tensor, b: Double) -> Tensor { a .!= number(.double(b)) }
    /// Inequality with a number.
    public static func .!= (a: Tensor, b: Int) -> Tensor { a .!= number(.int(b)) }
    /// Less than a number.
    public static func .< (a: Tensor, b: Double) -> Tensor { a .< number(.double(b)) }
    /// Less than a number.
    public static func .< (a: Tensor, b: Int) -> Tensor { a .< number(.int(b)) }
    /// Less than or equal to a number.
    public static func .<= (a: Tensor, b: Double) -> Tensor { a .<= number(.double(b)) }
    /// Less than or equal to a number.
    public static func .<= (a: Tensor, b: Int) -> Tensor { a .<= number(.int(b)) }
    /// Greater than a number.
    public static func .> (a: Tensor, b: Double) -> Tensor { a .> number(.double(b)) }
    /// Greater than a number.
    public static func .> (a: Tensor, b: Int) -> Tensor { a .> number(.int(b)) }
    /// Greater than or equal to a number.
    public static func .>= (a: Tensor, b: Double) -> Tensor { a .>= number(.double(b)) }
    /// Greater than or equal to a number.
    public static func .>= (a: Tensor, b: Int) -> Tensor { a .>= number(.int(b)) }

    /// `a` where this bool tensor is true, `b` elsewhere; broadcast and promoted. PyTorch: `torch.where(self, a, b)`.
    public func select(_ a: Tensor, _ b: Tensor) -> Tensor {
        guard dtype == .bool else {
            TensorError.report("where", "expected condition to be a boolean tensor, but got a tensor with dtype \(dtype)", hint: "compare first, e.g. x .> 0")
            return .placeholder
        }
        guard let o = Tensor.prepared([a, b], "where", .promoted), let sizes = Shape.broadcast(dims, o.sizes, "where"), isHere(o.device, "where") else { return .placeholder }
        let out = Tensor.make(sizes, o.dtype, device: o.device)
        out.backend.select(out.operand, operand.expanded(to: sizes), o.tensors[0].operand.expanded(to: sizes), o.tensors[1].operand.expanded(to: sizes))
        let condition = withoutGraph
        return out.recorded("where", (a, { g in condition.select(g, g.zerosLike()) }), (b, { g in condition.select(g.zerosLike(), g) }))
    }

    /// Elementwise logical and. PyTorch: `torch.logical_and`.
    public func logicalAnd(_ other: Tensor) -> Tensor { Tensor.combine(.logicalAnd, self, other, "logicalAnd") }
    /// Elementwise logical or. PyTorch: `torch.logical_or`.
    public func logicalOr(_ other: Tensor) -> Tensor { Tensor.combine(.logicalOr, self, other, "logicalOr") }
    /// Elementwise logical exclusive or. PyTorch: `torch.logical_xor`.
    public func logicalXor(_ other: Tensor) -> Tensor { Tensor.combine(.logicalXor, self, other, "logicalXor") }
    /// Elementwise logical not. PyTorch: `torch.logical_not`.
    public func logicalNot() -> Tensor { Tensor.map(.logicalNot, self, "logicalNot") }

    /// True where an element is NaN. PyTorch: `torch.isnan`.
    public func isNaN() -> Tensor { Tensor.map(.isNaN, self, "isNaN") }
    /// True where an element is infinite. PyTorch: `torch.isinf`.
    public func isInf() -> Tensor { Tensor.map(.isInf, self, "isInf") }
    /// True where an element is finite. PyTorch: `torch.isfinite`.
    public func isFinite() -> Tensor { Tensor.map(.isFinite, self, "isFinite") }
    /// True where an element is positive infinity. PyTorch: `torch.isposinf`.
    public func isPosInf() -> Tensor { Tensor.map(.isPosInf, self, "isPosInf") }
    /// True where an element is negative infinity. PyTorch: `torch.isneginf`.
    public func isNegInf() -> Tensor { Tensor.map(.isNegInf, self, "isNegInf") }
    /// True where the sign bit is set. PyTorch: `torch.signbit`.
    public func signBit() -> Tensor { Tensor.map(.signBit, self, "signBit") }
}

/// `a` where `condition` is true, `b` elsewhere. PyTorch: `torch.where`.
public func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor { condition.select(a, b) }
