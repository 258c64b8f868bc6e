// `gpucheck bench`: what the device reaches with our kernels, a line of JSON each. Tools/gpu_peer.py measures the same in PyTorch on the same device.
import ArgumentParser
import Glibc
import Torch
import WorkloadData

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "bench", abstract: "Bandwidth, products, launch latency and training steps on the device.")

    @Option(help: "Measurements to make: * and ?.") var only: String = "*"
    @Option(help: "Seconds for each.") var budget: Double = 0.5
    @Option(help: "Divides the sizes: for a rehearsal on a slow device.") var shrink: Int = 1

    func run() throws {
        try requireDevice()
        guard shrink >= 1 else { throw ValidationError("--shrink needs a positive number") }
        var failed = 0
        for m in Measurement.all(shrink: shrink) where fnmatch(only, m.name, 0) == 0 {
            do {
                let (work, check) = try withTensorErrors { try m.prepare() }
                let time = try withTensorErrors { try median(work) }
                var record: JSON.Object = JSON.Object()
                record["name"] = .string(m.name)
                record["value"] = .double(m.unit == .perSecond ? m.work / time : time * m.work)
                record["unit"] = .string(m.label)
                record["seconds"] = .double(time)
                if let check { record["check"] = .double(check) }
                try emit(.object(record))
            } catch {
                failed += 1
                try emit(["name": .string(m.name), "error": .string("\(error)")])
            }
            try CUDA.emptyCache()
        }
        if failed > 0 { throw ExitCode.failure }
    }

    /// Seconds of one run: the median of rounds, each long enough for the clock and ended by a wait for the device.
    private func median(_ work: () -> Void) throws -> Double {
        func time(_ count: Int) throws -> Double {
            try CUDA.synchronize()
            let start = seconds()
            for _ in 0..<count { work() }
            try CUDA.synchronize()
            return (seconds() - start) / Double(count)
        }
        _ = try time(1)
        let first = try time(1)
        let count = max(1, min(10_000, Int(budget / 10 / max(first, 1e-7))))
        var rounds: [Double] = []
        let end = seconds() + budget
        repeat { rounds.append(try time(count)) } while seconds() < end && rounds.count < 50
        return rounds.sorted()[rounds.count / 2]
    }
}

/// Something to measure. What PyTorch runs under the same name is in Tools/gpu_peer.py.
struct Measurement {
    enum Unit { case perSecond, time }
    let name: String
    let label: String
    let unit: Unit
    /// Per second: units of work in a run. Time: what a second is multiplied with.
    let work: Double
    /// The work, and a value that must agree with PyTorch's.
    let prepare: () throws -> (() -> Void, check: Double?)

    /// Gigabytes read and written in a second.
    private static func bandwidth(_ name: String, bytes: Int, _ make: @escaping () -> (() -> Tensor)) -> Measurement {
        Measurement(name: name, label: "GB/s", unit: .perSecond, work: Double(bytes) * 1e-9) {
            let body = make()
            let check = body().to(.float32).mean().item()
            return ({ _ = body() }, check)
        }
    }

    private static func product(_ name: String, _ dtype: DType, _ m: Int, _ n: Int, _ k: Int) -> Measurement {
        Measurement(name: name, label: "TFLOP/s", unit: .perSecond, work: 2e-12 * Double(m) * Double(n) * Double(k)) {
            let (a, b) = (fill(1, [m, k]).to(.cuda).to(dtype), fill(2, [k, n]).to(.cuda).to(dtype))
            let check = a.matmul(b).to(.float32).abs().mean().item()
            return ({ _ = a.matmul(b) }, check)
        }
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

    static func all(shrink: Int) -> [Measurement] {
        let n = max(1, (64 << 20) / shrink)
        let (rows, columns) = (max(1, 8192 / shrink), 4096)
        let side = max(16, 4096 / shrink)
        func vector(_ dtype: DType = .float32) -> Tensor { fill(1, [n]).to(.cuda).to(dtype) }
        func matrix() -> Tensor { fill(1, [rows, columns]).to(.cuda) }
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
            bandwidth("transpose_add_f32", bytes: 12 * rows * columns) {
                let (x, y) = (matrix(), fill(2, [columns, rows]).to(.cuda))
                return { x + y.t() }
            },
            bandwidth("sum_f32", bytes: 4 * n) {
                let x = vector()
                return { x.sum() }
            },
            bandwidth("softmax_f32", bytes: 8 * rows * columns) {
                let x = matrix()
                return { x.softmax(dim: 1) }
            },
            bandwidth("layernorm_f32", bytes: 8 * rows * columns) {
                let x = matrix()
                return { layerNorm(x, [columns]) }
            },
            Measurement(name: "launch", label: "us", unit: .time, work: 1e6) {
                let (x, y) = (Tensor.ones(1, device: .cuda), Tensor.ones(1, device: .cuda))
                return ({ _ = x + y }, nil)
            },
            product("matmul_f32", .float32, side, side, side), product("matmul_bf16", .bfloat16, side, side, side), product("matmul_f16", .float16, side, side, side),
            product("matmul_seed", .float32, max(16, 10_000 / shrink), max(16, 2000 / shrink), max(16, 1000 / shrink)),
        ]
            + training("mlp_train") {
                let model = Sequential(Linear(784, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 10))
                setParameters(model)
                model.to(.cuda)
                let (x, y) = (fill(100, [64, 784]).to(.cuda), ints(101, [64], 10).to(.cuda))
                let optimizer = SGD(model.parameters(), learningRate: 0.01, momentum: 0.9)
                return step(optimizer) { crossEntropy(model(x), y) }
            }
            + training("gpt_train") {
                let model = GPT(vocabulary: 5000, positions: 128, width: 256, layers: 4, heads: 8)
                setGPTParameters(model)
                model.to(.cuda)
                let (batch, length) = (max(1, 8 / shrink), max(8, 128 / shrink))
                let (x, y) = (ints(100, [batch, length], 5000).to(.cuda), ints(101, [batch, length], 5000).to(.cuda).reshape([batch * length]))
                let optimizer = AdamW(model.parameters(), learningRate: 3e-4, weightDecay: 0.01)
                return step(optimizer) { crossEntropy(model(x).reshape([batch * length, 5000]), y) }
            }
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
