// A machine without a driver, or with one that does not do: said with the reason, and nothing else is affected.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

@Suite struct WithoutDriverTests {
    @Test func aWrongOverrideIsAnError() async {
        await #expect(processExitsWith: .success) {
            setenv("SWIFT_TORCH_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1)
            #expect(!CUDA.isAvailable)
            #expect(CUDA.deviceCount == 0)
            let reason = CUDA.unavailableReason ?? ""
            #expect(reason.contains("SWIFT_TORCH_CUDA_DRIVER") && reason.contains("/nowhere/libcuda.so.1"), "\(reason)")
            #expect((Tensor([1.0, 2.0]) + 1).array(of: Double.self) == [2, 3])
        }
    }

    @Test func aLibraryThatIsNoDriverLacksFunctions() async {
        await #expect(processExitsWith: .success) {
            setenv("SWIFT_TORCH_CUDA_DRIVER", "libm.so.6", 1)
            let reason = CUDA.unavailableReason ?? ""
            #expect(reason.contains("lacks the function cuInit"), "\(reason)")
        }
    }

    @Test func movingATensorSaysWhy() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            setenv("SWIFT_TORCH_CUDA_DRIVER", "/nowhere/libcuda.so.1", 1)
            _ = Tensor([1.0]).to(.cuda)
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("cuda:0") && text.contains("/nowhere/libcuda.so.1"), "\(text)")
    }
}
