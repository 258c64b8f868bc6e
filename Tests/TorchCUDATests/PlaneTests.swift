// Batch norm, pooling and scans on the device against the CPU.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

private let floats: [DType] = [.float16, .bfloat16, .float32, .float64]

/// Numbers around `middle`, with a few equal ones.
private func numbers(_ sizes: [Int], _ type: DType, middle: Double = 0) -> Tensor {
    let count = sizes.reduce(1, *)
    let values = (0..<count).map { (i: Int) -> Double in
        let step: Int = (i * 7919 + i / 11) % 257
        return middle + Double(step) / 64 - 2
    }
    return Tensor(values, dtype: .float64).to(type).reshape(sizes)
}

/// Whether `a`, on the device, is `b` within `tolerance`; NaN equals NaN.
private func near(_ a: Tensor, _ b: Tensor, _ tolerance: Double = 0) -> Bool {
    let (x, y) = (a.to(.cpu).to(.float64).array(of: Double.self), b.to(.float64).array(of: Double.self))
    guard a.shape == b.shape, a.dtype == b.dtype, a.device == .cuda, x.count == y.count else { return false }
    return zip(x, y).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN || abs($0 - $1) <= tolerance * max(1, abs($1)) }
}

/// Both compute in float32 or better and round once: 16-bit results differ by one last place where the rounding falls on different sides.
private func tolerance(_ type: DType) -> Double { type == .float16 ? 1e-3 : type == .bfloat16 ? 8e-3 : type == .float32 ? 2e-5 : 1e-10 }

/// The result of `body` and the gradient of its sum, weighted by position, for each of `inputs`, there or here.
private func withGradients(_ device: Device, _ inputs: [Tensor], _ body: ([Tensor]) -> Tensor) -> [Tensor] {
    let x = inputs.map { $0.to(device).detached().requiringGrad() }
    let y = body(x)
    (y * numbers(y.shape, y.dtype).to(device)).sum().backward()
    return [y.detached()] + x.map { $0.grad! }
}

