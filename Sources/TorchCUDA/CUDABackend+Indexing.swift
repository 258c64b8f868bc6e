// Gather, scatter and rows on the device.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    /// Looks `x` up along `dim`.
    private func look(_ out: Operand, _ x: Operand, _ index: Operand, dim: Int, _ check: ElementCheck) throws(DeviceError) -> Int? {
        for o in [out, x, index] { try gpu.checkPlace(o) }
        let rank = index.sizes.count
        let count = index.count
        if count == 0 { return nil }
        guard rank >= 1, rank <= Int(ST_KERNEL_DIMS), count <= Int(Int32.max) else { throw .kernel("gather", log: "\(index.sizes) has more dims or elements than the kernel counts") }
        return try checked(check, size: x.sizes[dim]) { (fault) throws(DeviceError) in
            var a = st_gather_args()
            (a.walked, a.index, a.indexed, a.fault) = (CUDADevice.address(out.pointer), CUDADevice.address(index.pointer), CUDADevice.address(x.pointer), fault)
            (a.count, a.rank) = (UInt32(count), UInt32(rank))
            let size = x.dtype.itemSize
            (a.dim_stride, a.extent) = (Int64(x.strides[dim] * size), Int64(x.sizes[dim]))
            let dims = (0..<rank).reversed()
            Self.store(dims.map { index.sizes[$0] }, &a.size)
            Self.store(dims.map { out.strides[$0] * size }, &a.walked_stride)
            Self.store(dims.map { index.strides[$0] * 8 }, &a.index_stride)
            Self.store(dims.map { $0 == dim ? 0 : x.strides[$0] * size }, &a.indexed_stride)
            let kernel = KernelFamily.gather.number(0, Self.sizeColumn(x.dtype), 0)
            try gpu.launch(kernel, grid: (CUDADevice.blocks(count, each: 1), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
        }
    }

    public func gather(_ out: Operand, _ x: Operand, _ index: Operand, dim: Int, _ check: ElementCheck) -> Int? {
        onDevice(
            "gather", failure: nil, { () throws(DeviceError) in try look(out, x, index, dim: dim, check) },
            host: { onCPU("gather", [.write(out), .read(x), .read(index)], failure: nil) { $0.gather($1[0], $1[1], $1[2], dim: dim, check) } })
    }

    public func scatter(_ op: ScatterOp, _ out: Operand, _ index: Operand, _ source: Operand, dim: Int, _ check: ElementCheck) -> Int? {
        let host: () -> Int? = { onCPU("scatter", [.update(out), .read(index), .read(source)], failure: nil) { $0.scatter(op, $1[0], $1[1], $1[2], dim: dim, check) } }
        let rank = index.sizes.count
        let others = (0..<rank).filter { $0 != dim }
        let along = rank == 0 ? 0 : index.sizes[dim]
        let lines = others.reduce(1) { $0 * index.sizes[$1] }
        if lines * along == 0 { return nil }
        guard out.dtype.rawValue <= DType.complex128.rawValue, rank <= Int(ST_KERNEL_DIMS), lines * along <= Int(Int32.max) else { return host() }
        return onDevice(
            "scatter", failure: nil,
            { () throws(DeviceError) in
                for o in [out, index, source] { try gpu.checkPlace(o) }
                // The kernel counts lines, then places along them; the report counts the index's elements in row-major order.
                let sizes = index.sizes
                let place = { Self.place(line: $0 / along, $0 % along, dim, sizes) }
                return try checked(check, size: out.sizes[dim], position: place) { (fault) throws(DeviceError) in
                    var a = st_scatter_args()
                    (a.out, a.index, a.source, a.fault) = (CUDADevice.address(out.pointer), CUDADevice.address(index.pointer), CUDADevice.address(source.pointer), fault)
                    (a.count, a.rank, a.along, a.extent) = (UInt32(lines), UInt32(others.count), UInt32(along), Int64(out.sizes[dim]))
                    let size = out.dtype.itemSize
                    (a.out_along, a.index_along, a.source_along) = (Int64(out.strides[dim] * size), Int64(index.strides[dim] * 8), Int64(source.strides[dim] * size))
                    let dims = others.reversed()
                    Self.store(dims.map { index.sizes[$0] }, &a.size)
                    Self.store(dims.map { out.strides[$0] * size }, &a.out_stride)
                    Self.store(dims.map { index.strides[$0] * 8 }, &a.index_stride)
                    Self.store(dims.map { source.strides[$0] * size }, &a.source_stride)
                    let kernel = KernelFamily.scatter.number(Int(op.rawValue), Int(out.dtype.rawValue), 0)
                    guard Self.isSortedFirst(lines: lines, along: along) else {
                        return try gpu.launch(kernel, grid: (CUDADevice.blocks(lines, each: 1), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
                    }
                    let order = Dims(others + [dim])
                    let turned = index.view(sizes: Dims(order.map { index.sizes[$0] }), strides: Dims(order.map { index.strides[$0] }))
                    let run = turned.isContiguous ? turned : try temporary(like: turned)
                    if !turned.isContiguous { copy(run, turned) }
                    let sorted = try ordered(run, rows: lines, n: along, extent: out.sizes[dim])
                    (a.keys, a.items) = (sorted.keys, sorted.items)
                    try gpu.launch(kernel + 1, grid: (CUDADevice.blocks(lines * along, each: 1), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
                }
            }, host: host)
    }

    /// Whether lines are too long to be done by a thread each, and too few to keep the device busy. Beyond the limit keys and positions would take too much memory.
    private static func isSortedFirst(lines: Int, along: Int) -> Bool { along >= 256 && lines <= 1 << 14 && lines * along <= 1 << 26 }

    private static func place(line: Int, _ i: Int, _ dim: Int, _ sizes: Dims) -> Int {
        let inner = sizes[(dim + 1)...].reduce(1, *)
        return (line / inner * sizes[dim] + i) * inner + line % inner
    }

    public func takeRows(_ out: Operand, _ x: Operand, _ index: Operand, _ check: ElementCheck) -> Int? {
        let rowBytes = x.sizes[0] == 0 ? 0 : x.count / x.sizes[0] * x.dtype.itemSize
        return onDevice(
            "takeRows", failure: nil,
            { () throws(DeviceError) in
                for o in [out, x, index] { try gpu.checkPlace(o) }
                if index.count == 0 { return nil }
                return try checked(check, size: x.sizes[0]) { (fault) throws(DeviceError) in
                    var a = st_take_rows_args()
                    (a.out, a.in, a.index, a.fault) = (CUDADevice.address(out.pointer), CUDADevice.address(x.pointer), CUDADevice.address(index.pointer), fault)
                    (a.count, a.row_bytes, a.out_stride, a.in_stride) = (UInt64(index.count), UInt64(rowBytes), Int64(rowBytes), Int64(x.strides[0] * x.dtype.itemSize))
                    (a.extent, a.skip) = (Int64(x.sizes[0]), -1)
                    try gpu.launch(
                        KernelFamily.gather.number(0, Self.sizeColumn(x.dtype), 1), grid: (min(index.count, 65_536), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
                }
            }, host: { onCPU("takeRows", [.write(out), .read(x), .read(index)], failure: nil) { $0.takeRows($1[0], $1[1], $1[2], check) } })
    }

    public func addRows(_ out: Operand, _ x: Operand, _ index: Operand, alpha: Double, skip: Int?, _ check: ElementCheck) -> Int? {
        let host: () -> Int? = { onCPU("addRows", [.update(out), .read(x), .read(index)], failure: nil) { $0.addRows($1[0], $1[1], $1[2], alpha: alpha, skip: skip, check) } }
        let columns = out.sizes[0] == 0 ? 0 : out.count / out.sizes[0]
        guard KernelFamily.addRows.has(out.dtype) else { return host() }
        // Nothing to add, but indices to look at, which reading rows of no bytes does.
        if columns == 0 { return takeRows(out, out, index, check) }
        return onDevice(
            "addRows", failure: nil,
            { () throws(DeviceError) in
                for o in [out, x, index] { try gpu.checkPlace(o) }
                if index.count == 0 { return nil }
                return try checked(check, size: out.sizes[0]) { (fault) throws(DeviceError) in
                    var a = st_take_rows_args()
                    (a.out, a.in, a.index, a.fault) = (CUDADevice.address(out.pointer), CUDADevice.address(x.pointer), CUDADevice.address(index.pointer), fault)
                    let row = Int64(columns * out.dtype.itemSize)
                    (a.count, a.columns, a.row_bytes, a.out_stride, a.in_stride) = (UInt64(index.count), UInt64(columns), UInt64(row), row, row)
                    (a.extent, a.skip, a.alpha) = (Int64(out.sizes[0]), skip.map(Int64.init) ?? .min, alpha)
                    let kernel = KernelFamily.addRows.number(0, Int(out.dtype.rawValue), 0)
                    if index.count >= 512, index.count <= 1 << 26, columns <= 65_535 * 128 {
                        let sorted = try ordered(index, rows: 1, n: index.count, extent: out.sizes[0])
                        (a.keys, a.items) = (sorted.keys, sorted.items)
                        return try gpu.launch(kernel + 1, grid: (min((index.count + 7) / 8, 65_536), (columns + 127) / 128, 1), block: (32, 8), &a)
                    }
                    // Rows are dealt out among blocks of the second dim, each of which looks at all indices.
                    let grid = (CUDADevice.blocks(columns, each: 1), min(64, max(1, min(index.count, out.sizes[0]) / 16)), 1)
                    try gpu.launch(kernel, grid: grid, block: (Int(ST_KERNEL_BLOCK), 1), &a)
                }
            }, host: host)
    }
}
