// swift-tools-version: 6.2
import PackageDescription

// The folder tree is the architecture: a target imports only from the floors below it.
let package = Package(
    name: "swift-torch",
    products: [
        .library(name: "Torch", targets: ["Torch"]),
        .executable(name: "swift-torch", targets: ["swift-torch"]),
        // For tests only: nothing links it, they open it in the place of CUDA's driver and compiler.
        .library(name: "cuda-emulator", type: .dynamic, targets: ["CCUDAEmulator"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    ],
    targets: [
        // Floor 1: kernels' inner loops (C++), function tables of libraries opened at run time (C).
        .target(
            name: "TorchKernels",
            exclude: ["scalar", "cpu"],
            linkerSettings: [.linkedLibrary("m"), .linkedLibrary("pthread")]),
        .target(name: "CVendor", linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "CCUDA", linkerSettings: [.linkedLibrary("dl")]),
        // Floor 2: what every device shares.
        .target(name: "TorchRuntime", dependencies: Floor.kernels, swiftSettings: swiftSettings),
        // Floor 3: devices.
        .target(name: "TorchCPU", dependencies: Floor.runtime, swiftSettings: swiftSettings),
        .target(name: "TorchCUDA", dependencies: Floor.runtime, swiftSettings: swiftSettings),
        // Floor 4: tensors, operators with their derivatives, autograd.
        .target(name: "TorchTensor", dependencies: Floor.devices + [.product(name: "ComplexModule", package: "swift-numerics")], swiftSettings: swiftSettings),
        // Floor 5
        .target(name: "TorchFormats", dependencies: Floor.tensor, swiftSettings: swiftSettings),
        .target(name: "TorchNN", dependencies: Floor.formats, swiftSettings: swiftSettings),
        .target(name: "TorchOptim", dependencies: Floor.nn, swiftSettings: swiftSettings),
        .target(name: "TorchData", dependencies: Floor.formats, swiftSettings: swiftSettings),
        .target(name: "TorchOperators", dependencies: Floor.nn, swiftSettings: swiftSettings),
        // Floor 7
        .target(name: "Torch", dependencies: Floor.all, swiftSettings: swiftSettings),
        // Floor 8
        .executableTarget(name: "swift-torch", dependencies: Floor.tools, swiftSettings: swiftSettings),
        // The inputs of the workloads that the next two measure.
        .target(name: "WorkloadData", dependencies: Floor.nn, swiftSettings: swiftSettings),
        .executableTarget(name: "torch-bench", dependencies: Floor.tools + ["WorkloadData"], swiftSettings: swiftSettings),
        .executableTarget(name: "gpucheck", dependencies: Floor.tools + ["WorkloadData"], swiftSettings: swiftSettings),
        .executableTarget(name: "torch-conformance", dependencies: Floor.tools, swiftSettings: swiftSettings),

        // Kernels/*.cu as host code, with look-alikes of the driver and of NVRTC.
        .target(
            name: "CCUDAEmulator",
            cxxSettings: [
                .headerSearchPath("."), .headerSearchPath("../../Kernels"), .headerSearchPath("../TorchKernels"), .headerSearchPath("../TorchKernels/include"),
            ],
            linkerSettings: [.linkedLibrary("m"), .linkedLibrary("pthread")]),

        .testTarget(name: "TorchCPUTests", dependencies: Floor.devices, swiftSettings: swiftSettings),
        .testTarget(name: "TorchCUDATests", dependencies: Floor.all + ["gpucheck"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchAutogradTests", dependencies: Floor.tensor, swiftSettings: swiftSettings),
        .testTarget(name: "TorchTensorTests", dependencies: Floor.formats, exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchLinearAlgebraTests", dependencies: Floor.tensor, swiftSettings: swiftSettings),
        .testTarget(name: "TorchRandomTests", dependencies: Floor.tensor, swiftSettings: swiftSettings),
        .testTarget(name: "TorchFormatsTests", dependencies: Floor.formats, exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchNNTests", dependencies: Floor.all, exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchDataTests", dependencies: Floor.all, swiftSettings: swiftSettings),
        .testTarget(name: "TorchOperatorsTests", dependencies: Floor.all, swiftSettings: swiftSettings),
        // They open the library that the product cuda-emulator is.
        .testTarget(name: "CUDAEmulatorTests", swiftSettings: swiftSettings),
        // They run the tool.
        .testTarget(name: "CommandTests", dependencies: Floor.formats + ["swift-torch"], swiftSettings: swiftSettings),
    ],
    cxxLanguageStandard: .cxx20
)

/// What each floor may import. Every target names all modules below it, though it gets them by re-export too: SwiftPM compiles a target again only when a module that
/// it names has changed, and a re-exporting module does not change.
enum Floor {
    static let kernels: [Target.Dependency] = ["TorchKernels", "CVendor", "CCUDA"]
    static let runtime = kernels + ["TorchRuntime"]
    static let devices = runtime + ["TorchCPU", "TorchCUDA"]
    static let tensor = devices + ["TorchTensor"]
    static let formats = tensor + ["TorchFormats"]
    static let nn = formats + ["TorchNN"]
    static let all = nn + ["TorchOptim", "TorchData", "TorchOperators"]
    static let tools = all + ["Torch", .product(name: "ArgumentParser", package: "swift-argument-parser")]
}

/// Release builds go without run-time exclusivity checks: they are a fifth of an operator's cost (recorded add 257 → 223 ns, backward 399 → 300 ns a node).
/// Debug builds keep them, so the tests can be run with them.
var swiftSettings: [SwiftSetting] {
    [.swiftLanguageMode(.v6), .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]
}
