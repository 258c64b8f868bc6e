// Pseudoinverses, ranks, least squares.
import TorchKernels
import TorchRuntime

extension Linalg {
    /// An absolute or relative bound below which singular values count as zero: a number or a tensor, one value a matrix.
    private static func threshold(_ s: Tensor, _ a: Tensor, _ atol: Tensor?, _ rtol: Tensor?) -> Tensor {
        let size = Swift.max(a.dims[a.rank - 2], a.dims[a.rank - 1])
        let standard = Tensor(Double(size) * a.dtype.epsilon, dtype: s.dtype, device: s.device)
        let largest = s.dims[s.rank - 1] > 0 ? extreme(s, [s.rank - 1], largest: true, keepDim: true, "linalg.pinv") : Tensor.zeros(s.dims, dtype: s.dtype, device: s.device)
        func column(_ t: Tensor) -> Tensor { t.rank == 0 ? t : t.unsqueeze(-1) }
        let absolute = (atol.map { $0.withoutGraph.to(s.dtype) } ?? Tensor(0, dtype: s.dtype, device: s.device)).to(s.device)
        // An absolute bound that was given replaces the standard relative one.
        let relative = rtol.map { $0.withoutGraph.to(s.dtype).to(s.device) } ?? (atol == nil ? standard : (absolute .> 0).select(Tensor.number(.int(0)), standard))
        let scaled = column(relative) * largest
        return (column(absolute) .> scaled).select(column(absolute), scaled)
    }

    /// Moore-Penrose inverses; singular values not above max(atol, rtol * largest) count as zero. `hermitian`: A is, and only its lower triangle is read.
    ///
    /// `rtol` is max(m, n) * epsilon by default, 0 where a positive `atol` is given. PyTorch: `torch.linalg.pinv`.
    public static func pinv(_ a: Tensor, atol: Tensor? = nil, rtol: Tensor? = nil, hermitian: Bool = false) -> Tensor {
        guard hermitian ? isSquare(a, "linalg.pinv") : isMatrix(a, "linalg.pinv") else { return .placeholder }
        let (m, n) = (a.dims[a.rank - 2], a.dims[a.rank - 1])
        let x: Tensor = noGrad {
            if a.count == 0 { return Tensor.zeros(join(batch(a), n, m), dtype: a.dtype, device: a.device) }
            if hermitian {
                let (w, v) = eigh(a.withoutGraph)
                let size = magnitude(w)
                let inverse = (size .> threshold(size, a, atol, rtol)).select(w.reciprocal(), Tensor.number(.int(0)))
                return (v * inverse.unsqueeze(-2)).matmul(v.mH)
            }
            let (u, s, vh) = svd(a.withoutGraph, fullMatrices: false)
            let inverse = (s .> threshold(s, a, atol, rtol)).select(s.reciprocal(), Tensor.number(.int(0)))
            return (vh.mH * inverse.unsqueeze(-2)).matmul(u.mH)
        }
        return Tensor(x.impl.alias()).recordedWithOutput("pinv", (a, { g, p in pinvGradient(g, p, a) }))
    }

    /// `pinv` with numbers as bounds.
    public static func pinv(_ a: Tensor, atol: Double? = nil, rtol: Double?, hermitian: Bool = false) -> Tensor {
        pinv(a, atol: atol.map { Tensor($0, dtype: .float64, device: .cpu) }, rtol: rtol.map { Tensor($0, dtype: .float64, device: .cpu) }, hermitian: hermitian)
    }

    static func pinvGradient(_ g: Tensor, _ p: Tensor, _ a: Tensor) -> Tensor {
        let (ph, gh) = (p.mH, g.mH)
        if a.dims[a.rank - 2] <= a.dims[a.rank - 1] {
            let k = gh.matmul(p)
            let kph = k.matmul(ph)
            let first = kph - p.matmul(k).mH
            let second = a.matmul(p).matmul(kph)
            return first - second + ph.matmul(p).matmul(gh - k.matmul(a))
        }
        let k = p.matmul(gh)
        let phk = ph.matmul(k)
        let first = phk - k.matmul(p).mH
        let second = (gh - a.matmul(k)).matmul(p).matmul(ph)
        return first + second - phk.matmul(p).matmul(a)
    }

    /// How many singular values are above max(atol, rtol * largest), int64. Bounds as `pinv`. PyTorch: `torch.linalg.matrix_rank`.
    public static func matrixRank(_ a: Tensor, atol: Tensor? = nil, rtol: Tensor? = nil, hermitian: Bool = false) -> Tensor {
        if let cast = Autocast.raise(a, on: .cpu) { return cast.run { matrixRank(cast(a), atol: atol, rtol: rtol, hermitian: hermitian) } }
        guard hermitian ? isSquare(a, "linalg.matrix_rank") : isMatrix(a, "linalg.matrix_rank") else { return .placeholder }
        let x = a.withoutGraph
        if x.count == 0 { return Tensor.zeros(batch(x), dtype: .int64, device: x.device) }
        let s = hermitian ? magnitude(eigvalsh(x)) : svdvals(x)
        return (s .> threshold(s, x, atol, rtol)).sum(dim: -1)
    }

