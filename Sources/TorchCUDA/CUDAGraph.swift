// Whole steps of work that are captured once and replayed with one call of the driver.
import CCUDA
import TorchRuntime

/// The driver's side of a captured step: its executable graph, and what the replays use. `CUDAGraph` of the tensor library is what programs see.
///
/// Its memory and the stream's checks live until the last replay is done: see Note [Private pools].
package final class CapturedGraph {
    private let gpu: CUDADevice
    private let capture: Capture
    private let queue: CUDAQueue
    private let executable: cc_executable
    /// Streams that it was replayed on.
    private var users: UInt64 = 0
    private var isDone = false

    /// Captures what `body` asks of device `index`; its kernels do not run. Throws what `body` throws, and `DeviceError` for what the driver refuses.
    package static func capture<Result>(device index: Int, _ body: () throws -> Result) throws -> (graph: CapturedGraph, result: Result) {
        let gpu = try CUDADevice.open(index)
        if CapturedStep.current != nil { throw DeviceError.unavailable("a step is being captured already: a graph can not be captured inside another's step") }
        // What was queued before, and its errors, are not the step's.
        try gpu.synchronizeAll()
        return try captureLock.withLock {
            let stream = try gpu.queues.captureStream()
            let pool = gpu.allocator.openPool()
            let capture: Capture
            do { capture = try Capture(gpu, pool: pool) } catch {
                gpu.allocator.closePool(pool)
                throw error
            }
            do {
                let queue = try CUDAQueue(gpu.driver, gpu.context, device: gpu.device, stream: stream, number: CUDAQueues.captureNumber, pool: capture.pool, capture: capture)
                let (executable, result) = try record(gpu, queue, capture, body)
                return (CapturedGraph(gpu, capture, queue, executable), result)
            } catch {
                gpu.allocator.letGo(capture.held)
                gpu.allocator.closePool(capture.pool)
                throw error
            }
        }
    }

    /// One capture at a time: they share a stream.
    private static let captureLock = Mutex()

    private static func record<Result>(_ gpu: CUDADevice, _ queue: CUDAQueue, _ capture: Capture, _ body: () throws -> Result) throws -> (cc_executable, Result) {
        let api = gpu.driver.table.pointee
        let (allocator, pool) = (gpu.allocator, capture.pool)
        let step = CapturedStep(
            device: gpu.device, ownsMemory: { allocator.isOf(pool, UInt64(UInt(bitPattern: $0))) },
            runAside: { body in
                gpu.queues.main.asCurrent {
                    body()
                    do throws(DeviceError) { try gpu.synchronize() } catch { TensorError.report("CUDAGraph", "\(error)") }
                }
            })
        capture.step = step
        // Relaxed: other threads, and our own requests for memory, may go on. What can not be repeated is refused by ourselves, with its reason.
        try gpu.check(api.cuStreamBeginCapture(queue.stream, Int32(CC_CAPTURE_RELAXED)), "cuStreamBeginCapture")
        let result = Swift.Result { try queue.asCurrent { try step.capture { try withTensorErrors(body) } } }
        var graph: cc_graph?
        let ended = api.cuStreamEndCapture(queue.stream, &graph)
        defer { if let graph { _ = api.cuGraphDestroy(graph) } }
        // What the step refused says more than that the capture failed.
        let value = try result.get()
        try gpu.check(ended, "cuStreamEndCapture")
        guard let graph else { throw DeviceError.unavailable("the driver gave no graph for the captured step") }
        var executable: cc_executable?
        try gpu.check(api.cuGraphInstantiateWithFlags(&executable, graph, 0), "cuGraphInstantiateWithFlags")
        guard let executable else { throw DeviceError.unavailable("the driver could not make the captured step executable") }
        return (executable, value)
    }

    private init(_ gpu: CUDADevice, _ capture: Capture, _ queue: CUDAQueue, _ executable: cc_executable) {
        self.gpu = gpu
        self.capture = capture
        self.queue = queue
        self.executable = executable
    }

    /// Queues the step once more on this thread's stream.
    package func replay() throws(DeviceError) {
        try gpu.refuseInCapture("replays another graph")
        let current = gpu.queue
        capture.step.prepareReplay()
        try capture.refresh()
        try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
        try gpu.check(gpu.driver.table.pointee.cuGraphLaunch(executable, current.stream), "cuGraphLaunch")
        users |= 1 << UInt64(current.number)
        while !current.faults.follow(queue.faults) { try gpu.synchronize(current) }
        if CUDADevice.isDebugging { try gpu.synchronize(current) }
    }

    deinit {
        // Replays may still run, with memory that goes to others now.
        if cc_bind(gpu.driver.table, gpu.context) == 0 {
            for q in gpu.queues.inUse where users >> UInt64(q.number) & 1 == 1 { _ = gpu.driver.table.pointee.cuStreamSynchronize(q.stream) }
            _ = gpu.driver.table.pointee.cuGraphExecDestroy(executable)
        }
        gpu.allocator.letGo(capture.held)
        gpu.allocator.closePool(capture.pool)
    }
}
