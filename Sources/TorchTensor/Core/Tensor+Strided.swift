// Tensors over given memory with given strides: readers of files and test data.
import TorchRuntime

extension Tensor {
    /// A tensor over memory that `owner` keeps alive, with strides in elements; nil if an element would lie outside.
    package init?(storage: Storage, byteOffset: Int, sizes: Dims, strides: Dims, dtype: DType) {
        guard sizes.count == strides.count, byteOffset >= 0, sizes.checkedProduct != nil else { return nil }
        var last = 0
        var first = 0
        if sizes.product > 0 {
            for i in 0..<sizes.count {
                let (reach, overflow) = (sizes[i] - 1).multipliedReportingOverflow(by: strides[i])
                if overflow { return nil }
                if reach > 0 { last += reach } else { first += reach }
            }
            if byteOffset + first * dtype.itemSize < 0 || byteOffset + (last + 1) * dtype.itemSize > storage.byteCount { return nil }
        }
        let o = Operand(storage, pointer: storage.pointer + byteOffset, dtype: dtype, sizes: sizes, strides: strides)
        self.init(TensorImpl(o, count: sizes.product, isContiguous: o.isContiguous))
    }
}
