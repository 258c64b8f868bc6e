// Elements of a tensor as Swift numbers, and how they are compared. Independent of the operators under test.
import Glibc
import Torch

/// Elements in row-major order, as doubles (complex ones as pairs) or integers.
struct Numbers {
    var shape: [Int]
    var dtype: DType
    /// Real parts; empty for integer types.
    var re: [Double] = []
    /// Imaginary parts; empty for real types.
    var im: [Double] = []
    /// Integers and booleans.
    var ints: [Int64] = []

    var count: Int { shape.reduce(1, *) }
    var isInteger: Bool { !dtype.isDifferentiable }

    init(_ t: Tensor) {
        shape = t.shape
        dtype = t.dtype
        t.detached().withBytes { decode($0, t.count) }
    }

    init(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, _ shape: [Int]) {
        self.shape = shape
        self.dtype = dtype
        decode(bytes, shape.reduce(1, *))
    }

    private mutating func decode(_ b: UnsafeRawBufferPointer, _ n: Int) {
        func load<T: BitwiseCopyable>(_ i: Int, _: T.Type) -> T { b.loadUnaligned(fromByteOffset: i * MemoryLayout<T>.size, as: T.self) }
        switch dtype {
        case .bool: ints = (0..<n).map { b[$0] == 0 ? 0 : 1 }
        case .uint8: ints = (0..<n).map { Int64(b[$0]) }
        case .int8: ints = (0..<n).map { Int64(load($0, Int8.self)) }
        case .int16: ints = (0..<n).map { Int64(load($0, Int16.self)) }
        case .int32: ints = (0..<n).map { Int64(load($0, Int32.self)) }
        case .int64: ints = (0..<n).map { load($0, Int64.self) }
        case .uint16: ints = (0..<n).map { Int64(load($0, UInt16.self)) }
        case .uint32: ints = (0..<n).map { Int64(load($0, UInt32.self)) }
        case .uint64: ints = (0..<n).map { Int64(bitPattern: load($0, UInt64.self)) }
        case .float16: re = (0..<n).map { Double(load($0, Float16.self)) }
        case .bfloat16: re = (0..<n).map { Double(Float(bitPattern: UInt32(load($0, UInt16.self)) << 16)) }
        case .float32: re = (0..<n).map { Double(load($0, Float.self)) }
        case .float64: re = (0..<n).map { load($0, Double.self) }
        case .complex64:
            re = (0..<n).map { Double(load(2 * $0, Float.self)) }
            im = (0..<n).map { Double(load(2 * $0 + 1, Float.self)) }
        case .complex128:
            re = (0..<n).map { load(2 * $0, Double.self) }
            im = (0..<n).map { load(2 * $0 + 1, Double.self) }
        }
    }

    /// Element `i` for a message.
    func text(_ i: Int) -> String {
        if isInteger { return "\(ints[i])" }
        return im.isEmpty ? "\(re[i])" : "\(re[i])\(im[i] < 0 ? "" : "+")\(im[i])i"
    }

    /// The indices of flat position `i`.
    func position(_ i: Int) -> String {
        var rest = i
        var parts: [Int] = []
        for s in shape.reversed() {
            parts.append(rest % s)
            rest /= s
        }
        return "[" + parts.reversed().map(String.init).joined(separator: ",") + "]"
    }

    /// Whether element `i` equals element `j` of `expected` within the tolerance.
    func close(_ i: Int, _ expected: Numbers, _ j: Int, _ tolerance: Tolerance) -> Bool {
        if isInteger || expected.isInteger { return isInteger && expected.isInteger && ints[i] == expected.ints[j] }
        if im.isEmpty { return Numbers.close(re[i], expected.re[j], tolerance) }
        let (dr, di, er, ei) = (re[i], im[i], expected.re[j], expected.im[j])
        if dr.isFinite && di.isFinite && er.isFinite && ei.isFinite {
            return hypot(dr - er, di - ei) <= tolerance.absolute + tolerance.relative * hypot(er, ei)
        }
        return Numbers.close(dr, er, tolerance) && Numbers.close(di, ei, tolerance)
    }

    static func close(_ x: Double, _ e: Double, _ t: Tolerance) -> Bool {
        if x == e { return true }
        if x.isNaN || e.isNaN { return x.isNaN && e.isNaN }
        if x.isInfinite || e.isInfinite { return false }
        return abs(x - e) <= t.absolute + t.relative * abs(e)
    }

    /// Nil if dtype, shape and values agree, otherwise the first difference.
    func difference(_ expected: Numbers, _ tolerance: Tolerance, mask: [Int64]? = nil) -> String? {
        if let d = formDifference(expected.dtype, expected.shape) { return d }
        var wrong = 0
        var first = -1
        for i in 0..<count where mask.map({ $0[i] != 0 }) ?? true {
            if !close(i, expected, i, tolerance) {
                wrong += 1
                if first < 0 { first = i }
            }
        }
        if wrong == 0 { return nil }
        return "\(wrong) of \(count) differ, first at \(position(first)): \(text(first)), expected \(expected.text(first)) (rtol \(tolerance.relative), atol \(tolerance.absolute))"
    }

    func formDifference(_ dtype: DType, _ shape: [Int]) -> String? {
        if self.dtype != dtype { return "dtype \(self.dtype), expected \(dtype)" }
        if self.shape != shape { return "shape \(Dims(self.shape)), expected \(Dims(shape))" }
        return nil
    }
}

/// How far a value may be off.
struct Tolerance {
    var relative = 0.0
    var absolute = 0.0
    init(relative: Double, absolute: Double) { (self.relative, self.absolute) = (relative, absolute) }
    init(_ json: JSON?) {
        relative = json?["rtol"]?.double ?? 0
        absolute = json?["atol"]?.double ?? 0
    }
}
