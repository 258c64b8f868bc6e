// `gpucheck bench`: what the device reaches with our kernels, a line of JSON each. Tools/gpu_peer.py measures the same in PyTorch on the same device.
import ArgumentParser
import Glibc
import Torch
import WorkloadData

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "bench", abstract: "Bandwidth, products, launch latency and training steps on the device.")

    @Option(help: "Measurements to make: names with * and ?, separated by commas.") var only: String = "*"
    @Option(help: "Seconds for each.") var budget: Double = 0.5
    @Option(help: "Divides the sizes: for a rehearsal on a slow device.") var shrink: Int = 1

    func run() throws {
        try requireDevice()
        guard shrink >= 1 else { throw ValidationError("--shrink needs a positive number") }
        let patterns = only.split(separator: ",").map(String.init)
        var failed = 0
        for m in Measurement.all(shrink: shrink) where patterns.contains(where: { fnmatch($0, m.name, 0) == 0 }) {
            do {
                let (work, check) = try withTensorErrors { try m.prepare() }
                let time = try withTensorErrors { try median(work) }
                var record: JSON.Object = JSON.Object()
                record["name"] = .string(m.name)
                record["value"] = .double(m.unit == .perSecond ? m.work / time : time * m.work)
                record["unit"] = .string(m.label)
                record["seconds"] = .double(time)
                if let check { record["check"] = .double(check) }
                try emit(.object(record))
            } catch {
                failed += 1
                try emit(["name": .string(m.name), "error": .string("\(error)")])
            }
            try CUDA.emptyCache()
        }
        if failed > 0 { throw ExitCode.failure }
    }

    /// Seconds of one run: the median of rounds, each long enough for the clock and ended by a wait for the device.
    private func median(_ work: () -> Void) throws -> Double {
        func time(_ count: Int) throws -> Double {
            try CUDA.synchronize()
            let start = seconds()
            for _ in 0..<count { work() }
            try CUDA.synchronize()
            return (seconds() - start) / Double(count)
        }
        _ = try time(1)
        let first = try time(1)
        let count = max(1, min(10_000, Int(budget / 10 / max(first, 1e-7))))
        var rounds: [Double] = []
        let end = seconds() + budget
        repeat { rounds.append(try time(count)) } while seconds() < end && rounds.count < 50
        return rounds.sorted()[rounds.count / 2]
    }
}
