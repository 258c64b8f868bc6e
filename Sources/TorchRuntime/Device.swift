// Where a tensor's bytes are.

/// A device that holds tensors and runs operators. PyTorch: `torch.device`.
@frozen
public struct Device: Sendable, Hashable, CustomStringConvertible {
    /// Kinds of device.
    @frozen public enum Kind: UInt8, Sendable { case cpu, cuda, meta }
    /// Kind of the device.
    public let kind: Kind
    /// Number among devices of its kind.
    public let index: UInt8

    @inlinable public init(_ kind: Kind, index: UInt8 = 0) {
        self.kind = kind
        self.index = index
    }

    /// The processor.
    public static let cpu = Device(.cpu)
    /// The first CUDA device.
    public static let cuda = Device(.cuda)
    /// A CUDA device by number.
    public static func cuda(_ index: Int) -> Device { Device(.cuda, index: UInt8(index)) }

    @inlinable public var isCPU: Bool { kind == .cpu }

    /// As PyTorch writes it: `cpu`, `cuda:0`.
    public var description: String { kind == .cpu ? "cpu" : "\(kind):\(index)" }
}
