// ONNX models as checkpoints: initializers and constants by name, those of the graphs inside nodes as well. The program itself is not read.
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
                    try graph(content.message("the graph"), "", 0)
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

        /// Graphs within nodes within graphs: real models have two or three.
        private static let maxDepth = 16
        /// Longest prefix of names: it is repeated for each tensor of a graph.
        private static let prefixLimit = 1024

        /// Reads a graph; `prefix` is put before the names of tensors in graphs inside nodes, which may use the outer graph's names again.
        private mutating func graph(_ message: ProtobufReader, _ prefix: String, _ depth: Int) throws(FormatError) {
            guard prefix.utf8.count <= Self.prefixLimit else {
                throw FormatError(.unsupported, offset: message.offset, "names of nodes around a graph of \(prefix.utf8.count) bytes", expected: "at most \(Self.prefixLimit)")
            }
            guard depth < Self.maxDepth else { throw FormatError(.malformed, offset: message.offset, "more than \(Self.maxDepth) graphs inside one another") }
            var message = message
            var (nodes, inputs, outputs): (Int, [CheckpointValue], [CheckpointValue]) = (0, [], [])
            while let (number, content) = try message.next() {
                switch number {
                case 1:
                    try node(content.message("a node"), prefix, depth)
                    nodes += 1
                case 2 where depth == 0: metadata.append(("graph", .string(try content.text("the graph's name"))))
                case 5: try add(content, prefix, name: nil)
                case 11: inputs.append(.string(try valueName(content)))
                case 12: outputs.append(.string(try valueName(content)))
                default: break
                }
            }
            if depth == 0 { metadata += [("nodes", .int(nodes)), ("inputs", .list(inputs)), ("outputs", .list(outputs))] }
        }

        /// A node's constant, called as its output, and the graphs in its attributes.
        private mutating func node(_ message: ProtobufReader, _ prefix: String, _ depth: Int) throws(FormatError) {
            var message = message
            var (output, name, kind) = ("", "", "")
            var attributes: [ProtobufReader] = []
            while let (number, content) = try message.next() {
                switch number {
                case 2 where output.isEmpty: output = try content.text("a node's output")
                case 3: name = try content.text("a node's name")
                case 4: kind = try content.text("a node's operator")
                case 5: attributes.append(try content.message("an attribute"))
                default: break
                }
            }
            for attribute in attributes {
                var attribute = attribute
                var attributeName = ""
                while let (number, content) = try attribute.next() {
                    switch number {
                    case 1: attributeName = try content.text("an attribute's name")
                    case 5 where kind == "Constant": try add(content, prefix, name: output)
                    case 6, 11: try graph(content.message("a graph"), "\(prefix)\(name.isEmpty ? output : name).\(attributeName).", depth + 1)
                    default: break
                    }
                }
            }
        }

        private mutating func add(_ content: ProtobufReader.Content, _ prefix: String, name: String?) throws(FormatError) {
            let message = try content.message("a tensor")
            let start = message.offset
            let tensor = try ONNXTensor(message)
            let name = prefix + (name ?? tensor.name)
            guard names.insert(name).inserted else { throw FormatError(.malformed, offset: start, "two tensors are called \"\(name)\"") }
            do throws(FormatError) { pairs.append(.init(.string(name), .tensor(try tensor.stored(in: file)))) } catch {
                guard error.kind == .unsupported else { throw FormatError(error.kind, offset: error.offset ?? start, "tensor \"\(name)\": \(error.reason)", expected: error.expected) }
                metadata.append(("skipped: \(name)", .string(error.reason)))
            }
        }

        private func valueName(_ content: ProtobufReader.Content) throws(FormatError) -> String {
            var message = try content.message("an input or output")
            var name = ""
            while let (number, content) = try message.next() { if number == 1 { name = try content.text("the name of an input or output") } }
            return name
        }
    }
}
