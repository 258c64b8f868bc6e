// Convolutions and their gradients against the definition, by oneDNN where it is and by our own kernels.
import Testing
import TorchCPU
import TorchKernels
import TorchRuntime

@Suite(.serialized) struct ConvolutionTests {
    let backend = CPUBackend()

    struct Case: CustomTestStringConvertible, Sendable {
        var n = 2, c = 3, o = 4, groups = 1
        var size = [9, 8], kernel = [3, 3], stride = [1, 1], padding = [1, 1], dilation = [1, 1]
        var testDescription: String { "\(n)x\(c)x\(size) -> \(o), kernel \(kernel), stride \(stride), padding \(padding), dilation \(dilation), groups \(groups)" }
        var out: [Int] { size.indices.map { (size[$0] + 2 * padding[$0] - dilation[$0] * (kernel[$0] - 1) - 1) / stride[$0] + 1 } }
        var shape: ConvolutionShape { ConvolutionShape(stride: stride, padding: padding, dilation: dilation, groups: groups) }
    }

    /// Calls body(output, input, weight) with row-major positions for every product that the definition adds.
    func walk(_ t: Case, _ body: (Int, Int, Int) -> Void) {
        func three(_ v: [Int], _ fill: Int) -> [Int] { [Int](repeating: fill, count: 3 - v.count) + v }
        let size = three(t.size, 1), out = three(t.out, 1), kernel = three(t.kernel, 1)
        let stride = three(t.stride, 1), padding = three(t.padding, 0), dilation = three(t.dilation, 1)
        func taps(_ d: Int) -> [(q: Int, k: Int, p: Int)] {
            (0..<out[d]).flatMap { q in
                (0..<kernel[d]).compactMap { k in
                    let p = q * stride[d] - padding[d] + k * dilation[d]
                    return p >= 0 && p < size[d] ? (q, k, p) : nil
                }
            }
        }
        let cg = t.c / t.groups, og = t.o / t.groups
        let pixels = size.reduce(1, *), results = out.reduce(1, *), window = kernel.reduce(1, *)
        for a in taps(0) {
            for b in taps(1) {
                for c in taps(2) {
                    let q = (a.q * out[1] + b.q) * out[2] + c.q, p = (a.p * size[1] + b.p) * size[2] + c.p, k = (a.k * kernel[1] + b.k) * kernel[2] + c.k
                    for n in 0..<t.n {
                        for o in 0..<t.o {
                            for i in 0..<cg { body((n * t.o + o) * results + q, (n * t.c + o / og * cg + i) * pixels + p, (o * cg + i) * window + k) }
                        }
                    }
                }
            }
        }
    }

    func check(_ t: Case, _ dtype: DType, channelsLast: Bool = false) {
        func strides(_ sizes: [Int]) -> [Int]? {
            guard channelsLast else { return nil }
            var s = [Int](repeating: 1, count: sizes.count), n = sizes[1]
            for i in (2..<sizes.count).reversed() {
                s[i] = n
                n *= sizes[i]
            }
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
        let xv = x.values, wv = w.values, gv = dy.values, bv = bias.values, results = t.out.reduce(1, *)
        var wantedY = (0..<t.n * t.o * results).map { bv[$0 / results % t.o] }
        var wantedX = [Double](repeating: 0, count: xv.count), wantedW = [Double](repeating: 0, count: wv.count)
        walk(t) { q, p, k in
            wantedY[q] += xv[p] * wv[k]
            wantedX[p] += gv[q] * wv[k]
            wantedW[k] += gv[q] * xv[p]
        }
        let tolerance = dtype == .float64 ? 1e-12 : 1e-4
        func agree(_ found: Block, _ wanted: [Double]) -> Bool { zip(found.values, wanted).allSatisfy { abs($0 - $1) < tolerance } }
        #expect(agree(y, wantedY), "result: \(t)")
        #expect(agree(dx, wantedX), "gradient of the data: \(t)")
        #expect(agree(dw, wantedW), "gradient of the weights: \(t)")
    }

    static let cases: [Case] = [
        Case(), Case(stride: [2, 2]), Case(kernel: [5, 2], padding: [2, 0]), Case(dilation: [2, 1]), Case(c: 4, groups: 2), Case(c: 4, o: 4, groups: 4),
        Case(n: 3, c: 17, o: 33, size: [5, 6]), Case(kernel: [1, 1], padding: [0, 0]), Case(size: [12, 12], kernel: [1, 1], padding: [0, 0]),
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
        check(Case(n: 5, c: 20, o: 40, size: [6, 14]), .float32)
        check(Case(n: 1, c: 20, o: 40, size: [12, 20]), .float32)
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
