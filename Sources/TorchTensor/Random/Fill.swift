// Filling tensors with random numbers: the fills in place, and what all random operators share.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// Overwrites every element with random numbers, in memory order.
    mutating func overwrite(_ name: StaticString, _ generator: Generator?, _ distribution: RandomDistribution) {
        guard let g = Tensor.generator(generator, device, "\(name)") else { return }
        overwrite(name) { t in
            if t.count > 0 { t.backend.random(t.operand.view(sizes: [t.count], strides: [1]), distribution, g) }
        }
    }

    /// Overwrites every element: `body` gets a dense tensor of this shape and fills its memory.
    ///
    /// Happens in place where nobody can notice. A leaf that wants gradients may be overwritten inside `noGrad` only and stays the same leaf; a computed
    /// tensor loses its graph, since its values no longer come from it.
    mutating func overwrite(_ name: StaticString, _ body: (Tensor) -> Void) {
        let leaf = impl.node as? LeafNode
        if leaf != nil, st_grad_enabled() {
            TensorError.report(
                "\(name)", "a leaf Variable that requires grad is being used in an in-place operation", hint: "fill it inside noGrad { … }")
            return
        }
        if impl.node == nil || leaf != nil, isDense, isUnshared() { return body(self) }
        let fresh = isDense ? Tensor.make(like: self, dtype) : Tensor.makeInStrideOrder(of: self)
        body(fresh)
        impl = fresh.impl
        if let leaf { impl.node = leaf }
    }

    /// The generator that operators on `device` draw from: `given`, or the device's default. A generator of the CPU serves every device, by way of the CPU.
    static func generator(_ given: Generator?, _ device: Device, _ name: String) -> Generator? {
        guard let given else { return .default(for: device) }
        if given.device.isCPU || given.device == device { return given }
        TensorError.report(
            name, "Expected a '\(device)' device type for generator but found '\(given.device)'", hint: "give Generator(device:) the tensor's device, or no generator for the device's default")
        return nil
    }

    /// Dense memory whose dims lie in the order of `other`'s strides: where a fill in memory order meets the elements as it would in `other`.
    private static func makeInStrideOrder(of other: Tensor) -> Tensor {
        let strides = other.operand.strides
        let order = (0..<other.rank).sorted { strides[$0] > strides[$1] || (strides[$0] == strides[$1] && $0 < $1) }
        let dense = make(Dims(order.map { other.dims[$0] }), other.dtype, device: other.device)
        var back = [Int](repeating: 0, count: other.rank)
        for (place, dim) in order.enumerated() { back[dim] = place }
        return dense.permuted(back)
    }

    /// Reports a type that a distribution is not made for.
    static func checkRandomType(_ name: String, _ ok: Bool, _ dtype: DType) -> Bool {
        if !ok { TensorError.report(name, "not implemented for \(dtype)", hint: "draw in a floating type and convert with .to(.\(dtype))") }
        return ok
    }

    // MARK: In place

    /// Fills with uniform numbers of [from, to). Floating and complex types. PyTorch: `uniform_`.
    public mutating func fillUniform(from: Double = 0, to: Double = 1, generator: Generator? = nil) {
        guard Tensor.checkRandomType("uniform", dtype.isDifferentiable, dtype) else { return }
        guard from <= to else {
            TensorError.report("uniform", "uniform_ expects to return a [from, to) range, but found from=\(from) > to=\(to)")
            return
        }
        let type = dtype
        let largest = Tensor.valueRange(type.real).upperBound
        guard to - from <= largest, from >= -largest, to <= largest else {
            TensorError.report("uniform", "the bounds \(from) and \(to) or their difference are out of the range of \(type)")
            return
        }
        overwrite("uniform", generator, .uniform(from: from, to: to))
    }

    /// Fills with normal numbers. Floating and complex types. PyTorch: `normal_`.
    public mutating func fillNormal(mean: Double = 0, std: Double = 1, generator: Generator? = nil) {
        guard Tensor.checkRandomType("normal", dtype.isDifferentiable, dtype) else { return }
        guard std >= 0 else {
            TensorError.report("normal", "normal expects std >= 0.0, but found std \(std)")
            return
        }
        overwrite("normal", generator, .normal(mean: mean, std: std, contiguous: isContiguous))
    }

    /// Fills with integers of [from, to), in any real type. PyTorch: `random_(from, to)`.
    public mutating func fillRandom(from: Int = 0, to: Int, generator: Generator? = nil) {
        guard Tensor.checkRandomType("random", !dtype.isComplex, dtype), Tensor.checkIntegers("random", from, to, dtype) else { return }
        overwrite("random", generator, .integers(from: Int64(from), to: Int64(to)))
    }

    /// Fills with integers over all that the type can hold exactly: 0 to the largest, or to 2^digits of a floating type. PyTorch: `random_()`.
    public mutating func fillRandom(generator: Generator? = nil) {
        guard Tensor.checkRandomType("random", !dtype.isComplex, dtype) else { return }
        overwrite("random", generator, .allIntegers)
    }

    /// Fills with 1 with `probability`, else 0, in any real type. PyTorch: `bernoulli_(p)`.
    public mutating func fillBernoulli(_ probability: Double = 0.5, generator: Generator? = nil) {
        guard Tensor.checkRandomType("bernoulli", !dtype.isComplex, dtype) else { return }
        guard probability >= 0, probability <= 1 else {
            TensorError.report("bernoulli", "bernoulli_ expects p to be in [0, 1], but got p=\(probability)")
            return
        }
        overwrite("bernoulli", generator, .bernoulli(probability: probability))
    }

    /// Fills with exponentially distributed numbers. Floating types. PyTorch: `exponential_`.
    public mutating func fillExponential(rate: Double = 1, generator: Generator? = nil) {
        guard Tensor.checkRandomType("exponential", dtype.isFloatingPoint, dtype) else { return }
        guard rate > 0 else {
            TensorError.report("exponential", "exponential_ expects lambda > 0.0, but found lambda=\(rate)")
            return
        }
        overwrite("exponential", generator, .exponential(rate: rate))
    }

    /// Fills with numbers of the Cauchy distribution. Floating types. PyTorch: `cauchy_`.
    public mutating func fillCauchy(median: Double = 0, sigma: Double = 1, generator: Generator? = nil) {
        guard Tensor.checkRandomType("cauchy", dtype.isFloatingPoint, dtype) else { return }
        guard sigma > 0 else {
            TensorError.report("cauchy", "cauchy_ expects sigma > 0.0, but found sigma=\(sigma)")
            return
        }
        overwrite("cauchy", generator, .cauchy(median: median, sigma: sigma))
    }

    /// Fills with numbers whose logarithm is normal. Floating types. PyTorch: `log_normal_`.
    public mutating func fillLogNormal(mean: Double = 1, std: Double = 2, generator: Generator? = nil) {
        guard Tensor.checkRandomType("logNormal", dtype.isFloatingPoint, dtype) else { return }
        guard std > 0 else {
            TensorError.report("logNormal", "log_normal_ expects std > 0.0, but found std=\(std)")
            return
        }
        overwrite("logNormal", generator, .logNormal(mean: mean, std: std))
    }

    /// Fills with numbers of trials up to the first success. Floating and integer types. PyTorch: `geometric_`.
    public mutating func fillGeometric(_ probability: Double, generator: Generator? = nil) {
        guard Tensor.checkRandomType("geometric", dtype.isFloatingPoint || dtype.isInteger, dtype) else { return }
        guard probability > 0, probability < 1 else {
            TensorError.report("geometric", "geometric_ expects p to be in (0, 1), but got p=\(probability)")
            return
        }
        overwrite("geometric", generator, .geometric(probability: probability))
    }

    // MARK: Ranges

    /// Smallest and largest finite value of a real type.
    static func valueRange(_ dtype: DType) -> ClosedRange<Double> {
        switch dtype {
        case .bool: 0...1
        case .uint8: 0...255
        case .int8: -128...127
        case .int16: -32768...32767
        case .uint16: 0...65535
        case .int32: -0x1p31...0x1p31 - 1
        case .uint32: 0...0x1p32 - 1
        case .int64: -0x1p63...0x1p63
        case .uint64: 0...0x1p64
        case .float16: -65504...65504
        case .bfloat16: -0x1.fep127...0x1.fep127
        case .float32, .complex64: -Double(Float.greatestFiniteMagnitude)...Double(Float.greatestFiniteMagnitude)
        case .float64, .complex128: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
        }
    }

    static func checkIntegers(_ name: String, _ from: Int, _ to: Int, _ dtype: DType) -> Bool {
        let (low, high) = Generator.integerBounds(Int64(from), Int64(to), dtype)
        guard from < to, low < high else {
            TensorError.report(name, "random_ expects 'from' to be less than 'to', but got from=\(from) >= to=\(to)")
            return false
        }
        let range = valueRange(dtype)
        for (label, value) in [("from", from), ("to - 1", to - 1)] where !range.contains(Double(value)) {
            TensorError.report(name, "\(label) is out of bounds for \(dtype): \(value) is not within \(range)")
            return false
        }
        return true
    }
}
