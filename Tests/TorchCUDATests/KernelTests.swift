// Kernels by name: cached on disk, and what is said where one is missing or fails.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct KernelTests {
    @Test func programsAreKeptOnDiskAndDamageIsMended() async throws {
        let folder = "/tmp/swift-torch-kernels-\(getpid())"
        setenv("SWIFT_TORCH_TEST_FOLDER", folder, 1)
        defer { _ = removeFolder(folder) }
        await #expect(processExitsWith: .success) {
            Emulator.use(cache: String(cString: getenv("SWIFT_TORCH_TEST_FOLDER")) + "/new/cache")
            #expect((Tensor([1.0, 2]).to(.cuda) + 1).array(of: Double.self) == [2, 3])
            let n = try CUDA.kernelPrograms()
            #expect(n.compiled >= 2 && n.loaded == 0, "\(n)")
        }
        await #expect(processExitsWith: .success) {
            Emulator.use(cache: String(cString: getenv("SWIFT_TORCH_TEST_FOLDER")) + "/new/cache")
            #expect((Tensor([1.0, 2]).to(.cuda) + 1).array(of: Double.self) == [2, 3])
            let n = try CUDA.kernelPrograms()
            #expect(n.compiled == 0 && n.loaded >= 2, "\(n)")
        }
        let files = entries(of: "\(folder)/new/cache")
        #expect(files.count >= 2 && files.allSatisfy { $0.hasSuffix(".cubin") }, "\(files)")
        for f in files { truncate("\(folder)/new/cache/\(f)", 45) }
        await #expect(processExitsWith: .success) {
            Emulator.use(cache: String(cString: getenv("SWIFT_TORCH_TEST_FOLDER")) + "/new/cache")
            #expect((Tensor([1.0, 2]).to(.cuda) + 1).array(of: Double.self) == [2, 3])
            let n = try CUDA.kernelPrograms()
            #expect(n.compiled >= 2 && n.loaded == 0, "\(n)")
        }
    }

    @Test func kernelsArePreparedByName() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let error = #expect(throws: DeviceError.self) { try CUDA.warmUp(["binary_add_f32_run", "binary_plus_f32_run"]) }
            #expect("\(error!)".contains("binary_plus_f32_run") && "\(error!)".contains("CUDA.loadedKernels()"), "\(error!)")
            #expect(try CUDA.loadedKernels() == [])
            let names = ["softmax_f32", "binary_add_f32_run", "sortTake_i64"]
            try CUDA.warmUp(names)
            #expect(try CUDA.kernelPrograms() == (3, 0))
            #expect(try CUDA.loadedKernels().sorted() == names.sorted())
            let x = Tensor([1.0, 2]).to(.cuda)
            #expect((x + x).array(of: Float.self) == [2, 4])
            #expect(try CUDA.kernelPrograms() == (3, 0))
        }
    }

    @Test func aPrimitiveWithoutAKernelRunsOnTheCPUAndIsCounted() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            Emulator.use()
            let x = Tensor([[2.0, 0], [0, 4]]).to(.cuda)
            for _ in 0..<2 { #expect(Linalg.eigvals(x).real.array(of: Float.self).sorted() == [2, 4]) }
            #expect(CUDA.fallbacks.first { $0.primitive == "linearAlgebra(eig)" }?.count == 2, "\(CUDA.fallbacks)")
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.split(separator: "\n").filter { $0.contains("linearAlgebra(eig) has no kernel on cuda:0 and runs on the CPU") }.count == 1, "\(text)")
    }

    @Test func rowsWithoutElements() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let (x, none) = (Tensor.zeros(3, 0, device: .cuda), Tensor.zeros(2, 0, device: .cuda))
            #expect(x.indexAdd(0, Tensor([2, 0], device: .cuda), none).shape == [3, 0])
            let error = #expect(throws: TensorError.self) { try withTensorErrors { x.indexAdd(0, Tensor([2, 3], device: .cuda), none) } }
            #expect("\(error!)".contains("index 3 is out of bounds for dimension 0 with size 3"), "\(error!)")
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// For work on kernels: a folder whose files take the place of those in the program.
    @Test func filesOfAFolderReplaceTheKernels() async throws {
        let folder = "/tmp/swift-torch-sources-\(getpid())"
        setenv("SWIFT_TORCH_TEST_SOURCES", folder, 1)
        mkdir(folder, 0o755)
        defer { _ = removeFolder(folder) }
        let file = try #require(fopen("\(folder)/binary.cu", "w"))
        fputs("// Changed.\n#include \"nowhere.cuh\"\n", file)
        fclose(file)
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            Emulator.use(["SWIFT_TORCH_KERNELS": String(cString: getenv("SWIFT_TORCH_TEST_SOURCES"))])
            let x = Tensor([1.0, 2]).to(.cuda)
            // The unary kernels are the program's, the binary ones do not compile, and the CPU adds.
            #expect((-x).array(of: Float.self) == [-1, -2] && CUDA.fallbacks.isEmpty)
            #expect((x + x).array(of: Float.self) == [2, 4] && CUDA.fallbacks.map(\.primitive) == ["binary"], "\(CUDA.fallbacks)")
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("nowhere.cuh"), "\(text)")
    }

    @Test func aFallbackThatChangesAPartKeepsTheRest() async {
        await #expect(processExitsWith: .success) {
            Emulator.use(["SWIFT_TORCH_CUDA_QUIET": "1"])
            let x = Tensor.arange(12, dtype: .float32).reshape([3, 4])
            var (a, b) = (x, x.to(.cuda))
            let index = Tensor([2, 0])
            // In place on a strided part, adding, and masked.
            a[0..., 1] = Tensor([7.0, 8, 9])
            b[0..., 1] = Tensor([7.0, 8, 9])
            #expect(a.array(of: Float.self) == b.array(of: Float.self))
            a = a.indexAdd(0, index, Tensor.ones(2, 4))
            b = b.indexAdd(0, index.to(.cuda), Tensor.ones(2, 4, device: .cuda))
            #expect(a.array(of: Float.self) == b.array(of: Float.self))
            #expect(x.to(.cuda)[x.to(.cuda) .> 5].array(of: Float.self) == x[x .> 5].array(of: Float.self))
            #expect(x.to(.cuda).matmul(x.to(.cuda).t()).array(of: Float.self) == x.matmul(x.t()).array(of: Float.self))
            #expect(x.to(.cuda).cumsum(dim: 1).array(of: Float.self) == x.cumsum(dim: 1).array(of: Float.self))
        }
    }

    @Test func aKernelThatDoesNotCompileIsExplained() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            Emulator.use(["SWIFT_TORCH_EMULATOR_FAIL_COMPILE": "unary.cu"])
            #expect(Tensor([1.0, 4]).to(.cuda).sqrt().array(of: Double.self) == [1, 2])
            #expect(CUDA.fallbacks.map(\.primitive).contains("unary"))
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        // The compiler's words, and the line that they speak of.
        #expect(text.contains("unary.cu(1): error") && text.contains("unary.cu:1: // Unary operators"), "\(text)")
    }

    @Test func aFaultNamesTheKernelsStartedLast() async throws {
        let late = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            Emulator.use(["SWIFT_TORCH_EMULATOR_FAIL_LAUNCH": "unary_exp_f32_run"])
            let y = Tensor([1.0, 2]).to(.cuda).sin().exp()
            _ = y.array(of: Double.self)
        }
        let text = String(decoding: late.standardErrorContent, as: UTF8.self)
        #expect(text.contains("CUDA_ERROR_LAUNCH_FAILED (719)") && text.contains("unary_exp_f32_run") && text.contains("SWIFT_TORCH_CUDA_DEBUG"), "\(text)")
        let debugged = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            Emulator.use(["SWIFT_TORCH_EMULATOR_FAIL_LAUNCH": "unary_exp_f32_run", "SWIFT_TORCH_CUDA_DEBUG": "1"])
            _ = Tensor([1.0, 2]).to(.cuda).sin().exp()
        }
        #expect(String(decoding: debugged.standardErrorContent, as: UTF8.self).contains("of kernel unary_exp_f32_run"))
    }
}

private func entries(of folder: String) -> [String] {
    guard let d = opendir(folder) else { return [] }
    defer { closedir(d) }
    var result: [String] = []
    while let e = readdir(d) {
        let name = withUnsafeBytes(of: &e.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name != ".", name != ".." { result.append(name) }
    }
    return result
}

private func removeFolder(_ folder: String) -> Int32 {
    for e in entries(of: folder) where unlink("\(folder)/\(e)") != 0 { _ = removeFolder("\(folder)/\(e)") }
    return rmdir(folder)
}
