// Attention and its gradients in tiles.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    public func hasAttention(_ dtype: DType, headSize: Int) -> Bool {
        (dtype == .float16 || dtype == .bfloat16 || dtype == .float32) && headSize > 0 && headSize <= 128
    }

    /// False where a kernel can not be made, so that the caller composes.
    public func attention(_ out: Operand, lse: Operand, query: Operand, key: Operand, value: Operand, causal: Bool, scale: Double) -> Bool {
        onDevice(
            "attention", failure: true,
            { () throws(DeviceError) in
                let result = try withNeighbours(out)
                try launchAttention([query, key, value, result], lse: lse, delta: nil, causal, scale, [.forward])
                if result.pointer != out.pointer { try copyHere(out, result) }
                return true
            }, host: { false })
    }

    public func attentionBackward(
        dq: Operand, dk: Operand, dv: Operand, _ dout: Operand, out: Operand, lse: Operand, query: Operand, key: Operand, value: Operand, causal: Bool, scale: Double
    ) -> Bool {
        onDevice(
            "attentionBackward", failure: true,
            { () throws(DeviceError) in
                let delta = try temporary(like: lse)
                let results = [try withNeighbours(dq), try withNeighbours(dk), try withNeighbours(dv)]
                try launchAttention([query, key, value, out, dout] + results, lse: lse, delta: delta, causal, scale, [.delta, .keys, .queries])
                for (o, r) in zip([dq, dk, dv], results) where r.pointer != o.pointer { try copyHere(o, r) }
                return true
            }, host: { false })
    }

    /// Kernels of the family.
    private enum AttentionKernel: Int {
        case forward = 0
        case keys = 1
        case queries = 2
        case delta = 6
    }

    /// Tensors in the order of the kernels' arguments; the first five may have any strides.
    private func launchAttention(_ tensors: [Operand], lse: Operand, delta: Operand?, _ causal: Bool, _ scale: Double, _ kernels: [AttentionKernel]) throws(DeviceError) {
        let (q, k) = (tensors[0], tensors[1])
        let (heads, queries, keys, width) = (q.sizes[0] * q.sizes[1], q.sizes[2], k.sizes[2], q.sizes[3])
        if heads == 0 || queries == 0 || keys == 0 { return }
        let isFMA = q.dtype == .float32
        let rows = { (kernel: AttentionKernel) in
            Int(isFMA ? ST_ATTENTION_FMA_ROWS : kernel == .forward || width <= 64 ? ST_ATTENTION_ROWS : ST_ATTENTION_WIDE_GRADIENT_ROWS)
        }
        let blocks = { (kernel: AttentionKernel) in ((kernel == .keys ? keys : queries) + rows(kernel) - 1) / rows(kernel) * heads }
        // The kernels count rows past the last tile.
        guard max(blocks(.forward), blocks(.keys), blocks(.queries), queries + 256, keys + 256) <= Int(Int32.max) else {
            throw .kernel("attention", log: "\(q.sizes) queries and \(keys) keys are more than the kernel counts")
        }
        var a = st_attention_args()
        (a.batch, a.heads, a.queries, a.keys, a.width) = (UInt32(q.sizes[0]), UInt32(q.sizes[1]), UInt32(queries), UInt32(keys), UInt32(width))
        (a.causal, a.scale) = (causal ? 1 : 0, scale)
        (a.lse, a.delta) = (CUDADevice.address(lse.pointer), CUDADevice.address(delta?.pointer))
        for o in [lse] + tensors { try gpu.checkPlace(o) }
        var placed: [Operand] = []
        for (i, o) in tensors.enumerated() {
            // Operands that are read and whose rows have gaps are copied; results have been made without.
            let near = i < 5 ? try withNeighbours(o, copying: true) : o
            placed.append(near)
            withUnsafeMutableBytes(of: &a.address) { $0.storeBytes(of: CUDADevice.address(near.pointer), toByteOffset: 8 * i, as: UInt64.self) }
            withUnsafeMutableBytes(of: &a.stride) { p in for d in 0..<3 { p.storeBytes(of: Int64(near.strides[d]), toByteOffset: 8 * (3 * i + d), as: Int64.self) } }
        }
        for kernel in kernels {
            let (column, variant) = (Int(q.dtype.rawValue), kernel == .delta ? 6 : kernel.rawValue + (width > 64 ? 3 : 0))
            if kernel == .delta {
                try gpu.launch(KernelFamily.attention.number(0, column, variant), grid: (min((heads * queries + 31) / 32, 65_536), 1, 1), block: (32, 8), &a)
            } else {
                let threads = Int(isFMA ? ST_ATTENTION_FMA_THREADS : ST_ATTENTION_THREADS)
                try gpu.launch(KernelFamily.attention.number(0, column, variant), grid: (blocks(kernel), 1, 1), block: (threads, 1), &a)
            }
        }
        // What was copied may be reused by what is queued after this, not before.
        withExtendedLifetime(placed) {}
    }

    /// The operand if the numbers of a row are neighbours, else contiguous memory of its sizes, filled where it is read.
    private func withNeighbours(_ o: Operand, copying: Bool = false) throws(DeviceError) -> Operand {
        if o.strides[3] == 1 || o.sizes[3] == 1 { return o }
        let near = try temporary(like: o)
        if copying { try copyHere(near, o) }
        return near
    }
}
