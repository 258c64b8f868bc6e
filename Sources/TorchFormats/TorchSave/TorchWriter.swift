// A tree of values as an archive of `torch.save`.
import TorchTensor

/// Collects a tree's pickle and storages, then writes the archive as PyTorch 2.13 does.
struct TorchWriter {
    /// A storage to be written as the record `data/N`.
    private struct Record {
        let block: StoredBlock
        /// Type of its elements in the file that is written.
        let type: StoredType
        /// Elements that are written; those of tensors in memory may be a part of the storage.
        var range: Range<Int>

        var byteCount: Int { range.count * type.blockByteCount }
    }
    /// What makes two blocks one: the place of their bytes and how they are read. An empty block begins where the next one does, so the size counts.
    private struct BlockKey: Hashable {
        let address: UInt
        let byteCount: Int
        let type: StoredType
        let isBigEndian: Bool
    }

    private var pickle = PickleWriter()
    private var records: [Record] = []
    private var places: [BlockKey: Int] = [:]
    /// `_metadata` of ordered dictionaries, by their dotted paths, and the path of the value that is being written.
    private var attributes: [String: CheckpointValue] = [:]
    private var path: [String] = []
    private static let depthLimit = PickleResolver.depthLimit
    /// Containers are filled in portions, so that readers need not hold all of a large one at once.
    private static let batch = 1000

    private func refused(_ what: String, expected: String = "") -> FormatError { FormatError(.request, "can not write \(what)", expected: expected) }

    /// Adds the whole tree.
    mutating func root(_ value: CheckpointValue, metadata: [(key: String, value: CheckpointValue)]) throws(FormatError) {
        for (key, value) in metadata where key == "_metadata" || key.hasSuffix("._metadata") { attributes[key] = value }
        try collect(value, 0)
        try write(value, 0)
        pickle.stop()
    }

    // MARK: - Storages

    /// Finds the storages of all tensors, and which of their elements are used.
    private mutating func collect(_ value: CheckpointValue, _ depth: Int) throws(FormatError) {
        guard depth <= Self.depthLimit else { throw refused("values nested deeper than \(Self.depthLimit)") }
        switch value {
        case .tensor(let t): collect(t)
        case .list(let items), .tuple(let items), .set(let items): for item in items { try collect(item, depth + 1) }
        case .dictionary(let pairs, _):
            for pair in pairs {
                try collect(pair.key, depth + 1)
                try collect(pair.value, depth + 1)
            }
        case .sparse(let s): for t in s.indices + [s.values] { collect(t) }
        case .quantized(let q):
            collect(q.integers)
            if case .perChannel(let scales, let zeroPoints, _) = q.scheme {
                collect(scales)
                collect(zeroPoints)
            }
        default: break
        }
        for i in records.indices where depth == 0 && records[i].block.isInMemory {
            // A tensor in memory may be a small part of what it was cut from, which nobody asked to be written; a larger part keeps its place.
            if records[i].range.count * 2 >= records[i].block.count { records[i].range = 0..<records[i].block.count }
        }
    }

