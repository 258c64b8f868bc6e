// Tests run on the emulator: a library that looks like CUDA's driver and compiler and runs the kernels on the CPU.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

enum Emulator {
    /// The library, beside the tests or where SWIFT_TORCH_EMULATOR says; nil if it was not built.
    static let path: String? = {
        if let given = getenv("SWIFT_TORCH_EMULATOR") { return String(cString: given) }
        var buffer = [CChar](repeating: 0, count: 4096)
        let n = readlink("/proc/self/exe", &buffer, buffer.count)
        let program = String(decoding: buffer.prefix(max(n, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let file = program.lastIndex(of: "/").map { "\(program[..<$0])/libcuda-emulator.so" } ?? ""
        return access(file, R_OK) == 0 ? file : nil
    }()
    static var isBuilt: Bool { path != nil }

    /// Makes this process, a child of the tests, find the emulator when it first asks for a device.
    static func use(cache: String? = nil, _ settings: [String: String] = [:]) {
        // What a child says when it dies is shown nowhere else.
        if let errors = getenv("SWIFT_TORCH_TEST_ERRORS") { dup2(open(errors, O_WRONLY | O_CREAT | O_APPEND, 0o644), 2) }
        // With SWIFT_TORCH_TEST_DEVICE=real the machine's own device is tested, but for what only the emulator can do: fail when asked to.
        // Nor can the real one work with the look-alike of a library.
        let isReal = getenv("SWIFT_TORCH_TEST_DEVICE").map { String(cString: $0) } == "real" && !settings.contains { $0.key.hasPrefix("SWIFT_TORCH_EMULATOR_") || $0.value == path }
        if !isReal {
            setenv("SWIFT_TORCH_CUDA_DRIVER", path!, 1)
            setenv("SWIFT_TORCH_NVRTC", path!, 1)
            setenv("SWIFT_TORCH_CUFFT", path!, 1)
            // No library of this machine's takes part.
            for name in ["CUBLASLT", "CUSOLVER"] { setenv("SWIFT_TORCH_\(name)", "none", 1) }
        }
        // Convolutions are our own kernels', whatever the device, unless a test is about cuDNN.
        setenv("SWIFT_TORCH_CUDNN", "none", 1)
        // Compilation for a real device takes its time: the folder that the environment names serves all tests but those that are about it.
        if let folder = cache ?? (isReal ? nil : "none") { setenv("SWIFT_TORCH_CUDA_CACHE", folder, 1) }
        for (name, value) in settings { setenv(name, value, 1) }
    }

    /// How often the emulator launched a kernel in this process.
    static func launches(of symbol: String) -> Int {
        let function = dlsym(dlopen(path!, RTLD_NOW), "emulator_launches_of")
        return Int(unsafeBitCast(function, to: (@convention(c) (UnsafePointer<CChar>) -> UInt64).self)(symbol))
    }
}

/// Without the emulator most suites here are skipped; this one is not, so that they can not vanish unnoticed.
@Suite struct EmulatorPresence {
    @Test func theEmulatorIsBuilt() { #expect(Emulator.isBuilt, "no libcuda-emulator.so beside the tests") }
}

extension Tag {
    @Tag static var emulator: Self
}
