// Sorting, the largest or smallest, searching and random order on the device: see Note [Sorting on the device].
import CCUDA
import Glibc
import TorchKernels
import TorchRuntime

/// Kernels of sort.cu.
enum SortKernel: Int {
    case short, row1024, row2048, row4096, row8192, select, count, scan, place, islands, take, search
}

extension CUDABackend {
    private static func hasOrder(_ dtype: DType) -> Bool { dtype.rawValue <= DType.float64.rawValue }

    private func launch(_ kernel: SortKernel, _ dtype: DType, blocks: Int, threads: Int = Int(ST_KERNEL_BLOCK), _ a: inout st_sort_args) throws(DeviceError) {
        try gpu.launch(KernelFamily.sort.number(0, Int(dtype.rawValue), kernel.rawValue), grid: (blocks, 1, 1), block: (threads, 1), &a)
    }

    // MARK: Long rows

    /// Elements that are sorted at a time: more rows than that hold are sorted in turns, so that keys and positions do not take several times the tensor's memory.
    private static let atOnce = 1 << 25

    /// Sorts rows of elements by the `bits` lowest bits of their keys, to the results or, if `keeps`, to keys[0] and items[0] in the room given back.
    private func sortByBits(_ a: inout st_sort_args, _ dtype: DType, bits: Int, keeps: Bool) throws(DeviceError) -> Storage {
        let (elements, passes) = (Int(a.rows) * Int(a.n), (bits + 7) / 8)
        a.tiles = (a.n + UInt32(ST_SORT_TILE) - 1) / UInt32(ST_SORT_TILE)
        // What passes hand on: nothing, once or twice keys and positions.
        let held = min(2, keeps ? passes : passes - 1)
        let sizes = [Self.keyBytes(dtype) * elements, 4 * elements].map { ($0 + 15) & ~15 }
        let total = held * (sizes[0] + sizes[1]) + 1024 * Int(a.rows) * (Int(a.tiles) + 1)
        guard let s = gpu.allocate(byteCount: total) else { throw refusal(byteCount: total) }
        a.counts = CUDADevice.address(s.pointer) + UInt64(held * (sizes[0] + sizes[1]))
        let tiles = Int(a.rows) * Int(a.tiles)
        a.keys.0 = 0
        for pass in 0..<passes {
            (a.shift, a.digits) = (UInt32(8 * pass), (1 << UInt32(min(8, bits - 8 * pass))) - 1)
            let place = CUDADevice.address(s.pointer) + UInt64(pass % 2 * (sizes[0] + sizes[1]))
            (a.keys.1, a.items.1) = pass + 1 < passes || keeps ? (place, place + UInt64(sizes[0])) : (0, 0)
            try launch(.count, dtype, blocks: tiles, &a)
            try launch(.scan, dtype, blocks: 256 * Int(a.rows), &a)
            try launch(.place, dtype, blocks: tiles, &a)
            (a.keys.0, a.items.0) = (a.keys.1, a.items.1)
        }
        return s
    }

    /// The int64 rows of contiguous [rows, n], of which those from 0 to `extent` matter, in order: keys and positions as addSegments and scatterSegments read them, in `room`.
    func ordered(_ index: Operand, rows: Int, n: Int, extent: Int) throws(DeviceError) -> (keys: UInt64, items: UInt64, room: Storage) {
        var a = st_sort_args()
        (a.in, a.rows, a.n, a.k) = (CUDADevice.address(index.pointer), UInt32(rows), UInt32(n), UInt32(n))
        // One bit more than the last index has: a negative one then never stands among equal good ones.
        let s = try sortByBits(&a, .int64, bits: min(64, Int.bitWidth - max(extent - 1, 0).leadingZeroBitCount + 1), keeps: true)
        return (a.keys.0, a.items.0, s)
    }

    // MARK: Rows

