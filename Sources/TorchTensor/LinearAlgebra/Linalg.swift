// The namespace of linear algebra, and what all of it shares: checks, the call of the primitive, triangles.
import TorchKernels
import TorchRuntime

/// Linear algebra on matrices and batches of matrices (the last two dims), real and complex. PyTorch: `torch.linalg`.
///
/// float32, float64, complex64, complex128. With OpenBLAS on the machine its LAPACK does the work, otherwise our own factorisations.
public enum Linalg {
    /// Which triangle of a Hermitian matrix is read.
    public enum Triangle: String, Sendable { case lower = "L", upper = "U" }

    // MARK: Checks

    /// At least a matrix, of a type that factorisations have.
    static func isMatrix(_ x: Tensor, _ name: String, _ letter: String = "A") -> Bool {
        guard x.rank >= 2 else {
            TensorError.report(name, "The input tensor \(letter) must have at least 2 dimensions, got shape \(x.dims)", hint: "a vector becomes a matrix with unsqueeze(-1)")
            return false
        }
        return hasField(x, name)
    }

    /// float32, float64 or complex.
    static func hasField(_ x: Tensor, _ name: String) -> Bool {
        if x.dtype.isComplex || x.dtype == .float32 || x.dtype == .float64 { return true }
        if x.dtype.isFloatingPoint {
            TensorError.report(name, "Low precision dtypes not supported. Got \(x.dtype)", hint: "convert with .to(.float32) first")
        } else {
            TensorError.report(name, "Expected a floating point or complex tensor as input. Got \(x.dtype)", hint: "convert with .to(.float32) first")
        }
        return false
    }

    /// A square matrix, or a batch of them.
    static func isSquare(_ x: Tensor, _ name: String, _ letter: String = "A") -> Bool {
        guard isMatrix(x, name, letter) else { return false }
        let (m, n) = (x.dims[x.rank - 2], x.dims[x.rank - 1])
        if m == n { return true }
        TensorError.report(name, "\(letter) must be batches of square matrices, but they are \(m) by \(n) matrices")
        return false
    }

    /// The same type and device.
    static func agree(_ a: Tensor, _ b: Tensor, _ name: String) -> Bool {
        guard a.dtype == b.dtype else {
            TensorError.report(name, "Expected A and B to have the same dtype, but found A of type \(a.dtype) and B of type \(b.dtype) instead", hint: "convert one with .to(...)")
            return false
        }
        guard a.device == b.device else {
            TensorError.report(name, "Expected all tensors to be on the same device, but found at least two devices, \(a.device) and \(b.device)")
            return false
        }
        return true
    }

    /// Reports the first matrix of a batch whose factorisation failed. `message` gets LAPACK's number.
    @discardableResult
    static func check(_ info: Tensor, _ name: String, _ message: (Int) -> String) -> Bool {
        let numbers = info.array(of: Int32.self)
        guard let bad = numbers.firstIndex(where: { $0 != 0 }) else { return true }
        let which = info.rank == 0 ? "" : "(Batch element \(bad)): "
        TensorError.report(name, which + message(Int(numbers[bad])))
        return false
    }

    // MARK: Shapes

    /// Batch dims of a matrix.
    static func batch(_ x: Tensor, dropping n: Int = 2) -> Dims { Dims(Array(x.dims)[..<(x.rank - n)]) }
    static func join(_ batch: Dims, _ sizes: Int...) -> Dims { Dims(Array(batch) + sizes) }

    /// Both with their common batch dims.
    static func broadcastBatches(_ a: Tensor, _ b: Tensor, _ name: StaticString) -> (Tensor, Tensor)? {
        let (x, y) = (batch(a), batch(b))
        if x == y { return (a, b) }
        guard let common = Shape.broadcast(x, y, name) else { return nil }
        return (
            a.expanded(to: join(common, a.dims[a.rank - 2], a.dims[a.rank - 1])),
            b.expanded(to: join(common, b.dims[b.rank - 2], b.dims[b.rank - 1]))
        )
    }

    // MARK: The primitive

    /// Runs the primitive, unrecorded.
    @discardableResult
    static func run(_ op: LinearAlgebraOp, _ outputs: [Tensor], _ inputs: [Tensor], _ name: String) -> Bool {
        if inputs[0].backend.linearAlgebra(op, outputs: outputs.map(\.operand), inputs: inputs.map(\.operand)) { return true }
        TensorError.report(name, "not implemented for \(inputs[0].dtype)", hint: "convert with .to(.float32) first")
        return false
    }

    /// An output of undefined contents.
    static func output(_ batch: Dims, _ sizes: [Int], like x: Tensor, _ dtype: DType? = nil) -> Tensor {
        Tensor.make(Dims(Array(batch) + sizes), dtype ?? x.dtype, device: x.device)
    }

    // MARK: Triangles and diagonals

    /// Elements on and below diagonal `k`, zero elsewhere.
    static func lower(_ x: Tensor, _ k: Int = 0) -> Tensor { triangle(x, k, lower: true) }
    /// Elements on and above diagonal `k`, zero elsewhere.
    static func upper(_ x: Tensor, _ k: Int = 0) -> Tensor { triangle(x, k, lower: false) }

    private static func triangle(_ x: Tensor, _ k: Int, lower: Bool) -> Tensor {
        let rows = Tensor.arange(x.dims[x.rank - 2], device: x.device).unsqueeze(1) + k
        let columns = Tensor.arange(x.dims[x.rank - 1], device: x.device)
        return (lower ? rows .>= columns : rows .<= columns).select(x, Tensor.number(.int(0)))
    }

    /// Square matrices with the last dim of `d` on their diagonals.
    static func diagonalMatrix(_ d: Tensor) -> Tensor {
        let n = d.dims[d.rank - 1]
        var sizes = d.dims
        sizes.append(n)
        return Tensor.embedding(d, into: sizes) { $0.diagonal(dim1: -2, dim2: -1) }
    }

    /// `x` with its diagonals replaced by `value`, without graph.
    static func fillingDiagonal(_ x: Tensor, _ value: Double) -> Tensor {
        let n = x.dims[x.rank - 1]
        let eye = Tensor.eye(n, x.dims[x.rank - 1], dtype: .bool, device: x.device)
        return eye.select(Tensor.number(.double(value)), x)
    }

    /// Identity matrices of a batch.
    static func identities(_ batch: Dims, _ n: Int, like x: Tensor) -> Tensor {
        Tensor.eye(n, dtype: x.dtype, device: x.device).expanded(to: join(batch, n, n))
    }

    /// The diagonals of matrices. PyTorch: `torch.linalg.diagonal`.
    public static func diagonal(_ a: Tensor, offset: Int = 0, dim1: Int = -2, dim2: Int = -1) -> Tensor { a.diagonal(offset: offset, dim1: dim1, dim2: dim2) }
}
