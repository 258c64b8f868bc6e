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
        let n = operands.count
        let rank = operands[0].sizes.count
        let plan = UnsafeMutablePointer<Int>.allocate(capacity: (rank + 2) * (n + 1))
        defer { plan.deallocate() }
        let (extents, strides) = (plan, plan + (rank + 2))
        let m = StridedLoop.plan(operands, extents: extents, strides: strides)
        let size = operands.reduce(1) { max($0, $1.dtype.itemSize) }
        if m == 1 {
            // One run, perhaps with repeated elements.
            var scalars: UInt32 = 0
            var isRun = true
            for k in 0..<n where strides[k] != operands[k].dtype.itemSize {
                if k > 0 && strides[k] == 0 || extents[0] == 1 { scalars |= k > 0 ? 1 << UInt32(k) : 0 } else { isRun = false }
            }
            if isRun {
                let p = { (k: Int) -> UnsafeMutableRawPointer? in k < n ? operands[k].pointer : nil }
                return try run(kernel, (operands[0].pointer, p(1), p(2), p(3)), count: extents[0], size: size, scalars: scalars, parameters)
            }
        }
        var a = st_strided_args()
        a.params = unsafeBitCast(parameters, to: st_kernel_params.self)
        let addresses = operands.map { Self.address($0.pointer) }
        if let d = Self.crossing(operands.map(\.dtype.itemSize), extents, strides, m) { return try tiled(kernel + KernelFamily.tiled, &a, addresses, extents, strides, m, along: d) }
        try strided(kernel + KernelFamily.strided, &a, addresses, extents, strides, m)
    }

    // MARK: Copies

    /// Copies elements of one type and any strides: those that stay neighbours in pieces of up to 16 bytes, and a matrix whose rows are columns in the other through tiles.
    func copy(_ out: Operand, _ input: Operand) throws(DeviceError) {
        for o in [out, input] { try checkPlace(o) }
        let rank = out.sizes.count
        let plan = UnsafeMutablePointer<Int>.allocate(capacity: (rank + 2) * 3)
        defer { plan.deallocate() }
        let (extents, strides) = (plan, plan + (rank + 2))
        let m = StridedLoop.plan([out, input], extents: extents, strides: strides)
        let addresses = [Self.address(out.pointer), Self.address(input.pointer)]
        let inner = m - 1
        var size = out.dtype.itemSize
        var a = st_strided_args()
        if strides[2 * inner] == size, strides[2 * inner + 1] == size {
            var facts = UInt64(extents[inner] * size) | addresses[0] | addresses[1]
            for i in 0..<2 * inner { facts |= UInt64(bitPattern: Int64(strides[i])) }
            let width = min(16, 1 << facts.trailingZeroBitCount)
            extents[inner] = extents[inner] * size / width
            (strides[2 * inner], strides[2 * inner + 1], size) = (width, width, width)
        } else if let d = Self.crossing([size, size], extents, strides, m) {
            return try tiled(KernelFamily.copy.number(0, size.trailingZeroBitCount, KernelFamily.tiled), &a, addresses, extents, strides, m, along: d)
        }
        try strided(KernelFamily.copy.number(0, size.trailingZeroBitCount, KernelFamily.strided), &a, addresses, extents, strides, m)
    }

    // MARK: Strided and tiled

    /// The dim along which an operand is contiguous while the output is so along the innermost: neighbours of one lie far apart in the other.
    private static func crossing(_ sizes: [Int], _ extents: UnsafeMutablePointer<Int>, _ strides: UnsafeMutablePointer<Int>, _ m: Int) -> Int? {
        let n = sizes.count
        let inner = strides + n * (m - 1)
        // A block of the strided kernel has all of shorter lines at hand.
        let least = Int(ST_TILE)
        guard m > 1, m <= Int(ST_KERNEL_DIMS), inner[0] == sizes[0], extents[m - 1] >= least, (0..<m).reduce(1, { $0 * extents[$1] }) <= Int(Int32.max) else { return nil }
        return (0..<m - 1).first { d in
            extents[d] >= least / 2 && (1..<n).contains { strides[n * d + $0] == sizes[$0] && inner[$0] != 0 && inner[$0] != sizes[$0] }
        }
    }

    /// Starts a kernel that works in tiles along the innermost dim and dim `d`.
    private func tiled(
        _ kernel: Int, _ a: inout st_strided_args, _ addresses: [UInt64], _ extents: UnsafeMutablePointer<Int>, _ strides: UnsafeMutablePointer<Int>, _ m: Int, along d: Int
    ) throws(DeviceError) {
        let inner = m - 1
        Self.describe(&a, addresses, extents, strides, order: [inner, d] + (0..<inner).reversed().filter { $0 != d })
        func tiles(_ d: Int) -> Int { (extents[d] + Int(ST_TILE) - 1) / Int(ST_TILE) }
        let others = Int(a.count) / (extents[inner] * extents[d])
        try launch(kernel, grid: (tiles(inner), min(tiles(d), 65_535), min(others, 65_535)), block: (Int(ST_KERNEL_BLOCK), 1), &a)
    }

    /// Addresses, sizes and strides for a kernel, which counts dims from the innermost: in this order.
    private static func describe(
        _ a: inout st_strided_args, _ addresses: [UInt64], _ extents: UnsafeMutablePointer<Int>, _ strides: UnsafeMutablePointer<Int>, order: some Collection<Int>
    ) {
        let n = addresses.count
        a.count = UInt32(order.reduce(1) { $0 * extents[$1] })
        a.rank = UInt32(order.count)
        withUnsafeMutableBytes(of: &a.address) { for k in 0..<n { $0.storeBytes(of: addresses[k], toByteOffset: 8 * k, as: UInt64.self) } }
        withUnsafeMutableBytes(of: &a.size) { p in
            for (i, d) in order.enumerated() { p.storeBytes(of: st_make_divisor(UInt32(extents[d])), toByteOffset: MemoryLayout<st_divisor>.stride * i, as: st_divisor.self) }
        }
        withUnsafeMutableBytes(of: &a.stride) { p in
            for k in 0..<n { for (i, d) in order.enumerated() { p.storeBytes(of: Int64(strides[d * n + k]), toByteOffset: 8 * (k * Int(ST_KERNEL_DIMS) + i), as: Int64.self) } }
        }
    }

    /// Starts a strided kernel, several times where there are more elements or dims than it can count.
    private func strided(
        _ kernel: Int, _ a: inout st_strided_args, _ addresses: [UInt64], _ extents: UnsafeMutablePointer<Int>, _ strides: UnsafeMutablePointer<Int>, _ m: Int
    ) throws(DeviceError) {
        let n = addresses.count
        let inner = (1..<max(m, 1)).reduce(1) { $0 * extents[$1] }
        let most = Int(Int32.max)
        guard m <= Int(ST_KERNEL_DIMS), inner * extents[0] <= most else {
            // Pieces of the outermost dim; where even one is too much, it is taken apart again.
            let piece = m > Int(ST_KERNEL_DIMS) ? 1 : max(1, most / inner)
            let whole = extents[0]
            defer { extents[0] = whole }
            for start in stride(from: 0, to: whole, by: piece) {
                let moved = addresses.indices.map { addresses[$0] &+ UInt64(bitPattern: Int64(start * strides[$0])) }
                if piece == 1 && m > 1 {
                    try strided(kernel, &a, moved, extents + 1, strides + n, m - 1)
                } else {
                    extents[0] = min(piece, whole - start)
                    try strided(kernel, &a, moved, extents, strides, m)
                }
            }
            return
        }
        Self.describe(&a, addresses, extents, strides, order: (0..<m).reversed())
        try launch(kernel, grid: (Self.blocks(Int(a.count), each: 4), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
    }
}
