// The source of random numbers on the CPU: PyTorch's mt19937 stream behind a lock.
import Glibc
import TorchKernels

/// A source of random numbers that gives PyTorch's CPU stream bit for bit. PyTorch: `torch.Generator`.
///
/// Operators without an explicit generator draw from `Generator.default`. A generator may be used from several threads: every fill is one uninterrupted
/// piece of the stream, though which thread comes first is then up to the scheduler.
public final class Generator: @unchecked Sendable {
    // @unchecked: `engine` is touched only inside `lock`.
    private let engine: UnsafeMutablePointer<st_generator>
    private let lock = Mutex()

    /// The generator of operators that are given none.
    public static let `default` = Generator()

    /// The seed of a generator that was never seeded, PyTorch's.
    public static let defaultSeed: UInt64 = 67_280_421_310_721

    /// A generator at the start of the stream of `seed`.
    public init(seed: UInt64 = Generator.defaultSeed) {
        engine = .allocate(capacity: 1)
        st_generator_seed(engine, seed)
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
        try lock.withLock { try body(engine) }
    }

    /// Goes to the start of the stream of `seed`. Negative seeds count from 2^64 down; like PyTorch's, the stream depends on the low 32 bits only.
    @discardableResult
    public func manualSeed(_ seed: some BinaryInteger) -> Self {
        withEngine { st_generator_seed($0, UInt64(truncatingIfNeeded: seed)) }
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
    public var initialSeed: UInt64 { withEngine { $0.pointee.seed } }

    /// A generator of its own at the same place of the stream.
    public func clone() -> Generator {
        let copy = Generator()
        withEngine { copy.engine.update(from: $0, count: 1) }
        return copy
    }

    /// Goes to the place where `other` is.
    public func copyState(from other: Generator) {
        let saved = other.clone()
        withEngine { $0.update(from: saved.engine, count: 1) }
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

/// Sets the seed of the default generator and returns it. PyTorch: `torch.manual_seed`.
@discardableResult
public func manualSeed(_ seed: some BinaryInteger) -> Generator { Generator.default.manualSeed(seed) }
