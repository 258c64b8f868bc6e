// Gather, scatter and rows on the device.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    /// Runs `body` with the address of a word in which kernels leave the first position whose index is out of range; gives it back, nil if all are in range.
    ///
    /// Reading it waits for the kernel. That is the price of an error that names the index; on the device alone one could only stop everything.
    private func position(_ body: (UInt64) throws(DeviceError) -> Void) throws(DeviceError) -> Int? {
        guard let word = gpu.allocate(byteCount: 4) else { throw refusal(byteCount: 4) }
        let address = CUDADevice.address(word.pointer)
        try gpu.check(gpu.driver.table.pointee.cuMemsetD8Async(address, 0xff, 4, gpu.stream), "cuMemsetD8Async")
        try body(address)
        var found: UInt32 = 0
        try gpu.download(from: address, to: &found, byteCount: 4)
        return found == .max ? nil : Int(found)
    }

    /// Gather (variant 0) or scatter (1): `walked` and `index` have the index's sizes, `indexed` is looked up along `dim`.
    private func walk(_ variant: Int, walked: Operand, index: Operand, indexed: Operand, dim: Int) throws(DeviceError) -> Int? {
        for o in [walked, index, indexed] { try gpu.checkPlace(o) }
        let rank = index.sizes.count
        let count = index.count
        if count == 0 { return nil }
        guard rank >= 1, rank <= Int(ST_KERNEL_DIMS), count <= Int(Int32.max) else { throw .kernel("gather", log: "\(index.sizes) has more dims or elements than the kernel counts") }
        return try position { (fault) throws(DeviceError) in
            var a = st_gather_args()
            (a.walked, a.index, a.indexed, a.fault) = (CUDADevice.address(walked.pointer), CUDADevice.address(index.pointer), CUDADevice.address(indexed.pointer), fault)
            (a.count, a.rank) = (UInt32(count), UInt32(rank))
            let size = walked.dtype.itemSize
            (a.dim_stride, a.extent) = (Int64(indexed.strides[dim] * size), Int64(indexed.sizes[dim]))
            let dims = (0..<rank).reversed()
            Self.store(dims.map { index.sizes[$0] }, &a.size)
            Self.store(dims.map { walked.strides[$0] * size }, &a.walked_stride)
            Self.store(dims.map { index.strides[$0] * 8 }, &a.index_stride)
            Self.store(dims.map { $0 == dim ? 0 : indexed.strides[$0] * size }, &a.indexed_stride)
            try gpu.launch(
                KernelFamily.gather.number(0, Self.sizeColumn(walked.dtype), variant), grid: (CUDADevice.blocks(count, each: 1), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
        }
    }

    public func gather(_ out: Operand, _ x: Operand, _ index: Operand, dim: Int) -> Int? {
        onDevice(
            "gather", failure: nil, { () throws(DeviceError) in try walk(0, walked: out, index: index, indexed: x, dim: dim) },
            host: { onCPU("gather", [.write(out), .read(x), .read(index)], failure: nil) { $0.gather($1[0], $1[1], $1[2], dim: dim) } })
    }

    /// The kernel replaces, and which of several stays is not said; sums and the rest are the CPU's, in its order.
    public func scatter(_ op: ScatterOp, _ out: Operand, _ index: Operand, _ source: Operand, dim: Int) -> Int? {
        onCPU("scatter", [.update(out), .read(index), .read(source)], failure: nil) { $0.scatter(op, $1[0], $1[1], $1[2], dim: dim) }
    }

    public func takeRows(_ out: Operand, _ x: Operand, _ index: Operand) -> Int? {
        let rowBytes = x.sizes[0] == 0 ? 0 : x.count / x.sizes[0] * x.dtype.itemSize
        return onDevice(
            "takeRows", failure: nil,
            { () throws(DeviceError) in
                for o in [out, x, index] { try gpu.checkPlace(o) }
                if index.count == 0 { return nil }
                return try position { (fault) throws(DeviceError) in
                    var a = st_take_rows_args()
                    (a.out, a.in, a.index, a.fault) = (CUDADevice.address(out.pointer), CUDADevice.address(x.pointer), CUDADevice.address(index.pointer), fault)
                    (a.count, a.row_bytes, a.out_stride, a.in_stride) = (UInt64(index.count), UInt64(rowBytes), Int64(rowBytes), Int64(x.strides[0] * x.dtype.itemSize))
                    (a.extent, a.skip) = (Int64(x.sizes[0]), -1)
                    try gpu.launch(
                        KernelFamily.gather.number(0, Self.sizeColumn(x.dtype), 2), grid: (min(index.count, 65_536), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
                }
            }, host: { onCPU("takeRows", [.write(out), .read(x), .read(index)], failure: nil) { $0.takeRows($1[0], $1[1], $1[2]) } })
    }

    public func addRows(_ out: Operand, _ x: Operand, _ index: Operand, alpha: Double, skip: Int?) -> Int? {
        let host: () -> Int? = { onCPU("addRows", [.update(out), .read(x), .read(index)], failure: nil) { $0.addRows($1[0], $1[1], $1[2], alpha: alpha, skip: skip) } }
        let columns = out.sizes[0] == 0 ? 0 : out.count / out.sizes[0]
        guard out.dtype.isFloatingPoint, columns > 0 else { return host() }
        return onDevice(
            "addRows", failure: nil,
            { () throws(DeviceError) in
                for o in [out, x, index] { try gpu.checkPlace(o) }
                if index.count == 0 { return nil }
                return try position { (fault) throws(DeviceError) in
                    var a = st_take_rows_args()
                    (a.out, a.in, a.index, a.fault) = (CUDADevice.address(out.pointer), CUDADevice.address(x.pointer), CUDADevice.address(index.pointer), fault)
                    let row = Int64(columns * out.dtype.itemSize)
                    (a.count, a.columns, a.row_bytes, a.out_stride, a.in_stride) = (UInt64(index.count), UInt64(columns), UInt64(row), row, row)
                    (a.extent, a.skip, a.alpha) = (Int64(out.sizes[0]), Int64(skip ?? -1), alpha)
                    try gpu.launch(
                        KernelFamily.addRows.number(0, Int(out.dtype.rawValue), 0), grid: (CUDADevice.blocks(columns, each: 1), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
                }
            }, host: host)
    }
}
