// Every pointwise operator in every type: the device against the CPU.
import Glibc
import Testing
import TorchCPU
import TorchCUDA
import TorchKernels
import TorchTensor

/// Memory of one type on a device.
private struct Block {
    let storage: Storage
    let dtype: DType
    let sizes: Dims
    var strides: Dims

    init(_ backend: any Backend, _ dtype: DType, _ sizes: Dims) {
        storage = backend.allocate(byteCount: max(sizes.product, 1) * dtype.itemSize)!
        self.dtype = dtype
        self.sizes = sizes
        strides = sizes.contiguousStrides
    }
    var operand: Operand { Operand(storage, pointer: storage.pointer, dtype: dtype, sizes: sizes, strides: strides) }
    /// The same elements, the two dims exchanged.
    var transposed: Operand { operand.view(sizes: Dims(sizes.reversed()), strides: Dims(strides.reversed())) }
}

/// Bytes of `x`, from the CPU.
private func bytes(_ x: Block) -> [UInt8] { Array(UnsafeRawBufferPointer(start: x.storage.pointer, count: x.sizes.product * x.dtype.itemSize)) }

/// What is wrong with `found`, nil if nothing: the same bits for integers, a few units in the last place for floats; every NaN is like another.
private func difference(_ found: Block, _ expected: Block, _ tolerance: Double) -> String? {
    let cpu = CPUBackend()
    let wide: DType = found.dtype.isComplex ? .complex128 : .float64
    if !found.dtype.isDifferentiable { return bytes(found) == bytes(expected) ? nil : "\(bytes(found)) instead of \(bytes(expected))" }
    let (a, b) = (Block(cpu, wide, found.sizes), Block(cpu, wide, found.sizes))
    cpu.copy(a.operand, found.operand)
    cpu.copy(b.operand, expected.operand)
    // Where one device flushes what is not normal to zero, or computes by way of it, the other may not.
    let tiny = found.dtype.real == .float64 ? 1e-300 : found.dtype.real == .float16 ? 1e-7 : 1e-36
    let n = found.sizes.product * (wide == .complex128 ? 2 : 1)
    let (p, q) = (a.storage.pointer.assumingMemoryBound(to: Double.self), b.storage.pointer.assumingMemoryBound(to: Double.self))
    for i in 0..<n {
        if p[i].isNaN && q[i].isNaN || p[i] == q[i] { continue }
        if abs(p[i] - q[i]) <= tolerance * max(abs(q[i]), wide == .complex128 ? abs(q[i ^ 1]) : 0) + tiny { continue }
        return "element \(i) is \(p[i]) instead of \(q[i])"
    }
    return nil
}

private func tolerance(_ t: DType) -> Double {
    switch t.real {
    case .float16: 0x1p-9
    case .bfloat16: 0x1p-6
    case .float32: 3e-5
    default: 1e-9
    }
}

/// Elements that operators like and dislike, in a type.
private func samples(_ dtype: DType, _ sizes: Dims, shift: Int) -> Block {
    let cpu = CPUBackend()
    let kinds: [Double] = [0, 1, -1, 0.5, -2.5, 3, 7, -0.0, 0.25, 2, 100, -13, .infinity, -.infinity, .nan, 1e-3, 5, -0.75, 0.999, 1.5]
    let whole = kinds.map { $0.isFinite ? $0.rounded() : 4 }
    let n = sizes.product
    let wide = Block(cpu, .float64, sizes)
    for i in 0..<n {
        let list = dtype.isDifferentiable ? kinds : whole
        var v = list[(i * 7 + shift) % list.count]
        if dtype.isUnsigned || dtype == .bool { v = abs(v) }
        wide.storage.pointer.storeBytes(of: v, toByteOffset: 8 * i, as: Double.self)
    }
    let out = Block(cpu, dtype, sizes)
    if dtype.isComplex {
        // Parts of both kinds, finite: what C's functions do with infinite parts differs among libraries.
        let parts = Block(cpu, dtype.real, [2 * n])
        for i in 0..<2 * n {
            let v = [0.5, -1.25, 2, 0.125, -3, 1, 0.75][(i * 5 + shift) % 7]
            let one = Operand(unowned: parts.storage.pointer + i * dtype.real.itemSize, dtype: dtype.real, sizes: [], strides: [])
            var value = v
            withUnsafeMutablePointer(to: &value) { cpu.copy(one, Operand(unowned: UnsafeMutableRawPointer($0), dtype: .float64, sizes: [], strides: [])) }
        }
        return Block(sameMemory: parts, dtype, sizes)
    }
    cpu.copy(out.operand, wide.operand)
    return out
}

