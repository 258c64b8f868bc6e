// An opened checkpoint against what PyTorch, NumPy and others found in the file.
import Torch
import TorchFormats

/// Compares everything the manifest says of a good file.
struct CheckpointComparison {
    private let checkpoint: Checkpoint
    private let record: JSON
    /// Storages that were seen, and the numbers the manifest has for them: the same for the same.
    private final class Identities {
        var numbers: [ObjectIdentifier: Int] = [:]
        var blocks: [Int: ObjectIdentifier] = [:]
    }
    private let identities = Identities()

    init(_ checkpoint: Checkpoint, _ record: JSON) {
        self.checkpoint = checkpoint
        self.record = record
    }

    /// The first difference.
    func difference() throws -> String? {
        switch record["format"]?.string {
        case "torch.save": return try torchSave()
        case "safetensors": return try safetensors()
        case "npy", "npz": return try arrays()
        case "torchscript", "torch.export": return try stateDictionary(record["state_dict"], checkpoint.tensors)
        case "onnx": return initializers()
        case "torch7": return try torch7()
        default: return "the manifest has a format that is not known"
        }
    }

    // MARK: - torch.save

    private func torchSave() throws -> String? {
        guard let value = record["value"] else { return "the manifest has no value" }
        if let d = try compare(checkpoint.root, value, "") { return d }
        if let expected = record["state_dict_metadata"]?.object {
            guard let found = checkpoint.metadata.first(where: { $0.key == "_metadata" })?.value.pairs else { return "no _metadata" }
            guard found.map({ $0.key.string ?? "" }) == expected.names else { return "_metadata of other modules" }
            for (pair, entry) in zip(found, expected) {
                if let d = try compare(pair.value, .object(["$dict": .array((entry.value.object ?? [:]).map { .array([.string($0.name), $0.value]) })]), "_metadata[\(entry.name)]") { return d }
            }
        }
        return nil
    }

    private func compare(_ value: CheckpointValue, _ expected: JSON, _ path: String) throws -> String? {
        func differ(_ what: String) -> String { "\(path.isEmpty ? "the file" : path): \(what)" }
        func list(_ items: [CheckpointValue]?, _ expected: JSON) throws -> String? {
            guard let items, let wanted = expected.array, items.count == wanted.count else { return differ("another number of elements") }
            for (i, (item, want)) in zip(items, wanted).enumerated() { if let d = try compare(item, want, "\(path)[\(i)]") { return d } }
            return nil
        }
        func dictionary(_ kind: CheckpointValue.DictionaryKind, _ expected: JSON) throws -> String? {
            guard case .dictionary(let pairs, let found) = value, found == kind else { return differ("not a dictionary of the kind \(kind)") }
            guard let wanted = expected.array, pairs.count == wanted.count else { return differ("\(pairs.count) pairs instead of \(expected.array?.count ?? -1)") }
            for (i, (pair, want)) in zip(pairs, wanted).enumerated() {
                guard let both = want.array, both.count == 2 else { return differ("the manifest's pair \(i) is none") }
                if let d = try compare(pair.key, both[0], "\(path) key \(i)") { return d }
                if let d = try compare(pair.value, both[1], "\(path)[\(pair.key.string ?? "\(i)")]") { return d }
            }
            return nil
        }
        switch expected {
        case .null: if case .none = value { return nil }
        case .bool(let b): if value.bool == b { return nil }
        case .int(let i): if value.int == Int(i) { return nil }
        case .double(let d): if case .double(let found) = value, found == d { return nil }
        case .string(let s): if value.string == s { return nil }
        case .array: if case .list(let items) = value { return try list(items, expected) }
        case .bigInt(let digits): if case .bigInt(digits) = value { return nil }
        case .object(let object):
            guard object.count == 1, let form = object.names.first, let content = object[form] else { return differ("the manifest has an object") }
            switch form {
            case "$tensor": return try value.tensor.map { try tensor($0, content, path) } ?? differ("not a tensor")
            case "$dict": return try dictionary(.plain, content)
            case "$odict": return try dictionary(.ordered, content)
            case "$defaultdict": return try dictionary(.defaulting, content)
            case "$counter": return try dictionary(.counter, content)
            case "$tuple": if case .tuple(let items) = value { return try list(items, content) }
            case "$set":
                if case .set(let items) = value { return try list(items.sorted { ($0.int ?? 0, $0.string ?? "") < ($1.int ?? 0, $1.string ?? "") }, content) }
            case "$size": if case .size(let sizes) = value, sizes == content.array?.map({ $0.int ?? -1 }) { return nil }
            case "$bytes": if case .bytes(let b) = value, hex(b) == content.string { return nil }
            case "$int": if case .bigInt(let digits) = value, digits == content.string { return nil }
            case "$f": if case .double(let d) = value, "\(d)" == content.string { return nil }
            case "$complex": if case .complex(let re, let im) = value, [re, im] == content.array?.map({ $0.double ?? .nan }) { return nil }
            case "$dtype": if case .dtype(let name) = value, name == content.string { return nil }
            case "$device": if case .device(let name) = value, name == content.string { return nil }
            case "$sparse_coo", "$sparse_csr": return try sparse(value, content, form, path)
            case "$quantized": return try quantized(value, content, path)
            case "$numpy": return try numpy(value, content, path)
            case "$module": return try module(value, content, path)
            default: return differ("the manifest has the form \(form)")
            }
        }
        return differ("\(short(value)) instead of \(((try? expected.text()) ?? "").prefix(80))")
    }

