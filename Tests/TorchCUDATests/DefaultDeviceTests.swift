// The device of tensors for which none is named: its name in the environment, who follows it, who does not.
import Glibc
import Testing
import TorchCUDA
import TorchData
import TorchFormats
import TorchNN
import TorchOptim
import TorchTensor

@Suite struct DefaultDeviceTests {
    @Test func namesOfDevices() {
        #expect(Device("cpu") == .cpu && Device("cuda") == .cuda && Device("cuda:0") == .cuda && Device("cuda:3") == .cuda(3) && Device("cuda:3")?.description == "cuda:3")
        for name in ["", "gpu", "CUDA", "cuda:", "cuda:x", "cuda:-1", "cuda:256", "cuda:1:2", "cpu:1", ":0"] { #expect(Device(name) == nil, "\(name)") }
    }

    @Test(.enabled(if: Emulator.isBuilt, "the emulator is not built")) func tensorsAreMadeThere() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_DEVICE": "cuda:0"])
            #expect(Device.default == .cuda)
            let made = [
                Tensor(1.5), Tensor(2), Tensor(true), Tensor(real: 1, imaginary: 2), Tensor([1, 2]), Tensor([[1.0], [2]]), Tensor([1.0, 2], shape: [2, 1]), .zeros(2), .ones([2]), .full([2], 3),
                .empty(2), .eye(2), .arange(3), .linspace(0, 1, steps: 3), .logspace(0, 1, steps: 3), .trilIndices(2, 2), .emptyStrided([2], [1]), .rand(2), .randn(2), .randint(3, [2]),
                .randperm(3), .bernoulli([2]), .uniform([2]), .normal([2]), FFT.fftfreq(4), SignalWindow.hann(4),
            ]
            for (i, t) in made.enumerated() { #expect(t.device == .cuda, "number \(i)") }
            let net = Sequential(Linear(2, 3), BatchNorm1d(3), Linear(3, 1))
            #expect(net.stateDict().allSatisfy { $0.tensor.device == .cuda })
            let optimizer = Adam(net.parameters(), learningRate: 0.1)
            net(Tensor.ones(4, 2)).sum().backward()
            optimizer.step()
            // Counters of a schedule are for the program, not for the device.
            #expect(optimizer.stateDict()["steps"]?.device == .cpu && optimizer.stateDict()["0.exp_avg"]?.device == .cuda)
            #expect(TensorDataset(Tensor.arange(4), Tensor.arange(4, device: .cpu)).batch([2, 1]).map(\.device) == [.cuda, .cpu])
            // What is named, or follows another tensor, goes where it says.
            let here = Tensor([1.0, 2], device: .cpu)
            #expect(here.device == .cpu && here.newTensor([1]).device == .cpu && here.zerosLike().device == .cpu && (here + 1).device == .cpu && here[[1]].device == .cpu)
            Device.default = .cpu
            #expect(Tensor.zeros(2).device == .cpu && Linear(2, 2).weight.device == .cpu)
        }
    }

    @Test func aWrongNameIsAnError() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            setenv("SWIFT_TORCH_DEVICE", "gpu", 1)
            _ = Tensor.zeros(2)
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("SWIFT_TORCH_DEVICE is \"gpu\", which names no device · hint: write cpu, cuda or cuda:1"), "\(text)")
    }

    @Test(.enabled(if: Emulator.isBuilt, "the emulator is not built")) func sharedMemoryOfADeviceIsWrittenOnce() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            var x = Tensor.arange(6, device: .cuda)
            let row = x.reshape(2, 3)[1]
            let (a, b) = (StoredTensor(x), StoredTensor(row))
            #expect(a.block.count == 6 && b.block.count == 6 && b.offset == 3)
            func file(_ t: [(String, Tensor)]) throws -> [StoredTensor] {
                var template = Array("/tmp/torch-tests-XXXXXX".utf8CString)
                _ = mkdtemp(&template)
                let path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
                defer {
                    unlink("\(path)/a.pt")
                    rmdir(path)
                }
                try TorchFile.save(t, to: "\(path)/a.pt")
                return try Checkpoint(path: "\(path)/a.pt").tensors.map(\.tensor)
            }
            let found = try file([("x", x), ("row", row)])
            #expect(found[0].block === found[1].block && found[1].offset == 3)
            // A change does not reach what waits to be written.
            x += 1
            #expect(try a.load().array(of: Int.self) == [0, 1, 2, 3, 4, 5] && b.load().array(of: Int.self) == [3, 4, 5])
            #expect(try StoredTensor(x).load().array(of: Int.self) == [1, 2, 3, 4, 5, 6])
        }
    }
}
