// Compiling kernels on a machine without a device, for tests.
import TorchRuntime

/// The kernels as this binary carries them, given to whatever NVRTC is found.
package enum KernelCheck {
    private static let compiler: Result<NVRTC, DeviceError> = {
        do throws(DeviceError) { return .success(try NVRTC(majors: [13, 12])) } catch { return .failure(error) }
    }()

    /// Why nothing can be compiled here; nil if it can.
    package static var unavailableReason: String? {
        if case .failure(let e) = compiler { return "\(e)" }
        return nil
    }

    /// Headers that a file in this binary includes and that are not in it; and files that a family names and are not there.
    package static var missingSources: [String] {
        let sources = KernelSource.all
        let names = Set(sources.map(\.name))
        var missing = Set(KernelFamily.allCases.map(\.file)).subtracting(names)
        for s in sources {
            for line in String(cString: s.text).split(separator: "\n") where line.hasPrefix("#include \"") {
                let name = String(line.dropFirst(10).prefix { $0 != "\"" })
                if !names.contains(name), !names.contains("scalar/\(name)") { missing.insert("\(name) of \(s.name)") }
            }
        }
        return missing.sorted()
    }

    /// Machine code of kernel `symbol` of `file` with `defines`.
    package static func compile(file: String, defines: [String], symbol: String, architecture: String) throws(DeviceError) -> [UInt8] {
        try compile(KernelFamily.Program(file: file, defines: defines, symbol: symbol), architecture)
    }

    /// Machine code of kernel `symbol`.
    package static func compile(_ symbol: String, architecture: String) throws(DeviceError) -> [UInt8] {
        guard let number = (0..<KernelFamily.kernelCount).first(where: { KernelFamily.symbol(of: $0) == symbol }) else { throw .kernel(symbol, log: "there is no kernel of this name") }
        return try compile(KernelFamily.program(of: number), architecture)
    }

    private static func compile(_ program: KernelFamily.Program, _ architecture: String) throws(DeviceError) -> [UInt8] {
        try compiler.get().compile(program.file, KernelCache.options(program, architecture), symbol: program.symbol)
    }
}
