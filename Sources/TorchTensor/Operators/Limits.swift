// The larger and smaller of two, limits, and NaN replaced.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Two tensors

    /// The larger of each two elements; NaN if either is. Equal elements share the gradient. PyTorch: `torch.maximum`.
    public func maximum(_ other: Tensor) -> Tensor { extreme(.maximum, other, "maximum") }

    /// The smaller of each two elements; NaN if either is. Equal elements share the gradient. PyTorch: `torch.minimum`.
    public func minimum(_ other: Tensor) -> Tensor { extreme(.minimum, other, "minimum") }

    /// The larger of each two elements. PyTorch: `torch.max(a, b)`.
    public func max(_ other: Tensor) -> Tensor { maximum(other) }
    /// The smaller of each two elements. PyTorch: `torch.min(a, b)`.
    public func min(_ other: Tensor) -> Tensor { minimum(other) }

    private func extreme(_ op: BinaryOp, _ other: Tensor, _ name: StaticString) -> Tensor {
        // The side that loses by comparison gets nothing; equal ones a half each; NaN counts for both, as in PyTorch.
        if op == .maximum {
            return Tensor.binary(op, self, other, name, { g, a, b in Tensor.shared(g, lost: a .< b, even: a .== b) }, { g, a, b in Tensor.shared(g, lost: a .> b, even: a .== b) })
        }
        return Tensor.binary(op, self, other, name, { g, a, b in Tensor.shared(g, lost: a .> b, even: a .== b) }, { g, a, b in Tensor.shared(g, lost: a .< b, even: a .== b) })
    }

    private static func shared(_ g: Tensor, lost: Tensor, even: Tensor) -> Tensor {
        lost.select(number(0, g), even.select(g * 0.5, g))
    }

    /// The larger of each two elements; a number beats NaN. PyTorch: `torch.fmax`.
    public func fmax(_ other: Tensor) -> Tensor {
        Tensor.binary(
            .fmax, self, other, "fmax",
            { g, a, b in g.kept(where: (a .>= b).logicalOr(b.isNaN())) }, { g, a, b in g.kept(where: (a .>= b).logicalOr(b.isNaN()).logicalNot()) })
    }

    /// The smaller of each two elements; a number beats NaN. PyTorch: `torch.fmin`.
    public func fmin(_ other: Tensor) -> Tensor {
        Tensor.binary(
            .fmin, self, other, "fmin",
            { g, a, b in g.kept(where: (a .<= b).logicalOr(b.isNaN())) }, { g, a, b in g.kept(where: (a .<= b).logicalOr(b.isNaN()).logicalNot()) })
    }

    // MARK: Limits

    /// Limited to min...max. The gradient passes at the limits too. PyTorch: `torch.clamp`.
    public func clamp(min: some ScalarConvertible, max: some ScalarConvertible) -> Tensor { clamped(min.scalar, max.scalar) }
    /// At least `min`. PyTorch: `torch.clamp`.
    public func clamp(min: some ScalarConvertible) -> Tensor { clamped(min.scalar, nil) }
    /// At most `max`. PyTorch: `torch.clamp`.
    public func clamp(max: some ScalarConvertible) -> Tensor { clamped(nil, max.scalar) }

    private func clamped(_ min: Scalar?, _ max: Scalar?) -> Tensor {
        guard !dtype.isComplex else {
            TensorError.report("clamp", "clamp is not supported for complex types")
            return .placeholder
        }
        var type = dtype
        for case let bound? in [min, max] where bound.dtype.category > type.category { type = Tensor.resultType([self, Tensor.number(bound)]) }
        let x = to(type)
        if type.isFloatingPoint {
            let (low, high) = (min?.doubleValue ?? -Double.infinity, max?.doubleValue ?? Double.infinity)
            if low.isNaN || high.isNaN { return x.fullLike(Double.nan).recorded("clamp", x) { $0.zerosLike() } }
            let p = KernelParameters(low, high)
            return x.unary(.clamp, "clamp", parameters: p) { g, x in
                Tensor.fused(.clampGradX, g, x, "clampBackward", p) { g, x in g.kept(where: (x .>= low).logicalAnd(x .<= high)) }
            }
        }
        let bits = type.itemSize * 8
        let (lowest, highest) = type.isUnsigned ? (0, (1 << bits) - 1) : bits == 64 ? (Int.min, Int.max) : (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        var p = KernelParameters(0)
        p.i.0 = Int64(min.map(Tensor.wholeNumber) ?? lowest)
        p.i.1 = Int64(max.map(Tensor.wholeNumber) ?? highest)
        return Tensor.map(.clamp, x, "clamp", p)
    }

    private static func wholeNumber(_ scalar: Scalar) -> Int { Int(scalar) }

    /// Limited elementwise to min...max, broadcast. PyTorch: `torch.clamp` with tensors.
    public func clamp(min: Tensor?, max: Tensor?) -> Tensor {
        guard let min else {
            guard let max else {
                TensorError.report("clamp", "torch.clamp: At least one of 'min' or 'max' must not be None")
                return .placeholder
            }
            return Tensor.binary(.minimum, self, max, "clamp", { g, x, m in g.kept(where: x .<= m) }, { g, x, m in g.kept(where: x .> m) })
        }
        guard let max else {
            return Tensor.binary(.maximum, self, min, "clamp", { g, x, m in g.kept(where: x .>= m) }, { g, x, m in g.kept(where: x .< m) })
        }
        let x = withoutGraph
        let (low, high) = (min.withoutGraph, max.withoutGraph)
        let out = Tensor.combine(.minimum, Tensor.combine(.maximum, x, low, "clamp"), high, "clamp")
        return out.recorded(
            "clamp", (self, { $0.kept(where: (x .>= low).logicalAnd(x .<= high)) }), (min, { $0.kept(where: (low .< high).logicalAnd(x .< low)) }),
            (max, { $0.kept(where: (x .> high).logicalOr(high .< low)) }))
    }

    /// At least `min`. PyTorch: `torch.clamp_min`.
    public func clampMin(_ min: some ScalarConvertible) -> Tensor { clamp(min: min) }
    /// At least `min`, elementwise. PyTorch: `torch.clamp_min`.
    public func clampMin(_ min: Tensor) -> Tensor { clamp(min: min, max: nil) }
    /// At most `max`. PyTorch: `torch.clamp_max`.
    public func clampMax(_ max: some ScalarConvertible) -> Tensor { clamp(max: max) }
    /// At most `max`, elementwise. PyTorch: `torch.clamp_max`.
    public func clampMax(_ max: Tensor) -> Tensor { clamp(min: nil, max: max) }

    /// NaN and infinities replaced: by 0 and the type's largest and smallest numbers unless given. PyTorch: `torch.nan_to_num`.
    public func nanToNum(nan: Double = 0, posInf: Double? = nil, negInf: Double? = nil) -> Tensor {
        if dtype.isComplex { return viewAsReal().nanToNum(nan: nan, posInf: posInf, negInf: negInf).viewAsComplex() }
        guard dtype.isFloatingPoint else { return self }
        let largest = dtype.largestFinite
        return unary(.nanToNum, "nanToNum", parameters: KernelParameters(nan, posInf ?? largest, negInf ?? -largest)) { g, x in g.kept(where: x.isFinite()) }
    }
}

extension DType {
    /// Largest finite number of a floating-point (or the parts of a complex) type; 0 otherwise. PyTorch: `torch.finfo(dtype).max`.
    public var largestFinite: Double {
        switch real {
        case .float16: 65504
        case .bfloat16: 0x1.FEp127
        case .float32: Double(Float.greatestFiniteMagnitude)
        case .float64: Double.greatestFiniteMagnitude
        default: 0
        }
    }
}
