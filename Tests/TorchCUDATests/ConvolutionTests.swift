// Convolutions and their gradients: the device against the CPU.
import Glibc
import Testing
import TorchCPU
import TorchCUDA
import TorchKernels
import TorchTensor

private struct Case: Sendable {
    var n = 2, c = 3, o = 10, groups = 1
    var size = [9, 8], kernel = [3, 3], stride = [1, 1], padding = [1, 1], dilation = [1, 1]

    var shape: ConvolutionShape { ConvolutionShape(stride: stride, padding: padding, dilation: dilation, groups: groups) }
    var out: [Int] { size.indices.map { (size[$0] + 2 * padding[$0] - dilation[$0] * (kernel[$0] - 1) - 1) / stride[$0] + 1 } }
}

private let cases = [
    Case(), Case(n: 1, c: 70, o: 65, size: [5, 7]), Case(c: 4, o: 20, groups: 2, stride: [2, 3], dilation: [2, 1]), Case(n: 3, c: 6, o: 6, groups: 6, stride: [2, 2]),
    Case(c: 5, o: 10, groups: 5, kernel: [5, 2], padding: [2, 0]), Case(c: 12, o: 9, size: [31], kernel: [4], stride: [3], padding: [2], dilation: [6]),
    Case(n: 1, c: 4, o: 12, groups: 2, size: [5, 6, 4], kernel: [2, 3, 2], stride: [1, 2, 1], padding: [1, 1, 0], dilation: [1, 1, 1]),
    Case(c: 17, o: 20, kernel: [1, 1], stride: [2, 2], padding: [0, 0]), Case(n: 1, c: 9, o: 16, size: [24, 24]),
    Case(c: 9, o: 9, size: [8, 8], kernel: [4, 4], stride: [4, 4], padding: [0, 0]),
]

/// Memory of one type on a device; `isLast`: dim 1 is innermost.
private struct Block {
    let storage: Storage
    let backend: any Backend
    let operand: Operand

    init(_ backend: any Backend, _ dtype: DType, _ sizes: [Int], isLast: Bool = false) {
        self.backend = backend
        let dims = Dims(sizes)
        storage = backend.allocate(byteCount: max(dims.product, 1) * dtype.itemSize)!
        var strides = dims.contiguousStrides
        if isLast {
            let turned = Dims([sizes[0]] + sizes[2...] + [sizes[1]]).contiguousStrides
            for d in sizes.indices { strides[d] = d == 0 ? turned[0] : d == 1 ? 1 : turned[d - 1] }
        }
        operand = Operand(storage, pointer: storage.pointer, dtype: dtype, sizes: dims, strides: strides)
    }

    /// Numbers that repeat.
    func filled(_ seed: Double) -> Block {
        let (cpu, sizes, dtype) = (CPUBackend(), Array(operand.sizes), operand.dtype)
        // float32 gets numbers that tf32 holds too, so that tensor cores have nothing to round.
        let (wide, narrow) = (Block(cpu, dtype.isComplex ? .complex128 : .float64, sizes), Block(cpu, dtype, sizes))
        for i in 0..<wide.operand.count * (dtype.isComplex ? 2 : 1) {
            let v = sin(Double(i) * (0.71 + seed) + seed)
            wide.storage.pointer.storeBytes(of: dtype.isDifferentiable ? v : (dtype.isUnsigned ? v.magnitude : v) * 5, toByteOffset: 8 * i, as: Double.self)
        }
        let short = Block(cpu, dtype == .float32 ? .float16 : dtype, sizes)
        cpu.copy(short.operand, wide.operand)
        cpu.copy(narrow.operand, short.operand)
        backend.copy(operand, narrow.operand)
        return self
    }

    /// All elements; two numbers for a complex one.
    var values: [Double] {
        let (cpu, dtype) = (CPUBackend(), operand.dtype)
        let (narrow, wide) = (Block(cpu, dtype, Array(operand.sizes)), Block(cpu, dtype.isComplex ? .complex128 : .float64, Array(operand.sizes)))
        backend.copy(narrow.operand, operand)
        cpu.copy(wide.operand, narrow.operand)
        return (0..<wide.operand.count * (dtype.isComplex ? 2 : 1)).map { wide.storage.pointer.load(fromByteOffset: 8 * $0, as: Double.self) }
    }
}

