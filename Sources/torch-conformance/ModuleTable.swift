// PyTorch's layer classes by name: how each is built here from PyTorch's arguments.
import Torch

/// A layer that was built, and how to call it.
struct BuiltModule {
    let module: Module
    let call: ([OperatorValue], [String: OperatorValue]) throws -> OperatorValue

    /// One tensor to one tensor.
    init(_ layer: any Layer) {
        module = layer
        call = { arguments, _ in
            guard arguments.count == 1, case .tensor(let x) = arguments[0] else { throw Record.Unsupported(description: "other than one tensor as input") }
            return .tensor(layer(x))
        }
    }

    /// Prediction and target to a loss.
    init(_ criterion: any Criterion) {
        module = criterion
        call = { arguments, _ in
            guard arguments.count == 2, case .tensor(let x) = arguments[0], case .tensor(let y) = arguments[1] else {
                throw Record.Unsupported(description: "other than two tensors as input")
            }
            return .tensor(criterion(x, y))
        }
    }

    init(_ module: Module, _ call: @escaping ([OperatorValue], [String: OperatorValue]) throws -> OperatorValue) {
        self.module = module
        self.call = call
    }
}

/// One class.
struct ModuleRow: Sendable {
    let name: String
    let signature: String
    let make: @Sendable (OperatorArguments, DType) throws -> BuiltModule

    init(_ name: String, _ signature: String = "", _ make: @escaping @Sendable (OperatorArguments, DType) throws -> BuiltModule) {
        self.name = name
        self.signature = signature
        self.make = make
    }
}

enum ModuleTable {
    static let byName = Dictionary(uniqueKeysWithValues: (activations + layers + pools + losses).map { ($0.name, $0) })

    /// Builds the class that a record (or a nested `$module`) names.
    static func build(_ record: Record, _ json: JSON, _ dtype: DType) throws -> BuiltModule {
        let name = json["class"]?.string ?? ""
        if name == "Sequential" {
            let parts = try (json["args"]?.array ?? []).map { item -> any Layer in
                guard let inner = item["$module"] else { throw Record.Unsupported(description: "Sequential of other than modules") }
                guard let layer = try build(record, inner, dtype).module as? any Layer else { throw Record.Unsupported(description: "Sequential of such modules") }
                return layer
            }
            return BuiltModule(Sequential(parts))
        }
        guard let row = byName[name] else { throw Record.Unsupported(description: "no class \(name)") }
        var keywords = try record.members(json["kwargs"])
        // The record's dtype says it.
        keywords["dtype"] = nil
        keywords["device"] = nil
        let a = try OperatorSignature.bind(name, row.signature, try record.values(json["args"]), keywords)
        return try row.make(a, dtype)
    }

    private static let inplace = "inplace=False"

    private static var activations: [ModuleRow] {
        [
            ModuleRow("ReLU", inplace) { _, _ in BuiltModule(ReLU()) },
            ModuleRow("GELU", "approximate='none'") { a, _ in BuiltModule(GELU(approximate: try a.choice("approximate"))) },
            ModuleRow("Sigmoid") { _, _ in BuiltModule(Sigmoid()) },
            ModuleRow("Tanh") { _, _ in BuiltModule(Tanh()) },
            ModuleRow("SiLU", inplace) { _, _ in BuiltModule(SiLU()) },
            ModuleRow("LeakyReLU", "negative_slope=0.01, inplace=False") { a, _ in BuiltModule(LeakyReLU(negativeSlope: try a.double("negative_slope"))) },
            ModuleRow("Softmax", "dim=None") { a, _ in BuiltModule(Softmax(dim: try dim(a))) },
            ModuleRow("LogSoftmax", "dim=None") { a, _ in BuiltModule(LogSoftmax(dim: try dim(a))) },
            ModuleRow("Dropout", "p=0.5, inplace=False") { a, _ in BuiltModule(Dropout(try a.double("p"))) },
            ModuleRow("Identity", "*ignored") { _, _ in BuiltModule(Identity()) },
            ModuleRow("Flatten", "start_dim=1, end_dim=-1") { a, _ in BuiltModule(Flatten(startDim: try a.int("start_dim"), endDim: try a.int("end_dim"))) },
        ]
    }

    private static func dim(_ a: OperatorArguments) throws -> Int {
        guard a.has("dim") else { throw Record.Unsupported(description: "softmax without dim (deprecated in PyTorch)") }
        return try a.int("dim")
    }

    private static func size(_ a: OperatorArguments, _ name: String) throws -> SpatialSize { SpatialSize(try a.ints(name)) }

    private static let convolution =
        "in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True, padding_mode='zeros'"

    private static func plainPadding(_ a: OperatorArguments) throws {
        if try a.string("padding_mode") != "zeros" { throw Record.Unsupported(description: "padding_mode \(try a.string("padding_mode"))") }
        if case .string(let s) = a.value("padding") { throw Record.Unsupported(description: "padding '\(s)'") }
    }

