// Convolutions by cuDNN on a device: its handle, the plans made lately, their execution.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    /// Queues one of a convolution's products on cuDNN; false where it is missing, refuses or has no plan, so that our own kernels serve. All operands have elements.
    func convolveByDNN(_ product: DNNConvolution.Product, y: Operand, x: Operand, weight: Operand, bias: Operand? = nil, _ shape: ConvolutionShape) throws(DeviceError) -> Bool {
        guard case .success(let library) = DNNLibrary.shared, min(x.count, weight.count, y.count) > 0 else { return false }
        // With one channel a group there is nothing for a tensor core to multiply, and without them our own kernel reads each element once.
        if y.dtype == .float32, shape.groups > 1, weight.sizes[1] == 1 { return false }
        guard let convolution = DNNConvolution(product, y: y, x: x, weight: weight, shape, allowsTF32: CUDA.allowTF32Convolution) else { return false }
        let addresses = [x, weight, y].map { Int(bitPattern: $0.pointer) }
        guard try gpu.convolutions.convolve(library, convolution, addresses) else { return false }
        if let bias {
            var channels = y
            channels.pointer = bias.pointer
            for d in y.sizes.indices { channels.strides[d] = d == 1 ? bias.strides[0] : 0 }
            channels.owner = bias.owner
            try gpu.pointwise(KernelFamily.binary.number(Int(BinaryOp.add.rawValue), Int(y.dtype.rawValue), KernelFamily.run), [y, y, channels], KernelParameters(1))
        }
        return true
    }
}

/// cuDNN on one device.
final class DNNConvolutions: @unchecked Sendable {
    // @unchecked: all that changes is guarded by the lock.
    // The device holds this object, and is never closed.
    private unowned let gpu: CUDADevice
    private let lock = Mutex()
    private var handle: cc_dnn_handle?
    private var stream: cc_stream?
    private var isUnusable = false
    private var plans = PlanCache(capacity: 1024)

    init(_ gpu: CUDADevice) { self.gpu = gpu }

    /// Queues a convolution of data, weights and result at these addresses; false where there is no plan for it.
    func convolve(_ library: DNNLibrary, _ convolution: DNNConvolution, _ tensors: [Int]) throws(DeviceError) -> Bool {
        // A closure would lose the type of the error.
        let result: Result<Bool, DeviceError> = lock.withLock {
            do throws(DeviceError) { return .success(try convolveLocked(library, convolution, tensors)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func convolveLocked(_ library: DNNLibrary, _ convolution: DNNConvolution, _ tensors: [Int]) throws(DeviceError) -> Bool {
        if isUnusable { return false }
        try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
        guard let handle = try open(library), let plan = plan(library, convolution, handle) as? DNNPlan else { return false }
        let workspace = plan.workspaceBytes > 0 ? gpu.allocate(byteCount: plan.workspaceBytes) : nil
        if plan.workspaceBytes > 0, workspace == nil {
            explain(convolution, .outOfDeviceMemory(device: gpu.device, requested: plan.workspaceBytes, breakdown: gpu.allocator.breakdown))
            return false
        }
        let pack = try variantPack(library, plan, tensors + [Int(bitPattern: workspace?.pointer)])
        try library.check(library.table.pointee.cudnnBackendExecute(handle, plan.descriptor.raw, pack.raw), "cudnnBackendExecute")
        withExtendedLifetime(workspace) {}
        gpu.capture?.keep(plan)
        if CUDADevice.isDebugging, gpu.capture == nil { try gpu.synchronize() }
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

    private func plan(_ library: DNNLibrary, _ convolution: DNNConvolution, _ handle: cc_dnn_handle) -> LibraryPlan {
        if let known = plans.find(convolution.numbers) { return known }
        var plan = LibraryPlan()
        do throws(DeviceError) {
            if let best = try DNNPlanner(library, convolution, handle: handle).best() { plan = DNNPlan(best.descriptor, workspaceBytes: best.workspaceBytes) }
        } catch {
            // A refusal that is more than a lack is said, and our own kernels convolve.
            if !DNNLibrary.isLack(error) { explain(convolution, error) }
        }
        plans.insert(plan, for: convolution.numbers)
        return plan
    }

    private func explain(_ convolution: DNNConvolution, _ error: DeviceError) {
        CUDAFallbacks.explain("convolution", .unavailable("cuDNN can not do \(convolution.description), and \(DNNLibrary.without): \(error)"))
    }

    /// The addresses for a plan: of data, weights, result and workspace.
    private func variantPack(_ library: DNNLibrary, _ plan: DNNPlan, _ addresses: [Int]) throws(DeviceError) -> DNNDescriptor {
        if let last = plan.lastPack, last.addresses == addresses { return last.descriptor }
        let pack = try DNNDescriptor(
            library, CC_DNN_VARIANT_PACK,
            [
                (CC_DNN_VARIANT_PACK_IDS, CC_DNN_OF_INT64, DNNPlanner.ids), (CC_DNN_VARIANT_PACK_POINTERS, CC_DNN_OF_POINTER, Array(addresses[..<3])),
                (CC_DNN_VARIANT_PACK_WORKSPACE, CC_DNN_OF_POINTER, [addresses[3]]),
            ])
        plan.lastPack = (addresses, pack)
        return pack
    }
}
