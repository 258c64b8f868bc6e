// What a backend sees of a tensor: pointer, type, sizes and strides.
import TorchKernels

/// A strided view of device memory: everything a `Backend` primitive needs to know of a tensor.
@frozen
public struct Operand {
    /// Holds the memory while a primitive runs, so that a temporary may be passed as it stands; nil for memory that the caller holds.
    public var owner: Storage?
    /// Element (0, 0, …).
    public var pointer: UnsafeMutableRawPointer
    public var dtype: DType
    public var sizes: Dims
    /// In elements.
    public var strides: Dims

    /// A view of a storage.
    @inline(__always) @inlinable
    public init(_ storage: Storage, pointer: UnsafeMutableRawPointer, dtype: DType, sizes: Dims, strides: Dims) {
        owner = storage
        self.pointer = pointer
        self.dtype = dtype
        self.sizes = sizes
        self.strides = strides
    }

    /// Memory that the caller keeps alive until the primitive is done.
    @inlinable
    public init(unowned pointer: UnsafeMutableRawPointer, dtype: DType, sizes: Dims, strides: Dims) {
        owner = nil
        self.pointer = pointer
        self.dtype = dtype
        self.sizes = sizes
        self.strides = strides
    }

    /// Another view of the same memory.
    @inlinable
    public func view(pointer: UnsafeMutableRawPointer? = nil, dtype: DType? = nil, sizes: Dims, strides: Dims) -> Operand {
        var o = self
        o.pointer = pointer ?? self.pointer
        o.dtype = dtype ?? self.dtype
        o.sizes = sizes
        o.strides = strides
        return o
    }

    /// Number of elements.
    @inlinable public var count: Int { sizes.product }

    /// True if the elements lie in row-major order without gaps.
    @inlinable public var isContiguous: Bool {
        var expected = 1
        var i = sizes.count - 1
        while i >= 0 {
            if sizes[i] == 0 { return true }
            if sizes[i] != 1 {
                if strides[i] != expected { return false }
                expected *= sizes[i]
            }
            i -= 1
        }
        return true
    }

    /// The same memory seen with other sizes by repeating: dims of size 1 or missing in front get stride 0.
    public func expanded(to target: Dims) -> Operand {
        if sizes == target { return self }
        var o = self
        let lead = target.count - sizes.count
        o.sizes = target
        o.strides = Dims(rank: target.count)
        for i in 0..<sizes.count where sizes[i] == target[i + lead] { o.strides[i + lead] = strides[i] }
        return o
    }
}

/// Scalar parameters of a kernel; see the functor for what each means.
public typealias KernelParameters = st_params

extension st_params {
    /// Up to four floating parameters.
    @inlinable
    public init(_ f0: Double, _ f1: Double = 0, _ f2: Double = 0, _ f3: Double = 0) {
        self.init()
        f = (f0, f1, f2, f3)
    }
}
