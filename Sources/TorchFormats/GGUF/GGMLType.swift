// The block formats of GGUF files.

/// A type of quantised blocks, by its number in GGUF files.
public enum GGMLType: UInt32, Sendable, Hashable, CaseIterable {
    case q4_0 = 2, q4_1 = 3, q5_0 = 6, q5_1 = 7, q8_0 = 8
    case q4_K = 12, q5_K = 13, q6_K = 14

    /// As GGUF tools write it.
    public var name: String { "\(self)".uppercased() }

    /// Elements of a block.
    public var blockCount: Int { rawValue < 12 ? 32 : 256 }
    /// Bytes of a block.
    public var blockByteCount: Int {
        switch self {
        case .q4_0: 18
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_0: 34
        case .q4_K: 144
        case .q5_K: 176
        case .q6_K: 210
        }
    }
}
