// safetensors files as tensors.
import TorchTensor

extension Safetensors {
    /// All tensors of a file, in the order of its header. PyTorch: `safetensors.torch.load_file`.
    ///
    /// The elements stay in the mapped file until they are written to, so loading costs nothing but the header. 8-bit floats become float32, exactly;
    /// the packed 4- and 6-bit types are refused.
    public static func load(_ path: String) throws(FormatError) -> [(name: String, tensor: Tensor)] { try File(path: path).tensors() }

    /// Writes tensors at once or not at all. complex128 is not part of the format. PyTorch: `safetensors.torch.save_file`.
    ///
    /// Readers of model hubs ask for the metadata `format: pt`.
    public static func save(_ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = ["format": "pt"], to path: String) throws(FormatError) {
        var sources: [Source] = []
        for (name, tensor) in tensors {
            guard let type = ElementType(tensor.dtype) else {
                throw FormatError(.unsupported, file: path, "tensor \"\(name)\": safetensors has no \(tensor.dtype)", expected: "another type, or view(real:) pairs")
            }
            sources.append(Source(name: name, type: type, shape: tensor.shape) { write in tensor.withBytes { write($0) } })
        }
        try write(sources, metadata: metadata, to: path)
    }
}

extension Safetensors.File {
    /// All tensors in the order of the header.
    public func tensors() throws(FormatError) -> [(name: String, tensor: Tensor)] {
        // One storage for the whole file; the tensors are views of it.
        let storage = Storage(pointer: bytes.pointer, byteCount: bytes.count, owner: bytes)
        var result: [(name: String, tensor: Tensor)] = []
        result.reserveCapacity(entries.count)
        for entry in entries { result.append((entry.name, try tensor(entry, storage))) }
        return result
    }

    /// One tensor.
    public func tensor(_ name: String) throws(FormatError) -> Tensor {
        guard let entry = self[name] else {
            throw FormatError(.request, file: path, "has no tensor \"\(name)\"", expected: "one of \(entries.prefix(8).map(\.name).joined(separator: ", "))\(entries.count > 8 ? ", …" : "")")
        }
        return try tensor(entry, Storage(pointer: bytes.pointer, byteCount: bytes.count, owner: bytes))
    }

    private func tensor(_ entry: Safetensors.Entry, _ storage: Storage) throws(FormatError) -> Tensor {
        if let table = entry.type.float8Values {
            return withBytes(of: entry) { b in Tensor(b.map { table[Int($0)] }, shape: entry.shape, dtype: .float32) }
        }
        guard let dtype = entry.type.dtype else {
            throw FormatError(.unsupported, file: path, offset: entry.offset, "tensor \"\(entry.name)\" is of the packed type \(entry.type.rawValue)")
        }
        if entry.byteCount == 0 { return Tensor.empty(entry.shape, dtype: dtype) }
        // A truth value other than 0 and 1 is undefined behaviour further on.
        if dtype == .bool, withBytes(of: entry, { $0.contains { $0 > 1 } }) {
            return withBytes(of: entry) { b in Tensor(b.map { $0 != 0 }, shape: entry.shape) }
        }
        guard entry.offset % (dtype.isComplex ? dtype.itemSize / 2 : dtype.itemSize) == 0 else {
            // Not aligned to its type: a copy.
            guard let own = Storage.allocate(byteCount: entry.byteCount) else {
                throw FormatError(.system, file: path, "no memory for the \(entry.byteCount) bytes of tensor \"\(entry.name)\"")
            }
            withBytes(of: entry) { own.pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            return Tensor(storage: own, byteOffset: 0, sizes: Dims(entry.shape), dtype: dtype)
        }
        return Tensor(storage: storage, byteOffset: entry.offset, sizes: Dims(entry.shape), dtype: dtype)
    }
}

extension Safetensors.ElementType {
    /// The element type of tensors, nil for the 4-, 6- and 8-bit floats.
    public var dtype: DType? {
        switch self {
        case .bool: .bool
        case .u8: .uint8
        case .i8: .int8
        case .u16: .uint16
        case .i16: .int16
        case .u32: .uint32
        case .i32: .int32
        case .u64: .uint64
        case .i64: .int64
        case .f16: .float16
        case .bf16: .bfloat16
        case .f32: .float32
        case .f64: .float64
        case .c64: .complex64
        case .f8e4m3, .f8e5m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz, .f4, .f6e2m3, .f6e3m2: nil
        }
    }

    /// The format's type for an element type; nil for complex128.
    public init?(_ dtype: DType) {
        guard let type = Self.allCases.first(where: { $0.dtype == dtype }) else { return nil }
        self = type
    }

    /// What each byte of an 8-bit float means, nil for other types.
    var float8Values: [Float]? {
        /// Sign, exponent, fraction; no infinity unless `isIEEE`.
        func values(exponentBits: Int, bias: Int, _ special: (UInt8) -> Float?) -> [Float] {
            let fractionBits = 7 - exponentBits
            return (0..<256).map { code in
                if let s = special(UInt8(code)) { return s }
                let exponent = code >> fractionBits & (1 << exponentBits - 1)
                let fraction = Float(code & (1 << fractionBits - 1)) / Float(1 << fractionBits)
                let magnitude = exponent == 0 ? Float(sign: .plus, exponent: 1 - bias, significand: 1) * fraction : Float(sign: .plus, exponent: exponent - bias, significand: 1 + fraction)
                return code >= 128 ? -magnitude : magnitude
            }
        }
        switch self {
        case .f8e4m3: return values(exponentBits: 4, bias: 7) { $0 & 0x7F == 0x7F ? .nan : nil }
        case .f8e5m2: return values(exponentBits: 5, bias: 15) { $0 & 0x7F > 0x7C ? .nan : $0 & 0x7F == 0x7C ? ($0 > 128 ? -.infinity : .infinity) : nil }
        case .f8e4m3fnuz: return values(exponentBits: 4, bias: 8) { $0 == 0x80 ? .nan : nil }
        case .f8e5m2fnuz: return values(exponentBits: 5, bias: 16) { $0 == 0x80 ? .nan : nil }
        case .f8e8m0: return (0..<256).map { $0 == 255 ? .nan : Float(sign: .plus, exponent: $0 - 127, significand: 1) }
        default: return nil
        }
    }
}
