// Row kernels on the CPU: softmax, normalisations, cross-entropy, optimizer steps. Operands are contiguous.
import TorchKernels
import TorchRuntime

extension CPUBackend {
    private func rows(_ x: Operand) -> (Int64, Int64) { (Int64(x.sizes[0]), Int64(x.sizes[1])) }

    public func softmax(_ out: Operand, _ x: Operand, logarithm: Bool) -> Bool {
        let (r, c) = rows(x)
        return st_softmax(x.dtype.kernel, x.pointer, out.pointer, r, c, logarithm)
    }

    public func softmaxBackward(_ dx: Operand, _ dy: Operand, _ y: Operand, logarithm: Bool) -> Bool {
        let (r, c) = rows(y)
        return st_softmax_backward(y.dtype.kernel, dy.pointer, y.pointer, dx.pointer, r, c, logarithm)
    }

    public func layerNorm(_ y: Operand, mean: Operand, rstd: Operand, _ x: Operand, weight: Operand?, bias: Operand?, epsilon: Double) -> Bool {
        let (r, c) = rows(x)
        return st_layer_norm(x.dtype.kernel, x.pointer, weight?.pointer, bias?.pointer, y.pointer, mean.pointer, rstd.pointer, r, c, epsilon)
    }

    public func layerNormBackward(dx: Operand?, dweight: Operand?, dbias: Operand?, _ dy: Operand, _ x: Operand, weight: Operand?, mean: Operand, rstd: Operand) -> Bool {
        let (r, c) = rows(x)
        return st_layer_norm_backward(
            x.dtype.kernel, dy.pointer, x.pointer, weight?.pointer, mean.pointer, rstd.pointer, dx?.pointer, dweight?.pointer, dbias?.pointer, r, c)
    }

    public func rmsNorm(_ y: Operand, rstd: Operand, _ x: Operand, weight: Operand?, epsilon: Double) -> Bool {
        let (r, c) = rows(x)
        return st_rms_norm(x.dtype.kernel, x.pointer, weight?.pointer, y.pointer, rstd.pointer, r, c, epsilon)
    }

    public func rmsNormBackward(dx: Operand?, dweight: Operand?, _ dy: Operand, _ x: Operand, weight: Operand?, rstd: Operand) -> Bool {
        let (r, c) = rows(x)
        return st_rms_norm_backward(x.dtype.kernel, dy.pointer, x.pointer, weight?.pointer, rstd.pointer, dx?.pointer, dweight?.pointer, r, c)
    }

    public func batchNormStatistics(mean: Operand, variance: Operand, _ x: Operand) -> Bool {
        st_batch_norm_statistics(x.dtype.kernel, x.pointer, mean.pointer, variance.pointer, Int64(x.sizes[0]), Int64(x.sizes[1]), Int64(x.sizes[2]))
    }

    public func batchNorm(_ y: Operand, _ x: Operand, mean: Operand, rstd: Operand, weight: Operand?, bias: Operand?) -> Bool {
        st_batch_norm_apply(
            x.dtype.kernel, x.pointer, mean.pointer, rstd.pointer, weight?.pointer, bias?.pointer, y.pointer,
            Int64(x.sizes[0]), Int64(x.sizes[1]), Int64(x.sizes[2]))
    }

    public func batchNormBackward(
        dx: Operand?, dweight: Operand?, dbias: Operand?, _ dy: Operand, _ x: Operand, mean: Operand, rstd: Operand, weight: Operand?, training: Bool
    ) -> Bool {
        st_batch_norm_backward(
            x.dtype.kernel, dy.pointer, x.pointer, mean.pointer, rstd.pointer, weight?.pointer, dx?.pointer, dweight?.pointer, dbias?.pointer,
            Int64(x.sizes[0]), Int64(x.sizes[1]), Int64(x.sizes[2]), training)
    }

    public func crossEntropy(loss: Operand, lse: Operand, _ x: Operand, _ target: Operand, ignoreIndex: Int, _ check: ElementCheck) -> Bool {
        let (r, c) = rows(x)
        return st_cross_entropy(x.dtype.kernel, x.pointer, target.pointer.assumingMemoryBound(to: Int64.self), loss.pointer, lse.pointer, r, c, Int64(ignoreIndex))
    }

    public func crossEntropyBackward(_ dx: Operand, _ x: Operand, _ target: Operand, lse: Operand, scale: Operand, ignoreIndex: Int) -> Bool {
        let (r, c) = rows(x)
        return st_cross_entropy_backward(
            x.dtype.kernel, x.pointer, target.pointer.assumingMemoryBound(to: Int64.self), lse.pointer, scale.pointer, dx.pointer, r, c, Int64(ignoreIndex))
    }

    public func sgdStep(_ tensors: [st_optim_tensor], dtype: DType, _ options: st_sgd, anew: @escaping () -> st_sgd) -> Bool {
        guard dtype == .float32 || dtype == .float64 else { return false }
        withUnsafePointer(to: options) { st_sgd_step(dtype.kernel, tensors, Int64(tensors.count), $0) }
        return true
    }

    public func adamStep(_ tensors: [st_optim_tensor], dtype: DType, _ options: st_adam, anew: @escaping () -> st_adam) -> Bool {
        guard dtype == .float32 || dtype == .float64 else { return false }
        withUnsafePointer(to: options) { st_adam_step(dtype.kernel, tensors, Int64(tensors.count), $0) }
        return true
    }
}
