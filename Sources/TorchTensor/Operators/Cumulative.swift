// Running sums, products and extremes; differences and integrals along a dim.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Machinery

    /// A scan along `d`, unrecorded; backwards from the end if `reverse`.
    private func scanned(_ op: ScanOp, _ d: Int, reverse: Bool = false, indices: Tensor? = nil, _ name: StaticString) -> Tensor {
        let out = Tensor.make(dims, dtype, device: device)
        if rank == 0 {
            backend.copy(out.operand, operand)
            indices?.fillUnshared(0)
            return out
        }
        func directed(_ o: Operand) -> Operand {
            guard reverse, count > 0 else { return o }
            var r = o
            r.pointer += (o.sizes[d] - 1) * o.strides[d] * o.dtype.itemSize
            r.strides[d] = -o.strides[d]
            return r
        }
        if backend.scan(op, directed(out.operand), indices.map { directed($0.operand) }, directed(operand), dim: d) { return out }
        TensorError.report("\(name)", "\"\(name)\" not implemented for \(dtype)", hint: "convert with .to(...) first")
        return .placeholder
    }

    /// Sum of each element and those after it along `d`: the derivative of a running sum, and the other way round.
    func sumOfRest(_ d: Int) -> Tensor {
        withoutGraph.scanned(.sum, d, reverse: true, "cumsum").recorded("sumOfRest", self) { $0.cumsum(dim: d) }
    }

    // MARK: Sums and products

    /// Running sum along `dim`; integers and bool in int64. PyTorch: `torch.cumsum`.
    public func cumsum(dim: Int, dtype: DType? = nil) -> Tensor {
        if dtype == nil, let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).cumsum(dim: dim) } }
        guard let d = checkedDim(dim, "cumsum") else { return .placeholder }
        let x = to(dtype ?? (self.dtype.isDifferentiable ? self.dtype : .int64))
        return x.scanned(.sum, d, "cumsum").recorded("cumsum", x) { $0.sumOfRest(d) }
    }

    /// Running product along `dim`; integers and bool in int64. PyTorch: `torch.cumprod`.
    public func cumprod(dim: Int, dtype: DType? = nil) -> Tensor {
        if dtype == nil, let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).cumprod(dim: dim) } }
        guard let d = checkedDim(dim, "cumprod") else { return .placeholder }
        let x = to(dtype ?? (self.dtype.isDifferentiable ? self.dtype : .int64))
        return x.scanned(.prod, d, "cumprod").recordedWithOutput("cumprod", (x, { g, y in x.cumprodDerivative(g, y, d) }))
    }

    private func cumprodDerivative(_ g: Tensor, _ y: Tensor, _ d: Int) -> Tensor {
        if rank == 0 || count == 0 { return g }
        let isZero = withoutGraph .== 0
        if !isZero.any().item(Bool.self) { return (g * y.conjugateIfComplex).sumOfRest(d) / conjugateIfComplex }
        if isRecorded {
            // For second derivatives through zeros: the products without factor k, all n² of them.
            let line = moveDim(d, -1)
            let n = line.dims[rank - 1]
            let others = Tensor.eye(n, dtype: .bool, device: device).select(Tensor.number(1, self), line.unsqueeze(-2)).cumprod(dim: -1)
            let place = Tensor.arange(n, device: device)
            let counts = place.unsqueeze(0) .>= place.unsqueeze(1)
            return (g.moveDim(d, -1).unsqueeze(-2) * others.conjugateIfComplex).kept(where: counts).sum(dim: -1).moveDim(-1, d)
        }
        // Before the first zero as without zeros; at the zero the product runs on without it; behind it nothing counts.
        let seen = isZero.cumsum(dim: d)
        let first = isZero.logicalAnd(seen .== 1)
        let one = Tensor.number(1, self)
        let onward = first.select(one, self).cumprod(dim: d)
        let before = ((g * y.conjugateIfComplex).sumOfRest(d) / isZero.select(one, self).conjugateIfComplex).kept(where: seen .== 0)
        return first.select((g * onward.conjugateIfComplex).sumOfRest(d), before)
    }

    /// Running log-sum-exp along `dim`. PyTorch: `torch.logcumsumexp`.
    public func logcumsumexp(dim: Int) -> Tensor {
        guard let d = checkedDim(dim, "logcumsumexp") else { return .placeholder }
        guard dtype.isDifferentiable else {
            TensorError.report("logcumsumexp", "\"logcumsumexp_out_cpu\" not implemented for \(dtype)", hint: "convert with .to(.float32) first")
            return .placeholder
        }
        return runningLogSumExp(d, reverse: false).recordedWithOutput(
            "logcumsumexp",
            (
                self,
                { g, y in
                    if g.isRecorded || y.isRecorded { return self.logcumsumexpDerivative(g, y, d) }
                    if self.dtype.isComplex {
                        return ((g.conj().log() - y).logSumExpOfRest(d) + self).exp().conj()
                    }
                    // Positive and negative gradients apart, in logarithms.
                    let size = g.abs().log()
                    let nothing = Tensor.number(-Double.infinity, g)
                    let up = (g .> 0).select(size, nothing)
                    let down = (g .< 0).select(size, nothing)
                    return ((up - y).logSumExpOfRest(d) + self).exp() - ((down - y).logSumExpOfRest(d) + self).exp()
                }
            ))
    }

    /// The derivative in differentiable operators: all n² shares of element k in result i.
    private func logcumsumexpDerivative(_ g: Tensor, _ y: Tensor, _ d: Int) -> Tensor {
        if rank == 0 { return g }
        let place = Tensor.arange(dims[d], device: device)
        let counts = place.unsqueeze(0) .>= place.unsqueeze(1)
        // What does not count is left out before exp, which could overflow there.
        let exponents = (moveDim(d, -1).unsqueeze(-1) - y.moveDim(d, -1).unsqueeze(-2)).kept(where: counts)
        let shares = exponents.exp().kept(where: counts).conjugateIfComplex
        return (g.moveDim(d, -1).unsqueeze(-2) * shares).sum(dim: -1).moveDim(-1, d)
    }

    /// Log-sum-exp of each element and those after it, unrecorded.
    private func logSumExpOfRest(_ d: Int) -> Tensor { rank == 0 ? self : runningLogSumExp(d, reverse: true) }

    private func runningLogSumExp(_ d: Int, reverse: Bool) -> Tensor {
        let x = withoutGraph
        if !dtype.isComplex { return x.scanned(.logSumExp, d, reverse: reverse, "logcumsumexp") }
        if rank == 0 || count == 0 { return x.copied() }
        // Complex numbers have no kernel, and phases must add up step by step as PyTorch's do.
        var parts: [Tensor] = []
        for i in reverse ? Array((0..<dims[d]).reversed()) : Array(0..<dims[d]) {
            let next = x.slice(d, i, i + 1)
            parts.append(parts.last.map { Tensor.complexLogAddExp($0, next) } ?? next)
        }
        return cat(reverse ? parts.reversed() : parts, dim: d)
    }

    // MARK: Extremes

    /// Running maximum along `dim` and where it stands (the last of equal ones). PyTorch: `torch.cummax`.
    public func cummax(dim: Int) -> Extreme { runningExtreme(.max, dim, "cummax") }
    /// Running minimum along `dim` and where it stands (the last of equal ones). PyTorch: `torch.cummin`.
    public func cummin(dim: Int) -> Extreme { runningExtreme(.min, dim, "cummin") }

    private func runningExtreme(_ op: ScanOp, _ dim: Int, _ name: StaticString) -> Extreme {
        guard let d = checkedDim(dim, "\(name)") else { return Extreme(values: .placeholder, indices: .placeholder) }
        let indices = Tensor.make(dims, .int64, device: device)
        let x = dtype == .bool ? converted(to: .uint8) : withoutGraph
        let values = x.scanned(op, d, indices: indices, name).converted(to: dtype)
        let whole = dims
        return Extreme(
            values: values.recorded(name, self) { g in
                whole.isEmpty ? g : Tensor.zeros(whole, dtype: g.dtype, device: g.device).scatterAdd(d, indices, g)
            }, indices: indices)
    }

    // MARK: Differences

    /// Differences of neighbours along `dim`, `n` times; `prepend` and `append` are joined on first. PyTorch: `torch.diff`.
    public func diff(n: Int = 1, dim: Int = -1, prepend: Tensor? = nil, append: Tensor? = nil) -> Tensor {
        guard rank > 0 else {
            TensorError.report("diff", "diff expects input to be at least one-dimensional")
            return .placeholder
        }
        guard let d = checkedDim(dim, "diff") else { return .placeholder }
        guard n >= 0 else {
            TensorError.report("diff", "order must be non-negative but got \(n)")
            return .placeholder
        }
        if n == 0 { return self }
        var x = self
        if prepend != nil || append != nil { x = cat([prepend, self, append].compactMap { $0 }, dim: d) }
        for _ in 0..<Swift.min(n, x.dims[d]) {
            let size = x.dims[d]
            let (later, earlier) = (x.slice(d, 1), x.slice(d, 0, size - 1))
            x = x.dtype == .bool ? later.logicalXor(earlier) : later - earlier
        }
        return x
    }

    // MARK: Integrals

    /// Integral along `dim` by the trapezoid rule with equal steps. PyTorch: `torch.trapezoid(dx=)`, `torch.trapz`.
    public func trapezoid(dx: some ScalarConvertible = 1, dim: Int = -1) -> Tensor {
        let dx = dx.scalar
        guard let d = checkedDim(dim, "trapezoid"), let areas = trapezoids(nil, dx, d, "trapezoid") else { return .placeholder }
        return areas.sum(dim: d)
    }
    /// Integral along `dim` over the places `x`. PyTorch: `torch.trapezoid(y, x)`.
    public func trapezoid(_ x: Tensor, dim: Int = -1) -> Tensor {
        guard let d = checkedDim(dim, "trapezoid"), let areas = trapezoids(x, 1, d, "trapezoid") else { return .placeholder }
        return areas.sum(dim: areas.rank - rank + d)
    }
    /// Running integral with equal steps. PyTorch: `torch.cumulative_trapezoid(dx=)`.
    public func cumulativeTrapezoid(dx: some ScalarConvertible = 1, dim: Int = -1) -> Tensor {
        let dx = dx.scalar
        guard let d = checkedDim(dim, "cumulativeTrapezoid"), let areas = trapezoids(nil, dx, d, "cumulativeTrapezoid") else { return .placeholder }
        return areas.cumsum(dim: d)
    }
    /// Running integral over the places `x`. PyTorch: `torch.cumulative_trapezoid(y, x)`.
    public func cumulativeTrapezoid(_ x: Tensor, dim: Int = -1) -> Tensor {
        guard let d = checkedDim(dim, "cumulativeTrapezoid"), let areas = trapezoids(x, 1, d, "cumulativeTrapezoid") else { return .placeholder }
        return areas.cumsum(dim: areas.rank - rank + d)
    }

    /// Areas between neighbours.
    private func trapezoids(_ x: Tensor?, _ dx: Scalar, _ d: Int, _ name: StaticString) -> Tensor? {
        guard rank > 0, dtype != .bool, x?.dtype != .bool else {
            TensorError.report("\(name)", "\(name): received a bool or 0-dimensional input, got \(dtype) \(dims)")
            return nil
        }
        let n = dims[d]
        let two = Tensor.number(.double(2))
        let sums = n == 0 ? self.slice(d, 0, 0) : slice(d, 1) + slice(d, 0, n - 1)
        guard let x else { return sums * Tensor.number(dx) / two }
        guard x.rank > 0 else {
            TensorError.report("\(name)", "\(name): x cannot be a 0-dimensional tensor")
            return nil
        }
        if x.rank == 1 {
            guard x.count == n else {
                TensorError.report("\(name)", "\(name): There must be one `x` value for each sample point, got \(x.count) for \(n)")
                return nil
            }
            var sizes = Dims(rank: rank, repeating: 1)
            sizes[d] = Swift.max(n - 1, 0)
            return sums * x.diff().reshaped(sizes) / two
        }
        // Aligned at the last dims, as everything that broadcasts.
        let places = d - (rank - x.rank)
        guard places >= 0 else {
            TensorError.report("\(name)", "\(name): x has too few dimensions for dim \(d): \(x.dims) against \(dims)")
            return nil
        }
        return sums * x.diff(dim: places) / two
    }

    // MARK: Derivatives on a grid

    /// Numerical derivative along each of `dims` (all if nil) by differences of second order in the interior, of order `edgeOrder` at the borders.
    /// `spacing`: one step for all dims, or one a dim. PyTorch: `torch.gradient`.
    public func gradient(spacing: [Scalar] = [1], dims: [Int]? = nil, edgeOrder: Int = 1) -> [Tensor] {
        guard let d = checkedGrid(dims, spacing.count == 1 && dims?.count ?? rank != 1 ? nil : spacing.count, edgeOrder) else { return [] }
        return d.enumerated().map { i, d in uniformGradient(spacing.count == 1 ? spacing[0] : spacing[i], d, edgeOrder) }
    }

    /// Numerical derivative on a grid whose places along each dim are given. PyTorch: `torch.gradient` with tensors as spacing.
    public func gradient(coordinates: [Tensor], dims: [Int]? = nil, edgeOrder: Int = 1) -> [Tensor] {
        guard let d = checkedGrid(dims, coordinates.count, edgeOrder) else { return [] }
        for (i, c) in coordinates.enumerated() where c.rank != 1 || c.count != self.dims[d[i]] {
            TensorError.report(
                "gradient",
                "torch.gradient expected each element of spacing to have one dimension and as many elements as input along it, but got \(c.dims) for dimension \(d[i]) of \(self.dims)")
            return []
        }
        return d.enumerated().map { i, d in unevenGradient(coordinates[i], d, edgeOrder) }
    }

    private func checkedGrid(_ wanted: [Int]?, _ spacings: Int?, _ edgeOrder: Int) -> [Int]? {
        guard edgeOrder == 1 || edgeOrder == 2 else {
            TensorError.report("gradient", "torch.gradient only supports edge_order=1 and edge_order=2, got \(edgeOrder).")
            return nil
        }
        guard let d = checkedDims(wanted, "gradient") else { return nil }
        if let spacings, spacings != d.count {
            TensorError.report(
                "gradient",
                "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the same length, but got a spacing argument of length \(spacings) and a dim argument of length \(d.count)."
            )
            return nil
        }
        for i in d where self.dims[i] < edgeOrder + 1 {
            TensorError.report("gradient", "torch.gradient expected each dimension size to be at least edge_order+1, got \(self.dims) with edge_order \(edgeOrder)")
            return nil
        }
        return d
    }

    private func uniformGradient(_ step: Scalar, _ d: Int, _ edgeOrder: Int) -> Tensor {
        let x = dtype.isDifferentiable ? self : to(DefaultDType.floating)
        let n = dims[d]
        let h = Tensor.number(step)
        func at(_ i: Int) -> Tensor { x.slice(d, i < 0 ? n + i : i, (i < 0 ? n + i : i) + 1) }
        let inner = (x.slice(d, 2) - x.slice(d, 0, n - 2)) / (h * 2)
        let first, last: Tensor
        if edgeOrder == 1 {
            first = (at(1) - at(0)) / h
            last = (at(-1) - at(-2)) / h
        } else {
            first = (at(0) * -1.5 + at(1) * 2.0 - at(2) * 0.5) / h
            last = (at(-1) * 1.5 - at(-2) * 2.0 + at(-3) * 0.5) / h
        }
        return cat([first, inner, last], dim: d)
    }

    private func unevenGradient(_ places: Tensor, _ d: Int, _ edgeOrder: Int) -> Tensor {
        let x = dtype.isDifferentiable ? self : to(DefaultDType.floating)
        let n = dims[d]
        func at(_ i: Int) -> Tensor { x.slice(d, i < 0 ? n + i : i, (i < 0 ? n + i : i) + 1) }
        // Steps as a row along d, to broadcast.
        var sizes = Dims(rank: rank, repeating: 1)
        sizes[d] = n - 1
        let steps = places.diff().to(x.dtype.isComplex ? places.dtype : x.dtype).reshaped(sizes)
        func step(_ i: Int) -> Tensor { steps.slice(d, i < 0 ? n - 1 + i : i, (i < 0 ? n - 1 + i : i) + 1) }
        let (h1, h2) = (steps.slice(d, 0, n - 2), steps.slice(d, 1))
        let both = h1 + h2
        let fromLow = x.slice(d, 0, n - 2) * (-h2 / (h1 * both))
        let fromMiddle = x.slice(d, 1, n - 1) * ((h2 - h1) / (h1 * h2))
        let fromHigh = x.slice(d, 2) * (h1 / (h2 * both))
        let inner = fromLow + fromMiddle + fromHigh
        let first, last: Tensor
        if edgeOrder == 1 {
            first = (at(1) - at(0)) / step(0)
            last = (at(-1) - at(-2)) / step(-1)
        } else {
            let (a, b) = (step(0), step(1))
            let f0 = at(0) * (-(a * 2 + b) / (a * (a + b)))
            let f1 = at(1) * ((a + b) / (a * b))
            let f2 = at(2) * (-a / (b * (a + b)))
            first = f0 + f1 + f2
            let (c, e) = (step(-2), step(-1))
            let l0 = at(-3) * (e / (c * (c + e)))
            let l1 = at(-2) * (-(e + c) / (c * e))
            let l2 = at(-1) * ((e * 2 + c) / (e * (c + e)))
            last = l0 + l1 + l2
        }
        return cat([first, inner, last], dim: d)
    }
}
