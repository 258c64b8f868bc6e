// Placing elements by integer tensors, and what happens where several meet.
import TorchKernels
import TorchRuntime

/// How elements that meet at one place are combined. PyTorch: the `reduce` argument of `scatter_reduce` and `index_reduce`.
public enum ScatterReduction: String, Sendable {
    case sum, prod, mean, amax, amin
}

extension Tensor {
    /// self[index[i][j][k]][j][k] = source[i][j][k] for `dim` 0, and so on. Where a place comes more than once, the last stays. PyTorch: `torch.scatter`.
    public func scatter(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
        let k = index.withoutGraph
        return scattered(.replace, dim, index, source, "scatter").recorded(
            "scatter", (self, { g in g.scatter(dim, k, 0) }), (source, { g in g.gatherPart(dim, k, source.dims) }))
    }

    /// One number at the places that `index` names. PyTorch: `torch.scatter(value=)`.
    public func scatter(_ dim: Int, _ index: Tensor, _ value: some ScalarConvertible) -> Tensor {
        let value = value.scalar
        if case .complex = value, !dtype.isComplex {
            TensorError.report("scatter", "value cannot be converted to type \(dtype) without overflow: it is complex")
            return .placeholder
        }
        let k = index.withoutGraph
        let source = noGrad { Tensor.scalarTensor(value, dtype).to(device).expanded(to: k.dims) }
        return scattered(.replace, dim, k, source, "scatter").recorded("scatter", self) { g in g.scatter(dim, k, 0) }
    }

    /// Elements of `source` combined at the places that `index` names along `dim`, with what is there if `includeSelf`. PyTorch: `torch.scatter_reduce`.
    public func scatterReduce(_ dim: Int, _ index: Tensor, _ source: Tensor, _ reduction: ScatterReduction, includeSelf: Bool = true) -> Tensor {
        guard let d = checkedDim(dim, "scatterReduce") else { return .placeholder }
        let k = index.withoutGraph
        let (x, s) = (withoutGraph, source.withoutGraph)
        let out = noGrad { x.scatterReduced(d, k, s, reduction, includeSelf) }
        if st_error_pending() { return .placeholder }
        guard isRecorded || source.isRecorded else { return out }
        return out.recordedJointlyWithOutput("scatterReduce", [self, source]) { [self] g, y, needs in
            let (dself, dsource) = Tensor.scatterReduceDerivatives(g, y, self, source, d, k, reduction, includeSelf, needs)
            return [dself.map { includeSelf ? $0 : $0.scatter(d, k, 0) }, dsource]
        }
    }

    /// The value, unrecorded.
    private func scatterReduced(_ d: Int, _ index: Tensor, _ source: Tensor, _ reduction: ScatterReduction, _ includeSelf: Bool) -> Tensor {
        if index.count == 0 { return clone() }
        var start = self
        if !includeSelf { start = scatter(d, index, Tensor.neutral(reduction, dtype)) }
        switch reduction {
        case .sum: return start.scattered(.sum, d, index, source, "scatterReduce")
        case .prod: return start.scattered(.prod, d, index, source, "scatterReduce")
        case .amax: return start.scattered(.max, d, index, source, "scatterReduce")
        case .amin: return start.scattered(.min, d, index, source, "scatterReduce")
        case .mean:
            let sums = start.scattered(.sum, d, index, source, "scatterReduce")
            let n = meanCounts(d, index, source, includeSelf)
            return dtype.isDifferentiable ? sums / n : sums.div(n, roundingMode: .floor)
        }
    }

    /// How many elements go into each mean, at least 1.
    private func meanCounts(_ d: Int, _ index: Tensor, _ source: Tensor, _ includeSelf: Bool) -> Tensor {
        noGrad {
            let n = (includeSelf ? onesLike() : zerosLike()).scatterAdd(d, index, source.onesLike(dtype: dtype))
            return n.maskedFill(n .== 0, 1)
        }
    }

