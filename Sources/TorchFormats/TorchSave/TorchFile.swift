// Files that `torch.load` reads.
import TorchTensor

/// Writing files of PyTorch. They are read by `Checkpoint`.
///
/// ```swift
/// try TorchFile.save([("weight", weight), ("bias", bias)], to: "model.pt")     // torch.load("model.pt", weights_only=True)
/// ```
public enum TorchFile {
    /// Writes tensors as a state dictionary, in this order, at once or not at all. PyTorch: `torch.save(module.state_dict(), path)`.
    ///
    /// Tensors that share memory share it in the file, and keep their strides and offsets. `versions` are those of the modules' state dictionaries by their dotted
    /// names, PyTorch's `_metadata`. Without `durable` the system brings the file to the disk when it likes, as PyTorch does: faster, but a power failure may lose it. Throws `FormatError` for a name that is there twice, and where the system refuses.
    public static func save(
        _ tensors: [(name: String, tensor: Tensor)], versions: [(module: String, version: Int)] = [], to path: String, durable: Bool = true
    ) throws(FormatError) {
        var names: Set<String> = []
        var pairs: [CheckpointValue.Pair] = []
        for (name, tensor) in tensors {
            guard names.insert(name).inserted else { throw FormatError(.request, file: path, "two tensors are called \"\(name)\"") }
            pairs.append(.init(.string(name), .tensor(StoredTensor(tensor))))
        }
        let metadata = versions.map { CheckpointValue.Pair(.string($0.module), .dictionary([.init(.string("version"), .int($0.version))], kind: .plain)) }
        try save(.dictionary(pairs, kind: .ordered), metadata: metadata.isEmpty ? [] : [("_metadata", .dictionary(metadata, kind: .ordered))], to: path, durable: durable)
    }

    /// Writes a tree of values, with tensors of this process (`StoredTensor(tensor)`) or of other files, at once or not at all. PyTorch: `torch.save(value, path)`.
    ///
    /// Of `metadata`, which is as in `Checkpoint`, the entries `_metadata` and `model._metadata` become attributes of the ordered dictionaries at the root and under
    /// `model`. The default values of a `defaultdict` are not known here: it becomes a
    /// plain dictionary. Quantised blocks of GGUF become float32. Throws `FormatError` for objects of classes and references to them, for nesting deeper than 256,
    /// and where the system refuses.
    public static func save(_ value: CheckpointValue, metadata: [(key: String, value: CheckpointValue)] = [], to path: String, durable: Bool = true) throws(FormatError) {
        var writer = TorchWriter()
        do throws(FormatError) {
            try writer.root(value, metadata: metadata)
            try writer.write(to: path, durable: durable)
        } catch { throw error.inFile(path) }
    }
}
