// Our own spectral factorisations for machines without LAPACK: SVD and Hermitian eigenvalues by Jacobi rotations, general eigenvalues by shifted QR.
import Glibc

extension PlainMatrix {
    // MARK: Jacobi

    /// A rotation that makes columns with products (alpha, beta; gamma) orthogonal: p' = c p - s conj(phase) q, q' = s p + c conj(phase) q.
    private static func rotation(_ alpha: Double, _ beta: Double, _ gamma: T) -> (c: Double, s: Double, phase: T) {
        let size = gamma.magnitude
        let zeta = (beta - alpha) / (2 * size)
        let t = (zeta >= 0 ? 1 : -1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
        let c = 1 / (1 + t * t).squareRoot()
        return (c, c * t, gamma * (1 / size))
    }

    @inline(__always)
    private static func rotate(_ n: Int, _ p: Pointer, _ q: Pointer, _ r: (c: Double, s: Double, phase: T), stride: Int = 1, conjugated: Bool = false) {
        let w = conjugated ? r.phase : r.phase.conjugate
        for i in 0..<n {
            let (x, y) = (p[i * stride], w * q[i * stride])
            p[i * stride] = x * r.c - y * r.s
            q[i * stride] = x * r.s + y * r.c
        }
    }

    /// Singular values (descending) of the m x n matrix `a`, m >= n, which becomes U (m x n); V (n x n, not its adjoint) into `v`. One-sided Jacobi.
    /// Returns 0, or 1 where the sweeps did not converge.
    private static func tallSVD(_ m: Int, _ n: Int, _ a: Pointer, _ s: UnsafeMutablePointer<Double>, _ v: Pointer) -> Int32 {
        for j in 0..<n { for i in 0..<n { v[j * n + i] = i == j ? .one : .zero } }
        func squaredNorm(_ x: Pointer) -> Double {
            var sum = 0.0
            for i in 0..<m { sum += x[i].squaredMagnitude }
            return sum
        }
        var converged = n < 2
        var sweep = 0
        while !converged && sweep < 60 {
            converged = true
            sweep += 1
            for p in 0..<(n - 1) {
                for q in (p + 1)..<n {
                    let (x, y) = (a + p * m, a + q * m)
                    let (alpha, beta) = (squaredNorm(x), squaredNorm(y))
                    var gamma = T.zero
                    for i in 0..<m { gamma = gamma + x[i].conjugate * y[i] }
                    let bound = 0x1p-51 * (alpha * beta).squareRoot()
                    let size = gamma.magnitude
                    if size.isNaN { return 1 }
                    if size <= bound || size == 0 { continue }
                    converged = false
                    let r = rotation(alpha, beta, gamma)
                    rotate(m, x, y, r)
                    rotate(n, v + p * n, v + q * n, r)
                }
            }
        }
        for j in 0..<n { s[j] = squaredNorm(a + j * m).squareRoot() }
        // Descending, by selection: columns move with their values.
        for j in 0..<n {
            var best = j
            for k in (j + 1)..<Swift.max(n, j + 1) where s[k] > s[best] { best = k }
            if best != j {
                swap(&s[j], &s[best])
                for i in 0..<m { swap(&a[j * m + i], &a[best * m + i]) }
                for i in 0..<n { swap(&v[j * n + i], &v[best * n + i]) }
            }
        }
        var rank = 0
        while rank < n && s[rank] > 0 && s[rank] > s[0] * 1e-290 {
            let f = 1 / s[rank]
            for i in 0..<m { a[rank * m + i] = a[rank * m + i] * f }
            rank += 1
        }
        complete(m, n, rank, a)
        return converged ? 0 : 1
    }

    /// Columns `known`..<`columns` of an m-row matrix whose first `known` columns are orthonormal: orthonormal to them and each other.
    private static func complete(_ m: Int, _ columns: Int, _ known: Int, _ a: Pointer) {
        if known >= columns { return }
        var packed = [T](repeating: .zero, count: m * Swift.max(known, 1))
        var tau = [T](repeating: .zero, count: Swift.max(known, 1))
        var q = [T](repeating: .zero, count: m * columns)
        for i in 0..<(m * known) { packed[i] = a[i] }
        packed.withUnsafeMutableBufferPointer { p in
            tau.withUnsafeMutableBufferPointer { t in
                q.withUnsafeMutableBufferPointer { q in
                    qr(m, known, p.baseAddress!, t.baseAddress!)
                    householderProduct(m, columns, known, p.baseAddress!, t.baseAddress!, q.baseAddress!)
                }
            }
        }
        for i in (known * m)..<(columns * m) { a[i] = q[i] }
    }

    /// A = U diag(S) V^H. u: m x (full: m, else k), vh: (full: n, else k) x n, k = min(m, n). `u` and `vh` nil: values only. `a` is spoiled.
    static func svd(_ m: Int, _ n: Int, _ a: Pointer, _ s: UnsafeMutablePointer<Double>, u: Pointer?, vh: Pointer?, full: Bool) -> Int32 {
        let k = Swift.min(m, n)
        let wide = m < n
        let tall = Swift.max(m, n)
        // Work on A^H where A is wide.
        var work = [T](repeating: .zero, count: tall * Swift.max(full ? tall : k, k))
        if wide {
            for j in 0..<m { for i in 0..<n { work[j * n + i] = a[i * m + j].conjugate } }
        } else {
            for i in 0..<(m * n) { work[i] = a[i] }
        }
        var other = [T](repeating: .zero, count: k * k)
        var info: Int32 = 0
        work.withUnsafeMutableBufferPointer { w in
            other.withUnsafeMutableBufferPointer { v in
                if k == 0 { return }
                info = tallSVD(tall, k, w.baseAddress!, s, v.baseAddress!)
                if full { complete(tall, tall, k, w.baseAddress!) }
            }
        }
        if k == 0, full { for j in 0..<tall { work[j * tall + j] = .one } }
        guard let u, let vh else { return info }
        let wideColumns = full ? tall : k
        if wide {
            for i in 0..<(m * m) { u[i] = other[i] }
            for j in 0..<wideColumns { for i in 0..<n { vh[i * wideColumns + j] = work[j * n + i].conjugate } }
        } else {
            for i in 0..<(m * wideColumns) { u[i] = work[i] }
            for j in 0..<n { for i in 0..<n { vh[i * n + j] = other[j * n + i].conjugate } }
        }
        return info
    }

    /// Eigenvalues (ascending) of the Hermitian matrix in the named triangle of `a`, which becomes the eigenvectors. Cyclic Jacobi.
    static func eigh(_ n: Int, _ a: Pointer, _ w: UnsafeMutablePointer<Double>, upper: Bool) -> Int32 {
        for j in 0..<n {
            a[j * n + j] = T(real: a[j * n + j].realPart)
            for i in (j + 1)..<Swift.max(n, j + 1) {
                if upper { a[j * n + i] = a[i * n + j].conjugate } else { a[i * n + j] = a[j * n + i].conjugate }
            }
        }
        var vectors = [T](repeating: .zero, count: n * n)
        for j in 0..<n { vectors[j * n + j] = .one }
        var size = 0.0
        for i in 0..<(n * n) { size += a[i].squaredMagnitude }
        let small = 0x1p-54 * size.squareRoot() / Double(Swift.max(n, 1))
        if size.isNaN { return 1 }
        var converged = n < 2
        var sweep = 0
        vectors.withUnsafeMutableBufferPointer { v in
            while !converged && sweep < 80 {
                converged = true
                sweep += 1
                for p in 0..<(n - 1) {
                    for q in (p + 1)..<n {
                        let gamma = a[q * n + p]
                        let (alpha, beta) = (a[p * n + p].realPart, a[q * n + q].realPart)
                        if gamma.magnitude <= Swift.min(small, 0x1p-53 * (abs(alpha) + abs(beta)) + small * 0x1p-10) || gamma.magnitude == 0 { continue }
                        converged = false
                        let r = rotation(alpha, beta, gamma)
                        rotate(n, a + p * n, a + q * n, r)
                        rotate(n, a + p, a + q, r, stride: n, conjugated: true)
                        a[q * n + p] = .zero
                        a[p * n + q] = .zero
                        rotate(n, v.baseAddress! + p * n, v.baseAddress! + q * n, r)
                    }
                }
            }
        }
        for j in 0..<n { w[j] = a[j * n + j].realPart }
        let order = (0..<n).sorted { w[$0] < w[$1] }
        let values = order.map { w[$0] }
        for (j, k) in order.enumerated() {
            w[j] = values[j]
            for i in 0..<n { a[j * n + i] = vectors[k * n + i] }
        }
        return converged ? 0 : 1
    }

    /// Minimum-norm least squares by SVD: `b` (max(m, n) x columns) holds the right sides and then the solution in its first n rows.
    static func leastSquares(_ m: Int, _ n: Int, _ columns: Int, _ a: Pointer, _ b: Pointer, _ s: UnsafeMutablePointer<Double>, rcond: Double, _ rank: inout Int32) -> Int32 {
        let (k, ldb) = (Swift.min(m, n), Swift.max(m, n))
        var u = [T](repeating: .zero, count: m * k)
        var vh = [T](repeating: .zero, count: k * n)
        let info = u.withUnsafeMutableBufferPointer { u in
            vh.withUnsafeMutableBufferPointer { vh in svd(m, n, a, s, u: u.baseAddress, vh: vh.baseAddress, full: false) }
        }
        let limit = (rcond < 0 ? 0x1p-52 : rcond) * (k > 0 ? s[0] : 0)
        rank = Int32((0..<k).count { s[$0] > limit })
        for c in 0..<columns {
            let y = b + c * ldb
            var x = [T](repeating: .zero, count: n)
            for j in 0..<Int(rank) {
                var dot = T.zero
                for i in 0..<m { dot = dot + u[j * m + i].conjugate * y[i] }
                dot = dot * (1 / s[j])
                for i in 0..<n { x[i] = x[i] + vh[i * k + j].conjugate * dot }
            }
            for i in 0..<n { y[i] = x[i] }
        }
        return info
    }
}

extension PlainMatrix where T == ComplexDouble {
    /// Eigenvalues of a general matrix and, unless `v` is nil, right eigenvectors of norm 1. Hessenberg form, then single-shift QR. `a` is spoiled.
    /// Returns 0, or how many eigenvalues were not found.
    static func eig(_ n: Int, _ a: Pointer, _ w: Pointer, _ v: Pointer?) -> Int32 {
        var unit = [T](repeating: .zero, count: n * n)
        for j in 0..<n { unit[j * n + j] = .one }
        return unit.withUnsafeMutableBufferPointer { z in
            guard n > 0, let z = z.baseAddress else { return 0 }
            for i in 0..<(n * n) where !(a[i].squaredMagnitude < .infinity) { return Int32(n) }
            hessenberg(n, a, z)
            let left = schur(n, a, z)
            if left > 0 { return left }
            for j in 0..<n { w[j] = a[j * n + j] }
            if let v { vectors(n, a, z, v) }
            return 0
        }
    }

