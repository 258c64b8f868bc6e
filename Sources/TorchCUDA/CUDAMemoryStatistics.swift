// What an allocator has given out and keeps.

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
