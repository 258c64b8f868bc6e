// Streams and events, with the emulator doing what it is asked for as late as it may.
import Glibc
import Testing
import TorchCUDA
import TorchNN
import TorchOptim

private let late = ["SWIFT_TORCH_CUDA_QUIET": "1", "SWIFT_TORCH_EMULATOR_DEFERRED": "7"]

private func message(_ body: () throws -> Void) -> String {
    do {
        try withTensorErrors(body)
        return "no error"
    } catch { return "\(error)" }
}

/// The loss after some steps of a small network.
private func training(_ device: Device) -> [Double] {
    manualSeed(3)
    let net = Sequential(Conv2d(1, 3, kernelSize: 3, padding: 1), BatchNorm2d(3), ReLU(), MaxPool2d(2), Flatten(), Dropout(0.0), Linear(27, 4)).to(device)
    let optimizer = AdamW(net.parameters(), learningRate: 1e-2)
    let (x, y) = (Tensor.randn([5, 1, 6, 6]).to(device), Tensor.randint(0, 4, [5]).to(device))
    return (0..<4).map { _ in
        optimizer.zeroGrad()
        let loss = crossEntropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()
    }
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct StreamTests {
    /// Nothing relies on the emulator's haste: what is queued late gives the same.
    @Test(arguments: [1, 2, 3]) func trainingWithLateStreams(_ seed: Int) async {
        await #expect(processExitsWith: .success) { [seed] in
            Emulator.use(["SWIFT_TORCH_CUDA_QUIET": "1", "SWIFT_TORCH_EMULATOR_DEFERRED": "\(seed)"])
            let (there, here) = (training(.cuda), training(.cpu))
            #expect(zip(there, here).allSatisfy { abs($0 - $1) < 1e-4 * abs($1) }, "\(there) \(here)")
        }
    }

    /// A kernel that faults is found at a later call, as on hardware, and the message says what ran last.
    @Test func faultsSurfaceLater() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(late.merging(["SWIFT_TORCH_EMULATOR_FAIL_LAUNCH": "unary_exp_f32_run", "SWIFT_TORCH_EMULATOR_QUIET": "1"]) { $1 })
            let x = Tensor.ones(8, device: .cuda)
            #expect(message { _ = x.exp() } == "no error")
            let said = message { _ = (x + x).array(of: Float.self) }
            #expect(said.contains("CUDA_ERROR_LAUNCH_FAILED") && said.contains("unary_exp_f32_run") && said.contains("SWIFT_TORCH_CUDA_DEBUG"), "\(said)")
        }
    }

    @Test func scopesEventsAndWaits() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(late)
            let side = try! CUDAStream()
            let main = try! CUDAStream.current()
            let x = Tensor.arange(0, 1000, dtype: .float32).to(.cuda)
            try! side.wait(for: main)
            let y = withCUDAStream(side) { () -> Tensor in
                #expect(try! !side.isIdle)
                return (x * 2 + 1).square().sqrt()
            }
            let event = try! side.record(timed: true)
            #expect(try! !event.isDone)
            try! main.wait(for: event)
            let z = (y + x).array(of: Float.self)
            #expect(z.enumerated().allSatisfy { abs($1 - Float(3 * $0 + 1)) < 1e-3 * Float(3 * $0 + 1) }, "\(z)")
            #expect(try! event.isDone)
            let end = try! main.record(timed: true)
            #expect(try! end.milliseconds(since: event) >= 0)
            try! side.synchronize()
            #expect(try! side.isIdle)
            let untimed = try! main.record()
            #expect(throws: DeviceError.self) { try untimed.milliseconds(since: event) }
            do { _ = try untimed.milliseconds(since: event) } catch { #expect("\(error)".contains("record(timed: true)")) }
            #expect(throws: DeviceError.self) { try CUDAStream(device: 9) }
        }
    }

    /// Without waiting the other stream reads too early: the emulator shows it, so the test above can fail.
    @Test func aMissingWaitIsSeen() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(late)
            var wrong = 0
            for _ in 0..<8 {
                let x = Tensor.ones(64).to(.cuda)
                var y = x
                for _ in 0..<6 { y = y + 1 }
                let z = withCUDAStream(try! CUDAStream()) { y * 1 }
                if withCUDAStream(try! CUDAStream(), { z * 1 }).sum().item() != 7 * 64 { wrong += 1 }
            }
            #expect(wrong > 0)
        }
    }

    /// A tensor that dies while another stream still reads it: its memory is not given to others before that.
    @Test(arguments: [1, 2, 3, 4]) func memoryOutlivesItsUseByOtherStreams(_ seed: Int) async {
        await #expect(processExitsWith: .success) { [seed] in
            Emulator.use(["SWIFT_TORCH_EMULATOR_DEFERRED": "\(seed)", "SWIFT_TORCH_CUDA_QUIET": "1"])
            let side = try! CUDAStream()
            let main = try! CUDAStream.current()
            var results: [Tensor] = []
            for i in 0..<20 {
                let x = Tensor.full([700], Double(i), dtype: .float32, device: .cuda)
                try! side.wait(for: main)
                results.append(withCUDAStream(side) { (x + 1) * 2 })
                // `x` dies here, and what follows would take its place.
                let other = Tensor.full([700], -1, dtype: .float32, device: .cuda)
                _ = other * 3
            }
            try! main.wait(for: side)
            for (i, r) in results.enumerated() { #expect(r.array(of: Float.self).allSatisfy { $0 == Float(2 * i + 2) }, "\(i)") }
            // The parked blocks come back.
            results = []
            try! CUDA.synchronize()
            try! CUDA.emptyCache()
            #expect(try! CUDA.memoryStatistics().reserved == 0, "\(try! CUDA.memoryStatistics())")
        }
    }

    @Test func timesOfDifferentDevicesAreNotCompared() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(late.merging(["SWIFT_TORCH_EMULATOR_DEVICES": "2"]) { $1 })
            let (here, there) = (try! CUDAStream(), try! CUDAStream(device: 1))
            let (start, end) = (try! here.record(timed: true), try! there.record(timed: true))
            do {
                _ = try end.milliseconds(since: start)
                Issue.record("compared")
            } catch { #expect("\(error)".contains("the events are of different devices, cuda:0 and cuda:1"), "\(error)") }
            // The scope of one device's stream leaves the other on its main one.
            let y = withCUDAStream(there) { Tensor.ones(3).to(.cuda(0)) + 1 }
            #expect(y.device == .cuda(0) && y.sum().item() == 6)
        }
    }

    @Test func trainingOnASideStream() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(late)
            let there = withCUDAStream(try! CUDAStream()) { training(.cuda) }
            let here = training(.cpu)
            #expect(zip(there, here).allSatisfy { abs($0 - $1) < 1e-4 * abs($1) }, "\(there) \(here)")
        }
    }

    /// A bad index is found by whoever waits for its stream.
    @Test func checksOfSideStreams() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(late)
            let side = try! CUDAStream()
            let said = message {
                withCUDAStream(side) { _ = Tensor.ones(3, device: .cuda).indexSelect(0, Tensor([5]).to(.cuda)) }
            }
            #expect(said.contains("index 5 is out of bounds"), "\(said)")
        }
    }
}
