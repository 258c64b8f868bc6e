// Random numbers composed of simpler draws: binomial, Dirichlet.
import Glibc
import TorchRuntime

extension Tensor {
    /// Numbers of successes: `self` trials (whole numbers in a floating type) with the probability at the same place of `probability`, broadcast.
    /// PyTorch: `torch.binomial`. Not differentiable.
    public func binomial(_ probability: Tensor, generator: Generator? = nil) -> Tensor {
        guard Tensor.checkRandomType("binomial", dtype == .float32 || dtype == .float64, dtype) else { return .placeholder }
        guard probability.dtype == dtype else {
            TensorError.report("binomial", "binomial only supports count and prob of one type, got \(dtype) and \(probability.dtype)")
            return .placeholder
        }
        guard let sizes = Shape.broadcast(dims, probability.dims) else {
            TensorError.report("binomial", "counts of shape \(dims) and probabilities of shape \(probability.dims) can not be broadcast together")
            return .placeholder
        }
        let counts = noGrad { expanded(to: sizes) }.array(of: Double.self)
        let chances = noGrad { probability.expanded(to: sizes) }.array(of: Double.self)
        if let bad = counts.first(where: { $0 < 0 }) {
            TensorError.report("binomial", "expected counts that are not negative, but an element is \(bad)")
            return .placeholder
        }
        guard let g = Tensor.generator(generator, device, "binomial")?.forCPU() else { return .placeholder }
        let single = dtype == .float32
        let drawn = zip(counts, chances).map { Binomial.draw($0, $1, g, single: single) }
        return Tensor(drawn, shape: sizes.array, dtype: dtype, device: device)
    }

    /// Points of the simplex: each row of the last dim holds concentrations. float32 and float64. Not differentiable. PyTorch: `torch._sample_dirichlet`.
    public func dirichlet(generator: Generator? = nil) -> Tensor {
        guard Tensor.checkRandomType("dirichlet", dtype == .float32 || dtype == .float64, dtype) else { return .placeholder }
        guard rank > 0 else {
            TensorError.report("dirichlet", "expected concentrations along a last dimension, got a 0-dim tensor")
            return .placeholder
        }
        return noGrad {
            let gammas = to(.float64).standardGamma(generator: generator)
            let points = gammas / gammas.sum(dim: -1, keepDim: true)
            let (low, high): (Double, Double) =
                dtype == .float32
                ? (Double(Float.leastNormalMagnitude), Double(Float(1).nextDown)) : (Double.leastNormalMagnitude, Double(1).nextDown)
            return points.to(dtype).clamp(min: low, max: high)
        }
    }
}

/// One binomial number.
private enum Binomial {
    /// `single`: quotients and roots of the parameters are taken in float32, as PyTorch does for float32 tensors.
    static func draw(_ count: Double, _ p: Double, _ g: Generator, single: Bool) -> Double {
        if count <= 0 || p <= 0 { return 0 }
        if p >= 1 { return count }
        if p.isNaN { return .nan }
        // The rarer outcome is counted.
        let rare = p <= 0.5 ? p : single ? Double(1 - Float(p)) : 1 - p
        let successes = count * rare >= 10 ? rejection(count, rare, g, single) : waiting(count, rare, g, single)
        return p <= 0.5 ? successes : count - successes
    }

    /// Adds waiting times until the trials are used up.
    private static func waiting(_ count: Double, _ p: Double, _ g: Generator, _ single: Bool) -> Double {
        let logMiss = single ? Double(log1p(-Float(p))) : log1p(-p)
        var (used, successes) = (0.0, 0.0)
        while true {
            used += (log(g.nextUnit()) / logMiss).rounded(.up)
            if used > count { return successes }
            successes += 1
        }
    }

    /// Hörmann 1993, "The generation of binomial random variates": transformed rejection with squeeze (BTRS).
    private static func rejection(_ n: Double, _ p: Double, _ g: Generator, _ single: Bool) -> Double {
        func rounded(_ x: Double) -> Double { single ? Double(Float(x)) : x }
        let deviation = rounded((n * p * (1 - p)).squareRoot())
        let b = rounded(1.15 + 2.53 * deviation)
        let a = rounded(-0.0873 + 0.0248 * b + 0.01 * p)
        let c = rounded(n * p + 0.5)
        let squeeze = rounded(0.92 - 4.2 / b)
        let odds = rounded(p / (1 - p))
        let alpha = rounded((2.83 + 5.1 / b) * deviation)
        let mode = ((n + 1) * p).rounded(.down)
        while true {
            let u = g.nextUnit() - 0.5
            let v = g.nextUnit()
            let us = 0.5 - Swift.abs(u)
            let k = ((2 * a / us + b) * u + c).rounded(.down)
            if us >= 0.07 && v <= squeeze { return k }
            if k < 0 || k > n { continue }
            let height = log(v * alpha / (a / (us * us) + b))
            var bound = (mode + 0.5) * log((mode + 1) / (odds * (n - mode + 1)))
            bound += (n + 1) * log((n - mode + 1) / (n - k + 1))
            bound += (k + 0.5) * log(odds * (n - k + 1) / (k + 1))
            bound += stirlingTail(mode) + stirlingTail(n - mode) - stirlingTail(k) - stirlingTail(n - k)
            if height <= bound { return k }
        }
    }

    /// log k! less Stirling's approximation of it.
    private static func stirlingTail(_ k: Double) -> Double {
        if k < 10 {
            let x = k + 1
            return lgamma(x) - (0.5 * log(2 * Double.pi) + (k + 0.5) * log(x) - x)
        }
        let x = k + 1
        let square = x * x
        return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / x
    }
}
