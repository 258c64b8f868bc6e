// The random streams are PyTorch's, bit for bit, at every CPU level.
import Testing
import TorchKernels
import TorchTensor

func fnv(_ bytes: some Sequence<UInt8>) -> String {
    var h: UInt64 = 0xcbf2_9ce4_8422_2325
    for b in bytes { h = (h ^ UInt64(b)) &* 0x100_0000_01b3 }
    let hex = String(h, radix: 16)
    return String(repeating: "0", count: 16 - hex.count) + hex
}

/// (0, 7, 14, …) mod 11 / 11 in `dtype`.
private func weights(_ n: Int, _ dtype: DType) -> Tensor {
    Tensor((0..<n).map { Double($0 * 7 % 11) / 11 }, dtype: .float64).to(dtype)
}

private func draw(_ op: String, _ dtype: DType, _ n: Int, _ a: Double, _ b: Double, _ g: Generator) -> Tensor? {
    var t = Tensor.empty([n], dtype: dtype)
    switch op {
    case "rand": return Tensor.rand([n], dtype: dtype, generator: g)
    case "randn": return Tensor.randn([n], dtype: dtype, generator: g)
    case "uniform": t.fillUniform(from: a, to: b, generator: g)
    case "normal": t.fillNormal(mean: a, std: b, generator: g)
    case "randint": return Tensor.randint(Int(a), Int(b), [n], dtype: dtype, generator: g)
    case "random": t.fillRandom(generator: g)
    case "randperm": return Tensor.randperm(n, dtype: dtype, generator: g)
    case "bernoulli": t.fillBernoulli(a, generator: g)
    case "bernoulliEach": return weights(n, dtype).bernoulli(generator: g)
    case "exponential": t.fillExponential(rate: a, generator: g)
    case "cauchy": t.fillCauchy(median: a, sigma: b, generator: g)
    case "logNormal": t.fillLogNormal(mean: a, std: b, generator: g)
    case "geometric": t.fillGeometric(a, generator: g)
    case "poisson": return (weights(n, dtype) * a).poisson(generator: g)
    case "gamma": return (weights(n, dtype) * a).standardGamma(generator: g)
    case "multinomial": return weights(n, dtype).multinomial(Int(a), replacement: b != 0, generator: g)
    case "normalEach": return Tensor.normal(mean: weights(n, dtype), std: weights(n, dtype) + 0.5, generator: g)
    case "transposed":
        t = Tensor.empty([n, 3], dtype: dtype).t()
        t.fillNormal(mean: a, std: b, generator: g)
    case "like": return Tensor.empty([n, 3], dtype: dtype).t().randLike(generator: g)
    default: return nil
    }
    return t
}

@Suite(.serialized) struct StreamTests {
    @Test(arguments: [StLevel.avx512, .avx2, .baseline])
    func recorded(_ level: StLevel) throws {
        let best = st_level()
        defer { st_set_level(best) }
        st_set_level(level)
        var checked = 0
        for line in recordedStreams.split(separator: "\n") {
            let f = line.split(separator: " ").map(String.init)
            let dtype = try #require(DType(name: f[1]))
            let generator = Generator(seed: UInt64(f[5])!)
            let result = try #require(draw(f[0], dtype, Int(f[2])!, Double(f[3])!, Double(f[4])!, generator), "\(line)")
            #expect(result.withBytes { fnv($0) } == f[6], "\(line)")
            #expect(fnv(generator.state) == f[7], "state after \(line)")
            checked += 1
        }
        #expect(checked == 195)
    }

    // In a process of its own: the default generator is one for all threads.
    @Test func valuesOfTheDefaultGenerator() async {
        await #expect(processExitsWith: .success) {
            manualSeed(0)
            #expect(Tensor.rand(3, device: .cpu).array(of: Float.self) == [0.4962566, 0.7682218, 0.08847743])
            manualSeed(0)
            #expect(Tensor.randn(2, device: .cpu).array(of: Float.self) == [1.5409961, -0.2934289])
            #expect(Generator.default.initialSeed == 0)
            #expect(manualSeed(-1).initialSeed == .max)
        }
    }

    @Test func stateRoundTrip() throws {
        let g = Generator(seed: 42)
        _ = Tensor.randn(3, generator: g)  // leaves a kept normal behind
        let saved = g.state
        let first = Tensor.randn(5, generator: g).array(of: Float.self)
        let copy = try Generator(state: saved)
        #expect(Tensor.randn(5, generator: copy).array(of: Float.self) == first)
        #expect(copy.state == g.state)
        #expect(g.clone().next64() == g.next64())
    }

    @Test func badStates() {
        let g = Generator(seed: 1)
        let good = g.state
        #expect(throws: GeneratorStateError.wrongSize(actual: 3, expected: 5056)) { try g.setState([1, 2, 3]) }
        for (offset, bytes) in [(8, [0, 0, 0, 0]), (8, [0xff, 0xff, 0xff, 0x7f]), (12, [0, 0, 0, 0]), (16, [0xff, 0, 0xff, 0]), (28, [1, 0, 0, 0])] as [(Int, [UInt8])] {
            var bad = good
            bad.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            #expect(throws: GeneratorStateError.self) { try g.setState(bad) }
            #expect(g.state == good)
        }
        var pastTheEnd = good
        pastTheEnd.replaceSubrange(8..<12, with: [10, 2, 0, 0])  // left 522
        pastTheEnd.replaceSubrange(16..<18, with: [200, 0])
        #expect(throws: GeneratorStateError.self) { try g.setState(pastTheEnd) }
    }

    @Test func concurrentDrawsArePiecesOfOneStream() async {
        let g = Generator(seed: 9)
        let drawn = await withTaskGroup(of: [Int64].self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<50).flatMap { _ in Tensor.randint(0, 1 << 40, [10], generator: g).array(of: Int64.self) } }
            }
            return await group.reduce(into: [Int64]()) { $0 += $1 }
        }
        let alone = Tensor.randint(0, 1 << 40, [4000], generator: Generator(seed: 9)).array(of: Int64.self)
        #expect(drawn.sorted() == alone.sorted())
    }
}

