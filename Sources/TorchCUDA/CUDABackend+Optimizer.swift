// Fused optimizer steps on the device: one launch for many parameters.
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
                try launchStep(variant, tensors.filter { $0.count > 0 }, dtype, scalars, flags)
                return true
            }, host: { stepOnCPU(name, tensors, dtype, host) })
    }

    // MARK: Lists of parameters

    /// Starts one kernel for up to ST_OPTIM_MANY parameters, more for longer lists.
    private func launchStep(_ variant: Int, _ tensors: [st_optim_tensor], _ dtype: DType, _ scalars: [Double], _ flags: UInt32) throws(DeviceError) {
        if tensors.isEmpty { return }
        // Chunks of 64 K elements, smaller ones where those would leave multiprocessors without work.
        let total = tensors.reduce(0) { $0 + Int($1.count) }
        let even = total / (8 * gpu.properties.multiprocessors) / 1024 * 1024
        var numbers = st_optim_numbers()
        withUnsafeMutableBytes(of: &numbers.scalar) { p in for (i, v) in scalars.enumerated() { p.storeBytes(of: v, toByteOffset: 8 * i, as: Double.self) } }
        numbers.flags = flags
        numbers.chunk = UInt64(min(1 << 16, max(4096, even)))
        let hasLongLists = tensors.count > Int(ST_OPTIM_FEW) && (try? gpu.kernels.function(KernelFamily.optim.number(1, Int(dtype.rawValue), variant))) != nil
        // A compiler before CUDA 12.1 takes no more than 4 KiB of arguments: then in several launches.
        let most = Int(hasLongLists ? ST_OPTIM_MANY : ST_OPTIM_FEW)
        let kernel = KernelFamily.optim.number(hasLongLists ? 1 : 0, Int(dtype.rawValue), variant)
        let (header, entry) = (MemoryLayout<st_optim_numbers>.stride, MemoryLayout<st_optim_entry>.stride)
        let arguments = UnsafeMutableRawPointer.allocate(byteCount: header + most * entry, alignment: 8)
        defer { arguments.deallocate() }
        let chunk = Int(numbers.chunk)
        for start in stride(from: 0, to: tensors.count, by: most) {
            let taken = tensors[start..<min(start + most, tensors.count)]
            var chunks = 0
            for (i, t) in taken.enumerated() {
                let state = (CUDADevice.address(t.state0), CUDADevice.address(t.state1), CUDADevice.address(t.state2))
                let gradient = CUDADevice.address(UnsafeMutableRawPointer(mutating: t.grad))
                let e = st_optim_entry(parameter: CUDADevice.address(t.param), gradient: gradient, state: state, count: UInt64(t.count), first: UInt64(chunks))
                arguments.storeBytes(of: e, toByteOffset: header + i * entry, as: st_optim_entry.self)
                chunks += (Int(t.count) + chunk - 1) / chunk
            }
            numbers.tensors = UInt32(taken.count)
            arguments.storeBytes(of: numbers, as: st_optim_numbers.self)
            try gpu.launch(kernel, grid: (chunks, 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), at: arguments)
        }
    }
}
