// The run-time compiler: found once, beside the driver.
import CCUDA
import Glibc
import TorchRuntime

/// NVRTC, which turns a kernel's source into machine code for one kind of device.
final class NVRTC: @unchecked Sendable {
    // @unchecked: the table is filled before the object exists and never changes.
    let table: UnsafePointer<cc_nvrtc>
    let path: String
    let version: (major: Int, minor: Int)

    /// The compiler that fits this machine's driver, or why there is none.
    static let shared: Result<NVRTC, DeviceError> = {
        do throws(DeviceError) {
            return .success(try NVRTC(majors: try CUDADriver.shared.get().majors))
        } catch {
            return .failure(error)
        }
    }()

    /// The first compiler of these major versions that is found.
    init(majors: [Int]) throws(DeviceError) {
        let opened: CUDALibrary.Opened
        switch CUDALibrary.nvrtc.open(majors: majors) {
        case .success(let o): opened = o
        case .failure(let e):
            throw .unavailable(
                "NVRTC, which compiles the kernels, was not found (\(e.reason)); install the CUDA toolkit or the Python package nvidia-cuda-nvrtc, or set \(CUDALibrary.nvrtc.override) to its file")
        }
        var missing: UnsafePointer<CChar>?
        guard let table = cc_load_nvrtc(opened.handle, &missing) else {
            throw .unavailable("NVRTC \(opened.path) lacks the function \(missing.map { String(cString: $0) } ?? "?")")
        }
        self.table = table
        path = opened.path
        var (major, minor): (Int32, Int32) = (0, 0)
        guard table.pointee.nvrtcVersion(&major, &minor) == 0 else { throw .unavailable("NVRTC \(opened.path) does not say its version") }
        version = (Int(major), Int(minor))
        guard let newest = majors.first, version.major <= newest else {
            throw .unavailable("NVRTC \(opened.path) is of CUDA \(major).\(minor), newer than the driver serves; update the driver or point \(CUDALibrary.nvrtc.override) to an older one")
        }
        Self.openBuiltins(opened.handle, version)
    }

    /// NVRTC opens its second half by bare name, and the wheel of CUDA 13 has no path to find it by: opening it first makes the name known.
    private static func openBuiltins(_ handle: UnsafeMutableRawPointer, _ version: (major: Int, minor: Int)) {
        guard let symbol = dlsym(handle, "nvrtcVersion"), let file = cc_file_of(symbol) else { return }
        let path = String(cString: file)
        guard let slash = path.lastIndex(of: "/") else { return }
        _ = dlopen("\(path[..<slash])/libnvrtc-builtins.so.\(version.major).\(version.minor)", RTLD_NOW | RTLD_GLOBAL)
    }
}
