// A CUDA device as a backend: memory and copies.
import CCUDA
import TorchKernels
import TorchRuntime

/// Runs primitives on a CUDA device. One extension a family; what has no kernel runs on the CPU (`CUDABackend+CPU.swift`).
///
/// Primitives return when their work is queued. Errors of the driver are reported as misuse is (`TensorError.report`), with the primitive's name.
public struct CUDABackend: Backend {
    let gpu: CUDADevice

    public var device: Device { gpu.device }

    /// The backend of `device`, opened if this is the first use of it.
    public static func open(_ device: Device) throws(DeviceError) -> CUDABackend {
        guard device.kind == .cuda else { throw .unavailable("there is no backend for devices of kind \(device.kind)") }
        let backend = CUDABackend(gpu: try CUDADevice.open(Int(device.index)))
        Backends.register(backend)
        return backend
    }

    /// Runs `body`, and reports what it throws; true if it went well.
    @inline(__always) @discardableResult
    func attempt(_ primitive: String, _ body: () throws(DeviceError) -> Void) -> Bool {
        do throws(DeviceError) {
            try body()
            return true
        } catch {
            TensorError.report(primitive, "\(error)")
            return false
        }
    }

    // MARK: Memory

    public func allocate(byteCount: Int) -> Storage? { gpu.allocate(byteCount: byteCount) }

    public func refusal(byteCount: Int) -> DeviceError {
        .outOfDeviceMemory(device: device, requested: byteCount, breakdown: gpu.allocator.breakdown)
    }

    /// Contiguous memory on the device for the time of one primitive.
    func temporary(like o: Operand) throws(DeviceError) -> Operand {
        let bytes = o.count * o.dtype.itemSize
        guard let s = gpu.allocate(byteCount: bytes) else { throw refusal(byteCount: bytes) }
        return Operand(s, pointer: s.pointer, dtype: o.dtype, sizes: o.sizes, strides: o.sizes.contiguousStrides)
    }

    // MARK: Copies

    /// An operand of this device, of the CPU, or of another device. Memory that nobody owns is the CPU's.
    enum Place {
        case here, host, elsewhere
    }
    func place(_ o: Operand) -> Place {
        guard let d = o.owner?.device, !d.isCPU else { return .host }
        return d == device ? .here : .elsewhere
    }

    public func copy(_ out: Operand, _ input: Operand) {
        if out.count == 0 { return }
        attempt("copy") { () throws(DeviceError) in
            for o in [out, input] where place(o) == .here { gpu.noteUse(o.pointer) }
            switch (place(out), place(input)) {
            case (.here, .here):
                do throws(DeviceError) { try copyHere(out, input) } catch {
                    guard case .kernel = error, out.isContiguous, input.isContiguous else { throw error }
                    CUDAFallbacks.explain("copy", error)
                    CUDAFallbacks.note("copy", device)
                    let middle = try hostTemporary(like: input)
                    try download(middle, input)
                    try upload(out, middle)
                }
            case (.here, .host): try upload(out, input)
            case (.host, .here): try download(out, input)
            case (.host, .host): Backends.cpu.copy(out, input)
            default: try copyBetweenDevices(out, input)
            }
        }
    }

    func copyHere(_ out: Operand, _ input: Operand) throws(DeviceError) {
        if out.dtype != input.dtype {
            return try gpu.pointwise(KernelFamily.convert.number(Int(input.dtype.rawValue), Int(out.dtype.rawValue), KernelFamily.run), [out, input])
        }
        if out.isContiguous, input.isContiguous {
            try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
            let r = gpu.driver.table.pointee.cuMemcpyDtoDAsync(CUDADevice.address(out.pointer), CUDADevice.address(input.pointer), out.count * out.dtype.itemSize, gpu.stream)
            return try gpu.check(r, "cuMemcpyDtoDAsync")
        }
        try gpu.copy(out, input)
    }

    /// Column of kernels that go by the size of an element.
    @inline(__always)
    static func sizeColumn(_ dtype: DType) -> Int { dtype.itemSize.trailingZeroBitCount }

    private func upload(_ out: Operand, _ input: Operand) throws(DeviceError) {
        // One element for all (a number in an operator, mostly) goes as the argument of a kernel: no copy, no waiting.
        if input.strides.allSatisfy({ $0 == 0 }) || input.count == 1 {
            var bits: (UInt64, UInt64) = (0, 0)
            return withUnsafeMutableBytes(of: &bits) {
                let one = Operand(unowned: input.pointer, dtype: input.dtype, sizes: Dims(), strides: Dims())
                Backends.cpu.copy(Operand(unowned: $0.baseAddress!, dtype: out.dtype, sizes: Dims(), strides: Dims()), one)
                fill(out, UnsafeRawPointer($0.baseAddress!))
            }
        }
        guard out.isContiguous else {
            let whole = try temporary(like: out)
            try upload(whole, input)
            return try copyHere(out, whole)
        }
        // Other types and layouts are made on the CPU, which has the elements.
        var source = input
        if input.dtype != out.dtype || !input.isContiguous {
            source = try hostTemporary(like: out)
            Backends.cpu.copy(source, input)
        }
        try gpu.upload(to: CUDADevice.address(out.pointer), from: source.pointer, byteCount: out.count * out.dtype.itemSize)
        withExtendedLifetime(source) {}
    }

