// The startup workload: from starting a process to its first printed line.
import Glibc
import Torch

enum Startup {
    /// The first argument of the process that is measured.
    static let childArgument = "--startup-child"
    static let name = "startup"

    /// What the measured process does: one element of a product, then a line with its memory.
    static func runChild() {
        let x = Tensor.ones(64, 64)
        let value = x.matmul(x)[0][0].item()
        print(value)
        fflush(nil)
        print(Report.peakMemory)
        fflush(nil)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func measure(threads: Int, budget: Double) throws {
        var walls: [Double] = []
        var memory: [Double] = []
        var value = 0.0
        let end = seconds(CLOCK_MONOTONIC) + budget
        _ = try start(threads)
        while walls.count < 5 || (seconds(CLOCK_MONOTONIC) < end && walls.count < 200) {
            let one = try start(threads)
            walls.append(one.seconds)
            memory.append(one.memory)
            value = one.value
        }
        let workload = Workload(name, .ms) { throw Failure(description: "measured by itself") }
        let extra: JSON.Object = ["startup_rss_mb": .double(memory.max()!), "install_mb": .double((installedSize * 10).rounded() / 10)]
        try Report.emit(workload, threads: threads, Prepared(check: value) { _ in Duration() }, Samples(wall: walls), extra: extra)
    }

    private static func start(_ threads: Int) throws -> (seconds: Double, memory: Double, value: Double) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure(description: "no pipe") }
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[1])
        var argv: [UnsafeMutablePointer<CChar>?] = ["torch-bench", childArgument, "\(threads)"].map { (a: String) in strdup(a) } + [nil]
        defer { for a in argv { free(a) } }
        var pid: pid_t = 0
        let begin = seconds(CLOCK_MONOTONIC)
        let status = posix_spawn(&pid, "/proc/self/exe", &actions, nil, &argv, environ)
        close(ends[1])
        defer { close(ends[0]) }
        guard status == 0 else { throw Failure(description: "can not start a process: \(String(cString: strerror(status)))") }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 256)
        var elapsed = 0.0
        while true {
            let n = read(ends[0], &buffer, buffer.count)
            if n <= 0 { break }
            text += buffer[..<n]
            if elapsed == 0, text.contains(10) { elapsed = seconds(CLOCK_MONOTONIC) - begin }
        }
        var code: Int32 = 0
        waitpid(pid, &code, 0)
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
        guard code == 0, lines.count == 2, let value = Double(lines[0]), let memory = Double(lines[1]) else {
            throw Failure(description: "the process ended with status \(code) after \(lines)")
        }
        return (elapsed, memory, value)
    }

    /// The executable and the Swift libraries that it needs, in MB.
    private static var installedSize: Double {
        var files = Set<String>()
        if let maps = fopen("/proc/self/maps", "r") {
            defer { fclose(maps) }
            var line = [CChar](repeating: 0, count: 4096)
            while fgets(&line, Int32(line.count), maps) != nil {
                let text = String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                guard let slash = text.firstIndex(of: "/") else { continue }
                let path = String(text[slash...])
                if path.contains("/libswift") || path.contains("/lib_Foundation") || path.contains("/libFoundation") || path.contains("torch-bench") { files.insert(path) }
            }
        }
        var total = 0.0
        for f in files {
            var info = stat()
            if stat(f, &info) == 0 { total += Double(info.st_size) / 1e6 }
        }
        return total
    }
}
