// Values and errors of operators where the conformance data has few cases: ties, NaN, empty and 0-dim tensors.
import Testing
import TorchTensor

private let nan = Double.nan

@Suite struct OperatorValueTests {
    private func message(_ body: () -> Void) -> String {
        do { try withTensorErrors(body) } catch { return "\(error)" }
        return ""
    }

    @Test func tiesShareTheGradient() {
        let x = Tensor([1.0, 3, 3, 2]).requiringGrad()
        x.max().backward()
        #expect(x.grad!.array(of: Double.self) == [0, 0.5, 0.5, 0])
        let (a, b) = (Tensor([1.0, 2]).requiringGrad(), Tensor([1.0, 3]).requiringGrad())
        a.maximum(b).sum().backward()
        #expect(a.grad!.array(of: Double.self) == [0.5, 0])
        #expect(b.grad!.array(of: Double.self) == [0.5, 1])
    }

    @Test func nanInOrderStatistics() {
        let x = Tensor([2, nan, 1, 3], dtype: .float64)
        #expect(x.max().item().isNaN && x.median().item().isNaN && x.quantile(0.5).item().isNaN)
        #expect(x.argmax().item(Int.self) == 1)
        #expect(x.nanmedian().item() == 2 && x.nanquantile(0.5).item() == 2 && x.nansum().item() == 6 && x.nanmean().item() == 2)
        #expect(x.sort().indices.array(of: Int.self) == [2, 0, 3, 1])
        #expect(x.median(dim: 0).indices.item(Int.self) == 1)
        #expect(x.fmax(Tensor(2.5, dtype: .float64)).array(of: Double.self) == [2.5, 2.5, 2.5, 3])
    }

    @Test func distinctValues() {
        let u = Tensor([3, 1, 3, 2, 1, 3]).unique()
        #expect(u.values.array(of: Int.self) == [1, 2, 3] && u.inverse.array(of: Int.self) == [2, 0, 2, 1, 0, 2] && u.counts.array(of: Int.self) == [2, 1, 3])
        let rows = Tensor([[2, 1], [1, 9], [2, 1], [1, 3]]).unique(dim: 0)
        #expect(rows.values.array(of: Int.self) == [1, 3, 1, 9, 2, 1] && rows.inverse.array(of: Int.self) == [2, 1, 2, 0] && rows.counts.array(of: Int.self) == [1, 1, 2])
        let c = Tensor([1, 1, 2, 1]).uniqueConsecutive()
        #expect(c.values.array(of: Int.self) == [1, 2, 1] && c.counts.array(of: Int.self) == [2, 1, 1])
        #expect(Tensor([Int]()).unique().values.count == 0)
        #expect(Tensor([2, 2, 1, 3, 1]).mode().values.item(Int.self) == 1)
    }

    @Test func scansAndSearches() {
        #expect(Tensor([1, 2, 3]).cumsum(dim: 0).array(of: Int.self) == [1, 3, 6])
        #expect(Tensor([1, 3, 3, 2]).cummax(dim: 0).indices.array(of: Int.self) == [0, 1, 2, 2])
        let edges = Tensor([1.0, 3, 5])
        #expect(edges.searchSorted(Tensor([0.0, 1, 4, 5, 9])).array(of: Int.self) == [0, 0, 2, 2, 3])
        #expect(edges.searchSorted(Tensor([0.0, 1, 4, 5, 9]), right: true).array(of: Int.self) == [0, 1, 2, 3, 3])
        #expect(Tensor([1, 5, 7]).isin(Tensor(Array(3..<40))).array(of: Bool.self) == [false, true, true])
        #expect(Tensor([1, 1, 4]).bincount(minLength: 6).array(of: Int.self) == [0, 2, 0, 0, 1, 0])
        #expect(Tensor([0.0, 0.4, 1]).histc(bins: 2, min: 0, max: 1).array(of: Double.self) == [2, 1])
    }

