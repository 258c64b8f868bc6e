// Linear algebra on the CPU: LAPACK where it is, our own factorisations elsewhere, one matrix of the batch after the other.
import CVendor
import TorchKernels
import TorchRuntime

/// Matrices (or vectors) of a batch in working memory: column-major without gaps, in a type that the factorisations have.
private struct MatrixBatch {
    let storage: Storage
    let operand: Operand
    /// Bytes from one matrix to the next.
    let stride: Int
    let rows, columns: Int

    /// Undefined contents; `vector`: one dim instead of two.
    init?(batch: Dims, _ rows: Int, _ columns: Int, _ dtype: DType, vector: Bool = false) {
        let size = rows * columns
        guard let s = Storage.allocate(byteCount: Swift.max(batch.product * size, 1) * dtype.itemSize) else { return nil }
        var sizes = batch
        var strides = batch.contiguousStrides
        for d in 0..<batch.count { strides[d] *= size }
        sizes.append(rows)
        strides.append(1)
        if !vector {
            sizes.append(columns)
            strides.append(rows)
        }
        storage = s
        operand = Operand(s, pointer: s.pointer, dtype: dtype, sizes: sizes, strides: strides)
        stride = size * dtype.itemSize
        (self.rows, self.columns) = (rows, columns)
    }

    func pointer(_ i: Int) -> UnsafeMutableRawPointer { operand.pointer + i * stride }
    func int32(_ i: Int) -> UnsafeMutablePointer<Int32> { pointer(i).assumingMemoryBound(to: Int32.self) }
    func real(_ i: Int) -> UnsafeMutablePointer<Double> { pointer(i).assumingMemoryBound(to: Double.self) }

    /// Only the first rows of each matrix, as an operand.
    func leading(rows: Int) -> Operand {
        var o = operand
        o.sizes[o.sizes.count - 2] = rows
        return o
    }
}

/// One call of the primitive: what is shared by its matrices.
private final class LinearAlgebraCall {
    let backend: CPUBackend
    let lapack: Bool
    /// Type of the working matrices, its real and its complex sibling.
    let dtype: DType
    let type: CVType
    let batch: Dims
    let isComplex: Bool
    /// Working memory of this call: operands are bare pointers, so something has to hold it until the end.
    private var held: [Storage] = []

    init(_ backend: CPUBackend, _ dtype: DType, batch: Dims, lapack: Bool) {
        self.backend = backend
        self.batch = batch
        self.lapack = lapack
        isComplex = dtype.isComplex
        // Without LAPACK everything is computed in double.
        self.dtype = lapack ? dtype : isComplex ? .complex128 : .float64
        type = !lapack ? (isComplex ? .z : .d) : dtype == .float32 ? .s : dtype == .float64 ? .d : dtype == .complex64 ? .c : .z
    }

    /// A copy of an input's matrices.
    func matrix(_ x: Operand) -> MatrixBatch? {
        let r = x.sizes.count
        guard let m = matrix(x.sizes[r - 2], x.sizes[r - 1]) else { return nil }
        backend.copy(m.operand, x)
        return m
    }
    /// A copy of an input's vectors.
    func vector(_ x: Operand, _ dtype: DType) -> MatrixBatch? {
        guard let m = vector(x.sizes[x.sizes.count - 1], dtype) else { return nil }
        backend.copy(m.operand, x)
        return m
    }
    func matrix(_ rows: Int, _ columns: Int, _ dtype: DType? = nil) -> MatrixBatch? { hold(MatrixBatch(batch: batch, rows, columns, dtype ?? self.dtype)) }
    func vector(_ count: Int, _ dtype: DType) -> MatrixBatch? { hold(MatrixBatch(batch: batch, count, 1, dtype, vector: true)) }
    private func hold(_ m: MatrixBatch?) -> MatrixBatch? {
        if let m { held.append(m.storage) }
        return m
    }

