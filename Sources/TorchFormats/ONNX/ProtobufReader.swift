// Protocol buffers as they lie in a file: fields by number, one after the other.

/// Reads the fields of one message.
struct ProtobufReader {
    private var reader: ByteReader

    /// A field's content. A run of bytes is a text, a message or packed numbers; which, the field's number tells.
    enum Content {
        case varint(UInt64)
        case fixed32(UInt32)
        case fixed64(UInt64)
        case bytes(UnsafeRawBufferPointer, offset: Int)
    }

    /// A reader of a message's bytes, which begin at byte `base` of the file.
    init(_ bytes: UnsafeRawBufferPointer, base: Int = 0) { reader = ByteReader(bytes, base: base) }

    /// Offset in the file of the next field.
    var offset: Int { reader.offset }

    /// The next field, nil at the end.
    mutating func next() throws(FormatError) -> (number: Int, content: Content)? {
        if reader.remaining == 0 { return nil }
        let start = reader.offset
        let key = try varint()
        guard key >> 3 >= 1, key >> 3 < 1 << 29 else { throw FormatError(.malformed, offset: start, "field number \(key >> 3)", expected: "a number from 1 to 2^29 - 1") }
        let number = Int(key >> 3)
        switch key & 7 {
        case 0: return (number, .varint(try varint()))
        case 1: return (number, .fixed64(try reader.integer(UInt64.self, "field \(number)")))
        case 2:
            let place = reader.offset
            let count = try varint()
            guard count <= UInt64(reader.remaining) else {
                throw FormatError(.malformed, offset: place, "field \(number) claims \(count) bytes", expected: "at most the \(reader.remaining) that are left")
            }
            let offset = reader.offset
            return (number, .bytes(try reader.take(Int(count), "field \(number)"), offset: offset))
        case 5: return (number, .fixed32(try reader.integer(UInt32.self, "field \(number)")))
        default: throw FormatError(.malformed, offset: start, "field \(number) is of wire type \(key & 7)", expected: "0, 1, 2 or 5")
        }
    }

    /// A number of 7 bits a byte.
    mutating func varint() throws(FormatError) -> UInt64 {
        let start = reader.offset
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let byte = try reader.integer(UInt8.self, "a number")
            guard shift < 63 || byte < 2 else { break }
            value |= UInt64(byte & 127) << shift
            if byte < 128 { return value }
        }
        throw FormatError(.malformed, offset: start, "a number of more than 64 bits")
    }

    /// True if nothing is left.
    var isAtEnd: Bool { reader.remaining == 0 }
}

extension ProtobufReader.Content {
    /// UTF-8 text.
    func text(_ what: String) throws(FormatError) -> String {
        guard case .bytes(let b, let offset) = self else { throw FormatError(.malformed, "\(what) is not a text") }
        guard let s = String(validating: b, as: UTF8.self) else { throw FormatError(.malformed, offset: offset, "\(what) is not UTF-8") }
        return s
    }
    /// A signed number.
    func int(_ what: String) throws(FormatError) -> Int {
        guard case .varint(let n) = self else { throw FormatError(.malformed, "\(what) is not a whole number") }
        return Int(Int64(bitPattern: n))
    }
    /// A message.
    func message(_ what: String) throws(FormatError) -> ProtobufReader {
        guard case .bytes(let b, let offset) = self else { throw FormatError(.malformed, "\(what) is not a message") }
        return ProtobufReader(b, base: offset)
    }
}
