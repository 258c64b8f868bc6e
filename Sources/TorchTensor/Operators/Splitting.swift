// One tensor to several, as views; one node on the tape for all parts.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// Parts along `d` with the given lengths, which sum to its size.
    private func parts(_ d: Int, _ lengths: [Int], _ name: StaticString) -> [Tensor] {
        if rank == 0 { return [self] }
        var outputs: [Tensor] = []
        outputs.reserveCapacity(lengths.count)
        var o = operand
        for n in lengths {
            o.sizes[d] = n
            outputs.append(view(pointer: o.pointer, sizes: o.sizes, strides: o.strides))
            o.pointer += n * o.strides[d] * dtype.itemSize
        }
        let (type, device) = (dtype, device)
        return Tensor.recordedJointly(name, outputs: outputs, [self]) { gradients, outputs, _ in
            // Parts that nobody used count as zeros.
            let all = gradients.enumerated().map { i, g in g ?? Tensor.zeros(outputs[i].dims, dtype: type, device: device) }
            return [cat(all, dim: d)]
        }
    }

    /// Parts of `size` along `dim`, the last may be smaller. PyTorch: `torch.split`.
    public func split(_ size: Int, dim: Int = 0) -> [Tensor] {
        guard rank > 0 else {
            TensorError.report("split", "split expects at least a 1-dimensional tensor")
            return []
        }
        guard let d = checkedDim(dim, "split") else { return [] }
        let n = dims[d]
        guard size > 0 || (size == 0 && n == 0) else {
            TensorError.report("split", "split expects split_size be non-negative and, for a dimension of size \(n), not 0, but got split_size=\(size)")
            return []
        }
        if n == 0 { return parts(d, [0], "split") }
        return parts(d, Swift.stride(from: 0, to: n, by: size).map { Swift.min(size, n - $0) }, "split")
    }

    /// Parts of the given sizes along `dim`. PyTorch: `torch.split`, `torch.split_with_sizes`.
    public func split(_ sizes: [Int], dim: Int = 0) -> [Tensor] {
        guard rank > 0 else {
            TensorError.report("split", "split expects at least a 1-dimensional tensor")
            return []
        }
        guard let d = checkedDim(dim, "split") else { return [] }
        guard !sizes.contains(where: { $0 < 0 }), sizes.reduce(0, +) == dims[d] else {
            TensorError.report(
                "split", "split_with_sizes expects split_sizes to sum exactly to \(dims[d]) (input tensor's size at dimension \(d)), but got split_sizes=\(sizes)")
            return []
        }
        return parts(d, sizes, "split")
    }

    /// At most `count` parts of equal size along `dim`, the last may be smaller. PyTorch: `torch.chunk`.
    public func chunk(_ count: Int, dim: Int = 0) -> [Tensor] {
        guard rank > 0, count > 0 else {
            TensorError.report("chunk", rank == 0 ? "chunk expects at least a 1-dimensional tensor" : "chunk expects `chunks` to be greater than 0, got: \(count)")
            return []
        }
        guard let d = checkedDim(dim, "chunk") else { return [] }
        let n = dims[d]
        if n == 0 { return parts(d, [Int](repeating: 0, count: count), "chunk") }
        let size = (n + count - 1) / count
        return parts(d, Swift.stride(from: 0, to: n, by: size).map { Swift.min(size, n - $0) }, "chunk")
    }

    /// Exactly `sections` parts along `dim`, sizes differing by at most one. PyTorch: `torch.tensor_split`.
    public func tensorSplit(_ sections: Int, dim: Int = 0) -> [Tensor] {
        guard rank > 0, sections > 0 else {
            TensorError.report(
                "tensorSplit",
                rank == 0 ? "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims" : "number of sections must be larger than 0, got \(sections)")
            return []
        }
        guard let d = checkedDim(dim, "tensorSplit") else { return [] }
        let (each, more) = (dims[d] / sections, dims[d] % sections)
        return parts(d, (0..<sections).map { $0 < more ? each + 1 : each }, "tensorSplit")
    }

    /// Cut before the given positions along `dim`. PyTorch: `torch.tensor_split`.
    public func tensorSplit(_ indices: [Int], dim: Int = 0) -> [Tensor] {
        guard rank > 0 else {
            TensorError.report("tensorSplit", "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
            return []
        }
        guard let d = checkedDim(dim, "tensorSplit") else { return [] }
        var start = 0
        var result: [Tensor] = []
        for i in indices {
            result.append(slice(d, start, i))
            start = i
        }
        return result + [slice(d, start, nil)]
    }

    /// What the h, v and d forms have in common.
    private func evenSplit(_ sections: Int, _ d: Int, _ name: String) -> [Tensor] {
        guard sections > 0, dims[d] % sections == 0 else {
            TensorError.report(
                name, "torch.\(name) attempted to split along dimension \(d), but the size of the dimension \(dims[d]) is not divisible by the split_size \(sections)!")
            return []
        }
        return tensorSplit(sections, dim: d)
    }
    private func hasRank(_ minimum: Int, _ name: String) -> Bool {
        if rank >= minimum { return true }
        TensorError.report(name, "torch.\(name) requires a tensor with at least \(minimum) dimension\(minimum == 1 ? "" : "s"), but got a tensor with \(rank) dimensions!")
        return false
    }

    /// Equal parts side by side (dim 1; vectors dim 0). PyTorch: `torch.hsplit`.
    public func hsplit(_ sections: Int) -> [Tensor] { hasRank(1, "hsplit") ? evenSplit(sections, rank == 1 ? 0 : 1, "hsplit") : [] }
    /// Parts side by side, cut before `indices`. PyTorch: `torch.hsplit`.
    public func hsplit(_ indices: [Int]) -> [Tensor] { hasRank(1, "hsplit") ? tensorSplit(indices, dim: rank == 1 ? 0 : 1) : [] }
    /// Equal parts one below the other (dim 0). PyTorch: `torch.vsplit`.
    public func vsplit(_ sections: Int) -> [Tensor] { hasRank(2, "vsplit") ? evenSplit(sections, 0, "vsplit") : [] }
    /// Parts one below the other, cut before `indices`. PyTorch: `torch.vsplit`.
    public func vsplit(_ indices: [Int]) -> [Tensor] { hasRank(2, "vsplit") ? tensorSplit(indices, dim: 0) : [] }
    /// Equal parts along dim 2. PyTorch: `torch.dsplit`.
    public func dsplit(_ sections: Int) -> [Tensor] { hasRank(3, "dsplit") ? evenSplit(sections, 2, "dsplit") : [] }
    /// Parts along dim 2, cut before `indices`. PyTorch: `torch.dsplit`.
    public func dsplit(_ indices: [Int]) -> [Tensor] { hasRank(3, "dsplit") ? tensorSplit(indices, dim: 2) : [] }

    /// The slices along `dim`, without that dim. PyTorch: `torch.unbind`.
    public func unbind(dim: Int = 0) -> [Tensor] {
        guard rank > 0 else {
            TensorError.report("unbind", "Dimension specified as \(dim) but tensor has no dimensions")
            return []
        }
        guard let d = checkedDim(dim, "unbind") else { return [] }
        var (sizes, strides) = (dims, operand.strides)
        sizes.remove(at: d)
        let step = strides.remove(at: d) * dtype.itemSize
        let outputs = (0..<dims[d]).map { view(pointer: operand.pointer + $0 * step, sizes: sizes, strides: strides) }
        if outputs.isEmpty { return [] }
        let (type, device) = (dtype, device)
        return Tensor.recordedJointly("unbind", outputs: outputs, [self]) { gradients, _, _ in
            [stack(gradients.map { $0 ?? Tensor.zeros(sizes, dtype: type, device: device) }, dim: d)]
        }
    }
}