/// The result, and the gradients of the data and of the weights. Results lie in memory that was something else before.
private func products(_ t: Case, _ dtype: DType, _ backend: any Backend, isLast: Bool) -> [[Double]] {
    let (xs, ws, ys) = ([t.n, t.c] + t.size, [t.o, t.c / t.groups] + t.kernel, [t.n, t.o] + t.out)
    let x = Block(backend, dtype, xs, isLast: isLast).filled(0.1), w = Block(backend, dtype, ws).filled(0.3), bias = Block(backend, dtype, [t.o]).filled(0.5)
    let dy = Block(backend, dtype, ys, isLast: isLast).filled(0.7)
    let y = Block(backend, dtype, ys, isLast: isLast).filled(9), dx = Block(backend, dtype, xs, isLast: isLast).filled(9), dw = Block(backend, dtype, ws).filled(9)
    #expect(backend.convolution(y.operand, x.operand, weight: w.operand, bias: bias.operand, t.shape))
    #expect(backend.convolutionBackwardData(dx.operand, dy.operand, weight: w.operand, t.shape))
    #expect(backend.convolutionBackwardWeight(dw.operand, dy.operand, x.operand, t.shape))
    return [y.values, dx.values, dw.values]
}

/// The device, and the CPU where primitives fall back to.
private func device() throws -> CUDABackend {
    Backends.register(CPUBackend())
    return try CUDABackend.open(.cuda)
}

/// What is wrong with a case, nil if nothing.
private func difference(_ t: Case, _ dtype: DType, isLast: Bool = false) throws -> String? {
    let (there, here) = (products(t, dtype, try device(), isLast: isLast), products(t, dtype, CPUBackend(), isLast: isLast))
    // Both sum in float32, where a few hundred numbers up to 1 lose up to 3e-5, and round once: to the same number of 16 bits or the next.
    let tolerance = dtype == .float16 ? 0x1p-10 : dtype == .bfloat16 ? 0x1p-7 : dtype.real == .float64 ? 1e-12 : 3e-5
    for (name, (u, v)) in zip(["the result", "the gradient of the data", "the gradient of the weights"], zip(there, here)) {
        // Sums of numbers up to 1: what cancels is as wrong as what does not.
        for i in v.indices where !(abs(u[i] - v[i]) <= tolerance * (1 + abs(v[i]))) { return "\(dtype), \(name) of \(t): element \(i) is \(u[i]) instead of \(v[i])" }
        if u.count != v.count { return "\(u.count) elements instead of \(v.count)" }
    }
    return nil
}

