// Pooling against the definition.
import Testing
import TorchCPU
import TorchKernels
import TorchRuntime

@Suite struct PoolingTests {
    let backend = CPUBackend()

    @Test(arguments: [(2, 2, 0, 1), (3, 2, 1, 1), (3, 1, 1, 1), (2, 3, 1, 1), (3, 2, 1, 2), (1, 2, 0, 1)])
    func maxAndAverage(kernel: Int, stride: Int, padding: Int, dilation: Int) {
        for width in [5, 9, 28, 41, 70] {
            let height = 7
            func outputs(_ n: Int) -> Int { (n + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1 }
            let sizes = [2, 3, outputs(height), outputs(width)]
            let x = Block([2, 3, height, width], seed: UInt32(width)), y = Block(sizes), mean = Block(sizes), indices = Block(sizes, .float64)
            var index = indices.operand
            index.dtype = .int64
            var shape = PoolingShape(kernelSize: [kernel, kernel], stride: [stride, stride], padding: [padding, padding], dilation: [dilation, dilation])
            shape.countIncludePad = false
            #expect(backend.maxPool(y.operand, indices: index, x.operand, shape))
            if dilation == 1 { #expect(backend.averagePool(mean.operand, x.operand, shape)) }
            var wrong = 0
            for plane in 0..<6 {
                for i in 0..<sizes[2] {
                    for j in 0..<sizes[3] {
                        var best = -Double.infinity, at = -1, sum = 0.0, count = 0.0
                        for a in 0..<kernel {
                            for b in 0..<kernel {
                                let r = i * stride - padding + a * dilation, c = j * stride - padding + b * dilation
                                guard r >= 0, r < height, c >= 0, c < width else { continue }
                                let v = x[[plane / 3, plane % 3, r, c]]
                                sum += v
                                count += 1
                                if v > best {
                                    best = v
                                    at = r * width + c
                                }
                            }
                        }
                        let q = [plane / 3, plane % 3, i, j]
                        let found = index.pointer.load(fromByteOffset: ((plane * sizes[2] + i) * sizes[3] + j) * 8, as: Int64.self)
                        if y[q] != best || found != Int64(at) { wrong += 1 }
                        if dilation == 1 && abs(mean[q] - sum / count) > 1e-6 { wrong += 1 }
                    }
                }
            }
            #expect(wrong == 0, "width \(width)")
        }
    }

    @Test func firstNaNStaysTheMaximum() {
        let x = Block([1, 1, 4, 8]), y = Block([1, 1, 2, 4])
        x.operand.pointer.storeBytes(of: Float.nan, toByteOffset: 9 * 4, as: Float.self)
        #expect(backend.maxPool(y.operand, indices: nil, x.operand, PoolingShape(kernelSize: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1])))
        #expect(y[[0, 0, 0, 0]].isNaN && !y[[0, 0, 0, 1]].isNaN)
    }

    /// A dilated window may have all its taps beside the plane: nothing is read there, and no gradient is written there.
    @Test(arguments: [(1, 1, [1, 1]), (1, 40, [1, 0]), (40, 1, [0, 1])])
    func aWindowWithoutAnElement(height: Int, width: Int, padding: [Int]) {
        let (kernel, dilation) = ([2, 2], padding.map { $0 + 1 })
        let out = [1, 1] + (0..<2).map { [height, width][$0] + 2 * padding[$0] - dilation[$0] }
        let shape = PoolingShape(kernelSize: kernel, stride: [1, 1], padding: padding, dilation: dilation)
        let count = out.reduce(1, *)
        let x = Block([1, 1, height, width]), y = Block(out), indices = Block(out, .float64), dy = Block(out)
        var index = indices.operand
        index.dtype = .int64
        #expect(backend.maxPool(y.operand, indices: index, x.operand, shape))
        for i in 0..<count {
            #expect(y.operand.pointer.load(fromByteOffset: 4 * i, as: Float.self) == -.infinity)
            #expect(index.pointer.load(fromByteOffset: 8 * i, as: Int64.self) == -1)
        }
        // The plane lies between elements that must stay as they are.
        let wide = Block([height * width + 2 * count])
        let before = (0..<wide.count).map { wide.operand.pointer.load(fromByteOffset: 4 * $0, as: Float.self) }
        let dx = Operand(unowned: wide.operand.pointer + 4 * count, dtype: .float32, sizes: [1, 1, height, width], strides: [height * width, height * width, width, 1])
        #expect(backend.maxPoolBackward(dx, dy.operand, indices: index))
        for i in 0..<wide.count {
            let isInside = i >= count && i < count + height * width
            #expect(wide.operand.pointer.load(fromByteOffset: 4 * i, as: Float.self) == (isInside ? 0 : before[i]))
        }
    }
}
