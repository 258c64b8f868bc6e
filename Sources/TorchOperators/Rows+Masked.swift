// Rows: reductions under a mask.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let masked: [OperatorRow] = maskedReductions + maskedAlong

    private typealias Reduce = @Sendable (Tensor, [Int]?, Bool, DType?, Tensor?) -> Tensor
    private typealias Along = @Sendable (Tensor, Int, DType?, Tensor?) -> Tensor

    private static func reduce(_ name: String, _ call: @escaping Reduce) -> OperatorRow {
        OperatorRow("masked.\(name)", "input, dim=None, *, keepdim=False, dtype=None, mask=None") { a in
            try .tensor(call(a.tensor("input"), a.optionalInts("dim"), a.bool("keepdim"), a.dtype(), a.optionalTensor("mask")))
        }
    }

    private static func along(_ name: String, _ call: @escaping Along) -> OperatorRow {
        OperatorRow("masked.\(name)", "input, dim, *, dtype=None, mask=None") { a in
            try .tensor(call(a.tensor("input"), a.int("dim"), a.dtype(), a.optionalTensor("mask")))
        }
    }

    private static let maskedReductions: [OperatorRow] = [
        reduce("sum") { x, d, k, t, m in Masked.sum(x, d, keepDim: k, dtype: t, mask: m) },
        reduce("prod") { x, d, k, t, m in Masked.prod(x, d, keepDim: k, dtype: t, mask: m) },
        reduce("amax") { x, d, k, t, m in Masked.amax(x, d, keepDim: k, dtype: t, mask: m) },
        reduce("amin") { x, d, k, t, m in Masked.amin(x, d, keepDim: k, dtype: t, mask: m) },
        reduce("mean") { x, d, k, t, m in Masked.mean(x, d, keepDim: k, dtype: t, mask: m) },
        reduce("logsumexp") { x, d, k, t, m in Masked.logsumexp(x, d, keepDim: k, dtype: t, mask: m) },
        OperatorRow("masked.argmax", "input, dim=None, *, keepdim=False, dtype=None, mask=None") { a in
            try .tensor(Masked.argmax(a.tensor("input"), dim: a.optionalInt("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype(), mask: a.optionalTensor("mask")))
        },
        OperatorRow("masked.argmin", "input, dim=None, *, keepdim=False, dtype=None, mask=None") { a in
            try .tensor(Masked.argmin(a.tensor("input"), dim: a.optionalInt("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype(), mask: a.optionalTensor("mask")))
        },
        OperatorRow("masked.median", "input, dim=-1, *, keepdim=False, dtype=None, mask=None") { a in
            try .tensor(Masked.median(a.tensor("input"), dim: a.int("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype(), mask: a.optionalTensor("mask")))
        },
        OperatorRow("masked.norm", "input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None") { a in
            try .tensor(
                Masked.norm(
                    a.tensor("input"), ord: a.double("ord"), a.optionalInts("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype(), mask: a.optionalTensor("mask")))
        },
        OperatorRow("masked.var", varSignature) { a in
            let (x, d, c) = (try a.tensor("input"), try a.optionalInts("dim"), try correction(a))
            return try .tensor(Masked.var(x, d, correction: c, keepDim: a.bool("keepdim"), dtype: a.dtype(), mask: a.optionalTensor("mask")))
        },
        OperatorRow("masked.std", varSignature) { a in
            let (x, d, c) = (try a.tensor("input"), try a.optionalInts("dim"), try correction(a))
            return try .tensor(Masked.std(x, d, correction: c, keepDim: a.bool("keepdim"), dtype: a.dtype(), mask: a.optionalTensor("mask")))
        },
    ]

    private static let varSignature = "input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None"

    private static func correction(_ a: OperatorArguments) throws -> Double {
        if a.has("unbiased") {
            if a.has("correction") { throw a.mismatch("correction", "only one of unbiased and correction") }
            return try a.bool("unbiased") ? 1 : 0
        }
        return try a.optionalDouble("correction") ?? 1
    }

    private static let maskedAlong: [OperatorRow] = [
        along("cumsum") { x, d, t, m in Masked.cumsum(x, dim: d, dtype: t, mask: m) },
        along("cumprod") { x, d, t, m in Masked.cumprod(x, dim: d, dtype: t, mask: m) },
        along("softmax") { x, d, t, m in Masked.softmax(x, dim: d, dtype: t, mask: m) },
        along("log_softmax") { x, d, t, m in Masked.logSoftmax(x, dim: d, dtype: t, mask: m) },
        along("softmin") { x, d, t, m in Masked.softmin(x, dim: d, dtype: t, mask: m) },
        OperatorRow("masked.logaddexp", "input, other, *, dtype=None, input_mask=None, other_mask=None") { a in
            let (x, y) = (try a.tensor("input"), try a.tensor("other"))
            return try .tensor(Masked.logaddexp(x, y, dtype: a.dtype(), inputMask: a.optionalTensor("input_mask"), otherMask: a.optionalTensor("other_mask")))
        },
        OperatorRow("masked.normalize", "input, ord, dim, *, eps=1e-12, dtype=None, mask=None") { a in
            let (x, p, d) = (try a.tensor("input"), try a.double("ord"), try a.int("dim"))
            return try .tensor(Masked.normalize(x, ord: p, dim: d, epsilon: a.double("eps"), dtype: a.dtype(), mask: a.optionalTensor("mask")))
        },
    ]
}
