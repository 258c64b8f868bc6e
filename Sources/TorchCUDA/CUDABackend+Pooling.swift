// Pooling on the device, over contiguous planes.
import CCUDA
import TorchKernels
import TorchRuntime

/// Operators of pool.cu.
enum PoolKernel: Int, CaseIterable { case max, average, maxBackward, averageBackward }

extension CUDABackend {
    /// Starts a kernel that writes `count` elements, `x` being the planes that windows lie on and `y` the windows' results. `shape`: nil where indices say it.
    private func pool(_ kernel: PoolKernel, x: Operand, y: Operand, _ indices: Operand?, _ shape: PoolingShape?) throws(DeviceError) {
        for case let o? in [x, y, indices] { try gpu.checkPlace(o) }
        var a = st_pool_args()
        (a.x, a.y, a.indices) = (CUDADevice.address(x.pointer), CUDADevice.address(y.pointer), CUDADevice.address(indices?.pointer))
        let (planes, limit) = (x.sizes[0] * x.sizes[1], Int(Int32.max))
        let count = kernel == .averageBackward ? x.count : y.count
        let (inPlane, outPlane) = (x.count / max(planes, 1), y.count / max(planes, 1))
        guard planes <= limit, inPlane <= limit, outPlane <= limit, count <= limit || kernel == .maxBackward else {
            throw .kernel("pool", log: "\(x.sizes) to \(y.sizes) has more elements than the kernel counts")
        }
        (a.planes, a.in_plane, a.out_plane) = (UInt32(planes), UInt32(inPlane), UInt32(outPlane))
        let number = KernelFamily.pool.number(kernel.rawValue, Int(x.dtype.rawValue), 0)
        guard let shape else {
            // A warp a plane.
            let warps = Int(ST_KERNEL_BLOCK) / 32
            return try gpu.launch(number, grid: (min((planes + warps - 1) / warps, 65_536), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
        }
        a.count = UInt32(count)
        /// Three dims, the innermost first.
        func three(_ sizes: some BidirectionalCollection<Int>, fill: Int) throws(DeviceError) -> (Int32, Int32, Int32) {
            var all = [fill, fill, fill]
            for (d, size) in sizes.reversed().enumerated() {
                // Twice and half of it are summed up in the kernel.
                guard size <= limit / 8 else { throw .kernel("pool", log: "\(shape) over \(x.sizes) is more than the kernel counts") }
                all[d] = size
            }
            return (Int32(all[0]), Int32(all[1]), Int32(all[2]))
        }
        (a.in, a.out) = (try three(x.sizes.dropFirst(2), fill: 1), try three(y.sizes.dropFirst(2), fill: 1))
        (a.kernel, a.stride, a.pad) = (try three(shape.kernelSize, fill: 1), try three(shape.stride, fill: 1), try three(shape.padding, fill: 0))
        a.dilation = try three(shape.dilation, fill: 1)
        for (k, d) in zip(shape.kernelSize, shape.dilation) where k > limit / 8 / d { throw .kernel("pool", log: "\(shape) is more than the kernel counts") }
        (a.include_pad, a.divisor) = (shape.countIncludePad ? 1 : 0, Int64(shape.divisor))
        let sizes = kernel == .averageBackward ? a.in : a.out
        a.size = (st_make_divisor(UInt32(sizes.0)), st_make_divisor(UInt32(sizes.1)), st_make_divisor(UInt32(sizes.2)))
        a.stride_by = (st_make_divisor(UInt32(a.stride.0)), st_make_divisor(UInt32(a.stride.1)), st_make_divisor(UInt32(a.stride.2)))
        try gpu.launch(number, grid: (CUDADevice.blocks(count, each: 1), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
    }

    public func maxPool(_ y: Operand, indices: Operand?, _ x: Operand, _ shape: PoolingShape) -> Bool {
        guard x.dtype.isFloatingPoint || (DType.uint8.rawValue...DType.int64.rawValue).contains(x.dtype.rawValue) else { return false }
        if y.count == 0 { return true }
        return onDevice(
            "maxPool", failure: true,
            { () throws(DeviceError) in
                try pool(.max, x: x, y: y, indices, shape)
                return true
            }, host: { onCPU("maxPool", [.write(y), .write(indices), .read(x)], failure: true) { $0.maxPool($1[0], indices: $1.optional(1), $1[2], shape) } })
    }

    public func maxPoolBackward(_ dx: Operand, _ dy: Operand, indices: Operand) -> Bool {
        guard dx.dtype.isFloatingPoint else { return false }
        if dx.count == 0 { return true }
        return onDevice(
            "maxPoolBackward", failure: true,
            { () throws(DeviceError) in
                try pool(.maxBackward, x: dx, y: dy, indices, nil)
                return true
            }, host: { onCPU("maxPoolBackward", [.update(dx), .read(dy), .read(indices)], failure: true) { $0.maxPoolBackward($1[0], $1[1], indices: $1[2]) } })
    }

    public func averagePool(_ y: Operand, _ x: Operand, _ shape: PoolingShape) -> Bool {
        guard x.dtype.isFloatingPoint || x.dtype == .int64 else { return false }
        if y.count == 0 { return true }
        return onDevice(
            "averagePool", failure: true,
            { () throws(DeviceError) in
                try pool(.average, x: x, y: y, nil, shape)
                return true
            }, host: { onCPU("averagePool", [.write(y), .read(x)], failure: true) { $0.averagePool($1[0], $1[1], shape) } })
    }

    public func averagePoolBackward(_ dx: Operand, _ dy: Operand, _ shape: PoolingShape) -> Bool {
        guard dx.dtype.isFloatingPoint else { return false }
        if dx.count == 0 { return true }
        return onDevice(
            "averagePoolBackward", failure: true,
            { () throws(DeviceError) in
                try pool(.averageBackward, x: dx, y: dy, nil, shape)
                return true
            }, host: { onCPU("averagePoolBackward", [.update(dx), .read(dy)], failure: true) { $0.averagePoolBackward($1[0], $1[1], shape) } })
    }
}
