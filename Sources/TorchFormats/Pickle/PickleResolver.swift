// From what a pickle has built to a tree of plain values.

/// Turns a machine's values into `CheckpointValue`s. What is shared in the pickle is converted once and shared again; what holds itself is refused, and so is
/// a tree that would be far larger than the pickle (a list of two references to a list of two references to a list, sixty times over).
struct PickleResolver {
    /// Where a storage's bytes are, checked to be there.
    typealias Source = (PickleStorage) throws(FormatError) -> (source: StoredBlock.Source, isBigEndian: Bool)

    /// Deepest nesting: whoever walks the tree, and the destructor, may recurse so far.
    static let depthLimit = 256

    private let machine: PickleMachine
    private let source: Source
    private var blocks: [BlockKey: StoredBlock] = [:]
    private var done: [CheckpointValue?]
    private var isOpen: [Bool]
    /// Values in the tree below a node, counted as often as they appear.
    private var sizes: [Int]
    private let sizeLimit: Int
    private var path: [String] = []
    /// `_metadata` of state dictionaries, by the dotted path of the dictionary.
    private(set) var metadata: [(key: String, value: CheckpointValue)] = []

    private struct BlockKey: Hashable {
        let storage: Int
        let type: StoredType
    }

    init(_ machine: PickleMachine, source: @escaping Source) {
        self.machine = machine
        self.source = source
        let count = machine.nodes.count
        done = [CheckpointValue?](repeating: nil, count: count)
        isOpen = [Bool](repeating: false, count: count)
        sizes = [Int](repeating: 0, count: count)
        sizeLimit = 1 << 20 + 8 * count
    }

    /// The tree under a value.
    mutating func resolve(_ value: PickleValue) throws(FormatError) -> CheckpointValue {
        var size = 0
        return try resolve(value, 0, &size)
    }

    private mutating func resolve(_ value: PickleValue, _ depth: Int, _ size: inout Int) throws(FormatError) -> CheckpointValue {
        size += 1
        switch value {
        case .none: return .none
        case .bool(let b): return .bool(b)
        case .int(let i): return .int(i)
        case .double(let d): return .double(d)
        case .bigInt(let s): return .bigInt(s)
        case .string(let s): return .string(s)
        case .bytes(let b): return .bytes(b)
        case .global(let i):
            let name = machine.globals[i]
            return PickleGlobals.dtypeName(name).map { .dtype($0) } ?? .global(name)
        case .storage(let i): return .tensor(try wholeStorage(i))
        case .node(let i):
            if let d = done[i] {
                size += sizes[i]
                try check(size)
                return d
            }
            guard !isOpen[i] else { throw FormatError(.unsupported, "pickle: \(machine.nodes[i].kind) that contains itself") }
            guard depth < Self.depthLimit else { throw FormatError(.unsupported, "pickle: values nested deeper than \(Self.depthLimit)") }
            isOpen[i] = true
            var own = 0
            let result = try resolve(machine.nodes[i], depth + 1, &own)
            isOpen[i] = false
            try check(own)
            (done[i], sizes[i]) = (result, own)
            size += own
            try check(size)
            return result
        }
    }

    private func check(_ size: Int) throws(FormatError) {
        guard size <= sizeLimit else { throw FormatError(.unsupported, "pickle: shared values would be repeated more than \(sizeLimit) times in a tree") }
    }

    private mutating func resolve(_ node: PickleNode, _ depth: Int, _ size: inout Int) throws(FormatError) -> CheckpointValue {
        switch node {
        case .list(let items): return .list(try resolve(items, depth, &size))
        case .tuple(let items): return .tuple(try resolve(items, depth, &size))
        case .set(let items): return .set(try resolve(items, depth, &size))
        case .dictionary(let items, let kind, let attributes):
            let pairs = try pairs(items, depth, &size)
            if let attributes, case .node(let i) = attributes, case .dictionary(let own, _, _) = machine.nodes[i], own.count == 2, machine.text(own[0]) == "_metadata" {
                metadata.append(((path + ["_metadata"]).joined(separator: "."), try resolve(own[1], depth, &size)))
            }
            return .dictionary(pairs, kind: kind)
        case .size(let sizes): return .size(sizes)
        case .complex(let re, let im): return .complex(real: re, imaginary: im)
        case .device(let name): return .device(name)
        case .object(let object): return try resolve(object, depth, &size)
        case .tensor(let t): return .tensor(try tensor(t))
        case .sparse(let s):
            var indices: [StoredTensor] = []
            for i in s.indices { indices.append(try tensor(i)) }
            return .sparse(.init(layout: s.layout, shape: s.shape, indices: indices, values: try tensor(s.values), isCoalesced: s.isCoalesced))
        case .quantized(let q):
            switch q.scheme {
            case .perTensor(let scale, let zeroPoint):
                return .quantized(.init(typeName: q.typeName, integers: try tensor(q.integers), scheme: .perTensor(scale: scale, zeroPoint: zeroPoint)))
            case .perChannel(let scales, let zeroPoints, let axis):
                let scheme = CheckpointValue.QuantizedValue.Scheme.perChannel(scales: try tensor(scales), zeroPoints: try tensor(zeroPoints), axis: axis)
                return .quantized(.init(typeName: q.typeName, integers: try tensor(q.integers), scheme: scheme))
            }
        case .numpyType(let code, let isBigEndian): return .global("numpy.dtype(\(isBigEndian ? ">" : "")\(code))")
        case .numpyArray: throw FormatError(.malformed, "pickle: an array of NumPy without elements")
        case .numpyElements(let type, let bytes, let shape, let strides, let isBigEndian):
            let count = bytes.count / type.blockByteCount
            let block = StoredBlock(type, count: count, byteCount: bytes.count, isBigEndian: isBigEndian, .file(FileBytes(bytes), offset: 0))
            return .tensor(try StoredTensor(block: block, offset: 0, shape: shape, strides: strides))
        }
    }

