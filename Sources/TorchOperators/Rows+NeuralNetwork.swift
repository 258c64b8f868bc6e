// Rows: nn.functional and its kin.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static var neuralNetwork: [OperatorRow] { layers + pooling + normalization + losses + vision }

    /// An argument that is one number or one for each spatial dim.
    private static func size(_ a: OperatorArguments, _ parameter: String) throws -> SpatialSize { try SpatialSize(a.ints(parameter)) }
    private static func optionalSize(_ a: OperatorArguments, _ parameter: String) throws -> SpatialSize? { try a.optionalInts(parameter).map { SpatialSize($0) } }

    // MARK: Layers

    private static func convolution(
        _ name: String, _ call: @escaping @Sendable (Tensor, Tensor, Tensor?, SpatialSize, ConvolutionPadding, SpatialSize, Int) -> Tensor
    ) -> OperatorRow {
        OperatorRow(name, "input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1") { a in
            let padding: ConvolutionPadding
            if case .string(let s) = a.value("padding") {
                guard s == "same" || s == "valid" else { throw a.notImplemented("padding", "Invalid padding string: '\(s)'") }
                padding = s == "same" ? .same : .valid
            } else {
                padding = try .size(size(a, "padding"))
            }
            return try .tensor(
                call(a.tensor("input"), a.tensor("weight"), a.optionalTensor("bias"), size(a, "stride"), padding, size(a, "dilation"), a.int("groups")))
        }
    }

    private static func transposed(
        _ name: String, _ call: @escaping @Sendable (Tensor, Tensor, Tensor?, SpatialSize, SpatialSize, SpatialSize, Int, SpatialSize) -> Tensor
    ) -> OperatorRow {
        OperatorRow(name, "input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1") { a in
            try .tensor(
                call(
                    a.tensor("input"), a.tensor("weight"), a.optionalTensor("bias"), size(a, "stride"), size(a, "padding"), size(a, "output_padding"), a.int("groups"),
                    size(a, "dilation")))
        }
    }

    private static func dropouts(_ name: String, training: String, _ call: @escaping @Sendable (Tensor, Double, Bool) -> Tensor) -> OperatorRow {
        OperatorRow(name, "input, p=0.5, training=\(training), inplace=False") { a in try .tensor(call(a.tensor("input"), a.double("p"), a.bool("training"))) }
    }

    private static let softmaxRow = OperatorRow("softmax", "input, dim, dtype=None, _stacklevel=3") { a in
        try .tensor(a.tensor("input").softmax(dim: a.int("dim"), dtype: a.dtype()))
    }
    private static let logSoftmaxRow = OperatorRow("log_softmax", "input, dim, dtype=None, _stacklevel=3") { a in
        try .tensor(a.tensor("input").logSoftmax(dim: a.int("dim"), dtype: a.dtype()))
    }

    private static let layers: [OperatorRow] = [
        OperatorRow("nn.functional.linear", "input, weight, bias=None") { a in
            try .tensor(TorchTensor.linear(a.tensor("input"), a.tensor("weight"), a.optionalTensor("bias")))
        },
        OperatorRow("nn.functional.bilinear", "input1, input2, weight, bias=None") { a in
            try .tensor(TorchTensor.bilinear(a.tensor("input1"), a.tensor("input2"), a.tensor("weight"), a.optionalTensor("bias")))
        },
        convolution("nn.functional.conv1d") { conv1d($0, $1, $2, stride: $3, padding: $4, dilation: $5, groups: $6) },
        convolution("nn.functional.conv2d") { conv2d($0, $1, $2, stride: $3, padding: $4, dilation: $5, groups: $6) },
        convolution("nn.functional.conv3d") { conv3d($0, $1, $2, stride: $3, padding: $4, dilation: $5, groups: $6) },
        transposed("nn.functional.conv_transpose1d") { convTranspose1d($0, $1, $2, stride: $3, padding: $4, outputPadding: $5, groups: $6, dilation: $7) },
        transposed("nn.functional.conv_transpose2d") { convTranspose2d($0, $1, $2, stride: $3, padding: $4, outputPadding: $5, groups: $6, dilation: $7) },
        transposed("nn.functional.conv_transpose3d") { convTranspose3d($0, $1, $2, stride: $3, padding: $4, outputPadding: $5, groups: $6, dilation: $7) },
        softmaxRow, softmaxRow.alias("nn.functional.softmax"), logSoftmaxRow, logSoftmaxRow.alias("nn.functional.log_softmax"),
        OperatorRow("nn.functional.softmin", "input, dim, dtype=None, _stacklevel=3") { a in
            try .tensor(a.tensor("input").softmin(dim: a.int("dim"), dtype: a.dtype()))
        },
        OperatorRow("nn.functional.embedding", "input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False") { a in
            if a.has("max_norm") { throw a.notImplemented("max_norm", "the Embedding layer renormalises, the operator does not") }
            return try .tensor(
                TorchTensor.embedding(a.tensor("input"), a.tensor("weight"), paddingIdx: a.optionalInt("padding_idx"), scaleGradByFreq: a.bool("scale_grad_by_freq")))
        },
        OperatorRow(
            "nn.functional.embedding_bag",
            "input, weight, offsets=None, max_norm=None, norm_type=2, scale_grad_by_freq=False, mode='mean', sparse=False, per_sample_weights=None, include_last_offset=False, padding_idx=None"
        ) { a in
            if a.has("max_norm") { throw a.notImplemented("max_norm", "the layer renormalises, the operator does not") }
            let mode: EmbeddingBagMode = try a.choice("mode")
            return try .tensor(
                TorchTensor.embeddingBag(
                    a.tensor("input"), a.tensor("weight"), offsets: a.optionalTensor("offsets"), mode: mode, perSampleWeights: a.optionalTensor("per_sample_weights"),
                    includeLastOffset: a.bool("include_last_offset"), paddingIdx: a.optionalInt("padding_idx"), scaleGradByFreq: a.bool("scale_grad_by_freq")))
        },
        OperatorRow("nn.functional.one_hot", "input, num_classes=-1") { a in
            let n = try a.int("num_classes")
            return try .tensor(a.tensor("input").oneHot(classes: n == -1 ? nil : n))
        },
        dropouts("nn.functional.dropout", training: "True") { TorchTensor.dropout($0, p: $1, training: $2) },
        dropouts("nn.functional.dropout1d", training: "True") { TorchTensor.dropout1d($0, p: $1, training: $2) },
        dropouts("nn.functional.dropout2d", training: "True") { TorchTensor.dropout2d($0, p: $1, training: $2) },
        dropouts("nn.functional.dropout3d", training: "True") { TorchTensor.dropout3d($0, p: $1, training: $2) },
        dropouts("nn.functional.alpha_dropout", training: "False") { TorchTensor.alphaDropout($0, p: $1, training: $2) },
        dropouts("nn.functional.feature_alpha_dropout", training: "False") { TorchTensor.featureAlphaDropout($0, p: $1, training: $2) },
        OperatorRow("dropout", "input, p=0.5, train=True") { a in
            try .tensor(TorchTensor.dropout(a.tensor("input"), p: a.double("p"), training: a.bool("train")))
        },
        OperatorRow(
            "nn.functional.scaled_dot_product_attention", "query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None, enable_gqa=False"
        ) { a in
            try .tensor(
                TorchTensor.scaledDotProductAttention(
                    a.tensor("query"), a.tensor("key"), a.tensor("value"), mask: a.optionalTensor("attn_mask"), dropout: a.double("dropout_p"), causal: a.bool("is_causal"),
                    scale: a.optionalDouble("scale"), enableGQA: a.bool("enable_gqa")))
        },
        OperatorRow(
            "nn.functional.multi_head_attention_forward",
            "query, key, value, embed_dim_to_check, num_heads, in_proj_weight, in_proj_bias, bias_k, bias_v, add_zero_attn, dropout_p, out_proj_weight, out_proj_bias, training=True, key_padding_mask=None, need_weights=True, attn_mask=None, use_separate_proj_weight=False, q_proj_weight=None, k_proj_weight=None, v_proj_weight=None, static_k=None, static_v=None, average_attn_weights=True, is_causal=False"
        ) { a in
            if a.has("static_k") || a.has("static_v") { throw a.notImplemented("static_k", "keys and values given from outside are not supported") }
            let separate = try a.bool("use_separate_proj_weight") ? (a.tensor("q_proj_weight"), a.tensor("k_proj_weight"), a.tensor("v_proj_weight")) : nil
            let wants = try a.bool("need_weights")
            let r = try TorchTensor.multiHeadAttention(
                query: a.tensor("query"), key: a.tensor("key"), value: a.tensor("value"), heads: a.int("num_heads"), inWeight: a.optionalTensor("in_proj_weight"),
                inBias: a.optionalTensor("in_proj_bias"), outWeight: a.tensor("out_proj_weight"), outBias: a.optionalTensor("out_proj_bias"),
                separateWeights: separate, biasKey: a.optionalTensor("bias_k"), biasValue: a.optionalTensor("bias_v"), addZeroAttention: a.bool("add_zero_attn"),
                dropout: a.double("dropout_p"), training: a.bool("training"), keyPaddingMask: a.optionalTensor("key_padding_mask"),
                attentionMask: a.optionalTensor("attn_mask"), needWeights: wants, averageWeights: a.bool("average_attn_weights"),
                causal: a.bool("is_causal") && !a.has("attn_mask"))
            return [.tensor(r.output), r.weights.map { .tensor($0) } ?? .none]
        },
    ]

    // MARK: Pooling

    private static let maxSignature = "input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False"

    private static func maxPooling(
        _ name: String, _ call: @escaping @Sendable (Tensor, SpatialSize, SpatialSize?, SpatialSize, SpatialSize, Bool) -> Tensor,
        _ withIndices: @escaping @Sendable (Tensor, SpatialSize, SpatialSize?, SpatialSize, SpatialSize, Bool) -> (values: Tensor, indices: Tensor)
    ) -> OperatorRow {
        OperatorRow(name, maxSignature) { a in
            let (x, k, s) = try (a.tensor("input"), size(a, "kernel_size"), optionalSize(a, "stride"))
            let (p, d, ceil) = try (size(a, "padding"), size(a, "dilation"), a.bool("ceil_mode"))
            guard try a.bool("return_indices") else { return .tensor(call(x, k, s, p, d, ceil)) }
            let r = withIndices(x, k, s, p, d, ceil)
            return [.tensor(r.values), .tensor(r.indices)]
        }
    }

    private static func unpooling(_ name: String, _ call: @escaping @Sendable (Tensor, Tensor, SpatialSize, SpatialSize?, SpatialSize, [Int]?) -> Tensor) -> OperatorRow {
        OperatorRow(name, "input, indices, kernel_size, stride=None, padding=0, output_size=None") { a in
            try .tensor(
                call(a.tensor("input"), a.tensor("indices"), size(a, "kernel_size"), optionalSize(a, "stride"), size(a, "padding"), a.optionalInts("output_size")))
        }
    }

    /// Sizes in which None keeps the input's.
    private static func openSizes(_ a: OperatorArguments, _ parameter: String) throws -> [Int?] {
        guard let items = a.value(parameter).items else { return try [a.int(parameter)] }
        return try items.map {
            switch $0 {
            case .none: return nil
            case .int(let i): return i
            default: throw a.notImplemented(parameter, "expected integers or None, found \($0.summary)")
            }
        }
    }

    private static func adaptiveMax(_ name: String, _ rank: Int) -> OperatorRow {
        OperatorRow(name, "input, output_size, return_indices=False") { a in
            var sizes = try openSizes(a, "output_size")
            if sizes.count == 1 { sizes = [Int?](repeating: sizes[0], count: rank) }
            if try a.bool("return_indices") {
                guard sizes.count == rank else { throw a.notImplemented("output_size", "internal error: expected \(rank) sizes") }
                let r = try adaptiveMaxPoolWithIndices(a.tensor("input"), sizes)
                return [.tensor(r.values), .tensor(r.indices)]
            }
            let x = try a.tensor("input")
            switch rank {
            case 1: return .tensor(adaptiveMaxPool1d(x, sizes))
            case 2: return .tensor(adaptiveMaxPool2d(x, sizes))
            default: return .tensor(adaptiveMaxPool3d(x, sizes))
            }
        }
    }

    private static func fractional(
        _ name: String, _ call: @escaping @Sendable (Tensor, SpatialSize, [Int]?, [Double]?, Tensor?) -> (values: Tensor, indices: Tensor)
    ) -> OperatorRow {
        OperatorRow(name, "input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None") { a in
            let r = try call(
                a.tensor("input"), size(a, "kernel_size"), a.optionalInts("output_size"), a.optionalDoubles("output_ratio"), a.optionalTensor("_random_samples"))
            return try a.bool("return_indices") ? [.tensor(r.values), .tensor(r.indices)] : .tensor(r.values)
        }
    }

    private static func lp(_ name: String, _ call: @escaping @Sendable (Tensor, Double, SpatialSize, SpatialSize?, Bool) -> Tensor) -> OperatorRow {
        OperatorRow(name, "input, norm_type, kernel_size, stride=None, ceil_mode=False") { a in
            try .tensor(call(a.tensor("input"), a.double("norm_type"), size(a, "kernel_size"), optionalSize(a, "stride"), a.bool("ceil_mode")))
        }
    }

    private static let pooling: [OperatorRow] = [
        maxPooling(
            "nn.functional.max_pool1d", { maxPool1d($0, kernelSize: $1, stride: $2, padding: $3, dilation: $4, ceilMode: $5) },
            { maxPool1dWithIndices($0, kernelSize: $1, stride: $2, padding: $3, dilation: $4, ceilMode: $5) }),
        maxPooling(
            "nn.functional.max_pool2d", { maxPool2d($0, kernelSize: $1, stride: $2, padding: $3, dilation: $4, ceilMode: $5) },
            { maxPool2dWithIndices($0, kernelSize: $1, stride: $2, padding: $3, dilation: $4, ceilMode: $5) }),
        maxPooling(
            "nn.functional.max_pool3d", { maxPool3d($0, kernelSize: $1, stride: $2, padding: $3, dilation: $4, ceilMode: $5) },
            { maxPool3dWithIndices($0, kernelSize: $1, stride: $2, padding: $3, dilation: $4, ceilMode: $5) }),
        unpooling("nn.functional.max_unpool1d") { maxUnpool1d($0, $1, kernelSize: $2, stride: $3, padding: $4, outputSize: $5) },
        unpooling("nn.functional.max_unpool2d") { maxUnpool2d($0, $1, kernelSize: $2, stride: $3, padding: $4, outputSize: $5) },
        unpooling("nn.functional.max_unpool3d") { maxUnpool3d($0, $1, kernelSize: $2, stride: $3, padding: $4, outputSize: $5) },
        OperatorRow("nn.functional.avg_pool1d", "input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True") { a in
            try .tensor(
                avgPool1d(
                    a.tensor("input"), kernelSize: size(a, "kernel_size"), stride: optionalSize(a, "stride"), padding: size(a, "padding"), ceilMode: a.bool("ceil_mode"),
                    countIncludePad: a.bool("count_include_pad")))
        },
        OperatorRow("nn.functional.avg_pool2d", "input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None") { a in
            try .tensor(
                avgPool2d(
                    a.tensor("input"), kernelSize: size(a, "kernel_size"), stride: optionalSize(a, "stride"), padding: size(a, "padding"), ceilMode: a.bool("ceil_mode"),
                    countIncludePad: a.bool("count_include_pad"), divisorOverride: a.optionalInt("divisor_override")))
        },
        OperatorRow("nn.functional.avg_pool3d", "input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None") { a in
            try .tensor(
                avgPool3d(
                    a.tensor("input"), kernelSize: size(a, "kernel_size"), stride: optionalSize(a, "stride"), padding: size(a, "padding"), ceilMode: a.bool("ceil_mode"),
                    countIncludePad: a.bool("count_include_pad"), divisorOverride: a.optionalInt("divisor_override")))
        },
        OperatorRow("nn.functional.adaptive_avg_pool1d", "input, output_size") { a in try .tensor(adaptiveAvgPool1d(a.tensor("input"), openSizes(a, "output_size"))) },
        OperatorRow("nn.functional.adaptive_avg_pool2d", "input, output_size") { a in try .tensor(adaptiveAvgPool2d(a.tensor("input"), openSizes(a, "output_size"))) },
        OperatorRow("nn.functional.adaptive_avg_pool3d", "input, output_size") { a in try .tensor(adaptiveAvgPool3d(a.tensor("input"), openSizes(a, "output_size"))) },
        adaptiveMax("nn.functional.adaptive_max_pool1d", 1), adaptiveMax("nn.functional.adaptive_max_pool2d", 2), adaptiveMax("nn.functional.adaptive_max_pool3d", 3),
        fractional("nn.functional.fractional_max_pool2d") { fractionalMaxPool2d($0, kernelSize: $1, outputSize: $2, outputRatio: $3, randomSamples: $4) },
        fractional("nn.functional.fractional_max_pool3d") { fractionalMaxPool3d($0, kernelSize: $1, outputSize: $2, outputRatio: $3, randomSamples: $4) },
        lp("nn.functional.lp_pool1d") { lpPool1d($0, normType: $1, kernelSize: $2, stride: $3, ceilMode: $4) },
        lp("nn.functional.lp_pool2d") { lpPool2d($0, normType: $1, kernelSize: $2, stride: $3, ceilMode: $4) },
        lp("nn.functional.lp_pool3d") { lpPool3d($0, normType: $1, kernelSize: $2, stride: $3, ceilMode: $4) },
    ]

    // MARK: Normalisation

    private static let normalization: [OperatorRow] = [
        OperatorRow("nn.functional.layer_norm", "input, normalized_shape, weight=None, bias=None, eps=1e-5") { a in
            try .tensor(
                layerNorm(a.tensor("input"), a.ints("normalized_shape"), weight: a.optionalTensor("weight"), bias: a.optionalTensor("bias"), epsilon: a.double("eps")))
        },
        OperatorRow("native_layer_norm", "input, normalized_shape, weight, bias, eps") { a in
            let r = try layerNormWithStatistics(
                a.tensor("input"), a.ints("normalized_shape"), weight: a.optionalTensor("weight"), bias: a.optionalTensor("bias"), epsilon: a.double("eps"))
            return [.tensor(r.output), .tensor(r.mean), .tensor(r.rstd)]
        },
        OperatorRow("nn.functional.rms_norm", "input, normalized_shape, weight=None, eps=None") { a in
            try .tensor(rmsNorm(a.tensor("input"), a.ints("normalized_shape"), weight: a.optionalTensor("weight"), epsilon: a.optionalDouble("eps")))
        },
        OperatorRow("nn.functional.group_norm", "input, num_groups, weight=None, bias=None, eps=1e-5") { a in
            try .tensor(groupNorm(a.tensor("input"), groups: a.int("num_groups"), weight: a.optionalTensor("weight"), bias: a.optionalTensor("bias"), epsilon: a.double("eps")))
        },
        OperatorRow("native_group_norm", "input, weight, bias, N, C, HxW, group, eps") { a in
            let x = try a.tensor("input")
            let (n, c, inner) = try (a.int("N"), a.int("C"), a.int("HxW"))
            guard x.count == n * c * inner else { throw a.notImplemented("N", "N, C and HxW must be those of the input \(x.dims)") }
            let r = try groupNormWithStatistics(
                x.reshape([n, c, inner]), groups: a.int("group"), weight: a.optionalTensor("weight"), bias: a.optionalTensor("bias"), epsilon: a.double("eps"))
            return [.tensor(r.output.reshape(x.shape)), .tensor(r.mean), .tensor(r.rstd)]
        },
        OperatorRow("nn.functional.batch_norm", "input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5") { a in
            try .tensor(batchNormalized(a).output)
        },
        OperatorRow("native_batch_norm", "input, weight, bias, running_mean, running_var, training, momentum, eps") { a in
            let r = try batchNormalized(a)
            return [.tensor(r.output), .tensor(r.mean), .tensor(r.rstd)]
        },
        OperatorRow("nn.functional.instance_norm", "input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5") { a in
            let (x, w, b, eps) = try (a.tensor("input"), a.optionalTensor("weight"), a.optionalTensor("bias"), a.double("eps"))
            guard var mean = try a.optionalTensor("running_mean"), var variance = try a.optionalTensor("running_var") else {
                return .tensor(instanceNorm(x, weight: w, bias: b, epsilon: eps))
            }
            if try !a.bool("use_input_stats") { return .tensor(batchNorm(x, runningMean: mean, runningVariance: variance, weight: w, bias: b, epsilon: eps)) }
            let y = try instanceNorm(x, updatingMean: &mean, variance: &variance, weight: w, bias: b, momentum: a.double("momentum"), epsilon: eps)
            a.update("running_mean", to: mean)
            a.update("running_var", to: variance)
            return .tensor(y)
        },
        OperatorRow("nn.functional.local_response_norm", "input, size, alpha=1e-4, beta=0.75, k=1.0") { a in
            try .tensor(localResponseNorm(a.tensor("input"), size: a.int("size"), alpha: a.double("alpha"), beta: a.double("beta"), k: a.double("k")))
        },
    ]

    private static func batchNormalized(_ a: OperatorArguments) throws -> (output: Tensor, mean: Tensor, rstd: Tensor) {
        let (x, w, b, eps) = try (a.tensor("input"), a.optionalTensor("weight"), a.optionalTensor("bias"), a.double("eps"))
        var (mean, variance) = try (a.optionalTensor("running_mean"), a.optionalTensor("running_var"))
        if try a.bool("training") {
            let r = batchNormWithStatistics(x, weight: w, bias: b, epsilon: eps)
            if mean != nil, variance != nil {
                _ = try noGrad { try batchNorm(x, updatingMean: &mean!, variance: &variance!, weight: w, bias: b, momentum: a.double("momentum"), epsilon: eps) }
                a.update("running_mean", to: mean!)
                a.update("running_var", to: variance!)
            }
            return r
        }
        guard let mean, let variance else { throw a.notImplemented("running_mean", "expected running_mean and running_var when not training") }
        let none = x.newEmpty([0])
        return (batchNorm(x, runningMean: mean, runningVariance: variance, weight: w, bias: b, epsilon: eps), none, none)
    }

    // MARK: Losses

    private static func loss(_ name: String, _ call: @escaping @Sendable (Tensor, Tensor, Reduction) -> Tensor) -> OperatorRow {
        OperatorRow("nn.functional.\(name)", "input, target, size_average=None, reduce=None, reduction='mean'") { a in
            try .tensor(call(a.tensor("input"), a.tensor("target"), a.choice("reduction")))
        }
    }
    private static func weightedLoss(_ name: String, _ call: @escaping @Sendable (Tensor, Tensor, Tensor?, Reduction) -> Tensor) -> OperatorRow {
        OperatorRow("nn.functional.\(name)", "input, target, size_average=None, reduce=None, reduction='mean', weight=None") { a in
            try .tensor(call(a.tensor("input"), a.tensor("target"), a.optionalTensor("weight"), a.choice("reduction")))
        }
    }

    private static let losses: [OperatorRow] = [
        OperatorRow("nn.functional.cross_entropy", "input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean', label_smoothing=0.0") { a in
            try .tensor(
                crossEntropy(
                    a.tensor("input"), a.tensor("target"), weight: a.optionalTensor("weight"), ignoreIndex: a.int("ignore_index"), reduction: a.choice("reduction"),
                    labelSmoothing: a.double("label_smoothing")))
        },
        OperatorRow("nn.functional.nll_loss", "input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean'") { a in
            try .tensor(
                nllLoss(a.tensor("input"), a.tensor("target"), weight: a.optionalTensor("weight"), ignoreIndex: a.int("ignore_index"), reduction: a.choice("reduction")))
        },
        OperatorRow(
            "nn.functional.linear_cross_entropy",
            "input, linear_weight, target, *, linear_bias=None, weight=None, ignore_index=-100, reduction='mean', label_smoothing=0.0, chunking_strategy=None"
        ) { a in
            // A weight (c, d…, in) makes logits (n, c, d…).
            let (x, w) = try (a.tensor("input"), a.tensor("linear_weight"))
            let heads = Array(w.shape.dropLast())
            let logits = try TorchTensor.linear(x, w.rank > 2 ? w.flatten(endDim: -2) : w, a.optionalTensor("linear_bias").map { $0.rank > 1 ? $0.flatten() : $0 })
            return try .tensor(
                crossEntropy(
                    w.rank > 2 ? logits.reshape(x.shape.dropLast() + heads) : logits, a.tensor("target"),
                    weight: a.optionalTensor("weight"), ignoreIndex: a.int("ignore_index"), reduction: a.choice("reduction"), labelSmoothing: a.double("label_smoothing")))
        },
        weightedLoss("mse_loss") { mseLoss($0, $1, weight: $2, reduction: $3) },
        weightedLoss("l1_loss") { l1Loss($0, $1, weight: $2, reduction: $3) },
        OperatorRow("nn.functional.smooth_l1_loss", "input, target, size_average=None, reduce=None, reduction='mean', beta=1.0") { a in
            try .tensor(smoothL1Loss(a.tensor("input"), a.tensor("target"), beta: a.double("beta"), reduction: a.choice("reduction")))
        },
        OperatorRow("nn.functional.huber_loss", "input, target, reduction='mean', delta=1.0, weight=None") { a in
            try .tensor(
                huberLoss(a.tensor("input"), a.tensor("target"), delta: a.double("delta"), weight: a.optionalTensor("weight"), reduction: a.choice("reduction")))
        },
        OperatorRow(
            "nn.functional.poisson_nll_loss", "input, target, log_input=True, full=False, size_average=None, eps=1e-8, reduce=None, reduction='mean'"
        ) { a in
            try .tensor(
                poissonNLLLoss(
                    a.tensor("input"), a.tensor("target"), logInput: a.bool("log_input"), full: a.bool("full"), epsilon: a.double("eps"),
                    reduction: a.choice("reduction")))
        },
        OperatorRow("nn.functional.gaussian_nll_loss", "input, target, var, full=False, eps=1e-6, reduction='mean'") { a in
            let x = try a.tensor("input")
            let variance = try a.has("var") ? a.operand("var") : Tensor.number(1)
            return try .tensor(
                gaussianNLLLoss(x, a.tensor("target"), variance: variance, full: a.bool("full"), epsilon: a.double("eps"), reduction: a.choice("reduction")))
        },
        OperatorRow("nn.functional.kl_div", "input, target, size_average=None, reduce=None, reduction='mean', log_target=False") { a in
            try .tensor(klDiv(a.tensor("input"), a.tensor("target"), reduction: a.choice("reduction"), logTarget: a.bool("log_target")))
        },
        OperatorRow("nn.functional.binary_cross_entropy", "input, target, weight=None, size_average=None, reduce=None, reduction='mean'") { a in
            try .tensor(binaryCrossEntropy(a.tensor("input"), a.tensor("target"), weight: a.optionalTensor("weight"), reduction: a.choice("reduction")))
        },
        OperatorRow(
            "nn.functional.binary_cross_entropy_with_logits", "input, target, weight=None, size_average=None, reduce=None, reduction='mean', pos_weight=None"
        ) { a in
            try .tensor(
                binaryCrossEntropyWithLogits(
                    a.tensor("input"), a.tensor("target"), weight: a.optionalTensor("weight"), posWeight: a.optionalTensor("pos_weight"),
                    reduction: a.choice("reduction")))
        },
        loss("soft_margin_loss") { softMarginLoss($0, $1, reduction: $2) },
        loss("multilabel_margin_loss") { multilabelMarginLoss($0, $1, reduction: $2) },
        OperatorRow("nn.functional.multilabel_soft_margin_loss", "input, target, weight=None, size_average=None, reduce=None, reduction='mean'") { a in
            try .tensor(multilabelSoftMarginLoss(a.tensor("input"), a.tensor("target"), weight: a.optionalTensor("weight"), reduction: a.choice("reduction")))
        },
        OperatorRow("nn.functional.hinge_embedding_loss", "input, target, margin=1.0, size_average=None, reduce=None, reduction='mean'") { a in
            try .tensor(hingeEmbeddingLoss(a.tensor("input"), a.tensor("target"), margin: a.double("margin"), reduction: a.choice("reduction")))
        },
        OperatorRow("nn.functional.margin_ranking_loss", "input1, input2, target, margin=0, size_average=None, reduce=None, reduction='mean'") { a in
            try .tensor(
                marginRankingLoss(a.tensor("input1"), a.tensor("input2"), a.tensor("target"), margin: a.double("margin"), reduction: a.choice("reduction")))
        },
        OperatorRow("nn.functional.cosine_embedding_loss", "input1, input2, target, margin=0, size_average=None, reduce=None, reduction='mean'") { a in
            try .tensor(
                cosineEmbeddingLoss(a.tensor("input1"), a.tensor("input2"), a.tensor("target"), margin: a.double("margin"), reduction: a.choice("reduction")))
        },
        OperatorRow(
            "nn.functional.multi_margin_loss", "input, target, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction='mean'"
        ) { a in
            try .tensor(
                multiMarginLoss(
                    a.tensor("input"), a.tensor("target"), p: a.int("p"), margin: a.double("margin"), weight: a.optionalTensor("weight"),
                    reduction: a.choice("reduction")))
        },
        OperatorRow(
            "nn.functional.triplet_margin_loss",
            "anchor, positive, negative, margin=1.0, p=2, eps=1e-6, swap=False, size_average=None, reduce=None, reduction='mean'"
        ) { a in
            try .tensor(
                tripletMarginLoss(
                    a.tensor("anchor"), a.tensor("positive"), a.tensor("negative"), margin: a.double("margin"), p: a.double("p"), epsilon: a.double("eps"),
                    swap: a.bool("swap"), reduction: a.choice("reduction")))
        },
        OperatorRow("nn.functional.cosine_similarity", "x1, x2, dim=1, eps=1e-8") { a in
            try .tensor(cosineSimilarity(a.tensor("x1"), a.tensor("x2"), dim: a.int("dim"), epsilon: a.double("eps")))
        },
        OperatorRow("nn.functional.pairwise_distance", "x1, x2, p=2.0, eps=1e-6, keepdim=False") { a in
            try .tensor(pairwiseDistance(a.tensor("x1"), a.tensor("x2"), p: a.double("p"), epsilon: a.double("eps"), keepDim: a.bool("keepdim")))
        },
        OperatorRow("nn.functional.pdist", "input, p=2.0") { a in try .tensor(pdist(a.tensor("input"), p: a.double("p"))) },
        OperatorRow("nn.functional.normalize", "input, p=2.0, dim=1, eps=1e-12") { a in
            try .tensor(normalize(a.tensor("input"), p: a.double("p"), dim: a.int("dim"), epsilon: a.double("eps")))
        },
        OperatorRow(
            "nn.functional.ctc_loss", "log_probs, targets, input_lengths, target_lengths, blank=0, reduction='mean', zero_infinity=False"
        ) { a in
            try .tensor(
                ctcLoss(
                    a.tensor("log_probs"), a.tensor("targets"), inputLengths: a.ints("input_lengths"), targetLengths: a.ints("target_lengths"), blank: a.int("blank"),
                    reduction: a.choice("reduction"), zeroInfinity: a.bool("zero_infinity")))
        },
    ]

    // MARK: Vision

    private static let vision: [OperatorRow] = [
        OperatorRow("nn.functional.pad", "input, pad, mode='constant', value=None") { a in
            try .tensor(TorchTensor.pad(a.tensor("input"), a.ints("pad"), mode: a.choice("mode"), value: a.optionalScalar("value") ?? 0))
        },
        OperatorRow("constant_pad_nd", "input, pad, value=0") { a in
            try .tensor(TorchTensor.pad(a.tensor("input"), a.ints("pad"), value: a.scalar("value")))
        },
        OperatorRow(
            "nn.functional.interpolate", "input, size=None, scale_factor=None, mode='nearest', align_corners=None, recompute_scale_factor=None, antialias=False"
        ) { a in
            try .tensor(
                TorchTensor.interpolate(
                    a.tensor("input"), size: a.optionalInts("size"), scaleFactor: a.optionalDoubles("scale_factor"), mode: a.choice("mode"),
                    alignCorners: a.optionalBool("align_corners"), recomputeScaleFactor: a.optionalBool("recompute_scale_factor") ?? false,
                    antialias: a.bool("antialias")))
        },
        OperatorRow("nn.functional.upsample_nearest", "input, size=None, scale_factor=None") { a in
            try .tensor(upsampleNearest(a.tensor("input"), size: a.optionalInts("size"), scaleFactor: a.optionalDoubles("scale_factor")))
        },
        OperatorRow("nn.functional.upsample_bilinear", "input, size=None, scale_factor=None") { a in
            try .tensor(upsampleBilinear(a.tensor("input"), size: a.optionalInts("size"), scaleFactor: a.optionalDoubles("scale_factor")))
        },
        OperatorRow("nn.functional.grid_sample", "input, grid, mode='bilinear', padding_mode='zeros', align_corners=None") { a in
            try .tensor(
                gridSample(
                    a.tensor("input"), a.tensor("grid"), mode: a.choice("mode"), padding: a.choice("padding_mode"), alignCorners: a.optionalBool("align_corners") ?? false))
        },
        gridSampler("grid_sampler_2d"), gridSampler("grid_sampler_3d"), gridSampler("grid_sampler"),
        OperatorRow("nn.functional.affine_grid", "theta, size, align_corners=None") { a in
            try .tensor(affineGrid(a.tensor("theta"), size: a.ints("size"), alignCorners: a.optionalBool("align_corners") ?? false))
        },
        OperatorRow("nn.functional.pixel_shuffle", "input, upscale_factor") { a in try .tensor(pixelShuffle(a.tensor("input"), a.int("upscale_factor"))) },
        OperatorRow("nn.functional.pixel_unshuffle", "input, downscale_factor") { a in try .tensor(pixelUnshuffle(a.tensor("input"), a.int("downscale_factor"))) },
        OperatorRow("nn.functional.channel_shuffle", "input, groups") { a in try .tensor(channelShuffle(a.tensor("input"), groups: a.int("groups"))) },
        OperatorRow("nn.functional.unfold", "input, kernel_size, dilation=1, padding=0, stride=1") { a in
            try .tensor(
                TorchTensor.unfold(
                    a.tensor("input"), kernelSize: size(a, "kernel_size"), dilation: size(a, "dilation"), padding: size(a, "padding"), stride: size(a, "stride")))
        },
        OperatorRow("nn.functional.fold", "input, output_size, kernel_size, dilation=1, padding=0, stride=1") { a in
            try .tensor(
                TorchTensor.fold(
                    a.tensor("input"), outputSize: size(a, "output_size"), kernelSize: size(a, "kernel_size"), dilation: size(a, "dilation"),
                    padding: size(a, "padding"), stride: size(a, "stride")))
        },
    ]

    private static func gridSampler(_ name: String) -> OperatorRow {
        OperatorRow(name, "input, grid, interpolation_mode, padding_mode, align_corners") { a in
            let modes: [GridSampleMode] = [.bilinear, .nearest, .bicubic]
            let paddings: [GridSamplePadding] = [.zeros, .border, .reflection]
            let (m, p) = try (a.int("interpolation_mode"), a.int("padding_mode"))
            guard modes.indices.contains(m), paddings.indices.contains(p) else { throw a.notImplemented("interpolation_mode", "expected 0 to 2, found \(m) and \(p)") }
            return try .tensor(gridSample(a.tensor("input"), a.tensor("grid"), mode: modes[m], padding: paddings[p], alignCorners: a.bool("align_corners")))
        }
    }
}
