// Sorting, the largest or smallest, searching and random order on the device: see Note [Sorting on the device].
import CCUDA
import Glibc
import TorchKernels
import TorchRuntime

/// Kernels of sort.cu.
enum SortKernel: Int {
    case short, keys, count, scan, place, islands, take, best, search
}

extension CUDABackend {
    private static func hasOrder(_ dtype: DType) -> Bool { dtype.rawValue <= DType.float64.rawValue }

    private func launch(_ kernel: SortKernel, _ dtype: DType, blocks: Int, _ a: inout st_sort_args) throws(DeviceError) {
        try gpu.launch(KernelFamily.sort.number(0, Int(dtype.rawValue), kernel.rawValue), grid: (blocks, 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
    }

    // MARK: Long rows

    /// Elements that are sorted at a time: more rows than that hold are sorted in turns, so that keys and positions do not take several times the tensor's memory.
    private static let atOnce = 1 << 25

    /// Room for keys and positions of rows, twice.
    private func scratch(_ a: inout st_sort_args, _ dtype: DType) throws(DeviceError) -> Storage {
        let elements = Int(a.rows) * Int(a.n)
        let keyBytes = dtype == .int64 || dtype == .float64 ? 8 : 4
        a.tiles = (a.n + UInt32(ST_SORT_TILE) - 1) / UInt32(ST_SORT_TILE)
        let sizes = [keyBytes * elements, keyBytes * elements, 4 * elements, 4 * elements, 1024 * Int(a.rows) * (Int(a.tiles) + 1)].map { ($0 + 15) & ~15 }
        let total = sizes.reduce(0, +)
        guard let s = gpu.allocate(byteCount: total) else { throw refusal(byteCount: total) }
        var at = CUDADevice.address(s.pointer)
        var places: [UInt64] = []
        for size in sizes {
            places.append(at)
            at += UInt64(size)
        }
        (a.keys, a.items, a.counts) = ((places[0], places[1]), (places[2], places[3]), places[4])
        return s
    }

    /// Sorts keys and positions by the `bits` lowest bits of the keys.
    private func sortByBits(_ a: inout st_sort_args, _ dtype: DType, bits: Int) throws(DeviceError) {
        let tiles = Int(a.rows) * Int(a.tiles)
        for shift in stride(from: 0, to: bits, by: 8) {
            (a.shift, a.digits) = (UInt32(shift), (1 << UInt32(min(8, bits - shift))) - 1)
            try launch(.count, dtype, blocks: tiles, &a)
            try launch(.scan, dtype, blocks: 256 * Int(a.rows), &a)
            try launch(.place, dtype, blocks: tiles, &a)
            a.keys = (a.keys.1, a.keys.0)
            a.items = (a.items.1, a.items.0)
        }
    }

    /// The int64 rows of contiguous [rows, n], of which those from 0 to `extent` matter, in order: keys and positions as addSegments and scatterSegments read them, in `room`.
    func ordered(_ index: Operand, rows: Int, n: Int, extent: Int) throws(DeviceError) -> (keys: UInt64, items: UInt64, room: Storage) {
        var a = st_sort_args()
        (a.in, a.rows, a.n, a.k) = (CUDADevice.address(index.pointer), UInt32(rows), UInt32(n), UInt32(n))
        let s = try scratch(&a, .int64)
        try launch(.keys, .int64, blocks: CUDADevice.blocks(rows * n, each: 4), &a)
        // One bit more than the last index has: a negative one then never stands among equal good ones.
        try sortByBits(&a, .int64, bits: min(64, Int.bitWidth - max(extent - 1, 0).leadingZeroBitCount + 1))
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
        if n <= Int(ST_SORT_SHORT) {
            var width = 1
            while width < n { width *= 2 }
            let each = Int(ST_SORT_SHORT) / width
            return try launch(.short, x.dtype, blocks: min((rows + each - 1) / each, 65_536), &a)
        }
        if k <= Self.fewest { return try firstOfRows(&a, x, k: k) }
        let size = x.dtype.itemSize
        a.stride = a.n
        let turn = max(1, Self.atOnce / n)
        for first in stride(from: 0, to: rows, by: turn) {
            a.rows = UInt32(min(turn, rows - first))
            a.in = CUDADevice.address(x.pointer) + UInt64(first * n * size)
            if let values { a.values = CUDADevice.address(values.pointer) + UInt64(first * k * size) }
            if let indices { a.indices = CUDADevice.address(indices.pointer) + UInt64(first * k * 8) }
            let s = try scratch(&a, x.dtype)
            try launch(.keys, x.dtype, blocks: CUDADevice.blocks(Int(a.rows) * n, each: 4), &a)
            try sortByBits(&a, x.dtype, bits: 8 * size)
            try launch(.take, x.dtype, blocks: CUDADevice.blocks(Int(a.rows) * k, each: 4), &a)
            withExtendedLifetime(s) {}
        }
    }

    /// So few of a long row are found without sorting it: every round leaves a quarter at most.
    private static let fewest = Int(ST_SORT_SHORT) / 4

    /// The first `k` of long rows, tile by tile.
    private func firstOfRows(_ a: inout st_sort_args, _ x: Operand, k: Int) throws(DeviceError) {
        let (rows, tile) = (Int(a.rows), Int(ST_SORT_SHORT))
        let keyBytes = x.dtype == .int64 || x.dtype == .float64 ? 8 : 4
        var width = Int(a.n)
        var held: [Storage] = []
        a.keys.0 = 0
        repeat {
            let tiles = (width + tile - 1) / tile
            guard rows * tiles <= Int(Int32.max) else { throw .kernel("topK", log: "\(x.sizes) has more tiles than the kernel counts") }
            let count = (rows * tiles * k + 3) & ~3
            guard let s = gpu.allocate(byteCount: (keyBytes + 4) * count) else { throw refusal(byteCount: (keyBytes + 4) * count) }
            (a.stride, a.tiles) = (UInt32(width), UInt32(tiles))
            (a.keys.1, a.items.1) = (CUDADevice.address(s.pointer), CUDADevice.address(s.pointer) + UInt64(keyBytes * count))
            try launch(.best, x.dtype, blocks: rows * tiles, &a)
            (a.keys.0, a.items.0) = (a.keys.1, a.items.1)
            width = tiles * k
            held.append(s)
        } while a.tiles > 1
        a.stride = UInt32(k)
        try launch(.take, x.dtype, blocks: CUDADevice.blocks(rows * k, each: 4), &a)
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
        a.stride = a.n
        let s = try scratch(&a, type)
        try launch(.keys, type, blocks: CUDADevice.blocks(n, each: 4), &a)
        try sortByBits(&a, type, bits: bits)
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
