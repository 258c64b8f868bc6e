// New tensors: filled, counted, from Swift arrays.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Filled

    /// Undefined contents. PyTorch: `torch.empty`.
    public static func empty(_ shape: [Int], dtype: DType? = nil, device: Device = .default, requiresGrad: Bool = false) -> Tensor {
        makeChecked(Dims(shape), dtype ?? DefaultDType.floating, device: device, "empty").requiringGrad(requiresGrad)
    }
    /// Undefined contents. PyTorch: `torch.empty`.
    public static func empty(_ shape: Int..., dtype: DType? = nil, device: Device = .default, requiresGrad: Bool = false) -> Tensor {
        empty(shape, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }

    /// Every element `value`. The type follows the number unless given. PyTorch: `torch.full`.
    public static func full(_ shape: [Int], _ value: some ScalarConvertible, dtype: DType? = nil, device: Device = .default, requiresGrad: Bool = false) -> Tensor {
        let value = value.scalar
        let t = makeChecked(Dims(shape), dtype ?? value.dtype, device: device, "full")
        t.fillUnshared(value)
        return t.requiringGrad(requiresGrad)
    }
    static func full(_ sizes: Dims, _ value: Scalar, dtype: DType, device: Device = .cpu) -> Tensor {
        let t = make(sizes, dtype, device: device)
        t.fillUnshared(value)
        return t
    }

    /// Writes to memory that was just made.
    func fillUnshared(_ value: Scalar) {
        var bits: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &bits) {
            ElementBits.store(value, dtype, $0.baseAddress!)
            backend.fill(operand, UnsafeRawPointer($0.baseAddress!))
        }
    }

    /// Zeros. PyTorch: `torch.zeros`.
    public static func zeros(_ shape: [Int], dtype: DType? = nil, device: Device = .default, requiresGrad: Bool = false) -> Tensor {
        full(shape, 0, dtype: dtype ?? DefaultDType.floating, device: device, requiresGrad: requiresGrad)
    }
    /// Zeros. PyTorch: `torch.zeros`.
    public static func zeros(_ shape: Int..., dtype: DType? = nil, device: Device = .default, requiresGrad: Bool = false) -> Tensor {
        zeros(shape, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }
    static func zeros(_ sizes: Dims, dtype: DType, device: Device = .cpu) -> Tensor { full(sizes, 0, dtype: dtype, device: device) }

    /// Ones. PyTorch: `torch.ones`.
    public static func ones(_ shape: [Int], dtype: DType? = nil, device: Device = .default, requiresGrad: Bool = false) -> Tensor {
        full(shape, 1, dtype: dtype ?? DefaultDType.floating, device: device, requiresGrad: requiresGrad)
    }
    /// Ones. PyTorch: `torch.ones`.
    public static func ones(_ shape: Int..., dtype: DType? = nil, device: Device = .default, requiresGrad: Bool = false) -> Tensor {
        ones(shape, dtype: dtype, device: device, requiresGrad: requiresGrad)
    }

    /// Zeros in this tensor's shape, type and device. PyTorch: `torch.zeros_like`.
    public func zerosLike(dtype: DType? = nil) -> Tensor { .zeros(dims, dtype: dtype ?? self.dtype, device: device) }
    /// Ones in this tensor's shape, type and device. PyTorch: `torch.ones_like`.
    public func onesLike(dtype: DType? = nil) -> Tensor { .full(dims, 1, dtype: dtype ?? self.dtype, device: device) }
    /// One value in this tensor's shape, type and device. PyTorch: `torch.full_like`.
    public func fullLike(_ value: some ScalarConvertible, dtype: DType? = nil) -> Tensor { .full(dims, value.scalar, dtype: dtype ?? self.dtype, device: device) }
    /// Undefined contents in this tensor's shape, type and device. PyTorch: `torch.empty_like`.
    public func emptyLike(dtype: DType? = nil) -> Tensor { .make(dims, dtype ?? self.dtype, device: device) }

    // MARK: Counted

    /// start, start + step, … below end. Whole numbers give int64. PyTorch: `torch.arange`.
    public static func arange(_ start: some ScalarConvertible, _ end: some ScalarConvertible, step: some ScalarConvertible = 1, dtype: DType? = nil, device: Device = .default) -> Tensor {
        let (start, end, step) = (start.scalar, end.scalar, step.scalar)
        let (s, e, d) = (start.doubleValue, end.doubleValue, step.doubleValue)
        guard d != 0, s.isFinite, e.isFinite, (d > 0) == (e >= s) || e == s else {
            let reason =
                d == 0
                ? "step must be nonzero"
                : !s.isFinite || !e.isFinite
                    ? "unsupported range: \(s) -> \(e)"
                    : "upper bound and lower bound inconsistent with step sign: \(s) to \(e) by \(d)"
            TensorError.report("arange", reason)
            return placeholder
        }
        let whole = [start, end, step].allSatisfy { if case .int = $0 { true } else { false } }
        let type = dtype ?? (whole ? .int64 : DefaultDType.floating)
        let t = makeChecked([Int(((e - s) / d).rounded(.up))], type, device: device, "arange")
        t.backend.arange(t.operand, start: s, step: d)
        return t
    }
    /// 0, 1, … below end. PyTorch: `torch.arange`.
    public static func arange(_ end: some ScalarConvertible, dtype: DType? = nil, device: Device = .default) -> Tensor { arange(0, end, dtype: dtype, device: device) }

    /// `steps` numbers from start to end, both included. PyTorch: `torch.linspace`.
    public static func linspace(_ start: Double, _ end: Double, steps: Int, dtype: DType? = nil, device: Device = .default) -> Tensor {
        linspace(scalarTensor(.double(start), .float64), scalarTensor(.double(end), .float64), steps: steps, dtype: dtype, device: device)
    }

    /// base ** linspace. PyTorch: `torch.logspace`.
    public static func logspace(_ start: Double, _ end: Double, steps: Int, base: Double = 10, dtype: DType? = nil, device: Device = .default) -> Tensor {
        logspace(scalarTensor(.double(start), .float64), scalarTensor(.double(end), .float64), steps: steps, base: base, dtype: dtype, device: device)
    }

    /// Ones on the diagonal of an n x m matrix. PyTorch: `torch.eye`.
    public static func eye(_ n: Int, _ m: Int? = nil, dtype: DType? = nil, device: Device = .default) -> Tensor {
        guard n >= 0, (m ?? n) >= 0 else {
            TensorError.report("eye", n < 0 ? "n must be greater or equal to 0, got \(n)" : "m must be greater or equal to 0, got \(m ?? n)")
            return placeholder
        }
        let t = zeros([n, m ?? n], dtype: dtype, device: device)
        let k = Swift.min(n, m ?? n)
        if k > 0 {
            // The diagonal as a strided view of memory that nobody else has yet.
            let o = t.operand.view(sizes: [k], strides: [(m ?? n) + 1])
            Tensor(TensorImpl(o, count: k, isContiguous: false)).fillUnshared(1)
        }
        return t
    }

    // MARK: From Swift

    /// One number, 0-dim. PyTorch: `torch.tensor(3.0)`.
    public init(_ value: Double, dtype: DType? = nil, device: Device = .default) { self = .scalarTensor(.double(value), dtype ?? DefaultDType.floating).to(device) }
    /// One number, 0-dim.
    public init(_ value: Float, device: Device = .default) { self = .scalarTensor(.double(Double(value)), .float32).to(device) }
    /// One whole number, 0-dim, int64.
    public init(_ value: Int, dtype: DType? = nil, device: Device = .default) { self = .scalarTensor(.int(value), dtype ?? .int64).to(device) }
    /// One truth value, 0-dim.
    public init(_ value: Bool, device: Device = .default) { self = .scalarTensor(.bool(value), .bool).to(device) }
    /// One scalar, 0-dim.
    public init(_ value: Scalar, dtype: DType? = nil, device: Device = .default) { self = .scalarTensor(value, dtype ?? value.dtype).to(device) }
    /// A complex number, 0-dim.
    public init(real: Double, imaginary: Double, dtype: DType? = nil, device: Device = .default) {
        self = .scalarTensor(.complex(real, imaginary), dtype ?? DefaultDType.complex).to(device)
    }

    /// A vector of the array's type; Double becomes the default floating type unless given. PyTorch: `torch.tensor([...])`.
    public init<T: TensorElement>(_ values: [T], dtype: DType? = nil, device: Device = .default) { self.init(values, shape: [values.count], dtype: dtype, device: device) }

    /// Elements in row-major order and their shape. PyTorch: `torch.tensor(...).reshape(shape)`.
    public init<T: TensorElement>(_ values: [T], shape: [Int], dtype: DType? = nil, device: Device = .default) {
        let sizes = Dims(shape)
        guard sizes.checkedProduct == values.count else {
            TensorError.report("Tensor", "shape \(sizes) does not hold \(values.count) elements")
            self = .placeholder
            return
        }
        let t = Tensor.make(sizes, T.dtype)
        if T.self == Bool.self {
            for (i, v) in values.enumerated() { t.operand.pointer.storeBytes(of: v.scalar == .bool(true) ? 1 : 0, toByteOffset: i, as: UInt8.self) }
        } else {
            values.withUnsafeBytes { if let p = $0.baseAddress, !$0.isEmpty { t.operand.pointer.copyMemory(from: p, byteCount: $0.count) } }
        }
        let target = dtype ?? (T.self == Double.self ? DefaultDType.floating : T.dtype)
        self = t.converted(to: target).to(device)
    }

    /// A matrix from rows. PyTorch: `torch.tensor([[...], [...]])`.
    public init<T: TensorElement>(_ rows: [[T]], dtype: DType? = nil, device: Device = .default) {
        let width = rows.first?.count ?? 0
        guard rows.allSatisfy({ $0.count == width }) else {
            TensorError.report("Tensor", "expected rows of equal length \(width), got lengths \(rows.map(\.count))")
            self = .placeholder
            return
        }
        self.init(Array(rows.joined()), shape: [rows.count, width], dtype: dtype, device: device)
    }

    /// A 3-dim tensor from nested arrays.
    public init<T: TensorElement>(_ values: [[[T]]], dtype: DType? = nil, device: Device = .default) {
        let (a, b) = (values.first?.count ?? 0, values.first?.first?.count ?? 0)
        guard values.allSatisfy({ $0.count == a && $0.allSatisfy { $0.count == b } }) else {
            TensorError.report("Tensor", "expected nested arrays of equal lengths")
            self = .placeholder
            return
        }
        self.init(Array(values.joined().joined()), shape: [values.count, a, b], dtype: dtype, device: device)
    }
}
