// Exponentials, logarithms, roots.
import TorchRuntime

extension Tensor {
    /// e^x. PyTorch: `torch.exp`.
    public func exp() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).exp() } }
        return unaryOfOutput(.exp, "exp", { g, y in g * y.conjugateIfComplex })
    }
    /// 2^x. PyTorch: `torch.exp2`.
    public func exp2() -> Tensor { unaryOfOutput(.exp2, "exp2", { g, y in g * y.conjugateIfComplex * 0.6931471805599453 }) }
    /// e^x - 1, accurate near 0. PyTorch: `torch.expm1`.
    public func expm1() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).expm1() } }
        return unaryOfOutput(.expm1, "expm1", { g, y in g * (y + 1).conjugateIfComplex })
    }
    /// Natural logarithm. PyTorch: `torch.log`.
    public func log() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).log() } }
        return unary(.log, "log") { g, x in g / x.conjugateIfComplex }
    }
    /// Logarithm to base 2. PyTorch: `torch.log2`.
    public func log2() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).log2() } }
        return unary(.log2, "log2") { g, x in g / (x.conjugateIfComplex * 0.6931471805599453) }
    }
    /// Logarithm to base 10. PyTorch: `torch.log10`.
    public func log10() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).log10() } }
        return unary(.log10, "log10") { g, x in g / (x.conjugateIfComplex * 2.302585092994046) }
    }
    /// log(1 + x), accurate near 0. PyTorch: `torch.log1p`.
    public func log1p() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).log1p() } }
        return unary(.log1p, "log1p") { g, x in g / (x + 1).conjugateIfComplex }
    }
    /// Square root. PyTorch: `torch.sqrt`.
    public func sqrt() -> Tensor { unaryOfOutput(.sqrt, "sqrt", { g, y in g / (y.conjugateIfComplex * 2) }) }
    /// 1 / sqrt(x). PyTorch: `torch.rsqrt`.
    public func rsqrt() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).rsqrt() } }
        return unaryOfOutput(.rsqrt, "rsqrt", { g, y in g * y.pow(3).conjugateIfComplex * -0.5 })
    }
}
