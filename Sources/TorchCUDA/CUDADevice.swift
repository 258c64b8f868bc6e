// An open device: its context, its streams, its memory and kernels.
import CCUDA
import Glibc
import TorchRuntime

/// A CUDA device in use by this process.
final class CUDADevice: @unchecked Sendable {
    // @unchecked: the fields are constant once it is made; what they refer to is guarded by itself or by the driver.
    let device: Device
    let driver: CUDADriver
    let properties: CUDADeviceProperties
    /// The device's primary context, which it shares with other CUDA code of this process.
    let context: cc_context
    let queues: CUDAQueues
    private let main: CUDAQueue
    let allocator: CachingAllocator
    let kernels: KernelCache
    private let segments: DriverSegments
    let staging: PinnedStaging
    let products = BlasLtProducts()
    // What NVIDIA's other libraries keep for this device; set as the last of `init`, as they know their device.
    private(set) var convolutions: DNNConvolutions!
    private(set) var transforms: FourierTransforms!
    private(set) var solver: DenseSolver!

    /// Waits after each kernel, so that a fault is reported by the operator that made it (variable SWIFT_TORCH_CUDA_DEBUG).
    static let isDebugging = (environment("SWIFT_TORCH_CUDA_DEBUG") ?? "0") != "0"

    // Opened devices by index; guarded by the lock. Never closed: tensors may live until the process ends.
    nonisolated(unsafe) private static var opened: [Int: CUDADevice] = [:]
    private static let lock = Mutex()

