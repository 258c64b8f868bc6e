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
}
