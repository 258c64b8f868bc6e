// The same elements in another order or repeated.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Reversed, shifted, turned

    /// The order along `dims` reversed, as a copy. PyTorch: `torch.flip`.
    public func flip(_ dims: [Int]) -> Tensor {
        guard let reversed = checkedDims(dims, "flip") else { return .placeholder }
        let out = Tensor.make(like: self, dtype)
        // The same memory walked backwards.
        var source = operand
        if count > 0 {
            for d in reversed {
                source.pointer += (source.sizes[d] - 1) * source.strides[d] * dtype.itemSize
                source.strides[d] = -source.strides[d]
            }
            backend.copy(out.operand, source)
        }
        return out.recorded("flip", self) { $0.flip(reversed) }
    }
    /// The order along `dims` reversed.
    public func flip(_ dims: Int...) -> Tensor { flip(dims) }

    /// Left and right exchanged (dim 1). PyTorch: `torch.fliplr`.
    public func fliplr() -> Tensor {
        guard rank >= 2 else {
            TensorError.report("fliplr", "Input must be >= 2-d.")
            return .placeholder
        }
        return flip([1])
    }

    /// Up and down exchanged (dim 0). PyTorch: `torch.flipud`.
    public func flipud() -> Tensor {
        guard rank >= 1 else {
            TensorError.report("flipud", "Input must be >= 1-d.")
            return .placeholder
        }
        return flip([0])
    }

    /// Elements moved by `shifts` along `dims`, those that leave at the end come back at the start; without dims the flattened tensor. PyTorch: `torch.roll`.
    public func roll(_ shifts: [Int], dims: [Int]? = nil) -> Tensor {
        guard !shifts.isEmpty else {
            TensorError.report("roll", "`shifts` required")
            return .placeholder
        }
        guard let dims, !dims.isEmpty else {
            guard shifts.count == 1 else {
                TensorError.report("roll", "shifts and dimensions must align. shifts: \(shifts.count), dims:0")
                return .placeholder
            }
            return reshape([count]).roll(shifts, dims: [0]).reshaped(self.dims)
        }
        guard dims.count == shifts.count else {
            TensorError.report("roll", "shifts and dimensions must align. shifts: \(shifts.count), dims:\(dims.count)")
            return .placeholder
        }
        guard rank > 0 else {
            TensorError.report("roll", "Dimension specified as \(dims[0]) but tensor has no dimensions")
            return .placeholder
        }
        var current = self
        for (shift, dim) in Swift.zip(shifts, dims) {
            guard let d = checkedDim(dim, "roll") else { return .placeholder }
            current = current.rolled(shift, d)
        }
        let out = current.impl === impl ? copied() : current.withoutGraph
        return out.recorded("roll", self) { $0.roll(shifts.map { -$0 }, dims: dims) }
    }
    /// Elements moved by `shift` along `dim`.
    public func roll(_ shift: Int, dim: Int? = nil) -> Tensor { roll([shift], dims: dim.map { [$0] }) }

    /// One dim rolled, unrecorded.
    private func rolled(_ shift: Int, _ d: Int) -> Tensor {
        guard rank > 0, count > 0 else { return self }
        let n = dims[d]
        let s = ((shift % n) + n) % n
        if s == 0 { return self }
        let out = Tensor.make(dims, dtype, device: device)
        // Two blocks change places.
        for (from, to, length) in [(0, s, n - s), (n - s, 0, s)] {
            var (target, source) = (out.operand, operand)
            target.sizes[d] = length
            source.sizes[d] = length
            target.pointer += to * target.strides[d] * dtype.itemSize
            source.pointer += from * source.strides[d] * dtype.itemSize
            backend.copy(target, source)
        }
        return out
    }

    /// Turned by 90 degrees `k` times in the plane of two dims, from the first towards the second. PyTorch: `torch.rot90`.
    public func rot90(_ k: Int = 1, dims: [Int] = [0, 1]) -> Tensor {
        guard dims.count == 2 else {
            TensorError.report("rot90", "expected total rotation dims == 2, but got dims = \(dims.count)")
            return .placeholder
        }
        guard rank >= 2 else {
            TensorError.report("rot90", "expected total dims >= 2, but got total dims = \(rank)")
            return .placeholder
        }
        guard let a = checkedDim(dims[0], "rot90"), let b = checkedDim(dims[1], "rot90") else { return .placeholder }
        guard a != b else {
            TensorError.report("rot90", "expected rotation dims to be different, but got dim0 = \(dims[0]) and dim1 = \(dims[1])")
            return .placeholder
        }
        switch ((k % 4) + 4) % 4 {
        case 1: return flip([b]).transpose(a, b)
        case 2: return flip([a, b])
        case 3: return flip([a]).transpose(a, b)
        default: return clone()
        }
    }

    // MARK: Repeated

    /// The whole tensor repeated along each dim; more counts than dims add dims in front. PyTorch: `Tensor.repeat`.
    public func `repeat`(_ counts: [Int]) -> Tensor {
        guard counts.count >= rank else {
            TensorError.report("repeat", "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: \(counts.count) and \(rank)")
            return .placeholder
        }
        guard !counts.contains(where: { $0 < 0 }) else {
            TensorError.report("repeat", "Trying to create tensor with negative dimension: repeats \(counts)")
            return .placeholder
        }
        let lead = counts.count - rank
        // (r0, s0, r1, s1, …): repeats are dims of stride 0, then joined with their sizes.
        var (whole, pairs, ones) = (Dims(), Dims(), Dims())
        for (i, r) in counts.enumerated() {
            let s = i < lead ? 1 : dims[i - lead]
            whole.append(r * s)
            pairs.append(r)
            pairs.append(s)
            ones.append(1)
            ones.append(s)
        }
        let repeated = reshaped(ones).expanded(to: pairs).reshaped(whole)
        return repeated.impl.storage === impl.storage ? repeated.clone() : repeated
    }
    /// The whole tensor repeated along each dim.
    public func `repeat`(_ counts: Int...) -> Tensor { self.repeat(counts) }

    /// Repeated along each dim, missing counts in front being 1. PyTorch: `torch.tile`.
    public func tile(_ counts: [Int]) -> Tensor {
        self.repeat([Int](repeating: 1, count: Swift.max(0, rank - counts.count)) + counts)
    }
    /// Repeated along each dim.
    public func tile(_ counts: Int...) -> Tensor { tile(counts) }

    /// Each element (or slice along `dim`) repeated `repeats` times in place. PyTorch: `torch.repeat_interleave`.
    public func repeatInterleave(_ repeats: Int, dim: Int? = nil) -> Tensor {
        guard repeats >= 0 else {
            TensorError.report("repeatInterleave", "repeats can not be negative, got \(repeats)")
            return .placeholder
        }
        guard let dim else { return reshape([count]).repeatInterleave(repeats, dim: 0) }
        guard let d = checkedDim(dim, "repeatInterleave") else { return .placeholder }
        let x = rank == 0 ? reshape([1]) : self
        let spread = x.unsqueeze(d + 1)
        var (pairs, whole) = (spread.dims, x.dims)
        pairs[d + 1] = repeats
        whole[d] *= repeats
        let out = spread.expanded(to: pairs).reshaped(whole)
        return out.impl.storage === impl.storage ? out.clone() : out
    }

    /// Each element (or slice along `dim`) repeated as often as `repeats` says. PyTorch: `torch.repeat_interleave`.
    public func repeatInterleave(_ repeats: Tensor, dim: Int? = nil, outputSize: Int? = nil) -> Tensor {
        guard let dim else { return reshape([count]).repeatInterleave(repeats, dim: 0, outputSize: outputSize) }
        guard let d = checkedDim(dim, "repeatInterleave") else { return .placeholder }
        let n = rank == 0 ? 1 : dims[d]
        guard repeats.rank <= 1 else {
            TensorError.report("repeatInterleave", "repeats must be 0-dim or 1-dim tensor, got shape \(repeats.dims)")
            return .placeholder
        }
        if repeats.count == 1, repeats.dtype.isInteger { return repeatInterleave(repeats.item(Int.self), dim: d) }
        guard repeats.count == n else {
            TensorError.report("repeatInterleave", "repeats must have the same size as input along dim, but got repeats.size(0) = \(repeats.count) and input.size(\(d)) = \(n)")
            return .placeholder
        }
        return indexSelect(d, Tensor.repeatInterleave(repeats, outputSize: outputSize))
    }

    /// Position i as often as `repeats[i]` says. PyTorch: `torch.repeat_interleave(repeats)`.
    public static func repeatInterleave(_ repeats: Tensor, outputSize: Int? = nil) -> Tensor {
        guard repeats.rank == 1, repeats.dtype == .int64 || repeats.dtype == .int32 else {
            TensorError.report("repeatInterleave", "repeat_interleave only accept 1D vector as repeat of int32 or int64, got \(repeats.dtype) \(repeats.dims)")
            return .placeholder
        }
        let counts = repeats.array(of: Int.self)
        guard !counts.contains(where: { $0 < 0 }) else {
            TensorError.report("repeatInterleave", "repeats can not be negative")
            return .placeholder
        }
        let total = counts.reduce(0, +)
        guard outputSize == nil || outputSize == total else {
            TensorError.report("repeatInterleave", "allocated size does not match required size: outputSize is \(outputSize!), the repeats sum to \(total)")
            return .placeholder
        }
        var positions: [Int] = []
        positions.reserveCapacity(total)
        for (i, c) in counts.enumerated() { positions.append(contentsOf: Swift.repeatElement(i, count: c)) }
        return Tensor(positions, dtype: repeats.dtype, device: repeats.device)
    }

    // MARK: Ranks and other names

    /// One dim. A view where strides allow. PyTorch: `torch.ravel`.
    public func ravel() -> Tensor { reshape([count]) }
    /// Viewed in another tensor's shape. PyTorch: `view_as`.
    public func view(as other: Tensor) -> Tensor { view(other.shape) }
    /// Reshaped to another tensor's shape. PyTorch: `reshape_as`.
    public func reshape(as other: Tensor) -> Tensor { reshape(other.shape) }

    /// A 0-dim tensor as a vector. PyTorch: `torch.atleast_1d`.
    public func atLeast1D() -> Tensor { rank == 0 ? reshape([1]) : self }
    /// Lower ranks as a matrix of one row. PyTorch: `torch.atleast_2d`.
    public func atLeast2D() -> Tensor { rank == 0 ? reshape([1, 1]) : rank == 1 ? unsqueeze(0) : self }
    /// Lower ranks with dims of size 1 around. PyTorch: `torch.atleast_3d`.
    public func atLeast3D() -> Tensor {
        switch rank {
        case 0: reshape([1, 1, 1])
        case 1: unsqueeze(0).unsqueeze(2)
        case 2: unsqueeze(2)
        default: self
        }
    }

    /// Conjugate transpose of a matrix. PyTorch: `Tensor.H`.
    public var H: Tensor {
        guard rank == 2 || rank == 0 else {
            TensorError.report("H", "tensor.H is only supported on matrices (2-D tensors). Got \(rank)-D tensor.", hint: "use mH for batches of matrices")
            return .placeholder
        }
        return rank == 0 ? conjugateIfComplex : mH
    }
    /// Conjugate transpose of the last two dims. PyTorch: `adjoint`.
    public func adjoint() -> Tensor { mH }
    /// The same as `transpose`. PyTorch: `swapaxes`.
    public func swapAxes(_ a: Int, _ b: Int) -> Tensor { transpose(a, b) }
    /// The same as `transpose`. PyTorch: `swapdims`.
    public func swapDims(_ a: Int, _ b: Int) -> Tensor { transpose(a, b) }
    /// The same as `moveDim`. PyTorch: `moveaxis`.
    public func moveAxis(_ source: Int, _ destination: Int) -> Tensor { moveDim(source, destination) }
    /// Repeated to `shape` without copying. PyTorch: `torch.broadcast_to`.
    public func broadcast(to shape: [Int]) -> Tensor { expand(shape) }

    /// The first elements in row-major order in another shape; what is added is undefined. PyTorch: `resize_`.
    public func resized(_ shape: [Int]) -> Tensor {
        if shape == self.shape { return self }
        let out = Tensor.makeChecked(Dims(shape), dtype, device: device, "resized")
        let n = Swift.min(count, out.count)
        if n > 0 {
            let source = noGrad { reshape([count]).slice(0, 0, n) }
            let target = noGrad { out.reshape([out.count]).slice(0, 0, n) }
            backend.copy(target.operand, source.operand)
        }
        return out
    }
}
