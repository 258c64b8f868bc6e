// Picking and placing by truth values.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// Bool masks only; reports others.
    private static func isMask(_ mask: Tensor, _ name: String, on device: Device) -> Bool {
        if mask.dtype == .bool { return mask.isHere(device, name) }
        TensorError.report(name, "\(name) only supports boolean masks, but got mask with dtype \(mask.dtype)", hint: "compare first, e.g. x .> 0")
        return false
    }

    /// `value` where `mask` is true; both broadcast. PyTorch: `torch.masked_fill`.
    public func maskedFill(_ mask: Tensor, _ value: some ScalarConvertible) -> Tensor {
        let value = value.scalar
        if case .complex = value, !dtype.isComplex {
            TensorError.report("maskedFill", "value cannot be converted to type \(dtype) without overflow: it is complex")
            return .placeholder
        }
        return maskedFill(mask, Tensor.scalarTensor(value, dtype))
    }

    /// The only element of `value` where `mask` is true; it may want a gradient. PyTorch: `torch.masked_fill`.
    public func maskedFill(_ mask: Tensor, _ value: Tensor) -> Tensor {
        guard Tensor.isMask(mask, "maskedFill", on: device) else { return .placeholder }
        guard value.rank == 0 else {
            TensorError.report("maskedFill", "masked_fill only supports a 0-dimensional value tensor, but got tensor with \(value.rank) dimension(s).")
            return .placeholder
        }
        guard let sizes = Shape.broadcast(dims, mask.dims, "maskedFill") else { return .placeholder }
        let out = Tensor.make(sizes, dtype, device: device)
        let (m, v) = (mask.withoutGraph, value.withoutGraph.converted(to: dtype).to(device))
        backend.select(out.operand, m.operand.expanded(to: sizes), v.operand.expanded(to: sizes), operand.expanded(to: sizes))
        return out.recorded("maskedFill", (self, { g in g.maskedFill(m, 0) }), (value, { g in g.maskedFill(m.logicalNot(), 0) }))
    }

    /// The elements where `mask` is true, as a vector; both broadcast. PyTorch: `torch.masked_select`.
    public func maskedSelect(_ mask: Tensor) -> Tensor {
        guard Tensor.isMask(mask, "maskedSelect", on: device), let sizes = Shape.broadcast(dims, mask.dims, "maskedSelect") else { return .placeholder }
        let m = noGrad { mask.withoutGraph.expanded(to: sizes) }
        let out = Tensor.make([backend.nonzero(nil, m.operand)], dtype, device: device)
        backend.maskedSelect(out.operand, operand.expanded(to: sizes), m.operand)
        return out.recorded("maskedSelect", self) { g in
            Tensor.zeros(sizes, dtype: g.dtype, device: g.device).maskedScatter(m, g)
        }
    }

    /// Elements of `source`, in order, where `mask` is true; `mask` broadcasts. PyTorch: `torch.masked_scatter`.
    public func maskedScatter(_ mask: Tensor, _ source: Tensor) -> Tensor {
        guard Tensor.isMask(mask, "maskedScatter", on: device), source.isHere(device, "maskedScatter"), let sizes = Shape.broadcast(dims, mask.dims, "maskedScatter") else { return .placeholder }
        guard source.dtype == dtype else {
            TensorError.report("maskedScatter", "masked_scatter: expected self and source to have same dtypes but got \(dtype) and \(source.dtype)")
            return .placeholder
        }
        let m = noGrad { mask.withoutGraph.expanded(to: sizes) }
        let values = source.withoutGraph.contiguous()
        let wanted = backend.nonzero(nil, m.operand)
        guard wanted <= values.count else {
            TensorError.report("maskedScatter", "number of elements of source < number of ones in mask: \(values.count) and \(wanted)")
            return .placeholder
        }
        let out = Tensor.make(sizes, dtype, device: device)
        backend.copy(out.operand, operand.expanded(to: sizes))
        _ = backend.maskedScatter(out.operand, m.operand, values.operand)
        let shape = source.dims
        return out.recorded(
            "maskedScatter", (self, { g in g.maskedFill(m, 0) }),
            (
                source,
                { g in
                    let used = g.maskedSelect(m)
                    let rest = Tensor.zeros([shape.product - used.count], dtype: g.dtype, device: g.device)
                    return cat([used, rest]).reshaped(shape)
                }
            ))
    }

    // MARK: Positions

    /// Positions of the elements that are not zero, one a row. PyTorch: `torch.nonzero`.
    public func nonzero() -> Tensor {
        let mask = dtype == .bool ? withoutGraph : Tensor.combine(.ne, withoutGraph, Tensor.scalarTensor(.int(0), dtype, isNumber: true), "nonzero")
        let n = backend.nonzero(nil, mask.operand)
        let out = Tensor.make([n, rank], .int64, device: device)
        if n > 0 && rank > 0 { _ = backend.nonzero(out.operand, mask.operand) }
        return out
    }

    /// The same, one tensor a dim: what indexes the elements. PyTorch: `torch.nonzero(as_tuple=True)`.
    public func nonzeroTuple() -> [Tensor] {
        if rank == 0 { return unsqueeze(0).nonzeroTuple() }
        let rows = nonzero()
        return (0..<rank).map { rows.select(1, $0) }
    }

    /// `nonzero` with exactly `size` rows, cut off or filled up. PyTorch: `torch.nonzero_static`.
    public func nonzero(size: Int, fillValue: Int = -1) -> Tensor {
        guard size >= 0 else {
            TensorError.report("nonzeroStatic", "nonzero_static: 'size' must be an non-negative integer, got \(size)")
            return .placeholder
        }
        let all = nonzero()
        if all.dims[0] >= size { return all.slice(0, 0, size).clone() }
        return cat([all, Tensor.full([size - all.dims[0], rank], .int(fillValue), dtype: .int64, device: device)])
    }

    /// Positions of the elements that are not zero, one a row. PyTorch: `torch.argwhere`.
    public func argwhere() -> Tensor { nonzero() }
}

/// Positions where `condition` is true, one tensor a dim. PyTorch: `torch.where(condition)`.
public func whereIndices(_ condition: Tensor) -> [Tensor] { condition.nonzeroTuple() }
