// STAND-IN until MatrixProduct.swift and Convolution.swift land: the plain kernels. Delete when they do.
import TorchKernels
import TorchRuntime

extension CPUBackend {
    private func three(_ v: [Int], _ fill: Int) -> (Int64, Int64, Int64) {
        let p = [Int](repeating: fill, count: 3 - v.count) + v
        return (Int64(p[0]), Int64(p[1]), Int64(p[2]))
    }
    private func plan(_ y: Operand, _ x: Operand, _ w: Operand, _ s: ConvolutionShape) -> st_conv {
        st_conv(
            n: Int64(x.sizes[0]), c: Int64(x.sizes[1]), o: Int64(y.sizes[1]), groups: Int64(s.groups), in: three(Array(x.sizes[2...]), 1),
            out: three(Array(y.sizes[2...]), 1), kernel: three(Array(w.sizes[2...]), 1), stride: three(s.stride, 1), pad: three(s.padding, 0),
            dilation: three(s.dilation, 1))
    }
    public func convolution(_ y: Operand, _ x: Operand, weight: Operand, bias: Operand?, _ shape: ConvolutionShape) -> Bool {
        var p = plan(y, x, weight, shape)
        return st_conv_forward(x.dtype.kernel, &p, x.pointer, weight.pointer, bias?.pointer, y.pointer)
    }
    public func convolutionBackwardData(_ dx: Operand, _ dy: Operand, weight: Operand, _ shape: ConvolutionShape) -> Bool {
        var p = plan(dy, dx, weight, shape)
        return st_conv_backward_data(dx.dtype.kernel, &p, dy.pointer, weight.pointer, dx.pointer)
    }
    public func convolutionBackwardWeight(_ dweight: Operand, _ dy: Operand, _ x: Operand, _ shape: ConvolutionShape) -> Bool {
        var p = plan(dy, x, dweight, shape)
        return st_conv_backward_weight(x.dtype.kernel, &p, dy.pointer, x.pointer, dweight.pointer)
    }
    private func pool(_ y: Operand, _ x: Operand, _ s: PoolingShape) -> st_pool {
        st_pool(
            planes: Int64(x.sizes[0] * x.sizes[1]), in: three(Array(x.sizes[2...]), 1), out: three(Array(y.sizes[2...]), 1), kernel: three(s.kernelSize, 1),
            stride: three(s.stride, 1), pad: three(s.padding, 0), dilation: three(s.dilation, 1), count_include_pad: s.countIncludePad, divisor: Int64(s.divisor))
    }
    public func maxPool(_ y: Operand, indices: Operand?, _ x: Operand, _ shape: PoolingShape) -> Bool {
        var p = pool(y, x, shape)
        return st_max_pool(x.dtype.kernel, &p, x.pointer, y.pointer, indices?.pointer.assumingMemoryBound(to: Int64.self))
    }
    public func maxPoolBackward(_ dx: Operand, _ dy: Operand, indices: Operand) -> Bool {
        let planes = dx.sizes[0] * dx.sizes[1]
        return st_max_pool_backward(
            dx.dtype.kernel, dy.pointer, indices.pointer.assumingMemoryBound(to: Int64.self), dx.pointer, Int64(planes), Int64(dx.count / Swift.max(planes, 1)),
            Int64(dy.count / Swift.max(planes, 1)))
    }
    public func averagePool(_ y: Operand, _ x: Operand, _ shape: PoolingShape) -> Bool {
        var p = pool(y, x, shape)
        return st_avg_pool(x.dtype.kernel, &p, x.pointer, y.pointer)
    }
    public func averagePoolBackward(_ dx: Operand, _ dy: Operand, _ shape: PoolingShape) -> Bool {
        var p = pool(dy, dx, shape)
        return st_avg_pool_backward(dx.dtype.kernel, &p, dy.pointer, dx.pointer)
    }
}
