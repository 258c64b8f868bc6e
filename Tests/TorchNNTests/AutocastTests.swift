// Automatic mixed precision on the CPU: types of results and gradients, nesting, kept casts, training.
import Testing
import TorchNN
import TorchOptim

// CUDA has another list, see MixedPrecisionTests.
@Suite(.enabled(if: Device.default.isCPU)) struct AutocastTests {
    private let x = Tensor([[0.5, 0.25], [0.75, 1]], dtype: .float32)

    @Test func productsAreLowered() {
        let (x, batch) = (x, Tensor.ones(2, 2, 2))
        autocast(.bfloat16, device: .cpu) {
            let products = [
                x.matmul(x), x.mm(x), batch.bmm(batch), batch.matmul(x), x.matmul(x[0]), x.addmm(x, x), batch.baddbmm(batch, batch), x.addbmm(batch, batch), x.prelu(x[0, 0]),
                linear(x, x, x[0]), einsum("ij,jk->ik", x, x), scaledDotProductAttention(x, x, x), scaledDotProductAttention(x, x, x, mask: x),
                conv1d(Tensor.ones(1, 1, 4), Tensor.ones(1, 1, 2)), conv2d(Tensor.ones(1, 1, 3, 3), Tensor.ones(1, 1, 2, 2), Tensor.ones(1)),
                convTranspose2d(Tensor.ones(1, 1, 3, 3), Tensor.ones(1, 1, 2, 2)),
            ]
            for (i, p) in products.enumerated() { #expect(p.dtype == .bfloat16, "number \(i)") }
            // Of CUDA's list only.
            for (i, p) in [x.mv(x[0]), x[0].dot(x[0]), x[0].addmv(x, x[0]), x.addr(x[0], x[0]), bilinear(x, x, batch)].enumerated() { #expect(p.dtype == .float32, "number \(i)") }
        }
        // The values are those of the lowered inputs' product.
        let low = autocast(.float16, device: .cpu) { x.matmul(x) }
        #expect(low.array(of: Float.self) == x.to(.float16).matmul(x.to(.float16)).array(of: Float.self))
        #expect(x.matmul(x).dtype == .float32)
    }

    @Test func lossesAreRaisedAndTheRestFollowsItsInputs() {
        let (low, labels) = (x.to(.bfloat16), Tensor([0, 1]))
        autocast(.bfloat16, device: .cpu) {
            let losses = [
                crossEntropy(low, labels), nllLoss(low, labels), mseLoss(low, low), mseLoss(low, x), l1Loss(low, low), smoothL1Loss(low, low), huberLoss(low, low), klDiv(low, low),
                binaryCrossEntropy(low, low), binaryCrossEntropyWithLogits(low, low), softMarginLoss(low, low), hingeEmbeddingLoss(low, low), poissonNLLLoss(low, low),
                marginRankingLoss(low, low, low), multiMarginLoss(low, labels), cosineEmbeddingLoss(low, low, labels), tripletMarginLoss(low, low, low),
                multilabelMarginLoss(low, Tensor([[0, -1], [1, -1]])), low.prod(), cdist(low, low),
            ]
            for (i, l) in losses.enumerated() { #expect(l.dtype == .float32, "number \(i)") }
            // Not in the CPU's list.
            for (i, y) in [low.exp(), low.sum(), low.softmax(dim: 1), low.relu(), layerNorm(low, [2])].enumerated() { #expect(y.dtype == .bfloat16, "number \(i)") }
            #expect((low + x).dtype == .float32)
        }
    }

    /// As PyTorch 2.13 answers for each of them.
    @Test func linearAlgebraAndTransformsAreRaised() {
        let a = Tensor([[4, 1, 0], [1, 3, 1], [0, 1, 2]], dtype: .bfloat16)
        let (b, line) = (a[0..., 0..<2], a.flatten())
        let (planes, volume) = (Tensor.ones(1, 2, 4, 4, dtype: .bfloat16), Tensor.ones(1, 2, 4, 4, 4, dtype: .bfloat16))
        autocast(.bfloat16, device: .cpu) {
            let (packed, tau) = a.geqrf()
            let (lu, pivots) = autocast(enabled: false) { Linalg.luFactor(a.to(.float32)) }
            let raised = [
                Linalg.cholesky(a), Linalg.choleskyEx(a).factor, a.cholesky(), a.choleskyInverse(), b.choleskySolve(a), Linalg.qr(a).r, packed, tau, packed.ormqr(tau, a),
                Linalg.householderProduct(a, a[0]), Linalg.svd(a).s, Linalg.svdvals(a), Linalg.eigh(a).eigenvalues, Linalg.eigvalsh(a), Linalg.solve(a, b), Linalg.inv(a), a.inverse(),
                Linalg.invEx(a).inverse, a.pinverse(), Linalg.lstsq(a, b).solution, Linalg.luSolve(lu, pivots, b), Linalg.cond(a), a.trace(),
                Linalg.tensorinv(a.reshape([3, 1, 3]), ind: 2), Linalg.tensorsolve(a.reshape([3, 1, 3]), b[0..., 0].unsqueeze(1)), line.quantile(0.5), line.nanquantile(0.5),
                FFT.hfft(line), pad(planes, [1, 1, 1, 1], mode: .replicate), pad(planes, [1, 1, 1, 1], mode: .reflect), gridSample(planes, Tensor.zeros(1, 2, 2, 2, dtype: .bfloat16)),
                avgPool3d(volume, kernelSize: 2), maxPool3d(volume, kernelSize: 2), adaptiveAvgPool3d(volume, [3, 3, 3]), adaptiveMaxPool3d(volume, [3, 3, 3]),
                fractionalMaxPool2d(planes, kernelSize: 2, outputSize: [2, 2]).values,
                maxUnpool2d(Tensor.ones(1, 1, 1, 1, dtype: .bfloat16), Tensor.zeros(1, 1, 1, 1, dtype: .int64), kernelSize: 2),
            ]
            for (i, y) in raised.enumerated() { #expect(y.dtype == .float32 && y.isFinite().all().item() != 0, "number \(i)") }
            let complex = [FFT.fft(line), FFT.rfft(line), FFT.fftn(a), Linalg.eigvals(a), Linalg.eig(a).eigenvalues, line.stft(4), b.contiguous().viewAsComplex(), Tensor.polar(line, line)]
            for (i, y) in complex.enumerated() { #expect(y.dtype == .complex64, "number \(i)") }
            #expect(Linalg.matrixRank(a).item() == 3)
            let left = [
                avgPool2d(planes, kernelSize: 2), maxPool2d(planes, kernelSize: 2), maxPool3dWithIndices(volume, kernelSize: 2).values, adaptiveAvgPool2d(planes, [3, 3]), pad(planes, [1, 1]),
                pad(planes, [1, 1, 1, 1], mode: .circular), pad(volume, [1, 1, 1, 1, 1, 1], mode: .reflect), Linalg.matrixPower(a, 2), a.logsumexp([1]),
            ]
            for (i, y) in left.enumerated() { #expect(y.dtype == .bfloat16, "number \(i)") }
        }
        // Gradients come back through the cast.
        let x = a.requiringGrad()
        autocast(.bfloat16, device: .cpu) { Linalg.inv(x).sum() }.backward()
        #expect(x.grad?.dtype == .bfloat16)
    }

    @Test func whatIsNotFloat32OrFloat16IsLeftAlone() {
        let (wide, whole) = (x.to(.float64), Tensor([[1, 2], [3, 4]]))
        autocast(.bfloat16, device: .cpu) {
            #expect(wide.matmul(wide).dtype == .float64)
            #expect(whole.matmul(whole).dtype == .int64)
            #expect(mseLoss(wide, wide).dtype == .float64)
            #expect(x.to(.float16).matmul(x).dtype == .bfloat16)
            #expect(x.to(.bfloat16).prod(dtype: .float64).dtype == .float64)
        }
        autocast(.float16, device: .cuda) { #expect(x.matmul(x).dtype == .float32) }
    }

    @Test func scopesNest() {
        #expect(autocastDType(.cpu) == nil)
        autocast(.bfloat16, device: .cpu) {
            #expect(autocastDType(.cpu) == .bfloat16 && autocastDType(.cuda) == nil)
            autocast(enabled: false) {
                #expect(autocastDType(.cpu) == nil)
                #expect(x.matmul(x).dtype == .float32)
                autocast(.float16) { #expect(x.matmul(x).dtype == .float16 && autocastDType(.cuda) == .float16) }
            }
            autocast(device: .cuda) { #expect(autocastDType(.cpu) == .bfloat16 && autocastDType(.cuda) == .float16) }
            #expect(x.matmul(x).dtype == .bfloat16)
            struct Stop: Error {}
            #expect(throws: Stop.self) { try autocast(enabled: false) { throw Stop() } }
            #expect(x.matmul(x).dtype == .bfloat16)
        }
        #expect(autocastDType(.cpu) == nil)
    }

    @Test func gradientsHaveTheLeavesTypes() {
        let (w, h) = (x.requiringGrad(), x.to(.bfloat16).requiringGrad())
        autocast(.bfloat16, device: .cpu) { h.matmul(w).sum() }.backward()
        #expect(w.grad?.dtype == .float32 && h.grad?.dtype == .bfloat16)
        // d sum(h w) / dw[i, j] = the sum of h's column i.
        #expect(w.grad?.array(of: Float.self) == [1.25, 1.25, 1.25, 1.25])
        // Backward inside a scope runs as outside: the derivative of this product of float32 stays float32.
        let v = x.requiringGrad()
        let y = v.matmul(x + 1e-4)
        autocast(.bfloat16, device: .cpu) { y.sum().backward() }
        let u = x.requiringGrad()
        u.matmul(x + 1e-4).sum().backward()
        #expect(v.grad?.array(of: Float.self) == u.grad?.array(of: Float.self))
    }

    @Test func aWeightIsCastOnce() {
        let p = Parameter(x)
        func casts(_ y: Tensor) -> Node? { y.gradientNode?.inputs.last }
        autocast(.bfloat16, device: .cpu) {
            let (a, b) = (x.matmul(p.tensor), x.matmul(p.tensor))
            #expect(casts(a) === casts(b))
            autocast(.float16, device: .cpu) { #expect(casts(x.matmul(p.tensor)) !== casts(a)) }
            // Each of two backward passes goes through the kept cast.
            a.sum().backward()
            b.sum().backward()
            #expect(p.grad?.array(of: Float.self) == [2.5, 2.5, 2.5, 2.5])
            // A changed weight is cast anew.
            p.update { $0 *= 2 }
            #expect(x.matmul(p.tensor).array(of: Float.self) == (a * 2).array(of: Float.self))
        }
        autocast(.bfloat16, device: .cpu, cache: false) { #expect(casts(x.matmul(p.tensor)) !== casts(x.matmul(p.tensor))) }
    }

    @Test func aCheckpointComputesAgainInTheSamePrecision() {
        let w = (x / 3).requiringGrad()
        func gradient(_ body: () -> Tensor) -> [Float] {
            w.grad = nil
            // Without kept casts: a kept one sums its gradients in bfloat16, casts apart are summed in float32.
            autocast(.bfloat16, device: .cpu, cache: false) { body() }.to(.float32).sum().backward()
            return w.grad!.array(of: Float.self)
        }
        func product(_ t: Tensor) -> Tensor { t.matmul(t).matmul(t) }
        #expect(gradient { checkpoint([w]) { product($0[0]) } } == gradient { product(w) })
    }

    @Test func misuseIsReported() {
        func message(_ body: () -> Void) -> String { (#expect(throws: TensorError.self) { try withTensorErrors { body() } })?.description ?? "" }
        #expect(message { autocast(.float64) {} }.contains("float16 or bfloat16, not to float64"))
        #expect(message { autocast(.float16, device: .meta) {} }.contains("unsupported autocast device_type 'meta'"))
    }

    // In a process of its own: the default generator is one for all threads.
    @Test func trainingFollowsFloat32() async {
        await #expect(processExitsWith: .success) {
            let exact = losses(nil)
            #expect(exact[14] < 0.5 * exact[0])
            for dtype in [DType.bfloat16, .float16] {
                let low = losses(dtype)
                #expect(low != exact)
                #expect(zip(low, exact).allSatisfy { abs($0 - $1) < 0.05 }, "\(dtype): \(low) \(exact)")
            }
        }
    }
}

/// Losses of some steps; with a scaler if it is float16.
private func losses(_ dtype: DType?) -> [Double] {
    manualSeed(5)
    let net = Sequential(Conv2d(1, 4, kernelSize: 3, padding: 1), BatchNorm2d(4), ReLU(), Flatten(), Linear(64, 16), LayerNorm([16]), GELU(), Linear(16, 3))
    let optimizer = SGD(net.parameters(), learningRate: 0.05, momentum: 0.9)
    let scaler = GradScaler(initialScale: 1024, enabled: dtype == .float16)
    let (x, y) = (Tensor.randn(12, 1, 4, 4), Tensor.randint(0, 3, [12]))
    return (0..<15).map { _ in
        optimizer.zeroGrad()
        let loss = autocast(dtype, device: .cpu, enabled: dtype != nil) { crossEntropy(net(x), y) }
        scaler.scale(loss).backward()
        #expect(net.parameters().allSatisfy { $0.grad?.dtype == .float32 && $0.tensor.dtype == .float32 })
        scaler.step(optimizer)
        scaler.update()
        return loss.item()
    }
}
