// Our own LDL factorisation of symmetric and Hermitian matrices by Bunch and Kaufman's pivoting, as LAPACK lays it out.
import Glibc

extension PlainMatrix {
    @inline(__always)
    private static func mirrored(_ x: T, _ hermitian: Bool) -> T { hermitian ? x.conjugate : x }

    /// Factors the lower triangle of `a` in place. Pivots from 1, a pair of negative ones for a 2 x 2 block. Returns 0, or where D is singular.
    static func ldl(_ n: Int, _ a: Pointer, _ pivots: UnsafeMutablePointer<Int32>, hermitian: Bool) -> Int32 {
        let alpha = (1 + 17.0.squareRoot()) / 8
        func at(_ i: Int, _ j: Int) -> Int { j * n + i }
        var info: Int32 = 0
        var k = 0
        while k < n {
            var step = 1
            var kp = k
            if hermitian { a[at(k, k)] = T(real: a[at(k, k)].realPart) }
            let diagonal = a[at(k, k)].magnitude
            var largest = k
            var columnMax = 0.0
            for i in (k + 1)..<Swift.max(n, k + 1) where a[at(i, k)].magnitude > columnMax { (largest, columnMax) = (i, a[at(i, k)].magnitude) }
            if Swift.max(diagonal, columnMax) == 0 || diagonal.isNaN {
                if info == 0 { info = Int32(k + 1) }
            } else {
                if diagonal < alpha * columnMax {
                    var rowMax = 0.0
                    for j in k..<largest { rowMax = Swift.max(rowMax, a[at(largest, j)].magnitude) }
                    for i in (largest + 1)..<Swift.max(n, largest + 1) { rowMax = Swift.max(rowMax, a[at(i, largest)].magnitude) }
                    if diagonal < alpha * columnMax * (columnMax / rowMax) {
                        kp = largest
                        if a[at(largest, largest)].magnitude < alpha * rowMax { step = 2 }
                    }
                }
                let kk = k + step - 1
                if kp != kk {
                    for i in (kp + 1)..<Swift.max(n, kp + 1) { swap(&a[at(i, kk)], &a[at(i, kp)]) }
                    for j in (kk + 1)..<Swift.max(kp, kk + 1) {
                        let t = mirrored(a[at(j, kk)], hermitian)
                        a[at(j, kk)] = mirrored(a[at(kp, j)], hermitian)
                        a[at(kp, j)] = t
                    }
                    a[at(kp, kk)] = mirrored(a[at(kp, kk)], hermitian)
                    swap(&a[at(kk, kk)], &a[at(kp, kp)])
                    if step == 2 { swap(&a[at(k + 1, k)], &a[at(kp, k)]) }
                }
                eliminate(n, a, k, step, hermitian)
            }
            if step == 1 {
                pivots[k] = Int32(kp + 1)
            } else {
                pivots[k] = Int32(-(kp + 1))
                pivots[k + 1] = pivots[k]
            }
            k += step
        }
        return info
    }

    /// Takes the block at k out of the trailing matrix and leaves L in its columns.
    private static func eliminate(_ n: Int, _ a: Pointer, _ k: Int, _ step: Int, _ hermitian: Bool) {
        if step == 1 {
            let d = a[k * n + k]
            for j in (k + 1)..<Swift.max(n, k + 1) {
                let w = a[k * n + j] / d
                let m = mirrored(w, hermitian)
                for i in j..<n { a[j * n + i] = a[j * n + i] - a[k * n + i] * m }
                a[k * n + j] = w
            }
            return
        }
        let (p, q, r) = (a[k * n + k], a[k * n + k + 1], a[(k + 1) * n + k + 1])
        let determinant = p * r - q * mirrored(q, hermitian)
        for j in (k + 2)..<Swift.max(n, k + 2) {
            let (x, y) = (a[k * n + j], a[(k + 1) * n + j])
            let u = (x * r - y * q) / determinant
            let v = (y * p - x * mirrored(q, hermitian)) / determinant
            let (mu, mv) = (mirrored(u, hermitian), mirrored(v, hermitian))
            for i in j..<n { a[j * n + i] = a[j * n + i] - a[k * n + i] * mu - a[(k + 1) * n + i] * mv }
            a[k * n + j] = u
            a[(k + 1) * n + j] = v
        }
    }

    /// Solves with what `ldl` left; B in place.
    static func ldlSolve(_ n: Int, _ columns: Int, _ a: Pointer, _ pivots: UnsafePointer<Int32>, _ b: Pointer, hermitian: Bool) {
        for c in 0..<columns {
            let x = b + c * n
            func exchange(_ i: Int, _ pivot: Int32) {
                let p = Int(abs(pivot)) - 1
                if p != i, p >= 0, p < n { swap(&x[i], &x[p]) }
            }
            var k = 0
            while k < n {
                if pivots[k] > 0 || k + 1 == n {
                    exchange(k, pivots[k])
                    for i in (k + 1)..<Swift.max(n, k + 1) { x[i] = x[i] - a[k * n + i] * x[k] }
                    x[k] = x[k] / a[k * n + k]
                    k += 1
                } else {
                    exchange(k + 1, pivots[k])
                    for i in (k + 2)..<Swift.max(n, k + 2) { x[i] = x[i] - a[k * n + i] * x[k] - a[(k + 1) * n + i] * x[k + 1] }
                    let (p, q, r) = (a[k * n + k], a[k * n + k + 1], a[(k + 1) * n + k + 1])
                    let determinant = p * r - q * mirrored(q, hermitian)
                    let (u, v) = (x[k], x[k + 1])
                    x[k] = (u * r - v * mirrored(q, hermitian)) / determinant
                    x[k + 1] = (v * p - u * q) / determinant
                    k += 2
                }
            }
            k = n - 1
            while k >= 0 {
                let pair = pivots[k] < 0 && k > 0
                for j in (pair ? [k, k - 1] : [k]) {
                    var sum = x[j]
                    for i in (k + 1)..<Swift.max(n, k + 1) { sum = sum - mirrored(a[j * n + i], hermitian) * x[i] }
                    x[j] = sum
                }
                exchange(k, pivots[k])
                k -= pair ? 2 : 1
            }
        }
    }
}
