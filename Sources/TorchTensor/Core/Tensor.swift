// The tensor.
import TorchCPU
import TorchCUDA
import TorchKernels
import TorchRuntime

/// An n-dimensional array of numbers on a device, part of a dynamic graph when gradients are wanted. PyTorch: `torch.Tensor`.
///
/// A tensor is a value, like `Array`: `var b = a; b += 1` leaves `a` alone. Views share memory without anyone noticing.
/// ```swift
/// let x = Tensor([[1, 2], [3, 4]])
/// let y = (x * 2 + 1).sum()      // 24
/// ```
public struct Tensor: Sendable {
    @usableFromInline var impl: TensorImpl

    @inline(__always) init(_ impl: TensorImpl) { self.impl = impl }

    // MARK: Facts

    /// Sizes, outermost first. PyTorch: `shape`.
    public var shape: [Int] { impl.operand.sizes.array }
    /// Sizes without an array on the heap.
    public var dims: Dims {
        @inline(__always) get { impl.operand.sizes }
    }
    /// Steps between elements along each dimension, in elements. PyTorch: `stride()`.
    public var strides: [Int] { impl.operand.strides.array }
    /// Number of dimensions. PyTorch: `ndim`, `dim()`.
    public var rank: Int {
        @inline(__always) get { impl.operand.sizes.count }
    }
    /// Number of elements. PyTorch: `numel()`.
    public var count: Int {
        @inline(__always) get { impl.count }
    }
    /// Element type.
    public var dtype: DType {
        @inline(__always) get { impl.operand.dtype }
    }
    /// Where the elements are.
    public var device: Device { impl.storage.device }
    /// True if the elements lie in row-major order without gaps. PyTorch: `is_contiguous()`.
    public var isContiguous: Bool {
        @inline(__always) get { impl.isContiguous }
    }
    /// First element's place in its storage, in elements. PyTorch: `storage_offset()`.
    public var storageOffset: Int { (impl.operand.pointer - impl.storage.pointer) / dtype.itemSize }
    /// True if two tensors use the same memory block (a matter of cost, never of values).
    public func sharesStorage(with other: Tensor) -> Bool { impl.storage === other.impl.storage }

    /// The memory block, for writers of files: it must not be written to.
    package var storage: Storage { impl.storage }

    /// Size along `dim`; negative counts from the end. PyTorch: `size(dim)`.
    public func size(_ dim: Int) -> Int {
        guard let d = checkedDim(dim, "size") else { return 0 }
        return dims[d]
    }

    /// What backends see.
    @usableFromInline var operand: Operand {
        @inline(__always) get { impl.operand }
    }
    /// The backend of this tensor's device.
    var backend: any Backend {
        @inline(__always) get { Self.backend(device) }
    }

    @inline(__always)
    static func backend(_ device: Device) -> any Backend {
        if device.isCPU { return CPU.backend }
        return otherBackend(device)
    }

    @inline(never)
    private static func otherBackend(_ device: Device) -> any Backend {
        if let b = Backends.find(device) { return b }
        // What a device lacks runs on the CPU.
        let cpu = CPU.backend
        do throws(DeviceError) {
            return try CUDABackend.open(device)
        } catch {
            TensorError.report("device", "no backend for \(device) in this process: \(error)", hint: "use .cpu, or check CUDA.isAvailable first")
            return cpu
        }
    }

    /// Reports a tensor that is not on `device`, where the others of an operation are.
    func isHere(_ device: Device, _ operation: String) -> Bool {
        if self.device == device { return true }
        TensorError.report(
            operation, "Expected all tensors to be on the same device, but found at least two devices, \(device) and \(self.device)", hint: "move one with .to(.cpu) or .to(.cuda)")
        return false
    }

    /// Turns a possibly negative dim into 0..<rank (0-dim tensors accept 0 and -1), or reports it.
    func checkedDim(_ dim: Int, _ operation: String, rank: Int? = nil) -> Int? {
        let n = Swift.max(rank ?? self.rank, 1)
        if dim >= 0 && dim < n { return dim }
        if dim < 0 && dim >= -n { return dim + n }
        TensorError.report(operation, "Dimension out of range (expected to be in range of [\(-n), \(n - 1)], but got \(dim)) for a tensor of shape \(dims)")
        return nil
    }

    /// All of `dims` as 0..<rank, each once; nil means all. Reports what is out of range or repeated.
    func checkedDims(_ dims: [Int]?, _ operation: String) -> [Int]? {
        guard let dims else { return Array(0..<rank) }
        var seen = [Int]()
        for d in dims {
            guard let c = checkedDim(d, operation) else { return nil }
            if seen.contains(c) {
                TensorError.report(operation, "dim \(d) appears multiple times in the list of dims \(dims)")
                return nil
            }
            seen.append(c)
        }
        return rank == 0 ? [] : seen
    }
}

