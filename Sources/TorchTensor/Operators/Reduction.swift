// Reductions: many elements to one along dims.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Machinery

    /// Reduces `dims` (all if nil) with a kernel, unrecorded. `self` must be of a type that the kernel has.
    func reduced(_ op: ReduceOp, _ dims: [Int], keepDim: Bool, _ name: StaticString, _ parameters: KernelParameters = KernelParameters(0)) -> Tensor {
        var kept = self.dims
        var mask = Dims(rank: rank)
        for d in dims {
            kept[d] = 1
            mask[d] = 1
        }
        let out = Tensor.make(kept, DType(st_reduce_result(op, dtype.kernel)), device: device)
        guard backend.reduce(op, out.operand, operand, reduced: mask, parameters) else {
            TensorError.report("\(name)", "not implemented for \(dtype)", hint: "convert with .to(...) first")
            return .placeholder
        }
        return keepDim ? out : out.droppingDims(mask)
    }

    /// Without the dims where `mask` is set (they have size 1).
    func droppingDims(_ mask: Dims) -> Tensor {
        var (sizes, strides) = (Dims(), Dims())
        for d in 0..<rank where mask[d] == 0 {
            sizes.append(dims[d])
            strides.append(operand.strides[d])
        }
        return view(sizes: sizes, strides: strides)
    }

    /// A reduced tensor with its dims back as size 1, to broadcast against the input.
    func restoringDims(_ dims: [Int], keepDim: Bool) -> Tensor {
        if keepDim { return self }
        var t = self
        for d in dims.sorted() { t = t.unsqueeze(d) }
        return t
    }

    /// Number of elements that go into one result.
    func reducedCount(_ dims: [Int]) -> Int { dims.reduce(1) { $0 * self.dims[$1] } }

    // MARK: Sums

    /// Sum over `dims`, all if nil. Integers and bool sum in int64. PyTorch: `torch.sum`.
    public func sum(_ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        if dtype == nil, let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).sum(dims, keepDim: keepDim) } }
        guard let d = checkedDims(dims?.isEmpty == true ? nil : dims, "sum") else { return .placeholder }
        let type = dtype ?? (self.dtype.isDifferentiable ? self.dtype : .int64)
        let x = self.to(type)
        let out = x.reduced(.sum, d, keepDim: keepDim, "sum")
        if x.isRecorded { out.impl.node = SumNode(out, x, d, keepDim) }
        return out
    }
    /// Sum along one dim.
    public func sum(dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor { sum([dim], keepDim: keepDim, dtype: dtype) }

    /// Mean over `dims`, all if nil; floating types only. PyTorch: `torch.mean`.
    public func mean(_ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        guard let d = checkedDims(dims?.isEmpty == true ? nil : dims, "mean") else { return .placeholder }
        let x = dtype.map { self.to($0) } ?? self
        guard x.dtype.isDifferentiable else {
            TensorError.report("mean", "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: \(x.dtype)", hint: "convert with .to(.float32) first")
            return .placeholder
        }
        let n = reducedCount(d)
        return x.reduced(.mean, d, keepDim: keepDim, "mean").recorded("mean", x) { [shape = self.dims] g in
            g.restoringDims(d, keepDim: keepDim).expanded(to: shape) / n
        }
    }
    /// Mean along one dim.
    public func mean(dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor { mean([dim], keepDim: keepDim, dtype: dtype) }

    /// Summed down to a shape that broadcasts to this one: what undoes broadcasting. PyTorch: `sum_to_size`.
    public func sumToSize(_ size: [Int]) -> Tensor {
        guard Shape.canBroadcast(Dims(size), to: dims) else {
            TensorError.report("sumToSize", "size {\(Dims(size))} is not expandable to size {\(dims)}")
            return .placeholder
        }
        return sumToSize(Dims(size))
    }
    func sumToSize(_ size: Dims) -> Tensor {
        if size == dims { return self }
        let lead = rank - size.count
        let over = (0..<rank).filter { $0 < lead || (size[$0 - lead] == 1 && dims[$0] != 1) }
        let s = over.isEmpty ? self : sum(over, keepDim: true)
        return s.reshaped(size)
    }

    // MARK: Truth

    /// True if any element (along `dims`) is not zero. PyTorch: `torch.any`.
    public func any(_ dims: [Int]? = nil, keepDim: Bool = false) -> Tensor {
        guard let d = checkedDims(dims, "any") else { return .placeholder }
        return reduced(.any, d, keepDim: keepDim, "any")
    }
    /// True if all elements (along `dims`) are not zero. PyTorch: `torch.all`.
    public func all(_ dims: [Int]? = nil, keepDim: Bool = false) -> Tensor {
        guard let d = checkedDims(dims, "all") else { return .placeholder }
        return reduced(.all, d, keepDim: keepDim, "all")
    }
}

/// Sum: the gradient repeats.
final class SumNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    private let sizes: Dims
    private let dims: [Int]
    private let keepDim: Bool

    init(_ output: Tensor, _ x: Tensor, _ dims: [Int], _ keepDim: Bool) {
        sizes = x.dims
        self.dims = dims
        self.keepDim = keepDim
        super.init(output, x.impl.node)
    }

    override var name: String { "sum" }
    override func apply(_ gradient: Tensor) {
        if let e0 { Engine.push(e0, gradient.restoringDims(dims, keepDim: keepDim).expanded(to: sizes)) }
    }
}
