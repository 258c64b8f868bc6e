// Largest and smallest elements, and where they are.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// Largest (smallest) element and its position, along one dim.
    public struct Extreme: Sendable {
        public let values: Tensor
        /// Positions along the dim, int64.
        public let indices: Tensor
    }

    // MARK: Of all elements

    /// Largest element; NaN if there is one. Equal elements share the gradient. PyTorch: `torch.max`.
    public func max() -> Tensor { wholeExtreme(.max, "max") }
    /// Smallest element; NaN if there is one. Equal elements share the gradient. PyTorch: `torch.min`.
    public func min() -> Tensor { wholeExtreme(.min, "min") }

    private func wholeExtreme(_ op: ReduceOp, _ name: StaticString) -> Tensor {
        guard count > 0 else {
            TensorError.report("\(name)", "\(name)(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.")
            return .placeholder
        }
        let out = reduced(op, Array(0..<rank), keepDim: false, name)
        return out.recordedWithOutput(name, (self, { g, y in self.evenly(g, y) }))
    }

    /// A gradient shared evenly by all elements equal to `value` (0-dim).
    func evenly(_ g: Tensor, _ value: Tensor) -> Tensor {
        let x = withoutGraph
        let y = value.withoutGraph
        let mask = (x .== y).logicalOr(x.isNaN().logicalAnd(y.isNaN()))
        return (g / mask.sum()).expanded(to: dims).kept(where: mask)
    }

    // MARK: Along one dim

    /// Largest elements along `dim` and their positions, the first of equal ones. PyTorch: `torch.max(dim=)`.
    public func max(dim: Int, keepDim: Bool = false) -> Extreme { extreme(.argmax, dim, keepDim, "max") }
    /// Smallest elements along `dim` and their positions, the first of equal ones. PyTorch: `torch.min(dim=)`.
    public func min(dim: Int, keepDim: Bool = false) -> Extreme { extreme(.argmin, dim, keepDim, "min") }

    private func extreme(_ op: ReduceOp, _ dim: Int, _ keepDim: Bool, _ name: StaticString) -> Extreme {
        guard let d = checkedDim(dim, "\(name)"), hasElements(along: [d], name) else { return Extreme(values: .placeholder, indices: .placeholder) }
        let dims = rank == 0 ? [] : [d]
        let kept = reduced(op, dims, keepDim: true, name)
        return picked(kept, d, keepDim, name)
    }

    /// The elements at `kept` (positions along `d`, where it has size 1), recorded, with or without that dim.
    func picked(_ kept: Tensor, _ d: Int, _ keepDim: Bool, _ name: StaticString) -> Extreme {
        let values = gather(d, kept)
        if keepDim || rank == 0 { return Extreme(values: values, indices: kept) }
        return Extreme(values: values.squeeze(d), indices: kept.squeeze(d))
    }

    /// Reports an extreme over nothing.
    func hasElements(along d: [Int], _ name: StaticString) -> Bool {
        for i in d where i < rank && dims[i] == 0 {
            TensorError.report("\(name)", "\(name)(): Expected reduction dim \(i) to have non-zero size.")
            return false
        }
        return true
    }

    /// Position of the largest element along `dim`, or in row-major order; the first of equal ones. PyTorch: `torch.argmax`.
    public func argmax(dim: Int? = nil, keepDim: Bool = false) -> Tensor { position(.argmax, dim, keepDim, "argmax") }
    /// Position of the smallest element along `dim`, or in row-major order; the first of equal ones. PyTorch: `torch.argmin`.
    public func argmin(dim: Int? = nil, keepDim: Bool = false) -> Tensor { position(.argmin, dim, keepDim, "argmin") }

    private func position(_ op: ReduceOp, _ dim: Int?, _ keepDim: Bool, _ name: StaticString) -> Tensor {
        guard let dim else {
            guard count > 0 else {
                TensorError.report("\(name)", "\(name)(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.")
                return .placeholder
            }
            return reduced(op, Array(0..<rank), keepDim: keepDim, name)
        }
        guard let d = checkedDim(dim, "\(name)"), hasElements(along: [d], name) else { return .placeholder }
        return reduced(op, rank == 0 ? [] : [d], keepDim: keepDim, name)
    }

    // MARK: Along several dims

    /// Largest elements over `dims` (all if empty); equal ones share the gradient. PyTorch: `torch.amax`.
    public func amax(_ dims: [Int] = [], keepDim: Bool = false) -> Tensor { extremes(.max, dims, keepDim, "amax") }
    /// Smallest elements over `dims` (all if empty); equal ones share the gradient. PyTorch: `torch.amin`.
    public func amin(_ dims: [Int] = [], keepDim: Bool = false) -> Tensor { extremes(.min, dims, keepDim, "amin") }
    /// Largest elements along one dim.
    public func amax(dim: Int, keepDim: Bool = false) -> Tensor { amax([dim], keepDim: keepDim) }
    /// Smallest elements along one dim.
    public func amin(dim: Int, keepDim: Bool = false) -> Tensor { amin([dim], keepDim: keepDim) }

    /// Smallest and largest elements along `dim` or of all. PyTorch: `torch.aminmax`.
    public func aminmax(dim: Int? = nil, keepDim: Bool = false) -> (min: Tensor, max: Tensor) {
        if dim == nil, count == 0 {
            TensorError.report("aminmax", "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.")
            return (.placeholder, .placeholder)
        }
        let d = dim.map { [$0] } ?? []
        return (extremes(.min, d, keepDim, "aminmax"), extremes(.max, d, keepDim, "aminmax"))
    }

    private func extremes(_ op: ReduceOp, _ dims: [Int], _ keepDim: Bool, _ name: StaticString) -> Tensor {
        guard let d = checkedDims(dims.isEmpty ? nil : dims, "\(name)") else { return .placeholder }
        if dims.isEmpty, count == 0 {
            TensorError.report("\(name)", "\(name)(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.")
            return .placeholder
        }
        guard hasElements(along: d, name) else { return .placeholder }
        guard rank <= 64 else {
            TensorError.report("\(name)", "only tensors with up to 64 dims are supported, got \(rank)")
            return .placeholder
        }
        let out = reduced(op, d, keepDim: keepDim, name)
        return out.recordedWithOutput(
            name,
            (
                self,
                { g, y in
                    let x = self.withoutGraph
                    let value = y.withoutGraph.restoringDims(d, keepDim: keepDim)
                    let mask = (x .== value).logicalOr(x.isNaN().logicalAnd(value.isNaN()))
                    let share = g.restoringDims(d, keepDim: keepDim) / mask.sum(d, keepDim: true)
                    return share.expanded(to: self.dims).kept(where: mask)
                }
            ))
    }
}