    @Test func bitsAndRounding() {
        #expect((Tensor([12, -1]) & 10).array(of: Int.self) == [8, 10])
        #expect((~Tensor([true, false])).array(of: Bool.self) == [false, true])
        #expect((Tensor([1, -8]) << 2).array(of: Int.self) == [4, -32] && (Tensor([9, -8]) >> 1).array(of: Int.self) == [4, -4])
        #expect(Tensor([0.5, 1.5, -2.5]).round().array(of: Double.self) == [0, 2, -2])
        #expect(Tensor([1234.567], dtype: .float64).round(decimals: 2).item() == 1234.57)
        let f = Tensor([12.0, 0, -0.3, .leastNonzeroMagnitude], dtype: .float64).frexp()
        #expect(f.mantissa.array(of: Double.self) == [0.75, 0, -0.6, 0.5] && f.exponent.array(of: Int.self) == [4, 0, -1, -1073])
    }

    @Test func emptyAndZeroDim() {
        let empty = Tensor.zeros(0, 3)
        #expect(empty.amax(dim: 1).count == 0 && empty.prod().item() == 1 && empty.logsumexp([0]).array(of: Double.self) == [-.infinity, -.infinity, -.infinity])
        #expect(message { _ = empty.max() }.contains("numel() == 0"))
        #expect(message { _ = empty.amax(dim: 0) }.contains("non-zero size"))
        #expect(message { _ = Tensor([1, 2]).topk(3) }.contains("out of range"))
        #expect(message { _ = Tensor([1.0, 2]) & Tensor([1.0, 2]) }.contains("not implemented"))
        #expect(message { _ = Tensor.zeros(3).glu() }.contains("must be even"))
        let scalar = Tensor(2.0)
        #expect(scalar.sort(dim: 0).values.item() == 2 && scalar.cumsum(dim: 0).item() == 2 && scalar.max(dim: 0).indices.item(Int.self) == 0 && scalar.mode().values.item() == 2)
        #expect(Tensor(5, dtype: .float64).quantile(0.2).item() == 5)
    }

    @Test func numbersKeepTheirPrecision() {
        // 0.1 as float32 is not 0.1: a number beside a float64 tensor must not pass through float32.
        #expect((Tensor([0.1], dtype: .float64) .== 0.1).item(Bool.self))
        #expect(Tensor([1.0], dtype: .float64).add(Tensor([1.0], dtype: .float64), alpha: 0.1).item() == 1.1)
        #expect((Tensor([1, 2]) * 0.5).dtype == .float32)
    }

    @Test func expandedTensorsAreNotWrittenInPlace() {
        var x = Tensor([1.0]).expand(3)
        x += Tensor([1.0, 2, 3])
        #expect(x.array(of: Double.self) == [2, 3, 4])
        // The gradient of the sum repeats one element; the other must not be added into it in place.
        let leaf = Tensor([1.0, 2, 3]).requiringGrad()
        (leaf.sum() + (leaf * leaf).sum()).backward()
        #expect(leaf.grad!.array(of: Double.self) == [3, 5, 7])
        let (a, b) = (Tensor([1.0, 2, 3]).requiringGrad(), Tensor([1.0, 2, 3]))
        ((a * b).max() * a.sum()).backward()
        #expect(a.grad!.array(of: Double.self) == [9, 9, 27])
    }

    @Test func rreluDrawsOnlyWhereItMust() {
        let x = Tensor([-1.0, 2, -3, 4])
        let a = x.rrelu(training: true, generator: Generator(seed: 7))
        let slopes = Generator(seed: 7)
        var draws = Tensor.zeros(2, dtype: .float64)
        draws.fillUniform(from: 1.0 / 8, to: 1.0 / 3, generator: slopes)
        let s = draws.to(.float32).array(of: Float.self)
        // PyTorch rounds the slope once more than the uniform fill does.
        #expect(zip(a.array(of: Float.self), [-s[0], 2, -3 * s[1], 4]).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    /// The dilated window reaches further, but the limit is that of the kernel, as in PyTorch.
    @Test func poolingPadsByHalfAKernelAtMost() {
        let x = Tensor.ones(1, 1, 9, 9)
        #expect(maxPool2d(x, kernelSize: 2, stride: 1, padding: 1, dilation: 3).shape == [1, 1, 8, 8])
        #expect(message { _ = maxPool2d(x, kernelSize: 3, padding: 2, dilation: 2) }.contains("pad should be at most half of kernel size and not negative, but got pad=[2, 2] and kernel_size=[3, 3]"))
        #expect(message { _ = maxPool2d(x, kernelSize: 1, padding: 1, dilation: 3) }.contains("hint: pad the input first"))
        #expect(message { _ = avgPool2d(x, kernelSize: 3, padding: 2) }.contains("pad should be at most half"))
    }
}
