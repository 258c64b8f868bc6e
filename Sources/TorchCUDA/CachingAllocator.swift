// Device memory: taken from the driver in large segments, given out in blocks, kept for reuse.
import TorchRuntime

/// Where the allocator's segments come from: the driver, or a test.
package protocol SegmentSource: Sendable {
    /// Address of `byteCount` fresh bytes, nil when there are not that many.
    func reserve(byteCount: Int) -> UInt64?
    func release(_ address: UInt64)
    /// Bytes of the device that nobody has, and all of them; for messages.
    var memoryInfo: (free: Int, total: Int) { get }
}

/// A point in the work of streams that they may have passed.
package protocol StreamFence: AnyObject {
    /// Whether all of them have.
    var isPassed: Bool { get }
}

/// What the allocator asks of the device's streams, which it knows by number.
package protocol StreamWaiting: Sendable {
    /// Waits for all that may use memory.
    func synchronize()
    /// A fence behind what the streams whose bits are set have been asked for so far.
    func fence(_ streams: UInt64) -> any StreamFence
}

/// Where there is nothing to wait for.
private struct OneStream: StreamWaiting {
    private final class Passed: StreamFence {
        var isPassed: Bool { true }
    }
    func synchronize() {}
    func fence(_ streams: UInt64) -> any StreamFence { Passed() }
}

