// Random numbers whose distribution is given by a tensor: Bernoulli, Poisson, gamma, categories.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// Makes a tensor of `dtype` in this one's shape by calling `body` with memory for it and this tensor's elements in the same order.
    ///
    /// `check` says what is wrong with a parameter, nil if nothing is.
    private func sampled(
        _ name: String, _ dtype: DType, _ check: (Double) -> String?,
        _ body: (_ out: UnsafeMutableRawPointer, _ parameters: UnsafeRawPointer, _ count: Int) -> Void
    ) -> Tensor {
        let source = device.isCPU ? self : to(.cpu)
        let parameters = source.isDense ? source : source.contiguous()
        let out = Tensor.make(like: parameters, dtype)
        let wrong = withExtendedLifetime(parameters) { () -> String? in
            if let wrong = parameters.firstProblem(check) { return wrong }
            body(out.operand.pointer, parameters.operand.pointer, count)
            return nil
        }
        if let wrong {
            TensorError.report(name, wrong)
            return out.zerosLike()
        }
        return out.to(device)
    }

    /// What `check` says of the elements of dense memory, the first complaint.
    private func firstProblem(_ check: (Double) -> String?) -> String? {
        func search<T>(_ type: T.Type, _ value: (T) -> Double) -> String? {
            let p = operand.pointer.assumingMemoryBound(to: T.self)
            for i in 0..<count { if let wrong = check(value(p[i])) { return wrong } }
            return nil
        }
        switch dtype {
        case .float64: return search(Double.self) { $0 }
        case .float32: return search(Float.self) { Double($0) }
        case .float16: return search(Float16.self) { Double($0) }
        case .bfloat16: return search(UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
        default: return nil
        }
    }

    /// 1 with the probability that each element gives, else 0; in this tensor's type, which must be floating. PyTorch: `torch.bernoulli(input)`.
    public func bernoulli(generator: Generator? = nil) -> Tensor {
        guard Tensor.checkRandomType("bernoulli", dtype.isFloatingPoint, dtype) else { return .placeholder }
        let drawn = drawnBernoulli(dtype, generator)
        // Zero almost everywhere, and so PyTorch records it.
        return drawn.recorded("bernoulli", self) { $0.zerosLike() }
    }

    /// 1 with `probability`, else 0, in this tensor's shape, layout, type and device. PyTorch: `torch.bernoulli(input, p)`.
    public func bernoulli(probability: Double, generator: Generator? = nil) -> Tensor {
        var t = Tensor.make(like: self, dtype)
        t.fillBernoulli(probability, generator: generator)
        return t
    }

    /// Fills with 1 with the probability at the same place of `probabilities` (floating, broadcast to this shape), else 0. PyTorch: `bernoulli_(p)`.
    public mutating func fillBernoulli(_ probabilities: Tensor, generator: Generator? = nil) {
        guard Tensor.checkRandomType("bernoulli", !dtype.isComplex, dtype),
            Tensor.checkRandomType("bernoulli", probabilities.dtype.isFloatingPoint, probabilities.dtype)
        else { return }
        guard Shape.canBroadcast(probabilities.dims, to: dims) else {
            TensorError.report("bernoulli", "probabilities of shape \(probabilities.dims) can not be broadcast to \(dims)")
            return
        }
        // Drawn in memory order: the probabilities are laid out like this tensor.
        let like = Tensor.make(like: self, probabilities.dtype)
        let source = noGrad { probabilities.detached().expanded(to: dims) }
        like.backend.copy(like.operand, source.operand)
        let bits = like.drawnBernoulli(dtype, generator)
        if isDense, bits.strides == strides {
            overwrite("bernoulli") { $0.backend.copy($0.operand, bits.operand) }
        } else {
            impl = bits.impl
        }
    }

    /// Numbers of `type`, 1 with the probability that each element gives, laid out like this tensor where that is dense.
    private func drawnBernoulli(_ type: DType, _ generator: Generator?) -> Tensor {
        guard let g = Tensor.generator(generator, device, "bernoulli") else { return .placeholder }
        if !device.isCPU, !g.device.isCPU {
            let chances = noGrad { isDense ? detached() : detached().contiguous() }
            // Only whether all is well comes back. If not, the CPU looks for the element to complain of.
            if count == 0 || noGrad({ (chances.clamp(min: 0, max: 1) .== chances).all().item() }) != 0 {
                let out = Tensor.make(like: chances, type)
                let flat = chances.operand.view(sizes: [count], strides: [1])
                if count > 0 { backend.random(out.operand.view(sizes: [count], strides: [1]), .bernoulliEach(flat), g) }
                return out
            }
        }
        return sampled("bernoulli", type, { $0 >= 0 && $0 <= 1 ? nil : "Expected p_in >= 0 && p_in <= 1 to be true, but an element is \($0)" }) { out, p, n in
            g.fillBernoulli(out, count: n, dtype: type, probabilities: p, probabilityType: dtype)
        }
    }

    /// Poisson numbers for the rates that the elements give; floating types. PyTorch: `torch.poisson`.
    public func poisson(generator: Generator? = nil) -> Tensor {
        guard Tensor.checkRandomType("poisson", dtype.isFloatingPoint, dtype), let g = Tensor.generator(generator, device, "poisson") else { return .placeholder }
        let type = dtype
        return sampled("poisson", type, { $0 >= 0 ? nil : "invalid Poisson rate, expected rate to be non-negative, but an element is \($0)" }) { out, rates, n in
            g.fillPoisson(out, count: n, dtype: type, rates: rates)
        }
    }

    /// Standard gamma numbers for the shapes (concentrations) that the elements give; float32 and float64. Not differentiable.
    /// PyTorch: `torch._standard_gamma`.
    public func standardGamma(generator: Generator? = nil) -> Tensor {
        guard Tensor.checkRandomType("standardGamma", dtype == .float32 || dtype == .float64, dtype), let g = Tensor.generator(generator, device, "standardGamma")
        else { return .placeholder }
        let type = dtype
        return sampled("standardGamma", type, { $0 >= 0 ? nil : "expected shapes that are not negative, but an element is \($0)" }) { out, shapes, n in
            g.fillGamma(out, count: n, dtype: type, shapes: shapes)
        }
    }

    /// Indices drawn in proportion to weights: (n) gives (numSamples), rows of (m, n) give (m, numSamples); int64. PyTorch: `torch.multinomial`.
    ///
    /// Weights must be floating, finite and not negative and need not sum to 1. Without replacement no index comes twice in a row.
    public func multinomial(_ numSamples: Int, replacement: Bool = false, generator: Generator? = nil) -> Tensor {
        guard Tensor.checkRandomType("multinomial", dtype.isFloatingPoint, dtype), let g = Tensor.generator(generator, device, "multinomial") else { return .placeholder }
        guard rank == 1 || rank == 2 else {
            TensorError.report("multinomial", "prob_dist must be 1 or 2 dim, got shape \(dims)")
            return .placeholder
        }
        let (rows, categories) = (rank == 1 ? 1 : dims[0], dims[rank - 1])
        guard numSamples > 0 else {
            TensorError.report("multinomial", "cannot sample n_sample <= 0 samples")
            return .placeholder
        }
        guard replacement || numSamples <= categories else {
            TensorError.report("multinomial", "cannot sample n_sample > prob_dist.size(-1) samples without replacement: \(numSamples) > \(categories)")
            return .placeholder
        }
        guard categories <= 1 << 24 else {
            TensorError.report("multinomial", "number of categories cannot exceed 2^24, got \(categories)")
            return .placeholder
        }
        let weights = (device.isCPU ? self : to(.cpu)).contiguous()
        let problem = weights.firstProblem {
            $0 >= 0 && $0 < .infinity ? nil : "probability tensor contains either `inf`, `nan` or element < 0: an element is \($0)"
        }
        if let problem {
            TensorError.report("multinomial", problem)
            return .placeholder
        }
        if rows > 0 {
            let values = weights.array(of: Double.self)
            for r in 0..<rows where !values[r * categories..<(r + 1) * categories].contains(where: { $0 > 0 }) {
                TensorError.report("multinomial", "invalid multinomial distribution (sum of probabilities <= 0) in row \(r)")
                return .placeholder
            }
        }
        let out = Tensor.make(rank == 1 ? [numSamples] : [rows, numSamples], .int64)
        if rows > 0 {
            withExtendedLifetime(weights) {
                g.fillMultinomial(
                    out.operand.pointer.assumingMemoryBound(to: Int64.self), weights: weights.operand.pointer, dtype: dtype, rows: rows,
                    categories: categories, samples: numSamples, replacement: replacement)
            }
        }
        return out.to(device)
    }
}
