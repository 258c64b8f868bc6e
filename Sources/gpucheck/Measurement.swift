// What `gpucheck bench` measures: kernels by bandwidth or time, products by operations, launches, training steps.
import Torch
import WorkloadData

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
    static func bandwidth(_ name: String, bytes: Int, _ make: @escaping () -> (() -> Tensor)) -> Measurement {
        Measurement(name: name, label: "GB/s", unit: .perSecond, work: Double(bytes) * 1e-9) {
            checked(make())
        }
    }

    /// Milliseconds of one run.
    static func time(_ name: String, _ make: @escaping () -> (() -> Tensor)) -> Measurement {
        Measurement(name: name, label: "ms", unit: .time, work: 1e3) { checked(make()) }
    }

    private static func checked(_ body: @escaping () -> Tensor) -> (() -> Void, check: Double?) { ({ _ = body() }, body().to(.float32).abs().mean().item()) }

    /// A function forward and back, from a gradient of ones: the gradient of the first input.
    static func gradient(_ inputs: [Tensor], _ body: @escaping ([Tensor]) -> Tensor) -> () -> Tensor {
        let leaves = inputs.map { Parameter($0) }
        var ones: Tensor?
        return {
            for p in leaves { p.grad = nil }
            let y = body(leaves.map(\.tensor))
            if ones == nil { ones = y.detached().onesLike() }
            y.backward(gradient: ones)
            return leaves[0].grad!
        }
    }

    static func product(_ name: String, _ dtype: DType, _ m: Int, _ n: Int, _ k: Int) -> Measurement {
        Measurement(name: name, label: "TFLOP/s", unit: .perSecond, work: 2e-12 * Double(m) * Double(n) * Double(k)) {
            let (a, b) = (fill(1, [m, k]).to(.cuda).to(dtype), fill(2, [k, n]).to(.cuda).to(dtype))
            let check = a.matmul(b).to(.float32).abs().mean().item()
            return ({ _ = a.matmul(b) }, check)
        }
    }

    static func all(shrink: Int) -> [Measurement] { pointwise(shrink) + rows(shrink) + networks(shrink) + products(shrink) + trainings(shrink) }
}