    private static var layers: [ModuleRow] {
        [
            ModuleRow("Linear", "in_features, out_features, bias=True") { a, t in
                BuiltModule(Linear(try a.int("in_features"), try a.int("out_features"), bias: try a.bool("bias"), dtype: t))
            },
            ModuleRow("Conv1d", convolution) { a, t in
                try plainPadding(a)
                return BuiltModule(
                    Conv1d(
                        try a.int("in_channels"), try a.int("out_channels"), kernelSize: try a.int("kernel_size"), stride: try a.int("stride"),
                        padding: try a.int("padding"), dilation: try a.int("dilation"), groups: try a.int("groups"), bias: try a.bool("bias"), dtype: t))
            },
            ModuleRow("Conv2d", convolution) { a, t in
                try plainPadding(a)
                return BuiltModule(
                    Conv2d(
                        try a.int("in_channels"), try a.int("out_channels"), kernelSize: try size(a, "kernel_size"), stride: try size(a, "stride"),
                        padding: try size(a, "padding"), dilation: try size(a, "dilation"), groups: try a.int("groups"), bias: try a.bool("bias"), dtype: t))
            },
            ModuleRow("Conv3d", convolution) { a, t in
                try plainPadding(a)
                return BuiltModule(
                    Conv3d(
                        try a.int("in_channels"), try a.int("out_channels"), kernelSize: try size(a, "kernel_size"), stride: try size(a, "stride"),
                        padding: try size(a, "padding"), dilation: try size(a, "dilation"), groups: try a.int("groups"), bias: try a.bool("bias"), dtype: t))
            },
            ModuleRow(
                "Embedding",
                "num_embeddings, embedding_dim, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False"
            ) { a, t in
                if a.has("max_norm") { throw Record.Unsupported(description: "max_norm") }
                if try a.bool("scale_grad_by_freq") { throw Record.Unsupported(description: "scale_grad_by_freq") }
                return BuiltModule(Embedding(try a.int("num_embeddings"), try a.int("embedding_dim"), paddingIdx: try a.optionalInt("padding_idx"), dtype: t))
            },
            ModuleRow("BatchNorm1d", norm) { a, t in
                try tracked(a)
                return BuiltModule(
                    BatchNorm1d(
                        try a.int("num_features"), epsilon: try a.double("eps"), momentum: try a.optionalDouble("momentum"), affine: try a.bool("affine"), dtype: t))
            },
            ModuleRow("BatchNorm2d", norm) { a, t in
                try tracked(a)
                return BuiltModule(
                    BatchNorm2d(
                        try a.int("num_features"), epsilon: try a.double("eps"), momentum: try a.optionalDouble("momentum"), affine: try a.bool("affine"), dtype: t))
            },
            ModuleRow("LayerNorm", "normalized_shape, eps=1e-05, elementwise_affine=True, bias=True") { a, t in
                BuiltModule(
                    LayerNorm(
                        try a.ints("normalized_shape"), epsilon: try a.double("eps"), elementwiseAffine: try a.bool("elementwise_affine"), bias: try a.bool("bias"),
                        dtype: t))
            },
        ]
    }

    private static let norm = "num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, *, bias=True"

    private static func tracked(_ a: OperatorArguments) throws {
        if try !a.bool("track_running_stats") { throw Record.Unsupported(description: "track_running_stats=False") }
        if try !a.bool("bias") { throw Record.Unsupported(description: "bias=False") }
    }

    private static var pools: [ModuleRow] {
        [
            ModuleRow("MaxPool2d", "kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False") { a, _ in
                if try a.bool("return_indices") { throw Record.Unsupported(description: "return_indices") }
                return BuiltModule(
                    MaxPool2d(
                        try size(a, "kernel_size"), stride: a.has("stride") ? try size(a, "stride") : nil, padding: try size(a, "padding"),
                        dilation: try size(a, "dilation"), ceilMode: try a.bool("ceil_mode")))
            },
            ModuleRow("AvgPool2d", "kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None") { a, _ in
                if a.has("divisor_override") { throw Record.Unsupported(description: "divisor_override") }
                return BuiltModule(
                    AvgPool2d(
                        try size(a, "kernel_size"), stride: a.has("stride") ? try size(a, "stride") : nil, padding: try size(a, "padding"),
                        ceilMode: try a.bool("ceil_mode"), countIncludePad: try a.bool("count_include_pad")))
            },
            ModuleRow("AdaptiveAvgPool2d", "output_size") { a, _ in
                if a.value("output_size").leaves.contains(where: \.isNone) { throw Record.Unsupported(description: "output_size with None") }
                return BuiltModule(AdaptiveAvgPool2d(try size(a, "output_size")))
            },
        ]
    }

    private static let older = "size_average=None, reduce=None, reduction='mean'"

    private static var losses: [ModuleRow] {
        [
            ModuleRow("CrossEntropyLoss", "weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean', label_smoothing=0.0") { a, _ in
                BuiltModule(
                    CrossEntropyLoss(
                        weight: try a.optionalTensor("weight"), ignoreIndex: try a.int("ignore_index"), reduction: try a.choice("reduction"),
                        labelSmoothing: try a.double("label_smoothing")))
            },
            ModuleRow("NLLLoss", "weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean'") { a, _ in
                BuiltModule(NLLLoss(weight: try a.optionalTensor("weight"), ignoreIndex: try a.int("ignore_index"), reduction: try a.choice("reduction")))
            },
            ModuleRow("MSELoss", older) { a, _ in BuiltModule(MSELoss(reduction: try a.choice("reduction"))) },
            ModuleRow("L1Loss", older) { a, _ in BuiltModule(L1Loss(reduction: try a.choice("reduction"))) },
            ModuleRow("BCEWithLogitsLoss", "weight=None, size_average=None, reduce=None, reduction='mean', pos_weight=None") { a, _ in
                BuiltModule(
                    BCEWithLogitsLoss(weight: try a.optionalTensor("weight"), posWeight: try a.optionalTensor("pos_weight"), reduction: try a.choice("reduction")))
            },
        ]
    }
}
