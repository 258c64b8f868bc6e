// Fused optimizer steps on the device: one launch a parameter.
import CCUDA
import Glibc
import TorchKernels
import TorchRuntime

extension CUDABackend {
    private static func hasSteps(_ dtype: DType) -> Bool { dtype == .float32 || dtype == .float64 }

    public func sgdStep(_ tensors: [st_optim_tensor], dtype: DType, _ options: st_sgd) -> Bool {
        let flags: UInt32 = (options.nesterov ? 1 : 0) | (options.maximize ? 2 : 0) | (options.first_step ? 4 : 0)
        let scalars = [options.lr, options.momentum, 1 - options.dampening, options.weight_decay]
        return step("sgdStep", 0, tensors, dtype, scalars, flags) { $0.sgdStep($1, dtype: dtype, options) }
    }

    public func adamStep(_ tensors: [st_optim_tensor], dtype: DType, _ options: st_adam) -> Bool {
        let (lr, decay) = (options.lr, options.weight_decay)
        let scalars = [
            options.decoupled ? 1 - lr * decay : 1, 1 - options.beta1, options.beta2, 1 - options.beta2, lr / (1 - pow(options.beta1, options.step)),
            1 / (1 - pow(options.beta2, options.step)).squareRoot(), options.eps, options.decoupled ? 0 : decay,
        ]
        return step("adamStep", 1, tensors, dtype, scalars, options.maximize ? 2 : 0) { $0.adamStep($1, dtype: dtype, options) }
    }

    private func step(
        _ name: String, _ variant: Int, _ tensors: [st_optim_tensor], _ dtype: DType, _ scalars: [Double], _ flags: UInt32, host: (any Backend, [st_optim_tensor]) -> Bool
    ) -> Bool {
        guard Self.hasSteps(dtype) else { return false }
        return onDevice(
            name, failure: true,
            { () throws(DeviceError) in
                let kernel = KernelFamily.optim.number(0, Int(dtype.rawValue), variant)
                var a = st_optim_args()
                withUnsafeMutableBytes(of: &a.scalar) { p in for (i, v) in scalars.enumerated() { p.storeBytes(of: v, toByteOffset: 8 * i, as: Double.self) } }
                a.flags = flags
                for t in tensors where t.count > 0 {
                    (a.parameter, a.gradient) = (CUDADevice.address(t.param), CUDADevice.address(UnsafeMutableRawPointer(mutating: t.grad)))
                    a.state = (CUDADevice.address(t.state0), CUDADevice.address(t.state1), CUDADevice.address(t.state2))
                    a.count = UInt64(t.count)
                    try gpu.launch(kernel, grid: (CUDADevice.blocks(Int(t.count), each: 4), 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
                }
                return true
            }, host: { stepOnCPU(name, tensors, dtype, host) })
    }
}
