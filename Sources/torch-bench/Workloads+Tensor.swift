// Workloads on tensors: matrix products, overheads, elementwise, reductions, data movement.
import Torch
import WorkloadData

let root3 = 3.0.squareRoot()

enum Workloads {
    static var all: [Workload] { matrix + convolution + overhead + elementwise("1m", 1024) + elementwise("16m", 4096) + training + optimizer + checkpoint }

    // MARK: Matrix products

    static var matrix: [Workload] {
        [
            Workload("matmul_seed", .ms, heavy: true) {
                let (a, b) = (fill(1, [10000, 1000], root3), fill(2, [1000, 2000], root3))
                return .operation(flops: 4e10) { a.matmul(b).norm() }
            },
            Workload("matmul_seed_randn", .ms, heavy: true) { .operation(flops: 4e10) { Tensor.randn(10000, 1000).matmul(Tensor.randn(1000, 2000)).norm() } },
            square(64), square(256), square(1024),
            Workload("matvec_4096", .us) {
                let (x, w) = (fill(1, [1, 4096], root3), fill(2, [4096, 4096], root3))
                return .operation(flops: 2 * 4096 * 4096) { linear(x, w) }
            },
            Workload("bmm_64x128x64x128", .us) {
                let (a, b) = (fill(1, [64, 128, 64]), fill(2, [64, 64, 128]))
                return .operation(flops: 2 * 64 * 128 * 64 * 128) { a.matmul(b) }
            },
        ]
    }

    private static func square(_ n: Int) -> Workload {
        Workload("matmul_sq_\(n)", .us) {
            let (a, b) = (fill(1, [n, n], root3), fill(2, [n, n], root3))
            return .operation(flops: 2 * Double(n * n * n)) { a.matmul(b) }
        }
    }

    // MARK: Convolutions: 3x3, to weigh our own kernels against oneDNN's (SWIFT_TORCH_VENDOR=none)

    static var convolution: [Workload] {
        func layer(_ name: String, _ n: Int, _ channels: Int, _ size: Int) -> [Workload] {
            let flops = Double(2 * n * channels * channels * 9 * size * size)
            func operands() -> (x: Tensor, w: Tensor) { (fill(1, [n, channels, size, size]), fill(2, [channels, channels, 3, 3], 0.1)) }
            return [
                Workload("conv3x3_\(name)", .us) {
                    let (x, w) = operands()
                    return .operation(flops: flops) { conv2d(x, w, padding: 1) }
                },
                Workload("conv3x3_\(name)_fwdbwd", .us) {
                    let (x, w) = operands()
                    let (a, b) = (x.requiringGrad(), w.requiringGrad())
                    let ones = Tensor.ones(n, channels, size, size)
                    return .operation(flops: 3 * flops) { gradients(of: conv2d(a, b, padding: 1), withRespectTo: [a, b], gradOutput: ones)[1] }
                },
            ]
        }
        return layer("64c56", 4, 64, 56) + layer("128c28", 4, 128, 28) + layer("256c14", 4, 256, 14)
    }

    // MARK: Overheads

    static var overhead: [Workload] {
        [
            Workload("autograd_seed", .ns) {
                let x = Tensor(4.0)
                let (a, b, c) = (Tensor(2.0).requiringGrad(), Tensor(3.0).requiringGrad(), Tensor(1.0).requiringGrad())
                func once() -> (Tensor, [Tensor]) {
                    let y = a * a * x + b * x + c
                    return (y, gradients(of: y, withRespectTo: [a, b, c]))
                }
                let (y, g) = once()
                return Prepared(check: y.item() + g.reduce(0.0) { $0 + $1.item() }) { k in
                    Duration.of { for _ in 0..<k { keep(once().1[0]) } }
                }
            },
            Workload("op_add_1", .ns) {
                let (x, y) = (fill(1, [1]), fill(2, [1]))
                return .operation { x + y }
            },
            Workload("op_add_64", .ns) {
                let (x, y) = (fill(1, [64]), fill(2, [64]))
                return .operation { x + y }
            },
            Workload("op_chain10_32", .ns) {
                let (x, a, b) = (fill(1, [32, 32]), fill(2, [32, 32]), fill(3, [32, 32]))
                return .operation { chain(x, a, b) }
            },
            Workload("op_view", .ns) {
                let x = fill(1, [32, 32])
                return .operation { x.view(64, 16) }
            },
            Workload("op_transpose", .ns) {
                let x = fill(1, [32, 32])
                return .operation { x.transpose(0, 1) }
            },
            Workload("op_slice", .ns) {
                let x = fill(1, [32, 32])
                return .operation { x.slice(0, 1, 17) }
            },
            Workload("op_add_1_grad", .ns) {
                let (x, y) = (fill(1, [1]).requiringGrad(), fill(2, [1]))
                return .operation { x + y }
            },
            Workload("op_chain10_32_fwdbwd", .ns) {
                let (x, a, b) = (fill(1, [32, 32]).requiringGrad(), fill(2, [32, 32]), fill(3, [32, 32]))
                let ones = Tensor.ones(32, 32)
                return .operation { gradients(of: chain(x, a, b), withRespectTo: [x], gradOutput: ones)[0] }
            },
            Workload("op_bwd_node", .ns) {
                let (x, c) = (Tensor([1.0]).requiringGrad(), Tensor([1.0]))
                let one = Tensor([1.0])
                func forward() -> Tensor {
                    var y = x
                    for _ in 0..<1000 { y = y * c }
                    return y
                }
                // Repetitions are counted in nodes; only the backward passes are timed.
                return Prepared(check: checkValue(gradients(of: forward(), withRespectTo: [x], gradOutput: one)[0])) { k in
                    let passes = Swift.max(1, (k + 999) / 1000)
                    let outputs = (0..<passes).map { _ in forward() }
                    let d = Duration.of { for y in outputs { keep(gradients(of: y, withRespectTo: [x], gradOutput: one)[0]) } }
                    let scale = Double(k) / Double(passes * 1000)
                    return Duration(wall: d.wall * scale, cpu: d.cpu * scale)
                }
            },
        ]
    }

