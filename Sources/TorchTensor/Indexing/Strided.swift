// Views by explicit strides: the one operator that looks at how a tensor lies in memory.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// The tensor's memory seen with other sizes and strides (in elements), from `storageOffset` (in elements from the start of the memory; default: where
    /// this tensor starts). The view must lie within the memory. PyTorch: `torch.as_strided`.
    public func asStrided(_ size: [Int], _ stride: [Int], storageOffset: Int? = nil) -> Tensor {
        let (sizes, strides) = (Dims(size), Dims(stride))
        guard let offset = checkedStrides(sizes, strides, storageOffset, "asStrided") else { return .placeholder }
        let out = view(pointer: impl.storage.pointer + offset * dtype.itemSize, sizes: sizes, strides: strides)
        guard isRecorded else { return out }
        // Elements are found by their position in memory, which the graph does not know; so both layouts are written down as positions.
        let (from, to) = (Tensor.positions(dims, operand.strides, self.storageOffset).to(device), Tensor.positions(sizes, strides, offset).to(device))
        let whole = dims
        let extent = impl.storage.byteCount / dtype.itemSize
        let overlaps = count > 0 && !isDense && Tensor.overlaps(dims, operand.strides)
        return out.recorded("asStrided", self) { g in
            let memory = Tensor.zeros([extent], dtype: g.dtype, device: g.device).indexAdd(0, to, g.reshaped([g.count]))
            var result = memory.indexSelect(0, from)
            if overlaps {
                // Elements that share a place share its gradient.
                let times = noGrad {
                    let ones = Tensor.full([from.count], 1, dtype: g.dtype, device: g.device)
                    return Tensor.zeros([extent], dtype: g.dtype, device: g.device).indexAdd(0, from, ones).indexSelect(0, from)
                }
                result = result / times
            }
            return result.reshaped(whole)
        }
    }

    /// A copy, memory layout included, with `source` at the part that `asStrided` shows. PyTorch: `torch.as_strided_scatter`.
    public func asStridedScatter(_ source: Tensor, _ size: [Int], _ stride: [Int], storageOffset: Int? = nil) -> Tensor {
        let (sizes, strides) = (Dims(size), Dims(stride))
        guard let offset = checkedStrides(sizes, strides, storageOffset, "asStridedScatter") else { return .placeholder }
        guard source.dims == sizes else {
            TensorError.report("asStridedScatter", "expected src to have a size equal to the slice of self. src size = \(source.shape), slice size = \(size)")
            return .placeholder
        }
        // All the memory, since the part may lie anywhere in it.
        let extent = impl.storage.byteCount / dtype.itemSize
        let memory = Tensor.make([extent], dtype, device: device)
        backend.copy(memory.operand, operand.view(pointer: impl.storage.pointer, sizes: [extent], strides: [1]))
        let part = memory.view(pointer: memory.operand.pointer + offset * dtype.itemSize, sizes: sizes, strides: strides)
        backend.copy(part.operand, source.operand)
        let out = memory.view(pointer: memory.operand.pointer + self.storageOffset * dtype.itemSize, sizes: dims, strides: operand.strides)
        let (layout, start) = (operand.strides, self.storageOffset)
        // Gradients are laid out as this tensor was, so that the part is at the same place.
        let arranged = { (g: Tensor) -> Tensor in
            let from = Tensor.positions(g.dims, layout, start).constant(on: g.device)
            return Tensor.zeros([extent], dtype: g.dtype, device: g.device).indexCopy(0, from, g.reshaped([g.count]))
        }
        let to = Tensor.positions(sizes, strides, offset).to(device)
        return out.recorded(
            "asStridedScatter",
            (
                self,
                { g in
                    let from = Tensor.positions(g.dims, layout, start).constant(on: g.device)
                    return arranged(g).indexFill(0, to, 0).indexSelect(0, from).reshaped(g.dims)
                }
            ),
            (source, { g in arranged(g).indexSelect(0, to).reshaped(sizes) }))
    }

    /// Checks a strided view against the memory; gives the offset.
    private func checkedStrides(_ sizes: Dims, _ strides: Dims, _ storageOffset: Int?, _ name: String) -> Int? {
        guard sizes.count == strides.count else {
            TensorError.report(name, "mismatch in length of strides and shape: \(strides) and \(sizes)")
            return nil
        }
        let offset = storageOffset ?? self.storageOffset
        guard offset >= 0, !strides.contains(where: { $0 < 0 }), let n = sizes.checkedProduct else {
            TensorError.report(name, "Negative strides, sizes or storage offsets are not supported, got strides \(strides), sizes \(sizes), storage offset \(offset)")
            return nil
        }
        var last = offset
        for i in 0..<sizes.count where n > 0 {
            let (reach, overflow) = (sizes[i] - 1).multipliedReportingOverflow(by: strides[i])
            last = overflow ? .max : last.addingReportingOverflow(reach).overflow ? .max : last + reach
            if overflow || last == .max { break }
        }
        let extent = impl.storage.byteCount / dtype.itemSize
        guard n == 0 || last < extent else {
            TensorError.report(
                name,
                "setStorage: sizes \(sizes.array), strides \(strides.array), storage offset \(offset), and itemsize \(dtype.itemSize) are out of bounds for storage of size \(impl.storage.byteCount)")
            return nil
        }
        return offset
    }

    /// The position in memory of each element, row-major, as int64.
    private static func positions(_ sizes: Dims, _ strides: Dims, _ offset: Int) -> Tensor {
        noGrad {
            var p = Tensor.full(Dims(rank: sizes.count, repeating: 1), .int(offset), dtype: .int64)
            for d in 0..<sizes.count {
                var shape = Dims(rank: sizes.count, repeating: 1)
                shape[d] = sizes[d]
                p = p + (Tensor.arange(sizes[d], device: .cpu) * strides[d]).reshaped(shape)
            }
            return p.reshaped([sizes.product])
        }
    }

    /// True unless every dim steps over all that lies within the smaller ones.
    private static func overlaps(_ sizes: Dims, _ strides: Dims) -> Bool {
        let order = (0..<sizes.count).filter { sizes[$0] > 1 }.sorted { strides[$0] < strides[$1] }
        var reach = 0
        for d in order {
            if strides[d] <= reach { return true }
            reach += (sizes[d] - 1) * strides[d]
        }
        return false
    }
}
