// Measurements of whole training steps, one by one and as a replayed graph.
import Torch
import WorkloadData

extension Measurement {
    static func trainings(_ shrink: Int) -> [Measurement] {
        [
            time("adamw_100m") {
                let size = max(1, (1 << 20) / shrink)
                let parameters = (0..<96).map { _ in Parameter(fill(1, [size]).to(.cuda)) }
                for p in parameters { p.grad = fill(2, [size]).to(.cuda) }
                let optimizer = AdamW(parameters, learningRate: 1e-6)
                return {
                    optimizer.step()
                    return parameters[0].tensor.detached()
                }
            }
        ]
            + training("mlp_train") {
                let model = Sequential(Linear(784, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 10))
                setParameters(model)
                model.to(.cuda)
                let (x, y) = (fill(100, [64, 784]).to(.cuda), ints(101, [64], 10).to(.cuda))
                let optimizer = SGD(model.parameters(), learningRate: 0.01, momentum: 0.9)
                return step(optimizer) { crossEntropy(model(x), y) }
            }
            + training("lenet_train") {
                let model = LeNet()
                setParameters(model)
                model.to(.cuda)
                let (x, y) = (fill(100, [64, 1, 28, 28]).to(.cuda), ints(101, [64], 10).to(.cuda))
                let optimizer = SGD(model.parameters(), learningRate: 0.01, momentum: 0.9)
                return step(optimizer) { crossEntropy(model(x), y) }
            }
            + training("gpt_train") { gpt(vocabulary: 5000, batch: max(1, 8 / shrink), length: max(8, 128 / shrink), width: 256, layers: 4, heads: 8) { $0() } }
            // GPT-2's width and context, in mixed precision.
            + training("gpt2_train_bf16") {
                let width = max(64, 768 / shrink)
                return gpt(vocabulary: max(100, 50_304 / shrink), batch: max(1, 8 / shrink), length: max(8, 1024 / shrink), width: width, layers: 6, heads: width / 64) { loss in
                    autocast(.bfloat16, device: .cuda) { loss() }
                }
            }
    }

    private static func gpt(
        vocabulary: Int, batch: Int, length: Int, width: Int, layers: Int, heads: Int, _ precision: @escaping (() -> Tensor) -> Tensor
    ) -> () -> Tensor {
        let model = GPT(vocabulary: vocabulary, positions: length, width: width, layers: layers, heads: heads)
        setGPTParameters(model)
        model.to(.cuda)
        let (x, y) = (ints(100, [batch, length], vocabulary).to(.cuda), ints(101, [batch, length], vocabulary).to(.cuda).reshape([batch * length]))
        let optimizer = AdamW(model.parameters(), learningRate: 3e-4, weightDecay: 0.01)
        return step(optimizer) { precision { crossEntropy(model(x).reshape([batch * length, vocabulary]), y) } }
    }

    /// Steps one by one, and as a replayed graph; the loss of the fifth step must be the same.
    private static func training(_ name: String, _ make: @escaping () -> (() -> Tensor)) -> [Measurement] {
        [
            Measurement(name: name, label: "steps/s", unit: .perSecond, work: 1) {
                let step = make()
                let losses = (0..<5).map { _ in step().item() }
                return ({ _ = step() }, losses[4])
            },
            Measurement(name: name + "_graph", label: "steps/s", unit: .perSecond, work: 1) {
                let step = make()
                _ = step()
                let graph = try CUDAGraph([]) { _ in [step()] }
                let losses = try (0..<4).map { _ in try graph.replay()[0].item() }
                return (
                    {
                        do { try graph.replay() } catch { TensorError.report("replay", "\(error)") }
                    }, losses[3]
                )
            },
        ]
    }

    private static func step(_ optimizer: Optimizer, _ loss: @escaping () -> Tensor) -> () -> Tensor {
        {
            optimizer.zeroGrad()
            let l = loss()
            l.backward()
            optimizer.step()
            return l.detached()
        }
    }

    /// As the workloads have it: parameter j is fill(1000 + j) of scale 0.035; norms start at 1, biases at 0.
    private static func setGPTParameters(_ model: GPT) {
        for (j, (name, p)) in model.namedParameters().enumerated() {
            let shape = p.tensor.shape
            p.tensor = name.hasSuffix("bias") ? .zeros(shape) : name.contains("norm") ? .ones(shape) : fill(1000 + j, shape, 0.035)
        }
    }
}