    /// The rotation G = (c, s; -conj(s), c) with G (x, y) = (r, 0).
    private static func givens(_ x: T, _ y: T) -> (c: Double, s: T) {
        let (p, q) = (x.magnitude, y.magnitude)
        if q == 0 { return (1, .zero) }
        if p == 0 { return (0, y.conjugate * (1 / q)) }
        let r = hypot(p, q)
        return (p / r, (x * (1 / p)) * y.conjugate * (1 / r))
    }

    private static func hessenberg(_ n: Int, _ a: Pointer, _ z: Pointer) {
        // Rotations of neighbouring rows from the bottom up clear each column below its subdiagonal.
        for j in 0..<Swift.max(n - 2, 0) {
            for i in stride(from: n - 1, through: j + 2, by: -1) {
                if a[j * n + i].magnitude == 0 { continue }
                similarity(n, a, z, i - 1, givens(a[j * n + i - 1], a[j * n + i]), rowsFrom: j, columnsTo: n)
                a[j * n + i] = .zero
            }
        }
    }

    /// A = G A G^H on rows and columns k, k + 1; Z = Z G^H.
    private static func similarity(_ n: Int, _ a: Pointer, _ z: Pointer, _ k: Int, _ g: (c: Double, s: T), rowsFrom: Int, columnsTo: Int) {
        for j in rowsFrom..<n { rotateRows(a + j * n + k, g) }
        for i in 0..<columnsTo { rotateColumns(a, n, i, k, g) }
        for i in 0..<n { rotateColumns(z, n, i, k, g) }
    }
    @inline(__always)
    private static func rotateRows(_ p: Pointer, _ g: (c: Double, s: T)) {
        let (x, y) = (p[0], p[1])
        p[0] = x * g.c + g.s * y
        p[1] = y * g.c - g.s.conjugate * x
    }
    @inline(__always)
    private static func rotateColumns(_ a: Pointer, _ n: Int, _ i: Int, _ k: Int, _ g: (c: Double, s: T)) {
        let (x, y) = (a[k * n + i], a[(k + 1) * n + i])
        a[k * n + i] = x * g.c + y * g.s.conjugate
        a[(k + 1) * n + i] = y * g.c - x * g.s
    }

