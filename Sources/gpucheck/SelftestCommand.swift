// `gpucheck selftest`: the device's results against the CPU's.
import ArgumentParser
import Glibc
import Torch

struct SelftestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "selftest", abstract: "Runs every family of kernels on the device and on the CPU, and compares.")

    @Option(help: "Cases to run: * and ?.") var only: String = "*"

    func run() throws {
        try requireDevice()
        var failed = 0
        for c in Selftest.cases where fnmatch(only, c.name, 0) == 0 {
            let start = seconds()
            let difference = c.run()
            failed += difference == nil ? 0 : 1
            print("\(difference == nil ? "ok  " : "FAIL") \(c.name) \(Int((seconds() - start) * 1000)) ms\(difference.map { ": \($0)" } ?? "")")
        }
        for f in CUDA.fallbacks { print("ran on the CPU: \(f.primitive) (\(f.count) times)") }
        if failed > 0 {
            print("\(failed) cases differ")
            throw ExitCode(1)
        }
    }
}

/// Computations that are done on both devices.
package enum Selftest {
    package struct Case: Sendable {
        package let name: String
        /// Allowed difference, relative to the largest element of the CPU's result.
        let tolerance: Double
        let compute: @Sendable (Device) -> [Tensor]

        /// What is different between the devices, nil if nothing is.
        package func run() -> String? {
            // The CPU does not round to tf32 either; a case that is about it allows it.
            CUDA.allowTF32Convolution = false
            do {
                let (here, there) = try withTensorErrors { (compute(.cpu), compute(.cuda).map { $0.to(.cpu) }) }
                for (k, (a, b)) in zip(here, there).enumerated() {
                    if let d = Self.difference(a, b, tolerance) { return "result \(k): \(d)" }
                }
                return here.count == there.count ? nil : "\(there.count) results, \(here.count) on the CPU"
            } catch {
                return "\(error)"
            }
        }

        private static func difference(_ a: Tensor, _ b: Tensor, _ tolerance: Double) -> String? {
            guard a.shape == b.shape, a.dtype == b.dtype else { return "\(b.shape) \(b.dtype), on the CPU \(a.shape) \(a.dtype)" }
            let (x, y) = (a.detached().to(.float64).array(of: Double.self), b.detached().to(.float64).array(of: Double.self))
            let scale = x.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
            for i in x.indices where !(x[i] == y[i] || x[i].isNaN && y[i].isNaN || abs(x[i] - y[i]) <= tolerance * max(scale, 1e-30)) {
                return "element \(i) of \(a.shape) is \(y[i]), on the CPU \(x[i])"
            }
            return nil
        }
    }
}
