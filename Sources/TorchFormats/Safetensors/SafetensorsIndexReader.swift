// Models in several safetensors files, with an index that tells which tensor is where.
import Glibc

/// `model.safetensors.index.json`: `weight_map` from tensors' names to files beside the index.
enum SafetensorsIndexReader: CheckpointReader {
    /// More files than this are refused; the largest models have a few hundred.
    private static let fileLimit = 4096

    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = bytes.first(where: { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }), first == UInt8(ascii: "{") else { return false }
        // Within the first and last kilobytes: the map's name is written before it, and it is one of two members.
        let name = Array("\"weight_map\"".utf8)
        return contains(bytes.prefix(1 << 16), name) || contains(bytes.suffix(1 << 16), name)
    }

    private static func contains(_ bytes: Slice<UnsafeRawBufferPointer>, _ text: [UInt8]) -> Bool {
        bytes.indices.contains { bytes[$0] == text[0] && bytes[$0...].starts(with: text) }
    }

    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint {
        let json = try file.withBytes { b throws(FormatError) in
            guard b.count <= Safetensors.headerLimit else { throw FormatError(.malformed, offset: 0, "an index of \(b.count) bytes", expected: "at most \(Safetensors.headerLimit)") }
            return try JSON(parsing: b)
        }
        guard let map = json["weight_map"]?.object else { throw FormatError(.malformed, offset: 0, "weight_map is not a JSON object") }
        guard !path.isEmpty else { throw FormatError(.unsupported, "an index of files can not be read from memory", expected: "a path") }

        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let directory = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw .system("open", folder) }
        defer { close(directory) }

        var shards: [String: Safetensors.File] = [:]
        var pairs: [CheckpointValue.Pair] = []
        pairs.reserveCapacity(map.count)
        for (name, value) in map {
            guard let shard = value.string else { throw FormatError(.malformed, offset: 0, "the file of tensor \"\(name)\" is not a text") }
            if shards[shard] == nil {
                guard shards.count < fileLimit else { throw FormatError(.malformed, offset: 0, "more than \(fileLimit) files") }
                shards[shard] = try self.open(shard, in: directory, folder)
            }
            let opened = shards[shard]!
            guard let entry = opened[name] else {
                throw FormatError(.malformed, offset: 0, "the index says that tensor \"\(name)\" is in \(shard), which does not have it")
            }
            do throws(FormatError) { pairs.append(.init(.string(name), .tensor(try opened.stored(entry)))) } catch { throw error.inFile(opened.path) }
        }
        var metadata: [(key: String, value: CheckpointValue)] = [("files", .list(shards.keys.sorted().map { .string($0) }))]
        for (key, value) in json["metadata"]?.object ?? JSON.Object() {
            if let i = value.int { metadata.append((key, .int(i))) } else if let s = value.string { metadata.append((key, .string(s))) }
        }
        return Checkpoint(path: path, format: .safetensors, root: .dictionary(pairs, kind: .plain), metadata: metadata)
    }

    /// Opens a file of the index's folder: a plain name, and no link, or an index could make us read any file.
    private static func open(_ name: String, in directory: Int32, _ folder: String) throws(FormatError) -> Safetensors.File {
        guard !name.isEmpty, name != ".", name != "..", !name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 == 0 }) else {
            throw FormatError(.malformed, offset: 0, "the index names the file \"\(name)\"", expected: "a name in the same folder")
        }
        let path = "\(folder)/\(name)"
        let descriptor = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if descriptor < 0, errno == ELOOP { throw FormatError(.system, file: path, "is a symbolic link, which an index may not name", expected: "a file beside the index") }
        return try Safetensors.File(FileBytes(descriptor: descriptor, path: path), path: path)
    }
}
