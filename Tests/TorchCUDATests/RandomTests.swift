// Random numbers on the device: PyTorch's CUDA streams, the generators of devices and their state.
import Glibc
import Testing
import TorchCUDA
import TorchNN
import TorchTensor

private func rounded(_ t: Tensor, _ digits: Double = 1e4) -> [Double] { t.array(of: Double.self).map { ($0 * digits).rounded() / digits } }

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct RandomTests {
    /// What `torch.manual_seed(0); torch.rand(10, device="cuda")` and `torch.randn` print on NVIDIA's devices, as public texts show it to four digits.
    @Test func publishedNumbers() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            manualSeed(0)
            #expect(rounded(Tensor.rand(10, device: .cuda)) == [0.3990, 0.5167, 0.0249, 0.9401, 0.9459, 0.7967, 0.4150, 0.8203, 0.2290, 0.9096])
            manualSeed(0)
            let z = Tensor.randn(2, 5, device: .cuda)
            #expect(rounded(z) == [-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797, -0.6229, -0.3284, -1.0745, -0.3631])
            #expect(z.device == .cuda && CUDA.fallbacks.isEmpty)
        }
    }

    /// Bit for bit what PyTorch draws on a device of 132 multiprocessors, which the emulator has too; normal numbers come from the machine's logarithm and sine.
    @Test func recordedNumbers() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let properties = try CUDA.properties()
            // A real device may have another number, and then another order.
            guard properties.multiprocessors == 132 else { return #expect(!properties.name.contains("Emulated"), "the emulator has \(properties.multiprocessors) multiprocessors") }
            let draws: [String: (Int) -> Tensor] = [
                "rand": { Tensor.rand($0, device: .cuda) }, "randn": { Tensor.randn($0, device: .cuda) }, "randint": { Tensor.randint(0, 1000, [$0], device: .cuda) },
                "randperm": { Tensor.randperm($0, device: .cuda) },
                "bernoulli": {
                    var x = Tensor.empty([$0], device: .cuda)
                    x.fillBernoulli(0.3)
                    return x
                },
                "dropout": { dropout(Tensor.ones($0, device: .cuda), p: 0.3) }, "dropoutHalf": { dropout(Tensor.ones($0, dtype: .float16, device: .cuda), p: 0.3) },
            ]
            for d in Draw.recorded {
                if d.call == 0 { manualSeed(d.seed) }
                let x = draws[d.kind]!(d.count).to(.cpu)
                let first = x.slice(0, 0, d.first.count).array(of: Double.self)
                #expect(zip(first, d.first).allSatisfy { abs($0 - $1) < 1e-5 }, "\(d)")
                if d.kind == "randn" { continue }
                // Elements of 16 bits become float32 and back, which loses nothing.
                let bits =
                    switch x.dtype {
                    case .float32: x.array(of: Float.self).map { Int(Int32(bitPattern: $0.bitPattern)) }
                    case .float16: x.array(of: Float.self).map { Int(Int16(bitPattern: Float16($0).bitPattern)) }
                    default: x.array(of: Int.self)
                    }
                #expect(bits.enumerated().reduce(0) { $0 &+ $1.element &* ($1.offset + 1) } == d.sum, "\(d)")
            }
            #expect(CUDA.fallbacks.isEmpty)
        }
    }

    /// Numbers of long tensors, where threads draw more than once, on a device of 132 multiprocessors, computed apart from the kernels from the definition of Philox and of PyTorch's order.
    @Test func longTensorsOn132Multiprocessors() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let properties = try CUDA.properties()
            #expect(properties.multiprocessors == 132)
            let g = Generator.default(for: .cuda)
            g.manualSeed(1234)
            let u = Tensor.rand(300_000, device: .cuda)
            #expect(g.devicePlace == .init(seed: 1234, offset: 4))
            let at = Tensor([0, 1, 270_335, 270_336, 270_337, 299_999])
            #expect(u.to(.cpu).indexSelect(0, at).array(of: Float.self) == [0.127207949757576, 0.8167362809181213, 0.652787446975708, 0.8534689545631409, 0.32416513562202454, 0.9339900612831116])
            g.manualSeed(1234)
            let words = Tensor.randint(0, 1 << 27, [1_200_000], device: .cuda)
            #expect(g.devicePlace?.offset == 8)
            let places = Tensor([0, 270_336, 540_672, 811_008, 1_081_344, 1_199_999])
            let expected = [546_353_992, 3_665_621_163, 1_140_953_199, 3_419_031_310, 2_666_454_581, 3_041_729_267].map { $0 % (1 << 27) }
            #expect(words.to(.cpu).indexSelect(0, places).array(of: Int.self) == expected)
            // 64-bit draws: two a block.
            g.manualSeed(7)
            let wide: [UInt64] = [17_609_208_879_932_635_612, 9_131_872_397_915_773_359, 17_375_968_568_232_373_061]
            #expect(Tensor.randint(0, 1 << 40, [3], device: .cuda).array(of: Int.self) == wide.map { Int($0 % (1 << 40)) })
        }
    }

    @Test func generatorsAndTheirState() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_EMULATOR_DEVICES": "2"])
            // The seed reaches devices that are opened later, and every device has a stream of its own.
            manualSeed(5)
            let first = (0..<2).map { Tensor.rand(6, device: .cuda($0)).array(of: Float.self) }
            #expect(first[0] == first[1])
            let second = Tensor.rand(6, device: .cuda).array(of: Float.self)
            #expect(second != first[0])
            #expect(Tensor.rand(6, device: .cuda(1)).array(of: Float.self) == second)
            // 16 bytes, seed and offset.
            let g = Generator.default(for: .cuda)
            let state = g.state
            #expect(state == [5, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0])
            let third = Tensor.randn(1000, device: .cuda).array(of: Float.self)
            try g.setState(state)
            #expect(Tensor.randn(1000, device: .cuda).array(of: Float.self) == third)
            #expect(throws: GeneratorStateError.wrongSize(actual: 15, expected: 16)) { try g.setState([UInt8](repeating: 0, count: 15)) }
            #expect(throws: GeneratorStateError.badField(name: "offset", value: "6", byteOffset: 8, expected: "a multiple of 4")) { try g.setState(state[..<8] + [6, 0, 0, 0, 0, 0, 0, 0]) }
            // A generator of one's own leaves the default one alone; clones go on alike.
            let before = g.state
            let own = Generator(device: .cuda, seed: 0)
            #expect(rounded(Tensor.rand(2, device: .cuda, generator: own)) == [0.3990, 0.5167])
            let twin = own.clone()
            #expect(Tensor.rand(3, device: .cuda, generator: own).array(of: Float.self) == Tensor.rand(3, device: .cuda, generator: twin).array(of: Float.self))
            #expect(g.state == before && own.device == .cuda && own.initialSeed == 0)
            // The CPU's stream is untouched by draws on devices, and serves them when it is asked to.
            let cpu = Tensor.rand(4).array(of: Float.self)
            manualSeed(5)
            #expect(Tensor.rand(4).array(of: Float.self) == cpu)
            #expect(Tensor.rand(4, device: .cuda, generator: Generator(seed: 5)).array(of: Float.self) == cpu)
            // Elsewhere a device's generator is refused.
            #expect(throws: TensorError.self) { try withTensorErrors { Tensor.rand(4, generator: own) } }
            do { _ = try withTensorErrors { Tensor.rand(4, device: .cuda(1), generator: own) } } catch {
                #expect("\(error)".contains("Expected a 'cuda:1' device type for generator but found 'cuda:0'"), "\(error)")
            }
            #expect(throws: TensorError.self) { try withTensorErrors { own.copyState(from: .default) } }
        }
    }

    /// Mean and spread of every distribution in every type, odd sizes, layouts with gaps, nothing at all.
    @Test func everyDistributionInEveryType() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let n = 20_001
            func check(_ name: String, _ t: Tensor, mean: Double, std: Double) {
                let x = t.to(.float64).to(.cpu).array(of: Double.self)
                let m = x.reduce(0, +) / Double(x.count)
                let s = (x.reduce(0) { $0 + ($1 - m) * ($1 - m) } / Double(x.count)).squareRoot()
                // Five standard errors and the rounding of the type.
                #expect(abs(m - mean) < 5 * std / Double(x.count).squareRoot() + 4e-3 * (1 + abs(mean)), "\(name) \(t.dtype): mean \(m)")
                #expect(abs(s - std) < 0.06 * std, "\(name) \(t.dtype): deviation \(s)")
            }
            for type in [DType.float16, .bfloat16, .float32, .float64] {
                check("uniform", Tensor.uniform([n], from: -1, to: 3, dtype: type, device: .cuda), mean: 1, std: 4 / 12.0.squareRoot())
                check("normal", Tensor.normal([n], mean: 0.5, std: 2, dtype: type, device: .cuda), mean: 0.5, std: 2)
                check("exponential", Tensor.exponential([n], rate: 2, dtype: type, device: .cuda), mean: 0.5, std: 0.5)
                let c = Tensor.cauchy([n], median: 1, sigma: 2, dtype: type, device: .cuda)
                check("cauchy below its quartile", (c .< -1.0).to(.float32), mean: 0.25, std: 0.1875.squareRoot())
                let l = Tensor.logNormal([n], mean: 0, std: 0.5, dtype: type, device: .cuda)
                check("logNormal", l.to(.float64).log(), mean: 0, std: 0.5)
                check("geometric", Tensor.geometric([n], probability: 0.4, dtype: type, device: .cuda), mean: 2.5, std: 0.6.squareRoot() / 0.4)
                let u = Tensor.rand(n, dtype: type, device: .cuda).to(.float64)
                #expect(u.min().item() >= 0 && u.max().item() < 1, "\(type)")
            }
            for type in DType.allCases where !type.isComplex {
                check("bernoulli", Tensor.bernoulli([n], probability: 0.3, dtype: type, device: .cuda), mean: 0.3, std: 0.21.squareRoot())
                check("randint", Tensor.randint(0, 2, [n], dtype: type, device: .cuda), mean: 0.5, std: 0.5)
                var any = Tensor.zeros(n, dtype: type, device: .cuda)
                any.fillRandom()
                #expect(any.to(.float64).min().item() >= 0 && any.to(.float64).max().item() > 0, "\(type)")
            }
            let z = Tensor.randn(n, dtype: .complex64, device: .cuda)
            check("real parts", z.real, mean: 0, std: 0.5.squareRoot())
            check("imaginary parts", z.imag, mean: 0, std: 0.5.squareRoot())
            // The numbers of a transposed tensor lie in memory order; gaps are not written.
            manualSeed(9)
            let plain = Tensor.rand(3, 5, device: .cuda)
            manualSeed(9)
            #expect(Tensor.zeros(3, 5, device: .cuda).t().randLike().t().array(of: Float.self) == plain.array(of: Float.self))
            manualSeed(9)
            var gaps = Tensor.zeros(3, 10, device: .cuda)[0..., 0..<5]
            gaps.fillUniform()
            #expect(gaps.array(of: Float.self) == plain.array(of: Float.self))
            #expect(Tensor.rand(0, 3, device: .cuda).shape == [0, 3])
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func chancesOfEachElement() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for type in [DType.float16, .float32, .float64] {
                let p = Tensor([0.0, 1, 0, 1, 1, 0, 1], dtype: type).reshape([7, 1]).expand([7, 30]).to(.cuda)
                #expect((p.bernoulli() - p).abs().max().item() == 0)
                var whole = Tensor.zeros(7, 30, dtype: .int16, device: .cuda)
                whole.fillBernoulli(p)
                #expect(whole.dtype == .int16 && (whole.to(type) - p).abs().max().item() == 0)
            }
            let share = (Tensor.ones(30_000, device: .cuda) * 0.25).bernoulli().mean().item()
            #expect(abs(share - 0.25) < 0.015)
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
            do {
                _ = try withTensorErrors { Tensor([0.5, 1.5]).to(.cuda).bernoulli() }
                Issue.record("no error")
            } catch { #expect("\(error)".contains("Expected p_in >= 0 && p_in <= 1 to be true, but an element is 1.5"), "\(error)") }
        }
    }

    /// What has no kernel is drawn on the CPU, from the device's seed and offset.
    @Test func drawnOnTheCPUForTheDevice() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUDA_QUIET": "1"])
            let rates = (Tensor.ones(2000, device: .cuda) * 4)
            let draws: [() -> [Double]] = [
                { rates.poisson().array(of: Double.self) }, { rates.standardGamma().array(of: Double.self) }, { rates.multinomial(50).array(of: Double.self) },
                { rates.binomial(Tensor([0.5]).to(.float32).to(.cuda)).array(of: Double.self) },
            ]
            for (i, draw) in draws.enumerated() {
                manualSeed(11)
                let cpu = Generator.default.state
                let (a, b) = (draw(), draw())
                #expect(a != b && Generator.default.state == cpu, "\(i)")
                #expect(Generator.default(for: .cuda).devicePlace == .init(seed: 11, offset: 8), "\(i)")
                manualSeed(11)
                #expect(draw() == a && draw() == b, "\(i)")
            }
            let poisson = rates.poisson()
            #expect(poisson.device == .cuda && abs(poisson.mean().item() - 4) < 0.3)
        }
    }

    /// Every number once, in another order for each draw. The keys of the short ones are 32 bits, those of the long one 64; three elements are equal often enough to be shuffled.
    @Test func permutations() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for (n, type) in [(0, DType.int64), (1, .int64), (2, .int32), (17, .uint8), (1000, .float32), (5000, .int16), (40_001, .int64)] {
                manualSeed(4)
                let (a, b) = (Tensor.randperm(n, dtype: type, device: .cuda), Tensor.randperm(n, dtype: type, device: .cuda))
                #expect(a.device == .cuda && a.dtype == type && a.to(.float64).array(of: Double.self).sorted() == (0..<n).map(Double.init), "\(n)")
                #expect(n < 10 || a.array(of: Double.self) != b.array(of: Double.self))
                manualSeed(4)
                #expect(Tensor.randperm(n, dtype: type, device: .cuda).array(of: Double.self) == a.array(of: Double.self))
                // Keys, then shuffling: n numbers a thread at most, in steps of 4.
                #expect(Generator.default(for: .cuda).devicePlace!.offset == (n == 0 ? 0 : UInt64(4 + (n + 3) / 4 * 4)), "\(n)")
            }
            // All orders of three are about as likely.
            var seen: [[Int]: Int] = [:]
            for _ in 0..<240 { seen[Tensor.randperm(3, device: .cuda).array(of: Int.self), default: 0] += 1 }
            #expect(seen.count == 6 && seen.values.allSatisfy { $0 > 20 && $0 < 62 }, "\(seen)")
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// One kernel forward, one backward, which keep truth values: the gradient is scaled where the result is, and its own derivative again.
    @Test func dropoutKeepsTruthValues() async {
        await #expect(processExitsWith: .success) {
            // Only the emulator counts.
            Emulator.use(["SWIFT_TORCH_EMULATOR_QUIET": "1"])
            // In packs, with neighbours that do not fill one, one by one; transposed.
            for (dtype, name) in [(DType.float32, "f32"), (.float16, "f16"), (.bfloat16, "bf16"), (.float64, "f64")] {
                for (k, shape) in [[64, 50], [3, 22], [7, 5]].enumerated() {
                    manualSeed(4)
                    let values = Tensor.randn(shape[1], shape[0], device: .cuda).to(dtype).t()
                    manualSeed(5)
                    let y = dropout(values, p: 0.25)
                    manualSeed(5)
                    let x = values.clone().requiringGrad()
                    let z = dropout(x, p: 0.25)
                    let scale = y.to(.float64) / values.to(.float64)
                    let step = dtype.itemSize == 2 ? 0.02 : 1e-6
                    #expect(((scale - 4.0 / 3).abs().minimum(scale.abs()).max().item()) < step && abs(scale.mean().item() - 1) < (k == 0 ? 0.05 : 0.4), "\(dtype) \(shape)")
                    #expect(z.array(of: Double.self) == y.array(of: Double.self), "\(dtype) \(shape)")
                    let g = Tensor.randn(shape[1], shape[0], device: .cuda).to(dtype).t().requiringGrad()
                    let before = ["dropout_\(name)", "random_bernoulli_\(name)"].map(Emulator.launches)
                    let dx = gradients(of: z, withRespectTo: [x], gradOutput: g, createGraph: true)[0]
                    #expect(((dx.to(.float64) - g.to(.float64) * scale).abs().max().item()) < step * 4, "\(dtype) \(shape)")
                    let dg = gradients(of: dx, withRespectTo: [g], gradOutput: Tensor.ones(shape, dtype: dtype, device: .cuda))[0]
                    #expect(((dg.to(.float64) - scale).abs().max().item()) < step, "\(dtype) \(shape)")
                    #expect(["dropout_\(name)", "random_bernoulli_\(name)"].map(Emulator.launches) == before && before == [2 * (k + 1), 0], "\(dtype) \(shape) \(before)")
                }
            }
            // As PyTorch has it.
            let infinite = dropout(Tensor([Float.infinity]).to(.cuda).expand([400]), p: 0.5).array(of: Float.self)
            #expect(infinite.contains { $0.isNaN } && infinite.contains(.infinity))
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test(arguments: ["dropout_f32", "dropoutBackward_f32_run"]) func dropoutWithoutAKernelIsComposed(missing: String) async {
        await #expect(processExitsWith: .success) { [missing] in
            Emulator.use(["SWIFT_TORCH_EMULATOR_MISSING": missing, "SWIFT_TORCH_CUDA_QUIET": "1"])
            let x = Tensor.ones(64, 50, device: .cuda).requiringGrad()
            let y = dropout(x, p: 0.2)
            y.sum().backward()
            #expect(abs(y.mean().item() - 1) < 0.1 && x.grad!.array(of: Float.self) == y.array(of: Float.self))
            // By other kernels.
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func dropoutAndRecomputation() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            manualSeed(2)
            let x = Tensor.ones(50, 40, device: .cuda).requiringGrad()
            let y = dropout(x, p: 0.25)
            let kept = (y .!= 0.0).to(.float32).mean().item()
            #expect(abs(kept - 0.75) < 0.05 && y.max().item() == Double(Float(1) / Float(0.75)))
            y.sum().backward()
            #expect(x.grad!.array(of: Float.self) == y.array(of: Float.self))
            // The second time inside the checkpoint draws the same zeros, and what follows goes on as if there was none.
            let w = Tensor.ones(50, 40, device: .cuda).requiringGrad()
            let z = checkpoint([w]) { dropout($0[0], p: 0.5) }
            let place = Generator.default(for: .cuda).devicePlace
            z.sum().backward()
            #expect(w.grad!.array(of: Float.self) == z.array(of: Float.self))
            #expect(Generator.default(for: .cuda).devicePlace == place)
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }
}
