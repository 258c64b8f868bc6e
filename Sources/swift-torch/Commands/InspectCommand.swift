// `swift-torch inspect`: what is in a file.
import ArgumentParser
import Torch

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Lists what is in a checkpoint of any format: tensors, other values, metadata.",
        discussion: "Only the file's structure is read, not the tensors' elements. Nothing in the file is run.")

    @Argument(help: "A file: \(Checkpoint.Format.allCases.map(\.rawValue).joined(separator: ", ")).") var file: String
    @Flag(help: "Prints JSON.") var json = false

    func run() throws {
        let checkpoint = try Checkpoint(path: file)
        if json {
            print(try CheckpointReport(checkpoint).json().text(indented: true))
        } else {
            print(CheckpointReport(checkpoint).text(), terminator: "")
        }
    }
}

/// A checkpoint as text for people, or as JSON for programs.
struct CheckpointReport {
    private let checkpoint: Checkpoint
    /// The first name of each storage, to tell who shares it.
    private var owners: [ObjectIdentifier: String] = [:]

    init(_ checkpoint: Checkpoint) {
        self.checkpoint = checkpoint
        for (name, tensor) in checkpoint.tensors where owners[ObjectIdentifier(tensor.block)] == nil { owners[ObjectIdentifier(tensor.block)] = name }
    }

    // MARK: - Text

    func text() -> String {
        let tensors = checkpoint.tensors
        var types: [(name: String, count: Int)] = []
        for (_, t) in tensors {
            if let i = types.firstIndex(where: { $0.name == t.type.name }) { types[i].count += 1 } else { types.append((t.type.name, 1)) }
        }
        let elements = tensors.reduce(0) { $0 &+ $1.tensor.count }
        let size = tensors.reduce(0) { $0 &+ $1.tensor.byteCount }
        var lines = ["\(checkpoint.path): \(checkpoint.format.rawValue)"]
        lines.append("\(FileFacts.counted(tensors.count, "tensor")), \(FileFacts.grouped(elements)) elements, \(FileFacts.bytes(size))")
        if types.count > 1 { lines.append("types: " + types.map { "\($0.name) \($0.count)" }.joined(separator: ", ")) }
        if !checkpoint.metadata.isEmpty {
            lines += ["", "metadata"]
            var rows: [Row] = []
            for (key, value) in checkpoint.metadata { add(value, FileFacts.name(key), 1, "", &rows) }
            lines += layout(rows)
        }
        lines += ["", "contents"]
        var rows: [Row] = []
        if case .dictionary(let pairs, _) = checkpoint.root {
            for pair in pairs { add(pair.value, key(pair.key), 1, dotted("", pair.key), &rows) }
        } else {
            add(checkpoint.root, "(value)", 1, "", &rows)
        }
        lines += rows.isEmpty ? ["  nothing"] : layout(rows)
        return lines.joined(separator: "\n") + "\n"
    }

    /// A line: a name with its indentation, and what it is.
    private struct Row {
        var name: String
        var columns: [String]
    }

    private func layout(_ rows: [Row]) -> [String] {
        let columns = rows.map(\.columns.count).max() ?? 0
        var widths = [min(60, rows.map(\.name.count).max() ?? 0)]
        for c in 0..<max(0, columns - 1) { widths.append(rows.filter { $0.columns.count > 1 && $0.columns.count > c }.map { $0.columns[c].count }.max() ?? 0) }
        return rows.map { row in
            var line = row.name
            for (i, column) in row.columns.enumerated() where !column.isEmpty {
                let place = widths[...i].reduce(0) { $0 + $1 + 2 }
                line += String(repeating: " ", count: max(2, (row.columns.count > 1 || i == 0 ? place : 0) - line.count)) + column
            }
            return line
        }
    }

    private func key(_ value: CheckpointValue) -> String { value.string.map(FileFacts.name) ?? FileFacts.line(value) ?? "(key)" }

    private func dotted(_ name: String, _ key: CheckpointValue) -> String {
        let part = key.string ?? key.int.map { "\($0)" } ?? "#"
        return name.isEmpty ? part : "\(name).\(part)"
    }

    private func add(_ value: CheckpointValue, _ name: String, _ depth: Int, _ path: String, _ rows: inout [Row]) {
        let label = String(repeating: "  ", count: depth) + name
        if let line = FileFacts.line(value) {
            rows.append(Row(name: label, columns: [line]))
            return
        }
        func children(_ items: [CheckpointValue]) {
            rows.append(Row(name: label, columns: []))
            for (i, item) in items.enumerated() { add(item, "\(i)", depth + 1, dotted(path, .int(i)), &rows) }
        }
        switch value {
        case .tensor(let t): rows.append(Row(name: label, columns: columns(t, path)))
        case .list(let items), .tuple(let items), .set(let items): children(items)
        case .dictionary(let pairs, _):
            rows.append(Row(name: label, columns: []))
            for pair in pairs { add(pair.value, key(pair.key), depth + 1, dotted(path, pair.key), &rows) }
        case .object(let className, let state):
            rows.append(Row(name: label, columns: ["object of \(FileFacts.name(className))"]))
            if case .dictionary(let pairs, _) = state {
                for pair in pairs { add(pair.value, key(pair.key), depth + 1, dotted(path, pair.key), &rows) }
            } else {
                add(state, "state", depth + 1, path, &rows)
            }
        case .sparse(let s):
            rows.append(Row(name: label, columns: ["sparse \(s.layout) \(s.shape)"]))
            for (i, t) in s.indices.enumerated() { rows.append(Row(name: label + "  indices \(i)", columns: columns(t, ""))) }
            rows.append(Row(name: label + "  values", columns: columns(s.values, "")))
        case .quantized(let q): rows.append(Row(name: label, columns: ["\(q.typeName) \(q.integers.shape)"]))
        default: rows.append(Row(name: label, columns: []))
        }
    }