    /// What changes nothing.
    private static func neutral(_ reduction: ScatterReduction, _ dtype: DType) -> Scalar {
        switch reduction {
        case .sum, .mean: .int(0)
        case .prod: .int(1)
        case .amax: lowest(dtype)
        case .amin: highest(dtype)
        }
    }

    /// The least value of a type; negative infinity where there is one.
    static func lowest(_ dtype: DType) -> Scalar {
        switch dtype {
        case .int8: .int(Int(Int8.min))
        case .int16: .int(Int(Int16.min))
        case .int32: .int(Int(Int32.min))
        case .int64: .int(Int.min)
        case .bool, .uint8, .uint16, .uint32, .uint64: .int(0)
        default: .double(-.infinity)
        }
    }
    /// The greatest value of a type; infinity where there is one.
    static func highest(_ dtype: DType) -> Scalar {
        switch dtype {
        case .int8: .int(Int(Int8.max))
        case .int16: .int(Int(Int16.max))
        case .int32: .int(Int(Int32.max))
        case .int64, .uint64: .int(Int.max)
        case .bool: .bool(true)
        case .uint8: .int(255)
        case .uint16: .int(65535)
        case .uint32: .int(4_294_967_295)
        default: .double(.infinity)
        }
    }

    private static func scatterReduceDerivatives(
        _ g: Tensor, _ result: Tensor, _ x: Tensor, _ source: Tensor, _ d: Int, _ index: Tensor, _ reduction: ScatterReduction, _ includeSelf: Bool, _ needs: [Bool]
    ) -> (Tensor?, Tensor?) {
        switch reduction {
        case .sum:
            return (g, needs[1] ? g.gatherPart(d, index, source.dims) : nil)
        case .mean:
            let n = x.meanCounts(d, index, source, includeSelf)
            let share = g / n
            return (share, needs[1] ? share.gatherPart(d, index, source.dims) : nil)
        case .amax, .amin:
            // Those that are equal to the result share its gradient.
            let isSelf = (x .== result).to(g.dtype)
            let isSource = (source .== result.gatherPart(d, index, source.dims)).to(g.dtype)
            let counts = noGrad { isSelf.scatterAdd(d, index, isSource) }
            let share = g / counts
            return (isSelf * share, needs[1] ? isSource * share.gatherPart(d, index, source.dims) : nil)
        case .prod:
            var dself: Tensor?
            if needs[0] {
                let zero = x .== 0
                let masked = x.maskedFill(zero, 1)
                dself = g * masked.scatterReduce(d, index, source, .prod, includeSelf: includeSelf) / masked
            }
            guard needs[1] else { return (dself, nil) }
            let zero = noGrad { source.withoutGraph .== 0 }
            let zeros = noGrad { x.zerosLike().scatterAdd(d, index, zero.to(x.dtype)).gatherPart(d, index, source.dims) }
            // The only zero of its place: the product of all the others.
            let onlyZero = noGrad { zero.logicalAnd(zeros .== 1) }
            let others = x.scatterReduce(d, index, source.maskedFill(onlyZero, 1), .prod, includeSelf: includeSelf)
            let atZero = (g * others).gatherPart(d, index, source.dims)
            let elsewhere = (g * result).gatherPart(d, index, source.dims) / source.maskedFill(zero, 1)
            return (dself, onlyZero.select(atZero, elsewhere))
        }
    }

    /// As `recordedJointly`, with the output handed to the derivative.
    func recordedJointlyWithOutput(
        _ name: StaticString, _ inputs: [Tensor], _ derivative: @escaping (_ gradient: Tensor, _ output: Tensor, _ needs: [Bool]) -> [Tensor?]
    ) -> Tensor {
        Tensor.recordedJointly(name, outputs: [self], inputs) { gradients, outputs, needs in
            guard let g = gradients[0] else { return inputs.map { _ in nil } }
            return derivative(g, outputs[0], needs)
        }[0]
    }

    // MARK: Whole slices

