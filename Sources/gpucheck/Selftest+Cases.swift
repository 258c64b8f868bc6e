// The cases of the selftest: a few of every family of kernels, with sizes that no block or vector divides.
import Torch

extension Selftest {
    /// Numbers of the standard normal distribution from the CPU's generator, the same for both devices.
    private static func numbers(_ shape: [Int], _ dtype: DType = .float32, seed: Int = 1, on device: Device) -> Tensor {
        Tensor.randn(shape, generator: Generator(seed: UInt64(seed))).to(dtype).to(device)
    }
    private static func integers(_ shape: [Int], below: Int, seed: Int = 1, on device: Device) -> Tensor {
        Tensor.randint(0, below, shape, generator: Generator(seed: UInt64(seed))).to(device)
    }
    /// A result and the gradients of its weighted sum.
    private static func withGradients(_ inputs: [Tensor], _ body: ([Tensor]) -> Tensor) -> [Tensor] {
        let leaves = inputs.map { $0.requiringGrad() }
        let y = body(leaves)
        let weight = numbers(y.shape, y.dtype, seed: 99, on: y.device)
        return [y.detached()] + gradients(of: [(y * weight).sum()], withRespectTo: leaves)
    }
    private static func trained<Network: Module>(_ make: () -> Network, _ loss: (Network) -> Tensor, _ steps: Int = 4) -> [Tensor] {
        manualSeed(5)
        let model = make()
        let optimizer = AdamW(model.parameters(), learningRate: 1e-3)
        return (0..<steps).map { _ in
            optimizer.zeroGrad()
            let l = loss(model)
            l.backward()
            optimizer.step()
            return l.detached()
        }
    }

    package static let cases: [Case] = pointwise + reductions + rows + matrices + indexing + vision + training

    private static let pointwise: [Case] = [
        Case(name: "add f32", tolerance: 0) { [numbers([1001], on: $0) + numbers([1001], seed: 2, on: $0)] },
        Case(name: "add bf16 broadcast", tolerance: 1e-2) { [numbers([37, 1, 5], .bfloat16, on: $0) * numbers([11, 1], .bfloat16, seed: 2, on: $0)] },
        Case(name: "exp gelu tanh f16", tolerance: 2e-3) { d in
            let x = numbers([777], .float16, on: d)
            return [x.exp(), x.gelu(), x.tanh()]
        },
        Case(name: "elementary f64 strided", tolerance: 1e-14) { d in
            let x = numbers([31, 17], .float64, on: d).t()
            return [x.sin(), x.exp(), x.abs().log1p(), x.atan(), x.erf()]
        },
        Case(name: "integers", tolerance: 0) { d in
            let x = integers([999], below: 1000, on: d)
            return [x * x - 7, x % 13, x.bitwiseAnd(x * 3), x .> 500]
        },
        Case(name: "conversions", tolerance: 0) { d in
            let x = numbers([513], on: d) * 100
            return [x.to(.int32), x.to(.float16), x.to(.bfloat16), x.to(.float64), x.to(.bool)]
        },
        Case(name: "where lerp", tolerance: 1e-6) { d in
            let (x, y) = (numbers([5, 77], on: d), numbers([77], seed: 2, on: d))
            return [(x .> 0).select(x, y.expand([5, 77])), x.lerp(y.expand([5, 77]), weight: 0.3)]
        },
    ]

    private static let reductions: [Case] = [
        Case(name: "sum mean f32", tolerance: 1e-5) { d in
            let x = numbers([67, 129], on: d)
            return [x.sum(), x.sum(dim: 0), x.sum(dim: 1), x.mean(dim: 0)]
        },
        Case(name: "max argmax var norm", tolerance: 1e-5) { d in
            let x = numbers([67, 129], on: d)
            return [x.max(), x.argmax(dim: 1), x.var(dim: 0), x.norm()]
        },
        Case(name: "long row", tolerance: 1e-6) { [numbers([300_001], on: $0).sum(), numbers([300_001], on: $0).max()] },
        Case(name: "cumsum", tolerance: 1e-5) { d in
            let x = numbers([9, 4097], on: d)
            return [x.cumsum(dim: 1), x.cumsum(dim: 0)]
        },
    ]

