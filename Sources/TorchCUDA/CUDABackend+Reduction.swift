// Reductions on the device: which dims are kept and which reduced, and how the work is split among blocks.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    public func reduce(_ op: ReduceOp, _ out: Operand, _ x: Operand, reduced: Dims, _ parameters: KernelParameters) -> Bool {
        if out.count == 0 { return true }
        return onDevice(
            "reduce", failure: true,
            { () throws(DeviceError) in
                try reduceOnDevice(op, out, x, reduced: reduced, parameters)
                return true
            },
            host: { onCPU("reduce", [.write(out), .read(x)], failure: true) { $0.reduce(op, $1[0], $1[1], reduced: reduced, parameters) } })
    }

    /// One dim of a reduction: its extent and strides in bytes.
    private struct Axis {
        var extent, inStride, outStride: Int
    }

    func reduceOnDevice(_ op: ReduceOp, _ out: Operand, _ x: Operand, reduced: Dims, _ parameters: KernelParameters) throws(DeviceError) {
        let limit = Int(Int32.max)
        var (kept, gone): ([Axis], [Axis]) = ([], [])
        let (inSize, outSize) = (x.dtype.itemSize, out.dtype.itemSize)
        for d in 0..<x.sizes.count where x.sizes[d] != 1 {
            let isReduced = reduced[d] != 0
            let axis = Axis(extent: x.sizes[d], inStride: x.strides[d] * inSize, outStride: isReduced ? 0 : out.strides[d] * outSize)
            if isReduced { gone.append(axis) } else { kept.append(axis) }
        }
        // The order matters to argmax and argmin only, whose index counts in the given one.
        if op != .argmax && op != .argmin { gone.sort { abs($0.inStride) > abs($1.inStride) } }
        kept = Self.merged(kept.sorted { (abs($0.inStride), $0.outStride) > (abs($1.inStride), $1.outStride) })
        gone = Self.merged(gone)
        if gone.contains(where: { $0.extent == 0 }) { gone = [Axis(extent: 0, inStride: 0, outStride: 0)] }
        let outputs = kept.reduce(1) { $0 * $1.extent }
        let elements = gone.reduce(1) { $0 * $1.extent }
        if outputs == 0 { return }
        let dims = Int(ST_KERNEL_DIMS)
        guard kept.count <= dims, gone.count <= dims, outputs <= limit, elements <= limit else {
            throw .kernel("reduce", log: "\(x.sizes) has more dims or elements than the kernel counts")
        }

        var a = st_reduce_args()
        (a.in, a.out) = (CUDADevice.address(x.pointer), CUDADevice.address(out.pointer))
        (a.outputs, a.reduced) = (UInt32(outputs), UInt32(elements))
        (a.kept_rank, a.reduced_rank) = (UInt32(kept.count), UInt32(gone.count))
        a.params = unsafeBitCast(parameters, to: st_kernel_params.self)
        Self.store(kept.reversed().map(\.extent), &a.kept_size)
        Self.store(kept.reversed().map(\.inStride), &a.kept_in_stride)
        Self.store(kept.reversed().map(\.outStride), &a.kept_out_stride)
        Self.store(gone.reversed().map(\.extent), &a.reduced_size)
        Self.store(gone.reversed().map(\.inStride), &a.reduced_stride)

        // Neighbours in memory are read by neighbouring threads: those of one output, or those of 32 outputs.
        let isOuter = outputs >= 32 && elements > 1 && (kept.last.map { abs($0.inStride) } ?? .max) < (gone.last.map { abs($0.inStride) } ?? .max)
        let kernel = KernelFamily.reduce.number(Int(op.rawValue), Int(x.dtype.rawValue), isOuter ? 1 : 0)
        // All of it follows from the shape alone, so that the same shape gives the same bits on every device: threads for one output, outputs of a block, and into how
        // many parts each output's elements are split where there are too few blocks to keep a device busy.
        var threads = isOuter ? 8 : 32
        while !isOuter, threads < 256, threads * 4 < elements { threads *= 2 }
        let perBlock = isOuter ? 32 : 256 / threads
        let lines = (outputs + perBlock - 1) / perBlock
        // A thread of an outer one has smaller loads under way.
        let enough = isOuter ? 1024 : 512
        var splits = lines >= enough ? 1 : max(1, min(enough / lines, elements / (threads * 16)))
        // No part may be empty.
        if splits > 1 { splits = (elements + (elements + splits - 1) / splits - 1) / ((elements + splits - 1) / splits) }
        a.splits = UInt32(splits)
        let workspace = splits > 1 ? gpu.allocate(byteCount: outputs * splits * Int(ST_REDUCE_STATE_BYTES)) : nil
        if splits > 1 {
            guard let workspace else { throw refusal(byteCount: outputs * splits * Int(ST_REDUCE_STATE_BYTES)) }
            a.workspace = CUDADevice.address(workspace.pointer)
        }
        try gpu.launch(kernel, grid: (lines, splits, 1), block: isOuter ? (32, threads) : (threads, perBlock), &a)
        if splits > 1 {
            let finish = KernelFamily.reduce.number(Int(op.rawValue), Int(x.dtype.rawValue), 2)
            try gpu.launch(finish, grid: ((outputs + 7) / 8, 1, 1), block: (32, 8), &a)
        }
        withExtendedLifetime(workspace) {}
    }

    /// Joins neighbours that form one run.
    private static func merged(_ axes: [Axis]) -> [Axis] {
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

    /// Sizes as divisors, or strides, in a C array.
    static func store<Field>(_ values: [Int], _ field: inout Field) {
        withUnsafeMutableBytes(of: &field) { p in
            let isSizes = p.count == MemoryLayout<st_divisor>.stride * Int(ST_KERNEL_DIMS)
            for (d, v) in values.enumerated() {
                if isSizes {
                    p.storeBytes(of: st_make_divisor(UInt32(max(v, 1))), toByteOffset: MemoryLayout<st_divisor>.stride * d, as: st_divisor.self)
                } else {
                    p.storeBytes(of: Int64(v), toByteOffset: 8 * d, as: Int64.self)
                }
            }
        }
    }
}
