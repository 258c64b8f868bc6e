// Tensors that are written one after the other, without all being in memory at once.
import TorchTensor

/// A tensor to be written: its facts, and how to get it when its turn comes.
package struct TensorSource {
    package let name: String
    package let dtype: DType
    package let shape: [Int]
    /// Gives the tensor of that type and shape.
    package let load: () throws(FormatError) -> Tensor

    package init(name: String, dtype: DType, shape: [Int], load: @escaping () throws(FormatError) -> Tensor) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.load = load
    }

    /// Bytes of its elements.
    package var byteCount: Int { shape.reduce(dtype.itemSize, *) }

    /// Loads it and calls `put` with its elements in row-major order.
    func withBytes(_ put: (UnsafeRawBufferPointer) throws(FormatError) -> Void) throws(FormatError) {
        let tensor = try load()
        precondition(tensor.dtype == dtype && tensor.shape == shape, "tensor \(name) is not what was announced")
        var failure: FormatError?
        tensor.withBytes { b in
            do throws(FormatError) { try put(b) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
