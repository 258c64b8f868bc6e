// The emulator's library, opened as the driver would be.
import Glibc
import Testing

/// The suites share one copy of the library, whose settings they change.
@Suite(.serialized) enum EmulatorTests {}

/// `libcuda-emulator.so` beside the test bundle. A copy of it is opened, so that what is set here does not reach other tests that use it as their device.
struct Emulator: Sendable {
    // nonisolated(unsafe): dlopen's handle, which is never closed and may be asked from any thread.
    private nonisolated(unsafe) let handle: UnsafeMutableRawPointer

    static let shared: Result<Emulator, Failure> = open()
    struct Failure: Error, CustomStringConvertible { let description: String }

    private static func open() -> Result<Emulator, Failure> {
        // Beside the bundle, which is the running program or, under SwiftPM's helper, an argument.
        var programs = CommandLine.arguments
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        if count > 0 { programs.append(String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)) }
        for program in programs {
            guard let slash = program.lastIndex(of: "/"), let library = contents(of: program[..<slash] + "/libcuda-emulator.so") else { continue }
            var name = Array("/tmp/cuda-emulator.XXXXXX".utf8CString)
            let file = mkstemp(&name)
            defer {
                close(file)
                unlink(name)
            }
            guard file >= 0, library.withUnsafeBytes({ write(file, $0.baseAddress!, $0.count) }) == library.count else { return .failure(Failure(description: "no room in /tmp")) }
            guard let handle = dlopen(name, RTLD_NOW | RTLD_LOCAL) else { return .failure(Failure(description: dlerror().map { String(cString: $0) } ?? "dlopen failed")) }
            return .success(Emulator(handle: handle))
        }
        return .failure(Failure(description: "no libcuda-emulator.so beside \(programs)"))
    }

    /// A function of the library.
    func function<F>(_ name: String, _: F.Type = F.self) throws -> F {
        let symbol = try #require(dlsym(handle, name), "the emulator lacks \(name)")
        return unsafeBitCast(symbol, to: F.self)
    }

    /// Sets what the environment variable SWIFT_TORCH_EMULATOR_`name` would.
    func set(_ name: String, _ value: String?) throws {
        let set: @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>?) -> Void = try function("emulator_set")
        set(name, value)
    }
}

func contents(of path: some StringProtocol) -> [UInt8]? {
    guard let file = fopen(String(path), "r") else { return nil }
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    var bytes = [UInt8](repeating: 0, count: ftell(file))
    rewind(file)
    return fread(&bytes, 1, bytes.count, file) == bytes.count ? bytes : nil
}

/// A file of the repository; away from it, the file of that name beside the tests.
func text(of path: String, from here: String = #filePath) throws -> String {
    let root = here.split(separator: "/").dropLast(3).joined(separator: "/")
    let name = path.split(separator: "/").last!
    let beside = CommandLine.arguments[0].split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    return String(decoding: try #require(contents(of: "/" + root + "/" + path) ?? contents(of: beside + "/" + name), "no file \(path)"), as: UTF8.self)
}
