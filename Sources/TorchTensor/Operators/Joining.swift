// Several tensors to one.
import TorchKernels
import TorchRuntime

/// The tensors one after the other along `dim`; their other sizes must agree. Types are promoted. PyTorch: `torch.cat`.
public func cat(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
    guard !tensors.isEmpty else {
        TensorError.report("cat", "expected a non-empty list of Tensors")
        return .placeholder
    }
    let type = Tensor.resultType(tensors)
    // An empty vector fits anything, as in PyTorch.
    let fits = tensors.filter { !($0.rank == 1 && $0.count == 0) }
    guard let first = fits.first else { return Tensor.make([0], type, device: tensors[0].device) }
    if let scalar = tensors.firstIndex(where: { $0.rank == 0 }) {
        TensorError.report("cat", "zero-dimensional tensor (at position \(scalar)) cannot be concatenated", hint: "use stack")
        return .placeholder
    }
    guard let d = first.checkedDim(dim, "cat") else { return .placeholder }
    var sizes = first.dims
    for (i, t) in fits.enumerated().dropFirst() {
        guard t.rank == first.rank else {
            TensorError.report("cat", "Tensors must have same number of dimensions: got \(first.rank) and \(t.rank)")
            return .placeholder
        }
        for k in 0..<t.rank where k != d && t.dims[k] != first.dims[k] {
            TensorError.report(
                "cat",
                "Sizes of tensors must match except in dimension \(d). Expected size \(first.dims[k]) but got size \(t.dims[k]) for tensor number \(i) in the list: shapes \(first.dims) and \(t.dims)")
            return .placeholder
        }
        guard t.device == first.device else {
            TensorError.report("cat", "Expected all tensors to be on the same device, but found at least two devices, \(first.device) and \(t.device)")
            return .placeholder
        }
        sizes[d] += t.dims[d]
    }
    let out = Tensor.joinedOutput(fits, sizes, type)
    var part = out.operand
    for t in fits where t.count > 0 {
        part.sizes[d] = t.dims[d]
        out.backend.copy(part, t.operand)
        part.pointer += t.dims[d] * part.strides[d] * type.itemSize
    }
    guard st_grad_enabled(), tensors.contains(where: { $0.impl.node != nil }) else { return out }
    let shapes = tensors.map(\.dims)
    return out.recordedJointly("cat", tensors) { g, needs in
        var start = 0
        return shapes.indices.map { i in
            if shapes[i].count == 1 && shapes[i][0] == 0 { return needs[i] ? g.slice(d, 0, 0).reshape([0]) : nil }
            defer { start += shapes[i][d] }
            return needs[i] ? g.slice(d, start, start + shapes[i][d]) : nil
        }
    }
}

extension Tensor {
    /// Memory for `cat`: channels last where all inputs are.
    fileprivate static func joinedOutput(_ tensors: [Tensor], _ sizes: Dims, _ type: DType) -> Tensor {
        let first = tensors[0]
        let rank = sizes.count
        guard rank >= 4, !first.isContiguous, tensors.allSatisfy({ $0.operand.strides[1] == 1 && $0.permuted(Shape.channelsLastOrder(rank)).isContiguous }) else {
            return make(sizes, type, device: first.device)
        }
        var last = Dims()
        for d in Shape.channelsLastOrder(rank) { last.append(sizes[d]) }
        var back = Array(0..<rank)
        for (i, d) in Shape.channelsLastOrder(rank).enumerated() { back[d] = i }
        return noGrad { make(last, type, device: first.device).permuted(back) }
    }
}

extension Shape {
    /// Dims in the order batch, space, channels.
    static func channelsLastOrder(_ rank: Int) -> [Int] { [0] + Array(2..<rank) + [1] }
}

/// The same as `cat`. PyTorch: `torch.concat`.
public func concat(_ tensors: [Tensor], dim: Int = 0) -> Tensor { cat(tensors, dim: dim) }
/// The same as `cat`. PyTorch: `torch.concatenate`.
public func concatenate(_ tensors: [Tensor], dim: Int = 0) -> Tensor { cat(tensors, dim: dim) }

