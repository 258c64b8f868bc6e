// Linear algebra on the device against the CPU's: every shape of batch and matrix, every type, and what has no solution.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

private let types: [(DType, Double)] = [(.float32, 2e-4), (.float64, 1e-11), (.complex64, 2e-4), (.complex128, 1e-11)]

/// The largest element of a - b, of the largest of b or 1.
private func deviation(_ a: Tensor, _ b: Tensor) -> Double {
    #expect(a.shape == b.shape && a.dtype == b.dtype, "\(a.shape) \(a.dtype), \(b.shape) \(b.dtype)")
    if b.count == 0 { return 0 }
    return (a.to(.cpu) - b).abs().max().item() / max(1, b.abs().max().item())
}

/// Well away from singular.
private func matrices(_ shape: [Int], _ dtype: DType) -> Tensor {
    let n = min(shape[shape.count - 2], shape[shape.count - 1])
    return Tensor.randn(shape, dtype: dtype) + Tensor.eye(shape[shape.count - 2], shape[shape.count - 1], dtype: dtype) * (2 * Double(max(n, 1)).squareRoot())
}

private func definite(_ shape: [Int], _ dtype: DType) -> Tensor {
    let x = Tensor.randn(shape, dtype: dtype)
    return x.matmul(x.mH) + Tensor.eye(shape[shape.count - 1], dtype: dtype) * Double(shape[shape.count - 1])
}

/// Batches and sizes on both sides of a piece of 32 columns.
private let squares: [[Int]] = [[1, 1], [3, 3], [2, 3, 5, 5], [32, 32], [4, 33, 33], [100, 100], [2, 70, 70], [0, 4, 4], [3, 0, 0]]

private func useDevice(_ settings: [String: String] = [:]) {
    Emulator.use(settings)
    manualSeed(5)
}

