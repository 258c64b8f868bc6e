// x[…] with tensors: which elements they pick, reading and writing them.
import TorchKernels
import TorchRuntime

/// Integer tensors that pick from a view, brought to one form: rows of the view with the picked dims in front.
struct Picking {
    /// Dims of the view: those that are picked from, then the rest.
    let order: [Int]
    /// How many dims are picked from.
    let depth: Int
    /// Common shape of the integer tensors.
    let picked: Dims
    /// Sizes of the rest.
    let rest: Dims
    /// int64, contiguous: for each place of `picked` the row-major position within the picked dims.
    let rows: Tensor
    /// For each dim of the result, its place in (picked…, rest…).
    let arrangement: [Int]
    /// Shape of the result.
    let result: Dims

    /// Reports tensors that do not fit together and positions that do not exist, and gives nil.
    init?(_ picks: [(dim: Int, index: Tensor)], _ sizes: Dims, device: Device) {
        var common = picks[0].index.dims
        for p in picks.dropFirst() {
            guard let s = Shape.broadcast(common, p.index.dims) else {
                let shapes = picks.map { "\($0.index.shape)" }.joined(separator: ", ")
                TensorError.report("index", "shape mismatch: indexing tensors could not be broadcast together with shapes \(shapes)")
                return nil
            }
            common = s
        }
        let dims = picks.map(\.dim)
        let others = (0..<sizes.count).filter { !dims.contains($0) }
        order = dims + others
        depth = dims.count
        picked = common
        rest = Dims(others.map { sizes[$0] })
        // Adjacent: the picked dims stay where they were; otherwise they come first.
        let adjacent = dims.last! - dims[0] == dims.count - 1
        let before = adjacent ? dims[0] : 0
        let b = common.count
        arrangement = (0..<before).map { b + $0 } + (0..<b) + (before..<others.count).map { b + $0 }
        var shape = Dims()
        for place in arrangement { shape.append(place < b ? common[place] : sizes[others[place - b]]) }
        result = shape
        guard let rows = Picking.rows(picks, sizes, common) else { return nil }
        self.rows = rows.to(device)
    }

    /// Checks bounds, counts negative positions from the end and joins the positions of all picked dims.
    private static func rows(_ picks: [(dim: Int, index: Tensor)], _ sizes: Dims, _ common: Dims) -> Tensor? {
        let n = common.product
        let rows = Tensor.make([n], .int64)
        let out = rows.operand.pointer.assumingMemoryBound(to: Int64.self)
        for (k, pick) in picks.enumerated() {
            let size = Int64(sizes[pick.dim])
            let index = noGrad { pick.index.to(.cpu).expanded(to: common).contiguous() }
            let bad: Int64? = withExtendedLifetime(index) {
                let p = index.operand.pointer.assumingMemoryBound(to: Int64.self)
                for i in 0..<n {
                    var v = p[i]
                    if v < 0 { v += size }
                    if v < 0 || v >= size { return p[i] }
                    out[i] = k == 0 ? v : out[i] * size + v
                }
                return nil
            }
            if let bad {
                TensorError.report("index", "index \(bad) is out of bounds for dimension \(pick.dim) with size \(size)")
                return nil
            }
        }
        return rows
    }
}

extension Tensor {
    // MARK: Reading

    /// The elements that `picks` name, as a copy. PyTorch: `aten.index`.
    func picked(_ picks: [(dim: Int, index: Tensor)]) -> Tensor {
        guard let p = Picking(picks, dims, device: device) else { return .placeholder }
        let n = p.rows.count
        let x = noGrad { withoutGraph.permuted(p.order) }
        var sizes: Dims = [n]
        for s in p.rest { sizes.append(s) }
        let out = Tensor.make(sizes, dtype, device: device)
        if out.count > 0 {
            if p.depth == 1 && !x.isContiguous {
                // Rows are not in one piece: element by element, rather than a copy of everything.
                let index = p.rows.operand.view(sizes: sizes, strides: Tensor.rowStrides(sizes))
                _ = backend.gather(out.operand, x.operand, index, dim: 0, .index("index", dim: 0))
            } else {
                var block = x.contiguous().operand
                let rest = p.rest.product
                block.sizes = [x.count / rest, rest]
                block.strides = [rest, 1]
                _ = backend.takeRows(out.operand, block, p.rows.operand, .index("index", dim: 0))
            }
        }
        let whole = dims
        let indices = Tensor.optionalIndices(picks, rank)
        return noGrad { out.reshaped(Dims(p.picked.array + p.rest.array)).permuted(p.arrangement) }.recorded("index", self) { g in
            Tensor.zeros(whole, dtype: g.dtype, device: g.device).indexPut(indices, g, accumulate: true)
        }
    }

