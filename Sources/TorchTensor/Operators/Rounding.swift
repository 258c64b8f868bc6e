// Rounding to whole numbers. Derivatives are zero, but for the fraction's.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// Up to the next whole number. PyTorch: `torch.ceil`.
    public func ceil() -> Tensor { unaryFlat(.ceil, "ceil") }
    /// Down to the next whole number. PyTorch: `torch.floor`.
    public func floor() -> Tensor { unaryFlat(.floor, "floor") }
    /// Towards zero. PyTorch: `torch.trunc`, `torch.fix`.
    public func trunc() -> Tensor { unaryFlat(.trunc, "trunc") }
    /// To the nearest whole number, halves to the even one. PyTorch: `torch.round`.
    public func round() -> Tensor { unaryFlat(.round, "round") }

    /// To `decimals` places after the point (before it if negative), halves to the even one. PyTorch: `torch.round(decimals=)`.
    public func round(decimals: Int) -> Tensor {
        if decimals == 0 || !dtype.isDifferentiable { return round() }
        var p = KernelParameters(0)
        p.i.0 = Int64(decimals)
        return unaryFlat(.roundDecimals, "round", p)
    }

    /// What is after the point, with the sign. PyTorch: `torch.frac`.
    public func frac() -> Tensor {
        guard dtype.isFloatingPoint else {
            TensorError.report("frac", "\"frac\" not implemented for \(dtype)")
            return .placeholder
        }
        return unary(.frac, "frac") { g, _ in g }
    }
}