/// Tensors of one shape along a new dim. PyTorch: `torch.stack`.
public func stack(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
    guard let first = tensors.first else {
        TensorError.report("stack", "stack expects a non-empty TensorList")
        return .placeholder
    }
    for (i, t) in tensors.enumerated() where t.dims != first.dims {
        TensorError.report("stack", "stack expects each tensor to be equal size, but got \(first.dims) at entry 0 and \(t.dims) at entry \(i)")
        return .placeholder
    }
    guard let d = first.checkedDim(dim, "stack", rank: first.rank + 1) else { return .placeholder }
    return cat(tensors.map { $0.unsqueeze(d) }, dim: d)
}

/// Side by side: along dim 1, vectors along dim 0. PyTorch: `torch.hstack`.
public func hstack(_ tensors: [Tensor]) -> Tensor {
    guard !tensors.isEmpty else {
        TensorError.report("hstack", "hstack expects a non-empty TensorList")
        return .placeholder
    }
    let parts = tensors.map { $0.atLeast1D() }
    return cat(parts, dim: parts[0].rank == 1 ? 0 : 1)
}

/// One below the other: along dim 0, vectors as rows. PyTorch: `torch.vstack`.
public func vstack(_ tensors: [Tensor]) -> Tensor {
    guard !tensors.isEmpty else {
        TensorError.report("vstack", "vstack expects a non-empty TensorList")
        return .placeholder
    }
    return cat(tensors.map { $0.atLeast2D() }, dim: 0)
}
/// The same as `vstack`. PyTorch: `torch.row_stack`.
public func rowStack(_ tensors: [Tensor]) -> Tensor { vstack(tensors) }

/// One behind the other: along dim 2. PyTorch: `torch.dstack`.
public func dstack(_ tensors: [Tensor]) -> Tensor {
    guard !tensors.isEmpty else {
        TensorError.report("dstack", "dstack expects a non-empty TensorList")
        return .placeholder
    }
    return cat(tensors.map { $0.atLeast3D() }, dim: 2)
}

/// Side by side, vectors as columns. PyTorch: `torch.column_stack`.
public func columnStack(_ tensors: [Tensor]) -> Tensor {
    guard !tensors.isEmpty else {
        TensorError.report("columnStack", "column_stack expects a non-empty TensorList")
        return .placeholder
    }
    return hstack(tensors.map { $0.rank <= 1 ? $0.reshape([$0.count, 1]) : $0 })
}

/// Matrices along the diagonal of one, zeros elsewhere; vectors count as rows. PyTorch: `torch.block_diag`.
public func blockDiag(_ tensors: [Tensor]) -> Tensor {
    if let i = tensors.firstIndex(where: { $0.rank > 2 }) {
        TensorError.report("blockDiag", "Input tensors must have 2 or fewer dimensions. Input \(i) has \(tensors[i].rank) dimensions")
        return .placeholder
    }
    if tensors.isEmpty { return Tensor.make([1, 0], DefaultDType.floating) }
    let blocks = tensors.map { $0.atLeast2D() }
    let type = Tensor.resultType(tensors)
    let rows = blocks.reduce(0) { $0 + $1.dims[0] }
    let columns = blocks.reduce(0) { $0 + $1.dims[1] }
    let out = Tensor.zeros([rows, columns], dtype: type, device: blocks[0].device)
    // Where each block lies.
    var corners: [(Int, Int)] = []
    var (r, c) = (0, 0)
    for b in blocks {
        corners.append((r, c))
        var part = out.operand
        part.pointer += (r * part.strides[0] + c * part.strides[1]) * type.itemSize
        part.sizes = b.dims
        if b.count > 0 { out.backend.copy(part, b.operand) }
        r += b.dims[0]
        c += b.dims[1]
    }
    let shapes = blocks.map(\.dims)
    return out.recordedJointly("blockDiag", blocks) { g, needs in
        shapes.indices.map { i in
            let (r, c) = corners[i]
            return needs[i] ? g.slice(0, r, r + shapes[i][0]).slice(1, c, c + shapes[i][1]) : nil
        }
    }
}

/// How `meshgrid` orders its first two dims.
public enum GridIndexing: String, Sendable {
    /// Rows first, as matrices.
    case ij
    /// Columns first, as pictures.
    case xy
}