    private mutating func collect(_ t: StoredTensor) {
        let used = t.shape.contains(0) ? 0..<0 : t.offset..<t.offset + zip(t.shape, t.strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
        let key = key(t.block)
        guard let i = places[key] else {
            places[key] = records.count
            let type = if case .ggml = t.type { StoredType.plain(.float32) } else { t.type }
            records.append(Record(block: t.block, type: type, range: t.block.isInMemory ? used : 0..<t.block.count))
            return
        }
        guard !used.isEmpty, t.block.isInMemory else { return }
        let old = records[i].range
        records[i].range = old.isEmpty ? used : min(old.lowerBound, used.lowerBound)..<max(old.upperBound, used.upperBound)
    }

    private func key(_ block: StoredBlock) -> BlockKey { BlockKey(address: block.address, byteCount: block.byteCount, type: block.type, isBigEndian: block.isBigEndian) }

    // MARK: - Values

    private mutating func write(_ value: CheckpointValue, _ depth: Int) throws(FormatError) {
        guard depth <= Self.depthLimit else { throw refused("values nested deeper than \(Self.depthLimit)") }
        switch value {
        case .none: pickle.none()
        case .bool(let b): pickle.bool(b)
        case .int(let i): pickle.int(i)
        case .bigInt(let digits): guard pickle.bigInt(digits) else { throw refused("the number \(digits.prefix(40))", expected: "a whole number of at most 255 bytes") }
        case .double(let d): pickle.double(d)
        case .complex(let re, let im):
            pickle.global("__builtin__", "complex")
            pickle.double(re)
            pickle.double(im)
            pickle.tuple2()
            pickle.reduce()
        case .string(let s): try text(s)
        case .bytes(let b):
            guard b.count < 1 << 31 else { throw refused("\(b.count) bytes as one value") }
            pickle.bytes(b)
        case .tensor(let t): try write(t)
        case .list(let items):
            pickle.emptyList()
            try append(items, depth)
        case .tuple(let items):
            if items.isEmpty { return pickle.emptyTuple() }
            pickle.mark()
            for item in items { try write(item, depth + 1) }
            pickle.tuple()
        case .set(let items):
            pickle.global("__builtin__", "set")
            pickle.emptyList()
            try append(items, depth)
            pickle.tuple1()
            pickle.reduce()
        case .dictionary(let pairs, let kind):
            switch kind {
            case .plain, .defaulting:
                pickle.emptyDictionary()
                try set(pairs, depth)
            case .ordered:
                emptyOrderedDictionary()
                try set(pairs, depth)
                guard !attributes.isEmpty, let metadata = attributes.removeValue(forKey: (path + ["_metadata"]).joined(separator: ".")) else { return }
                pickle.emptyDictionary()
                pickle.mark()
                pickle.string("_metadata")
                try write(metadata, depth + 1)
                pickle.setItems()
                pickle.build()
            case .counter:
                pickle.global("collections", "Counter")
                pickle.emptyDictionary()
                try set(pairs, depth)
                pickle.tuple1()
                pickle.reduce()
            }
        case .size(let sizes):
            pickle.global("torch", "Size")
            pickle.tuple(sizes)
            pickle.tuple1()
            pickle.reduce()
        case .dtype(let name):
            guard PickleGlobals.dtypeName("torch.\(name)") != nil else { throw refused("the element type \(name)") }
            pickle.global("torch", name)
        case .device(let name):
            pickle.global("torch", "device")
            try text(name)
            pickle.tuple1()
            pickle.reduce()
        case .global(let name): throw refused("a reference to \(name)", expected: "values and tensors")
        case .object(let name, _): throw refused("an object of \(name)", expected: "values and tensors")
        case .sparse(let s): try write(s)
        case .quantized(let q): try write(q)
        }
    }

    private mutating func text(_ s: String) throws(FormatError) {
        guard s.utf8.count < 1 << 31 else { throw refused("a text of \(s.utf8.count) bytes") }
        pickle.string(s)
    }

    private mutating func append(_ items: [CheckpointValue], _ depth: Int) throws(FormatError) {
        for start in stride(from: 0, to: items.count, by: Self.batch) {
            pickle.mark()
            for item in items[start..<min(start + Self.batch, items.count)] { try write(item, depth + 1) }
            pickle.appends()
        }
    }

    private mutating func set(_ pairs: [CheckpointValue.Pair], _ depth: Int) throws(FormatError) {
        for start in stride(from: 0, to: pairs.count, by: Self.batch) {
            pickle.mark()
            for pair in pairs[start..<min(start + Self.batch, pairs.count)] {
                switch pair.key {
                case .list, .dictionary, .set: throw refused("a list, dictionary or set as a key")
                default: try write(pair.key, depth + 1)
                }
                path.append(pair.key.string ?? "")
                try write(pair.value, depth + 1)
                path.removeLast()
            }
            pickle.setItems()
        }
    }

    private mutating func emptyOrderedDictionary() {
        pickle.global("collections", "OrderedDict")
        pickle.emptyTuple()
        pickle.reduce()
    }

    // MARK: - Tensors

    /// The persistent identifier of a tensor's storage, and the tensor's offset, sizes and strides in it.
    private mutating func view(_ t: StoredTensor, storageClass: String, isUntyped: Bool) {
        let place = places[key(t.block)]!
        let record = records[place]
        pickle.mark()
        pickle.repeatedString("storage")
        pickle.global(isUntyped ? "torch.storage" : "torch", storageClass)
        pickle.string("\(place)")
        pickle.repeatedString("cpu")
        pickle.int(isUntyped ? record.byteCount : record.range.count)
        pickle.tuple()
        pickle.persistent()
        // Without elements an offset means nothing, but it is kept where it can be.
        pickle.int(max(0, t.offset - record.range.lowerBound))
        pickle.tuple(t.shape)
        pickle.tuple(t.strides)
    }

    private mutating func write(_ t: StoredTensor) throws(FormatError) {
        if t.isParameter { pickle.global("torch._utils", "_rebuild_parameter") }
        let type = records[places[key(t.block)]!].type
        let storageClass = PickleGlobals.storageClass(of: type)
        pickle.global("torch._utils", storageClass == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
        pickle.mark()
        view(t, storageClass: storageClass ?? "UntypedStorage", isUntyped: storageClass == nil)
        pickle.bool(t.requiresGradient && !t.isParameter)
        emptyOrderedDictionary()
        if storageClass == nil { pickle.global("torch", type.name) }
        if t.isConjugate || t.isNegative {
            pickle.emptyDictionary()
            pickle.mark()
            for (name, on) in [("conj", t.isConjugate), ("neg", t.isNegative)] where on {
                pickle.string(name)
                pickle.bool(true)
            }
            pickle.setItems()
        }
        pickle.tuple()
        pickle.reduce()
        guard t.isParameter else { return }
        pickle.bool(t.requiresGradient)
        emptyOrderedDictionary()
        pickle.tuple3()
        pickle.reduce()
    }

    private mutating func write(_ s: CheckpointValue.SparseValue) throws(FormatError) {
        pickle.global("torch._utils", "_rebuild_sparse_tensor")
        pickle.global("torch.serialization", "_get_layout")
        pickle.string("torch.sparse_\(s.layout)")
        pickle.tuple1()
        pickle.reduce()
        pickle.mark()
        for t in s.indices + [s.values] { try write(t) }
        try write(.size(s.shape), 0)
        if s.layout == "coo", let isCoalesced = s.isCoalesced { pickle.bool(isCoalesced) }
        pickle.tuple()
        pickle.tuple2()
        pickle.reduce()
    }

    private mutating func write(_ q: CheckpointValue.QuantizedValue) throws(FormatError) {
        guard let storageClass = ["qint8": "QInt8Storage", "quint8": "QUInt8Storage", "qint32": "QInt32Storage"][q.typeName] else { throw refused("a tensor of \(q.typeName)") }
        pickle.global("torch._utils", "_rebuild_qtensor")
        pickle.mark()
        view(q.integers, storageClass: storageClass, isUntyped: false)
        pickle.mark()
        switch q.scheme {
        case .perTensor(let scale, let zeroPoint):
            pickle.global("torch", "per_tensor_affine")
            pickle.double(scale)
            pickle.int(zeroPoint)
        case .perChannel(let scales, let zeroPoints, let axis):
            pickle.global("torch", "per_channel_affine")
            try write(scales)
            try write(zeroPoints)
            pickle.int(axis)
        }
        pickle.tuple()
        pickle.bool(false)
        emptyOrderedDictionary()
        pickle.tuple()
        pickle.reduce()
    }

    // MARK: - The archive

    /// Writes the records in PyTorch's order and under its names. Storages go from where they are to the file.
    func write(to path: String, durable: Bool) throws(FormatError) {
        var root = path.split(separator: "/").last.map(String.init) ?? ""
        if let dot = root.lastIndex(of: "."), dot != root.startIndex { root = String(root[..<dot]) }
        if root.isEmpty || root == ".." || root.contains("\\") { root = "archive" }
        var zip = try ZipWriter(path: path, durable: durable)
        // Per record: its bytes, a local header with padding, a line of the directory; names stand in both.
        try zip.reserve(records.reduce(4096 + pickle.bytes.count) { $0 + $1.byteCount + 320 + 2 * root.utf8.count })
        // Names and checksums of all records make the identity that PyTorch writes at the end.
        var (names, contents) = (UInt64(0xcbf2_9ce4_8422_2325), UInt64(0xcbf2_9ce4_8422_2325))
        func mix(_ hash: inout UInt64, _ bytes: some Sequence<UInt8>) { for b in bytes { hash = (hash ^ UInt64(b)) &* 0x100_0000_01b3 } }
        func note(_ name: String, _ crc: UInt32) {
            mix(&names, name.utf8)
            withUnsafeBytes(of: crc.littleEndian) { mix(&contents, $0) }
        }
        func add(_ name: String, _ bytes: [UInt8]) throws(FormatError) { note(name, try zip.entry("\(root)/\(name)", bytes)) }
        try add("data.pkl", pickle.bytes)
        try add(".format_version", Array("1".utf8))
        try add(".storage_alignment", Array("64".utf8))
        try add("byteorder", Array("little".utf8))
        for (i, record) in records.enumerated() {
            let crc = try zip.entry("\(root)/data/\(i)", byteCount: record.byteCount) { put throws(FormatError) in
                if record.byteCount > 0 { try record.block.withLittleEndianBytes(record.range) { b throws(FormatError) in try put(b) } }
            }
            note("data/\(i)", crc)
        }
        try add("version", Array("3\n".utf8))
        func digits(_ n: UInt64) -> String { String(repeating: "0", count: 20 - "\(n)".utf8.count) + "\(n)" }
        try add(".data/serialization_id", Array((digits(names) + digits(contents)).utf8))
        try zip.commit()
    }
}
