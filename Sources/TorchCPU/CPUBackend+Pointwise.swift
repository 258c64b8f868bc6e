// Pointwise primitives on the CPU: the iterator around the kernels' inner loops.
import TorchKernels
import TorchRuntime

extension CPUBackend {
    /// Elements of transcendental work worth a second thread.
    private static let costlyGrain = 8_192

    private func run(_ loop: st_loop?, _ operands: [Operand], _ parameters: KernelParameters = KernelParameters(0), grain: Int = Parallel.cheapGrain) -> Bool {
        guard let loop else { return false }
        withUnsafePointer(to: parameters) { StridedLoop.run(loop, operands, parameters: $0, grain: grain) }
        return true
    }

    public func copy(_ out: Operand, _ input: Operand) {
        if out.dtype == input.dtype {
            _ = run(st_copy(Int32(out.dtype.itemSize)), [out, input])
        } else {
            _ = run(st_convert(input.dtype.kernel, out.dtype.kernel), [out, input])
        }
    }

    public func fill(_ out: Operand, _ value: UnsafeRawPointer) {
        let size = out.dtype.itemSize
        if out.isContiguous {
            let base = out.pointer.assumingMemoryBound(to: CChar.self)
            let source = UInt(bitPattern: value)
            let target = UInt(bitPattern: base)
            Parallel.forEach(count: out.count, grain: Parallel.cheapGrain) { range in
                st_fill(
                    UnsafeMutablePointer<CChar>(bitPattern: target)! + range.lowerBound * size, Int64(size), Int64(range.count),
                    UnsafeRawPointer(bitPattern: source), Int32(size))
            }
            return
        }
        // A source of stride 0.
        let one = Operand(
            unowned: UnsafeMutableRawPointer(mutating: value), dtype: out.dtype, sizes: out.sizes, strides: Dims(rank: out.sizes.count))
        copy(out, one)
    }

    public func arange(_ out: Operand, start: Double, step: Double) {
        let n = out.count
        switch out.dtype {
        case .int64:
            let (p, s, d) = (out.pointer.assumingMemoryBound(to: Int64.self), Int64(start), Int64(step))
            for i in 0..<n { p[i] = s &+ Int64(i) &* d }
        case .float32:
            let p = out.pointer.assumingMemoryBound(to: Float.self)
            for i in 0..<n { p[i] = Float(start + Double(i) * step) }
        default:
            withUnsafeTemporaryAllocation(of: Double.self, capacity: Swift.max(n, 1)) { buffer in
                for i in 0..<n { buffer[i] = start + Double(i) * step }
                copy(out, Operand(unowned: UnsafeMutableRawPointer(buffer.baseAddress!), dtype: .float64, sizes: [n], strides: [1]))
            }
        }
    }

    public func unaryRun(_ op: UnaryOp, _ dtype: DType, _ out: UnsafeMutableRawPointer, _ x: UnsafeMutableRawPointer, count: Int, _ parameters: KernelParameters) -> Bool {
        guard let loop = st_unary(op, dtype.kernel) else { return false }
        let sizes = (Int(DType(st_unary_result(op, dtype.kernel)).itemSize), dtype.itemSize)
        Parallel.forEach(count: count, grain: Self.costlyGrain) { range in
            let i = range.lowerBound
            contiguous(loop, (out + i * sizes.0, x + i * sizes.1, x), (sizes.0, sizes.1, 0), range.count, parameters)
        }
        return true
    }

    public func binaryRun(
        _ op: BinaryOp, _ dtype: DType, _ out: UnsafeMutableRawPointer, _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer, count: Int,
        _ parameters: KernelParameters
    ) -> Bool {
        guard let loop = st_binary(op, dtype.kernel) else { return false }
        let outSize = DType(st_binary_result(op, dtype.kernel)).itemSize
        let size = dtype.itemSize
        Parallel.forEach(count: count, grain: Parallel.cheapGrain) { range in
            let i = range.lowerBound
            contiguous(loop, (out + i * outSize, a + i * size, b + i * size), (outSize, size, size), range.count, parameters)
        }
        return true
    }

    @inline(__always)
    private func contiguous(
        _ loop: st_loop, _ pointers: (UnsafeMutableRawPointer, UnsafeMutableRawPointer, UnsafeMutableRawPointer), _ strides: (Int, Int, Int), _ count: Int,
        _ parameters: KernelParameters
    ) {
        // Rebinding tuples to the C arrays that they are.
        withUnsafePointer(to: pointers) { p in
            // Inner strides, then the (unused) outer ones.
            withUnsafePointer(to: (strides, strides)) { s in
                withUnsafePointer(to: parameters) { params in
                    loop(
                        UnsafeRawPointer(p).assumingMemoryBound(to: UnsafeMutablePointer<CChar>?.self),
                        UnsafeRawPointer(s).assumingMemoryBound(to: Int64.self), Int64(count), 1, params)
                }
            }
        }
    }

    public func unary(_ op: UnaryOp, _ out: Operand, _ x: Operand, _ parameters: KernelParameters) -> Bool {
        run(st_unary(op, x.dtype.kernel), [out, x], parameters, grain: Self.costlyGrain)
    }

    public func binary(_ op: BinaryOp, _ out: Operand, _ a: Operand, _ b: Operand, _ parameters: KernelParameters) -> Bool {
        run(st_binary(op, a.dtype.kernel), [out, a, b], parameters)
    }

    public func ternary(_ op: TernaryOp, _ out: Operand, _ a: Operand, _ b: Operand, _ c: Operand, _ parameters: KernelParameters) -> Bool {
        run(st_ternary(op, a.dtype.kernel), [out, a, b, c], parameters)
    }

    public func select(_ out: Operand, _ condition: Operand, _ a: Operand, _ b: Operand) {
        _ = run(st_where(Int32(out.dtype.itemSize)), [out, condition, a, b])
    }

    public func hasZero(_ x: Operand, _ check: ElementCheck) -> Bool {
        let loop = st_binary(.eq, x.dtype.kernel)
        guard let loop, x.count > 0 else { return false }
        // Compare with a repeated zero into bool, then look for a true one.
        guard let flags = Storage.allocate(byteCount: x.count) else { return false }
        var zero: (Int64, Int64) = (0, 0)
        let out = Operand(flags, pointer: flags.pointer, dtype: .bool, sizes: x.sizes, strides: x.sizes.contiguousStrides)
        withUnsafeMutablePointer(to: &zero) { z in
            let repeated = Operand(unowned: UnsafeMutableRawPointer(z), dtype: x.dtype, sizes: x.sizes, strides: Dims(rank: x.sizes.count))
            _ = run(loop, [out, x, repeated])
        }
        let bytes = flags.pointer.assumingMemoryBound(to: UInt8.self)
        return withExtendedLifetime(flags) { (0..<x.count).contains { bytes[$0] != 0 } }
    }
}
