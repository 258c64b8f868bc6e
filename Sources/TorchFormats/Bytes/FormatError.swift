// What can go wrong with a file.
import Glibc

/// A file that can not be read or written: which one, where, why, and what would have been right.
public struct FormatError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Kinds of trouble.
    public enum Kind: Sendable, Equatable {
        /// The system refused: no such file, no permission, no space.
        case system
        /// The bytes break the format's rules.
        case malformed
        /// Right by the format, but something we do not do.
        case unsupported
        /// Something was asked for that the file does not have, or can not hold.
        case request
    }

    public let kind: Kind
    /// Path of the file; empty for bytes in memory.
    public var file: String
    /// Byte offset in the file, nil where it makes no sense.
    public let offset: Int?
    /// What happened, with the values.
    public let reason: String
    /// What would have been right; may be empty.
    public let expected: String

    public init(_ kind: Kind, file: String = "", offset: Int? = nil, _ reason: String, expected: String = "") {
        self.kind = kind
        self.file = file
        self.offset = offset
        self.reason = reason
        self.expected = expected
    }

    public var description: String {
        var s = file.isEmpty ? "" : "\(file): "
        if let offset { s += "at byte \(offset): " }
        s += reason
        if !expected.isEmpty { s += ", expected \(expected)" }
        return s
    }

    /// The system's last error, for `action` on `file`.
    static func system(_ action: String, _ file: String, code: Int32 = errno) -> FormatError {
        FormatError(.system, file: file, "can not \(action): \(String(cString: strerror(code)))")
    }

    /// The same error with the file's name filled in.
    package func inFile(_ file: String) -> FormatError {
        var e = self
        if e.file.isEmpty { e.file = file }
        return e
    }
}
