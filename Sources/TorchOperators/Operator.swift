// The table "PyTorch's name -> call": one row an operator, with PyTorch's parameter names.
import TorchRuntime
import TorchTensor

/// One operator that can be called by PyTorch's name.
///
/// The signature lists PyTorch's parameters in order: `"input, dim=None, keepdim=False"`. `*name` collects the remaining positional arguments (one list
/// counts as the collection), `*` alone starts keyword-only parameters. A type after a colon (`other: Tensor`, `dim: int`) chooses between rows of one name:
/// the first row that the arguments fit is called; types are Tensor, operand (a tensor or a number), number, int, bool, str, list. Values with a default may be left out; a parameter without one must be given.
/// ```swift
/// OperatorRow("nn.functional.gelu", "input, approximate='none'") { a in
///     try .tensor(a.tensor("input").gelu(approximate: a.string("approximate") == "tanh" ? .tanh : .none))
/// }
/// ```
public struct OperatorRow: Sendable {
    public typealias Call = @Sendable (OperatorArguments) throws -> OperatorValue

    /// PyTorch's name without `torch.` and `Tensor.`.
    public let name: String
    /// Parameters as written.
    public let signature: String
    let call: Call

    public init(_ name: String, _ signature: String = "input", _ call: @escaping Call) {
        self.name = name
        self.signature = signature
        self.call = call
    }

    /// An operator of one tensor.
    public static func unary(_ name: String, _ call: @escaping @Sendable (Tensor) -> Tensor) -> OperatorRow {
        OperatorRow(name, "input") { a in try .tensor(call(a.tensor("input"))) }
    }

    /// An operator of two operands: a tensor, and a tensor or a number (which stays weak in type promotion). A number may come first only where the
    /// signature says so: `"input: operand, exponent"`; `"input, other: Tensor"` takes no numbers.
    public static func binary(_ name: String, _ signature: String = "input, other", _ call: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> OperatorRow {
        let names = signature.split(separator: ",").map { piece in String(piece.prefix { $0 != ":" && $0 != "=" }.filter { $0 != " " }) }
        let numberFirst = signature.hasPrefix("\(names[0]): operand")
        return OperatorRow(name, signature) { a in
            if !numberFirst || !a.isTensor(names[1]) { _ = try a.tensor(names[0]) }
            return try .tensor(call(a.operand(names[0]), a.operand(names[1])))
        }
    }

    /// The same call under another name.
    public func alias(_ other: String) -> OperatorRow { OperatorRow(other, signature, call) }
}

/// A call that the table can not make: which operator, which parameter, what was found.
public struct OperatorCallError: Error, Sendable, CustomStringConvertible, Equatable {
    public enum Kind: Sendable, Equatable {
        /// No row has the name.
        case unknownOperator
        /// Missing, repeated or unexpected arguments, or one of a wrong type.
        case argument
        /// The row says that it does not do this.
        case notImplemented
    }
    public let kind: Kind
    public let operation: String
    public let parameter: String
    public let message: String
    public var description: String { parameter.isEmpty ? "\(operation): \(message)" : "\(operation): argument '\(parameter)': \(message)" }
}

/// What a call gave: its result, and the inputs that PyTorch would have changed in place, by parameter.
public struct OperatorOutcome: Sendable {
    public let value: OperatorValue
    /// New values of inputs: where the input came from, and its value after the call.
    public let updates: [(source: OperatorArgumentSource, value: Tensor)]
}

/// Where an argument of a call stood.
public enum OperatorArgumentSource: Sendable, Hashable {
    case position(Int)
    case keyword(String)
}

/// All operators by name.
public enum OperatorTable {
    /// Every row, area by area.
    public static var rows: [OperatorRow] {
        [
            elementwise, activation, reduction, sorting, special, cast, shape, indexing, creation, matmul, neuralNetwork, linalg, fft, masked, signal, random,
        ].flatMap { $0 }
    }

    private static let byName: [String: [ParsedRow]] = Dictionary(grouping: rows.map(ParsedRow.init), by: \.row.name)

