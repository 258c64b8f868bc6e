// Picking and placing by positions in the flattened tensor, along a dim, and in parts.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Flattened

    /// The elements at positions `index` of the flattened tensor, in the index's shape; negative ones count from the end. PyTorch: `torch.take`.
    public func take(_ index: Tensor) -> Tensor {
        guard let k = index.asIndex("take") else { return .placeholder }
        if k.count == 0 { return reshape([count]).slice(0, 0, 0).reshape(index.shape) }
        guard count > 0 else {
            TensorError.report("take", "take(): tried to take from an empty tensor")
            return .placeholder
        }
        let flat = reshape([count])
        return flat.gather(0, k.reshape([k.count]).countedFromEnd(count)).reshape(index.shape)
    }

    /// A copy with elements of `source` at positions `index` of the flattened tensor, or added there. PyTorch: `torch.put`.
    public func put(_ index: Tensor, _ source: Tensor, accumulate: Bool = false) -> Tensor {
        guard let k = index.asIndex("put") else { return .placeholder }
        guard source.dtype == dtype else {
            TensorError.report("put", "put_(): self and source expected to have the same dtype, but got self.dtype = \(dtype) and source.dtype = \(source.dtype)")
            return .placeholder
        }
        guard source.count == k.count else {
            TensorError.report("put", "put_(): Expected source and index to have the same number of elements, but got source.numel() = \(source.count), index.numel() = \(k.count)")
            return .placeholder
        }
        guard count > 0 || k.count == 0 else {
            TensorError.report("put", "put_(): Expected self to be non-empty when index is not")
            return .placeholder
        }
        if k.count == 0 { return clone() }
        let (flat, places, values) = (reshape([count]), k.reshape([k.count]).countedFromEnd(count), source.reshape([source.count]))
        return (accumulate ? flat.scatterAdd(0, places, values) : flat.scatter(0, places, values)).reshaped(dims)
    }

    // MARK: Along a dim

    /// `gather` with broadcasting; without `dim` both are flattened. Fits the indices that `argsort` and `argmax` give. PyTorch: `torch.take_along_dim`.
    public func takeAlongDim(_ indices: Tensor, dim: Int? = nil) -> Tensor {
        guard let dim else { return reshape([count]).gather(0, indices.reshape([indices.count]).countedFromEnd(count)) }
        guard rank == indices.rank else {
            TensorError.report(
                "takeAlongDim", "torch.take_along_dim(): input and indices should have the same number of dimensions, but got \(rank) dimensions for input, and \(indices.rank) dimensions for indices")
            return .placeholder
        }
        guard indices.dtype.isInteger, indices.dtype == .int64 else {
            TensorError.report("takeAlongDim", "torch.take_along_dim(): dtype of indices should be Long but got \(indices.dtype)")
            return .placeholder
        }
        guard let d = checkedDim(dim, "takeAlongDim") else { return .placeholder }
        if rank == 0 { return gather(0, indices) }
        // All dims but this one broadcast.
        var (a, b) = (dims, indices.dims)
        a[d] = 1
        b[d] = 1
        guard let common = Shape.broadcast(a, b, "takeAlongDim") else { return .placeholder }
        var (x, k) = (common, common)
        x[d] = dims[d]
        k[d] = indices.dims[d]
        return expanded(to: x).gather(d, indices.countedFromEnd(dims[d]).expanded(to: k))
    }

    // MARK: Parts

    /// A copy with `source` at the part that `part` shows.
    private func replacing(_ name: StaticString, _ source: Tensor, _ part: @escaping (Tensor) -> Tensor) -> Tensor {
        let out = copied()
        let place = noGrad { part(out) }
        if st_error_pending() { return .placeholder }
        guard place.dims == source.dims else {
            TensorError.report("\(name)", "expected src to have a size equal to the slice of self. src size = \(source.shape), slice size = \(place.shape)")
            return .placeholder
        }
        backend.copy(place.operand, source.operand)
        return out.recorded(
            name, (self, { g in g.replacing(name, source.withoutGraph.zerosLike(dtype: g.dtype), part) }), (source, { g in part(g) }))
    }

    /// A copy with `source` at one position along `dim`. PyTorch: `torch.select_scatter`.
    public func selectScatter(_ source: Tensor, _ dim: Int, _ index: Int) -> Tensor { replacing("selectScatter", source) { $0.select(dim, index) } }
    /// A copy with `source` at a slice along `dim`. PyTorch: `torch.slice_scatter`.
    public func sliceScatter(_ source: Tensor, _ dim: Int = 0, _ start: Int? = nil, _ end: Int? = nil, step: Int = 1) -> Tensor {
        replacing("sliceScatter", source) { $0.slice(dim, start, end, step: step) }
    }
    /// A copy with `source` on the diagonal of two dims. PyTorch: `torch.diagonal_scatter`.
    public func diagonalScatter(_ source: Tensor, offset: Int = 0, dim1: Int = 0, dim2: Int = 1) -> Tensor {
        replacing("diagonalScatter", source) { $0.diagonal(offset: offset, dim1: dim1, dim2: dim2) }
    }
    /// `narrow` as a copy. PyTorch: `torch.narrow_copy`.
    public func narrowCopy(_ dim: Int, _ start: Int, _ length: Int) -> Tensor { narrow(dim, start, length).clone() }

    // MARK: Filled

    /// One number in this tensor's shape and type; its gradient is zero. PyTorch: `torch.fill`.
    public func filled(_ value: some ScalarConvertible) -> Tensor { filled(Tensor.scalarTensor(value.scalar, dtype)) }
    /// The only element of `value` everywhere; it may want a gradient. PyTorch: `torch.fill`.
    public func filled(_ value: Tensor) -> Tensor {
        guard value.rank == 0 else {
            TensorError.report("fill", "fill_ only supports 0-dimension value tensor but got tensor with \(value.rank) dimensions.")
            return .placeholder
        }
        let out = Tensor.make(like: self, dtype)
        backend.copy(out.operand, value.withoutGraph.to(device).operand.expanded(to: dims))
        return out.recorded("fill", (self, { g in g.zerosLike() }), (value, { g in g }))
    }
    /// One number everywhere, in place where nobody can notice. PyTorch: `fill_`.
    public mutating func fill(_ value: some ScalarConvertible) { assign(.number(value.scalar), CollectionOfOne(.ellipsisItem)) }
    /// Zero everywhere, in place where nobody can notice. PyTorch: `zero_`.
    public mutating func zero() { fill(0) }

    // MARK: Positions

    /// Positions in a flattened tensor of `shape` as one tensor of coordinates a dim. PyTorch: `torch.unravel_index`.
    public func unravelIndex(_ shape: [Int]) -> [Tensor] {
        guard dtype.isInteger else {
            TensorError.report("unravelIndex", "expected 'indices' to be integer dtype, but got \(dtype)")
            return []
        }
        guard !shape.contains(where: { $0 < 0 }) else {
            TensorError.report("unravelIndex", "'shape' cannot have negative values, but got \(shape)")
            return []
        }
        var inner = 1
        var result: [Tensor] = []
        for n in shape.reversed() {
            result.append((self.floorDivide(Tensor.number(inner, self))).remainder(Tensor.number(Swift.max(n, 1), self)))
            inner *= Swift.max(n, 1)
        }
        return result.reversed()
    }
}
