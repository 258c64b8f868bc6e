// Bad elements that kernels found: indices out of range, zero divisors. See Note [Checks of elements].
import CCUDA
import TorchRuntime

/// Where the kernels of a device leave the first bad element that they meet, and what is known here of each check.
///
/// Note [Records of faults]
/// Every launch that checks elements gets one word of a ring in page-locked memory, which the device writes only when something is wrong: looking at it after a wait costs no copy.
/// The word keeps the least position and the value that stands there, by one atomic minimum of both together. Launches are numbered; a wait answers for those before it.
final class FaultRecord: @unchecked Sendable {
    // @unchecked: all variables are guarded by `lock`; the words are the device's until it has been waited for.
    private static let capacity = 4096
    private static let nothing = UInt64.max

    private struct Entry {
        let check: ElementCheck
        let size: Int
        /// From the kernel's count of elements to their row-major order; nil where both are the same.
        let position: ((Int) -> Int)?
    }
    private let words: UnsafeMutablePointer<UInt64>
    private var entries: [Entry?] = Array(repeating: nil, count: capacity)
    private var made = 0
    private var examined = 0
    private let lock = Mutex()

    init(_ driver: CUDADriver) throws(DeviceError) {
        var memory: UnsafeMutableRawPointer?
        let bytes = Self.capacity * MemoryLayout<UInt64>.stride
        try driver.check(driver.table.pointee.cuMemHostAlloc(&memory, bytes, UInt32(CC_HOST_PORTABLE | CC_HOST_DEVICEMAP)), "cuMemHostAlloc")
        guard let memory else { throw .unavailable("the driver gave no page-locked memory") }
        words = memory.bindMemory(to: UInt64.self, capacity: Self.capacity)
        words.initialize(repeating: Self.nothing, count: Self.capacity)
    }

    /// Number of checks so far: a wait that begins now answers for those before.
    var count: Int { lock.withLock { made } }
    /// Whether the outcome of a check is open.
    var isOpen: Bool { lock.withLock { examined < made } }

    /// A word for one launch and the number of its check; nil when all words are in use, and the device must be waited for.
    func add(_ check: ElementCheck, size: Int, position: ((Int) -> Int)?) -> (address: UInt64, number: Int)? {
        lock.withLock {
            guard made - examined < Self.capacity else { return nil }
            let number = made
            entries[number % Self.capacity] = Entry(check: check, size: size, position: position)
            made += 1
            // The host's address is the device's: unified addressing, which every 64-bit driver has.
            return (UInt64(UInt(bitPattern: words + number % Self.capacity)), number)
        }
    }

    /// The position that check `number` found, after a wait; it is not reported again.
    func take(_ number: Int) -> Int? {
        lock.withLock {
            let slot = number % Self.capacity
            let word = words[slot]
            guard word != Self.nothing, let entry = entries[slot] else { return nil }
            words[slot] = Self.nothing
            let position = Int(word >> 32)
            return entry.position?(position) ?? position
        }
    }

    /// Reports the first bad element that the checks before number `end` found. To be called when the device has done them.
    func examine(before end: Int) {
        let found: (entry: Entry, word: UInt64)? = lock.withLock {
            var first: (Entry, UInt64)?
            while examined < end {
                let slot = examined % Self.capacity
                if words[slot] != Self.nothing, let entry = entries[slot] {
                    first = first ?? (entry, words[slot])
                    words[slot] = Self.nothing
                }
                entries[slot] = nil
                examined += 1
            }
            return first
        }
        guard let (entry, word) = found else { return }
        let position = Int(word >> 32)
        let value = Int32(bitPattern: UInt32(truncatingIfNeeded: word))
        let text = value == .min ? "\(value) or less" : value == .max ? "\(value) or more" : "\(value)"
        entry.check.report(text, position: entry.position?(position) ?? position, size: entry.size)
    }
}

extension CUDADevice {
    /// Devices in use, for `ElementCheck.examineDevices`.
    static func examineAll() {
        for device in all where device.faults.isOpen {
            do throws(DeviceError) { try device.synchronize() } catch { TensorError.report("synchronize", "\(error)") }
        }
    }
}

extension CUDABackend {
    /// Starts a kernel that checks elements: `body` gets the address for the bad one. nil; or, when debugging, its position if there is one.
    func checked(_ check: ElementCheck, size: Int, position: ((Int) -> Int)? = nil, _ body: (UInt64) throws(DeviceError) -> Void) throws(DeviceError) -> Int? {
        var word = gpu.faults.add(check, size: size, position: position)
        while word == nil {
            try gpu.synchronize()
            word = gpu.faults.add(check, size: size, position: position)
        }
        guard let word else { return nil }
        try body(word.address)
        guard CUDADevice.isDebugging else { return nil }
        try gpu.check(gpu.driver.table.pointee.cuStreamSynchronize(gpu.stream), "cuStreamSynchronize")
        return gpu.faults.take(word.number)
    }
}
