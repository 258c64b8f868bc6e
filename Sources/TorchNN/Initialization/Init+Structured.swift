// Start values with structure: orthogonal, sparse, passing a signal through, truncated.
import Glibc
import TorchTensor

extension Init {
    /// Normal, restricted to [a, b]. PyTorch: `trunc_normal_`.
    ///
    /// Where much of the bell lies inside, values outside are drawn again; where little does, uniform candidates are accepted by the bell's height.
    public static func truncNormal(_ p: Parameter, mean: Double = 0, std: Double = 1, a: Double = -2, b: Double = 2, generator: Generator = .default) {
        func below(_ x: Double) -> Double { (1 + erf((x - mean) / std / 2.0.squareRoot())) / 2 }
        let inside = below(b) - below(a)
        noGrad {
            let like = p.tensor.detached()
            p.tensor = inside > 0.3 ? redrawn(like, mean, std, a, b, generator) : accepted(like, mean, std, a, b, generator)
        }
    }

    private static func redrawn(_ like: Tensor, _ mean: Double, _ std: Double, _ a: Double, _ b: Double, _ generator: Generator) -> Tensor {
        // The bounds in the tensor's type, so that the test agrees with the values it can hold.
        let (low, high) = (Tensor(a, dtype: like.dtype, device: .cpu), Tensor(b, dtype: like.dtype, device: .cpu))
        var result = like.emptyLike()
        result.fillNormal(mean: mean, std: std, generator: generator)
        while true {
            let outside = (result .< low).logicalOr(result .> high)
            guard outside.any().item(Bool.self) else { return result }
            var again = like.emptyLike()
            again.fillNormal(mean: mean, std: std, generator: generator)
            result = outside.select(again, result)
        }
    }

    private static func accepted(_ like: Tensor, _ mean: Double, _ std: Double, _ a: Double, _ b: Double, _ generator: Generator) -> Tensor {
        // Heights are relative to the highest point of the bell within [a, b].
        let mode = Swift.max(a, Swift.min(mean, b))
        let top = (mode - mean) / std
        let logTop = -0.5 * (top * top)
        func drawUniform(_ from: Double, _ to: Double) -> Tensor {
            var t = like.emptyLike()
            t.fillUniform(from: from, to: to, generator: generator)
            return t
        }
        func isRefused(_ x: Tensor) -> Tensor {
            let logHeight = ((x - mean) / std).square() * -0.5 - logTop
            return drawUniform(0, 1).log() .> logHeight
        }
        var result = drawUniform(a, b)
        var pending = isRefused(result)
        while pending.any().item(Bool.self) {
            let candidates = drawUniform(a, b)
            result = pending.select(candidates, result)
            pending = pending.logicalAnd(isRefused(candidates))
        }
        return result
    }

    /// A (semi-)orthogonal matrix (Saxe et al. 2013); dims after the first count as columns. PyTorch: `orthogonal_`.
    public static func orthogonal(_ p: Parameter, gain: Double = 1, generator: Generator = .default) {
        let like = p.tensor.detached()
        guard like.rank >= 2 else {
            TensorError.report("Init.orthogonal", "Only tensors with 2 or more dimensions are supported, got shape \(like.dims)")
            return
        }
        guard like.count > 0 else { return }
        noGrad {
            let (rows, columns) = (like.dims[0], like.count / like.dims[0])
            var drawn = Tensor.empty([rows, columns], dtype: like.dtype, device: like.device)
            drawn.fillNormal(generator: generator)
            let (q, r) = Linalg.qr(rows < columns ? drawn.t() : drawn)
            // Signs of R's diagonal make Q uniformly distributed.
            let signed = q * r.diagonal().sign()
            p.tensor = (rows < columns ? signed.t() : signed).reshape(like.shape).contiguous() * gain
        }
    }

    /// Normal with a share of each column set to zero (Martens 2010). PyTorch: `sparse_`.
    public static func sparse(_ p: Parameter, sparsity: Double, std: Double = 0.01, generator: Generator = .default) {
        let like = p.tensor.detached()
        guard like.rank == 2 else {
            TensorError.report("Init.sparse", "Only tensors with 2 dimensions are supported, got shape \(like.dims)")
            return
        }
        let (rows, columns) = (like.dims[0], like.dims[1])
        let zeros = Int((sparsity * Double(rows)).rounded(.up))
        var values = like.emptyLike()
        values.fillNormal(mean: 0, std: std, generator: generator)
        var keep = [Bool](repeating: true, count: rows * columns)
        for c in 0..<columns {
            // PyTorch takes the orders from the default generator, whatever draws the values.
            let order: [Int] = Tensor.randperm(rows, device: .cpu).array(of: Int.self)
            for r in order.prefix(zeros) { keep[r * columns + c] = false }
        }
        noGrad { p.tensor = Tensor(keep, shape: [rows, columns], device: like.device).select(values, values.zerosLike()) }
    }

    /// Ones where a convolution then passes its input through, per group. Ranks 3 to 5. PyTorch: `dirac_`.
    public static func dirac(_ p: Parameter, groups: Int = 1) {
        let sizes = p.tensor.shape
        guard (3...5).contains(sizes.count) else {
            TensorError.report("Init.dirac", "Only tensors with 3, 4, or 5 dimensions are supported, got shape \(p.tensor.dims)")
            return
        }
        guard groups > 0, sizes[0] % groups == 0 else {
            TensorError.report("Init.dirac", "dim 0 must be divisible by groups: \(sizes[0]), \(groups)")
            return
        }
        let perGroup = sizes[0] / groups
        let field = sizes[2...].reduce(1, *)
        // Flat position of the middle of the receptive field.
        let middle = sizes[2...].reduce(0) { $0 * $1 + $1 / 2 }
        var values = [Double](repeating: 0, count: p.tensor.count)
        for g in 0..<groups {
            for d in 0..<Swift.min(perGroup, sizes[1]) { values[((g * perGroup + d) * sizes[1] + d) * field + middle] = 1 }
        }
        noGrad { p.tensor = Tensor(values, shape: sizes, dtype: p.tensor.dtype, device: p.tensor.device) }
    }
}
