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
    private let file: Safetensors.File

    init(_ path: String) throws { file = try Safetensors.File(path: path) }

    /// Calls `body` with the bytes of a tensor.
    func withBytes<Result>(_ name: String, _ body: (UnsafeRawBufferPointer, Safetensors.Entry) throws -> Result) throws -> Result {
        guard let e = file[name] else { throw ConformanceError("\(file.path) has no tensor \(name)") }
        return try file.withBytes(of: e) { try body($0, e) }
    }
}

extension Tensor {
    /// A tensor of `dtype` and `shape` with these bytes, laid out with `strides` (in elements) from `offset` on if given. Elements in between hold garbage.
    static func rebuilt(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, _ shape: [Int], strides: [Int]? = nil, offset: Int = 0, on device: Device = .cpu) throws -> Tensor {
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
        guard let all = Tensor(storage: storage, byteOffset: 0, sizes: [offset + reach], strides: [1], dtype: dtype) else {
            throw ConformanceError("strides \(steps) lead outside the storage")
        }
        // The memory is moved as a whole, so that a view is a view of the same layout there.
        return all.to(device).asStrided(shape, steps, storageOffset: offset)
    }
}
