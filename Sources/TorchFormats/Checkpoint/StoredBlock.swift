// A run of elements in a file, which one or more tensors look at.
import TorchKernels
import TorchTensor

/// A storage as a file holds it: its place and form. The bytes are read, unpacked or converted when the first tensor over it is loaded.
public final class StoredBlock: Sendable {
    /// Where the bytes are.
    enum Source: Sendable {
        /// `byteCount` bytes of the file from this offset.
        case file(FileBytes, offset: Int)
        /// The same, with a check to be made before the bytes are used. Given an address, it copies all bytes there in the same pass.
        case checked(FileBytes, offset: Int, @Sendable (_ target: UnsafeMutableRawPointer?) throws(FormatError) -> Void)
        /// Bytes of a packed entry of an archive; the closure unpacks them and checks their checksum. It returns exactly `byteCount` bytes or throws.
        case packed(@Sendable () throws(FormatError) -> FileBytes)
    }

    /// Type of the elements.
    public let type: StoredType
    /// Number of elements.
    public let count: Int
    /// Bytes of the elements in the file, unpacked.
    public let byteCount: Int
    /// Elements have their most significant byte first.
    public let isBigEndian: Bool
    /// Where in the file, nil for packed entries.
    public var fileOffset: Int? {
        switch source {
        case .file(_, let offset), .checked(_, let offset, _): offset
        case .packed: nil
        }
    }
    private let source: Source
    /// The bytes, if they are used where they lie.
    var bytesInPlace: (file: FileBytes, offset: Int)? {
        switch source {
        case .file(let file, let offset), .checked(let file, let offset, _): (file, offset)
        case .packed: nil
        }
    }

    /// The storage of earlier loads. Held for as long as the block lives if it is the mapped file: then it never looks unshared, so nobody writes
    /// into the map while a later load could see it. A converted copy is held by its tensors alone.
    private struct Loaded {
        var mapped: Storage?
        weak var copy: Storage?
    }
    nonisolated(unsafe) private var loaded = Loaded()  // guarded by `lock`
    private let lock = Mutex()

    /// A block of `count` elements; their bytes must have been checked to be there.
    init(_ type: StoredType, count: Int, byteCount: Int, isBigEndian: Bool = false, _ source: Source) {
        self.type = type
        self.count = count
        self.byteCount = byteCount
        self.isBigEndian = isBigEndian
        self.source = source
    }

