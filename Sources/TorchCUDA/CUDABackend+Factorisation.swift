// LU, Cholesky, QR and triangular solves by our own kernels, for batches and large matrices alike.
import CCUDA
import TorchKernels
import TorchRuntime

/// Note [Recursive factorisations]
/// A kernel factors or solves a piece of up to 32 columns, all matrices of the batch at once. A larger matrix is halved: the left (or upper) half is factored, a product of matrices takes what follows from
/// it off the other half, and that is factored in turn. So nearly all work of large matrices is in products, and nothing waits for the device: which pieces there are follows from the shape alone.
extension CUDABackend {
    private enum Kernel: Int {
        case cholesky, panel, exchange, solve, householder, reflect, divideRows, jacobi
    }
    private static let side = Int(ST_LINALG_SIDE)

    /// Where a side of `n` > 32 is cut.
    private static func cut(_ n: Int) -> Int { (n / 2 + side - 1) / side * side }

    /// A part of each matrix.
    private static func block(_ a: Operand, rows: Range<Int>, columns: Range<Int>) -> Operand {
        let start = rows.lowerBound * a.strides[1] + columns.lowerBound * a.strides[2]
        return a.view(pointer: a.pointer + start * a.dtype.itemSize, sizes: [a.sizes[0], rows.count, columns.count], strides: a.strides)
    }

    private static func arguments(_ a: Operand, _ b: Operand? = nil) -> st_linalg_args {
        var g = st_linalg_args()
        g.a = CUDADevice.address(a.pointer)
        (g.batch, g.rows, g.columns) = (UInt32(a.sizes[0]), UInt32(a.sizes[1]), UInt32(a.sizes[2]))
        (g.a_batch, g.a_row, g.a_column) = (Int64(a.strides[0]), Int64(a.strides[1]), Int64(a.strides[2]))
        guard let b else { return g }
        g.b = CUDADevice.address(b.pointer)
        g.others = UInt32(b.sizes[2])
        (g.b_batch, g.b_row, g.b_column) = (Int64(b.strides[0]), Int64(b.strides[1]), Int64(b.strides[2]))
        return g
    }

    /// A block a matrix.
    private func launch(_ kernel: Kernel, _ a: Operand, threads: Int, _ g: inout st_linalg_args) throws(DeviceError) {
        try gpu.launch(KernelFamily.linearAlgebra.number(0, Int(a.dtype.rawValue), kernel.rawValue), grid: (min(a.sizes[0], 65_536), 1, 1), block: (threads, 1), &g)
    }

    /// `each` columns of `b` a block.
    private func launch(_ kernel: Kernel, columns b: Operand, threads: Int, each: Int, _ g: inout st_linalg_args) throws(DeviceError) {
        let grid = ((b.sizes[2] + each - 1) / each, min(b.sizes[0], 65_535), 1)
        try gpu.launch(KernelFamily.linearAlgebra.number(0, Int(b.dtype.rawValue), kernel.rawValue), grid: grid, block: (threads, 1), &g)
    }

    /// c -= a b
    private func subtract(_ c: Operand, _ a: Operand, _ b: Operand) throws(DeviceError) {
        if c.strides[2] == 1 || c.sizes[2] == 1 { return try multiply(MatrixProduct(c, a, b, -1, 1), exact: true) }
        try multiply(MatrixProduct(Self.transposed(c), Self.transposed(b), Self.transposed(a), -1, 1), exact: true)
    }

    func conjugate(_ out: Operand, _ a: Operand) throws(DeviceError) {
        try gpu.pointwise(KernelFamily.unary.number(Int(UnaryOp.conj.rawValue), Int(a.dtype.rawValue), KernelFamily.run), [out, a])
    }

    /// The conjugate of complex matrices, others themselves.
    func conjugate(_ a: Operand) throws(DeviceError) -> Operand {
        guard a.dtype.isComplex else { return a }
        let out = try temporary(like: a)
        try conjugate(out, a)
        return out
    }

    // MARK: LU

