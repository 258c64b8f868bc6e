// cuSOLVER: found once, of the CUDA that NVRTC is of.
import CCUDA
import TorchRuntime

/// NVIDIA's factorisations of dense matrices, for what our own kernels do not do. The CPU's serve where they are missing.
final class SolverLibrary: @unchecked Sendable {
    // @unchecked: the table is filled before the object exists and never changes.
    let table: UnsafePointer<cc_solver>
    let path: String
    /// E.g. 12.0.
    let version: String
    static let without = "eigenvalues and singular values are the CPU's"

    /// The library that fits NVRTC, or why there is none.
    static let shared: Result<SolverLibrary, DeviceError> = {
        do throws(DeviceError) { return .success(try SolverLibrary()) } catch { return .failure(error) }
    }()

    private init() throws(DeviceError) {
        let loaded = try CUDALibrary.solver.load(without: Self.without) { cc_load_solver($0, $1).map { UnsafeRawPointer($0) } }
        (table, path) = (loaded.table.assumingMemoryBound(to: cc_solver.self), loaded.path)
        version = try CUDALibrary.solver.version(of: loaded, without: Self.without, table.pointee.cusolverGetVersion)
    }
}
