// `gpucheck`: what a machine with a GPU is asked, as one file that needs no Swift there.
import ArgumentParser
import Glibc
import Torch
import TorchKernels

@main
struct GPUCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gpucheck", abstract: "Checks and measures swift-torch on a CUDA device.", version: swiftTorchVersion,
        subcommands: [InfoCommand.self, CompileCommand.self, PlanCommand.self, SelftestCommand.self, BenchCommand.self, GoldensCommand.self])

    static func main() {
        Self.main((1..<max(1, st_argument_count())).compactMap { st_argument($0).map { String(cString: $0) } })
    }
}

/// Stops with the reason where there is no device.
func requireDevice() throws {
    if let reason = CUDA.unavailableReason { throw ValidationError("no CUDA device: \(reason)") }
}

/// Writes a line of JSON: one record of a measurement.
func emit(_ record: JSON) throws { print(try record.text()) }

struct InfoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "info", abstract: "Device, memory, and the libraries that were found.")

    func run() throws {
        try requireDevice()
        print(CUDA.libraries)
        for i in 0..<CUDA.deviceCount {
            let memory = try CUDA.memoryInfo(i)
            print("cuda:\(i): \(try CUDA.properties(i)), \(memory.free) of \(memory.total) bytes free")
        }
    }
}