    /// `matrixRank` with numbers as bounds.
    public static func matrixRank(_ a: Tensor, atol: Double? = nil, rtol: Double?, hermitian: Bool = false) -> Tensor {
        matrixRank(a, atol: atol.map { Tensor($0, dtype: .float64, device: .cpu) }, rtol: rtol.map { Tensor($0, dtype: .float64, device: .cpu) }, hermitian: hermitian)
    }

    /// LAPACK routines by which PyTorch solves least squares. Here all go by singular values; the driver decides which facts are returned.
    public enum LeastSquaresDriver: String, Sendable { case gels, gelsy, gelsd, gelss }

    /// X that minimises |A X - B|, with least norm where there are several. B may be a vector a matrix. PyTorch: `torch.linalg.lstsq`.
    ///
    /// - Returns: the solution; the squared residuals a column where A has more rows than columns and full rank, else empty; the rank (empty for `.gels`); the singular
    ///   values (empty for `.gels` and `.gelsy`).
    public static func lstsq(_ a: Tensor, _ b: Tensor, rcond: Double? = nil, driver: LeastSquaresDriver = .gelsy) -> (
        solution: Tensor, residuals: Tensor, rank: Tensor, singularValues: Tensor
    ) {
        if let cast = Autocast.raise(a, b, on: .cpu) { return cast.run { lstsq(cast(a), cast(b), rcond: rcond, driver: driver) } }
        let name = "torch.linalg.lstsq"
        let nothing = (solution: Tensor.placeholder, residuals: Tensor.placeholder, rank: Tensor.placeholder, singularValues: Tensor.placeholder)
        guard a.rank >= 2, b.rank >= 1 else {
            TensorError.report(name, a.rank >= 2 ? "other must have at least 1 dimension." : "input must have at least 2 dimensions.")
            return nothing
        }
        guard hasField(a, name), agree(a, b, name) else { return nothing }
        let (m, n) = (a.dims[a.rank - 2], a.dims[a.rank - 1])
        let vector = a.rank - 1 == b.rank && b.dims == Dims(Array(a.dims)[..<(a.rank - 1)])
        guard vector || b.rank >= 2 else {
            TensorError.report(name, "input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) <= 1: input \(a.dims), other \(b.dims)")
            return nothing
        }
        let columns = vector ? b.unsqueeze(-1) : b
        guard columns.dims[columns.rank - 2] == m else {
            TensorError.report(name, "input.size(-2) should match other.size(\(vector ? -1 : -2)): input \(a.dims), other \(b.dims)")
            return nothing
        }
        guard let (f, y) = broadcastBatches(a, columns, "lstsq") else { return nothing }
        let all = batch(f)
        let x = output(all, [n, y.dims[y.rank - 1]], like: f)
        let rank = output(all, [], like: f, .int64)
        let s = output(all, [Swift.min(m, n)], like: f, f.dtype.real)
        let info = output(all, [], like: f, .int32)
        // PyTorch's default bound.
        let limit = rcond ?? Double(Swift.max(m, n)) * a.dtype.epsilon
        run(.leastSquares(rcond: limit), [x, rank, s, info], [f, y], name)
        check(info, name) { "The least squares solution could not be computed: the singular values did not converge (error code: \($0))." }
        let solution = Tensor.recordedJointly("lstsq", outputs: [x], [f, y]) { gradients, _, needs in
            guard let g = gradients[0] else { return [nil, nil] }
            let p = pinv(f)
            return [needs[0] ? pinvGradient(g.matmul(y.mH), p, f) : nil, p.mH.matmul(g)]
        }[0]
        let isFull = m > n && rank.array(of: Int.self).allSatisfy { $0 == n }
        let empty = Tensor.make([0], a.dtype.real, device: a.device)
        // Part of the graph even where it is empty, as PyTorch's is.
        var residuals = Tensor.make([0], a.dtype.real, device: a.device).recorded("lstsq", (f, { _ in f.zerosLike() }), (y, { _ in y.zerosLike() }))
        if isFull && driver != .gelsy {
            let size = magnitude(f.matmul(solution) - y)
            residuals = (size * size).sum(dim: -2)
        }
        return (
            vector ? solution.squeeze(-1) : solution, residuals,
            driver == .gels ? Tensor.make([0], .int64, device: a.device) : rank, driver == .gels || driver == .gelsy ? empty : s
        )
    }
}
