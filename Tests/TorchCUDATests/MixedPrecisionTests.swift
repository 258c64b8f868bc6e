// Automatic mixed precision on the emulated device: CUDA's lists, and a network that learns what float32 learns.
import Testing
import TorchCUDA
import TorchNN
import TorchOptim

private func losses(_ dtype: DType?) -> [Double] {
    manualSeed(5)
    let net = Sequential(Conv2d(1, 4, kernelSize: 3, padding: 1), BatchNorm2d(4), ReLU(), Flatten(), Linear(64, 16), LayerNorm([16]), GELU(), Linear(16, 3)).to(.cuda)
    let optimizer = SGD(net.parameters(), learningRate: 0.05, momentum: 0.9)
    // Too large a scale at first: the first steps overflow and are left out.
    let scaler = GradScaler(enabled: dtype == .float16)
    let (x, y) = (Tensor.randn(12, 1, 4, 4).to(.cuda), Tensor.randint(0, 3, [12]).to(.cuda))
    return (0..<12).map { _ in
        optimizer.zeroGrad()
        let loss = autocast(dtype, device: .cuda, enabled: dtype != nil) { crossEntropy(net(x), y) }
        scaler.scale(loss).backward()
        #expect(net.parameters().allSatisfy { $0.grad?.dtype == .float32 && $0.grad?.device == .cuda })
        scaler.step(optimizer)
        scaler.update()
        return loss.item()
    }
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct MixedPrecisionTests {
    @Test func operatorsFollowTheirLists() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUDA_QUIET": "1"])
            let x = Tensor([[0.5, 0.25], [0.75, 1]], dtype: .float32).to(.cuda)
            let (low, row) = (x.to(.float16), x.to(.float16)[0])
            autocast(.float16, device: .cuda) {
                let lowered = [x.matmul(x), linear(x, x, x[0]), x.prelu(x[0]), scaledDotProductAttention(x, x, x), einsum("ij,jk->ik", x, x)]
                for (i, y) in lowered.enumerated() { #expect(y.dtype == .float16 && y.device == .cuda, "number \(i)") }
                let raised = [
                    low.exp(), low.expm1(), low.log(), low.log2(), low.log10(), low.log1p(), low.rsqrt(), low.reciprocal(), 1.0 / low, low.pow(2), low.pow(low), low.tan(), low.asin(), low.acos(),
                    low.sinh(), low.cosh(), low.erfinv(), low.softplus(), low.sum(), low.sum(dim: 1), low.prod(), low.cumsum(dim: 0), low.cumprod(dim: 0), low.norm(),
                    low.logsumexp(dim: 1), low.softmax(dim: 1), low.logSoftmax(dim: 1), low.softmin(dim: 1), layerNorm(low, [2], weight: row), rmsNorm(low, [2]),
                    groupNorm(low, groups: 1), normalize(low), cosineSimilarity(low, low), cdist(low, low), low.dist(low), mseLoss(low, low), l1Loss(low, low),
                    crossEntropy(low, Tensor([0, 1]).to(.cuda)), low.renorm(p: 2, dim: 0, maxNorm: 1), pdist(low),
                ]
                for (i, y) in raised.enumerated() { #expect(y.dtype == .float32, "number \(i)") }
                let followed = [low.relu(), low.sqrt(), low.mean(), low + low, low.sum(dtype: .float16)]
                for (i, y) in followed.enumerated() { #expect(y.dtype == .float16, "number \(i)") }
                #expect(row.dot(x[0]).dtype == .float32 && tensordot(low, x).dtype == .float32 && (low * x).dtype == .float32)
                #expect(low.to(.cpu).exp().dtype == .float16)
                let error = #expect(throws: TensorError.self) { try withTensorErrors { _ = binaryCrossEntropy(x, x) } }
                #expect(error?.description.contains("unsafe to autocast") == true)
            }
        }
    }

    @Test func trainingFollowsFloat32() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUDA_QUIET": "1"])
            let exact = losses(nil)
            #expect(exact[11] < 0.7 * exact[0])
            let brain = losses(.bfloat16)
            #expect(brain != exact && zip(brain, exact).allSatisfy { abs($0 - $1) < 0.05 }, "\(brain) \(exact)")
            // Steps that were left out repeat their loss.
            let half = losses(.float16)
            let learned = half.filter { abs($0 - half[0]) > 1e-3 }
            #expect(learned.count >= 5 && zip(learned, exact.dropFirst()).allSatisfy { abs($0 - $1) < 0.05 }, "\(half) \(exact)")
        }
    }
}
