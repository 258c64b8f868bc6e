// safetensors files as checkpoints.

enum SafetensorsReader: CheckpointReader {
    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.count > 8 && bytes[8] == UInt8(ascii: "{") }

    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint {
        let file = try Safetensors.File(file, path: path)
        var pairs: [CheckpointValue.Pair] = []
        pairs.reserveCapacity(file.entries.count)
        for entry in file.entries { pairs.append(.init(.string(entry.name), .tensor(try file.stored(entry)))) }
        let metadata = file.metadata.sorted { $0.key < $1.key }.map { (key: $0.key, value: CheckpointValue.string($0.value)) }
        return Checkpoint(path: path, format: .safetensors, root: .dictionary(pairs, kind: .plain), metadata: metadata)
    }
}
