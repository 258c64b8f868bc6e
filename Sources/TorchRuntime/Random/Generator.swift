// The source of random numbers: PyTorch's mt19937 stream on the CPU, its Philox streams on CUDA devices, behind a lock.
import Glibc
import TorchKernels

/// A source of random numbers that gives PyTorch's streams: on the CPU bit for bit, for CUDA devices see Note [Generators of devices]. PyTorch: `torch.Generator`.
///
/// Operators without an explicit generator draw from `Generator.default(for:)` their device. A generator may be used from several threads: every fill is one uninterrupted
/// piece of the stream, though which thread comes first is then up to the scheduler.
public final class Generator: @unchecked Sendable {
    // @unchecked: `engine` and `place` are touched only inside `lock`.
    /// The state of a generator of the CPU; room to draw on the CPU for others.
    private let engine: UnsafeMutablePointer<st_generator>
    /// The state of a generator of a CUDA device.
    private var place: DevicePlace?
    private let lock = Mutex()

    /// Whose numbers these are.
    public let device: Device

    /// The generator of operators on the CPU that are given none.
    public static let `default` = Generator()

    /// The seed of a generator that was never seeded, PyTorch's.
    public static let defaultSeed: UInt64 = 67_280_421_310_721

    /// A generator at the start of the stream of `seed`.
    public convenience init(seed: UInt64 = Generator.defaultSeed) { self.init(device: .cpu, seed: seed) }

    /// A generator of a device at the start of the streams of `seed`. PyTorch: `torch.Generator(device=)`.
    public init(device: Device, seed: UInt64 = Generator.defaultSeed) {
        self.device = device
        engine = .allocate(capacity: 1)
        st_generator_seed(engine, seed)
        place = device.kind == .cuda ? DevicePlace(seed: seed) : nil
    }

    /// A generator that continues from a saved state.
    public convenience init(state: [UInt8]) throws(GeneratorStateError) {
        self.init()
        try setState(state)
    }

    deinit { engine.deallocate() }

    /// Runs `body` alone with the engine.
    @inline(__always)
    func withEngine<Result>(_ body: (UnsafeMutablePointer<st_generator>) throws -> Result) rethrows -> Result {
        try lock.withLock {
            if place != nil { leaveDevice() }
            return try body(engine)
        }
    }

    /// Runs `body` alone with the place of a CUDA device's generator.
    func withPlace<Result>(_ body: (inout DevicePlace?) -> Result) -> Result { lock.withLock { body(&place) } }

    /// Prepares a draw on the CPU with a CUDA device's generator, inside the lock.
    @inline(never)
    private func leaveDevice() {
        guard var p = place else { return }
        st_generator_seed(engine, Generator.seedOnCPU(p))
        p.offset &+= 4
        place = p
    }

    /// Goes to the start of the stream of `seed`. Negative seeds count from 2^64 down; like PyTorch's, the CPU's stream depends on the low 32 bits only.
    @discardableResult
    public func manualSeed(_ seed: some BinaryInteger) -> Self {
        let seed = UInt64(truncatingIfNeeded: seed)
        lock.withLock { if place == nil { st_generator_seed(engine, seed) } else { place = DevicePlace(seed: seed) } }
        return self
    }

    /// Seeds from the system's entropy and returns the seed.
    @discardableResult
    public func seed() -> UInt64 {
        let seed = UInt64.random(in: 0 ... .max)
        manualSeed(seed)
        return seed
    }

    /// The seed last given.
    public var initialSeed: UInt64 { lock.withLock { place?.seed ?? engine.pointee.seed } }

    /// A generator of its own at the same place of the stream.
    public func clone() -> Generator {
        let copy = Generator(device: device)
        lock.withLock {
            copy.engine.update(from: engine, count: 1)
            copy.place = place
        }
        return copy
    }

    /// Goes to the place where `other` is, which must be a generator of the same kind of device.
    public func copyState(from other: Generator) {
        guard device.kind == other.device.kind else {
            TensorError.report("copyState", "a generator of \(device) can not continue the stream of one of \(other.device)", hint: "make it with Generator(device:)")
            return
        }
        let saved = other.clone()
        lock.withLock {
            engine.update(from: saved.engine, count: 1)
            place = saved.place
        }
    }

    /// The next 32 bits of the stream.
    public func next32() -> UInt32 { withEngine { st_random32($0) } }
    /// The next 64 bits: two 32-bit draws, the first one is the high half.
    public func next64() -> UInt64 { withEngine { st_random64($0) } }
    /// A 53-bit uniform number in [0, 1).
    public func nextUnit() -> Double { withEngine { st_random_unit($0) } }
    /// One normal number from the scalar path, which keeps the second of each pair for the next call.
    public func nextNormal(mean: Double = 0, std: Double = 1) -> Double { withEngine { st_random_normal_one($0, mean, std) } }
}

/// Sets the seed of the default generators of the CPU, which is returned, and of all CUDA devices. PyTorch: `torch.manual_seed`.
@discardableResult
public func manualSeed(_ seed: some BinaryInteger) -> Generator {
    Generator.manualSeedOfCUDADevices(seed)
    return Generator.default.manualSeed(seed)
}
