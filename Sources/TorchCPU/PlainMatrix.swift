// Our own factorisations for machines without LAPACK: triangular, Cholesky, LU, QR. Column-major, in double.
import Glibc

/// Factorisations of one column-major matrix, leading dimension = rows. Results are laid out as LAPACK's.
enum PlainMatrix<T: MatrixElement> {
    typealias Pointer = UnsafeMutablePointer<T>

    // MARK: LU

    /// LU with partial pivoting in place; pivots from 1. Returns 0, or i where U[i, i] (from 1) is zero.
    static func lu(_ m: Int, _ n: Int, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>) -> Int32 {
        var info: Int32 = 0
        for j in 0..<Swift.min(m, n) {
            let column = a + j * m
            var p = j
            var best = column[j].pivotSize
            for i in (j + 1)..<Swift.max(m, j + 1) {
                let v = column[i].pivotSize
                if v > best { (p, best) = (i, v) }
            }
            pivots[j] = Int32(p + 1)
            if best == 0 {
                if info == 0 { info = Int32(j + 1) }
                continue
            }
            if p != j { for k in 0..<n { swap(&a[k * m + j], &a[k * m + p]) } }
            let pivot = column[j]
            for i in (j + 1)..<Swift.max(m, j + 1) { column[i] = column[i] / pivot }
            for k in (j + 1)..<Swift.max(n, j + 1) {
                let other = a + k * m
                let f = other[j]
                for i in (j + 1)..<Swift.max(m, j + 1) { other[i] = other[i] - column[i] * f }
            }
        }
        return info
    }

    /// Solves A X = B, or A^H X = B, from `lu`; B in place.
    static func luSolve(_ n: Int, _ columns: Int, _ lu: Pointer, _ pivots: UnsafePointer<Int32>, _ b: Pointer, adjoint: Bool) {
        func exchange(_ i: Int) {
            let p = Int(pivots[i]) - 1
            if p != i, p >= 0, p < n { for c in 0..<columns { swap(&b[c * n + i], &b[c * n + p]) } }
        }
        if !adjoint {
            for i in 0..<n { exchange(i) }
            triangularSolve(n, columns, lu, b, upper: false, adjoint: false, unit: true)
            triangularSolve(n, columns, lu, b, upper: true, adjoint: false, unit: false)
        } else {
            triangularSolve(n, columns, lu, b, upper: true, adjoint: true, unit: false)
            triangularSolve(n, columns, lu, b, upper: false, adjoint: true, unit: true)
            for i in (0..<n).reversed() { exchange(i) }
        }
    }

    // MARK: Triangular and Cholesky

    /// Solves A X = B or A^H X = B for triangular A; B in place.
    static func triangularSolve(_ n: Int, _ columns: Int, _ a: Pointer, _ b: Pointer, upper: Bool, adjoint: Bool, unit: Bool) {
        for c in 0..<columns {
            let x = b + c * n
            // Rows in the order in which they become known.
            let forward = upper == adjoint
            for step in 0..<n {
                let j = forward ? step : n - 1 - step
                let column = a + j * n
                let rest = upper ? 0..<j : (j + 1)..<Swift.max(n, j + 1)
                if adjoint {
                    var sum = x[j]
                    for i in rest { sum = sum - column[i].conjugate * x[i] }
                    x[j] = unit ? sum : sum / column[j].conjugate
                } else {
                    if !unit { x[j] = x[j] / column[j] }
                    let f = x[j]
                    for i in rest { x[i] = x[i] - column[i] * f }
                }
            }
        }
    }

    /// Cholesky factor of the named triangle in place. Returns 0, or the order of the leading minor that is not positive.
    static func cholesky(_ n: Int, _ a: Pointer, upper: Bool) -> Int32 {
        for j in 0..<n {
            var d = a[j * n + j].realPart
            for k in 0..<j { d -= (upper ? a[j * n + k] : a[k * n + j]).squaredMagnitude }
            if !(d > 0) { return Int32(j + 1) }
            let root = d.squareRoot()
            a[j * n + j] = T(real: root)
            for i in (j + 1)..<Swift.max(n, j + 1) {
                var s = upper ? a[i * n + j] : a[j * n + i]
                for k in 0..<j {
                    s = s - (upper ? a[j * n + k].conjugate * a[i * n + k] : a[k * n + i] * a[k * n + j].conjugate)
                }
                if upper { a[i * n + j] = s * (1 / root) } else { a[j * n + i] = s * (1 / root) }
            }
        }
        return 0
    }

    // MARK: QR

    /// Householder QR in place: R above, reflectors below with their implied leading 1, factors in `tau`.
    static func qr(_ m: Int, _ n: Int, _ a: Pointer, _ tau: Pointer) {
        for j in 0..<Swift.min(m, n) {
            let x = a + j * m
            var tail = 0.0
            for i in (j + 1)..<Swift.max(m, j + 1) { tail += x[i].squaredMagnitude }
            let alpha = x[j]
            let imaginary = (alpha - T(real: alpha.realPart)).magnitude
            if tail == 0 && imaginary == 0 {
                tau[j] = .zero
                continue
            }
            let norm = (tail + alpha.squaredMagnitude).squareRoot()
            let beta = alpha.realPart >= 0 ? -norm : norm
            tau[j] = (T(real: beta) - alpha) * (1 / beta)
            let scale = T.one / (alpha - T(real: beta))
            for i in (j + 1)..<Swift.max(m, j + 1) { x[i] = x[i] * scale }
            x[j] = T(real: beta)
            // The other columns get H^H.
            let factor = tau[j].conjugate
            for k in (j + 1)..<Swift.max(n, j + 1) { reflect(m, j, x, factor, a + k * m) }
        }
    }

    /// y = (I - factor v v^H) y, v = (0 … 0, 1, x[j + 1…]).
    @inline(__always)
    private static func reflect(_ m: Int, _ j: Int, _ x: Pointer, _ factor: T, _ y: Pointer) {
        var dot = y[j]
        for i in (j + 1)..<Swift.max(m, j + 1) { dot = dot + x[i].conjugate * y[i] }
        dot = dot * factor
        y[j] = y[j] - dot
        for i in (j + 1)..<Swift.max(m, j + 1) { y[i] = y[i] - x[i] * dot }
    }

    /// The first `columns` columns of H0 H1 … H(k-1) into `q` (m x columns) from packed reflectors (m x anything).
    static func householderProduct(_ m: Int, _ columns: Int, _ k: Int, _ packed: Pointer, _ tau: Pointer, _ q: Pointer) {
        for c in 0..<columns { for i in 0..<m { q[c * m + i] = i == c ? .one : .zero } }
        for j in (0..<k).reversed() {
            // Columns before j are still unit vectors that H(j) leaves alone.
            for c in j..<Swift.max(columns, j) { reflect(m, j, packed + j * m, tau[j], q + c * m) }
        }
    }
}
