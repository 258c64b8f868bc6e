// Containers that grow, objects of classes, their state.

extension PickleMachine {
    /// `APPEND`, `APPENDS`: to a list, or to an object whose class is one.
    mutating func append(_ items: [PickleValue], to target: PickleValue) throws(FormatError) {
        try charge(24 * items.count)
        guard case .node(let i) = target else { throw malformed("appends to \(kind(target))", expected: "a list") }
        switch nodes[i] {
        case .list(var old):
            nodes[i] = .list([])
            old.append(contentsOf: items)
            nodes[i] = .list(old)
        case .object(var object):
            nodes[i] = .list([])
            object.elements.append(contentsOf: items)
            nodes[i] = .object(object)
        default: throw malformed("appends to \(kind(target))", expected: "a list")
        }
    }

    /// `SETITEM`, `SETITEMS`: keys and values in turn, into a dictionary or an object whose class is one.
    mutating func set(_ items: [PickleValue], in target: PickleValue) throws(FormatError) {
        guard items.count % 2 == 0 else { throw malformed("sets items from \(items.count) values", expected: "keys and values in turn") }
        try charge(24 * items.count)
        for k in stride(from: 0, to: items.count, by: 2) { try checkKey(items[k]) }
        guard case .node(let i) = target else { throw malformed("sets an item in \(kind(target))", expected: "a dictionary") }
        switch nodes[i] {
        case .dictionary(var old, let kind, let attributes):
            nodes[i] = .list([])
            old.append(contentsOf: items)
            nodes[i] = .dictionary(old, kind, attributes: attributes)
        case .object(var object):
            nodes[i] = .list([])
            object.items.append(contentsOf: items)
            nodes[i] = .object(object)
        default: throw malformed("sets an item in \(kind(target))", expected: "a dictionary")
        }
    }

    /// Throws for keys that Python could not hash.
    mutating func checkKey(_ key: PickleValue) throws(FormatError) {
        switch node(key) {
        case .list, .dictionary, .set: throw malformed("\(kind(key)) as a key", expected: "something that can be hashed")
        case .tuple(let items):
            try charge(items.count)
            for item in items {
                switch node(item) {
                case .list, .dictionary, .set: throw malformed("a key that holds \(kind(item))", expected: "something that can be hashed")
                default: break
                }
            }
        default: break
        }
    }

    /// `NEWOBJ`: an instance of a class without running its initialiser.
    mutating func newObject(_ cls: PickleValue, _ arguments: [PickleValue]) throws(FormatError) -> PickleValue {
        guard let name = globalName(cls) else { throw malformed("an instance of \(kind(cls))", expected: "one of a class") }
        if let value = try container(name, arguments) { return value }
        try charge(160)
        return try make(.object(PickleObject(className: name, arguments: arguments, offset: place)))
    }

    /// `INST` and `OBJ`: an instance of an old class; with arguments it would be a call.
    mutating func instantiate(_ cls: PickleValue, _ arguments: [PickleValue]) throws(FormatError) -> PickleValue {
        arguments.isEmpty ? try newObject(cls, []) : try call(cls, arguments)
    }

    /// `BUILD`: the state of the object on top.
    mutating func build(_ target: PickleValue, _ state: PickleValue) throws(FormatError) {
        guard case .node(let i) = target else { throw malformed("gives a state to \(kind(target))", expected: "an object") }
        switch nodes[i] {
        case .object(var object):
            try charge(160)
            object.state = state
            nodes[i] = .object(object)
        case .dictionary(let pairs, let kind, _): nodes[i] = .dictionary(pairs, kind, attributes: state)
        case .numpyType(let code, _): nodes[i] = try numpyType(code, state: state)
        case .numpyArray: nodes[i] = try numpyArray(state: state)
        // Attributes of a tensor in Python; its elements and facts are complete without.
        case .tensor, .sparse, .quantized, .set: break
        default: throw malformed("gives a state to \(kind(target))", expected: "an object")
        }
    }

    // MARK: - Persistent identifiers

    /// What a persistent identifier names.
    mutating func persistent(_ id: PickleValue) throws(FormatError) -> PickleValue {
        switch persistence {
        case .none: throw unsupported("a persistent identifier", expected: "a file of torch.save")
        case .numbered(let values):
            // A class with its source, or the number of a tensor or storage.
            if let parts = items(id), let first = parts.first, globalName(first) != nil { return first }
            guard let key = key(id), let value = values[key] else { throw malformed("a persistent identifier that no tensor has") }
            return value
        case .torch: break
        }
        guard case .tuple(let parts) = node(id), let first = parts.first, let what = text(first) else {
            throw malformed("the persistent identifier is \(kind(id))", expected: "a tuple that begins with \"storage\"")
        }
        if what == "module" {
            guard parts.count >= 2, globalName(parts[1]) != nil else { throw malformed("the source of \(parts.count > 1 ? kind(parts[1]) : "nothing")", expected: "of a class") }
            return parts[1]
        }
        guard what == "storage" else { throw malformed("a persistent identifier of \"\(what.prefix(40))\"", expected: "\"storage\"") }
        guard parts.count >= 5, let name = globalName(parts[1]), let key = key(parts[2]), case .int(let count) = parts[4] else {
            throw malformed("a storage without class, key or size")
        }
        guard let type = PickleGlobals.storageClass(name) else { throw unsupported("unknown storage class \(name)") }
        guard count >= 0 else { throw malformed("storage \"\(key)\" has \(count) elements", expected: "a number from 0") }
        // Views of the first versions: (key, offset, size) of the storage they lie in.
        if parts.count > 5, let view = items(parts[5]) {
            guard view.count == 3, let viewKey = self.key(view[0]), case .int(let start) = view[1], case .int(let size) = view[2], start >= 0, size >= 0 else {
                throw malformed("storage \"\(key)\" with a broken view")
            }
            let (end, overflow) = start.addingReportingOverflow(size)
            guard !overflow, end <= count else { throw malformed("storage \"\(viewKey)\" begins at \(start) and has \(size) elements", expected: "a view within the \(count) of \"\(key)\"") }
            guard start == 0 else { throw unsupported("storage \"\(viewKey)\" begins inside another") }
        }
        return try .storage(storage(PickleStorage(type: type.type, quantizedType: type.quantizedType, key: key, count: count, offset: place)))
    }

    /// The index of a storage, the same for the same key, class and size.
    mutating func storage(_ storage: PickleStorage) throws(FormatError) -> Int {
        try charge(storage.key.utf8.count)
        let identity = "\(storage.key)\u{0}\(storage.quantizedType ?? storage.type?.name ?? "")\u{0}\(storage.count)"
        if let i = storagePlaces[identity] { return i }
        try charge(320 + 2 * storage.key.utf8.count)
        storages.append(storage)
        storagePlaces[identity] = storages.count - 1
        return storages.count - 1
    }

    /// A text, which Python 2 may have written as bytes.
    func text(_ value: PickleValue) -> String? {
        switch value {
        case .string(let s): s
        case .bytes(let b): String(validating: b, as: UTF8.self)
        default: nil
        }
    }

    private func key(_ value: PickleValue) -> String? { if case .int(let i) = value { "\(i)" } else { text(value) } }
}
