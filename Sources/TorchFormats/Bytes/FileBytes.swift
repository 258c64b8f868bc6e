// A file's bytes in memory, mapped privately.
import Glibc
import TorchKernels

/// The bytes of a file, as a private map: pages are read when touched, and writing to them would never reach the file.
///
/// A file that is replaced by renaming, as ours are, does not disturb a map of it. A file that is cut short while it is mapped does, but does not end the program:
/// the missing bytes are read as zeros, `isDamaged` becomes true, and whatever loads from the file throws an error. Only a tensor that lies in the map and is used after
/// it was loaded can not throw; then one line on stderr tells. Bytes that are overwritten in place are not noticed: pages not read before show the new ones.
/// At most 1024 files are mapped at a time; further ones are read into memory.
public final class FileBytes: @unchecked Sendable {
    // @unchecked: constant after init; the bytes are written only by their one owner (tensors copy before they write what is shared).

    /// First byte. Page-aligned for mapped files; a valid address even for no bytes.
    public let pointer: UnsafeMutableRawPointer
    /// Number of bytes.
    public let count: Int
    private enum Ownership {
        /// A map with its number in the guard's table, and the file, kept open to ask for its size.
        case map(guardNumber: Int32, descriptor: Int32, path: String)
        case memory
        /// Memory that belongs to an object.
        case object(AnyObject)
        /// A part of another's bytes.
        case part(FileBytes)
    }
    private let ownership: Ownership

    /// Maps a regular file. A pipe or a device is refused without waiting for it.
    public convenience init(path: String) throws(FormatError) { try self.init(descriptor: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), path: path) }

    /// Maps the regular file behind an open descriptor (below 0: it could not be opened), which it takes over.
    init(descriptor: Int32, path: String) throws(FormatError) {
        guard descriptor >= 0 else { throw .system("open", path) }
        var staysOpen = false
        defer { if !staysOpen { close(descriptor) } }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw .system("examine", path) }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw FormatError(.system, file: path, "is not a regular file") }
        count = Int(facts.st_size)
        if count == 0 {
            ownership = .memory
            pointer = .allocate(byteCount: 1, alignment: 64)
            return
        }
        guard let p = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0), p != MAP_FAILED else { throw .system("map", path) }
        let number = st_guard_map(p, Int64(count), path)
        if number >= 0 {
            pointer = p
            ownership = .map(guardNumber: number, descriptor: descriptor, path: path)
            staysOpen = true
            return
        }
        munmap(p, count)
        pointer = try Self.memory(count)
        ownership = .memory
        var done = 0
        while done < count {
            let n = Glibc.read(descriptor, pointer + done, min(count - done, 1 << 30))
            if n < 0, errno == EINTR { continue }
            guard n > 0 else { throw n < 0 ? .system("read", path) : FormatError(.system, file: path, "was cut short while it was read") }
            done += n
        }
    }

    /// A copy of bytes in memory.
    public init(_ bytes: [UInt8]) {
        count = bytes.count
        ownership = .memory
        pointer = .allocate(byteCount: max(bytes.count, 1), alignment: 64)
        bytes.withUnsafeBytes { if let p = $0.baseAddress { pointer.copyMemory(from: p, byteCount: $0.count) } }
    }

    /// `count` bytes in memory that `fill` writes. Fails where the memory is not to be had.
    init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws(FormatError) -> Void) throws(FormatError) {
        pointer = try Self.memory(count)
        self.count = count
        ownership = .memory
        try fill(UnsafeMutableRawBufferPointer(start: pointer, count: count))
    }

    /// A range of the bytes of `whole`, not a copy.
    init(_ range: Range<Int>, of whole: FileBytes) {
        precondition(range.lowerBound >= 0 && range.upperBound <= whole.count)
        pointer = whole.pointer + range.lowerBound
        count = range.count
        ownership = .part(whole)
    }

    /// Memory that `owner` keeps alive and does not write to, not a copy.
    init(_ pointer: UnsafeMutableRawPointer, count: Int, owner: AnyObject) {
        self.pointer = pointer
        self.count = count
        ownership = .object(owner)
    }

    /// True for memory of this process that belongs to an object.
    var isBorrowed: Bool { if case .object = ownership { true } else { false } }

    deinit {
        switch ownership {
        case .map(let number, let descriptor, _):
            st_guard_release(number)
            munmap(pointer, count)
            close(descriptor)
        case .memory: pointer.deallocate()
        case .object, .part: break
        }
    }

    private static func memory(_ count: Int) throws(FormatError) -> UnsafeMutableRawPointer {
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, 64, max(count, 1)) == 0, let memory else { throw FormatError(.system, "no memory for \(count) bytes") }
        return memory
    }

    // MARK: - Reading

    /// Calls `body` with all bytes.
    public func withBytes<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeRawBufferPointer(start: pointer, count: count))
    }

    /// True if the file has become shorter than the map.
    public var isDamaged: Bool {
        switch ownership {
        case .map(let number, let descriptor, _):
            // The part of a page behind a new end is read as zeros without a signal, so the size is asked for as well.
            var facts = stat()
            if !st_guard_is_damaged(number), fstat(descriptor, &facts) != 0 || Int(facts.st_size) < count { st_guard_set_damaged(number) }
            return st_guard_is_damaged(number)
        case .memory, .object: return false
        case .part(let whole): return whole.isDamaged
        }
    }

    /// Runs `body`, which reads these bytes; throws if some of them turn out to be missing, whatever `body` made of the zeros in their place.
    func checked<Value>(_ body: () throws(FormatError) -> Value) throws(FormatError) -> Value {
        switch ownership {
        case .map(let number, _, let path):
            st_guard_begin(number)
            defer { st_guard_end(number) }
            let result: Result<Value, FormatError>
            do throws(FormatError) { result = .success(try body()) } catch { result = .failure(error) }
            if isDamaged { throw FormatError(.system, file: path, "was cut short while it was read") }
            return try result.get()
        case .memory, .object: return try body()
        case .part(let whole): return try whole.checked(body)
        }
    }

    /// All bytes of a file, at most `limit`.
    public static func read(path: String, limit: Int = .max) throws(FormatError) -> [UInt8] {
        let file = try FileBytes(path: path)
        guard file.count <= limit else { throw FormatError(.malformed, file: path, "has \(file.count) bytes", expected: "at most \(limit)") }
        return try file.checked { () throws(FormatError) in file.withBytes { [UInt8]($0) } }
    }
}
