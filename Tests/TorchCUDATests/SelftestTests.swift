// The cases of `gpucheck selftest` on the emulator: every family of kernels against the CPU, and small networks that train alike on both.
import Testing
import gpucheck

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct SelftestTests {
    @Test func theDeviceAgreesWithTheCPU() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUDA_QUIET": "1"])
            for c in Selftest.cases {
                let difference = c.run()
                #expect(difference == nil, "\(c.name): \(difference ?? "")")
            }
        }
    }
}
