// The allocator alone, on made-up addresses.
import Glibc
import Testing
import TorchCUDA
import TorchRuntime

/// A device of `capacity` bytes that only counts.
private final class PretendMemory: SegmentSource, @unchecked Sendable {
    // @unchecked: used by one test at a time.
    let capacity: Int
    var segments: [UInt64: Int] = [:]
    private var next: UInt64 = 0x1000_0000
    init(_ capacity: Int) { self.capacity = capacity }
    var used: Int { segments.values.reduce(0, +) }
    var memoryInfo: (free: Int, total: Int) { (capacity - used, capacity) }
    func reserve(byteCount: Int) -> UInt64? {
        if used + byteCount > capacity { return nil }
        defer { next += UInt64(byteCount) }
        segments[next] = byteCount
        return next
    }
    func release(_ address: UInt64) { segments[address] = nil }
}

@Suite struct CachingAllocatorTests {
    let mib = 1 << 20

    @Test func sizeClassesAreThoseOfPyTorch() throws {
        let memory = PretendMemory(1 << 30)
        let a = CachingAllocator(memory)
        #expect(CachingAllocator.rounded(0) == 512 && CachingAllocator.rounded(512) == 512 && CachingAllocator.rounded(513) == 1024)
        _ = try #require(a.allocate(byteCount: 1))
        #expect(a.statistics.allocated == 512 && a.statistics.reserved == 2 * mib)
        _ = try #require(a.allocate(byteCount: mib + 1))
        #expect(a.statistics.reserved == 22 * mib)
        _ = try #require(a.allocate(byteCount: 20 * mib + 1))
        #expect(a.statistics.reserved == 44 * mib && a.statistics.segments == 3)
    }

