// `gpucheck plan`: whether cuDNN has plans for our convolutions on a device that need not be there.
import ArgumentParser
import Torch
import TorchCUDA

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "plan", abstract: "Asks cuDNN for plans of convolutions on an H100, which need not be there; needs cuDNN only.")

    @Option(help: "Major version of CUDA that cuDNN is built for.") var cuda: Int = 13

    func run() throws {
        let library = try DNNLibrary(cudaMajor: cuda)
        var missing = 0
        for g in Self.geometries {
            for dtype in [DType.float32, .float16, .bfloat16] {
                for channelsLast in [false, true] {
                    for product in DNNConvolution.Product.allCases {
                        func survey(tf32: Bool) throws -> Survey {
                            try Survey(library, product, dtype, channelsLast: channelsLast, x: g.x, weight: g.weight, g.shape, allowsTF32: tf32, deviceJSON: Self.device)
                        }
                        let s = try survey(tf32: true)
                        missing += s.workspaceBytes == nil ? 1 : 0
                        print("\(g.name) \(dtype) \(channelsLast ? "NHWC" : "NCHW") \(product): \(s)" + (dtype == .float32 ? "; without tf32: \(try survey(tf32: false))" : ""))
                    }
                }
            }
        }
        print("\(missing) products without a plan, which our own kernels do")
    }

    private struct Geometry {
        let name: String
        let x, weight: [Int]
        let shape: ConvolutionShape

        init(_ name: String, _ x: [Int], _ weight: [Int], stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1) {
            func all(_ n: Int) -> [Int] { [Int](repeating: n, count: x.count - 2) }
            (self.name, self.x, self.weight) = (name, x, weight)
            shape = ConvolutionShape(stride: all(stride), padding: all(padding), dilation: all(dilation), groups: groups)
        }
    }

    private static let geometries = [
        Geometry("3x3", [32, 64, 56, 56], [128, 64, 3, 3], padding: 1), Geometry("1x1", [32, 256, 14, 14], [64, 256, 1, 1]),
        Geometry("7x7 of 3 channels", [8, 3, 224, 224], [64, 3, 7, 7], stride: 2, padding: 3), Geometry("dilated", [4, 32, 33, 31], [48, 32, 3, 3], padding: 2, dilation: 2),
        Geometry("odd channels", [3, 7, 19, 17], [5, 7, 3, 2], stride: 2), Geometry("groups", [8, 64, 28, 28], [64, 16, 3, 3], padding: 1, groups: 4),
        Geometry("depthwise", [8, 96, 28, 28], [96, 1, 3, 3], padding: 1, groups: 96), Geometry("line", [8, 32, 400], [64, 32, 5], padding: 2),
        Geometry("volume", [2, 16, 12, 24, 24], [32, 16, 3, 3, 3], padding: 1),
    ]

    /// An H100 in the words of cuDNN.
    private static let device = """
        {"deviceVer":900,"driverVer":13000,"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,"multiProcessorCount":132,"warpSize":32,\
        "maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":232448,"reservedSharedMemoryPerBlock":1024,"maxSharedMemoryPerSM":233472,"maxRegistersPerSM":65536,\
        "maxCtasPerSM":32,"maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,"cudaDeviceId":0,"isTccDriver":0,"supportCoopLaunch":1,"totalGlobalMem":85899345920,\
        "smClockRateKHz":1980000,"memClockRateKHz":2619000,"l2CacheSize":52428800,"deviceName":"NVIDIA H100 80GB HBM3"}
        """
}

/// What cuDNN offers for a product: configurations of engines that its heuristics list, those that we would use, those of them that give a plan, and the workspace of the plan that
/// would be used, nil where there is none.
package struct Survey: Equatable, CustomStringConvertible {
    package var configurations = 0, acceptable = 0, plans = 0
    package var workspaceBytes: Int?

    package init(configurations: Int, acceptable: Int, plans: Int, workspaceBytes: Int?) {
        (self.configurations, self.acceptable, self.plans, self.workspaceBytes) = (configurations, acceptable, plans, workspaceBytes)
    }

    /// `deviceJSON`: as cuDNN serialises a device's properties.
    package init(
        _ library: DNNLibrary, _ product: DNNConvolution.Product, _ dtype: DType, channelsLast: Bool, x: [Int], weight: [Int], _ shape: ConvolutionShape, allowsTF32: Bool, deviceJSON: String
    ) throws {
        let y = [x[0], weight[0]] + shape.stride.indices.map { (x[$0 + 2] + 2 * shape.padding[$0] - shape.dilation[$0] * (weight[$0 + 2] - 1) - 1) / shape.stride[$0] + 1 }
        // Nobody reads there.
        func operand(_ sizes: [Int]) -> Operand {
            let turned = Dims([sizes[0]] + sizes[2...] + [sizes[1]]).contiguousStrides
            let last = Dims(sizes.indices.map { $0 == 0 ? turned[0] : $0 == 1 ? 1 : turned[$0 - 1] })
            return Operand(unowned: UnsafeMutableRawPointer(bitPattern: 4096)!, dtype: dtype, sizes: Dims(sizes), strides: channelsLast ? last : Dims(sizes).contiguousStrides)
        }
        guard let convolution = DNNConvolution(product, y: operand(y), x: operand(x), weight: operand(weight), shape, allowsTF32: allowsTF32) else {
            throw ValidationError("cuDNN is not asked for \(dtype) convolutions of \(x) by \(weight)")
        }
        let planner = try DNNPlanner(library, convolution, deviceJSON: deviceJSON)
        for fallback in [false, true] {
            for c in try planner.configurations(fallback: fallback) {
                configurations += 1
                guard try planner.isAcceptable(c) else { continue }
                acceptable += 1
                if try planner.plan(c) != nil { plans += 1 }
            }
        }
        workspaceBytes = try planner.best()?.workspaceBytes
    }

    package var description: String { "\(configurations) configurations, \(acceptable) acceptable, \(plans) plans, workspace \(workspaceBytes.map { "\($0)" } ?? "none")" }
}
