// Activations, each with its derivative: one kernel where nothing is recorded, differentiable operators where second derivatives are wanted.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// This tensor where `mask` is true, zero elsewhere. Unlike a product with the mask, infinities and NaN elsewhere do not shine through.
    func kept(where mask: Tensor) -> Tensor { mask.select(self, Tensor.number(0, self)) }

    // MARK: Saturating

    /// Logistic function 1 / (1 + e^-x). PyTorch: `torch.sigmoid`.
    public func sigmoid() -> Tensor {
        unaryOfOutput(
            .sigmoid, "sigmoid",
            { g, y in
                Tensor.fused(.sigmoidGradY, g, y, "sigmoidBackward") { g, y in g * (y * (1 - y)).conjugateIfComplex }
            })
    }

    /// log(sigmoid(x)), without overflow. PyTorch: `torch.nn.functional.logsigmoid`.
    public func logSigmoid() -> Tensor {
        unary(.logSigmoid, "logSigmoid") { g, x in
            Tensor.fused(.logSigmoidGradX, g, x, "logSigmoidBackward") { g, x in g * (-x).sigmoid() }
        }
    }

    /// x / (1 + |x|). PyTorch: `torch.nn.functional.softsign`.
    public func softsign() -> Tensor { self / (abs() + 1) }

    /// x - tanh(x). PyTorch: `torch.nn.functional.tanhshrink`.
    public func tanhShrink() -> Tensor { self - tanh() }

    /// Straight between -3 and 3, 0 below, 1 above. PyTorch: `torch.nn.functional.hardsigmoid`.
    public func hardSigmoid() -> Tensor {
        unary(.hardSigmoid, "hardSigmoid") { g, x in
            Tensor.fused(.hardSigmoidGradX, g, x, "hardSigmoidBackward") { g, x in (g / 6.0).kept(where: (x .> -3.0).logicalAnd(x .< 3.0)) }
        }
    }

    /// Limits to min...max; the gradient at and beyond the limits is 0. PyTorch: `torch.nn.functional.hardtanh`.
    public func hardtanh(min: Double = -1, max: Double = 1) -> Tensor {
        guard min <= max else {
            TensorError.report("hardtanh", "min_val \(min) cannot be greater than max_val \(max)")
            return .placeholder
        }
        return limited(min, max, "hardtanh")
    }

    /// Limits to 0...6. PyTorch: `torch.nn.functional.relu6`.
    public func relu6() -> Tensor { limited(0, 6, "relu6") }

    private func limited(_ low: Double, _ high: Double, _ name: StaticString) -> Tensor {
        var p = KernelParameters(low, high)
        p.i = (Int64(low), Int64(high), 0, 0)
        return unary(.clamp, name, parameters: p) { g, x in g.kept(where: (x .> low).logicalAnd(x .< high)) }
    }

    // MARK: Rectifying

    /// max(x, 0). PyTorch: `torch.relu`.
    public func relu() -> Tensor {
        unaryOfOutput(.relu, "relu", { g, y in Tensor.fused(.reluGradY, g, y, "reluBackward") { g, y in g.kept(where: y .> 0) } })
    }

    /// x above 0, negativeSlope * x below. PyTorch: `torch.nn.functional.leaky_relu`.
    public func leakyRelu(negativeSlope: Double = 0.01) -> Tensor {
        unary(.leakyRelu, "leakyRelu", parameters: KernelParameters(negativeSlope)) { g, x in
            Tensor.fused(.leakyReluGradX, g, x, "leakyReluBackward", KernelParameters(negativeSlope)) { g, x in (x .> 0).select(g, g * negativeSlope) }
        }
    }

    /// x above 0, weight * x below; `weight` has one element, or one a channel (dim 1). PyTorch: `torch.nn.functional.prelu`.
    public func prelu(_ weight: Tensor) -> Tensor {
        if let cast = Autocast.lower(self, weight) { return cast.run { cast(self).prelu(cast(weight)) } }
        guard weight.rank <= 1 else {
            TensorError.report("prelu", "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = \(weight.rank)")
            return .placeholder
        }
        guard dtype == weight.dtype else {
            TensorError.report("prelu", "prelu: Type promoting not supported. Got \(dtype) and \(weight.dtype)")
            return .placeholder
        }
        var w = weight
        if weight.count != 1 {
            let channels = rank > 1 ? dims[1] : 1
            guard rank > 0, weight.count == channels else {
                TensorError.report("prelu", "Mismatch of parameter numbers and input channel size. Found parameter numbers = \(weight.count) and channel size = \(channels).")
                return .placeholder
            }
            var sizes = Dims(rank: rank, repeating: 1)
            sizes[1] = channels
            w = weight.reshaped(sizes)
        } else if weight.rank == 1 {
            w = weight.reshaped(Dims(rank: rank, repeating: 1))
        }
        return (self .> 0).select(self, w * self)
    }

    /// Leaky ReLU with a random slope from lower...upper for each element in training, the mean slope otherwise. PyTorch: `torch.nn.functional.rrelu`.
    public func rrelu(lower: Double = 1.0 / 8, upper: Double = 1.0 / 3, training: Bool = false, generator: Generator? = nil) -> Tensor {
        guard lower <= upper else {
            TensorError.report("rrelu", "Lower bound should be less than or equal to the upper bound, got \(lower) and \(upper)")
            return .placeholder
        }
        guard training, upper - lower > 1e-6 else { return leakyRelu(negativeSlope: (lower + upper) / 2) }
        // Only elements that are not positive draw a slope, one after the other, so that the stream is PyTorch's.
        let low = (withoutGraph .<= 0).contiguous()
        var slopes = Tensor.make([backend.nonzero(nil, low.operand)], .float64, device: device)
        slopes.fillUniform(generator: generator)
        // Bounds in the input's type, and two roundings, as PyTorch has it here.
        let (from, to): (Double, Double) = (Tensor(lower, dtype: dtype, device: .cpu).item(), Tensor(upper, dtype: dtype, device: .cpu).item())
        let typed = noGrad { slopes * (to - from) + from }.converted(to: dtype)
        let noise = Tensor.full(dims, 1, dtype: dtype, device: device)
        _ = backend.maskedScatter(noise.operand, low.operand, typed.operand)
        return self * noise
    }

    /// x above `threshold`, `value` elsewhere. PyTorch: `torch.nn.functional.threshold`.
    public func threshold(_ threshold: Double, value: Double) -> Tensor {
        unary(.threshold, "threshold", parameters: KernelParameters(threshold, value)) { g, x in
            Tensor.fused(.thresholdGradX, g, x, "thresholdBackward", KernelParameters(threshold)) { g, x in g.kept(where: (x .<= threshold).logicalNot()) }
        }
    }

    /// x outside -lambda...lambda, 0 inside. PyTorch: `torch.nn.functional.hardshrink`.
    public func hardShrink(lambda: Double = 0.5) -> Tensor {
        unary(.hardShrink, "hardShrink", parameters: KernelParameters(lambda)) { g, x in Tensor.shrinkDerivative(g, x, lambda) }
    }

    /// x moved by `lambda` towards 0, 0 inside -lambda...lambda. PyTorch: `torch.nn.functional.softshrink`.
    public func softShrink(lambda: Double = 0.5) -> Tensor {
        guard lambda >= 0 else {
            TensorError.report("softshrink", "lambda must be greater or equal to 0, but found to be \(lambda).")
            return .placeholder
        }
        return unary(.softShrink, "softShrink", parameters: KernelParameters(lambda)) { g, x in Tensor.shrinkDerivative(g, x, lambda) }
    }

    private static func shrinkDerivative(_ g: Tensor, _ x: Tensor, _ lambda: Double) -> Tensor {
        fused(.shrinkGradX, g, x, "shrinkBackward", KernelParameters(lambda)) { g, x in g.kept(where: (x .>= -lambda).logicalAnd(x .<= lambda).logicalNot()) }
    }

    // MARK: Smooth

    /// Which form of GELU. PyTorch: the strings `'none'` and `'tanh'`.
    public enum GELUApproximation: String, Sendable {
        /// With the error function.
        case none
        /// With tanh, as in GPT-2.
        case tanh
    }

    /// Gaussian error linear unit x * Φ(x). PyTorch: `torch.nn.functional.gelu`.
    public func gelu(approximate: GELUApproximation = .none) -> Tensor {
        switch approximate {
        case .none:
            unary(.gelu, "gelu") { g, x in
                Tensor.fused(.geluGradX, g, x, "geluBackward") { g, x in
                    let cdf = ((x * 0.7071067811865476).erf() + 1.0) * 0.5
                    let density = (x * x * -0.5).exp() * 0.3989422804014327
                    return g * (cdf + x * density)
                }
            }
        case .tanh:
            unary(.geluTanh, "gelu") { g, x in
                Tensor.fused(.geluTanhGradX, g, x, "geluBackward") { g, x in
                    let square = x * x
                    let t = ((x + square * x * 0.044715) * 0.7978845608028654).tanh()
                    let slope = (square * 0.134145 + 1.0) * 0.7978845608028654
                    return g * ((t + 1.0) * 0.5 + x * (1.0 - t * t) * slope * 0.5)
                }
            }
        }
    }

    /// Sigmoid linear unit x * sigmoid(x), also called swish. PyTorch: `torch.nn.functional.silu`.
    public func silu() -> Tensor {
        unary(.silu, "silu") { g, x in
            if x.dtype.isComplex { return Tensor.siluDerivative(g, x) }
            return Tensor.fused(.siluGradX, g, x, "siluBackward", composed: Tensor.siluDerivative)
        }
    }

    private static func siluDerivative(_ g: Tensor, _ x: Tensor) -> Tensor {
        let s = x.sigmoid()
        return g * (s * (x * (1 - s) + 1)).conjugateIfComplex
    }

    /// x * tanh(softplus(x)). PyTorch: `torch.nn.functional.mish`.
    public func mish() -> Tensor {
        unary(.mish, "mish") { g, x in
            Tensor.fused(.mishGradX, g, x, "mishBackward") { g, x in
                let t = x.softplus().tanh()
                return g * (t + x * x.sigmoid() * (1.0 - t * t))
            }
        }
    }

    /// log(1 + e^(beta x)) / beta, x itself where beta x > threshold. PyTorch: `torch.nn.functional.softplus`.
    public func softplus(beta: Double = 1, threshold: Double = 20) -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).softplus(beta: beta, threshold: threshold) } }
        return unary(.softplus, "softplus", parameters: KernelParameters(beta, threshold)) { g, x in
            Tensor.fused(.softplusGradX, g, x, "softplusBackward", KernelParameters(beta, threshold)) { g, x in
                let scaled = x * beta
                return (scaled .> threshold).select(g, g * scaled.sigmoid())
            }
        }
    }

    /// x above 0, alpha * (e^x - 1) below. PyTorch: `torch.nn.functional.elu`.
    public func elu(alpha: Double = 1) -> Tensor { exponentialUnit(alpha, 1, 1, "elu") }

    /// x above 0, alpha * (e^(x / alpha) - 1) below. PyTorch: `torch.nn.functional.celu`.
    public func celu(alpha: Double = 1) -> Tensor {
        guard alpha != 0 else {
            TensorError.report("celu", "ZeroDivisionError: alpha cannot be 0 for CELU")
            return .placeholder
        }
        return exponentialUnit(alpha, 1, 1 / alpha, "celu")
    }

    /// Self-normalising ELU. PyTorch: `torch.nn.functional.selu`.
    public func selu() -> Tensor { exponentialUnit(1.6732632423543772848170429916717, 1.0507009873554804934193349852946, 1, "selu") }

    private func exponentialUnit(_ alpha: Double, _ scale: Double, _ inputScale: Double, _ name: StaticString) -> Tensor {
        let p = KernelParameters(alpha, scale, inputScale)
        return unary(.elu, name, parameters: p) { g, x in
            Tensor.fused(.eluGradX, g, x, "eluBackward", p) { g, x in
                // Limited to the side that counts: e^x of the other could overflow.
                let low = (x.clamp(max: 0) * inputScale).exp() * (alpha * scale * inputScale)
                return (x .> 0).select(g * scale, g * low)
            }
        }
    }

    /// x * hardSigmoid(x). PyTorch: `torch.nn.functional.hardswish`.
    public func hardSwish() -> Tensor {
        unary(.hardSwish, "hardSwish") { g, x in
            Tensor.fused(.hardSwishGradX, g, x, "hardSwishBackward") { g, x in
                (x .<= -3.0).select(g.zerosLike(), (x .< 3.0).select(g * (x / 3.0 + 0.5), g))
            }
        }
    }

    /// The first half along `dim` times the sigmoid of the second. PyTorch: `torch.nn.functional.glu`.
    public func glu(dim: Int = -1) -> Tensor {
        guard rank > 0 else {
            TensorError.report("glu", "glu does not support 0-dimensional tensors")
            return .placeholder
        }
        guard let d = checkedDim(dim, "glu") else { return .placeholder }
        guard dims[d] % 2 == 0 else {
            TensorError.report("glu", "Halving dimension must be even, but dimension \(d) is size \(dims[d])")
            return .placeholder
        }
        let half = dims[d] / 2
        return slice(d, 0, half) * slice(d, half, 2 * half).sigmoid()
    }
}
