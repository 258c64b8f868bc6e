// A tensor in a file: all facts at once, the elements when they are asked for.
import TorchTensor

/// A tensor as a file describes it. `load()` gives the tensor; until then its elements are not touched.
public struct StoredTensor: Sendable {
    /// The storage in the file. Tensors with the same block (`===`) share memory.
    public let block: StoredBlock
    /// First element, counted within the block.
    public let offset: Int
    /// Sizes, outermost first.
    public let shape: [Int]
    /// Steps along each dim, in elements.
    public let strides: [Int]
    /// The writer wanted gradients for it.
    public var requiresGradient = false
    /// It was a `Parameter`.
    public var isParameter = false
    /// The elements are the conjugates, or the negatives, of the stored ones (PyTorch's lazy views).
    public var isConjugate = false, isNegative = false

    /// Type in the file.
    public var type: StoredType { block.type }
    /// Type of the loaded tensor.
    public var dtype: DType { block.type.dtype }
    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }
    /// Bytes of its elements in the file.
    public var byteCount: Int { type.byteCount(of: count) ?? 0 }

    /// A row-major tensor that fills its block.
    init(block: StoredBlock, shape: [Int]) {
        self.block = block
        self.shape = shape
        offset = 0
        strides = Dims(shape).contiguousStrides.array
    }

    /// A view of a block whose elements are known to lie inside.
    init(unchecked block: StoredBlock, offset: Int, shape: [Int], strides: [Int]) {
        self.block = block
        self.offset = offset
        self.shape = shape
        self.strides = strides
    }

    /// A view of a block: throws unless every element lies inside.
    init(block: StoredBlock, offset: Int, shape: [Int], strides: [Int], file offsetInFile: Int? = nil) throws(FormatError) {
        func bad(_ reason: String, _ expected: String) -> FormatError { FormatError(.malformed, offset: offsetInFile, reason, expected: expected) }
        guard shape.count == strides.count else { throw bad("a tensor of \(shape.count) sizes and \(strides.count) strides", "as many of both") }
        guard shape.count <= 64 else { throw bad("a tensor of \(shape.count) dims", "at most 64") }
        guard offset >= 0 else { throw bad("a tensor that begins at element \(offset)", "one from 0") }
        var (count, last) = (1, offset)
        var isCountable = true
        for (size, stride) in zip(shape, strides) {
            guard size >= 0 else { throw bad("a size of \(size)", "one from 0") }
            guard stride >= 0 else { throw bad("a stride of \(stride)", "one from 0") }
            // Sizes beside a 0 must be countable as well, or whoever multiplies them in another order overflows.
            let product = count.multipliedReportingOverflow(by: Swift.max(size, 1))
            let reach = Swift.max(size - 1, 0).multipliedReportingOverflow(by: stride)
            let end = last.addingReportingOverflow(reach.partialValue)
            guard !product.overflow else { throw bad("sizes \(shape)", "no more elements than 64 bits can count") }
            isCountable = isCountable && !reach.overflow && !end.overflow
            (count, last) = (product.partialValue, end.partialValue)
        }
        if !shape.contains(0) {
            guard isCountable, last < block.count else {
                throw bad("a tensor of sizes \(shape) and strides \(strides) from element \(offset)", "all elements within the \(block.count) of its storage")
            }
        }
        // Repetition (stride 0) may claim any number of elements without a byte behind them: what the file's size does not justify is refused.
        guard shape.contains(0) || count <= Swift.max(block.count, 1) << 20 else { throw bad("a tensor of \(count) elements over \(block.count)", "fewer repetitions") }
        self.block = block
        self.offset = offset
        self.shape = shape
        self.strides = strides
    }

    /// Puts the elements into a tensor that exists, converted to its type; in place where nobody else sees its memory. A gradient's graph is not touched: call it
    /// inside `noGrad` for a tensor that wants one. Throws where the shapes differ. PyTorch: `target.copy_(loaded)`.
    public func load(into target: inout Tensor) throws(FormatError) {
        guard target.shape == shape else { throw FormatError(.request, "a tensor of shape \(shape) does not fit one of shape \(target.shape)", expected: "equal shapes") }
        let isRun = strides == Dims(shape).contiguousStrides.array && !isConjugate && !isNegative
        if isRun, target.device.isCPU, target.dtype == dtype, !target.requiresGrad, count > 0 {
            let size = dtype.itemSize
            if try block.copyBytes(offset * size..<(offset + count) * size, to: target.mutablePointer()) { return }
        }
        target[...] = try load()
    }

    /// The tensor. Its elements stay in the mapped file until they are written to, unless they had to be converted.
    ///
    /// Tensors that share memory in the file share it here; as values they are independent all the same.
    public func load() throws(FormatError) -> Tensor {
        if shape.contains(0) { return Tensor.empty(shape, dtype: dtype, device: .cpu) }
        let storage = try block.storage()
        guard let t = Tensor(storage: storage, byteOffset: offset * dtype.itemSize, sizes: Dims(shape), strides: Dims(strides), dtype: dtype) else {
            throw FormatError(.malformed, "a tensor of sizes \(shape) and strides \(strides) lies outside its storage")
        }
        let conjugated = isConjugate ? t.conj() : t
        return isNegative ? -conjugated : conjugated
    }
}
