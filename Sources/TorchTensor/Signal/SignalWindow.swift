// Window functions for spectra. Computed in double, rounded once.
import Glibc
import TorchRuntime

/// Window functions. PyTorch: `torch.signal.windows`.
///
/// `sym` true gives a symmetric window (filter design), false a periodic one (spectra). Types: float32 and float64.
public enum SignalWindow {
    /// 1 - |k| from one end to the other. PyTorch: `torch.signal.windows.bartlett`.
    public static func bartlett(_ count: Int, sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false) -> Tensor {
        make("bartlett", count, dtype, requiresGrad, single: 1) { n in
            let step = 2 / Double(sym ? n - 1 : n)
            return { 1 - Swift.abs(-1 + step * Double($0)) }
        }
    }

    /// Half a period of a sine. PyTorch: `torch.signal.windows.cosine`.
    public static func cosine(_ count: Int, sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false) -> Tensor {
        make("cosine", count, dtype, requiresGrad) { n in
            let step = Double.pi / Double(!sym && n > 1 ? n + 1 : n)
            return { sin(step * (Double($0) + 0.5)) }
        }
    }

    /// exp(-|i - center| / tau). A center may be given only when the window is not symmetric. PyTorch: `torch.signal.windows.exponential`.
    public static func exponential(
        _ count: Int, center: Double? = nil, tau: Double = 1, sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        guard tau > 0 else { return wrong("exponential", "Tau must be positive, got: \(tau) instead.") }
        guard !sym || center == nil else { return wrong("exponential", "Center must be None for symmetric windows") }
        return make("exponential", count, dtype, requiresGrad) { n in
            let middle = center ?? Double(!sym && n > 1 ? n : n - 1) / 2
            return { exp(-Swift.abs(Double($0) - middle) / tau) }
        }
    }

    /// A Gaussian bell with standard deviation `std`. PyTorch: `torch.signal.windows.gaussian`.
    public static func gaussian(_ count: Int, std: Double = 1, sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false) -> Tensor {
        guard std > 0 else { return wrong("gaussian", "Standard deviation must be positive, got: \(std) instead.") }
        return make("gaussian", count, dtype, requiresGrad) { n in
            let middle = Double(!sym && n > 1 ? n : n - 1) / 2
            return { i in
                let k = (Double(i) - middle) / (std * 2.0.squareRoot())
                return exp(-k * k)
            }
        }
    }

    /// Sum of cosines with the coefficients `a`, alternating in sign. PyTorch: `torch.signal.windows.general_cosine`.
    public static func generalCosine(_ count: Int, a: [Double], sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false) -> Tensor {
        guard !a.isEmpty else { return wrong("generalCosine", "Coefficients cannot be empty") }
        return make("generalCosine", count, dtype, requiresGrad, single: 1) { n in
            let step = 2 * Double.pi / Double(sym ? n - 1 : n)
            return { i in
                var sum = 0.0
                for (j, c) in a.enumerated() { sum += (j % 2 == 0 ? c : -c) * cos(Double(j) * step * Double(i)) }
                return sum
            }
        }
    }

    /// alpha - (1 - alpha) cos. PyTorch: `torch.signal.windows.general_hamming`.
    public static func generalHamming(_ count: Int, alpha: Double = 0.54, sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false) -> Tensor {
        generalCosine(count, a: [alpha, 1 - alpha], sym: sym, dtype: dtype, requiresGrad: requiresGrad)
    }
    /// Hamming's window. PyTorch: `torch.signal.windows.hamming`.
    public static func hamming(_ count: Int, sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false) -> Tensor {
        generalHamming(count, alpha: 0.54, sym: sym, dtype: dtype, requiresGrad: requiresGrad)
    }
    /// Hann's window: a raised cosine. PyTorch: `torch.signal.windows.hann`.
    public static func hann(_ count: Int, sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false) -> Tensor {
        generalHamming(count, alpha: 0.5, sym: sym, dtype: dtype, requiresGrad: requiresGrad)
    }
    /// Blackman's window. PyTorch: `torch.signal.windows.blackman`.
    public static func blackman(_ count: Int, sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false) -> Tensor {
        generalCosine(count, a: [0.42, 0.5, 0.08], sym: sym, dtype: dtype, requiresGrad: requiresGrad)
    }
    /// Nuttall's window. PyTorch: `torch.signal.windows.nuttall`.
    public static func nuttall(_ count: Int, sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false) -> Tensor {
        generalCosine(count, a: [0.3635819, 0.4891775, 0.1365995, 0.0106411], sym: sym, dtype: dtype, requiresGrad: requiresGrad)
    }

    /// Kaiser's window. PyTorch: `torch.signal.windows.kaiser`.
    public static func kaiser(_ count: Int, beta: Double = 12, sym: Bool = true, dtype: DType? = nil, requiresGrad: Bool = false) -> Tensor {
        guard beta >= 0 else { return wrong("kaiser", "beta must be non-negative, got: \(beta) instead.") }
        return make("kaiser", count, dtype, requiresGrad, single: 1) { n in
            let step = 2 * beta / Double(sym ? n - 1 : n)
            // I0 in the window's type, as PyTorch: where its e^x overflows (88.7 in float32) the window is NaN there, too.
            let limit = (dtype ?? DefaultDType.floating) == .float32 ? log(Double(Float.greatestFiniteMagnitude)) : .infinity
            func i0(_ x: Double) -> Double { x > limit ? .infinity : besselI0(x) }
            let top = i0(beta)
            return { i in
                let k = Swift.min(beta, -beta + step * Double(i))
                return i0(Swift.max(0, beta * beta - k * k).squareRoot()) / top
            }
        }
    }

    /// Modified Bessel function of order 0 by its power series, whose terms are all positive.
    private static func besselI0(_ x: Double) -> Double {
        let q = x * x / 4
        var (term, sum, k) = (1.0, 1.0, 1.0)
        while term > sum * 1e-17 {
            term *= q / (k * k)
            sum += term
            k += 1
        }
        return sum
    }

    private static func wrong(_ name: String, _ message: String) -> Tensor {
        TensorError.report(name, message)
        return .placeholder
    }

    /// `single`: the value of a window of length 1, where the formula would divide by zero.
    private static func make(
        _ name: String, _ count: Int, _ dtype: DType?, _ requiresGrad: Bool, single: Double? = nil, _ formula: (Int) -> (Int) -> Double
    ) -> Tensor {
        let type = dtype ?? DefaultDType.floating
        guard count >= 0 else { return wrong(name, "\(name) requires non-negative window length, got M=\(count)") }
        guard type == .float32 || type == .float64 else { return wrong(name, "\(name) expects float32 or float64 dtypes, got: \(type)") }
        let values: [Double]
        if count == 1, let single {
            values = [single]
        } else {
            values = count == 0 ? [] : (0..<count).map(formula(count))
        }
        return Tensor(values, dtype: type).requiringGrad(requiresGrad)
    }
}
