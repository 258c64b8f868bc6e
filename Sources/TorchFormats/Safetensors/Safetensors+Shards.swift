// Writing safetensors files tensor by tensor, in one file or in several with an index.

extension Safetensors {
    /// Writes tensors; with a limit in as many files as it takes to keep each at that many bytes of elements (a larger tensor has a file for itself), named as Hugging
    /// Face names them: `model-00001-of-00003.safetensors` and so on, and `model.safetensors.index.json`. Returns the number of files of tensors.
    package static func write(
        _ tensors: [TensorSource], metadata: [String: String] = ["format": "pt"], shardLimit: Int? = nil, to path: String, progress: @escaping (TensorSource) -> Void = { _ in }
    ) throws(FormatError) -> Int {
        var shards: [[TensorSource]] = [[]]
        var size = 0
        for tensor in tensors {
            if let shardLimit, size + tensor.byteCount > shardLimit, !shards[shards.count - 1].isEmpty {
                shards.append([])
                size = 0
            }
            shards[shards.count - 1].append(tensor)
            size += tensor.byteCount
        }
        if shardLimit == nil {
            try write(shards[0].map { source throws(FormatError) in try self.source(source, path, progress) }, metadata: metadata, to: path)
            return 1
        }
        let stem = path.hasSuffix(".safetensors") ? String(path.dropLast(12)) : path
        var map = JSON.Object()
        for (i, shard) in shards.enumerated() {
            let name = "\(stem)-\(padded(i + 1))-of-\(padded(shards.count)).safetensors"
            try write(shard.map { source throws(FormatError) in try self.source(source, name, progress) }, metadata: metadata, to: name)
            let file = String(name[(name.lastIndex(of: "/").map(name.index(after:)) ?? name.startIndex)...])
            for tensor in shard {
                guard map.append(tensor.name, .string(file)) else { throw FormatError(.request, file: path, "two tensors are called \"\(tensor.name)\"") }
            }
        }
        let total = tensors.reduce(0) { $0 + $1.byteCount }
        // The index comes last: while it is missing, nobody takes the files for a whole model.
        let index: JSON = ["metadata": ["total_size": .int(Int64(total))], "weight_map": .object(map)]
        try AtomicFile.write(Array(try index.text(indented: true).utf8), to: "\(stem).safetensors.index.json")
        return shards.count
    }

    private static func padded(_ n: Int) -> String {
        let digits = String(n)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    private static func source(_ tensor: TensorSource, _ path: String, _ progress: @escaping (TensorSource) -> Void) throws(FormatError) -> Source {
        guard let type = ElementType(tensor.dtype) else {
            throw FormatError(.unsupported, file: path, "tensor \"\(tensor.name)\": safetensors has no \(tensor.dtype)", expected: "another type, or view(real:) pairs")
        }
        return Source(checked: tensor.name, type: type, shape: tensor.shape) { write throws(FormatError) in
            try tensor.withBytes(write)
            progress(tensor)
        }
    }
}
