// Which kind of archive of PyTorch a zip file is.

/// `torch.save`, TorchScript and `torch.export` files, which all are zip archives.
enum TorchArchiveReader: CheckpointReader {
    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool { ZipArchive.recognizes(bytes) }

    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint { try read(try ZipArchive(file), file, path: path) }

    /// True if the archive is one of PyTorch's.
    static func recognizes(_ zip: ZipArchive) -> Bool { TorchArchive.root(of: zip) != nil || ExportedProgram.root(of: zip) != nil }

    static func read(_ zip: ZipArchive, _ file: FileBytes, path: String) throws(FormatError) -> Checkpoint {
        if let root = ExportedProgram.root(of: zip) { return try ExportedProgram(zip, file, root: root).checkpoint(path: path) }
        guard let root = TorchArchive.root(of: zip) else {
            throw FormatError(.malformed, "the archive has no record \"data.pkl\"", expected: "an archive of torch.save")
        }
        let archive = try TorchArchive(zip, file, root: root)
        if zip["\(root)constants.pkl"] != nil { return try ScriptArchive(archive).checkpoint(path: path) }
        let (tree, metadata) = try archive.tree(pickle: "data.pkl", storages: "data/")
        return Checkpoint(path: path, format: .torch, root: tree, metadata: metadata)
    }
}
