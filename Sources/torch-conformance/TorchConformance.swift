// Runs recorded calls of PyTorch against this library and counts what agrees.
import ArgumentParser

@main
struct TorchConformance: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torch-conformance",
        abstract: "Compares this library with recorded results of PyTorch.",
        subcommands: [Operators.self, Modules.self, Optimizers.self, RandomStreams.self, Checkpoints.self, OperatorWorker.self, RecordWorker.self, CheckpointWorker.self])
}
