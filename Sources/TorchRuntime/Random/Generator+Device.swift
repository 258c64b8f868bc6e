// Generators of CUDA devices: a seed and a place in its Philox streams.
import TorchKernels

/// Note [Generators of devices]
/// A generator belongs to a device. That of a CUDA device is PyTorch's: a seed, and an offset that counts what each thread has drawn so far; kernels compute any number of the stream from
/// the two, so that a draw on the device is nothing but a sum here. What has no kernel (Poisson, gamma, binomial, multinomial numbers) is drawn on the CPU with such a generator:
/// every such draw seeds a fresh mt19937 with the first 64 bits of the next Philox block of subsequence 2^64 - 1, which no thread has, and moves the offset on by 4. So it depends
/// on seed and offset alone and is repeated by restoring them. It is not PyTorch's stream for those distributions.
extension Generator {
    /// A place in the streams of a CUDA device's generator.
    public struct DevicePlace: Sendable, Equatable {
        /// The key.
        public var seed: UInt64
        /// What each thread has drawn; a multiple of 4.
        public var offset: UInt64
        public init(seed: UInt64, offset: UInt64 = 0) {
            self.seed = seed
            self.offset = offset
        }
    }

    // MARK: Defaults

    // Default generators of CUDA devices by number, and the seed that new ones get. Guarded by the lock.
    nonisolated(unsafe) private static var ofDevices: [UInt8: Generator] = [:]
    nonisolated(unsafe) private static var seedOfDevices = Generator.defaultSeed
    private static let devicesLock = Mutex()

    /// The generator of operators on `device` that are given none. PyTorch: `torch.default_generator`, `torch.cuda.default_generators`.
    public static func `default`(for device: Device) -> Generator {
        guard device.kind == .cuda else { return .default }
        return devicesLock.withLock {
            if let g = ofDevices[device.index] { return g }
            let g = Generator(device: device, seed: seedOfDevices)
            ofDevices[device.index] = g
            return g
        }
    }

    /// Seeds the default generators of all CUDA devices, those too that are not in use yet. PyTorch: `torch.cuda.manual_seed_all`.
    public static func manualSeedOfCUDADevices(_ seed: some BinaryInteger) {
        devicesLock.withLock {
            seedOfDevices = UInt64(truncatingIfNeeded: seed)
            for g in ofDevices.values { g.manualSeed(seed) }
        }
    }

    // MARK: Draws of a device

    /// Seed and offset; nil for a generator of the CPU. PyTorch: `initial_seed()`, `get_offset()`.
    public var devicePlace: DevicePlace? { withPlace { $0 } }

    /// The place from which a draw on the device starts; the generator moves on by `offset` numbers a thread, rounded up to a multiple of 4. nil for a generator of the CPU.
    public func advance(by offset: UInt64) -> DevicePlace? {
        withPlace { place in
            let start = place
            place?.offset &+= (offset &+ 3) & ~3
            return start
        }
    }

    /// A generator of the CPU that goes on where this one is, for a draw of many numbers one by one: itself, or for a CUDA device see Note [Generators of devices].
    public func forCPU() -> Generator {
        if device.isCPU { return self }
        let fresh = Generator()
        withEngine { engine in fresh.withEngine { $0.update(from: engine, count: 1) } }
        return fresh
    }

    /// The seed of the mt19937 that draws on the CPU from `place` on.
    static func seedOnCPU(_ place: DevicePlace) -> UInt64 {
        var words: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &words) { st_philox(place.seed, .max, place.offset / 4, $0.baseAddress!.assumingMemoryBound(to: UInt32.self)) }
        return UInt64(words.0) | UInt64(words.1) << 32
    }

    // MARK: State of 16 bytes

    static let deviceStateSize = 16

    static func bytes(of place: DevicePlace) -> [UInt8] {
        [place.seed, place.offset].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }

    /// Seed and offset, or the seed alone as PyTorch once saved it.
    static func place(from bytes: [UInt8]) throws(GeneratorStateError) -> DevicePlace {
        guard bytes.count == deviceStateSize || bytes.count == 8 else { throw .wrongSize(actual: bytes.count, expected: deviceStateSize) }
        func word(_ at: Int) -> UInt64 { (0..<8).reduce(0) { $0 | UInt64(bytes[at + $1]) << (8 * UInt64($1)) } }
        let offset = bytes.count == 8 ? 0 : word(8)
        guard offset % 4 == 0 else { throw .badField(name: "offset", value: "\(offset)", byteOffset: 8, expected: "a multiple of 4") }
        return DevicePlace(seed: word(0), offset: offset)
    }
}
