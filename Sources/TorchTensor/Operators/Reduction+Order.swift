// Statistics of order: medians, quantiles, the k-th value, the most frequent value.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Median

    /// The lower median of all elements; NaN if there is one. PyTorch: `torch.median`.
    public func median() -> Tensor { wholeMedian(ignoringNaN: false, "median") }
    /// The lower median of the elements that are not NaN. PyTorch: `torch.nanmedian`.
    public func nanmedian() -> Tensor { wholeMedian(ignoringNaN: true, "nanmedian") }
    /// Lower medians along `dim` and a place where each stands. PyTorch: `torch.median(dim=)`.
    public func median(dim: Int, keepDim: Bool = false) -> Extreme { median(dim, keepDim, ignoringNaN: false, "median") }
    /// Lower medians along `dim` of what is not NaN. PyTorch: `torch.nanmedian(dim=)`.
    public func nanmedian(dim: Int, keepDim: Bool = false) -> Extreme { median(dim, keepDim, ignoringNaN: true, "nanmedian") }

    private func wholeMedian(ignoringNaN: Bool, _ name: StaticString) -> Tensor {
        if count == 0 {
            guard dtype.isFloatingPoint else {
                TensorError.report("\(name)", "\(name)() operation does not have an identity for empty input of type \(dtype)")
                return .placeholder
            }
            return Tensor(.double(.nan), dtype: dtype, device: device)
        }
        let all = withoutGraph.contiguous().reshaped([count])
        let out = all.median(0, false, ignoringNaN: ignoringNaN, name).values
        return out.withoutGraph.recordedWithOutput(name, (self, { g, y in self.evenly(g, y) }))
    }

    private func median(_ dim: Int, _ keepDim: Bool, ignoringNaN: Bool, _ name: StaticString) -> Extreme {
        guard let d = checkedDim(dim, "\(name)"), hasElements(along: [d], name), let s = sortedLines(d, false, name) else {
            return Extreme(values: .placeholder, indices: .placeholder)
        }
        let n = s.values.dims[1]
        var place = Tensor.full([s.values.dims[0], 1], .int((n - 1) / 2), dtype: .int64, device: device)
        if dtype.isFloatingPoint {
            let numbers = s.values.isNaN().logicalNot().sum([1], keepDim: true)
            place =
                ignoringNaN
                ? (numbers - 1).clamp(min: 0).div(Tensor.number(.int(2)), roundingMode: .floor)
                // NaN stand last, the first of them first.
                : (numbers .== n).select(place, numbers)
        }
        let kept = s.indices.gather(1, place).fromLines(s.sizes, along: d, rank: rank)
        return picked(kept, d, keepDim, name)
    }

    // MARK: k-th value and mode

    /// The k-th smallest element along `dim`, counted from 1, and where it stands. PyTorch: `torch.kthvalue`.
    public func kthvalue(_ k: Int, dim: Int = -1, keepDim: Bool = false) -> Extreme {
        let nothing = Extreme(values: .placeholder, indices: .placeholder)
        guard let d = checkedDim(dim, "kthvalue"), hasElements(along: [d], "kthvalue") else { return nothing }
        let n = rank == 0 ? 1 : dims[d]
        guard k >= 1, k <= n else {
            TensorError.report("kthvalue", "selected number k out of range for dimension \(d): k is \(k), size \(n)")
            return nothing
        }
        guard let s = sortedLines(d, false, "kthvalue") else { return nothing }
        return picked(s.indices.slice(1, k - 1, k).contiguous().fromLines(s.sizes, along: d, rank: rank), d, keepDim, "kthvalue")
    }

    /// The most frequent element along `dim`, the smallest of several, and its last place. PyTorch: `torch.mode`.
    public func mode(dim: Int = -1, keepDim: Bool = false) -> Extreme {
        guard let d = checkedDim(dim, "mode"), hasElements(along: [d], "mode"), let s = sortedLines(d, false, "mode") else {
            return Extreme(values: .placeholder, indices: .placeholder)
        }
        let n = s.values.dims[1]
        // Length so far of the run of equal elements that each belongs to.
        let place = Tensor.arange(n, device: device).expanded(to: s.values.dims)
        let starts = Tensor.full(s.values.dims, 1, dtype: .bool, device: device)
        let differs = s.values.slice(1, 1) .!= s.values.slice(1, 0, n - 1)
        backend.copy(starts.slice(1, 1).operand, differs.operand)
        let run = place - starts.select(place, Tensor.number(.int(0))).cummax(dim: 1).values
        let last = run.argmax(dim: 1, keepDim: true)
        return picked(s.indices.gather(1, last).fromLines(s.sizes, along: d, rank: rank), d, keepDim, "mode")
    }

    // MARK: Quantiles

    /// How a quantile between two elements is made.
    public enum Interpolation: String, Sendable { case linear, lower, higher, midpoint, nearest }

    /// Quantiles `q` (0 to 1) along `dim`, or of all elements; several quantiles stand in a new first dim. PyTorch: `torch.quantile`.
    public func quantile(_ q: Tensor, dim: Int? = nil, keepDim: Bool = false, interpolation: Interpolation = .linear) -> Tensor {
        quantile(q, dim, keepDim, interpolation, ignoringNaN: false, "quantile")
    }
    /// One quantile. PyTorch: `torch.quantile`.
    public func quantile(_ q: Double, dim: Int? = nil, keepDim: Bool = false, interpolation: Interpolation = .linear) -> Tensor {
        quantile(Tensor(q, dtype: dtype, device: .cpu), dim: dim, keepDim: keepDim, interpolation: interpolation)
    }
    /// Quantiles of what is not NaN. PyTorch: `torch.nanquantile`.
    public func nanquantile(_ q: Tensor, dim: Int? = nil, keepDim: Bool = false, interpolation: Interpolation = .linear) -> Tensor {
        quantile(q, dim, keepDim, interpolation, ignoringNaN: true, "nanquantile")
    }
    /// One quantile of what is not NaN. PyTorch: `torch.nanquantile`.
    public func nanquantile(_ q: Double, dim: Int? = nil, keepDim: Bool = false, interpolation: Interpolation = .linear) -> Tensor {
        nanquantile(Tensor(q, dtype: dtype, device: .cpu), dim: dim, keepDim: keepDim, interpolation: interpolation)
    }

    private func quantile(_ q: Tensor, _ dim: Int?, _ keepDim: Bool, _ interpolation: Interpolation, ignoringNaN: Bool, _ name: StaticString) -> Tensor {
        if let cast = Autocast.raise(self, on: .cpu) { return cast.run { cast(self).quantile(cast(q), dim, keepDim, interpolation, ignoringNaN: ignoringNaN, name) } }
        guard dtype == .float32 || dtype == .float64 else {
            TensorError.report("\(name)", "\(name)() input tensor must be either float or double dtype, got \(dtype)")
            return .placeholder
        }
        guard count > 0 else {
            TensorError.report("\(name)", "\(name)() input tensor must be non-empty")
            return .placeholder
        }
        guard q.rank <= 1, q.dtype == dtype else {
            TensorError.report("\(name)", "\(name)() q tensor must be the same dtype as the input tensor and a scalar or 1D tensor, got \(q.dtype) \(q.dims)")
            return .placeholder
        }
        let q = q.to(device)
        let wanted = q.withoutGraph
        guard wanted.count == 0 || (wanted .>= 0).logicalAnd(wanted .<= 1).all().item(Bool.self) else {
            TensorError.report("\(name)", "\(name)() q values must be in the range [0, 1]")
            return .placeholder
        }
        // Lines along the dim, differentiable; sorted, then read at fractional places.
        var line = self
        if let dim {
            guard let d = checkedDim(dim, "\(name)") else { return .placeholder }
            line = rank == 0 ? reshape([1]) : moveDim(d, -1)
        } else {
            line = flatten()
        }
        let sorted = line.sort().values
        let n = sorted.dims[sorted.rank - 1]
        let plain = sorted.withoutGraph
        let numbers = plain.isNaN().logicalNot().sum(dim: -1, keepDim: true)
        var ranks: Tensor
        // The place in between is what a gradient towards q moves.
        let flat = q.reshaped([wanted.count])
        if ignoringNaN {
            ranks = flat * (numbers - 1).clamp(min: 0)
        } else {
            // One NaN makes the result NaN: it stands last.
            ranks = (numbers .== n).select(flat * Tensor.number(n - 1, flat), Tensor.number(n - 1, flat))
        }
        if interpolation == .lower { ranks = ranks.floor() }
        if interpolation == .higher { ranks = ranks.ceil() }
        if interpolation == .nearest { ranks = ranks.round() }
        let below = ranks.to(.int64)
        var values = sorted.gather(-1, below)
        if interpolation == .linear || interpolation == .midpoint {
            let weight = interpolation == .midpoint ? ranks.fullLike(0.5) : ranks - below
            let above = ranks.ceil().to(.int64)
            values = values.lerp(sorted.gather(-1, above), weight: weight)
        }
        // Now (others…, q). The quantiles go to the front, the reduced dim comes back if wanted.
        var out = values.moveDim(-1, 0)
        if keepDim {
            if let dim, rank > 0 { out = out.unsqueeze((dim < 0 ? dim + rank : dim) + 1) } else { out = out.reshaped(Dims([wanted.count] + [Int](repeating: 1, count: rank))) }
        } else if rank == 0 || dim == nil {
            out = out.reshaped([wanted.count])
        }
        return q.rank == 0 ? out.squeeze(0) : out
    }
}
