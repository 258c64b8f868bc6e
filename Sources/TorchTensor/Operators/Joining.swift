// Joining tensors and taking them apart.
import TorchRuntime

/// Tensors one after another along `dim`; other sizes are equal. Types are promoted. PyTorch: `torch.cat`.
public func cat(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
    guard let first = tensors.first else {
        TensorError.report("cat", "expected a non-empty list of Tensors")
        return .placeholder
    }
    // PyTorch lets empty vectors join anything, for historical reasons.
    let pieces = tensors.filter { !($0.rank == 1 && $0.count == 0) }
    guard let model = pieces.first else { return first }
    if let flat = tensors.first(where: { $0.rank == 0 }) {
        TensorError.report("cat", "zero-dimensional tensor (at position \(tensors.firstIndex { $0.impl === flat.impl } ?? 0)) cannot be concatenated", hint: "use stack")
        return .placeholder
    }
    guard let d = model.checkedDim(dim, "cat") else { return .placeholder }
    var sizes = model.dims
    sizes[d] = 0
    var dtype = tensors[0].dtype
    for (i, t) in tensors.enumerated() {
        dtype = DType.promote(dtype, t.dtype)
        if t.rank == 1 && t.count == 0 { continue }
        guard t.rank == model.rank, (0..<t.rank).allSatisfy({ $0 == d || t.dims[$0] == model.dims[$0] }) else {
            TensorError.report("cat", "Sizes of tensors must match except in dimension \(d). Expected \(model.dims) but got \(t.dims) for tensor number \(i) in the list")
            return .placeholder
        }
        guard t.device == model.device else {
            TensorError.report("cat", "Expected all tensors to be on the same device, but found \(model.device) and \(t.device)")
            return .placeholder
        }
        sizes[d] += t.dims[d]
    }
    let out = Tensor.make(sizes, dtype, device: model.device)
    var start = 0
    var starts: [Int] = []
    for t in tensors {
        starts.append(start)
        if t.rank == 1 && t.count == 0 { continue }
        var o = out.operand
        o.pointer += start * o.strides[d] * dtype.itemSize
        o.sizes[d] = t.dims[d]
        out.backend.copy(o, t.operand)
        start += t.dims[d]
    }
    return out.recordedJointly("cat", tensors) { g, needs in
        tensors.indices.map { i in
            guard needs[i] else { return nil }
            let t = tensors[i]
            return t.rank == 1 && t.count == 0 ? t.zerosLike() : g.slice(d, starts[i], starts[i] + t.dims[d])
        }
    }
}

/// Tensors of one shape along a new dim. PyTorch: `torch.stack`.
public func stack(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
    guard let first = tensors.first else {
        TensorError.report("stack", "stack expects a non-empty TensorList")
        return .placeholder
    }
    guard let d = first.checkedDim(dim, "stack", rank: first.rank + 1) else { return .placeholder }
    if let i = tensors.firstIndex(where: { $0.dims != first.dims }) {
        TensorError.report("stack", "stack expects each tensor to be equal size, but got \(first.dims) at entry 0 and \(tensors[i].dims) at entry \(i)")
        return .placeholder
    }
    return cat(tensors.map { $0.unsqueeze(d) }, dim: d)
}

/// Joined along dim 0 for vectors, dim 1 otherwise. PyTorch: `torch.hstack`.
public func hstack(_ tensors: [Tensor]) -> Tensor {
    let t = tensors.map { $0.atLeast1d() }
    return cat(t, dim: (t.first?.rank ?? 1) == 1 ? 0 : 1)
}
/// Joined along dim 0, vectors as rows. PyTorch: `torch.vstack`.
public func vstack(_ tensors: [Tensor]) -> Tensor { cat(tensors.map { $0.atLeast2d() }) }
/// Joined along dim 2. PyTorch: `torch.dstack`.
public func dstack(_ tensors: [Tensor]) -> Tensor { cat(tensors.map { $0.atLeast3d() }, dim: 2) }
/// Vectors as columns, matrices side by side. PyTorch: `torch.column_stack`.
public func columnStack(_ tensors: [Tensor]) -> Tensor {
    cat(tensors.map { $0.rank <= 1 ? $0.reshape([$0.count, 1]) : $0 }, dim: 1)
}