    private func short(_ value: CheckpointValue) -> String { String("\(value)".prefix(80)) }

    private func hex(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

    private func tensor(_ t: StoredTensor, _ expected: JSON, _ path: String, isOfModule: Bool = false) throws -> String? {
        func check<T: Equatable>(_ what: String, _ found: T, _ wanted: T) -> String? { found == wanted ? nil : "\(path): \(what) \(found) instead of \(wanted)" }
        func ints(_ name: String) -> [Int] { expected[name]?.array?.map { $0.int ?? -1 } ?? [] }
        let flag = { (name: String) in expected[name]?.bool ?? false }
        if let d = check("strides", t.strides, ints("stride")) ?? check("offset", t.offset, expected["storage_offset"]?.int ?? -1)
            ?? check("bytes of the storage", t.block.byteCount, expected["storage_nbytes"]?.int ?? -1) ?? check("requires_grad", t.requiresGradient && !isOfModule, flag("requires_grad"))
            ?? check("parameter", t.isParameter && !isOfModule, flag("parameter")) ?? check("conj", t.isConjugate, flag("conj")) ?? check("neg", t.isNegative, flag("neg"))
        {
            return d
        }
        let number = expected["storage_id"]?.int ?? -1
        let block = ObjectIdentifier(t.block)
        guard identities.numbers[block, default: number] == number, identities.blocks[number, default: block] == block else { return "\(path): another storage is shared" }
        (identities.numbers[block], identities.blocks[number]) = (number, block)
        return try elements(t, expected, path)
    }

    /// dtype, shape, digest and, where they are given, values.
    private func elements(_ t: StoredTensor, _ expected: JSON, _ path: String) throws -> String? {
        guard t.type.name == expected["dtype"]?.string else { return "\(path): type \(t.type.name) instead of \(expected["dtype"]?.string ?? "?")" }
        guard t.shape == expected["shape"]?.array?.map({ $0.int ?? -1 }) ?? t.shape else { return "\(path): shape \(t.shape)" }
        let loaded = try t.load()
        guard loaded.shape == t.shape, loaded.dtype == t.dtype else { return "\(path): loaded as \(loaded.dtype) \(loaded.shape)" }
        // Types that tensors have are digested as they were loaded; the others as they are in the file.
        let digest = if case .plain = t.type { loaded.withBytes { SHA256.hex($0) } } else { SHA256.hex(try t.elementBytes()) }
        guard digest == expected["sha256"]?.string else { return "\(path): other elements" }
        guard let values = expected["values"]?.array else { return nil }
        let found = loaded.to(.float64)
        let numbers = found.withBytes { [Double]($0.bindMemory(to: Double.self)) }
        for (i, want) in values.enumerated() {
            let d = want["$f"]?.string.map { Double($0)! } ?? want.bool.map { $0 ? 1 : 0 } ?? want.double ?? .nan
            guard i < numbers.count, numbers[i] == d || numbers[i].isNaN && d.isNaN else { return "\(path): element \(i) differs" }
        }
        return nil
    }

    private func sparse(_ value: CheckpointValue, _ expected: JSON, _ form: String, _ path: String) throws -> String? {
        guard case .sparse(let s) = value, "$sparse_\(s.layout)" == form else { return "\(path): not a sparse tensor of that layout" }
        guard s.shape == expected["shape"]?.array?.map({ $0.int ?? -1 }) else { return "\(path): shape \(s.shape)" }
        if form == "$sparse_coo", s.isCoalesced != expected["coalesced"]?.bool { return "\(path): coalesced" }
        let names = form == "$sparse_coo" ? ["indices"] : ["crow_indices", "col_indices"]
        guard names.count == s.indices.count else { return "\(path): \(s.indices.count) index tensors" }
        for (name, t) in zip(names + ["values"], s.indices + [s.values]) {
            guard let want = expected[name]?["$tensor"] else { return "\(path): the manifest has no \(name)" }
            if let d = try tensor(t, want, "\(path).\(name)") { return d }
        }
        return nil
    }

    private func quantized(_ value: CheckpointValue, _ expected: JSON, _ path: String) throws -> String? {
        guard case .quantized(let q) = value, q.typeName == expected["dtype"]?.string else { return "\(path): not a quantised tensor of that type" }
        guard q.integers.shape == expected["shape"]?.array?.map({ $0.int ?? -1 }) else { return "\(path): shape \(q.integers.shape)" }
        if let want = expected["int_repr"], let d = try elements(q.integers, want, path) { return d }
        func numbers(_ t: StoredTensor) throws -> [Double] { try t.load().to(.float64).withBytes { [Double]($0.bindMemory(to: Double.self)) } }
        switch q.scheme {
        case .perTensor(let scale, let zeroPoint):
            let isSame = expected["scheme"]?.string == "per_tensor_affine" && expected["scale"]?.double == scale && expected["zero_point"]?.int == zeroPoint
            return isSame ? nil : "\(path): another scheme"
        case .perChannel(let scales, let zeroPoints, let axis):
            let isSame =
                try expected["scheme"]?.string == "per_channel_affine" && expected["axis"]?.int == axis && numbers(scales) == expected["scales"]?.array?.map { $0.double ?? .nan }
                && numbers(zeroPoints) == expected["zero_points"]?.array?.map { $0.double ?? .nan }
            return isSame ? nil : "\(path): another scheme"
        }
    }

    private func numpy(_ value: CheckpointValue, _ expected: JSON, _ path: String) throws -> String? {
        guard let t = value.tensor, Self.types[expected["dtype"]?.string ?? ""] == t.type.name, t.shape == expected["shape"]?.array?.map({ $0.int ?? -1 }) else {
            return "\(path): not that array"
        }
        func flat(_ j: JSON) -> [Double] { j.array.map { $0.flatMap(flat) } ?? [j.double ?? .nan] }
        let found = try t.load().to(.float64).withBytes { [Double]($0.bindMemory(to: Double.self)) }
        return found == flat(expected["values"] ?? .null) ? nil : "\(path): other elements"
    }

    private func module(_ value: CheckpointValue, _ expected: JSON, _ path: String) throws -> String? {
        guard case .object(let name, let state) = value, name == expected["class"]?.string else { return "\(path): not an object of \(expected["class"]?.string ?? "?")" }
        guard state["training"]?.bool == expected["training"]?.bool else { return "\(path): training" }
        guard path.isEmpty else { return "\(path): a module inside a tree is not compared" }
        let wanted = expected["state_dict"]?.array ?? []
        guard wanted.map({ $0.array?.first?.string }) == checkpoint.tensors.map(\.name) else { return "tensors \(checkpoint.tensors.map(\.name).joined(separator: ", "))" }
        for (want, (name, t)) in zip(wanted, checkpoint.tensors) {
            guard let facts = want.array?.last?["$tensor"] else { return "the manifest has no tensor \(name)" }
            // The manifest has the tensors of state_dict(), which are detached.
            if let d = try tensor(t, facts, name, isOfModule: true) { return d }
        }
        return nil
    }

    // MARK: - Other formats

    /// Pairs `[name, {dtype, shape, sha256}]`, in this order.
    private func stateDictionary(_ expected: JSON?, _ tensors: [(name: String, tensor: StoredTensor)]) throws -> String? {
        let wanted = expected?.array ?? []
        guard wanted.map({ $0.array?.first?.string }) == tensors.map(\.name) else { return "tensors \(tensors.map(\.name).joined(separator: ", "))" }
        for (want, (name, t)) in zip(wanted, tensors) {
            guard let facts = want.array?.last else { return "the manifest has no tensor \(name)" }
            if let d = try elements(t, facts, name) { return d }
        }
        return nil
    }

    private func safetensors() throws -> String? {
        let wanted = record["tensors"]?.object ?? [:]
        guard wanted.names.sorted() == checkpoint.tensors.map(\.name).sorted() else { return "tensors \(checkpoint.tensors.map(\.name).joined(separator: ", "))" }
        for (name, facts) in wanted {
            guard let t = checkpoint[name], t.shape == facts["shape"]?.array?.map({ $0.int ?? -1 }) else { return "\(name): shape" }
            guard let type = Safetensors.ElementType(rawValue: facts["dtype"]?.string ?? "")?.stored, type == t.type else { return "\(name): type \(t.type.name)" }
            guard SHA256.hex(try t.elementBytes()) == facts["sha256"]?.string else { return "\(name): other elements" }
        }
        let metadata = record["metadata"]?.object ?? [:]
        guard metadata.count == checkpoint.metadata.count else { return "\(checkpoint.metadata.count) texts of metadata" }
        for (key, text) in metadata {
            guard checkpoint.metadata.first(where: { $0.key == key })?.value.string == text.string else { return "metadata \(key)" }
        }
        return nil
    }

    /// NumPy's types by our names.
    private static let types = [
        "|b1": "bool", "|u1": "uint8", "|i1": "int8", "<u2": "uint16", "<i2": "int16", "<u4": "uint32", "<i4": "int32", "<u8": "uint64", "<i8": "int64", "<f2": "float16", "<f4": "float32",
        "<f8": "float64", "<c8": "complex64", "<c16": "complex128", ">i8": "int64", ">f4": "float32", ">f8": "float64",
    ]

    private func arrays() throws -> String? {
        let wanted = record["arrays"]?.object ?? [:]
        for (name, facts) in wanted {
            guard let descr = facts["descr"]?.string else { return "the manifest has no type of \(name)" }
            let shape = facts["shape"]?.array?.map { $0.int ?? -1 } ?? []
            let value: CheckpointValue? = record["format"]?.string == "npy" ? checkpoint.root : checkpoint.root[name]
            guard let value else { return "no array \(name)" }
            if descr.contains("U") {
                // Texts are no tensors: the elements one after the other, four bytes a character.
                let digest = SHA256.hex(texts(value).flatMap { padded($0, Int(descr.drop { !$0.isNumber }) ?? 0) })
                guard digest == facts["sha256_c_order_little_endian"]?.string else { return "\(name): other texts" }
                continue
            }
            guard let t = value.tensor, t.type.name == Self.types[descr], t.shape == shape else { return "\(name): not an array of \(descr) of shape \(shape)" }
            guard SHA256.hex(try t.elementBytes()) == facts["sha256_c_order_little_endian"]?.string else { return "\(name): other elements" }
            if case .plain = t.type, SHA256.hex(try t.load().withBytes { [UInt8]($0) }) != facts["sha256_c_order_little_endian"]?.string { return "\(name): other elements once loaded" }
        }
        return nil
    }

    private func texts(_ value: CheckpointValue) -> [String] { value.string.map { [$0] } ?? (value.elements ?? []).flatMap(texts) }

    private func padded(_ text: String, _ width: Int) -> [UInt8] {
        let scalars = text.unicodeScalars.map(\.value)
        return (scalars + [UInt32](repeating: 0, count: max(0, width - scalars.count))).flatMap { s in (0..<4).map { UInt8(truncatingIfNeeded: s >> (8 * UInt32($0))) } }
    }

    private func initializers() -> String? {
        let types = ["FLOAT": "float32", "DOUBLE": "float64", "INT64": "int64", "INT32": "int32", "BOOL": "bool", "UINT8": "uint8", "FLOAT16": "float16"]
        for want in record["initializers"]?.array ?? [] {
            guard let facts = want.array, facts.count == 3, let name = facts[0].string else { return "the manifest has an initializer without a name" }
            guard let t = checkpoint[name] else { return "no tensor \(name)" }
            guard t.shape == facts[1].array?.map({ $0.int ?? -1 }) else { return "\(name): shape \(t.shape)" }
            guard t.type.name == types[facts[2].string ?? ""] else { return "\(name): type \(t.type.name)" }
        }
        return nil
    }

    private func torch7() throws -> String? {
        func check(_ value: CheckpointValue?, _ facts: JSON, _ name: String) throws -> String? {
            guard let t = value?.tensor, t.type.name == Self.types[facts["dtype"]?.string ?? ""] else { return "\(name): not that tensor" }
            guard t.shape == facts["shape"]?.array?.map({ $0.int ?? -1 }) else { return "\(name): shape \(t.shape)" }
            return SHA256.hex(try t.elementBytes()) == facts["sha256"]?.string ? nil : "\(name): other elements"
        }
        if let modules = record["modules"]?.array {
            guard case .object(let name, _) = checkpoint.root, name == record["class_"]?.string, let found = checkpoint.root["modules"] else { return "not an object of nn.Sequential" }
            for (i, want) in modules.enumerated() {
                guard let module = found.elements?[i] ?? found[i + 1], case .object(let name, _) = module, name == want["class"]?.string else { return "module \(i) is another" }
                for part in ["weight", "bias"] { if let facts = want[part], let d = try check(module[part], facts, "modules.\(i).\(part)") { return d } }
            }
        }
        for (name, facts) in record["tensors"]?.object ?? [:] { if let d = try check(checkpoint.root[name], facts, name) { return d } }
        for (name, want) in record["values"]?.object ?? [:] {
            guard let found = checkpoint.root[name] else { return "no value \(name)" }
            if let d = lua(found, want, name) { return d }
        }
        return nil
    }

    /// A value of Lua, which has doubles and tables only.
    private func lua(_ value: CheckpointValue, _ expected: JSON, _ path: String) -> String? {
        switch expected {
        case .bool(let b): return value.bool == b ? nil : "\(path): another value"
        case .string(let s): return value.string == s ? nil : "\(path): another value"
        case .array(let items):
            for (i, item) in items.enumerated() {
                guard let found = value.elements.map({ $0.indices.contains(i) ? $0[i] : .none }) ?? value[i + 1] else { return "\(path): no element \(i)" }
                if let d = lua(found, item, "\(path)[\(i)]") { return d }
            }
            return nil
        case .object(let members):
            for (name, member) in members {
                guard let found = value[name] else { return "\(path): no \(name)" }
                if let d = lua(found, member, "\(path).\(name)") { return d }
            }
            return nil
        default: return expected.double == value.double ? nil : "\(path): another value"
        }
    }
}
