// A strict JSON reader: RFC 8259 and nothing more, every error with its byte.

extension JSON {
    /// Reads one value and nothing behind it but white space.
    ///
    /// Strict: no comments, no trailing commas, no NaN, valid UTF-8, no name twice in an object, numbers within Double's range, and at most `maxDepth`
    /// arrays and objects inside one another, so that no input can exhaust the stack. `base` is added to the offsets in errors.
    public init(parsing bytes: UnsafeRawBufferPointer, maxDepth: Int = 128, base: Int = 0) throws(FormatError) {
        var reader = Reader(bytes, maxDepth, base)
        reader.skipSpace()
        self = try reader.value(0)
        reader.skipSpace()
        if reader.position < bytes.count { throw reader.problem("something follows the value") }
    }

    /// Reads one value from bytes.
    public init(parsing bytes: [UInt8], maxDepth: Int = 128) throws(FormatError) {
        var result: Result<JSON, FormatError>?
        bytes.withUnsafeBytes { b in
            do throws(FormatError) { result = .success(try JSON(parsing: b, maxDepth: maxDepth)) } catch { result = .failure(error) }
        }
        self = try result!.get()
    }

    /// Reads one value from text.
    public init(parsing text: String, maxDepth: Int = 128) throws(FormatError) { try self.init(parsing: Array(text.utf8), maxDepth: maxDepth) }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        let maxDepth: Int
        let base: Int
        var position = 0

        init(_ bytes: UnsafeRawBufferPointer, _ maxDepth: Int, _ base: Int) {
            self.bytes = bytes
            self.maxDepth = maxDepth
            self.base = base
        }

        func problem(_ reason: String, at offset: Int? = nil) -> FormatError {
            FormatError(.malformed, offset: base + (offset ?? position), "not JSON: \(reason)")
        }

        /// The next byte, 0 at the end (a zero byte is valid nowhere).
        var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

        func unexpected(_ expected: String) -> FormatError {
            if position >= bytes.count { return problem("ends where \(expected) should be") }
            let c = bytes[position]
            return problem(c > 32 && c < 127 ? "found '\(Character(UnicodeScalar(c)))' instead of \(expected)" : "found byte \(c) instead of \(expected)")
        }

        mutating func skipSpace() {
            while position < bytes.count {
                switch bytes[position] {
                case 0x20, 0x0A, 0x0D, 0x09: position += 1
                default: return
                }
            }
        }

        mutating func value(_ depth: Int) throws(FormatError) -> JSON {
            switch next {
            case UInt8(ascii: "{"): return try object(depth)
            case UInt8(ascii: "["): return try array(depth)
            case UInt8(ascii: "\""): return .string(try string())
            case UInt8(ascii: "t"): return try word("true", .bool(true))
            case UInt8(ascii: "f"): return try word("false", .bool(false))
            case UInt8(ascii: "n"): return try word("null", .null)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
            default: throw unexpected("a value")
            }
        }

        private mutating func word(_ text: StaticString, _ value: JSON) throws(FormatError) -> JSON {
            for i in 0..<text.utf8CodeUnitCount {
                guard next == text.utf8Start[i] else { throw unexpected("\(text)") }
                position += 1
            }
            return value
        }

        private mutating func object(_ depth: Int) throws(FormatError) -> JSON {
            guard depth < maxDepth else { throw problem("more than \(maxDepth) arrays and objects inside one another") }
            position += 1
            var result = Object()
            skipSpace()
            if next == UInt8(ascii: "}") {
                position += 1
                return .object(result)
            }
            while true {
                skipSpace()
                guard next == UInt8(ascii: "\"") else { throw unexpected("a name in quotes") }
                let start = position
                let name = try string()
                skipSpace()
                guard next == UInt8(ascii: ":") else { throw unexpected("':'") }
                position += 1
                skipSpace()
                guard result.append(name, try value(depth + 1)) else { throw problem("the name \"\(name)\" occurs twice", at: start) }
                skipSpace()
                switch next {
                case UInt8(ascii: ","): position += 1
                case UInt8(ascii: "}"):
                    position += 1
                    return .object(result)
                default: throw unexpected("',' or '}'")
                }
            }
        }

