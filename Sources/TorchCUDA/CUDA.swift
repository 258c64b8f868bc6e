// What programs see of CUDA.
import CCUDA
import TorchRuntime

/// CUDA devices. PyTorch: `torch.cuda`.
///
/// The libraries are found at run time (see Note [Search order]); nothing happens before the first question. Environment variables, read once:
/// `SWIFT_TORCH_CUDA_DRIVER`, `SWIFT_TORCH_NVRTC`, `SWIFT_TORCH_CUBLASLT`, `SWIFT_TORCH_CUDNN`, `SWIFT_TORCH_CUFFT`, `SWIFT_TORCH_CUSOLVER` (files to use; but for the first two
/// also `none`), `SWIFT_TORCH_CUDA_CACHE` (folder of compiled kernels, or `none`), `SWIFT_TORCH_CUDA_DEBUG=1` (wait after each kernel, so that a fault names its operator),
/// `SWIFT_TORCH_CUDA_CACHING=0` (an allocation of the driver for each tensor), `SWIFT_TORCH_CUDA_QUIET=1` (do not say what runs on the CPU),
/// `SWIFT_TORCH_KERNELS` (a folder whose files replace the kernels' sources in the program, for work on them).
public enum CUDA {
    /// True if tensors can be moved to `.cuda`. PyTorch: `torch.cuda.is_available()`.
    public static var isAvailable: Bool { unavailableReason == nil }

