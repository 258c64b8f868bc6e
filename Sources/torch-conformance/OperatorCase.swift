// One recorded operator call: its arguments as operator values, run, and compared with what PyTorch gave.
import Glibc
import Torch

/// What came of one case.
struct CaseResult {
    enum Kind: String { case forward = "F", backward = "B", error = "E" }
    /// A nil reason means passed.
    var outcomes: [(kind: Kind, reason: String?)] = []
}

/// A case of a manifest with the tensors it needs.
struct OperatorCase {
    let json: JSON
    let shard: Shard?
    let id: String
    let function: String
    private let number: Int
    private let device: Device
    private let specs: JSON.Object

    init(_ json: JSON, on device: Device = .cpu, _ shard: (String) throws -> Shard) throws {
        guard let id = json["id"]?.string, let fn = json["fn"]?.string, let n = json["n"]?.int else { throw ConformanceError("a case without id, fn or n") }
        self.json = json
        self.device = device
        self.id = id
        function = fn
        number = n
        specs = json["tensors"]?.object ?? JSON.Object()
        self.shard = try json["shard"]?.string.map(shard)
    }

    var isErrorCase: Bool { json["kind"]?.string == "error" }
    var hasGradient: Bool { json["grad"]?.object != nil }

    // MARK: Building

    struct Unsupported: Error, CustomStringConvertible {
        let description: String
    }

    func spec(_ key: String) throws -> (dtype: DType, shape: [Int], json: JSON) {
        guard let s = specs[key], let name = s["dtype"]?.string, let shape = s["shape"]?.array?.compactMap(\.int) else {
            throw ConformanceError("\(id): no spec of tensor \(key)")
        }
        guard let t = DType(name: name) else { throw Unsupported(description: "element type \(name) is not supported") }
        return (t, shape, s)
    }

    private func withStored<Result>(_ key: String, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        guard let shard else { throw ConformanceError("\(id): no shard") }
        return try shard.withBytes("\(number)/\(key)") { bytes, _ in try body(bytes) }
    }

    /// An expected tensor.
    func numbers(_ key: String) throws -> Numbers {
        let s = try spec(key)
        return try withStored(key) { Numbers($0, s.dtype, s.shape) }
    }

    func tensor(_ key: String) throws -> Tensor {
        let s = try spec(key)
        let strides = s.json["stride"]?.array?.compactMap(\.int)
        return try withStored(key) { try Tensor.rebuilt($0, s.dtype, s.shape, strides: strides, offset: s.json["offset"]?.int ?? 0, on: device) }
    }

    /// A JSON tree as an operator's value; tensors come from `inputs`.
    static func value(_ j: JSON, _ tensor: (String) throws -> OperatorValue) throws -> OperatorValue {
        switch j {
        case .null: return .none
        case .bool(let b): return .bool(b)
        case .int(let i): return .int(Int(i))
        case .bigInt(let s): throw ConformanceError("bare number \(s) in a tree")
        case .double(let d): return .double(d)
        case .string(let s): return .string(s)
        case .array(let a): return .list(try a.map { try value($0, tensor) })
        case .object(let o):
            if let items = o["tuple"]?.array { return .tuple(try items.map { try value($0, tensor) }) }
            guard let (kind, v) = o.first(where: { $0.name != "names" }) else { throw ConformanceError("empty object in a tree") }
            switch kind {
            case "t": return try tensor(v.string ?? "")
            case "i": return .int(Int(v.string ?? "") ?? 0)
            case "f": return .double(try real(v))
            case "c":
                guard let parts = v.array, parts.count == 2 else { throw ConformanceError("complex number without two parts") }
                return .complex(try real(parts[0]), try real(parts[1]))
            case "dict": return .dictionary(try values(v.object ?? JSON.Object(), tensor))
            case "dtype":
                guard let t = DType(name: v.string ?? "") else { throw Unsupported(description: "element type \(v) is not supported") }
                return .dtype(t)
            case "memory_format": return .memoryFormat(v.string ?? "")
            case "layout": return .layout(v.string ?? "")
            case "device": return .device(v.string ?? "")
            case "slice":
                guard let p = v.array, p.count == 3 else { throw ConformanceError("slice without three parts") }
                return .slice(start: try value(p[0], tensor), stop: try value(p[1], tensor), step: try value(p[2], tensor))
            case "ellipsis": return .ellipsis
            default: throw ConformanceError("unknown node '\(kind)' in a tree")
            }
        }
    }

