// Where a mask is true, on the device: see Note [Masks in two passes].
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    // Variants of KernelFamily.mask and .masked.
    private static let count = 0
    private static let scan = 1
    private static let positions = 2
    private static let select = 0
    private static let scatter = 1

    /// A counted mask: arguments for the pass that moves, and the numbers of its tiles, which live as long as this.
    private struct Counted {
        var arguments: st_mask_args
        let tiles: Storage
        /// Number of tiles.
        let blocks: Int
        /// Address of the number of true elements.
        var total: UInt64 { CUDADevice.address(tiles.pointer) + UInt64(4 * blocks) }
    }

    /// Counts the true elements of the tiles of `mask`, which has some, and sums them up. `data` goes with it element by element.
    private func counted(_ mask: Operand, _ data: Operand?) throws(DeviceError) -> Counted {
        for case let o? in [mask, data] { try gpu.checkPlace(o) }
        let (count, rank) = (mask.count, mask.sizes.count)
        guard rank <= Int(ST_KERNEL_DIMS), count <= Int(Int32.max) else { throw .kernel("mask", log: "\(mask.sizes) has more dims or elements than the kernel counts") }
        let blocks = (count + Int(ST_MASK_TILE) - 1) / Int(ST_MASK_TILE)
        guard let tiles = gpu.allocate(byteCount: 4 * (blocks + 1)) else { throw refusal(byteCount: 4 * (blocks + 1)) }
        var a = st_mask_args()
        (a.mask, a.data, a.tiles) = (CUDADevice.address(mask.pointer), CUDADevice.address(data?.pointer), CUDADevice.address(tiles.pointer))
        (a.count, a.rank) = (UInt32(count), UInt32(max(rank, 1)))
        a.linear = (mask.isContiguous ? 1 : 0) | (data?.isContiguous ?? true ? 2 : 0)
        let dims = (0..<rank).reversed()
        Self.store(rank == 0 ? [1] : dims.map { mask.sizes[$0] }, &a.size)
        Self.store(dims.map { mask.strides[$0] }, &a.mask_stride)
        if let data { Self.store(dims.map { data.strides[$0] * data.dtype.itemSize }, &a.data_stride) }
        try gpu.launch(KernelFamily.mask.number(0, 0, Self.count), grid: (blocks, 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
        try gpu.launch(KernelFamily.mask.number(0, 0, Self.scan), grid: (1, 1, 1), block: (1024, 1), &a)
        return Counted(arguments: a, tiles: tiles, blocks: blocks)
    }

    /// The number of true elements, for which this waits.
    private func total(_ c: Counted) throws(DeviceError) -> Int {
        var n: UInt32 = 0
        try gpu.download(from: c.total, to: &n, byteCount: 4)
        return Int(n)
    }

    public func nonzero(_ out: Operand?, _ mask: Operand) -> Int {
        if mask.count == 0 { return 0 }
        return onDevice(
            "nonzero", failure: 0,
            { () throws(DeviceError) in
                var c = try counted(mask, nil)
                guard let out else { return try total(c) }
                // Whoever made room for the positions has their number.
                if out.count == 0 { return out.sizes[0] }
                try gpu.checkPlace(out)
                c.arguments.packed = CUDADevice.address(out.pointer)
                try gpu.launch(KernelFamily.mask.number(0, 0, Self.positions), grid: (c.blocks, 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &c.arguments)
                return out.sizes[0]
            }, host: { onCPU("nonzero", [.write(out), .read(mask)], failure: 0) { $0.nonzero($1.optional(0), $1[1]) } })
    }

    public func maskedSelect(_ out: Operand, _ x: Operand, _ mask: Operand) {
        if out.count == 0 || mask.count == 0 { return }
        onDevice(
            "maskedSelect", failure: (),
            { () throws(DeviceError) in
                try gpu.checkPlace(out)
                var c = try counted(mask, x)
                c.arguments.packed = CUDADevice.address(out.pointer)
                try gpu.launch(KernelFamily.masked.number(0, Self.sizeColumn(x.dtype), Self.select), grid: (c.blocks, 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &c.arguments)
            }, host: { onCPU("maskedSelect", [.write(out), .read(x), .read(mask)], failure: ()) { $0.maskedSelect($1[0], $1[1], $1[2]) } })
    }

    public func maskedScatter(_ out: Operand, _ mask: Operand, _ source: Operand) -> Int {
        if mask.count == 0 { return 0 }
        return onDevice(
            "maskedScatter", failure: 0,
            { () throws(DeviceError) in
                try gpu.checkPlace(source)
                var c = try counted(mask, out)
                (c.arguments.packed, c.arguments.packed_count) = (CUDADevice.address(source.pointer), UInt64(source.count))
                try gpu.launch(KernelFamily.masked.number(0, Self.sizeColumn(out.dtype), Self.scatter), grid: (c.blocks, 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &c.arguments)
                return try total(c)
            }, host: { onCPU("maskedScatter", [.update(out), .read(mask), .read(source)], failure: 0) { $0.maskedScatter($1[0], $1[1], $1[2]) } })
    }
}