/// Checks result and gradients on the device against those on the CPU.
private func compare(_ name: String, _ inputs: [Tensor], _ tolerance: Double, _ body: ([Tensor]) -> Tensor) {
    let (there, here) = (withGradients(.cuda, inputs, body), withGradients(.cpu, inputs, body))
    for (k, (a, b)) in zip(there, here).enumerated() { #expect(near(a, b, tolerance), "\(name) \(inputs[0].dtype) \(inputs[0].shape): \(k == 0 ? "result" : "gradient \(k)")") }
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct BatchNormTests {
    @Test func trainingAndEvaluation() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for type in floats {
                // Whole packs, odd planes, one element a plane with many channels, several parts.
                for sizes in [[3, 4, 8, 8], [2, 3, 7, 5], [65, 37], [6, 2, 70, 71]] {
                    let c = sizes[1]
                    let (x, w, b) = (numbers(sizes, type, middle: 3), numbers([c], type), numbers([c], type, middle: 1))
                    compare("training", [x, w, b], tolerance(type)) { batchNorm($0[0], weight: $0[1], bias: $0[2]) }
                    compare("without weights", [x], tolerance(type)) { batchNorm($0[0]) }
                    compare("evaluation", [x, w, b], tolerance(type)) {
                        let device = $0[0].device
                        return batchNorm(
                            $0[0], runningMean: numbers([c], .float32).to(device), runningVariance: (numbers([c], .float32) + 3).to(device), weight: $0[1], bias: $0[2])
                    }
                }
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// Statistics far from zero, of elements that are not numbers, and of nothing.
    @Test func statistics() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let far = numbers([9, 3, 33], .float32, middle: 20_000)
            let (a, b) = (batchNormWithStatistics(far.to(.cuda)), batchNormWithStatistics(far))
            #expect(near(a.mean, b.mean, 1e-7) && near(a.rstd, b.rstd, 1e-5))
            for spoiler in [Float.nan, .infinity, -.infinity] {
                let spoilt = Tensor([[1, spoiler], [2, 5], [4, 6]])
                let (c, d) = (batchNormWithStatistics(spoilt.to(.cuda)), batchNormWithStatistics(spoilt))
                #expect(near(c.output, d.output, 1e-5) && near(c.mean, d.mean, 1e-6) && near(c.rstd, d.rstd, 1e-5), "\(spoiler): \(c) \(d)")
            }
            #expect(batchNorm(Tensor.zeros(0, 3, 4, device: .cuda)).shape == [0, 3, 4])
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }
}

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct PoolingTests {
    /// All taps of a dilated window may lie beside the plane.
    @Test func aWindowWithoutAnElement() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            func results(_ device: Device) -> [[Double]] {
                [[1, 1, 1, 1], [2, 3, 2, 2], [1, 2, 1, 40]].flatMap { (sizes: [Int]) -> [[Double]] in
                    let x = numbers(sizes, .float32).to(device).requiringGrad()
                    let padding = SpatialSize([1, sizes[3] == 40 ? 0 : 1]), dilation = SpatialSize([sizes[2] + 1, sizes[3] == 40 ? 1 : sizes[3] + 1])
                    let (y, indices) = maxPool2dWithIndices(x, kernelSize: 2, stride: 1, padding: padding, dilation: dilation)
                    let g = gradients(of: [y], withRespectTo: [x], gradOutputs: [Tensor.ones(y.shape, device: device).requiringGrad()], createGraph: true)[0]
                    return [y, indices, g].map { $0.detached().to(.cpu).to(.float64).array(of: Double.self) }
                }
            }
            let (there, here) = (results(.cuda), results(.cpu))
            #expect(there == here)
            for k in stride(from: 0, to: here.count, by: 3) {
                #expect(here[k].allSatisfy { $0 == -.infinity } && here[k + 1].allSatisfy { $0 == -1 } && here[k + 2].allSatisfy { $0 == 0 })
            }
        }
    }

    @Test func maxima() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for type in floats {
                // Equal elements meet in windows, several windows in one element.
                let image = numbers([3, 5, 13, 11], type)
                compare("max", [image], 0) { maxPool2d($0[0], kernelSize: 3, stride: 2, padding: 1) }
                compare("max, ceil mode", [image], 0) { maxPool2d($0[0], kernelSize: 2, stride: 2, ceilMode: true) }
                compare("max, dilated", [image], 0) { maxPool2d($0[0], kernelSize: [3, 2], stride: 1, padding: 1, dilation: [2, 3]) }
                compare("max of lines", [numbers([2, 3, 70], type)], 0) { maxPool1d($0[0], kernelSize: 5, stride: 3, padding: 2) }
                compare("max of volumes", [numbers([1, 2, 5, 6, 7], type)], 0) { maxPool3d($0[0], kernelSize: [2, 3, 2], stride: [1, 2, 2], padding: [1, 1, 0], ceilMode: true) }
            }
            for type in [DType.uint8, .int8, .int16, .int32, .int64] {
                let x = Tensor((0..<2 * 49).map { ($0 * 37) % 100 }).to(type).reshape([1, 2, 7, 7])
                let (a, b) = (maxPool2dWithIndices(x.to(.cuda), kernelSize: 3, padding: 1), maxPool2dWithIndices(x, kernelSize: 3, padding: 1))
                #expect(near(a.values, b.values) && near(a.indices, b.indices), "\(type)")
            }
            var values = (0..<64).map { Float($0 % 9) }
            for k in [10, 11, 40] { values[k] = .nan }
            values[63] = -.infinity
            let odd = Tensor(values).reshape([1, 1, 8, 8])
            let (a, b) = (maxPool2dWithIndices(odd.to(.cuda), kernelSize: 3, stride: 1), maxPool2dWithIndices(odd, kernelSize: 3, stride: 1))
            #expect(near(a.values, b.values) && near(a.indices, b.indices))
            #expect(maxPool2d(Tensor.zeros(0, 2, 4, 4, device: .cuda), kernelSize: 2).shape == [0, 2, 2, 2])
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func stridesThatTheKernelCannotCountGoToTheCPU() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let x = numbers([1, 2, 5, 6], .float32)
            compare("max", [x], 0) { maxPool2d($0[0], kernelSize: 3, stride: [1 << 29, 2]) }
            compare("average", [x], 1e-6) { avgPool2d($0[0], kernelSize: 3, stride: [1 << 29, 2]) }
            #expect(Set(CUDA.fallbacks.map(\.primitive)) == ["maxPool", "averagePool", "averagePoolBackward"], "\(CUDA.fallbacks)")
        }
    }

    @Test func averages() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for type in floats {
                let image = numbers([2, 3, 13, 11], type)
                for counted in [true, false] {
                    compare("average", [image], tolerance(type)) { avgPool2d($0[0], kernelSize: 3, stride: 2, padding: 1, ceilMode: true, countIncludePad: counted) }
                    compare("overlapping", [image], tolerance(type)) { avgPool2d($0[0], kernelSize: [5, 2], stride: [1, 3], padding: [2, 1], countIncludePad: counted) }
                }
                compare("divisor", [image], tolerance(type)) { avgPool2d($0[0], kernelSize: 3, stride: 2, padding: 1, divisorOverride: 5) }
                compare("gaps", [image], tolerance(type)) { avgPool2d($0[0], kernelSize: 2, stride: 4) }
                compare("lines", [numbers([2, 3, 70], type)], tolerance(type)) { avgPool1d($0[0], kernelSize: 4, stride: 3, padding: 2) }
                compare("volumes", [numbers([1, 2, 5, 6, 7], type)], tolerance(type)) { avgPool3d($0[0], kernelSize: [2, 3, 2], stride: [1, 2, 2], padding: [1, 1, 0]) }
            }
            let whole = Tensor((0..<49).map { $0 * 37 % 100 - 50 }).reshape([1, 1, 7, 7])
            #expect(near(avgPool2d(whole.to(.cuda), kernelSize: 3, padding: 1), avgPool2d(whole, kernelSize: 3, padding: 1)))
            #expect(avgPool2d(Tensor.zeros(0, 2, 4, 4, device: .cuda), kernelSize: 2).shape == [0, 2, 2, 2])
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }
}