    /// Strides of an index that is the same for all of a row.
    private static func rowStrides(_ sizes: Dims) -> Dims {
        var s = Dims(rank: sizes.count)
        s[0] = 1
        return s
    }

    private static func optionalIndices(_ picks: [(dim: Int, index: Tensor)], _ rank: Int) -> [Tensor?] {
        var result = [Tensor?](repeating: nil, count: rank)
        for p in picks { result[p.dim] = p.index }
        return result
    }

    /// The elements where a mask that starts at `dim` is true.
    func picked(_ dim: Int, _ mask: Tensor) -> Tensor {
        if mask.rank == rank { return maskedSelect(mask) }
        return picked(mask.nonzeroTuple().enumerated().map { (dim + $0, $1) })
    }

    /// The elements that integer tensors or masks name, nil for a whole dim. PyTorch: `aten.index`.
    public func index(_ indices: [Tensor?]) -> Tensor { indexed(indices.map { $0.map(IndexItem.tensor) ?? .all }) }

    // MARK: Writing

    /// Writes (or adds) `value` to a part of memory that nobody else sees. Reports a value that does not fit, and gives false.
    static func write(_ target: Operand, _ value: Tensor, _ r: ResolvedIndex, _ backend: any Backend, accumulate: Bool) -> Bool {
        if let (dim, mask) = r.mask {
            if !accumulate, let done = writeMasked(target, value, dim, mask, backend) { return done }
            return write(target, value, mask.nonzeroTuple().enumerated().map { (dim + $0, $1) }, backend, accumulate)
        }
        if !r.picks.isEmpty { return write(target, value, r.picks, backend, accumulate) }
        guard let v = fitted(value, to: target.sizes, "The expanded size of the tensor must match the existing size at non-singleton dimensions.") else { return false }
        if accumulate {
            _ = backend.binary(.add, target, target, v.converted(to: target.dtype).operand.expanded(to: target.sizes), KernelParameters(0))
        } else {
            backend.copy(target, v.operand.expanded(to: target.sizes))
        }
        return true
    }

    /// Without leading sizes of 1 that `sizes` does not have; reports what does not broadcast.
    private static func fitted(_ value: Tensor, to sizes: Dims, _ phrase: String) -> Tensor? {
        var v = value
        while v.rank > sizes.count, v.dims[0] == 1 { v = noGrad { v.squeeze(0) } }
        if Shape.canBroadcast(v.dims, to: sizes) { return v }
        TensorError.report("subscript", "\(phrase) Target sizes: \(sizes.array). Tensor sizes: \(value.shape)")
        return nil
    }

    /// Writes where a mask is true without looking for positions: one value for all of them, or as many values as a full mask wants. Nil: not of that form.
    private static func writeMasked(_ target: Operand, _ value: Tensor, _ dim: Int, _ mask: Tensor, _ backend: any Backend) -> Bool? {
        let after = target.sizes.count - dim - mask.rank
        var v = value.converted(to: target.dtype)
        if value.rank > after {
            let place = value.rank - 1 - after
            guard value.dims[place] == 1, value.rank - 1 <= target.sizes.count - mask.rank else {
                guard mask.rank == target.sizes.count, value.rank == 1, value.count == backend.nonzero(nil, mask.operand) else { return nil }
                let values = v.contiguous()
                _ = backend.maskedScatter(target, mask.operand, values.operand)
                return true
            }
            var sizes = v.dims
            for _ in 1..<Swift.max(mask.rank, 1) { sizes.insert(1, at: place) }
            v = noGrad { v.reshaped(sizes) }
        }
        guard Shape.canBroadcast(v.dims, to: target.sizes) else { return nil }
        var m = mask.operand
        for _ in 0..<after {
            m.sizes.append(1)
            m.strides.append(0)
        }
        backend.select(target, m.expanded(to: target.sizes), v.operand.expanded(to: target.sizes), target)
        return true
    }