extension Block {
    fileprivate init(sameMemory other: Block, _ dtype: DType, _ sizes: Dims) {
        storage = other.storage
        self.dtype = dtype
        self.sizes = sizes
        strides = sizes.contiguousStrides
    }
}

/// Both devices, the second emulated.
private struct Pair {
    let cpu = CPUBackend()
    let gpu: CUDABackend
    var problems: [String] = []
    var count = 0

    init() throws {
        _ = Tensor(0)  // makes the CPU's backend known
        gpu = try CUDABackend.open(.cuda)
    }

    func there(_ x: Block) -> Block {
        let y = Block(gpu, x.dtype, x.sizes)
        gpu.copy(y.operand, x.operand)
        return y
    }

    mutating func compare(_ name: String, _ found: Block, _ expected: Block) {
        let back = Block(cpu, found.dtype, found.sizes)
        gpu.copy(back.operand, found.operand)
        count += 1
        if let d = difference(back, expected, tolerance(expected.dtype)) { problems.append("\(name): \(d)") }
    }

    /// No problem, all on the device, and as many comparisons as there should be at least.
    func finish(atLeast: Int) {
        for p in problems.prefix(20) { Issue.record("\(p)") }
        #expect(problems.isEmpty, "\(problems.count) of \(count)")
        #expect(count >= atLeast, "\(count)")
        #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
    }
}

