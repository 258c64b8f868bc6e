// Bytes on a device, shared by a tensor and its views.
import TorchKernels

/// A block of memory on a device. Freed to the device's caching allocator when the last tensor that uses it goes.
public final class Storage: @unchecked Sendable {
    // @unchecked: the fields are constant; the bytes follow the rule of value semantics, that only a unique owner writes (Note [Who may write]).

    /// First byte, an address on `device`; 64-byte aligned for memory of our own.
    public let pointer: UnsafeMutableRawPointer
    /// Size in bytes.
    public let byteCount: Int
    /// Where the bytes are.
    public let device: Device
    /// Keeps memory that is not of the CPU's allocator alive; nil for that.
    private let owner: AnyObject?

    /// Memory on the CPU, contents undefined. Nil when the allocator refuses.
    @inline(__always) @inlinable
    public static func allocate(byteCount: Int) -> Storage? {
        guard let p = st_allocate(byteCount) else { return nil }
        return Storage(cpu: p, byteCount: byteCount)
    }

    @usableFromInline
    init(cpu pointer: UnsafeMutableRawPointer, byteCount: Int) {
        self.pointer = pointer
        self.byteCount = byteCount
        device = .cpu
        owner = nil
        st_count_storage(1)
    }

    /// Memory that `owner` keeps alive: a mapped file, or a block of another device.
    public init(pointer: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject, device: Device = .cpu) {
        self.pointer = pointer
        self.byteCount = byteCount
        self.device = device
        self.owner = owner
        st_count_storage(1)
    }

    deinit {
        if owner == nil { st_deallocate(pointer, byteCount) }
        st_count_storage(-1)
    }

    /// Blocks alive in this process, for leak checks.
    public static var liveCount: Int { Int(st_live_storages()) }
}

/// The CPU allocator's figures and limit. PyTorch: `torch.cuda.memory_stats`, for the CPU.
public enum CPUMemory {
    /// Bytes in blocks over 4 KiB: in use, highest so far, kept for reuse; allocations and how many of them were reused.
    public struct Statistics: Sendable, Equatable {
        public let live, peak, cached, allocations, reused: Int
    }

    /// The figures now.
    public static var statistics: Statistics {
        let m = st_memory_statistics()
        return Statistics(live: Int(m.live), peak: Int(m.peak), cached: Int(m.cached), allocations: Int(m.allocations), reused: Int(m.reused))
    }

    /// Most bytes that tensors may hold at a time; 0 for no limit but the machine's memory.
    public static var limit: Int {
        get { Int(st_memory_statistics().limit) }
        set { st_memory_set_limit(Int64(newValue)) }
    }

    /// Starts a new measurement of `peak`.
    public static func resetPeak() { st_memory_reset_peak() }
    /// Gives memory kept for reuse back to the system. PyTorch: `torch.cuda.empty_cache`.
    public static func emptyCache() { st_memory_trim() }
}
