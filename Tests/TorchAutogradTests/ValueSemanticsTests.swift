// Tensors are values: writes are seen by nobody else, and happen in place when nobody else is there.
import Testing
import TorchTensor

@Suite struct ValueSemanticsTests {
    @Test func copiesAreIndependent() {
        let a = Tensor.ones(3)
        var b = a
        b += 1
        #expect(a.array(of: Float.self) == [1, 1, 1] && b.array(of: Float.self) == [2, 2, 2])
    }

    @Test func viewsAreIndependent() {
        var a = Tensor.zeros(2, 2)
        let row = a[0]
        a += 5
        #expect(row.array(of: Float.self) == [0, 0])
        #expect(a.array(of: Float.self) == [5, 5, 5, 5])
    }

    @Test func uniqueTensorsChangeInPlace() {
        var a = Tensor.zeros(1000)
        let before = a.withBytes { $0.baseAddress }
        for _ in 0..<10 { a += 1 }
        a *= 2
        #expect(a.withBytes { $0.baseAddress } == before)
        #expect(a[0].item() == 20)
    }

    @Test func parametersUpdateInPlaceAndKeepTheirCell() {
        let p = Parameter(.ones(4))
        let before = p.tensor.withBytes { $0.baseAddress }
        (p.tensor * 3).sum().backward()
        let g = p.grad!
        p.update { $0.add(g, scaledBy: -0.5) }
        #expect(p.tensor.withBytes { $0.baseAddress } == before)
        #expect(p.tensor.array(of: Float.self) == [-0.5, -0.5, -0.5, -0.5])
        let snapshot = p.tensor.detached()
        p.update { $0 += 1 }
        #expect(snapshot.array(of: Float.self) == [-0.5, -0.5, -0.5, -0.5])
        // A gradient through an older value still lands in the cell.
        let old = p.tensor * 2
        p.update { $0 += 1 }
        p.zeroGrad()
        old.sum().backward()
        #expect(p.grad!.array(of: Float.self) == [2, 2, 2, 2])
    }

    @Test func savedTensorsSurviveWrites() {
        let x = Tensor([2.0]).requiringGrad()
        var c = Tensor([3.0])
        let y = x * c
        c += 100
        y.backward()
        #expect(x.grad!.item() == 3)
    }

    @Test func errorsTeach() throws {
        func message(_ body: () -> Void) -> String {
            do {
                try withTensorErrors(body)
                return "no error"
            } catch { return "\(error)" }
        }
        #expect(message { _ = Tensor.zeros(2, 3) + Tensor.zeros(4) }.contains("must match the size of tensor b (4)"))
        #expect(message { _ = Tensor.zeros(2, 3).reshape(4) }.contains("is invalid for input of size 6"))
        #expect(message { _ = Tensor.zeros(2, 3).sum(dim: 2) }.contains("Dimension out of range (expected to be in range of [-2, 1], but got 2)"))
        #expect(message { _ = Tensor.zeros(2).item() }.contains("a Tensor with 2 elements cannot be converted to Scalar"))
        #expect(message { _ = Tensor.zeros(-1) }.contains("negative dimension -1"))
        #expect(message { _ = Tensor([1, 2]).requiringGrad() }.contains("only tensors of floating point"))
        #expect(message { Tensor([1.0, 2]).requiringGrad().backward() }.contains("grad can be implicitly created only for scalar outputs"))
        #expect(message { _ = Tensor([1, 2]).floorDivide(Tensor([0, 1])) }.contains("ZeroDivisionError"))
        #expect(
            message {
                var i = Tensor([1])
                i += 0.5
            }.contains("can't be cast to the desired output type int64"))
        #expect(message { _ = Tensor.zeros(1 << 40, 1 << 30) }.contains("more elements than an Int can count"))
    }

    // In a process of its own: the limit holds for all threads.
    @Test func outOfMemoryNamesTheFigures() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            CPUMemory.limit = 1_000_000
            _ = Tensor.zeros(10_000_000, device: .cpu)
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("out of memory on cpu: 38.1 MiB requested") && text.contains("limit 976.6 KiB"))
    }

    @Test func misuseOutsideAScopeEndsTheProgramWithTheMessage() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Tensor.zeros(2, 3) + Tensor.zeros(4)
        }
        #expect(String(decoding: result.standardErrorContent, as: UTF8.self).contains("shapes (2, 3) and (4,)"))
    }
}
