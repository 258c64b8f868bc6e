// Runs cases in a process of its own, so that one that crashes or hangs costs only itself.
import ArgumentParser
import Glibc
import Torch

/// Runs the cases on the lines of a manifest that `cases` lists, and reports on standard output.
///
/// Protocol, a line each: `S <case>` before a case, `R <case> <kind> <reason>` per outcome (an empty reason: passed), `D <case>` after it.
func runWorker(manifest: String, cases: String, skip: Int, _ body: (JSON) throws -> [(kind: String, reason: String?)]) throws {
    let lines = try MappedFile(manifest).lines
    for n in try MappedFile(cases).lines.map({ Int(String(decoding: $0, as: UTF8.self)) ?? -1 }).dropFirst(skip) {
        guard lines.indices.contains(n) else { throw ConformanceError("no case \(n) in \(manifest)") }
        writeAll(1, "S \(n)\n")
        for o in try body(try JSON(parsing: lines[n])) {
            let reason = (o.reason ?? "").map { $0 == "\n" ? " " : $0 }
            writeAll(1, "R \(n) \(o.kind) \(String(reason))\n")
        }
        writeAll(1, "D \(n)\n")
    }
}

/// What a worker names primitives by that ran on the CPU in the place of the device, with commas as the reason.
let fallbackKind = "P"

/// One process of `ops`.
struct OperatorWorker: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ops-worker", abstract: "Runs cases for `ops` (internal).", shouldDisplay: false)

    @Option var data: String
    @Option var area: String
    @Option var device: String = "cpu"
    @Option(help: "File with case numbers, one a line.") var cases: String
    @Option(help: "How many of them to skip.") var skip: Int = 0

    func run() throws {
        var shards: [String: Shard] = [:]
        // The data are not of tf32.
        CUDA.allowTF32Convolution = false
        try runWorker(manifest: "\(data)/\(area)/manifest.jsonl", cases: cases, skip: skip) { json in
            let c = try OperatorCase(json, on: device == "cuda" ? .cuda : .cpu) { name in
                if let s = shards[name] { return s }
                let s = try Shard("\(data)/\(area)/\(name)")
                shards[name] = s
                return s
            }
            var outcomes: [(kind: String, reason: String?)] = c.run().outcomes.map { ($0.kind.rawValue, $0.reason) }
            let fallbacks = CUDA.fallbacks.map(\.primitive).joined(separator: ",")
            if !fallbacks.isEmpty { outcomes.append((fallbackKind, fallbacks)) }
            CUDA.resetFallbacks()
            return outcomes
        }
    }
}

/// Writes a whole text to a file descriptor.
func writeAll(_ fd: Int32, _ text: String) {
    var text = text
    text.withUTF8 { bytes in
        var done = 0
        while done < bytes.count {
            let n = write(fd, bytes.baseAddress! + done, bytes.count - done)
            if n < 0 && errno == EINTR { continue }
            if n <= 0 { return }
            done += n
        }
    }
}

/// A process that this one started, with its two output streams.
final class ChildProcess {
    let pid: pid_t
    let out: Int32
    let err: Int32
    var outBuffer: [UInt8] = []
    var errBuffer: [UInt8] = []

    init(_ arguments: [String]) throws {
        var outPipe: [Int32] = [0, 0]
        var errPipe: [Int32] = [0, 0]
        guard pipe(&outPipe) == 0, pipe(&errPipe) == 0 else { throw ConformanceError("no pipe: \(String(cString: strerror(errno)))") }
        for fd in outPipe + errPipe { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, outPipe[1], 1)
        posix_spawn_file_actions_adddup2(&actions, errPipe[1], 2)
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for a in argv { free(a) } }
        setenv("SWIFT_BACKTRACE", "enable=no", 1)
        var child: pid_t = 0
        let status = posix_spawn(&child, "/proc/self/exe", &actions, nil, &argv, environ)
        close(outPipe[1])
        close(errPipe[1])
        guard status == 0 else { throw ConformanceError("can not start a worker: \(String(cString: strerror(status)))") }
        (pid, out, err) = (child, outPipe[0], errPipe[0])
    }

    /// Moves what has come into the buffers; false at the end of the output.
    func read(_ fd: Int32) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let n = Glibc.read(fd, &chunk, chunk.count)
        if n <= 0 { return false }
        if fd == out { outBuffer += chunk[..<n] } else { errBuffer += chunk[..<n] }
        return true
    }

    /// Complete lines of the output so far.
    func takeLines() -> [String] {
        guard let end = outBuffer.lastIndex(of: 10) else { return [] }
        let text = String(decoding: outBuffer[..<end], as: UTF8.self)
        outBuffer.removeSubrange(...end)
        return text.split(separator: "\n").map(String.init)
    }

    /// Waits for the end: exit status or signal as text.
    func reap() -> (ok: Bool, text: String) {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
        close(out)
        close(err)
        let signal = status & 0x7F
        if signal != 0 { return (false, "signal \(signal)") }
        let code = (status >> 8) & 0xFF
        return (code == 0, "exit \(code)")
    }

    /// The last line of standard error that says something.
    var lastError: String {
        String(decoding: errBuffer, as: UTF8.self).split(separator: "\n").last { $0.contains("error") || $0.contains("Fatal") }.map(String.init) ?? ""
    }
}