    /// Why `isAvailable` is false; nil when it is true.
    public static var unavailableReason: String? {
        do throws(DeviceError) {
            _ = try CUDADriver.shared.get()
            _ = try NVRTC.shared.get()
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// Number of devices; 0 without a driver. PyTorch: `torch.cuda.device_count()`.
    public static var deviceCount: Int { (try? CUDADriver.shared.get().deviceCount) ?? 0 }

    /// What the driver says of device `index`: name, memory, compute capability, multiprocessors. PyTorch: `torch.cuda.get_device_properties`.
    public static func properties(_ index: Int = 0) throws(DeviceError) -> CUDADeviceProperties {
        try CUDADeviceProperties(driver: try CUDADriver.shared.get(), index: index)
    }

    /// Versions of driver and compiler, and where they were found; for reports.
    public static var libraries: String {
        guard case .success(let driver) = CUDADriver.shared else { return "" }
        var text = "driver for CUDA \(CUDADriver.text(driver.version)) (\(driver.path))"
        if case .success(let nvrtc) = NVRTC.shared { text += ", NVRTC \(nvrtc.version.major).\(nvrtc.version.minor) (\(nvrtc.path))" }
        switch BlasLt.shared {
        case .success(let b): text += ", cuBLASLt (\(b.path))"
        case .failure(let e): text += ", \(e)"
        }
        func note<Library>(_ name: String, _ library: Result<Library, DeviceError>, _ found: (Library) -> (version: String, path: String)) {
            switch library {
            case .success(let l): text += ", \(name) \(found(l).version) (\(found(l).path))"
            case .failure(let e): text += ", \(e)"
            }
        }
        note("cuDNN", DNNLibrary.shared) { ($0.version, $0.path) }
        note("cuFFT", FFTLibrary.shared) { ($0.version, $0.path) }
        note("cuSOLVER", SolverLibrary.shared) { ($0.version, $0.path) }
        return text
    }
}

// MARK: - Precision

extension CUDA {
    // Guarded by the lock.
    nonisolated(unsafe) private static var (roundsToTF32, convolvesInTF32) = (false, true)
    private static let precisionLock = Mutex()

    /// True lets products of float32 matrices round their factors to tf32 (10 bits of mantissa), which tensor cores multiply several times faster; sums stay float32. False at
    /// first. float16 and bfloat16 always use tensor cores, with sums in float32. PyTorch: `torch.backends.cuda.matmul.allow_tf32`, `torch.set_float32_matmul_precision`.
    public static var allowTF32: Bool {
        get { precisionLock.withLock { roundsToTF32 } }
        set { precisionLock.withLock { roundsToTF32 = newValue } }
    }

    /// True, as at first, lets convolutions of float32 round their factors to tf32 (10 bits of mantissa) for tensor cores; sums stay float32.
    /// PyTorch: `torch.backends.cudnn.allow_tf32`.
    public static var allowTF32Convolution: Bool {
        get { precisionLock.withLock { convolvesInTF32 } }
        set { precisionLock.withLock { convolvesInTF32 = newValue } }
    }
}

// MARK: - Devices in use

extension CUDA {
    /// Waits until all work queued on device `index`, on all its streams, is done. PyTorch: `torch.cuda.synchronize()`.
    public static func synchronize(_ index: Int = 0) throws(DeviceError) { try CUDADevice.open(index).synchronizeAll() }

    /// Bytes of device `index` that nobody has, and all of them. PyTorch: `torch.cuda.mem_get_info()`.
    public static func memoryInfo(_ index: Int = 0) throws(DeviceError) -> (free: Int, total: Int) { try CUDADevice.open(index).memoryInfo }

    /// What this process holds of device `index`. PyTorch: `torch.cuda.memory_stats()`.
    public static func memoryStatistics(_ index: Int = 0) throws(DeviceError) -> CUDAMemoryStatistics { try CUDADevice.open(index).allocator.statistics }

    /// Starts new measurements of the peaks. PyTorch: `torch.cuda.reset_peak_memory_stats()`.
    public static func resetPeakMemory(_ index: Int = 0) throws(DeviceError) { try CUDADevice.open(index).allocator.resetPeaks() }

    /// Gives memory kept for reuse back to the driver. PyTorch: `torch.cuda.empty_cache()`.
    public static func emptyCache(_ index: Int = 0) throws(DeviceError) { try CUDADevice.open(index).allocator.releaseCached() }

    /// Most bytes that this process takes of device `index`; 0 for no limit. PyTorch: `torch.cuda.set_per_process_memory_fraction`.
    public static func setMemoryLimit(_ byteCount: Int, _ index: Int = 0) throws(DeviceError) { try CUDADevice.open(index).allocator.limit = byteCount }

    /// Primitives that ran on the CPU so far because the device has no kernel for them, and how often.
    public static var fallbacks: [(primitive: String, count: Int)] { CUDAFallbacks.all }

    /// Counts `fallbacks` from nothing again.
    public static func resetFallbacks() { CUDAFallbacks.reset() }

    /// Names of the kernels that this process has used on device `index`, which `warmUp` takes.
    public static func loadedKernels(_ index: Int = 0) throws(DeviceError) -> [String] { try CUDADevice.open(index).kernels.names }

    /// Prepares kernels for device `index` before they are used, as many at a time as there are threads.
    ///
    /// A kernel is compiled when it is first used, which takes 50 ms for most and more than half a second for the longest; after that it is found in the cache on disk. A program that writes down what it used
    /// and prepares that when it starts waits for all of them at once, on all cores:
    /// ```swift
    /// // At the end of a first run.
    /// let names = try CUDA.loadedKernels()
    /// // At the start of others, on machines whose cache is empty.
    /// try CUDA.warmUp(names)
    /// ```
    /// Throws `DeviceError` when there is no kernel of a name, before any is prepared, or one can not be compiled, after the others are.
    public static func warmUp(_ kernels: [String], _ index: Int = 0) throws(DeviceError) {
        let device = try CUDADevice.open(index)
        try device.check(cc_bind(device.driver.table, device.context), "cuCtxSetCurrent")
        try device.kernels.make(kernels)
    }

    /// Kernels that this process compiled for device `index`, and those that it found in the cache on disk.
    package static func kernelPrograms(_ index: Int = 0) throws(DeviceError) -> (compiled: Int, loaded: Int) {
        let kernels = try CUDADevice.open(index).kernels
        return (kernels.compiled, kernels.loaded)
    }
}

/// What is known of a CUDA device.
public struct CUDADeviceProperties: Sendable, Equatable, CustomStringConvertible {
    /// E.g. `NVIDIA H200`.
    public let name: String
    /// Compute capability, e.g. (9, 0).
    public let major, minor: Int
    /// Bytes of memory.
    public let totalMemory: Int
    /// Number of multiprocessors.
    public let multiprocessors: Int
    /// Most threads that a multiprocessor holds.
    public let threadsPerMultiprocessor: Int

    /// The architecture that kernels are compiled for, e.g. `sm_90`.
    public var architecture: String { "sm_\(major)\(minor)" }

    public var description: String { "\(name) (\(architecture), \(multiprocessors) multiprocessors, \(byteText(totalMemory)))" }

    init(driver: CUDADriver, index: Int) throws(DeviceError) {
        guard index >= 0, index < driver.deviceCount else {
            throw .unavailable("there is no CUDA device \(index): this machine has \(driver.deviceCount)")
        }
        let api = driver.table.pointee
        var device: cc_device = 0
        try driver.check(api.cuDeviceGet(&device, Int32(index)), "cuDeviceGet")
        var text = [CChar](repeating: 0, count: 256)
        try driver.check(api.cuDeviceGetName(&text, Int32(text.count), device), "cuDeviceGetName")
        name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var bytes = 0
        try driver.check(api.cuDeviceTotalMem(&bytes, device), "cuDeviceTotalMem")
        totalMemory = bytes
        var values: [Int] = []
        for attribute in [CC_ATTRIBUTE_CAPABILITY_MAJOR, CC_ATTRIBUTE_CAPABILITY_MINOR, CC_ATTRIBUTE_MULTIPROCESSORS, CC_ATTRIBUTE_THREADS_PER_MULTIPROCESSOR] {
            var value: Int32 = 0
            try driver.check(api.cuDeviceGetAttribute(&value, Int32(attribute), device), "cuDeviceGetAttribute")
            values.append(Int(value))
        }
        (major, minor, multiprocessors, threadsPerMultiprocessor) = (values[0], values[1], values[2], values[3])
    }
}