    private func columns(_ t: StoredTensor, _ path: String) -> [String] {
        var notes: [String] = []
        if t.isParameter { notes.append("parameter") }
        if t.isConjugate { notes.append("conjugate") }
        if t.isNegative { notes.append("negative") }
        if t.shape.count > 1, t.strides != contiguous(t.shape), !t.shape.contains(0) { notes.append("strides \(t.strides)") }
        if let owner = owners[ObjectIdentifier(t.block)], owner != path, !path.isEmpty, t.count > 0 { notes.append("shares memory with \(FileFacts.name(owner))") }
        return [t.type.name, "\(t.shape)", FileFacts.bytes(t.byteCount), notes.joined(separator: ", ")]
    }

    private func contiguous(_ shape: [Int]) -> [Int] {
        var (strides, step) = ([Int](), 1)
        for n in shape.reversed() {
            strides.append(step)
            step &*= max(n, 1)
        }
        return strides.reversed()
    }

    // MARK: - JSON

    func json() -> JSON {
        var result = JSON.Object()
        result["path"] = .string(checkpoint.path)
        result["format"] = .string(checkpoint.format.rawValue)
        var metadata = JSON.Object()
        for (key, value) in checkpoint.metadata { metadata[key] = json(value) }
        result["metadata"] = .object(metadata)
        result["tensors"] = .array(
            checkpoint.tensors.map { name, t in
                var o = JSON.Object()
                o["name"] = .string(name)
                for (key, value) in facts(t) { o[key] = value }
                return .object(o)
            })
        result["contents"] = json(checkpoint.root)
        return .object(result)
    }

    private func facts(_ t: StoredTensor) -> JSON.Object {
        var o = JSON.Object()
        o["dtype"] = .string(t.type.name)
        o["shape"] = .array(t.shape.map { .int(Int64($0)) })
        o["bytes"] = .int(Int64(t.byteCount))
        if t.strides != contiguous(t.shape) { o["strides"] = .array(t.strides.map { .int(Int64($0)) }) }
        if let offset = t.block.fileOffset { o["offset"] = .int(Int64(offset)) }
        if let owner = owners[ObjectIdentifier(t.block)] { o["storage"] = .string(owner) }
        return o
    }

    private func json(_ value: CheckpointValue) -> JSON {
        func number(_ d: Double) -> JSON { d.isFinite ? .double(d) : .string("\(d)") }
        func list(_ items: [CheckpointValue]) -> JSON { .array(items.map { json($0) }) }
        func tagged(_ tag: String, _ value: JSON) -> JSON {
            var o = JSON.Object()
            o[tag] = value
            return .object(o)
        }
        switch value {
        case .none: return .null
        case .bool(let b): return .bool(b)
        case .int(let i): return .int(Int64(i))
        case .bigInt(let digits): return .bigInt(digits)
        case .double(let d): return number(d)
        case .complex(let re, let im): return tagged("$complex", .array([number(re), number(im)]))
        case .string(let s): return .string(s)
        case .bytes(let b): return tagged("$bytes", .int(Int64(b.count)))
        case .tensor(let t): return tagged("$tensor", .object(facts(t)))
        case .list(let items): return list(items)
        case .tuple(let items): return tagged("$tuple", list(items))
        case .set(let items): return tagged("$set", list(items))
        case .dictionary(let pairs, _):
            var o = JSON.Object()
            for pair in pairs { o[pair.key.string ?? FileFacts.line(pair.key) ?? "(key)"] = json(pair.value) }
            return .object(o)
        case .size(let sizes): return tagged("$size", .array(sizes.map { .int(Int64($0)) }))
        case .dtype(let name): return tagged("$dtype", .string(name))
        case .global(let name): return tagged("$name", .string(name))
        case .device(let name): return tagged("$device", .string(name))
        case .object(let className, let state): return ["$class": .string(className), "state": json(state)]
        case .sparse(let s):
            return [
                "$sparse": .string(s.layout), "shape": .array(s.shape.map { .int(Int64($0)) }), "indices": .array(s.indices.map { .object(facts($0)) }),
                "values": .object(facts(s.values)),
            ]
        case .quantized(let q): return ["$quantized": .string(q.typeName), "integers": .object(facts(q.integers))]
        }
    }
}
