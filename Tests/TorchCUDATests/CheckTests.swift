// Elements that operators refuse, on a device that is not waited for: found later, reported as on the CPU.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

private func message(_ body: () throws -> Void) -> String {
    do {
        try withTensorErrors(body)
        return "no error"
    } catch { return "\(error)" }
}

private func say(_ text: String) { _ = text.withCString { write(2, $0, strlen($0)) } }

/// Operators with an index that is out of range, on a device.
private let wrong: [@Sendable (Device) -> Tensor] = [
    { zeros.to($0).indexSelect(0, rows.to($0)) }, { zeros.to($0).gather(1, index.to($0)) }, { zeros.to($0).scatter(1, index.to($0), Tensor.ones(4, 2).to($0)) },
    { zeros.to($0).indexAdd(0, rows.to($0), zeros.to($0)) }, { embedding(rows.to($0), zeros.to($0)) }, { zeros.to($0).t().scatterAdd(0, index.t().to($0), Tensor.ones(2, 4).to($0)) },
    { zeros.to($0).indexAdd(0, Tensor([0, -1, 2, 3]).to($0), zeros.to($0)) }, { longRows.to($0).indexAdd(0, longIndex.to($0), longRows.to($0)) },
    { longRows[0..., 0].to($0).scatterAdd(0, longIndex.to($0), longRows[0..., 0].to($0)) }, { Tensor([3, 4, 5]).to($0).floorDivide(Tensor([1, 0, 2]).to($0)) },
    { Tensor([3, 4]).to($0).remainder(Tensor([1, 0, 2, 3, 0, 1], dtype: .int16).reshape([3, 2]).t()[0..., 0].to($0)) },
]
/// Long enough to be sorted first.
private var longRows: Tensor { Tensor.ones(3000, 2) }
private var longIndex: Tensor { Tensor((0..<3000).map { $0 == 1234 ? 5000 : $0 * 7 % 3000 }) }
private var zeros: Tensor { Tensor.zeros(4, 6) }
private var rows: Tensor { Tensor([3, 0, 4, 9]) }
private var index: Tensor { Tensor([[5, 0], [1, 1], [2, 6], [0, 7]]) }

/// What is said of good lookups, two bad ones if others follow, and those.
private func manyLookups(_ before: Int, _ after: Int) -> String {
    message {
        let (x, good) = (Tensor.ones(3, device: .cuda), Tensor([0]).to(.cuda))
        for _ in 0..<before { _ = x.indexSelect(0, good) }
        if after == 0 { return }
        let bad = Tensor([0, 1 << 40, 5]).to(.cuda)
        _ = x.gather(0, bad)
        _ = x.indexSelect(0, bad)
        for _ in 0..<after { _ = x.indexSelect(0, good) }
    }
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct ElementCheckTests {
    /// The scope in which it happened throws it, whether anything was read there or not.
    @Test func theScopeThrows() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for (i, body) in wrong.enumerated() {
                let (there, here) = (message { _ = body(.cuda) }, message { _ = body(.cpu) })
                #expect(there == here && (here.contains("out of bounds") || here.contains("ZeroDivisionError")), "case \(i): \(there) / \(here)")
                #expect(message { _ = body(.cuda).array(of: Double.self) } == here, "case \(i)")
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
            // Said once; what follows is none the worse.
            #expect(message { _ = Tensor.ones(3, device: .cuda).indexSelect(0, Tensor([2]).to(.cuda)).item() } == "no error")
        }
    }

    /// Another thread's wait, in a scope of its own or in none, neither throws it nor ends the program.
    @Test func anotherThreadsWaitLeavesItToTheScope() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            func onAnotherThread(_ body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?) {
                var thread = pthread_t()
                #expect(pthread_create(&thread, nil, body, nil) == 0)
                pthread_join(thread, nil)
            }
            for k in 0..<2 {
                let text = message {
                    _ = Tensor([3, 4]).to(.cuda).floorDivide(Tensor([1, 0]).to(.cuda))
                    if k == 0 {
                        onAnotherThread { _ in
                            try! CUDA.synchronize()
                            return nil
                        }
                    } else {
                        onAnotherThread { _ in
                            if message({ _ = Tensor.ones(2, device: .cuda).sum().item() }) != "no error" { exit(3) }
                            return nil
                        }
                    }
                }
                #expect(text.contains("ZeroDivisionError"), "\(k): \(text)")
            }
            #expect(message { _ = Tensor.ones(2, device: .cuda).sum().item() } == "no error")
        }
    }

    /// Outside of a scope the next wait ends the program, with the operator's name: nothing is waited for before.
    @Test func theNextWaitReports() async throws {
        for wait in 0..<2 {
            setenv("SWIFT_TORCH_TEST_WAIT", "\(wait)", 1)
            let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                Emulator.use()
                let picked = Tensor.arange(5, dtype: .float32).to(.cuda).indexSelect(0, Tensor([1, 7, -1]).to(.cuda))
                let after = picked * 2 + 1
                say("queued\n")
                if String(cString: getenv("SWIFT_TORCH_TEST_WAIT")) == "0" { _ = after.array(of: Float.self) } else { try CUDA.synchronize() }
                say("not reached\n")
            }
            let text = String(decoding: result.standardErrorContent, as: UTF8.self)
            #expect(text.contains("queued\n") && !text.contains("not reached"), "\(text)")
            #expect(text.contains("indexSelect: index 7 is out of bounds for dimension 0 with size 5 (at position 1 of the index)"), "\(text)")
        }
    }

    /// In debug mode the operator itself says it.
    @Test func debugModeReportsAtOnce() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            Emulator.use(["SWIFT_TORCH_CUDA_DEBUG": "1"])
            _ = Tensor.arange(5, dtype: .float32).to(.cuda).gather(0, Tensor([1, 7]).to(.cuda))
            say("not reached\n")
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("gather: index 7 is out of bounds for dimension 0 with size 5 (at position 1 of the index)") && !text.contains("not reached"), "\(text)")
    }

    /// More checks than there are words for them, the first of several faults, and an index beyond 32 bits.
    @Test func manyChecks() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            #expect(manyLookups(5000, 0) == "no error")
            let text = manyLookups(4090, 20)
            #expect(text.contains("gather: index 2147483647 or more is out of bounds for dimension 0 with size 3 (at position 1 of the index)"), "\(text)")
        }
    }
}
