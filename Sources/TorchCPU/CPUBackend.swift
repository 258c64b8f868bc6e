// The CPU: our kernels, OpenBLAS and oneDNN where they are.
import TorchKernels
import TorchRuntime

/// Runs primitives on the processor.
///
/// One extension a family: `CPUBackend+Pointwise.swift`, `+Reduction`, `+Rows`, `+Indexing`, `+Matrix`, `+Convolution`, `+LinearAlgebra`.
public struct CPUBackend: Backend {
    public let device = Device.cpu

    public init() {}

    @inline(__always)
    public func allocate(byteCount: Int) -> Storage? { Storage.allocate(byteCount: byteCount) }
}