    @Test func blocksAreSplitJoinedAndReused() throws {
        let memory = PretendMemory(1 << 30)
        let a = CachingAllocator(memory)
        let blocks = try (0..<4).map { _ in try #require(a.allocate(byteCount: 512 << 10)) }
        #expect(Set(blocks.map(\.address)).count == 4 && a.statistics.segments == 1)
        #expect(zip(blocks, blocks.dropFirst()).allSatisfy { $1.address == $0.address + 512 << 10 })
        for i in [1, 3, 0, 2] { a.free(blocks[i].number) }
        #expect(a.statistics.allocated == 0)
        // All joined to one again: the segment goes back whole.
        a.releaseCached()
        #expect(memory.segments.isEmpty && a.statistics.reserved == 0)
    }

    @Test func theSmallestFreeBlockThatFitsIsTaken() throws {
        let a = CachingAllocator(PretendMemory(1 << 30))
        let first = try #require(a.allocate(byteCount: 40 * mib))
        let second = try #require(a.allocate(byteCount: 30 * mib))
        a.free(first.number)
        a.free(second.number)
        let again = try #require(a.allocate(byteCount: 29 * mib))
        #expect(again.address == second.address && a.statistics.reused == 1)
    }

    @Test func keptMemoryIsGivenBackBeforeRefusing() throws {
        let memory = PretendMemory(100 * mib)
        let a = CachingAllocator(memory)
        let big = try #require(a.allocate(byteCount: 60 * mib))
        #expect(a.allocate(byteCount: 60 * mib) == nil)
        a.free(big.number)
        #expect(a.allocate(byteCount: 80 * mib) != nil)
        #expect(a.statistics.retries == 1 && a.statistics.refusals == 1)
        let text = a.breakdown
        #expect(text.contains("80.0 MiB in use by tensors") && text.contains("20.0 MiB of 100.0 MiB free"), "\(text)")
    }

    @Test func aLimitHolds() throws {
        let a = CachingAllocator(PretendMemory(1 << 30))
        a.limit = 50 * mib
        let b = try #require(a.allocate(byteCount: 30 * mib))
        #expect(a.allocate(byteCount: 30 * mib) == nil)
        a.free(b.number)
        #expect(a.allocate(byteCount: 44 * mib) != nil)
        #expect(a.breakdown.contains("limit 50.0 MiB"))
    }

    @Test func withoutCachingEveryBlockIsASegment() throws {
        let memory = PretendMemory(1 << 20)
        let a = CachingAllocator(memory, isCaching: false)
        let blocks = try (1...3).map { try #require(a.allocate(byteCount: 1000 * $0)) }
        #expect(memory.segments.count == 3 && memory.used == 1024 + 2048 + 3072)
        a.free(blocks[1].number)
        #expect(memory.segments.count == 2 && memory.segments[blocks[1].address] == nil)
    }

    /// Thousands of random requests: blocks never overlap, and everything comes back.
    @Test func randomUseKeepsBlocksApart() throws {
        let memory = PretendMemory(1 << 30)
        let a = CachingAllocator(memory)
        var random = SystemRandomNumberGenerator()
        var live: [(address: UInt64, number: Int32, size: Int)] = []
        for _ in 0..<5_000 {
            if live.isEmpty || Int.random(in: 0..<100, using: &random) < 55, live.count < 200 {
                let size = Int.random(in: 1...(Bool.random() ? 4_096 : 3 * mib), using: &random)
                guard let b = a.allocate(byteCount: size) else { continue }
                live.append((b.address, b.number, size))
            } else {
                a.free(live.remove(at: Int.random(in: 0..<live.count, using: &random)).number)
            }
        }
        let sorted = live.sorted { $0.address < $1.address }
        #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $0.address + UInt64($0.size) <= $1.address })
        for b in live { a.free(b.number) }
        a.releaseCached()
        #expect(a.statistics.allocated == 0 && a.statistics.reserved == 0 && memory.segments.isEmpty)
    }

    /// A fence that a test passes.
    private final class Fence: StreamFence {
        var isPassed = false
    }
    private final class Streams: StreamWaiting, @unchecked Sendable {
        // @unchecked: used by one test.
        var fences: [(streams: UInt64, fence: Fence)] = []
        func synchronize() { for f in fences { f.fence.isPassed = true } }
        func fence(_ streams: UInt64) -> any StreamFence {
            let f = Fence()
            fences.append((streams, f))
            return f
        }
    }

    @Test func aBlockThatOtherStreamsUsedIsParked() throws {
        let (memory, streams) = (PretendMemory(1 << 30), Streams())
        let a = CachingAllocator(memory, streams: streams)
        let used = try #require(a.allocate(byteCount: 2 * mib)), own = try #require(a.allocate(byteCount: 2 * mib, pool: 1))
        // In the middle of the block, by two other streams; the block of stream 1 by its own only.
        a.noteUse(used.address + 700_000, by: 3)
        a.noteUse(used.address, by: 5)
        a.noteUse(own.address, by: 1)
        a.free(used.number)
        a.free(own.number)
        #expect(streams.fences.map(\.streams) == [1 << 3 | 1 << 5])
        let other = try #require(a.allocate(byteCount: 2 * mib))
        #expect(other.address != used.address)
        // Streams do not share what they give back.
        #expect(try #require(a.allocate(byteCount: 2 * mib, pool: 1)).address == own.address)
        streams.fences[0].fence.isPassed = true
        // The rest of the segment is too small, so those that have passed are looked for.
        var found = false
        for _ in 0..<16 where try #require(a.allocate(byteCount: 2 * mib)).address == used.address { found = true }
        #expect(found)
    }

    @Test func releasingWaitsForParkedBlocks() throws {
        let (memory, streams) = (PretendMemory(64 * mib), Streams())
        let a = CachingAllocator(memory, streams: streams)
        let x = try #require(a.allocate(byteCount: 40 * mib))
        a.noteUse(x.address, by: 2)
        a.free(x.number)
        // No room beside it: waited for, given back, taken anew.
        _ = try #require(a.allocate(byteCount: 50 * mib))
        #expect(memory.segments.count == 1 && streams.fences[0].fence.isPassed)
    }

    @Test func privatePoolsKeepTheirMemory() throws {
        let memory = PretendMemory(1 << 30)
        let a = CachingAllocator(memory)
        let outside = try #require(a.allocate(byteCount: 3 * mib))
        let pool = a.openPool()
        let inside = try #require(a.allocate(byteCount: 3 * mib, pool: pool))
        #expect(a.isOf(pool, inside.address + 5) && !a.isOf(pool, outside.address))
        #expect(a.hold(inside.address, outside: pool) == nil)
        let held = try #require(a.hold(outside.address + 8, outside: pool))
        a.free(outside.number)
        a.free(inside.number)
        a.releaseCached()
        // Held memory and that of the pool stay, and nobody else gets them.
        #expect(memory.segments.count == 2)
        let elsewhere = try #require(a.allocate(byteCount: 3 * mib))
        #expect(elsewhere.address != outside.address && elsewhere.address != inside.address)
        #expect(try #require(a.allocate(byteCount: 3 * mib, pool: pool)).address == inside.address)
        a.letGo([held])
        a.closePool(pool)
        #expect(a.openPool() == pool)
        a.free(elsewhere.number)
        a.releaseCached()
        #expect(memory.segments.count == 1 && a.statistics.allocated == 3 * mib)
    }
}
