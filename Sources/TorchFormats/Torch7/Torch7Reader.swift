// Torch7's .t7 files: Lua's numbers, texts and tables, tensors, networks as trees.
import TorchTensor

/// Binary files of 64-bit machines, as `torch.save` of Lua Torch wrote them. Functions are refused, never run.
///
/// Tables with the keys 1, 2, … become lists; other tables become dictionaries, their whole-number keys ints. Instances of classes become `.object`s.
enum Torch7Reader: CheckpointReader {
    /// The first number is a type tag below 9; nothing else of ours begins so, but few other bytes say that it is a Torch7 file, so this reader is asked last.
    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 4 && bytes[0] <= 8 && bytes[1] == 0 && bytes[2] == 0 && bytes[3] == 0
    }

    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint {
        try file.withBytes { b throws(FormatError) in
            var contents = Torch7Contents(file: file, reader: ByteReader(b))
            let root = try contents.value(0).value
            guard contents.reader.remaining == 0 else {
                throw FormatError(.malformed, offset: contents.reader.offset, "\(contents.reader.remaining) bytes follow the object", expected: "the end of the file")
            }
            return Checkpoint(path: path, format: .torch7, root: root)
        }
    }
}

/// A .t7 file on its way through.
struct Torch7Contents {
    let file: FileBytes
    var reader: ByteReader

    /// What an index stands for.
    private enum Seen {
        /// Its object is being read: a reference to it would be a cycle.
        case open
        case value(CheckpointValue, nodes: Int)
        case block(StoredBlock)
    }
    private var seen: [Int32: Seen] = [:]

    /// Objects inside one another. Real networks have a few dozen.
    private static let maxDepth = 256
    /// Values of a tree, each reference counted as often as it is used: tables that refer to tables twice, and so on, would otherwise make a tree without end.
    private var nodeLimit: Int { 1 << 20 + file.count }
    private static let tags = (none: Int32(0), number: Int32(1), string: Int32(2), table: Int32(3), object: Int32(4), boolean: Int32(5))

    init(file: FileBytes, reader: ByteReader) {
        self.file = file
        self.reader = reader
    }

    private func bad(_ offset: Int, _ reason: String, _ expected: String = "") -> FormatError { FormatError(.malformed, offset: offset, reason, expected: expected) }

    /// The next object and the size of its tree.
    mutating func value(_ depth: Int) throws(FormatError) -> (value: CheckpointValue, nodes: Int) {
        let start = reader.offset
        guard depth < Self.maxDepth else { throw bad(start, "more than \(Self.maxDepth) objects inside one another") }
        let tag = try reader.integer(Int32.self, "a type tag")
        switch tag {
        case Self.tags.none: return (.none, 1)
        case Self.tags.number: return (.double(try reader.double("a number")), 1)
        case Self.tags.string: return (try string(), 1)
        case Self.tags.boolean:
            let flag = try reader.integer(Int32.self, "a truth value")
            guard flag == 0 || flag == 1 else { throw bad(start, "the truth value \(flag)", "0 or 1") }
            return (.bool(flag == 1), 1)
        case Self.tags.table: return try table(depth, start)
        case Self.tags.object: return try object(depth, start)
        case 6...8: throw FormatError(.unsupported, offset: start, "a function of Lua, which is never run", expected: "a file without functions: clear callbacks and closures before saving")
        default: throw bad(start, "the unknown type tag \(tag)", "0 to 5")
        }
    }

    /// A text; bytes that are not UTF-8 stay bytes.
    private mutating func string() throws(FormatError) -> CheckpointValue {
        let count = try reader.count(Int32.self, atMost: reader.remaining, "the length of a text")
        let b = try reader.take(count, "a text")
        return String(validating: b, as: UTF8.self).map { .string($0) } ?? .bytes([UInt8](b))
    }

    /// What an index refers to, if it was seen before.
    private func reference(_ index: Int32, _ start: Int) throws(FormatError) -> (value: CheckpointValue, nodes: Int)? {
        switch seen[index] {
        case nil: return nil
        case .open: throw FormatError(.unsupported, offset: start, "object \(index) contains itself", expected: "a tree")
        case .value(let value, let nodes): return (value, nodes)
        case .block: throw bad(start, "object \(index) is a storage", "a value")
        }
    }

    private func sum(_ a: Int, _ b: Int, _ start: Int) throws(FormatError) -> Int {
        guard a + b <= nodeLimit else { throw FormatError(.unsupported, offset: start, "shared tables unfold to more than \(nodeLimit) values") }
        return a + b
    }

    private mutating func table(_ depth: Int, _ start: Int) throws(FormatError) -> (value: CheckpointValue, nodes: Int) {
        let index = try reader.integer(Int32.self, "a table's index")
        if let known = try reference(index, start) { return known }
        seen[index] = .open
        let count = try reader.count(Int32.self, atMost: reader.remaining / 8, "the number of entries of a table")
        var pairs: [CheckpointValue.Pair] = []
        // The entries of nested tables may all claim the same bytes: room grows as they come.
        pairs.reserveCapacity(min(count, 256))
        var nodes = 1
        var isList = count > 0
        for i in 0..<count {
            let keyStart = reader.offset
            var key = try value(depth + 1)
            switch key.value {
            case .double(let d):
                if let whole = Int(exactly: d) { key.value = .int(whole) }
                isList = isList && d == Double(i + 1)
            case .string, .bytes, .bool: isList = false
            default: throw FormatError(.unsupported, offset: keyStart, "a table's key is neither number, text nor truth value")
            }
            let entry = try value(depth + 1)
            nodes = try sum(nodes, key.nodes + entry.nodes, start)
            pairs.append(.init(key.value, entry.value))
        }
        let result: CheckpointValue = isList ? .list(pairs.map(\.value)) : .dictionary(pairs, kind: .plain)
        seen[index] = .value(result, nodes: nodes)
        return (result, nodes)
    }

