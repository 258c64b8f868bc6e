// Misuse of tensors (shape, dtype, device, index): traps with a full message, or is thrown inside `withTensorErrors`.
import Glibc
import TorchKernels

/// What was wrong with a call: which operation, why, and how to mend it.
public struct TensorError: Error, Sendable, CustomStringConvertible, Equatable {
    /// The operation, by its public name, e.g. `matmul`.
    public let operation: String
    /// What happened, with the values.
    public let message: String
    /// The layer in which it happened, outermost first, e.g. `net.fc1 (Linear)`; empty outside modules.
    public let path: String
    /// How to mend it; may be empty.
    public let hint: String

    public init(operation: String, message: String, path: String = ModulePath.current, hint: String = "") {
        self.operation = operation
        self.message = message
        self.path = path
        self.hint = hint
    }

    public var description: String {
        var s = "\(operation): \(message)"
        if !path.isEmpty { s += " · in \(path)" }
        if !hint.isEmpty { s += " · hint: \(hint)" }
        return s
    }

    /// Reports misuse: ends the program with the message, or, inside `withTensorErrors`, remembers the first one and returns, so that the caller
    /// can go on with a placeholder.
    @inline(never)
    public static func report(_ operation: String, _ message: String, hint: String = "") {
        let error = TensorError(operation: operation, message: message, hint: hint)
        guard st_errors_thrown() else { fatal(error) }
        if !st_error_pending() {
            st_set_error_pending(true)
            PendingError.store(error)
        }
    }

    /// Ends the program with `error` on standard error.
    static func fatal(_ error: TensorError) -> Never {
        fatalError(error.description)
    }
}

/// The error waiting for the end of this thread's `withTensorErrors` scope.
private enum PendingError {
    // Keyed by thread; touched only when an error occurs. The mutex below guards it.
    nonisolated(unsafe) static var errors: [pthread_t: TensorError] = [:]
    static let lock = Mutex()

    static func store(_ error: TensorError) { lock.withLock { errors[pthread_self()] = error } }
    static func take() -> TensorError? { lock.withLock { errors.removeValue(forKey: pthread_self()) } }
}

/// Runs `body` so that misuse of tensors inside is thrown as `TensorError` instead of ending the program.
///
/// Evaluation goes on with empty placeholders until the scope ends, then the first error is thrown. The scope belongs to this thread. What devices find wrong in
/// elements of tensors is thrown too: see Note [Checks of elements].
/// ```swift
/// do { try withTensorErrors { print(a.matmul(b)) } } catch { print(error) }
/// ```
public func withTensorErrors<Result>(_ body: () throws -> Result) throws -> Result {
    let (outerThrown, outerPending) = (st_errors_thrown(), st_error_pending())
    st_set_errors_thrown(true)
    st_set_error_pending(false)
    defer {
        st_set_errors_thrown(outerThrown)
        st_set_error_pending(outerPending)
    }
    let result = Swift.Result { try body() }
    ElementCheck.examineDevices?()
    if st_error_pending(), let error = PendingError.take() { throw error }
    return try result.get()
}

/// Trouble that is not the program's fault: memory, devices.
public enum DeviceError: Error, Sendable, CustomStringConvertible, Equatable {
    /// An allocation was refused: bytes asked for, bytes in use, bytes kept for reuse, limit (0: the machine's memory).
    case outOfMemory(device: Device, requested: Int, live: Int, cached: Int, limit: Int)
    /// An accelerator refused memory; `breakdown` says what holds the rest.
    case outOfDeviceMemory(device: Device, requested: Int, breakdown: String)
    /// There is no such device to use: no driver, no compiler, none found.
    case unavailable(String)
    /// A call of the CUDA driver failed: which call, CUDA's number, name and text, and what to do (may be empty).
    case cuda(call: String, code: Int, name: String, text: String, remedy: String)
    /// A kernel could not be made or started: which, and the compiler's or driver's words.
    case kernel(String, log: String)

    public var description: String {
        switch self {
        case .outOfDeviceMemory(let device, let requested, let breakdown): return "CUDA out of memory on \(device): \(byteText(requested)) requested; \(breakdown)"
        case .unavailable(let reason): return reason
        case .cuda(let call, let code, let name, let text, let remedy):
            return "\(call): \(name) (\(code))" + (text.isEmpty ? "" : ", \(text)") + (remedy.isEmpty ? "" : " · hint: \(remedy)")
        case .kernel(let name, let log): return "kernel \(name): \(log)"
        case .outOfMemory(let device, let requested, let live, let cached, let limit):
            let bound = limit > 0 ? "limit \(byteText(limit))" : "limit: this machine's memory"
            return "out of memory on \(device): \(byteText(requested)) requested, \(byteText(live)) in use by tensors, \(byteText(cached)) kept for reuse, \(bound)"
        }
    }
}

/// A number of bytes for people: `1.5 GiB`.
public func byteText(_ bytes: Int) -> String {
    if bytes < 1024 { return "\(bytes) B" }
    var value = Double(bytes)
    var unit = 0
    while value >= 1024, unit < 6 {
        value /= 1024
        unit += 1
    }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][unit])"
}

/// The layers that this thread is inside of, for error messages.
public enum ModulePath {
    /// Names a layer; set once by the module library when its first layer is made.
    nonisolated(unsafe) public static var describe: (@Sendable (UnsafeRawPointer) -> String)?  // written once, before any layer is entered

    /// Names joined for an error; empty outside modules.
    public static var current: String {
        guard let describe else { return "" }
        return (0..<st_layer_depth()).compactMap { st_layer($0).map { describe(UnsafeRawPointer($0)) } }.joined(separator: " › ")
    }

    /// Runs `body` inside `layer`, which must live until it returns. Costs two stores.
    @inline(__always)
    public static func with<Result>(_ layer: AnyObject, _ body: () throws -> Result) rethrows -> Result {
        st_enter_layer(Unmanaged.passUnretained(layer).toOpaque())
        defer { st_leave_layer() }
        return try body()
    }
}