    /// Hessenberg to triangular. Returns how many diagonal elements are left.
    private static func schur(_ n: Int, _ a: Pointer, _ z: Pointer) -> Int32 {
        var high = n - 1
        var iterations = 0
        while high > 0 {
            // The lowest block that does not fall apart.
            var low = high
            while low > 0 {
                let near = a[low * n + low].magnitude + a[(low - 1) * n + low - 1].magnitude
                let edge = a[(low - 1) * n + low].magnitude
                if edge <= 0x1p-52 * near || edge < 1e-300 {
                    a[(low - 1) * n + low] = .zero
                    break
                }
                low -= 1
            }
            if low == high {
                high -= 1
                iterations = 0
                continue
            }
            iterations += 1
            if iterations > 300 { return Int32(high + 1) }
            // Wilkinson's shift; now and then an odd one, against cycles.
            var shift: T
            if iterations % 11 == 10 {
                shift = a[high * n + high] + T(real: a[(high - 1) * n + high].magnitude)
            } else {
                let (p, q) = (a[(high - 1) * n + high - 1], a[high * n + high])
                let half = (p - q) * 0.5
                let root = (half * half + a[high * n + high - 1] * a[(high - 1) * n + high]).squareRoot
                let (one, two) = (half + root, half - root)
                shift = q + (one.magnitude < two.magnitude ? one : two)
            }
            var g = givens(a[low * n + low] - shift, a[low * n + low + 1])
            for k in low..<high {
                if k > low {
                    g = givens(a[(k - 1) * n + k], a[(k - 1) * n + k + 1])
                }
                similarity(n, a, z, k, g, rowsFrom: Swift.max(k - 1, 0), columnsTo: Swift.min(k + 3, high + 1))
                if k > low { a[(k - 1) * n + k + 1] = .zero }
            }
        }
        return 0
    }

    /// Eigenvectors of the triangular `t`, turned back by `z`.
    private static func vectors(_ n: Int, _ t: Pointer, _ z: Pointer, _ v: Pointer) {
        var largest = 0.0
        for i in 0..<(n * n) { largest = Swift.max(largest, t[i].magnitude) }
        let least = Swift.max(largest * 0x1p-52, 1e-300)
        var x = [T](repeating: .zero, count: n)
        for k in 0..<n {
            x[k] = .one
            for i in stride(from: k - 1, through: 0, by: -1) {
                var sum = T.zero
                for j in (i + 1)...k { sum = sum + t[j * n + i] * x[j] }
                var d = t[k * n + k] - t[i * n + i]
                if d.magnitude < least { d = T(real: least) }
                x[i] = sum / d
            }
            var norm = 0.0
            for i in 0..<n {
                var sum = T.zero
                for j in 0...k { sum = sum + z[j * n + i] * x[j] }
                v[k * n + i] = sum
                norm += sum.squaredMagnitude
            }
            let f = 1 / norm.squareRoot()
            for i in 0..<n { v[k * n + i] = v[k * n + i] * f }
        }
    }
}