    /// Runs `body` for each matrix, several at a time where there are many. `work`: multiplications a matrix.
    func each(work: Int, _ body: (Int) -> Void) {
        let grain = Swift.max(1, 200_000 / Swift.max(work, 1))
        Parallel.forEach(count: batch.product, grain: grain) { range in
            if lapack { Vendor.limitThreads() }
            for i in range { body(i) }
        }
    }

    /// The same code for both types of our own factorisations.
    @inline(__always)
    func plain<Result>(_ real: (PlainMatrix<Double>.Type) -> Result, _ complex: (PlainMatrix<ComplexDouble>.Type) -> Result) -> Result {
        isComplex ? complex(PlainMatrix<ComplexDouble>.self) : real(PlainMatrix<Double>.self)
    }
}

extension UnsafeMutableRawPointer {
    fileprivate var d: UnsafeMutablePointer<Double> { assumingMemoryBound(to: Double.self) }
    fileprivate var z: UnsafeMutablePointer<ComplexDouble> { assumingMemoryBound(to: ComplexDouble.self) }
}

extension CPUBackend {
    public func linearAlgebra(_ op: LinearAlgebraOp, outputs: [Operand], inputs: [Operand]) -> Bool {
        let a = inputs[0]
        switch a.dtype {
        case .float32, .float64, .complex64, .complex128: break
        default: return false
        }
        let r = a.sizes.count
        let batch = Dims(Array(a.sizes)[..<(r - 2)])
        let (m, n) = (a.sizes[r - 2], a.sizes[r - 1])
        guard Swift.max(m, n) <= Int(Int32.max) else {
            TensorError.report("linearAlgebra", "a matrix of \(m) x \(n) is larger than LAPACK can count")
            return true
        }
        if batch.product == 0 { return true }
        let call = LinearAlgebraCall(self, a.dtype, batch: batch, lapack: cv_lapack_available())
        let done: Void? = withExtendedLifetime(call) { run(op, call, outputs, inputs, m, n) }
        if done == nil {
            TensorError.report("linearAlgebra", "out of memory for working matrices of \(batch.product) x \(m) x \(n) \(call.dtype)")
        }
        return true
    }

