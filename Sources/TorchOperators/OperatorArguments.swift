// The arguments of one call by name, with typed access that says what was wrong.
import TorchRuntime
import TorchTensor

/// Arguments of one call, by parameter.
public final class OperatorArguments {
    let operation: String
    private let values: [String: OperatorValue]
    private let sources: [String: OperatorArgumentSource]
    private(set) var updates: [(source: OperatorArgumentSource, value: Tensor)] = []

    init(operation: String, values: [String: OperatorValue], sources: [String: OperatorArgumentSource]) {
        self.operation = operation
        self.values = values
        self.sources = sources
    }

    private func fail(_ parameter: String, _ expected: String, _ found: OperatorValue) -> OperatorCallError {
        OperatorCallError(kind: .argument, operation: operation, parameter: parameter, message: "expected \(expected), found \(found.summary)")
    }

    /// For an argument that is not what the row takes.
    public func mismatch(_ parameter: String, _ expected: String) -> OperatorCallError { fail(parameter, expected, value(parameter)) }

    /// For what a row can not do.
    public func notImplemented(_ parameter: String, _ message: String) -> OperatorCallError {
        OperatorCallError(kind: .notImplemented, operation: operation, parameter: parameter, message: message)
    }

    /// The value as it came. A name that is not in the row's signature is a mistake in the row.
    public func value(_ parameter: String) -> OperatorValue {
        guard let v = values[parameter] else { preconditionFailure("row \(operation) asks for '\(parameter)', which its signature does not list") }
        return v
    }

    /// True if the argument was given and is not None.
    public func has(_ parameter: String) -> Bool { !value(parameter).isNone }

    /// True if the caller wrote it; false if the signature's default stands.
    public func isGiven(_ parameter: String) -> Bool { sources[parameter] != nil }

    /// Says that PyTorch changes this input in place to `value` (running statistics).
    public func update(_ parameter: String, to value: Tensor) {
        if let source = sources[parameter] { updates.append((source, value)) }
    }

    // MARK: Tensors

    /// True for a tensor.
    public func isTensor(_ parameter: String) -> Bool { if case .tensor = value(parameter) { true } else { false } }

    public func tensor(_ parameter: String) throws -> Tensor {
        guard case .tensor(let t) = value(parameter) else { throw fail(parameter, "a tensor", value(parameter)) }
        return t
    }

    public func optionalTensor(_ parameter: String) throws -> Tensor? { has(parameter) ? try tensor(parameter) : nil }

    /// A list of tensors; one tensor counts as a list.
    public func tensors(_ parameter: String) throws -> [Tensor] {
        if case .tensor(let t) = value(parameter) { return [t] }
        guard let items = value(parameter).items else { throw fail(parameter, "tensors", value(parameter)) }
        return try items.map {
            guard case .tensor(let t) = $0 else { throw fail(parameter, "tensors", $0) }
            return t
        }
    }

    /// A list in which places may be empty.
    public func optionalTensors(_ parameter: String) throws -> [Tensor?] {
        guard let items = value(parameter).items else { throw fail(parameter, "tensors or None", value(parameter)) }
        return try items.map {
            switch $0 {
            case .tensor(let t): return t
            case .none: return nil
            default: throw fail(parameter, "tensors or None", $0)
            }
        }
    }

    /// A tensor, or a number as a 0-dim tensor that is weak in type promotion.
    public func operand(_ parameter: String) throws -> Tensor {
        if case .tensor(let t) = value(parameter) { return t }
        return Tensor.number(try scalar(parameter))
    }

    // MARK: Numbers

    /// A number of any kind; a tensor of one element counts.
    public func scalar(_ parameter: String) throws -> Scalar {
        switch value(parameter) {
        case .bool(let b): return .bool(b)
        case .int(let i): return .int(i)
        case .double(let d): return .double(d)
        case .complex(let re, let im): return .complex(re, im)
        case .tensor(let t) where t.count == 1: return t.scalar
        default: throw fail(parameter, "a number", value(parameter))
        }
    }

    public func optionalScalar(_ parameter: String) throws -> Scalar? { has(parameter) ? try scalar(parameter) : nil }

