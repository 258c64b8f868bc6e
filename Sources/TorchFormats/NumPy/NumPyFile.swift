// Writing .npy and .npz files.
import TorchTensor

/// NumPy's files. They are read by `Checkpoint(path:)`.
public enum NumPyFile {
    /// Writes one tensor as an .npy file, the same bytes as NumPy's. bfloat16 is not known to NumPy and refused. NumPy: `numpy.save`.
    public static func save(_ tensor: Tensor, to path: String) throws(FormatError) {
        let header = try header(tensor.dtype, tensor.shape, "the tensor", path)
        var file = try AtomicFile(path: path)
        try file.write(header)
        try TensorSource(name: "", dtype: tensor.dtype, shape: tensor.shape) { tensor }.withBytes { bytes throws(FormatError) in try file.write(bytes) }
        try file.commit()
    }

    /// Writes tensors as an .npz archive: stored, not packed, the elements aligned so that they can be mapped. NumPy: `numpy.savez`.
    public static func save(_ tensors: [(name: String, tensor: Tensor)], to path: String) throws(FormatError) {
        try write(tensors.map { name, tensor in TensorSource(name: name, dtype: tensor.dtype, shape: tensor.shape) { tensor } }, to: path)
    }

    /// Writes tensors as an .npz archive, each loaded when its turn comes.
    package static func write(_ tensors: [TensorSource], to path: String, progress: (TensorSource) -> Void = { _ in }) throws(FormatError) {
        var archive = try ZipWriter(path: path)
        for tensor in tensors {
            let header = try header(tensor.dtype, tensor.shape, "tensor \"\(tensor.name)\"", path)
            try archive.entry("\(tensor.name).npy", byteCount: header.count + tensor.byteCount) { put throws(FormatError) in
                try withBytes(header, put)
                try tensor.withBytes(put)
            }
            progress(tensor)
        }
        try archive.commit()
    }

    private static func withBytes(_ bytes: [UInt8], _ put: (UnsafeRawBufferPointer) throws(FormatError) -> Void) throws(FormatError) {
        var failure: FormatError?
        bytes.withUnsafeBytes { b in
            do throws(FormatError) { try put(b) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// The header that NumPy 2 writes: with room for the first size to grow, then up to a multiple of 64 bytes.
    private static func header(_ dtype: DType, _ shape: [Int], _ what: String, _ path: String) throws(FormatError) -> [UInt8] {
        guard let descriptor = descriptor(dtype) else {
            throw FormatError(.unsupported, file: path, "\(what): NumPy has no \(dtype)", expected: "another type, such as float32")
        }
        let sizes = shape.map { "\($0)" }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var text = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(sizes)), }"
        if let first = shape.first { text += String(repeating: " ", count: 21 - "\(first)".count) }
        text += String(repeating: " ", count: 64 - (10 + text.utf8.count + 1) % 64) + "\n"
        return NumPyHeader.magic + [1, 0, UInt8(text.utf8.count & 255), UInt8(text.utf8.count >> 8)] + Array(text.utf8)
    }

    private static func descriptor(_ dtype: DType) -> String? {
        switch dtype {
        case .bool: "|b1"
        case .uint8: "|u1"
        case .int8: "|i1"
        case .int16: "<i2"
        case .int32: "<i4"
        case .int64: "<i8"
        case .uint16: "<u2"
        case .uint32: "<u4"
        case .uint64: "<u8"
        case .float16: "<f2"
        case .float32: "<f4"
        case .float64: "<f8"
        case .complex64: "<c8"
        case .complex128: "<c16"
        case .bfloat16: nil
        }
    }
}