/// Compares, and expects that nothing went to the CPU.
private func compare(_ list: [Case], _ dtypes: [DType], isLast: Bool = false) throws {
    for dtype in dtypes {
        for t in list {
            let found = try difference(t, dtype, isLast: isLast)
            #expect(found == nil, "\(found ?? "")")
        }
    }
    #expect(CUDA.fallbacks.allSatisfy { !$0.primitive.hasPrefix("convolution") }, "\(CUDA.fallbacks)")
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct ConvolutionTests {
    @Test func agreeWithTheCPU() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            try compare(cases, [.float32, .float16])
        }
    }

    @Test func everyType() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let few = [Case(n: 3, c: 6, o: 6, groups: 6, stride: [2, 2]), Case(c: 4, o: 20, groups: 2, stride: [2, 3], dilation: [2, 1])]
            try compare(few, [.bfloat16, .float64, .complex64, .complex128, .int64, .int32, .int8, .uint8])
            // The CPU has none either.
            let (t, gpu) = (few[0], try device())
            let x = Block(gpu, .int16, [t.n, t.c] + t.size), w = Block(gpu, .int16, [6, 1, 3, 3]), y = Block(gpu, .int16, [t.n, t.o] + t.out)
            #expect(!gpu.convolution(y.operand, x.operand, weight: w.operand, bias: nil, t.shape))
        }
    }

    @Test func channelsLast() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            try compare(cases, [.float32, .bfloat16], isLast: true)
        }
    }

    /// Which kernels do it: tensor cores' for the types that they multiply, float32 where it may be rounded.
    @Test func onTensorCores() async {
        await #expect(processExitsWith: .success) {
            // Only the emulator counts.
            Emulator.use(["SWIFT_TORCH_EMULATOR_QUIET": "1"])
            let small = Case(c: 12, o: 20), tall = Case(c: 16, o: 130, size: [64, 33], kernel: [1, 1], padding: [0, 0])
            let line = Case(c: 16, o: 72, size: [300], kernel: [3], stride: [2], padding: [1], dilation: [1])
            for (dtype, name) in [(DType.float16, "f16"), (.bfloat16, "bf16"), (.float32, "f32")] {
                let symbols = ["Mma_\(name)_64", "Mma_\(name)_128", "MmaWeight_\(name)_64", "MmaWeight_\(name)_128", "_\(name)", "BackwardWeight_\(name)"].map { "convolution\($0)" }
                for isAllowed in [true, false] {
                    CUDA.allowTF32Convolution = isAllowed
                    for (t, counts) in [(small, [2, 0, 1, 0, 0, 0]), (tall, [1, 1, 0, 1, 0, 0]), (line, [2, 0, 0, 1, 0, 0])] {
                        let before = symbols.map(Emulator.launches)
                        let found = try difference(t, dtype)
                        #expect(found == nil, "\(found ?? "")")
                        let made = zip(symbols.map(Emulator.launches), before).map { $0 - $1 }
                        #expect(made == (dtype == .float32 && !isAllowed ? [0, 0, 0, 0, 2, 1] : counts), "\(dtype), tf32 allowed: \(isAllowed), \(t)")
                    }
                }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// Devices older than Ampere have no tensor cores that our kernels could use: all is done without them, nothing on the CPU.
    @Test func olderDevices() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_EMULATOR_CAPABILITY": "75"])
            try compare([Case(c: 12, o: 20)], [.float16, .bfloat16, .float32])
            for name in ["f16", "bf16", "f32"] { #expect((Emulator.launches(of: "convolution_\(name)"), Emulator.launches(of: "convolutionBackwardWeight_\(name)")) == (2, 1), "\(name)") }
            let (a, b) = (Tensor.randn(33, 20).to(.float16), Tensor.randn(20, 40).to(.float16))
            #expect(difference(a.to(.cuda).matmul(b.to(.cuda)), a.to(.float32).matmul(b.to(.float32)).to(.float16)) <= resolution(.float16))
            #expect((Emulator.launches(of: "matmul_f16"), CUDA.fallbacks.count) == (1, 0), "\(CUDA.fallbacks)")
        }
    }

    /// Rounding to tf32 happens where it is allowed, of data and of weights, in all three products.
    @Test func tf32OnlyWhereItIsAllowed() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let (fine, rounded) = (1 + 0x1p-11, 1 + 0x1p-10), gpu = try device()
            func filled(_ sizes: [Int], _ value: Double) -> Block {
                let block = Block(gpu, .float32, sizes)
                withUnsafePointer(to: Float(value)) { gpu.fill(block.operand, $0) }
                return block
            }
            let shape = ConvolutionShape(stride: [1], padding: [0], dilation: [1], groups: 1)
            let (x, w, y) = ([1, 9, 1], [9, 9, 1], [1, 9, 1])
            for isAllowed in [true, false] {
                CUDA.allowTF32Convolution = isAllowed
                for (first, second) in [(fine, 1.0), (1.0, fine)] {
                    let a = filled(x, first), b = filled(w, second), c = filled(y, second), out = filled(y, 0), dx = filled(x, 0), dw = filled(w, 0)
                    #expect(gpu.convolution(out.operand, a.operand, weight: b.operand, bias: nil, shape))
                    #expect(gpu.convolutionBackwardData(dx.operand, a.operand, weight: b.operand, shape))
                    #expect(gpu.convolutionBackwardWeight(dw.operand, c.operand, a.operand, shape))
                    let one = isAllowed ? rounded : fine
                    for values in [out.values, dx.values] { #expect(values.allSatisfy { $0 == 9 * one }, "\(isAllowed): \(values)") }
                    #expect(dw.values.allSatisfy { $0 == one }, "\(isAllowed): \(dw.values)")
                }
            }
        }
    }

    /// The parts into which the pixels are split are added in order: the same bits whatever block comes first.
    @Test func gradientsRepeat() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let gpu = try device()
            let library = dlopen(Emulator.path!, RTLD_NOW)
            let set = unsafeBitCast(dlsym(library, "emulator_set"), to: (@convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Void).self)
            let t = Case(c: 9, o: 16, size: [30, 30])
            let first = products(t, .float32, gpu, isLast: false)
            for schedule in ["reverse", "shuffle:7"] {
                set("SCHEDULE", schedule)
                #expect(products(t, .float32, gpu, isLast: false) == first, "\(schedule)")
            }
        }
    }

    @Test func emptyBatch() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let t = Case(n: 0)
            let found = products(t, .float32, try device(), isLast: false)
            #expect(found == [[], [], [Double](repeating: 0, count: 270)])
            #expect(CUDA.fallbacks.allSatisfy { !$0.primitive.hasPrefix("convolution") }, "\(CUDA.fallbacks)")
        }
    }

    /// What the kernel can not count goes to the CPU.
    @Test func whatIsTooLargeFallsBack() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUDA_QUIET": "1"])
            let t = Case(n: 1, c: 1, o: 1, size: [4], kernel: [1], stride: [1 << 29], padding: [0], dilation: [1])
            let found = try difference(t, .float32)
            #expect(found == nil, "\(found ?? "")")
            #expect(CUDA.fallbacks.filter { $0.primitive.hasPrefix("convolution") }.count == 3, "\(CUDA.fallbacks)")
        }
    }
}
