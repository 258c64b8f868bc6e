// `swift-torch ulp`: how exact the vectorised functions are.
import ArgumentParser
import TorchKernels

struct UlpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ulp", abstract: "Measures the vectorised float32 functions against libm in double: largest error, where, wrong special values.")

    func run() throws {
        let failures = st_ulp_report({ _, text in print(String(cString: text!)) }, nil)
        if failures > 0 { throw CommandFailure("\(failures) functions miss their promised accuracy") }
    }
}
