// Records of the parts `modules` and `optim`: values with `$` forms, tensors by key.
import Torch

/// One record and the tensors of its part.
struct Record {
    let json: JSON
    let shard: Shard

    /// What this program can not build; counts as not passed.
    struct Unsupported: Error, CustomStringConvertible {
        let description: String
    }

    var id: String { json["id"]?.string ?? "" }

    func tensor(_ key: String, complex: Bool = false) throws -> Tensor {
        try shard.withBytes(key) { bytes, entry in
            guard let stored = entry.type.dtype else { throw Unsupported(description: "element type \(entry.type)") }
            if complex { return try Tensor.rebuilt(bytes, stored.complex, Array(entry.shape.dropLast())) }
            return try Tensor.rebuilt(bytes, stored, entry.shape)
        }
    }

    func numbers(_ key: String, complex: Bool = false) throws -> Numbers { Numbers(try tensor(key, complex: complex)) }

    /// A tensor node `{"$t": …}`.
    func tensor(_ node: JSON?) throws -> Tensor {
        guard let node, let key = node["$t"]?.string else { throw ConformanceError("\(id): a tensor is missing") }
        return try tensor(key, complex: node["complex"]?.bool ?? false)
    }

    /// A tree as values; `seen` is called with the path of each tensor and may replace it.
    func value(_ j: JSON, path: String = "", _ seen: (String, Tensor) -> Tensor = { _, t in t }) throws -> OperatorValue {
        func child(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
        switch j {
        case .null: return .none
        case .bool(let b): return .bool(b)
        case .int(let i): return .int(Int(i))
        case .bigInt(let s): throw Unsupported(description: "the number \(s)")
        case .double(let d): return .double(d)
        case .string(let s): return .string(s)
        case .array(let a): return .list(try a.enumerated().map { try value($1, path: child("\($0)"), seen) })
        case .object(let o):
            guard let first = o.names.first(where: { $0.hasPrefix("$") }), let v = o[first] else {
                var members: [String: OperatorValue] = [:]
                for (name, item) in o { members[name] = try value(item, path: child(name), seen) }
                return .dictionary(members)
            }
            switch first {
            case "$t": return .tensor(seen(path, try tensor(j)))
            case "$f": return .double(v.string == "nan" ? .nan : v.string == "inf" ? .infinity : -.infinity)
            case "$complex":
                let parts = v.array?.compactMap(\.double) ?? []
                guard parts.count == 2 else { throw ConformanceError("\(id): complex number without two parts") }
                return .complex(parts[0], parts[1])
            case "$tuple": return .tuple(try (v.array ?? []).enumerated().map { try value($1, path: child("\($0)"), seen) })
            case "$namedtuple": return .tuple(try (o["fields"]?.object ?? [:]).map { try value($0.value, path: child($0.name), seen) })
            case "$dtype":
                guard let t = DType(name: v.string ?? "") else { throw Unsupported(description: "element type \(v.string ?? "")") }
                return .dtype(t)
            case "$device": return .device(v.string ?? "")
            case "$fn": return .string(v.string ?? "")
            default: throw Unsupported(description: "\(first) values are not offered")
            }
        }
    }

    func values(_ j: JSON?, _ seen: (String, Tensor) -> Tensor = { _, t in t }) throws -> [OperatorValue] {
        try (j?.array ?? []).enumerated().map { try value($1, path: "\($0)", seen) }
    }

    func members(_ j: JSON?, _ seen: (String, Tensor) -> Tensor = { _, t in t }) throws -> [String: OperatorValue] {
        var result: [String: OperatorValue] = [:]
        for (name, item) in j?.object ?? [:] { result[name] = try value(item, path: name, seen) }
        return result
    }

    /// Pairs `[name, key]`.
    func pairs(_ j: JSON?) -> [(name: String, key: String?)] {
        (j?.array ?? []).compactMap { p in p.array.flatMap { a in a.first?.string.map { ($0, a.count > 1 ? a[1].string : nil) } } }
    }
}
