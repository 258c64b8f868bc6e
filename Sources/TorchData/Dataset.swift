// Where samples come from.
@_exported import TorchTensor

/// Samples by number. PyTorch: `torch.utils.data.Dataset`.
///
/// ```swift
/// struct Squares: Dataset {
///     var count: Int { 100 }
///     func item(_ i: Int) -> [Tensor] { [Tensor(Double(i)), Tensor(Double(i * i))] }
/// }
/// ```
/// Data loaders call it from background threads, hence `Sendable`.
public protocol Dataset: Sendable {
    /// Number of samples.
    var count: Int { get }
    /// One sample, e.g. picture and label. What it throws reaches the loop over the loader.
    func item(_ index: Int) throws -> [Tensor]
    /// Several samples collated into one tensor each. The default stacks `item`s; a data set in memory can be much faster.
    func batch(_ indices: [Int]) throws -> [Tensor]
}

extension Dataset {
    public func batch(_ indices: [Int]) throws -> [Tensor] {
        let items = try indices.map { try item($0) }
        guard let width = items.first?.count else { return [] }
        return (0..<width).map { column in stack(items.map { $0[column] }) }
    }
}

/// Rows of tensors in memory. PyTorch: `torch.utils.data.TensorDataset`.
public struct TensorDataset: Dataset {
    /// The tensors; all have the same size along dim 0.
    public let tensors: [Tensor]

    public init(_ tensors: Tensor...) {
        if let first = tensors.first, !tensors.allSatisfy({ $0.rank > 0 && $0.size(0) == first.size(0) }) {
            TensorError.report("TensorDataset", "Size mismatch between tensors: \(tensors.map(\.shape))", hint: "all need the same size along dim 0")
        }
        self.tensors = tensors
    }

    public var count: Int { tensors.first?.size(0) ?? 0 }
    public func item(_ index: Int) -> [Tensor] { tensors.map { $0[index] } }
    public func batch(_ indices: [Int]) -> [Tensor] {
        let device = tensors.first?.device ?? .cpu
        let rows = Tensor(indices, device: device)
        return tensors.map { $0.indexSelect(0, $0.device == device ? rows : rows.to($0.device)) }
    }
}

/// Some of another data set's samples. PyTorch: `torch.utils.data.Subset`.
public struct Subset<Base: Dataset>: Dataset {
    public let base: Base
    public let indices: [Int]
    public init(_ base: Base, _ indices: [Int]) {
        self.base = base
        self.indices = indices
    }
    public var count: Int { indices.count }
    public func item(_ index: Int) throws -> [Tensor] { try base.item(indices[index]) }
    public func batch(_ indices: [Int]) throws -> [Tensor] { try base.batch(indices.map { self.indices[$0] }) }
}

/// A data set cut at random into parts of the given sizes. PyTorch: `torch.utils.data.random_split`.
public func randomSplit<Base: Dataset>(_ base: Base, _ sizes: [Int], generator: Generator = .default) -> [Subset<Base>] {
    guard sizes.allSatisfy({ $0 >= 0 }), sizes.reduce(0, +) == base.count else {
        TensorError.report("randomSplit", "Sum of input lengths \(sizes) does not equal the length of the input dataset (\(base.count))")
        return sizes.map { _ in Subset(base, []) }
    }
    let order = generator.permutation(base.count)
    var start = 0
    return sizes.map { n in
        defer { start += n }
        return Subset(base, Array(order[start..<(start + n)]))
    }
}
