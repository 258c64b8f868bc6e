// What a pickle builds, before it becomes a tree of values.

/// A value on the machine's stack. What can be shared, filled later or nested lies in the machine's arena, and is named by its place there:
/// so cycles hold nothing alive, and nesting of any depth is freed without recursion.
enum PickleValue {
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    /// A whole number beyond 64 bits, as its digits.
    case bigInt(String)
    case string(String)
    case bytes([UInt8])
    /// A class or function by its name, an index into `globals`. It is never called.
    case global(Int)
    /// An index into `storages`.
    case storage(Int)
    /// An index into `nodes`.
    case node(Int)

    /// What messages call it.
    var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a truth value"
        case .int, .bigInt: "a whole number"
        case .double: "a float"
        case .string: "a text"
        case .bytes: "bytes"
        case .global: "a class or function"
        case .storage: "a storage"
        case .node: "an object"
        }
    }
}

/// A container or an object of a pickle.
enum PickleNode {
    case list([PickleValue])
    case tuple([PickleValue])
    case set([PickleValue])
    /// Keys and values in turn. `attributes` is what `BUILD` set, PyTorch's `_metadata`.
    case dictionary([PickleValue], CheckpointValue.DictionaryKind, attributes: PickleValue?)
    case size([Int])
    case complex(Double, Double)
    case device(String)
    indirect case object(PickleObject)
    indirect case tensor(PickleTensor)
    indirect case sparse(PickleSparse)
    indirect case quantized(PickleQuantized)
    /// An element type of NumPy: its code without the byte order, and the order.
    case numpyType(String, isBigEndian: Bool)
    /// An array of NumPy that `BUILD` will fill.
    case numpyArray
    /// Bytes of an array of NumPy with their type and shape, outermost first.
    indirect case numpyElements(StoredType, [UInt8], shape: [Int], strides: [Int], isBigEndian: Bool)

    /// What messages call it.
    var kind: String {
        switch self {
        case .list: "a list"
        case .tuple: "a tuple"
        case .set: "a set"
        case .dictionary: "a dictionary"
        case .size: "a torch.Size"
        case .complex: "a complex number"
        case .device: "a device"
        case .object(let o): "an object of \(o.className)"
        case .tensor, .sparse, .quantized: "a tensor"
        case .numpyType: "a type of NumPy"
        case .numpyArray, .numpyElements: "an array of NumPy"
        }
    }
}

/// An instance of a class that we do not know: its parts as they were given.
struct PickleObject {
    let className: String
    /// Arguments of its creation.
    var arguments: [PickleValue] = []
    /// What `BUILD` gave it.
    var state: PickleValue?
    /// What was appended to it, and what was set in it: instances of classes that inherit from list and dict.
    var elements: [PickleValue] = []
    var items: [PickleValue] = []
    /// Where in the file it was made.
    let offset: Int
}

/// A storage that the pickle refers to; where its bytes are, the container knows.
struct PickleStorage {
    /// Type of the elements; nil for storages of bytes whose tensors bring their type.
    let type: StoredType?
    /// The name of a quantised type.
    let quantizedType: String?
    let key: String
    /// Number of elements; of bytes if it has no type.
    let count: Int
    /// Where in the file it was first named.
    let offset: Int

    /// Bytes; nil beyond 64 bits.
    var byteCount: Int? { type.map { $0.byteCount(of: count) } ?? count }
}

/// A tensor's facts as the pickle states them, not checked against the storage yet.
struct PickleTensor {
    var storage: Int
    var type: StoredType
    var offset: Int
    var shape: [Int]
    var strides: [Int]
    var requiresGradient = false, isParameter = false, isConjugate = false, isNegative = false
    let place: Int
}

/// A sparse tensor; the parts are nodes of tensors.
struct PickleSparse {
    let layout: String
    let shape: [Int]
    let indices: [PickleValue]
    let values: PickleValue
    let isCoalesced: Bool?
}

/// A quantised tensor.
struct PickleQuantized {
    let typeName: String
    let integers: PickleTensor
    let scheme: Scheme
    enum Scheme {
        case perTensor(scale: Double, zeroPoint: Int)
        case perChannel(scales: PickleValue, zeroPoints: PickleValue, axis: Int)
    }
}