    private func download(_ out: Operand, _ input: Operand) throws(DeviceError) {
        guard input.isContiguous else {
            let whole = try temporary(like: input)
            try copyHere(whole, input)
            return try download(out, whole)
        }
        if out.dtype == input.dtype, out.isContiguous {
            return try gpu.download(from: CUDADevice.address(input.pointer), to: out.pointer, byteCount: out.count * out.dtype.itemSize)
        }
        let whole = try hostTemporary(like: input)
        try download(whole, input)
        Backends.cpu.copy(out, whole)
    }

    private func hostTemporary(like o: Operand) throws(DeviceError) -> Operand {
        let bytes = o.count * o.dtype.itemSize
        guard let s = Storage.allocate(byteCount: bytes) else {
            let m = CPUMemory.statistics
            throw .outOfMemory(device: .cpu, requested: bytes, live: m.live, cached: m.cached, limit: CPUMemory.limit)
        }
        return Operand(s, pointer: s.pointer, dtype: o.dtype, sizes: o.sizes, strides: o.sizes.contiguousStrides)
    }

    /// By way of the CPU, which every device can reach.
    private func copyBetweenDevices(_ out: Operand, _ input: Operand) throws(DeviceError) {
        let middle = try hostTemporary(like: input)
        try CUDABackend(gpu: try CUDADevice.open(Int(input.owner?.device.index ?? 0))).download(middle, input)
        try CUDABackend(gpu: try CUDADevice.open(Int(out.owner?.device.index ?? 0))).upload(out, middle)
    }

    // MARK: Made on the device

    public func fill(_ out: Operand, _ value: UnsafeRawPointer) {
        let count = out.count
        if count == 0 { return }
        attempt("fill") { () throws(DeviceError) in
            gpu.noteUse(out.pointer)
            var a = st_fill_args()
            withUnsafeMutableBytes(of: &a.value) { $0.baseAddress!.copyMemory(from: value, byteCount: out.dtype.itemSize) }
            a.address = CUDADevice.address(out.pointer)
            a.count = UInt64(count)
            let kernel = KernelFamily.fill.number(0, Self.sizeColumn(out.dtype), KernelFamily.run)
            let block = (Int(ST_KERNEL_BLOCK), 1)
            if out.isContiguous {
                return try gpu.launch(kernel, grid: (CUDADevice.blocks(count, each: max(1, 16 / out.dtype.itemSize)), 1, 1), block: block, &a)
            }
            guard out.sizes.count <= Int(ST_KERNEL_DIMS), count <= Int(Int32.max) else {
                // Rare: one element, repeated by the strided copy.
                let one = try temporary(like: out.view(sizes: [], strides: []))
                fill(one, value)
                return try copyHere(out, one.expanded(to: out.sizes))
            }
            let rank = out.sizes.count
            a.rank = UInt32(rank)
            withUnsafeMutableBytes(of: &a.size) { p in
                for d in 0..<rank { p.storeBytes(of: st_make_divisor(UInt32(out.sizes[rank - 1 - d])), toByteOffset: MemoryLayout<st_divisor>.stride * d, as: st_divisor.self) }
            }
            withUnsafeMutableBytes(of: &a.stride) { p in
                for d in 0..<rank { p.storeBytes(of: Int64(out.strides[rank - 1 - d] * out.dtype.itemSize), toByteOffset: 8 * d, as: Int64.self) }
            }
            try gpu.launch(kernel + KernelFamily.strided, grid: (CUDADevice.blocks(count, each: 4), 1, 1), block: block, &a)
        }
    }

    public func arange(_ out: Operand, start: Double, step: Double) {
        let count = out.count
        if count == 0 { return }
        let host = { onCPU("arange", [.write(out)], failure: ()) { $0.arange($1[0], start: start, step: step) } }
        // Fractions of integers are rounded element by element.
        if out.dtype != .int64, out.dtype.isInteger, start.rounded() != start || step.rounded() != step { return host() }
        onDevice(
            "arange", failure: (),
            { () throws(DeviceError) in
                var a = st_arange_args()
                a.address = CUDADevice.address(out.pointer)
                a.count = UInt64(count)
                (a.start, a.step) = (start, step)
                (a.integer_start, a.integer_step) = (Int64(exactly: start.rounded(.towardZero)) ?? 0, Int64(exactly: step.rounded(.towardZero)) ?? 0)
                let kernel = KernelFamily.arange.number(0, Int(out.dtype.rawValue), 0)
                try gpu.launch(kernel, grid: (CUDADevice.blocks(count, each: 1), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
            }, host: host)
    }
}

extension CUDADevice {
    /// See `PinnedStaging.upload`.
    func upload(to address: cc_address, from source: UnsafeRawPointer, byteCount: Int) throws(DeviceError) {
        try refuseInCapture("copies elements from the CPU")
        try check(cc_bind(driver.table, context), "cuCtxSetCurrent")
        do throws(DeviceError) { try staging.upload(to: address, from: source, byteCount: byteCount, on: stream) } catch { throw explained(error) }
    }

    /// See `PinnedStaging.download`. Reports what the kernels before found wrong in elements.
    func download(from address: cc_address, to target: UnsafeMutableRawPointer, byteCount: Int) throws(DeviceError) {
        let checks = faults.count
        do throws(DeviceError) {
            try refuseInCapture("copies elements to the CPU")
            try check(cc_bind(driver.table, context), "cuCtxSetCurrent")
            try staging.download(from: address, to: target, byteCount: byteCount, on: stream)
        } catch {
            // Inside `withTensorErrors` evaluation goes on, and must not take leftovers for sizes or indices.
            target.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
            throw explained(error)
        }
        // Nothing came, so nothing was waited for.
        if byteCount > 0 { faults.examine(before: checks) }
    }
}
