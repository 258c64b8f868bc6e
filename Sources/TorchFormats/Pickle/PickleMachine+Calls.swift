// The closed list of what may be called.

extension PickleMachine {
    /// `REDUCE`: interprets a call of a known function or class; everything else is refused by name.
    mutating func call(_ function: PickleValue, _ arguments: [PickleValue]) throws(FormatError) -> PickleValue {
        guard let name = globalName(function) else { throw malformed("calls \(kind(function))", expected: "a function or class") }
        if let value = try container(name, arguments) { return value }
        if let value = try rebuild(name, arguments) { return value }
        if let value = try numpy(name, arguments) { return value }
        if PickleGlobals.dataClasses.contains(name) {
            try charge(160)
            return try make(.object(PickleObject(className: name, arguments: arguments, offset: place)))
        }
        throw unsupported("calls \(name), which is not on the list of what may be called")
    }

    /// Python's and PyTorch's plain values; nil for other names.
    mutating func container(_ name: String, _ arguments: [PickleValue]) throws(FormatError) -> PickleValue? {
        func wrong() -> FormatError { malformed("\(name) of \(arguments.map { kind($0) }.joined(separator: ", "))") }
        switch name {
        case "builtins.set", "builtins.frozenset":
            guard let items = try elements(arguments) else { throw wrong() }
            for item in items { try checkKey(item) }
            return try make(.set(items))
        case "builtins.list", "torch.jit._pickle.build_intlist", "torch.jit._pickle.build_tensorlist", "torch.jit._pickle.build_doublelist", "torch.jit._pickle.build_boollist":
            guard let items = try elements(arguments) else { throw wrong() }
            return try make(.list(items))
        case "builtins.tuple":
            guard let items = try elements(arguments) else { throw wrong() }
            return try make(.tuple(items))
        case "builtins.dict", "collections.OrderedDict", "collections.Counter", "collections.defaultdict":
            let kind: CheckpointValue.DictionaryKind = name == "builtins.dict" ? .plain : name == "collections.OrderedDict" ? .ordered : name == "collections.Counter" ? .counter : .defaulting
            // A defaultdict's first argument makes its default values; it is never called.
            guard let result = try dictionary(kind == .defaulting ? Array(arguments.dropFirst()) : arguments, kind) else { throw wrong() }
            return result
        case "builtins.complex":
            guard arguments.count == 2, let re = real(arguments[0]), let im = real(arguments[1]) else { throw wrong() }
            return try make(.complex(re, im))
        case "builtins.bytes", "builtins.bytearray":
            if arguments.isEmpty { return .bytes([]) }
            if case .bytes(let b) = arguments[0] { return .bytes(b) }
            if case .string(let s) = arguments[0], arguments.count == 2, case .string(let coding) = arguments[1] { return try encoded(s, coding) }
            if let items = items(arguments[0]) {
                var bytes: [UInt8] = []
                try charge(items.count + 48)
                for item in items {
                    guard case .int(let i) = item, let b = UInt8(exactly: i) else { throw wrong() }
                    bytes.append(b)
                }
                return .bytes(bytes)
            }
            throw wrong()
        case "_codecs.encode":
            guard arguments.count == 2, case .string(let s) = arguments[0], case .string(let coding) = arguments[1] else { throw wrong() }
            return try encoded(s, coding)
        case "copyreg._reconstructor":
            guard arguments.count == 3, let cls = globalName(arguments[0]), let base = globalName(arguments[1]) else { throw wrong() }
            var object = PickleObject(className: cls, offset: place)
            // An instance of a class that inherits from a built-in type keeps that part.
            if base != "builtins.object" { object.arguments = [arguments[2]] }
            try charge(160)
            return try make(.object(object))
        case "torch.Size":
            guard arguments.count == 1, let sizes = try integers(arguments[0]) else { throw wrong() }
            guard sizes.count <= 1024 else { throw unsupported("torch.Size of \(sizes.count) dims", expected: "at most 1024") }
            return try make(.size(sizes))
        case "torch.device":
            guard let first = arguments.first, let type = text(first) else { throw wrong() }
            if arguments.count > 1, case .int(let index) = arguments[1] { return try make(.device("\(type):\(index)")) }
            return try make(.device(type))
        case "torch.serialization._get_layout":
            guard arguments.count == 1, case .string(let layout) = arguments[0] else { throw wrong() }
            return .string(layout)
        case "torch.jit._pickle.restore_type_tag":
            guard let value = arguments.first else { throw wrong() }
            return value
        case "torch.nn.backends.thnn._get_thnn_function_backend": return PickleValue.none
        default: return nil
        }
    }

    /// What an iterable argument yields; nothing without an argument; nil if it can not be iterated.
    private mutating func elements(_ arguments: [PickleValue]) throws(FormatError) -> [PickleValue]? {
        guard let first = arguments.first else { return [] }
        let result: [PickleValue]
        switch node(first) {
        case .list(let items), .tuple(let items), .set(let items): result = items
        case .dictionary(let pairs, _, _): result = stride(from: 0, to: pairs.count, by: 2).map { pairs[$0] }
        default: return nil
        }
        try charge(24 * result.count)
        return result
    }

    /// A dictionary of another one or of pairs; nil of anything else.
    private mutating func dictionary(_ arguments: [PickleValue], _ kind: CheckpointValue.DictionaryKind) throws(FormatError) -> PickleValue? {
        let result = try make(.dictionary([], kind, attributes: nil))
        guard let first = arguments.first else { return result }
        if case .dictionary(let pairs, _, _) = node(first) {
            try set(pairs, in: result)
            return result
        }
        guard let pairs = items(first) else { return nil }
        var flat: [PickleValue] = []
        for pair in pairs {
            guard let p = items(pair), p.count == 2 else { return nil }
            flat += p
        }
        try set(flat, in: result)
        return result
    }

    private mutating func encoded(_ text: String, _ coding: String) throws(FormatError) -> PickleValue {
        try charge(text.utf8.count + 48)
        switch coding {
        case "latin1", "latin-1", "latin_1", "iso-8859-1":
            var bytes: [UInt8] = []
            bytes.reserveCapacity(text.utf8.count)
            for u in text.unicodeScalars {
                guard u.value < 256 else { throw malformed("a text with U+\(String(u.value, radix: 16)) as Latin-1") }
                bytes.append(UInt8(u.value))
            }
            return .bytes(bytes)
        case "utf-8", "utf8": return .bytes(Array(text.utf8))
        case "ascii":
            guard text.utf8.allSatisfy({ $0 < 128 }) else { throw malformed("a text that is not ASCII") }
            return .bytes(Array(text.utf8))
        default: throw unsupported("the text coding \(coding.prefix(40))", expected: "latin1, utf-8 or ascii")
        }
    }

    func real(_ value: PickleValue) -> Double? {
        switch value {
        case .double(let d): d
        case .int(let i): Double(i)
        default: nil
        }
    }

    /// The whole numbers of a tuple, a list or a size.
    mutating func integers(_ value: PickleValue) throws(FormatError) -> [Int]? {
        guard let items = items(value) else { return nil }
        try charge(8 * items.count)
        var result: [Int] = []
        result.reserveCapacity(items.count)
        for item in items {
            guard case .int(let i) = item else { return nil }
            result.append(i)
        }
        return result
    }
}
