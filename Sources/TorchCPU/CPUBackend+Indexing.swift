// Gather, scatter, sort on the CPU.
import TorchKernels
import TorchRuntime

extension CPUBackend {
    /// Calls `body` with the kernels' view of `x`, strides in bytes.
    private func view<Result>(_ x: Operand, _ body: (st_view) -> Result) -> Result {
        let rank = x.sizes.count
        return withUnsafeTemporaryAllocation(of: Int64.self, capacity: 2 * rank + 1) { buffer in
            let base = buffer.baseAddress!
            for d in 0..<rank {
                base[d] = Int64(x.sizes[d])
                base[rank + d] = Int64(x.strides[d] * x.dtype.itemSize)
            }
            return body(st_view(data: x.pointer.assumingMemoryBound(to: CChar.self), rank: Int32(rank), sizes: base, strides: base + rank))
        }
    }

    /// The kernels' -1 for "all in range".
    private func position(_ result: Int64) -> Int? { result < 0 ? nil : Int(result) }

    public func gather(_ out: Operand, _ x: Operand, _ index: Operand, dim: Int, _ check: ElementCheck) -> Int? {
        view(out) { o in view(x) { i in view(index) { k in position(st_gather(Int32(out.dtype.itemSize), o, i, k, Int32(dim))) } } }
    }

    public func scatter(_ op: ScatterOp, _ out: Operand, _ index: Operand, _ source: Operand, dim: Int, _ check: ElementCheck) -> Int? {
        view(out) { o in view(index) { k in view(source) { s in position(st_scatter(op, out.dtype.kernel, o, k, s, Int32(dim))) } } }
    }

    public func takeRows(_ out: Operand, _ x: Operand, _ index: Operand, _ check: ElementCheck) -> Int? {
        let size = x.dtype.itemSize
        let rowBytes = x.sizes[0] == 0 ? 0 : x.count / x.sizes[0] * size
        return position(
            st_take_rows(
                out.pointer.assumingMemoryBound(to: CChar.self), Int64(rowBytes), x.pointer.assumingMemoryBound(to: CChar.self), Int64(x.strides[0] * size),
                Int64(x.sizes[0]), Int64(rowBytes), index.pointer.assumingMemoryBound(to: Int64.self), Int64(index.count), false))
    }

    public func addRows(_ out: Operand, _ x: Operand, _ index: Operand, alpha: Double, skip: Int?, _ check: ElementCheck) -> Int? {
        let size = x.dtype.itemSize
        let columns = out.sizes[0] == 0 ? 0 : out.count / out.sizes[0]
        return position(
            st_add_rows(
                x.dtype.kernel, out.pointer.assumingMemoryBound(to: CChar.self), Int64(columns * size), Int64(out.sizes[0]),
                x.pointer.assumingMemoryBound(to: CChar.self), Int64(columns * size), Int64(columns), index.pointer.assumingMemoryBound(to: Int64.self),
                Int64(index.count), alpha, Int64(skip ?? -1)))
    }

    public func nonzero(_ out: Operand?, _ mask: Operand) -> Int {
        view(mask) { m in Int(st_nonzero(m, out?.pointer.assumingMemoryBound(to: Int64.self))) }
    }

    public func maskedSelect(_ out: Operand, _ x: Operand, _ mask: Operand) {
        _ = view(x) { i in view(mask) { m in st_masked_select(Int32(x.dtype.itemSize), i, m, out.pointer.assumingMemoryBound(to: CChar.self)) } }
    }

    public func maskedScatter(_ out: Operand, _ mask: Operand, _ source: Operand) -> Int {
        view(out) { o in
            view(mask) { m in
                Int(st_masked_scatter(Int32(out.dtype.itemSize), o, m, source.pointer.assumingMemoryBound(to: CChar.self), Int64(source.count)))
            }
        }
    }

    public func sort(values: Operand, indices: Operand?, _ x: Operand, descending: Bool) -> Bool {
        st_sort_rows(
            x.dtype.kernel, x.pointer, values.pointer, indices?.pointer.assumingMemoryBound(to: Int64.self), Int64(x.sizes[0]), Int64(x.sizes[1]), descending)
    }

    public func topK(values: Operand, indices: Operand, _ x: Operand, k: Int, largest: Bool) -> Bool {
        st_topk_rows(
            x.dtype.kernel, x.pointer, values.pointer, indices.pointer.assumingMemoryBound(to: Int64.self), Int64(x.sizes[0]), Int64(x.sizes[1]), Int64(k), largest)
    }

    public func searchSorted(_ out: Operand, boundaries: Operand, values: Operand, right: Bool) -> Bool {
        st_searchsorted(
            boundaries.dtype.kernel, boundaries.pointer, Int64(boundaries.count), values.pointer, out.pointer.assumingMemoryBound(to: Int64.self),
            Int64(values.count), right)
    }
}