    /// Writes or adds at integer positions.
    private static func write(_ target: Operand, _ value: Tensor, _ picks: [(dim: Int, index: Tensor)], _ backend: any Backend, _ accumulate: Bool) -> Bool {
        guard let p = Picking(picks, target.sizes, device: value.device) else { return false }
        guard let fit = fitted(value, to: p.result, "shape mismatch: value tensor cannot be broadcast to indexing result.") else { return false }
        let n = p.rows.count
        if n == 0 || p.rest.product == 0 { return true }
        // The value in the order (picked…, rest…), then (row, rest…).
        var sizes: Dims = [n]
        for s in p.rest { sizes.append(s) }
        let source = noGrad {
            var back = p.arrangement
            for (i, place) in p.arrangement.enumerated() { back[place] = i }
            return fit.converted(to: target.dtype).expanded(to: p.result).permuted(back).reshaped(sizes)
        }
        var t = target
        for (i, d) in p.order.enumerated() {
            t.sizes[i] = target.sizes[d]
            t.strides[i] = target.strides[d]
        }
        // One dim for all that are picked from; where strides do not allow it, a copy is written and copied back.
        var rows: Dims = [t.sizes[..<p.depth].reduce(1, *)]
        var strides: Dims = [t.strides[p.depth - 1]]
        for s in p.rest { rows.append(s) }
        for s in t.strides[p.depth...] { strides.append(s) }
        let joins = (1..<Swift.max(p.depth, 1)).allSatisfy { t.strides[$0 - 1] == t.strides[$0] * t.sizes[$0] }
        if !joins {
            let copy = Tensor.make(t.sizes, t.dtype, device: value.device)
            backend.copy(copy.operand, t)
            var c = copy.operand
            c.sizes = rows
            c.strides = rows.contiguousStrides
            place(c, source, p.rows, backend, accumulate)
            backend.copy(t, copy.operand)
            return true
        }
        t.sizes = rows
        t.strides = strides
        place(t, source, p.rows, backend, accumulate)
        return true
    }

    /// target[rows[i]] = or += source[i]. The last of equal rows wins.
    private static func place(_ target: Operand, _ source: Tensor, _ rows: Tensor, _ backend: any Backend, _ accumulate: Bool) {
        if accumulate && target.dtype != .bool && target.isContiguous {
            let values = source.contiguous()
            if backend.addRows(target, values.operand, rows.operand, alpha: 1, skip: nil, .index("indexPut", dim: 0)) == nil { return }
        }
        let index = rows.operand.view(sizes: source.dims, strides: rowStrides(source.dims))
        _ = backend.scatter(accumulate ? .sum : .replace, target, index, source.operand, dim: 0, .index("indexPut", dim: 0))
    }

    /// A copy with `values` written (or added, repeated positions adding up) at the positions that integer tensors or masks name, nil for a whole dim.
    /// Where a position comes more than once without `accumulate`, the last value stays. PyTorch: `torch.index_put`.
    public func indexPut(_ indices: [Tensor?], _ values: Tensor, accumulate: Bool = false) -> Tensor {
        guard values.dtype == dtype || values.impl.isNumber else {
            TensorError.report("indexPut", "Index put requires the source and destination dtypes match, got \(dtype) for the destination and \(values.dtype) for the source.")
            return .placeholder
        }
        let items = indices.map { $0.map { IndexItem.tensor($0.withoutGraph) } ?? .all }
        let out = contiguous().copied().withoutGraph
        guard let r = ResolvedIndex(items, out), Tensor.write(r.part(of: out.operand), values.withoutGraph, r, backend, accumulate: accumulate) else {
            return .placeholder
        }
        let zeros = { (g: Tensor) in Tensor.zeros(Dims(), dtype: g.dtype, device: g.device) }
        return out.recorded("indexPut", (self, { g in accumulate ? g : g.indexPut(indices, zeros(g)) }), (values, { g in g.index(indices) }))
    }
}
