// A convolution as cuDNN sees it: its descriptors, the engines that may do it, and the plan of the best of them.
import CCUDA
import TorchRuntime

/// One of a convolution's three products, with all that a plan for it depends on.
struct DNNConvolution: Hashable {
    enum Product: Int, CaseIterable {
        case forward, backwardData, backwardWeight
    }
    struct Tensor: Hashable {
        /// At least two spatial dims, which is what cuDNN's engines have.
        var sizes, strides: Dims
        /// Bytes that the address is a multiple of, at most 16.
        var alignment: Int

        static func == (a: Tensor, b: Tensor) -> Bool { a.alignment == b.alignment && a.sizes == b.sizes && a.strides == b.strides }
        func hash(into hasher: inout Hasher) {
            for d in sizes { hasher.combine(d) }
            for d in strides { hasher.combine(d) }
            hasher.combine(alignment)
        }
    }
    let product: Product
    let dtype: DType
    /// Whether factors that are float32 may be rounded to tf32.
    let allowsTF32: Bool
    let x, weight, y: Tensor
    let stride, padding, dilation: Dims

    static func == (a: Self, b: Self) -> Bool {
        a.product == b.product && a.dtype == b.dtype && a.allowsTF32 == b.allowsTF32 && a.x == b.x && a.weight == b.weight && a.y == b.y && a.stride == b.stride
            && a.padding == b.padding && a.dilation == b.dilation
    }
    func hash(into hasher: inout Hasher) {
        for n in [product.rawValue, Int(dtype.rawValue), allowsTF32 ? 1 : 0] { hasher.combine(n) }
        for t in [x, weight, y] { hasher.combine(t) }
        for dims in [stride, padding, dilation] { for d in dims { hasher.combine(d) } }
    }

    /// nil for what cuDNN is not asked: other types, tensors that are not dense.
    init?(_ product: Product, y: Operand, x: Operand, weight: Operand, _ shape: ConvolutionShape, allowsTF32: Bool) {
        guard [.float32, .float16, .bfloat16].contains(y.dtype), x.dtype == y.dtype, weight.dtype == y.dtype, (3...5).contains(y.sizes.count) else { return nil }
        guard let x = Self.tensor(x), let weight = Self.tensor(weight), let y = Self.tensor(y) else { return nil }
        let isLine = shape.stride.count == 1
        (self.product, dtype, self.allowsTF32, self.x, self.weight, self.y) = (product, weight.dtype, allowsTF32 && weight.dtype == .float32, x.tensor, weight.tensor, y.tensor)
        stride = Dims(isLine ? [1] + shape.stride : shape.stride)
        padding = Dims(isLine ? [0] + shape.padding : shape.padding)
        dilation = Dims(isLine ? [1] + shape.dilation : shape.dilation)
    }

    /// A dense tensor; of a line the spatial dim is the inner one of two.
    private static func tensor(_ o: Operand) -> (tensor: Tensor, dtype: DType)? {
        var (sizes, strides) = (o.sizes, o.strides)
        let order = (0..<sizes.count).filter { sizes[$0] != 1 }.sorted { strides[$0] < strides[$1] }
        var expected = 1
        for d in order {
            if strides[d] != expected { return nil }
            expected *= sizes[d]
        }
        if sizes.count == 3 {
            strides.insert(sizes[2] * strides[2], at: 2)
            sizes.insert(1, at: 2)
        }
        return (Tensor(sizes: sizes, strides: strides, alignment: min(16, 1 << UInt(bitPattern: o.pointer).trailingZeroBitCount)), o.dtype)
    }

    /// For messages.
    var description: String {
        let names: [String] = ["convolution", "the gradient of a convolution's data", "the gradient of a convolution's weights"]
        return "\(names[product.rawValue]) (\(dtype), data \(x.sizes), weights \(weight.sizes), stride \(stride), padding \(padding), dilation \(dilation))"
    }
}

/// What plans are made for.
///
/// Note [Plans without a device]
/// cuDNN needs no device to plan, only a description of one: with it in the place of the handle the same descriptors can be tried on any machine, as `gpucheck plan` does. Such
/// plans can not be executed.
enum DNNTarget {
    case handle(cc_dnn_handle)
    case described(DNNDescriptor)
}

/// An engine of cuDNN, ready to convolve.
final class DNNPlan {
    let descriptor: DNNDescriptor
    let workspaceBytes: Int
    /// The addresses of the last execution and what was made for them: training comes back to the same ones.
    var lastPack: (addresses: SIMD4<UInt64>, descriptor: DNNDescriptor)?

    fileprivate init(_ descriptor: DNNDescriptor, workspaceBytes: Int) {
        self.descriptor = descriptor
        self.workspaceBytes = workspaceBytes
    }
}

