// safetensors files as bytes: reading with every rule checked before anything is believed, writing.

/// The safetensors format: 8 bytes of header length, a JSON header, the elements of all tensors.
public enum Safetensors {
    /// Longest header that is read, the format's own limit.
    public static let headerLimit = 100_000_000

    /// Element types of the format.
    public enum ElementType: String, Sendable, CaseIterable {
        case bool = "BOOL"
        case u8 = "U8", i8 = "I8", u16 = "U16", i16 = "I16", u32 = "U32", i32 = "I32", u64 = "U64", i64 = "I64"
        case f16 = "F16", bf16 = "BF16", f32 = "F32", f64 = "F64", c64 = "C64"
        case f8e4m3 = "F8_E4M3", f8e5m2 = "F8_E5M2", f8e8m0 = "F8_E8M0", f8e4m3fnuz = "F8_E4M3FNUZ", f8e5m2fnuz = "F8_E5M2FNUZ"
        case f4 = "F4", f6e2m3 = "F6_E2M3", f6e3m2 = "F6_E3M2"

        /// Bits of one element.
        public var bits: Int {
            switch self {
            case .f4: 4
            case .f6e2m3, .f6e3m2: 6
            case .bool, .u8, .i8, .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz: 8
            case .u16, .i16, .f16, .bf16: 16
            case .u32, .i32, .f32: 32
            case .u64, .i64, .f64, .c64: 64
            }
        }
    }

    /// One tensor of a file.
    public struct Entry: Sendable, Equatable {
        public let name: String
        public let type: ElementType
        public let shape: [Int]
        /// First byte, counted from the start of the file.
        public let offset: Int
        public let byteCount: Int
    }

    // MARK: - Reading

    /// An opened file: what is in it, and its bytes.
    public struct File: Sendable {
        /// The tensors in the order of the header.
        public let entries: [Entry]
        /// Texts under `__metadata__`.
        public let metadata: [String: String]
        /// All bytes, mapped.
        public let bytes: FileBytes
        /// Path, empty for bytes in memory.
        public let path: String
        private let places: [String: Int]

        /// Opens a file and checks its header; the tensors' bytes are not read yet.
        public init(path: String) throws(FormatError) { try self.init(FileBytes(path: path), path: path) }

        /// Reads bytes in memory.
        public init(bytes: [UInt8]) throws(FormatError) { try self.init(FileBytes(bytes), path: "") }

        init(_ bytes: FileBytes, path: String) throws(FormatError) {
            do throws(FormatError) {
                (entries, metadata) = try bytes.checked { () throws(FormatError) in try bytes.withBytes { b throws(FormatError) in try Safetensors.header(b) } }
            } catch { throw error.inFile(path) }
            self.bytes = bytes
            self.path = path
            places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
        }

        /// The entry called `name`.
        public subscript(name: String) -> Entry? { places[name].map { entries[$0] } }

