// GGUF files: key-values, and tensors of plain or quantised elements.
import TorchTensor

/// Versions 2 and 3, little endian.
enum GGUFReader: CheckpointReader {
    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.count >= 8 && bytes.starts(with: "GGUF".utf8) }

    /// Types of values by their numbers in the file.
    private enum ValueType: UInt32 {
        case uint8 = 0, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

        /// The tensor's type for an array of these.
        var dtype: DType? {
            switch self {
            case .uint8: .uint8
            case .int8: .int8
            case .uint16: .uint16
            case .int16: .int16
            case .uint32: .uint32
            case .int32: .int32
            case .float32: .float32
            case .bool: .bool
            case .uint64: .uint64
            case .int64: .int64
            case .float64: .float64
            case .string, .array: nil
            }
        }
    }

    /// Texts and lists in arrays that are read, all in all: each takes more memory than bytes. The largest vocabularies have a million, with their merges.
    private static let itemLimit = 1 << 22
    private static let keyLimit = 1 << 16, maxDepth = 8

    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint {
        try file.withBytes { b throws(FormatError) in
            var contents = Contents(file: file, reader: ByteReader(b))
            return try contents.read(path)
        }
    }

    private struct Contents {
        let file: FileBytes
        var reader: ByteReader
        var metadata: [(key: String, value: CheckpointValue)] = []
        var items = 0

        private func bad(_ offset: Int, _ reason: String, _ expected: String = "") -> FormatError { FormatError(.malformed, offset: offset, reason, expected: expected) }

        mutating func read(_ path: String) throws(FormatError) -> Checkpoint {
            _ = try reader.take(4, "the magic")
            let version = try reader.integer(UInt32.self, "the version")
            guard version == 2 || version == 3 else {
                let isSwapped = version.byteSwapped == 2 || version.byteSwapped == 3
                throw FormatError(
                    .unsupported, offset: 4, isSwapped ? "a GGUF file with the most significant byte first" : "version \(version) of the format", expected: "version 2 or 3, little endian")
            }
            // An entry has at least a name's length and a type and what goes with it.
            let tensorCount = try reader.count(UInt64.self, atMost: file.count / 24, "the number of tensors")
            let valueCount = try reader.count(UInt64.self, atMost: file.count / 13, "the number of key-values")
            try readMetadata(valueCount)
            return Checkpoint(path: path, format: .gguf, root: .dictionary(try tensors(tensorCount), kind: .plain), metadata: metadata)
        }

        /// A text; nil if it is not UTF-8.
        private mutating func bytes(_ what: @autoclosure () -> String) throws(FormatError) -> UnsafeRawBufferPointer {
            let count = try reader.count(UInt64.self, atMost: reader.remaining, "the length of \(what())")
            return try reader.take(count, what())
        }

        private mutating func name(_ what: String) throws(FormatError) -> String {
            let start = reader.offset
            let b = try bytes(what)
            guard b.count <= keyLimit, let s = String(validating: b, as: UTF8.self) else { throw bad(start, "\(what) is not UTF-8 of at most \(keyLimit) bytes") }
            return s
        }

        // MARK: Key-values

        private mutating func readMetadata(_ count: Int) throws(FormatError) {
            var keys: Set<String> = []
            metadata.reserveCapacity(count)
            for i in 0..<count {
                let start = reader.offset
                let key = try name("key \(i)")
                guard keys.insert(key).inserted else { throw bad(start, "the key \"\(key)\" occurs twice") }
                metadata.append((key, try value(try type(key), key, 0)))
            }
        }

        private mutating func type(_ key: String) throws(FormatError) -> ValueType {
            let start = reader.offset
            let number = try reader.integer(UInt32.self, "the type of \"\(key)\"")
            guard let type = ValueType(rawValue: number) else { throw bad(start, "\"\(key)\" is of the unknown type \(number)", "a type from 0 to 12") }
            return type
        }

        private mutating func value(_ type: ValueType, _ key: String, _ depth: Int) throws(FormatError) -> CheckpointValue {
            switch type {
            case .uint8: return .int(Int(try reader.integer(UInt8.self, key)))
            case .int8: return .int(Int(try reader.integer(Int8.self, key)))
            case .uint16: return .int(Int(try reader.integer(UInt16.self, key)))
            case .int16: return .int(Int(try reader.integer(Int16.self, key)))
            case .uint32: return .int(Int(try reader.integer(UInt32.self, key)))
            case .int32: return .int(Int(try reader.integer(Int32.self, key)))
            case .int64: return .int(Int(try reader.integer(Int64.self, key)))
            case .uint64:
                let n = try reader.integer(UInt64.self, key)
                return Int(exactly: n).map { .int($0) } ?? .bigInt("\(n)")
            case .float32: return .double(Double(try reader.float(key)))
            case .float64: return .double(try reader.double(key))
            case .bool:
                let start = reader.offset
                let byte = try reader.integer(UInt8.self, key)
                guard byte < 2 else { throw bad(start, "\"\(key)\" is the truth value \(byte)", "0 or 1") }
                return .bool(byte == 1)
            case .string:
                let b = try bytes("\"\(key)\"")
                return String(validating: b, as: UTF8.self).map { .string($0) } ?? .bytes([UInt8](b))
            case .array: return try array(key, depth)
            }
        }

        /// Numbers stay in the file, as a tensor of one dim; texts and arrays become lists.
        private mutating func array(_ key: String, _ depth: Int) throws(FormatError) -> CheckpointValue {
            let start = reader.offset
            guard depth < maxDepth else { throw bad(start, "\"\(key)\": more than \(maxDepth) arrays inside one another") }
            let element = try type(key)
            if let dtype = element.dtype {
                let count = try reader.count(UInt64.self, atMost: reader.remaining / dtype.itemSize, "the length of \"\(key)\"")
                let block = StoredBlock(.plain(dtype), count: count, byteCount: count * dtype.itemSize, .file(file, offset: reader.offset))
                _ = try reader.take(count * dtype.itemSize, key)
                return .tensor(StoredTensor(block: block, shape: [count]))
            }
            let count = try reader.count(UInt64.self, atMost: reader.remaining / 8, "the length of \"\(key)\"")
            items += count
            guard items <= itemLimit else { throw FormatError(.unsupported, offset: start, "\(items) texts and lists in arrays", expected: "at most \(itemLimit)") }
            var list: [CheckpointValue] = []
            list.reserveCapacity(count)
            for _ in 0..<count { list.append(try value(element, key, depth + 1)) }
            return .list(list)
        }

        // MARK: Tensors

        private mutating func tensors(_ count: Int) throws(FormatError) -> [CheckpointValue.Pair] {
            var infos: [(name: String, type: StoredType, shape: [Int], count: Int, byteCount: Int, offset: Int)] = []
            var names: Set<String> = []
            infos.reserveCapacity(count)
            for i in 0..<count {
                let start = reader.offset
                let name = try name("the name of tensor \(i)")
                guard names.insert(name).inserted else { throw bad(start, "two tensors are called \"\(name)\"") }
                let dims = try reader.count(UInt32.self, atMost: 64, "the dims of \"\(name)\"")
                var shape: [Int] = []
                var count = 1
                for _ in 0..<dims {
                    let size = try reader.count(UInt64.self, atMost: .max, "a size of \"\(name)\"")
                    let (product, overflow) = count.multipliedReportingOverflow(by: size)
                    guard !overflow else { throw bad(start, "tensor \"\(name)\" has more elements than 64 bits can count") }
                    count = product
                    shape.append(size)
                }
                let type = try elementType(name)
                guard (shape.first ?? 1) % type.blockCount == 0, let byteCount = type.byteCount(of: count) else {
                    throw bad(start, "tensor \"\(name)\": rows of \(shape.first ?? 1) elements", "a multiple of the \(type.blockCount) of a block of \(type.name)")
                }
                let offset = try reader.count(UInt64.self, atMost: file.count, "the place of \"\(name)\"")
                // The file has the innermost size first.
                infos.append((name, type, shape.reversed(), count, byteCount, offset))
            }
            let alignment = try alignment()
            // Without tensors nothing has to follow.
            let start = (reader.offset + alignment - 1) / alignment * alignment
            var extents: [(start: Int, end: Int, name: String)] = []
            var pairs: [CheckpointValue.Pair] = []
            pairs.reserveCapacity(count)
            for info in infos {
                guard info.offset % alignment == 0 else { throw bad(start, "tensor \"\(info.name)\" lies at \(info.offset)", "a multiple of \(alignment)") }
                guard info.byteCount <= file.count - start - info.offset else {
                    throw bad(start, "tensor \"\(info.name)\": \(info.byteCount) bytes at \(info.offset) of the data", "all within their \(max(0, file.count - start)) bytes")
                }
                if info.byteCount > 0 { extents.append((info.offset, info.offset + info.byteCount, info.name)) }
                let block = StoredBlock(info.type, count: info.count, byteCount: info.byteCount, .file(file, offset: start + info.offset))
                pairs.append(.init(.string(info.name), .tensor(StoredTensor(block: block, shape: info.shape))))
            }
            extents.sort { $0.start < $1.start }
            for (a, b) in zip(extents, extents.dropFirst()) where b.start < a.end { throw bad(start + b.start, "tensors \"\(a.name)\" and \"\(b.name)\" overlap") }
            return pairs
        }

        private mutating func elementType(_ name: String) throws(FormatError) -> StoredType {
            let start = reader.offset
            let number = try reader.integer(UInt32.self, "the type of \"\(name)\"")
            switch number {
            case 0: return .plain(.float32)
            case 1: return .plain(.float16)
            case 24: return .plain(.int8)
            case 25: return .plain(.int16)
            case 26: return .plain(.int32)
            case 27: return .plain(.int64)
            case 28: return .plain(.float64)
            case 30: return .plain(.bfloat16)
            default:
                guard let type = GGMLType(rawValue: number) else { throw FormatError(.unsupported, offset: start, "tensor \"\(name)\" is of type \(number), which is not known") }
                return .ggml(type)
            }
        }

        private func alignment() throws(FormatError) -> Int {
            guard let value = metadata.first(where: { $0.key == "general.alignment" })?.value else { return 32 }
            guard let n = value.int, n > 0, n <= 1 << 20, n & (n - 1) == 0 else { throw bad(8, "general.alignment is not a power of two up to 2^20") }
            return n
        }
    }
}
