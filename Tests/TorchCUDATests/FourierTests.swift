// Fourier transforms by cuFFT, played by the emulator's look-alike, which refuses what the real one refuses.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

/// Transforms that the look-alike made in this process, and the plans for them: those that exist, and all.
private func counts() -> (transforms: Int, alive: Int, plans: Int) {
    let library = dlopen(Emulator.path!, RTLD_NOW | RTLD_LOCAL)
    let transforms = unsafeBitCast(dlsym(library, "emulator_fft_transforms"), to: (@convention(c) () -> UInt64).self)
    let plans = unsafeBitCast(dlsym(library, "emulator_fft_plans"), to: (@convention(c) (Bool) -> UInt64).self)
    return (Int(transforms()), Int(plans(true)), Int(plans(false)))
}

private func useFFT(_ settings: [String: String] = [:]) {
    Emulator.use(["SWIFT_TORCH_CUFFT": Emulator.path!].merging(settings) { $1 })
}

/// The largest difference between the device and the CPU.
private func difference(_ x: Tensor, _ body: (Tensor) -> Tensor) -> Double {
    let (there, here) = (body(x.to(.cuda)).to(.cpu), body(x))
    #expect(there.shape == here.shape && there.dtype == here.dtype)
    return (there - here).abs().max().item()
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct FourierTests {
    @Test func agreesWithTheCPU() async {
        await #expect(processExitsWith: .success) {
            useFFT()
            for n in [1, 2, 16, 30, 97] {
                for (dtype, tolerance) in [(DType.complex64, 2e-5), (.complex128, 1e-12)] {
                    let x = Tensor.randn([3, n, 5], dtype: dtype)
                    for d in [difference(x) { FFT.fft($0, dim: 1) }, difference(x) { FFT.ifft($0, dim: -1) }, difference(x) { FFT.fft2($0) }] { #expect(d < tolerance, "\(dtype), length \(n): \(d)") }
                }
                let x = Tensor.randn([2, n + 1])
                #expect(difference(x) { FFT.rfft($0) } < 2e-5)
                #expect(difference(x) { FFT.irfft(FFT.rfft($0), n: n + 1) } < 2e-5)
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
            #expect(CUDA.libraries.contains("cuFFT 12.0 (\(Emulator.path!))"), "\(CUDA.libraries)")
        }
    }

    @Test func gradients() async {
        await #expect(processExitsWith: .success) {
            useFFT()
            func gradient(_ x: Tensor) -> Tensor {
                let leaf = x.requiringGrad()
                return TorchTensor.gradients(of: [FFT.rfft(leaf).abs().sum()], withRespectTo: [leaf])[0]
            }
            let x = Tensor.randn([4, 9])
            let d = (gradient(x.to(.cuda)).to(.cpu) - gradient(x)).abs().max().item()
            #expect(d < 1e-5, "\(d)")
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func plansAreKept() async {
        await #expect(processExitsWith: .success) {
            useFFT()
            let x = Tensor.randn([3, 12], dtype: .complex64).to(.cuda)
            for _ in 0..<5 { _ = FFT.fft(x) }
            // The inverse needs no plan of its own.
            _ = FFT.ifft(x)
            #expect(counts() == (6, 1, 1), "\(counts())")
            _ = FFT.fft(x.narrow(0, 0, 2))
            _ = FFT.fft(x.to(.complex128))
            #expect(counts() == (8, 3, 3), "\(counts())")
            // Those of long ago make room; the one that is used again and again stays.
            for n in 20..<160 {
                _ = FFT.fft(Tensor.zeros([n], dtype: .complex64, device: .cuda))
                _ = FFT.fft(x)
            }
            #expect(counts() == (288, 128, 143), "\(counts())")
        }
    }

    /// The memory of a plan's work area goes back when the transform is queued.
    @Test func noMemoryIsHeld() async {
        await #expect(processExitsWith: .success) {
            useFFT()
            let x = Tensor.randn([7, 30], dtype: .complex64).to(.cuda)
            let before = try CUDA.memoryStatistics().allocated
            let y = FFT.fft(x)
            #expect(try CUDA.memoryStatistics().allocated - before == 2048, "the result alone: 1680 bytes")
            withExtendedLifetime(y) {}
        }
    }

    @Test func empty() async {
        await #expect(processExitsWith: .success) {
            useFFT()
            #expect(FFT.fft(Tensor.zeros([0, 4], dtype: .complex64, device: .cuda)).shape == [0, 4])
            #expect(counts() == (0, 0, 0))
        }
    }

    @Test func turnedOffTheCPUTransforms() async {
        await #expect(processExitsWith: .success) {
            useFFT(["SWIFT_TORCH_CUFFT": "none", "SWIFT_TORCH_CUDA_QUIET": "1"])
            #expect(difference(Tensor.randn([3, 12], dtype: .complex64)) { FFT.fft($0) } < 1e-5)
            #expect(CUDA.fallbacks.map(\.primitive) == ["fft"], "\(CUDA.fallbacks)")
            #expect(CUDA.libraries.contains("cuFFT is turned off (SWIFT_TORCH_CUFFT=none); Fourier transforms run on the CPU"), "\(CUDA.libraries)")
        }
    }

    @Test func aMissingLibraryIsNamed() async {
        await #expect(processExitsWith: .success) {
            useFFT(["SWIFT_TORCH_CUFFT": "/nowhere/libcufft.so.12", "SWIFT_TORCH_CUSOLVER": "libm.so.6", "SWIFT_TORCH_CUDA_QUIET": "1"])
            #expect(difference(Tensor.randn([3, 12], dtype: .complex64)) { FFT.fft($0) } < 1e-5)
            #expect(CUDA.libraries.contains("cuFFT of CUDA 13 was not found (SWIFT_TORCH_CUFFT names a file that cannot be opened: /nowhere/libcufft.so.12"), "\(CUDA.libraries)")
            #expect(CUDA.libraries.contains("cuSOLVER libm.so.6 lacks the function cusolverGetVersion; eigenvalues and singular values are the CPU's"), "\(CUDA.libraries)")
        }
    }

    @Test func withoutAPlanTheCPUTransformsAndItIsExplainedOnce() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            useFFT(["SWIFT_TORCH_EMULATOR_FAIL_FFT": "cufftMakePlanMany64", "SWIFT_TORCH_CUDA_QUIET": "1"])
            let x = Tensor.randn([3, 12], dtype: .complex64)
            for _ in 0..<3 { #expect(difference(x) { FFT.fft($0) } < 1e-5) }
            #expect(CUDA.fallbacks.first?.count == 3, "\(CUDA.fallbacks)")
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.split(separator: "\n").filter { $0.contains("cuFFT has no plan for 3 transforms of length 12") && $0.contains("CUFFT_INVALID_SIZE (8)") }.count == 1, "\(text)")
    }

    @Test func aFailureIsAnErrorWithItsStatus() async throws {
        for (function, status) in [("cufftCreate", "CUFFT_SETUP_FAILED (7)"), ("cufftExecC2C", "CUFFT_EXEC_FAILED (6)")] {
            let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) { [function = function as String] in
                useFFT(["SWIFT_TORCH_EMULATOR_FAIL_FFT": function])
                _ = FFT.fft(Tensor.ones([4], dtype: .complex64).to(.cuda))
            }
            let text = String(decoding: result.standardErrorContent, as: UTF8.self)
            #expect(text.contains("fft: \(function): \(status)") && text.contains("SWIFT_TORCH_CUFFT=none"), "\(text)")
        }
    }
}