struct ValueTests {
    @Test func fillsLeaveCopiesAlone() {
        var a = Tensor.zeros(4)
        let b = a
        a.fillUniform(from: 1, to: 2)
        #expect(b.array(of: Float.self) == [0, 0, 0, 0])
        #expect(a.array(of: Float.self).allSatisfy { $0 >= 1 && $0 < 2 })
    }

    @Test func fillsOfAnUnsharedTensorHappenInPlace() {
        var a = Tensor.zeros(1000)
        let before = a.withBytes { $0.baseAddress }
        a.fillNormal()
        #expect(a.withBytes { $0.baseAddress } == before)
    }

    @Test func leavesStayLeaves() throws {
        var w = Tensor.rand(3, requiresGrad: true)
        #expect(throws: TensorError.self) { try withTensorErrors { w.fillNormal() } }
        noGrad { w.fillUniform(from: 5, to: 6) }
        #expect(w.requiresGrad && w.isLeaf)
        (w * 2).sum().backward()
        #expect(w.grad?.array(of: Float.self) == [2, 2, 2])
    }

    @Test func stridedSlicesFollowMemoryOrder() {
        // A slice with gaps, transposed: PyTorch walks the elements by stride.
        var x = Tensor.zeros([4, 6]).slice(1, 0, 6, step: 2).t()
        x.fillUniform(generator: Generator(seed: 3))
        let expected = Tensor.rand([4, 3], generator: Generator(seed: 3)).t()
        #expect(x.array(of: Float.self) == expected.array(of: Float.self))
    }

    @Test func probabilitiesOfEachElement() {
        var x = Tensor.zeros([2, 3], dtype: .int32)
        x.fillBernoulli(Tensor([0.0, 1.0, 0.0]))
        #expect(x.array(of: Int32.self) == [0, 1, 0, 0, 1, 0])
    }

    @Test func misuse() {
        func fails(_ message: String, _ body: @escaping () -> Void) {
            do {
                try withTensorErrors { body() }
                Issue.record("no error, expected: \(message)")
            } catch { #expect("\(error)".contains(message)) }
        }
        fails("but found from=2.0 > to=1.0") { _ = Tensor.uniform([2], from: 2, to: 1) }
        fails("std >= 0.0") { _ = Tensor.normal([2], std: -1) }
        fails("from=3 >= to=3") { _ = Tensor.randint(3, 3, [2]) }
        fails("out of bounds for uint8") { _ = Tensor.randint(0, 300, [2], dtype: .uint8) }
        fails("not implemented for int64") { _ = Tensor.randn(2, dtype: .int64) }
        fails("n must be non-negative") { _ = Tensor.randperm(-1) }
        fails("n is too large") { _ = Tensor.randperm(300, dtype: .uint8) }
        fails("negative dimension") { _ = Tensor.rand(2, -1) }
        fails("p to be in [0, 1]") { _ = Tensor.bernoulli([2], probability: 1.5) }
        fails("Expected p_in >= 0") { _ = Tensor([0.5, 2]).bernoulli() }
        fails("lambda > 0.0") { _ = Tensor.exponential([2], rate: 0) }
        fails("p to be in (0, 1)") { _ = Tensor.geometric([2], probability: 0) }
        fails("non-negative") { _ = Tensor([-1.0]).poisson() }
        fails("`inf`, `nan`") { _ = Tensor([1.0, .nan]).multinomial(1) }
        fails("sum of probabilities <= 0") { _ = Tensor([0.0, 0]).multinomial(1) }
        fails("without replacement") { _ = Tensor([1.0, 1]).multinomial(3) }
        fails("1 or 2 dim") { _ = Tensor(1.0).multinomial(1) }
    }

    @Test func multinomialWithoutReplacementHasNoRepeats() {
        let rows = Tensor.rand(20, 9).multinomial(9)
        for r in 0..<20 { #expect(rows[r].array(of: Int.self).sorted() == Array(0..<9)) }
    }

    @Test func emptyTensors() {
        #expect(Tensor.rand(0).count == 0)
        #expect(Tensor.randn(3, 0).shape == [3, 0])
        #expect(Tensor.randperm(0).count == 0)
        #expect(Tensor.zeros([0, 4]).multinomial(2).shape == [0, 2])
    }
}
