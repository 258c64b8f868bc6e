// Where in the program an operator was called, for anomaly mode.
import Glibc
import TorchKernels

/// The call stack at recording.
struct Origin: CustomStringConvertible {
    private let addresses: [UnsafeMutableRawPointer]

    static func capture() -> Origin {
        var frames = [UnsafeMutableRawPointer?](repeating: nil, count: 24)
        let n = Int(st_backtrace(&frames, Int32(frames.count)))
        return Origin(addresses: frames.prefix(n).compactMap { $0 })
    }

    /// The calls outside the library, innermost first, by function name.
    var description: String {
        var lines: [String] = []
        for address in addresses {
            guard let symbol = st_symbol(address) else { continue }
            let name = demangle(String(cString: symbol))
            if name.contains("TorchTensor.") || name.contains("TorchRuntime.") { continue }
            lines.append("  \(name)")
            if lines.count == 6 { break }
        }
        return lines.isEmpty ? "  (no symbols in this binary)" : lines.joined(separator: "\n")
    }

    private func demangle(_ symbol: String) -> String {
        guard let text = swiftDemangle(symbol, symbol.utf8.count, nil, nil, 0) else { return symbol }
        defer { free(text) }
        return String(cString: text)
    }
}

@_silgen_name("swift_demangle")
private func swiftDemangle(
    _ name: UnsafePointer<CChar>, _ length: Int, _ buffer: UnsafeMutablePointer<CChar>?, _ size: UnsafeMutablePointer<Int>?, _ flags: UInt32
) -> UnsafeMutablePointer<CChar>?
