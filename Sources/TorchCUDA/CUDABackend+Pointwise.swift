// Pointwise primitives on the device. The tables of the CPU's kernels say which types an operator has: they come from the same lists.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    @inline(__always)
    public func unaryRun(_ op: UnaryOp, _ dtype: DType, _ out: UnsafeMutableRawPointer, _ x: UnsafeMutableRawPointer, count: Int, _ parameters: KernelParameters) -> Bool {
        guard st_unary(op, dtype.kernel) != nil else { return false }
        let result = DType(st_unary_result(op, dtype.kernel))
        return onDevice(
            "unary", failure: true,
            { () throws(DeviceError) in
                let kernel = KernelFamily.unary.number(Int(op.rawValue), Int(dtype.rawValue), KernelFamily.run)
                try gpu.run(kernel, (out, x, nil, nil), count: count, size: max(dtype.itemSize, result.itemSize), parameters)
                return true
            }, host: { unaryOnCPU(op, run(out, result, count), run(x, dtype, count), parameters) })
    }

    @inline(__always)
    public func binaryRun(
        _ op: BinaryOp, _ dtype: DType, _ out: UnsafeMutableRawPointer, _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer, count: Int, _ parameters: KernelParameters
    ) -> Bool {
        guard st_binary(op, dtype.kernel) != nil else { return false }
        let result = DType(st_binary_result(op, dtype.kernel))
        return onDevice(
            "binary", failure: true,
            { () throws(DeviceError) in
                let kernel = KernelFamily.binary.number(Int(op.rawValue), Int(dtype.rawValue), KernelFamily.run)
                try gpu.run(kernel, (out, a, b, nil), count: count, size: max(dtype.itemSize, result.itemSize), parameters)
                return true
            }, host: { binaryOnCPU(op, run(out, result, count), run(a, dtype, count), run(b, dtype, count), parameters) })
    }

    public func unary(_ op: UnaryOp, _ out: Operand, _ x: Operand, _ parameters: KernelParameters) -> Bool {
        guard st_unary(op, x.dtype.kernel) != nil else { return false }
        return onDevice(
            "unary", failure: true,
            { () throws(DeviceError) in
                try gpu.pointwise(KernelFamily.unary.number(Int(op.rawValue), Int(x.dtype.rawValue), KernelFamily.run), [out, x], parameters)
                return true
            }, host: { unaryOnCPU(op, out, x, parameters) })
    }

    public func binary(_ op: BinaryOp, _ out: Operand, _ a: Operand, _ b: Operand, _ parameters: KernelParameters) -> Bool {
        guard st_binary(op, a.dtype.kernel) != nil else { return false }
        return onDevice(
            "binary", failure: true,
            { () throws(DeviceError) in
                try gpu.pointwise(KernelFamily.binary.number(Int(op.rawValue), Int(a.dtype.rawValue), KernelFamily.run), [out, a, b], parameters)
                return true
            }, host: { binaryOnCPU(op, out, a, b, parameters) })
    }

    public func ternary(_ op: TernaryOp, _ out: Operand, _ a: Operand, _ b: Operand, _ c: Operand, _ parameters: KernelParameters) -> Bool {
        guard st_ternary(op, a.dtype.kernel) != nil else { return false }
        return onDevice(
            "ternary", failure: true,
            { () throws(DeviceError) in
                try gpu.pointwise(KernelFamily.ternary.number(Int(op.rawValue), Int(a.dtype.rawValue), KernelFamily.run), [out, a, b, c], parameters)
                return true
            },
            host: { onCPU("ternary", [.write(out), .read(a), .read(b), .read(c)], failure: true) { $0.ternary(op, $1[0], $1[1], $1[2], $1[3], parameters) } })
    }

    public func select(_ out: Operand, _ condition: Operand, _ a: Operand, _ b: Operand) {
        onDevice(
            "select", failure: (),
            { () throws(DeviceError) in try gpu.pointwise(KernelFamily.select.number(0, Self.sizeColumn(out.dtype), KernelFamily.run), [out, condition, a, b]) },
            host: { onCPU("select", [.write(out), .read(condition), .read(a), .read(b)], failure: ()) { $0.select($1[0], $1[1], $1[2], $1[3]) } })
    }

    private func unaryOnCPU(_ op: UnaryOp, _ out: Operand, _ x: Operand, _ parameters: KernelParameters) -> Bool {
        onCPU("unary", [.write(out), .read(x)], failure: true) { $0.unary(op, $1[0], $1[1], parameters) }
    }

    private func binaryOnCPU(_ op: BinaryOp, _ out: Operand, _ a: Operand, _ b: Operand, _ parameters: KernelParameters) -> Bool {
        onCPU("binary", [.write(out), .read(a), .read(b)], failure: true) { $0.binary(op, $1[0], $1[1], $1[2], parameters) }
    }

    /// Integers that are zero have no bit set, whatever their type.
    public func hasZero(_ x: Operand, _ check: ElementCheck) -> Bool {
        if x.count == 0 { return false }
        return onDevice(
            "hasZero", failure: true,
            { () throws(DeviceError) in
                try gpu.checkPlace(x)
                var elements = Self.withoutRepetition(x)
                if !elements.isContiguous {
                    let run = try temporary(like: elements)
                    copy(run, elements)
                    elements = run
                }
                let count = elements.count
                guard count <= Int(Int32.max) else { throw .kernel("findZero", log: "\(count) elements are more than the kernel counts") }
                var a = st_gather_args()
                (a.walked, a.count) = (CUDADevice.address(elements.pointer), UInt32(count))
                let kernel = KernelFamily.gather.number(0, Self.sizeColumn(x.dtype), 2)
                return try checked(check, size: 0) { (fault) throws(DeviceError) in
                    a.fault = fault
                    try gpu.launch(kernel, grid: (CUDADevice.blocks(count, each: 4), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
                } != nil
            }, host: { onCPU("hasZero", [.read(x)], failure: true) { $0.hasZero($1[0], check) } })
    }
}
