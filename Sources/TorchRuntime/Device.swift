// Where a tensor's bytes are.
import Glibc
import Synchronization

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

extension Device {
    private static let chosen = Atomic<UInt16>(Device.atStart.code)
    private var code: UInt16 { UInt16(kind.rawValue) << 8 | UInt16(index) }

    /// Where tensors are made when no device is named: `Tensor.zeros(2, 3)`, `Tensor([1, 2])`, the parameters of a new layer. At first what the variable `SWIFT_TORCH_DEVICE` of the
    /// environment says (`cuda`, `cuda:1`), else the CPU. What is read from files, and the state of optimizers' schedules, stays on the CPU.
    /// PyTorch: `torch.set_default_device`, `torch.get_default_device`.
    ///
    /// ```swift
    /// Device.default = CUDA.isAvailable ? .cuda : .cpu
    /// let net = Linear(4, 2)
    /// let y = net(Tensor.randn(3, 4))
    /// ```
    public static var `default`: Device {
        get {
            let code = chosen.load(ordering: .relaxed)
            return Device(Kind(rawValue: UInt8(code >> 8)) ?? .cpu, index: UInt8(code & 255))
        }
        set { chosen.store(newValue.code, ordering: .relaxed) }
    }

    private static var atStart: Device {
        guard let value = getenv("SWIFT_TORCH_DEVICE"), value.pointee != 0 else { return .cpu }
        let name = String(cString: value)
        if let device = Device(name) { return device }
        TensorError.report("Device.default", "SWIFT_TORCH_DEVICE is \"\(name)\", which names no device", hint: "write cpu, cuda or cuda:1")
        return .cpu
    }

    /// As PyTorch writes it: `cpu`, `cuda`, `cuda:1`, `meta`. Nil if it names no device. PyTorch: `torch.device("cuda:1")`.
    public init?(_ name: String) {
        let parts = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let kinds: [Substring: Kind] = ["cpu": .cpu, "cuda": .cuda, "meta": .meta]
        guard let kind = kinds[parts[0]] else { return nil }
        guard parts.count == 2 else {
            self.init(kind)
            return
        }
        guard let index = UInt8(parts[1]), kind == .cuda || index == 0 else { return nil }
        self.init(kind, index: index)
    }
}
