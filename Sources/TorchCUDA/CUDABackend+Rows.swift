// Kernels over contiguous rows: softmax, normalisation, cross-entropy.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    /// Types that the kernels of rows and products have.
    static func hasRowKernels(_ dtype: DType) -> Bool { dtype.isFloatingPoint }

    /// Threads for a row and rows of a block: 16 elements (of float64: 4) are kept in registers by each thread, as far as a block reaches; rows that a warp keeps share a block.
    private static func threads(_ columns: Int, _ dtype: DType) -> (x: Int, y: Int) {
        let each = dtype == .float64 ? 4 : 16
        var x = 32
        while x < 1024, x * each < columns { x *= 2 }
        return (x, x == 32 ? 4 : 1)
    }

    private func rowArguments(_ family: KernelFamily, _ x: Operand, _ addresses: [Operand?]) throws(DeviceError) -> st_rows_args {
        let (rows, columns) = (x.sizes[0], x.sizes[1])
        guard rows <= Int(Int32.max), columns <= Int(Int32.max) / 2 else { throw .kernel("\(family)", log: "\(x.sizes) has more rows or columns than the kernel counts") }
        var a = st_rows_args()
        try store(addresses, &a.address)
        (a.rows, a.columns) = (UInt32(rows), UInt32(columns))
        return a
    }

    /// Starts variant `variant` of `family` over the rows of `x`.
    private func rows(_ family: KernelFamily, _ variant: Int, _ x: Operand, _ addresses: [Operand?], fault: UInt64 = 0, epsilon: Double = 0, ignoreIndex: Int = 0) throws(DeviceError) {
        if x.sizes[0] == 0 || x.sizes[1] == 0 { return }
        var a = try rowArguments(family, x, addresses)
        if fault != 0 { a.address.4 = fault }
        (a.eps, a.ignore_index) = (epsilon, Int64(ignoreIndex))
        let threads = Self.threads(x.sizes[1], x.dtype)
        try gpu.launch(family.number(0, Int(x.dtype.rawValue), variant), grid: (min((x.sizes[0] + threads.y - 1) / threads.y, 65_536), 1, 1), block: threads, &a)
    }

    /// Sums over the rows, in parts that keep a device busy: the gradients of layer norm's weights. `addresses`: dweight, dbias, dy, x, mean, rstd.
    private func weightGradients(_ x: Operand, _ addresses: [Operand?]) throws(DeviceError) {
        let (rows, columns) = (x.sizes[0], x.sizes[1])
        if rows == 0 || columns == 0 { return }
        var a = try rowArguments(.layerNorm, x, addresses)
        // From the shape alone, so that the same shape gives the same bits on every device.
        let blocks = (columns + 31) / 32
        let splits = max(1, min(1024 / blocks, rows / 64))
        let size = 16 * columns * splits
        guard let parts = gpu.allocate(byteCount: size) else { throw refusal(byteCount: size) }
        (a.address.6, a.splits) = (CUDADevice.address(parts.pointer), UInt32(splits))
        try gpu.launch(KernelFamily.layerNorm.number(0, Int(x.dtype.rawValue), 2), grid: (blocks, splits, 1), block: (32, 8), &a)
        try gpu.launch(KernelFamily.layerNorm.number(0, Int(x.dtype.rawValue), 3), grid: (min((2 * columns + 7) / 8, 65_536), 1, 1), block: (32, 8), &a)
        withExtendedLifetime(parts) {}
    }

    /// Addresses of operands, 0 for those that are not there, in a C array.
    func store<Field>(_ operands: [Operand?], _ field: inout Field) throws(DeviceError) {
        for case let o? in operands { try gpu.checkPlace(o) }
        withUnsafeMutableBytes(of: &field) { p in
            for (i, o) in operands.enumerated() { p.storeBytes(of: CUDADevice.address(o?.pointer), toByteOffset: 8 * i, as: UInt64.self) }
        }
    }

    public func softmax(_ out: Operand, _ x: Operand, logarithm: Bool) -> Bool {
        guard Self.hasRowKernels(x.dtype) else { return false }
        return onDevice(
            "softmax", failure: true,
            { () throws(DeviceError) in
                try rows(.softmax, logarithm ? 1 : 0, x, [out, x])
                return true
            }, host: { onCPU("softmax", [.write(out), .read(x)], failure: true) { $0.softmax($1[0], $1[1], logarithm: logarithm) } })
    }

    public func softmaxBackward(_ dx: Operand, _ dy: Operand, _ y: Operand, logarithm: Bool) -> Bool {
        guard Self.hasRowKernels(y.dtype) else { return false }
        return onDevice(
            "softmaxBackward", failure: true,
            { () throws(DeviceError) in
                try rows(.softmax, logarithm ? 3 : 2, y, [dx, dy, y])
                return true
            }, host: { onCPU("softmaxBackward", [.write(dx), .read(dy), .read(y)], failure: true) { $0.softmaxBackward($1[0], $1[1], $1[2], logarithm: logarithm) } })
    }

    public func layerNorm(_ y: Operand, mean: Operand, rstd: Operand, _ x: Operand, weight: Operand?, bias: Operand?, epsilon: Double) -> Bool {
        guard Self.hasRowKernels(x.dtype) else { return false }
        return onDevice(
            "layerNorm", failure: true,
            { () throws(DeviceError) in
                try rows(.layerNorm, 0, x, [y, x, weight, bias, mean, rstd], epsilon: epsilon)
                return true
            },
            host: {
                onCPU("layerNorm", [.write(y), .write(mean), .write(rstd), .read(x), .read(weight), .read(bias)], failure: true) {
                    $0.layerNorm($1[0], mean: $1[1], rstd: $1[2], $1[3], weight: $1.optional(4), bias: $1.optional(5), epsilon: epsilon)
                }
            })
    }

    public func layerNormBackward(dx: Operand?, dweight: Operand?, dbias: Operand?, _ dy: Operand, _ x: Operand, weight: Operand?, mean: Operand, rstd: Operand) -> Bool {
        guard Self.hasRowKernels(x.dtype) else { return false }
        return onDevice(
            "layerNormBackward", failure: true,
            { () throws(DeviceError) in
                if let dx { try rows(.layerNorm, 1, x, [dx, dy, x, weight, mean, rstd]) }
                if dweight != nil || dbias != nil { try weightGradients(x, [dweight, dbias, dy, x, mean, rstd]) }
                return true
            },
            host: {
                onCPU("layerNormBackward", [.write(dx), .write(dweight), .write(dbias), .read(dy), .read(x), .read(weight), .read(mean), .read(rstd)], failure: true) {
                    $0.layerNormBackward(dx: $1.optional(0), dweight: $1.optional(1), dbias: $1.optional(2), $1[3], $1[4], weight: $1.optional(5), mean: $1[6], rstd: $1[7])
                }
            })
    }

    public func rmsNorm(_ y: Operand, rstd: Operand, _ x: Operand, weight: Operand?, epsilon: Double) -> Bool {
        guard Self.hasRowKernels(x.dtype) else { return false }
        return onDevice(
            "rmsNorm", failure: true,
            { () throws(DeviceError) in
                // Without a mean the kernels of layerNorm subtract none.
                try rows(.layerNorm, 0, x, [y, x, weight, nil, nil, rstd], epsilon: epsilon)
                return true
            },
            host: {
                onCPU("rmsNorm", [.write(y), .write(rstd), .read(x), .read(weight)], failure: true) { $0.rmsNorm($1[0], rstd: $1[1], $1[2], weight: $1.optional(3), epsilon: epsilon) }
            })
    }

    public func rmsNormBackward(dx: Operand?, dweight: Operand?, _ dy: Operand, _ x: Operand, weight: Operand?, rstd: Operand) -> Bool {
        guard Self.hasRowKernels(x.dtype) else { return false }
        return onDevice(
            "rmsNormBackward", failure: true,
            { () throws(DeviceError) in
                if let dx { try rows(.layerNorm, 1, x, [dx, dy, x, weight, nil, rstd]) }
                if dweight != nil { try weightGradients(x, [dweight, nil, dy, x, nil, rstd]) }
                return true
            },
            host: {
                onCPU("rmsNormBackward", [.write(dx), .write(dweight), .read(dy), .read(x), .read(weight), .read(rstd)], failure: true) {
                    $0.rmsNormBackward(dx: $1.optional(0), dweight: $1.optional(1), $1[2], $1[3], weight: $1.optional(4), rstd: $1[5])
                }
            })
    }

    public func crossEntropy(loss: Operand, lse: Operand, _ x: Operand, _ target: Operand, ignoreIndex: Int, _ check: ElementCheck) -> Bool {
        guard Self.hasRowKernels(x.dtype) else { return false }
        return onDevice(
            "crossEntropy", failure: true,
            { () throws(DeviceError) in
                try recorded(check, size: x.sizes[1]) { (fault) throws(DeviceError) in
                    try rows(.softmax, 4, x, [loss, x, target, lse], fault: fault, ignoreIndex: ignoreIndex)
                }
                return true
            },
            host: {
                onCPU("crossEntropy", [.write(loss), .write(lse), .read(x), .read(target)], failure: true) { cpu, o in
                    let targets = UnsafeBufferPointer(start: o[3].pointer.assumingMemoryBound(to: Int64.self), count: o[3].count)
                    if let i = targets.firstIndex(where: { $0 != ignoreIndex && !(0..<Int64(x.sizes[1])).contains($0) }) {
                        check.report("\(targets[i])", position: i, size: x.sizes[1])
                        return true
                    }
                    return cpu.crossEntropy(loss: o[0], lse: o[1], o[2], o[3], ignoreIndex: ignoreIndex, check)
                }
            })
    }

    public func crossEntropyBackward(_ dx: Operand, _ x: Operand, _ target: Operand, lse: Operand, scale: Operand, ignoreIndex: Int) -> Bool {
        guard Self.hasRowKernels(x.dtype) else { return false }
        return onDevice(
            "crossEntropyBackward", failure: true,
            { () throws(DeviceError) in
                try rows(.softmax, 5, x, [dx, x, target, lse, scale], ignoreIndex: ignoreIndex)
                return true
            },
            host: {
                onCPU("crossEntropyBackward", [.write(dx), .read(x), .read(target), .read(lse), .read(scale)], failure: true) {
                    $0.crossEntropyBackward($1[0], $1[1], $1[2], lse: $1[3], scale: $1[4], ignoreIndex: ignoreIndex)
                }
            })
    }
}
