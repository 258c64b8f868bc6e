// `gpucheck compile`: every kernel to machine code, by the compiler of the machine it runs on.
import ArgumentParser
import Glibc
import Torch
import TorchCUDA

struct CompileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "compile", abstract: "Compiles the kernels for the device, or for an architecture; needs NVRTC only.")

    @Option(help: "The kernels: a copy of Kernels/list.txt.") var list: String
    @Option(help: "Architecture; the first device's if none is given.") var arch: String?
    @Option(help: "Kernels of lines that match: * and ?.") var only: String = "*"
    @Option(help: "Compilations at a time.") var jobs: Int = 4

    func run() throws {
        let architecture = try arch ?? CUDA.properties().architecture
        if let reason = KernelCheck.unavailableReason { throw ValidationError(reason) }
        let kernels = try Self.lines(of: list).filter { fnmatch(only, $0, 0) == 0 }.flatMap(Self.kernels)
        guard !kernels.isEmpty else { throw ValidationError("no line of \(list) matches '\(only)'") }
        let counts = Counts()
        Parallel.threadCount = max(1, min(jobs, kernels.count))
        let start = seconds()
        Parallel.forEach(count: kernels.count, grain: 1) { range in
            for k in kernels[range] {
                do throws(DeviceError) {
                    _ = try KernelCheck.compile(file: k.file, defines: k.defines, symbol: k.symbol, architecture: architecture)
                    counts.add(failure: nil)
                } catch {
                    counts.add(failure: "\(error)")
                }
            }
        }
        let (compiled, failed) = counts.values
        let time = seconds() - start
        print("\(architecture): \(compiled) kernels, \(failed) failures, \(Int(time)) s, \(Int(time * 1e3) * Parallel.threadCount / kernels.count) ms each")
        if failed > 0 { throw ExitCode(1) }
    }

    private static func lines(of path: String) throws -> [String] {
        guard let file = fopen(path, "r") else { throw ValidationError("can not read \(path): \(String(cString: strerror(errno)))") }
        defer { fclose(file) }
        var lines: [String] = []
        var buffer: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(buffer) }
        while getline(&buffer, &capacity, file) > 0, let buffer { lines.append(String(cString: buffer).filter { $0 != "\n" }) }
        return lines
    }

    /// The kernels of a line of the list: file, defines, a colon, symbols.
    private static func kernels(_ line: String) throws -> [(file: String, defines: [String], symbol: String)] {
        let words = line.split(separator: " ").map(String.init)
        guard let colon = words.firstIndex(of: ":"), colon > 0, colon + 1 < words.count else { throw ValidationError("not a line of the kernels' list: \(line)") }
        return words[(colon + 1)...].map { (words[0], Array(words[1..<colon]), $0) }
    }

    /// What came of it, from several threads.
    private final class Counts: @unchecked Sendable {
        // @unchecked: guarded by the lock.
        private var compiled = 0, failed = 0
        private let lock = Mutex()

        func add(failure: String?) {
            lock.withLock {
                compiled += failure == nil ? 1 : 0
                failed += failure == nil ? 0 : 1
            }
            if let failure { print("FAILED \(failure)") }
        }
        var values: (Int, Int) { lock.withLock { (compiled, failed) } }
    }
}

/// Seconds of a clock that only goes forward.
func seconds() -> Double {
    var t = timespec()
    clock_gettime(CLOCK_MONOTONIC, &t)
    return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9
}
