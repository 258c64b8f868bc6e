// JSON: values and their text. Reading is in JSON+Parsing.

/// A JSON value. Objects keep their order; whole numbers stay whole.
public enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits in 64 bits.
    case int(Int64)
    /// A number with fraction or exponent.
    case double(Double)
    /// A whole number beyond 64 bits, as its digits.
    case bigInt(String)
    case string(String)
    case array([JSON])
    case object(Object)

    /// Members of an object, in the order of the file, each name once.
    public struct Object: Sendable, Equatable, Sequence, ExpressibleByDictionaryLiteral {
        private var members: [(name: String, value: JSON)] = []
        private var places: [String: Int] = [:]

        public init() {}
        public init(dictionaryLiteral elements: (String, JSON)...) { for (name, value) in elements { self[name] = value } }

        /// Number of members.
        public var count: Int { members.count }
        /// Names in order.
        public var names: [String] { members.map(\.name) }
        /// The member called `name`; setting nil removes it.
        public subscript(name: String) -> JSON? {
            get { places[name].map { members[$0].value } }
            set {
                if let newValue {
                    if let place = places[name] { members[place].value = newValue } else { append(name, newValue) }
                } else if let place = places[name] {
                    members.remove(at: place)
                    places = [:]
                    for (i, m) in members.enumerated() { places[m.name] = i }
                }
            }
        }
        /// Adds a member; false if there is one of that name.
        @discardableResult
        mutating func append(_ name: String, _ value: JSON) -> Bool {
            guard places.updateValue(members.count, forKey: name) == nil else { return false }
            members.append((name, value))
            return true
        }
        public func makeIterator() -> IndexingIterator<[(name: String, value: JSON)]> { members.makeIterator() }
        public static func == (a: Object, b: Object) -> Bool {
            a.count == b.count && zip(a.members, b.members).allSatisfy { $0.name == $1.name && $0.value == $1.value }
        }
    }

    // MARK: Asking

    /// The member called `name` of an object.
    public subscript(name: String) -> JSON? { if case .object(let o) = self { o[name] } else { nil } }
    /// The elements of an array.
    public var array: [JSON]? { if case .array(let a) = self { a } else { nil } }
    /// The members of an object.
    public var object: Object? { if case .object(let o) = self { o } else { nil } }
    /// The text of a string.
    public var string: String? { if case .string(let s) = self { s } else { nil } }
    /// The truth value.
    public var bool: Bool? { if case .bool(let b) = self { b } else { nil } }
    /// A whole number that fits.
    public var int: Int? { if case .int(let i) = self { Int(i) } else { nil } }
    /// A number, rounded if it must be.
    public var double: Double? {
        switch self {
        case .int(let i): Double(i)
        case .double(let d): d
        case .bigInt(let s): Double(s)
        default: nil
        }
    }
    /// True for `null`.
    public var isNull: Bool { if case .null = self { true } else { false } }

    // MARK: Writing

    /// The value as text: on one line, or with an indentation of two spaces. A number that is not finite can not be written.
    public func text(indented: Bool = false) throws(FormatError) -> String {
        var out: [UInt8] = []
        try write(&out, indented ? 0 : nil)
        return String(decoding: out, as: UTF8.self)
    }

    private func write(_ out: inout [UInt8], _ depth: Int?) throws(FormatError) {
        func newLine(_ out: inout [UInt8], _ depth: Int?) {
            guard let depth else { return }
            out.append(UInt8(ascii: "\n"))
            out.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
        }
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let b): out.append(contentsOf: (b ? "true" : "false").utf8)
        case .int(let i): out.append(contentsOf: String(i).utf8)
        case .bigInt(let s): out.append(contentsOf: s.utf8)
        case .double(let d):
            guard d.isFinite else { throw FormatError(.request, "JSON can not hold the number \(d)") }
            out.append(contentsOf: "\(d)".utf8)
        case .string(let s): Self.write(s, &out)
        case .array(let a):
            out.append(UInt8(ascii: "["))
            for (i, v) in a.enumerated() {
                if i > 0 { out.append(UInt8(ascii: ",")) }
                newLine(&out, depth.map { $0 + 1 })
                try v.write(&out, depth.map { $0 + 1 })
            }
            if !a.isEmpty { newLine(&out, depth) }
            out.append(UInt8(ascii: "]"))
        case .object(let o):
            out.append(UInt8(ascii: "{"))
            for (i, m) in o.enumerated() {
                if i > 0 { out.append(UInt8(ascii: ",")) }
                newLine(&out, depth.map { $0 + 1 })
                Self.write(m.name, &out)
                out.append(UInt8(ascii: ":"))
                if depth != nil { out.append(UInt8(ascii: " ")) }
                try m.value.write(&out, depth.map { $0 + 1 })
            }
            if o.count > 0 { newLine(&out, depth) }
            out.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ s: String, _ out: inout [UInt8]) {
        let hex = Array("0123456789abcdef".utf8)
        out.append(UInt8(ascii: "\""))
        for c in s.utf8 {
            switch c {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out.append(contentsOf: [UInt8(ascii: "\\"), c])
            case UInt8(ascii: "\n"): out.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\t"): out.append(contentsOf: "\\t".utf8)
            case UInt8(ascii: "\r"): out.append(contentsOf: "\\r".utf8)
            case 0..<32: out.append(contentsOf: Array("\\u00".utf8) + [hex[Int(c >> 4)], hex[Int(c & 15)]])
            default: out.append(c)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) {
        var o = Object()
        for (name, value) in elements { o[name] = value }
        self = .object(o)
    }
    public init(nilLiteral: ()) { self = .null }
}
