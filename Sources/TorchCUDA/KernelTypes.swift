// Sets of element types that kernels are compiled for.
import TorchRuntime

/// Element types, one bit each; the sets are those of Tools/kernel_list.py.
struct KernelTypes: OptionSet {
    let rawValue: UInt16

    init(rawValue: UInt16) { self.rawValue = rawValue }
    init(_ dtype: DType) { rawValue = 1 << dtype.rawValue }

    static let all = KernelTypes(rawValue: .max)
    static let int16 = KernelTypes(.int16)
    /// All but unsigned integers of more than 8 bits.
    static let any = KernelTypes(DType.allCases.filter { $0.rawValue <= DType.complex128.rawValue }.map { KernelTypes($0) })
    /// Integers that compute, floating-point and complex numbers.
    static let numbers = any.subtracting([KernelTypes(.bool)])
    /// What tensor cores multiply; float32 as tf32.
    static let tensorCores: KernelTypes = [KernelTypes(.float16), KernelTypes(.bfloat16), KernelTypes(.float32)]
}
