// Other types, other devices, other layouts, and back to Swift.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// This tensor in another element type; itself if it has it already. PyTorch: `to(dtype)`.
    public func to(_ dtype: DType) -> Tensor {
        if dtype == self.dtype { return self }
        let out = converted(to: dtype)
        if !dtype.isDifferentiable { return out }
        // The engine converts the gradient back to this tensor's type.
        return out.recorded("to", self) { $0 }
    }

    /// Conversion without graph.
    @inline(__always)
    func converted(to dtype: DType) -> Tensor {
        if dtype == self.dtype { return self }
        let out = Tensor.make(like: self, dtype)
        backend.copy(out.operand, operand)
        return out
    }

    /// This tensor on another device; itself if it is there already. PyTorch: `to(device)`.
    public func to(_ device: Device) -> Tensor {
        if device == self.device { return self }
        let out = Tensor.make(dims, dtype, device: device)
        let source = self.device
        // The accelerator's backend knows how to copy from and to the CPU.
        (device.isCPU ? backend : Tensor.backend(device)).copy(out.operand, operand)
        return out.recorded("to", self) { $0.to(source) }
    }

    /// A copy with memory of its own. PyTorch: `clone()`.
    public func clone() -> Tensor { copied().recorded("clone", self) { $0 } }

    /// A copy without graph, dense ones in the same layout.
    func copied() -> Tensor {
        let out = Tensor.make(like: self, dtype)
        backend.copy(out.operand, operand)
        return out
    }

    /// What an operator needs of numbers that come from shapes and options alone, on the device of its operands.
    static func table<T: TensorElement>(_ values: [T], shape: [Int]? = nil, dtype: DType? = nil, on device: Device) -> Tensor {
        Tensor(values, shape: shape ?? [values.count], dtype: dtype, device: .cpu).constant(on: device)
    }

    /// This tensor, which an operator has made on the CPU of shapes and options alone, on `device`: a constant, in a captured step too (Note [Captured steps]).
    func constant(on device: Device) -> Tensor {
        guard let step = CapturedStep.current, step.device == device else { return to(device) }
        return step.aside { to(device) }
    }

    /// The same elements in row-major order; itself if they lie so already. PyTorch: `contiguous()`.
    public func contiguous() -> Tensor {
        if isContiguous { return self }
        let out = Tensor.make(dims, dtype, device: device)
        backend.copy(out.operand, operand)
        return out.recorded("contiguous", self) { $0 }
    }

    // MARK: To Swift

    /// The only element. PyTorch: `item()`.
    public func item() -> Double { item(Double.self) }

    /// The only element, as another type.
    public func item<T: TensorElement>(_ type: T.Type) -> T {
        guard count == 1 else {
            TensorError.report("item", "a Tensor with \(count) elements cannot be converted to Scalar", hint: "pick one element, or use array(of:)")
            return T(ElementBits.load(.float32, [0 as Float]))
        }
        let t = device.isCPU ? self : to(.cpu)
        return withExtendedLifetime(t) { T(ElementBits.load(t.dtype, t.operand.pointer)) }
    }

    /// All elements in row-major order, converted. PyTorch: `flatten().tolist()`.
    public func array<T: TensorElement>(of type: T.Type = T.self) -> [T] {
        let t = (device.isCPU ? self : to(.cpu)).converted(to: T.dtype).contiguous()
        return withExtendedLifetime(t) {
            let p = t.operand.pointer
            if T.self == Bool.self {
                return (0..<count).map { T(.bool(p.load(fromByteOffset: $0, as: UInt8.self) != 0)) }
            }
            return Array(unsafeUninitializedCapacity: count) { buffer, n in
                UnsafeMutableRawPointer(buffer.baseAddress!).copyMemory(from: p, byteCount: count * MemoryLayout<T>.stride)
                n = count
            }
        }
    }

    /// Calls `body` with the elements in row-major order, which are of type `T`; no copy if contiguous and on the CPU.
    public func withElements<T: TensorElement, Result>(of type: T.Type, _ body: (UnsafeBufferPointer<T>) throws -> Result) rethrows -> Result {
        precondition(T.dtype == dtype, "withElements(of: \(T.self)) on a tensor of \(dtype)")
        let t = (device.isCPU ? self : to(.cpu)).contiguous()
        return try withExtendedLifetime(t) { try body(UnsafeBufferPointer(start: t.operand.pointer.assumingMemoryBound(to: T.self), count: count)) }
    }

    /// Bytes of the elements in row-major order.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let t = (device.isCPU ? self : to(.cpu)).contiguous()
        return try withExtendedLifetime(t) { try body(UnsafeRawBufferPointer(start: t.operand.pointer, count: count * dtype.itemSize)) }
    }

    /// Writes elements in row-major order: calls `body` with the memory of this tensor, made its own first.
    public mutating func withMutableElements<T: TensorElement, Result>(of type: T.Type, _ body: (UnsafeMutableBufferPointer<T>) throws -> Result) rethrows -> Result {
        precondition(T.dtype == dtype, "withMutableElements(of: \(T.self)) on a tensor of \(dtype)")
        if !device.isCPU {
            // On a copy, which then goes where the tensor was.
            let home = device
            var copy = to(.cpu)
            defer { self = copy.to(home) }
            return try copy.withMutableElements(of: type, body)
        }
        if !isContiguous { self = contiguous() }
        makeUnshared()
        return try body(UnsafeMutableBufferPointer(start: operand.pointer.assumingMemoryBound(to: T.self), count: count))
    }
}

