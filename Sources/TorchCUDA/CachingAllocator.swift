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

/// A caching allocator for one device and one stream.
///
/// Note [Reuse in stream order]
/// A block that a tensor gives back may still be read by kernels that are queued. It is given out again at once: what the next owner does is queued on the same stream
/// and so happens later. Nothing waits and the driver is not asked, which is what makes an allocation cost 100 ns instead of 100 µs. Memory goes back to the driver only
/// as whole segments, after the stream has been waited for.
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
    /// Called before memory goes back to the driver: waits for all that may use it.
    private let synchronize: @Sendable () -> Void

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
        var isFree, isSmall: Bool
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
    }
    private var small = FreeList()
    private var large = FreeList()
    private var figures = CUDAMemoryStatistics()
    private var byteLimit = 0
    private let isCaching: Bool

    package init(_ source: any SegmentSource, isCaching: Bool = true, synchronize: @escaping @Sendable () -> Void = {}) {
        self.source = source
        self.isCaching = isCaching
        self.synchronize = synchronize
    }

    // MARK: Allocating

    /// A block of at least `byteCount` bytes: its address and number. Nil when the device has no more, even after giving back what was kept.
    package func allocate(byteCount: Int) -> (address: UInt64, number: Int32)? {
        let wanted = Self.rounded(byteCount)
        return lock.withLock {
            let isSmall = wanted <= Self.smallRequest
            guard let number = isSmall ? take(wanted, &small) ?? grow(wanted, isSmall) : take(wanted, &large) ?? grow(wanted, isSmall) else {
                figures.refusals += 1
                return nil
            }
            splitIfWorthwhile(number, wanted)
            let block = blocks[Int(number)]
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
            if !isCaching { releaseKept() }
        }
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
    private func take(_ wanted: Int, _ list: inout FreeList) -> Int32? {
        let place = list.place(wanted, 0)
        guard place < list.entries.count else { return nil }
        let number = list.entries.remove(at: place).number
        blocks[Int(number)].isFree = false
        figures.reused += 1
        return number
    }

    /// A block that is a whole new segment; gives kept segments back to the driver and tries again if there is no room.
    private func grow(_ wanted: Int, _ isSmall: Bool) -> Int32? {
        let byteCount = isCaching ? Self.segmentSize(wanted) : wanted
        if byteLimit > 0, figures.reserved + byteCount > byteLimit { releaseKept() }
        if byteLimit > 0, figures.reserved + byteCount > byteLimit { return nil }
        var address = source.reserve(byteCount: byteCount)
        if address == nil, figures.reserved > figures.allocated {
            releaseKept()
            figures.retries += 1
            address = source.reserve(byteCount: byteCount)
        }
        guard let address else { return nil }
        figures.reserved += byteCount
        figures.peakReserved = max(figures.peakReserved, figures.reserved)
        figures.segments += 1
        return newBlock(Block(address: address, byteCount: byteCount, previous: -1, next: -1, isFree: false, isSmall: isSmall))
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
        let other = newBlock(Block(address: block.address + UInt64(wanted), byteCount: rest, previous: number, next: block.next, isFree: false, isSmall: block.isSmall))
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
            small.entries.insert((b.byteCount, b.address, number), at: small.place(b.byteCount, b.address))
        } else {
            large.entries.insert((b.byteCount, b.address, number), at: large.place(b.byteCount, b.address))
        }
    }

    private func remove(_ number: Int32) {
        blocks[Int(number)].isFree = false
        let b = blocks[Int(number)]
        if b.isSmall { small.entries.remove(at: small.place(b.byteCount, b.address)) } else { large.entries.remove(at: large.place(b.byteCount, b.address)) }
    }

    // MARK: Giving back

    /// Gives segments without a tensor in them back to the driver.
    package func releaseCached() { lock.withLock { releaseKept() } }

    private func releaseKept() {
        let whole = (small.entries + large.entries).filter { blocks[Int($0.number)].previous < 0 && blocks[Int($0.number)].next < 0 }
        if whole.isEmpty { return }
        synchronize()
        for e in whole {
            remove(e.number)
            source.release(e.address)
            unusedNumbers.append(e.number)
            figures.reserved -= e.byteCount
            figures.segments -= 1
        }
    }

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
            let largest = max(small.entries.last?.byteCount ?? 0, large.entries.last?.byteCount ?? 0)
            let info = source.memoryInfo
            let others = max(0, info.total - info.free - figures.reserved)
            var text = "\(byteText(figures.allocated)) in use by tensors, \(byteText(kept)) kept for reuse (largest piece \(byteText(largest))), "
            text += "\(byteText(info.free)) of \(byteText(info.total)) free on the device, \(byteText(others)) held by others"
            if byteLimit > 0 { text += ", limit \(byteText(byteLimit))" }
            return text
        }
    }
}

/// Figures of a device's allocator. PyTorch: `torch.cuda.memory_stats`.
public struct CUDAMemoryStatistics: Sendable, Equatable {
    /// Bytes in blocks that tensors hold, now and at most.
    public internal(set) var allocated = 0, peakAllocated = 0
    /// Bytes taken from the driver, now and at most.
    public internal(set) var reserved = 0, peakReserved = 0
    /// Segments that the bytes came in.
    public internal(set) var segments = 0
    /// Allocations so far, how many of them needed no segment, how often kept memory was given back for room, and how many were refused.
    public internal(set) var allocations = 0, reused = 0, retries = 0, refusals = 0
}