    /// The elements as `type.dtype`, in the mapped file where they lie there as the processor wants them. All loads of a block share one storage.
    func storage() throws(FormatError) -> Storage {
        let result: Result<Storage, FormatError> = lock.withLock {
            do throws(FormatError) {
                return .success(
                    try checked { () throws(FormatError) in
                        if let s = loaded.mapped ?? loaded.copy { return s }
                        let (storage, isMapped) = try make()
                        if isMapped { loaded.mapped = storage } else { loaded.copy = storage }
                        return storage
                    })
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Calls `body` with the bytes as the file has them, unpacked.
    func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws(FormatError) -> Value) throws(FormatError) -> Value {
        try checked { () throws(FormatError) in
            let (file, offset) = try bytes()
            return try file.withBytes { b throws(FormatError) in try body(UnsafeRawBufferPointer(rebasing: b[offset..<offset + byteCount])) }
        }
    }

    /// Copies `range` of the bytes as they lie in the file; false where they must be unpacked or converted first.
    func copyBytes(_ range: Range<Int>, to target: UnsafeMutableRawPointer) throws(FormatError) -> Bool {
        // Truth values may need mending.
        guard case .plain(let dtype) = type, dtype != .bool, !isBigEndian || dtype.itemSize == 1, let (file, offset) = bytesInPlace else { return false }
        try checked { () throws(FormatError) in
            if case .checked(_, _, let check) = source {
                let isWhole = range == 0..<byteCount
                try check(isWhole ? target : nil)
                if isWhole { return }
            }
            file.withBytes { st_stream_copy(target, $0.baseAddress! + offset + range.lowerBound, Int64(range.count)) }
        }
        return true
    }

    /// Runs `body`, which reads the bytes; throws if the file has become too short. Packed entries see to that themselves.
    private func checked<Value>(_ body: () throws(FormatError) -> Value) throws(FormatError) -> Value {
        switch source {
        case .file(let file, _), .checked(let file, _, _): try file.checked(body)
        case .packed: try body()
        }
    }

    private func bytes() throws(FormatError) -> (FileBytes, Int) {
        switch source {
        case .file(let file, let offset): return (file, offset)
        case .checked(let file, let offset, let check):
            try check(nil)
            return (file, offset)
        case .packed(let unpack): return (try unpack(), 0)
        }
    }

    private func make() throws(FormatError) -> (Storage, isMapped: Bool) {
        let (file, offset) = try bytes()
        let isMapped = if case .packed = source { false } else { true }
        if case .plain(let dtype) = type, !isBigEndian || dtype.itemSize == 1 {
            let alignment = dtype.isComplex ? dtype.itemSize / 2 : dtype.itemSize
            // A truth value other than 0 and 1 is undefined behaviour further on; such storages are mended in a copy.
            let isSound = dtype != .bool || file.withBytes { !$0[offset..<offset + byteCount].contains { $0 > 1 } }
            if isSound, (Int(bitPattern: file.pointer) + offset) % alignment == 0 {
                return (Storage(pointer: file.pointer + offset, byteCount: byteCount, owner: file), isMapped)
            }
        }
        if case .ggml(let type) = type, !type.canBeLoaded {
            let known = GGMLType.allCases.filter(\.canBeLoaded).map(\.name).joined(separator: ", ")
            throw FormatError(.unsupported, offset: offset, "elements of type \(type.name) can not be loaded", expected: "plain numbers, or blocks of \(known)")
        }
        let (bytesNeeded, overflow) = count.multipliedReportingOverflow(by: type.dtype.itemSize)
        guard !overflow, let own = Storage.allocate(byteCount: bytesNeeded) else {
            throw FormatError(.system, "no memory for \(count) elements of \(type.dtype)")
        }
        file.withBytes { convert(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + byteCount]), to: own.pointer) }
        return (own, false)
    }

    /// Writes the elements as the processor wants them.
    private func convert(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
        switch type {
        case .plain(let dtype):
            if let p = source.baseAddress { target.copyMemory(from: p, byteCount: source.count) }
            if dtype == .bool { for i in 0..<count where source[i] > 1 { target.storeBytes(of: 1, toByteOffset: i, as: UInt8.self) } }
            if isBigEndian { Self.swapBytes(target, unit: dtype.isComplex ? dtype.itemSize / 2 : dtype.itemSize, count: source.count) }
        case .float8(let format):
            let (values, out) = (format.values, target.assumingMemoryBound(to: Float.self))
            for i in 0..<count { out[i] = values[Int(source[i])] }
        case .complexHalf:
            let out = target.assumingMemoryBound(to: Float.self)
            for i in 0..<2 * count {
                let raw = source.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
                out[i] = Float(Float16(bitPattern: isBigEndian ? UInt16(bigEndian: raw) : UInt16(littleEndian: raw)))
            }
        case .ggml(let type):
            type.dequantize(source, to: target.assumingMemoryBound(to: Float.self))
        }
    }

    /// Reverses each run of `unit` bytes.
    static func swapBytes(_ p: UnsafeMutableRawPointer, unit: Int, count: Int) {
        if unit < 2 { return }
        for start in stride(from: 0, to: count - unit + 1, by: unit) {
            for i in 0..<unit / 2 {
                let (a, b) = (p + start + i, p + start + unit - 1 - i)
                let (x, y) = (a.load(as: UInt8.self), b.load(as: UInt8.self))
                a.storeBytes(of: y, as: UInt8.self)
                b.storeBytes(of: x, as: UInt8.self)
            }
        }
    }
}