/// A Swift number, as an argument of an operator.
public protocol ScalarConvertible: Sendable {
    /// The number as an operand.
    var scalar: Scalar { get }
}

extension Scalar: ScalarConvertible {
    public var scalar: Scalar { self }
}

/// A Swift type that tensors can be made from and turned into.
public protocol TensorElement: ScalarConvertible {
    /// The element type that holds it.
    static var dtype: DType { get }
    /// Conversion from any element.
    init(_ scalar: Scalar)
}

extension Double: TensorElement {
    public static var dtype: DType { .float64 }
    public init(_ scalar: Scalar) { self = scalar.doubleValue }
    public var scalar: Scalar { .double(self) }
}
extension Float: TensorElement {
    public static var dtype: DType { .float32 }
    public init(_ scalar: Scalar) { self = Float(scalar.doubleValue) }
    public var scalar: Scalar { .double(Double(self)) }
}
extension Float16: TensorElement {
    public static var dtype: DType { .float16 }
    public init(_ scalar: Scalar) { self = Float16(scalar.doubleValue) }
    public var scalar: Scalar { .double(Double(self)) }
}
extension Bool: TensorElement {
    public static var dtype: DType { .bool }
    public init(_ scalar: Scalar) { self = scalar.doubleValue != 0 }
    public var scalar: Scalar { .bool(self) }
}

extension FixedWidthInteger {
    fileprivate static func from(_ scalar: Scalar) -> Self {
        switch scalar {
        case .int(let i): Self(truncatingIfNeeded: i)
        case .bool(let b): b ? 1 : 0
        case .double(let d), .complex(let d, _): d.isFinite ? Self(exactly: d.rounded(.towardZero)) ?? 0 : 0
        }
    }
}
extension Int: TensorElement {
    public static var dtype: DType { .int64 }
    public init(_ scalar: Scalar) { self = .from(scalar) }
    public var scalar: Scalar { .int(self) }
}
extension Int64: TensorElement {
    public static var dtype: DType { .int64 }
    public init(_ scalar: Scalar) { self = .from(scalar) }
    public var scalar: Scalar { .int(Int(self)) }
}
extension Int32: TensorElement {
    public static var dtype: DType { .int32 }
    public init(_ scalar: Scalar) { self = .from(scalar) }
    public var scalar: Scalar { .int(Int(self)) }
}
extension Int16: TensorElement {
    public static var dtype: DType { .int16 }
    public init(_ scalar: Scalar) { self = .from(scalar) }
    public var scalar: Scalar { .int(Int(self)) }
}
extension Int8: TensorElement {
    public static var dtype: DType { .int8 }
    public init(_ scalar: Scalar) { self = .from(scalar) }
    public var scalar: Scalar { .int(Int(self)) }
}
extension UInt8: TensorElement {
    public static var dtype: DType { .uint8 }
    public init(_ scalar: Scalar) { self = .from(scalar) }
    public var scalar: Scalar { .int(Int(self)) }
}