    @inline(__always)
    private static func chain(_ start: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
        var x = start
        for _ in 0..<5 { x = x * a + b }
        return x
    }

    // MARK: Elementwise, reductions, data movement

    /// The operations on n x n; names end in `size`.
    static func elementwise(_ size: String, _ n: Int) -> [Workload] {
        func w(_ name: String, _ body: @escaping (Inputs) -> () -> Tensor) -> Workload {
            Workload("ew_\(name)_\(size)", .us) { .operation(body(Inputs(n: n))) }
        }
        return [
            w("add") { i in { [x = i.x, y = i.y] in x + y } },
            w("relu") { i in { [x = i.x] in x.relu() } },
            w("exp") { i in { [x = i.x] in x.exp() } },
            w("tanh") { i in { [x = i.x] in x.tanh() } },
            w("gelu") { i in { [x = i.x] in x.gelu() } },
            w("gelu_res") { i in { [x = i.x, y = i.y, w = i.w, b = i.b] in (x * w + b).gelu() + y } },
            w("softmax") { i in { [x = i.x] in x.softmax(dim: 1) } },
            w("layernorm") { i in { [x = i.x, w = i.w, b = i.b] in layerNorm(x, [n], weight: w, bias: b) } },
            w("sum_all") { i in { [x = i.x] in x.sum() } },
            w("sum_0") { i in { [x = i.x] in x.sum(dim: 0) } },
            w("sum_1") { i in { [x = i.x] in x.sum(dim: 1) } },
            w("mean_1") { i in { [x = i.x] in x.mean(dim: 1) } },
            w("transpose_copy") { i in { [x = i.x] in x.transpose(0, 1).contiguous() } },
            w("cat_0") { i in { [x = i.x, y = i.y] in cat([x, y], dim: 0) } },
            w("cat_1") { i in { [x = i.x, y = i.y] in cat([x, y], dim: 1) } },
            w("index_select") { i in { [x = i.x, r = i.rows] in x.indexSelect(0, r) } },
            w("gather_1") { i in { [x = i.x, g = i.columns] in x.gather(1, g) } },
            w("masked_fill") { i in { [x = i.x, m = i.mask, zero = Tensor(0.0)] in m.select(zero, x) } },
            w("argmax_1") { i in { [x = i.x] in x.argmax(dim: 1) } },
            w("sort_1") { i in { [x = i.x] in x.sort(dim: 1).values } },
            w("topk10_1") { i in { [x = i.x] in x.topk(10, dim: 1).values } },
            w("cumsum_1") { i in { [x = i.x] in x.cumsum(dim: 1) } },
        ]
    }

    /// Inputs, made when asked for.
    struct Inputs {
        let n: Int
        var x: Tensor { fill(11, [n, n], 3) }
        var y: Tensor { fill(12, [n, n]) }
        var w: Tensor { fill(13, [n]) }
        var b: Tensor { fill(14, [n]) }
        var rows: Tensor { Tensor((0..<n).map { 389 * $0 % n }) }
        var columns: Tensor { ints(15, [n, n], n) }
        var mask: Tensor { ints(16, [n, n], 2) .== 1 }
    }
}
