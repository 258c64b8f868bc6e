// Where a command's network runs.
import ArgumentParser
import Torch

extension Device: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

/// The option of all commands that run a network.
struct DeviceOption: ParsableArguments {
    @Option(name: .customLong("device"), help: "Where the network runs: cpu, cuda or cuda:1; default: what SWIFT_TORCH_DEVICE says, else cpu.") var chosen: Device?

    /// From here on tensors are made there. Throws where there is no such device.
    func apply() throws {
        guard let chosen else { return }
        if chosen.kind == .meta { throw CommandFailure("--device meta: its tensors have no elements; give cpu or cuda") }
        if chosen.kind == .cuda {
            if let reason = CUDA.unavailableReason { throw CommandFailure("--device \(chosen): \(reason)") }
            if Int(chosen.index) >= CUDA.deviceCount { throw CommandFailure("--device \(chosen): the last of \(CUDA.deviceCount) CUDA devices is cuda:\(CUDA.deviceCount - 1)") }
        }
        Device.default = chosen
    }
}
