// Writing a file so that nobody ever sees half of it.
import Glibc
import TorchKernels

/// A file under a temporary name beside its final one; `commit` brings it to the disk and renames it. Without `commit` it disappears again.
public struct AtomicFile: ~Copyable {
    private let path: String
    private let temporary: String
    private let descriptor: Int32
    private let isDurable: Bool
    private var buffer: [UInt8] = []
    private var flushedCount = 0
    /// Bytes that the disk has been told to write.
    private var startedCount = 0
    private var reservedCount = 0
    private var isCommitted = false
    private static let bufferSize = 1 << 18
    private static let writebackSize = 1 << 24

    /// Starts a file that will be called `path`. One that is not `durable` is left to the system to bring to the disk: a power failure may lose it.
    public init(path: String, durable: Bool = true) throws(FormatError) {
        self.path = path
        isDurable = durable
        temporary = "\(path).\(getpid())-\(String(UInt32.random(in: 0 ... .max), radix: 36)).tmp"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw .system("create", temporary) }
    }

    deinit {
        close(descriptor)
        if !isCommitted { unlink(temporary) }
    }

    /// Asks for the disk space of `byteCount` bytes in all at once, which halves the cost of writing them; throws if there is too little. The file may become shorter.
    public mutating func reserve(_ byteCount: Int) throws(FormatError) {
        if st_reserve_space(descriptor, Int64(byteCount)) == ENOSPC { throw .system("reserve \(byteCount) bytes for", temporary, code: ENOSPC) }
        reservedCount = byteCount
    }

    /// Appends bytes.
    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        if buffer.count + bytes.count <= Self.bufferSize {
            buffer.append(contentsOf: bytes)
            return
        }
        try flush()
        if bytes.count < Self.bufferSize { buffer.append(contentsOf: bytes) } else { try writeThrough(bytes) }
    }

    /// Appends bytes.
    public mutating func write(_ bytes: [UInt8]) throws(FormatError) {
        // Not a closure that throws a type of its own: the standard library's withUnsafeBytes is not typed.
        var failure: FormatError?
        bytes.withUnsafeBytes { b in
            do throws(FormatError) { try write(b) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Bytes written so far.
    public var count: Int { flushedCount + buffer.count }

    /// Replaces bytes that one earlier call of `write` has written.
    mutating func overwrite(at offset: Int, _ bytes: [UInt8]) throws(FormatError) {
        if offset >= flushedCount {
            buffer.replaceSubrange(offset - flushedCount..<offset - flushedCount + bytes.count, with: bytes)
            return
        }
        // What one call wrote is in the file or in the buffer, never half in each.
        while pwrite(descriptor, bytes, bytes.count, off_t(offset)) != bytes.count {
            if errno != EINTR { throw .system("write", temporary) }
        }
    }

    /// Brings everything to the disk, if the file is to be durable, and gives it its name.
    public mutating func commit() throws(FormatError) {
        try flush()
        if flushedCount < reservedCount, ftruncate(descriptor, off_t(flushedCount)) != 0 { throw .system("shorten", temporary) }
        if isDurable, fsync(descriptor) != 0 { throw .system("bring to the disk", temporary) }
        guard rename(temporary, path) == 0 else { throw .system("rename \(temporary) to", path) }
        isCommitted = true
        guard isDurable else { return }
        // The new name lives in the folder, which has to reach the disk as well; some file systems can not, and lose nothing by it.
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let f = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if f >= 0 {
            fsync(f)
            close(f)
        }
    }

    private mutating func flush() throws(FormatError) {
        if buffer.isEmpty { return }
        let pending = buffer
        buffer.removeAll(keepingCapacity: true)
        var failure: FormatError?
        pending.withUnsafeBytes { b in
            do throws(FormatError) { try writeThrough(b) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private mutating func writeThrough(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
        var done = 0
        while done < bytes.count {
            let n = Glibc.write(descriptor, bytes.baseAddress! + done, min(bytes.count - done, 1 << 30))
            if n < 0 {
                if errno == EINTR { continue }
                throw .system("write", temporary)
            }
            done += n
            flushedCount += n
        }
        // The disk works while the next bytes are made ready, and has little left to do when everything must be there.
        if isDurable, flushedCount - startedCount >= Self.writebackSize {
            st_start_writeback(descriptor, Int64(startedCount), Int64(flushedCount - startedCount))
            startedCount = flushedCount
        }
    }

    /// Writes a whole file.
    public static func write(_ bytes: [UInt8], to path: String) throws(FormatError) {
        var file = try AtomicFile(path: path)
        try file.write(bytes)
        try file.commit()
    }
}
