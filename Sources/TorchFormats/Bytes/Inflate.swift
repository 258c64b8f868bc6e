// Unpacking of deflate streams, with their gzip and zlib wrappers (RFC 1951, 1952, 1950).
import Glibc

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
        try unpack(data, limit) { data, output throws(InflateError) in
            var position = 0
            repeat {
                position = try gzipHeader(data, position)
                let start = output.count
                var stream = Stream(data, at: position)
                try stream.run(&output)
                position = stream.alignedPosition
                guard position + 8 <= data.count else { throw InflateError(offset: data.count, reason: "ends before the checksum") }
                let crc = littleEndian(data, position)
                let length = littleEndian(data, position + 4)
                guard CRC32.of(output.bytes(from: start)) == crc || CRC32.isIgnored else { throw InflateError(offset: position, reason: "CRC-32 of the unpacked data does not match") }
                guard UInt32(truncatingIfNeeded: output.count - start) == length else { throw InflateError(offset: position + 4, reason: "length of the unpacked data does not match") }
                position += 8
            } while position < data.count
        }
    }

    /// A bare deflate stream.
    public static func raw(_ data: [UInt8], limit: Int) throws(InflateError) -> [UInt8] {
        try unpack(data, limit) { data, output throws(InflateError) in
            var stream = Stream(data, at: 0)
            try stream.run(&output)
        }
    }

    /// A bare deflate stream that must unpack to exactly the bytes of `target`, and end where `data` ends.
    static func raw(_ data: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws(InflateError) {
        var output = Output(filling: target)
        var stream = Stream(data, at: 0)
        try stream.run(&output)
        guard output.count == target.count else { throw InflateError(offset: stream.alignedPosition, reason: "unpacks to \(output.count) bytes instead of \(target.count)") }
        guard stream.alignedPosition == data.count else { throw InflateError(offset: stream.alignedPosition, reason: "ends before its \(data.count) bytes do") }
    }

    /// The first `count` bytes of what a bare deflate stream unpacks to.
    static func prefix(_ data: UnsafeRawBufferPointer, count: Int) throws(InflateError) -> [UInt8] {
        // Room for the longest copy, so that the limit is met after what is wanted.
        var output = Output(limit: count + 258, isPrefix: true)
        defer { output.free() }
        var stream = Stream(data, at: 0)
        do throws(InflateError) { try stream.run(&output) } catch { if output.count < count { throw error } }
        return [UInt8](output.bytes(from: 0).prefix(count))
    }

    /// A zlib stream, checked against its Adler-32.
    public static func zlib(_ data: [UInt8], limit: Int) throws(InflateError) -> [UInt8] {
        try unpack(data, limit) { data, output throws(InflateError) in
            guard data.count >= 6 else { throw InflateError(offset: data.count, reason: "shorter than a zlib header and checksum") }
            guard data[0] & 15 == 8, (Int(data[0]) * 256 + Int(data[1])) % 31 == 0, data[1] & 32 == 0 else { throw InflateError(offset: 0, reason: "not a zlib header") }
            var stream = Stream(data, at: 2)
            try stream.run(&output)
            let p = stream.alignedPosition
            guard p + 4 <= data.count else { throw InflateError(offset: data.count, reason: "ends before the checksum") }
            var (a, b) = (UInt32(1), UInt32(0))
            for byte in output.bytes(from: 0) {
                a = (a + UInt32(byte)) % 65521
                b = (b + a) % 65521
            }
            let stored = data[p..<(p + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard b << 16 | a == stored || CRC32.isIgnored else { throw InflateError(offset: p, reason: "Adler-32 of the unpacked data does not match") }
        }
    }

    /// Hands `body` the data and an output that grows up to `limit`; returns what it holds in the end.
    private static func unpack(
        _ data: [UInt8], _ limit: Int, _ body: (UnsafeRawBufferPointer, inout Output) throws(InflateError) -> Void
    ) throws(InflateError) -> [UInt8] {
        var output = Output(limit: limit)
        defer { output.free() }
        // Not thrown through: the standard library's withUnsafeBytes is not typed.
        var failure: InflateError?
        data.withUnsafeBytes { b in
            do throws(InflateError) { try body(b, &output) } catch { failure = error }
        }
        if let failure { throw failure }
        return [UInt8](output.bytes(from: 0))
    }

    /// Unpacked bytes: memory of its own that grows, or somebody's memory to be filled.
    private struct Output {
        private(set) var base: UnsafeMutablePointer<UInt8>?
        private(set) var count = 0
        private var capacity: Int
        let limit: Int
        /// Only the first `limit` bytes are wanted: the longest runs may be cut.
        let isPrefix: Bool

        init(limit: Int, isPrefix: Bool = false) {
            self.limit = limit
            self.isPrefix = isPrefix
            capacity = 0
        }
        init(filling target: UnsafeMutableRawBufferPointer) {
            base = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
            capacity = target.count
            limit = target.count
            isPrefix = false
        }
        func free() { Glibc.free(base) }

        func bytes(from start: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base.map { $0 + start }, count: count - start) }

        /// Makes room for `extra` bytes; false if that is beyond the limit.
        @inline(__always)
        mutating func reserve(_ extra: Int) -> Bool {
            if count + extra <= capacity { return true }
            return grow(extra)
        }
        private mutating func grow(_ extra: Int) -> Bool {
            guard extra <= limit - count else { return false }
            let larger = Swift.min(Swift.max(2 * capacity, count + extra, 1 << 14), limit)
            guard let p = realloc(base, larger) else { return false }
            base = p.assumingMemoryBound(to: UInt8.self)
            capacity = larger
            return true
        }
        /// Appends one byte, for which there is room.
        @inline(__always)
        mutating func append(_ byte: UInt8) {
            base![count] = byte
            count += 1
        }
        mutating func append(_ bytes: Slice<UnsafeRawBufferPointer>) {
            if bytes.isEmpty { return }
            (base! + count).update(from: bytes.base.baseAddress!.assumingMemoryBound(to: UInt8.self) + bytes.startIndex, count: bytes.count)
            count += bytes.count
        }
        /// Appends `length` bytes that begin `distance` before the end; they may overlap themselves.
        @inline(__always)
        mutating func repeatBytes(_ length: Int, distance: Int) {
            let to = base! + count
            let from = to - distance
            if distance >= length { to.update(from: from, count: length) } else { for i in 0..<length { to[i] = from[i] } }
            count += length
        }
    }

    private static func littleEndian(_ data: UnsafeRawBufferPointer, _ p: Int) -> UInt32 {
        UInt32(data[p]) | UInt32(data[p + 1]) << 8 | UInt32(data[p + 2]) << 16 | UInt32(data[p + 3]) << 24
    }

    /// Skips a gzip member's header; returns where its deflate data begin.
    private static func gzipHeader(_ data: UnsafeRawBufferPointer, _ start: Int) throws(InflateError) -> Int {
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
        let data: UnsafeRawBufferPointer
        var position: Int
        var bits: UInt64 = 0
        var bitCount = 0

        init(_ data: UnsafeRawBufferPointer, at position: Int) {
            self.data = data
            self.position = position
        }

        /// Where the next whole byte is: bytes that were read ahead are given back.
        var alignedPosition: Int { position - bitCount / 8 }

        mutating func run(_ output: inout Output) throws(InflateError) {
            var isLast = false
            while !isLast {
                isLast = try take(1) == 1
                switch try take(2) {
                case 0: try stored(&output)
                case 1: try block(&output, Huffman.fixedLiterals, Huffman.fixedDistances)
                case 2:
                    let (literals, distances) = try tables()
                    try block(&output, literals, distances)
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

        private mutating func stored(_ output: inout Output) throws(InflateError) {
            _ = try take(bitCount % 8)
            let length = try take(16)
            let complement = try take(16)
            guard length == ~complement & 0xFFFF else { throw InflateError(offset: alignedPosition, reason: "stored block's length and its complement differ") }
            position = alignedPosition
            bits = 0
            bitCount = 0
            guard position + length <= data.count else { throw InflateError(offset: data.count, reason: "ends inside a stored block") }
            let wanted = output.isPrefix ? Swift.min(length, output.limit - output.count) : length
            try reserve(wanted, &output)
            output.append(data[position..<(position + wanted)])
            position += length
        }

        @inline(__always)
        private func reserve(_ count: Int, _ output: inout Output) throws(InflateError) {
            guard output.reserve(count) else { throw InflateError(offset: alignedPosition, reason: "unpacks to more than the \(output.limit) bytes that are allowed") }
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

        private mutating func block(_ output: inout Output, _ literals: Huffman, _ distances: Huffman) throws(InflateError) {
            while true {
                let symbol = try decode(literals)
                if symbol < 256 {
                    try reserve(1, &output)
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
                try reserve(length, &output)
                output.repeatBytes(length, distance: distance)
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
