// What a captured step needs for its replays: the memory that its kernels use, and the numbers that change from replay to replay.
import CCUDA
import TorchRuntime

/// Collects, while a step is captured, what its graph must keep. See Note [Captured steps].
///
/// Note [Numbers of replays]
/// A kernel's arguments are fixed by the capture. A number that changes is read from the device's memory: it has a place among words that the host fills before each replay, in one copy of a few hundred
/// bytes that is queued in front of it. The words are allocated before anything is captured: memory that a kernel of the step has used and given back would be written again by every replay.
final class Capture {
    private unowned let gpu: CUDADevice
    let pool: Int
    /// Set by the graph before anything is captured.
    var step: CapturedStep!
    /// Blocks from outside that kernels use, by their numbers.
    private(set) var held: [Int32] = []
    private var known: Set<UInt64> = []
    /// Places for words, and what fills them.
    private static let wordCount = 4096
    private let memory: Storage
    private var used = 0
    private var makers: [(at: Int, words: () -> [UInt64])] = []
    /// What else the replays use: plans of libraries.
    private var kept: [AnyObject] = []
    func keep(_ object: AnyObject) { kept.append(object) }

    /// Draws of each generator so far.
    private var draws: [(generator: Generator, address: UInt64, offset: Draws)] = []
    private final class Draws {
        var count: UInt64 = 0
    }

    init(_ gpu: CUDADevice, pool: Int) throws(DeviceError) {
        self.gpu = gpu
        self.pool = pool
        guard let memory = gpu.allocate(byteCount: 8 * Self.wordCount, pool: pool) else {
            throw .outOfDeviceMemory(device: gpu.device, requested: 8 * Self.wordCount, breakdown: gpu.allocator.breakdown)
        }
        self.memory = memory
    }

    /// Keeps the memory at `address`, if it is from outside, for the replays.
    func hold(_ address: UInt64) {
        guard known.insert(address).inserted, let number = gpu.allocator.hold(address, outside: pool) else { return }
        held.append(number)
    }

    /// Where a kernel finds `count` words that `make` gives anew for each replay.
    func words(_ count: Int, _ make: @escaping () -> [UInt64]) throws(DeviceError) -> UInt64 {
        guard used + count <= Self.wordCount else {
            throw .unavailable("a captured step can have no more than \(Self.wordCount) numbers that change from replay to replay; put parameters with equal options into one group")
        }
        makers.append((used, make))
        defer { used += count }
        return CUDADevice.address(memory.pointer) + UInt64(8 * used)
    }

    /// Where a kernel finds seed and offset of `generator` as they are before a replay, and how far in the step it draws from there. The generator moves when the step is replayed.
    func place(of generator: Generator, advancing count: UInt64) throws(DeviceError) -> (address: UInt64, offset: UInt64) {
        if let known = draws.first(where: { $0.generator === generator }) {
            defer { known.offset.count += (count + 3) & ~3 }
            return (known.address, known.offset.count)
        }
        let drawn = Draws()
        let address = try words(2) {
            let place = generator.advance(by: drawn.count)
            return [place?.seed ?? 0, place?.offset ?? 0]
        }
        draws.append((generator, address, drawn))
        drawn.count = (count + 3) & ~3
        return (address, 0)
    }

    /// Fills the words for the next replay, which this thread's stream will run.
    func refresh() throws(DeviceError) {
        if used == 0 { return }
        var words = [UInt64](repeating: 0, count: used)
        for m in makers {
            let made = m.words()
            words.replaceSubrange(m.at..<m.at + made.count, with: made)
        }
        // A closure would lose the type of the error.
        let result: Result<Void, DeviceError> = words.withUnsafeBytes { bytes in
            do throws(DeviceError) {
                return .success(try gpu.upload(to: CUDADevice.address(memory.pointer), from: bytes.baseAddress!, byteCount: bytes.count))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
}
