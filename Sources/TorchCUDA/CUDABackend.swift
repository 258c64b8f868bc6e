// A CUDA device as a backend.
import TorchKernels
import TorchRuntime

/// Runs primitives on a CUDA device.
public struct CUDABackend: Backend {
    public let device: Device

    /// The backend of `device`, opened if this is the first use of it.
    public static func open(_ device: Device) throws(DeviceError) -> CUDABackend {
        guard device.kind == .cuda else { throw .unavailable("there is no backend for devices of kind \(device.kind)") }
        _ = try CUDADriver.shared.get()
        throw .unavailable("not written yet")
    }

    public func allocate(byteCount: Int) -> Storage? { nil }
}
