// Automatic mixed precision: which operators run in a lower precision, which in float32.
import TorchKernels
import TorchRuntime

// Note [Autocast]
// A scope keeps for each kind of device the type that its operators are lowered to, in two bytes of the thread's state. A listed operator asks at its public entry
// (`Autocast.lower` or `Autocast.raise`, one load and one branch outside scopes), casts its inputs and calls itself again with the scope off, so that what it is
// composed of is left alone. Casts are recorded, so a leaf's gradient arrives in the leaf's own type; backward runs with the scope off.
//
// Casts of float32 leaves are kept until the outermost scope ends: a weight that is used twice is cast once. The kept tensor is never changed in place, because it
// is shared; so a changed weight is another tensor and is cast anew.

/// Runs `body` so that operators choose their precision: products, convolutions and attention in `dtype`, what needs range or many digits (exponentials, sums, norms,
/// losses) in float32, the rest in the type of their inputs. PyTorch: `torch.autocast`.
///
/// Float64, integer and complex tensors, and tensors on other kinds of device, are left as they are; so are operators with an explicit `dtype:`. Gradients arrive in the
/// type of the leaf. Call `backward` outside: it runs in the types of the forward pass anyway. The scope belongs to the thread. With float16, use `GradScaler`.
///
/// ```swift
/// let net = Sequential(Linear(4, 8), ReLU(), Linear(8, 2))
/// let (x, y) = (Tensor.randn(16, 4), Tensor.randint(0, 2, [16]))
/// let loss = autocast(.bfloat16, device: .cpu) { crossEntropy(net(x), y) }
/// loss.backward()
/// ```
///
/// - Parameters:
///   - dtype: float16 or bfloat16; nil: float16 on CUDA, bfloat16 on the CPU.
///   - device: the kind of device whose operators it is for; nil for all. The two kinds follow PyTorch's two lists: the CPU's raises losses, `prod`, linear algebra and Fourier transforms, but not exponentials and sums.
///   - enabled: false switches off inside.
///   - cache: keeps casts of leaves until the outermost scope ends. PyTorch: `cache_enabled`.
public func autocast<Result>(
    _ dtype: DType? = nil, device: Device.Kind? = nil, enabled: Bool = true, cache: Bool = true, _ body: () throws -> Result
) rethrows -> Result {
    var state = st_autocast()
    if let dtype, enabled, dtype != .float16, dtype != .bfloat16 {
        TensorError.report("autocast", "autocast lowers to float16 or bfloat16, not to \(dtype)", hint: "autocast(.bfloat16) { … }")
    } else if device == .meta {
        TensorError.report("autocast", "User specified an unsupported autocast device_type 'meta'", hint: "use .cpu or .cuda")
    } else {
        for kind in [Device.Kind.cpu, .cuda] where device ?? kind == kind {
            let lower = enabled ? dtype ?? (kind == .cpu ? .bfloat16 : .float16) : .bool
            state = state & ~(0xff << (8 * UInt16(kind.rawValue))) | UInt16(lower.rawValue) << (8 * UInt16(kind.rawValue))
        }
    }
    if st_autocast_casts() != nil || !cache { return try Autocast.within(state, body) }
    let casts = LeafCasts()
    st_set_autocast_casts(Unmanaged.passUnretained(casts).toOpaque())
    defer { st_set_autocast_casts(nil) }
    return try withExtendedLifetime(casts) { try Autocast.within(state, body) }
}

/// The type that `autocast` lowers to on a kind of device; nil outside of its scopes. PyTorch: `torch.get_autocast_dtype`, `torch.is_autocast_enabled`.
public func autocastDType(_ device: Device.Kind) -> DType? { Autocast.lowerType(device) }

/// What one call of a listed operator does with its inputs. See Note [Autocast].
struct Autocast {
    private let target: DType
    private let kind: Device.Kind

    /// For an operator of the lower precision list; nil where nothing is to be done.
    @inline(__always)
    static func lower(_ x: Tensor, _ y: Tensor? = nil, on only: Device.Kind? = nil) -> Autocast? {
        st_autocast() == 0 ? nil : active(nil, x, y, only)
    }

    /// For an operator of the float32 list, of one kind of device's or of both.
    @inline(__always)
    static func raise(_ x: Tensor, _ y: Tensor? = nil, on only: Device.Kind? = nil) -> Autocast? {
        st_autocast() == 0 ? nil : active(.float32, x, y, only)
    }

    /// For an operator of CUDA's list of those that take the widest of their inputs' types but do not promote by themselves.
    @inline(__always)
    static func widest(_ x: Tensor, _ y: Tensor) -> Autocast? {
        st_autocast() == 0 ? nil : active(Tensor.resultType(x, y), x, y, .cuda)
    }

    /// Runs the operator on what it cast, itself not cast again.
    func run<Result>(_ body: () -> Result) -> Result { Autocast.within(0, body) }

    /// An input in the operator's type.
    func callAsFunction(_ x: Tensor) -> Tensor {
        let type = x.dtype
        guard type != target, type.isFloatingPoint, type != .float64, x.device.kind == kind else { return x }
        guard type == .float32, st_grad_enabled(), x.impl.node is LeafNode, let casts = st_autocast_casts() else { return cast(x) }
        return Unmanaged<LeafCasts>.fromOpaque(casts)._withUnsafeGuaranteedRef { $0.cast(x, target) { cast(x) } }
    }
    func callAsFunction(_ x: Tensor?) -> Tensor? { x.map { self($0) } }

    private func cast(_ x: Tensor) -> Tensor {
        let out = x.converted(to: target)
        if x.isRecorded { out.impl.node = CastNode(out, x.impl.node) }
        return out
    }

    static func lowerType(_ kind: Device.Kind) -> DType? {
        guard kind != .meta, let type = DType(rawValue: UInt8(truncatingIfNeeded: st_autocast() >> (8 * UInt16(kind.rawValue)))), type != .bool else { return nil }
        return type
    }

    /// Runs `body` in this state of the scopes.
    static func within<Result>(_ state: UInt16, _ body: () throws -> Result) rethrows -> Result {
        let was = st_autocast()
        st_set_autocast(state)
        defer { st_set_autocast(was) }
        return try body()
    }

    @inline(never)
    private static func active(_ target: DType?, _ x: Tensor, _ y: Tensor?, _ only: Device.Kind?) -> Autocast? {
        // A number on the CPU beside a tensor on the device.
        let kind = x.device.isCPU ? y?.device.kind ?? .cpu : x.device.kind
        guard only == nil || only == kind, let lower = lowerType(kind) else { return nil }
        return Autocast(target: target ?? lower, kind: kind)
    }
}

/// The derivative of a cast: the engine gives the gradient the leaf's type. It saves nothing, so several backward passes may go through a cast that is kept.
private final class CastNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    override var name: String { "to" }
    override func apply(_ gradient: Tensor) { if let e0 { Engine.push(e0, gradient) } }
}

/// Casts of leaves in the outermost scope.
private final class LeafCasts {
    private struct Key: Hashable {
        let leaf: ObjectIdentifier
        let dtype: DType
    }
    // The leaf is kept too, so that its identity stays its own.
    private var kept: [Key: (leaf: Tensor, cast: Tensor)] = [:]

    func cast(_ leaf: Tensor, _ dtype: DType, _ make: () -> Tensor) -> Tensor {
        let key = Key(leaf: ObjectIdentifier(leaf.impl), dtype: dtype)
        if let known = kept[key] { return known.cast }
        let made = make()
        kept[key] = (leaf, made)
        return made
    }
}
