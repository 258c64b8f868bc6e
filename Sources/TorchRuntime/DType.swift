// The element types of tensors and PyTorch's rules for mixing them.
import TorchKernels

/// Element type of a tensor. PyTorch: `torch.dtype`.
///
/// `uint16`, `uint32` and `uint64` exist for files: they convert, copy and compare, but have no arithmetic.
@frozen
public enum DType: UInt8, Sendable, CaseIterable, Hashable {
    case bool = 0
    case uint8, int8, int16, int32, int64
    case float16, bfloat16, float32, float64
    case complex64, complex128
    case uint16, uint32, uint64

    /// The kernels' name of this type.
    @inlinable public var kernel: StDType { unsafeBitCast(rawValue, to: StDType.self) }

    /// The Swift case of a kernel's type.
    @inlinable public init(_ kernel: StDType) { self = unsafeBitCast(kernel, to: DType.self) }

    /// Bytes of one element.
    @inlinable public var itemSize: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .int16, .float16, .bfloat16, .uint16: 2
        case .int32, .float32, .uint32: 4
        case .int64, .float64, .complex64, .uint64: 8
        case .complex128: 16
        }
    }

    /// True for float16, bfloat16, float32 and float64.
    @inlinable public var isFloatingPoint: Bool { rawValue >= DType.float16.rawValue && rawValue <= DType.float64.rawValue }
    /// True for complex64 and complex128.
    @inlinable public var isComplex: Bool { self == .complex64 || self == .complex128 }
    /// True for the integer types; false for bool.
    @inlinable public var isInteger: Bool { !isFloatingPoint && !isComplex && self != .bool }
    /// True for types that can carry gradients.
    @inlinable public var isDifferentiable: Bool { isFloatingPoint || isComplex }
    /// True for the unsigned integers.
    public var isUnsigned: Bool { self == .uint8 || self == .uint16 || self == .uint32 || self == .uint64 }

    /// The real type of a complex one, otherwise the type itself.
    public var real: DType { self == .complex64 ? .float32 : self == .complex128 ? .float64 : self }
    /// The complex type with parts of this type.
    public var complex: DType { self == .float64 || self == .complex128 ? .complex128 : .complex64 }
    /// The type that float16 and bfloat16 compute in; otherwise the type itself.
    public var computeType: DType { self == .float16 || self == .bfloat16 ? .float32 : self }

    /// PyTorch's name without `torch.`, e.g. `float32`.
    public var name: String { "\(self)" }

    /// The type with PyTorch's name (`"float32"`, `"int64"`, and the aliases `float double half long int short byte cfloat cdouble`).
    public init?(name: String) {
        switch name {
        case "float": self = .float32
        case "double": self = .float64
        case "half": self = .float16
        case "long": self = .int64
        case "int": self = .int32
        case "short": self = .int16
        case "byte": self = .uint8
        case "char": self = .int8
        case "cfloat": self = .complex64
        case "cdouble": self = .complex128
        default:
            guard let t = DType.allCases.first(where: { $0.name == name }) else { return nil }
            self = t
        }
    }

    /// Machine epsilon of a floating-point (or the parts of a complex) type; 0 otherwise. PyTorch: `torch.finfo(dtype).eps`.
    public var epsilon: Double {
        switch real {
        case .float16: 0x1p-10
        case .bfloat16: 0x1p-7
        case .float32: 0x1p-23
        case .float64: 0x1p-52
        default: 0
        }
    }
}

// MARK: - Promotion

extension DType {
    /// The smallest type that holds both. PyTorch: `torch.promote_types`.
    public static func promote(_ a: DType, _ b: DType) -> DType {
        if a == b { return a }
        if a == .bool { return b }
        if b == .bool { return a }
        if a.isComplex || b.isComplex {
            let wide = a == .complex128 || b == .complex128 || a == .float64 || b == .float64
            return wide ? .complex128 : .complex64
        }
        if a.isFloatingPoint || b.isFloatingPoint {
            if !a.isFloatingPoint { return b }
            if !b.isFloatingPoint { return a }
            // float16 with bfloat16 meet in float32; otherwise the wider wins.
            if a.itemSize == b.itemSize { return .float32 }
            return a.itemSize > b.itemSize ? a : b
        }
        // Integers: the same signedness takes the wider; uint8 with a signed type takes a signed type that holds both.
        if a.isUnsigned == b.isUnsigned { return a.itemSize > b.itemSize ? a : b }
        let (unsigned, signed) = a.isUnsigned ? (a, b) : (b, a)
        if signed.itemSize > unsigned.itemSize { return signed }
        return unsigned == .uint8 ? .int16 : unsigned == .uint16 ? .int32 : .int64
    }

    /// PyTorch's three categories: 0 bool, 1 integer, 2 float, 3 complex.
    @inlinable public var category: Int { self == .bool ? 0 : isComplex ? 3 : isFloatingPoint ? 2 : 1 }
}

/// The default floating-point type of new tensors. PyTorch: `torch.get_default_dtype`.
public enum DefaultDType {
    // Written by one rare call before work starts, as in PyTorch; a byte, so a racing reader sees the old or the new value.
    nonisolated(unsafe) private static var value = DType.float32
    /// Type of `Tensor.zeros(2, 3)` and of numbers with a fraction.
    public static var floating: DType {
        get { value }
        set {
            guard newValue.isFloatingPoint else {
                TensorError.report("setDefaultDType", "only floating-point types are supported as the default type, got \(newValue)")
                return
            }
            value = newValue
        }
    }
    /// The complex type that goes with `floating`.
    public static var complex: DType { floating.complex }
}
