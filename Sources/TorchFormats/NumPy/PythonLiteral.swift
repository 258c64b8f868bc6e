// Python literals as .npy headers have them. They are read, never evaluated.

/// A value written as a Python literal.
indirect enum PythonLiteral {
    case none
    case bool(Bool)
    case int(Int)
    case string(String)
    case tuple([PythonLiteral])
    case list([PythonLiteral])
    case dictionary([(PythonLiteral, PythonLiteral)])

    /// Reads one literal, and white space around it. `base` is added to the offsets in errors.
    init(_ text: UnsafeRawBufferPointer, base: Int) throws(FormatError) {
        var reader = Reader(text: text, base: base)
        self = try reader.value(0)
        reader.skipSpace()
        guard reader.position == text.count else { throw reader.problem("something follows the literal") }
    }

    private struct Reader {
        let text: UnsafeRawBufferPointer
        let base: Int
        var position = 0
        static let maxDepth = 8

        func problem(_ reason: String) -> FormatError { FormatError(.malformed, offset: base + position, "in the header: \(reason)") }
        var next: UInt8 { position < text.count ? text[position] : 0 }

        mutating func skipSpace() { while [0x20, 0x0A, 0x0D, 0x09].contains(next) { position += 1 } }

        mutating func accept(_ c: Unicode.Scalar) -> Bool {
            skipSpace()
            guard next == UInt8(ascii: c) else { return false }
            position += 1
            return true
        }

        mutating func value(_ depth: Int) throws(FormatError) -> PythonLiteral {
            guard depth < Self.maxDepth else { throw problem("more than \(Self.maxDepth) literals inside one another") }
            skipSpace()
            switch next {
            case UInt8(ascii: "'"), UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .int(try number())
            case UInt8(ascii: "("):
                position += 1
                let (items, hadComma) = try items(")", depth)
                // Brackets around one value without a comma are only brackets.
                return items.count == 1 && !hadComma ? items[0] : .tuple(items)
            case UInt8(ascii: "["):
                position += 1
                return .list(try items("]", depth).0)
            case UInt8(ascii: "{"):
                position += 1
                return .dictionary(try members(depth))
            default:
                for (word, value) in [("True", PythonLiteral.bool(true)), ("False", .bool(false)), ("None", .none)] where text[position...].starts(with: word.utf8) {
                    position += word.utf8.count
                    return value
                }
                throw problem(position < text.count ? "byte \(next) begins no literal" : "ends where a literal should be")
            }
        }

        private mutating func items(_ close: Unicode.Scalar, _ depth: Int) throws(FormatError) -> ([PythonLiteral], hadComma: Bool) {
            var items: [PythonLiteral] = []
            var hadComma = false
            while !accept(close) {
                if !items.isEmpty {
                    guard accept(",") else { throw problem("no comma between two literals") }
                    hadComma = true
                    if accept(close) { break }
                }
                items.append(try value(depth + 1))
            }
            return (items, hadComma)
        }

        private mutating func members(_ depth: Int) throws(FormatError) -> [(PythonLiteral, PythonLiteral)] {
            var members: [(PythonLiteral, PythonLiteral)] = []
            while !accept("}") {
                if !members.isEmpty {
                    guard accept(",") else { throw problem("no comma between two members") }
                    if accept("}") { break }
                }
                let key = try value(depth + 1)
                guard accept(":") else { throw problem("no colon behind a key") }
                members.append((key, try value(depth + 1)))
            }
            return members
        }

        private mutating func number() throws(FormatError) -> Int {
            let start = position
            if next == UInt8(ascii: "-") { position += 1 }
            while next >= 48, next < 58 { position += 1 }
            guard let n = Int(String(decoding: text[start..<position], as: UTF8.self)) else { throw problem("a number that is not whole, or beyond 64 bits") }
            // Python 2 marked long numbers.
            if next == UInt8(ascii: "L") { position += 1 }
            return n
        }

        /// A text between quotes; of escapes only those of the quotes and the backslash are known.
        private mutating func string() throws(FormatError) -> String {
            let quote = next
            position += 1
            var bytes: [UInt8] = []
            while position < text.count, next != quote {
                if next == UInt8(ascii: "\\") {
                    position += 1
                    guard [UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(next) else { throw problem("an escape that is not known") }
                }
                bytes.append(next)
                position += 1
            }
            guard next == quote, position < text.count else { throw problem("ends inside a text") }
            position += 1
            // Versions 1 and 2 are Latin-1, version 3 is UTF-8; field names are all that could differ, and they are not used.
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
