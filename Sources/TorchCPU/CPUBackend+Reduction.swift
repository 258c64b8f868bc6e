// Reductions and scans on the CPU: which dims are kept, which reduced, in canonical form for the kernels.
import TorchKernels
import TorchRuntime

extension CPUBackend {
    /// One dim of a reduction: its extent and strides in bytes.
    private struct Axis {
        var extent: Int64
        var inStride: Int64
        var outStride: Int64
    }

    public func reduce(_ op: ReduceOp, _ out: Operand, _ x: Operand, reduced: Dims, _ parameters: KernelParameters) -> Bool {
        var kept: [Axis] = []
        var gone: [Axis] = []
        let (inSize, outSize) = (Int64(x.dtype.itemSize), Int64(out.dtype.itemSize))
        for d in 0..<x.sizes.count where x.sizes[d] != 1 || (reduced[d] != 0 && x.sizes[d] == 0) {
            let axis = Axis(extent: Int64(x.sizes[d]), inStride: Int64(x.strides[d]) * inSize, outStride: reduced[d] != 0 ? 0 : Int64(out.strides[d]) * outSize)
            if reduced[d] != 0 { gone.append(axis) } else { kept.append(axis) }
        }
        // Order matters to nobody but argmax and argmin, whose index counts in the given order.
        if op != .argmax && op != .argmin { gone.sort { abs($0.inStride) > abs($1.inStride) } }
        kept = merged(kept.sorted { (abs($0.inStride), $0.outStride) > (abs($1.inStride), $1.outStride) })
        gone = merged(gone)

        let keptSizes = kept.map(\.extent)
        let keptIn = kept.map(\.inStride)
        let keptOut = kept.map(\.outStride)
        let reduceSizes = gone.map(\.extent)
        let reduceStrides = gone.map(\.inStride)
        return keptSizes.withUnsafeBufferPointer { ks in
            keptIn.withUnsafeBufferPointer { ki in
                keptOut.withUnsafeBufferPointer { ko in
                    reduceSizes.withUnsafeBufferPointer { rs in
                        reduceStrides.withUnsafeBufferPointer { rt in
                            var plan = st_reduction()
                            plan.in = UnsafePointer(x.pointer.assumingMemoryBound(to: CChar.self))
                            plan.out = out.pointer.assumingMemoryBound(to: CChar.self)
                            plan.kept_rank = Int32(kept.count)
                            plan.reduce_rank = Int32(gone.count)
                            plan.kept_sizes = ks.baseAddress
                            plan.kept_in_strides = ki.baseAddress
                            plan.kept_out_strides = ko.baseAddress
                            plan.reduce_sizes = rs.baseAddress
                            plan.reduce_strides = rt.baseAddress
                            return withUnsafePointer(to: parameters) { st_reduce(op, x.dtype.kernel, &plan, $0) }
                        }
                    }
                }
            }
        }
    }

    /// Joins neighbours that form one run.
    private func merged(_ axes: [Axis]) -> [Axis] {
        var result: [Axis] = []
        for axis in axes {
            if let last = result.last, last.inStride == axis.inStride * axis.extent, last.outStride == axis.outStride * axis.extent {
                result[result.count - 1] = Axis(extent: last.extent * axis.extent, inStride: axis.inStride, outStride: axis.outStride)
            } else {
                result.append(axis)
            }
        }
        return result
    }

    public func scan(_ op: ScanOp, _ out: Operand, _ indices: Operand?, _ x: Operand, dim: Int) -> Bool {
        let n = x.sizes[dim]
        var lines = x.sizes
        lines[dim] = 1
        let count = lines.product
        guard count > 0, n > 0 else { return true }
        let (xs, os) = (x.dtype.itemSize, out.dtype.itemSize)
        let ok = UnsafeMutablePointer<Bool>.allocate(capacity: 1)
        defer { ok.deallocate() }
        ok.pointee = true
        Parallel.forEach(count: count, grain: Swift.max(1, Parallel.cheapGrain / n)) { range in
            for line in range {
                var rest = line
                var (xo, oo, io) = (0, 0, 0)
                var d = lines.count - 1
                while d >= 0 {
                    let i = rest % lines[d]
                    rest /= lines[d]
                    xo += i * x.strides[d]
                    oo += i * out.strides[d]
                    if let indices { io += i * indices.strides[d] }
                    d -= 1
                }
                let done = st_scan_row(
                    op, x.dtype.kernel,
                    (x.pointer + xo * xs).assumingMemoryBound(to: CChar.self), Int64(x.strides[dim] * xs),
                    (out.pointer + oo * os).assumingMemoryBound(to: CChar.self), Int64(out.strides[dim] * os),
                    indices.map { ($0.pointer + io * 8).assumingMemoryBound(to: CChar.self) }, Int64((indices?.strides[dim] ?? 0) * 8), Int64(n))
                if !done { ok.pointee = false }
            }
        }
        return ok.pointee
    }
}