    // MARK: - Torch's classes

    private mutating func object(_ depth: Int, _ start: Int) throws(FormatError) -> (value: CheckpointValue, nodes: Int) {
        let index = try reader.integer(Int32.self, "an object's index")
        if let known = try reference(index, start) { return known }
        let name = try className()
        seen[index] = .open
        let result: (value: CheckpointValue, nodes: Int)
        if name.hasPrefix("torch."), name.hasSuffix("Tensor"), let type = Self.elementType(name.dropFirst(6).dropLast(6)) {
            result = (try tensor(type, depth), 1)
        } else if name.hasPrefix("torch."), name.hasSuffix("Storage"), let type = Self.elementType(name.dropFirst(6).dropLast(7)) {
            // A storage by itself is read as the tensor of its elements.
            let block = try block(type)
            result = (.tensor(StoredTensor(block: block, shape: [block.count])), 1)
        } else {
            // Classes of Lua write the table of their fields.
            let state = try value(depth + 1)
            result = (.object(className: name, state: state.value), try sum(state.nodes, 1, start))
        }
        seen[index] = .value(result.value, nodes: result.nodes)
        return result
    }

    /// A class's name, behind its version.
    private mutating func className() throws(FormatError) -> String {
        let start = reader.offset
        guard var name = try string().string else { throw bad(start, "a class's name is not UTF-8") }
        // The first versions wrote the name alone.
        if name.hasPrefix("V ") {
            guard let named = try string().string else { throw bad(start, "a class's name is not UTF-8") }
            name = named
        }
        guard !name.isEmpty, name.utf8.count <= 256 else { throw bad(start, "a class's name has \(name.utf8.count) bytes", "1 to 256") }
        return name
    }

    /// The element type in a class's name. Tensors on a GPU were written the same way.
    private static func elementType(_ name: Substring) -> DType? {
        switch name {
        case "Double", "CudaDouble": .float64
        case "Float", "Cuda": .float32
        case "Half", "CudaHalf": .float16
        case "Long", "CudaLong": .int64
        case "Int", "CudaInt": .int32
        case "Short", "CudaShort": .int16
        case "Char", "CudaChar": .int8
        case "Byte", "CudaByte": .uint8
        default: nil
        }
    }

    private mutating func tensor(_ dtype: DType, _ depth: Int) throws(FormatError) -> CheckpointValue {
        let start = reader.offset
        let dims = try reader.count(Int32.self, atMost: 64, "the dims of a tensor")
        var (shape, strides): ([Int], [Int]) = ([], [])
        for _ in 0..<dims { shape.append(Int(try reader.integer(Int64.self, "a size of a tensor"))) }
        for _ in 0..<dims { strides.append(Int(try reader.integer(Int64.self, "a stride of a tensor"))) }
        let first = try reader.integer(Int64.self, "a tensor's first element")
        let storageStart = reader.offset
        let tag = try reader.integer(Int32.self, "the tag of a tensor's storage")
        // Torch7 counts from 1, and a tensor without dims has no elements.
        if dims == 0 { (shape, strides) = ([0], [1]) }
        if tag == Self.tags.none {
            guard shape.contains(0) else { throw bad(storageStart, "a tensor of sizes \(shape) without a storage") }
            let empty = StoredBlock(.plain(dtype), count: 0, byteCount: 0, .file(file, offset: storageStart))
            return .tensor(try StoredTensor(block: empty, offset: 0, shape: shape, strides: strides, file: start))
        }
        guard tag == Self.tags.object else { throw bad(storageStart, "the tag \(tag) of a tensor's storage", "4, an object") }
        let index = try reader.integer(Int32.self, "a storage's index")
        let block: StoredBlock
        switch seen[index] {
        case .block(let known): block = known
        case nil:
            let name = try className()
            guard name.hasPrefix("torch."), name.hasSuffix("Storage"), let type = Self.elementType(name.dropFirst(6).dropLast(7)) else {
                throw bad(storageStart, "a tensor over an object of class \(name)", "a storage")
            }
            block = try self.block(type)
            seen[index] = .block(block)
        default: throw bad(storageStart, "a tensor over object \(index), which is not a storage")
        }
        guard block.type == .plain(dtype) else { throw bad(storageStart, "a tensor of \(dtype) over a storage of \(block.type.name)") }
        guard first >= 1 || shape.contains(0) else { throw bad(start, "a tensor that begins at element \(first)", "one from 1") }
        return .tensor(try StoredTensor(block: block, offset: max(Int(first), 1) - 1, shape: shape, strides: strides, file: start))
    }

    /// A storage's body.
    private mutating func block(_ dtype: DType) throws(FormatError) -> StoredBlock {
        let count = try reader.count(Int64.self, atMost: reader.remaining / dtype.itemSize, "the elements of a storage")
        let offset = reader.offset
        _ = try reader.take(count * dtype.itemSize, "a storage")
        return StoredBlock(.plain(dtype), count: count, byteCount: count * dtype.itemSize, .file(file, offset: offset))
    }
}
