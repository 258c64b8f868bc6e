// Whether CUDA devices can be used.
import Glibc

/// CUDA devices. PyTorch: `torch.cuda`.
public enum CUDA {
    /// True if tensors can be moved to `.cuda`. PyTorch: `torch.cuda.is_available()`.
    public static var isAvailable: Bool { Backends.find(.cuda) != nil }

    /// Why `isAvailable` is false; nil when it is true.
    public static var unavailableReason: String? {
        if isAvailable { return nil }
        guard let driver = dlopen("libcuda.so.1", RTLD_LAZY) else { return "no NVIDIA driver on this machine (libcuda.so.1 not found)" }
        dlclose(driver)
        return "this version of swift-torch has no CUDA backend yet"
    }
}
