// TorchScript archives: their tensors; their code is only asked for the names of parameters and buffers.

/// A program of TorchScript. The object in `data.pkl` is a module whose attributes lie side by side; the class's source tells which are parameters and buffers.
struct ScriptArchive {
    private let archive: TorchArchive
    /// Names of parameters and buffers, by class.
    private let classes: [String: [String]]

    init(_ archive: TorchArchive) throws(FormatError) {
        self.archive = archive
        var classes: [String: [String]] = [:]
        let folder = "\(archive.root)code/"
        for entry in archive.zip.entries where entry.name.hasPrefix(folder) && entry.name.hasSuffix(".py") {
            let module = entry.name.dropFirst(folder.count).dropLast(3).split(separator: "/").joined(separator: ".")
            try archive.zip.bytes(of: entry).withBytes { b in Self.readClasses(b, module, &classes) }
        }
        self.classes = classes
    }

    func checkpoint(path: String) throws(FormatError) -> Checkpoint {
        let (tree, metadata) = try archive.tree(pickle: "data.pkl", storages: "data/")
        return Checkpoint(path: path, format: .torchScript, root: tree, metadata: metadata, tensors: stateDictionary(tree))
    }

    /// Own parameters and buffers, then those of the children; nil if the object is of a class without source.
    private func stateDictionary(_ root: CheckpointValue) -> [(name: String, tensor: StoredTensor)]? {
        guard case .object(let name, _) = root, classes[name] != nil else { return nil }
        var result: [(name: String, tensor: StoredTensor)] = []
        func walk(_ value: CheckpointValue, _ path: String) {
            guard case .object(let name, let state) = value, let own = classes[name], let attributes = state.pairs else { return }
            func child(_ part: String) -> String { path.isEmpty ? part : "\(path).\(part)" }
            for part in own { if let tensor = state[part]?.tensor { result.append((child(part), tensor)) } }
            for attribute in attributes { if let part = attribute.key.string { walk(attribute.value, child(part)) } }
        }
        walk(root, "")
        return result
    }

    /// Finds `class Name(Module):` and the lists `__parameters__ = ["weight", ]` and `__buffers__ = […]` that follow it.
    private static func readClasses(_ source: UnsafeRawBufferPointer, _ module: String, _ classes: inout [String: [String]]) {
        var current: String?
        for line in source.split(separator: 10) {
            let text = Substring(String(decoding: line, as: UTF8.self))
            if text.hasPrefix("class "), text.hasSuffix("(Module):") {
                let name = "\(module).\(text.dropFirst(6).dropLast(9))"
                classes[name] = []
                current = name
            } else if let current, text.hasPrefix("  __parameters__ = [") || text.hasPrefix("  __buffers__ = [") {
                // The names stand between quotes.
                classes[current]! += text.split(separator: "\"", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
            }
        }
    }
}
