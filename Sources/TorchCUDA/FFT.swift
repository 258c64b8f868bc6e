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
        let cudaMajor: Int
        (table, path, cudaMajor) = try CUDALibrary.fft.load(cc_load_fft, without: Self.without)
        var number: Int32 = 0
        guard table.pointee.cufftGetVersion(&number) == 0 else { throw .unavailable("cuFFT \(path) does not say its version; \(Self.without)") }
        version = "\(number / 1000).\(number % 1000 / 100)"
        guard Int(number / 1000) == CUDALibrary.fft.ownMajor(ofCUDA: cudaMajor) else {
            throw CUDALibrary.fft.isOfOtherVersion(path, version: version, cudaMajor: cudaMajor, without: Self.without)
        }
    }
}
