// Fused optimizer steps on the device: one launch for many parameters.
import CCUDA
import Glibc
import TorchKernels
import TorchRuntime

extension CUDABackend {
    private static func hasSteps(_ dtype: DType) -> Bool { dtype == .float32 || dtype == .float64 }

    public func sgdStep(_ tensors: [st_optim_tensor], dtype: DType, _ options: st_sgd, anew: @escaping () -> st_sgd) -> Bool {
        let flags: UInt32 = (options.nesterov ? 1 : 0) | (options.maximize ? 2 : 0) | (options.first_step ? 4 : 0)
        func scalars(_ o: st_sgd) -> [Double] { [o.lr, o.momentum, 1 - o.dampening, o.weight_decay] }
        return step("sgdStep", 0, tensors, dtype, scalars(options), flags, anew: { scalars(anew()) }) { $0.sgdStep($1, dtype: dtype, options, anew: anew) }
    }

    public func adamStep(_ tensors: [st_optim_tensor], dtype: DType, _ options: st_adam, anew: @escaping () -> st_adam) -> Bool {
        func scalars(_ o: st_adam) -> [Double] {
            [
                o.decoupled ? 1 - o.lr * o.weight_decay : 1, 1 - o.beta1, o.beta2, 1 - o.beta2, o.lr / (1 - pow(o.beta1, o.step)), 1 / (1 - pow(o.beta2, o.step)).squareRoot(), o.eps,
                o.decoupled ? 0 : o.weight_decay,
            ]
        }
        return step("adamStep", 1, tensors, dtype, scalars(options), options.maximize ? 2 : 0, anew: { scalars(anew()) }) { $0.adamStep($1, dtype: dtype, options, anew: anew) }
    }

    private func step(
        _ name: String, _ variant: Int, _ tensors: [st_optim_tensor], _ dtype: DType, _ scalars: [Double], _ flags: UInt32, anew: @escaping () -> [Double],
        host: (any Backend, [st_optim_tensor]) -> Bool
    ) -> Bool {
        guard Self.hasSteps(dtype) else { return false }
        return onDevice(
            name, failure: true,
            { () throws(DeviceError) in
                var numbers = st_optim_numbers()
                withUnsafeMutableBytes(of: &numbers.scalar) { p in for (i, v) in scalars.enumerated() { p.storeBytes(of: v, toByteOffset: 8 * i, as: Double.self) } }
                numbers.flags = flags
                if let capture = gpu.capture { numbers.scalars = try capture.words(scalars.count) { anew().map(\.bitPattern) } }
                try launchStep(variant, tensors.filter { $0.count > 0 }, dtype, numbers)
                return true
            }, host: { stepOnCPU(name, tensors, dtype, host) })
    }

    // MARK: Lists of parameters

    /// Starts one kernel for up to ST_OPTIM_MANY parameters, more for longer lists.
    private func launchStep(_ variant: Int, _ tensors: [st_optim_tensor], _ dtype: DType, _ given: st_optim_numbers) throws(DeviceError) {
        if tensors.isEmpty { return }
        // Chunks of 64 K elements, smaller ones where those would leave multiprocessors without work.
        let total = tensors.reduce(0) { $0 + Int($1.count) }
        let even = total / (8 * gpu.properties.multiprocessors) / 1024 * 1024
        if cc_tracks_use() {
            for t in tensors { for p in [t.param, UnsafeMutableRawPointer(mutating: t.grad), t.state0, t.state1, t.state2] { gpu.noteUse(p) } }
        }
        var numbers = given
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
