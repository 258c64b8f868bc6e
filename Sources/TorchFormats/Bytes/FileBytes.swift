// A file's bytes in memory, mapped privately.
import Glibc

/// The bytes of a file, as a private map: pages are read when touched, and writing to them would never reach the file.
///
/// The file must not be cut short while it is mapped (the system then ends the program); files that are replaced by renaming, as ours are, are safe.
public final class FileBytes: @unchecked Sendable {
    // @unchecked: constant after init; the bytes are written only by their one owner (tensors copy before they write what is shared).

    /// First byte. Page-aligned for mapped files; a valid address even for no bytes.
    public let pointer: UnsafeMutableRawPointer
    /// Number of bytes.
    public let count: Int
    private enum Ownership {
        case map, memory
        /// A part of another's bytes.
        case part(FileBytes)
    }
    private let ownership: Ownership

    /// Maps a regular file.
    public init(path: String) throws(FormatError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", path) }
        defer { close(descriptor) }
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
        pointer = p
        ownership = .map
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
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, 64, max(count, 1)) == 0, let memory else { throw FormatError(.system, "no memory for \(count) bytes") }
        pointer = memory
        self.count = count
        ownership = .memory
        try fill(UnsafeMutableRawBufferPointer(start: memory, count: count))
    }

    /// A range of the bytes of `whole`, not a copy.
    init(_ range: Range<Int>, of whole: FileBytes) {
        precondition(range.lowerBound >= 0 && range.upperBound <= whole.count)
        pointer = whole.pointer + range.lowerBound
        count = range.count
        ownership = .part(whole)
    }

    deinit {
        switch ownership {
        case .map: munmap(pointer, count)
        case .memory: pointer.deallocate()
        case .part: break
        }
    }

    /// Calls `body` with all bytes.
    public func withBytes<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeRawBufferPointer(start: pointer, count: count))
    }

    /// All bytes of a file, at most `limit`.
    public static func read(path: String, limit: Int = .max) throws(FormatError) -> [UInt8] {
        let file = try FileBytes(path: path)
        guard file.count <= limit else { throw FormatError(.malformed, file: path, "has \(file.count) bytes", expected: "at most \(limit)") }
        return file.withBytes { [UInt8]($0) }
    }
}
