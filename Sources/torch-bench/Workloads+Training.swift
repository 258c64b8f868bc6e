// Workloads of training: small models and the optimizer alone.
import Torch
import WorkloadData

extension Workloads {
    static var training: [Workload] {
        [
            Workload("mlp_train", .steps, heavy: true) {
                let model = Sequential {
                    Linear(784, 512)
                    ReLU()
                    Linear(512, 512)
                    ReLU()
                    Linear(512, 10)
                }
                return classifier(model, fill(100, [64, 784])) { model($0) }
            },
            Workload("mlp_tiny_train", .steps, heavy: true) {
                let model = Sequential {
                    Linear(64, 128)
                    ReLU()
                    Linear(128, 128)
                    ReLU()
                    Linear(128, 10)
                }
                return classifier(model, fill(100, [32, 64])) { model($0) }
            },
            Workload("lenet_train", .steps, heavy: true) {
                let model = LeNet()
                return classifier(model, fill(100, [64, 1, 28, 28])) { model($0) }
            },
        ]
    }

    /// SGD with momentum on ten classes, the same batch every step.
    private static func classifier(_ model: Module, _ x: Tensor, _ forward: @escaping (Tensor) -> Tensor) -> Prepared {
        setParameters(model)
        let y = ints(101, [x.size(0)], 10)
        let optimizer = SGD(model.parameters(), learningRate: 0.01, momentum: 0.9)
        return .training {
            optimizer.zeroGrad()
            let loss = crossEntropy(forward(x), y)
            loss.backward()
            optimizer.step()
            return loss.detached()
        }
    }

    static var optimizer: [Workload] {
        [
            Workload("adamw_25m", .ms, heavy: true) {
                let shapes = [[Int]](repeating: [768, 512], count: 50) + [[Int]](repeating: [256, 400], count: 50) + [[Int]](repeating: [4384], count: 50)
                let parameters = shapes.enumerated().map { Parameter(fill(2000 + $0, $1, 0.05)) }
                for (i, p) in parameters.enumerated() { p.grad = fill(3000 + i, shapes[i], 0.01) }
                let adam = AdamW(parameters, learningRate: 3e-4, betas: (0.9, 0.999), epsilon: 1e-8, weightDecay: 0.01)
                for _ in 0..<5 { adam.step() }
                return Prepared(check: checkValue(parameters[0].tensor)) { k in
                    Duration.of { for _ in 0..<k { adam.step() } }
                }
            }
        ]
    }
}
