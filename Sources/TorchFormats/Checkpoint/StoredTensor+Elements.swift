// A tensor's elements as the file has them.

extension StoredTensor {
    /// The elements in row-major order, in the file's type, least significant byte first, without PyTorch's lazy conjugation and negation. For comparing files;
    /// tensors are had by `load()`.
    package func elementBytes() throws(FormatError) -> [UInt8] {
        let unit = type.blockByteCount
        guard type.blockCount == 1 else { throw FormatError(.request, "elements of \(type.name) come in blocks") }
        if shape.contains(0) { return [] }
        // The parts of complex numbers are swapped each by itself.
        let part = dtype.isComplex ? unit / 2 : unit
        var result: [UInt8] = []
        result.reserveCapacity(byteCount)
        try block.withBytes { bytes throws(FormatError) in
            var index = [Int](repeating: 0, count: shape.count)
            for _ in 0..<count {
                var at = offset
                for d in shape.indices { at += index[d] * strides[d] }
                for start in stride(from: at * unit, to: (at + 1) * unit, by: part) {
                    if block.isBigEndian { result.append(contentsOf: bytes[start..<start + part].reversed()) } else { result.append(contentsOf: bytes[start..<start + part]) }
                }
                var d = shape.count - 1
                while d >= 0 {
                    index[d] += 1
                    if index[d] < shape[d] { break }
                    index[d] = 0
                    d -= 1
                }
            }
        }
        return result
    }
}