/// The CPU's backend, registered at first use.
enum CPU {
    static let backend: any Backend = {
        let b = CPUBackend()
        Backends.register(b)
        return b
    }()
}

// MARK: - Making tensors

extension Tensor {
    /// A tensor of undefined contents; reports sizes that overflow and memory that is not there.
    @inline(__always)
    static func make(_ sizes: Dims, _ dtype: DType, device: Device = .cpu) -> Tensor {
        let count = sizes.product
        if device.isCPU, let s = Storage.allocate(byteCount: count &* dtype.itemSize) {
            let operand = Operand(s, pointer: s.pointer, dtype: dtype, sizes: sizes, strides: sizes.contiguousStrides)
            return Tensor(TensorImpl(operand, count: count, isContiguous: true))
        }
        return makeElsewhere(sizes, dtype, device)
    }

    @inline(never)
    private static func makeElsewhere(_ sizes: Dims, _ dtype: DType, _ device: Device) -> Tensor {
        let bytes = sizes.product * dtype.itemSize
        let backend = backend(device)
        guard let s = backend.allocate(byteCount: bytes) else {
            let hint = device.isCPU ? "use smaller batches or a smaller type, or raise CPUMemory.limit" : "use smaller batches or a smaller type, or free tensors and call CUDA.emptyCache()"
            TensorError.report("allocate", "\(backend.refusal(byteCount: bytes)), for a tensor of shape \(sizes) and type \(dtype)", hint: hint)
            return placeholder
        }
        let operand = Operand(s, pointer: s.pointer, dtype: dtype, sizes: sizes, strides: sizes.contiguousStrides)
        return Tensor(TensorImpl(operand, count: sizes.product, isContiguous: true))
    }

    /// Checked form of `make` for sizes that come from a user.
    static func makeChecked(_ sizes: Dims, _ dtype: DType, device: Device, _ operation: String) -> Tensor {
        if let negative = sizes.first(where: { $0 < 0 }) {
            TensorError.report(operation, "Trying to create tensor with negative dimension \(negative): \(sizes)")
            return placeholder
        }
        guard let n = sizes.checkedProduct, !n.multipliedReportingOverflow(by: dtype.itemSize).overflow else {
            TensorError.report(operation, "a tensor of shape \(sizes) has more elements than an Int can count")
            return placeholder
        }
        return make(sizes, dtype, device: device)
    }

    /// A tensor of undefined contents laid out like `other` if that is dense, otherwise row-major.
    @inline(__always)
    static func make(like other: Tensor, _ dtype: DType) -> Tensor {
        if other.impl.isContiguous { return make(other.dims, dtype, device: other.device) }
        return makeDense(like: other, dtype)
    }

    @inline(never)
    private static func makeDense(like other: Tensor, _ dtype: DType) -> Tensor {
        let t = make(other.dims, dtype, device: other.device)
        guard other.isDense else { return t }
        let o = t.impl.operand.view(sizes: other.dims, strides: other.operand.strides)
        return Tensor(TensorImpl(o, count: t.count, isContiguous: other.isContiguous))
    }

    /// True if the elements fill one run of memory without gaps or repetition, in whatever order of dims.
    var isDense: Bool {
        if isContiguous { return true }
        let (sizes, strides) = (operand.sizes, operand.strides)
        let order = (0..<rank).filter { sizes[$0] != 1 }.sorted { strides[$0] < strides[$1] }
        var expected = 1
        for d in order {
            if strides[d] != expected { return false }
            expected *= sizes[d]
        }
        return true
    }

    /// What an operator returns after reporting misuse inside `withTensorErrors`.
    static var placeholder: Tensor { make([0], .float32) }

    /// A view of the same storage.
    @inline(__always)
    func view(pointer: UnsafeMutableRawPointer? = nil, sizes: Dims, strides: Dims) -> Tensor {
        let o = Operand(impl.storage, pointer: pointer ?? impl.operand.pointer, dtype: impl.operand.dtype, sizes: sizes, strides: strides)
        return Tensor(TensorImpl(o, count: sizes.product, isContiguous: o.isContiguous))
    }

    /// A tensor over memory that `owner` keeps alive (a mapped file), row-major. The memory must be private to this process or never written.
    public init(storage: Storage, byteOffset: Int, sizes: Dims, dtype: DType) {
        precondition(byteOffset >= 0 && byteOffset + sizes.product * dtype.itemSize <= storage.byteCount, "view outside its storage")
        let o = Operand(storage, pointer: storage.pointer + byteOffset, dtype: dtype, sizes: sizes, strides: sizes.contiguousStrides)
        self.init(TensorImpl(o, count: sizes.product, isContiguous: true))
    }
}
