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
    /// Readers of model hubs ask for the metadata `format: pt`. Without `durable` the system brings the file to the disk when it likes: faster, but a power failure
    /// may lose it.
    public static func save(_ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = ["format": "pt"], to path: String, durable: Bool = true) throws(FormatError) {
        var sources: [Source] = []
        for (name, tensor) in tensors {
            guard let type = ElementType(tensor.dtype) else {
                throw FormatError(.unsupported, file: path, "tensor \"\(name)\": safetensors has no \(tensor.dtype)", expected: "another type, or view(real:) pairs")
            }
            sources.append(Source(name: name, type: type, shape: tensor.shape) { write in tensor.withBytes { write($0) } })
        }
        try write(sources, metadata: metadata, to: path, durable: durable)
    }
}

extension Safetensors.File {
    /// All tensors in the order of the header.
    public func tensors() throws(FormatError) -> [(name: String, tensor: Tensor)] {
        var result: [(name: String, tensor: Tensor)] = []
        result.reserveCapacity(entries.count)
        for entry in entries { result.append((entry.name, try stored(entry).load())) }
        return result
    }

    /// One tensor.
    public func tensor(_ name: String) throws(FormatError) -> Tensor {
        guard let entry = self[name] else {
            throw FormatError(.request, file: path, "has no tensor \"\(name)\"", expected: "one of \(entries.prefix(8).map(\.name).joined(separator: ", "))\(entries.count > 8 ? ", …" : "")")
        }
        return try stored(entry).load()
    }

    /// An entry as a tensor that is not loaded yet.
    func stored(_ entry: Safetensors.Entry) throws(FormatError) -> StoredTensor {
        guard let type = entry.type.stored else {
            throw FormatError(.unsupported, file: path, offset: entry.offset, "tensor \"\(entry.name)\" is of the packed type \(entry.type.rawValue)")
        }
        let count = entry.shape.reduce(1, *)
        return StoredTensor(block: StoredBlock(type, count: count, byteCount: entry.byteCount, .file(bytes, offset: entry.offset)), shape: entry.shape)
    }
}

extension Safetensors.ElementType {
    /// How it is loaded; nil for the packed 4- and 6-bit floats.
    public var stored: StoredType? {
        switch self {
        case .bool: .plain(.bool)
        case .u8: .plain(.uint8)
        case .i8: .plain(.int8)
        case .u16: .plain(.uint16)
        case .i16: .plain(.int16)
        case .u32: .plain(.uint32)
        case .i32: .plain(.int32)
        case .u64: .plain(.uint64)
        case .i64: .plain(.int64)
        case .f16: .plain(.float16)
        case .bf16: .plain(.bfloat16)
        case .f32: .plain(.float32)
        case .f64: .plain(.float64)
        case .c64: .plain(.complex64)
        case .f8e4m3: .float8(.e4m3fn)
        case .f8e5m2: .float8(.e5m2)
        case .f8e8m0: .float8(.e8m0fnu)
        case .f8e4m3fnuz: .float8(.e4m3fnuz)
        case .f8e5m2fnuz: .float8(.e5m2fnuz)
        case .f4, .f6e2m3, .f6e3m2: nil
        }
    }

    /// The element type of tensors, nil where loading converts.
    public var dtype: DType? { if case .plain(let dtype) = stored { dtype } else { nil } }

    /// The format's type for an element type; nil for complex128.
    public init?(_ dtype: DType) {
        guard let type = Self.allCases.first(where: { $0.stored == .plain(dtype) }) else { return nil }
        self = type
    }
}
