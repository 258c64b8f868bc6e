// Runs the built command-line tool.
import Foundation

/// What a run of `swift-torch` printed, and how it ended.
struct Outcome {
    let status: Int32
    let output, errors: String

    /// The tool that was built beside the tests.
    static var tool: URL {
        get throws {
            let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("swift-torch")
        }
    }

    /// Runs it.
    static func of(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome { try of(arguments, environment: environment) }

    static func of(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
        let process = Process()
        process.executableURL = try tool
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // Files, not pipes: nothing waits for a full pipe.
        let (out, err) = (Folder.temporaryFile(), Folder.temporaryFile())
        defer {
            try? FileManager.default.removeItem(at: out)
            try? FileManager.default.removeItem(at: err)
        }
        process.standardOutput = try FileHandle(forWritingTo: out)
        process.standardError = try FileHandle(forWritingTo: err)
        try process.run()
        process.waitUntilExit()
        return Outcome(status: process.terminationStatus, output: try String(contentsOf: out, encoding: .utf8), errors: try String(contentsOf: err, encoding: .utf8))
    }
}

/// A folder that goes with the test.
final class Folder {
    let url: URL
    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("swift-torch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(at: url) }
    subscript(_ name: String) -> String { url.appendingPathComponent(name).path }
    func data(_ name: String) throws -> Data { try Data(contentsOf: url.appendingPathComponent(name)) }

    static func temporaryFile() -> URL {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        _ = FileManager.default.createFile(atPath: url.path, contents: nil)
        return url
    }
}
