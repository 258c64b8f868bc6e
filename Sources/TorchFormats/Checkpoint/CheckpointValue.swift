// What a file holds besides tensors: a tree of plain values.

/// A value in a checkpoint. Nothing in it can run: objects of foreign classes are their class names and their state.
///
/// A value takes 24 bytes; only the large cases lie elsewhere, so that lists of many texts and numbers stay compact.
public enum CheckpointValue: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    /// A whole number beyond 64 bits, as its digits.
    case bigInt(String)
    case double(Double)
    indirect case complex(real: Double, imaginary: Double)
    case string(String)
    case bytes([UInt8])
    indirect case tensor(StoredTensor)
    case list([CheckpointValue])
    case tuple([CheckpointValue])
    case set([CheckpointValue])
    /// Pairs in the order of the file; `kind` tells the variants of Python's dict apart.
    case dictionary([Pair], kind: DictionaryKind)
    /// `torch.Size`.
    case size([Int])
    /// An element type, by PyTorch's name without `torch.`.
    case dtype(String)
    /// A class or function, by its full name. It is never called.
    case global(String)
    /// A device, as written. It is never acted upon: tensors are loaded on the CPU.
    case device(String)
    /// An instance of a class: a module, an optimizer, a Torch7 object. The state is what the writer stored, untouched.
    indirect case object(className: String, state: CheckpointValue)
    indirect case sparse(SparseValue)
    indirect case quantized(QuantizedValue)

    /// An entry of a dictionary.
    public struct Pair: Sendable {
        public let key, value: CheckpointValue
        public init(_ key: CheckpointValue, _ value: CheckpointValue) {
            self.key = key
            self.value = value
        }
    }

    /// Variants of Python's dict.
    public enum DictionaryKind: Sendable { case plain, ordered, defaulting, counter }

    /// A sparse tensor as its parts.
    public struct SparseValue: Sendable {
        /// `coo`, `csr`, `csc`, `bsr` or `bsc`.
        public let layout: String
        public let shape: [Int]
        /// coo: one tensor [sparse dims, n]; the others: compressed, then plain indices.
        public let indices: [StoredTensor]
        public let values: StoredTensor
        /// coo: the writer's word for it; nil where the file does not say.
        public let isCoalesced: Bool?

        public init(layout: String, shape: [Int], indices: [StoredTensor], values: StoredTensor, isCoalesced: Bool? = nil) {
            self.layout = layout
            self.shape = shape
            self.indices = indices
            self.values = values
            self.isCoalesced = isCoalesced
        }
    }

    /// A quantised tensor as its parts: value = (integer - zeroPoint) * scale.
    public struct QuantizedValue: Sendable {
        /// `qint8`, `quint8`, `qint32`, …
        public let typeName: String
        /// The integers.
        public let integers: StoredTensor
        public enum Scheme: Sendable {
            case perTensor(scale: Double, zeroPoint: Int)
            /// One scale and zero point for each index along `axis`.
            case perChannel(scales: StoredTensor, zeroPoints: StoredTensor, axis: Int)
        }
        public let scheme: Scheme

        public init(typeName: String, integers: StoredTensor, scheme: Scheme) {
            self.typeName = typeName
            self.integers = integers
            self.scheme = scheme
        }
    }
}

extension CheckpointValue {
    /// The entry under a text key of a dictionary, or of an object's state.
    public subscript(key: String) -> CheckpointValue? {
        switch self {
        case .dictionary(let pairs, _): pairs.first { $0.key.string == key }?.value
        case .object(_, let state): state[key]
        default: nil
        }
    }
    /// The element of a list or tuple, or the entry under a whole-number key.
    public subscript(index: Int) -> CheckpointValue? {
        switch self {
        case .list(let items), .tuple(let items): items.indices.contains(index) ? items[index] : nil
        case .dictionary(let pairs, _): pairs.first { $0.key.int == index }?.value
        default: nil
        }
    }
    public var string: String? { if case .string(let s) = self { s } else { nil } }
    public var int: Int? { if case .int(let i) = self { i } else { nil } }
    public var bool: Bool? { if case .bool(let b) = self { b } else { nil } }
    /// A double, or a whole number as one.
    public var double: Double? {
        switch self {
        case .double(let d): d
        case .int(let i): Double(i)
        default: nil
        }
    }
    public var tensor: StoredTensor? { if case .tensor(let t) = self { t } else { nil } }
    /// The elements of a list or tuple.
    public var elements: [CheckpointValue]? {
        switch self {
        case .list(let items), .tuple(let items): items
        default: nil
        }
    }
    /// The pairs of a dictionary.
    public var pairs: [Pair]? { if case .dictionary(let pairs, _) = self { pairs } else { nil } }
}
