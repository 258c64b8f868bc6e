// cuBLASLt: found once, of the same major version as NVRTC.
import CCUDA
import Glibc
import TorchRuntime

/// NVIDIA's matrix products, which use the tensor cores. Our own kernel serves where it is missing.
final class BlasLt: @unchecked Sendable {
    // @unchecked: the table is filled before the object exists and never changes.
    let table: UnsafePointer<cc_blaslt>
    let path: String

    /// The library that fits NVRTC, or why there is none.
    static let shared: Result<BlasLt, DeviceError> = {
        do throws(DeviceError) {
            return .success(try BlasLt(major: try NVRTC.shared.get().version.major))
        } catch {
            return .failure(error)
        }
    }()

    private init(major: Int) throws(DeviceError) {
        if environment("SWIFT_TORCH_CUBLASLT") == "none" { throw .unavailable("cuBLASLt is turned off (SWIFT_TORCH_CUBLASLT=none); our own kernels multiply matrices") }
        let opened: CUDALibrary.Opened
        switch CUDALibrary.blasLt.open(majors: [major]) {
        case .success(let o): opened = o
        case .failure(let e): throw .unavailable("cuBLASLt of CUDA \(major) was not found (\(e.reason)); our own kernels multiply matrices")
        }
        var missing: UnsafePointer<CChar>?
        guard let table = cc_load_blaslt(opened.handle, &missing) else {
            throw .unavailable("cuBLASLt \(opened.path) lacks the function \(missing.map { String(cString: $0) } ?? "?")")
        }
        self.table = table
        path = opened.path
    }
}
