// Arrays, types and scalars of NumPy.

extension PickleMachine {
    /// Interprets a call of NumPy; nil for other names.
    mutating func numpy(_ name: String, _ arguments: [PickleValue]) throws(FormatError) -> PickleValue? {
        func wrong() -> FormatError { malformed("\(name) of \(arguments.map { kind($0) }.joined(separator: ", "))") }
        switch name {
        case "numpy.dtype":
            guard let first = arguments.first, let code = text(first) else { throw wrong() }
            return try make(.numpyType(code, isBigEndian: false))
        case "numpy._core.multiarray._reconstruct":
            guard let first = arguments.first, globalName(first) == "numpy.ndarray" else { throw wrong() }
            return try make(.numpyArray)
        case "numpy._core.numeric._frombuffer":
            guard arguments.count == 4, case .bytes(let bytes) = arguments[0], let shape = try integers(arguments[2]), let order = text(arguments[3]) else { throw wrong() }
            return try make(elements(bytes, arguments[1], shape, columnsFirst: order == "F"))
        case "numpy._core.multiarray.scalar":
            guard arguments.count == 2, case .numpyType(let code, let isBigEndian) = node(arguments[0]) else { throw wrong() }
            guard let value = try numpyScalar(code, isBigEndian, try rawBytes(arguments[1])) else { throw wrong() }
            return value
        default: return nil
        }
    }

    /// The state of a type: (version, byte order, …).
    func numpyType(_ code: String, state: PickleValue) throws(FormatError) -> PickleNode {
        guard let parts = items(state), parts.count >= 2, let order = text(parts[1]) else { throw malformed("a type of NumPy with \(kind(state)) as its state") }
        return .numpyType(code, isBigEndian: order == ">")
    }

    /// The state of an array: (version, shape, type, columns first, bytes).
    mutating func numpyArray(state: PickleValue) throws(FormatError) -> PickleNode {
        guard let parts = items(state), parts.count == 5, let shape = try integers(parts[1]), case .bool(let columnsFirst) = parts[3] else {
            throw malformed("an array of NumPy with \(kind(state)) as its state")
        }
        guard let bytes = try rawBytes(parts[4]) else { throw unsupported("an array of NumPy whose elements are \(kind(parts[4]))", expected: "numbers") }
        return try elements(bytes, parts[2], shape, columnsFirst: columnsFirst)
    }

    private mutating func elements(_ bytes: [UInt8], _ type: PickleValue, _ shape: [Int], columnsFirst: Bool) throws(FormatError) -> PickleNode {
        guard case .numpyType(let code, let isBigEndian) = node(type) else { throw malformed("\(kind(type)) as a type of NumPy") }
        guard let stored = Self.storedType(code) else { throw unsupported("an array of NumPy of type \(code.prefix(40))", expected: "numbers") }
        guard shape.count <= 64, shape.allSatisfy({ $0 >= 0 }) else { throw malformed("an array of NumPy of shape \(shape.prefix(8))") }
        var count = 1
        for n in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: n)
            guard !overflow else { throw malformed("an array of NumPy with more elements than 64 bits can count") }
            count = product
        }
        guard stored.byteCount(of: count) == bytes.count else { throw malformed("an array of NumPy of shape \(shape) and type \(code) with \(bytes.count) bytes") }
        try charge(256 + 2 * bytes.count)
        var strides = [Int](repeating: 1, count: shape.count)
        var step = 1
        for d in columnsFirst ? Array(shape.indices) : shape.indices.reversed() {
            strides[d] = step
            step *= max(shape[d], 1)
        }
        return .numpyElements(stored, bytes, shape: shape, strides: strides, isBigEndian: isBigEndian)
    }

    private func numpyScalar(_ code: String, _ isBigEndian: Bool, _ bytes: [UInt8]?) throws(FormatError) -> PickleValue? {
        guard let type = Self.storedType(code), let bytes, bytes.count == type.blockByteCount, case .plain(let dtype) = type else { return nil }
        var word: UInt64 = 0
        for b in isBigEndian ? bytes : bytes.reversed() { word = word << 8 | UInt64(b) }
        switch dtype {
        case .bool: return .bool(word != 0)
        case .uint8, .uint16, .uint32: return .int(Int(word))
        case .uint64: return Int(exactly: word).map { .int($0) } ?? .bigInt("\(word)")
        case .int8: return .int(Int(Int8(truncatingIfNeeded: word)))
        case .int16: return .int(Int(Int16(truncatingIfNeeded: word)))
        case .int32: return .int(Int(Int32(truncatingIfNeeded: word)))
        case .int64: return .int(Int(truncatingIfNeeded: word))
        case .float16: return .double(Double(Float16(bitPattern: UInt16(truncatingIfNeeded: word))))
        case .float32: return .double(Double(Float(bitPattern: UInt32(truncatingIfNeeded: word))))
        case .float64: return .double(Double(bitPattern: word))
        default: throw unsupported("a number of NumPy of type \(code)")
        }
    }

    /// Bytes, which Python 2 wrote as texts.
    private mutating func rawBytes(_ value: PickleValue) throws(FormatError) -> [UInt8]? {
        switch value {
        case .bytes(let b): return b
        case .string(let s):
            try charge(s.utf8.count)
            return Array(s.utf8)
        default: return nil
        }
    }

    /// NumPy's codes without the byte order.
    static func storedType(_ code: String) -> StoredType? {
        switch code {
        case "b1", "?": .plain(.bool)
        case "u1": .plain(.uint8)
        case "i1": .plain(.int8)
        case "u2": .plain(.uint16)
        case "i2": .plain(.int16)
        case "u4": .plain(.uint32)
        case "i4": .plain(.int32)
        case "u8": .plain(.uint64)
        case "i8": .plain(.int64)
        case "f2": .plain(.float16)
        case "f4": .plain(.float32)
        case "f8": .plain(.float64)
        case "c8": .plain(.complex64)
        case "c16": .plain(.complex128)
        default: nil
        }
    }
}
