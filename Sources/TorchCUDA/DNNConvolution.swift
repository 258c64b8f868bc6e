// A convolution as cuDNN sees it: its descriptors, the engines that may do it, and the plan of the best of them.
import CCUDA
import TorchRuntime

/// One of a convolution's three products, as the numbers that a plan for it depends on.
package struct DNNConvolution {
    package enum Product: Int, CaseIterable, Sendable {
        case forward, backwardData, backwardWeight
    }
    let product: Product
    let dtype: DType
    /// Whether factors that are float32 may be rounded to tf32.
    let allowsTF32: Bool
    /// Batch, channels and two or three spatial dims: what cuDNN's engines have.
    let rank: Int
    /// Product, type, tf32; the alignments of data, weights and result; sizes and strides of each; stride, padding, dilation.
    let numbers: [Int]

    /// nil for what cuDNN is not asked: other types, tensors of other layouts.
    package init?(_ product: Product, y: Operand, x: Operand, weight: Operand, _ shape: ConvolutionShape, allowsTF32: Bool) {
        guard [.float32, .float16, .bfloat16].contains(y.dtype), x.dtype == y.dtype, weight.dtype == y.dtype, (3...5).contains(y.sizes.count) else { return nil }
        (self.product, dtype, self.allowsTF32, rank) = (product, y.dtype, allowsTF32 && y.dtype == .float32, max(y.sizes.count, 4))
        // A line is one of the rows of a plane.
        let isLine = y.sizes.count == 3
        var n = [product.rawValue, Int(y.dtype.rawValue), self.allowsTF32 ? 1 : 0]
        var layouts: [Int] = []
        for o in [x, weight, y] {
            // Bytes that the address is a multiple of.
            n.append(min(16, 1 << UInt(bitPattern: o.pointer).trailingZeroBitCount))
            var sizes = Array(o.sizes)
            guard var strides = Self.strides(sizes, Array(o.strides)) else { return nil }
            if isLine {
                strides.insert(sizes[2] * strides[2], at: 2)
                sizes.insert(1, at: 2)
            }
            layouts += sizes
            layouts += strides
        }
        n += layouts
        for (values, none) in [(shape.stride, 1), (shape.padding, 0), (shape.dilation, 1)] {
            if isLine { n.append(none) }
            n += values
        }
        numbers = n
    }

    /// Strides of a tensor that is contiguous, or is so with its channels innermost. A dim of size 1 may have any stride, and gets the one that it has in such a tensor.
    private static func strides(_ sizes: [Int], _ given: [Int]) -> [Int]? {
        let rank = sizes.count
        for channelsLast in [false, true] {
            var strides = given
            var (step, fits) = (1, true)
            for k in 0..<rank {
                // From the innermost dim outwards.
                let d = !channelsLast || k == rank - 1 ? rank - 1 - k : k == 0 ? 1 : rank - k
                fits = fits && (sizes[d] == 1 || given[d] == step)
                strides[d] = step
                step *= sizes[d]
            }
            if fits { return strides }
        }
        return nil
    }

    func alignment(_ tensor: Int) -> Int { numbers[3 + tensor] }
    func sizes(_ tensor: Int) -> [Int] { Array(numbers[(6 + 2 * tensor * rank)...].prefix(rank)) }
    func strides(_ tensor: Int) -> [Int] { Array(numbers[(6 + (2 * tensor + 1) * rank)...].prefix(rank)) }
    /// Of stride, padding and dilation the i-th.
    func geometry(_ i: Int) -> [Int] { Array(numbers[(6 + 6 * rank + i * (rank - 2))...].prefix(rank - 2)) }

    /// For messages.
    var description: String {
        "convolution (\(product), \(dtype), data \(sizes(0)), weights \(sizes(1)), stride \(geometry(0)), padding \(geometry(1)), dilation \(geometry(2)))"
    }
}

/// An engine of cuDNN, ready to convolve.
final class DNNPlan: LibraryPlan {
    let descriptor: DNNDescriptor
    let workspaceBytes: Int
    /// The addresses of the last execution and what was made for them: training comes back to the same ones.
    var lastPack: (addresses: [Int], descriptor: DNNDescriptor)?

    init(_ descriptor: DNNDescriptor, workspaceBytes: Int) {
        (self.descriptor, self.workspaceBytes) = (descriptor, workspaceBytes)
        super.init()
    }
}

