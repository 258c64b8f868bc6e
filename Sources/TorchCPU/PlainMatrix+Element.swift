// Numbers that our own factorisations compute with: double, and complex double.
import Glibc

/// What a factorisation asks of a number. `Double` and `ComplexDouble` have it.
protocol MatrixElement {
    static var zero: Self { get }
    static var one: Self { get }
    init(real: Double)
    var conjugate: Self { get }
    var realPart: Double { get }
    var magnitude: Double { get }
    /// |re| + |im|: by which LAPACK chooses pivots.
    var pivotSize: Double { get }
    /// |x|²
    var squaredMagnitude: Double { get }
    static func + (a: Self, b: Self) -> Self
    static func - (a: Self, b: Self) -> Self
    static func * (a: Self, b: Self) -> Self
    static func / (a: Self, b: Self) -> Self
    static func * (a: Self, b: Double) -> Self
    static prefix func - (a: Self) -> Self
}

extension Double: MatrixElement {
    static var one: Double { 1 }
    init(real: Double) { self = real }
    var conjugate: Double { self }
    var realPart: Double { self }
    var pivotSize: Double { magnitude }
    var squaredMagnitude: Double { self * self }
}

/// A complex number as complex128 lies in memory.
struct ComplexDouble: MatrixElement {
    var re: Double
    var im: Double

    static var zero: ComplexDouble { ComplexDouble(re: 0, im: 0) }
    static var one: ComplexDouble { ComplexDouble(re: 1, im: 0) }
    init(re: Double, im: Double) { (self.re, self.im) = (re, im) }
    init(real: Double) { (re, im) = (real, 0) }
    var conjugate: ComplexDouble { ComplexDouble(re: re, im: -im) }
    var realPart: Double { re }
    var magnitude: Double { hypot(re, im) }
    var pivotSize: Double { abs(re) + abs(im) }
    var squaredMagnitude: Double { re * re + im * im }

    @inline(__always) static func + (a: Self, b: Self) -> Self { ComplexDouble(re: a.re + b.re, im: a.im + b.im) }
    @inline(__always) static func - (a: Self, b: Self) -> Self { ComplexDouble(re: a.re - b.re, im: a.im - b.im) }
    @inline(__always) static func * (a: Self, b: Self) -> Self { ComplexDouble(re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re) }
    @inline(__always) static func * (a: Self, b: Double) -> Self { ComplexDouble(re: a.re * b, im: a.im * b) }
    static prefix func - (a: Self) -> Self { ComplexDouble(re: -a.re, im: -a.im) }
    /// Smith's division: no overflow where the quotient has none.
    static func / (a: Self, b: Self) -> Self {
        if abs(b.re) >= abs(b.im) {
            let r = b.im / b.re
            let d = b.re + b.im * r
            return ComplexDouble(re: (a.re + a.im * r) / d, im: (a.im - a.re * r) / d)
        }
        let r = b.re / b.im
        let d = b.re * r + b.im
        return ComplexDouble(re: (a.re * r + a.im) / d, im: (a.im * r - a.re) / d)
    }
    /// The root with a non-negative real part.
    var squareRoot: ComplexDouble {
        let m = magnitude
        if m == 0 { return .zero }
        let r = sqrt((m + abs(re)) / 2)
        return re >= 0 ? ComplexDouble(re: r, im: im / (2 * r)) : ComplexDouble(re: abs(im) / (2 * r), im: im < 0 ? -r : r)
    }
}
