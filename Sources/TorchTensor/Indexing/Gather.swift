// Picking and placing elements by integer tensors.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// An index tensor as int64; reports other types, and an index on another device than the tensor that it picks from, if given.
    func asIndex(_ operation: StaticString, on device: Device? = nil) -> Tensor? {
        if let device, !isHere(device, "\(operation)") { return nil }
        guard dtype.isInteger else {
            TensorError.report("\(operation)", "Expected dtype int64 for index, got \(dtype)", hint: "convert the index with .to(.int64)")
            return nil
        }
        return withoutGraph.converted(to: .int64)
    }

    /// Reports the index at `position` of `index`.
    static func reportIndex(_ check: ElementCheck, _ index: Tensor, _ position: Int, size: Int) {
        check.report("\(index.contiguous().flatten()[position].item(Int.self))", position: position, size: size)
    }

    /// out[i][j][k] = self[index[i][j][k]][j][k] for `dim` 0, and so on. PyTorch: `torch.gather`.
    public func gather(_ dim: Int, _ index: Tensor) -> Tensor {
        guard let d = checkedDim(dim, "gather"), let k = index.asIndex("gather", on: device) else { return .placeholder }
        let (x, i) = rank == 0 ? (reshape([1]), k.rank == 0 ? k.reshape([1]) : k) : (self, k)
        guard i.rank == x.rank, (0..<x.rank).allSatisfy({ $0 == d || i.dims[$0] <= x.dims[$0] }) else {
            TensorError.report("gather", "Size does not match at some dimension: expected index \(index.dims) to be no larger than self \(dims) apart from dimension \(d)")
            return .placeholder
        }
        let out = Tensor.make(i.dims, dtype, device: device)
        let check = ElementCheck.index("gather", dim: d)
        if let bad = backend.gather(out.operand, x.operand, i.operand, dim: d, check) {
            Tensor.reportIndex(check, i, bad, size: x.dims[d])
            return .placeholder
        }
        let whole = dims
        return (index.rank == 0 ? out.reshape([]) : out).recorded("gather", self) { g in
            Tensor.zeros(whole, dtype: g.dtype, device: g.device).scatterAdd(d, k, g)
        }
    }

    /// Adds `source` at the places that `index` names along `dim`. PyTorch: `scatter_add`.
    public func scatterAdd(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
        scattered(.sum, dim, index, source, "scatterAdd").recorded("scatterAdd", (self, { $0 }), (source, { g in g.gatherPart(dim, index, source.dims) }))
    }

    /// The derivative towards a scattered source: what was placed, zero for what the index left out.
    func gatherPart(_ dim: Int, _ index: Tensor, _ sizes: Dims) -> Tensor {
        let g = gather(dim, index)
        if g.dims == sizes { return g }
        return Tensor.embedding(g, into: sizes) { z in (0..<z.rank).reduce(z) { $0.slice($1, 0, g.dims[$1]) } }
    }

    /// The kernel behind scatter operators, unrecorded.
    func scattered(_ op: ScatterOp, _ dim: Int, _ index: Tensor, _ source: Tensor, _ name: StaticString) -> Tensor {
        guard let d = checkedDim(dim, "\(name)"), let k = index.asIndex(name, on: device), source.isHere(device, "\(name)") else { return .placeholder }
        guard source.dtype == dtype else {
            TensorError.report("\(name)", "Expected self.dtype to be equal to src.dtype, got \(dtype) and \(source.dtype)")
            return .placeholder
        }
        let out = contiguous().copied()
        let (o, i, s) = rank == 0 ? (out.reshape([1]), k.reshape([k.count]), source.reshape([source.count])) : (out, k, source)
        if i.count == 0 { return out.withoutGraph }
        guard i.rank == o.rank, s.rank == o.rank, (0..<o.rank).allSatisfy({ i.dims[$0] <= s.dims[$0] && ($0 == d || i.dims[$0] <= o.dims[$0]) }) else {
            TensorError.report("\(name)", "Expected index \(index.dims) to be no larger than self \(dims) apart from dimension \(d) and to be no larger than src \(source.dims)")
            return .placeholder
        }
        let check = ElementCheck.index(name, dim: d)
        if let bad = backend.scatter(op, o.withoutGraph.operand, i.operand, s.operand, dim: d, check) {
            Tensor.reportIndex(check, i, bad, size: o.dims[d])
            return .placeholder
        }
        return out.withoutGraph
    }

    /// Rows (slices along `dim`) at `index`. PyTorch: `torch.index_select`.
    public func indexSelect(_ dim: Int, _ index: Tensor) -> Tensor {
        guard let d = checkedDim(dim, "indexSelect"), let k = index.asIndex("indexSelect", on: device) else { return .placeholder }
        guard k.rank <= 1 else {
            TensorError.report("indexSelect", "Index is supposed to be a vector, but got dim: \(k.rank) with shape \(k.dims)")
            return .placeholder
        }
        let x = rank == 0 ? reshape([1]) : self
        // Rows along dim 0 of a contiguous block; other dims are moved there and back.
        let front = d == 0 ? x.contiguous() : x.moveDim(d, 0).contiguous()
        var sizes = front.dims
        sizes[0] = k.count
        let out = Tensor.make(sizes, dtype, device: device)
        let rows = k.contiguous()
        let check = ElementCheck.index("indexSelect", dim: d)
        if let bad = backend.takeRows(out.operand, front.operand, rows.operand, check) {
            Tensor.reportIndex(check, rows, bad, size: x.dims[d])
            return .placeholder
        }
        let whole = dims
        let result = rank == 0 ? out.reshape([]) : d == 0 ? out : out.moveDim(0, d).contiguous()
        return result.withoutGraph.recorded("indexSelect", self) { g in
            Tensor.zeros(whole, dtype: g.dtype, device: g.device).indexAdd(d, k, g)
        }
    }

    /// Adds `alpha * source`'s slices at `index` along `dim`. PyTorch: `index_add`.
    public func indexAdd(_ dim: Int, _ index: Tensor, _ source: Tensor, alpha: Double = 1) -> Tensor {
        guard let d = checkedDim(dim, "indexAdd"), let k = index.asIndex("indexAdd", on: device), source.isHere(device, "indexAdd") else { return .placeholder }
        guard source.dtype == dtype else {
            TensorError.report("indexAdd", "self (\(dtype)) and source (\(source.dtype)) must have the same scalar type")
            return .placeholder
        }
        let s = rank == 0 ? source.reshape([source.count]) : source
        var expected = rank == 0 ? [1] : dims
        expected[d] = k.count
        guard k.rank <= 1, s.dims == expected else {
            TensorError.report("indexAdd", "source shape \(source.dims) does not fit self \(dims) with \(k.count) indices along dimension \(d)")
            return .placeholder
        }
        let front = noGrad { (rank == 0 ? self.reshape([1]) : d == 0 ? self : moveDim(d, 0)) }
        let block = Tensor.make(front.dims, dtype, device: device)
        backend.copy(block.operand, front.operand)
        let rows = k.contiguous()
        let values = noGrad { (d == 0 ? s : s.moveDim(d, 0)).contiguous() }
        let check = ElementCheck.index("indexAdd", dim: d)
        if let bad = backend.addRows(block.operand, values.operand, rows.operand, alpha: alpha, skip: nil, check) {
            Tensor.reportIndex(check, rows, bad, size: (rank == 0 ? [1] : dims)[d])
            return .placeholder
        }
        let result = noGrad { rank == 0 ? block.reshape([]) : d == 0 ? block : block.moveDim(0, d).contiguous() }
        return Tensor(result.impl.alias()).recorded(
            "indexAdd", (self, { $0 }),
            (
                source,
                { g in
                    let part = g.indexSelect(d, k)
                    return (alpha == 1 ? part : part * alpha).reshaped(source.dims)
                }
            ))
    }
}
