// Small complex matrices in double, for testing relations such as A V = V diag(L) without the operators under test.
import Glibc

struct ComplexMatrix {
    let rows, columns: Int
    var re: [Double]
    var im: [Double]

    init(_ rows: Int, _ columns: Int) {
        (self.rows, self.columns) = (rows, columns)
        re = [Double](repeating: 0, count: rows * columns)
        im = re
    }

    static func identity(_ n: Int) -> ComplexMatrix {
        var m = ComplexMatrix(n, n)
        for i in 0..<n { m.re[i * n + i] = 1 }
        return m
    }

    static func diagonal(_ values: ComplexMatrix) -> ComplexMatrix {
        let n = values.re.count
        var m = ComplexMatrix(n, n)
        for i in 0..<n { (m.re[i * n + i], m.im[i * n + i]) = (values.re[i], values.im[i]) }
        return m
    }

    /// The matrices of a batch; `vector` reads [..., n] as columns.
    static func batch(_ x: Numbers, vector: Bool = false) -> [ComplexMatrix] {
        let r = x.shape.count
        let (m, n) = vector ? (x.shape[r - 1], 1) : (x.shape[r - 2], x.shape[r - 1])
        let batches = x.shape.prefix(r - (vector ? 1 : 2)).reduce(1, *)
        return (0..<batches).map { b in
            var a = ComplexMatrix(m, n)
            for k in 0..<(m * n) {
                let i = b * m * n + k
                a.re[k] = x.isInteger ? Double(x.ints[i]) : x.re[i]
                if !x.im.isEmpty { a.im[k] = x.im[i] }
            }
            return a
        }
    }

    static func * (a: ComplexMatrix, b: ComplexMatrix) -> ComplexMatrix {
        var c = ComplexMatrix(a.rows, b.columns)
        for i in 0..<a.rows {
            for k in 0..<a.columns {
                let (x, y) = (a.re[i * a.columns + k], a.im[i * a.columns + k])
                for j in 0..<b.columns {
                    let (u, v) = (b.re[k * b.columns + j], b.im[k * b.columns + j])
                    c.re[i * b.columns + j] += x * u - y * v
                    c.im[i * b.columns + j] += x * v + y * u
                }
            }
        }
        return c
    }

    var adjoint: ComplexMatrix {
        var t = ComplexMatrix(columns, rows)
        for i in 0..<rows {
            for j in 0..<columns {
                t.re[j * rows + i] = re[i * columns + j]
                t.im[j * rows + i] = -im[i * columns + j]
            }
        }
        return t
    }

    /// The first `n` columns.
    func leading(columns n: Int) -> ComplexMatrix {
        var m = ComplexMatrix(rows, n)
        for i in 0..<rows { for j in 0..<n { (m.re[i * n + j], m.im[i * n + j]) = (re[i * columns + j], im[i * columns + j]) } }
        return m
    }

    /// The first `n` rows.
    func leading(rows n: Int) -> ComplexMatrix {
        var m = ComplexMatrix(n, columns)
        for k in 0..<(n * columns) { (m.re[k], m.im[k]) = (re[k], im[k]) }
        return m
    }

    /// Zeros below the diagonal.
    var upperTriangle: ComplexMatrix {
        var m = self
        for i in 0..<rows { for j in 0..<Swift.min(i, columns) { (m.re[i * columns + j], m.im[i * columns + j]) = (0, 0) } }
        return m
    }

    /// The Hermitian (or, without conjugation, symmetric) matrix that one triangle stands for.
    func mirrored(upper: Bool, conjugate: Bool = true) -> ComplexMatrix {
        var m = self
        for i in 0..<rows {
            for j in 0..<columns where upper ? j < i : j > i {
                m.re[i * columns + j] = re[j * columns + i]
                m.im[i * columns + j] = conjugate ? -im[j * columns + i] : im[j * columns + i]
            }
            if conjugate { m.im[i * columns + i] = 0 }
        }
        return m
    }

    var largest: Double { zip(re, im).reduce(0) { Swift.max($0, hypot($1.0, $1.1)) } }

    /// Largest absolute difference; infinity when the shapes differ or a value is not finite.
    func distance(_ other: ComplexMatrix) -> Double {
        guard rows == other.rows, columns == other.columns else { return .infinity }
        var d = 0.0
        for k in 0..<re.count {
            let e = hypot(re[k] - other.re[k], im[k] - other.im[k])
            if e.isNaN { return .infinity }
            d = Swift.max(d, e)
        }
        return d
    }
}
