// Bad elements that kernels found: indices out of range, zero divisors. See Note [Checks of elements].
import CCUDA
import Glibc
import TorchKernels
import TorchRuntime

/// Where the kernels of a stream leave the first bad element that they meet, and what is known here of each check.
///
/// Note [Records of faults]
/// Every launch that checks elements gets one word of a ring in page-locked memory, which the device writes only when something is wrong: looking at it after a wait costs no copy.
/// The word keeps the least position and the value that stands there, by one atomic minimum of both together. Launches are numbered; a wait answers for those before it.
///
/// What was started inside `withTensorErrors` is that scope's: when another thread's wait finds it, it is kept for the thread of the scope, whose own waits report it, the one at the scope's
/// end at the latest. What was started outside any scope is reported by the wait that finds it.
///
/// The words of a captured step are its own and stay, since every replay writes them again. A replay counts as one check of the stream that it runs on (`follow`).
final class FaultRecord: @unchecked Sendable {
    // @unchecked: all variables are guarded by `lock`; the words are the device's until it has been waited for.
    fileprivate static let capacity = 4096
    private static let nothing = UInt64.max

    private struct Check {
        let check: ElementCheck
        let size: Int
        /// From the kernel's count of elements to their row-major order; nil where both are the same.
        let position: ((Int) -> Int)?
        /// The thread in whose scope it was started.
        let owner = FaultRecord.scope

        func report(_ word: UInt64) {
            let position = Int(word >> 32)
            let value = Int32(bitPattern: UInt32(truncatingIfNeeded: word))
            let text = value == .min ? "\(value) or less" : value == .max ? "\(value) or more" : "\(value)"
            check.report(text, position: self.position?(position) ?? position, size: size)
        }
    }
    private enum Entry {
        case launch(Check)
        /// A replay of the step whose checks these are, in this thread's scope.
        case replay(FaultRecord, owner: pthread_t?)
    }
    private let driver: CUDADriver
    private let context: cc_context
    private let words: UnsafeMutablePointer<UInt64>
    private var entries: [Entry?] = Array(repeating: nil, count: capacity)
    private var made = 0
    private var examined = 0
    /// The first that others found of a thread's scope.
    private var kept: [pthread_t: (check: Check, word: UInt64)] = [:]
    private let lock = Mutex()

    /// This thread, inside `withTensorErrors`.
    private static var scope: pthread_t? { st_errors_thrown() ? pthread_self() : nil }

    init(_ driver: CUDADriver, _ context: cc_context) throws(DeviceError) {
        self.driver = driver
        self.context = context
        try driver.check(cc_bind(driver.table, context), "cuCtxSetCurrent")
        var memory: UnsafeMutableRawPointer?
        let bytes = Self.capacity * MemoryLayout<UInt64>.stride
        try driver.check(driver.table.pointee.cuMemHostAlloc(&memory, bytes, UInt32(CC_HOST_PORTABLE | CC_HOST_DEVICEMAP)), "cuMemHostAlloc")
        guard let memory else { throw .unavailable("the driver gave no page-locked memory") }
        words = memory.bindMemory(to: UInt64.self, capacity: Self.capacity)
        words.initialize(repeating: Self.nothing, count: Self.capacity)
    }

    // The device is done with the words: main and side streams are never closed, and a graph waits for its replays.
    deinit { if cc_bind(driver.table, context) == 0 { _ = driver.table.pointee.cuMemFreeHost(words) } }

    /// Number of checks so far: a wait that begins now answers for those before.
    var count: Int { lock.withLock { made } }
    /// Whether the outcome of a check is open, or one of this thread's scope is not reported yet.
    var isOpen: Bool { lock.withLock { examined < made || Self.scope.map { kept[$0] != nil } == true } }

    /// A word for one launch and the number of its check; nil when all words are in use, and the device must be waited for.
    func add(_ check: ElementCheck, size: Int, position: ((Int) -> Int)?) -> (address: UInt64, number: Int)? {
        lock.withLock {
            guard made - examined < Self.capacity else { return nil }
            let number = made
            entries[number % Self.capacity] = .launch(Check(check: check, size: size, position: position))
            made += 1
            // The host's address is the device's: unified addressing, which every 64-bit driver has.
            return (UInt64(UInt(bitPattern: words + number % Self.capacity)), number)
        }
    }

