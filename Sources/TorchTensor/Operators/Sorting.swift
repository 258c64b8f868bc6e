// Order: sorting, the largest few, positions in sorted sequences, membership.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Lines along a dim

    /// This tensor, without graph, as contiguous lines [others, size(d)], and the sizes with `d` moved to the end. 0-dim tensors are one line of one.
    func lines(along d: Int) -> (lines: Tensor, sizes: Dims) {
        let x = withoutGraph
        if rank == 0 { return (x.reshaped([1, 1]), [1]) }
        let moved = d == rank - 1 ? x : noGrad { x.moveDim(d, -1) }
        let n = dims[d]
        return (noGrad { moved.contiguous().reshaped([n == 0 ? 0 : count / n, n]) }, moved.dims)
    }

    /// Undoes `lines` for lines of another length: from [others, n] to the original order of dims.
    func fromLines(_ sizes: Dims, along d: Int, rank: Int) -> Tensor {
        if rank == 0 { return reshaped([]) }
        var s = sizes
        s[s.count - 1] = dims[1]
        let t = reshaped(s)
        return d == rank - 1 ? t : t.moveDim(-1, d).contiguous()
    }

    // MARK: Sorting

    /// Sorted along `dim`, equal elements in their order (stable), NaN as the largest; values and where they came from. PyTorch: `torch.sort`.
    public func sort(dim: Int = -1, descending: Bool = false) -> Extreme {
        guard let d = checkedDim(dim, "sort"), let s = sortedLines(d, descending, "sort") else { return Extreme(values: .placeholder, indices: .placeholder) }
        let indices = s.indices.fromLines(s.sizes, along: d, rank: rank)
        return Extreme(values: recordedPick(s.values.fromLines(s.sizes, along: d, rank: rank), d, indices, "sort"), indices: indices)
    }

    /// Values that were picked along `d` at `indices`, put on the tape.
    private func recordedPick(_ values: Tensor, _ d: Int, _ indices: Tensor, _ name: StaticString) -> Tensor {
        let whole = dims
        return values.withoutGraph.recorded(name, self) { g in Tensor.zeros(whole, dtype: g.dtype, device: g.device).scatterAdd(d, indices, g) }
    }

    /// Sorted contiguous lines along `d`, unrecorded.
    func sortedLines(_ d: Int, _ descending: Bool, _ name: StaticString) -> (values: Tensor, indices: Tensor, sizes: Dims)? {
        guard !dtype.isComplex else {
            TensorError.report("\(name)", "\(name) does not support complex dtypes, got \(dtype)")
            return nil
        }
        let (x, sizes) = lines(along: d)
        // Bool sorts as the bytes it consists of.
        let key = dtype == .bool ? x.converted(to: .uint8) : x
        let values = Tensor.make(x.dims, key.dtype, device: device)
        let indices = Tensor.make(x.dims, .int64, device: device)
        guard backend.sort(values: values.operand, indices: indices.operand, key.operand, descending: descending) else {
            TensorError.report("\(name)", "not implemented for \(dtype)")
            return nil
        }
        return (values.converted(to: dtype), indices, sizes)
    }

    /// Positions that sort along `dim` (stable). PyTorch: `torch.argsort`.
    public func argsort(dim: Int = -1, descending: Bool = false) -> Tensor { withoutGraph.sort(dim: dim, descending: descending).indices }

    /// Sorted along the first dim. PyTorch: `torch.msort`.
    public func msort() -> Tensor { sort(dim: 0).values }

    /// The `k` largest (or smallest) along `dim`, in order, and their positions. PyTorch: `torch.topk`.
    public func topk(_ k: Int, dim: Int = -1, largest: Bool = true) -> Extreme {
        let nothing = Extreme(values: .placeholder, indices: .placeholder)
        guard let d = checkedDim(dim, "topk") else { return nothing }
        let n = rank == 0 ? 1 : dims[d]
        guard k >= 0, k <= n else {
            TensorError.report("topk", "selected index k out of range: k is \(k), dimension \(d) has size \(n)")
            return nothing
        }
        guard !dtype.isComplex else {
            TensorError.report("topk", "topk does not support complex dtypes, got \(dtype)")
            return nothing
        }
        let (x, sizes) = lines(along: d)
        let key = dtype == .bool ? x.converted(to: .uint8) : x
        let values = Tensor.make([x.dims[0], k], key.dtype, device: device)
        let indices = Tensor.make([x.dims[0], k], .int64, device: device)
        if k > 0, count > 0 {
            guard backend.topK(values: values.operand, indices: indices.operand, key.operand, k: k, largest: largest) else {
                TensorError.report("topk", "not implemented for \(dtype)")
                return nothing
            }
        }
        if rank == 0 && k == 0 {
            TensorError.report("topk", "k must be 1 for a 0-dimensional tensor")
            return nothing
        }
        let i = indices.fromLines(sizes, along: d, rank: rank)
        return Extreme(values: recordedPick(values.converted(to: dtype).fromLines(sizes, along: d, rank: rank), d, i, "topk"), indices: i)
    }

    // MARK: Searching

    /// Where each of `values` would be inserted into this sorted sequence so that it stays sorted: before equal ones, or after (`right`).
    ///
    /// A 1-D sequence serves values of any shape; otherwise all dims but the last agree. `sorter` gives the order of an unsorted sequence.
    /// Result int64, or int32. PyTorch: `torch.searchsorted(self, values)`.
    public func searchSorted(_ values: Tensor, right: Bool = false, sorter: Tensor? = nil, outInt32: Bool = false) -> Tensor {
        guard dtype == values.dtype || values.impl.isNumber else {
            TensorError.report(
                "searchsorted", "boundary tensor and input value tensor should have same dtype, but got boundary tensor \(dtype), and input value tensor \(values.dtype)")
            return .placeholder
        }
        guard rank > 0 else {
            TensorError.report("searchsorted", "boundaries tensor should have positive dimension, but got 0 dimension")
            return .placeholder
        }
        let lead = Array(dims.dropLast())
        guard rank == 1 || (values.rank == rank && Array(values.dims.dropLast()) == lead) else {
            TensorError.report(
                "searchsorted",
                "boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, but we got boundaries tensor \(dims) and input value tensor \(values.dims)"
            )
            return .placeholder
        }
        if let sorter {
            guard sorter.dims == dims, sorter.dtype == .int64 else {
                TensorError.report("searchsorted", "boundary and sorter must have the same size and sorter type int64, but got boundary tensor \(dims) and sorter \(sorter.dims) \(sorter.dtype)")
                return .placeholder
            }
            return withoutGraph.gather(-1, sorter).searchSorted(values, right: right, outInt32: outInt32)
        }
        let type: DType = dtype == .bool ? .uint8 : dtype
        let sequence = withoutGraph.converted(to: type).contiguous()
        let wanted = (values.rank == 0 ? values.to(device) : values).withoutGraph.converted(to: type).contiguous()
        let out = Tensor.make(values.dims, .int64, device: device)
        let n = dims[rank - 1]
        let m = rank == 1 ? wanted.count : values.dims[rank - 1]
        let lines = m == 0 ? 0 : wanted.count / m
        for line in 0..<lines {
            let bounds = sequence.operand.view(pointer: sequence.operand.pointer + (rank == 1 ? 0 : line * n * type.itemSize), sizes: [n], strides: [1])
            let v = wanted.operand.view(pointer: wanted.operand.pointer + line * m * type.itemSize, sizes: [m], strides: [1])
            let o = out.operand.view(pointer: out.operand.pointer + line * m * 8, sizes: [m], strides: [1])
            guard backend.searchSorted(o, boundaries: bounds, values: v, right: right) else {
                TensorError.report("searchsorted", "not implemented for \(dtype)")
                return .placeholder
            }
        }
        return outInt32 ? out.converted(to: .int32) : out
    }

    /// Which of the intervals between the sorted 1-D `boundaries` each element falls into. PyTorch: `torch.bucketize`.
    public func bucketize(_ boundaries: Tensor, right: Bool = false, outInt32: Bool = false) -> Tensor {
        guard boundaries.rank == 1 else {
            TensorError.report("bucketize", "boundaries tensor must be 1 dimension, but got dim(\(boundaries.rank))")
            return .placeholder
        }
        return boundaries.searchSorted(self, right: right, outInt32: outInt32)
    }

    /// Whether each element is among `test`. PyTorch: `torch.isin`.
    public func isin(_ test: Tensor, invert: Bool = false) -> Tensor {
        let type = Tensor.resultType(self, test)
        let x = withoutGraph.converted(to: type)
        let t = test.withoutGraph.converted(to: type).contiguous().reshaped([test.count])
        let found: Tensor
        if t.count == 0 {
            found = Tensor.zeros(dims, dtype: .bool, device: device)
        } else if t.count <= 16 || type.isComplex {
            found = (x.unsqueeze(-1) .== t).any([rank])
        } else {
            let sorted = t.sort().values
            // A position behind the last is no match, whatever stands there.
            let place = sorted.searchSorted(x.contiguous()).minimum(Tensor.number(t.count - 1, Tensor.scalarTensor(0, .int64)))
            found = sorted.indexSelect(0, place.reshaped([place.count])).reshaped(dims) .== x
        }
        return invert ? found.logicalNot() : found
    }
}
