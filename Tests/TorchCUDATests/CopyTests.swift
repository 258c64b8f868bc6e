// Copies on the device between layouts: wide pieces, tiles, single elements, against the CPU.
import Testing
import TorchCUDA
import TorchTensor

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct CopyTests {
    @Test func layoutsOfEverySize() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for type in [DType.bool, .float16, .float32, .float64, .complex128] {
                let count = 5 * 36 * 48
                let whole = Tensor((0..<count).map { Double($0 % 251) }, dtype: .float64).reshape([5, 36, 48]).to(type)
                let there = whole.to(.cuda)
                let views: [(String, (Tensor) -> Tensor)] = [
                    ("heads", { $0.reshape([5, 36, 3, 16]).transpose(1, 2) }), ("turned", { $0.transpose(1, 2) }), ("turned twice", { $0.permute([2, 1, 0]) }),
                    ("batches inside", { $0.permute([1, 2, 0]) }), ("a part of rows", { $0[0..., 0..., 4..<36] }), ("an odd part", { $0[0..., 1..<36, 3..<40] }),
                    ("an odd part, turned", { $0[1..<5, 1..<34, 3..<40].transpose(1, 2) }), ("few columns, turned", { $0[0..., 0..., 0..<3].transpose(1, 2) }),
                    ("every other", { $0.reshape([5, 36, 24, 2])[0..., 0..., 0..., 1] }), ("repeated", { $0[0..., 0..<1].expand([5, 7, 48]) }),
                    ("repeated, turned", { $0[0..<1].expand([4, 36, 48]).transpose(1, 2) }), ("empty", { $0[0..<0].transpose(1, 2) }), ("one", { $0[2, 3, 4] }),
                ]
                for (name, view) in views {
                    let (a, b) = (view(there).contiguous(), view(whole).contiguous())
                    #expect(a.device == .cuda && a.shape == b.shape && a.to(.cpu).to(.float64).array(of: Double.self) == b.to(.float64).array(of: Double.self), "\(type), \(name)")
                }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// Assignment to parts: the output has the gaps.
    @Test func intoParts() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            func filled(_ device: Device) -> Tensor {
                var x = Tensor.zeros([40, 64], device: device)
                let source = Tensor.arange(32 * 48, dtype: .float32).to(device)
                x[0..<32, 8..<56] = source.reshape([32, 48])
                x[8..<40, 0..<48] = source.reshape([48, 32]).t()
                x[1..<33, 3..<51] = source.reshape([48, 32]).t()
                return x
            }
            #expect(filled(.cuda).array(of: Float.self) == filled(.cpu).array(of: Float.self))
        }
    }
}
