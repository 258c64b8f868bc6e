// What a device must be able to do. Everything else is composed above it.
import TorchKernels

public typealias UnaryOp = StUnaryOp
public typealias BinaryOp = StBinaryOp
public typealias TernaryOp = StTernaryOp
public typealias ReduceOp = StReduceOp
public typealias ScanOp = StScanOp
public typealias ScatterOp = StScatterOp

/// A convolution's numbers per spatial dimension, outermost first.
public struct ConvolutionShape: Sendable, Equatable {
    public var stride, padding, dilation: [Int]
    public var groups: Int
    public init(stride: [Int], padding: [Int], dilation: [Int], groups: Int) {
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
    }
}

/// A pooling window's numbers per spatial dimension, outermost first.
public struct PoolingShape: Sendable, Equatable {
    public var kernelSize, stride, padding, dilation: [Int]
    /// Average pooling: padding counts towards the divisor.
    public var countIncludePad: Bool
    /// Average pooling: fixed divisor, 0 for the window's size.
    public var divisor: Int
    public init(kernelSize: [Int], stride: [Int], padding: [Int], dilation: [Int], countIncludePad: Bool = true, divisor: Int = 0) {
        self.kernelSize = kernelSize
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.countIncludePad = countIncludePad
        self.divisor = divisor
    }
}

/// Which factorisation or solve `linearAlgebra` runs, on float32, float64, complex64 and complex128.
///
/// Operands and results as listed; matrices in the last two dims, batch in front, any strides, batch dims of all operands equal. `info` is int32, one a matrix: 0, or
/// the positive number that LAPACK documents for the failure. "real": the real type of the others.
public enum LinearAlgebraOp: Sendable {
    /// in: a [m, n]; out: lu (packed, [m, n]), pivots (int32 [k], from 1), info
    case lu
    /// in: lu, pivots, b [n, c]; out: x with A X = B, or A^H X = B
    case luSolve(adjoint: Bool)
    /// in: a; out: factor (the other triangle zero), info. Reads the lower triangle (`upper`: the upper one).
    case cholesky(upper: Bool)
    /// in: a, b; out: x. `a` triangular, the other triangle is not read.
    case triangularSolve(upper: Bool, unitDiagonal: Bool)
    /// in: a; out: packed reflectors (as LAPACK geqrf), tau [k]
    case householder
    /// in: packed [m, c], tau [k]; out: the first columns of H0 H1 … as many as out has
    case householderProduct
    /// in: a; out: u, s (real), vh, info. `full`: square u and vh.
    case svd(full: Bool)
    /// in: a; out: s (real), info
    case singularValues
    /// in: a (Hermitian, the named triangle is read); out: eigenvalues ascending (real), eigenvectors, info
    case eigh(upper: Bool)
    /// in: a (as `eigh`); out: eigenvalues ascending (real), info
    case eighValues(upper: Bool)
    /// in: a; out: eigenvalues (complex), right eigenvectors (complex), info
    case eig
    /// in: a; out: eigenvalues (complex), info
    case eigValues
    /// in: a [m, n], b [m, c]; out: x [n, c], rank (int64), singular values (real), info. `rcond` below 0: machine precision.
    case leastSquares(rcond: Double)
    /// in: a symmetric or Hermitian, the lower triangle is read; out: ld (packed), pivots (int32, as LAPACK sytrf), info
    case ldl(hermitian: Bool)
    /// in: ld, pivots, b; out: x
    case ldlSolve(hermitian: Bool)
}

/// The primitives of a device, on plain operands: no tensors, no gradients, no broadcasting (operands come expanded), shapes already checked.
///
/// A device implements what it can; what it lacks reports `not implemented on this device` with the primitive's name.
public protocol Backend: Sendable {
    var device: Device { get }

    // MARK: Memory
    /// Memory for `byteCount` bytes, contents undefined; nil when refused.
    func allocate(byteCount: Int) -> Storage?
    /// Why `byteCount` bytes were refused, with what holds the memory.
    func refusal(byteCount: Int) -> DeviceError
    /// out = in, converted to out's type. Any strides on both sides; they do not overlap.
    func copy(_ out: Operand, _ input: Operand)
    /// out = the element at `value`, which is of out's type.
    func fill(_ out: Operand, _ value: UnsafeRawPointer)
    /// out[i] = start + i * step along a contiguous 1-D output.
    func arange(_ out: Operand, start: Double, step: Double)

