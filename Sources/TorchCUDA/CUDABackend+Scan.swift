// Scans on the device: a block a line or a piece of one, or some threads a line.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    private static func hasScan(_ op: ScanOp, _ dtype: DType) -> Bool {
        if dtype.isFloatingPoint { return true }
        let isInteger = (DType.uint8.rawValue...DType.int64.rawValue).contains(dtype.rawValue)
        return switch op {
        case .sum, .prod: isInteger || dtype.isComplex
        case .max, .min: isInteger || dtype == .bool
        default: false
        }
    }

    public func scan(_ op: ScanOp, _ out: Operand, _ indices: Operand?, _ x: Operand, dim: Int) -> Bool {
        // bool counts as uint8 in sums and products.
        if x.dtype == .bool, op == .sum || op == .prod {
            var (a, b) = (x, out)
            (a.dtype, b.dtype) = (.uint8, .uint8)
            return scan(op, b, indices, a, dim: dim)
        }
        guard Self.hasScan(op, x.dtype) else { return false }
        if x.count == 0 { return true }
        return onDevice(
            "scan", failure: true,
            { () throws(DeviceError) in
                try scanOnDevice(op, out, indices, x, dim: dim)
                return true
            }, host: { onCPU("scan", [.write(out), .write(indices), .read(x)], failure: true) { $0.scan(op, $1[0], $1.optional(1), $1[2], dim: dim) } })
    }

    private func scanOnDevice(_ op: ScanOp, _ out: Operand, _ indices: Operand?, _ x: Operand, dim: Int) throws(DeviceError) {
        for case let o? in [out, indices, x] { try gpu.checkPlace(o) }
        let (n, limit) = (x.sizes[dim], Int(Int32.max))
        // Neighbours in memory belong to neighbouring threads.
        let dims = x.sizes.indices.filter { $0 != dim && x.sizes[$0] > 1 }.sorted { (abs(x.strides[$0]), $1) < (abs(x.strides[$1]), $0) }
        let lines = x.count / n
        guard n <= limit - 4096, lines <= limit, dims.count <= Int(ST_KERNEL_DIMS) else { throw .kernel("scan", log: "\(x.sizes) has more dims or elements than the kernel counts") }
        var a = st_scan_args()
        (a.in, a.out, a.indices) = (CUDADevice.address(x.pointer), CUDADevice.address(out.pointer), CUDADevice.address(indices?.pointer))
        (a.lines, a.n, a.rank) = (UInt32(lines), UInt32(n), UInt32(max(dims.count, 1)))
        Self.store(dims.isEmpty ? [1] : dims.map { x.sizes[$0] }, &a.size)
        withUnsafeMutableBytes(of: &a.stride) { p in
            for (k, o) in [x, out, indices].enumerated() {
                guard let o else { continue }
                for (d, from) in dims.enumerated() { p.storeBytes(of: Int64(o.strides[from] * o.dtype.itemSize), toByteOffset: 8 * (k * Int(ST_KERNEL_DIMS) + d), as: Int64.self) }
            }
        }
        a.along = (Int64(x.strides[dim] * x.dtype.itemSize), Int64(out.strides[dim] * out.dtype.itemSize), Int64((indices?.strides[dim] ?? 0) * 8))
        // A block where a line is contiguous, or where lines are too few and too long for some threads each.
        let isInner = abs(x.strides[dim]) <= (dims.first.map { abs(x.strides[$0]) } ?? .max)
        let isRow = isInner ? n > 16 : n >= 256 && lines < 1024
        var threads = 32
        while threads < Int(ST_KERNEL_BLOCK), threads * 4 < n { threads *= 2 }
        let kernel = KernelFamily.scan.number(Int(op.rawValue), Int(x.dtype.rawValue), 0)
        // A line of `least` elements more is worth two passes where the lines alone do not fill the device. By shapes alone, for the same bits everywhere.
        let least = 8192
        let pieces = isRow ? min(Int(ST_SCAN_PIECES), 512 / lines, n / least) : 1
        (a.pieces, a.each) = (1, UInt32(n))
        if pieces > 1 {
            let each = (n + pieces - 1) / pieces
            (a.each, a.pieces) = (UInt32(each), UInt32((n + each - 1) / each))
            let bytes = lines * Int(a.pieces) * Int(ST_SCAN_STATE_BYTES)
            guard let totals = gpu.allocate(byteCount: bytes) else { throw refusal(byteCount: bytes) }
            a.totals = CUDADevice.address(totals.pointer)
            let grid = (lines * Int(a.pieces), 1, 1)
            try gpu.launch(kernel + 2, grid: grid, block: (threads, 1), &a)
            try gpu.launch(kernel, grid: grid, block: (threads, 1), &a)
            return withExtendedLifetime(totals) {}
        }
        if isRow { return try gpu.launch(kernel, grid: (min(lines, 65_536), 1, 1), block: (threads, 1), &a) }
        var perLine = 1
        while perLine < 16, perLine * 8 < n { perLine *= 2 }
        let perBlock = Int(ST_SCAN_BLOCK) / perLine
        try gpu.launch(kernel + 1, grid: (min((lines + perBlock - 1) / perBlock, 65_536), 1, 1), block: (perBlock, perLine), &a)
    }
}
