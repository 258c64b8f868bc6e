// Which type an operator's result has.
import TorchKernels
import TorchRuntime

/// A Swift number that takes part in an operator.
public enum Scalar: Sendable, Equatable {
    case bool(Bool)
    case int(Int)
    case double(Double)
    case complex(Double, Double)

    /// The type it stands for: bool, int64, the default floating type or its complex type.
    public var dtype: DType {
        switch self {
        case .bool: .bool
        case .int: .int64
        case .double: DefaultDType.floating
        case .complex: DefaultDType.complex
        }
    }

    /// The value as a Double (the real part of a complex one).
    public var doubleValue: Double {
        switch self {
        case .bool(let b): b ? 1 : 0
        case .int(let i): Double(i)
        case .double(let d): d
        case .complex(let re, _): re
        }
    }
}

extension Scalar: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral {
    public init(integerLiteral value: Int) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension Tensor {
    /// A number as an operand: 0-dim, and weak in promotion.
    @inline(__always)
    static func number(_ value: Double, _ other: Tensor) -> Tensor {
        // With a floating tensor the number takes its type at once; that is what promotion would give.
        let t = other.dtype.isFloatingPoint ? other.dtype : other.dtype.isComplex ? other.dtype : DefaultDType.floating
        return scalarTensor(.double(value), t, isNumber: true)
    }

    /// A whole number as an operand.
    @inline(__always)
    static func number(_ value: Int, _ other: Tensor) -> Tensor {
        let t: DType = other.dtype == .bool ? .int64 : other.dtype
        return scalarTensor(.int(value), t, isNumber: true)
    }

    /// A number as an operand, in full precision; in promotion a fraction counts as the default floating type.
    package static func number(_ value: Scalar) -> Tensor {
        switch value {
        case .double: scalarTensor(value, .float64, isNumber: true)
        case .complex: scalarTensor(value, .complex128, isNumber: true)
        default: scalarTensor(value, value.dtype, isNumber: true)
        }
    }

    /// A 0-dim tensor on the CPU.
    @inline(__always)
    static func scalarTensor(_ value: Scalar, _ dtype: DType, isNumber: Bool = false) -> Tensor {
        guard let s = Storage.allocate(byteCount: 16) else { return placeholder }
        ElementBits.store(value, dtype, s.pointer)
        let o = Operand(s, pointer: s.pointer, dtype: dtype, sizes: Dims(rank: 0), strides: Dims(rank: 0))
        return Tensor(TensorImpl(o, count: 1, isContiguous: true, isNumber: isNumber))
    }

    /// The type in which `a` and `b` meet. PyTorch: `torch.result_type`.
    public static func resultType(_ a: Tensor, _ b: Tensor) -> DType {
        if a.dtype == b.dtype && !(a.impl.isNumber && b.impl.isNumber) { return a.dtype }
        return resultType([a, b])
    }

    /// The type in which all meet: tensors with dims decide, 0-dim ones and numbers only lift to a higher category.
    static func resultType(_ tensors: [Tensor]) -> DType {
        var byRank: (dims: DType?, zero: DType?, number: DType?) = (nil, nil, nil)
        for t in tensors {
            if t.impl.isNumber {
                let type = t.dtype.isComplex ? DefaultDType.complex : t.dtype.isFloatingPoint ? DefaultDType.floating : t.dtype
                byRank.number = byRank.number.map { DType.promote($0, type) } ?? type
            } else if t.rank == 0 {
                byRank.zero = byRank.zero.map { DType.promote($0, t.dtype) } ?? t.dtype
            } else {
                byRank.dims = byRank.dims.map { DType.promote($0, t.dtype) } ?? t.dtype
            }
        }
        return lifted(byRank.dims, lifted(byRank.zero, byRank.number)) ?? DefaultDType.floating
    }

    private static func lifted(_ high: DType?, _ low: DType?) -> DType? {
        guard let high else { return low }
        guard let low else { return high }
        if high.isComplex { return high }
        if high.isFloatingPoint { return low.isComplex ? (high == .float64 ? .complex128 : .complex64) : high }
        if high == .bool || low.isFloatingPoint || low.isComplex { return DType.promote(high, low) }
        return high
    }
}

/// Single elements in memory.
enum ElementBits {
    /// Writes `value` as an element of `dtype`.
    @inline(__always)
    static func store(_ value: Scalar, _ dtype: DType, _ p: UnsafeMutableRawPointer) {
        switch (dtype, value) {
        case (.float32, .double(let d)): p.storeBytes(of: Float(d), as: Float.self)
        case (.float32, .int(let i)): p.storeBytes(of: Float(i), as: Float.self)
        case (.float64, .double(let d)): p.storeBytes(of: d, as: Double.self)
        case (.int64, .int(let i)): p.storeBytes(of: Int64(i), as: Int64.self)
        default: storeRare(value, dtype, p)
        }
    }