/// The coordinates of all points of a grid, one tensor a vector, as views. PyTorch: `torch.meshgrid`.
public func meshgrid(_ tensors: [Tensor], indexing: GridIndexing = .ij) -> [Tensor] {
    guard !tensors.isEmpty else {
        TensorError.report("meshgrid", "meshgrid expects a non-empty TensorList")
        return []
    }
    for t in tensors {
        guard t.rank <= 1 else {
            TensorError.report("meshgrid", "Expected 0D or 1D tensor in the tensor list but got: \(t.dims)")
            return tensors
        }
        guard t.dtype == tensors[0].dtype else {
            TensorError.report("meshgrid", "torch.meshgrid expects all tensors to have the same dtype, got \(tensors[0].dtype) and \(t.dtype)")
            return tensors
        }
    }
    var inputs = tensors
    let swaps = indexing == .xy && inputs.count >= 2
    if swaps { inputs.swapAt(0, 1) }
    let sizes = Dims(inputs.map(\.count))
    var grids = inputs.enumerated().map { i, t in
        var shape = Dims(rank: inputs.count, repeating: 1)
        shape[i] = t.count
        return t.reshaped(shape).expanded(to: sizes)
    }
    if swaps { grids.swapAt(0, 1) }
    return grids
}

/// All combinations of one element from each vector, as rows. PyTorch: `torch.cartesian_prod`.
public func cartesianProd(_ tensors: [Tensor]) -> Tensor {
    if let t = tensors.first(where: { $0.rank != 1 }) {
        TensorError.report("cartesianProd", "Expect a 1D vector, but got shape \(t.dims)")
        return .placeholder
    }
    guard tensors.count != 1 else { return tensors[0] }
    let grids = meshgrid(tensors)
    return grids.isEmpty ? .placeholder : stack(grids.map { $0.reshape([$0.count]) }, dim: 1)
}

/// The tensors as views of their common shape. PyTorch: `torch.broadcast_tensors`.
public func broadcastTensors(_ tensors: [Tensor]) -> [Tensor] {
    guard let first = tensors.first else { return [] }
    var sizes = first.dims
    for t in tensors.dropFirst() {
        guard let s = Shape.broadcast(sizes, t.dims, "broadcastTensors") else { return tensors }
        sizes = s
    }
    return tensors.map { $0.expanded(to: sizes) }
}
/// The tensors as views of their common shape. PyTorch: `torch.broadcast_tensors`.
public func broadcastTensors(_ tensors: Tensor...) -> [Tensor] { broadcastTensors(tensors) }

/// The common shape of several. PyTorch: `torch.broadcast_shapes`.
public func broadcastShapes(_ shapes: [Int]...) -> [Int] { broadcastShapes(shapes) }
/// The common shape of several. PyTorch: `torch.broadcast_shapes`.
public func broadcastShapes(_ shapes: [[Int]]) -> [Int] {
    var result = Dims()
    for s in shapes {
        if let negative = s.first(where: { $0 < 0 }) {
            TensorError.report("broadcastShapes", "Trying to create tensor with negative dimension (\(negative)): \(s)")
            return []
        }
        guard let joined = Shape.broadcast(result, Dims(s)) else {
            TensorError.report("broadcastShapes", "Shape mismatch: objects cannot be broadcast to a single shape: \(shapes)")
            return []
        }
        result = joined
    }
    return result.array
}

extension Tensor {
    /// All subsets of `r` elements of this vector, as rows. PyTorch: `torch.combinations`.
    public func combinations(_ r: Int = 2, withReplacement: Bool = false) -> Tensor {
        guard rank == 1, r >= 0 else {
            TensorError.report("combinations", rank != 1 ? "Expect a 1D vector, but got shape \(dims)" : "Expect a non-negative number, but got \(r)")
            return .placeholder
        }
        if r == 0 { return Tensor.make([0], dtype, device: device) }
        var picks: [Int] = []
        var rows = 0
        var current = withReplacement ? [Int](repeating: 0, count: r) : Array(0..<r)
        if withReplacement ? count > 0 : r <= count {
            search: while true {
                picks += current
                rows += 1
                // The next one in lexical order: the last position that can still grow.
                var i = r - 1
                while i >= 0, current[i] == (withReplacement ? count - 1 : count - r + i) { i -= 1 }
                if i < 0 { break search }
                current[i] += 1
                for k in (i + 1)..<Swift.max(r, i + 1) { current[k] = withReplacement ? current[i] : current[k - 1] + 1 }
            }
        }
        return indexSelect(0, Tensor(picks, device: device)).reshape([rows, r])
    }
}