    /// In place, `a` by rows. `first`: rows and columns of the whole matrix before these.
    func lu(_ a: Operand, _ pivots: Operand, _ info: Operand, first: Int) throws(DeviceError) {
        let (m, n) = (a.sizes[1], a.sizes[2])
        if n <= Self.side {
            var g = Self.arguments(a)
            (g.pivots, g.vector_batch, g.info, g.first) = (CUDADevice.address(pivots.pointer), Int64(pivots.strides[0]), CUDADevice.address(info.pointer), UInt32(first))
            // A warp for four rows.
            return try launch(.panel, a, threads: 32 * min(32, max(1, (m + 3) / 4)), &g)
        }
        // What is wider than high has its square part factored; the rest follows.
        let h = n > m ? m : Self.cut(n)
        let (top, bottom, left, right) = (0..<h, h..<m, 0..<h, h..<n)
        try lu(Self.block(a, rows: 0..<m, columns: left), pivots, info, first: first)
        let other = Self.block(a, rows: 0..<m, columns: right)
        try exchange(other, pivots, first: first, count: h)
        try solve(Self.block(a, rows: top, columns: left), Self.block(a, rows: top, columns: right), upper: false, unit: true)
        if h == m { return }
        let rest = Self.block(a, rows: bottom, columns: right)
        try subtract(rest, Self.block(a, rows: bottom, columns: left), Self.block(a, rows: top, columns: right))
        try lu(rest, pivots, info, first: first + h)
        try exchange(Self.block(a, rows: 0..<m, columns: left), pivots, first: first, from: h, count: min(m, n) - h)
    }

    /// Exchanges the rows of `b`, which begin at row `first` of the pivots' matrix, as `count` pivots from row `from` of `b` on say.
    private func exchange(_ b: Operand, _ pivots: Operand, first: Int = 0, from: Int = 0, count: Int, backwards: Bool = false) throws(DeviceError) {
        if b.count == 0 { return }
        var g = Self.arguments(b, b)
        // Pivots count from the first row of the whole matrix.
        g.b = CUDADevice.address(b.pointer - first * b.strides[1] * b.dtype.itemSize)
        (g.pivots, g.vector_batch, g.first, g.flags) = (CUDADevice.address(pivots.pointer), Int64(pivots.strides[0]), UInt32(first + from), backwards ? 1 : 0)
        (g.rows, g.columns) = (UInt32(count), UInt32(first + b.sizes[1]))
        let threads = min(256, (b.sizes[2] + 31) / 32 * 32)
        try launch(.exchange, columns: b, threads: threads, each: threads, &g)
    }

    /// x from its right side in place.
    func luSolve(_ a: Operand, _ pivots: Operand, _ x: Operand, adjoint: Bool) throws(DeviceError) {
        let n = a.sizes[1]
        if !adjoint {
            try exchange(x, pivots, count: n)
            try solve(a, x, upper: false, unit: true)
            return try solve(a, x, upper: true, unit: false)
        }
        let turned = Self.transposed(try conjugate(a))
        try solve(turned, x, upper: false, unit: false)
        try solve(turned, x, upper: true, unit: true)
        try exchange(x, pivots, count: n, backwards: true)
    }

    // MARK: Triangular

    /// b = a^-1 b in place.
    func solve(_ a: Operand, _ b: Operand, upper: Bool, unit: Bool) throws(DeviceError) {
        let n = a.sizes[1]
        if n == 0 || b.count == 0 { return }
        if n <= Self.side {
            var g = Self.arguments(upper ? Self.turned(a, 2) : a, upper ? Self.turned(b, 1) : b)
            g.flags = unit ? 1 : 0
            let threads = min(128, (b.sizes[2] + 31) / 32 * 32)
            return try launch(.solve, columns: b, threads: threads, each: threads, &g)
        }
        let h = Self.cut(n)
        let (first, last) = (0..<h, h..<n)
        let (begin, end) = upper ? (last, first) : (first, last)
        let all = 0..<b.sizes[2]
        let (x, y) = (Self.block(b, rows: begin, columns: all), Self.block(b, rows: end, columns: all))
        try solve(Self.block(a, rows: begin, columns: begin), x, upper: upper, unit: unit)
        try subtract(y, Self.block(a, rows: end, columns: begin), x)
        try solve(Self.block(a, rows: end, columns: end), y, upper: upper, unit: unit)
    }

    /// Read from the end along the first `dims` dims of the matrices.
    private static func turned(_ x: Operand, _ dims: Int) -> Operand {
        var o = x
        for d in 1...dims {
            o.pointer += (x.sizes[d] - 1) * x.strides[d] * x.dtype.itemSize
            o.strides[d] = -x.strides[d]
        }
        return o
    }

    // MARK: Cholesky

