// Archives of `torch.export`: their weights.

/// A program of `torch.export.save`, as the versions have written it: weights as records of bare bytes that a JSON text describes, or as a `torch.save` file inside.
struct ExportedProgram {
    private let zip: ZipArchive
    private let file: FileBytes
    private let root: String

    private static let weightsConfig = "data/weights/model_weights_config.json"
    private static let olderState = "serialized_state_dict.pt"

    /// The folder of an archive that is an exported program; nil if it is none.
    static func root(of zip: ZipArchive) -> String? {
        for entry in zip.entries {
            for mark in ["archive_format", "serialized_exported_program.json"] where entry.name.hasSuffix(mark) {
                let folder = entry.name.dropLast(mark.count)
                if folder.isEmpty || folder.hasSuffix("/") && !folder.dropLast().contains("/") { return String(folder) }
            }
        }
        return nil
    }

    init(_ zip: ZipArchive, _ file: FileBytes, root: String) {
        (self.zip, self.file, self.root) = (zip, file, root)
    }

    func checkpoint(path: String) throws(FormatError) -> Checkpoint {
        var modules: [String] = []
        for entry in zip.entries where entry.name.hasPrefix("\(root)models/") && entry.name.hasSuffix(".json") || entry.name == "\(root)serialized_exported_program.json" {
            let program = try json(entry)
            guard let graph = program["graph_module"] else { throw FormatError(.malformed, offset: entry.dataOffset, "record \"\(entry.name)\" has no graph_module") }
            for call in graph["module_call_graph"]?.array ?? [] { if let name = call["fqn"]?.string { modules.append(name) } }
        }
        let pairs: [CheckpointValue.Pair]
        if let entry = zip["\(root)\(Self.weightsConfig)"] {
            pairs = Self.ordered(try weights(entry), modules)
        } else if let entry = zip["\(root)data/weights/model.pt"] ?? zip["\(root)\(Self.olderState)"] {
            guard let found = try inner(entry).pairs else { throw FormatError(.malformed, offset: entry.dataOffset, "record \"\(entry.name)\" holds no dictionary of weights") }
            pairs = found
        } else {
            throw FormatError(.malformed, "the archive has no record \"\(Self.weightsConfig)\" nor \"\(Self.olderState)\"")
        }
        return Checkpoint(path: path, format: .exportedProgram, root: .dictionary(pairs, kind: .ordered))
    }

    private func json(_ entry: ZipEntry) throws(FormatError) -> JSON {
        try zip.bytes(of: entry).withBytes { b throws(FormatError) in try JSON(parsing: b, base: entry.method == .stored ? entry.dataOffset : 0) }
    }

    /// A `torch.save` file within the archive.
    private func inner(_ entry: ZipEntry) throws(FormatError) -> CheckpointValue {
        let bytes = try zip.bytes(of: entry)
        let archive = try ZipArchive(bytes)
        guard let root = TorchArchive.root(of: archive) else { throw FormatError(.malformed, offset: entry.dataOffset, "record \"\(entry.name)\" is no file of torch.save") }
        return try TorchArchive(archive, bytes, root: root).tree(pickle: "data.pkl", storages: "data/").root
    }

    // MARK: - Weights that JSON describes

    private func weights(_ config: ZipEntry) throws(FormatError) -> [CheckpointValue.Pair] {
        guard let entries = try json(config)["config"]?.object else { throw FormatError(.malformed, offset: config.dataOffset, "record \"\(config.name)\" has no object \"config\"") }
        var blocks: [String: StoredBlock] = [:]
        var pairs: [CheckpointValue.Pair] = []
        for (name, facts) in entries {
            func bad(_ reason: String) -> FormatError { FormatError(.malformed, offset: config.dataOffset, "weight \"\(name)\": \(reason)") }
            guard let part = facts["path_name"]?.string else { throw bad("no path_name") }
            let path = "\(root)data/weights/\(part)"
            guard let entry = zip[path] else { throw bad("the archive has no record \"\(path)\"") }
            let isParameter = facts["is_param"]?.bool ?? false
            if facts["use_pickle"]?.bool == true {
                pairs.append(.init(.string(name), try inner(entry)))
                continue
            }
            guard let meta = facts["tensor_meta"], let number = meta["dtype"]?.int else { throw bad("no tensor_meta with a dtype") }
            guard let type = Self.types[number] else { throw FormatError(.unsupported, offset: config.dataOffset, "weight \"\(name)\": the element type \(number)") }
            guard let shape = Self.numbers(meta["sizes"]), let strides = Self.numbers(meta["strides"]), let offset = Self.number(meta["storage_offset"]) else {
                throw bad("sizes, strides or storage_offset are no whole numbers")
            }
            // Tied weights name one record.
            let key = "\(type.name) \(part)"
            let block = blocks[key] ?? StoredBlock(type, count: entry.byteCount / type.blockByteCount, byteCount: entry.byteCount, zip.source(of: entry))
            blocks[key] = block
            var tensor: StoredTensor
            do throws(FormatError) { tensor = try StoredTensor(block: block, offset: offset, shape: shape, strides: strides, file: config.dataOffset) } catch {
                throw bad("\(error.reason)\(error.expected.isEmpty ? "" : ", expected \(error.expected)")")
            }
            (tensor.isParameter, tensor.requiresGradient) = (isParameter, meta["requires_grad"]?.bool ?? false)
            pairs.append(.init(.string(name), .tensor(tensor)))
        }
        return pairs
    }

    /// PyTorch's numbers for element types.
    private static let types: [Int: StoredType] = [
        1: .plain(.uint8), 2: .plain(.int8), 3: .plain(.int16), 4: .plain(.int32), 5: .plain(.int64), 6: .plain(.float16), 7: .plain(.float32), 8: .plain(.float64), 9: .complexHalf,
        10: .plain(.complex64), 11: .plain(.complex128), 12: .plain(.bool), 13: .plain(.bfloat16), 28: .plain(.uint16), 29: .float8(.e4m3fn), 30: .float8(.e5m2), 31: .float8(.e4m3fnuz),
        32: .float8(.e5m2fnuz), 33: .float8(.e8m0fnu), 34: .plain(.uint32), 35: .plain(.uint64),
    ]

    private static func number(_ value: JSON?) -> Int? { value?["as_int"]?.int ?? value?.int }
    private static func numbers(_ value: JSON?) -> [Int]? {
        guard let items = value?.array else { return nil }
        let numbers = items.compactMap { number($0) }
        return numbers.count == items.count ? numbers : nil
    }

    /// The file lists parameters, then buffers; a `state_dict` goes from module to module: own parameters and buffers, then the children's.
    private static func ordered(_ pairs: [CheckpointValue.Pair], _ modules: [String]) -> [CheckpointValue.Pair] {
        func owner(_ name: String) -> String { name.lastIndex(of: ".").map { String(name[..<$0]) } ?? "" }
        var rank: [String: Int] = ["": 0]
        for module in modules + pairs.map({ owner($0.key.string ?? "") }) where rank[module] == nil { rank[module] = rank.count }
        let ranks = pairs.map { rank[owner($0.key.string ?? "")] ?? 0 }
        return pairs.indices.sorted { (ranks[$0], $0) < (ranks[$1], $1) }.map { pairs[$0] }
    }
}
