// Filling raw memory with random numbers. Arguments are checked by the callers that know operation and shapes; here they are preconditions.
import TorchKernels

extension Generator {
    /// Ends with a message where the kernels do not know the type: the caller should have refused it.
    @inline(__always)
    private func fill(_ name: StaticString, _ dtype: DType, _ body: (UnsafeMutablePointer<st_generator>, StDType) -> Bool) {
        let known = withEngine { body($0, dtype.kernel) }
        precondition(known, "\(name): not implemented for \(dtype)")
    }

    /// `count` numbers of [from, to) at `out`. Floating types; complex ones get a pair of numbers per element.
    public func fillUniform(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType, from: Double = 0, to: Double = 1) {
        let n = dtype.isComplex ? 2 * count : count
        fill("uniform", dtype.real) { st_random_uniform($0, out, Int64(n), $1, from, to) }
    }

    /// `count` normal numbers at `out`. Floating types; complex ones get independent parts with `std` divided by √2 each.
    ///
    /// `contiguous: false` takes the path of tensors that are not contiguous: other numbers of the same distribution, as in PyTorch.
    public func fillNormal(
        _ out: UnsafeMutableRawPointer, count: Int, dtype: DType, mean: Double = 0, std: Double = 1, contiguous: Bool = true
    ) {
        if dtype.isComplex {
            fill("normal", dtype.real) { st_random_normal($0, out, Int64(2 * count), $1, mean, std / 2.0.squareRoot(), !contiguous) }
        } else {
            fill("normal", dtype) { st_random_normal($0, out, Int64(count), $1, mean, std, !contiguous) }
        }
    }

    /// `count` integers of [from, to) at `out`, in any real type. In floating types the bounds move inwards so that nothing rounds up to `to`.
    public func fillIntegers(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType, from: Int64, to: Int64) {
        let (low, high) = Self.integerBounds(from, to, dtype)
        precondition(low < high, "randint: expected low < high, got low \(low) and high \(high)")
        let range = UInt64(bitPattern: high) &- UInt64(bitPattern: low)
        fill("randint", dtype) { st_random_integers($0, out, Int64(count), $1, low, range) }
    }

    /// `count` integers over all 64 bits at `out`. int64 only. PyTorch: `random_(-2**63, None)`.
    public func fillAllBits(_ out: UnsafeMutableRawPointer, count: Int) {
        fill("random", .int64) { st_random_integers($0, out, Int64(count), $1, 0, 0) }
    }

    /// `count` integers over what the type can hold exactly: 0 … max, for floating types 0 … 2^digits. PyTorch: `Tensor.random_()`.
    public func fillAny(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType) {
        fill("random", dtype) { st_random_any($0, out, Int64(count), $1) }
    }

    /// 0 ..< count in random order at `out`, in any real type.
    public func fillPermutation(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType) {
        fill("randperm", dtype) { st_random_permutation($0, out, Int64(count), $1) }
    }

    /// 1 with `probability`, else 0, in any real type.
    public func fillBernoulli(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType, probability: Double) {
        fill("bernoulli", dtype) { st_random_bernoulli($0, out, Int64(count), $1, probability) }
    }

    /// 1 with the probability at the same place of `probabilities` (contiguous, a floating type), else 0.
    public func fillBernoulli(
        _ out: UnsafeMutableRawPointer, count: Int, dtype: DType, probabilities: UnsafeRawPointer, probabilityType: DType
    ) {
        fill("bernoulli", dtype) { st_random_bernoulli_each($0, out, Int64(count), $1, probabilities, probabilityType.kernel) }
    }

    /// Exponentially distributed numbers. Floating types.
    public func fillExponential(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType, rate: Double = 1) {
        fill("exponential", dtype) { st_random_exponential($0, out, Int64(count), $1, rate) }
    }

    /// Numbers of the Cauchy distribution. Floating types.
    public func fillCauchy(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType, median: Double = 0, sigma: Double = 1) {
        fill("cauchy", dtype) { st_random_cauchy($0, out, Int64(count), $1, median, sigma) }
    }

    /// Numbers whose logarithm is normal. Floating types.
    public func fillLogNormal(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType, mean: Double = 1, std: Double = 2) {
        fill("log_normal", dtype) { st_random_log_normal($0, out, Int64(count), $1, mean, std) }
    }

    /// Numbers of trials up to the first success, from 1. Floating and integer types.
    public func fillGeometric(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType, probability: Double) {
        fill("geometric", dtype) { st_random_geometric($0, out, Int64(count), $1, probability) }
    }

    /// Poisson numbers for the rates at the same places of `rates`, both of `dtype` (floating).
    public func fillPoisson(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType, rates: UnsafeRawPointer) {
        fill("poisson", dtype) { st_random_poisson($0, out, Int64(count), $1, rates) }
    }

    /// Standard gamma numbers for the shapes at the same places of `shapes`, both of `dtype` (float32 or float64).
    public func fillGamma(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType, shapes: UnsafeRawPointer) {
        fill("standard_gamma", dtype) { st_random_gamma($0, out, Int64(count), $1, shapes) }
    }

    /// For each of `rows` rows of `categories` weights (contiguous, floating, finite, not negative, with a positive sum) `samples` indices.
    public func fillMultinomial(
        _ out: UnsafeMutablePointer<Int64>, weights: UnsafeRawPointer, dtype: DType, rows: Int, categories: Int, samples: Int, replacement: Bool
    ) {
        precondition(samples > 0 && categories > 0 && (replacement || samples <= categories))
        fill("multinomial", dtype) {
            st_random_multinomial($0, out, weights, $1, Int64(rows), Int64(categories), Int64(samples), replacement)
        }
    }

    /// [from, to) shrunk so that every integer in it rounds to a value below `to` in a floating `dtype`.
    public static func integerBounds(_ from: Int64, _ to: Int64, _ dtype: DType) -> (low: Int64, high: Int64) {
        let digits: Int
        switch dtype {
        case .float64: digits = 53
        case .float32: digits = 24
        case .float16: digits = 11
        case .bfloat16: digits = 8
        default: return (from, to)
        }
        func rounded(_ value: Int64) -> Double {
            switch dtype {
            case .float64: Double(value)
            case .float32: Double(Float(value))
            default: dtype == .float16 ? Double(Self.roundedToHalf(Float(value))) : Double(Self.roundedToBrain(Float(value)))
            }
        }
        func step(_ value: Int64) -> Int64 {
            let magnitude = value.magnitude
            let log2 = magnitude == 0 ? 0 : 63 - magnitude.leadingZeroBitCount
            return 1 << Int64(max(0, log2 - digits + 1))
        }
        var (low, high) = (from, to)
        let up = rounded(from &+ 1)
        if up < Double(from), let exact = Int64(exactly: up) { low = exact &+ step(from &+ 1) }
        let down = rounded(to &- 1)
        if down >= Double(to), let exact = Int64(exactly: down) { high = exact &- step(to &- 1) }
        return (low, high)
    }

    private static func roundedToHalf(_ x: Float) -> Float { Float(Float16(x)) }

    private static func roundedToBrain(_ x: Float) -> Float {
        let bits = x.bitPattern
        return Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000)
    }
}
