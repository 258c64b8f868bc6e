// Tensors of this process, to be written to files.
import TorchTensor

extension StoredTensor {
    /// A tensor as if it came from a file, for writing. Its elements are not copied unless they are on another device or run backwards.
    ///
    /// Tensors that share memory are known to share it when they are written.
    public init(_ tensor: Tensor, isParameter: Bool = false, requiresGradient: Bool = false) {
        var t = tensor.device.isCPU ? tensor : tensor.to(.cpu)
        if t.strides.contains(where: { $0 < 0 }) { t = t.contiguous() }
        let storage = t.storage
        let bytes = FileBytes(storage.pointer, count: storage.byteCount, owner: storage)
        let block = StoredBlock(.plain(t.dtype), count: storage.byteCount / t.dtype.itemSize, byteCount: storage.byteCount, .file(bytes, offset: 0))
        // A tensor lies within its storage, whatever its strides.
        self.init(unchecked: block, offset: t.storageOffset, shape: t.shape, strides: t.strides)
        (self.isParameter, self.requiresGradient) = (isParameter, requiresGradient)
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
