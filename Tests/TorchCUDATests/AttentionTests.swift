// Attention as one operator of the device against the CPU, which composes it.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

/// Output and gradients of q, k, v (as they were made, before `view`), float64 numbers of a type.
private func results(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, _ weight: Tensor, causal: Bool, scale: Double?, device: Device, dtype: DType, view: (Tensor) -> Tensor = { $0 }
) -> [Tensor] {
    let leaves = [q, k, v].map { $0.to(dtype).to(device).detached().requiringGrad() }
    let out = scaledDotProductAttention(view(leaves[0]), view(leaves[1]), view(leaves[2]), causal: causal, scale: scale)
    (out * weight.to(dtype).to(device)).sum().backward()
    return [out.detached()] + leaves.map { $0.grad! }
}

private func compare(_ q: [Int], _ k: [Int], _ dtype: DType, causal: Bool, scale: Double? = nil, within allowed: Double, _ view: (Tensor) -> Tensor = { $0 }) {
    manualSeed(2)
    let (x, y, z) = (Tensor.randn(q).to(dtype).to(.float64), Tensor.randn(k).to(dtype).to(.float64), Tensor.randn(k).to(dtype).to(.float64))
    let weight = Tensor.randn(Array(view(x).dims))
    let there = results(x, y, z, weight, causal: causal, scale: scale, device: .cuda, dtype: dtype, view: view)
    let here = results(x, y, z, weight.to(dtype).to(.float64), causal: causal, scale: scale, device: .cpu, dtype: .float64, view: view)
    for (i, name) in ["output", "dquery", "dkey", "dvalue"].enumerated() {
        let d = difference(there[i], here[i])
        #expect(d <= allowed, "\(name) of \(q) \(k) \(dtype)\(causal ? " causal" : ""): \(d)")
    }
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct AttentionTests {
    @Test func shapesAndTypes() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for (dtype, allowed) in [(DType.float32, 2e-5), (.float16, 4e-3), (.bfloat16, 3e-2)] {
                for causal in [false, true] {
                    compare([1, 2, 70, 64], [1, 2, 70, 64], dtype, causal: causal, within: allowed)
                    compare([2, 1, 33, 80], [2, 1, 90, 80], dtype, causal: causal, within: allowed)
                    compare([1, 1, 130, 128], [1, 1, 5, 128], dtype, causal: causal, within: allowed)
                    compare([3, 9, 17], [3, 20, 17], dtype, causal: causal, scale: 0.7, within: allowed)
                    compare([40, 8], [40, 8], dtype, causal: causal, scale: -0.3, within: allowed)
                }
                // Heads beside each other, as layers make them; numbers of a row that are no neighbours.
                compare([2, 20, 3, 16], [2, 31, 3, 16], dtype, causal: true, within: allowed) { $0.transpose(1, 2) }
                compare([1, 2, 24, 20], [1, 2, 24, 20], dtype, causal: false, within: allowed) { $0.transpose(2, 3) }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func oneNodeWithoutScores() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let q = Tensor.randn(1, 2, 8, 16).to(.cuda).requiringGrad()
            #expect(scaledDotProductAttention(q, q, q).gradientNode?.name == "scaledDotProductAttention")
            // What the kernels do not have is composed: masks, wide heads, float64, other widths of values.
            let mask = Tensor.ones(8, 8, device: .cuda)
            #expect(scaledDotProductAttention(q, q, q, mask: mask).gradientNode?.name != "scaledDotProductAttention")
            let wide = Tensor.randn(1, 1, 4, 136).to(.cuda).requiringGrad()
            #expect(difference(scaledDotProductAttention(wide, wide, wide).detached(), scaledDotProductAttention(wide.to(.cpu), wide.to(.cpu), wide.to(.cpu)).detached()) < 1e-5)
            let double = q.to(.float64)
            #expect(scaledDotProductAttention(double, double, double).gradientNode?.name != "scaledDotProductAttention")
            let value = Tensor.randn(1, 2, 8, 5).to(.cuda)
            #expect(scaledDotProductAttention(q, q, value).dims == [1, 2, 8, 5])
            // Fewer heads of keys and values.
            let (key, few) = (Tensor.randn(1, 4, 6, 8), Tensor.randn(1, 2, 6, 8))
            let grouped = scaledDotProductAttention(key.to(.cuda), few.to(.cuda), few.to(.cuda), enableGQA: true)
            #expect(difference(grouped, scaledDotProductAttention(key, few, few, enableGQA: true)) < 1e-5)
        }
    }

    @Test func gradientsThatRepeatAndSecondDerivatives() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let start = Tensor.randn(1, 2, 7, 16)
            // The gradient of a sum is one number for all.
            var firsts: [Tensor] = []
            var seconds: [Tensor] = []
            for device in [Device.cpu, .cuda] {
                let x = start.to(device).detached().requiringGrad()
                scaledDotProductAttention(x, x * 0.5, x + 1, causal: true).sum().backward()
                firsts.append(x.grad!)
                let y = start.to(device).detached().requiringGrad()
                let out = scaledDotProductAttention(y, y * 0.5, y + 1, causal: true)
                let g = gradients(of: [(out * out).sum()], withRespectTo: [y], createGraph: true)[0]
                (g * g).sum().backward()
                seconds.append(y.grad!)
            }
            #expect(difference(firsts[1], firsts[0]) < 1e-5, "\(difference(firsts[1], firsts[0]))")
            #expect(difference(seconds[1], seconds[0]) < 1e-4, "\(difference(seconds[1], seconds[0]))")
        }
    }

    @Test func compilationThatFailsIsComposed() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            Emulator.use(["SWIFT_TORCH_EMULATOR_FAIL_COMPILE": "attention.cu"])
            let q = Tensor.randn(1, 2, 8, 16)
            #expect(difference(scaledDotProductAttention(q.to(.cuda), q.to(.cuda), q.to(.cuda)), scaledDotProductAttention(q, q, q)) < 1e-5)
        }
        #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains("attention.cu"))
    }

    @Test func multiHeadAttentionWithoutWeights() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let (x, w, o) = (Tensor.randn(9, 2, 24), Tensor.randn(72, 24) * 0.2, Tensor.randn(24, 24) * 0.2)
            func run(_ device: Device, weights: Bool, causal: Bool) -> Tensor {
                let y = x.to(device)
                return multiHeadAttention(
                    query: y, key: y, value: y, heads: 3, inWeight: w.to(device), inBias: nil, outWeight: o.to(device), outBias: nil, needWeights: weights, causal: causal
                ).output
            }
            for causal in [false, true] {
                let want = run(.cpu, weights: true, causal: causal)
                for weights in [false, true] { #expect(difference(run(.cuda, weights: weights, causal: causal), want) < 1e-5) }
                #expect(difference(run(.cpu, weights: false, causal: causal), want) < 1e-6)
            }
        }
    }
}