    // MARK: Pointwise. False: no kernel for the type.
    /// The same as `unary` and `binary` for operands that are all row-major runs of `count` elements: the hot path, without descriptors.
    func unaryRun(_ op: UnaryOp, _ dtype: DType, _ out: UnsafeMutableRawPointer, _ x: UnsafeMutableRawPointer, count: Int, _ parameters: KernelParameters) -> Bool
    func binaryRun(_ op: BinaryOp, _ dtype: DType, _ out: UnsafeMutableRawPointer, _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer, count: Int, _ parameters: KernelParameters) -> Bool
    func unary(_ op: UnaryOp, _ out: Operand, _ x: Operand, _ parameters: KernelParameters) -> Bool
    func binary(_ op: BinaryOp, _ out: Operand, _ a: Operand, _ b: Operand, _ parameters: KernelParameters) -> Bool
    func ternary(_ op: TernaryOp, _ out: Operand, _ a: Operand, _ b: Operand, _ c: Operand, _ parameters: KernelParameters) -> Bool
    /// out = condition ? a : b
    func select(_ out: Operand, _ condition: Operand, _ a: Operand, _ b: Operand)
    /// True if any element of integer operand `x` is zero (divisors are checked before an integer division). May be found later: see Note [Checks of elements].
    func hasZero(_ x: Operand, _ check: ElementCheck) -> Bool

    // MARK: Reductions and scans
    /// Reduces the dims where `reduced` is set; out has size 1 there (or those dims with stride 0). False: no kernel for the type.
    func reduce(_ op: ReduceOp, _ out: Operand, _ x: Operand, reduced: Dims, _ parameters: KernelParameters) -> Bool
    /// Running op along `dim`; indices (int64) for max and min.
    func scan(_ op: ScanOp, _ out: Operand, _ indices: Operand?, _ x: Operand, dim: Int) -> Bool

    // MARK: Rows: contiguous [rows, columns]
    func softmax(_ out: Operand, _ x: Operand, logarithm: Bool) -> Bool
    func softmaxBackward(_ dx: Operand, _ dy: Operand, _ y: Operand, logarithm: Bool) -> Bool
    func layerNorm(_ y: Operand, mean: Operand, rstd: Operand, _ x: Operand, weight: Operand?, bias: Operand?, epsilon: Double) -> Bool
    func layerNormBackward(dx: Operand?, dweight: Operand?, dbias: Operand?, _ dy: Operand, _ x: Operand, weight: Operand?, mean: Operand, rstd: Operand) -> Bool
    func rmsNorm(_ y: Operand, rstd: Operand, _ x: Operand, weight: Operand?, epsilon: Double) -> Bool
    func rmsNormBackward(dx: Operand?, dweight: Operand?, _ dy: Operand, _ x: Operand, weight: Operand?, rstd: Operand) -> Bool
    /// x contiguous [n, c, inner]
    func batchNormStatistics(mean: Operand, variance: Operand, _ x: Operand) -> Bool
    func batchNorm(_ y: Operand, _ x: Operand, mean: Operand, rstd: Operand, weight: Operand?, bias: Operand?) -> Bool
    func batchNormBackward(dx: Operand?, dweight: Operand?, dbias: Operand?, _ dy: Operand, _ x: Operand, mean: Operand, rstd: Operand, weight: Operand?, training: Bool) -> Bool
    /// x [rows, columns], target int64 [rows]; loss and lse [rows]. The CPU is given targets that have been checked; a device checks them (Note [Checks of elements]).
    func crossEntropy(loss: Operand, lse: Operand, _ x: Operand, _ target: Operand, ignoreIndex: Int, _ check: ElementCheck) -> Bool
    func crossEntropyBackward(_ dx: Operand, _ x: Operand, _ target: Operand, lse: Operand, scale: Operand, ignoreIndex: Int) -> Bool

    // MARK: Indexing. Results: nil, or the position of the first index that is out of range; a device may report that later: see Note [Checks of elements].
    func gather(_ out: Operand, _ x: Operand, _ index: Operand, dim: Int, _ check: ElementCheck) -> Int?
    func scatter(_ op: ScatterOp, _ out: Operand, _ index: Operand, _ source: Operand, dim: Int, _ check: ElementCheck) -> Int?
    /// out[i] = x[index[i]] over dim 0, rows contiguous.
    func takeRows(_ out: Operand, _ x: Operand, _ index: Operand, _ check: ElementCheck) -> Int?
    /// out[index[i]] += alpha * x[i] over dim 0, rows contiguous; `skip` is an index that is passed over.
    func addRows(_ out: Operand, _ x: Operand, _ index: Operand, alpha: Double, skip: Int?, _ check: ElementCheck) -> Int?
    /// Number of true elements, or, with `out` (int64 [count, rank]), their positions.
    func nonzero(_ out: Operand?, _ mask: Operand) -> Int
    func maskedSelect(_ out: Operand, _ x: Operand, _ mask: Operand)
    /// Returns how many source elements were wanted.
    func maskedScatter(_ out: Operand, _ mask: Operand, _ source: Operand) -> Int