    private static let rows: [Case] = [
        Case(name: "softmax", tolerance: 1e-5) { d in withGradients([numbers([13, 1031], on: d)]) { $0[0].softmax(dim: 1) } },
        Case(name: "logSoftmax bf16", tolerance: 2e-2) { d in withGradients([numbers([13, 257], .bfloat16, on: d)]) { $0[0].logSoftmax(dim: 1) } },
        Case(name: "layerNorm", tolerance: 1e-4) { d in
            withGradients([numbers([33, 515], on: d), numbers([515], seed: 2, on: d), numbers([515], seed: 3, on: d)]) { layerNorm($0[0], [515], weight: $0[1], bias: $0[2]) }
        },
        Case(name: "crossEntropy", tolerance: 1e-5) { d in
            let y = integers([21], below: 1000, on: d)
            return withGradients([numbers([21, 1000], on: d)]) { crossEntropy($0[0], y) }
        },
    ]

    private static let matrices: [Case] = [
        Case(name: "matmul f32", tolerance: 1e-5) { d in withGradients([numbers([127, 65], on: d), numbers([65, 131], seed: 2, on: d)]) { $0[0].matmul($0[1]) } },
        Case(name: "matmul bf16", tolerance: 2e-2) { d in withGradients([numbers([130, 72], .bfloat16, on: d), numbers([72, 136], .bfloat16, seed: 2, on: d)]) { $0[0].matmul($0[1]) } },
        Case(name: "matmul f16 batched", tolerance: 5e-3) { d in [numbers([3, 65, 40], .float16, on: d).matmul(numbers([3, 40, 24], .float16, seed: 2, on: d))] },
        Case(name: "matmul f64 transposed", tolerance: 1e-12) { d in [numbers([65, 33], .float64, on: d).t().matmul(numbers([65, 34], .float64, seed: 2, on: d))] },
        Case(name: "fft", tolerance: 1e-5) { d in
            let x = numbers([3, 6, 35], on: d)
            return [FFT.rfft(x).viewAsReal(), FFT.irfft(FFT.rfft(x, dim: 1), n: 6, dim: 1)] + withGradients([x]) { FFT.rfft($0[0]).abs() }
        },
        Case(name: "fft f64 prime and power", tolerance: 1e-12) { d in [97, 256].map { FFT.fft(numbers([4, $0], .float64, on: d)).viewAsReal() } },
        Case(name: "attention causal f32", tolerance: 1e-4) { d in
            withGradients((0..<3).map { numbers([2, 3, 70, 64], seed: $0, on: d) }) { scaledDotProductAttention($0[0], $0[1], $0[2], causal: true) }
        },
        Case(name: "attention bf16", tolerance: 4e-2) { d in
            withGradients((0..<3).map { numbers([1, 2, 129, 64], .bfloat16, seed: $0, on: d) }) { scaledDotProductAttention($0[0], $0[1], $0[2]) }
        },
    ]

    private static let indexing: [Case] = [
        Case(name: "gather scatter embedding", tolerance: 1e-5) { d in
            let (index, x) = (integers([40, 9], below: 40, on: d), numbers([40, 9], on: d))
            let table = integers([200], below: 50, seed: 3, on: d)
            return [x.gather(0, index), x.scatterAdd(0, index, x)] + withGradients([numbers([50, 16], on: d)]) { embedding(table, $0[0]) }
        },
        Case(name: "masks", tolerance: 0) { d in
            let x = numbers([2111], on: d)
            return [x.maskedSelect(x .> 0.5), (x .> 0.5).nonzero()]
        },
        Case(name: "sort topk", tolerance: 0) { d in
            let x = numbers([7, 3001], on: d)
            let (sorted, top) = (x.sort(dim: 1), x.topk(9, dim: 1))
            return [sorted.values, sorted.indices, top.values, top.indices]
        },
    ]

