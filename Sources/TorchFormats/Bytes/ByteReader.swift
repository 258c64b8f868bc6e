// A cursor over bytes that are not trusted: every read is checked against the end, every failure names its place.

/// Reads numbers and runs of bytes one after the other. It never reads outside its bytes, and never believes a count before the bytes for it are there.
struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    /// Offset in the file of the first byte, for messages.
    let base: Int
    /// Next byte, counted from the first.
    private(set) var position = 0
    /// Numbers are stored with the most significant byte first.
    var isBigEndian = false

    /// A reader of `bytes`, which must outlive it (make and use it within `FileBytes.withBytes`); they start at byte `base` of the file.
    init(_ bytes: UnsafeRawBufferPointer, base: Int = 0) {
        self.bytes = bytes
        self.base = base
    }

    /// Bytes not read yet.
    var remaining: Int { bytes.count - position }
    /// Offset in the file of the next byte.
    var offset: Int { base + position }

    /// A run of `count` bytes, for `what`.
    mutating func take(_ count: Int, _ what: @autoclosure () -> String) throws(FormatError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else {
            throw FormatError(.malformed, offset: offset, "\(what()) needs \(count) bytes", expected: "at most the \(remaining) that are left")
        }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    /// An integer.
    mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self, _ what: @autoclosure () -> String) throws(FormatError) -> T {
        let raw = try take(MemoryLayout<T>.size, what()).loadUnaligned(as: T.self)
        return isBigEndian ? T(bigEndian: raw) : T(littleEndian: raw)
    }

    /// An integer that counts something: not negative, and not more than `limit`.
    mutating func count<T: FixedWidthInteger>(_ type: T.Type, atMost limit: Int, _ what: @autoclosure () -> String) throws(FormatError) -> Int {
        let start = offset
        let value = try integer(T.self, what())
        guard value >= 0, let n = Int(exactly: value), n <= limit else {
            throw FormatError(.malformed, offset: start, "\(what()): \(value)", expected: "a number from 0 to \(limit)")
        }
        return n
    }

    /// A double.
    mutating func double(_ what: @autoclosure () -> String) throws(FormatError) -> Double { Double(bitPattern: try integer(UInt64.self, what())) }
    /// A float.
    mutating func float(_ what: @autoclosure () -> String) throws(FormatError) -> Float { Float(bitPattern: try integer(UInt32.self, what())) }

    /// UTF-8 text of `count` bytes.
    mutating func text(_ count: Int, _ what: @autoclosure () -> String) throws(FormatError) -> String {
        let start = offset
        let b = try take(count, what())
        guard let s = String(validating: b, as: UTF8.self) else { throw FormatError(.malformed, offset: start, "\(what()) is not UTF-8") }
        return s
    }

    /// The bytes up to the next line feed, which is read as well.
    mutating func line(_ what: @autoclosure () -> String) throws(FormatError) -> UnsafeRawBufferPointer {
        guard let end = bytes[position...].firstIndex(of: 10) else { throw FormatError(.malformed, offset: offset, "\(what()) has no end") }
        defer { position = end + 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<end])
    }
}
