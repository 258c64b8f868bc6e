// Unpacking of deflate streams, with their gzip and zlib wrappers (RFC 1951, 1952, 1950).

/// A packed stream that can not be unpacked: where in the packed bytes, and why.
public struct InflateError: Error, Sendable, CustomStringConvertible, Equatable {
    /// Byte offset in the packed data.
    public let offset: Int
    /// What was wrong.
    public let reason: String
    public var description: String { "packed data damaged at byte \(offset): \(reason)" }
}

/// Unpacks deflate data. Output never grows beyond the caller's limit, whatever the data claims.
public enum Inflate {
    /// A gzip file, all members, checked against their CRC-32 and lengths.
    public static func gunzip(_ data: [UInt8], limit: Int) throws(InflateError) -> [UInt8] {
        var output: [UInt8] = []
        var position = 0
        repeat {
            position = try gzipHeader(data, position)
            let start = output.count
            var stream = Stream(data, at: position, output: output, limit: limit)
            output = []
            try stream.run()
            output = stream.output
            position = stream.alignedPosition
            guard position + 8 <= data.count else { throw InflateError(offset: data.count, reason: "ends before the checksum") }
            let crc = littleEndian(data, position)
            let length = littleEndian(data, position + 4)
            guard CRC32.of(output[start...]) == crc else { throw InflateError(offset: position, reason: "CRC-32 of the unpacked data does not match") }
            guard UInt32(truncatingIfNeeded: output.count - start) == length else { throw InflateError(offset: position + 4, reason: "length of the unpacked data does not match") }
            position += 8
        } while position < data.count
        return output
    }

    /// A bare deflate stream.
    public static func raw(_ data: [UInt8], limit: Int) throws(InflateError) -> [UInt8] {
        var stream = Stream(data, at: 0, output: [], limit: limit)
        try stream.run()
        return stream.output
    }

