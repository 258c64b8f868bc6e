// Pooling: our own kernels, on contiguous planes.
import TorchKernels
import TorchRuntime

extension CPUBackend {
    private func plan(_ y: Operand, _ x: Operand, _ s: PoolingShape) -> st_pool {
        st_pool(
            planes: Int64(x.sizes[0] * x.sizes[1]), in: threeDims(x.sizes.dropFirst(2), fill: 1), out: threeDims(y.sizes.dropFirst(2), fill: 1),
            kernel: threeDims(s.kernelSize, fill: 1), stride: threeDims(s.stride, fill: 1), pad: threeDims(s.padding, fill: 0),
            dilation: threeDims(s.dilation, fill: 1), count_include_pad: s.countIncludePad, divisor: Int64(s.divisor))
    }

    public func maxPool(_ y: Operand, indices: Operand?, _ x: Operand, _ shape: PoolingShape) -> Bool {
        var p = plan(y, x, shape)
        return st_max_pool(x.dtype.kernel, &p, x.pointer, y.pointer, indices?.pointer.assumingMemoryBound(to: Int64.self))
    }

    public func maxPoolBackward(_ dx: Operand, _ dy: Operand, indices: Operand) -> Bool {
        let planes = dx.sizes[0] * dx.sizes[1]
        return st_max_pool_backward(
            dx.dtype.kernel, dy.pointer, indices.pointer.assumingMemoryBound(to: Int64.self), dx.pointer, Int64(planes), Int64(dx.count / Swift.max(planes, 1)),
            Int64(dy.count / Swift.max(planes, 1)))
    }

    public func averagePool(_ y: Operand, _ x: Operand, _ shape: PoolingShape) -> Bool {
        var p = plan(y, x, shape)
        return st_avg_pool(x.dtype.kernel, &p, x.pointer, y.pointer)
    }

    public func averagePoolBackward(_ dx: Operand, _ dy: Operand, _ shape: PoolingShape) -> Bool {
        var p = plan(dy, dx, shape)
        return st_avg_pool_backward(dx.dtype.kernel, &p, dy.pointer, dx.pointer)
    }
}
