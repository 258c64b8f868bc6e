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
}