    private static func values(_ o: JSON.Object, _ tensor: (String) throws -> OperatorValue) throws -> [String: OperatorValue] {
        var result: [String: OperatorValue] = [:]
        for (name, v) in o { result[name] = try value(v, tensor) }
        return result
    }

    private static func real(_ j: JSON) throws -> Double {
        if let d = j.double { return d }
        switch j.string {
        case "nan": return .nan
        case "inf": return .infinity
        case "-inf": return -.infinity
        default: throw ConformanceError("not a number: \(j)")
        }
    }

    // MARK: Running

    func run() -> CaseResult {
        do {
            return try isErrorCase ? runError() : runValue()
        } catch {
            return failed("\(error)")
        }
    }

    func failed(_ reason: String) -> CaseResult {
        var r = CaseResult()
        if isErrorCase {
            r.outcomes.append((.error, reason))
            return r
        }
        r.outcomes.append((.forward, reason))
        if hasGradient { r.outcomes.append((.backward, reason)) }
        return r
    }

    /// Arguments, keywords and the input tensors by key.
    private func arguments(requiringGradients: Bool) throws -> (positional: [OperatorValue], keywords: [String: OperatorValue], inputs: [String: Tensor]) {
        var inputs: [String: Tensor] = [:]
        let wanted = requiringGradients ? json["grad"]?["ins"]?.object ?? JSON.Object() : JSON.Object()
        func lookUp(_ key: String) throws -> OperatorValue {
            if let t = inputs[key] { return .tensor(t) }
            var t = try tensor(key)
            if wanted[key] != nil { t.requiresGrad = true }
            inputs[key] = t
            return .tensor(t)
        }
        let positional = try (json["args"]?.array ?? []).map { try Self.value($0, lookUp) }
        let keywords = try Self.values(json["kwargs"]?.object ?? JSON.Object(), lookUp)
        return (positional, keywords, inputs)
    }

    private var names: [String]? { json["names"]?.array?.compactMap(\.string) }

    private func runError() throws -> CaseResult {
        var result = CaseResult()
        let a: (positional: [OperatorValue], keywords: [String: OperatorValue], inputs: [String: Tensor])
        do {
            a = try arguments(requiringGradients: false)
        } catch is Unsupported {
            // A type that does not exist here can not be passed.
            result.outcomes.append((.error, nil))
            return result
        }
        let type = json["error"]?["type"]?.string ?? ""
        let message = json["error"]?["message"]?.string ?? ""
        do {
            let outcome = try withTensorErrors { try OperatorTable.call(function, a.positional, a.keywords, names: names) }
            result.outcomes.append((.error, "returned \(outcome.value.summary), PyTorch raises \(type): \(message)"))
        } catch is TensorError {
            result.outcomes.append((.error, nil))
        } catch let e as OperatorCallError {
            // What the parameters' Swift types rule out is an error at compile time.
            let ruledOut = e.kind == .argument && (type == "TypeError" || e.message.hasPrefix("expected "))
            result.outcomes.append((.error, ruledOut ? nil : "\(e), PyTorch raises \(type): \(message)"))
        } catch {
            result.outcomes.append((.error, "\(error)"))
        }
        return result
    }