    /// The first `k` of each row of contiguous [rows, n] in order.
    private func sortRows(_ values: Operand?, _ indices: Operand?, _ x: Operand, k: Int, descending: Bool) throws(DeviceError) {
        for case let o? in [values, indices, x] { try gpu.checkPlace(o) }
        let (rows, n) = (x.sizes[0], x.sizes[1])
        if rows == 0 || k == 0 { return }
        guard n <= Int(Int32.max), rows <= Int(Int32.max) else { throw .kernel("sort", log: "\(x.sizes) has more rows or elements in one than the kernel counts") }
        var a = st_sort_args()
        (a.in, a.values, a.indices) = (CUDADevice.address(x.pointer), CUDADevice.address(values?.pointer), CUDADevice.address(indices?.pointer))
        (a.rows, a.n, a.k, a.descending) = (UInt32(rows), UInt32(n), UInt32(k), descending ? 1 : 0)
        if n <= Self.network {
            var width = 16
            while width < n { width *= 2 }
            let each = Int(ST_SORT_SHORT) / width
            return try launch(.short, x.dtype, blocks: min((rows + each - 1) / each, 65_536), threads: Int(ST_SORT_SHORT) / 16, &a)
        }
        if k <= (n <= Int(ST_SORT_ROW) ? Self.fewOfRow : Int(ST_SORT_SELECT)) { return try firstOfRows(&a, x, k: k) }
        if n <= Int(ST_SORT_ROW) {
            let (kernel, items): (SortKernel, Int) = n <= 1024 ? (.row1024, 1024) : n <= 2048 ? (.row2048, 2048) : n <= 4096 ? (.row4096, 4096) : (.row8192, 8192)
            return try launch(kernel, x.dtype, blocks: min(rows, 65_536), threads: items * Int(ST_KERNEL_BLOCK) / Int(ST_SORT_TILE), &a)
        }
        let size = x.dtype.itemSize
        let turn = max(1, Self.atOnce / n)
        for first in stride(from: 0, to: rows, by: turn) {
            a.rows = UInt32(min(turn, rows - first))
            a.in = CUDADevice.address(x.pointer) + UInt64(first * n * size)
            if let values { a.values = CUDADevice.address(values.pointer) + UInt64(first * k * size) }
            if let indices { a.indices = CUDADevice.address(indices.pointer) + UInt64(first * k * 8) }
            let s = try sortByBits(&a, x.dtype, bits: 8 * size, keeps: false)
            withExtendedLifetime(s) {}
        }
    }

    /// Longest row for the network, which is a warp's; and how many of a row that one block could sort are selected instead, as ordering k takes k steps.
    private static let (network, fewOfRow) = (512, 128)
    private static func keyBytes(_ dtype: DType) -> Int { dtype == .int64 || dtype == .float64 ? 8 : 4 }

    /// The first `k` of rows, tile by tile; every round leaves an eighth at most.
    private func firstOfRows(_ a: inout st_sort_args, _ x: Operand, k: Int) throws(DeviceError) {
        let (rows, tile, keyBytes) = (Int(a.rows), Int(ST_SORT_TILE), Self.keyBytes(x.dtype))
        var width = Int(a.n)
        var held: [Storage] = []
        a.keys.0 = 0
        while true {
            let tiles = (width + tile - 1) / tile
            guard rows * tiles <= Int(Int32.max) else { throw .kernel("topK", log: "\(x.sizes) has more tiles than the kernel counts") }
            (a.stride, a.tiles) = (UInt32(width), UInt32(tiles))
            if tiles == 1 { break }
            width = (tiles - 1) * k + min(k, width - (tiles - 1) * tile)
            let count = (rows * width + 3) & ~3
            guard let s = gpu.allocate(byteCount: (keyBytes + 4) * count) else { throw refusal(byteCount: (keyBytes + 4) * count) }
            (a.keys.1, a.items.1) = (CUDADevice.address(s.pointer), CUDADevice.address(s.pointer) + UInt64(keyBytes * count))
            try launch(.select, x.dtype, blocks: rows * tiles, &a)
            (a.keys.0, a.items.0) = (a.keys.1, a.items.1)
            held.append(s)
        }
        try launch(.select, x.dtype, blocks: rows, &a)
        withExtendedLifetime(held) {}
    }