    public func int(_ parameter: String) throws -> Int {
        switch value(parameter) {
        case .int(let i): return i
        case .bool(let b): return b ? 1 : 0
        case .tensor(let t) where t.count == 1 && (t.dtype.isInteger || t.dtype == .bool): return t.item(Int.self)
        case .list(let items) where items.count == 1, .tuple(let items) where items.count == 1:
            if case .int(let i) = items[0] { return i }
            throw fail(parameter, "an integer", value(parameter))
        default: throw fail(parameter, "an integer", value(parameter))
        }
    }

    public func optionalInt(_ parameter: String) throws -> Int? { has(parameter) ? try int(parameter) : nil }

    /// A list of integers; a single one counts as a list.
    public func ints(_ parameter: String) throws -> [Int] {
        if case .int(let i) = value(parameter) { return [i] }
        if case .tensor(let t) = value(parameter), t.dtype.isInteger, t.rank <= 1 { return t.array(of: Int.self) }
        guard let items = value(parameter).items else { throw fail(parameter, "integers", value(parameter)) }
        return try items.map {
            switch $0 {
            case .int(let i): return i
            case .bool(let b): return b ? 1 : 0
            case .tensor(let t) where t.count == 1 && t.dtype.isInteger: return t.item(Int.self)
            default: throw fail(parameter, "integers", $0)
            }
        }
    }

    public func optionalInts(_ parameter: String) throws -> [Int]? { has(parameter) ? try ints(parameter) : nil }

    /// A real number; whole ones and booleans convert.
    public func double(_ parameter: String) throws -> Double {
        switch try scalar(parameter) {
        case .complex: throw fail(parameter, "a real number", value(parameter))
        case let s: return s.doubleValue
        }
    }

    public func optionalDouble(_ parameter: String) throws -> Double? { has(parameter) ? try double(parameter) : nil }

    /// A list of real numbers; a single one counts as a list.
    public func doubles(_ parameter: String) throws -> [Double] {
        switch value(parameter) {
        case .int(let i): return [Double(i)]
        case .double(let d): return [d]
        default: break
        }
        guard let items = value(parameter).items else { throw fail(parameter, "numbers", value(parameter)) }
        return try items.map {
            switch $0 {
            case .int(let i): return Double(i)
            case .double(let d): return d
            case .tensor(let t) where t.count == 1: return t.item()
            default: throw fail(parameter, "numbers", $0)
            }
        }
    }

    public func optionalDoubles(_ parameter: String) throws -> [Double]? { has(parameter) ? try doubles(parameter) : nil }

    // MARK: Others

    public func bool(_ parameter: String) throws -> Bool {
        switch value(parameter) {
        case .bool(let b): return b
        case .int(let i): return i != 0
        default: throw fail(parameter, "a boolean", value(parameter))
        }
    }

    public func optionalBool(_ parameter: String) throws -> Bool? { has(parameter) ? try bool(parameter) : nil }

    public func string(_ parameter: String) throws -> String {
        guard case .string(let s) = value(parameter) else { throw fail(parameter, "a string", value(parameter)) }
        return s
    }

    public func optionalString(_ parameter: String) throws -> String? { has(parameter) ? try string(parameter) : nil }

    /// A string that names a case, e.g. `let r: Reduction = try a.choice("reduction")`; an unknown one is PyTorch's error.
    public func choice<C: RawRepresentable>(_ parameter: String) throws -> C where C.RawValue == String {
        let s = try string(parameter)
        guard let c = C(rawValue: s) else { throw fail(parameter, "a known value", value(parameter)) }
        return c
    }

    /// The element type, or nil for None.
    public func dtype(_ parameter: String = "dtype") throws -> DType? {
        switch value(parameter) {
        case .none: return nil
        case .dtype(let t): return t
        default: throw fail(parameter, "a dtype", value(parameter))
        }
    }
}

extension Tensor {
    /// The only element as a number that keeps its kind.
    var scalar: Scalar {
        if dtype == .bool { return .bool(item(Bool.self)) }
        if dtype.isComplex { return .complex(real.item(), imag.item()) }
        return dtype.isInteger ? .int(item(Int.self)) : .double(item())
    }
}
