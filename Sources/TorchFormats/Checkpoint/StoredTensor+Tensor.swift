// Tensors of this process, to be written to files.
import Synchronization
import TorchTensor

extension StoredTensor {
    /// A tensor as if it came from a file, for writing. Its elements are not copied unless they are on another device or run backwards.
    ///
    /// Tensors that share memory, on whatever device, are known to share it when they are written.
    public init(_ tensor: Tensor, isParameter: Bool = false, requiresGradient: Bool = false) {
        let t = tensor.strides.contains(where: { $0 < 0 }) ? tensor.contiguous() : tensor
        let storage = t.storage
        let bytes: FileBytes
        if t.device.isCPU {
            bytes = FileBytes(storage.pointer, count: storage.byteCount, owner: storage)
        } else {
            let copy = CopyOnCPU.of(storage)
            bytes = FileBytes(copy.bytes.storage.pointer, count: storage.byteCount, owner: copy)
        }
        let block = StoredBlock(.plain(t.dtype), count: storage.byteCount / t.dtype.itemSize, byteCount: storage.byteCount, .file(bytes, offset: 0))
        // A tensor lies within its storage, whatever its strides.
        self.init(unchecked: block, offset: t.storageOffset, shape: t.shape, strides: t.strides)
        (self.isParameter, self.requiresGradient) = (isParameter, requiresGradient)
    }
}

/// What a device's memory holds, on the CPU: one copy for all tensors that share the memory, as long as one of them waits to be written. It keeps the memory too, so that a change of a
/// tensor meanwhile goes to memory of its own and this stays what it was.
private final class CopyOnCPU: Sendable {
    private struct Weak { weak var copy: CopyOnCPU? }
    private static let alive = Mutex<[ObjectIdentifier: Weak]>([:])
    private let original: Storage
    let bytes: Tensor

    private init(_ storage: Storage) {
        original = storage
        bytes = Tensor(storage: storage, byteOffset: 0, sizes: [storage.byteCount], strides: [1], dtype: .uint8)!.to(.cpu)
    }
    deinit {
        let key = ObjectIdentifier(original)
        Self.alive.withLock { if $0[key]?.copy == nil { $0[key] = nil } }
    }

    static func of(_ storage: Storage) -> CopyOnCPU {
        let key = ObjectIdentifier(storage)
        if let known = alive.withLock({ $0[key]?.copy }) { return known }
        let copy = CopyOnCPU(storage)
        alive.withLock { $0[key] = Weak(copy: copy) }
        return copy
    }
}

extension StoredBlock {
    /// Address of the bytes, the same for blocks over the same memory; of the block itself if they must be unpacked.
    var address: UInt { bytesInPlace.map { UInt(bitPattern: $0.file.pointer + $0.offset) } ?? UInt(bitPattern: ObjectIdentifier(self)) }

    /// True for memory of a tensor of this process.
    var isInMemory: Bool { bytesInPlace?.file.isBorrowed ?? false }

    /// Calls `body` with the bytes of a range of elements, least significant byte first; blocks of quantised numbers as float32.
    func withLittleEndianBytes(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(FormatError) -> Void) throws(FormatError) {
        switch type {
        case .ggml:
            let storage = try storage()
            try withExtendedLifetime(storage) { () throws(FormatError) in try body(UnsafeRawBufferPointer(start: storage.pointer + 4 * range.lowerBound, count: 4 * range.count)) }
        case .plain(let dtype) where isBigEndian && dtype.itemSize > 1:
            let (storage, size) = (try storage(), dtype.itemSize)
            try withExtendedLifetime(storage) { () throws(FormatError) in
                try body(UnsafeRawBufferPointer(start: storage.pointer + size * range.lowerBound, count: size * range.count))
            }
        case .complexHalf where isBigEndian:
            try withBytes { b throws(FormatError) in
                let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * range.count, alignment: 4)
                defer { copy.deallocate() }
                copy.copyMemory(from: UnsafeRawBufferPointer(rebasing: b[4 * range.lowerBound..<4 * range.upperBound]))
                if let p = copy.baseAddress { Self.swapBytes(p, unit: 2, count: copy.count) }
                try body(UnsafeRawBufferPointer(copy))
            }
        default:
            let unit = type.blockByteCount
            try withBytes { b throws(FormatError) in try body(UnsafeRawBufferPointer(rebasing: b[unit * range.lowerBound..<unit * range.upperBound])) }
        }
    }
}
