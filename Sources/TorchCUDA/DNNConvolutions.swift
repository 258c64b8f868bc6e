// Convolutions by cuDNN on a device: its handle, the plans made lately, their execution.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDA {
    // Guarded by the lock.
    nonisolated(unsafe) private static var convolvesInTF32 = true
    private static let convolutionLock = Mutex()

    /// True, as at first, lets convolutions of float32 round their factors to tf32 (10 bits of mantissa) where cuDNN has tensor cores for them; sums stay float32. Products of matrices
    /// have `allowTF32`. PyTorch: `torch.backends.cudnn.allow_tf32`.
    public static var allowTF32Convolution: Bool {
        get { convolutionLock.withLock { convolvesInTF32 } }
        set { convolutionLock.withLock { convolvesInTF32 = newValue } }
    }
}

extension CUDABackend {
    /// Queues one of a convolution's products on cuDNN; false where it is missing, refuses or has no plan, so that our own kernels serve. All operands have elements.
    func convolveByDNN(_ product: DNNConvolution.Product, y: Operand, x: Operand, weight: Operand, bias: Operand? = nil, _ shape: ConvolutionShape) throws(DeviceError) -> Bool {
        guard case .success(let library) = DNNLibrary.shared, min(x.count, weight.count, y.count) > 0 else { return false }
        // With one channel a group there is nothing for a tensor core to multiply, and without them our own kernel reads each element once.
        if y.dtype == .float32, shape.groups > 1, weight.sizes[1] == 1 { return false }
        guard let convolution = DNNConvolution(product, y: y, x: x, weight: weight, shape, allowsTF32: CUDA.allowTF32Convolution) else { return false }
        guard try DNNConvolutions.of(gpu).convolve(library, convolution, x.pointer, weight.pointer, y.pointer) else { return false }
        if let bias {
            let channels = bias.view(sizes: Dims([bias.count] + [Int](repeating: 1, count: y.sizes.count - 2)), strides: Dims([bias.strides[0]] + [Int](repeating: 0, count: y.sizes.count - 2)))
            try gpu.pointwise(KernelFamily.binary.number(Int(BinaryOp.add.rawValue), Int(y.dtype.rawValue), KernelFamily.run), [y, y, channels.expanded(to: y.sizes)], KernelParameters(1))
        }
        return true
    }
}

/// cuDNN on one device.
final class DNNConvolutions: @unchecked Sendable {
    // @unchecked: all that changes is guarded by the lock.
    private let gpu: CUDADevice
    private let lock = Mutex()
    private var handle: cc_dnn_handle?
    private var stream: cc_stream?
    private var isUnusable = false
    /// nil: cuDNN has none.
    private var plans = PlanCache<DNNConvolution, DNNPlan?>(capacity: 1024)

    // Guarded by the lock; as the devices, never freed.
    nonisolated(unsafe) private static var devices: [Device: DNNConvolutions] = [:]
    private static let devicesLock = Mutex()

    /// The one of a device.
    static func of(_ gpu: CUDADevice) -> DNNConvolutions {
        devicesLock.withLock {
            if let known = devices[gpu.device] { return known }
            let new = DNNConvolutions(gpu)
            devices[gpu.device] = new
            return new
        }
    }

    private init(_ gpu: CUDADevice) { self.gpu = gpu }

    /// Queues a convolution; false where there is no plan for it.
    func convolve(
        _ library: DNNLibrary, _ convolution: DNNConvolution, _ x: UnsafeMutableRawPointer, _ weight: UnsafeMutableRawPointer, _ y: UnsafeMutableRawPointer
    ) throws(DeviceError) -> Bool {
        // A closure would lose the type of the error.
        let result: Result<Bool, DeviceError> = lock.withLock {
            do throws(DeviceError) {
                return .success(try convolveLocked(library, convolution, SIMD4(CUDADevice.address(x), CUDADevice.address(weight), CUDADevice.address(y), 0)))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func convolveLocked(_ library: DNNLibrary, _ convolution: DNNConvolution, _ tensors: SIMD4<UInt64>) throws(DeviceError) -> Bool {
        if isUnusable { return false }
        try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
        guard let handle = try open(library), let plan = plan(library, convolution, handle) else { return false }
        var workspace: Storage?
        var addresses = tensors
        if plan.workspaceBytes > 0 {
            workspace = gpu.allocate(byteCount: plan.workspaceBytes)
            guard let workspace else {
                explain(convolution, .outOfDeviceMemory(device: gpu.device, requested: plan.workspaceBytes, breakdown: gpu.allocator.breakdown))
                return false
            }
            addresses[3] = CUDADevice.address(workspace.pointer)
        }
        let pack = try variantPack(library, plan, addresses)
        try library.check(library.table.pointee.cudnnBackendExecute(handle, plan.descriptor.raw, pack.raw), "cudnnBackendExecute")
        withExtendedLifetime(workspace) {}
        if CUDADevice.isDebugging { try gpu.synchronize() }
        return true
    }

    /// The handle, on the device's stream; nil if cuDNN does not start.
    private func open(_ library: DNNLibrary) throws(DeviceError) -> cc_dnn_handle? {
        if handle == nil {
            let status = library.table.pointee.cudnnCreate(&handle)
            guard status == CC_DNN_SUCCESS, handle != nil else {
                // Not a reason to stop: our own kernels convolve.
                isUnusable = true
                handle = nil
                CUDAFallbacks.explain("convolution", .unavailable("cuDNN (\(library.path)) can not be used, and \(DNNLibrary.without): \(library.error(status, "cudnnCreate"))"))
                return nil
            }
        }
        guard let handle else { return nil }
        if stream != gpu.stream {
            try library.check(library.table.pointee.cudnnSetStream(handle, gpu.stream), "cudnnSetStream")
            stream = gpu.stream
        }
        return handle
    }

    private func plan(_ library: DNNLibrary, _ convolution: DNNConvolution, _ handle: cc_dnn_handle) -> DNNPlan? {
        if let known = plans.find(convolution) { return known }
        var plan: DNNPlan?
        do throws(DeviceError) {
            plan = try DNNPlanner.unlessUnsupported { () throws(DeviceError) in try DNNPlanner(library, convolution, .handle(handle)).best() } ?? nil
        } catch {
            // A refusal that is more than a lack: said, and our own kernels convolve.
            explain(convolution, error)
        }
        plans.insert(plan, for: convolution)
        return plan
    }

    private func explain(_ convolution: DNNConvolution, _ error: DeviceError) {
        CUDAFallbacks.explain("convolution", .unavailable("cuDNN can not do \(convolution.description), and \(DNNLibrary.without): \(error)"))
    }

    /// The addresses for a plan.
    private func variantPack(_ library: DNNLibrary, _ plan: DNNPlan, _ addresses: SIMD4<UInt64>) throws(DeviceError) -> DNNDescriptor {
        if let last = plan.lastPack, last.addresses == addresses { return last.descriptor }
        let pack = try DNNDescriptor(library, CC_DNN_VARIANT_PACK)
        try pack.set(CC_DNN_VARIANT_PACK_IDS, CC_DNN_OF_INT64, DNNPlanner.ids)
        try pack.set(CC_DNN_VARIANT_PACK_POINTERS, CC_DNN_OF_POINTER, [addresses[0], addresses[1], addresses[2]])
        try pack.set(CC_DNN_VARIANT_PACK_WORKSPACE, CC_DNN_OF_POINTER, [addresses[3]])
        try pack.finalize()
        plan.lastPack = (addresses, pack)
        return pack
    }
}