    /// The device with this number, opened if it is not yet.
    static func open(_ index: Int) throws(DeviceError) -> CUDADevice {
        // A closure would lose the type of the error.
        let result: Result<CUDADevice, DeviceError> = lock.withLock {
            if let d = opened[index] { return .success(d) }
            do throws(DeviceError) {
                let d = try CUDADevice(index)
                if opened.isEmpty { ElementCheck.examineDevices = { CUDADevice.examineAll() } }
                opened[index] = d
                return .success(d)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// The devices in use.
    static var all: [CUDADevice] { lock.withLock { Array(opened.values) } }

    private init(_ index: Int) throws(DeviceError) {
        let driver = try CUDADriver.shared.get()
        let compiler = try NVRTC.shared.get()
        properties = try CUDADeviceProperties(driver: driver, index: index)
        device = .cuda(index)
        self.driver = driver
        let api = driver.table
        var number: cc_device = 0
        try driver.check(api.pointee.cuDeviceGet(&number, Int32(index)), "cuDeviceGet")
        var context: cc_context?
        try driver.check(api.pointee.cuDevicePrimaryCtxRetain(&context, number), "cuDevicePrimaryCtxRetain")
        guard let context else { throw .unavailable("the driver gave no context for \(device)") }
        self.context = context
        try driver.check(cc_bind(api, context), "cuCtxSetCurrent")
        queues = try CUDAQueues(driver, context, device)
        main = queues.main
        let segments = DriverSegments(driver, context)
        self.segments = segments
        allocator = CachingAllocator(segments, isCaching: environment("SWIFT_TORCH_CUDA_CACHING") != "0", streams: queues)
        kernels = KernelCache(driver, compiler, architecture: properties.architecture)
        staging = PinnedStaging(driver)
        convolutions = DNNConvolutions(self)
        transforms = FourierTransforms(self)
        solver = DenseSolver(self)
    }

    // MARK: Streams

    /// The stream that this thread's work is queued on: that of its scope (`withCUDAStream`, a capture) or else the device's main one.
    @inline(__always)
    var queue: CUDAQueue {
        guard let scope = cc_scope() else { return main }
        return scoped(scope)
    }

    @inline(never)
    private func scoped(_ scope: UnsafeMutableRawPointer) -> CUDAQueue {
        let queue = Unmanaged<CUDAQueue>.fromOpaque(scope).takeUnretainedValue()
        return queue.device == device ? queue : main
    }

    @inline(__always)
    var stream: cc_stream { queue.stream }
    /// Bad elements that the kernels of this thread's stream found.
    @inline(__always)
    var faults: FaultRecord { queue.faults }

    /// What this thread's work on the device is captured into.
    @inline(__always)
    var capture: Capture? { cc_scope() == nil ? nil : queue.capture }

    /// Notes that this thread's stream uses the memory at `pointer`, so that it is not given to others too early. See Note [Reuse in stream order].
    @inline(__always)
    func noteUse(_ pointer: UnsafeMutableRawPointer?) {
        if cc_tracks_use(), let pointer { noteTrackedUse(pointer) }
    }

    @inline(never)
    private func noteTrackedUse(_ pointer: UnsafeMutableRawPointer) {
        let queue = queue
        if let capture = queue.capture { capture.hold(Self.address(pointer)) } else { allocator.noteUse(Self.address(pointer), by: queue.number) }
    }

    // MARK: Memory

    /// A block of device memory; nil when there is no room.
    func allocate(byteCount: Int, pool: Int? = nil) -> Storage? {
        guard cc_bind(driver.table, context) == 0, let block = allocator.allocate(byteCount: byteCount, pool: pool ?? queue.pool),
            let pointer = UnsafeMutableRawPointer(bitPattern: UInt(block.address))
        else {
            return nil
        }
        return Storage(pointer: pointer, byteCount: byteCount, owner: DeviceBlock(allocator, block.number), device: device)
    }

    /// Bytes that nobody has, and all of them.
    var memoryInfo: (free: Int, total: Int) { segments.memoryInfo }

    /// Waits until all that this thread's stream was asked for is done, and reports what went wrong in it.
    func synchronize() throws(DeviceError) { try synchronize(queue) }

    func synchronize(_ queue: CUDAQueue) throws(DeviceError) {
        try refuseInCapture("waits for the device")
        try check(cc_bind(driver.table, context), "cuCtxSetCurrent")
        let checks = queue.faults.count
        try check(driver.table.pointee.cuStreamSynchronize(queue.stream), "cuStreamSynchronize")
        queue.faults.examine(before: checks)
    }

    /// The same for all streams.
    func synchronizeAll() throws(DeviceError) { for q in queues.inUse { try synchronize(q) } }

    /// Throws if this thread captures a step: what it asks for can not be repeated.
    @inline(__always)
    func refuseInCapture(_ what: StaticString) throws(DeviceError) {
        if capture != nil { throw Self.notCapturable(what) }
    }

    @inline(never)
    private static func notCapturable(_ what: StaticString) -> DeviceError {
        .unavailable("this \(what), which a captured step can not do: a replay runs without the host; do it before or after the step")
    }

    /// Throws what `result` of `call` says; for a fault inside a kernel, with the kernels that were started last.
    @inline(__always)
    func check(_ result: cc_result, _ call: StaticString) throws(DeviceError) {
        if result != 0 { throw failure(result, call) }
    }

    @inline(never)
    private func failure(_ result: cc_result, _ call: StaticString) -> DeviceError { explained(driver.error(result, call)) }

    /// The same error; a fault inside a kernel, which surfaces at a later call, with the kernels that were started last.
    func explained(_ error: DeviceError) -> DeviceError {
        guard case .cuda(let call, let code, let name, let text, let remedy) = error, (700..<720).contains(code) else { return error }
        return .cuda(call: call, code: code, name: name, text: "\(text); kernels started last, latest first: \(kernels.lastLaunches.joined(separator: ", "))", remedy: remedy)
    }
}

/// Gives a block back to its allocator when the last tensor lets go of it.
private final class DeviceBlock {
    private let allocator: CachingAllocator
    private let number: Int32
    init(_ allocator: CachingAllocator, _ number: Int32) {
        self.allocator = allocator
        self.number = number
    }
    deinit { allocator.free(number) }
}

/// A stream as a Sendable value.
struct StreamHandle: @unchecked Sendable {
    // @unchecked: the driver's handles may be used from any thread.
    let stream: cc_stream
    init(_ stream: cc_stream) { self.stream = stream }
}

/// Segments of device memory from the driver.
private final class DriverSegments: SegmentSource, @unchecked Sendable {
    // @unchecked: constant handles.
    private let driver: CUDADriver
    private let context: cc_context

    init(_ driver: CUDADriver, _ context: cc_context) {
        self.driver = driver
        self.context = context
    }

    func reserve(byteCount: Int) -> UInt64? {
        var address: cc_address = 0
        guard cc_bind(driver.table, context) == 0, driver.table.pointee.cuMemAlloc(&address, byteCount) == 0, address != 0 else { return nil }
        return address
    }

    func release(_ address: UInt64) {
        // A tensor may die on a thread that has not used the device.
        if cc_bind(driver.table, context) == 0 { _ = driver.table.pointee.cuMemFree(address) }
    }

    var memoryInfo: (free: Int, total: Int) {
        var (free, total) = (0, 0)
        if cc_bind(driver.table, context) == 0 { _ = driver.table.pointee.cuMemGetInfo(&free, &total) }
        return (free, total)
    }
}
