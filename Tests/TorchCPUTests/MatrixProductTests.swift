// Products of every route against sums in float64.
import Testing
import TorchCPU
import TorchKernels
import TorchRuntime

@Suite(.serialized) struct MatrixProductTests {
    let backend = CPUBackend()

    /// Largest error over all elements of C = alpha A B + beta C.
    func error(
        _ m: Int, _ n: Int, _ k: Int, _ dtype: DType = .float32, batch: Int = 1, transposeA: Bool = false, transposeB: Bool = false, transposeC: Bool = false, alpha: Double = 1, beta: Double = 0
    ) -> Double {
        let a = Block([batch, m, k], dtype, seed: 1, strides: transposeA ? [m * k, 1, m] : nil)
        let b = Block([batch, k, n], dtype, seed: 2, strides: transposeB ? [k * n, 1, k] : nil)
        let c = Block([batch, m, n], dtype, seed: 3, strides: transposeC ? [m * n, 1, m] : nil)
        let before = Block([batch, m, n], dtype, seed: 3, strides: transposeC ? [m * n, 1, m] : nil)
        if beta == 0 { c.fill(with: 0xff) }  // NaN: must not be read
        #expect(backend.matmul(c.operand, a.operand, b.operand, alpha: alpha, beta: beta))
        var worst = 0.0
        let av = a.values, bv = b.values, cv = c.values, old = before.values
        for i in 0..<batch {
            // All rows and columns of small results, some of large ones.
            for r in stride(from: 0, to: m, by: Swift.max(1, m / 12)) {
                for j in stride(from: 0, to: n, by: Swift.max(1, n / 12)) {
                    var sum = 0.0
                    for p in 0..<k { sum += av[(i * m + r) * k + p] * bv[(i * k + p) * n + j] }
                    let at = (i * m + r) * n + j
                    let wanted = alpha * sum + (beta == 0 ? 0 : beta * old[at])
                    let e = abs(cv[at] - wanted)
                    worst = e.isNaN ? .infinity : Swift.max(worst, e)
                }
            }
        }
        return worst / Double(k).squareRoot()
    }

    @Test(arguments: [1, 2]) func everyRoute(threads: Int) {
        let old = Parallel.threadCount
        Parallel.threadCount = threads
        defer { Parallel.threadCount = old }
        let shapes = [(1, 1, 1), (1, 7, 300), (300, 1, 70), (1, 400, 300), (2, 3, 4), (16, 10, 128), (33, 47, 29), (64, 64, 64), (130, 150, 140), (40, 600, 900), (5, 5, 0)]
        for (m, n, k) in shapes {
            for flags in 0..<8 {
                let e = error(m, n, Swift.max(k, 1), transposeA: flags & 1 != 0, transposeB: flags & 2 != 0, transposeC: flags & 4 != 0)
                #expect(e < 1e-5, "\(m) x \(n) x \(k), flags \(flags), \(threads) threads: \(e)")
            }
        }
        #expect(error(70, 65, 80, alpha: 0.5, beta: -2) < 1e-5)
        #expect(error(9, 11, 13, alpha: 0.5, beta: -2) < 1e-5)
        #expect(error(1, 90, 130, alpha: 0.5, beta: -2) < 1e-5)
        #expect(error(60, 50, 40, .float64, beta: 1) < 1e-13)
        #expect(error(160, 150, 140, .float64, transposeB: true) < 1e-13)
        #expect(error(60, 50, 40, .bfloat16) < 0.02)
        #expect(error(12, 14, 10, batch: 7) < 1e-5)
        #expect(error(130, 140, 120, batch: 3, transposeB: true) < 1e-5)
    }

    @Test func sharedSecondFactor() {
        // Batch stride 0: one tall product.
        let a = Block([4, 6, 5]), b = Block([1, 5, 3], seed: 9), c = Block([4, 6, 3])
        var shared = b.operand
        shared.sizes = [4, 5, 3]
        shared.strides = [0, 3, 1]
        #expect(backend.matmul(c.operand, a.operand, shared, alpha: 1, beta: 0))
        for i in 0..<4 {
            var sum = 0.0
            for p in 0..<5 { sum += a[[i, 5, p]] * b[[0, p, 2]] }
            #expect(abs(c[[i, 5, 2]] - sum) < 1e-5)
        }
    }

    @Test func sameBitsForAnyNumberOfThreads() {
        let old = Parallel.threadCount
        defer { Parallel.threadCount = old }
        for level in [StLevel.baseline, .avx2, .avx512] where level.rawValue <= st_level().rawValue {
            let a = Block([1, 210, 900]), b = Block([1, 900, 333], seed: 5)
            var results: [[UInt8]] = []
            for threads in [1, 2, 3, 5] {
                Parallel.threadCount = threads
                let c = Block([1, 210, 333])
                #expect(st_gemm(.float32, 210, 333, 900, 1, a.operand.pointer, 900, 1, b.operand.pointer, 333, 1, 0, c.operand.pointer, 333, 1))
                results.append(c.bytes)
            }
            #expect(results.allSatisfy { $0 == results[0] })
        }
    }

    @Test func poolClaimsEveryChunkOnce() {
        let old = Parallel.threadCount
        Parallel.threadCount = 4
        defer { Parallel.threadCount = old }
        let counts = UnsafeMutablePointer<Int32>.allocate(capacity: 1000)
        defer { counts.deallocate() }
        counts.initialize(repeating: 0, count: 1000)
        for round in 1...200 {
            Parallel.forEach(count: 1000, grain: 1 + round % 17) { range in
                for i in range { counts[i] += 1 }
                // Nested work runs here and now.
                Parallel.forEach(count: 2, grain: 1) { #expect($0.count == 1) }
            }
        }
        #expect((0..<1000).allSatisfy { counts[$0] == 200 })
    }

    @Test func librariesSayWhatTheyAre() {
        #expect(Vendor.libraries.map(\.name) == ["libgomp", "OpenBLAS", "oneDNN"])
        for library in Vendor.libraries { #expect(library.isFound ? !library.version.isEmpty && !library.path.isEmpty : !library.reason.isEmpty) }
    }
}
