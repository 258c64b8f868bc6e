// Products of matrices on the device against the CPU.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

/// Greatest difference, relative to the greatest number.
func difference(_ there: Tensor, _ here: Tensor) -> Double {
    let (a, b) = (there.to(.cpu).to(.float64), here.to(.float64))
    guard a.dims == b.dims else { return .infinity }
    return (a - b).abs().max().item() / max(1, b.abs().max().item())
}

/// What a type's results may differ by.
func resolution(_ dtype: DType) -> Double {
    switch dtype {
    case .bfloat16: 0x1p-7
    case .float16: 0x1p-10
    case .float32: 1e-5
    default: 1e-12
    }
}

/// Products of every layout, odd sizes, batches that repeat, and sums into what is there: 28 of them; cuBLASLt has no layout for two, whose
/// rows repeat or whose numbers are no neighbours.
func compareProducts(_ dtype: DType, within allowed: Double) {
    manualSeed(1)
    let make = { (sizes: [Int]) in Tensor.randn(sizes).to(dtype) }
    let plain = { (x: Tensor) in x }
    // Views are made on the device: a copy to it is contiguous.
    func check(_ a: Tensor, _ viewA: (Tensor) -> Tensor, _ b: Tensor, _ viewB: (Tensor) -> Tensor, _ what: String) {
        let there = viewA(a.to(.cuda)).matmul(viewB(b.to(.cuda)))
        let d = difference(there, viewA(a.to(.float64)).matmul(viewB(b.to(.float64))).to(dtype))
        #expect(d <= allowed, "\(what) \(dtype): \(d)")
    }
    let turned = { (x: Tensor) in x.mT }
    for (m, k, n) in [(64, 32, 48), (65, 33, 7), (1, 70, 130), (130, 1, 3), (40, 72, 200)] {
        check(make([m, k]), plain, make([k, n]), plain, "rows \(m) \(k) \(n)")
        check(make([k, m]), turned, make([k, n]), plain, "left by columns \(m) \(k) \(n)")
        check(make([m, k]), plain, make([n, k]), turned, "right by columns \(m) \(k) \(n)")
        check(make([k, m]), turned, make([n, k]), turned, "both by columns \(m) \(k) \(n)")
    }
    check(make([3, 20, 17]), plain, make([3, 17, 24]), plain, "batch")
    check(make([3, 20, 16]), plain, make([16, 24]), plain, "batch, one right side")
    check(make([1, 20, 16]), { $0.expand([4, 20, 16]) }, make([4, 16, 8]), plain, "batch, one left side for all")
    check(make([4, 6, 5, 16]), { $0.transpose(1, 2) }, make([4, 5, 16, 6]), plain, "heads")
    check(make([20, 34]), { $0[0..., 1..<33] }, make([32, 9]), plain, "a part of each row")
    check(make([12, 40]), { $0.asStrided([12, 20], [40, 2]) }, make([20, 8]), plain, "every other number")
    check(make([1, 16]), { $0.expand([20, 16]) }, make([16, 24]), plain, "one row for all")
    let (c, a, b) = (make([33, 18]), make([33, 10]), make([10, 18]))
    let sum = difference(c.to(.cuda).addmm(a.to(.cuda), b.to(.cuda), beta: 0.5, alpha: 2), c.to(.float64).addmm(a.to(.float64), b.to(.float64), beta: 0.5, alpha: 2).to(dtype))
    #expect(sum <= allowed, "addmm \(dtype): \(sum)")
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct MatrixTests {
    @Test func productsOfSixteenBits() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for dtype in [DType.float16, .bfloat16] { compareProducts(dtype, within: resolution(dtype)) }
            // More than 64 tiles of 128.
            let (a, b) = (Tensor.randn(1100, 40).to(.bfloat16), Tensor.randn(40, 1830).to(.bfloat16))
            #expect(difference(a.to(.cuda).matmul(b.to(.cuda)), a.to(.float32).matmul(b.to(.float32)).to(.bfloat16)) < resolution(.bfloat16))
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func productsOfFullPrecision() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for dtype in [DType.float32, .float64] { compareProducts(dtype, within: resolution(dtype)) }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func tf32OnlyWhereItIsAllowed() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            // 1 + 2^-11 needs more bits than tf32 has. Our kernels round; NVIDIA's may cut off.
            let (a, b) = (Tensor.full([2, 2], 1 + 0x1p-11).to(.cuda), Tensor.eye(2).to(.cuda))
            #expect(!CUDA.allowTF32)
            #expect(a.matmul(b).array(of: Float.self) == [Float](repeating: 1 + 0x1p-11, count: 4))
            CUDA.allowTF32 = true
            #expect(a.matmul(b).array(of: Float.self).allSatisfy { $0 == 1 + 0x1p-10 || $0 == 1 && CUDA.libraries.contains("cuBLASLt (") })
            compareProducts(.float32, within: 2e-3)
            CUDA.allowTF32 = false
            #expect(a.matmul(b).array(of: Float.self) == [Float](repeating: 1 + 0x1p-11, count: 4))
        }
    }
}
