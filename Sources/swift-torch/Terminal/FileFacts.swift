// How values of checkpoints are shown on a line.
import Torch

/// Texts for people: sizes, shapes, values.
enum FileFacts {
    /// `98.4 MB`, `512 B`.
    static func bytes(_ count: Int) -> String {
        var value = Double(count)
        var unit = "B"
        for larger in ["kB", "MB", "GB", "TB"] where value >= 1000 {
            value /= 1000
            unit = larger
        }
        return unit == "B" ? "\(count) B" : "\(ProgressBar.decimal(value, value < 100 ? 1 : 0)) \(unit)"
    }

    /// `1 tensor`, `2 tensors`.
    static func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// `98 362 432`: digits in groups of three.
    static func grouped(_ count: Int) -> String {
        let digits = String(count)
        var result = ""
        for (i, c) in digits.enumerated() {
            if i > 0, (digits.count - i) % 3 == 0 { result += " " }
            result.append(c)
        }
        return result
    }

    /// A number with at least three significant digits.
    static func short(_ value: Double) -> String {
        if value == 0 || !value.isFinite { return value == 0 ? "0" : "\(value)" }
        if value.magnitude >= 0.0001, value.magnitude < 1e6 { return ProgressBar.decimal(value, value.magnitude < 1 ? 7 : 3) }
        // Digits of the shortest exact form, cut: `1.19e-07`.
        let text = "\(value)"
        guard let e = text.firstIndex(of: "e") else { return text }
        return String(text[..<e].prefix(5) + text[e...])
    }

    /// A text in quotes, on one line, and not longer than a line.
    static func quoted(_ text: String, limit: Int = 80) -> String {
        var result = "\""
        for scalar in text.unicodeScalars.prefix(limit) {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            // Control characters could play tricks with the terminal.
            case _ where scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format: result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        let count = text.unicodeScalars.count
        return count > limit ? "\(result)\" … \(grouped(count)) characters" : result + "\""
    }

    /// A name as it is printed: without control characters.
    static func name(_ name: String) -> String {
        let quoted = quoted(name, limit: 1000).dropFirst().dropLast()
        return name.isEmpty ? "(no name)" : String(quoted)
    }

    /// A value without tensors on one line; nil for dictionaries, objects and what else needs lines of its own.
    static func line(_ value: CheckpointValue) -> String? {
        switch value {
        case .none: "none"
        case .bool(let b): "\(b)"
        case .int(let i): "\(i)"
        case .bigInt(let digits): digits
        case .double(let d): "\(d)"
        case .complex(let re, let im): "\(re) + \(im)i"
        case .string(let s): quoted(s)
        case .bytes(let b): "\(grouped(b.count)) bytes"
        case .size(let sizes): "size \(sizes)"
        case .dtype(let name): "dtype \(name)"
        case .global(let name): "name \(quoted(name))"
        case .device(let name): "device \(quoted(name))"
        case .list(let items): list(items, "[", "]")
        case .tuple(let items): list(items, "(", ")")
        case .set(let items): list(items, "{", "}")
        case .dictionary(let pairs, _): pairs.isEmpty ? "{}" : nil
        case .tensor, .object, .sparse, .quantized: nil
        }
    }

    private static func list(_ items: [CheckpointValue], _ open: String, _ close: String) -> String? {
        let parts = items.prefix(8).map { item in
            switch item {
            case .list, .tuple, .set: items.count <= 8 ? line(item) : nil
            default: line(item)
            }
        }
        guard !parts.contains(where: { $0 == nil }) else { return nil }
        let shown = parts.map { $0! }.joined(separator: ", ")
        return open + shown + (items.count > 8 ? ", … \(grouped(items.count)) in all" : "") + close
    }
}
