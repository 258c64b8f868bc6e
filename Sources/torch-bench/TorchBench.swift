// Runs the fixed workloads and prints one line of JSON for each.
import ArgumentParser
import Glibc
import Torch

@main
enum Start {
    static func main() {
        // The measured process of `startup` must not wait for argument parsing.
        if CommandLine.arguments.count > 1, CommandLine.arguments[1] == Startup.childArgument {
            Parallel.threadCount = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 1 : 1
            Startup.runChild()
        } else {
            TorchBench.main()
        }
    }
}

struct TorchBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torch-bench", abstract: "Fixed workloads, timed.",
        discussion: "BENCH_TIME and BENCH_HEAVY set the seconds spent on a small and on a heavy workload (0.4 and 2).")

    @Option(help: "Worker threads.") var threads: Int = 1
    @Option(help: "Workloads to run: names with * and ?, separated by commas.") var only: String?
    @Flag(help: "Prints the names and stops.") var list = false

    func run() throws {
        guard threads >= 1 else { throw ValidationError("--threads needs a positive number, got \(threads)") }
        let workloads = Workloads.all
        let names = workloads.map(\.name) + [Startup.name]
        let patterns = only?.split(separator: ",").map(String.init)
        func wanted(_ name: String) -> Bool { patterns.map { $0.contains { fnmatch($0, name, 0) == 0 } } ?? true }
        for p in patterns ?? [] where !names.contains(where: { fnmatch(p, $0, 0) == 0 }) {
            throw ValidationError("no workload matches '\(p)'; --list names them")
        }
        if list {
            for n in names where wanted(n) { print(n) }
            return
        }
        Parallel.threadCount = threads
        for w in workloads where wanted(w.name) {
            do {
                let prepared = try withTensorErrors { try w.prepare() }
                let samples = Samples(prepared.run, budget: budget(w.isHeavy))
                try Report.emit(w, threads: threads, prepared, samples)
            } catch {
                try Report.emit(w.name, error: "\(error)")
            }
            CPUMemory.emptyCache()
        }
        if wanted(Startup.name) {
            do { try Startup.measure(threads: threads, budget: budget(false)) } catch { try Report.emit(Startup.name, error: "\(error)") }
        }
    }

    private func budget(_ heavy: Bool) -> Double {
        getenv(heavy ? "BENCH_HEAVY" : "BENCH_TIME").flatMap { Double(String(cString: $0)) } ?? (heavy ? 2 : 0.4)
    }
}
