// cuSOLVER: found once, of the CUDA that NVRTC is of.
import CCUDA
import TorchRuntime

/// NVIDIA's factorisations of dense matrices. The CPU's serve where they are missing.
final class SolverLibrary: @unchecked Sendable {
    // @unchecked: the table is filled before the object exists and never changes.
    let table: UnsafePointer<cc_solver>
    let path: String
    /// E.g. 12.0.
    let version: String
    static let without = "linear algebra runs on the CPU"

    /// The library that fits NVRTC, or why there is none.
    static let shared: Result<SolverLibrary, DeviceError> = {
        do throws(DeviceError) { return .success(try SolverLibrary()) } catch { return .failure(error) }
    }()

    private init() throws(DeviceError) {
        let cudaMajor: Int
        (table, path, cudaMajor) = try CUDALibrary.solver.load(cc_load_solver, without: Self.without)
        var number: Int32 = 0
        guard table.pointee.cusolverGetVersion(&number) == 0 else { throw .unavailable("cuSOLVER \(path) does not say its version; \(Self.without)") }
        version = "\(number / 1000).\(number % 1000 / 100)"
        guard Int(number / 1000) == CUDALibrary.solver.ownMajor(ofCUDA: cudaMajor) else {
            throw CUDALibrary.solver.isOfOtherVersion(path, version: version, cudaMajor: cudaMajor, without: Self.without)
        }
    }
}