    private mutating func resolve(_ items: [PickleValue], _ depth: Int, _ size: inout Int) throws(FormatError) -> [CheckpointValue] {
        var result: [CheckpointValue] = []
        result.reserveCapacity(items.count)
        for (i, item) in items.enumerated() {
            path.append("\(i)")
            result.append(try resolve(item, depth, &size))
            path.removeLast()
        }
        return result
    }

    /// Pairs of keys and values in turn. A key that was set twice keeps its first place and its last value.
    private mutating func pairs(_ items: [PickleValue], _ depth: Int, _ size: inout Int) throws(FormatError) -> [CheckpointValue.Pair] {
        var pairs: [CheckpointValue.Pair] = []
        pairs.reserveCapacity(items.count / 2)
        var places: [String: Int] = [:]
        for k in stride(from: 0, to: items.count, by: 2) {
            let key = try resolve(items[k], depth, &size)
            let name: String? = key.string ?? key.int.map { "\u{0}\($0)" }
            path.append(key.string ?? key.int.map { "\($0)" } ?? "#\(k / 2)")
            let value = try resolve(items[k + 1], depth, &size)
            path.removeLast()
            if let name, let i = places.updateValue(pairs.count, forKey: name) {
                places[name] = i
                pairs[i] = .init(pairs[i].key, value)
            } else {
                pairs.append(.init(key, value))
            }
        }
        return pairs
    }

    /// An object's state; where it has several parts, a dictionary of those.
    private mutating func resolve(_ object: PickleObject, _ depth: Int, _ size: inout Int) throws(FormatError) -> CheckpointValue {
        var parts: [(String, CheckpointValue)] = []
        if let state = object.state { parts.append(("state", try resolve(state, depth, &size))) }
        if !object.arguments.isEmpty { parts.append(("arguments", .tuple(try resolve(object.arguments, depth, &size)))) }
        if !object.elements.isEmpty { parts.append(("elements", .list(try resolve(object.elements, depth, &size)))) }
        if !object.items.isEmpty { parts.append(("items", .dictionary(try pairs(object.items, depth, &size), kind: .plain))) }
        let name = object.className
        // A layer of PyTorch without a layer's state was made by no program of PyTorch.
        if name.hasPrefix("torch.nn.modules."), let last = name.split(separator: ".").last, last.first?.isUppercase == true, object.arguments.isEmpty {
            guard let state = parts.first?.1, ["_parameters", "_buffers", "_modules"].allSatisfy({ state[$0]?.pairs != nil }) else {
                throw FormatError(.malformed, offset: object.offset, "pickle: an object of \(name) without _parameters, _buffers and _modules", expected: "a module's state")
            }
        }
        if parts.isEmpty { return .object(className: name, state: .none) }
        if parts.count == 1 { return .object(className: name, state: parts[0].1) }
        return .object(className: name, state: .dictionary(parts.map { .init(.string($0.0), $0.1) }, kind: .plain))
    }

    // MARK: - Tensors

    private mutating func block(_ index: Int, _ type: StoredType) throws(FormatError) -> StoredBlock {
        let key = BlockKey(storage: index, type: type)
        if let b = blocks[key] { return b }
        let storage = machine.storages[index]
        guard let byteCount = storage.byteCount else {
            throw FormatError(.malformed, offset: storage.offset, "pickle: storage \"\(storage.key)\" has \(storage.count) elements", expected: "a number of bytes that 64 bits can count")
        }
        let (source, isBigEndian) = try source(storage)
        let block = StoredBlock(type, count: byteCount / type.blockByteCount, byteCount: byteCount, isBigEndian: isBigEndian, source)
        blocks[key] = block
        return block
    }

    private mutating func tensor(_ t: PickleTensor) throws(FormatError) -> StoredTensor {
        var stored = try StoredTensor(block: try block(t.storage, t.type), offset: t.offset, shape: t.shape, strides: t.strides, file: t.place)
        (stored.requiresGradient, stored.isParameter, stored.isConjugate, stored.isNegative) = (t.requiresGradient, t.isParameter, t.isConjugate, t.isNegative)
        return stored
    }

    private mutating func tensor(_ value: PickleValue) throws(FormatError) -> StoredTensor {
        guard case .tensor(let t) = machine.node(value) else { throw FormatError(.malformed, "pickle: \(machine.kind(value)) as a part of a tensor") }
        return try tensor(t)
    }

    private mutating func wholeStorage(_ index: Int) throws(FormatError) -> StoredTensor {
        let block = try block(index, machine.storages[index].type ?? .plain(.uint8))
        return StoredTensor(block: block, shape: [block.count])
    }
}
