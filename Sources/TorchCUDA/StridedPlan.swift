// What strided and tiled kernels are told about their operands.
import CCUDA
import TorchKernels
import TorchRuntime

/// Operands of one shape, the output first, in as few dims as they can be seen in, outermost first. It lives in its maker's frame: starting a kernel takes nothing from the heap.
struct StridedPlan {
    /// Of the operands.
    let count: Int
    var rank: Int
    var addresses = InlineArray<4, UInt64>(repeating: 0)
    /// Bytes of an element of each operand.
    var itemSizes = InlineArray<4, Int>(repeating: 0)
    var extents: UnsafeMutablePointer<Int>
    /// In bytes: dim d of operand k at d * count + k.
    var strides: UnsafeMutablePointer<Int>

    /// Calls with the plan of up to four operands.
    static func of<Result>(_ operands: [Operand], _ body: (inout StridedPlan) throws(DeviceError) -> Result) throws(DeviceError) -> Result {
        let (n, rank) = (operands.count, operands[0].sizes.count)
        // A closure would lose the type of the error.
        let result: Swift.Result<Result, DeviceError> = withUnsafeTemporaryAllocation(of: Int.self, capacity: (rank + 2) * (n + 1)) { memory in
            let (extents, strides) = (memory.baseAddress!, memory.baseAddress! + (rank + 2))
            var plan = StridedPlan(count: n, rank: StridedLoop.plan(operands, extents: extents, strides: strides), extents: extents, strides: strides)
            for k in 0..<n {
                plan.addresses[k] = CUDADevice.address(operands[k].pointer)
                plan.itemSizes[k] = operands[k].dtype.itemSize
            }
            do throws(DeviceError) { return .success(try body(&plan)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    @inline(__always)
    func stride(_ d: Int, _ k: Int) -> Int { strides[d * count + k] }

    var elements: Int {
        var product = 1
        for d in 0..<rank { product *= extents[d] }
        return product
    }

    /// Whether a kernel can count these dims and elements.
    var isCountable: Bool { rank <= Int(ST_KERNEL_DIMS) && elements <= Int(Int32.max) }

    /// The dim along which an operand is contiguous while the output is so along the innermost: neighbours of one lie far apart in the other.
    var crossing: Int? {
        let inner = rank - 1
        // A block of the strided kernel has all of shorter lines at hand.
        let least = Int(ST_TILE)
        guard rank > 1, isCountable, stride(inner, 0) == itemSizes[0], extents[inner] >= least else { return nil }
        for d in 0..<inner where extents[d] >= least / 2 {
            for k in 1..<count where stride(d, k) == itemSizes[k] && stride(inner, k) != 0 && stride(inner, k) != itemSizes[k] { return d }
        }
        return nil
    }

    /// The plan as a kernel takes it, dims from the innermost; dim `second` comes right after that.
    func describe(_ a: inout st_strided_args, second: Int? = nil) {
        (a.count, a.rank) = (UInt32(elements), UInt32(rank))
        var place = 0
        withUnsafeMutablePointer(to: &a) { p in
            let p = UnsafeMutableRawPointer(p)
            func put(_ d: Int) {
                let (size, stride) = (MemoryLayout<st_divisor>.stride * place, MemoryLayout<Int64>.stride * place)
                p.storeBytes(of: st_make_divisor(UInt32(extents[d])), toByteOffset: MemoryLayout<st_strided_args>.offset(of: \.size)! + size, as: st_divisor.self)
                for k in 0..<count {
                    let operand = MemoryLayout<Int64>.stride * Int(ST_KERNEL_DIMS) * k
                    p.storeBytes(of: Int64(self.stride(d, k)), toByteOffset: MemoryLayout<st_strided_args>.offset(of: \.stride)! + operand + stride, as: Int64.self)
                }
                place += 1
            }
            for k in 0..<count { p.storeBytes(of: addresses[k], toByteOffset: MemoryLayout<st_strided_args>.offset(of: \.address)! + 8 * k, as: UInt64.self) }
            put(rank - 1)
            if let second { put(second) }
            for d in Swift.stride(from: rank - 2, through: 0, by: -1) where d != second { put(d) }
        }
    }

    /// The same `places` further along the outermost dim.
    func moved(by places: Int) -> StridedPlan {
        var plan = self
        for k in 0..<count { plan.addresses[k] &+= UInt64(bitPattern: Int64(places * stride(0, k))) }
        return plan
    }

    /// What is at one place of the outermost dim.
    var inside: StridedPlan {
        var plan = self
        (plan.rank, plan.extents, plan.strides) = (rank - 1, extents + 1, strides + count)
        return plan
    }
}

extension CUDADevice {
    /// Starts a kernel that works in tiles along the innermost dim and dim `d`.
    func tiled(_ kernel: Int, _ a: inout st_strided_args, _ plan: StridedPlan, along d: Int) throws(DeviceError) {
        plan.describe(&a, second: d)
        let (columns, rows, tile) = (plan.extents[plan.rank - 1], plan.extents[d], Int(ST_TILE))
        let grid = ((columns + tile - 1) / tile, min((rows + tile - 1) / tile, 65_535), min(Int(a.count) / (columns * rows), 65_535))
        try launch(kernel, grid: grid, block: (Int(ST_KERNEL_BLOCK), 1), &a)
    }

    /// Starts a strided kernel, several times where there are more elements or dims than it can count.
    func strided(_ kernel: Int, _ a: inout st_strided_args, _ plan: StridedPlan) throws(DeviceError) {
        if plan.isCountable {
            plan.describe(&a)
            return try launch(kernel, grid: (Self.blocks(Int(a.count), each: 4), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
        }
        // Pieces of the outermost dim; where even one is too much, it is taken apart again.
        let whole = plan.extents[0]
        let piece = plan.rank > Int(ST_KERNEL_DIMS) ? 1 : max(1, Int(Int32.max) / (plan.elements / whole))
        defer { plan.extents[0] = whole }
        for start in stride(from: 0, to: whole, by: piece) {
            let part = plan.moved(by: start)
            if piece == 1 && plan.rank > 1 {
                try strided(kernel, &a, part.inside)
            } else {
                plan.extents[0] = min(piece, whole - start)
                try strided(kernel, &a, part)
            }
        }
    }
}
