// Convolutions by cuDNN, played by the emulator's look-alike, which refuses what the real one refuses and whose first engines are those that must not be used.
import Glibc
import Testing
import TorchCUDA
import TorchTensor
import gpucheck

private func number(_ function: String) -> Int {
    let function = unsafeBitCast(dlsym(dlopen(Emulator.path!, RTLD_NOW | RTLD_LOCAL), function), to: (@convention(c) () -> UInt64).self)
    return Int(function())
}
/// Convolutions that the look-alike made in this process, and its plans for them.
private func convolutions() -> Int { number("emulator_dnn_convolutions") }
private func plans() -> Int { number("emulator_dnn_plans") }

private func useDNN(_ settings: [String: String] = [:]) {
    Emulator.use(["SWIFT_TORCH_CUDNN": Emulator.path!].merging(settings) { $1 })
}

/// A convolution's sizes.
private struct Case: Sendable {
    var x = [2, 4, 9, 8], weight = [10, 4, 3, 3]
    var stride = 1, padding = 1, dilation = 1, groups = 1

    var shape: ConvolutionShape {
        func all(_ n: Int) -> [Int] { [Int](repeating: n, count: x.count - 2) }
        return ConvolutionShape(stride: all(stride), padding: all(padding), dilation: all(dilation), groups: groups)
    }
}

private let cases = [
    Case(), Case(x: [3, 8, 7, 10], weight: [12, 4, 3, 2], stride: 2, padding: 1, dilation: 2, groups: 2), Case(x: [2, 5, 31], weight: [6, 5, 4], stride: 3, padding: 2),
    Case(x: [1, 4, 5, 6, 4], weight: [6, 2, 2, 3, 2], padding: 1, groups: 2), Case(x: [2, 17, 6, 6], weight: [20, 17, 1, 1], stride: 2, padding: 0),
]

/// The result and the gradients of its weighted sum.
private func products(_ t: Case, _ dtype: DType, on device: Device, bias hasBias: Bool = true) -> [Tensor] {
    func numbers(_ shape: [Int], _ seed: UInt64) -> Tensor { Tensor.randn(shape, generator: Generator(seed: seed)).to(dtype).to(device) }
    var leaves = [numbers(t.x, 1).requiringGrad(), numbers(t.weight, 2).requiringGrad()]
    if hasBias { leaves.append(numbers([t.weight[0]], 3).requiringGrad()) }
    let bias = hasBias ? leaves[2] : nil
    let y: Tensor
    switch t.x.count {
    case 3: y = conv1d(leaves[0], leaves[1], bias, stride: .init(integerLiteral: t.stride), padding: .init(integerLiteral: t.padding), dilation: .init(integerLiteral: t.dilation), groups: t.groups)
    case 4: y = conv2d(leaves[0], leaves[1], bias, stride: .init(integerLiteral: t.stride), padding: .init(integerLiteral: t.padding), dilation: .init(integerLiteral: t.dilation), groups: t.groups)
    default: y = conv3d(leaves[0], leaves[1], bias, stride: .init(integerLiteral: t.stride), padding: .init(integerLiteral: t.padding), dilation: .init(integerLiteral: t.dilation), groups: t.groups)
    }
    return [y.detached()] + gradients(of: [(y * numbers(y.shape, 4)).sum()], withRespectTo: leaves)
}

