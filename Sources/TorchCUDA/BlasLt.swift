// cuBLASLt: found once, of the same major version as NVRTC.
import CCUDA
import TorchRuntime

/// NVIDIA's matrix products, which use the tensor cores. Our own kernel serves where it is missing.
final class BlasLt: @unchecked Sendable {
    // @unchecked: the table is filled before the object exists and never changes.
    let table: UnsafePointer<cc_blaslt>
    let path: String

    /// The library that fits NVRTC, or why there is none.
    static let shared: Result<BlasLt, DeviceError> = {
        do throws(DeviceError) { return .success(try BlasLt()) } catch { return .failure(error) }
    }()

    private init() throws(DeviceError) {
        let loaded = try CUDALibrary.blasLt.load(without: "our own kernels multiply matrices") { cc_load_blaslt($0, $1).map { UnsafeRawPointer($0) } }
        (table, path) = (loaded.table.assumingMemoryBound(to: cc_blaslt.self), loaded.path)
    }
}
