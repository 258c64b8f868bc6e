// `swift-torch convert`: tensors from one file format to another.
import ArgumentParser
import Torch

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Writes the tensors of a checkpoint of any format as safetensors, .npz, .npy or .pt.",
        discussion: """
            The format is told from the new file's name. Quantised tensors become float32, exactly; so do 8-bit floats, except in .pt.

            --rename OLD=NEW changes names. One * in OLD stands for any part of a name and is put where NEW has its *: 'module.*=*' takes away a prefix,
            '*.gamma=*.weight' changes an ending; without * the whole name must fit. The first rule that fits a name is used.
            """)

    @Argument(help: "The file to read.") var input: String
    @Argument(help: "The file to write: .safetensors, .npz, .npy, .pt or .pth.") var output: String
    @Option(help: "Changes names: OLD=NEW. May be given several times.") var rename: [String] = []
    @Option(help: "Element type of floating-point tensors: float32, float16, bfloat16 or float64.") var dtype: String?
    @Option(help: "Splits safetensors into files of at most this size (as 100MB or 2GB), with an index.") var shard: String?

    func run() throws {
        let type = try dtype.map { name in
            guard let type = DType(name: name), type.isFloatingPoint else { throw CommandFailure("--dtype \(name): expected float32, float16, bfloat16 or float64") }
            return type
        }
        let limit = try shard.map(Self.byteCount)
        let checkpoint = try Checkpoint(path: input)
        let stored = try renamed(checkpoint.tensors)
        let tensors = stored.map { name, stored in
            TensorSource(name: name, dtype: stored.dtype.isFloatingPoint ? type ?? stored.dtype : stored.dtype, shape: stored.shape) { () throws(FormatError) in
                let t: Tensor
                do throws(FormatError) { t = try stored.load() } catch {
                    throw FormatError(error.kind, file: error.file.isEmpty ? input : error.file, offset: error.offset, error.reason, expected: error.expected)
                }
                return t.dtype.isFloatingPoint ? t.to(type ?? t.dtype) : t
            }
        }
        guard !tensors.isEmpty else { throw CommandFailure("\(input): has no tensors") }
        let total = tensors.reduce(0) { $0 + $1.byteCount }
        var bar = ProgressBar("converting", total: max(1, total >> 20), unit: "MiB")
        var done = 0
        let progress: (TensorSource) -> Void = { tensor in
            done += tensor.byteCount
            bar.update(done >> 20, FileFacts.name(tensor.name))
        }
        guard limit == nil || output.hasSuffix(".safetensors") else { throw CommandFailure("--shard: only safetensors can be split") }
        var files = 1
        switch output.split(separator: "/").last?.split(separator: ".").last {
        case "safetensors":
            let texts = checkpoint.format == .safetensors ? checkpoint.metadata.compactMap { key, value in value.string.map { (key, $0) } } : []
            let metadata = Dictionary(texts + [("format", "pt")], uniquingKeysWith: { first, _ in first })
            files = try Safetensors.write(tensors, metadata: metadata, shardLimit: limit, to: output, progress: progress)
        case "npz": try NumPyFile.write(tensors, to: output, progress: progress)
        case "npy":
            guard tensors.count == 1 else { throw CommandFailure("\(input): has \(tensors.count) tensors, an .npy file has one; write an .npz file") }
            try NumPyFile.save(tensors[0].load(), to: output)
        case "pt", "pth":
            // Without a change of type tensors that share memory go on sharing it.
            let pairs = try zip(tensors, stored).map { CheckpointValue.Pair(.string($0.name), .tensor(type == nil ? $1.tensor : StoredTensor(try $0.load()))) }
            try TorchFile.save(.dictionary(pairs, kind: .ordered), to: output)
        default: throw CommandFailure("\(output): the name must end in .safetensors, .npz, .npy, .pt or .pth")
        }
        bar.finish("\(FileFacts.counted(tensors.count, "tensor")), \(FileFacts.bytes(total)) in \(files == 1 ? output : "\(files) files")")
    }

    /// Names after the rules. A rule that fits no name is a mistake, and so are two tensors of one name.
    private func renamed(_ tensors: [(name: String, tensor: StoredTensor)]) throws -> [(name: String, tensor: StoredTensor)] {
        let rules = try rename.map(RenameRule.init)
        var used = [Bool](repeating: false, count: rules.count)
        var origins: [String: String] = [:]
        let result = try tensors.map { name, tensor in
            // A file of one tensor has no name for it.
            var new = name.isEmpty ? "tensor" : name
            for (i, rule) in rules.enumerated() {
                if let changed = rule.apply(new) {
                    used[i] = true
                    new = changed
                    break
                }
            }
            if let other = origins.updateValue(name, forKey: new) {
                throw CommandFailure("both \"\(FileFacts.name(other))\" and \"\(FileFacts.name(name))\" would be called \"\(FileFacts.name(new))\"")
            }
            return (name: new, tensor: tensor)
        }
        if let i = used.firstIndex(of: false) { throw CommandFailure("--rename \(rename[i]): fits no tensor's name") }
        return result
    }

    /// `100MB`, `2GB`, `500kB`, or bytes.
    private static func byteCount(_ text: String) throws -> Int {
        let units = [("KB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1), ("", 1)]
        for (unit, factor) in units where text.uppercased().hasSuffix(unit) {
            if let n = Int(text.dropLast(unit.count)), n > 0, n <= Int.max / factor { return n * factor }
            break
        }
        throw CommandFailure("--shard \(text): expected a size such as 100MB")
    }
}

/// A rule that changes names.
struct RenameRule {
    private let old: (prefix: String, suffix: String?)
    private let new: (prefix: String, suffix: String?)

    init(_ text: String) throws {
        let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        func parts(_ side: String) throws -> (String, String?) {
            let parts = side.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
            guard parts.count <= 2 else { throw CommandFailure("--rename \(text): more than one * on a side") }
            return (parts[0], parts.count == 2 ? parts[1] : nil)
        }
        guard sides.count == 2, !sides[0].isEmpty else { throw CommandFailure("--rename \(text): expected OLD=NEW") }
        (old, new) = (try parts(sides[0]), try parts(sides[1]))
        guard (old.suffix == nil) == (new.suffix == nil) else { throw CommandFailure("--rename \(text): a * on one side only") }
    }

    /// The new name, nil if the rule does not fit.
    func apply(_ name: String) -> String? {
        guard let suffix = old.suffix else { return name == old.prefix ? new.prefix : nil }
        guard name.hasPrefix(old.prefix), name.dropFirst(old.prefix.count).hasSuffix(suffix) else { return nil }
        return new.prefix + name.dropFirst(old.prefix.count).dropLast(suffix.count) + (new.suffix ?? "")
    }
}