    private static let vision: [Case] = [
        Case(name: "convolution", tolerance: 1e-4) { d in
            withGradients([numbers([3, 8, 15, 17], on: d), numbers([12, 4, 3, 3], seed: 2, on: d), numbers([12], seed: 3, on: d)]) {
                conv2d($0[0], $0[1], $0[2], stride: 2, padding: 1, groups: 2)
            }
        },
        Case(name: "convolution bf16", tolerance: 3e-2) { d in
            withGradients([numbers([4, 16, 14, 14], .bfloat16, on: d), numbers([24, 16, 3, 3], .bfloat16, seed: 2, on: d), numbers([24], .bfloat16, seed: 3, on: d)]) {
                conv2d($0[0], $0[1], $0[2], padding: 1)
            }
        },
        Case(name: "convolution tf32", tolerance: 4e-3) { d in
            CUDA.allowTF32Convolution = true
            defer { CUDA.allowTF32Convolution = false }
            return withGradients([numbers([4, 16, 14, 14], on: d), numbers([24, 16, 3, 3], seed: 2, on: d)]) { conv2d($0[0], $0[1], padding: 1) }
        },
        Case(name: "convolution of lines and volumes f16", tolerance: 1e-2) { d in
            withGradients([numbers([2, 8, 100], .float16, on: d), numbers([16, 8, 5], .float16, seed: 2, on: d)]) { conv1d($0[0], $0[1], dilation: 2) }
                + withGradients([numbers([1, 8, 6, 7, 8], .float16, on: d), numbers([8, 4, 2, 3, 3], .float16, seed: 2, on: d)]) { conv3d($0[0], $0[1], stride: 2, groups: 2) }
        },
        Case(name: "pooling", tolerance: 1e-5) { d in
            withGradients([numbers([2, 3, 15, 16], on: d)]) { maxPool2d($0[0], kernelSize: 3, stride: 2, padding: 1) }
                + withGradients([numbers([2, 3, 15, 16], on: d)]) { avgPool2d($0[0], kernelSize: 2) }
        },
        Case(name: "batchNorm", tolerance: 1e-4) { d in
            trained(
                { Sequential(Conv2d(3, 5, kernelSize: 3), BatchNorm2d(5), ReLU(), Flatten(), Linear(5 * 36, 4)).to(d) },
                { m in
                    crossEntropy(m(numbers([6, 3, 8, 8], on: d)), integers([6], below: 4, on: d))
                })
        },
    ]

    private static let training: [Case] = [
        Case(name: "perceptron trains", tolerance: 1e-4) { d in
            trained(
                { Sequential(Linear(20, 64), GELU(), Linear(64, 10)).to(d) },
                { m in
                    crossEntropy(m(numbers([32, 20], on: d)), integers([32], below: 10, on: d))
                })
        },
        Case(name: "lenet trains", tolerance: 1e-4) { d in
            let make = {
                Sequential(
                    Conv2d(1, 6, kernelSize: 5, padding: 2), ReLU(), MaxPool2d(2), Conv2d(6, 16, kernelSize: 5), ReLU(), MaxPool2d(2), Flatten(), Linear(400, 120), ReLU(),
                    Linear(120, 84), ReLU(), Linear(84, 10))
            }
            return trained({ make().to(d) }, { m in crossEntropy(m(numbers([4, 1, 28, 28], on: d)), integers([4], below: 10, on: d)) }, 3)
        },
        Case(name: "gpt trains", tolerance: 1e-4) { d in
            let (x, y) = (integers([2, 24], below: 50, on: d), integers([2, 24], below: 50, seed: 2, on: d))
            return trained(
                { GPT(vocabulary: 50, positions: 32, width: 32, layers: 2, heads: 4).to(d) },
                { m in
                    crossEntropy(m(x).reshape([48, 50]), y.reshape([48]))
                })
        },
        // On the device as a graph, on the CPU step by step.
        Case(name: "graph trains", tolerance: 1e-4) { d in
            manualSeed(5)
            let m = Sequential(Linear(20, 64), GELU(), Linear(64, 10)).to(d)
            let optimizer = AdamW(m.parameters(), learningRate: 1e-3)
            func step(_ x: Tensor, _ y: Tensor) -> Tensor {
                optimizer.zeroGrad()
                let l = crossEntropy(m(x), y)
                l.backward()
                optimizer.step()
                return l.detached()
            }
            let batches = (0..<4).map { (numbers([32, 20], seed: $0, on: d), integers([32], below: 10, seed: $0, on: d)) }
            let first = step(batches[0].0, batches[0].1)
            if d == .cpu { return [first] + batches[1...].map { step($0.0, $0.1) } }
            do {
                let graph = try CUDAGraph([batches[0].0, batches[0].1]) { [step($0[0], $0[1])] }
                return try [first] + batches[1...].map { try graph.replay([$0.0, $0.1])[0] }
            } catch {
                TensorError.report("CUDAGraph", "\(error)")
                return []
            }
        },
    ]
}