    /// The row name that PyTorch's public name stands for: `torch.add` and `torch.Tensor.add` give `add`, `aten.slice.Tensor` gives `slice`.
    public static func rowName(_ function: String) -> String {
        if function.hasPrefix("torch.Tensor.") { return String(function.dropFirst("torch.Tensor.".count)) }
        if function.hasPrefix("torch.") { return String(function.dropFirst("torch.".count)) }
        if function.hasPrefix("aten.") || function.hasPrefix("aten::") {
            let rest = function.dropFirst(function.hasPrefix("aten.") ? 5 : 6)
            return String(rest.prefix { $0 != "." })
        }
        return function
    }

    /// Whether a row exists for PyTorch's public name.
    public static func contains(_ function: String) -> Bool { byName[rowName(function)] != nil }

    /// Calls an operator by PyTorch's public name (`torch.add`, `torch.Tensor.expand` with the tensor first, `aten.slice.Tensor`, or the row's own name).
    ///
    /// - Parameter names: names of the positional arguments, where known; those that the row knows place their argument, the others go by position.
    public static func call(
        _ function: String, _ arguments: [OperatorValue], _ keywords: [String: OperatorValue] = [:], names: [String]? = nil
    ) throws -> OperatorOutcome {
        let name = rowName(function)
        guard let candidates = byName[name] else {
            throw OperatorCallError(kind: .unknownOperator, operation: name, parameter: "", message: "no row")
        }
        var failure: OperatorCallError?
        for candidate in candidates {
            let bound: OperatorArguments
            do {
                bound = try candidate.bind(arguments, keywords, names)
            } catch let error as OperatorCallError {
                failure = failure ?? error
                continue
            }
            let value = try candidate.row.call(bound)
            return OperatorOutcome(value: value, updates: bound.updates)
        }
        throw failure!
    }
}

/// A row with its signature taken apart.
struct ParsedRow {
    struct Parameter {
        var name: String
        var type: String?
        var fallback: OperatorValue?
        var isCollection = false
        var isKeywordOnly = false
    }

    let row: OperatorRow
    let parameters: [Parameter]

    init(_ row: OperatorRow) {
        self.row = row
        var parameters: [Parameter] = []
        var keywordOnly = false
        for piece in Self.pieces(row.signature) {
            if piece == "*" {
                keywordOnly = true
                continue
            }
            let halves = piece.split(separator: "=", maxSplits: 1).map(Self.trimmed)
            let nameAndType = halves[0].split(separator: ":", maxSplits: 1).map(Self.trimmed)
            var p = Parameter(name: nameAndType[0])
            if nameAndType.count > 1 { p.type = nameAndType[1] }
            if p.name.hasPrefix("*") {
                p.name.removeFirst()
                p.isCollection = true
                p.fallback = .list([])
            }
            if halves.count > 1 { p.fallback = Self.literal(halves[1]) }
            p.isKeywordOnly = keywordOnly
            parameters.append(p)
        }
        self.parameters = parameters
    }

    /// Splits at commas outside brackets.
    private static func pieces(_ text: String) -> [String] {
        var result: [String] = []
        var piece = ""
        var depth = 0
        for c in text {
            if c == "(" || c == "[" { depth += 1 }
            if c == ")" || c == "]" { depth -= 1 }
            if c == "," && depth == 0 {
                result.append(trimmed(piece[...]))
                piece = ""
            } else {
                piece.append(c)
            }
        }
        let last = trimmed(piece[...])
        return last.isEmpty ? result : result + [last]
    }

    private static func trimmed(_ text: Substring) -> String {
        var t = text
        while t.first == " " { t.removeFirst() }
        while t.last == " " { t.removeLast() }
        return String(t)
    }

