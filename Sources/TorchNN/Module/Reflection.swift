// Finds what a module owns by looking at its stored properties.
import TorchTensor

/// What one module owns directly, in declaration order, superclass first.
struct Members {
    var parameters: [(name: String, parameter: Parameter)] = []
    var buffers: [(name: String, buffer: Buffer)] = []
    var children: [(name: String, module: Module)] = []
}

/// Gives a module inside another a name of its own in state dictionaries: `@Named("fc") var head = Linear(4, 2)`.
@propertyWrapper
public final class Named<Value> {
    public var wrappedValue: Value
    /// The name.
    public let key: String
    public init(wrappedValue: Value, _ key: String) {
        self.wrappedValue = wrappedValue
        self.key = key
    }
}

/// A value that wraps a member under another name.
protocol NamedMember {
    var memberKey: String { get }
    var memberValue: Any { get }
}
extension Named: NamedMember {
    var memberKey: String { key }
    var memberValue: Any { wrappedValue }
}

enum Reflection {
    static func members(of module: Module) -> Members {
        var result = Members()
        if let listed = module.listedModules() {
            result.children = listed
            return result
        }
        var mirrors: [Mirror] = []
        var mirror: Mirror? = Mirror(reflecting: module)
        while let m = mirror, m.subjectType != Module.self {
            mirrors.append(m)
            mirror = m.superclassMirror
        }
        for m in mirrors.reversed() {
            for (label, value) in m.children {
                guard let label else { continue }
                add(value, pythonName(label.hasPrefix("_") ? String(label.dropFirst()) : label), label, module, &result)
            }
        }
        return result
    }

    private static func add(_ value: Any, _ name: String, _ property: String, _ owner: Module, _ result: inout Members) {
        switch value {
        case let p as Parameter: result.parameters.append((p.key ?? name, p))
        case let b as Buffer: result.buffers.append((b.key ?? name, b))
        case let m as Module: result.children.append((name, m))
        case let n as any NamedMember: add(n.memberValue, n.memberKey, property, owner, &result)
        case is Tensor: report(property, owner, "is a bare Tensor", "declare it as @Parameter (it learns) or @Buffer (it does not)")
        default: addContainer(value, name, property, owner, &result)
        }
    }

    private static func addContainer(_ value: Any, _ name: String, _ property: String, _ owner: Module, _ result: inout Members) {
        let mirror = Mirror(reflecting: value)
        switch mirror.displayStyle {
        case .optional:
            if let inner = mirror.children.first?.value { add(inner, name, property, owner, &result) }
        case .collection where holdsState(value):
            for (i, element) in mirror.children.enumerated() { add(element.value, "\(name).\(i)", property, owner, &result) }
        case .dictionary where holdsState(value):
            let pairs = mirror.children.compactMap { child -> (String, Any)? in
                let pair = Array(Mirror(reflecting: child.value).children)
                guard pair.count == 2, let key = pair[0].value as? String else { return nil }
                return (key, pair[1].value)
            }
            guard pairs.count == mirror.children.count else {
                report(property, owner, "is a dictionary whose keys are not strings", "use String keys")
                return
            }
            for (key, element) in pairs.sorted(by: { $0.0 < $1.0 }) { add(element, "\(name).\(key)", property, owner, &result) }
        default:
            if holdsState(value) {
                report(property, owner, "holds modules or tensors inside a \(Swift.type(of: value)), which can not be walked", "use properties, arrays, optionals or dictionaries of modules")
            }
        }
    }

    /// True if a module, parameter, buffer or tensor is anywhere inside a container value.
    private static func holdsState(_ value: Any, depth: Int = 0) -> Bool {
        if value is Parameter || value is Buffer || value is Module || value is Tensor || value is any NamedMember { return true }
        let mirror = Mirror(reflecting: value)
        // Other classes are the user's own business; structs, enums, tuples and collections are looked through.
        guard depth < 4, mirror.displayStyle != nil, mirror.displayStyle != .class else { return false }
        return mirror.children.contains { holdsState($0.value, depth: depth + 1) }
    }

    private static func report(_ property: String, _ owner: Module, _ what: String, _ hint: String) {
        let name = property.hasPrefix("_") ? String(property.dropFirst()) : property
        TensorError.report("\(type(of: owner))", "property `\(name)` \(what), so it would be missing from parameters and state", hint: hint)
    }

    /// `selfAttn` → `self_attn`, `conv1` → `conv1`: PyTorch's spelling of a property.
    static func pythonName(_ name: String) -> String {
        var result = ""
        var previousWasLower = false
        for c in name {
            if c.isUppercase {
                if previousWasLower { result.append("_") }
                result += c.lowercased()
                previousWasLower = false
            } else {
                result.append(c)
                previousWasLower = c.isLowercase || c.isNumber
            }
        }
        return result
    }
}
