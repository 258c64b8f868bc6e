// How the floating-point numbers of one tensor are written: all alike, as wide as the widest.
import Glibc

/// One way to write all numbers of a tensor.
struct NumberFormat {
    /// The numbers are whole: `2.` rather than `2.0000`.
    private var isWhole = true
    private var isScientific = false
    private(set) var width = 1
    private let precision: Int

    /// Chooses by the finite numbers that are not zero.
    init(_ numbers: [Double], _ options: PrintOptions) {
        precision = options.precision
        let counted = numbers.filter { $0.isFinite && $0 != 0 }
        guard let first = counted.first else { return }
        var (least, most) = (Swift.abs(first), Swift.abs(first))
        for v in counted {
            least = Swift.min(least, Swift.abs(v))
            most = Swift.max(most, Swift.abs(v))
            if v != v.rounded(.up) { isWhole = false }
        }
        isScientific = options.scientific ?? (most / least > 1000 || most > 1e8 || least < 1e-4)
        for v in counted {
            // Whole numbers get a point.
            let n = isScientific ? Self.scientific(v, precision).utf8.count : isWhole ? Self.fixed(v, 0).utf8.count + 1 : Self.fixed(v, precision).utf8.count
            width = Swift.max(width, n)
        }
    }

    /// A number, padded in front to the common width.
    func text(_ value: Double) -> String {
        let text: String
        if isScientific {
            text = Self.scientific(value, precision)
        } else if isWhole {
            text = Self.fixed(value, 0) + (value.isFinite ? "." : "")
        } else {
            text = Self.fixed(value, precision)
        }
        return Self.padded(text, width)
    }

    static func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: Swift.max(0, width - text.utf8.count)) + text
    }

    /// As C's `%.Nf`.
    static func fixed(_ value: Double, _ digits: Int) -> String { formatted("%.*f", value, digits) }
    /// As C's `%.Ne`.
    static func scientific(_ value: Double, _ digits: Int) -> String { formatted("%.*e", value, digits) }

    private static func formatted(_ format: String, _ value: Double, _ digits: Int) -> String {
        // C writes the sign of a NaN.
        if value.isNaN { return "nan" }
        return withVaList([Int32(clamping: digits), value]) { list in
            // The largest double has 309 digits before the point.
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 400 + Swift.max(digits, 0)) { buffer in
                let n = vsnprintf(buffer.baseAddress!, buffer.count, format, list)
                return String(decoding: buffer.prefix(Int(n)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
    }
}
