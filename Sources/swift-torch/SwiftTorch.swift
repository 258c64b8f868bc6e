// The command-line tool.
import ArgumentParser
import Glibc
import Torch
import TorchKernels

@main
struct SwiftTorch: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swift-torch",
        abstract: "PyTorch's system, native in Swift.",
        version: swiftTorchVersion,
        subcommands: [
            EnvCommand.self, DemoCommand.self, TrainCommand.self, PredictCommand.self, InspectCommand.self, ConvertCommand.self, DiffCommand.self, UlpCommand.self,
        ])

    static func main() {
        Self.warnIfUnoptimized()
        Self.main((1..<max(1, st_argument_count())).compactMap { st_argument($0).map { String(cString: $0) } })
    }

    /// Kernels without optimisation are a hundred times slower; a user should know before waiting.
    private static func warnIfUnoptimized() {
        #if DEBUG
            let note = "note: this is a debug build, many times slower than `swift build -c release`\n"
            _ = note.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        #endif
    }
}

/// A command's end with a message, without a stack trace.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
