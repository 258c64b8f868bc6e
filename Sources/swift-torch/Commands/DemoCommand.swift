// `swift-torch demo`: a tour, each step with its code.
import ArgumentParser
import Torch
import TorchKernels

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "demo", abstract: "A tour of the library, each step printed with its code.")

    @Option(help: "Seed of the random numbers.") var seed = 0
    @Option(help: "Rows of the first factor of the matrix product; smaller is quicker.") var rows = 10_000

    func run() {
        manualSeed(seed)
        version()
        matrixProduct()
        gradientsOfAPolynomial()
        changingGraph()
        torch7()
    }

    private func step(_ title: String, _ code: String) {
        print("\n== \(title)")
        for line in code.split(separator: "\n", omittingEmptySubsequences: false) { print("   | \(line)") }
    }

    private func version() {
        step("Version and devices", "print(swiftTorchVersion, CUDA.isAvailable)")
        print(swiftTorchVersion, CUDA.isAvailable)
        if let reason = CUDA.unavailableReason { print("(\(reason))") }
    }

    private func matrixProduct() {
        step(
            "A large matrix product",
            """
            let a = Tensor.randn(\(rows), 1000)
            let b = Tensor.randn(1000, 2000)
            let c = a.matmul(b)
            print(c.norm())
            """)
        func product(_ device: Device) -> (seconds: Double, norm: Double) {
            let a = Tensor.randn(rows, 1000).to(device)
            let b = Tensor.randn(1000, 2000).to(device)
            let start = st_wall_seconds()
            let norm = a.matmul(b).norm().item()
            return (st_wall_seconds() - start, norm)
        }
        func show(_ name: String, _ r: (seconds: Double, norm: Double)) {
            print("\(name): \(ProgressBar.decimal(r.seconds, 5)) s, norm \(ProgressBar.decimal(r.norm, 2))")
        }
        show("CPU", product(.cpu))
        if CUDA.isAvailable {
            show("GPU, first use", product(.cuda))
            show("GPU, again", product(.cuda))
        } else {
            print("GPU: skipped, \(CUDA.unavailableReason ?? "")")
        }
    }

    private func gradientsOfAPolynomial() {
        step(
            "Gradients",
            """
            let x = Tensor(1.0)
            let (a, b, c) = (Tensor(1.0).requiringGrad(), Tensor(2.0).requiringGrad(), Tensor(3.0).requiringGrad())
            let y = a ** 2 * x + b * x + c
            let g = gradients(of: y, withRespectTo: [a, b, c])
            """)
        let x = Tensor(1.0)
        let (a, b, c) = (Tensor(1.0).requiringGrad(), Tensor(2.0).requiringGrad(), Tensor(3.0).requiringGrad())
        let y = a ** 2 * x + b * x + c
        print("before:", a.grad.map { "\($0)" } ?? "nil", b.grad.map { "\($0)" } ?? "nil", c.grad.map { "\($0)" } ?? "nil")
        let g = gradients(of: y, withRespectTo: [a, b, c])
        print("y =", y.item(), " dy/da, dy/db, dy/dc =", g[0].item(), g[1].item(), g[2].item())
    }

    private func changingGraph() {
        step(
            "A graph that follows the data",
            """
            var h = x
            var steps = 0
            while h.norm().item() < 12 && steps < 6 {          // as many steps as the data need
                h = weight.matmul(h).relu() + x
                steps += 1
            }
            print(h.sum().graphDrawing(names: ["weight": weight]))
            """)
        let weight = (Tensor.randn(3, 3) * 0.5).detached().requiringGrad()
        for scale in [6.0, 2.0] {
            let x = Tensor.ones(3) * scale
            var h = x
            var steps = 0
            while h.norm().item() < 12 && steps < 6 {
                h = weight.matmul(h).relu() + x
                steps += 1
            }
            print("input \(scale): \(steps) steps")
            if scale == 6.0 || steps <= 2 { print(h.sum().graphDrawing(names: ["weight": weight])) }
        }
    }

    private func torch7() {
        step(
            "Torch7's way: a small perceptron learns XOR",
            """
            let mlp = Sequential { Linear(2, 8); Tanh(); Linear(8, 1) }
            let criterion = MSELoss()
            func gradUpdate(_ x: Tensor, _ y: Tensor) -> Tensor {
                let prediction = mlp.forward(x)
                let loss = criterion.forward(prediction, y)
                mlp.zeroGradParameters()
                prediction.backward(gradient: criterion.backward(prediction, y))
                mlp.updateParameters(learningRate: 0.1)
                return loss
            }
            """)
        let mlp = Sequential {
            Linear(2, 8)
            Tanh()
            Linear(8, 1)
        }
        let criterion = MSELoss()
        func gradUpdate(_ x: Tensor, _ y: Tensor) -> Tensor {
            let prediction = mlp.forward(x)
            let loss = criterion.forward(prediction, y)
            mlp.zeroGradParameters()
            prediction.backward(gradient: criterion.backward(prediction.detached(), y))
            mlp.updateParameters(learningRate: 0.1)
            return loss
        }
        let x = Tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
        let y = Tensor([[0.0], [1], [1], [0]])
        for i in 1...2000 {
            let loss = gradUpdate(x, y)
            if i == 1 || i % 500 == 0 { print("step \(i): loss \(ProgressBar.decimal(loss.item(), 5))") }
        }
        print(noGrad { mlp(x) })
    }
}
