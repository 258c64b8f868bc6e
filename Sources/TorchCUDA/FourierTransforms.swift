// Fourier transforms by cuFFT: plans, their memory, their stream.
import CCUDA
import TorchRuntime

/// cuFFT on one device, and the plans that it made lately.
///
/// A plan owns tables, but not the memory that it works in: that comes from the device's allocator for each transform and goes back at once (Note [Reuse in stream order]),
/// so that plans that lie idle hold little.
final class FourierTransforms: @unchecked Sendable {
    // @unchecked: all that changes is guarded by the lock.
    // The device holds this object, and is never closed.
    private unowned let gpu: CUDADevice
    private let lock = Mutex()
    private var plans = PlanCache(capacity: 128)

    private final class Plan: LibraryPlan {
        let table: UnsafePointer<cc_fft>
        let number: cc_fft_plan
        var workBytes = 0
        var stream: cc_stream?

        init(_ table: UnsafePointer<cc_fft>) throws(DeviceError) {
            self.table = table
            var number: cc_fft_plan = -1
            let status = table.pointee.cufftCreate(&number)
            self.number = number
            super.init()
            if status != CC_FFT_SUCCESS { throw FourierTransforms.error(status, "cufftCreate") }
        }

        deinit { if number >= 0 { _ = table.pointee.cufftDestroy(number) } }
    }

    init(_ gpu: CUDADevice) { self.gpu = gpu }

    /// Queues transforms of `batch` contiguous rows, unscaled. Throws `.kernel` where cuFFT can not do it: then the CPU does.
    func transform(_ out: UnsafeMutableRawPointer, _ x: UnsafeMutableRawPointer, length: Int, batch: Int, isWide: Bool, sign: Int) throws(DeviceError) {
        // A closure would lose the type of the error.
        let result: Result<Void, DeviceError> = lock.withLock {
            do throws(DeviceError) {
                return .success(try transformLocked(out, x, length, batch, isWide, sign))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private func transformLocked(_ out: UnsafeMutableRawPointer, _ x: UnsafeMutableRawPointer, _ length: Int, _ batch: Int, _ isWide: Bool, _ sign: Int) throws(DeviceError) {
        // Without a reason: that cuFFT is missing is said by CUDA.libraries, that the CPU transforms by CUDA.fallbacks.
        guard case .success(let library) = FFTLibrary.shared else { throw .kernel("fft", log: "") }
        try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
        let plan = try plan(library.table, length, batch, isWide)
        let api = library.table.pointee
        if plan.stream != gpu.stream {
            try Self.check(api.cufftSetStream(plan.number, gpu.stream), "cufftSetStream")
            plan.stream = gpu.stream
        }
        var work: Storage?
        if plan.workBytes > 0 {
            guard let memory = gpu.allocate(byteCount: plan.workBytes) else {
                throw .outOfDeviceMemory(device: gpu.device, requested: plan.workBytes, breakdown: gpu.allocator.breakdown)
            }
            work = memory
            try Self.check(api.cufftSetWorkArea(plan.number, CUDADevice.address(memory.pointer)), "cufftSetWorkArea")
        }
        let direction = Int32(sign < 0 ? CC_FFT_FORWARD : CC_FFT_INVERSE)
        let (from, to) = (CUDADevice.address(x), CUDADevice.address(out))
        if isWide {
            try Self.check(api.cufftExecZ2Z(plan.number, from, to, direction), "cufftExecZ2Z")
        } else {
            try Self.check(api.cufftExecC2C(plan.number, from, to, direction), "cufftExecC2C")
        }
        withExtendedLifetime(work) {}
        gpu.capture?.keep(plan)
        if CUDADevice.isDebugging, gpu.capture == nil { try gpu.synchronize() }
    }

    // MARK: Plans

    /// Rows of complex numbers, contiguous: nothing else comes to the primitive.
    private func plan(_ table: UnsafePointer<cc_fft>, _ length: Int, _ batch: Int, _ isWide: Bool) throws(DeviceError) -> Plan {
        let key = [length, batch, isWide ? 1 : 0]
        if let known = plans.find(key) {
            if let plan = known as? Plan { return plan }
            if let refusal = known.refusal { throw refusal }
        }
        let plan = try Plan(table)
        let api = table.pointee
        try Self.check(api.cufftSetAutoAllocation(plan.number, 0), "cufftSetAutoAllocation")
        var size = Int64(length)
        let kind = Int32(isWide ? CC_FFT_Z2Z : CC_FFT_C2C)
        func make() -> Int32 { api.cufftMakePlanMany64(plan.number, 1, &size, nil, 1, size, nil, 1, size, kind, Int64(batch), &plan.workBytes) }
        var status = make()
        if status == CC_FFT_ALLOC_FAILED {
            // Its tables are memory of the driver's: what we keep for reuse may be in the way.
            gpu.allocator.releaseCached()
            status = make()
        }
        if status == CC_FFT_SUCCESS {
            plans.insert(plan, for: key)
            return plan
        }
        let refusal = DeviceError.kernel("fft", log: "cuFFT has no plan for \(batch) transforms of length \(length), and the CPU transforms: \(Self.error(status, "cufftMakePlanMany64"))")
        // Only what can not change is worth keeping.
        if [CC_FFT_INVALID_SIZE, CC_FFT_NOT_IMPLEMENTED, CC_FFT_NOT_SUPPORTED].contains(Int(status)) { plans.insert(LibraryPlan(refusal: refusal), for: key) }
        throw refusal
    }

    // MARK: Errors

    private static func check(_ status: Int32, _ call: StaticString) throws(DeviceError) {
        if status != CC_FFT_SUCCESS { throw error(status, call) }
    }

    private static func error(_ status: Int32, _ call: StaticString) -> DeviceError {
        let (name, text) =
            switch Int(status) {
            case CC_FFT_INVALID_PLAN: ("INVALID_PLAN", "it does not know the plan")
            case CC_FFT_ALLOC_FAILED: ("ALLOC_FAILED", "no memory for the plan's tables")
            case CC_FFT_INVALID_TYPE: ("INVALID_TYPE", "it has no such transform")
            case CC_FFT_INVALID_VALUE: ("INVALID_VALUE", "it refuses an argument")
            case CC_FFT_INTERNAL_ERROR: ("INTERNAL_ERROR", "it failed inside")
            case CC_FFT_EXEC_FAILED: ("EXEC_FAILED", "its kernel did not run")
            case CC_FFT_SETUP_FAILED: ("SETUP_FAILED", "the library could not start on this device")
            case CC_FFT_INVALID_SIZE: ("INVALID_SIZE", "it has nothing for this size")
            case CC_FFT_UNALIGNED_DATA: ("UNALIGNED_DATA", "an address is not a multiple of an element")
            case CC_FFT_INVALID_DEVICE: ("INVALID_DEVICE", "the plan is of another device")
            case CC_FFT_NO_WORKSPACE: ("NO_WORKSPACE", "it got no memory to work in")
            case CC_FFT_NOT_IMPLEMENTED: ("NOT_IMPLEMENTED", "it has nothing for this")
            case CC_FFT_NOT_SUPPORTED: ("NOT_SUPPORTED", "it has nothing for this")
            default: ("unknown", "a status that this version does not know")
            }
        return .cuda(
            call: "\(call)", code: Int(status), name: "CUFFT_\(name)", text: text,
            remedy: "SWIFT_TORCH_CUFFT=none transforms on the CPU; CUDA.libraries says which cuFFT is in use")
    }
}
