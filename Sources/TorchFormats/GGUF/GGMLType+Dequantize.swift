// Quantised blocks to float32.
//
// All products and sums are rounded one by one, as the reference (package gguf) has them, so the values are the same to the last bit.
import TorchTensor

extension GGMLType {
    private typealias Source = UnsafePointer<UInt8>
    private typealias Target = UnsafeMutablePointer<Float>

    /// Writes the elements of whole blocks as float32. The type must be one that `canBeLoaded`.
    func dequantize(_ source: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<Float>) {
        let blocks = source.count / blockByteCount
        guard blocks > 0, let first = source.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        func each(_ block: (Source, Target) -> Void) {
            let (size, count) = (blockByteCount, blockCount)
            Parallel.forEach(count: blocks, grain: Parallel.cheapGrain / count) { range in
                for i in range { block(first + i * size, target + i * count) }
            }
        }
        switch self {
        case .q4_0: each(Self.q4_0)
        case .q4_1: each(Self.q4_1)
        case .q5_0: each(Self.q5_0)
        case .q5_1: each(Self.q5_1)
        case .q8_0: each(Self.q8_0)
        case .q2_K: each(Self.q2_K)
        case .q3_K: each(Self.q3_K)
        case .q4_K: each(Self.q4_K)
        case .q5_K: each(Self.q5_K)
        case .q6_K: each(Self.q6_K)
        case .iq4_NL: each(Self.iq4_NL)
        default: preconditionFailure("\(name) can not be dequantised")
        }
    }

    @inline(__always)
    private static func half(_ p: Source) -> Float { Float(Float16(bitPattern: UInt16(p[0]) | UInt16(p[1]) << 8)) }
    @inline(__always)
    private static func int8(_ byte: UInt8) -> Float { Float(Int8(bitPattern: byte)) }

    // MARK: - Blocks of 32

    /// float16 d; 16 bytes: low nibbles, then high ones. d (q - 8)
    private static func q4_0(_ p: Source, _ y: Target) {
        let (d, q) = (half(p), p + 2)
        for j in 0..<16 {
            y[j] = d * Float(Int32(q[j] & 15) - 8)
            y[j + 16] = d * Float(Int32(q[j] >> 4) - 8)
        }
    }

    /// float16 d, m; nibbles. d q + m
    private static func q4_1(_ p: Source, _ y: Target) {
        let (d, m, q) = (half(p), half(p + 2), p + 4)
        for j in 0..<16 {
            y[j] = d * Float(q[j] & 15) + m
            y[j + 16] = d * Float(q[j] >> 4) + m
        }
    }

    /// float16 d; 32 fifth bits; nibbles. d (q - 16)
    private static func q5_0(_ p: Source, _ y: Target) {
        let (d, high, q) = (half(p), word(p + 2), p + 6)
        for j in 0..<16 {
            y[j] = d * Float(Int32(q[j] & 15) + Int32(high >> UInt32(j) & 1) * 16 - 16)
            y[j + 16] = d * Float(Int32(q[j] >> 4) + Int32(high >> UInt32(j + 16) & 1) * 16 - 16)
        }
    }

    /// float16 d, m; 32 fifth bits; nibbles. d q + m
    private static func q5_1(_ p: Source, _ y: Target) {
        let (d, m, high, q) = (half(p), half(p + 2), word(p + 4), p + 8)
        for j in 0..<16 {
            y[j] = d * Float(Int32(q[j] & 15) + Int32(high >> UInt32(j) & 1) * 16) + m
            y[j + 16] = d * Float(Int32(q[j] >> 4) + Int32(high >> UInt32(j + 16) & 1) * 16) + m
        }
    }

    private static func word(_ p: Source) -> UInt32 { UInt32(p[0]) | UInt32(p[1]) << 8 | UInt32(p[2]) << 16 | UInt32(p[3]) << 24 }

    /// float16 d; 32 signed bytes. d q
    private static func q8_0(_ p: Source, _ y: Target) {
        let (d, q) = (half(p), p + 2)
        for j in 0..<32 { y[j] = int8(q[j]) * d }
    }

    /// float16 d; nibbles that choose from a table. d table[q]
    private static func iq4_NL(_ p: Source, _ y: Target) {
        let (d, q) = (half(p), p + 2)
        nonlinear.withUnsafeBufferPointer { table in
            for j in 0..<16 {
                y[j] = d * table[Int(q[j] & 15)]
                y[j + 16] = d * table[Int(q[j] >> 4)]
            }
        }
    }
    private static let nonlinear: [Float] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