private let shape: Dims = [5, 8]

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct PointwiseTests {
    @Test func unaryOperators() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            var pair = try Pair()
            let p = KernelParameters(0.5, 1.5, 2, 0)
            for raw in 0..<UnaryOp.count.rawValue {
                let op = UnaryOp(rawValue: raw)!
                for type in DType.allCases where st_unary(op, type.kernel) != nil {
                    let x = samples(type, shape, shift: 0)
                    let result = DType(st_unary_result(op, type.kernel))
                    let expected = Block(pair.cpu, result, shape)
                    _ = pair.cpu.unary(op, expected.operand, x.operand, p)
                    let (there, found) = (pair.there(x), Block(pair.gpu, result, shape))
                    #expect(pair.gpu.unaryRun(op, type, found.storage.pointer, there.storage.pointer, count: shape.product, p))
                    pair.compare("unary \(raw) \(type)", found, expected)
                    // Into a transposed output: strided.
                    let turned = Block(pair.gpu, result, [8, 5])
                    #expect(pair.gpu.unary(op, turned.transposed, there.operand, p))
                    let back = Block(pair.gpu, result, shape)
                    pair.gpu.copy(back.operand, turned.transposed)
                    pair.compare("unary \(raw) \(type) strided", back, expected)
                }
            }
            pair.finish(atLeast: 1000)
        }
    }

    @Test func binaryOperators() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            var pair = try Pair()
            let p = KernelParameters(0.5, 1.5, 2, 0)
            for raw in 0..<BinaryOp.count.rawValue {
                let op = BinaryOp(rawValue: raw)!
                for type in DType.allCases where st_binary(op, type.kernel) != nil {
                    let (x, y) = (samples(type, shape, shift: 0), samples(type, shape, shift: 3))
                    let row = samples(type, [8], shift: 1)
                    let result = DType(st_binary_result(op, type.kernel))
                    let (expected, repeated) = (Block(pair.cpu, result, shape), Block(pair.cpu, result, shape))
                    _ = pair.cpu.binary(op, expected.operand, x.operand, y.operand, p)
                    _ = pair.cpu.binary(op, repeated.operand, x.operand, row.operand.expanded(to: shape), p)
                    let (a, b, r) = (pair.there(x), pair.there(y), pair.there(row))
                    let found = Block(pair.gpu, result, shape)
                    #expect(pair.gpu.binaryRun(op, type, found.storage.pointer, a.storage.pointer, b.storage.pointer, count: shape.product, p))
                    pair.compare("binary \(raw) \(type)", found, expected)
                    let broadcast = Block(pair.gpu, result, shape)
                    #expect(pair.gpu.binary(op, broadcast.operand, a.operand, r.operand.expanded(to: shape), p))
                    pair.compare("binary \(raw) \(type) broadcast", broadcast, repeated)
                }
            }
            pair.finish(atLeast: 800)
        }
    }

    @Test func ternaryOperatorsAndSelection() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            var pair = try Pair()
            let p = KernelParameters(0.5)
            for raw in 0..<TernaryOp.count.rawValue {
                let op = TernaryOp(rawValue: raw)!
                for type in DType.allCases where st_ternary(op, type.kernel) != nil {
                    let x = (0..<3).map { samples(type, shape, shift: 2 * $0) }
                    let expected = Block(pair.cpu, type, shape)
                    _ = pair.cpu.ternary(op, expected.operand, x[0].operand, x[1].operand, x[2].operand, p)
                    let there = x.map { pair.there($0) }
                    let found = Block(pair.gpu, type, shape)
                    #expect(pair.gpu.ternary(op, found.operand, there[0].operand, there[1].operand, there[2].operand, p))
                    pair.compare("ternary \(raw) \(type)", found, expected)
                }
            }
            for type in DType.allCases {
                let (a, b, mask) = (samples(type, shape, shift: 0), samples(type, [1, 8], shift: 3), samples(.bool, [5, 1], shift: 1))
                let expected = Block(pair.cpu, type, shape)
                pair.cpu.select(expected.operand, mask.operand.expanded(to: shape), a.operand, b.operand.expanded(to: shape))
                let found = Block(pair.gpu, type, shape)
                pair.gpu.select(found.operand, pair.there(mask).operand.expanded(to: shape), pair.there(a).operand, pair.there(b).operand.expanded(to: shape))
                pair.compare("select \(type)", found, expected)
            }
            pair.finish(atLeast: 30)
        }
    }

    @Test func conversions() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            var pair = try Pair()
            for from in DType.allCases {
                // What C leaves undefined (a float that the integer can not hold) differs between machines.
                let x = from.isFloatingPoint ? samples(.int8, shape, shift: 0) : samples(from, shape, shift: 0)
                let source = Block(pair.cpu, from, shape)
                pair.cpu.copy(source.operand, x.operand)
                let there = pair.there(source)
                for to in DType.allCases {
                    if from.isFloatingPoint || from.isComplex, to.isUnsigned { continue }
                    let (expected, found, strided) = (Block(pair.cpu, to, shape), Block(pair.gpu, to, shape), Block(pair.gpu, to, [8, 5]))
                    pair.cpu.copy(expected.operand, source.operand)
                    pair.gpu.copy(found.operand, there.operand)
                    pair.compare("\(from) to \(to)", found, expected)
                    pair.gpu.copy(strided.transposed, there.operand)
                    pair.gpu.copy(found.operand, strided.transposed)
                    pair.compare("\(from) to \(to), strided", found, expected)
                }
            }
            pair.finish(atLeast: 300)
        }
    }

    /// Promotion, broadcasting and numbers as tensors do them: the same on both devices.
    @Test func mixedTypesAndShapes() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let types: [DType] = [.bool, .uint8, .int32, .int64, .float16, .float32, .float64]
            let operators: [(String, (Tensor, Tensor) -> Tensor)] = [("+", { $0 + $1 }), ("*", { $0 * $1 }), ("/", { $0 / $1 }), ("<", { $0 .< $1 }), ("max", { $0.maximum($1) })]
            for a in types {
                for b in types {
                    let (x, y) = ((Tensor.arange(6) + 1).reshape([2, 3]).to(a), (Tensor.arange(3) + 2).to(b))
                    for (name, op) in operators {
                        let (there, here) = (op(x.to(.cuda), y.to(.cuda)), op(x, y))
                        #expect(there.device == .cuda && there.dtype == here.dtype && there.shape == here.shape)
                        #expect(there.array(of: Double.self) == here.array(of: Double.self), "\(a) \(name) \(b)")
                    }
                    let (there, here) = (x.to(.cuda) * 2.5 + 1, x * 2.5 + 1)
                    #expect(there.dtype == here.dtype && there.array(of: Double.self) == here.array(of: Double.self), "\(a) with numbers")
                }
            }
        }
    }

    /// Operands that are contiguous along different dims go by tiles, the others do not; the results are the CPU's.
    @Test func operandsAcrossEachOther() async {
        await #expect(processExitsWith: .success) {
            // Only the emulator counts.
            Emulator.use(["SWIFT_TORCH_EMULATOR_QUIET": "1"])
            func check(_ name: String, _ kernel: String, _ count: Int, _ inputs: [Tensor], _ f: ([Tensor]) -> Tensor) {
                let before = Emulator.launches(of: kernel)
                let (there, here) = (f(inputs.map { $0.to(.cuda) }), f(inputs))
                let (a, b) = (there.array(of: Double.self), here.array(of: Double.self))
                #expect(there.dtype == here.dtype && there.shape == here.shape && zip(a, b).allSatisfy { abs($0 - $1) <= 1e-6 * (1 + abs($1)) }, "\(name)")
                #expect(Emulator.launches(of: kernel) - before == count, "\(name): \(kernel)")
            }
            manualSeed(3)
            let (x, y, z) = (Tensor.randn(70, 37), Tensor.randn(37, 70), Tensor.randn(3, 40, 5, 33))
            check("transposed", "binary_add_f32_tiled", 1, [x, y]) { $0[0] + $0[1].t() }
            check("both transposed", "binary_add_f32_tiled", 0, [x, x]) { $0[0].t() + $0[1].t() }
            check("in place", "binary_mul_f32_tiled", 1, [x, y]) {
                var a = $0[0].clone()
                a *= $0[1].t()
                return a
            }
            check("outer dims", "binary_sub_f32_tiled", 1, [z, z]) { $0[0].transpose(1, 3) - $0[1].transpose(1, 3).contiguous() }
            check("of few", "binary_add_f32_tiled", 0, [x, y]) { $0[0][0..<7] + $0[1].t()[0..<7] }
            check("broadcast", "binary_add_f32_tiled", 0, [x, y]) { $0[0] + $0[1][0..., 0..<1].t() }
            check("converted", "binary_add_f64_tiled", 1, [x.to(.float64), y]) { $0[0] + $0[1].t() }
            check("selected", "select_4_tiled", 1, [x, y]) { ($0[1].t() .> 0).select($0[0], $0[0] * 2) }
            check("of three", "ternary_lerp_f32_tiled", 1, [x, y, x]) { $0[0].lerp($0[1].t(), weight: $0[2]) }
            check("copied", "copy_4_tiled", 1, [x]) { $0[0].t().contiguous() }
        }
    }

    @Test func manyDimsAndEmptyTensors() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            // Ten dims that do not merge.
            let x = Tensor.arange(1024, dtype: .float32).reshape([Int](repeating: 2, count: 10)).permute([9, 0, 8, 1, 7, 2, 6, 3, 5, 4])
            #expect((x.to(.cuda) + x.to(.cuda).transpose(0, 1)).array(of: Float.self) == (x + x.transpose(0, 1)).array(of: Float.self))
            let none = Tensor.zeros(0, 3, device: .cuda)
            #expect((none + 1).shape == [0, 3] && none.exp().to(.cpu).count == 0 && none.sum().item() == 0)
        }
    }

    @Test func reductions() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let x = (Tensor.arange(7 * 40 * 9, dtype: .float32).reshape([7, 40, 9]) * 0.37).sin()
            let there = x.to(.cuda)
            func near(_ a: Tensor, _ b: Tensor, _ name: String) {
                #expect(a.shape == b.shape && a.dtype == b.dtype, "\(name)")
                #expect(zip(a.array(of: Double.self), b.array(of: Double.self)).allSatisfy { abs($0 - $1) <= 1e-4 + 1e-4 * abs($1) }, "\(name): \(a) \(b)")
            }
            for dims in [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]] {
                near(there.sum(dims), x.sum(dims), "sum \(dims)")
                near(there.mean(dims), x.mean(dims), "mean \(dims)")
                near(there.amax(dims), x.amax(dims), "amax \(dims)")
                near(there.`var`(dims), x.`var`(dims), "variance \(dims)")
                near(there.permute([2, 0, 1]).sum(dims), x.permute([2, 0, 1]).sum(dims), "sum permuted \(dims)")
            }
            near(there.argmax(dim: 1), x.argmax(dim: 1), "argmax")
            near(there.prod(dim: 2), x.prod(dim: 2), "prod")
            // Rows of nothing but the least and the greatest number; NaN, twice; equal elements far from each other: the first one counts.
            var odd = Tensor((0..<6 * 4500).map { Float($0 % 1000) }).reshape([6, 4500])
            (odd[0], odd[1]) = (Tensor.full([4500], -Double.infinity), Tensor.full([4500], Double.infinity))
            for (row, column) in [(2, 700), (2, 3000), (3, 4499)] { odd[row, column] = Tensor(Float.nan) }
            for (k, y) in [odd, odd.nanToNum(nan: 7).to(.int32), odd.nanToNum(nan: 7).to(.uint8), odd .> 2e9, odd.isNaN(), odd.to(.float16)].enumerated() {
                for z in [y, y.t().contiguous().t()] {
                    for dim in 0...1 { near(z.to(.cuda).argmax(dim: dim), z.argmax(dim: dim), "argmax of \(k) over \(dim)") }
                    for dim in 0...1 { near(z.to(.cuda).argmin(dim: dim), z.argmin(dim: dim), "argmin of \(k) over \(dim)") }
                    near(z.to(.cuda).argmax(), z.argmax(), "argmax of \(k)")
                }
            }
            near((there .> 0).sum(), (x .> 0).sum(), "count")
            near((there .> 0.999).any(), (x .> 0.999).any(), "any")
            #expect(Tensor.ones(100_000, device: .cuda).sum().item() == 100_000)
        }
    }

    /// Products, rows and indices: kernels on the device against the CPU.
    @Test func productsRowsAndIndices() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            func same(_ name: String, _ a: Tensor, _ b: Tensor, _ tolerance: Double = 1e-5) {
                #expect(a.device == .cuda && a.shape == b.shape && a.dtype == b.dtype, "\(name)")
                let (x, y) = (a.array(of: Double.self), b.array(of: Double.self))
                #expect(zip(x, y).allSatisfy { abs($0 - $1) <= tolerance * (1 + abs($1)) }, "\(name): \(a) \(b)")
            }
            manualSeed(1)
            let (a, b) = (Tensor.randn(3, 70, 33), Tensor.randn(33, 65))
            same("matmul", a.to(.cuda).matmul(b.to(.cuda)), a.matmul(b), 1e-4)
            same("transposed", a.to(.cuda).transpose(1, 2).matmul(a.to(.cuda)), a.transpose(1, 2).matmul(a), 1e-4)
            same("vector", b.to(.cuda).t().matmul(b.to(.cuda)[0..., 0]), b.t().matmul(b[0..., 0]), 1e-4)
            // A warp, a block, more than a block keeps; in packs of 16 bytes and not.
            for (rows, columns) in [(3, 5), (2, 1000), (40, 33), (9, 64), (2, 4097), (1, 20_000)] {
                let x = Tensor.randn(rows, columns) * 3
                same("softmax", x.to(.cuda).softmax(dim: 1), x.softmax(dim: 1))
                same("softmax of dim 0", x.to(.cuda).softmax(dim: 0), x.softmax(dim: 0))
                same("logSoftmax", x.to(.cuda).logSoftmax(dim: 1), x.logSoftmax(dim: 1))
            }
            // So many rows that the gradients of the weights are summed in parts; packs of 16 bytes, whole or not.
            for (dtype, tolerance) in [(DType.float32, 1e-4), (.bfloat16, 2e-2), (.float64, 1e-10)] {
                for columns in [40, 33, 600] {
                    let data = [Tensor.randn(200, columns), Tensor.randn(columns), Tensor.randn(columns), Tensor.randn(200, columns)].map { $0.to(dtype) }
                    func gradients(_ device: Device) -> [Tensor] {
                        let (p, g) = (data.prefix(3).map { Parameter($0.to(device)) }, data[3].to(device))
                        (layerNorm(p[0].tensor, [columns], weight: p[1].tensor, bias: p[2].tensor) + p[0].tensor.softmax(dim: 1)).backward(gradient: g)
                        return p.map { $0.grad! }
                    }
                    for (k, (there, here)) in zip(gradients(.cuda), gradients(.cpu)).enumerated() { same("layerNorm and softmax \(dtype) \(columns), gradient \(k)", there, here, tolerance) }
                }
            }
            let x = Tensor.arange(24, dtype: .float32).reshape([4, 6])
            let (rows, index) = (Tensor([3, 0, 0, 2]), Tensor([[5, 0], [1, 1], [2, 4], [0, 3]]))
            same("indexSelect", x.to(.cuda).indexSelect(0, rows.to(.cuda)), x.indexSelect(0, rows))
            same("gather", x.to(.cuda).gather(1, index.to(.cuda)), x.gather(1, index))
            let source = Tensor.ones(4, 2)
            same("scatter", x.to(.cuda).scatter(1, index.to(.cuda), source.to(.cuda)), x.scatter(1, index, source))
            same("scatterAdd", x.to(.cuda).t().scatterAdd(0, index.t().to(.cuda), source.t().to(.cuda)), x.t().scatterAdd(0, index.t(), source.t()))
            let truths = (x .> 9)
            same("indexAdd of truth values", truths.to(.cuda).indexAdd(0, rows.to(.cuda), truths.to(.cuda)), truths.indexAdd(0, rows, truths))
            same("indexAdd", x.to(.cuda).indexAdd(0, rows.to(.cuda), x.to(.cuda), alpha: 2), x.indexAdd(0, rows, x, alpha: 2))
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }
}
