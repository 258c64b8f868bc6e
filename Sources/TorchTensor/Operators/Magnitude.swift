// Absolute values, signs, angles, and the parts of floating-point numbers.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// Absolute value; a real tensor for complex ones. PyTorch: `torch.abs`.
    public func abs() -> Tensor { unary(.abs, "abs") { g, x in g * x.sgn() } }

    /// -1, 0 or 1. PyTorch: `torch.sign`.
    public func sign() -> Tensor {
        guard !dtype.isComplex else {
            TensorError.report("sign", "Unlike NumPy, torch.sign doesn't support complex numbers", hint: "use sgn()")
            return .placeholder
        }
        return unaryFlat(.sign, "sign")
    }

    /// x / |x|, 0 at 0; for real tensors the sign. PyTorch: `torch.sgn`.
    public func sgn() -> Tensor {
        if !dtype.isComplex { return unaryFlat(.sgn, "sgn") }
        return unary(.sgn, "sgn") { g, x in
            let length = x.abs()
            let direction = x / length
            let along = (g / direction).real.to(x.dtype)
            return (g / length - along * direction / length).kept(where: length .!= 0)
        }
    }

    /// The same tensor. PyTorch: `torch.positive`.
    public static prefix func + (x: Tensor) -> Tensor {
        guard x.dtype != .bool else {
            TensorError.report("positive", "The `+` operator, on a bool tensor is not supported.")
            return .placeholder
        }
        return x
    }

    /// Angle of a complex number; 0 or pi for real ones. PyTorch: `torch.angle`.
    public func angle() -> Tensor {
        if !dtype.isComplex { return unaryFlat(.angle, "angle") }
        return unary(.angle, "angle") { g, x in
            let square = x.real * x.real + x.imag * x.imag
            return Tensor.complex(-(g * x.imag / square), g * x.real / square).kept(where: x .!= 0)
        }
    }

    /// The absolute value with the sign of `other`. PyTorch: `torch.copysign`.
    public func copysign(_ other: Tensor) -> Tensor {
        let out = Tensor.combine(.copysign, self, other, "copysign", KernelParameters(0), .floating)
        return out.recordedWithOutput("copysign", (self, { g, y in (g * (y / self)).kept(where: self .!= 0) }), (other, { g, _ in g.zerosLike() }))
    }

    /// sqrt(self² + other²) without overflow. PyTorch: `torch.hypot`.
    public func hypot(_ other: Tensor) -> Tensor {
        Tensor.combine(.hypot, self, other, "hypot").recordedWithOutput("hypot", (self, { g, y in g * (self / y) }), (other, { g, y in g * (other / y) }))
    }

    /// The next number of this type towards `other`. PyTorch: `torch.nextafter`.
    public func nextAfter(_ other: Tensor) -> Tensor {
        Tensor.combine(.nextafter, self, other, "nextAfter").recorded("nextAfter", (self, { g in g.kept(where: self .!= other) }), (other, { g in g.kept(where: self .== other) }))
    }

    /// 0 below zero, 1 above, `values` at zero. PyTorch: `torch.heaviside`.
    public func heaviside(_ values: Tensor) -> Tensor {
        guard dtype == values.dtype, !dtype.isComplex else {
            TensorError.report("heaviside", "heaviside is not yet implemented for tensors with different dtypes, got \(dtype) and \(values.dtype)")
            return .placeholder
        }
        return Tensor.combine(.heaviside, self, values, "heaviside")
    }

    /// Degrees to radians. PyTorch: `torch.deg2rad`.
    public func degreesToRadians() -> Tensor { scaled(0.017453292519943295) }
    /// Radians to degrees. PyTorch: `torch.rad2deg`.
    public func radiansToDegrees() -> Tensor { scaled(57.29577951308232) }

    private func scaled(_ factor: Double) -> Tensor {
        guard !dtype.isComplex else {
            TensorError.report("deg2rad", "deg2rad and rad2deg are not supported for complex tensors")
            return .placeholder
        }
        return (dtype.isDifferentiable ? self : to(DefaultDType.floating)) * factor
    }

    /// True where the imaginary part is 0. PyTorch: `torch.isreal`.
    public func isReal() -> Tensor { dtype.isComplex ? withoutGraph.imag .== 0 : Tensor.full(dims, 1, dtype: .bool, device: device) }

    /// Mantissa in [0.5, 1) and exponent (int32) so that x = mantissa * 2^exponent. PyTorch: `torch.frexp`.
    public func frexp() -> (mantissa: Tensor, exponent: Tensor) {
        guard dtype.isFloatingPoint else {
            TensorError.report("frexp", "torch.frexp() only supports floating-point dtypes, got \(dtype)")
            return (.placeholder, .placeholder)
        }
        // Every number that is small in float64 is made normal first; then the exponent is a field of its bits.
        let wide = withoutGraph.converted(to: .float64)
        let tiny = (wide.abs() .< 0x1p-1022).logicalAnd(wide .!= 0)
        let normal = tiny.select(wide * 0x1p54, wide).contiguous()
        let bits = normal.bits
        let special = normal.isFinite().logicalNot().logicalOr(normal .== 0)
        let field = (bits >> 52) & 0x7FF
        let exponent = special.select(Tensor.number(0, field), field - 1022 - tiny.to(.int64) * 54)
        let mantissaBits = (bits & ~(0x7FF << 52)) | (1022 << 52)
        let mantissa = special.select(normal, mantissaBits.asFloat64).converted(to: dtype)
        let e = exponent.to(.int32)
        return (mantissa.recorded("frexp", self) { g in g / exponent.to(.float64).exp2().to(g.dtype) }, e)
    }

    /// A float64 tensor's bits as int64, without copying.
    var bits: Tensor { reinterpreted(.int64) }
    private var asFloat64: Tensor { contiguous().reinterpreted(.float64) }
    private func reinterpreted(_ type: DType) -> Tensor {
        let o = operand.view(dtype: type, sizes: dims, strides: operand.strides)
        return Tensor(TensorImpl(o, count: count, isContiguous: isContiguous))
    }
}