/// Factorisations that the look-alike of cuSOLVER was asked for in this process, and its handles and parameters that exist.
private func calls() -> (made: Int, alive: Int) {
    let library = dlopen(Emulator.path!, RTLD_NOW | RTLD_LOCAL)
    func count(_ name: String) -> Int { Int(unsafeBitCast(dlsym(library, name), to: (@convention(c) () -> UInt64).self)()) }
    return (count("emulator_solver_calls"), count("emulator_solver_objects"))
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct LinearAlgebraTests {
    @Test func luAndItsSolutions() async {
        await #expect(processExitsWith: .success) {
            useDevice()
            for (dtype, tolerance) in types {
                for shape in squares + [[5, 40], [40, 5], [2, 37, 70], [90, 64], [3, 0], [0, 3]] {
                    let a = matrices(shape, dtype)
                    let (here, there) = (Linalg.luFactorEx(a), Linalg.luFactorEx(a.to(.cuda)))
                    #expect(deviation(there.lu, here.lu) < tolerance, "\(dtype) \(shape)")
                    #expect(there.pivots.array(of: Int32.self) == here.pivots.array(of: Int32.self), "\(dtype) \(shape)")
                    #expect(there.info.array(of: Int32.self) == here.info.array(of: Int32.self))
                }
                for shape in squares {
                    let (a, b) = (matrices(shape, dtype), Tensor.randn(Array(shape.dropLast()) + [3], dtype: dtype))
                    let f = Linalg.luFactor(a)
                    for left in [true, false] {
                        for adjoint in [true, false] {
                            let y = left ? b : b.mT
                            let here = Linalg.luSolve(f.lu, f.pivots, y, left: left, adjoint: adjoint)
                            let there = Linalg.luSolve(f.lu.to(.cuda), f.pivots.to(.cuda), y.to(.cuda), left: left, adjoint: adjoint)
                            #expect(deviation(there, here) < tolerance, "\(dtype) \(shape), left \(left), adjoint \(adjoint)")
                        }
                    }
                    #expect(deviation(Linalg.solve(a.to(.cuda), b.to(.cuda)), Linalg.solve(a, b)) < tolerance, "\(dtype) \(shape)")
                    #expect(deviation(Linalg.inv(a.to(.cuda)), Linalg.inv(a)) < tolerance, "\(dtype) \(shape)")
                    #expect(deviation(Linalg.slogdet(a.to(.cuda)).logAbsDet, Linalg.slogdet(a).logAbsDet) < tolerance, "\(dtype) \(shape)")
                }
                // One matrix for a batch of right sides, and the other way round.
                let (a, b) = (matrices([1, 40, 40], dtype), Tensor.randn([3, 40, 2], dtype: dtype))
                #expect(deviation(Linalg.solve(a.to(.cuda), b.to(.cuda)), Linalg.solve(a, b)) < tolerance)
                let (many, one) = (matrices([2, 2, 6, 6], dtype), Tensor.randn([6, 4], dtype: dtype))
                #expect(deviation(Linalg.solve(many.to(.cuda), one.to(.cuda)), Linalg.solve(many, one)) < tolerance)
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func cholesky() async {
        await #expect(processExitsWith: .success) {
            useDevice()
            for (dtype, tolerance) in types {
                for shape in squares {
                    let a = definite(shape, dtype)
                    for upper in [false, true] {
                        // The other triangle is not read.
                        let x = upper ? a.triu() : a.tril()
                        #expect(deviation(Linalg.cholesky(x.to(.cuda), upper: upper), Linalg.cholesky(x, upper: upper)) < tolerance, "\(dtype) \(shape) \(upper)")
                    }
                }
                // Transposed in memory, and every other matrix of a batch.
                let a = definite([6, 35, 35], dtype)
                #expect(deviation(Linalg.cholesky(a.to(.cuda).mT), Linalg.cholesky(a.mT)) < tolerance)
                #expect(deviation(Linalg.cholesky(a.to(.cuda)[.stride(from: 0, to: 6, by: 2)]), Linalg.cholesky(a[.stride(from: 0, to: 6, by: 2)])) < tolerance)
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func triangularSolves() async {
        await #expect(processExitsWith: .success) {
            useDevice()
            for (dtype, tolerance) in types {
                for shape in squares {
                    let (a, b) = (matrices(shape, dtype), Tensor.randn(Array(shape.dropLast()) + [35], dtype: dtype))
                    for upper in [false, true] {
                        for left in [false, true] {
                            for unit in [false, true] {
                                // With ones on the diagonal the rest must be small.
                                let (x, y) = (unit ? a / 50 : a, left ? b : b.mT)
                                let here = Linalg.solveTriangular(x, y, upper: upper, left: left, unitriangular: unit)
                                let there = Linalg.solveTriangular(x.to(.cuda), y.to(.cuda), upper: upper, left: left, unitriangular: unit)
                                #expect(deviation(there, here) < tolerance, "\(dtype) \(shape), upper \(upper), left \(left), unit \(unit)")
                            }
                        }
                    }
                }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
            // A zero on the diagonal divides.
            let x = Linalg.solveTriangular(Tensor([[2.0, 0], [1, 0]]).to(.cuda), Tensor([[2.0], [3]]).to(.cuda), upper: false)
            #expect(x.array(of: Double.self) == [1, .infinity])
        }
    }

    @Test func qr() async {
        await #expect(processExitsWith: .success) {
            useDevice()
            for (dtype, tolerance) in types {
                for shape in squares + [[5, 40], [40, 5], [2, 37, 70], [3, 0], [0, 3]] {
                    let a = matrices(shape, dtype)
                    for mode in [Linalg.QRMode.reduced, .complete] {
                        let (here, there) = (Linalg.qr(a, mode: mode), Linalg.qr(a.to(.cuda), mode: mode))
                        #expect(deviation(there.q, here.q) < tolerance && deviation(there.r, here.r) < tolerance, "\(dtype) \(shape) \(mode)")
                    }
                    let (here, there) = (a.geqrf(), a.to(.cuda).geqrf())
                    #expect(deviation(there.a, here.a) < tolerance && deviation(there.tau, here.tau) < tolerance, "\(dtype) \(shape)")
                }
                let f = matrices([2, 9, 6], dtype).geqrf()
                let tau = f.tau.narrow(-1, 0, 4)
                #expect(deviation(Linalg.householderProduct(f.a.to(.cuda), tau.to(.cuda)), Linalg.householderProduct(f.a, tau)) < tolerance)
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// What the factorisations say of matrices that have none, at which column, in which matrix of a batch.
    @Test func singularMatrices() async {
        await #expect(processExitsWith: .success) {
            useDevice()
            for (dtype, _) in types {
                for n in [6, 50] {
                    var a = definite([3, n, n], dtype)
                    a[1, n - 2, n - 2] = Tensor(-1, dtype: dtype)
                    let factored = Linalg.choleskyEx(a.to(.cuda))
                    #expect(factored.info.array(of: Int32.self) == [0, Int32(n - 1), 0] && factored.info.array(of: Int32.self) == Linalg.choleskyEx(a).info.array(of: Int32.self))
                    var singular = matrices([3, n, n], dtype)
                    singular[2, 0..., n - 3] = Tensor.zeros([n], dtype: dtype)
                    #expect(Linalg.luFactorEx(singular.to(.cuda)).info.array(of: Int32.self) == [0, 0, Int32(n - 2)])
                    #expect(Linalg.invEx(singular.to(.cuda)).info.array(of: Int32.self) == [0, 0, Int32(n - 2)])
                    #expect(Linalg.det(singular.to(.cuda)).abs()[2].item() == 0)
                }
            }
            func message(_ body: () -> Void) -> String {
                do { try withTensorErrors(body) } catch { return "\(error)" }
                return ""
            }
            #expect(message { _ = Linalg.inv(Tensor.zeros([2, 2], device: .cuda)) }.contains("The diagonal element 1 is zero, the inversion could not be completed"))
            #expect(message { _ = Linalg.cholesky(Tensor.eye(40).to(.cuda) * -1) }.contains("the leading minor of order 1 is not positive-definite"))
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func gradients() async {
        await #expect(processExitsWith: .success) {
            useDevice()
            func gradient(_ x: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
                let leaf = x.requiringGrad()
                return TorchTensor.gradients(of: [body(leaf).abs().sum()], withRespectTo: [leaf])[0]
            }
            for dtype in [DType.float64, .complex128] {
                let a = definite([2, 36, 36], dtype)
                for (i, body) in ([{ Linalg.cholesky($0) }, { Linalg.inv($0) }, { Linalg.det($0 / 50) }, { Linalg.qr($0).r }, { Linalg.luFactor($0).lu }] as [(Tensor) -> Tensor]).enumerated() {
                    #expect(deviation(gradient(a.to(.cuda), body), gradient(a, body)) < 1e-9, "\(dtype), case \(i)")
                }
            }
        }
    }

    /// Nothing waits for the device, so a step that is captured can factor and solve.
    @Test func capturedSteps() async {
        await #expect(processExitsWith: .success) {
            useDevice()
            let (a, b) = (definite([2, 40, 40], .float32), Tensor.randn([2, 40, 3]))
            let graph = try! CUDAGraph([a, b]) { [Linalg.solveEx($0[0], $0[1]).result, Linalg.choleskyEx($0[0]).factor, Linalg.qr($0[0]).r] }
            let results = try! graph.replay([a, b])
            for (there, here) in zip(results, [Linalg.solve(a, b), Linalg.cholesky(a), Linalg.qr(a).r]) { #expect(deviation(there, here) < 1e-3) }
        }
    }

    // MARK: Spectra: of small matrices by our own kernel, of others by cuSOLVER

    @Test func eigenvalues() async {
        await #expect(processExitsWith: .success) {
            useDevice(["SWIFT_TORCH_CUSOLVER": Emulator.path!])
            for (dtype, tolerance) in types {
                for shape in [[1, 1], [2, 3, 5, 5], [32, 32], [2, 34, 34], [40, 40], [0, 4, 4], [3, 0, 0]] {
                    let a = definite(shape, dtype)
                    for triangle in [Linalg.Triangle.lower, .upper] {
                        // The other triangle is not read.
                        let x = triangle == .lower ? a.tril() : a.triu()
                        let (here, there) = (Linalg.eigh(x, triangle: triangle), Linalg.eigh(x.to(.cuda), triangle: triangle))
                        #expect(deviation(there.eigenvalues, here.eigenvalues) < tolerance, "\(dtype) \(shape) \(triangle)")
                        #expect(deviation(Linalg.eigvalsh(x.to(.cuda), triangle: triangle), here.eigenvalues) < tolerance)
                        let v = there.eigenvectors.to(.cpu)
                        #expect(deviation((v * here.eigenvalues.to(dtype).unsqueeze(-2)).matmul(v.mH), a) < tolerance, "\(dtype) \(shape) \(triangle)")
                    }
                }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
            #expect(CUDA.libraries.contains("cuSOLVER 12.0 (\(Emulator.path!))"), "\(CUDA.libraries)")
        }
    }

    @Test func singularValues() async {
        await #expect(processExitsWith: .success) {
            useDevice(["SWIFT_TORCH_CUSOLVER": Emulator.path!])
            for (dtype, tolerance) in types {
                for shape in [[1, 1], [2, 3, 5, 5], [4, 9], [9, 4], [2, 3, 8], [2, 35, 35], [33, 50], [40, 36], [0, 4, 3], [3, 0], [2, 0, 3]] {
                    let (m, n) = (shape[shape.count - 2], shape[shape.count - 1])
                    let x = Tensor.randn(shape, dtype: dtype)
                    for full in [false, true] {
                        let (here, there) = (Linalg.svd(x, fullMatrices: full), Linalg.svd(x.to(.cuda), fullMatrices: full))
                        #expect(deviation(there.s, here.s) < tolerance && deviation(Linalg.svdvals(x.to(.cuda)), here.s) < tolerance, "\(dtype) \(shape) \(full)")
                        #expect(there.u.shape == here.u.shape && there.vh.shape == here.vh.shape, "\(dtype) \(shape) \(full)")
                        let (u, vh, k) = (there.u.to(.cpu), there.vh.to(.cpu), min(m, n))
                        let product = (u.narrow(-1, 0, k) * here.s.to(dtype).unsqueeze(-2)).matmul(vh.narrow(-2, 0, k))
                        #expect(deviation(product, x) < tolerance, "\(dtype) \(shape) \(full)")
                        for (v, side) in [(u.mH.matmul(u), u.shape[u.rank - 1]), (vh.matmul(vh.mH), vh.shape[vh.rank - 2])] {
                            #expect(deviation(v, Tensor.eye(side, dtype: dtype).expand(v.shape)) < tolerance, "\(dtype) \(shape) \(full)")
                        }
                    }
                }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// The sizes of elements say nothing, nor that singular values are zero or equal: U and V are orthonormal all the same.
    @Test func deficientSmallMatrices() async {
        await #expect(processExitsWith: .success) {
            useDevice()
            for (dtype, tolerance) in types {
                let x = Tensor.randn([9, 2], dtype: dtype).matmul(Tensor.randn([2, 6], dtype: dtype))
                for a in [x, x.mH, x * 1e-25, x * 1e18, Tensor.zeros([4, 5], dtype: dtype), Tensor.eye(6, 6, dtype: dtype) * 3] {
                    let (u, s, vh) = Linalg.svd(a.to(.cuda))
                    let size = max(s.max().item(), 1e-30)
                    #expect(((s.to(.cpu) - Linalg.svdvals(a)).abs().max().item()) / size < tolerance, "\(dtype) \(a.shape)")
                    let k = s.shape[0]
                    let product = (u.to(.cpu).narrow(-1, 0, k) * (s.to(.cpu) / size).to(dtype)).matmul(vh.to(.cpu).narrow(0, 0, k))
                    #expect((product - a / size).abs().max().item() < tolerance, "\(dtype) \(a.shape)")
                    for v in [u.to(.cpu), vh.to(.cpu)] { #expect(deviation(v.mH.matmul(v), Tensor.eye(v.shape[0], dtype: dtype)) < tolerance, "\(dtype) \(a.shape)") }
                }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func leastSquares() async {
        await #expect(processExitsWith: .success) {
            useDevice(["SWIFT_TORCH_CUSOLVER": Emulator.path!])
            for (dtype, tolerance) in types {
                for shape in [[6, 4], [4, 6], [2, 3, 5, 5], [3, 7, 2], [40, 35], [0, 3], [3, 0]] {
                    let x = Tensor.randn(shape, dtype: dtype)
                    // A column that says nothing new: the solution of least norm.
                    let a = shape == [6, 4] ? cat([x.narrow(1, 0, 3), x.narrow(1, 0, 1) * 2], dim: 1) : x
                    let b = Tensor.randn(Array(shape.dropLast()) + [3], dtype: dtype)
                    let (here, there) = (Linalg.lstsq(a, b, driver: .gelsd), Linalg.lstsq(a.to(.cuda), b.to(.cuda), driver: .gelsd))
                    #expect(deviation(there.solution, here.solution) < 10 * tolerance, "\(dtype) \(shape)")
                    #expect(there.rank.array(of: Int.self) == here.rank.array(of: Int.self), "\(dtype) \(shape)")
                    #expect(deviation(there.singularValues, here.singularValues) < tolerance, "\(dtype) \(shape)")
                }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// Large single matrices; a batch of them, and a captured step, are our own kernel's.
    @Test func largeQR() async {
        await #expect(processExitsWith: .success) {
            useDevice(["SWIFT_TORCH_CUSOLVER": Emulator.path!])
            let x = Tensor.randn([2, 300, 260], dtype: .float64)
            let (here, there) = (Linalg.qr(x), Linalg.qr(x.to(.cuda)))
            #expect(deviation(there.q, here.q) < 1e-11 && deviation(there.r, here.r) < 1e-11)
            #expect(calls().made == 2)
            _ = x.narrow(1, 0, 20).to(.cuda).geqrf()
            #expect(calls().made == 2)
        }
    }

    @Test func handlesAreKeptForEachStreamAndMemoryIsNot() async {
        await #expect(processExitsWith: .success) {
            useDevice(["SWIFT_TORCH_CUSOLVER": Emulator.path!])
            let a = definite([3, 36, 36], .float32).to(.cuda)
            let before = try! CUDA.memoryStatistics().allocated
            // A batch at once.
            for _ in 0..<4 { _ = Linalg.eigvalsh(a) }
            #expect(calls() == (4, 2), "\(calls())")
            #expect(try! CUDA.memoryStatistics().allocated == before)
            try! withCUDAStream(CUDAStream()) { #expect(Linalg.svdvals(a).shape == [3, 36]) }
            #expect(calls() == (7, 4), "\(calls())")
        }
    }

    @Test func withoutConvergence() async {
        await #expect(processExitsWith: .success) {
            useDevice(["SWIFT_TORCH_CUSOLVER": Emulator.path!])
            var text = ""
            for n in [2, 40] {
                for body in [{ Linalg.svdvals($0) }, { Linalg.eigvalsh($0) }] as [(Tensor) -> Tensor] {
                    do { try withTensorErrors { _ = body(Tensor.full([3, n, n], Double.nan, dtype: .float32).to(.cuda)) } } catch { text = "\(error)" }
                    #expect(text.contains("(Batch element 0): The algorithm failed to converge"), "\(n): \(text)")
                    text = ""
                }
            }
        }
    }

    @Test func aMissingLibraryLeavesSpectraToTheCPU() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            useDevice(["SWIFT_TORCH_CUSOLVER": "none"])
            let (a, small) = (definite([33, 33], .float64), definite([6, 3, 3], .float64))
            #expect(deviation(Linalg.eigvalsh(small.to(.cuda)), Linalg.eigvalsh(small)) < 1e-12 && CUDA.fallbacks.isEmpty)
            for _ in 0..<2 {
                #expect(deviation(Linalg.eigvalsh(a.to(.cuda)), Linalg.eigvalsh(a)) < 1e-12)
                #expect(deviation(Linalg.svdvals(a.to(.cuda)), Linalg.svdvals(a)) < 1e-12)
            }
            #expect(deviation(Linalg.cholesky(a.to(.cuda)), Linalg.cholesky(a)) < 1e-12)
            #expect(CUDA.fallbacks.map(\.primitive) == ["linearAlgebra(eigh)", "linearAlgebra(svd)"], "\(CUDA.fallbacks)")
            #expect(CUDA.libraries.contains("cuSOLVER is turned off (SWIFT_TORCH_CUSOLVER=none); eigenvalues and singular values are the CPU's"), "\(CUDA.libraries)")
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.split(separator: "\n").filter { $0.contains("linearAlgebra(eigh) has no kernel on cuda:0 and runs on the CPU") }.count == 1, "\(text)")
    }

    @Test func aFailureIsAnErrorWithItsStatus() async throws {
        for (function, status) in [("cusolverDnCreate", "CUSOLVER_STATUS_NOT_INITIALIZED (1)"), ("cusolverDnXsyevd", "CUSOLVER_STATUS_EXECUTION_FAILED (6)")] {
            let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) { [function = function as String] in
                useDevice(["SWIFT_TORCH_CUSOLVER": Emulator.path!, "SWIFT_TORCH_EMULATOR_FAIL_SOLVER": function])
                _ = Linalg.eigvalsh(Tensor.eye(33).to(.cuda))
            }
            let text = String(decoding: result.standardErrorContent, as: UTF8.self)
            #expect(text.contains("linearAlgebra: \(function): \(status)") && text.contains("SWIFT_TORCH_CUSOLVER=none"), "\(text)")
        }
    }

    @Test func aCapturedStepHasNoCuSOLVER() async {
        await #expect(processExitsWith: .success) {
            useDevice(["SWIFT_TORCH_CUSOLVER": Emulator.path!])
            var text = ""
            do { _ = try CUDAGraph([Tensor.eye(33)]) { [Linalg.eigvalsh($0[0])] } } catch { text = "\(error)" }
            #expect(text.contains("this asks cuSOLVER, which a captured step can not do"), "\(text)")
        }
    }
}
