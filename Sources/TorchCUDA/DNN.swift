// cuDNN: found once, built for the CUDA that NVRTC is of.
import CCUDA
import TorchRuntime

/// NVIDIA's convolutions, by cuDNN's graph API. Our own kernels serve where it is missing.
final class DNNLibrary: @unchecked Sendable {
    // @unchecked: the table is filled before the object exists and never changes.
    let table: UnsafePointer<cc_dnn>
    let path: String
    /// E.g. 9.19.
    let version: String
    static let without = "our own kernels convolve"

    /// The library that fits NVRTC, or why there is none.
    static let shared: Result<DNNLibrary, DeviceError> = {
        do throws(DeviceError) { return .success(try DNNLibrary()) } catch { return .failure(error) }
    }()

    /// The library for a CUDA; with `cudaMajor` no driver is asked: descriptors and plans can be made without a device.
    init(cudaMajor given: Int? = nil) throws(DeviceError) {
        let cudaMajor: Int
        (table, path, cudaMajor) = try CUDALibrary.dnn.load(cudaMajor: given, cc_load_dnn, without: Self.without)
        let (number, cuda) = (table.pointee.cudnnGetVersion(), table.pointee.cudnnGetCudartVersion())
        version = "\(number / 10_000).\(number % 10_000 / 100)"
        guard number / 10_000 == 9, cuda / 1000 == cudaMajor else {
            throw CUDALibrary.dnn.isOfOtherVersion(path, version: "\(version) for CUDA \(cuda / 1000)", cudaMajor: cudaMajor, without: Self.without)
        }
    }
}
