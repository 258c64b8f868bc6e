// ONNX models as checkpoints: the initializers of the graph, by name. The program itself is not read.
import TorchTensor

enum ONNXReader: CheckpointReader {
    /// A model's first field is its format's version, a small number; writers emit fields in order, so one of the next few follows.
    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 4, bytes[0] == 0x08, bytes[1] > 0, bytes[1] < 128 else { return false }
        return [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42].contains(bytes[2])
    }

    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint {
        try file.withBytes { b throws(FormatError) in
            var model = Model(file: file)
            try model.read(ProtobufReader(b))
            return Checkpoint(path: path, format: .onnx, root: .dictionary(model.pairs, kind: .plain), metadata: model.metadata)
        }
    }

    private struct Model {
        let file: FileBytes
        var pairs: [CheckpointValue.Pair] = []
        var metadata: [(key: String, value: CheckpointValue)] = []
        private var names: Set<String> = []

        init(file: FileBytes) { self.file = file }

        mutating func read(_ message: ProtobufReader) throws(FormatError) {
            var message = message
            var opsets: [CheckpointValue.Pair] = []
            var hasGraph = false
            while let (number, content) = try message.next() {
                switch number {
                case 1: metadata.append(("ir_version", .int(try content.int("ir_version"))))
                case 2: metadata.append(("producer", .string(try content.text("the producer's name"))))
                case 3: metadata.append(("producer_version", .string(try content.text("the producer's version"))))
                case 4: metadata.append(("domain", .string(try content.text("the domain"))))
                case 5: metadata.append(("model_version", .int(try content.int("the model's version"))))
                case 7:
                    guard !hasGraph else { throw FormatError(.malformed, offset: message.offset, "a model of two graphs") }
                    hasGraph = true
                    try graph(content.message("the graph"))
                case 8:
                    var opset = try content.message("an opset")
                    var (domain, version) = ("", 0)
                    while let (number, content) = try opset.next() {
                        if number == 1 { domain = try content.text("an opset's domain") } else if number == 2 { version = try content.int("an opset's version") }
                    }
                    opsets.append(.init(.string(domain.isEmpty ? "ai.onnx" : domain), .int(version)))
                case 14: try property(content)
                default: break
                }
            }
            guard hasGraph else { throw FormatError(.malformed, offset: message.offset, "a model without a graph: cut short, or not ONNX") }
            metadata.append(("opset", .dictionary(opsets, kind: .plain)))
        }

        /// A key and its text.
        private mutating func property(_ content: ProtobufReader.Content) throws(FormatError) {
            var entry = try content.message("a property")
            var (key, value) = ("", "")
            while let (number, content) = try entry.next() {
                if number == 1 { key = try content.text("a property's name") } else if number == 2 { value = try content.text("a property") }
            }
            metadata.append((key, .string(value)))
        }

        private mutating func graph(_ message: ProtobufReader) throws(FormatError) {
            var message = message
            var (nodes, inputs, outputs): (Int, [CheckpointValue], [CheckpointValue]) = (0, [], [])
            while let (number, content) = try message.next() {
                switch number {
                case 1: nodes += 1
                case 2: metadata.append(("graph", .string(try content.text("the graph's name"))))
                case 5:
                    let start = message.offset
                    let tensor = try ONNXTensor(content.message("an initializer"))
                    guard names.insert(tensor.name).inserted else { throw FormatError(.malformed, offset: start, "two initializers are called \"\(tensor.name)\"") }
                    do throws(FormatError) { pairs.append(.init(.string(tensor.name), .tensor(try tensor.stored(in: file)))) } catch {
                        guard error.kind == .unsupported else { throw FormatError(error.kind, offset: error.offset, "initializer \"\(tensor.name)\": \(error.reason)", expected: error.expected) }
                        metadata.append(("skipped: \(tensor.name)", .string(error.reason)))
                    }
                case 11: inputs.append(.string(try valueName(content)))
                case 12: outputs.append(.string(try valueName(content)))
                default: break
                }
            }
            metadata += [("nodes", .int(nodes)), ("inputs", .list(inputs)), ("outputs", .list(outputs))]
        }

        private func valueName(_ content: ProtobufReader.Content) throws(FormatError) -> String {
            var message = try content.message("an input or output")
            var name = ""
            while let (number, content) = try message.next() { if number == 1 { name = try content.text("the name of an input or output") } }
            return name
        }
    }
}
