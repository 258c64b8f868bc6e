// Softmax and its logarithm.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// The row kernel over `dim`, which is moved to the end and back where it is not last. Unrecorded.
    private func softmaxed(_ d: Int, logarithm: Bool, _ name: StaticString) -> Tensor {
        rowwise(d) { rows in
            let out = Tensor.make(rows.dims, rows.dtype, device: rows.device)
            return out.backend.softmax(out.operand, rows.operand, logarithm: logarithm) ? out : nil
        }
            ?? {
                TensorError.report("\(name)", "\"\(name)\" not implemented for \(dtype)", hint: "convert with .to(.float32) first")
                return Tensor.placeholder
            }()
    }

    /// Calls `body` with this tensor as contiguous [rows, size of dim] and undoes the folding of its result. Unrecorded.
    private func rowwise(_ d: Int, _ body: (Tensor) -> Tensor?) -> Tensor? {
        if rank == 0 { return body(withoutGraph.view(sizes: [1, 1], strides: [1, 1])).map { $0.view(sizes: [], strides: []) } }
        let plain = withoutGraph
        let last = rank - 1
        let columns = dims[d]
        let moved = (d == last ? plain : plain.transpose(d, last)).contiguous()
        let folded: Dims = [columns == 0 ? 0 : count / columns, columns]
        if count == 0 { return Tensor.make(dims, dtype, device: device) }
        guard let y = body(moved.view(sizes: folded, strides: folded.contiguousStrides)) else { return nil }
        let shaped = y.view(sizes: moved.dims, strides: moved.dims.contiguousStrides)
        return d == last ? shaped : shaped.transpose(d, last).contiguous()
    }

    /// The derivative of softmax and log-softmax: one kernel, or composed where second derivatives are wanted.
    private static func softmaxGradient(_ g: Tensor, _ y: Tensor, _ d: Int, logarithm: Bool) -> Tensor {
        if g.isRecorded || y.isRecorded {
            return logarithm ? g - y.exp() * g.sum(dim: d, keepDim: true) : y * (g - (g * y).sum(dim: d, keepDim: true))
        }
        let last = y.rank - 1
        if y.rank == 0 { return g.zerosLike() }
        if y.count == 0 { return y.zerosLike() }
        func folded(_ t: Tensor) -> Tensor {
            let moved = (d == last ? t : t.transpose(d, last)).contiguous()
            let sizes: Dims = [t.count / t.dims[d], t.dims[d]]
            return moved.view(sizes: sizes, strides: sizes.contiguousStrides)
        }
        let (dy, rows) = (folded(g.withoutGraph), folded(y.withoutGraph))
        let dx = make(rows.dims, rows.dtype, device: rows.device)
        guard dx.backend.softmaxBackward(dx.operand, dy.operand, rows.operand, logarithm: logarithm) else {
            TensorError.report("softmaxBackward", "not implemented for \(y.dtype)")
            return .placeholder
        }
        if d == last { return dx.view(sizes: y.dims, strides: y.dims.contiguousStrides) }
        var sizes = y.dims
        (sizes[d], sizes[last]) = (sizes[last], sizes[d])
        return dx.view(sizes: sizes, strides: sizes.contiguousStrides).transpose(d, last).contiguous()
    }

    /// exp(x) over its sum along `dim`. PyTorch: `torch.softmax`.
    public func softmax(dim: Int, dtype: DType? = nil) -> Tensor {
        if dtype == nil, let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).softmax(dim: dim) } }
        let x = dtype.map { to($0) } ?? self
        guard let d = x.checkedDim(dim, "softmax") else { return .placeholder }
        let y = x.softmaxed(d, logarithm: false, "softmax")
        if x.isRecorded { y.impl.node = UnaryOutputNode("softmax", y, x) { Tensor.softmaxGradient($0, $1, d, logarithm: false) } }
        return y
    }

    /// Logarithm of softmax, computed stably. PyTorch: `torch.log_softmax`.
    public func logSoftmax(dim: Int, dtype: DType? = nil) -> Tensor {
        if dtype == nil, let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).logSoftmax(dim: dim) } }
        let x = dtype.map { to($0) } ?? self
        guard let d = x.checkedDim(dim, "logSoftmax") else { return .placeholder }
        let y = x.softmaxed(d, logarithm: true, "logSoftmax")
        if x.isRecorded { y.impl.node = UnaryOutputNode("logSoftmax", y, x) { Tensor.softmaxGradient($0, $1, d, logarithm: true) } }
        return y
    }

    /// Softmax of -x. PyTorch: `torch.nn.functional.softmin`.
    public func softmin(dim: Int, dtype: DType? = nil) -> Tensor { (-(dtype.map { to($0) } ?? self)).softmax(dim: dim) }
}

/// exp(x) over its sum along `dim`. PyTorch: `torch.nn.functional.softmax`.
public func softmax(_ x: Tensor, dim: Int, dtype: DType? = nil) -> Tensor { x.softmax(dim: dim, dtype: dtype) }
/// Logarithm of softmax. PyTorch: `torch.nn.functional.log_softmax`.
public func logSoftmax(_ x: Tensor, dim: Int, dtype: DType? = nil) -> Tensor { x.logSoftmax(dim: dim, dtype: dtype) }
/// Softmax of -x. PyTorch: `torch.nn.functional.softmin`.
public func softmin(_ x: Tensor, dim: Int, dtype: DType? = nil) -> Tensor { x.softmin(dim: dim, dtype: dtype) }
