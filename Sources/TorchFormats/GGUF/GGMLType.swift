// The block formats of GGUF files.

/// A type of quantised blocks, by its number in GGUF files.
public enum GGMLType: UInt32, Sendable, Hashable, CaseIterable {
    case q4_0 = 2, q4_1 = 3, q5_0 = 6, q5_1 = 7, q8_0 = 8, q8_1 = 9
    case q2_K = 10, q3_K = 11, q4_K = 12, q5_K = 13, q6_K = 14, q8_K = 15
    case iq2_XXS = 16, iq2_XS = 17, iq3_XXS = 18, iq1_S = 19, iq4_NL = 20, iq3_S = 21, iq2_S = 22, iq4_XS = 23, iq1_M = 29
    case tq1_0 = 34, tq2_0 = 35, mxfp4 = 39

    /// As GGUF tools write it.
    public var name: String { "\(self)".uppercased() }

    /// Elements of a block.
    public var blockCount: Int {
        switch self {
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q8_1, .iq4_NL, .mxfp4: 32
        default: 256
        }
    }
    /// Bytes of a block.
    public var blockByteCount: Int {
        switch self {
        case .q4_0, .iq4_NL: 18
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_0: 34
        case .q8_1: 40
        case .q2_K: 84
        case .q3_K, .iq3_S: 110
        case .q4_K: 144
        case .q5_K: 176
        case .q6_K: 210
        case .q8_K: 292
        case .iq2_XXS, .tq2_0: 66
        case .iq2_XS: 74
        case .iq3_XXS: 98
        case .iq1_S: 50
        case .iq2_S: 82
        case .iq4_XS: 136
        case .iq1_M: 56
        case .tq1_0: 54
        case .mxfp4: 17
        }
    }

    /// Whether its elements can be loaded. Tensors of other types are listed with their shapes, and `load` throws.
    public var canBeLoaded: Bool {
        switch self {
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL: true
        default: false
        }
    }
}
