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

    /// Machine code of the program that has kernel `symbol`.
    package static func compile(_ symbol: String, architecture: String) throws(DeviceError) -> [UInt8] {
        guard let number = (0..<KernelFamily.kernelCount).first(where: { KernelFamily.symbol(of: $0) == symbol }) else { throw .kernel(symbol, log: "there is no kernel of this name") }
        let program = KernelFamily.program(of: number)
        return try compiler.get().compile(program.file, KernelCache.options(program, architecture), symbol: symbol)
    }
}