    /// A zlib stream, checked against its Adler-32.
    public static func zlib(_ data: [UInt8], limit: Int) throws(InflateError) -> [UInt8] {
        guard data.count >= 6 else { throw InflateError(offset: data.count, reason: "shorter than a zlib header and checksum") }
        guard data[0] & 15 == 8, (Int(data[0]) * 256 + Int(data[1])) % 31 == 0, data[1] & 32 == 0 else { throw InflateError(offset: 0, reason: "not a zlib header") }
        var stream = Stream(data, at: 2, output: [], limit: limit)
        try stream.run()
        let p = stream.alignedPosition
        guard p + 4 <= data.count else { throw InflateError(offset: data.count, reason: "ends before the checksum") }
        var (a, b) = (UInt32(1), UInt32(0))
        for byte in stream.output {
            a = (a + UInt32(byte)) % 65521
            b = (b + a) % 65521
        }
        let stored = data[p..<(p + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard b << 16 | a == stored else { throw InflateError(offset: p, reason: "Adler-32 of the unpacked data does not match") }
        return stream.output
    }

    private static func littleEndian(_ data: [UInt8], _ p: Int) -> UInt32 {
        UInt32(data[p]) | UInt32(data[p + 1]) << 8 | UInt32(data[p + 2]) << 16 | UInt32(data[p + 3]) << 24
    }

    /// Skips a gzip member's header; returns where its deflate data begin.
    private static func gzipHeader(_ data: [UInt8], _ start: Int) throws(InflateError) -> Int {
        guard start + 18 <= data.count else { throw InflateError(offset: start, reason: "shorter than a gzip header and trailer") }
        guard data[start] == 0x1F, data[start + 1] == 0x8B, data[start + 2] == 8 else { throw InflateError(offset: start, reason: "not a gzip header") }
        let flags = data[start + 3]
        guard flags & 0xE0 == 0 else { throw InflateError(offset: start + 3, reason: "reserved gzip flags are set") }
        var p = start + 10
        if flags & 4 != 0 {
            guard p + 2 <= data.count else { throw InflateError(offset: p, reason: "ends inside the gzip header") }
            p += 2 + Int(data[p]) + Int(data[p + 1]) << 8
        }
        // File name and comment end with a zero byte.
        for flag in [UInt8(8), 16] where flags & flag != 0 {
            while p < data.count, data[p] != 0 { p += 1 }
            p += 1
        }
        if flags & 2 != 0 { p += 2 }
        guard p <= data.count else { throw InflateError(offset: data.count, reason: "ends inside the gzip header") }
        return p
    }

    /// One deflate stream on its way through.
    private struct Stream {
        let data: [UInt8]
        var position: Int
        var bits: UInt64 = 0
        var bitCount = 0
        var output: [UInt8]
        let limit: Int

        init(_ data: [UInt8], at position: Int, output: [UInt8], limit: Int) {
            self.data = data
            self.position = position
            self.output = output
            self.limit = limit
        }

        /// Where the next whole byte is: bytes that were read ahead are given back.
        var alignedPosition: Int { position - bitCount / 8 }

        mutating func run() throws(InflateError) {
            var isLast = false
            while !isLast {
                isLast = try take(1) == 1
                switch try take(2) {
                case 0: try stored()
                case 1: try block(Huffman.fixedLiterals, Huffman.fixedDistances)
                case 2:
                    let (literals, distances) = try tables()
                    try block(literals, distances)
                default: throw InflateError(offset: alignedPosition, reason: "reserved block type")
                }
            }
        }

        /// Makes sure that `count` bits (at most 32) are there; at the end of data, zeros stand in until they are used.
        private mutating func fill() {
            while bitCount <= 48, position < data.count {
                bits |= UInt64(data[position]) << UInt64(bitCount)
                position += 1
                bitCount += 8
            }
        }

        private mutating func take(_ count: Int) throws(InflateError) -> Int {
            if bitCount < count { fill() }
            guard bitCount >= count else { throw InflateError(offset: data.count, reason: "ends inside a block") }
            let value = Int(bits & (1 << UInt64(count) - 1))
            bits >>= UInt64(count)
            bitCount -= count
            return value
        }

        private mutating func stored() throws(InflateError) {
            _ = try take(bitCount % 8)
            let length = try take(16)
            let complement = try take(16)
            guard length == ~complement & 0xFFFF else { throw InflateError(offset: alignedPosition, reason: "stored block's length and its complement differ") }
            position = alignedPosition
            bits = 0
            bitCount = 0
            guard position + length <= data.count else { throw InflateError(offset: data.count, reason: "ends inside a stored block") }
            try reserve(length)
            output.append(contentsOf: data[position..<(position + length)])
            position += length
        }

        private func reserve(_ count: Int) throws(InflateError) {
            guard output.count + count <= limit else { throw InflateError(offset: alignedPosition, reason: "unpacks to more than the \(limit) bytes that are allowed") }
        }

        private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

        private mutating func tables() throws(InflateError) -> (Huffman, Huffman) {
            let literalCount = try take(5) + 257
            let distanceCount = try take(5) + 1
            let codeCount = try take(4) + 4
            guard literalCount <= 286, distanceCount <= 30 else { throw InflateError(offset: alignedPosition, reason: "\(literalCount) literal and \(distanceCount) distance codes") }
            var codeLengths = [UInt8](repeating: 0, count: 19)
            for i in 0..<codeCount { codeLengths[Self.order[i]] = UInt8(try take(3)) }
            guard let codes = Huffman(codeLengths) else { throw InflateError(offset: alignedPosition, reason: "impossible code lengths") }
            var lengths: [UInt8] = []
            while lengths.count < literalCount + distanceCount {
                let symbol = try decode(codes)
                switch symbol {
                case 0..<16: lengths.append(UInt8(symbol))
                case 16:
                    guard let last = lengths.last else { throw InflateError(offset: alignedPosition, reason: "repeats a length that is not there") }
                    lengths += [UInt8](repeating: last, count: try take(2) + 3)
                case 17: lengths += [UInt8](repeating: 0, count: try take(3) + 3)
                default: lengths += [UInt8](repeating: 0, count: try take(7) + 11)
                }
            }
            guard lengths.count == literalCount + distanceCount, lengths[256] != 0, let literals = Huffman(Array(lengths[..<literalCount])),
                let distances = Huffman(Array(lengths[literalCount...]))
            else { throw InflateError(offset: alignedPosition, reason: "impossible code lengths") }
            return (literals, distances)
        }

        private mutating func decode(_ table: Huffman) throws(InflateError) -> Int {
            if bitCount < 15 { fill() }
            let entry = table.lookup[Int(bits & 0x7FFF)]
            let length = Int(entry >> 12)
            guard length > 0 else { throw InflateError(offset: alignedPosition, reason: "a code that the table does not have") }
            guard length <= bitCount else { throw InflateError(offset: data.count, reason: "ends inside a block") }
            bits >>= UInt64(length)
            bitCount -= length
            return Int(entry & 0xFFF)
        }

        private static let lengthBase = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]
        private static let lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]
        private static let distanceBase = [
            1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
        ]

        private mutating func block(_ literals: Huffman, _ distances: Huffman) throws(InflateError) {
            while true {
                let symbol = try decode(literals)
                if symbol < 256 {
                    try reserve(1)
                    output.append(UInt8(symbol))
                    continue
                }
                if symbol == 256 { return }
                guard symbol <= 285 else { throw InflateError(offset: alignedPosition, reason: "reserved length code \(symbol)") }
                let length = Self.lengthBase[symbol - 257] + (try take(Self.lengthExtra[symbol - 257]))
                let code = try decode(distances)
                guard code < 30 else { throw InflateError(offset: alignedPosition, reason: "reserved distance code \(code)") }
                let distance = Self.distanceBase[code] + (try take(code < 4 ? 0 : code / 2 - 1))
                guard distance <= output.count else { throw InflateError(offset: alignedPosition, reason: "refers back \(distance) bytes where only \(output.count) are") }
                try reserve(length)
                // Byte by byte: the copy may overlap itself.
                var from = output.count - distance
                for _ in 0..<length {
                    output.append(output[from])
                    from += 1
                }
            }
        }
    }

