// Which reader a file belongs to.

/// A format's reader.
protocol CheckpointReader: SendableMetatype {
    /// True if the bytes look like this format; looks at a few bytes only.
    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool
    /// Reads everything but the tensors' elements.
    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint
}

extension Checkpoint {
    /// The readers, asked in this order.
    static let readers: [any CheckpointReader.Type] = [
        SafetensorsReader.self,
        GGUFReader.self,
        NumPyArrayReader.self,
        NumPyArchiveReader.self,
        TorchArchiveReader.self,
        TorchLegacyReader.self,
        TorchTarReader.self,
        SafetensorsIndexReader.self,
        ONNXReader.self,
        Torch7Reader.self,
    ]

    /// Opens a file: checks its structure, reads names, shapes and values, no tensor's elements.
    public init(path: String) throws(FormatError) { try self.init(FileBytes(path: path), path: path) }

    /// Opens bytes in memory.
    public init(bytes: [UInt8]) throws(FormatError) { try self.init(FileBytes(bytes), path: "") }

    private init(_ file: FileBytes, path: String) throws(FormatError) {
        let checkpoint: Checkpoint
        do throws(FormatError) {
            checkpoint = try file.checked { () throws(FormatError) in
                guard let reader = file.withBytes({ b in Self.readers.first { $0.recognizes(b) } }) else {
                    throw FormatError(
                        .malformed, offset: 0, file.count == 0 ? "the file is empty" : "the bytes are of no known format",
                        expected: "one of \(Format.allCases.map(\.rawValue).joined(separator: ", "))")
                }
                return try reader.read(file, path: path)
            }
        } catch { throw error.inFile(path) }
        self = checkpoint
    }
}
