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
    private let isMapped: Bool

    /// Maps a regular file.
    public init(path: String) throws(FormatError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", path) }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw .system("examine", path) }
        guard facts.st_mode & S_IFMT == S_IFREG else { throw FormatError(.system, file: path, "is not a regular file") }
        count = Int(facts.st_size)
        isMapped = count > 0
        if count == 0 {
            pointer = .allocate(byteCount: 1, alignment: 64)
            return
        }
        guard let p = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0), p != MAP_FAILED else { throw .system("map", path) }
        pointer = p
    }

    /// A copy of bytes in memory.
    public init(_ bytes: [UInt8]) {
        count = bytes.count
        isMapped = false
        pointer = .allocate(byteCount: max(bytes.count, 1), alignment: 64)
        bytes.withUnsafeBytes { if let p = $0.baseAddress { pointer.copyMemory(from: p, byteCount: $0.count) } }
    }

    deinit {
        if isMapped { munmap(pointer, count) } else { pointer.deallocate() }
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