    /// A prefix code as a table over the next 15 bits: symbol in the low 12 bits, its length above.
    private struct Huffman {
        let lookup: [UInt16]

        init?(_ lengths: [UInt8]) {
            var count = [Int](repeating: 0, count: 16)
            for l in lengths where l > 0 { count[Int(l)] += 1 }
            var code = 0
            var next = [Int](repeating: 0, count: 16)
            var left = 1
            for l in 1..<16 {
                code = (code + count[l - 1]) << 1
                next[l] = code
                left = left * 2 - count[l]
                // More codes than the lengths leave room for.
                if left < 0 { return nil }
            }
            var table = [UInt16](repeating: 0, count: 1 << 15)
            for (symbol, l) in lengths.enumerated() where l > 0 {
                let length = Int(l)
                var reversed = 0
                for b in 0..<length where next[length] >> b & 1 == 1 { reversed |= 1 << (length - 1 - b) }
                next[length] += 1
                var i = reversed
                while i < 1 << 15 {
                    table[i] = UInt16(symbol) | UInt16(length) << 12
                    i += 1 << length
                }
            }
            lookup = table
        }

        static let fixedLiterals = Huffman((0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })!
        static let fixedDistances = Huffman([UInt8](repeating: 5, count: 30))!
    }
}

/// The CRC-32 of gzip, zip and PNG.
public enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { i in
        (0..<8).reduce(UInt32(i)) { c, _ in c & 1 != 0 ? 0xEDB8_8320 ^ (c >> 1) : c >> 1 }
    }

    /// The checksum of `bytes`; `seed` continues an earlier one.
    public static func of(_ bytes: some Sequence<UInt8>, seed: UInt32 = 0) -> UInt32 {
        var crc = ~seed
        table.withUnsafeBufferPointer { t in
            for b in bytes { crc = t[Int((crc ^ UInt32(b)) & 0xFF)] ^ (crc >> 8) }
        }
        return ~crc
    }
}