/// The descriptors of a convolution, and what cuDNN offers for it.
struct DNNPlanner {
    let convolution: DNNConvolution
    let target: DNNTarget
    private let library: DNNLibrary
    private let graph: DNNDescriptor

    /// Identifiers of the tensors in a plan.
    static let ids: [Int64] = [1, 2, 3]

    init(_ library: DNNLibrary, _ convolution: DNNConvolution, _ target: DNNTarget) throws(DeviceError) {
        (self.library, self.convolution, self.target) = (library, convolution, target)
        var tensors: [DNNDescriptor] = []
        for (id, t) in zip(Self.ids, [convolution.x, convolution.weight, convolution.y]) { tensors.append(try Self.tensor(library, id, t, convolution.dtype)) }
        let geometry = try DNNDescriptor(library, CC_DNN_CONVOLUTION)
        try geometry.set(CC_DNN_CONVOLUTION_COMPUTE, CC_DNN_OF_DATA_TYPE, [Int32(CC_DNN_F32)])
        try geometry.set(CC_DNN_CONVOLUTION_MODE, CC_DNN_OF_CONVOLUTION_MODE, [Int32(CC_DNN_CROSS_CORRELATION)])
        try geometry.set(CC_DNN_CONVOLUTION_SPATIAL_DIMS, convolution.stride.count)
        try geometry.set(CC_DNN_CONVOLUTION_STRIDES, convolution.stride)
        try geometry.set(CC_DNN_CONVOLUTION_DILATIONS, convolution.dilation)
        for attribute in [CC_DNN_CONVOLUTION_PRE_PADDINGS, CC_DNN_CONVOLUTION_POST_PADDINGS] { try geometry.set(attribute, convolution.padding) }
        try geometry.finalize()

        // The attributes: alpha, beta, geometry, x, weights, y.
        let (kind, attributes): (Int, [Int])
        switch convolution.product {
        case .forward:
            (kind, attributes) = (
                CC_DNN_FORWARD, [CC_DNN_FORWARD_ALPHA, CC_DNN_FORWARD_BETA, CC_DNN_FORWARD_CONVOLUTION, CC_DNN_FORWARD_X, CC_DNN_FORWARD_W, CC_DNN_FORWARD_Y]
            )
        case .backwardData:
            (kind, attributes) = (
                CC_DNN_BACKWARD_DATA,
                [
                    CC_DNN_BACKWARD_DATA_ALPHA, CC_DNN_BACKWARD_DATA_BETA, CC_DNN_BACKWARD_DATA_CONVOLUTION, CC_DNN_BACKWARD_DATA_DX, CC_DNN_BACKWARD_DATA_W,
                    CC_DNN_BACKWARD_DATA_DY,
                ]
            )
        case .backwardWeight:
            (kind, attributes) = (
                CC_DNN_BACKWARD_WEIGHT,
                [
                    CC_DNN_BACKWARD_WEIGHT_ALPHA, CC_DNN_BACKWARD_WEIGHT_BETA, CC_DNN_BACKWARD_WEIGHT_CONVOLUTION, CC_DNN_BACKWARD_WEIGHT_X, CC_DNN_BACKWARD_WEIGHT_DW,
                    CC_DNN_BACKWARD_WEIGHT_DY,
                ]
            )
        }
        let operation = try DNNDescriptor(library, kind)
        try operation.set(attributes[0], CC_DNN_OF_FLOAT, [Float(1)])
        try operation.set(attributes[1], CC_DNN_OF_FLOAT, [Float(0)])
        for (attribute, part) in zip(attributes[2...], [geometry] + tensors) { try operation.set(attribute, part) }
        try operation.finalize()
        graph = try DNNDescriptor(library, CC_DNN_GRAPH)
        if case .handle(let handle) = target { try graph.set(CC_DNN_GRAPH_HANDLE, CC_DNN_OF_HANDLE, [handle]) }
        try graph.set(CC_DNN_GRAPH_OPERATIONS, operation)
        try graph.finalize()
    }

    private static func tensor(_ library: DNNLibrary, _ id: Int64, _ t: DNNConvolution.Tensor, _ dtype: DType) throws(DeviceError) -> DNNDescriptor {
        let d = try DNNDescriptor(library, CC_DNN_TENSOR)
        try d.set(CC_DNN_TENSOR_ID, CC_DNN_OF_INT64, [id])
        try d.set(CC_DNN_TENSOR_DATA_TYPE, CC_DNN_OF_DATA_TYPE, [Int32(dtype == .float16 ? CC_DNN_F16 : dtype == .bfloat16 ? CC_DNN_BF16 : CC_DNN_F32)])
        try d.set(CC_DNN_TENSOR_ALIGNMENT, t.alignment)
        try d.set(CC_DNN_TENSOR_DIMS, t.sizes)
        try d.set(CC_DNN_TENSOR_STRIDES, t.strides)
        try d.finalize()
        return d
    }

