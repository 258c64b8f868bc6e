// What random numbers a device is asked for.

/// A distribution with its parameters, which have been checked.
public enum RandomDistribution {
    /// [from, to). Floating types; complex ones get a pair of numbers per element.
    case uniform(from: Double, to: Double)
    /// Floating types; complex ones get independent parts with `std` divided by √2 each. `contiguous: false` takes the path of tensors that are not contiguous on the CPU.
    case normal(mean: Double, std: Double, contiguous: Bool)
    /// Numbers whose logarithm is normal. Floating types.
    case logNormal(mean: Double, std: Double)
    /// Floating types.
    case exponential(rate: Double)
    /// Floating types.
    case cauchy(median: Double, sigma: Double)
    /// Trials up to the first success, from 1. Floating and integer types.
    case geometric(probability: Double)
    /// 1 with the probability, else 0. Real types.
    case bernoulli(probability: Double)
    /// 1 with the probability at the same place of a contiguous operand of a floating type, else 0. Real types.
    case bernoulliEach(Operand)
    /// Integers of [from, to). Real types.
    case integers(from: Int64, to: Int64)
    /// Integers over all that the type can hold exactly, from 0. Real types.
    case allIntegers
    /// 0 ..< count in random order. Real types.
    case permutation
}

extension Generator {
    /// Fills `count` elements of the CPU's memory.
    public func fill(_ out: UnsafeMutableRawPointer, count: Int, dtype: DType, _ distribution: RandomDistribution) {
        switch distribution {
        case .uniform(let from, let to): fillUniform(out, count: count, dtype: dtype, from: from, to: to)
        case .normal(let mean, let std, let contiguous): fillNormal(out, count: count, dtype: dtype, mean: mean, std: std, contiguous: contiguous)
        case .logNormal(let mean, let std): fillLogNormal(out, count: count, dtype: dtype, mean: mean, std: std)
        case .exponential(let rate): fillExponential(out, count: count, dtype: dtype, rate: rate)
        case .cauchy(let median, let sigma): fillCauchy(out, count: count, dtype: dtype, median: median, sigma: sigma)
        case .geometric(let probability): fillGeometric(out, count: count, dtype: dtype, probability: probability)
        case .bernoulli(let probability): fillBernoulli(out, count: count, dtype: dtype, probability: probability)
        case .bernoulliEach(let p): fillBernoulli(out, count: count, dtype: dtype, probabilities: p.pointer, probabilityType: p.dtype)
        case .integers(let from, let to): fillIntegers(out, count: count, dtype: dtype, from: from, to: to)
        case .allIntegers: fillAny(out, count: count, dtype: dtype)
        case .permutation: fillPermutation(out, count: count, dtype: dtype)
        }
    }
}
