// `torch.save` before version 1.6: pickles in a row, then the storages.

/// Magic number, protocol, facts of the writer's machine, the object, the keys of the storages: five pickles; then each storage as its number of elements and its bytes.
enum TorchLegacyReader: CheckpointReader {
    private static let magic = "119547037146038801333356"
    private static let protocolVersion = 1001

    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // Binary pickles begin with 0x80; the magic number as text is of protocols 0 and 1.
        bytes.count > 2 && (bytes[0] == 0x80 && bytes[1] <= 5 || bytes.starts(with: "L119547037146038801333356L".utf8))
    }

    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint {
        try file.withBytes { b throws(FormatError) in
            var reader = ByteReader(b)
            func plain(_ what: String) throws(FormatError) -> CheckpointValue {
                var machine = PickleMachine(fileSize: b.count, persistence: .none)
                let value = try machine.run(&reader)
                var resolver = PickleResolver(machine) { _ throws(FormatError) in throw FormatError(.malformed, "\(what) with a tensor in it") }
                return try resolver.resolve(value)
            }
            guard case .bigInt(Self.magic) = try plain("the magic number") else {
                throw FormatError(.malformed, offset: 0, "a pickle without PyTorch's magic number", expected: "a file of torch.save")
            }
            var place = reader.offset
            guard case .int(Self.protocolVersion) = try plain("the version") else {
                throw FormatError(.unsupported, offset: place, "another version of the format", expected: "\(Self.protocolVersion)")
            }
            place = reader.offset
            guard let isLittleEndian = try plain("the writer's facts")["little_endian"]?.bool else {
                throw FormatError(.malformed, offset: place, "no byte order", expected: "little_endian: true or false")
            }
            var machine = PickleMachine(fileSize: b.count)
            let value = try machine.run(&reader)
            place = reader.offset
            guard let keys = try plain("the list of storages").elements?.map({ $0.string ?? $0.int.map { "\($0)" } }) else {
                throw FormatError(.malformed, offset: place, "no list of storages")
            }

            // One storage may be named with several types; its bytes are there once.
            let known = Dictionary(machine.storages.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
            var offsets: [String: Int] = [:]
            for key in keys {
                guard let key, let storage = known[key] else { throw FormatError(.malformed, offset: place, "storage \"\(key ?? "?")\" is used by no tensor") }
                let start = reader.offset
                let count = try reader.integer(Int64.self, "the size of storage \"\(key)\"")
                guard count == storage.count, let byteCount = storage.byteCount else {
                    throw FormatError(.malformed, offset: start, "storage \"\(key)\" has \(count) elements", expected: "\(storage.count), as its tensors say")
                }
                offsets[key] = reader.offset
                _ = try reader.take(byteCount, "storage \"\(key)\"")
            }
            var resolver = PickleResolver(machine) { storage throws(FormatError) in
                guard let offset = offsets[storage.key] else { throw FormatError(.malformed, offset: storage.offset, "storage \"\(storage.key)\" has no bytes in the file") }
                guard storage.byteCount == known[storage.key]!.byteCount else { throw FormatError(.malformed, offset: storage.offset, "storage \"\(storage.key)\" has two sizes") }
                return (.file(file, offset: offset), !isLittleEndian)
            }
            let tree = try resolver.resolve(value)
            return Checkpoint(path: path, format: .torchLegacy, root: tree, metadata: resolver.metadata)
        }
    }
}
