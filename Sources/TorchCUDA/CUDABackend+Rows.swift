// Kernels over contiguous rows: softmax and layer normalisation.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    /// Types that the kernels of rows and products have.
    static func hasRowKernels(_ dtype: DType) -> Bool { dtype.isFloatingPoint }

    /// Threads for a row: enough to read it at one go, as far as a block reaches.
    private static func threads(_ columns: Int) -> Int {
        var n = 128
        while n < 1024, columns > 1024, n * 8 < columns { n *= 2 }
        return n
    }

    /// Starts variant `variant` of `family` over the rows of `x`.
    private func rows(_ family: KernelFamily, _ variant: Int, _ x: Operand, _ addresses: [Operand?], epsilon: Double = 0) throws(DeviceError) {
        let (rows, columns) = (x.sizes[0], x.sizes[1])
        if rows == 0 || columns == 0 { return }
        guard rows <= Int(UInt32.max), columns <= Int(Int32.max) else { throw .kernel("\(family)", log: "\(x.sizes) has more rows or columns than the kernel counts") }
        var a = st_rows_args()
        try store(addresses, &a.address)
        (a.rows, a.columns, a.eps) = (UInt32(rows), UInt32(columns), epsilon)
        let kernel = family.number(0, Int(x.dtype.rawValue), variant)
        // The last one of layerNorm sums columns: 32 of them a block, eight rows at a time.
        let isByColumns = family == .layerNorm && variant == 2
        let threads = Self.threads(columns)
        if isByColumns {
            try gpu.launch(kernel, grid: ((columns + 31) / 32, 1, 1), block: (32, 8), &a)
        } else {
            try gpu.launch(kernel, grid: (min(rows, 65_536), 1, 1), block: (threads, 1), &a)
        }
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
                if dweight != nil || dbias != nil { try rows(.layerNorm, 2, x, [dweight, dbias, dy, x, mean, rstd]) }
                return true
            },
            host: {
                onCPU("layerNormBackward", [.write(dx), .write(dweight), .write(dbias), .read(dy), .read(x), .read(weight), .read(mean), .read(rstd)], failure: true) {
                    $0.layerNormBackward(dx: $1.optional(0), dweight: $1.optional(1), dbias: $1.optional(2), $1[3], $1[4], weight: $1.optional(5), mean: $1[6], rstd: $1[7])
                }
            })
    }
}