/// A caching allocator for one device.
///
/// Note [Reuse in stream order]
/// A block that a tensor gives back may still be read by kernels that are queued. It is given out again at once: what the next owner does is queued on the same stream
/// and so happens later. Nothing waits and the driver is not asked, which is what makes an allocation cost 100 ns instead of 100 µs. Memory goes back to the driver only
/// as whole segments, after the streams have been waited for.
///
/// Each stream has a pool of its own for this to hold. As soon as a program has a second stream, every operand of a kernel is noted as used by the kernel's stream (`noteUse`); a
/// block that other streams than its own have used is parked until these have passed the point at which it was given back. PyTorch leaves that to the caller (`record_stream`).
///
/// Note [Private pools]
/// A captured step (Note [Captured steps]) takes its memory from a pool of its own, which gives nothing to others and nothing back to the driver as long as the graph lives, since replays use
/// the same addresses. Blocks from elsewhere that its kernels use are held: freed by their owners, they stay as they are until the graph lets go.
///
/// The sizes are PyTorch's: requests are rounded to 512 bytes; up to 1 MiB they are cut from segments of 2 MiB, up to 10 MiB from segments of 20 MiB, larger ones have
/// segments of their own, rounded to 2 MiB. The smallest free block that is large enough is taken, and split if the rest is worth having.
///
/// With `isCaching` false (variable SWIFT_TORCH_CUDA_CACHING=0) every block is a segment of its own and goes back at once: slow, but tools that watch the driver's
/// allocations (compute-sanitizer, the emulator) then see where each tensor ends.
package final class CachingAllocator: @unchecked Sendable {
    // @unchecked: everything below is guarded by `lock`.
    private let lock = Mutex()
    private let source: any SegmentSource
    private let streams: any StreamWaiting

    package static let granularity = 512
    static let smallRequest = 1 << 20
    static let smallSegment = 2 << 20
    static let middleRequest = 10 << 20
    static let middleSegment = 20 << 20
    static let largeRounding = 2 << 20

    /// A piece of a segment. Neighbours by number, -1 for none.
    private struct Block {
        var address: UInt64
        var byteCount: Int
        var previous, next: Int32
        /// Number of its pool: the stream's, or that of a captured step.
        var pool: Int
        var isFree, isSmall: Bool
        /// Streams that have used it.
        var users: UInt64 = 0
        /// Captured steps that use it, and whether it waits for them to be free.
        var holders: Int32 = 0
        var isGivenBack = false
    }
    private var blocks: [Block] = []
    private var unusedNumbers: [Int32] = []

    /// Free blocks of one kind by size, then address.
    private struct FreeList {
        var entries: [(byteCount: Int, address: UInt64, number: Int32)] = []

        /// The first place whose entry is not less.
        func place(_ byteCount: Int, _ address: UInt64) -> Int {
            var (low, high) = (0, entries.count)
            while low < high {
                let middle = (low + high) / 2
                let e = entries[middle]
                if (e.byteCount, e.address) < (byteCount, address) { low = middle + 1 } else { high = middle }
            }
            return low
        }

        /// The first block of at least `byteCount` bytes, taken off.
        mutating func takeFirst(_ byteCount: Int) -> Int32? {
            let place = place(byteCount, 0)
            return place < entries.count ? entries.remove(at: place).number : nil
        }
    }
    private struct Pool {
        var small = FreeList()
        var large = FreeList()
        /// False for a number of a captured step that is not in use.
        var isOpen = true
    }
    /// Of streams by their numbers; from `streamCount` on those of captured steps.
    private var pools = [Pool()]
    package static let streamCount = 64
    /// Blocks that were given back and wait for other streams than their own.
    private var parked: [(number: Int32, fence: any StreamFence)] = []
    /// Blocks in use by address; made when it is first asked for.
    private var places: [(address: UInt64, number: Int32)]?
    private var figures = CUDAMemoryStatistics()
    private var byteLimit = 0
    private let isCaching: Bool

    package init(_ source: any SegmentSource, isCaching: Bool = true, streams: any StreamWaiting = OneStream()) {
        self.source = source
        self.isCaching = isCaching
        self.streams = streams
    }

    // MARK: Allocating

    /// A block of at least `byteCount` bytes for `pool`: its address and number. Nil when the device has no more, even after giving back what was kept.
    package func allocate(byteCount: Int, pool: Int = 0) -> (address: UInt64, number: Int32)? {
        let wanted = Self.rounded(byteCount)
        return lock.withLock {
            while pools.count <= pool { pools.append(Pool()) }
            let isSmall = wanted <= Self.smallRequest
            guard let number = take(wanted, isSmall, pool) ?? unparked(wanted, isSmall, pool) ?? grow(wanted, isSmall, pool) else {
                figures.refusals += 1
                return nil
            }
            splitIfWorthwhile(number, wanted)
            let block = blocks[Int(number)]
            if places != nil { remember(block.address, number) }
            figures.allocated += block.byteCount
            figures.peakAllocated = max(figures.peakAllocated, figures.allocated)
            figures.allocations += 1
            return (block.address, number)
        }
    }

    /// Gives a block back.
    package func free(_ number: Int32) {
        lock.withLock {
            figures.allocated -= blocks[Int(number)].byteCount
            if blocks[Int(number)].holders > 0 { blocks[Int(number)].isGivenBack = true } else { giveBack(number) }
        }
    }

    /// Frees a block that nobody holds, now or when other streams are done with it.
    private func giveBack(_ number: Int32) {
        if places != nil { forget(blocks[Int(number)].address) }
        let block = blocks[Int(number)]
        let own: UInt64 = block.pool < Self.streamCount ? 1 << UInt64(block.pool) : 0
        let others = block.users & ~own
        blocks[Int(number)].users = 0
        if others == 0 { join(number) } else { parked.append((number, streams.fence(others))) }
        if !isCaching { releaseKept() }
    }

    /// Makes a block free, one with its free neighbours.
    private func join(_ number: Int32) {
        var n = number
        let (previous, next) = (blocks[Int(n)].previous, blocks[Int(n)].next)
        if next >= 0, blocks[Int(next)].isFree {
            remove(next)
            join(n, next)
        }
        if previous >= 0, blocks[Int(previous)].isFree {
            remove(previous)
            join(previous, n)
            n = previous
        }
        insert(n)
    }

    /// Frees parked blocks whose fences are passed, and tries again.
    private func unparked(_ wanted: Int, _ isSmall: Bool, _ pool: Int) -> Int32? {
        if parked.isEmpty { return nil }
        let passed = parked.filter { $0.fence.isPassed }
        if passed.isEmpty { return nil }
        let numbers = Set(passed.map(\.number))
        parked.removeAll { numbers.contains($0.number) }
        for p in passed { join(p.number) }
        return take(wanted, isSmall, pool)
    }

    package static func rounded(_ byteCount: Int) -> Int {
        max(granularity, (byteCount + granularity - 1) & ~(granularity - 1))
    }

    private static func segmentSize(_ wanted: Int) -> Int {
        if wanted <= smallRequest { return smallSegment }
        if wanted < middleRequest { return middleSegment }
        return (wanted + largeRounding - 1) & ~(largeRounding - 1)
    }

    /// The smallest free block that holds `wanted`, taken off its list.
    private func take(_ wanted: Int, _ isSmall: Bool, _ pool: Int) -> Int32? {
        let number: Int32? = isSmall ? pools[pool].small.takeFirst(wanted) : pools[pool].large.takeFirst(wanted)
        guard let number else { return nil }
        blocks[Int(number)].isFree = false
        figures.reused += 1
        return number
    }

    /// A block that is a whole new segment; gives kept segments back to the driver and tries again if there is no room.
    private func grow(_ wanted: Int, _ isSmall: Bool, _ pool: Int) -> Int32? {
        let byteCount = isCaching ? Self.segmentSize(wanted) : wanted
        if byteLimit > 0, figures.reserved + byteCount > byteLimit { releaseKept() }
        if byteLimit > 0, figures.reserved + byteCount > byteLimit { return nil }
        var address = source.reserve(byteCount: byteCount)
        if address == nil, figures.reserved > figures.allocated {
            releaseKept()
            figures.retries += 1
            // What was parked is free now.
            if let number = take(wanted, isSmall, pool) { return number }
            address = source.reserve(byteCount: byteCount)
        }
        guard let address else { return nil }
        figures.reserved += byteCount
        figures.peakReserved = max(figures.peakReserved, figures.reserved)
        figures.segments += 1
        return newBlock(Block(address: address, byteCount: byteCount, previous: -1, next: -1, pool: pool, isFree: false, isSmall: isSmall))
    }

    private func newBlock(_ block: Block) -> Int32 {
        if let n = unusedNumbers.popLast() {
            blocks[Int(n)] = block
            return n
        }
        blocks.append(block)
        return Int32(blocks.count - 1)
    }

    // MARK: Blocks and their neighbours

    private func splitIfWorthwhile(_ number: Int32, _ wanted: Int) {
        let block = blocks[Int(number)]
        let rest = block.byteCount - wanted
        // A large block keeps a rest that no large request could use.
        guard block.isSmall ? rest >= Self.granularity : rest > Self.smallRequest else { return }
        let other = newBlock(Block(address: block.address + UInt64(wanted), byteCount: rest, previous: number, next: block.next, pool: block.pool, isFree: false, isSmall: block.isSmall))
        if block.next >= 0 { blocks[Int(block.next)].previous = other }
        blocks[Int(number)].next = other
        blocks[Int(number)].byteCount = wanted
        insert(other)
    }

    /// Makes `second`, which follows it, part of `first`.
    private func join(_ first: Int32, _ second: Int32) {
        let next = blocks[Int(second)].next
        blocks[Int(first)].byteCount += blocks[Int(second)].byteCount
        blocks[Int(first)].next = next
        if next >= 0 { blocks[Int(next)].previous = first }
        unusedNumbers.append(second)
    }

    private func insert(_ number: Int32) {
        blocks[Int(number)].isFree = true
        let b = blocks[Int(number)]
        if b.isSmall {
            pools[b.pool].small.entries.insert((b.byteCount, b.address, number), at: pools[b.pool].small.place(b.byteCount, b.address))
        } else {
            pools[b.pool].large.entries.insert((b.byteCount, b.address, number), at: pools[b.pool].large.place(b.byteCount, b.address))
        }
    }

    private func remove(_ number: Int32) {
        blocks[Int(number)].isFree = false
        let b = blocks[Int(number)]
        if b.isSmall {
            pools[b.pool].small.entries.remove(at: pools[b.pool].small.place(b.byteCount, b.address))
        } else {
            pools[b.pool].large.entries.remove(at: pools[b.pool].large.place(b.byteCount, b.address))
        }
    }

    // MARK: Giving back

    /// Gives segments without a tensor in them back to the driver.
    package func releaseCached() { lock.withLock { releaseKept() } }

    private func releaseKept() {
        func isWhole(_ number: Int32) -> Bool { blocks[Int(number)].previous < 0 && blocks[Int(number)].next < 0 }
        let kept = pools.prefix(Self.streamCount).flatMap { $0.small.entries + $0.large.entries }
        if parked.isEmpty, !kept.contains(where: { isWhole($0.number) }) { return }
        streams.synchronize()
        for p in parked { join(p.number) }
        parked = []
        for e in pools.prefix(Self.streamCount).flatMap({ $0.small.entries + $0.large.entries }) where isWhole(e.number) {
            remove(e.number)
            source.release(e.address)
            unusedNumbers.append(e.number)
            figures.reserved -= e.byteCount
            figures.segments -= 1
        }
    }

    // MARK: Streams and captured steps

    /// Notes that the stream `number` uses the memory at `address`.
    package func noteUse(_ address: UInt64, by stream: Int) {
        lock.withLock {
            if let n = block(around: address) { blocks[Int(n)].users |= 1 << UInt64(stream) }
        }
    }

    /// Keeps the memory at `address` as it is until `letGo` of the number that it returns; nil for memory of the pool itself.
    package func hold(_ address: UInt64, outside pool: Int) -> Int32? {
        lock.withLock {
            guard let n = block(around: address), blocks[Int(n)].pool != pool else { return nil }
            blocks[Int(n)].holders += 1
            return n
        }
    }

    /// Ends holds; what their owners have given back is free then.
    package func letGo(_ numbers: [Int32]) {
        lock.withLock {
            for n in numbers {
                blocks[Int(n)].holders -= 1
                guard blocks[Int(n)].holders == 0, blocks[Int(n)].isGivenBack else { continue }
                blocks[Int(n)].isGivenBack = false
                giveBack(n)
            }
        }
    }

    /// Whether the memory at `address` is of this pool.
    package func isOf(_ pool: Int, _ address: UInt64) -> Bool {
        lock.withLock { block(around: address).map { blocks[Int($0)].pool == pool } ?? false }
    }

    /// The number of a new private pool.
    package func openPool() -> Int {
        lock.withLock {
            while pools.count < Self.streamCount { pools.append(Pool()) }
            if let n = pools.indices.dropFirst(Self.streamCount).first(where: { !pools[$0].isOpen }) {
                pools[n].isOpen = true
                return n
            }
            pools.append(Pool())
            return pools.count - 1
        }
    }

    /// Gives the memory of a private pool, of which nothing is in use by streams any more, to the first stream's.
    package func closePool(_ pool: Int) {
        lock.withLock {
            let free = pools[pool].small.entries + pools[pool].large.entries
            for e in free { remove(e.number) }
            for n in blocks.indices where blocks[n].pool == pool { blocks[n].pool = 0 }
            for e in free { insert(e.number) }
            pools[pool].isOpen = false
        }
    }

    /// The block in use that holds `address`.
    private func block(around address: UInt64) -> Int32? {
        if places == nil {
            let unused = Set(unusedNumbers)
            places = blocks.indices.filter { !blocks[$0].isFree && !unused.contains(Int32($0)) }.map { (blocks[$0].address, Int32($0)) }.sorted { $0.0 < $1.0 }
        }
        let next = place(of: address + 1)
        guard next > 0, let entry = places?[next - 1], address - entry.address < blocks[Int(entry.number)].byteCount else { return nil }
        return entry.number
    }

    /// The first place whose address is not less.
    private func place(of address: UInt64) -> Int {
        guard let places else { return 0 }
        var (low, high) = (0, places.count)
        while low < high {
            let middle = (low + high) / 2
            if places[middle].address < address { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func remember(_ address: UInt64, _ number: Int32) { places?.insert((address, number), at: place(of: address)) }
    private func forget(_ address: UInt64) { places?.remove(at: place(of: address)) }

    // MARK: Figures

    /// The figures now.
    package var statistics: CUDAMemoryStatistics { lock.withLock { figures } }

    /// Most bytes to take from the driver; 0 for no limit.
    package var limit: Int {
        get { lock.withLock { byteLimit } }
        set { lock.withLock { byteLimit = newValue } }
    }

    /// Starts new measurements of the peaks.
    package func resetPeaks() {
        lock.withLock {
            figures.peakAllocated = figures.allocated
            figures.peakReserved = figures.reserved
        }
    }

    /// What holds the device's memory, for an error message.
    package var breakdown: String {
        lock.withLock {
            let kept = figures.reserved - figures.allocated
            let largest = pools.reduce(0) { max($0, $1.small.entries.last?.byteCount ?? 0, $1.large.entries.last?.byteCount ?? 0) }
            let info = source.memoryInfo
            let others = max(0, info.total - info.free - figures.reserved)
            var text = "\(byteText(figures.allocated)) in use by tensors, \(byteText(kept)) kept for reuse (largest piece \(byteText(largest))), "
            text += "\(byteText(info.free)) of \(byteText(info.total)) free on the device, \(byteText(others)) held by others"
            if byteLimit > 0 { text += ", limit \(byteText(byteLimit))" }
            return text
        }
    }
}
