// What cuDNN has for convolutions on a device that is only described; for checks on machines without one.
import CCUDA
import TorchRuntime

/// Asks cuDNN for plans: see Note [Plans without a device].
package enum DNNCheck {
    /// What cuDNN offers for a product: configurations of engines that its heuristics list, those that we would use, those of them that give a plan, and the workspace of the
    /// plan that would be used.
    package struct Survey: Sendable, Equatable {
        package var configurations = 0, acceptable = 0, plans = 0
        package var workspaceBytes: Int?

        package init() {}
    }

    package static let products = ["forward", "data", "weight"]

    /// `deviceJSON`: as cuDNN serialises a device's properties. `product`: of `products`.
    package static func survey(
        product: Int, dtype: DType, channelsLast: Bool, x: [Int], weight: [Int], _ shape: ConvolutionShape, allowsTF32: Bool = true, deviceJSON: String, cudaMajor: Int = 13
    ) throws(DeviceError) -> Survey {
        let library = try DNNLibrary(cudaMajor: cudaMajor)
        let y = [x[0], weight[0]] + shape.stride.indices.map { (x[$0 + 2] + 2 * shape.padding[$0] - shape.dilation[$0] * (weight[$0 + 2] - 1) - 1) / shape.stride[$0] + 1 }
        // Nobody reads there.
        func operand(_ sizes: [Int]) -> Operand {
            Operand(unowned: UnsafeMutableRawPointer(bitPattern: 4096)!, dtype: dtype, sizes: Dims(sizes), strides: channelsLast ? lastStrides(sizes) : Dims(sizes).contiguousStrides)
        }
        guard let kind = DNNConvolution.Product(rawValue: product),
            let convolution = DNNConvolution(kind, y: operand(y), x: operand(x), weight: operand(weight), shape, allowsTF32: allowsTF32)
        else { throw .unavailable("cuDNN is not asked for \(dtype) convolutions of \(x) by \(weight)") }
        let device = try DNNDescriptor(library, CC_DNN_DEVICE)
        try device.set(CC_DNN_DEVICE_JSON, CC_DNN_OF_CHAR, Array(deviceJSON.utf8))
        try device.finalize()
        let planner = try DNNPlanner(library, convolution, .described(device))
        var survey = Survey()
        for mode in [CC_DNN_HEURISTIC_A, CC_DNN_HEURISTIC_FALLBACK] {
            for c in try DNNPlanner.unlessUnsupported({ () throws(DeviceError) in try planner.configurations(mode) }) ?? [] {
                survey.configurations += 1
                guard try planner.isAcceptable(c) else { continue }
                survey.acceptable += 1
                if try DNNPlanner.unlessUnsupported({ () throws(DeviceError) in try planner.plan(c) }) != nil { survey.plans += 1 }
            }
        }
        survey.workspaceBytes = try planner.best()?.workspaceBytes
        return survey
    }

    /// Channels innermost.
    private static func lastStrides(_ sizes: [Int]) -> Dims {
        let turned = Dims([sizes[0]] + sizes[2...] + [sizes[1]]).contiguousStrides
        return Dims(sizes.indices.map { $0 == 0 ? turned[0] : $0 == 1 ? 1 : turned[$0 - 1] })
    }
}
