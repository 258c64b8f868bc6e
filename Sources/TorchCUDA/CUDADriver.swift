// The driver: opened once, its errors as Swift's.
import CCUDA
import Glibc
import TorchRuntime

/// The functions of the NVIDIA driver and what it says of itself.
final class CUDADriver: @unchecked Sendable {
    // @unchecked: the table is filled before the object exists and never changes.
    /// Every function that is called; see Note [Function tables].
    let table: UnsafePointer<cc_driver>
    /// Where the library was found.
    let path: String
    /// CUDA version that the driver serves, e.g. 13000 for 13.0.
    let version: Int
    let deviceCount: Int

    /// The oldest version that has all we call.
    static let oldestVersion = 12_000

    /// The driver of this machine, or why there is none.
    static let shared: Result<CUDADriver, DeviceError> = {
        do throws(DeviceError) {
            return .success(try CUDADriver())
        } catch {
            return .failure(error)
        }
    }()

    private init() throws(DeviceError) {
        let opened: CUDALibrary.Opened
        switch CUDALibrary.driver.open(majors: []) {
        case .success(let o): opened = o
        case .failure(let e): throw .unavailable("no NVIDIA driver on this machine (\(e.reason))")
        }
        var missing: UnsafePointer<CChar>?
        guard let table = cc_load_driver(opened.handle, &missing) else {
            throw .unavailable("the NVIDIA driver \(opened.path) lacks the function \(missing.map { String(cString: $0) } ?? "?"); update the driver")
        }
        self.table = table
        path = opened.path
        var version: Int32 = 0
        try Self.check(table, table.pointee.cuDriverGetVersion(&version), "cuDriverGetVersion")
        self.version = Int(version)
        guard version >= Self.oldestVersion else {
            throw .unavailable("the NVIDIA driver serves CUDA \(Self.text(Int(version))), and swift-torch needs \(Self.text(Self.oldestVersion)) or later; update the driver")
        }
        try Self.check(table, table.pointee.cuInit(0), "cuInit")
        var count: Int32 = 0
        try Self.check(table, table.pointee.cuDeviceGetCount(&count), "cuDeviceGetCount")
        guard count > 0 else { throw .unavailable("the NVIDIA driver finds no device; check nvidia-smi and CUDA_VISIBLE_DEVICES") }
        deviceCount = Int(count)
    }

    /// Major versions of the toolkit that the driver can serve, newest first.
    var majors: [Int] { [13, 12].filter { $0 <= version / 1000 } }

    /// 13000 as `13.0`.
    static func text(_ version: Int) -> String { "\(version / 1000).\(version % 1000 / 10)" }

    // MARK: Errors

    /// Throws what `result` of `call` says.
    @inline(__always)
    func check(_ result: cc_result, _ call: StaticString) throws(DeviceError) {
        if result != 0 { throw Self.error(table, result, call) }
    }

    /// What `result` of `call` says.
    func error(_ result: cc_result, _ call: StaticString) -> DeviceError { Self.error(table, result, call) }

    private static func check(_ table: UnsafePointer<cc_driver>, _ result: cc_result, _ call: StaticString) throws(DeviceError) {
        if result != 0 { throw error(table, result, call) }
    }

    @inline(never)
    private static func error(_ table: UnsafePointer<cc_driver>, _ result: cc_result, _ call: StaticString) -> DeviceError {
        var (name, text): (UnsafePointer<CChar>?, UnsafePointer<CChar>?)
        _ = table.pointee.cuGetErrorName(result, &name)
        _ = table.pointee.cuGetErrorString(result, &text)
        return .cuda(
            call: "\(call)", code: Int(result), name: name.map { String(cString: $0) } ?? "CUDA error \(result)", text: text.map { String(cString: $0) } ?? "",
            remedy: remedy(Int(result)))
    }

    /// What to do about an error of the driver; empty where nothing is known.
    private static func remedy(_ code: Int) -> String {
        switch code {
        case 2: "use smaller batches, or free tensors and call CUDA.emptyCache()"
        case 3, 999: "the driver is not working: check nvidia-smi, reload the nvidia modules or restart the machine"
        case 34: "a stub of the toolkit was loaded instead of the driver: take its folder out of LD_LIBRARY_PATH"
        case 46: "another process has the device for itself; see nvidia-smi"
        case 100: "no device is visible: check nvidia-smi and CUDA_VISIBLE_DEVICES"
        case 101: "no such device; CUDA.deviceCount says how many there are"
        case 209, 218, 222: "the driver is older than NVRTC: update the driver, or point SWIFT_TORCH_NVRTC to an older NVRTC"
        case 500: "the kernel's file does not have this name: a fault of swift-torch"
        case 701: "the kernel wants more registers or shared memory than the device has"
        case 700, 710, 714, 715, 716, 717, 718, 719:
            "the device can no longer be used by this process; run again with SWIFT_TORCH_CUDA_DEBUG=1 to find the operator"
        case 802: "the system is not ready: start nvidia-fabricmanager"
        case 803, 804: "driver and user-space library differ in version: restart the machine after the update"
        default: ""
        }
    }
}
