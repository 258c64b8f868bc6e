// Streams and events, as programs use them.
import CCUDA
import TorchRuntime

/// A queue of work on a CUDA device, beside the main one that every device has. PyTorch: `torch.cuda.Stream`.
///
/// Work of one stream happens in the order in which it was asked for; work of different streams in any order, also at the same time, unless one waits for the other. What a scope asks for goes to
/// its stream:
/// ```swift
/// func prefetch(_ batch: Tensor) throws -> (Tensor, CUDAEvent) {
///     let copies = try CUDAStream()
///     let x = withCUDAStream(copies) { batch.to(.cuda) }
///     return (x, try copies.record())       // who uses x first calls CUDAStream.current().wait(for:)
/// }
/// ```
/// Memory is safe by itself: a tensor that dies while another stream still uses it is not given to others before (in PyTorch, `record_stream` must be called). The order of
/// reading and writing is yours: without `wait(for:)` a stream may read what another has not written yet.
///
/// Streams come from 32 a device, which are lent in turn; two `CUDAStream`s may be the same when there are more.
public final class CUDAStream: Sendable {
    let gpu: CUDADevice
    let queue: CUDAQueue

    /// A stream of device `index`. Throws if there is no such device.
    public init(device index: Int = 0) throws(DeviceError) {
        gpu = try CUDADevice.open(index)
        queue = try gpu.queues.lend()
    }

    private init(_ gpu: CUDADevice, _ queue: CUDAQueue) {
        self.gpu = gpu
        self.queue = queue
    }

    /// The stream of this thread's work on device `index`. PyTorch: `torch.cuda.current_stream()`.
    public static func current(device index: Int = 0) throws(DeviceError) -> CUDAStream {
        let gpu = try CUDADevice.open(index)
        return CUDAStream(gpu, gpu.queue)
    }

    /// The stream of work outside of scopes. PyTorch: `torch.cuda.default_stream()`.
    public static func main(device index: Int = 0) throws(DeviceError) -> CUDAStream {
        let gpu = try CUDADevice.open(index)
        return CUDAStream(gpu, gpu.queues.main)
    }

    /// Where it runs.
    public var device: Device { gpu.device }

    /// Waits until all that the stream was asked for is done, and reports what went wrong in it. PyTorch: `synchronize()`.
    public func synchronize() throws(DeviceError) { try gpu.synchronize(queue) }

    /// True if all that the stream was asked for is done. PyTorch: `query()`.
    public var isIdle: Bool {
        get throws(DeviceError) {
            try gpu.refuseInCapture("asks whether a stream is done")
            try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
            let result = gpu.driver.table.pointee.cuStreamQuery(queue.stream)
            if result == CC_ERROR_NOT_READY { return false }
            try gpu.check(result, "cuStreamQuery")
            return true
        }
    }

    /// An event behind what the stream was asked for so far. `timed`: for `CUDAEvent.milliseconds(since:)`. PyTorch: `record_event()`.
    public func record(timed: Bool = false) throws(DeviceError) -> CUDAEvent {
        try gpu.refuseInCapture("records an event")
        return try CUDAEvent(gpu, queue, isTimed: timed)
    }

    /// What is asked of the stream from now on happens after `event`; the host does not wait. PyTorch: `wait_event()`.
    public func wait(for event: CUDAEvent) throws(DeviceError) {
        try gpu.refuseInCapture("waits for an event")
        try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
        try gpu.check(gpu.driver.table.pointee.cuStreamWaitEvent(queue.stream, event.handle, 0), "cuStreamWaitEvent")
    }

    /// What is asked of the stream from now on happens after all that `other` was asked for so far. PyTorch: `wait_stream()`.
    public func wait(for other: CUDAStream) throws(DeviceError) { try wait(for: try other.record()) }
}

/// Runs `body` so that what this thread asks of the stream's device goes to `stream`. Scopes may be nested. PyTorch: `with torch.cuda.stream(stream)`.
///
/// What is queued inside does not wait for what was queued outside; see `CUDAStream.wait(for:)`. Backward runs on the stream of the scope that calls it.
public func withCUDAStream<Result>(_ stream: CUDAStream, _ body: () throws -> Result) rethrows -> Result {
    if stream.gpu.capture != nil {
        TensorError.report("withCUDAStream", "a captured step has one stream", hint: "capture what the other stream does in a graph of its own")
        return try body()
    }
    return try stream.queue.asCurrent(body)
}

extension CUDAQueue {
    /// Runs `body` as the work of this stream.
    func asCurrent<Result>(_ body: () throws -> Result) rethrows -> Result {
        let outer = cc_scope()
        cc_set_scope(Unmanaged.passUnretained(self).toOpaque())
        defer { cc_set_scope(outer) }
        return try withExtendedLifetime(self) { try body() }
    }
}

/// A point in the work of a stream. PyTorch: `torch.cuda.Event`.
public final class CUDAEvent: @unchecked Sendable {
    // @unchecked: the fields are constant, and the driver's handles may be used from any thread.
    private let gpu: CUDADevice
    let handle: cc_event
    private let isTimed: Bool

    fileprivate init(_ gpu: CUDADevice, _ queue: CUDAQueue, isTimed: Bool) throws(DeviceError) {
        self.gpu = gpu
        self.isTimed = isTimed
        let api = gpu.driver.table.pointee
        try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
        var event: cc_event?
        try gpu.check(api.cuEventCreate(&event, isTimed ? 0 : UInt32(CC_EVENT_DISABLE_TIMING)), "cuEventCreate")
        guard let event else { throw .unavailable("the driver gave no event for \(gpu.device)") }
        handle = event
        try gpu.check(api.cuEventRecord(event, queue.stream), "cuEventRecord")
    }

    deinit {
        if cc_bind(gpu.driver.table, gpu.context) == 0 { _ = gpu.driver.table.pointee.cuEventDestroy(handle) }
    }

    /// True if the point is passed. PyTorch: `query()`.
    public var isDone: Bool {
        get throws(DeviceError) {
            try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
            let result = gpu.driver.table.pointee.cuEventQuery(handle)
            if result == CC_ERROR_NOT_READY { return false }
            try gpu.check(result, "cuEventQuery")
            return true
        }
    }

    /// Waits until the point is passed. PyTorch: `synchronize()`.
    public func synchronize() throws(DeviceError) {
        try gpu.refuseInCapture("waits for an event")
        try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
        try gpu.check(gpu.driver.table.pointee.cuEventSynchronize(handle), "cuEventSynchronize")
    }

    /// Milliseconds from `start` to this point, both recorded with `timed: true`; waits for both. PyTorch: `start.elapsed_time(end)`.
    public func milliseconds(since start: CUDAEvent) throws(DeviceError) -> Double {
        guard isTimed, start.isTimed else { throw .unavailable("an event was recorded without its time; record(timed: true) keeps it") }
        guard gpu === start.gpu else { throw .unavailable("the events are of different devices, \(start.gpu.device) and \(gpu.device), whose clocks can not be compared") }
        guard let elapsed = gpu.driver.table.pointee.cuEventElapsedTime else { throw .unavailable("the driver can not tell the time between events; update it") }
        try start.synchronize()
        try synchronize()
        var milliseconds: Float = 0
        try gpu.check(elapsed(&milliseconds, start.handle, handle), "cuEventElapsedTime")
        return Double(milliseconds)
    }
}