    private func runValue() throws -> CaseResult {
        var result = CaseResult()
        let a = try arguments(requiringGradients: hasGradient)
        let outcome = try withTensorErrors { try OperatorTable.call(function, a.positional, a.keywords, names: names) }
        let leaves = outcome.value.leaves
        result.outcomes.append((.forward, try forwardDifference(leaves, outcome, a.inputs, a.positional, a.keywords)))
        if hasGradient {
            do {
                result.outcomes.append((.backward, try withTensorErrors { try gradientDifference(leaves, a.inputs) }))
            } catch {
                result.outcomes.append((.backward, "gradient: \(error)"))
            }
        }
        return result
    }

    /// Keys (or values) of the expected results, in order.
    func expectedLeaves() throws -> [OperatorValue] {
        // Keys travel as strings with a mark that no recorded string has.
        try Self.value(json["out"] ?? .null) { .string("\u{1}\($0)") }.leaves
    }

    static func key(_ value: OperatorValue) -> String? {
        if case .string(let s) = value, s.hasPrefix("\u{1}") { return String(s.dropFirst()) }
        return nil
    }

    private func forwardDifference(
        _ found: [OperatorValue], _ outcome: OperatorOutcome, _ inputs: [String: Tensor], _ positional: [OperatorValue], _ keywords: [String: OperatorValue]
    ) throws -> String? {
        let expected = try expectedLeaves()
        guard found.count == expected.count else { return "\(found.count) results, expected \(expected.count)" }
        let tolerance = Tolerance(json["tol"])
        let kinds = json["checks"]?.object ?? JSON.Object()
        let mask = try json["out_mask"]?.string.map { try numbers($0).ints }
        let relations = Relations(case: self, found: found, inputs: inputs, positional: positional, keywords: keywords)
        var relationChecked = false
        for (i, e) in expected.enumerated() {
            let label = expected.count == 1 ? "" : "output \(i): "
            guard let key = Self.key(e) else {
                if let d = Self.plainDifference(found[i], e, tolerance) { return label + d }
                continue
            }
            guard case .tensor(let t) = found[i] else { return "\(label)\(found[i].summary), expected a tensor" }
            let s = try spec(key)
            let n = Numbers(t)
            if let d = n.formDifference(s.dtype, s.shape) { return label + d }
            let kind = kinds[key]?.string ?? "value"
            if kind == "shape" { continue }
            if kind == "value" {
                if let d = n.difference(try numbers(key), tolerance, mask: mask) { return label + d }
                continue
            }
            if kind == "gauge" || kind == "set" {
                if relationChecked { continue }
                relationChecked = true
            }
            if let d = try relations.difference(kind, i, n, try numbers(key), tolerance) { return "\(label)\(d)" }
        }
        for (input, after) in json["mutated"]?.object ?? JSON.Object() {
            guard let key = after.string else { continue }
            guard let new = try outcome.updates.first(where: { try source($0.source) == input })?.value else { return "input \(input) was not updated" }
            if let d = Numbers(new).difference(try numbers(key), tolerance) { return "updated input \(input): \(d)" }
        }
        return nil
    }

    /// The key of the input tensor that stood in this place.
    private func source(_ s: OperatorArgumentSource) throws -> String? {
        switch s {
        case .position(let i): json["args"]?.array?[i]["t"]?.string
        case .keyword(let k): json["kwargs"]?[k]?["t"]?.string
        }
    }

    private static func plainDifference(_ found: OperatorValue, _ expected: OperatorValue, _ tolerance: Tolerance) -> String? {
        switch (found, expected) {
        case (.none, .none): return nil
        case (.bool(let a), .bool(let b)) where a == b: return nil
        case (.int(let a), .int(let b)) where a == b: return nil
        case (.string(let a), .string(let b)) where a == b: return nil
        case (.dtype(let a), .dtype(let b)) where a == b: return nil
        case (.double(let a), .double(let b)) where Numbers.close(a, b, tolerance): return nil
        case (.complex(let a, let b), .complex(let c, let d)) where Numbers.close(a, c, tolerance) && Numbers.close(b, d, tolerance): return nil
        default: return "\(found.summary), expected \(expected.summary)"
        }
    }