extension Tensor {
    /// At least one dim. PyTorch: `torch.atleast_1d`.
    public func atLeast1d() -> Tensor { rank == 0 ? reshape([1]) : self }
    /// At least two dims, new ones in front. PyTorch: `torch.atleast_2d`.
    public func atLeast2d() -> Tensor { rank >= 2 ? self : rank == 1 ? unsqueeze(0) : reshape([1, 1]) }
    /// At least three dims: vectors (1, n, 1), matrices (n, m, 1). PyTorch: `torch.atleast_3d`.
    public func atLeast3d() -> Tensor {
        switch rank {
        case 0: reshape([1, 1, 1])
        case 1: unsqueeze(0).unsqueeze(-1)
        case 2: unsqueeze(-1)
        default: self
        }
    }

    /// Parts of `size` along `dim`, the last one smaller. PyTorch: `torch.split`.
    public func split(_ size: Int, dim: Int = 0) -> [Tensor] {
        guard let d = checkedDim(dim, "split") else { return [] }
        guard rank > 0 else {
            TensorError.report("split", "split expects at least a 1-dimensional tensor")
            return []
        }
        let n = dims[d]
        guard size > 0 || (size == 0 && n == 0) else {
            TensorError.report("split", "split expects split_size be non-negative and not 0 unless the dimension is empty, but got split_size=\(size)")
            return []
        }
        if n == 0 { return [slice(d, 0, 0)] }
        return stride(from: 0, to: n, by: size).map { slice(d, $0, Swift.min($0 + size, n)) }
    }

    /// Parts of the given sizes along `dim`. PyTorch: `torch.split` with a list.
    public func split(_ sizes: [Int], dim: Int = 0) -> [Tensor] {
        guard let d = checkedDim(dim, "split") else { return [] }
        guard rank > 0, sizes.allSatisfy({ $0 >= 0 }), sizes.reduce(0, +) == dims[d] else {
            TensorError.report("split", "split_with_sizes expects split_sizes to sum exactly to \(rank > 0 ? dims[d] : 0) (input tensor's size at dimension \(d)), but got split_sizes=\(sizes)")
            return []
        }
        var start = 0
        return sizes.map { n in
            defer { start += n }
            return slice(d, start, start + n)
        }
    }

    /// At most `count` parts of equal size along `dim`, the last one smaller. PyTorch: `torch.chunk`.
    public func chunk(_ count: Int, dim: Int = 0) -> [Tensor] {
        guard let d = checkedDim(dim, "chunk") else { return [] }
        guard count > 0, rank > 0 else {
            TensorError.report("chunk", rank == 0 ? "chunk expects at least a 1-dimensional tensor" : "chunk expects `chunks` to be greater than 0, got: \(count)")
            return []
        }
        let size = (dims[d] + count - 1) / count
        if size == 0 { return (0..<count).map { _ in slice(d, 0, 0) } }
        return split(size, dim: d)
    }

    /// `sections` parts whose sizes differ by at most one. PyTorch: `torch.tensor_split`.
    public func tensorSplit(_ sections: Int, dim: Int = 0) -> [Tensor] {
        guard let d = checkedDim(dim, "tensorSplit") else { return [] }
        guard sections > 0, rank > 0 else {
            TensorError.report("tensorSplit", rank == 0 ? "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims" : "number of sections must be larger than 0, got \(sections)")
            return []
        }
        let (n, extra) = (dims[d] / sections, dims[d] % sections)
        return split((0..<sections).map { $0 < extra ? n + 1 : n }, dim: d)
    }

    /// Parts between the given positions. PyTorch: `torch.tensor_split` with indices.
    public func tensorSplit(_ indices: [Int], dim: Int = 0) -> [Tensor] {
        guard let d = checkedDim(dim, "tensorSplit") else { return [] }
        guard rank > 0 else {
            TensorError.report("tensorSplit", "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
            return []
        }
        var result: [Tensor] = []
        var start: Int? = nil
        for i in indices {
            result.append(slice(d, start, i))
            start = i
        }
        return result + [slice(d, start, nil)]
    }

    /// The slices along `dim`, without it. PyTorch: `torch.unbind`.
    public func unbind(dim: Int = 0) -> [Tensor] {
        guard let d = checkedDim(dim, "unbind") else { return [] }
        guard rank > 0 else {
            TensorError.report("unbind", "Dimension specified as 0 but tensor has no dimensions")
            return []
        }
        return (0..<dims[d]).map { select(d, $0) }
    }
}

/// Views of all in their common shape. PyTorch: `torch.broadcast_tensors`.
public func broadcastTensors(_ tensors: [Tensor]) -> [Tensor] {
    guard var shape = tensors.first?.dims else { return [] }
    for t in tensors.dropFirst() {
        guard let s = Shape.broadcast(shape, t.dims, "broadcastTensors") else { return [] }
        shape = s
    }
    return tensors.map { $0.expanded(to: shape) }
}