    // MARK: - Blocks of 256

    /// 16 bytes of scale and minimum, a nibble each; 64 bytes of 2-bit numbers, of which a byte holds those 32 apart; float16 d, dmin.
    private static func q2_K(_ p: Source, _ y: Target) {
        let (q, d, dmin) = (p + 16, half(p + 80), half(p + 82))
        for g in 0..<16 {
            let (scale, minimum) = (d * Float(p[g] & 15), dmin * Float(p[g] >> 4))
            let (from, shift) = (q + g / 8 * 32 + g % 2 * 16, UInt8(g / 2 % 4 * 2))
            for j in 0..<16 { y[16 * g + j] = scale * Float(from[j] >> shift & 3) - minimum }
        }
    }

    /// 32 bytes of third bits, 64 bytes of 2-bit numbers, 16 scales of 6 bits, float16 d. The number is 4 less where its third bit is not set.
    private static func q3_K(_ p: Source, _ y: Target) {
        let (high, q, packed, d) = (p, p + 32, p + 96, half(p + 108))
        for g in 0..<16 {
            let low = g < 8 ? packed[g] & 15 : packed[g - 8] >> 4
            let scale = d * Float(Int32(low | (packed[8 + g % 4] >> UInt8(g / 4 * 2) & 3) << 4) - 32)
            let (from, bits, shift, bit) = (q + g / 8 * 32 + g % 2 * 16, high + g % 2 * 16, UInt8(g / 2 % 4 * 2), UInt8(g / 2))
            for j in 0..<16 { y[16 * g + j] = scale * Float(Int32(from[j] >> shift & 3) - Int32(~(bits[j] >> bit) & 1) * 4) }
        }
    }

    /// Scale and minimum number `g` of eight, 6 bits each, in 12 bytes.
    @inline(__always)
    private static func scale6(_ p: Source, _ g: Int) -> (scale: Float, minimum: Float) {
        if g < 4 { return (Float(p[g] & 63), Float(p[g + 4] & 63)) }
        return (Float(p[g + 4] & 15 | (p[g - 4] >> 6) << 4), Float(p[g + 4] >> 4 | (p[g] >> 6) << 4))
    }

    /// float16 d, dmin; eight scales and minima; 128 bytes, each 32 with their low nibbles, then the high ones.
    private static func q4_K(_ p: Source, _ y: Target) {
        let (d, dmin, q) = (half(p), half(p + 2), p + 16)
        for g in 0..<8 {
            let s = scale6(p + 4, g)
            let (scale, minimum) = (d * s.scale, dmin * s.minimum)
            let (from, shift) = (q + g / 2 * 32, UInt8(g % 2 * 4))
            for j in 0..<32 { y[32 * g + j] = scale * Float(from[j] >> shift & 15) - minimum }
        }
    }

    /// The same with 32 bytes of fifth bits before the nibbles: bit g of byte j.
    private static func q5_K(_ p: Source, _ y: Target) {
        let (d, dmin, high, q) = (half(p), half(p + 2), p + 16, p + 48)
        for g in 0..<8 {
            let s = scale6(p + 4, g)
            let (scale, minimum) = (d * s.scale, dmin * s.minimum)
            let (from, shift, bit) = (q + g / 2 * 32, UInt8(g % 2 * 4), UInt8(g))
            for j in 0..<32 { y[32 * g + j] = scale * Float(from[j] >> shift & 15 | (high[j] >> bit & 1) << 4) - minimum }
        }
    }

    /// 128 bytes of nibbles (64 low, then 64 high ones), 64 bytes of upper 2 bits, 16 signed scales, float16 d. d scale (q - 32)
    private static func q6_K(_ p: Source, _ y: Target) {
        let (low, high, scales, d) = (p, p + 128, p + 192, half(p + 208))
        for g in 0..<16 {
            let scale = d * int8(scales[g])
            // Eight runs of 16 share each 64 bytes of nibbles and 32 bytes of upper bits.
            let (from, shift) = (low + g / 8 * 64 + g % 4 * 16, UInt8(g / 4 % 2 * 4))
            let (upper, upperShift) = (high + g / 8 * 32 + g % 2 * 16, UInt8(g / 2 % 4 * 2))
            for j in 0..<16 { y[16 * g + j] = scale * Float(Int32(from[j] >> shift & 15 | (upper[j] >> upperShift & 3) << 4) - 32) }
        }
    }
}
