// Distinct values and how often they occur: unique, bincount, histograms.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Distinct values

    /// Distinct values, where each element went, and how often each occurs.
    public struct Distinct: Sendable {
        public let values: Tensor
        /// Position in `values` of each element (each slice along the dim), int64.
        public let inverse: Tensor
        /// How often each of `values` occurs, int64.
        public let counts: Tensor
    }

    /// Distinct elements in ascending order, or distinct slices along `dim` in lexicographic order. NaN are all distinct. PyTorch: `torch.unique`.
    public func unique(dim: Int? = nil) -> Distinct {
        guard let (slices, d) = distinctSlices(dim, "unique") else { return .nothing }
        // Sorted by the last column first; each sort keeps the order of equal ones.
        let n = slices.dims[0]
        var order = Tensor.arange(n, device: device)
        for column in (0..<slices.dims[1]).reversed() {
            let key = slices.select(1, column).contiguous().indexSelect(0, order)
            order = order.indexSelect(0, key.argsort(dim: 0))
        }
        let runs = slices.indexSelect(0, order).runs()
        // Element order[i] is in run runs.id[i].
        let inverse = Tensor.make([n], .int64, device: device).scattered(.replace, 0, order, runs.id, "unique")
        return distinct(slices, order.indexSelect(0, runs.starts), inverse, runs.counts, d)
    }

    /// Elements (slices along `dim`) with repeats of the one before dropped. PyTorch: `torch.unique_consecutive`.
    public func uniqueConsecutive(dim: Int? = nil) -> Distinct {
        guard let (slices, d) = distinctSlices(dim, "uniqueConsecutive") else { return .nothing }
        let runs = slices.runs()
        return distinct(slices, runs.starts, runs.id, runs.counts, d)
    }

    /// Elements as [count, 1], or slices along `dim` as [size, rest].
    private func distinctSlices(_ dim: Int?, _ name: StaticString) -> (slices: Tensor, dim: Int?)? {
        let x = withoutGraph
        guard let dim, rank > 0 else {
            if let dim, checkedDim(dim, "\(name)") == nil { return nil }
            return (x.contiguous().reshaped([count, 1]), nil)
        }
        guard let d = checkedDim(dim, "\(name)") else { return nil }
        let n = dims[d]
        guard count > 0 || n == 0 else {
            TensorError.report("\(name)", "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied: \(dims)")
            return nil
        }
        return (noGrad { x.moveDim(d, 0).contiguous().reshaped([n, n == 0 ? 0 : count / n]) }, d)
    }

    /// Runs of equal rows: the run of each row, and each run's first row and length.
    private func runs() -> (id: Tensor, starts: Tensor, counts: Tensor) {
        let n = dims[0]
        let isStart = Tensor.full([n], 1, dtype: .bool, device: device)
        if n > 1 {
            let differs = (slice(0, 1) .!= slice(0, 0, n - 1)).any([1])
            backend.copy(isStart.slice(0, 1).operand, differs.operand)
        }
        let id = isStart.cumsum(dim: 0) - 1
        let starts = isStart.truePositions()
        let next = cat([starts.slice(0, 1), Tensor.full([Swift.min(n, 1)], .int(n), dtype: .int64, device: device)], dim: 0)
        return (id, starts, next - starts)
    }

    /// Positions of the true elements of a 1-D bool tensor.
    private func truePositions() -> Tensor {
        let out = Tensor.make([backend.nonzero(nil, operand), 1], .int64, device: device)
        _ = backend.nonzero(out.operand, operand)
        return out.reshaped([out.count])
    }

    private func distinct(_ slices: Tensor, _ picks: Tensor, _ inverse: Tensor, _ counts: Tensor, _ d: Int?) -> Distinct {
        let values = slices.indexSelect(0, picks)
        guard let d else { return Distinct(values: values.reshaped([picks.count]), inverse: inverse.reshaped(dims), counts: counts) }
        var sizes = dims
        sizes.remove(at: d)
        sizes.insert(picks.count, at: 0)
        return Distinct(values: values.reshaped(sizes).moveDim(0, d).contiguous(), inverse: inverse, counts: counts)
    }

    // MARK: Counts

    /// How often each whole number from 0 occurs, or the sum of its weights. PyTorch: `torch.bincount`.
    ///
    /// - Returns: int64 without weights; float32 for float32 weights, otherwise float64.
    public func bincount(weights: Tensor? = nil, minLength: Int = 0) -> Tensor {
        guard rank == 1, dtype.isInteger, count == 0 || self.min().item(Int.self) >= 0 else {
            TensorError.report("bincount", "bincount only supports 1-d non-negative integral inputs, got \(dtype) \(dims)")
            return .placeholder
        }
        guard minLength >= 0 else {
            TensorError.report("bincount", "minlength should be >= 0, got \(minLength)")
            return .placeholder
        }
        if let weights, weights.dims != dims {
            TensorError.report("bincount", "weights should be 1-d and have the same length as input, got \(weights.dims) and \(dims)")
            return .placeholder
        }
        let length = Swift.max(minLength, count == 0 ? 0 : self.max().item(Int.self) + 1)
        let w = weights?.withoutGraph.converted(to: weights?.dtype == .float32 ? .float32 : .float64) ?? onesLike(dtype: .int64)
        return Tensor.zeros([length], dtype: w.dtype, device: device).scatterAdd(0, converted(to: .int64), w)
    }

    /// Counts of elements in `bins` equal intervals from `min` to `max` (the data's range if both are equal). PyTorch: `torch.histc`.
    public func histc(bins: Int = 100, min: Double = 0, max: Double = 0) -> Tensor {
        guard bins > 0, min <= max, !dtype.isComplex, dtype != .bool else {
            TensorError.report("histc", bins > 0 ? "torch.histc: max must be larger than min, of a real type; got \(min) to \(max), \(dtype)" : "torch.histc: bins must be > 0, got \(bins)")
            return .placeholder
        }
        guard let (low, high) = histogramRange(min, max, margin: 1, "histc") else { return .placeholder }
        let type: DType = dtype == .float64 || !dtype.isFloatingPoint ? .float64 : .float32
        let x = withoutGraph.contiguous().reshaped([count]).converted(to: type)
        let inside = (x .>= low).logicalAnd(x .<= high)
        let scaled = (x - low) / (high - low) * Double(bins)
        let bin = scaled.kept(where: inside).to(.int64).clamp(max: bins - 1)
        return Tensor.zeros([bins], dtype: .int64, device: device).scatterAdd(0, bin, inside.to(.int64)).to(dtype)
    }

    /// The range given, or the data's, widened by `margin` where it is empty; 0 to 1 without data.
    private func histogramRange(_ min: Double, _ max: Double, margin: Double, _ name: StaticString) -> (Double, Double)? {
        var (low, high) = (min, max)
        if low == high, count > 0 {
            let range = withoutGraph.aminmax()
            (low, high) = (range.min.item(), range.max.item())
        }
        if count == 0, low == high { return (0, 1) }
        if low == high { (low, high) = (low - margin, high + margin) }
        guard low.isFinite, high.isFinite else {
            TensorError.report("\(name)", "range of [\(low), \(high)] is not finite")
            return nil
        }
        return (low, high)
    }

    /// Counts (or sums of weights) between the ascending `edges`, the last interval closed; with `density` divided so that the integral is 1.
    /// PyTorch: `torch.histogram`.
    public func histogram(edges: Tensor, weight: Tensor? = nil, density: Bool = false) -> (counts: Tensor, edges: Tensor) {
        let flat = withoutGraph.contiguous().reshaped([count, 1])
        guard let h = flat.histogramOverEdges([edges], weight, density, "histogram") else { return (.placeholder, .placeholder) }
        return (h, edges)
    }

    /// The same with `bins` equal intervals over `range` (the data's if nil). PyTorch: `torch.histogram`.
    public func histogram(bins: Int, range: (Double, Double)? = nil, weight: Tensor? = nil, density: Bool = false) -> (counts: Tensor, edges: Tensor) {
        let flat = withoutGraph.contiguous().reshaped([count, 1])
        let h = flat.histogramdd(bins: [bins], range: range.map { [$0.0, $0.1] }, weight: weight?.contiguous().reshaped([count]), density: density)
        return (h.counts, h.edges.first ?? .placeholder)
    }

    /// Histogram of points, the last dim their coordinates, between the edges of each coordinate. PyTorch: `torch.histogramdd`.
    public func histogramdd(edges: [Tensor], weight: Tensor? = nil, density: Bool = false) -> (counts: Tensor, edges: [Tensor]) {
        guard let points = checkedPoints(edges.count), let h = points.histogramOverEdges(edges, weight, density, "histogramdd") else { return (.placeholder, []) }
        return (h, edges)
    }

    /// The same with so many equal intervals a coordinate; `range` lists their limits, lower and upper by turns. PyTorch: `torch.histogramdd`.
    public func histogramdd(bins: [Int], range: [Double]? = nil, weight: Tensor? = nil, density: Bool = false) -> (counts: Tensor, edges: [Tensor]) {
        guard let points = checkedPoints(bins.count) else { return (.placeholder, []) }
        guard bins.allSatisfy({ $0 > 0 }), range == nil || range!.count == 2 * bins.count else {
            TensorError.report("histogramdd", "bins must be > 0 and range hold a pair for each dimension, got \(bins) and \(range ?? [])")
            return (.placeholder, [])
        }
        var edges: [Tensor] = []
        for (i, b) in bins.enumerated() {
            let limits = range.map { ($0[2 * i], $0[2 * i + 1]) } ?? (0, 0)
            guard let (low, high) = points.select(1, i).histogramRange(limits.0, limits.1, margin: 0.5, "histogramdd") else { return (.placeholder, []) }
            edges.append(Tensor.linspace(low, high, steps: b + 1, dtype: dtype, device: device))
        }
        guard let h = points.histogramOverEdges(edges, weight, density, "histogramdd") else { return (.placeholder, []) }
        return (h, edges)
    }

    private func checkedPoints(_ coordinates: Int) -> Tensor? {
        guard rank >= 2, coordinates == dims[rank - 1], coordinates > 0 else {
            TensorError.report("histogramdd", "histogramdd: The size of bins must be equal to the innermost dimension of the input: \(coordinates) against \(dims)")
            return nil
        }
        return withoutGraph.contiguous().reshaped([count / coordinates, coordinates])
    }

    private func histogramOverEdges(_ edges: [Tensor], _ weight: Tensor?, _ density: Bool, _ name: StaticString) -> Tensor? {
        guard dtype == .float32 || dtype == .float64 else {
            TensorError.report("\(name)", "\(name) is not implemented for \(dtype)", hint: "convert with .to(.float32) first")
            return nil
        }
        for e in edges where e.rank != 1 || e.count < 2 || e.dtype != dtype {
            TensorError.report("\(name)", "\(name): each tensor of edges should have one dimension, at least two elements and the type of input, got \(e.dims) \(e.dtype)")
            return nil
        }
        if let weight, weight.count != dims[0] || weight.dtype != dtype {
            TensorError.report("\(name)", "\(name): if weight tensor is provided it should have one element a point and the type of input, got \(weight.dims) \(weight.dtype)")
            return nil
        }
        let sizes = edges.map { $0.count - 1 }
        var cell = Tensor.zeros([dims[0]], dtype: .int64, device: device)
        var inside = Tensor.full([dims[0]], 1, dtype: .bool, device: device)
        for (i, e) in edges.enumerated() {
            let x = select(1, i).contiguous()
            inside = inside.logicalAnd(x .>= e.select(0, 0)).logicalAnd(x .<= e.select(0, e.count - 1))
            let bin = (e.searchSorted(x, right: true) - 1).clamp(min: 0, max: sizes[i] - 1)
            cell = cell * sizes[i] + bin
        }
        let w = (weight?.withoutGraph.contiguous().reshaped([dims[0]]) ?? Tensor.full([dims[0]], 1, dtype: dtype, device: device)).kept(where: inside)
        var h = Tensor.zeros([sizes.reduce(1, *)], dtype: dtype, device: device).scatterAdd(0, cell, w).reshape(sizes)
        if density {
            h = h / h.sum()
            for (i, e) in edges.enumerated() {
                var along = Dims(rank: sizes.count, repeating: 1)
                along[i] = sizes[i]
                h = h / e.diff().reshaped(along)
            }
        }
        return h
    }
}

extension Tensor.Distinct {
    static var nothing: Tensor.Distinct { Tensor.Distinct(values: .placeholder, inverse: .placeholder, counts: .placeholder) }
}
