// Any file with tensors in it.
import TorchTensor

/// An opened checkpoint: its tree of values, its tensors by name, its metadata. Elements are read when a tensor is loaded.
///
/// The format is told from the bytes, never from the name. Nothing in a file can run code, and no file takes more memory than its size justifies.
/// ```swift
/// let checkpoint = try Checkpoint(path: "model.pt")
/// for (name, stored) in checkpoint.tensors { print(name, stored.shape, stored.type.name) }
/// let weight = try checkpoint["fc.weight"]!.load()
/// ```
public struct Checkpoint: Sendable {
    /// The formats that are read.
    public enum Format: String, Sendable, CaseIterable {
        /// `torch.save`: a zip archive with a pickle; before version 1.6 pickles in a row; in the first versions a tar archive.
        case torch, torchLegacy = "torch (legacy)", torchTar = "torch (tar)"
        /// Programs, of which the tensors are read.
        case torchScript = "TorchScript", exportedProgram = "torch.export", onnx = "ONNX"
        case safetensors, npy, npz, gguf = "GGUF", torch7 = "Torch7"
    }

    /// Path of the file, empty for bytes in memory.
    public let path: String
    public let format: Format
    /// Everything in the file.
    public let root: CheckpointValue
    /// Texts that describe the file, in its order: safetensors' metadata, GGUF's key-values, an archive's version.
    public let metadata: [(key: String, value: CheckpointValue)]
    /// All tensors by their dotted names, in the file's order.
    public let tensors: [(name: String, tensor: StoredTensor)]
    private let places: [String: Int]

    /// `tensors` are those found in the tree, unless the format knows better.
    init(
        path: String, format: Format, root: CheckpointValue, metadata: [(key: String, value: CheckpointValue)] = [], tensors: [(name: String, tensor: StoredTensor)]? = nil
    ) {
        self.path = path
        self.format = format
        self.root = root
        self.metadata = metadata
        self.tensors = tensors ?? Self.named(root)
        places = Dictionary(self.tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The tensor of that name.
    public subscript(name: String) -> StoredTensor? { places[name].map { tensors[$0].tensor } }

    /// All tensors, loaded. Their elements stay in the mapped file until they are written to.
    public func load() throws(FormatError) -> [(name: String, tensor: Tensor)] {
        var result: [(name: String, tensor: Tensor)] = []
        result.reserveCapacity(tensors.count)
        for (name, stored) in tensors {
            do throws(FormatError) { result.append((name, try stored.load())) } catch { throw error.inFile(path) }
        }
        return result
    }

    /// Bytes of all names together. A long key above many tensors would be repeated in the name of each; names beyond this are only numbers.
    private static let nameLimit = 32 << 20

    /// The tensors of a tree by their dotted names. A module is its `state_dict`: its parameters and buffers, then its children's.
    private static func named(_ root: CheckpointValue) -> [(name: String, tensor: StoredTensor)] {
        var result: [(name: String, tensor: StoredTensor)] = []
        var (path, length, budget) = ([String](), 0, nameLimit)
        func add(_ t: StoredTensor) {
            budget -= length
            result.append((budget >= 0 ? path.joined(separator: ".") : "#\(result.count)", t))
        }
        func within(_ part: String, _ body: () -> Void) {
            path.append(part)
            length += part.utf8.count + 1
            body()
            length -= part.utf8.count + 1
            path.removeLast()
        }
        func walk(_ value: CheckpointValue) {
            switch value {
            case .tensor(let t): add(t)
            case .list(let items), .tuple(let items), .set(let items): for (i, item) in items.enumerated() { within("\(i)") { walk(item) } }
            case .dictionary(let pairs, _):
                for (i, p) in pairs.enumerated() { within(p.key.string ?? p.key.int.map { "\($0)" } ?? "#\(i)") { walk(p.value) } }
            case .object(_, let state):
                guard let module = ModuleState(state) else { return walk(state) }
                for (part, value) in module.members { within(part) { walk(value) } }
            case .sparse(let s):
                for (i, t) in s.indices.enumerated() { within(s.indices.count == 1 ? "indices" : i == 0 ? "compressed_indices" : "plain_indices") { add(t) } }
                within("values") { add(s.values) }
            case .quantized(let q):
                within("integers") { add(q.integers) }
                if case .perChannel(let scales, let zeroPoints, _) = q.scheme {
                    within("scales") { add(scales) }
                    within("zero_points") { add(zeroPoints) }
                }
            default: break
            }
        }
        walk(root)
        return result
    }
}