        /// Calls `body` with the bytes of an entry of this file.
        public func withBytes<Result>(of entry: Entry, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
            precondition(self[entry.name] == entry, "an entry of another file")
            return try bytes.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[entry.offset..<entry.offset + entry.byteCount])) }
        }
    }

    /// Checks everything there is to check.
    private static func header(_ bytes: UnsafeRawBufferPointer) throws(FormatError) -> ([Entry], [String: String]) {
        func bad(_ offset: Int, _ reason: String, _ expected: String = "") -> FormatError { FormatError(.malformed, offset: offset, reason, expected: expected) }
        guard bytes.count >= 8 else { throw bad(0, "the file has \(bytes.count) bytes", "at least the 8 of the header's length") }
        let claimed = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard claimed <= UInt64(headerLimit) else { throw bad(0, "the header claims \(claimed) bytes", "at most \(headerLimit)") }
        let length = Int(claimed)
        guard length <= bytes.count - 8 else { throw bad(0, "the header claims \(length) bytes", "at most the \(bytes.count - 8) that follow") }
        guard length > 0, bytes[8] == UInt8(ascii: "{") else { throw bad(8, "the header does not start with '{'") }
        let json = try JSON(parsing: UnsafeRawBufferPointer(rebasing: bytes[8..<8 + length]), base: 8)
        guard let object = json.object else { throw bad(8, "the header is not a JSON object") }

        let start = 8 + length
        let dataCount = bytes.count - start
        var entries: [Entry] = []
        var metadata: [String: String] = [:]
        entries.reserveCapacity(object.count)
        for (name, value) in object {
            if name == "__metadata__" {
                guard let texts = value.object else { throw bad(8, "__metadata__ is not a JSON object") }
                for (key, text) in texts {
                    guard let text = text.string else { throw bad(8, "__metadata__ \"\(key)\" is not a text") }
                    metadata[key] = text
                }
                continue
            }
            guard value.object != nil else { throw bad(8, "tensor \"\(name)\": not a JSON object") }
            guard let typeName = value["dtype"]?.string else { throw bad(8, "tensor \"\(name)\": no dtype") }
            guard let type = ElementType(rawValue: typeName) else { throw bad(8, "tensor \"\(name)\": unknown dtype \(typeName)") }
            guard let sizes = value["shape"]?.array else { throw bad(8, "tensor \"\(name)\": no shape") }
            var shape: [Int] = []
            var count = 1
            for size in sizes {
                guard let n = size.int, n >= 0 else { throw bad(8, "tensor \"\(name)\": a size is not a whole number from 0") }
                let (product, overflow) = count.multipliedReportingOverflow(by: n)
                guard !overflow else { throw bad(8, "tensor \"\(name)\": more elements than 64 bits can count") }
                count = product
                shape.append(n)
            }
            let (bitCount, overflow) = count.multipliedReportingOverflow(by: type.bits)
            guard !overflow, bitCount % 8 == 0 else { throw bad(8, "tensor \"\(name)\": \(count) elements of \(typeName) are no whole number of bytes that 64 bits can count") }
            guard let range = value["data_offsets"]?.array, range.count == 2, let from = range[0].int, let to = range[1].int else {
                throw bad(8, "tensor \"\(name)\": data_offsets are not two whole numbers")
            }
            guard from >= 0, from <= to, to <= dataCount else {
                throw bad(8, "tensor \"\(name)\": bytes \(from) to \(to)", "a range within the \(dataCount) bytes of data")
            }
            guard to - from == bitCount / 8 else { throw bad(8, "tensor \"\(name)\": \(to - from) bytes", "\(bitCount / 8) for shape \(shape) of \(typeName)") }
            entries.append(Entry(name: name, type: type, shape: shape, offset: start + from, byteCount: to - from))
        }
        // The ranges must cover the data without gaps and without overlaps.
        var end = start
        for e in entries.sorted(by: { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }) {
            guard e.offset == end else {
                throw bad(end, "tensor \"\(e.name)\" begins at byte \(e.offset)", "\(end), where the one before ends: \(e.offset < end ? "they overlap" : "there is a gap")")
            }
            end += e.byteCount
        }
        guard end == bytes.count else { throw bad(end, "\(bytes.count - end) bytes follow the last tensor", "the end of the file") }
        return (entries, metadata)
    }

    // MARK: - Writing

    /// A tensor to be written; `write` hands its bytes over when their turn comes.
    public struct Source {
        public let name: String
        public let type: ElementType
        public let shape: [Int]
        let withBytes: (_ write: (UnsafeRawBufferPointer) throws(FormatError) -> Void) throws(FormatError) -> Void

        /// `withBytes` calls the function it is given once, with the elements in row-major order, little endian.
        public init(name: String, type: ElementType, shape: [Int], withBytes: @escaping (_ write: (UnsafeRawBufferPointer) -> Void) -> Void) {
            self.name = name
            self.type = type
            self.shape = shape
            self.withBytes = { write throws(FormatError) in
                var failure: FormatError?
                withBytes { bytes in
                    do throws(FormatError) { try write(bytes) } catch { failure = error }
                }
                if let failure { throw failure }
            }
        }

        /// The same with bytes that have to be read first, which can fail.
        init(checked name: String, type: ElementType, shape: [Int], withBytes: @escaping (_ write: (UnsafeRawBufferPointer) throws(FormatError) -> Void) throws(FormatError) -> Void) {
            self.name = name
            self.type = type
            self.shape = shape
            self.withBytes = withBytes
        }
    }

    /// Writes a file at once or not at all: under a temporary name, brought to the disk, then renamed.
    ///
    /// The header keeps the given order; the data lie with the widest types first, so that everything is aligned to its type.
    public static func write(_ sources: [Source], metadata: [String: String] = [:], to path: String, durable: Bool = true) throws(FormatError) {
        var offsets = [Int](repeating: 0, count: sources.count)
        var sizes = [Int](repeating: 0, count: sources.count)
        let order = sources.indices.sorted { (-sources[$0].type.bits, $0) < (-sources[$1].type.bits, $1) }
        var end = 0
        for i in order {
            let bits = sources[i].shape.reduce(sources[i].type.bits, *)
            guard bits % 8 == 0 else { throw FormatError(.request, file: path, "tensor \"\(sources[i].name)\" is no whole number of bytes") }
            offsets[i] = end
            sizes[i] = bits / 8
            end += sizes[i]
        }
        var header = JSON.Object()
        if !metadata.isEmpty {
            var texts = JSON.Object()
            for key in metadata.keys.sorted() { texts[key] = .string(metadata[key]!) }
            header["__metadata__"] = .object(texts)
        }
        for (i, s) in sources.enumerated() {
            let value: JSON = [
                "dtype": .string(s.type.rawValue), "shape": .array(s.shape.map { .int(Int64($0)) }),
                "data_offsets": [.int(Int64(offsets[i])), .int(Int64(offsets[i] + sizes[i]))],
            ]
            guard s.name != "__metadata__", header.append(s.name, value) else {
                throw FormatError(.request, file: path, s.name == "__metadata__" ? "a tensor can not be called __metadata__" : "two tensors are called \"\(s.name)\"")
            }
        }
        var text = Array(try JSON.object(header).text().utf8)
        // Spaces bring the data to a multiple of 8.
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        guard text.count <= headerLimit else { throw FormatError(.request, file: path, "the header would have \(text.count) bytes", expected: "at most \(headerLimit)") }

        var file = try AtomicFile(path: path, durable: durable)
        try file.reserve(8 + text.count + end)
        try file.write(withUnsafeBytes(of: UInt64(text.count).littleEndian) { [UInt8]($0) })
        try file.write(text)
        for i in order {
            var written = 0
            try sources[i].withBytes { bytes throws(FormatError) in
                written += bytes.count
                try file.write(bytes)
            }
            precondition(written == sizes[i], "tensor \(sources[i].name): \(written) bytes instead of \(sizes[i])")
        }
        try file.commit()
    }
}
