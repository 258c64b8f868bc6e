// The element types of files, and what they become.
import TorchTensor

/// How the elements of a tensor lie in a file. Types that tensors lack are converted when they are loaded, exactly.
public enum StoredType: Sendable, Hashable {
    /// A type that tensors have.
    case plain(DType)
    /// 8-bit floats; they become float32.
    case float8(Float8Format)
    /// Pairs of float16, PyTorch's complex32; they become complex64.
    case complexHalf
    /// Blocks of quantised numbers as in GGUF; they become float32.
    case ggml(GGMLType)

    /// The type of the tensor that is loaded.
    public var dtype: DType {
        switch self {
        case .plain(let dtype): dtype
        case .float8, .ggml: .float32
        case .complexHalf: .complex64
        }
    }

    /// As people write it: `float32`, `float8_e4m3fn`, `Q4_K`.
    public var name: String {
        switch self {
        case .plain(let dtype): dtype.name
        case .float8(let format): format.rawValue
        case .complexHalf: "complex32"
        case .ggml(let type): type.name
        }
    }

    /// Elements that are stored together, 1 but for quantised blocks.
    public var blockCount: Int { if case .ggml(let type) = self { type.blockCount } else { 1 } }
    /// Bytes of `blockCount` elements.
    public var blockByteCount: Int {
        switch self {
        case .plain(let dtype): dtype.itemSize
        case .float8: 1
        case .complexHalf: 4
        case .ggml(let type): type.blockByteCount
        }
    }

    /// Bytes of `count` elements; nil if that is no whole number of blocks, or beyond 64 bits.
    public func byteCount(of count: Int) -> Int? {
        guard count >= 0, count % blockCount == 0 else { return nil }
        let (bytes, overflow) = (count / blockCount).multipliedReportingOverflow(by: blockByteCount)
        return overflow ? nil : bytes
    }
}

/// 8-bit floating-point formats, by PyTorch's names.
public enum Float8Format: String, Sendable, Hashable, CaseIterable {
    case e4m3fn = "float8_e4m3fn"
    case e5m2 = "float8_e5m2"
    case e4m3fnuz = "float8_e4m3fnuz"
    case e5m2fnuz = "float8_e5m2fnuz"
    case e8m0fnu = "float8_e8m0fnu"

    /// What each byte means.
    public var values: [Float] {
        /// Sign, exponent, fraction; `special` names the codes that are no ordinary number.
        func table(exponentBits: Int, bias: Int, _ special: (UInt8) -> Float?) -> [Float] {
            let fractionBits = 7 - exponentBits
            return (0..<256).map { code in
                if let s = special(UInt8(code)) { return s }
                let exponent = code >> fractionBits & (1 << exponentBits - 1)
                let fraction = Float(code & (1 << fractionBits - 1)) / Float(1 << fractionBits)
                let magnitude = exponent == 0 ? Float(sign: .plus, exponent: 1 - bias, significand: 1) * fraction : Float(sign: .plus, exponent: exponent - bias, significand: 1 + fraction)
                return code >= 128 ? -magnitude : magnitude
            }
        }
        switch self {
        case .e4m3fn: return table(exponentBits: 4, bias: 7) { $0 & 0x7F == 0x7F ? .nan : nil }
        case .e5m2: return table(exponentBits: 5, bias: 15) { $0 & 0x7F > 0x7C ? .nan : $0 & 0x7F == 0x7C ? ($0 > 128 ? -.infinity : .infinity) : nil }
        case .e4m3fnuz: return table(exponentBits: 4, bias: 8) { $0 == 0x80 ? .nan : nil }
        case .e5m2fnuz: return table(exponentBits: 5, bias: 16) { $0 == 0x80 ? .nan : nil }
        case .e8m0fnu: return (0..<256).map { $0 == 255 ? .nan : Float(sign: .plus, exponent: $0 - 127, significand: 1) }
        }
    }
}