    /// Nil: no working memory.
    private func run(_ op: LinearAlgebraOp, _ call: LinearAlgebraCall, _ outputs: [Operand], _ inputs: [Operand], _ m: Int, _ n: Int) -> Void? {
        let k = Swift.min(m, n)
        let (t, m32, n32) = (call.type, Int32(m), Int32(n))
        let ld = Swift.max(m32, 1)
        guard let a = call.matrix(inputs[0]) else { return nil }
        guard let info = call.vector(1, .int32) else { return nil }
        for i in 0..<call.batch.product { info.int32(i).pointee = 0 }
        func finish(_ results: MatrixBatch..., to first: Int = 0) {
            for (i, x) in results.enumerated() { copy(outputs[first + i], x.operand) }
        }
        func finishInfo() {
            var o = info.operand
            o.sizes.remove(at: o.sizes.count - 1)
            o.strides.remove(at: o.strides.count - 1)
            copy(outputs[outputs.count - 1], o)
        }
        let real = call.dtype.real

        switch op {
        case .lu:
            guard let pivots = call.vector(k, .int32) else { return nil }
            if k > 0 {
                call.each(work: m * n * k) { i in
                    let (p, q) = (a.pointer(i), pivots.int32(i))
                    info.int32(i).pointee =
                        call.lapack
                        ? cv_getrf(t, m32, n32, p, ld, q)
                        : call.plain({ $0.lu(m, n, p.d, q) }, { $0.lu(m, n, p.z, q) })
                }
            }
            finish(a, pivots)
            finishInfo()

        case .luSolve(let adjoint):
            guard let b = call.matrix(inputs[2]), let pivots = call.vector(inputs[1], .int32) else { return nil }
            if n > 0 && b.columns > 0 {
                call.each(work: n * n * b.columns) { i in
                    let (p, q, x) = (a.pointer(i), pivots.int32(i), b.pointer(i))
                    if call.lapack {
                        _ = cv_getrs(t, letter(adjoint ? (call.isComplex ? "C" : "T") : "N"), n32, Int32(b.columns), p, ld, q, x, ld)
                    } else {
                        call.plain(
                            { $0.luSolve(n, b.columns, p.d, q, x.d, adjoint: adjoint) }, { $0.luSolve(n, b.columns, p.z, q, x.z, adjoint: adjoint) })
                    }
                }
            }
            finish(b)

        case .cholesky(let upper):
            if n > 0 {
                call.each(work: n * n * n) { i in
                    let p = a.pointer(i)
                    info.int32(i).pointee =
                        call.lapack
                        ? cv_potrf(t, letter(upper ? "U" : "L"), n32, p, ld)
                        : call.plain({ $0.cholesky(n, p.d, upper: upper) }, { $0.cholesky(n, p.z, upper: upper) })
                    // The other triangle is not part of the factor.
                    let size = call.dtype.itemSize
                    for j in 0..<n {
                        let column = p + j * n * size
                        if upper { clear(column + (j + 1) * size, (n - 1 - j) * size) } else { clear(column, j * size) }
                    }
                }
            }
            finish(a)
            finishInfo()

        case .triangularSolve(let upper, let unit):
            guard let b = call.matrix(inputs[1]) else { return nil }
            // LAPACK's trtrs refuses a zero on the diagonal; PyTorch divides by it, as our own version does.
            if call.lapack, !unit, (0..<call.batch.product).contains(where: { hasZeroDiagonal(a.pointer($0), n, call.dtype) }) {
                let own = LinearAlgebraCall(self, inputs[0].dtype, batch: call.batch, lapack: false)
                return withExtendedLifetime(own) { run(op, own, outputs, inputs, m, n) }
            }
            if n > 0 && b.columns > 0 {
                call.each(work: n * n * b.columns) { i in
                    let (p, x) = (a.pointer(i), b.pointer(i))
                    if call.lapack {
                        _ = cv_trtrs(t, letter(upper ? "U" : "L"), letter("N"), letter(unit ? "U" : "N"), n32, Int32(b.columns), p, ld, x, ld)
                    } else {
                        call.plain(
                            { $0.triangularSolve(n, b.columns, p.d, x.d, upper: upper, adjoint: false, unit: unit) },
                            { $0.triangularSolve(n, b.columns, p.z, x.z, upper: upper, adjoint: false, unit: unit) })
                    }
                }
            }
            finish(b)

        case .householder:
            guard let tau = call.vector(k, call.dtype) else { return nil }
            if k > 0 {
                call.each(work: m * n * k) { i in
                    let (p, q) = (a.pointer(i), tau.pointer(i))
                    if call.lapack { _ = cv_geqrf(t, m32, n32, p, ld, q) } else { call.plain({ $0.qr(m, n, p.d, q.d) }, { $0.qr(m, n, p.z, q.z) }) }
                }
            }
            finish(a, tau)

        case .householderProduct:
            let columns = outputs[0].sizes[outputs[0].sizes.count - 1]
            guard let tau = call.vector(inputs[1], call.dtype), let q = call.matrix(m, columns) else { return nil }
            let reflectors = Swift.min(tau.rows, columns, n)
            let size = call.dtype.itemSize
            if m > 0 && columns > 0 {
                call.each(work: m * columns * Swift.max(reflectors, 1)) { i in
                    let (p, f, x) = (a.pointer(i), tau.pointer(i), q.pointer(i))
                    if call.lapack {
                        clear(x, m * columns * size)
                        x.copyMemory(from: p, byteCount: m * Swift.min(columns, n) * size)
                        _ = cv_orgqr(t, m32, Int32(columns), Int32(reflectors), x, ld, f)
                    } else {
                        call.plain(
                            { $0.householderProduct(m, columns, reflectors, p.d, f.d, x.d) }, { $0.householderProduct(m, columns, reflectors, p.z, f.z, x.z) })
                    }
                }
            }
            finish(q)

        case .svd(let full):
            let (uc, vr) = full ? (m, n) : (k, k)
            guard let u = call.matrix(m, uc), let s = call.vector(k, real), let vh = call.matrix(vr, n) else { return nil }
            if k > 0 {
                call.each(work: 8 * m * n * Swift.max(m, n)) { i in
                    let (p, x, y) = (a.pointer(i), u.pointer(i), vh.pointer(i))
                    info.int32(i).pointee =
                        call.lapack
                        ? cv_gesdd(t, letter(full ? "A" : "S"), m32, n32, p, ld, s.pointer(i), x, ld, y, Swift.max(Int32(vr), 1))
                        : call.plain({ $0.svd(m, n, p.d, s.real(i), u: x.d, vh: y.d, full: full) }, { $0.svd(m, n, p.z, s.real(i), u: x.z, vh: y.z, full: full) })
                }
            } else if full {
                identity(u, call.dtype)
                identity(vh, call.dtype)
            }
            finish(u, s, vh)
            finishInfo()

        case .singularValues:
            guard let s = call.vector(k, real) else { return nil }
            if k > 0 {
                call.each(work: 4 * m * n * k) { i in
                    let p = a.pointer(i)
                    info.int32(i).pointee =
                        call.lapack
                        ? cv_gesdd(t, letter("N"), m32, n32, p, ld, s.pointer(i), p, ld, p, ld)
                        : call.plain({ $0.svd(m, n, p.d, s.real(i), u: nil, vh: nil, full: false) }, { $0.svd(m, n, p.z, s.real(i), u: nil, vh: nil, full: false) })
                }
            }
            finish(s)
            finishInfo()

        case .eigh(let upper), .eighValues(let upper):
            var vectors = false
            if case .eigh = op { vectors = true }
            guard let w = call.vector(n, real) else { return nil }
            if n > 0 {
                call.each(work: 8 * n * n * n) { i in
                    let p = a.pointer(i)
                    info.int32(i).pointee =
                        call.lapack
                        ? cv_heevd(t, letter(vectors ? "V" : "N"), letter(upper ? "U" : "L"), n32, p, ld, w.pointer(i))
                        : call.plain({ $0.eigh(n, p.d, w.real(i), upper: upper) }, { $0.eigh(n, p.z, w.real(i), upper: upper) })
                }
            }
            if vectors { finish(w, a) } else { finish(w) }
            finishInfo()

        case .eig, .eigValues:
            var vectors = false
            if case .eig = op { vectors = true }
            let complex = call.dtype.complex
            guard let w = call.vector(n, complex), let v = call.matrix(n, vectors ? n : 0, complex) else { return nil }
            // Our own version works on complex matrices.
            guard let z = call.lapack || call.isComplex ? a : call.matrix(n, n, complex) else { return nil }
            if !call.lapack && !call.isComplex { copy(z.operand, a.operand) }
            if n > 0 {
                call.each(work: 20 * n * n * n) { i in
                    info.int32(i).pointee =
                        call.lapack
                        ? cv_geev(t, n32, a.pointer(i), ld, w.pointer(i), vectors ? v.pointer(i) : nil)
                        : PlainMatrix<ComplexDouble>.eig(n, z.pointer(i).z, w.pointer(i).z, vectors ? v.pointer(i).z : nil)
                }
            }
            if vectors { finish(w, v) } else { finish(w) }
            finishInfo()

        case .leastSquares(let rcond):
            let columns = inputs[1].sizes[inputs[1].sizes.count - 1]
            let ldb = Swift.max(m, n)
            guard let b = call.matrix(ldb, columns), let s = call.vector(k, real), let rank = call.vector(1, .int32) else { return nil }
            clear(b.operand.pointer, call.batch.product * b.stride)
            copy(b.leading(rows: m), inputs[1])
            for i in 0..<call.batch.product { rank.int32(i).pointee = 0 }
            if k > 0 {
                let limit = call.lapack || rcond >= 0 ? rcond : inputs[0].dtype.epsilon
                call.each(work: 8 * m * n * Swift.max(m, n)) { i in
                    let (p, x) = (a.pointer(i), b.pointer(i))
                    info.int32(i).pointee =
                        call.lapack
                        ? cv_gelsd(t, m32, n32, Int32(columns), p, ld, x, Swift.max(Int32(ldb), 1), s.pointer(i), limit, rank.int32(i))
                        : call.plain(
                            { $0.leastSquares(m, n, columns, p.d, x.d, s.real(i), rcond: limit, &rank.int32(i).pointee) },
                            { $0.leastSquares(m, n, columns, p.z, x.z, s.real(i), rcond: limit, &rank.int32(i).pointee) })
                }
            }
            copy(outputs[0], b.leading(rows: n))
            var ranks = rank.operand
            ranks.sizes.remove(at: ranks.sizes.count - 1)
            ranks.strides.remove(at: ranks.strides.count - 1)
            copy(outputs[1], ranks)
            copy(outputs[2], s.operand)
            finishInfo()

        case .ldl(let hermitian):
            guard let pivots = call.vector(n, .int32) else { return nil }
            if n > 0 {
                call.each(work: n * n * n) { i in
                    let (p, q) = (a.pointer(i), pivots.int32(i))
                    info.int32(i).pointee =
                        call.lapack
                        ? cv_sytrf(t, hermitian, letter("L"), n32, p, ld, q)
                        : call.plain({ $0.ldl(n, p.d, q, hermitian: hermitian) }, { $0.ldl(n, p.z, q, hermitian: hermitian) })
                }
            }
            finish(a, pivots)
            finishInfo()

        case .ldlSolve(let hermitian):
            guard let pivots = call.vector(inputs[1], .int32), let b = call.matrix(inputs[2]) else { return nil }
            if n > 0 && b.columns > 0 {
                call.each(work: n * n * b.columns) { i in
                    let (p, q, x) = (a.pointer(i), pivots.int32(i), b.pointer(i))
                    if call.lapack {
                        _ = cv_sytrs(t, hermitian, letter("L"), n32, Int32(b.columns), p, ld, q, x, ld)
                    } else {
                        call.plain(
                            { $0.ldlSolve(n, b.columns, p.d, q, x.d, hermitian: hermitian) }, { $0.ldlSolve(n, b.columns, p.z, q, x.z, hermitian: hermitian) })
                    }
                }
            }
            finish(b)
        }
        return ()
    }

