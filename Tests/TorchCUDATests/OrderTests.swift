// Masks, sorting and searching on the device against the CPU: the same elements in the same places.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

/// Numbers with many equal ones, infinities, both zeros and, in floating types, NaN.
private func numbers(_ count: Int, _ type: DType) -> Tensor {
    let kinds: [Double] = [3, -1, 0, -0.0, 7, .nan, 0.5, .infinity, 100, -.infinity, 3, 2.25, -7]
    let values = (0..<count).map { i in
        let x = kinds[(i * 7 + i / 13) % kinds.count]
        if type.isFloatingPoint { return i % 3 == 0 ? Double((i * 7919) % 257) - 128 : x }
        let whole = i % 2 == 0 ? Double((i * 7919) % 251) : x.isFinite ? x.rounded() : 9
        return type == .uint8 ? abs(whole) : type == .bool ? (i % 3 == 0 ? 1 : 0) : max(-128, min(127, whole - 60))
    }
    return Tensor(values, dtype: .float64).to(type)
}

/// Whether both have the same elements; NaN equals NaN.
private func same(_ a: Tensor, _ b: Tensor) -> Bool {
    let (x, y) = (a.to(.cpu).to(.float64).array(of: Double.self), b.to(.float64).array(of: Double.self))
    return a.shape == b.shape && a.dtype == b.dtype && a.device == .cuda && zip(x, y).allSatisfy { $0 == $1 && $0.sign == $1.sign || $0.isNaN && $1.isNaN }
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct OrderTests {
    @Test func sortingAndTheLargest() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let types = DType.allCases.filter { !$0.isComplex && ![.uint16, .uint32, .uint64].contains($0) }
            for type in types {
                // Rows of the block's network, and rows that are sorted by digits in a block.
                for (rows, n) in [(3, 1), (50, 5), (4, 257), (3, 513), (2, 2500)] {
                    let x = numbers(rows * n, type).reshape([rows, n])
                    for descending in [false, true] {
                        let (a, b) = (x.to(.cuda).sort(dim: 1, descending: descending), x.sort(dim: 1, descending: descending))
                        #expect(same(a.values, b.values) && same(a.indices, b.indices), "\(type) [\(rows), \(n)] descending \(descending)")
                        let k = (n + 2) / 3
                        let (c, d) = (x.to(.cuda).topk(k, dim: 1, largest: descending), x.topk(k, dim: 1, largest: descending))
                        #expect(same(c.values, d.values) && same(c.indices, d.indices), "\(type) top \(k) of [\(rows), \(n)]")
                    }
                }
            }
            // Other dims and strides, nothing, one, and a long row.
            let y = numbers(5 * 7 * 9, .float32).reshape([5, 7, 9])
            for dim in 0..<3 { #expect(same(y.to(.cuda).transpose(0, 2).sort(dim: dim).indices, y.transpose(0, 2).sort(dim: dim).indices)) }
            #expect(Tensor.zeros(3, 0, device: .cuda).sort(dim: 1).values.shape == [3, 0])
            #expect(Tensor([2.0]).to(.cuda).sort().indices.item() == 0)
            let long = numbers(70_001, .float32)
            #expect(same(long.to(.cuda).sort().indices, long.sort().indices))
            #expect(same(long.to(.cuda).sort(descending: true).values, long.sort(descending: true).values))
            // More than one round of tiles.
            for k in [1, 100, 512, 513, 70_001] { #expect(same(long.to(.cuda).topk(k).indices, long.topk(k).indices), "top \(k)") }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// Where one way of sorting gives way to another.
    @Test func bordersOfRows() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for n in [2, 63, 64, 65, 511, 512, 513, 1023, 1024, 1025, 2048, 2049, 4095, 4096, 4097, 8191, 8192, 8193] {
                let type: DType = [.float32, .int64, .float16][n % 3]
                let some = numbers(2 * n, type).reshape([2, n])
                // Anything; in order; all equal; only NaN and zeros of both signs.
                var rows = [some, Tensor.arange(n).to(type).reshape([1, n])]
                if n > 4000 || n < 100 { rows.append(Tensor.ones(1, n, dtype: type)) }
                if type.isFloatingPoint { rows.append(Tensor((0..<n).map { [Double.nan, -0.0, 0][$0 * $0 % 3] }, dtype: .float64).to(type).reshape([1, n])) }
                for x in rows {
                    let there = x.to(.cuda)
                    let (a, b) = (there.sort(dim: 1, descending: n % 2 == 0), x.sort(dim: 1, descending: n % 2 == 0))
                    #expect(same(a.values, b.values) && same(a.indices, b.indices), "\(type) [\(n)]")
                    for k in Set([1, 16, 128, 129, 512, n - 1, n]).filter({ $0 <= n }) {
                        let (c, d) = (there.topk(k, dim: 1, largest: k % 3 > 0), x.topk(k, dim: 1, largest: k % 3 > 0))
                        #expect(same(c.values, d.values) && same(c.indices, d.indices), "\(type) top \(k) of [\(n)]")
                    }
                }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func searching() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for type in [DType.uint8, .int8, .int16, .int32, .int64, .float16, .bfloat16, .float32, .float64] {
                let (bounds, values) = (numbers(201, type).sort().values, numbers(77, type).reshape([7, 11]))
                for right in [false, true] {
                    #expect(same(bounds.to(.cuda).searchSorted(values.to(.cuda), right: right), bounds.searchSorted(values, right: right)), "\(type)")
                }
            }
            let rows = numbers(60, .float32).reshape([3, 20]).sort().values
            #expect(same(rows.to(.cuda).searchSorted(rows.to(.cuda)), rows.searchSorted(rows)))
            #expect(Tensor.zeros(4, device: .cuda).searchSorted(Tensor.zeros(0, 2, device: .cuda)).shape == [0, 2])
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func masks() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let x = numbers(41 * 300, .float32).reshape([41, 300])
            let some = numbers(41 * 300, .bool).reshape([41, 300])
            let there = (x: x.to(.cuda), some: some.to(.cuda))
            #expect(same(there.some.nonzero(), some.nonzero()) && same(there.x.nonzero(), x.nonzero()))
            for type in [DType.bool, .int16, .float16, .float32, .float64, .complex128] {
                let (a, b) = (there.x.to(type).maskedSelect(there.some), x.to(type).maskedSelect(some))
                #expect(type == .complex128 ? same(a.real, b.real) : same(a, b), "\(type)")
                let source = x.to(type) + x.to(type)
                let (c, d) = (there.x.to(type).maskedScatter(there.some, source.to(.cuda)), x.to(type).maskedScatter(some, source))
                #expect(type == .complex128 ? same(c.real, d.real) : same(c, d), "\(type)")
            }
            // Transposed, broadcast, of many dims, all, none, of no dims, empty.
            #expect(same(there.x.t().maskedSelect(there.some.t()), x.t().maskedSelect(some.t())))
            #expect(same(there.x.maskedSelect(there.some[0]), x.maskedSelect(some[0])))
            #expect(same(there.some[3].nonzero(), some[3].nonzero()) && same(there.some.t().nonzero(), some.t().nonzero()))
            let dims = some[0..., 0..<256].reshape([41, 4, 4, 2, 8]).permute([4, 0, 2, 1, 3])
            #expect(same(dims.to(.cuda).nonzero(), dims.nonzero()) && same(there.some[0..., 0..<256].reshape([41, 4, 4, 2, 8]).permute([4, 0, 2, 1, 3]).nonzero(), dims.nonzero()))
            #expect(there.x.maskedSelect(there.x .> 1e9).shape == [0] || there.x.maskedSelect(there.x .> 1e9).max().item() == .infinity)
            #expect((there.x .!= there.x).logicalNot().nonzero().shape[1] == 2)
            #expect(Tensor([1.0]).to(.cuda)[0].nonzero().shape == [1, 0] && Tensor.zeros(0, 3, device: .cuda).nonzero().shape == [0, 2])
            do {
                _ = try withTensorErrors { there.x.maskedScatter(there.some, Tensor.zeros(3, device: .cuda)) }
                Issue.record("no error")
            } catch { #expect("\(error)".contains("number of elements of source < number of ones in mask"), "\(error)") }
            // A selection wants its gradient back in place.
            let w = there.x.detached().requiringGrad()
            w.maskedSelect(there.some).sum().backward()
            #expect(same(w.grad!, some.to(.float32)))
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct LongIndexTests {
    /// Indices that are sorted first: sums in the order of the CPU, in every type, along every dim.
    @Test func sumsAndScatters() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let (count, rows) = (700, 41)
            let index = Tensor((0..<count).map { ($0 * 17 + $0 / 9) % rows })
            for type in [DType.bool, .uint8, .int32, .int64, .float16, .bfloat16, .float32, .float64] {
                let values = Tensor((0..<count * 5).map { $0 % 7 }).to(type).reshape([count, 5])
                // Truth values are joined by or: zeros show it.
                let table = type == .bool ? Tensor.zeros(rows, 5, dtype: type) : Tensor.ones(rows, 5, dtype: type)
                #expect(same(table.to(.cuda).indexAdd(0, index.to(.cuda), values.to(.cuda)), table.indexAdd(0, index, values)), "\(type)")
                let line = values[0..., 0]
                for i in [0, 1, 2] {
                    let there = table[0..., 0].to(.cuda)
                    let (a, b) =
                        switch i {
                        case 0: (there.scatter(0, index.to(.cuda), line.to(.cuda)), table[0..., 0].scatter(0, index, line))
                        case 1: (there.scatterAdd(0, index.to(.cuda), line.to(.cuda)), table[0..., 0].scatterAdd(0, index, line))
                        default: (there.indexPut([index.to(.cuda)], line.to(.cuda)), table[0..., 0].indexPut([index], line))
                        }
                    #expect(same(a, b), "\(type) \(i)")
                }
            }
            // Several lines of any strides: fractions whose sums depend on the order.
            let x = (Tensor.arange(3 * count, dtype: .float32) * 0.37).sin().reshape([count, 3])
            let many = Tensor((0..<3 * count).map { ($0 / 3 * 17 + $0 / 27 + $0 % 3) % rows }).reshape([count, 3])
            for (t, k, s, dim) in [(Tensor.zeros(rows, 3), many, x, 0), (Tensor.zeros(3, rows), many.t(), x.t(), 1), (Tensor.zeros(rows, 3).t(), many.t().contiguous(), x.t(), 1)] {
                #expect(same(t.to(.cuda).scatterAdd(dim, k.to(.cuda), s.to(.cuda)), t.scatterAdd(dim, k, s)))
                #expect(same(t.to(.cuda).scatter(dim, k.to(.cuda), s.to(.cuda)), t.scatter(dim, k, s)))
            }
            // The gradient of an embedding, one entry of which gets none.
            let w = (Tensor.arange(rows * 130, dtype: .float32) * 0.01).reshape([rows, 130])
            func gradient(_ device: Device) -> Tensor {
                let leaf = w.to(device).requiringGrad()
                let y = embedding(index.to(device), leaf, paddingIdx: 3)
                (y * y.cos()).sum().backward()
                return leaf.grad!
            }
            let (a, b) = (gradient(.cuda).array(of: Float.self), gradient(.cpu).array(of: Float.self))
            #expect(zip(a, b).allSatisfy { abs($0 - $1) <= 1e-4 * (1 + abs($1)) })
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }
}