    /// A vector of positions along `d`, repeated to index every element of slices of `sizes`.
    private static func slices(_ index: Tensor, _ d: Int, _ sizes: Dims) -> Tensor {
        noGrad {
            var shape = Dims(rank: Swift.max(sizes.count, 1), repeating: 1)
            shape[d] = index.count
            return index.reshaped(shape).expanded(to: sizes)
        }
    }

    /// Checks what `indexCopy` and `indexReduce` have in common; gives the index for `scatter` with self and source of rank 1 at least.
    private func sliceIndex(_ dim: Int, _ index: Tensor, _ source: Tensor, _ name: StaticString) -> (d: Int, index: Tensor, x: Tensor, source: Tensor)? {
        guard let d = checkedDim(dim, "\(name)"), let k = index.asIndex(name, on: device) else { return nil }
        guard source.dtype == dtype else {
            TensorError.report("\(name)", "self and source expected to have the same dtype, but got (self) \(dtype) and (source) \(source.dtype)")
            return nil
        }
        let x = rank == 0 ? reshape([1]) : self
        let s = source.rank == 0 ? source.reshape([1]) : source
        var expected = x.dims
        expected[d] = k.count
        guard k.rank <= 1, s.dims == expected else {
            TensorError.report("\(name)", "Source/destination tensor must have same slice shapes: self \(dims), source \(source.dims), \(k.count) positions along dimension \(d)")
            return nil
        }
        return (d, Tensor.slices(k, d, s.dims), x, s)
    }

    /// Slices of `source` at positions `index` along `dim`. PyTorch: `torch.index_copy`.
    public func indexCopy(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
        guard let (d, k, x, s) = sliceIndex(dim, index, source, "indexCopy") else { return .placeholder }
        return x.scatter(d, k, s).reshaped(dims)
    }

    /// One number in the slices at positions `index` along `dim`, negative ones counted from the end. PyTorch: `torch.index_fill`.
    public func indexFill(_ dim: Int, _ index: Tensor, _ value: some ScalarConvertible) -> Tensor {
        let value = value.scalar
        if case .complex = value, !dtype.isComplex {
            TensorError.report("indexFill", "index_fill_(): Converting complex Scalar to non-complex type is not supported")
            return .placeholder
        }
        return indexFill(dim, index, Tensor.scalarTensor(value, dtype))
    }

    /// The only element of `value` in the slices at positions `index` along `dim`; it may want a gradient. PyTorch: `torch.index_fill`.
    public func indexFill(_ dim: Int, _ index: Tensor, _ value: Tensor) -> Tensor {
        guard let d = checkedDim(dim, "indexFill"), let k = index.asIndex("indexFill", on: device) else { return .placeholder }
        guard value.rank == 0, k.rank <= 1 else {
            TensorError.report(
                "indexFill",
                value.rank == 0
                    ? "Index has to be a vector/scalar, got shape \(k.dims)"
                    : "index_fill_ only supports a 0-dimensional value tensor, but got tensor with \(value.rank) dimension(s).")
            return .placeholder
        }
        let x = rank == 0 ? reshape([1]) : self
        var sizes = x.dims
        sizes[d] = k.count
        let places = Tensor.slices(k.countedFromEnd(x.dims[d]), d, sizes)
        return x.scatter(d, places, value.to(dtype).to(device).expanded(to: sizes)).reshaped(dims)
    }

    /// Slices of `source` combined at positions `index` along `dim`. PyTorch: `torch.index_reduce`.
    public func indexReduce(_ dim: Int, _ index: Tensor, _ source: Tensor, _ reduction: ScatterReduction, includeSelf: Bool = true) -> Tensor {
        guard let (d, k, x, s) = sliceIndex(dim, index, source, "indexReduce") else { return .placeholder }
        return x.scatterReduce(d, k, s, reduction, includeSelf: includeSelf).reshaped(dims)
    }

    /// Negative positions counted from the end of a dim of size `n`.
    func countedFromEnd(_ n: Int) -> Tensor {
        noGrad {
            let negative = self .< 0
            return negative.any().item(Bool.self) ? negative.select(self + n, self) : self
        }
    }
}