    private func letter(_ character: Unicode.Scalar) -> CChar { CChar(character.value) }
    private func clear(_ p: UnsafeMutableRawPointer, _ count: Int) { if count > 0 { p.initializeMemory(as: UInt8.self, repeating: 0, count: count) } }

    private func hasZeroDiagonal(_ p: UnsafeMutableRawPointer, _ n: Int, _ dtype: DType) -> Bool {
        let parts = dtype.isComplex ? 2 : 1
        for j in 0..<n {
            let at = j * (n + 1) * parts
            var zero = true
            for c in 0..<parts {
                zero = zero && (dtype.real == .float32 ? p.load(fromByteOffset: (at + c) * 4, as: Float.self) == 0 : p.load(fromByteOffset: (at + c) * 8, as: Double.self) == 0)
            }
            if zero { return true }
        }
        return false
    }

    private func identity(_ x: MatrixBatch, _ dtype: DType) {
        for b in 0..<x.operand.sizes.product / Swift.max(x.rows * x.columns, 1) {
            clear(x.pointer(b), x.stride)
            for j in 0..<Swift.min(x.rows, x.columns) {
                let p = x.pointer(b) + j * (x.rows + 1) * dtype.itemSize
                if dtype.real == .float32 { p.storeBytes(of: 1, as: Float.self) } else { p.storeBytes(of: 1, as: Double.self) }
            }
        }
    }
}
