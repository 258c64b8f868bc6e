// Tensors on the emulated device: there and back, figures, errors.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct DeviceTests {
    @Test func theDeviceIsDescribed() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            #expect(CUDA.isAvailable, "\(CUDA.unavailableReason ?? "")")
            #expect(CUDA.deviceCount == 1)
            let p = try CUDA.properties()
            #expect(!p.name.isEmpty && p.totalMemory > 0 && p.multiprocessors > 0 && p.architecture.hasPrefix("sm_"), "\(p)")
            let info = try CUDA.memoryInfo()
            #expect(info.free > 0 && info.free <= info.total)
            try CUDA.synchronize()
        }
    }

    @Test func allTypesGoThereAndBack() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for type in DType.allCases {
                let x = (Tensor.arange(24).reshape([2, 3, 4]) - 7).to(type)
                let there = x.to(.cuda)
                #expect(there.device == .cuda && there.dtype == type && there.shape == x.shape)
                let back = there.to(.cpu)
                #expect(back.withBytes { a in x.withBytes { b in a.elementsEqual(b) } }, "\(type)")
            }
        }
    }

    @Test func layoutsGoThereAndBack() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let x = Tensor.arange(2 * 3 * 4 * 5, dtype: .float32).reshape([2, 3, 4, 5])
            let there = x.to(.cuda)
            let views: [(Tensor) -> Tensor] = [
                { $0.permute([3, 1, 0, 2]) }, { $0[1] }, { $0.slice(2, 1, 3) }, { $0.select(3, 2) }, { $0[0..., 1].transpose(0, 2) }, { $0.slice(3, 0, 5, step: 2) },
                { $0.unsqueeze(1).expand([2, 6, 3, 4, 5]) },
            ]
            for (i, view) in views.enumerated() {
                #expect(view(there).to(.cpu).array(of: Float.self) == view(x).array(of: Float.self), "on the device, view \(i)")
                #expect(view(x).to(.cuda).to(.cpu).array(of: Float.self) == view(x).array(of: Float.self), "before the copy, view \(i)")
                #expect(view(there).contiguous().to(.float64).to(.cpu).array(of: Double.self) == view(x).array(of: Double.self), "converted, view \(i)")
            }
        }
    }

    @Test func largeCopiesGoInPieces() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            // Larger than all staging buffers together.
            let x = Tensor.arange(3_000_001, dtype: .float64)
            var y = x.to(.cuda)
            #expect(y.to(.cpu).withBytes { a in x.withBytes { b in memcmp(a.baseAddress!, b.baseAddress!, a.count) } } == 0)
            y[0..<5] = Tensor([1.0, 2, 3, 4, 5]).to(.float64)
            #expect(y.slice(0, 3, 7).to(.cpu).array(of: Double.self) == [4, 5, 5, 6])
        }
    }

    @Test func itemsPrintingAndNumbers() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let x = Tensor([[1.5, 2], [3, 4]]).to(.cuda)
            #expect(x[1, 0].item() == 3)
            #expect("\(x)" == "tensor([[1.5000, 2.0000],\n        [3.0000, 4.0000]], device='cuda:0')", "\(x)")
            #expect((2 * x + 1).array(of: Double.self) == [4, 5, 7, 9])
            #expect((1 / x).to(.cpu).array(of: Float.self) == (1 / x.to(.cpu)).array(of: Float.self))
            #expect((x .> 2).array(of: Bool.self) == [false, false, true, true])
            var y = x
            y += 1
            y[0, 1] = 9
            #expect(y.array(of: Double.self) == [2.5, 9, 4, 5] && x.array(of: Double.self) == [1.5, 2, 3, 4])
            #expect(Tensor.zeros(3, device: .cuda).array(of: Double.self) == [0, 0, 0] && Tensor.full([2], 7, device: .cuda).array(of: Int.self) == [7, 7])
            #expect(Tensor.arange(2, 11, step: 3, device: .cuda).array(of: Int.self) == [2, 5, 8])
            #expect(Tensor.eye(2, device: .cuda).array(of: Int.self) == [1, 0, 0, 1])
            let random = Tensor.randn([100], device: .cuda)
            #expect(random.device == .cuda && abs(random.to(.cpu).mean().item()) < 1)
            #expect(x.withElements(of: Float.self) { Array($0) } == [1.5, 2, 3, 4])
            y.withMutableElements(of: Float.self) { $0[3] = 8 }
            #expect(y.device == .cuda && y[1, 1].item() == 8)
        }
    }

    @Test func gradientsStayOnTheDevice() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            func slope(_ device: Device) -> [Double] {
                let x = Tensor([0.5, -1, 2]).to(device).requiringGrad()
                let y = ((x * x).exp() * 0.1 + x.tanh() / 3).sum()
                y.backward()
                #expect(x.grad?.device == device)
                return x.grad!.array(of: Double.self)
            }
            #expect(zip(slope(.cuda), slope(.cpu)).allSatisfy { abs($0 - $1) <= 1e-5 * abs($1) })
        }
    }

    @Test func memoryIsCountedAndReused() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let before = try CUDA.memoryStatistics()
            var x: Tensor? = Tensor.zeros(1000, 1000, device: .cuda)
            let during = try CUDA.memoryStatistics()
            #expect(during.allocated - before.allocated == 4_000_256 && during.reserved >= during.allocated)
            x = nil
            _ = x
            #expect(try CUDA.memoryStatistics().allocated == before.allocated)
            x = Tensor.zeros(1000, 1000, device: .cuda)
            let again = try CUDA.memoryStatistics()
            #expect(again.segments == during.segments && again.reused > during.reused)
            x = nil
            try CUDA.emptyCache()
            #expect(try CUDA.memoryStatistics().reserved < during.reserved)
        }
    }

    @Test func outOfMemorySaysWhatHoldsIt() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            Emulator.use(["SWIFT_TORCH_EMULATOR_MEMORY": "67108864"])
            let x = Tensor.zeros(5 << 20, device: .cuda)
            _ = (x, Tensor.zeros(15 << 20, device: .cuda))
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        for part in ["CUDA out of memory on cuda:0", "60.0 MiB requested", "20.0 MiB in use by tensors", "of 64.0 MiB free on the device", "shape (15728640,)", "emptyCache"] {
            #expect(text.contains(part), "\(part): \(text)")
        }
    }

    @Test func tensorsOnTwoDevicesDoNotMix() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let (a, b) = (Tensor([1.0, 2]), Tensor([1.0, 2]).to(.cuda))
            let index = Tensor([0, 1])
            let wrong: [() -> Tensor] = [
                { a + b }, { b * a }, { b.gather(0, index) }, { a.gather(0, index.to(.cuda)) }, { (a .> 1).select(b, b) }, { b.maskedFill(a .> 1, 0) }, { b.indexSelect(0, index) },
                { crossEntropy(b.reshape([1, 2]), Tensor([1])) },
            ]
            for (i, body) in wrong.enumerated() {
                do {
                    _ = try withTensorErrors(body)
                    Issue.record("no error in case \(i)")
                } catch {
                    #expect("\(error)".contains("Expected all tensors to be on the same device") && "\(error)".contains("cuda:0"), "case \(i): \(error)")
                }
            }
            // What PyTorch allows: numbers in tensors without dims, and indices of a subscript.
            #expect((b + Tensor(1.0)).array(of: Double.self) == [2, 3])
            #expect(b[index].array(of: Double.self) == [1, 2] && b[a .> 1].array(of: Double.self) == [2])
        }
    }

    @Test func aDeviceThatIsNotThere() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            Emulator.use()
            _ = Tensor([1.0]).to(.cuda(3))
        }
        #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains("there is no CUDA device 3: this machine has 1"))
    }

    @Test func anOldDriverIsRefused() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_EMULATOR_DRIVER": "11080"])
            let reason = CUDA.unavailableReason ?? ""
            #expect(reason.contains("serves CUDA 11.8") && reason.contains("needs 12.0"), "\(reason)")
        }
    }

    @Test func anOldDriverDoesNotTakeANewCompiler() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_EMULATOR_DRIVER": "12080"])
            let reason = CUDA.unavailableReason ?? ""
            #expect(reason.contains("NVRTC") && reason.contains("newer than the driver"), "\(reason)")
        }
    }

    @Test func noDeviceIsSaidWithCUDAsName() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_EMULATOR_DEVICES": "0"])
            let reason = CUDA.unavailableReason ?? ""
            #expect(reason.contains("CUDA_ERROR_NO_DEVICE (100)") && reason.contains("nvidia-smi"), "\(reason)")
        }
    }
}
