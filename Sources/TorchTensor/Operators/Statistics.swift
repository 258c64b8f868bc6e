// Covariance and correlation; equality within tolerances.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// Covariance of the rows (variables) over the columns (observations). PyTorch: `torch.cov`.
    ///
    /// - Parameters:
    ///   - correction: what is taken off the number of observations.
    ///   - frequencies: how often each observation counts, whole numbers. PyTorch: `fweights`.
    ///   - weights: how much each observation counts. PyTorch: `aweights`.
    public func cov(correction: Int = 1, frequencies: Tensor? = nil, weights: Tensor? = nil) -> Tensor {
        guard rank <= 2, dtype != .bool else {
            TensorError.report("cov", "cov(): expected input to have two or fewer dimensions and not be bool but got an input of \(dtype) \(dims)")
            return .placeholder
        }
        let x = rank < 2 ? reshape([1, count]) : self
        let n = x.dims[1]
        for (w, label) in [(frequencies, "fweights"), (weights, "aweights")] {
            guard let w else { continue }
            guard w.rank <= 1 else {
                TensorError.report("cov", "cov(): expected \(label) to have one or fewer dimensions but got \(label) with \(w.rank) dimensions")
                return .placeholder
            }
            guard label == "fweights" ? w.dtype.isInteger : w.dtype.isFloatingPoint else {
                TensorError.report("cov", "cov(): expected \(label) to have \(label == "fweights" ? "integral" : "floating point") dtype but got \(label) with \(w.dtype) dtype")
                return .placeholder
            }
            guard w.count == n else {
                TensorError.report("cov", "cov(): expected \(label) to have the same numel as there are observations in the input but got \(w.count) != \(n)")
                return .placeholder
            }
            guard w.count == 0 || w.withoutGraph.min().item() >= 0 else {
                TensorError.report("cov", "cov(): \(label) cannot be negative")
                return .placeholder
            }
        }
        var w: Tensor? = frequencies ?? weights
        if let frequencies, let weights { w = frequencies * weights }
        w = w.map { $0.rank == 0 ? $0.reshape([1]) : $0 }
        let total = w.map { $0.sum() }
        let average = (w.map { x * $0 } ?? x).sum(dim: 1) / (total ?? Tensor.number(.int(n)))
        let norm: Tensor
        if let w, let total, let weights, correction != 0 {
            norm = total - (w * weights).sum() / total * correction
        } else {
            norm = (total ?? Tensor(n, device: .cpu)) - correction
        }
        let centred = x - average.unsqueeze(1)
        let other = (w.map { centred * $0 } ?? centred).t().conjugateIfComplex
        let c = centred.matmul(other) / norm.clamp(min: 0)
        return c.squeeze()
    }

    /// Correlation coefficients of the rows. PyTorch: `torch.corrcoef`.
    public func corrcoef() -> Tensor {
        guard rank <= 2 else {
            TensorError.report("corrcoef", "corrcoef(): expected input to have two or fewer dimensions but got an input with \(rank) dimensions")
            return .placeholder
        }
        let c = cov()
        if c.rank == 0 { return c / c }
        let deviation = (c.dtype.isComplex ? c.diagonal().real : c.diagonal()).sqrt()
        let r = c / deviation.unsqueeze(1) / deviation.unsqueeze(0)
        if r.dtype.isComplex { return Tensor.complex(r.real.clamp(min: -1, max: 1), r.imag.clamp(min: -1, max: 1)) }
        return r.clamp(min: -1, max: 1)
    }

    // MARK: Equality

    /// Where |self - other| <= atol + rtol * |other|; infinities equal only themselves. PyTorch: `torch.isclose`.
    public func isClose(_ other: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNaN: Bool = false) -> Tensor {
        guard dtype == other.dtype else {
            TensorError.report("isclose", "\(dtype) did not match \(other.dtype)")
            return .placeholder
        }
        guard rtol >= 0, atol >= 0 else {
            TensorError.report("isclose", rtol >= 0 ? "atol must be greater than or equal to zero, but got \(atol)" : "rtol must be greater than or equal to zero, but got \(rtol)")
            return .placeholder
        }
        let (a, b) = (withoutGraph, other.withoutGraph)
        var close = a .== b
        if equalNaN && dtype.isDifferentiable { close = close.logicalOr(a.isNaN().logicalAnd(b.isNaN())) }
        if rtol == 0 && atol == 0 { return close }
        let type = dtype.isDifferentiable ? dtype : DefaultDType.floating
        let (x, y) = (a.converted(to: type), b.converted(to: type))
        let distance = (x - y).abs()
        let allowed = (y * rtol).abs() + atol
        return close.logicalOr(distance.isFinite().logicalAnd(distance .<= allowed))
    }

    /// True if all elements are close. PyTorch: `torch.allclose`.
    public func allClose(_ other: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNaN: Bool = false) -> Bool {
        isClose(other, rtol: rtol, atol: atol, equalNaN: equalNaN).all().item(Bool.self)
    }

    /// True if both have the same shape and elements; NaN equals nothing. PyTorch: `torch.equal`.
    public func equal(_ other: Tensor) -> Bool {
        dims == other.dims && (count == 0 || (withoutGraph .== other.withoutGraph).all().item(Bool.self))
    }
}