    // MARK: Gradients

    private func gradientDifference(_ found: [OperatorValue], _ inputs: [String: Tensor]) throws -> String? {
        guard let grad = json["grad"], let outs = grad["outs"]?.array, let ins = grad["ins"]?.object else { return "no gradient recorded" }
        let expected = try expectedLeaves()
        var outputs: [Tensor] = []
        var cotangents: [Tensor?] = []
        for o in outs {
            guard let key = o["out"]?.string, let cot = o["cot"]?.string, let i = expected.firstIndex(where: { Self.key($0) == key }), i < found.count,
                case .tensor(let t) = found[i]
            else { return "gradient: no output for its cotangent" }
            let c = try tensor(cot)
            if o["apply"]?.string == "abs" {
                guard case .tensor(let a) = try OperatorTable.call("abs", [.tensor(t)]).value else { return "abs gave no tensor" }
                outputs.append(a)
            } else {
                outputs.append(t)
            }
            guard outputs.last!.shape == c.shape else { return "gradient: output \(key) has shape \(outputs.last!.dims), its cotangent \(c.dims)" }
            cotangents.append(c)
        }
        let keys = ins.names.sorted()
        let results: [Tensor?] = gradients(of: outputs, withRespectTo: keys.map { inputs[$0]! }, gradOutputs: cotangents, allowUnused: true)
        let tolerance = Tolerance(json["grad_tol"])
        for (key, g) in zip(keys, results) {
            guard let expectedKey = ins[key]?.string else {
                if let g, !Numbers(g).isZero { return "gradient of \(key): not zero, PyTorch has none" }
                continue
            }
            let e = try numbers(expectedKey)
            guard let g else {
                if e.isZero { continue }
                return "gradient of \(key): none"
            }
            var (x, y) = (Numbers(g), e)
            if let d = x.formDifference(y.dtype, y.shape) { return "gradient of \(key): \(d)" }
            if let projection = grad["project"]?[key]?.string {
                let input = Numbers(inputs[key]!)
                x = try x.projected(projection, input)
                y = try y.projected(projection, input)
            }
            if let d = x.difference(y, tolerance) { return "gradient of \(key): \(d)" }
        }
        return nil
    }
}

extension Numbers {
    var isZero: Bool { re.allSatisfy { $0 == 0 } && im.allSatisfy { $0 == 0 } && ints.allSatisfy { $0 == 0 } }

    /// The part of a gradient that is defined.
    func projected(_ kind: String, _ input: Numbers) throws -> Numbers {
        var out = self
        guard shape.count >= 2 else { throw ConformanceError("projection \(kind) of a tensor \(shape)") }
        let (m, n) = (shape[shape.count - 2], shape[shape.count - 1])
        let batches = m * n == 0 ? 0 : count / (m * n)
        for b in 0..<batches {
            for i in 0..<m {
                for j in 0..<n {
                    let at = b * m * n + i * n + j
                    switch kind {
                    case "hermitian":
                        let mirror = b * m * n + j * n + i
                        out.re[at] = (re[at] + re[mirror]) / 2
                        if !im.isEmpty { out.im[at] = (im[at] - im[mirror]) / 2 }
                    case "tril", "triu":
                        if kind == "tril" ? j > i : j < i {
                            out.re[at] = 0
                            if !im.isEmpty { out.im[at] = 0 }
                        }
                    case "log_softmax_dim2":
                        let row = b * m * n + i * n
                        let total = (0..<n).reduce(0.0) { $0 + re[row + $1] }
                        out.re[at] = re[at] - exp(input.re[at]) * total
                    default: throw ConformanceError("unknown projection \(kind)")
                    }
                }
            }
        }
        return out
    }
}
