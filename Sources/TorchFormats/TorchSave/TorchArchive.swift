// Zip archives of `torch.save` and of TorchScript.

/// `torch.save` since version 1.6: `data.pkl` and a record for each storage; TorchScript has the same with `constants.pkl` and code.
struct TorchArchive {
    let zip: ZipArchive
    let file: FileBytes
    /// Everything lies in one folder, whatever it is called: `name/` or nothing.
    let root: String
    let isBigEndian: Bool

    /// Newest format that `torch` reads.
    private static let newestVersion = 10

    /// The folder of an archive that has a pickle; nil if it has none.
    static func root(of zip: ZipArchive) -> String? { root(of: zip, holding: "data.pkl") }

    /// The folder in which `name` lies, at the top of the archive or one below.
    static func root(of zip: ZipArchive, holding name: String) -> String? {
        for entry in zip.entries where entry.name.hasSuffix(name) {
            let folder = entry.name.dropLast(name.utf8.count)
            if folder.isEmpty || folder.hasSuffix("/") && !folder.dropLast().contains("/") { return String(folder) }
        }
        return nil
    }

    init(_ zip: ZipArchive, _ file: FileBytes, root: String) throws(FormatError) {
        self.zip = zip
        self.file = file
        self.root = root
        switch try Self.text(zip, "\(root)byteorder") {
        case nil, "little": isBigEndian = false
        case "big": isBigEndian = true
        case let other?: throw FormatError(.malformed, offset: zip["\(root)byteorder"]!.dataOffset, "the byte order \"\(other.prefix(40))\"", expected: "little or big")
        }
        guard let version = try version else { throw FormatError(.malformed, "the archive has no record \"version\"") }
        guard version >= 1, version <= Self.newestVersion else { throw FormatError(.unsupported, "format version \(version)", expected: "1 to \(Self.newestVersion)") }
    }

    /// Number of the format.
    var version: Int? {
        get throws(FormatError) {
            for name in ["\(root)version", "\(root).data/version"] {
                guard let text = try Self.text(zip, name) else { continue }
                guard let n = Int(text) else { throw FormatError(.malformed, offset: zip[name]!.dataOffset, "the format version \"\(text.prefix(40))\" is no number") }
                return n
            }
            return nil
        }
    }

    /// A short record as text, without the line's end; nil if there is none.
    private static func text(_ zip: ZipArchive, _ name: String) throws(FormatError) -> String? {
        guard let entry = zip[name] else { return nil }
        guard entry.byteCount <= 64 else { throw FormatError(.malformed, offset: entry.dataOffset, "record \"\(name)\" has \(entry.byteCount) bytes", expected: "a short text") }
        let text: String? = try zip.bytes(of: entry).withBytes { String(validating: $0, as: UTF8.self) }
        guard let text else { throw FormatError(.malformed, offset: entry.dataOffset, "record \"\(name)\" is no text") }
        return String(text.filter { !$0.isNewline })
    }

    /// The tree of a pickle of the archive, and the `_metadata` in it; storages lie under `folder`.
    func tree(pickle name: String, storages folder: String) throws(FormatError) -> (root: CheckpointValue, metadata: [(key: String, value: CheckpointValue)]) {
        guard let entry = zip["\(root)\(name)"] else { throw FormatError(.malformed, "the archive has no record \"\(name)\"") }
        let bytes = try zip.bytes(of: entry)
        var machine = PickleMachine(fileSize: file.count)
        let base = entry.method == .stored ? entry.dataOffset : 0
        let value = try bytes.withBytes { b throws(FormatError) in
            var reader = ByteReader(b, base: base)
            return try machine.run(&reader)
        }
        var resolver = PickleResolver(machine) { storage throws(FormatError) in try source(storage, folder) }
        let tree = try resolver.resolve(value)
        return (tree, resolver.metadata)
    }

    /// The record of a storage, which must have exactly its bytes.
    private func source(_ storage: PickleStorage, _ folder: String) throws(FormatError) -> (source: StoredBlock.Source, isBigEndian: Bool) {
        let name = "\(root)\(folder)\(storage.key)"
        guard let entry = zip[name] else { throw FormatError(.malformed, offset: storage.offset, "the archive has no record \"\(name)\" for a storage") }
        guard entry.byteCount == storage.byteCount else {
            throw FormatError(
                .malformed, offset: storage.offset, "record \"\(name)\" has \(entry.byteCount) bytes",
                expected: "\(storage.byteCount.map { "\($0)" } ?? "more than 64 bits can count") for \(storage.count) elements of \(storage.type?.name ?? "bytes")")
        }
        return (zip.source(of: entry), isBigEndian)
    }
}
