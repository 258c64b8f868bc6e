// What belongs to one stream of a device: the driver's stream, the checks of its kernels, scratch memory of its products.
import CCUDA
import TorchRuntime

/// A stream of a device, with what must not be shared with other streams.
///
/// Every device has its main stream, number 0. Others are made when they are first asked for, live as long as the process, and are lent to `CUDAStream`s in turn. A captured step has one of its own,
/// which nothing runs on.
final class CUDAQueue: @unchecked Sendable {
    // @unchecked: the fields are constant but for `workspace`, which its lock guards.
    let device: Device
    let stream: cc_stream
    /// Its number for the allocator.
    let number: Int
    /// Where its memory comes from.
    let pool: Int
    /// Bad elements that its kernels found.
    let faults: FaultRecord
    /// What its work is captured into; nil for streams that run it.
    let capture: Capture?

    // Guarded by the lock.
    private var workspace: Storage?
    private let lock = Mutex()

    init(_ driver: CUDADriver, _ context: cc_context, device: Device, stream: cc_stream, number: Int, pool: Int? = nil, capture: Capture? = nil) throws(DeviceError) {
        self.device = device
        self.stream = stream
        self.number = number
        self.pool = pool ?? number
        self.capture = capture
        faults = try FaultRecord(driver, context)
    }

    /// Memory that the products of this stream use one after the other, made by `make` at first.
    func workspace(_ make: () -> Storage?) -> Storage? {
        lock.withLock {
            if workspace == nil { workspace = make() }
            return workspace
        }
    }

    /// A new stream of the driver.
    static func newStream(_ driver: CUDADriver, _ device: Device) throws(DeviceError) -> cc_stream {
        var stream: cc_stream?
        // Not one that waits for the legacy stream, and so for everything else.
        try driver.check(driver.table.pointee.cuStreamCreate(&stream, UInt32(CC_STREAM_NON_BLOCKING)), "cuStreamCreate")
        guard let stream else { throw .unavailable("the driver gave no stream for \(device)") }
        return stream
    }
}

/// The streams of one device.
final class CUDAQueues: StreamWaiting, @unchecked Sendable {
    // @unchecked: `all`, `next` and `captured` are guarded by the lock.
    /// So many beside the main one, as PyTorch has.
    static let sideCount = 32
    /// Number of the stream that captured steps are recorded on.
    static let captureNumber = sideCount + 1

    private let driver: CUDADriver
    private let context: cc_context
    private let device: Device
    private let lock = Mutex()
    let main: CUDAQueue
    private var all: [CUDAQueue]
    private var next = 0
    private var captured: StreamHandle?

    init(_ driver: CUDADriver, _ context: cc_context, _ device: Device) throws(DeviceError) {
        self.driver = driver
        self.context = context
        self.device = device
        main = try CUDAQueue(driver, context, device: device, stream: CUDAQueue.newStream(driver, device), number: 0)
        all = [main]
    }

    /// All streams that may have work.
    var inUse: [CUDAQueue] { lock.withLock { all } }

    /// A stream beside the main one: a new one, or, when there are many, the one that was lent longest ago.
    func lend() throws(DeviceError) -> CUDAQueue {
        cc_track_use()
        let result: Result<CUDAQueue, DeviceError> = lock.withLock {
            if all.count > Self.sideCount {
                next = next % Self.sideCount + 1
                return .success(all[next])
            }
            do throws(DeviceError) {
                let queue = try CUDAQueue(driver, context, device: device, stream: CUDAQueue.newStream(driver, device), number: all.count)
                all.append(queue)
                return .success(queue)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// The stream to record on.
    func captureStream() throws(DeviceError) -> cc_stream {
        cc_track_use()
        let result: Result<cc_stream, DeviceError> = lock.withLock {
            if let captured { return .success(captured.stream) }
            do throws(DeviceError) {
                let stream = try CUDAQueue.newStream(driver, device)
                captured = StreamHandle(stream)
                return .success(stream)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    // MARK: Waiting

    func synchronize() {
        guard cc_bind(driver.table, context) == 0 else { return }
        for q in inUse { _ = driver.table.pointee.cuStreamSynchronize(q.stream) }
    }

    func fence(_ streams: UInt64) -> any StreamFence {
        let fence = EventFence(driver, context)
        for q in inUse where streams >> UInt64(q.number) & 1 == 1 { fence.add(q.stream) }
        return fence
    }
}

/// Events behind the work of some streams.
private final class EventFence: StreamFence {
    private let driver: CUDADriver
    private let context: cc_context
    private var events: [cc_event] = []

    init(_ driver: CUDADriver, _ context: cc_context) {
        self.driver = driver
        self.context = context
    }

    func add(_ stream: cc_stream) {
        let api = driver.table.pointee
        var event: cc_event?
        // A tensor may die on a thread that has not used the device.
        guard cc_bind(driver.table, context) == 0 else { return }
        if api.cuEventCreate(&event, UInt32(CC_EVENT_DISABLE_TIMING)) == 0, let event {
            events.append(event)
            if api.cuEventRecord(event, stream) == 0 { return }
        }
        // Without an event only waiting is safe.
        _ = api.cuStreamSynchronize(stream)
    }

    var isPassed: Bool {
        let api = driver.table.pointee
        return cc_bind(driver.table, context) == 0 && events.allSatisfy { api.cuEventQuery($0) != CC_ERROR_NOT_READY }
    }

    deinit {
        if cc_bind(driver.table, context) == 0 { for e in events { _ = driver.table.pointee.cuEventDestroy(e) } }
    }
}