    /// A default as Python writes it.
    private static func literal(_ text: String) -> OperatorValue {
        switch text {
        case "None": return .none
        case "True": return .bool(true)
        case "False": return .bool(false)
        case "inf": return .double(.infinity)
        default: break
        }
        if text.hasPrefix("'") { return .string(String(text.dropFirst().dropLast())) }
        if text.hasPrefix("[") || text.hasPrefix("(") { return .list(pieces(String(text.dropFirst().dropLast())).map(literal)) }
        if let i = Int(text) { return .int(i) }
        if let d = Double(text) { return .double(d) }
        preconditionFailure("the operator table has a default that is no Python literal: \(text)")
    }

    // MARK: Binding

    /// Keywords that say where or how a result is kept, never what it is.
    private static let neutral: Set<String> = ["memory_format", "layout", "device", "pin_memory", "requires_grad", "non_blocking"]

    private func index(of name: String) -> Int? {
        if let i = parameters.firstIndex(where: { $0.name == name }) { return i }
        // PyTorch calls the first tensor `self` in one place and `input` in another.
        if name == "self" || name == "input" { return parameters.firstIndex { $0.name == "input" || $0.name == "self" } }
        return nil
    }

    func bind(_ arguments: [OperatorValue], _ keywords: [String: OperatorValue], _ names: [String]?) throws -> OperatorArguments {
        func fail(_ parameter: String, _ message: String) -> OperatorCallError {
            OperatorCallError(kind: .argument, operation: row.name, parameter: parameter, message: message)
        }
        var values: [String: OperatorValue] = [:]
        var sources: [String: OperatorArgumentSource] = [:]
        let usable = names.flatMap { $0.count == arguments.count ? $0 : nil }
        var position = 0
        for (i, value) in arguments.enumerated() {
            if let name = usable?[i], keywords[name] == nil, let k = index(of: name), !parameters[k].isCollection {
                guard values[parameters[k].name] == nil else { throw fail(name, "given twice") }
                values[parameters[k].name] = value
                sources[parameters[k].name] = .position(i)
                position = k + 1
                continue
            }
            guard position < parameters.count, !parameters[position].isKeywordOnly else {
                throw fail("", "takes \(parameters.count) arguments but \(arguments.count) were given")
            }
            let p = parameters[position]
            sources[p.name] = .position(i)
            if p.isCollection {
                let rest = Array(arguments[i...])
                if rest.count == 1, let items = rest[0].items { values[p.name] = .list(items) } else { values[p.name] = .list(rest) }
                position = parameters.count
                break
            }
            values[p.name] = value
            position += 1
        }
        for (name, value) in keywords {
            guard let k = index(of: name) else {
                if Self.neutral.contains(name) { continue }
                throw fail(name, "unexpected keyword (found \(value.summary)); parameters are (\(row.signature))")
            }
            let p = parameters[k].name
            guard values[p] == nil else { throw fail(name, "given twice") }
            values[p] = value
            sources[p] = .keyword(name)
        }
        for p in parameters {
            if let value = values[p.name] {
                guard Self.fits(value, p.type) else { throw fail(p.name, "expected \(p.type!), found \(value.summary)") }
            } else {
                guard let fallback = p.fallback else { throw fail(p.name, "missing") }
                values[p.name] = fallback
            }
        }
        return OperatorArguments(operation: row.name, values: values, sources: sources)
    }

    private static func fits(_ value: OperatorValue, _ type: String?) -> Bool {
        guard let type else { return true }
        switch (type, value) {
        case ("Tensor", .tensor), ("int", .int), ("bool", .bool), ("str", .string), ("list", .list), ("list", .tuple), ("list", .int): return true
        case ("operand", .tensor), ("operand", .int), ("operand", .double), ("operand", .bool), ("operand", .complex): return true
        case ("number", .int), ("number", .double), ("number", .bool), ("number", .complex): return true
        default: return false
        }
    }
}

/// Binding of PyTorch-style arguments to a signature, for tables other than the operators'.
package enum OperatorSignature {
    /// The arguments by parameter; throws what does not fit.
    package static func bind(_ operation: String, _ signature: String, _ arguments: [OperatorValue], _ keywords: [String: OperatorValue]) throws -> OperatorArguments {
        try ParsedRow(OperatorRow(operation, signature) { _ in .none }).bind(arguments, keywords, nil)
    }
}
