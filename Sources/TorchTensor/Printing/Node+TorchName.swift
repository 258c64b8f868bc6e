// What PyTorch calls the node of an operator.

extension Node {
    /// PyTorch's name of the node, as `grad_fn` is printed: `AddBackward0`.
    var torchName: String {
        // Outputs of one operator carry their number.
        let own = name.prefix { $0 != "[" }
        if let known = Self.torchNames[String(own)] { return known }
        // Reductions have two overloads, all elements and some dims.
        if Self.reductions.contains(String(own)) { return Self.capitalized(own) + (shape.count == 0 ? "Backward0" : "Backward1") }
        return Self.capitalized(own) + "Backward0"
    }

    private static func capitalized(_ text: some StringProtocol) -> String { text.prefix(1).uppercased() + text.dropFirst() }

    private static let reductions: Set<String> = ["sum", "mean", "prod", "std", "var", "nansum"]

    /// Names that are not ours with a capital.
    private static let torchNames: [String: String] = [
        "contiguous": "CloneBackward0", "to": "ToCopyBackward0", "reshape": "ViewBackward0", "square": "PowBackward0", "clamp": "ClampBackward1",
        "hardSigmoid": "HardsigmoidBackward0", "hardSwish": "HardswishBackward0", "hardShrink": "HardshrinkBackward0", "softShrink": "SoftshrinkBackward0",
        "crossEntropy": "NllLossBackward0", "matmul": "MmBackward0", "linear": "AddmmBackward0", "norm": "LinalgVectorNormBackward0",
        "logSoftmax": "LogSoftmaxBackward0", "layerNorm": "NativeLayerNormBackward0", "batchNorm": "NativeBatchNormBackward0",
        "convolution": "ConvolutionBackward0", "embed": "DiagEmbedBackward0",
        "maxPool": "MaxPool2DWithIndicesBackward0", "averagePool": "AvgPool2DBackward0",
        "conj": "ConjBackward0", "chunk": "SplitBackward0", "tensorSplit": "SplitBackward0", "stack": "StackBackward0",
    ]
}
