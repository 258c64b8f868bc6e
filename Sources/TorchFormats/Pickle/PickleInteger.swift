// Whole numbers of any length, as pickles write them.

/// Conversion between two's complement and decimal digits.
enum PickleInteger {
    /// Longest number that is read, in bytes: its digits cost the square of it.
    static let byteLimit = 256

    /// A little-endian two's complement number of at most `byteLimit` bytes.
    static func value(_ bytes: UnsafeRawBufferPointer) -> PickleValue {
        if bytes.count <= 8 {
            var word: UInt64 = bytes.last.map { $0 & 0x80 != 0 } == true ? ~0 : 0
            for b in bytes.reversed() { word = word << 8 | UInt64(b) }
            return .int(Int(Int64(bitPattern: word)))
        }
        let isNegative = bytes.last! & 0x80 != 0
        // The magnitude in words of 32 bits.
        var words: [UInt32] = []
        var carry = isNegative
        for start in stride(from: 0, to: bytes.count, by: 4) {
            var word: UInt32 = 0
            for i in 0..<4 {
                var byte: UInt8 = start + i < bytes.count ? bytes[start + i] : isNegative ? 0xFF : 0
                if isNegative {
                    let (sum, overflow) = (~byte).addingReportingOverflow(carry ? 1 : 0)
                    byte = sum
                    carry = overflow
                }
                word |= UInt32(byte) << (8 * UInt32(i))
            }
            words.append(word)
        }
        return number(digits: digits(&words), isNegative: isNegative)
    }

    /// A number from its decimal digits; one that fits is an `Int`.
    static func number(digits: String, isNegative: Bool) -> PickleValue {
        let text = isNegative ? "-\(digits)" : digits
        return Int(text).map { .int($0) } ?? .bigInt(text)
    }

    /// A number as people write it, with an optional sign; nil if the text is none.
    static func number(_ text: Substring) -> PickleValue? {
        var digits = text
        let isNegative = digits.first == "-"
        if isNegative || digits.first == "+" { digits.removeFirst() }
        guard !digits.isEmpty, digits.utf8.count <= 5 * byteLimit / 2, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        let trimmed = digits.drop { $0 == "0" }
        return number(digits: trimmed.isEmpty ? "0" : String(trimmed), isNegative: isNegative)
    }

    private static func digits(_ words: inout [UInt32]) -> String {
        var groups: [UInt32] = []
        while words.last == 0 { words.removeLast() }
        while !words.isEmpty {
            var remainder: UInt64 = 0
            for i in words.indices.reversed() {
                let n = remainder << 32 | UInt64(words[i])
                words[i] = UInt32(n / 1_000_000_000)
                remainder = n % 1_000_000_000
            }
            groups.append(UInt32(remainder))
            while words.last == 0 { words.removeLast() }
        }
        guard var text = groups.popLast().map({ "\($0)" }) else { return "0" }
        for g in groups.reversed() {
            let part = "\(g)"
            text += String(repeating: "0", count: 9 - part.utf8.count) + part
        }
        return text
    }

    /// The shortest two's complement bytes of decimal digits, little endian; nil if the text is no whole number. For writing.
    static func bytes(_ text: String) -> [UInt8]? {
        var digits = Substring(text)
        let isNegative = digits.first == "-"
        if isNegative { digits.removeFirst() }
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        var bytes: [UInt8] = []
        for d in digits.utf8 {
            var carry = UInt32(d - 0x30)
            for i in bytes.indices {
                carry += UInt32(bytes[i]) * 10
                bytes[i] = UInt8(truncatingIfNeeded: carry)
                carry >>= 8
            }
            if carry > 0 { bytes.append(UInt8(carry)) }
        }
        if isNegative {
            var carry = true
            for i in bytes.indices {
                let (sum, overflow) = (~bytes[i]).addingReportingOverflow(carry ? 1 : 0)
                bytes[i] = sum
                carry = overflow
            }
        }
        // One bit is the sign.
        if bytes.isEmpty || (bytes.last! & 0x80 != 0) != isNegative { bytes.append(isNegative ? 0xFF : 0) }
        return bytes
    }
}
