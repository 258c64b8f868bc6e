// Measurements of single kernels, and of those that work together in one layer.
import Torch
import WorkloadData

extension Measurement {
    static func pointwise(_ shrink: Int) -> [Measurement] {
        let n = max(1, (64 << 20) / shrink)
        let (rows, columns) = (max(1, 8192 / shrink), 4096)
        func vector(_ dtype: DType = .float32) -> Tensor { fill(1, [n]).to(.cuda).to(dtype) }
        return [
            bandwidth("copy_f32", bytes: 8 * n) {
                let x = vector()
                return { x.clone() }
            },
            bandwidth("add_f32", bytes: 12 * n) {
                let (x, y) = (vector(), fill(2, [n]).to(.cuda))
                return { x + y }
            },
            bandwidth("gelu_f32", bytes: 8 * n) {
                let x = vector()
                return { x.gelu() }
            },
            bandwidth("gelu_bf16", bytes: 4 * n) {
                let x = vector(.bfloat16)
                return { x.gelu() }
            },
            bandwidth("to_bf16", bytes: 6 * n) {
                let x = vector()
                return { x.to(.bfloat16) }
            },
            bandwidth("transpose_add_f32", bytes: 12 * rows * columns) {
                let (x, y) = (fill(1, [rows, columns]).to(.cuda), fill(2, [columns, rows]).to(.cuda))
                return { x + y.t() }
            },
            bandwidth("rand_f32", bytes: 4 * n) { { Tensor.rand(n, device: .cuda) } },
            bandwidth("dropout_f32", bytes: 8 * n) {
                let x = vector()
                return { dropout(x, p: 0.5) }
            },
            bandwidth("sum_f32", bytes: 4 * n) {
                let x = vector()
                return { x.sum() }
            },
            Measurement(name: "launch", label: "us", unit: .time, work: 1e6) {
                let (x, y) = (Tensor.ones(1, device: .cuda), Tensor.ones(1, device: .cuda))
                return ({ _ = x + y }, nil)
            },
        ]
    }

    /// Reductions, normalisations, orders, along the rows of a matrix.
    static func rows(_ shrink: Int) -> [Measurement] {
        let (rows, columns) = (max(1, 8192 / shrink), 4096)
        let bytes = 4 * rows * columns
        func onMatrix(_ name: String, passes: Int, _ dtype: DType = .float32, _ f: @escaping (Tensor) -> Tensor) -> Measurement {
            bandwidth(name, bytes: passes * bytes * dtype.itemSize / 4) {
                let x = fill(1, [rows, columns]).to(.cuda).to(dtype)
                return { f(x) }
            }
        }
        return [
            onMatrix("sum_dim0_f32", passes: 1) { $0.sum([0]) }, onMatrix("sum_dim1_f32", passes: 1) { $0.sum([1]) }, onMatrix("argmax_f32", passes: 1) { $0.argmax(dim: 1) },
            onMatrix("softmax_f32", passes: 2) { $0.softmax(dim: 1) }, onMatrix("softmax_bf16", passes: 2, .bfloat16) { $0.softmax(dim: 1) },
            onMatrix("layernorm_f32", passes: 2) { layerNorm($0, [columns]) }, onMatrix("cumsum_f32", passes: 2) { $0.cumsum(dim: 1) },
            onMatrix("cumsum_dim0_f32", passes: 2) { $0.cumsum(dim: 0) }, onMatrix("sort_f32", passes: 4) { $0.sort(dim: 1).values },
            onMatrix("topk_f32", passes: 1) { $0.topk(16, dim: 1).values },
            time("layernorm_grad_f32") {
                gradient([fill(1, [rows, columns]), fill(2, [columns]), fill(3, [columns])].map { $0.to(.cuda) }) { layerNorm($0[0], [columns], weight: $0[1], bias: $0[2]) }
            },
            time("crossentropy_grad_f32") {
                let y = ints(2, [max(1, rows / 2)], 32_000).to(.cuda)
                return gradient([fill(1, [max(1, rows / 2), 32_000]).to(.cuda)]) { crossEntropy($0[0], y) }
            },
            time("embedding_grad_f32") {
                let at = ints(2, [rows * 2], 50_000).to(.cuda)
                return gradient([fill(1, [50_000, max(1, 1024 / shrink)]).to(.cuda)]) { embedding(at, $0[0]) }
            },
        ]
    }

    /// Convolution, normalisation and pooling of pictures, attention over sequences.
    static func networks(_ shrink: Int) -> [Measurement] {
        let (n, c) = (max(1, 32 / shrink), max(8, 128 / shrink))
        let (batch, length) = (max(1, 4 / shrink), max(16, 2048 / shrink))
        func pictures(_ dtype: DType) -> [Tensor] { [fill(1, [n, c, 56, 56]), fill(2, [c, c, 3, 3], 0.03)].map { $0.to(.cuda).to(dtype) } }
        func heads(_ dtype: DType) -> [Tensor] { (1...3).map { fill($0, [batch, 16, length, 64]).to(.cuda).to(dtype) } }
        let convolution: ([Tensor]) -> Tensor = { conv2d($0[0], $0[1], padding: 1) }
        let attention: ([Tensor]) -> Tensor = { scaledDotProductAttention($0[0], $0[1], $0[2], causal: true) }
        func plain(_ inputs: [Tensor], _ body: @escaping ([Tensor]) -> Tensor) -> () -> Tensor { { body(inputs) } }
        return [
            time("conv_f32") { plain(pictures(.float32), convolution) }, time("conv_bf16") { plain(pictures(.bfloat16), convolution) },
            time("conv_grad_f32") { gradient(pictures(.float32), convolution) }, time("conv_grad_bf16") { gradient(pictures(.bfloat16), convolution) },
            time("batchnorm_grad_f32") {
                gradient([fill(1, [n, c, 56, 56]), fill(2, [c]), fill(3, [c])].map { $0.to(.cuda) }) { batchNorm($0[0], weight: $0[1], bias: $0[2]) }
            },
            time("maxpool_grad_f32") { gradient([fill(1, [n, c, 56, 56]).to(.cuda)]) { maxPool2d($0[0], kernelSize: 3, stride: 2, padding: 1) } },
            time("attention_bf16") { plain(heads(.bfloat16), attention) }, time("attention_grad_bf16") { gradient(heads(.bfloat16), attention) },
            time("attention_f32") { plain(heads(.float32), attention) },
        ]
    }

    static func products(_ shrink: Int) -> [Measurement] {
        let side = max(16, 4096 / shrink)
        return [
            product("matmul_f32", .float32, side, side, side), product("matmul_bf16", .bfloat16, side, side, side), product("matmul_f16", .float16, side, side, side),
            product("matmul_seed", .float32, max(16, 10_000 / shrink), max(16, 2000 / shrink), max(16, 1000 / shrink)),
        ]
    }
}