/// Shapes and dims of scans: lines in a row, lines side by side, few long lines that are not contiguous, short ones.
private let lines: [(sizes: [Int], dim: Int)] = [([3, 5000], 1), ([300, 7], 1), ([40, 90], 0), ([200, 50], 0), ([700, 2], 0), ([4, 33, 5], 1), ([1], 0)]

@Suite(.enabled(if: Emulator.isBuilt, "the emulator is not built")) struct ScanTests {
    @Test func sumsAndProducts() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for (sizes, dim) in lines {
                for type in floats {
                    let x = numbers(sizes, type)
                    #expect(near(x.to(.cuda).cumsum(dim: dim), x.cumsum(dim: dim), tolerance(type)), "sum \(type) \(sizes)")
                    let y = x * 0.01 + 1
                    #expect(near(y.to(.cuda).cumprod(dim: dim), y.cumprod(dim: dim), tolerance(type)), "product \(type) \(sizes)")
                    #expect(near(x.to(.cuda).logcumsumexp(dim: dim), x.logcumsumexp(dim: dim), tolerance(type)), "logcumsumexp \(type) \(sizes)")
                }
                for type in [DType.uint8, .int8, .int16, .int32, .int64, .bool] {
                    let x = (numbers(sizes, .float32) * 3).to(type)
                    for result in [DType.int64, .uint8, .int8, .int16, .int32] {
                        #expect(near(x.to(.cuda).cumsum(dim: dim, dtype: result), x.cumsum(dim: dim, dtype: result)), "sum of \(type) in \(result)")
                        #expect(near(x.to(.cuda).cumprod(dim: dim, dtype: result), x.cumprod(dim: dim, dtype: result)), "product of \(type) in \(result)")
                    }
                }
                // Gradients run from the end.
                compare("cumsum", [numbers(sizes, .float32)], 1e-3) { $0[0].cumsum(dim: dim) }
                let z = numbers(sizes, .complex64)
                #expect(near(z.to(.cuda).cumsum(dim: dim).real, z.cumsum(dim: dim).real, 1e-4), "complex \(sizes)")
            }
            #expect(Tensor.zeros(3, 0, device: .cuda).cumsum(dim: 1).shape == [3, 0])
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    /// Lines of several pieces, the last one short; the piece before the last holds nothing but equal numbers, which the last of wins.
    @Test func longLines() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            var values: [Double] = numbers([2 * 25_001], .float64).array(of: Double.self)
            for i in 12_000..<18_000 { values[i] = 1.5 }
            values[25_001 + 9_000] = .nan
            let x = Tensor(values, shape: [2, 25_001], dtype: .float64)
            for type in floats {
                let (a, b) = (x.to(type).to(.cuda), x.to(type))
                #expect(near(a.cumsum(dim: 1), b.cumsum(dim: 1), 2 * tolerance(type)), "sum \(type)")
                #expect(near(a.logcumsumexp(dim: 1), b.logcumsumexp(dim: 1), tolerance(type)), "logcumsumexp \(type)")
                let ((p, q), (r, s)) = ((a.cummax(dim: 1), b.cummax(dim: 1)), (a.cummin(dim: 1), b.cummin(dim: 1)))
                #expect(near(p.values, q.values) && near(p.indices, q.indices) && near(r.values, s.values) && near(r.indices, s.indices), "extremes \(type)")
            }
            let whole = (x[0] * 3).to(.int64)
            #expect(near(whole.to(.cuda).cumsum(dim: 0), whole.cumsum(dim: 0)))
            #expect(near(whole.to(.cuda).cumprod(dim: 0), whole.cumprod(dim: 0)))
            let z = numbers([25_000, 2], .float64).viewAsComplex()
            #expect(near(z.to(.cuda).cumsum(dim: 0).imag, z.cumsum(dim: 0).imag, 1e-10))
            compare("cumsum", [x[0].to(.float64)], 1e-10) { $0[0].cumsum(dim: 0) }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }

    @Test func moreDimsThanTheKernelCountsGoToTheCPU() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            let x = numbers([Int](repeating: 2, count: 10), .float32).permute([9, 7, 5, 3, 1, 8, 6, 4, 2, 0])
            #expect(near(x.to(.cuda).cumsum(dim: 4), x.cumsum(dim: 4), 1e-6))
            #expect(CUDA.fallbacks.map(\.primitive).contains("scan"), "\(CUDA.fallbacks)")
        }
    }

    @Test func extremes() async {
        await #expect(processExitsWith: .success) {
            Emulator.use()
            for (sizes, dim) in lines {
                for type in floats + [.uint8, .int8, .int16, .int32, .int64, .bool] {
                    let x = type.isFloatingPoint ? numbers(sizes, type) : numbers(sizes, .float32).to(type)
                    let (a, b, c, d) = (x.to(.cuda).cummax(dim: dim), x.cummax(dim: dim), x.to(.cuda).cummin(dim: dim), x.cummin(dim: dim))
                    #expect(near(a.values, b.values) && near(a.indices, b.indices), "max \(type) \(sizes)")
                    #expect(near(c.values, d.values) && near(c.indices, d.indices), "min \(type) \(sizes)")
                }
            }
            var values = (0..<3000).map { Float(($0 * 71) % 500) }
            for k in [1500, 1501, 2900] { values[k] = .nan }
            (values[3], values[700]) = (.infinity, -.infinity)
            let x = Tensor(values)
            for y in [x, x.reshape([1500, 2])] {
                let (a, b, c, d) = (y.to(.cuda).cummax(dim: 0), y.cummax(dim: 0), y.to(.cuda).cummin(dim: 0), y.cummin(dim: 0))
                #expect(near(a.values, b.values) && near(a.indices, b.indices) && near(c.values, d.values) && near(c.indices, d.indices))
                #expect(near(y.to(.cuda).logcumsumexp(dim: 0), y.logcumsumexp(dim: 0), 1e-5))
            }
            #expect(CUDA.fallbacks.isEmpty, "\(CUDA.fallbacks)")
        }
    }
}
