// Starting kernels.
import CCUDA
import TorchRuntime

extension CUDADevice {
    /// Queues a kernel, which takes one struct by value. Nothing is allocated.
    @inline(__always)
    func launch<Arguments>(_ kernel: Int, grid: (x: Int, y: Int, z: Int), block: (x: Int, y: Int), _ arguments: inout Arguments) throws(DeviceError) {
        // A closure would lose the type of the error.
        let result: Result<Void, DeviceError> = withUnsafeMutablePointer(to: &arguments) { p in
            do throws(DeviceError) { return .success(try launch(kernel, grid: grid, block: block, at: UnsafeMutableRawPointer(p))) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// The same with the struct at `arguments`, which is copied.
    @inline(__always)
    func launch(_ kernel: Int, grid: (x: Int, y: Int, z: Int), block: (x: Int, y: Int), at arguments: UnsafeMutableRawPointer) throws(DeviceError) {
        try check(cc_bind(driver.table, context), "cuCtxSetCurrent")
        let function = try kernels.function(kernel)
        kernels.note(kernel)
        var parameter: UnsafeMutableRawPointer? = arguments
        let result = withUnsafeMutablePointer(to: &parameter) {
            driver.table.pointee.cuLaunchKernel(
                function, UInt32(truncatingIfNeeded: grid.x), UInt32(truncatingIfNeeded: grid.y), UInt32(truncatingIfNeeded: grid.z), UInt32(truncatingIfNeeded: block.x),
                UInt32(truncatingIfNeeded: block.y), 1, 0, stream, $0, nil)
        }
        if result != 0 || Self.isDebugging && capture == nil { try finish(result, kernel) }
    }

    /// Reports a kernel that did not start, or, when debugging, one that did not end well.
    @inline(never)
    private func finish(_ result: cc_result, _ kernel: Int) throws(DeviceError) {
        let symbol = KernelFamily.symbol(of: kernel)
        do throws(DeviceError) {
            try driver.check(result, "cuLaunchKernel")
            try driver.check(driver.table.pointee.cuStreamSynchronize(stream), "cuStreamSynchronize")
        } catch {
            guard case .cuda(let call, let code, let name, let text, let remedy) = error else { throw error }
            throw .cuda(call: "\(call) of kernel \(symbol)", code: code, name: name, text: text, remedy: remedy)
        }
    }

    /// Blocks of 256 threads for `count` elements, `each` of them a thread.
    @inline(__always)
    static func blocks(_ count: Int, each: Int) -> Int {
        let perBlock = Int(ST_KERNEL_BLOCK) * each
        return min((count + perBlock - 1) / perBlock, 65_536)
    }

    /// Throws for an operand that is not in this device's memory, where a kernel would read nonsense or stop the device.
    @inline(__always)
    func checkPlace(_ o: Operand) throws(DeviceError) {
        if o.owner?.device != device { throw Self.elsewhere(device, o.owner?.device ?? .cpu) }
        noteUse(o.pointer)
    }

    @inline(never)
    static func elsewhere(_ device: Device, _ other: Device) -> DeviceError {
        .unavailable("Expected all tensors to be on the same device, but found at least two devices, \(device) and \(other)")
    }

    // MARK: Pointwise

    /// A kernel over contiguous operands, the output first. `size`: bytes of the largest element; bit k of `scalars`: operand k is one element for all.
    @inline(__always)
    func run(
        _ kernel: Int, _ addresses: (UnsafeMutableRawPointer, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UnsafeMutableRawPointer?), count: Int, size: Int,
        scalars: UInt32 = 0, _ parameters: KernelParameters = KernelParameters(0)
    ) throws(DeviceError) {
        if count == 0 { return }
        if cc_tracks_use() { for p in [addresses.0, addresses.1, addresses.2, addresses.3] { noteUse(p) } }
        var a = st_run_args()
        a.address = (Self.address(addresses.0), Self.address(addresses.1), Self.address(addresses.2), Self.address(addresses.3))
        a.count = UInt64(count)
        a.scalars = scalars
        a.params = unsafeBitCast(parameters, to: st_kernel_params.self)
        // Two packs of 16 bytes a thread of the smallest types, whose kernels have much to do before the first.
        try launch(kernel, grid: (Self.blocks(count, each: max(1, (size <= 2 ? 32 : 16) / size)), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
    }

    @inline(__always)
    static func address(_ pointer: UnsafeMutableRawPointer?) -> UInt64 { UInt64(UInt(bitPattern: pointer)) }

    /// A kernel over operands of one shape and any strides, the output first. `kernel` is its contiguous variant; the others have the next numbers.
    func pointwise(_ kernel: Int, _ operands: [Operand], _ parameters: KernelParameters = KernelParameters(0)) throws(DeviceError) {
        if operands[0].sizes.product == 0 { return }
        for o in operands { try checkPlace(o) }
        try StridedPlan.of(operands) { (plan) throws(DeviceError) in
            if let scalars = Self.scalars(plan) {
                let n = operands.count
                let p = { (k: Int) -> UnsafeMutableRawPointer? in k < n ? operands[k].pointer : nil }
                return try run(
                    kernel, (operands[0].pointer, p(1), p(2), p(3)), count: plan.extents[0], size: operands.reduce(1) { max($0, $1.dtype.itemSize) }, scalars: scalars, parameters)
            }
            var a = st_strided_args()
            a.params = unsafeBitCast(parameters, to: st_kernel_params.self)
            if let d = plan.crossing { return try tiled(kernel + KernelFamily.tiled, &a, plan, along: d) }
            try strided(kernel + KernelFamily.strided, &a, plan)
        }
    }

    /// Of operands that are one run each, the bits of those that are one element for all; nil if there are others.
    private static func scalars(_ plan: StridedPlan) -> UInt32? {
        guard plan.rank == 1 else { return nil }
        var bits: UInt32 = 0
        for k in 0..<plan.count where plan.stride(0, k) != plan.itemSizes[k] {
            guard k > 0 && plan.stride(0, k) == 0 || plan.extents[0] == 1 else { return nil }
            if k > 0 { bits |= 1 << UInt32(k) }
        }
        return bits
    }

    // MARK: Copies

    /// Copies elements of one type and any strides: those that stay neighbours in pieces of up to 16 bytes, and a matrix whose rows are columns in the other through tiles.
    func copy(_ out: Operand, _ input: Operand) throws(DeviceError) {
        for o in [out, input] { try checkPlace(o) }
        try StridedPlan.of([out, input]) { (plan) throws(DeviceError) in
            let inner = plan.rank - 1
            var size = out.dtype.itemSize
            var a = st_strided_args()
            if plan.stride(inner, 0) == size, plan.stride(inner, 1) == size {
                var facts = UInt64(plan.extents[inner] * size) | plan.addresses[0] | plan.addresses[1]
                for i in 0..<2 * inner { facts |= UInt64(bitPattern: Int64(plan.strides[i])) }
                let width = min(16, 1 << facts.trailingZeroBitCount)
                plan.extents[inner] = plan.extents[inner] * size / width
                (plan.strides[2 * inner], plan.strides[2 * inner + 1], size) = (width, width, width)
            } else if let d = plan.crossing {
                return try tiled(KernelFamily.copy.number(0, size.trailingZeroBitCount, KernelFamily.tiled), &a, plan, along: d)
            }
            try strided(KernelFamily.copy.number(0, size.trailingZeroBitCount, KernelFamily.strided), &a, plan)
        }
    }
}
