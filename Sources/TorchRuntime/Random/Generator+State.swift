// Saving and restoring a generator, in the bytes of PyTorch's `get_rng_state`.
import TorchKernels

/// Bytes that are not the state of a generator.
public enum GeneratorStateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The number of bytes is wrong.
    case wrongSize(actual: Int, expected: Int)
    /// A field can not occur in a real state.
    case badField(name: String, value: String, byteOffset: Int, expected: String)

    public var description: String {
        switch self {
        case .wrongSize(let actual, let expected): "generator state: \(actual) bytes, expected \(expected)"
        case .badField(let name, let value, let offset, let expected):
            "generator state: \(name) at byte \(offset) is \(value), expected \(expected)"
        }
    }
}

extension Generator {
    /// Bytes of a saved state of the CPU's generator.
    public static let stateSize = 5056

    // u64 seed, i32 left, i32 seeded, u64 next, 624 words widened to u64, three doubles (the second is the kept normal), i32 whether it is valid,
    // 4 bytes of padding, f32, u8 and 3 bytes that the CPU generator never uses.
    private enum Offset {
        static let left = 8, seeded = 12, next = 16, words = 24, normal = 24 + 624 * 8 + 8, hasNormal = 24 + 624 * 8 + 24
    }

    /// The whole state, exchangeable with PyTorch's: 5056 bytes, for CUDA devices 16. PyTorch: `Generator.get_state()`.
    public var state: [UInt8] {
        if let place = devicePlace { return Self.bytes(of: place) }
        return withEngine { engine in
            [UInt8](unsafeUninitializedCapacity: Self.stateSize) { buffer, count in
                let bytes = UnsafeMutableRawBufferPointer(buffer)
                bytes.initializeMemory(as: UInt8.self, repeating: 0)
                func put<T: BitwiseCopyable>(_ value: T, _ offset: Int) { bytes.storeBytes(of: value, toByteOffset: offset, as: T.self) }
                put(engine.pointee.seed.littleEndian, 0)
                put(engine.pointee.left.littleEndian, Offset.left)
                put(Int32(1).littleEndian, Offset.seeded)
                put(UInt64(engine.pointee.next).littleEndian, Offset.next)
                withUnsafeBytes(of: &engine.pointee.words) { words in
                    for i in 0..<624 {
                        put(UInt64(words.load(fromByteOffset: 4 * i, as: UInt32.self)).littleEndian, Offset.words + 8 * i)
                    }
                }
                if engine.pointee.has_normal {
                    put(engine.pointee.normal.bitPattern.littleEndian, Offset.normal)
                    put(Int32(1).littleEndian, Offset.hasNormal)
                }
                count = Self.stateSize
            }
        }
    }

    /// Continues from a saved state. Wrong bytes are refused and leave the generator as it was. PyTorch: `Generator.set_state()`.
    public func setState(_ bytes: [UInt8]) throws(GeneratorStateError) {
        if !device.isCPU {
            let restored = try Self.place(from: bytes)
            return withPlace { $0 = restored }
        }
        guard bytes.count == Self.stateSize else { throw .wrongSize(actual: bytes.count, expected: Self.stateSize) }
        func word(_ offset: Int) -> UInt64 {
            bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
        }
        func int(_ offset: Int) -> Int32 {
            bytes.withUnsafeBytes { Int32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Int32.self)) }
        }
        let (left, next) = (int(Offset.left), word(Offset.next))
        guard int(Offset.seeded) == 1 else {
            throw .badField(name: "seeded", value: "\(int(Offset.seeded))", byteOffset: Offset.seeded, expected: "1")
        }
        guard left >= 1, left <= 624 else { throw .badField(name: "left", value: "\(left)", byteOffset: Offset.left, expected: "1 to 624") }
        // Together they must not point behind the last word.
        guard next <= 624, next + UInt64(left) <= 625 else {
            throw .badField(name: "next", value: "\(next)", byteOffset: Offset.next, expected: "at most \(625 - left), as left is \(left)")
        }
        var fresh = st_generator()
        fresh.seed = word(0)
        fresh.left = left
        fresh.next = UInt32(next)
        for i in 0..<624 {
            let value = word(Offset.words + 8 * i)
            guard value <= UInt64(UInt32.max) else {
                throw .badField(name: "word \(i)", value: "\(value)", byteOffset: Offset.words + 8 * i, expected: "less than 2^32")
            }
            withUnsafeMutableBytes(of: &fresh.words) { $0.storeBytes(of: UInt32(value), toByteOffset: 4 * i, as: UInt32.self) }
        }
        fresh.has_normal = int(Offset.hasNormal) != 0
        fresh.normal = fresh.has_normal ? Double(bitPattern: word(Offset.normal)) : 0
        withEngine { $0.pointee = fresh }
    }
}
