// Convolutions and their gradients against the definition, by oneDNN where it is and by our own kernels.
import Testing
import TorchKernels
import TorchRuntime
@testable import TorchCPU

@Suite(.serialized) struct ConvolutionTests {
    let backend = CPUBackend()

    struct Case: CustomTestStringConvertible, Sendable {
        var n = 2, c = 3, o = 4, groups = 1
        var size = [9, 8], kernel = [3, 3], stride = [1, 1], padding = [1, 1], dilation = [1, 1]
        var testDescription: String { "\(n)x\(c)x\(size) -> \(o), kernel \(kernel), stride \(stride), padding \(padding), dilation \(dilation), groups \(groups)" }
        var out: [Int] { size.indices.map { (size[$0] + 2 * padding[$0] - dilation[$0] * (kernel[$0] - 1) - 1) / stride[$0] + 1 } }
        var shape: ConvolutionShape { ConvolutionShape(stride: stride, padding: padding, dilation: dilation, groups: groups) }
    }

    /// Calls body(output index, input index, weight index) for every product that the definition adds.
    func walk(_ t: Case, _ body: ([Int], [Int], [Int]) -> Void) {
        func indices(_ sizes: [Int]) -> [[Int]] { sizes.reduce([[]]) { heads, s in heads.flatMap { h in (0..<s).map { h + [$0] } } } }
        let cg = t.c / t.groups, og = t.o / t.groups
        for q in indices(t.out) {
            for k in indices(t.kernel) {
                let p = t.size.indices.map { q[$0] * t.stride[$0] - t.padding[$0] + k[$0] * t.dilation[$0] }
                guard p.indices.allSatisfy({ p[$0] >= 0 && p[$0] < t.size[$0] }) else { continue }
                for n in 0..<t.n { for o in 0..<t.o { for c in 0..<cg { body([n, o] + q, [n, o / og * cg + c] + p, [o, c] + k) } } }
            }
        }
    }

    func check(_ t: Case, _ dtype: DType, channelsLast: Bool = false) {
        func strides(_ sizes: [Int]) -> [Int]? {
            guard channelsLast else { return nil }
            var s = [Int](repeating: 1, count: sizes.count), n = sizes[1]
            for i in (2..<sizes.count).reversed() { s[i] = n; n *= sizes[i] }
            s[0] = n
            return s
        }
        let xs = [t.n, t.c] + t.size, ys = [t.n, t.o] + t.out, ws = [t.o, t.c / t.groups] + t.kernel
        let x = Block(xs, dtype, seed: 1, strides: strides(xs)), w = Block(ws, dtype, seed: 2), bias = Block([t.o], dtype, seed: 3), dy = Block(ys, dtype, seed: 4, strides: strides(ys))
        let y = Block(ys, dtype, strides: strides(ys)), dx = Block(xs, dtype, strides: strides(xs)), dw = Block(ws, dtype)
        for b in [y, dx, dw] { b.fill(with: 0xff) }
        #expect(backend.convolution(y.operand, x.operand, weight: w.operand, bias: bias.operand, t.shape))
        #expect(backend.convolutionBackwardData(dx.operand, dy.operand, weight: w.operand, t.shape))
        #expect(backend.convolutionBackwardWeight(dw.operand, dy.operand, x.operand, t.shape))
        var wantedY: [[Int]: Double] = [:], wantedX: [[Int]: Double] = [:], wantedW: [[Int]: Double] = [:]
        walk(t) { q, p, k in
            wantedY[q, default: bias[[q[1]]]] += x[p] * w[k]
            wantedX[p, default: 0] += dy[q] * w[k]
            wantedW[k, default: 0] += dy[q] * x[p]
        }
        let tolerance = dtype == .float64 ? 1e-12 : 1e-4
        #expect(wantedY.allSatisfy { abs(y[$0.key] - $0.value) < tolerance }, "result: \(t)")
        #expect(wantedX.allSatisfy { abs(dx[$0.key] - $0.value) < tolerance }, "gradient of the data: \(t)")
        #expect(wantedW.allSatisfy { abs(dw[$0.key] - $0.value) < tolerance }, "gradient of the weights: \(t)")
    }

    static let cases: [Case] = [
        Case(), Case(stride: [2, 2]), Case(kernel: [5, 2], padding: [2, 0]), Case(dilation: [2, 1]), Case(c: 4, groups: 2), Case(c: 4, o: 4, groups: 4),
        Case(n: 3, c: 17, o: 33), Case(kernel: [1, 1], padding: [0, 0]), Case(size: [12, 12], kernel: [1, 1], padding: [0, 0]),
        Case(size: [30], kernel: [4], stride: [3], padding: [2], dilation: [2]), Case(size: [5, 6, 4], kernel: [2, 3, 2], stride: [1, 2, 1], padding: [1, 1, 0], dilation: [1, 1, 1]),
        Case(n: 5, c: 2, o: 3, size: [2, 2]), Case(n: 1, c: 8, o: 8, size: [20, 20]),
    ]

    @Test(arguments: cases) func againstTheDefinition(t: Case) {
        check(t, .float32)
        check(t, .float64)
    }

    @Test func channelsLast() {
        for t in [Case(), Case(n: 3, c: 16, o: 32, size: [7, 9]), Case(c: 4, groups: 2, stride: [2, 1])] { check(t, .float32, channelsLast: true) }
    }

    @Test func piecesOfTheBatch() {
        let old = Parallel.threadCount
        Parallel.threadCount = 2
        defer { Parallel.threadCount = old }
        check(Case(n: 5, c: 20, o: 40, size: [14, 14]), .float32)
        check(Case(n: 1, c: 20, o: 40, size: [20, 20]), .float32)
    }

    @Test func sameBitsForAnyNumberOfThreads() {
        let old = Parallel.threadCount
        defer { Parallel.threadCount = old }
        var plan = st_conv(
            n: 3, c: 20, o: 40, groups: 1, in: (1, 19, 17), out: (1, 19, 17), kernel: (1, 3, 3), stride: (1, 1, 1), pad: (0, 1, 1), dilation: (1, 1, 1))
        let x = Block([3, 20, 19, 17]), w = Block([40, 20, 3, 3], seed: 2), dy = Block([3, 40, 19, 17], seed: 4)
        var results: [[[UInt8]]] = []
        for threads in [1, 2, 3] {
            Parallel.threadCount = threads
            let y = Block([3, 40, 19, 17]), dx = Block([3, 20, 19, 17]), dw = Block([40, 20, 3, 3])
            #expect(st_conv_forward(.float32, &plan, x.operand.pointer, w.operand.pointer, nil, y.operand.pointer))
            #expect(st_conv_backward_data(.float32, &plan, dy.operand.pointer, w.operand.pointer, dx.operand.pointer))
            #expect(st_conv_backward_weight(.float32, &plan, dy.operand.pointer, x.operand.pointer, dw.operand.pointer))
            results.append([y.bytes, dx.bytes, dw.bytes])
        }
        #expect(results[1] == results[0] && results[2] == results[0])
    }
}
