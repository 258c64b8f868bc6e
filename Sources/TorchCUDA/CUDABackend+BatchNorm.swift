// Batch norm on the device: channels are folded in parts, put together in a fixed order, then all elements are written.
import CCUDA
import TorchKernels
import TorchRuntime

/// Variants of `KernelFamily.batchNorm`.
private enum BatchNormKernel: Int { case statistics, moments, sums, constants, apply, backward }

extension CUDABackend {
    private func batchNormArguments(_ x: Operand) throws(DeviceError) -> st_batchnorm_args {
        try gpu.checkPlace(x)
        // A part's end may lie beyond the last element.
        let limit = Int(Int32.max) - 65_536
        guard x.sizes.allSatisfy({ $0 <= limit }), x.count <= limit else { throw .kernel("batchNorm", log: "\(x.sizes) has more elements than the kernel counts") }
        var a = st_batchnorm_args()
        (a.x, a.n, a.c, a.inner) = (CUDADevice.address(x.pointer), UInt32(x.sizes[0]), UInt32(x.sizes[1]), UInt32(x.sizes[2]))
        (a.inner_by, a.c_by) = (st_make_divisor(a.inner), st_make_divisor(a.c))
        // Into how many parts channels are cut follows from the shape alone, and so do the bits of the result.
        a.lanes = a.inner == 1 ? 32 : 1
        let (count, lanes) = (x.sizes[0] * x.sizes[2], Int(a.lanes))
        let lines = (x.sizes[1] + lanes - 1) / lanes
        let wanted = lines >= 512 ? 1 : max(1, min(512 / max(lines, 1), count * lanes / (Int(ST_KERNEL_BLOCK) * 16)))
        let part = max(8, ((count + wanted - 1) / wanted + 7) & ~7)
        (a.part, a.splits) = (UInt32(part), UInt32(max(1, (count + part - 1) / part)))
        return a
    }

    private func address(_ o: Operand?) throws(DeviceError) -> UInt64 {
        if let o { try gpu.checkPlace(o) }
        return CUDADevice.address(o?.pointer)
    }

    private func start(_ kernel: BatchNormKernel, _ dtype: DType, _ a: inout st_batchnorm_args) throws(DeviceError) {
        let (c, block) = (Int(a.c), Int(ST_KERNEL_BLOCK))
        let grid =
            switch kernel {
            case .statistics, .sums: ((c + Int(a.lanes) - 1) / Int(a.lanes), Int(a.splits), 1)
            case .moments, .constants: ((c + block - 1) / block, 1, 1)
            case .apply, .backward: (CUDADevice.blocks(Int(a.n) * c * Int(a.inner), each: 16 / dtype.itemSize), 1, 1)
            }
        try gpu.launch(KernelFamily.batchNorm.number(0, Int(dtype.rawValue), kernel.rawValue), grid: (x: grid.0, y: grid.1, z: grid.2), block: (block, 1), &a)
    }

    /// Memory for `a`'s parts of channels and, behind them, three constants a channel.
    private func workspace(_ a: inout st_batchnorm_args) throws(DeviceError) -> Storage {
        let parts = Int(a.splits) * Int(a.c) * Int(ST_BATCHNORM_STATE_BYTES)
        let bytes = parts + Int(a.c) * 24
        guard let s = gpu.allocate(byteCount: bytes) else { throw refusal(byteCount: bytes) }
        a.workspace = CUDADevice.address(s.pointer)
        a.constants = a.workspace + UInt64(parts)
        return s
    }

    public func batchNormStatistics(mean: Operand, variance: Operand, _ x: Operand) -> Bool {
        guard Self.hasRowKernels(x.dtype) else { return false }
        if x.sizes[1] == 0 { return true }
        return onDevice(
            "batchNormStatistics", failure: true,
            { () throws(DeviceError) in
                var a = try batchNormArguments(x)
                (a.mean, a.variance) = (try address(mean), try address(variance))
                let memory = try workspace(&a)
                try start(.statistics, x.dtype, &a)
                try start(.moments, x.dtype, &a)
                withExtendedLifetime(memory) {}
                return true
            },
            host: { onCPU("batchNormStatistics", [.write(mean), .write(variance), .read(x)], failure: true) { $0.batchNormStatistics(mean: $1[0], variance: $1[1], $1[2]) } })
    }

    public func batchNorm(_ y: Operand, _ x: Operand, mean: Operand, rstd: Operand, weight: Operand?, bias: Operand?) -> Bool {
        guard Self.hasRowKernels(x.dtype) else { return false }
        if x.count == 0 { return true }
        return onDevice(
            "batchNorm", failure: true,
            { () throws(DeviceError) in
                var a = try batchNormArguments(x)
                (a.y, a.mean, a.rstd, a.weight, a.bias) = (try address(y), try address(mean), try address(rstd), try address(weight), try address(bias))
                try start(.apply, x.dtype, &a)
                return true
            },
            host: {
                onCPU("batchNorm", [.write(y), .read(x), .read(mean), .read(rstd), .read(weight), .read(bias)], failure: true) {
                    $0.batchNorm($1[0], $1[1], mean: $1[2], rstd: $1[3], weight: $1.optional(4), bias: $1.optional(5))
                }
            })
    }

    public func batchNormBackward(dx: Operand?, dweight: Operand?, dbias: Operand?, _ dy: Operand, _ x: Operand, mean: Operand, rstd: Operand, weight: Operand?, training: Bool) -> Bool {
        guard Self.hasRowKernels(x.dtype) else { return false }
        if x.sizes[1] == 0 { return true }
        return onDevice(
            "batchNormBackward", failure: true,
            { () throws(DeviceError) in
                var a = try batchNormArguments(x)
                (a.y, a.dy, a.mean, a.rstd, a.weight) = (try address(dx), try address(dy), try address(mean), try address(rstd), try address(weight))
                (a.dweight, a.dbias) = (try address(dweight), try address(dbias))
                let memory = try workspace(&a)
                let hasSums = training || dweight != nil || dbias != nil
                a.flags = (training ? 1 : 0) | (hasSums ? 2 : 0)
                if hasSums { try start(.sums, x.dtype, &a) }
                try start(.constants, x.dtype, &a)
                if dx != nil, x.count > 0 { try start(.backward, x.dtype, &a) }
                withExtendedLifetime(memory) {}
                return true
            },
            host: {
                onCPU("batchNormBackward", [.write(dx), .write(dweight), .write(dbias), .read(dy), .read(x), .read(mean), .read(rstd), .read(weight)], failure: true) {
                    $0.batchNormBackward(
                        dx: $1.optional(0), dweight: $1.optional(1), dbias: $1.optional(2), $1[3], $1[4], mean: $1[5], rstd: $1[6], weight: $1.optional(7), training: training)
                }
            })
    }
}