    /// The lower factor in place, zeros above.
    func cholesky(_ a: Operand, _ info: Operand, first: Int) throws(DeviceError) {
        let n = a.sizes[1]
        if n <= Self.side {
            var g = Self.arguments(a)
            (g.info, g.first) = (CUDADevice.address(info.pointer), UInt32(first))
            return try launch(.cholesky, a, threads: 32 * min(8, max(1, (n + 3) / 4)), &g)
        }
        let h = Self.cut(n)
        let (top, bottom) = (0..<h, h..<n)
        let (corner, low, rest) = (Self.block(a, rows: top, columns: top), Self.block(a, rows: bottom, columns: top), Self.block(a, rows: bottom, columns: bottom))
        try cholesky(corner, info, first: first)
        // X L^H = A is conj(L) X^T = A^T.
        try solve(try conjugate(corner), Self.transposed(low), upper: false, unit: false)
        try subtract(rest, low, Self.transposed(try conjugate(low)))
        try cholesky(rest, info, first: first + h)
        var zero: (UInt64, UInt64) = (0, 0)
        fill(Self.block(a, rows: top, columns: bottom), &zero)
    }

    // MARK: QR

    /// In place, `a` by columns.
    ///
    /// One block works at a matrix. A few large ones are cuSOLVER's, where it is and a step is not captured; many keep the device busy as they are.
    func householder(_ a: Operand, _ tau: Operand, byLibrary: Bool = true) throws(DeviceError) {
        if byLibrary, a.sizes[1] * a.sizes[2] * tau.sizes[1] > 1 << 24, a.sizes[0] < 16, gpu.capture == nil, case .success = SolverLibrary.shared { return try gpu.solver.householder(a, tau) }
        var g = Self.arguments(a)
        (g.tau, g.vector_batch) = (CUDADevice.address(tau.pointer), Int64(tau.strides[0]))
        try launch(.householder, a, threads: 32 * min(32, max(2, (a.sizes[2] + 1) / 2)), &g)
    }

    /// The first columns of the product of the reflectors in `a`; `a` and `q` by columns. `signed`: of the QR whose R has a positive diagonal.
    func reflect(_ a: Operand, _ tau: Operand, _ q: Operand, signed: Bool = false) throws(DeviceError) {
        var g = Self.arguments(a, q)
        g.columns = UInt32(min(tau.sizes[1], a.sizes[2], q.sizes[2]))
        (g.tau, g.vector_batch, g.flags) = (CUDADevice.address(tau.pointer), Int64(tau.strides[0]), signed ? 1 : 0)
        try launch(.reflect, columns: q, threads: 256, each: 8, &g)
    }

    // MARK: Eigenvalues and singular values

    /// Whether Jacobi's rotations find them: narrow matrices, of which a block finishes one soon.
    static func isNarrow(_ a: Operand) -> Bool { a.sizes[2] <= side && a.sizes[1] <= 1024 }

    /// Eigenvalues, ascending, of Hermitian matrices, which are lost, and their vectors.
    func rotate(_ a: Operand, _ v: Operand, _ w: Operand, _ info: Operand, upper: Bool) throws(DeviceError) { try rotate(a, v, w, info, flags: upper ? 3 : 1) }

    /// Singular values, descending, of matrices with no more columns than rows; right vectors as columns of `v`, left ones (as many as it has columns) in `u`.
    func rotate(_ a: Operand, _ v: Operand, _ s: Operand, _ info: Operand, u: Operand?) throws(DeviceError) {
        try rotate(a, v, s, info, flags: 0)
        guard let u else { return }
        // The columns of A V are orthogonal, in the order of their lengths: its Q is U, also where lengths are zero.
        let tau = try temporary(like: s.view(dtype: a.dtype, sizes: s.sizes, strides: s.strides))
        try householder(a, tau, byLibrary: false)
        try reflect(a, tau, u, signed: true)
    }

    private func rotate(_ a: Operand, _ v: Operand, _ values: Operand, _ info: Operand, flags: UInt32) throws(DeviceError) {
        var g = Self.arguments(a, v)
        (g.tau, g.vector_batch, g.info, g.flags) = (CUDADevice.address(values.pointer), Int64(values.strides[0]), CUDADevice.address(info.pointer), flags)
        try launch(.jacobi, a, threads: 32 * max(1, (a.sizes[2] + 1) / 2), &g)
    }

    // MARK: Least squares

    /// Rows of `y` by the values of each matrix, without those not above `limit` times the first, and how many are above.
    func divideRows(_ y: Operand, by values: Operand, rank: Operand, limit: Double) throws(DeviceError) {
        var g = Self.arguments(y, y)
        (g.tau, g.vector_batch, g.pivots, g.limit) = (CUDADevice.address(values.pointer), Int64(values.strides[0]), CUDADevice.address(rank.pointer), limit)
        let grid = (max(1, (y.sizes[2] + 255) / 256), min(y.sizes[0], 65_535), 1)
        try gpu.launch(KernelFamily.linearAlgebra.number(0, Int(y.dtype.rawValue), Kernel.divideRows.rawValue), grid: grid, block: (256, 1), &g)
    }
}
