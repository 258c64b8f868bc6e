// `swift-torch env`: what this binary found on this machine.
import ArgumentParser
import CVendor
import Torch
import TorchKernels

struct EnvCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "env", abstract: "Version, element types, CPU level, libraries found, CUDA.")

    func run() {
        var rows: [(String, String)] = [("swift-torch", swiftTorchVersion)]
        #if DEBUG
            rows.append(("build", "debug (slow)"))
        #else
            rows.append(("build", "release"))
        #endif
        rows.append(("CPU level", "\(Self.levelName)"))
        rows.append(("threads", "\(Parallel.threadCount)"))
        rows.append(("element types", DType.allCases.map(\.name).joined(separator: " ")))
        cv_open()
        for library in [CVLibrary.gomp, .openblas, .dnnl] {
            guard let info = cv_library_info(library)?.pointee else { continue }
            let name = String(cString: info.name)
            if info.found {
                rows.append((name, [Self.text(info.version), Self.text(info.path)].filter { !$0.isEmpty }.joined(separator: "  ")))
            } else {
                rows.append((name, "not used: \(Self.text(info.reason)); our own kernels serve"))
            }
        }
        rows.append(("CUDA", CUDA.unavailableReason.map { "not available: \($0)" } ?? CUDA.libraries))
        for i in 0..<CUDA.deviceCount { rows.append(("cuda:\(i)", (try? CUDA.properties(i)).map { "\($0)" } ?? "does not answer")) }
        rows.append(("Fashion-MNIST", FashionMNIST.isInstalled() ? FashionMNIST.debianFolder : "not installed (Debian package dataset-fashion-mnist); the embedded digits serve"))
        let width = rows.map(\.0.count).max() ?? 0
        for (name, value) in rows { print(name + String(repeating: " ", count: width - name.count + 2) + value) }
    }

    private static var levelName: String {
        switch st_level() {
        case .baseline: "baseline"
        case .avx2: "AVX2 + FMA"
        case .avx512: "AVX-512"
        }
    }

    /// Text in a C array.
    private static func text<T>(_ array: T) -> String {
        withUnsafeBytes(of: array) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
