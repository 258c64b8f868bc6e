// swift-tools-version: 6.2
import PackageDescription

// The folder tree is the architecture: a target imports only from the floors below it.
let package = Package(
    name: "swift-torch",
    products: [
        .library(name: "Torch", targets: ["Torch"]),
        .executable(name: "swift-torch", targets: ["swift-torch"]),
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
        // Floor 2: what every device shares.
        .target(name: "TorchRuntime", dependencies: ["TorchKernels"], swiftSettings: swiftSettings),
        // Floor 3: devices.
        .target(name: "TorchCPU", dependencies: ["TorchRuntime", "TorchKernels", "CVendor"], swiftSettings: swiftSettings),
        // Floor 4: tensors, operators with their derivatives, autograd.
        .target(
            name: "TorchTensor",
            dependencies: ["TorchRuntime", "TorchCPU", "TorchKernels", .product(name: "ComplexModule", package: "swift-numerics")],
            swiftSettings: swiftSettings),
        // Floor 5
        .target(name: "TorchFormats", dependencies: ["TorchTensor", "TorchKernels"], swiftSettings: swiftSettings),
        .target(name: "TorchNN", dependencies: ["TorchTensor", "TorchFormats"], swiftSettings: swiftSettings),
        .target(name: "TorchOptim", dependencies: ["TorchNN"], swiftSettings: swiftSettings),
        .target(name: "TorchData", dependencies: ["TorchTensor", "TorchFormats"], swiftSettings: swiftSettings),
        .target(name: "TorchOperators", dependencies: ["TorchTensor", "TorchNN"], swiftSettings: swiftSettings),
        // Floor 7
        .target(
            name: "Torch",
            dependencies: ["TorchTensor", "TorchNN", "TorchOptim", "TorchData", "TorchFormats", "TorchOperators"],
            swiftSettings: swiftSettings),
        // Floor 8
        .executableTarget(
            name: "swift-torch",
            dependencies: ["Torch", "TorchKernels", "CVendor", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "torch-bench",
            dependencies: ["Torch", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "torch-conformance",
            dependencies: ["Torch", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: swiftSettings),
        .testTarget(name: "TorchCPUTests", dependencies: ["TorchCPU", "TorchKernels"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchAutogradTests", dependencies: ["TorchTensor"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchTensorTests", dependencies: ["TorchTensor", "TorchFormats"], exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchNNTests", dependencies: ["TorchNN", "TorchOptim"], exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchDataTests", dependencies: ["TorchData"], swiftSettings: swiftSettings),
        .testTarget(
            name: "TorchFormatsTests", dependencies: ["TorchFormats", "TorchKernels"], path: "Tests/TorchFormatsTests", exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchOperatorsTests", dependencies: ["TorchOperators"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchLinearAlgebraTests", dependencies: ["TorchTensor"], swiftSettings: swiftSettings),
        .testTarget(name: "TorchRandomTests", dependencies: ["TorchTensor"], path: "Tests/TorchRandomTests", swiftSettings: swiftSettings),
    ],
    cxxLanguageStandard: .cxx20
)

/// Release builds go without run-time exclusivity checks: they are a fifth of an operator's cost (recorded add 257 → 223 ns, backward 399 → 300 ns a node).
/// Debug builds keep them, so the tests can be run with them.
var swiftSettings: [SwiftSetting] {
    [.swiftLanguageMode(.v6), .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]
}
