// The values that go into and come out of an operator called by name.
import TorchRuntime
import TorchTensor

/// An argument or result of an operator called by PyTorch's name: what a graph file or test data can hold.
public indirect enum OperatorValue: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case complex(Double, Double)
    case string(String)
    case tensor(Tensor)
    case list([OperatorValue])
    /// Same as a list, except as an index: a tuple indexes one dimension an item, a list is one index array.
    case tuple([OperatorValue])
    case dictionary([String: OperatorValue])
    case dtype(DType)
    case device(String)
    case layout(String)
    case memoryFormat(String)
    case slice(start: OperatorValue, stop: OperatorValue, step: OperatorValue)
    case ellipsis

    /// Several tensors.
    public static func tensors(_ tensors: [Tensor]) -> OperatorValue { .list(tensors.map(OperatorValue.tensor)) }
    /// A list of whole numbers.
    public static func ints(_ values: [Int]) -> OperatorValue { .list(values.map(OperatorValue.int)) }
    /// A number.
    public static func scalar(_ value: Scalar) -> OperatorValue {
        switch value {
        case .bool(let b): .bool(b)
        case .int(let i): .int(i)
        case .double(let d): .double(d)
        case .complex(let re, let im): .complex(re, im)
        }
    }

    /// Items of a list or tuple; nil for anything else.
    public var items: [OperatorValue]? {
        switch self {
        case .list(let items), .tuple(let items): items
        default: nil
        }
    }

    /// True for `none`.
    public var isNone: Bool { if case .none = self { true } else { false } }

    /// All values that are not lists or tuples, in order.
    public var leaves: [OperatorValue] {
        switch self {
        case .list(let items), .tuple(let items): items.flatMap(\.leaves)
        default: [self]
        }
    }

    /// What it is, for error messages: `int 3`, `tensor (2, 3) float32`.
    public var summary: String {
        switch self {
        case .none: "None"
        case .bool(let b): "bool \(b)"
        case .int(let i): "int \(i)"
        case .double(let d): "float \(d)"
        case .complex(let re, let im): "complex (\(re), \(im))"
        case .string(let s): "string '\(s)'"
        case .tensor(let t): "tensor \(t.dims) \(t.dtype)"
        case .list(let items): "list [" + items.prefix(8).map(\.summary).joined(separator: ", ") + "]"
        case .tuple(let items): "tuple (" + items.prefix(8).map(\.summary).joined(separator: ", ") + ")"
        case .dictionary: "dictionary"
        case .dtype(let t): "dtype \(t)"
        case .device(let s): "device \(s)"
        case .layout(let s): "layout \(s)"
        case .memoryFormat(let s): "memory format \(s)"
        case .slice: "slice"
        case .ellipsis: "..."
        }
    }
}

extension OperatorValue: ExpressibleByArrayLiteral {
    /// Rows with several results write them as an array.
    public init(arrayLiteral elements: OperatorValue...) { self = .list(elements) }
}