    public func sort(values: Operand, indices: Operand?, _ x: Operand, descending: Bool) -> Bool {
        guard Self.hasOrder(x.dtype) else { return false }
        return onDevice(
            "sort", failure: true,
            { () throws(DeviceError) in
                try sortRows(values, indices, x, k: x.sizes[1], descending: descending)
                return true
            },
            host: { onCPU("sort", [.write(values), .write(indices), .read(x)], failure: true) { $0.sort(values: $1[0], indices: $1.optional(1), $1[2], descending: descending) } })
    }

    public func topK(values: Operand, indices: Operand, _ x: Operand, k: Int, largest: Bool) -> Bool {
        guard Self.hasOrder(x.dtype) else { return false }
        return onDevice(
            "topK", failure: true,
            { () throws(DeviceError) in
                try sortRows(values, indices, x, k: k, descending: largest)
                return true
            }, host: { onCPU("topK", [.write(values), .write(indices), .read(x)], failure: true) { $0.topK(values: $1[0], indices: $1[1], $1[2], k: k, largest: largest) } })
    }

    public func searchSorted(_ out: Operand, boundaries: Operand, values: Operand, right: Bool) -> Bool {
        guard Self.hasOrder(boundaries.dtype) else { return false }
        if values.count == 0 { return true }
        return onDevice(
            "searchSorted", failure: true,
            { () throws(DeviceError) in
                for o in [out, boundaries, values] { try gpu.checkPlace(o) }
                var a = st_search_args()
                (a.boundaries, a.values, a.out) = (CUDADevice.address(boundaries.pointer), CUDADevice.address(values.pointer), CUDADevice.address(out.pointer))
                (a.n, a.count, a.right) = (UInt64(boundaries.count), UInt64(values.count), right ? 1 : 0)
                let kernel = KernelFamily.sort.number(0, Int(boundaries.dtype.rawValue), SortKernel.search.rawValue)
                try gpu.launch(kernel, grid: (CUDADevice.blocks(values.count, each: 1), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
                return true
            },
            host: {
                onCPU("searchSorted", [.write(out), .read(boundaries), .read(values)], failure: true) { $0.searchSorted($1[0], boundaries: $1[1], values: $1[2], right: right) }
            })
    }

    // MARK: Random order

    /// 0 ..< count in random order: PyTorch's way on CUDA. Random keys are sorted by as many bits as make equal ones rare (a chance of one tenth), and equal ones are shuffled.
    func permute(_ out: Operand, _ generator: Generator) throws(DeviceError) {
        let n = out.count
        guard n <= Int(Int32.max) else { throw .kernel("permutation", log: "\(n) elements are more than the kernel counts") }
        let x = Double(n)
        let bits = min(64, Int(ceil(log2(x - (6 * x * x + 1) / (log(0.9) * 12)))))
        let type: DType = bits <= 32 ? .int32 : .int64
        let keys = try temporary(like: Operand(unowned: out.pointer, dtype: type, sizes: [n], strides: [1]))
        let (low, high) = type == .int32 ? (Int64(Int32.min), Int64(Int32.max)) : (Int64.min, Int64.max)
        random(keys, .integers(from: low, to: high), generator)
        let order = out.dtype == .int64 ? out : try temporary(like: Operand(unowned: out.pointer, dtype: .int64, sizes: [n], strides: [1]))
        var a = st_sort_args()
        (a.in, a.indices, a.rows, a.n, a.k) = (CUDADevice.address(keys.pointer), CUDADevice.address(order.pointer), 1, UInt32(n), UInt32(n))
        let s = try sortByBits(&a, type, bits: bits, keeps: true)
        a.low = bits == 64 ? .max : (1 << UInt64(bits)) - 1
        (a.seed, a.offset, a.place) = try place(of: generator, advancing: UInt64(n))
        try launch(.islands, type, blocks: (n + 255) / 256, &a)
        try launch(.take, type, blocks: CUDADevice.blocks(n, each: 4), &a)
        if out.dtype != .int64 {
            try gpu.pointwise(KernelFamily.convert.number(Int(DType.int64.rawValue), Int(out.dtype.rawValue), KernelFamily.run), [out, order])
        }
        withExtendedLifetime(s) {}
    }
}