        private mutating func array(_ depth: Int) throws(FormatError) -> JSON {
            guard depth < maxDepth else { throw problem("more than \(maxDepth) arrays and objects inside one another") }
            position += 1
            var result: [JSON] = []
            skipSpace()
            if next == UInt8(ascii: "]") {
                position += 1
                return .array(result)
            }
            while true {
                skipSpace()
                result.append(try value(depth + 1))
                skipSpace()
                switch next {
                case UInt8(ascii: ","): position += 1
                case UInt8(ascii: "]"):
                    position += 1
                    return .array(result)
                default: throw unexpected("',' or ']'")
                }
            }
        }

        private mutating func digits() throws(FormatError) {
            let start = position
            while (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) { position += 1 }
            if position == start { throw unexpected("a digit") }
        }

        private mutating func number() throws(FormatError) -> JSON {
            let start = position
            if next == UInt8(ascii: "-") { position += 1 }
            let first = position
            try digits()
            if bytes[first] == UInt8(ascii: "0"), position > first + 1 { throw problem("a number with leading zeros", at: start) }
            var isWhole = true
            if next == UInt8(ascii: ".") {
                isWhole = false
                position += 1
                try digits()
            }
            if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
                isWhole = false
                position += 1
                if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
                try digits()
            }
            let text = String(decoding: bytes[start..<position], as: UTF8.self)
            if isWhole {
                // -0 is a number that only Double has.
                if text == "-0" { return .double(-0.0) }
                return Int64(text).map { .int($0) } ?? .bigInt(text)
            }
            guard let d = Double(text), d.isFinite else { throw problem("the number \(text) is out of range", at: start) }
            return .double(d)
        }

        private mutating func string() throws(FormatError) -> String {
            position += 1
            let start = position
            // Without escapes the text is a piece of the input.
            while position < bytes.count {
                let c = bytes[position]
                if c == UInt8(ascii: "\"") {
                    let text = try checked(bytes[start..<position], start)
                    position += 1
                    return text
                }
                if c == UInt8(ascii: "\\") { break }
                guard c >= 0x20 else { throw unexpected("text without control characters") }
                position += 1
            }
            var text = Array(bytes[start..<position])
            while position < bytes.count {
                let c = bytes[position]
                switch c {
                case UInt8(ascii: "\""):
                    let result = text.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
                    guard let result else { throw problem("text that is not UTF-8", at: start) }
                    position += 1
                    return result
                case UInt8(ascii: "\\"):
                    position += 1
                    try escape(&text)
                default:
                    guard c >= 0x20 else { throw unexpected("text without control characters") }
                    text.append(c)
                    position += 1
                }
            }
            throw problem("ends inside a text")
        }

        private func checked(_ part: Slice<UnsafeRawBufferPointer>, _ start: Int) throws(FormatError) -> String {
            guard let s = String(validating: part, as: UTF8.self) else { throw problem("text that is not UTF-8", at: start) }
            return s
        }

        private mutating func escape(_ text: inout [UInt8]) throws(FormatError) {
            let c = next
            let start = position - 1
            guard position < bytes.count else { throw problem("ends inside a text") }
            position += 1
            switch c {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(c)
            case UInt8(ascii: "b"): text.append(8)
            case UInt8(ascii: "f"): text.append(12)
            case UInt8(ascii: "n"): text.append(10)
            case UInt8(ascii: "r"): text.append(13)
            case UInt8(ascii: "t"): text.append(9)
            case UInt8(ascii: "u"):
                var code = try hex4()
                if (0xD800..<0xDC00).contains(code) {
                    guard next == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u") else {
                        throw problem("half of a surrogate pair", at: start)
                    }
                    position += 2
                    let low = try hex4()
                    guard (0xDC00..<0xE000).contains(low) else { throw problem("half of a surrogate pair", at: start) }
                    code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                }
                guard let scalar = UnicodeScalar(code) else { throw problem("half of a surrogate pair", at: start) }
                text.append(contentsOf: String(Character(scalar)).utf8)
            default: throw problem("an escape that JSON does not have", at: start)
            }
        }

        private mutating func hex4() throws(FormatError) -> UInt32 {
            var code: UInt32 = 0
            for _ in 0..<4 {
                guard position < bytes.count, let digit = Character(UnicodeScalar(bytes[position])).hexDigitValue, bytes[position] < 128 else { throw unexpected("four hexadecimal digits") }
                code = code << 4 | UInt32(digit)
                position += 1
            }
            return code
        }
    }
}
