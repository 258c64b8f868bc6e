// Circular and hyperbolic functions and their inverses. Angles are in radians.
import TorchRuntime

extension Tensor {
    /// Sine. PyTorch: `torch.sin`.
    public func sin() -> Tensor { unary(.sin, "sin") { g, x in g * x.cos().conjugateIfComplex } }
    /// Cosine. PyTorch: `torch.cos`.
    public func cos() -> Tensor { unary(.cos, "cos") { g, x in -(g * x.sin().conjugateIfComplex) } }
    /// Tangent. PyTorch: `torch.tan`.
    public func tan() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).tan() } }
        return unaryOfOutput(.tan, "tan", { g, y in g * (y * y + 1).conjugateIfComplex })
    }
    /// Inverse sine. PyTorch: `torch.asin`.
    public func asin() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).asin() } }
        return unary(.asin, "asin") { g, x in g * (1 - x * x).rsqrt().conjugateIfComplex }
    }
    /// Inverse cosine. PyTorch: `torch.acos`.
    public func acos() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).acos() } }
        return unary(.acos, "acos") { g, x in -(g * (1 - x * x).rsqrt().conjugateIfComplex) }
    }
    /// Inverse tangent. PyTorch: `torch.atan`.
    public func atan() -> Tensor { unary(.atan, "atan") { g, x in g / (x * x + 1).conjugateIfComplex } }
    /// Hyperbolic sine. PyTorch: `torch.sinh`.
    public func sinh() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).sinh() } }
        return unary(.sinh, "sinh") { g, x in g * x.cosh().conjugateIfComplex }
    }
    /// Hyperbolic cosine. PyTorch: `torch.cosh`.
    public func cosh() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).cosh() } }
        return unary(.cosh, "cosh") { g, x in g * x.sinh().conjugateIfComplex }
    }
    /// Hyperbolic tangent. PyTorch: `torch.tanh`.
    public func tanh() -> Tensor {
        unaryOfOutput(
            .tanh, "tanh",
            { g, y in
                Tensor.fused(.tanhGradY, g, y, "tanhBackward") { g, y in g * (1 - y * y).conjugateIfComplex }
            })
    }
    /// Inverse hyperbolic sine. PyTorch: `torch.asinh`.
    public func asinh() -> Tensor { unary(.asinh, "asinh") { g, x in g * (x * x + 1).rsqrt().conjugateIfComplex } }
    /// Inverse hyperbolic cosine. PyTorch: `torch.acosh`.
    public func acosh() -> Tensor { unary(.acosh, "acosh") { g, x in x.dtype.isComplex ? g * ((x - 1).rsqrt() * (x + 1).rsqrt()).conj() : g * (x * x - 1).rsqrt() } }
    /// Inverse hyperbolic tangent. PyTorch: `torch.atanh`.
    public func atanh() -> Tensor { unary(.atanh, "atanh") { g, x in g / (1 - x * x).conjugateIfComplex } }
    /// Angle of the point (x: other, y: self). PyTorch: `torch.atan2`.
    public func atan2(_ other: Tensor) -> Tensor {
        Tensor.binary(
            .atan2, self, other, "atan2", computation: .floating,
            { g, y, x in g * x / (x * x + y * y) }, { g, y, x in g * -y / (x * x + y * y) })
    }

    /// A derivative in one kernel where nothing is recorded, and in differentiable operators where second derivatives are wanted.
    @inline(__always)
    static func fused(
        _ op: BinaryOp, _ g: Tensor, _ saved: Tensor, _ name: StaticString, _ parameters: KernelParameters = KernelParameters(0),
        composed: (Tensor, Tensor) -> Tensor
    ) -> Tensor {
        g.isRecorded || saved.isRecorded ? composed(g, saved) : combine(op, g, saved, name, parameters)
    }
}