    @inline(never)
    private static func storeRare(_ value: Scalar, _ dtype: DType, _ p: UnsafeMutableRawPointer) {
        let d = value.doubleValue
        // Whole numbers keep all 64 bits and wrap, as a C cast does.
        let i: Int
        switch value {
        case .int(let v): i = v
        case .bool(let b): i = b ? 1 : 0
        default: i = d.isFinite && abs(d) < 9.3e18 ? Int(exactly: d.rounded(.towardZero)) ?? 0 : 0
        }
        switch dtype {
        case .bool:
            var on = d != 0
            if case .complex(let re, let im) = value { on = re != 0 || im != 0 }
            p.storeBytes(of: on ? 1 : 0, as: UInt8.self)
        case .uint8, .int8: p.storeBytes(of: UInt8(truncatingIfNeeded: i), as: UInt8.self)
        case .int16, .uint16: p.storeBytes(of: UInt16(truncatingIfNeeded: i), as: UInt16.self)
        case .int32, .uint32: p.storeBytes(of: UInt32(truncatingIfNeeded: i), as: UInt32.self)
        case .int64, .uint64: p.storeBytes(of: Int64(i), as: Int64.self)
        case .float16: p.storeBytes(of: Float16(d), as: Float16.self)
        case .bfloat16: p.storeBytes(of: bfloat16Bits(Float(d)), as: UInt16.self)
        case .float32: p.storeBytes(of: Float(d), as: Float.self)
        case .float64: p.storeBytes(of: d, as: Double.self)
        case .complex64, .complex128:
            var im = 0.0
            if case .complex(_, let v) = value { im = v }
            if dtype == .complex64 {
                p.storeBytes(of: Float(d), as: Float.self)
                p.storeBytes(of: Float(im), toByteOffset: 4, as: Float.self)
            } else {
                p.storeBytes(of: d, as: Double.self)
                p.storeBytes(of: im, toByteOffset: 8, as: Double.self)
            }
        }
    }

    /// Reads an element.
    static func load(_ dtype: DType, _ p: UnsafeRawPointer) -> Scalar {
        switch dtype {
        case .bool: .bool(p.load(as: UInt8.self) != 0)
        case .uint8: .int(Int(p.load(as: UInt8.self)))
        case .int8: .int(Int(p.load(as: Int8.self)))
        case .int16: .int(Int(p.load(as: Int16.self)))
        case .uint16: .int(Int(p.load(as: UInt16.self)))
        case .int32: .int(Int(p.load(as: Int32.self)))
        case .uint32: .int(Int(p.load(as: UInt32.self)))
        case .int64: .int(Int(p.load(as: Int64.self)))
        case .uint64: .int(Int(truncatingIfNeeded: p.load(as: UInt64.self)))
        case .float16: .double(Double(p.load(as: Float16.self)))
        case .bfloat16: .double(Double(Float(bitPattern: UInt32(p.load(as: UInt16.self)) << 16)))
        case .float32: .double(Double(p.load(as: Float.self)))
        case .float64: .double(p.load(as: Double.self))
        case .complex64: .complex(Double(p.load(as: Float.self)), Double(p.load(fromByteOffset: 4, as: Float.self)))
        case .complex128: .complex(p.load(as: Double.self), p.load(fromByteOffset: 8, as: Double.self))
        }
    }

    /// float32 to bfloat16, to nearest even.
    static func bfloat16Bits(_ f: Float) -> UInt16 {
        if f.isNaN { return 0x7FC0 }
        let u = f.bitPattern
        return UInt16(truncatingIfNeeded: (u &+ 0x7FFF &+ ((u >> 16) & 1)) >> 16)
    }
}
