// cuFFT: found once, of the CUDA that NVRTC is of.
import CCUDA
import TorchRuntime

/// NVIDIA's Fourier transforms. The CPU's serve where they are missing.
final class FFTLibrary: @unchecked Sendable {
    // @unchecked: the table is filled before the object exists and never changes.
    let table: UnsafePointer<cc_fft>
    let path: String
    /// E.g. 12.0.
    let version: String
    static let without = "Fourier transforms run on the CPU"

    /// The library that fits NVRTC, or why there is none.
    static let shared: Result<FFTLibrary, DeviceError> = {
        do throws(DeviceError) { return .success(try FFTLibrary()) } catch { return .failure(error) }
    }()

    private init() throws(DeviceError) {
        let loaded = try CUDALibrary.fft.load(without: Self.without) { cc_load_fft($0, $1).map { UnsafeRawPointer($0) } }
        (table, path) = (loaded.table.assumingMemoryBound(to: cc_fft.self), loaded.path)
        version = try CUDALibrary.fft.version(of: loaded, without: Self.without, table.pointee.cufftGetVersion)
    }
}
