// Products, variances, norms, log-sum-exp, and sums that pass over NaN.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Variance

    /// Variance over `dims` (all if nil), divided by n - correction. PyTorch: `torch.var`.
    public func `var`(_ dims: [Int]? = nil, correction: Double = 1, keepDim: Bool = false) -> Tensor {
        guard let d = checkedMoment(dims, "var") else { return .placeholder }
        return reduced(.variance, d, keepDim: keepDim, "var", KernelParameters(correction)).recorded("var", self) { g in
            self.varianceDerivative(g, d, correction, keepDim)
        }
    }
    /// Variance along one dim.
    public func `var`(dim: Int, correction: Double = 1, keepDim: Bool = false) -> Tensor { self.var([dim], correction: correction, keepDim: keepDim) }

    /// Standard deviation over `dims` (all if nil). PyTorch: `torch.std`.
    public func std(_ dims: [Int]? = nil, correction: Double = 1, keepDim: Bool = false) -> Tensor {
        guard let d = checkedMoment(dims, "std") else { return .placeholder }
        return reduced(.std, d, keepDim: keepDim, "std", KernelParameters(correction)).recordedWithOutput(
            "std",
            (
                self,
                { g, y in
                    self.varianceDerivative((g / (y * 2)).kept(where: y .!= 0), d, correction, keepDim)
                }
            ))
    }
    /// Standard deviation along one dim.
    public func std(dim: Int, correction: Double = 1, keepDim: Bool = false) -> Tensor { std([dim], correction: correction, keepDim: keepDim) }

    /// Variance and mean over `dims` (all if nil). PyTorch: `torch.var_mean`.
    public func varMean(_ dims: [Int]? = nil, correction: Double = 1, keepDim: Bool = false) -> (variance: Tensor, mean: Tensor) {
        (self.var(dims, correction: correction, keepDim: keepDim), mean(dims, keepDim: keepDim))
    }

    /// Standard deviation and mean over `dims` (all if nil). PyTorch: `torch.std_mean`.
    public func stdMean(_ dims: [Int]? = nil, correction: Double = 1, keepDim: Bool = false) -> (std: Tensor, mean: Tensor) {
        (std(dims, correction: correction, keepDim: keepDim), mean(dims, keepDim: keepDim))
    }

    private func checkedMoment(_ dims: [Int]?, _ name: StaticString) -> [Int]? {
        guard dtype.isDifferentiable else {
            TensorError.report("\(name)", "\(name) only support floating point and complex dtypes, got \(dtype)", hint: "convert with .to(.float32) first")
            return nil
        }
        return checkedDims(dims?.isEmpty == true ? nil : dims, "\(name)")
    }

    private func varianceDerivative(_ g: Tensor, _ d: [Int], _ correction: Double, _ keepDim: Bool) -> Tensor {
        let freedom = Swift.max(0, Double(reducedCount(d)) - correction)
        return g.restoringDims(d, keepDim: keepDim) * (2 / freedom) * (self - mean(d.isEmpty ? nil : d, keepDim: true))
    }

    // MARK: Product

    /// Product of all elements; integers and bool multiply in int64. PyTorch: `torch.prod`.
    public func prod(dtype: DType? = nil) -> Tensor { product(Array(0..<rank), keepDim: false, dtype) }

    /// Product along `dim`. PyTorch: `torch.prod(dim=)`.
    public func prod(dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        guard let d = checkedDim(dim, "prod") else { return .placeholder }
        return product(rank == 0 ? [] : [d], keepDim: keepDim, dtype)
    }

    private func product(_ d: [Int], keepDim: Bool, _ dtype: DType?) -> Tensor {
        if dtype == nil, let cast = Autocast.raise(self) { return cast.run { cast(self).product(d, keepDim: keepDim, nil) } }
        let x = to(dtype ?? (self.dtype.isDifferentiable ? self.dtype : .int64))
        // `prod` of a bool result is whether all are true.
        if x.dtype == .bool { return x.reduced(.all, d, keepDim: keepDim, "prod") }
        return x.reduced(.prod, d, keepDim: keepDim, "prod").recordedWithOutput(
            "prod",
            (
                x,
                { g, y in
                    x.productDerivative(g.restoringDims(d, keepDim: keepDim), y.restoringDims(d, keepDim: keepDim), d)
                }
            ))
    }

    /// Towards each factor: the product of the others.
    private func productDerivative(_ g: Tensor, _ y: Tensor, _ d: [Int]) -> Tensor {
        if d.isEmpty { return g }
        if count == 0 { return zerosLike() }
        let isZero = withoutGraph .== 0
        if !isZero.any().item(Bool.self) { return g * (y / self).conjugateIfComplex }
        if isRecorded { return g * productOfOthers(d).conjugateIfComplex }
        let one = Tensor.number(1, self)
        let zeros = isZero.sum(d, keepDim: true)
        let safe = isZero.select(one, self)
        let rest = d.count == rank && d.count != 1 ? safe.prod().reshaped(Dims(rank: rank, repeating: 1)) : safe.prod(dim: d[0], keepDim: true)
        let others = isZero.select(rest.kept(where: zeros .== 1), (rest / safe).kept(where: zeros .== 0))
        return g * others.conjugateIfComplex
    }

    /// The product of all other elements, element by element, in differentiable operators: n² of them, for second derivatives through zeros.
    private func productOfOthers(_ d: [Int]) -> Tensor {
        let line = d.count == rank && d.count != 1 ? reshaped([count]) : moveDim(d[0], -1)
        let n = line.dims[line.rank - 1]
        let diagonal = Tensor.eye(n, dtype: .bool, device: device)
        let others = diagonal.select(Tensor.number(1, self), line.unsqueeze(-2)).prod(dim: -1)
        return d.count == rank && d.count != 1 ? others.reshaped(dims) : others.moveDim(-1, d[0])
    }

    // MARK: Sums that pass over NaN

    /// Sum without NaN. PyTorch: `torch.nansum`.
    public func nansum(_ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        guard !self.dtype.isComplex else {
            TensorError.report("nansum", "nansum does not support complex inputs")
            return .placeholder
        }
        guard self.dtype.isFloatingPoint else { return sum(dims, keepDim: keepDim, dtype: dtype) }
        guard let d = checkedDims(dims?.isEmpty == true ? nil : dims, "nansum") else { return .placeholder }
        let x = dtype.map { self.to($0) } ?? self
        guard x.dtype.isFloatingPoint else { return x.sum(dims, keepDim: keepDim, dtype: dtype) }
        return x.reduced(.nansum, d, keepDim: keepDim, "nansum").recorded("nansum", x) { g in
            g.restoringDims(d, keepDim: keepDim).expanded(to: x.dims).kept(where: x.isNaN().logicalNot())
        }
    }

    /// Mean without NaN. PyTorch: `torch.nanmean`.
    public func nanmean(_ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        guard self.dtype.isDifferentiable else {
            TensorError.report("nanmean", "nanmean(): expected input to have floating point or complex dtype but got \(self.dtype)")
            return .placeholder
        }
        let present = withoutGraph.isNaN().logicalNot()
        let total = self.dtype.isComplex ? kept(where: present).sum(dims, keepDim: keepDim, dtype: dtype) : nansum(dims, keepDim: keepDim, dtype: dtype)
        return total / present.sum(dims, keepDim: keepDim)
    }

    /// Number of elements that are not zero. PyTorch: `torch.count_nonzero`.
    public func countNonzero(_ dims: [Int]? = nil) -> Tensor {
        guard let d = checkedDims(dims?.isEmpty == true ? nil : dims, "countNonzero") else { return .placeholder }
        return reduced(.countNonzero, d, keepDim: false, "countNonzero")
    }

    // MARK: Log-sum-exp

    /// log(sum(e^x)) over `dims` without overflow. PyTorch: `torch.logsumexp`.
    public func logsumexp(_ dims: [Int], keepDim: Bool = false) -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).logsumexp(dims, keepDim: keepDim) } }
        let x = dtype.isDifferentiable ? self : to(DefaultDType.floating)
        guard let d = checkedDims(dims.isEmpty ? nil : dims, "logsumexp") else { return .placeholder }
        let out = x.dtype.isComplex ? x.withoutGraph.complexLogSumExp(d, keepDim) : x.reduced(.logSumExp, d, keepDim: keepDim, "logsumexp")
        return out.recordedWithOutput(
            "logsumexp",
            (
                x,
                { g, y in
                    g.restoringDims(d, keepDim: keepDim) * (x - y.restoringDims(d, keepDim: keepDim)).exp().conjugateIfComplex
                }
            ))
    }
    /// The same along one dim.
    public func logsumexp(dim: Int, keepDim: Bool = false) -> Tensor { logsumexp([dim], keepDim: keepDim) }

    private func complexLogSumExp(_ d: [Int], _ keepDim: Bool) -> Tensor {
        if reducedCount(d) == 0 { return exp().sum(d, keepDim: keepDim).log() }
        let largest = real.amax(d, keepDim: true)
        let shift = largest.kept(where: largest.isFinite())
        let out = (self - shift).exp().sum(d, keepDim: true).log() + shift
        if keepDim { return out }
        var mask = Dims(rank: rank)
        for i in d { mask[i] = 1 }
        return out.droppingDims(mask)
    }

    // MARK: Norms

    /// (Σ |x|^p)^(1/p) over `dims` (all if nil); p may be 0 (number of nonzeros), infinity and -infinity. PyTorch: `torch.linalg.vector_norm`.
    public func norm(_ p: Double = 2, _ dims: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        if dtype == nil, let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).norm(p, dims, keepDim: keepDim) } }
        return Linalg.norm(self, p, dims, keepDim, dtype, "norm")
    }
    /// The same along one dim.
    public func norm(_ p: Double = 2, dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor { norm(p, [dim], keepDim: keepDim, dtype: dtype) }
}