    // MARK: Sorting: contiguous [rows, n]
    func sort(values: Operand, indices: Operand?, _ x: Operand, descending: Bool) -> Bool
    func topK(values: Operand, indices: Operand, _ x: Operand, k: Int, largest: Bool) -> Bool
    /// 1-D sorted boundaries.
    func searchSorted(_ out: Operand, boundaries: Operand, values: Operand, right: Bool) -> Bool

    // MARK: Matrix product
    /// out[b, m, n] = alpha * a[b, m, k] · b[b, k, n] + beta * out; batch dims already joined to one (stride 0 allowed), any strides.
    func matmul(_ out: Operand, _ a: Operand, _ b: Operand, alpha: Double, beta: Double) -> Bool
    /// out[b, m, n] = a · b + bias: as matmul, the bias repeated to out's sizes by strides of 0. Where a device has nothing of its own, the bias is copied and the product added.
    func affine(_ out: Operand, _ a: Operand, _ b: Operand, bias: Operand) -> Bool

    // MARK: Convolution and pooling: x [n, c, spatial…], weight [o, c / groups, kernel…], y [n, o, spatial…]
    func convolution(_ y: Operand, _ x: Operand, weight: Operand, bias: Operand?, _ shape: ConvolutionShape) -> Bool
    func convolutionBackwardData(_ dx: Operand, _ dy: Operand, weight: Operand, _ shape: ConvolutionShape) -> Bool
    func convolutionBackwardWeight(_ dweight: Operand, _ dy: Operand, _ x: Operand, _ shape: ConvolutionShape) -> Bool
    /// indices: int64 positions within the plane, -1 for a window without an element; nil when not wanted.
    func maxPool(_ y: Operand, indices: Operand?, _ x: Operand, _ shape: PoolingShape) -> Bool
    func maxPoolBackward(_ dx: Operand, _ dy: Operand, indices: Operand) -> Bool
    func averagePool(_ y: Operand, _ x: Operand, _ shape: PoolingShape) -> Bool
    func averagePoolBackward(_ dx: Operand, _ dy: Operand, _ shape: PoolingShape) -> Bool

    // MARK: Attention: q [b, h, t, d], k and v [b, h, s, d]; lse float32 [b, h, t]. False: no kernel, and the caller composes.
    /// Whether a device has the two primitives for a type and head size d; where it has not, attention is composed of products and a softmax.
    func hasAttention(_ dtype: DType, headSize: Int) -> Bool
    func attention(_ out: Operand, lse: Operand, query: Operand, key: Operand, value: Operand, causal: Bool, scale: Double) -> Bool
    func attentionBackward(dq: Operand, dk: Operand, dv: Operand, _ dout: Operand, out: Operand, lse: Operand, query: Operand, key: Operand, value: Operand, causal: Bool, scale: Double) -> Bool

    // MARK: Linear algebra, Fourier transform, resampling
    func linearAlgebra(_ op: LinearAlgebraOp, outputs: [Operand], inputs: [Operand]) -> Bool
    /// Complex transform along the last dim, contiguous; sign -1 forward, +1 inverse; unscaled.
    func fft(_ out: Operand, _ x: Operand, sign: Int) -> Bool

    // MARK: Random numbers
    /// Fills contiguous `out`, whose type the distribution has. A generator of this device gives the device's own stream; any other draws on the CPU.
    func random(_ out: Operand, _ distribution: RandomDistribution, _ generator: Generator)
    /// out = x scale with probability `keep`, else x 0; `kept`, bool, says where. All contiguous, of a floating type. False: there is no such kernel, and the caller composes.
    func dropout(_ out: Operand, kept: Operand?, _ x: Operand, keep: Double, scale: Double, _ generator: Generator) -> Bool
    /// out = gradient scale where kept, else gradient 0. Any layouts.
    func dropoutBackward(_ out: Operand, kept: Operand, _ gradient: Operand, scale: Double) -> Bool

    // MARK: Fused optimizer steps over many contiguous tensors
    // `anew` gives the options of a later step, when this one is captured (Note [Captured steps]); a backend that captures asks it before each replay.
    func sgdStep(_ tensors: [st_optim_tensor], dtype: DType, _ options: st_sgd, anew: @escaping () -> st_sgd) -> Bool
    func adamStep(_ tensors: [st_optim_tensor], dtype: DType, _ options: st_adam, anew: @escaping () -> st_adam) -> Bool
}
