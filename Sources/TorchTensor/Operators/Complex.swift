// Complex numbers: parts, conjugates, angles.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// The conjugate of a complex tensor, a real one itself; what derivatives multiply with.
    @inline(__always) var conjugateIfComplex: Tensor { dtype.isComplex ? conj() : self }

    /// Complex conjugate; real tensors as they are. PyTorch: `torch.conj`.
    public func conj() -> Tensor {
        if !dtype.isComplex { return self }
        return unary(.conj, "conj") { g, _ in g.conj() }
    }

    /// Real part, as a view. PyTorch: `torch.real`.
    public var real: Tensor {
        if !dtype.isComplex { return self }
        return part(0).recorded("real", self) { [dtype] g in g.to(dtype) }
    }

    /// Imaginary part, as a view. PyTorch: `torch.imag`.
    public var imag: Tensor {
        guard dtype.isComplex else {
            TensorError.report("imag", "imag is not implemented for tensors with non-complex dtypes (\(dtype))")
            return .placeholder
        }
        return part(1).recorded("imag", self) { [dtype] g in g.to(dtype) * Tensor(real: 0, imaginary: 1, dtype: dtype, device: .cpu) }
    }

    private func part(_ index: Int) -> Tensor {
        let real = dtype.real
        var strides = operand.strides
        for d in 0..<rank { strides[d] *= 2 }
        let o = operand.view(pointer: operand.pointer + index * real.itemSize, dtype: real, sizes: dims, strides: strides)
        return Tensor(TensorImpl(o, count: count, isContiguous: o.isContiguous))
    }

    /// A complex tensor as a real one with a last dim of 2. PyTorch: `torch.view_as_real`.
    public func viewAsReal() -> Tensor {
        guard dtype.isComplex else {
            TensorError.report("viewAsReal", "view_as_real is only supported for complex tensors, got \(dtype)")
            return .placeholder
        }
        var (sizes, strides) = (dims, operand.strides)
        for d in 0..<rank { strides[d] *= 2 }
        sizes.append(2)
        strides.append(1)
        let o = operand.view(dtype: dtype.real, sizes: sizes, strides: strides)
        return Tensor(TensorImpl(o, count: count * 2, isContiguous: o.isContiguous)).recorded("viewAsReal", self) { $0.contiguous().viewAsComplex() }
    }

    /// A real tensor with a last dim of 2 as a complex one. PyTorch: `torch.view_as_complex`.
    public func viewAsComplex() -> Tensor {
        if let cast = Autocast.raise(self, on: .cpu) { return cast.run { cast(self).viewAsComplex() } }
        guard dtype == .float32 || dtype == .float64, rank > 0, dims[rank - 1] == 2 else {
            TensorError.report("viewAsComplex", "view_as_complex needs float32 or float64 and a last dimension of size 2, got \(dtype) \(dims)")
            return .placeholder
        }
        let x = operand.strides[rank - 1] == 1 && (0..<(rank - 1)).allSatisfy({ operand.strides[$0] % 2 == 0 }) && storageOffset % 2 == 0 ? self : contiguous()
        var (sizes, strides) = (x.dims, x.operand.strides)
        sizes.remove(at: rank - 1)
        strides.remove(at: rank - 1)
        for d in 0..<sizes.count { strides[d] /= 2 }
        let o = x.operand.view(dtype: dtype.complex, sizes: sizes, strides: strides)
        return Tensor(TensorImpl(o, count: sizes.product, isContiguous: o.isContiguous)).recorded("viewAsComplex", self) { $0.viewAsReal() }
    }

    /// A complex tensor from its parts. PyTorch: `torch.complex`.
    public static func complex(_ real: Tensor, _ imaginary: Tensor) -> Tensor {
        guard real.dtype == imaginary.dtype, real.dtype == .float32 || real.dtype == .float64 else {
            TensorError.report("complex", "Expected both inputs to be float32 or float64 tensors of one type but got \(real.dtype) and \(imaginary.dtype)")
            return .placeholder
        }
        return binary(.makeComplex, real, imaginary, "complex", saving: false, { g, _, _ in g.real }, { g, _, _ in g.imag })
    }

    /// A complex tensor from absolute value and angle. PyTorch: `torch.polar`.
    public static func polar(_ abs: Tensor, _ angle: Tensor) -> Tensor {
        if let cast = Autocast.raise(abs, angle, on: .cpu) { return cast.run { polar(cast(abs), cast(angle)) } }
        guard abs.dtype == angle.dtype, abs.dtype == .float32 || abs.dtype == .float64 else {
            TensorError.report("polar", "Expected both inputs to be float32 or float64 tensors of one type but got \(abs.dtype) and \(angle.dtype)")
            return .placeholder
        }
        return complex(abs * angle.cos(), abs * angle.sin())
    }
}
