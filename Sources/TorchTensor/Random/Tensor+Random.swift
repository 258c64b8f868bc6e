// New tensors of random numbers, in PyTorch's streams.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// An undefined tensor, filled by `fill`.
    private static func filled(
        _ name: String, _ shape: [Int], _ dtype: DType, _ device: Device, _ requiresGrad: Bool = false, _ fill: (inout Tensor) -> Void
    ) -> Tensor {
        var t = makeChecked(Dims(shape), dtype, device: device, name)
        fill(&t)
        return t.requiringGrad(requiresGrad)
    }

    // MARK: Uniform and normal

    /// Uniform numbers of [0, 1). PyTorch: `torch.rand`.
    public static func rand(
        _ shape: [Int], dtype: DType? = nil, device: Device = .default, generator: Generator? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        filled("rand", shape, dtype ?? DefaultDType.floating, device, requiresGrad) { $0.fillUniform(generator: generator) }
    }
    /// Uniform numbers of [0, 1). PyTorch: `torch.rand`.
    public static func rand(
        _ shape: Int..., dtype: DType? = nil, device: Device = .default, generator: Generator? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        rand(shape, dtype: dtype, device: device, generator: generator, requiresGrad: requiresGrad)
    }

    /// Normal numbers with mean 0 and standard deviation 1. PyTorch: `torch.randn`.
    public static func randn(
        _ shape: [Int], dtype: DType? = nil, device: Device = .default, generator: Generator? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        filled("randn", shape, dtype ?? DefaultDType.floating, device, requiresGrad) { $0.fillNormal(generator: generator) }
    }
    /// Normal numbers with mean 0 and standard deviation 1. PyTorch: `torch.randn`.
    public static func randn(
        _ shape: Int..., dtype: DType? = nil, device: Device = .default, generator: Generator? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        randn(shape, dtype: dtype, device: device, generator: generator, requiresGrad: requiresGrad)
    }

    /// Uniform numbers of [from, to). PyTorch: `torch.empty(shape).uniform_(from, to)`.
    public static func uniform(
        _ shape: [Int], from: Double = 0, to: Double = 1, dtype: DType? = nil, device: Device = .default, generator: Generator? = nil,
        requiresGrad: Bool = false
    ) -> Tensor {
        filled("uniform", shape, dtype ?? DefaultDType.floating, device, requiresGrad) { $0.fillUniform(from: from, to: to, generator: generator) }
    }

    /// Normal numbers. PyTorch: `torch.normal(mean, std, size)`.
    public static func normal(
        _ shape: [Int], mean: Double = 0, std: Double = 1, dtype: DType? = nil, device: Device = .default, generator: Generator? = nil,
        requiresGrad: Bool = false
    ) -> Tensor {
        filled("normal", shape, dtype ?? DefaultDType.floating, device, requiresGrad) { $0.fillNormal(mean: mean, std: std, generator: generator) }
    }

    /// Normal numbers with a mean and a standard deviation for each element, broadcast together. Not differentiable. PyTorch: `torch.normal(mean, std)`.
    public static func normal(mean: Tensor, std: Tensor, generator: Generator? = nil) -> Tensor {
        guard let sizes = Shape.broadcast(mean.dims, std.dims, "normal"), checkDeviations(std) else { return placeholder }
        let type = DType.promote(mean.dtype, std.dtype)
        return noGrad { filled("normal", sizes.array, type, mean.device) { $0.fillNormal(generator: generator) } * std + mean }
    }
    /// Normal numbers with a mean for each element. Not differentiable. PyTorch: `torch.normal(mean, std)`.
    public static func normal(mean: Tensor, std: Double = 1, generator: Generator? = nil) -> Tensor {
        noGrad { filled("normal", mean.shape, mean.dtype, mean.device) { $0.fillNormal(std: std, generator: generator) } + mean }
    }
    /// Normal numbers with a standard deviation for each element. Not differentiable. PyTorch: `torch.normal(mean, std)`.
    public static func normal(mean: Double, std: Tensor, generator: Generator? = nil) -> Tensor {
        guard checkDeviations(std) else { return placeholder }
        return noGrad { filled("normal", std.shape, std.dtype, std.device) { $0.fillNormal(generator: generator) } * std + mean }
    }

    private static func checkDeviations(_ std: Tensor) -> Bool {
        guard checkRandomType("normal", std.dtype.isFloatingPoint, std.dtype) else { return false }
        if std.array(of: Double.self).contains(where: { $0 < 0 }) {
            TensorError.report("normal", "normal expects all elements of std >= 0.0")
            return false
        }
        return true
    }

    /// Uniform numbers of [0, 1) in this tensor's shape, layout, type and device. PyTorch: `torch.rand_like`.
    public func randLike(dtype: DType? = nil, generator: Generator? = nil) -> Tensor {
        like(dtype) { $0.fillUniform(generator: generator) }
    }
    /// Normal numbers in this tensor's shape, layout, type and device. PyTorch: `torch.randn_like`.
    public func randnLike(dtype: DType? = nil, generator: Generator? = nil) -> Tensor {
        like(dtype) { $0.fillNormal(generator: generator) }
    }
    /// Integers of [low, high) in this tensor's shape, layout, type and device. PyTorch: `torch.randint_like`.
    public func randintLike(_ low: Int, _ high: Int, dtype: DType? = nil, generator: Generator? = nil) -> Tensor {
        like(dtype) { $0.fillRandom(from: low, to: high, generator: generator) }
    }

    private func like(_ dtype: DType?, _ fill: (inout Tensor) -> Void) -> Tensor {
        var t = Tensor.make(like: self, dtype ?? self.dtype)
        fill(&t)
        return t
    }

    // MARK: Integers

    /// Integers of [low, high). PyTorch: `torch.randint(low, high, size)`.
    public static func randint(
        _ low: Int, _ high: Int, _ shape: [Int], dtype: DType = .int64, device: Device = .default, generator: Generator? = nil
    ) -> Tensor {
        guard checkRandomType("randint", !dtype.isComplex, dtype), checkIntegers("randint", low, high, dtype) else { return placeholder }
        return filled("randint", shape, dtype, device) { $0.fillRandom(from: low, to: high, generator: generator) }
    }
    /// Integers of [0, high). PyTorch: `torch.randint(high, size)`.
    public static func randint(_ high: Int, _ shape: [Int], dtype: DType = .int64, device: Device = .default, generator: Generator? = nil) -> Tensor {
        randint(0, high, shape, dtype: dtype, device: device, generator: generator)
    }

    /// 0 ..< n in random order. PyTorch: `torch.randperm`.
    public static func randperm(_ n: Int, dtype: DType = .int64, device: Device = .default, generator: Generator? = nil) -> Tensor {
        guard checkRandomType("randperm", !dtype.isComplex && dtype != .bool, dtype) else { return placeholder }
        guard n >= 0 else {
            TensorError.report("randperm", "n must be non-negative, got \(n)")
            return placeholder
        }
        let largest: Double =
            switch dtype {
            case .float16: 0x1p11
            case .bfloat16: 0x1p8
            case .float32: 0x1p24
            case .float64: 0x1p53
            default: valueRange(dtype).upperBound
            }
        guard Double(n - 1) <= largest else {
            TensorError.report("randperm", "n is too large for result tensor type: '\(dtype)' holds whole numbers up to \(Int(largest)), n is \(n)")
            return placeholder
        }
        return filled("randperm", [n], dtype, device) { $0.overwrite("randperm", generator, .permutation) }
    }

    // MARK: Other distributions

    /// 1 with `probability`, else 0. PyTorch: `torch.empty(shape).bernoulli_(p)`.
    public static func bernoulli(
        _ shape: [Int], probability: Double = 0.5, dtype: DType? = nil, device: Device = .default, generator: Generator? = nil
    ) -> Tensor {
        filled("bernoulli", shape, dtype ?? DefaultDType.floating, device) { $0.fillBernoulli(probability, generator: generator) }
    }

    /// Exponentially distributed numbers. PyTorch: `torch.empty(shape).exponential_(lambd)`.
    public static func exponential(
        _ shape: [Int], rate: Double = 1, dtype: DType? = nil, device: Device = .default, generator: Generator? = nil
    ) -> Tensor {
        filled("exponential", shape, dtype ?? DefaultDType.floating, device) { $0.fillExponential(rate: rate, generator: generator) }
    }

    /// Numbers of the Cauchy distribution. PyTorch: `torch.empty(shape).cauchy_(median, sigma)`.
    public static func cauchy(
        _ shape: [Int], median: Double = 0, sigma: Double = 1, dtype: DType? = nil, device: Device = .default, generator: Generator? = nil
    ) -> Tensor {
        filled("cauchy", shape, dtype ?? DefaultDType.floating, device) { $0.fillCauchy(median: median, sigma: sigma, generator: generator) }
    }

    /// Numbers whose logarithm is normal. PyTorch: `torch.empty(shape).log_normal_(mean, std)`.
    public static func logNormal(
        _ shape: [Int], mean: Double = 1, std: Double = 2, dtype: DType? = nil, device: Device = .default, generator: Generator? = nil
    ) -> Tensor {
        filled("logNormal", shape, dtype ?? DefaultDType.floating, device) { $0.fillLogNormal(mean: mean, std: std, generator: generator) }
    }

    /// Numbers of trials up to the first success. PyTorch: `torch.empty(shape).geometric_(p)`.
    public static func geometric(
        _ shape: [Int], probability: Double, dtype: DType? = nil, device: Device = .default, generator: Generator? = nil
    ) -> Tensor {
        filled("geometric", shape, dtype ?? DefaultDType.floating, device) { $0.fillGeometric(probability, generator: generator) }
    }
}
