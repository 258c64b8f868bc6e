// Products by cuBLASLt, played by the emulator's look-alike, which refuses what the real one refuses.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

/// Products that the look-alike has made in this process.
private func products() -> Int {
    let function: @convention(c) () -> UInt64 = unsafeBitCast(dlsym(dlopen(Emulator.path!, RTLD_NOW | RTLD_LOCAL), "emulator_blaslt_products"), to: (@convention(c) () -> UInt64).self)
    return Int(function())
}

private func useBlasLt(_ settings: [String: String] = [:]) {
    Emulator.use(["SWIFT_TORCH_CUBLASLT": Emulator.path!].merging(settings) { $1 })
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct BlasLtTests {
    @Test func everyLayoutAndType() async {
        await #expect(processExitsWith: .success) {
            useBlasLt()
            for dtype in [DType.float32, .float64, .float16, .bfloat16] { compareProducts(dtype, within: resolution(dtype)) }
            #expect(products() == 4 * 26, "\(products())")
            for dtype in [DType.complex64, .complex128] {
                let (a, b) = (Tensor.randn([2, 5, 7], dtype: dtype), Tensor.randn([2, 6, 7], dtype: dtype))
                let d = (a.to(.cuda).matmul(b.to(.cuda).mT).to(.cpu) - a.matmul(b.mT)).abs().max().item()
                #expect(d < 1e-5, "\(dtype): \(d)")
                #expect((a.to(.cuda).matmul(b.to(.cuda).mH).to(.cpu) - a.matmul(b.mH)).abs().max().item() < 1e-5)
            }
            #expect(products() == 4 * 26 + 4, "\(products())")
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
            #expect(CUDA.libraries.contains("cuBLASLt (\(Emulator.path!))"), "\(CUDA.libraries)")
        }
    }

    @Test func biasIsPartOfTheProduct() async {
        await #expect(processExitsWith: .success) {
            useBlasLt()
            for dtype in [DType.float32, .float16, .bfloat16, .float64] {
                let (x, w, b) = (Tensor.randn(3, 5, 20).to(dtype), Tensor.randn(12, 20).to(dtype), Tensor.randn(12).to(dtype))
                for bias in [b, Tensor.randn(1).to(dtype)] {
                    let want = linear(x.to(.float64), w.to(.float64), bias.to(.float64)).to(dtype)
                    let d = difference(linear(x.to(.cuda), w.to(.cuda), bias.to(.cuda)), want)
                    #expect(d <= resolution(dtype), "\(dtype): \(d)")
                }
            }
            #expect(products() == 7, "\(products())")
        }
    }

    @Test func biasWithoutBlasLt() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUBLASLT": "none"])
            for dtype in [DType.float32, .bfloat16] {
                let (x, w, b) = (Tensor.randn(15, 20).to(dtype), Tensor.randn(12, 20).to(dtype), Tensor.randn(12).to(dtype))
                let d = difference(linear(x.to(.cuda), w.to(.cuda), b.to(.cuda)), linear(x.to(.float64), w.to(.float64), b.to(.float64)).to(dtype))
                #expect(d <= resolution(dtype), "\(dtype): \(d)")
            }
            #expect(products() == 0)
            #expect(CUDA.libraries.contains("cuBLASLt is turned off"), "\(CUDA.libraries)")
        }
    }

    @Test func tf32OnlyWhereItIsAllowed() async {
        await #expect(processExitsWith: .success) {
            useBlasLt()
            let (a, b) = (Tensor.full([2, 2], 1 + 0x1p-11).to(.cuda), Tensor.eye(2).to(.cuda))
            #expect(a.matmul(b).array(of: Float.self) == [Float](repeating: 1 + 0x1p-11, count: 4))
            CUDA.allowTF32 = true
            #expect(a.matmul(b).array(of: Float.self) == [Float](repeating: 1 + 0x1p-10, count: 4))
            #expect(products() == 2)
        }
    }

    @Test func whatItDoesNotSupportOurKernelsMultiply() async {
        await #expect(processExitsWith: .success) {
            useBlasLt(["SWIFT_TORCH_EMULATOR_FAIL_BLASLT": "cublasLtMatmulAlgoGetHeuristic"])
            for dtype in [DType.float32, .bfloat16] { compareProducts(dtype, within: resolution(dtype)) }
            #expect(products() == 0)
        }
    }

    @Test func aLibraryThatDoesNotStartIsExplainedOnce() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            useBlasLt(["SWIFT_TORCH_EMULATOR_FAIL_BLASLT": "cublasLtCreate"])
            let a = Tensor.eye(3).to(.cuda)
            for _ in 0..<3 { #expect(a.matmul(a).array(of: Float.self) == Tensor.eye(3).array(of: Float.self)) }
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.split(separator: "\n").filter { $0.contains("cublasLtCreate: CUBLAS_STATUS_NOT_INITIALIZED (1)") && $0.contains("our own kernels multiply") }.count == 1, "\(text)")
    }

    @Test func aFailureIsAnErrorWithItsStatus() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            useBlasLt(["SWIFT_TORCH_EMULATOR_FAIL_BLASLT": "cublasLtMatmul"])
            let a = Tensor.eye(3).to(.cuda)
            _ = a.matmul(a)
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("matmul: cublasLtMatmul: CUBLAS_STATUS_EXECUTION_FAILED (13)") && text.contains("SWIFT_TORCH_CUBLASLT=none"), "\(text)")
    }

    @Test func aMissingLibraryIsNamed() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUBLASLT": "/nowhere/libcublasLt.so.13"])
            let a = Tensor.eye(3).to(.cuda)
            #expect(a.matmul(a).array(of: Float.self) == Tensor.eye(3).array(of: Float.self))
            #expect(CUDA.libraries.contains("/nowhere/libcublasLt.so.13") && CUDA.libraries.contains("our own kernels multiply"), "\(CUDA.libraries)")
        }
    }
}
