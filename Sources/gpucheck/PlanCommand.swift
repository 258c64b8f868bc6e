// `gpucheck plan`: whether cuDNN has plans for our convolutions on a device that need not be there.
import ArgumentParser
import Torch
import TorchCUDA

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "plan", abstract: "Asks cuDNN for plans of convolutions on an H100, which need not be there; needs cuDNN only.")

    @Option(help: "Major version of CUDA that cuDNN is built for.") var cuda: Int = 13

    func run() throws {
        var missing = 0
        for g in Self.geometries {
            for dtype in [DType.float32, .float16, .bfloat16] {
                for channelsLast in [false, true] {
                    for (product, name) in DNNCheck.products.enumerated() {
                        let s = try DNNCheck.survey(
                            product: product, dtype: dtype, channelsLast: channelsLast, x: g.x, weight: g.weight, g.shape, deviceJSON: Self.device, cudaMajor: cuda)
                        let exact = try DNNCheck.survey(
                            product: product, dtype: dtype, channelsLast: channelsLast, x: g.x, weight: g.weight, g.shape, allowsTF32: false, deviceJSON: Self.device, cudaMajor: cuda)
                        missing += s.workspaceBytes == nil ? 1 : 0
                        print(
                            "\(g.name) \(dtype) \(channelsLast ? "NHWC" : "NCHW") \(name): \(s.configurations) configurations, \(s.acceptable) acceptable, \(s.plans) plans, "
                                + "workspace \(s.workspaceBytes.map { "\($0)" } ?? "none")"
                                + (dtype == .float32 ? "; without tf32 \(exact.acceptable) acceptable, \(exact.plans) plans, workspace \(exact.workspaceBytes.map { "\($0)" } ?? "none")" : ""))
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
    package static let device = """
        {"deviceVer":900,"driverVer":13000,"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,"multiProcessorCount":132,"warpSize":32,\
        "maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":232448,"reservedSharedMemoryPerBlock":1024,"maxSharedMemoryPerSM":233472,"maxRegistersPerSM":65536,\
        "maxCtasPerSM":32,"maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,"cudaDeviceId":0,"isTccDriver":0,"supportCoopLaunch":1,"totalGlobalMem":85899345920,\
        "smClockRateKHz":1980000,"memClockRateKHz":2619000,"l2CacheSize":52428800,"deviceName":"NVIDIA H100 80GB HBM3"}
        """
}
