// The recorded data on disk: whole files, and tensors of safetensors files.
import Glibc
import Torch

/// A file mapped into memory for the rest of the process, so that lines and tensors may point into it.
final class MappedFile {
    let path: String
    let bytes: UnsafeRawBufferPointer

    init(_ path: String) throws {
        self.path = path
        let fd = open(path, O_RDONLY)
        guard fd >= 0 else { throw ConformanceError("can not open \(path): \(String(cString: strerror(errno)))") }
        defer { close(fd) }
        var info = stat()
        guard fstat(fd, &info) == 0 else { throw ConformanceError("can not read \(path)") }
        let size = Int(info.st_size)
        if size == 0 {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let p = mmap(nil, size, PROT_READ, MAP_PRIVATE, fd, 0), p != MAP_FAILED else { throw ConformanceError("can not map \(path)") }
        bytes = UnsafeRawBufferPointer(start: p, count: size)
    }

    /// The lines, without their ends; empty ones are left out.
    var lines: [UnsafeRawBufferPointer] {
        var result: [UnsafeRawBufferPointer] = []
        var start = 0
        while start < bytes.count {
            let rest = bytes.count - start
            let end = memchr(bytes.baseAddress! + start, 10, rest).map { UnsafeRawPointer($0) - bytes.baseAddress! } ?? bytes.count
            if end > start { result.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) }
            start = end + 1
        }
        return result
    }
}

/// What went wrong with the data or the run itself.
struct ConformanceError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Tensors of one safetensors file by name.
final class Shard {
    private let file: MappedFile
    private let start: Int
    private let entries: [String: JSON]

    init(_ path: String) throws {
        file = try MappedFile(path)
        guard file.bytes.count >= 8 else { throw ConformanceError("\(path) is no safetensors file") }
        let length = Int(UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self)))
        guard length <= file.bytes.count - 8 else { throw ConformanceError("\(path): header longer than the file") }
        start = 8 + length
        guard case .object(let o) = try JSON(bytes: UnsafeRawBufferPointer(rebasing: file.bytes[8..<start])) else {
            throw ConformanceError("\(path): header is no object")
        }
        entries = o
    }

    /// The bytes of a tensor, its stored type and shape.
    func entry(_ name: String) throws -> (bytes: UnsafeRawBufferPointer, dtype: String, shape: [Int]) {
        guard let e = entries[name], let offsets = e["data_offsets"]?.array?.compactMap(\.int), offsets.count == 2,
            let dtype = e["dtype"]?.string, let shape = e["shape"]?.array?.compactMap(\.int),
            0 <= offsets[0], offsets[0] <= offsets[1], start + offsets[1] <= file.bytes.count
        else { throw ConformanceError("\(file.path) has no tensor \(name)") }
        return (UnsafeRawBufferPointer(rebasing: file.bytes[(start + offsets[0])..<(start + offsets[1])]), dtype, shape)
    }

    static let types: [String: DType] = [
        "BOOL": .bool, "U8": .uint8, "I8": .int8, "I16": .int16, "I32": .int32, "I64": .int64, "F16": .float16, "BF16": .bfloat16, "F32": .float32,
        "F64": .float64, "U16": .uint16, "U32": .uint32, "U64": .uint64,
    ]
}

extension Tensor {
    /// A tensor of `dtype` and `shape` with these bytes, laid out with `strides` (in elements) from `offset` on if given. Elements in between hold garbage.
    static func rebuilt(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, _ shape: [Int], strides: [Int]? = nil, offset: Int = 0) throws -> Tensor {
        let size = dtype.itemSize
        let count = shape.reduce(1, *)
        guard bytes.count == count * size else { throw ConformanceError("\(bytes.count) bytes for a tensor \(shape) of \(dtype)") }
        let steps = strides ?? Dims(shape).contiguousStrides.array
        guard steps.count == shape.count, steps.allSatisfy({ $0 >= 0 }), offset >= 0 else { throw ConformanceError("strides \(steps) for shape \(shape)") }
        let reach = count == 0 ? 0 : 1 + zip(shape, steps).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
        guard let storage = Storage.allocate(byteCount: Swift.max((offset + reach) * size, 1)) else { throw ConformanceError("out of memory") }
        memset(storage.pointer, dtype == .bool ? 1 : 0x5A, (offset + reach) * size)
        var index = [Int](repeating: 0, count: shape.count)
        for i in 0..<count {
            var at = offset
            for d in 0..<shape.count { at += index[d] * steps[d] }
            memcpy(storage.pointer + at * size, bytes.baseAddress! + i * size, size)
            var d = shape.count - 1
            while d >= 0 {
                index[d] += 1
                if index[d] < shape[d] { break }
                index[d] = 0
                d -= 1
            }
        }
        guard let t = Tensor(storage: storage, byteOffset: offset * size, sizes: Dims(shape), strides: Dims(steps), dtype: dtype) else {
            throw ConformanceError("strides \(steps) lead outside the storage")
        }
        return t
    }
}