    /// Counts a replay of a captured step whose checks are `step`; false when all words are in use, and the stream must be waited for.
    func follow(_ step: FaultRecord) -> Bool {
        if step.count == 0 { return true }
        return lock.withLock {
            guard made - examined < Self.capacity else { return false }
            entries[made % Self.capacity] = .replay(step, owner: Self.scope)
            made += 1
            return true
        }
    }

    /// The position that check `number` found, after a wait; it is not reported again.
    func take(_ number: Int) -> Int? {
        lock.withLock {
            let slot = number % Self.capacity
            let word = words[slot]
            guard word != Self.nothing, case .launch(let check)? = entries[slot] else { return nil }
            words[slot] = Self.nothing
            let position = Int(word >> 32)
            return check.position?(position) ?? position
        }
    }

    /// Reports the first bad element that the checks before number `end` found. To be called when the device has done them.
    func examine(before end: Int) {
        let here = Self.scope
        let found: (check: Check, word: UInt64)? = lock.withLock {
            var first = here.flatMap { kept.removeValue(forKey: $0) }
            func add(_ fault: (check: Check, word: UInt64), of owner: pthread_t?) {
                if let owner, owner != here { kept[owner] = kept[owner] ?? fault } else { first = first ?? fault }
            }
            while examined < end {
                let slot = examined % Self.capacity
                switch entries[slot] {
                case .launch(let check):
                    if words[slot] != Self.nothing {
                        add((check, words[slot]), of: check.owner)
                        words[slot] = Self.nothing
                    }
                case .replay(let step, let owner):
                    if let found = step.takeFirst() { add(found, of: owner) }
                case nil: break
                }
                entries[slot] = nil
                examined += 1
            }
            return first
        }
        if let (check, word) = found { check.report(word) }
    }

    /// The first bad element of a captured step's last replays; the words are ready for the next.
    private func takeFirst() -> (check: Check, word: UInt64)? {
        lock.withLock {
            var first: (check: Check, word: UInt64)?
            for slot in 0..<made where words[slot] != Self.nothing {
                if first == nil, case .launch(let check)? = entries[slot] { first = (check, words[slot]) }
                words[slot] = Self.nothing
            }
            return first
        }
    }
}

extension CUDADevice {
    /// Devices in use, for `ElementCheck.examineDevices`.
    static func examineAll() {
        for device in all {
            // What this thread captures has not happened, and is looked at by the replays.
            for queue in device.queues.inUse where queue.faults.isOpen && device.capture == nil {
                do throws(DeviceError) { try device.synchronize(queue) } catch { TensorError.report("synchronize", "\(error)") }
            }
        }
    }
}

extension CUDABackend {
    /// Starts a kernel that checks elements: `body` gets the address for the bad one. nil; or, when debugging, its position if there is one.
    func checked(_ check: ElementCheck, size: Int, position: ((Int) -> Int)? = nil, _ body: (UInt64) throws(DeviceError) -> Void) throws(DeviceError) -> Int? {
        let number = try recorded(check, size: size, position: position, body)
        guard CUDADevice.isDebugging, gpu.capture == nil else { return nil }
        try gpu.check(gpu.driver.table.pointee.cuStreamSynchronize(gpu.stream), "cuStreamSynchronize")
        return gpu.faults.take(number)
    }

    /// The same; what is wrong is reported at the next wait in any case. The number of the check.
    @discardableResult
    func recorded(_ check: ElementCheck, size: Int, position: ((Int) -> Int)? = nil, _ body: (UInt64) throws(DeviceError) -> Void) throws(DeviceError) -> Int {
        var word = gpu.faults.add(check, size: size, position: position)
        if word == nil, gpu.capture != nil { throw .unavailable("a captured step can check the elements of no more than \(FaultRecord.capacity) operators") }
        while word == nil {
            try gpu.synchronize()
            word = gpu.faults.add(check, size: size, position: position)
        }
        try body(word!.address)
        return word!.number
    }
}