/// The descriptors of a convolution, and what cuDNN offers for it.
///
/// Note [Plans without a device]
/// cuDNN needs no device to plan, only a description of one: with it in the place of the handle the same descriptors can be tried on any machine, as `gpucheck plan` does. Such
/// plans can not be executed.
package final class DNNPlanner {
    private let library: DNNLibrary
    private let convolution: DNNConvolution
    private let graph: DNNDescriptor
    /// Of these two one is there.
    private let handle: cc_dnn_handle?
    private let device: DNNDescriptor?

    /// Identifiers of data, weights and result.
    static let ids = [1, 2, 3]

    init(_ library: DNNLibrary, _ convolution: DNNConvolution, handle: cc_dnn_handle?, device: DNNDescriptor? = nil) throws(DeviceError) {
        (self.library, self.convolution, self.handle, self.device) = (library, convolution, handle, device)
        let c = convolution
        let type = c.dtype == .float16 ? CC_DNN_F16 : c.dtype == .bfloat16 ? CC_DNN_BF16 : CC_DNN_F32
        var tensors: [DNNDescriptor] = []
        for (t, id) in Self.ids.enumerated() {
            tensors.append(
                try DNNDescriptor(
                    library, CC_DNN_TENSOR,
                    [
                        (CC_DNN_TENSOR_ID, CC_DNN_OF_INT64, [id]), (CC_DNN_TENSOR_DATA_TYPE, CC_DNN_OF_DATA_TYPE, [type]), (CC_DNN_TENSOR_ALIGNMENT, CC_DNN_OF_INT64, [c.alignment(t)]),
                        (CC_DNN_TENSOR_DIMS, CC_DNN_OF_INT64, c.sizes(t)), (CC_DNN_TENSOR_STRIDES, CC_DNN_OF_INT64, c.strides(t)),
                    ]))
        }
        let geometry = try DNNDescriptor(
            library, CC_DNN_CONVOLUTION,
            [
                (CC_DNN_CONVOLUTION_COMPUTE, CC_DNN_OF_DATA_TYPE, [CC_DNN_F32]), (CC_DNN_CONVOLUTION_MODE, CC_DNN_OF_CONVOLUTION_MODE, [CC_DNN_CROSS_CORRELATION]),
                (CC_DNN_CONVOLUTION_SPATIAL_DIMS, CC_DNN_OF_INT64, [c.rank - 2]), (CC_DNN_CONVOLUTION_STRIDES, CC_DNN_OF_INT64, c.geometry(0)),
                (CC_DNN_CONVOLUTION_PRE_PADDINGS, CC_DNN_OF_INT64, c.geometry(1)), (CC_DNN_CONVOLUTION_POST_PADDINGS, CC_DNN_OF_INT64, c.geometry(1)),
                (CC_DNN_CONVOLUTION_DILATIONS, CC_DNN_OF_INT64, c.geometry(2)),
            ])
        let (kind, alpha) = [
            (CC_DNN_FORWARD, CC_DNN_FORWARD_ALPHA), (CC_DNN_BACKWARD_DATA, CC_DNN_BACKWARD_DATA_ALPHA), (CC_DNN_BACKWARD_WEIGHT, CC_DNN_BACKWARD_WEIGHT_ALPHA),
        ][c.product.rawValue]
        // The other attributes follow alpha in the same order for all three.
        let operation = try DNNDescriptor(
            library, kind, [(alpha, CC_DNN_OF_FLOAT, [1]), (alpha + 1, CC_DNN_OF_FLOAT, [0])],
            parts: [(alpha + 2, geometry), (alpha + 3, tensors[1]), (alpha + 4, tensors[0]), (alpha + 5, tensors[2])])
        graph = try DNNDescriptor(
            library, CC_DNN_GRAPH, handle.map { [(CC_DNN_GRAPH_HANDLE, CC_DNN_OF_HANDLE, [Int(bitPattern: $0)])] } ?? [], parts: [(CC_DNN_GRAPH_OPERATIONS, operation)])
    }

    /// For a device that is described: its properties as cuDNN serialises them.
    package convenience init(_ library: DNNLibrary, _ convolution: DNNConvolution, deviceJSON: String) throws(DeviceError) {
        let device = try DNNDescriptor(library, CC_DNN_DEVICE, [(CC_DNN_DEVICE_JSON, CC_DNN_OF_CHAR, deviceJSON.utf8.map { Int($0) })])
        try self.init(library, convolution, handle: nil, device: device)
    }

    // MARK: Engines

    /// Configurations of engines, best first: by cuDNN's model of the device, or those that are slow and nearly always work.
    package func configurations(fallback: Bool) throws(DeviceError) -> [DNNDescriptor] {
        do throws(DeviceError) {
            let heuristic = try DNNDescriptor(
                library, CC_DNN_HEURISTIC, [(CC_DNN_HEURISTIC_MODE, CC_DNN_OF_HEURISTIC_MODE, [fallback ? CC_DNN_HEURISTIC_FALLBACK : CC_DNN_HEURISTIC_A])],
                parts: [(CC_DNN_HEURISTIC_GRAPH, graph)] + (device.map { [(CC_DNN_HEURISTIC_DEVICE, $0)] } ?? []))
            return try heuristic.parts(CC_DNN_HEURISTIC_RESULTS, kind: CC_DNN_ENGINE_CONFIG)
        } catch {
            if DNNLibrary.isLack(error) { return [] }
            throw error
        }
    }

    /// Whether an engine keeps what we promise: the same bits each time, sums in float32, and factors that are rounded only where that is allowed. One that would compile a kernel
    /// first, for seconds, is passed over too.
    package func isAcceptable(_ configuration: DNNDescriptor) throws(DeviceError) -> Bool {
        guard let engine = try configuration.parts(CC_DNN_ENGINE_CONFIG_ENGINE, kind: CC_DNN_ENGINE).first else { return false }
        var refused = [CC_DNN_NOTE_NONDETERMINISTIC, CC_DNN_NOTE_REDUCED_PRECISION_REDUCTION]
        if convolution.dtype == .float32 {
            // To less than tf32; and without leave, tensor cores at all, which have nothing wider.
            refused.append(CC_DNN_NOTE_DOWN_CONVERT_INPUTS)
            if !convolution.allowsTF32 { refused.append(CC_DNN_NOTE_TENSOR_CORE) }
        }
        if try engine.numbers(CC_DNN_ENGINE_NUMERICAL_NOTES, CC_DNN_OF_NUMERICAL_NOTE, most: CC_DNN_NOTE_COUNT).contains(where: refused.contains) { return false }
        return try !engine.numbers(CC_DNN_ENGINE_BEHAVIOR_NOTES, CC_DNN_OF_BEHAVIOR_NOTE, most: CC_DNN_BEHAVIOR_NOTE_COUNT).contains(CC_DNN_NOTE_RUNTIME_COMPILATION)
    }

    /// nil if the engine can not do it after all. `workspaceBytes` is what it needs.
    package func plan(_ configuration: DNNDescriptor) throws(DeviceError) -> (descriptor: DNNDescriptor, workspaceBytes: Int)? {
        do throws(DeviceError) {
            let plan = try DNNDescriptor(
                library, CC_DNN_PLAN, handle.map { [(CC_DNN_PLAN_HANDLE, CC_DNN_OF_HANDLE, [Int(bitPattern: $0)])] } ?? [],
                parts: [(CC_DNN_PLAN_ENGINE_CONFIG, configuration)] + (device.map { [(CC_DNN_PLAN_DEVICE, $0)] } ?? []))
            return (plan, try plan.numbers(CC_DNN_PLAN_WORKSPACE_SIZE, CC_DNN_OF_INT64, most: 1).first ?? 0)
        } catch {
            if DNNLibrary.isLack(error) { return nil }
            throw error
        }
    }

    /// More memory than this is not worth any engine.
    private static let workspaceLimit = 1 << 30

    /// The first plan that can be made, by the geometry alone: what memory is free now must not change the bits of a result. nil if cuDNN has none.
    package func best() throws(DeviceError) -> (descriptor: DNNDescriptor, workspaceBytes: Int)? {
        for fallback in [false, true] {
            for c in try configurations(fallback: fallback) where try isAcceptable(c) {
                if let plan = try plan(c), plan.workspaceBytes <= Self.workspaceLimit { return plan }
            }
        }
        return nil
    }
}