/// What is different between the device and the CPU, nil if nothing is.
private func difference(_ t: Case, _ dtype: DType, bias: Bool = true, within tolerance: Double) -> String? {
    let (there, here) = (products(t, dtype, on: .cuda, bias: bias).map { $0.to(.cpu) }, products(t, dtype, on: .cpu, bias: bias))
    for (k, (u, v)) in zip(there, here).enumerated() {
        let (u, v) = (u.to(.float64), v.to(.float64))
        let d = ((u - v).abs() / (v.abs() + 3)).max().item()
        if u.shape != v.shape || !(d <= tolerance) { return "\(dtype), product \(k) of \(t): \(d)" }
    }
    return nil
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct DNNTests {
    @Test func agreesWithTheCPU() async {
        await #expect(processExitsWith: .success) {
            useDNN()
            CUDA.allowTF32Convolution = false
            for (dtype, tolerance) in [(DType.float32, 2e-6), (.float16, 4e-3), (.bfloat16, 3e-2)] {
                for t in cases {
                    let found = difference(t, dtype, within: tolerance) ?? difference(t, dtype, bias: false, within: tolerance)
                    #expect(found == nil, "\(found ?? "")")
                }
            }
            #expect(convolutions() == 3 * cases.count * 2 * 3, "\(convolutions())")
            // With and without a bias the plans are the same.
            #expect(plans() == 3 * cases.count * 3, "\(plans())")
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
            #expect(CUDA.libraries.contains("cuDNN 9.19 (\(Emulator.path!))"), "\(CUDA.libraries)")
        }
    }

    @Test func tf32WhereItIsAllowed() async {
        await #expect(processExitsWith: .success) {
            useDNN()
            let (x, w) = (Tensor.full([1, 1, 2, 2], 1 + 0x1p-11).to(.cuda), Tensor.ones([1, 1, 1, 1]).to(.cuda))
            #expect(CUDA.allowTF32Convolution)
            #expect(conv2d(x, w).array(of: Float.self) == [Float](repeating: 1 + 0x1p-10, count: 4))
            CUDA.allowTF32Convolution = false
            #expect(conv2d(x, w).array(of: Float.self) == [Float](repeating: 1 + 0x1p-11, count: 4))
            #expect((convolutions(), plans()) == (2, 2))
        }
    }

    @Test func plansAreKept() async {
        await #expect(processExitsWith: .success) {
            useDNN()
            for _ in 0..<3 { _ = products(Case(), .bfloat16, on: .cuda) }
            #expect((convolutions(), plans()) == (9, 3), "\(convolutions()), \(plans())")
            // Other addresses of the same alignment need no plan; another alignment does.
            let (x, w) = (Tensor.randn(201).to(.cuda), Tensor.randn(4, 4, 1, 1).to(.cuda))
            for start in [0, 4, 8, 1] { _ = conv2d(x.narrow(0, start, 192).reshape([1, 4, 6, 8]), w) }
            #expect((convolutions(), plans()) == (13, 5), "\(convolutions()), \(plans())")
        }
    }

    /// Dims of size 1 have strides that say nothing, 0 where they were made by repetition.
    @Test func stridesOfSizeOne() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            useDNN()
            let x = Tensor.randn(4, 5, 6).to(.bfloat16).to(.cuda).expand([1, 4, 5, 6]), w = Tensor.randn(4, 2, 2).to(.bfloat16).to(.cuda).expand([1, 4, 2, 2])
            let d = (conv2d(x, w).to(.cpu).to(.float32) - conv2d(x.to(.cpu), w.to(.cpu)).to(.float32)).abs().max().item()
            #expect(d < 0.1 && convolutions() == 1, "\(d)")
        }
        #expect(!String(decoding: result.standardErrorContent, as: UTF8.self).contains("can not do"))
    }

    /// Descriptors go with the plans, the memory of a workspace when the convolution is queued.
    @Test func nothingIsHeld() async {
        await #expect(processExitsWith: .success) {
            useDNN()
            _ = products(Case(), .bfloat16, on: .cuda)
            let (descriptors, memory) = (number("emulator_dnn_descriptors"), try CUDA.memoryStatistics().allocated)
            for _ in 0..<4 { _ = products(Case(), .bfloat16, on: .cuda) }
            #expect(number("emulator_dnn_descriptors") <= descriptors, "\(number("emulator_dnn_descriptors")) descriptors, \(descriptors) before")
            #expect(try CUDA.memoryStatistics().allocated == memory)
        }
    }

    @Test func theSameBitsEachTime() async {
        await #expect(processExitsWith: .success) {
            useDNN()
            let first = products(cases[1], .float32, on: .cuda).map { $0.array(of: Float.self) }
            for _ in 0..<3 { #expect(products(cases[1], .float32, on: .cuda).map { $0.array(of: Float.self) } == first) }
        }
    }

    /// Depthwise float32, other types and empty batches are our own kernels'.
    @Test func whatItIsNotAsked() async {
        await #expect(processExitsWith: .success) {
            useDNN()
            for (t, dtype) in [(Case(x: [2, 6, 5, 5], weight: [6, 1, 3, 3], groups: 6), DType.float32), (Case(), .float64)] {
                let found = difference(t, dtype, within: 2e-6)
                #expect(found == nil, "\(found ?? "")")
            }
            #expect(conv2d(Tensor.zeros([0, 4, 5, 5], device: .cuda), Tensor.zeros([2, 4, 3, 3], device: .cuda)).shape == [0, 2, 3, 3])
            #expect((convolutions(), plans()) == (0, 0))
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func turnedOffOurKernelsConvolve() async {
        await #expect(processExitsWith: .success) {
            useDNN(["SWIFT_TORCH_CUDNN": "none"])
            CUDA.allowTF32Convolution = false
            let found = difference(Case(), .float32, within: 1e-5)
            #expect(found == nil, "\(found ?? "")")
            #expect(convolutions() == 0)
            #expect(CUDA.libraries.contains("cuDNN is turned off (SWIFT_TORCH_CUDNN=none); our own kernels convolve"), "\(CUDA.libraries)")
        }
    }

    @Test func aMissingLibraryIsNamed() async {
        await #expect(processExitsWith: .success) {
            useDNN(["SWIFT_TORCH_CUDNN": "/nowhere/libcudnn.so.9"])
            CUDA.allowTF32Convolution = false
            let found = difference(Case(), .float32, within: 1e-5)
            #expect(found == nil, "\(found ?? "")")
            #expect(CUDA.libraries.contains("/nowhere/libcudnn.so.9") && CUDA.libraries.contains("our own kernels convolve"), "\(CUDA.libraries)")
        }
    }

    @Test func withoutAPlanOurKernelsConvolve() async {
        await #expect(processExitsWith: .success) {
            useDNN(["SWIFT_TORCH_EMULATOR_FAIL_DNN": "cudnnBackendFinalize"])
            CUDA.allowTF32Convolution = false
            for _ in 0..<2 {
                let found = difference(Case(), .float32, within: 1e-5)
                #expect(found == nil, "\(found ?? "")")
            }
            #expect(convolutions() == 0)
        }
    }

    @Test func aLibraryThatDoesNotStartIsExplainedOnce() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            useDNN(["SWIFT_TORCH_EMULATOR_FAIL_DNN": "cudnnCreate"])
            CUDA.allowTF32Convolution = false
            for _ in 0..<2 {
                let found = difference(Case(), .float32, within: 1e-5)
                #expect(found == nil, "\(found ?? "")")
            }
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        let lines = text.split(separator: "\n").filter { $0.contains("cudnnCreate: CUDNN_STATUS_NOT_INITIALIZED (1001), no device can be used") && $0.contains("our own kernels convolve") }
        #expect(lines.count == 1, "\(text)")
    }

    @Test func aFailureIsAnErrorWithItsStatus() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            useDNN(["SWIFT_TORCH_EMULATOR_FAIL_DNN": "cudnnBackendExecute"])
            _ = products(Case(), .float32, on: .cuda)
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("cudnnBackendExecute: CUDNN_STATUS_EXECUTION_FAILED (5000)") && text.contains("SWIFT_TORCH_CUDNN=none"), "\(text)")
    }

    /// Without memory for a workspace our own kernels, which need none, serve, and it is said.
    @Test func withoutMemoryForAWorkspace() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            useDNN(["SWIFT_TORCH_CUDA_CACHING": "0"])
            let (x, w) = (Tensor.ones([1, 2, 4, 4], dtype: .bfloat16).to(.cuda), Tensor.ones([3, 2, 1, 1], dtype: .bfloat16).to(.cuda))
            try CUDA.setMemoryLimit(CUDA.memoryStatistics().reserved + 4096)
            #expect(conv2d(x, w).to(.cpu).to(.float32).array(of: Float.self) == [Float](repeating: 2, count: 48))
            #expect(convolutions() == 0)
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("cuDNN can not do convolution (forward, bfloat16") && text.contains("64.0 KiB requested"), "\(text)")
    }

    @Test func theCasesOfTheSelftest() async {
        await #expect(processExitsWith: .success) {
            useDNN()
            for c in Selftest.cases where c.name.hasPrefix("convolution") {
                let difference = c.run()
                #expect(difference == nil, "\(c.name): \(difference ?? "")")
            }
            #expect(convolutions() == 15, "\(convolutions())")
        }
    }

    /// The descriptors for a device that is only described.
    @Test func planningWithoutADevice() async {
        await #expect(processExitsWith: .success) {
            useDNN()
            let json = #"{"deviceVer":900,"multiProcessorCount":132,"maxGridSize":[1,1,1]}"#
            let t = Case()
            let library = try DNNLibrary(cudaMajor: 13)
            func survey(_ product: DNNConvolution.Product, _ dtype: DType, channelsLast: Bool = false, tf32: Bool = true, json: String = json) throws -> Survey {
                try Survey(library, product, dtype, channelsLast: channelsLast, x: t.x, weight: t.weight, t.shape, allowsTF32: tf32, deviceJSON: json)
            }
            let expected = Survey(configurations: 7, acceptable: 3, plans: 2, workspaceBytes: 65_536)
            for product in DNNConvolution.Product.allCases {
                for channelsLast in [false, true] {
                    let (single, half) = (try survey(product, .float32, channelsLast: channelsLast), try survey(product, .bfloat16, channelsLast: channelsLast))
                    #expect(single == expected && half == expected, "\(single), \(half)")
                }
                let exact = try survey(product, .float32, tf32: false)
                #expect(exact == Survey(configurations: 7, acceptable: 1, plans: 1, workspaceBytes: 0), "\(exact)")
            }
            #expect(throws: DeviceError.self) { try survey(.forward, .float32, json: "{}") }
            #expect(throws: DeviceError.self) { try DNNLibrary(cudaMajor: 12) }
        }
    }
}
