// Copies between the CPU's memory and a device's.
import CCUDA
import Glibc
import TorchRuntime

/// A few buffers of page-locked memory through which all copies go.
///
/// Note [Staging]
/// The device reads and writes page-locked memory by itself while the program goes on. The memory of tensors is not page-locked, so an upload is copied here first and then
/// queued: it may return before the device has read it, and the tensor may change or die. A download waits, but for one buffer at a time, while the next is on its way.
final class PinnedStaging: @unchecked Sendable {
    // @unchecked: the buffers are guarded by `lock`.
    private static let bufferSize = 1 << 20
    private static let bufferCount = 4

    private struct Buffer {
        let memory: UnsafeMutableRawPointer
        /// Recorded behind the last copy that uses the memory.
        let event: cc_event
    }
    private let lock = Mutex()
    private let driver: CUDADriver
    private var buffers: [Buffer] = []
    private var next = 0

    init(_ driver: CUDADriver) { self.driver = driver }

    /// Queues a copy to the device on `stream`; `source` may change as soon as this returns.
    func upload(to address: cc_address, from source: UnsafeRawPointer, byteCount: Int, on stream: cc_stream) throws(DeviceError) {
        try locked { () throws(DeviceError) in
            let api = self.driver.table
            var done = 0
            while done < byteCount {
                let n = min(byteCount - done, Self.bufferSize)
                let buffer = try self.freeBuffer()
                buffer.memory.copyMemory(from: source + done, byteCount: n)
                try self.driver.check(api.pointee.cuMemcpyHtoDAsync(address + UInt64(done), buffer.memory, n, stream), "cuMemcpyHtoDAsync")
                try self.driver.check(api.pointee.cuEventRecord(buffer.event, stream), "cuEventRecord")
                done += n
            }
        }
    }

    /// Copies from the device, after all that `stream` was asked for before.
    func download(from address: cc_address, to target: UnsafeMutableRawPointer, byteCount: Int, on stream: cc_stream) throws(DeviceError) {
        try locked { () throws(DeviceError) in
            let api = self.driver.table
            // Up to all buffers on their way: (buffer, place, size).
            var coming: [(buffer: Buffer, at: Int, byteCount: Int)] = []
            var asked = 0
            while asked < byteCount || !coming.isEmpty {
                if asked < byteCount, coming.count < Self.bufferCount {
                    let n = min(byteCount - asked, Self.bufferSize)
                    let buffer = try self.freeBuffer()
                    try self.driver.check(api.pointee.cuMemcpyDtoHAsync(buffer.memory, address + UInt64(asked), n, stream), "cuMemcpyDtoHAsync")
                    try self.driver.check(api.pointee.cuEventRecord(buffer.event, stream), "cuEventRecord")
                    coming.append((buffer, asked, n))
                    asked += n
                    continue
                }
                let first = coming.removeFirst()
                try self.driver.check(api.pointee.cuEventSynchronize(first.buffer.event), "cuEventSynchronize")
                (target + first.at).copyMemory(from: first.buffer.memory, byteCount: first.byteCount)
            }
        }
    }

    private func locked(_ body: () throws(DeviceError) -> Void) throws(DeviceError) {
        let result: Result<Void, DeviceError> = lock.withLock {
            do throws(DeviceError) { return .success(try body()) } catch { return .failure(error) }
        }
        try result.get()
    }

    /// The buffer that has rested longest, once the device is done with it.
    private func freeBuffer() throws(DeviceError) -> Buffer {
        let api = driver.table
        if buffers.count < Self.bufferCount {
            var memory: UnsafeMutableRawPointer?
            var event: cc_event?
            try driver.check(api.pointee.cuMemHostAlloc(&memory, Self.bufferSize, 0), "cuMemHostAlloc")
            try driver.check(api.pointee.cuEventCreate(&event, UInt32(CC_EVENT_DISABLE_TIMING)), "cuEventCreate")
            guard let memory, let event else { throw .unavailable("the driver gave no page-locked memory") }
            buffers.append(Buffer(memory: memory, event: event))
            return buffers[buffers.count - 1]
        }
        let buffer = buffers[next]
        next = (next + 1) % Self.bufferCount
        try driver.check(api.pointee.cuEventSynchronize(buffer.event), "cuEventSynchronize")
        return buffer
    }
}
