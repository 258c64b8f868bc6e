// A tensor in an ONNX file: elements as raw bytes, or in one of five fields of numbers.
import TorchTensor

/// ONNX's `TensorProto`.
struct ONNXTensor {
    private(set) var name = ""
    private var sizes: [Int] = []
    private var dataType = 0
    private var isExternal = false
    /// Raw bytes, and the typed fields by their numbers: floats 4, small integers 5, int64 7, doubles 10, unsigned 11.
    private var raw: Run?
    private var typed: [Int: Run] = [:]

    /// Bytes of a field.
    private struct Run {
        var offset, count: Int
    }

    init(_ message: ProtobufReader) throws(FormatError) {
        var message = message
        while let (number, content) = try message.next() {
            let start = message.offset
            switch number {
            case 1:
                switch content {
                case .varint(let n): sizes.append(Int(Int64(bitPattern: n)))
                case .bytes(let b, let offset):
                    var packed = ProtobufReader(b, base: offset)
                    while !packed.isAtEnd, sizes.count <= 64 { sizes.append(Int(Int64(bitPattern: try packed.varint()))) }
                default: throw FormatError(.malformed, offset: start, "a tensor's dims are not whole numbers")
                }
                guard sizes.count <= 64 else { throw FormatError(.malformed, offset: start, "a tensor of more than 64 dims") }
            case 2: dataType = try content.int("a tensor's type")
            case 4, 5, 7, 10, 11:
                // Written since 2008 as one run; a field a number is what no ONNX writer does.
                guard case .bytes(let b, let offset) = content, typed.updateValue(Run(offset: offset, count: b.count), forKey: number) == nil else {
                    throw FormatError(.unsupported, offset: start, "tensor \"\(name)\": its numbers are not in one packed field")
                }
            case 8: name = try content.text("a tensor's name")
            case 9:
                guard case .bytes(let b, let offset) = content, raw == nil else { throw FormatError(.malformed, offset: start, "tensor \"\(name)\": its raw data are not one run of bytes") }
                raw = Run(offset: offset, count: b.count)
            case 13: isExternal = true
            case 14: isExternal = try content.int("a tensor's location") != 0 || isExternal
            default: break
            }
        }
    }

    /// The type and the typed field that may hold its elements.
    private func elementType() throws(FormatError) -> (StoredType, field: Int) {
        switch dataType {
        case 1: (.plain(.float32), 4)
        case 2: (.plain(.uint8), 5)
        case 3: (.plain(.int8), 5)
        case 4: (.plain(.uint16), 5)
        case 5: (.plain(.int16), 5)
        case 6: (.plain(.int32), 5)
        case 7: (.plain(.int64), 7)
        case 9: (.plain(.bool), 5)
        case 10: (.plain(.float16), 5)
        case 11: (.plain(.float64), 10)
        case 12: (.plain(.uint32), 11)
        case 13: (.plain(.uint64), 11)
        case 14: (.plain(.complex64), 4)
        case 15: (.plain(.complex128), 10)
        case 16: (.plain(.bfloat16), 5)
        case 17: (.float8(.e4m3fn), 5)
        case 18: (.float8(.e4m3fnuz), 5)
        case 19: (.float8(.e5m2), 5)
        case 20: (.float8(.e5m2fnuz), 5)
        case 24: (.float8(.e8m0fnu), 5)
        case 8: throw FormatError(.unsupported, "elements are texts", expected: "numbers")
        case 21, 22, 23, 25, 26: throw FormatError(.unsupported, "elements have fewer than 8 bits", expected: "elements of whole bytes")
        default: throw FormatError(.malformed, "the unknown element type \(dataType)")
        }
    }

    /// The tensor, its elements checked to be there.
    func stored(in file: FileBytes) throws(FormatError) -> StoredTensor {
        let (type, field) = try elementType()
        var count = 1
        for size in sizes {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflow else { throw FormatError(.malformed, "dims \(sizes)", expected: "sizes from 0, and no more elements than 64 bits can count") }
            count = product
        }
        guard let byteCount = type.byteCount(of: count) else { throw FormatError(.malformed, "more bytes than 64 bits can count") }
        func tensor(_ source: StoredBlock.Source) -> StoredTensor { StoredTensor(block: StoredBlock(type, count: count, byteCount: byteCount, source), shape: sizes) }
        if isExternal {
            let name = name
            return tensor(
                .packed { () throws(FormatError) in
                    throw FormatError(.unsupported, "the elements of \"\(name)\" are in another file, which is not opened", expected: "a model in one file")
                })
        }
        guard raw == nil || typed.isEmpty, typed.isEmpty || typed.count == 1 && typed[field] != nil else {
            throw FormatError(.malformed, "elements in \(typed.count + (raw == nil ? 0 : 1)) fields, or in one for another type")
        }
        if let run = raw ?? (field == 4 || field == 10 ? typed[field] : nil) {
            guard run.count == byteCount else { throw FormatError(.malformed, offset: run.offset, "\(run.count) bytes of elements", expected: "\(byteCount) for dims \(sizes) of \(type.name)") }
            return tensor(.file(file, offset: run.offset))
        }
        guard let run = typed[field] else {
            guard count == 0 else { throw FormatError(.malformed, "no elements", expected: "\(count) for dims \(sizes)") }
            return tensor(.file(file, offset: 0))
        }
        // Numbers of varying length: counted now, unpacked when they are loaded.
        let numbers = file.withBytes { $0[run.offset..<run.offset + run.count].reduce(0) { $0 + ($1 < 128 ? 1 : 0) } }
        guard numbers == count else { throw FormatError(.malformed, offset: run.offset, "\(numbers) elements", expected: "\(count) for dims \(sizes)") }
        let (itemSize, elements) = (type.blockByteCount, count)
        return tensor(
            .packed { () throws(FormatError) in
                try file.checked { () throws(FormatError) in
                    try FileBytes(count: byteCount) { target throws(FormatError) in
                        try file.withBytes { b throws(FormatError) in
                            var reader = ProtobufReader(UnsafeRawBufferPointer(rebasing: b[run.offset..<run.offset + run.count]), base: run.offset)
                            for i in 0..<elements {
                                let value = try reader.varint().littleEndian
                                withUnsafeBytes(of: value) { target.baseAddress!.advanced(by: i * itemSize).copyMemory(from: $0.baseAddress!, byteCount: itemSize) }
                            }
                        }
                    }
                }
            })
    }
}