    // MARK: Engines

    /// Configurations of engines, best first. Mode A is cuDNN's model of the device; the fallback lists what is slow and nearly always works.
    func configurations(_ mode: Int) throws(DeviceError) -> [DNNDescriptor] {
        let heuristic = try DNNDescriptor(library, CC_DNN_HEURISTIC)
        try heuristic.set(CC_DNN_HEURISTIC_GRAPH, graph)
        try heuristic.set(CC_DNN_HEURISTIC_MODE, CC_DNN_OF_HEURISTIC_MODE, [Int32(mode)])
        if case .described(let device) = target { try heuristic.set(CC_DNN_HEURISTIC_DEVICE, device) }
        try heuristic.finalize()
        return try heuristic.get(CC_DNN_HEURISTIC_RESULTS, kind: CC_DNN_ENGINE_CONFIG)
    }

    /// Whether an engine keeps what we promise: the same bits each time, sums in float32, and factors that are rounded only where that is allowed. One that would compile a kernel
    /// first, for seconds, is passed over too.
    func isAcceptable(_ configuration: DNNDescriptor) throws(DeviceError) -> Bool {
        guard let engine = try configuration.get(CC_DNN_ENGINE_CONFIG_ENGINE, kind: CC_DNN_ENGINE).first else { return false }
        let notes = try engine.get(CC_DNN_ENGINE_NUMERICAL_NOTES, CC_DNN_OF_NUMERICAL_NOTE, most: CC_DNN_NOTE_COUNT, Int32(0)).map { Int($0) }
        var refused = [CC_DNN_NOTE_NONDETERMINISTIC, CC_DNN_NOTE_REDUCED_PRECISION_REDUCTION]
        if convolution.dtype == .float32 {
            // To less than tf32; and without leave, tensor cores at all, which have nothing wider.
            refused.append(CC_DNN_NOTE_DOWN_CONVERT_INPUTS)
            if !convolution.allowsTF32 { refused.append(CC_DNN_NOTE_TENSOR_CORE) }
        }
        if notes.contains(where: refused.contains) { return false }
        return try !engine.get(CC_DNN_ENGINE_BEHAVIOR_NOTES, CC_DNN_OF_BEHAVIOR_NOTE, most: CC_DNN_BEHAVIOR_NOTE_COUNT, Int32(0)).contains(Int32(CC_DNN_NOTE_RUNTIME_COMPILATION))
    }

    func plan(_ configuration: DNNDescriptor) throws(DeviceError) -> DNNPlan {
        let plan = try DNNDescriptor(library, CC_DNN_PLAN)
        switch target {
        case .handle(let handle): try plan.set(CC_DNN_PLAN_HANDLE, CC_DNN_OF_HANDLE, [handle])
        case .described(let device): try plan.set(CC_DNN_PLAN_DEVICE, device)
        }
        try plan.set(CC_DNN_PLAN_ENGINE_CONFIG, configuration)
        try plan.finalize()
        let bytes = try plan.get(CC_DNN_PLAN_WORKSPACE_SIZE, CC_DNN_OF_INT64, most: 1, Int64(0)).first ?? 0
        return DNNPlan(plan, workspaceBytes: Int(bytes))
    }

    /// More memory than this is not worth any engine.
    private static let workspaceLimit = 1 << 30

    /// The first plan that can be made, by the geometry alone: what is free now must not change the bits of a result. nil if cuDNN has none.
    func best() throws(DeviceError) -> DNNPlan? {
        for mode in [CC_DNN_HEURISTIC_A, CC_DNN_HEURISTIC_FALLBACK] {
            guard let list = try Self.unlessUnsupported({ () throws(DeviceError) in try configurations(mode) }) else { continue }
            for c in list where try isAcceptable(c) {
                if let plan = try Self.unlessUnsupported({ () throws(DeviceError) in try plan(c) }), plan.workspaceBytes <= Self.workspaceLimit { return plan }
            }
        }
        return nil
    }

    /// nil where cuDNN says that it has nothing for this, in one of its ways.
    static func unlessUnsupported<Value>(_ body: () throws(DeviceError) -> Value) throws(DeviceError) -> Value? {
        do throws(DeviceError) { return try body() } catch {
            if case .cuda(_, let code, _, _, _) = error, (CC_DNN_NOT_SUPPORTED..<CC_DNN_NOT_SUPPORTED + 1000).contains(code) { return nil }
            throw error
        }
    }
}
