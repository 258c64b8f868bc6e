// In which order samples are taken.
import TorchTensor

/// An order of samples. PyTorch: `torch.utils.data.Sampler`.
public protocol Sampler {
    /// The numbers of one epoch.
    func indices() -> [Int]
}

/// 0, 1, 2, … PyTorch: `SequentialSampler`.
public struct SequentialSampler: Sampler {
    public let count: Int
    public init(_ count: Int) { self.count = count }
    public func indices() -> [Int] { Array(0..<count) }
}

/// A new random order each epoch, or draws with replacement; PyTorch's own order for the same seed. PyTorch: `RandomSampler`.
public struct RandomSampler: Sampler {
    public let count: Int
    public let replacement: Bool
    public let sampleCount: Int
    private let generator: Generator?

    /// Without a generator each epoch seeds one from the default generator.
    public init(_ count: Int, replacement: Bool = false, sampleCount: Int? = nil, generator: Generator? = nil) {
        self.count = count
        self.replacement = replacement
        self.sampleCount = sampleCount ?? count
        self.generator = generator
    }

    public func indices() -> [Int] {
        guard count > 0 else { return [] }
        let g = generator ?? Generator(seed: Generator.default.next64() & UInt64(Int64.max))
        var result: [Int] = []
        if replacement {
            // In blocks of 32, as PyTorch draws them.
            while result.count + 32 <= sampleCount { result += g.integers(32, below: count) }
            return result + g.integers(sampleCount - result.count, below: count)
        }
        while result.count + count <= sampleCount { result += g.permutation(count) }
        // PyTorch draws one more order even if nothing of it is taken.
        return result + g.permutation(count).prefix(sampleCount - result.count)
    }
}

extension Generator {
    /// 0..<n in random order.
    public func permutation(_ n: Int) -> [Int] {
        [Int](unsafeUninitializedCapacity: n) { buffer, count in
            if n > 0 { fillPermutation(UnsafeMutableRawPointer(buffer.baseAddress!), count: n, dtype: .int64) }
            count = n
        }
    }

    /// n numbers in 0..<bound.
    func integers(_ n: Int, below bound: Int) -> [Int] {
        [Int](unsafeUninitializedCapacity: n) { buffer, count in
            if n > 0 { fillIntegers(UnsafeMutableRawPointer(buffer.baseAddress!), count: n, dtype: .int64, from: 0, to: Int64(bound)) }
            count = n
        }
    }
}
