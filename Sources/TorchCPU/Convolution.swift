// Convolution and its gradients: oneDNN's primitives for float32, our own kernels for the rest and without it.
//
// Note [Convolution layouts]
// Plain layouts are slow in oneDNN, so a primitive chooses its own layout and the data is reordered around it; that costs a few percent of a dense convolution and
// equals what PyTorch does. Tensors whose channels come last are used as they lie, without reorders. Operands that are neither are copied first.
import CVendor
import TorchKernels
import TorchRuntime

/// `v` as the last of three spatial numbers.
@inline(__always)
func threeDims(_ v: some Collection<Int>, fill: Int) -> (Int64, Int64, Int64) {
    var t: (Int64, Int64, Int64) = (Int64(fill), Int64(fill), Int64(fill))
    var i = 3 - v.count
    for s in v {
        switch i {
        case 0: t.0 = Int64(s)
        case 1: t.1 = Int64(s)
        default: t.2 = Int64(s)
        }
        i += 1
    }
    return t
}

extension Operand {
    /// Dense with dimension 1 innermost (NHWC, NDHWC).
    fileprivate var isChannelsLast: Bool {
        var expected = sizes[1]
        if sizes[1] != 1 && strides[1] != 1 { return false }
        var i = sizes.count - 1
        while i >= 0 {
            if i != 1 {
                if sizes[i] != 1 && strides[i] != expected { return false }
                expected *= sizes[i]
            }
            i -= 1
        }
        return true
    }
}

extension CPUBackend {
    /// Runs `body` with a contiguous form of `x`, which is `x` itself where it is contiguous. Nil when memory is refused.
    @inline(__always)
    private func withContiguous<Result>(_ x: Operand, _ body: (Operand) -> Result) -> Result? {
        if x.isContiguous { return body(x) }
        let bytes = x.count * x.dtype.itemSize
        guard let memory = st_allocate(bytes) else { return nil }
        defer { st_deallocate(memory, bytes) }
        let dense = Operand(unowned: memory, dtype: x.dtype, sizes: x.sizes, strides: x.sizes.contiguousStrides)
        copy(dense, x)
        return body(dense)
    }

    /// The same for an output: `body` fills it, then it is copied to `y`.
    @inline(__always)
    private func withContiguousOutput(_ y: Operand, _ body: (Operand) -> Bool) -> Bool {
        if y.isContiguous { return body(y) }
        let bytes = y.count * y.dtype.itemSize
        guard let memory = st_allocate(bytes) else { return false }
        defer { st_deallocate(memory, bytes) }
        let dense = Operand(unowned: memory, dtype: y.dtype, sizes: y.sizes, strides: y.sizes.contiguousStrides)
        guard body(dense) else { return false }
        copy(y, dense)
        return true
    }

    private func plan(_ y: Operand, _ x: Operand, _ w: Operand, _ s: ConvolutionShape) -> st_conv {
        st_conv(
            n: Int64(x.sizes[0]), c: Int64(x.sizes[1]), o: Int64(y.sizes[1]), groups: Int64(s.groups), in: threeDims(x.sizes.dropFirst(2), fill: 1),
            out: threeDims(y.sizes.dropFirst(2), fill: 1), kernel: threeDims(w.sizes.dropFirst(2), fill: 1), stride: threeDims(s.stride, fill: 1),
            pad: threeDims(s.padding, fill: 0), dilation: threeDims(s.dilation, fill: 1))
    }

    /// oneDNN's primitive for these operands, which are `operands` in its order. Nil where it has none, or where ours is faster.
    private func primitive(
        _ kind: CVConvolutionKind, _ y: Operand, _ x: Operand, _ w: Operand, _ s: ConvolutionShape, bias: Bool, _ operands: [UnsafeMutableRawPointer?]
    ) -> Bool? {
        guard x.dtype == .float32, w.isContiguous, Vendor.hasPrimitives else { return nil }
        let rank = x.sizes.count - 2
        guard rank <= 3 else { return nil }
        let xLast = !x.isContiguous && x.isChannelsLast, yLast = !y.isContiguous && y.isChannelsLast
        guard xLast || x.isContiguous, yLast || y.isContiguous else { return nil }
        // One dimension goes as two: oneDNN has its fast kernels there.
        let lead = rank == 1 ? 1 : 0
        var c = cv_convolution()
        c.rank = Int32(rank + lead)
        c.x_channels_last = xLast
        c.y_channels_last = yLast
        (c.n, c.c, c.o, c.groups) = (Int64(x.sizes[0]), Int64(x.sizes[1]), Int64(y.sizes[1]), Int64(s.groups))
        func spread(_ field: WritableKeyPath<cv_convolution, (Int64, Int64, Int64)>, _ fill: Int, _ value: (Int) -> Int) {
            var t: (Int64, Int64, Int64) = (Int64(fill), Int64(fill), Int64(fill))
            for i in 0..<rank {
                switch i + lead {
                case 0: t.0 = Int64(value(i))
                case 1: t.1 = Int64(value(i))
                default: t.2 = Int64(value(i))
                }
            }
            c[keyPath: field] = t
        }
        spread(\.in, 1) { x.sizes[2 + $0] }
        spread(\.out, 1) { y.sizes[2 + $0] }
        spread(\.kernel, 1) { w.sizes[2 + $0] }
        spread(\.stride, 1) { s.stride[$0] }
        spread(\.pad, 0) { s.padding[$0] }
        spread(\.dilation, 1) { s.dilation[$0] }
        let work = Double(y.count) * Double(w.count / Swift.max(1, w.sizes[0]))
        // One large image is for our own kernels, which cut it up.
        if c.n < 2, work >= 2e6 { return nil }
        return runPieces(kind, c, w, bias: bias, operands, x: x.count / x.sizes[0] * 4, y: y.count / y.sizes[0] * 4, work: work)
    }

    /// The primitive over pieces of the batch, one thread each; gradients of the weights are added in the order of the pieces. `x` and `y`: bytes of an image.
    ///
    /// The shape alone decides how many pieces there are, so that the bits do not depend on the number of threads. A piece must be worth the call and its own
    /// reordering of the weights.
    private func runPieces(
        _ kind: CVConvolutionKind, _ whole: cv_convolution, _ w: Operand, bias: Bool, _ operands: [UnsafeMutableRawPointer?], x: Int, y: Int, work: Double
    ) -> Bool? {
        let images = Int(whole.n), weights = w.count
        let wanted = Swift.max(1, Swift.min(images, 16, Int(work / (8e6 + 200 * Double(weights)))))
        let each = (images + wanted - 1) / wanted, pieces = (images + each - 1) / each
        if pieces == 1 {
            var c = whole
            Vendor.callSerially()
            return cv_dnnl_convolution(kind, &c, bias, 1)?.run(operands)
        }
        // Bytes from one image to the next, of each operand.
        let pitch = kind == .forward ? [x, 0, y, 0] : kind == .backwardData ? [y, 0, x] : [x, y, 0]
        let partialBytes = kind == .backwardWeight ? (pieces - 1) * weights * 4 : 0
        let partial = partialBytes > 0 ? st_allocate(partialBytes) : nil
        if partialBytes > 0 && partial == nil { return nil }
        defer { if let partial { st_deallocate(partial, partialBytes) } }
        let failed = UnsafeMutablePointer<Bool>.allocate(capacity: pieces)
        defer { failed.deallocate() }
        Parallel.forEach(count: pieces, grain: 1) { range in
            for i in range {
                var c = whole
                c.n = Int64(Swift.min(each, images - i * each))
                var mine = operands
                for (k, step) in pitch.enumerated() where step > 0 { mine[k] = operands[k].map { $0 + i * each * step } }
                if kind == .backwardWeight && i > 0 { mine[2] = partial! + (i - 1) * weights * 4 }
                Vendor.callSerially()
                failed[i] = !(cv_dnnl_convolution(kind, &c, bias, 1)?.run(mine) ?? false)
            }
        }
        if UnsafeBufferPointer(start: failed, count: pieces).contains(true) { return nil }
        if let partial {
            let sum = operands[2]!.assumingMemoryBound(to: Float.self)
            for i in 0..<pieces - 1 {
                let part = partial.assumingMemoryBound(to: Float.self) + i * weights
                for k in 0..<weights { sum[k] += part[k] }
            }
        }
        return true
    }

    public func convolution(_ y: Operand, _ x: Operand, weight: Operand, bias: Operand?, _ shape: ConvolutionShape) -> Bool {
        if bias?.isContiguous ?? true,
            let done = primitive(.forward, y, x, weight, shape, bias: bias != nil, [x.pointer, weight.pointer, y.pointer, bias?.pointer])
        {
            return done
        }
        return withContiguous(x) { x in
            withContiguous(weight) { weight in
                withContiguousOutput(y) { y in
                    var p = plan(y, x, weight, shape)
                    guard let bias else { return st_conv_forward(x.dtype.kernel, &p, x.pointer, weight.pointer, nil, y.pointer) }
                    return withContiguous(bias) { st_conv_forward(x.dtype.kernel, &p, x.pointer, weight.pointer, $0.pointer, y.pointer) } ?? false
                }
            } ?? false
        } ?? false
    }

    public func convolutionBackwardData(_ dx: Operand, _ dy: Operand, weight: Operand, _ shape: ConvolutionShape) -> Bool {
        if let done = primitive(.backwardData, dy, dx, weight, shape, bias: false, [dy.pointer, weight.pointer, dx.pointer]) { return done }
        return withContiguous(dy) { dy in
            withContiguous(weight) { weight in
                withContiguousOutput(dx) { dx in
                    var p = plan(dy, dx, weight, shape)
                    return st_conv_backward_data(dx.dtype.kernel, &p, dy.pointer, weight.pointer, dx.pointer)
                }
            } ?? false
        } ?? false
    }

    public func convolutionBackwardWeight(_ dweight: Operand, _ dy: Operand, _ x: Operand, _ shape: ConvolutionShape) -> Bool {
        if let done = primitive(.backwardWeight, dy, x, dweight, shape, bias: false, [x.pointer, dy.pointer, dweight.pointer]) { return done }
        return withContiguous(dy) { dy in
            withContiguous(x) { x in
                withContiguousOutput(dweight) { dweight in
                    var p = plan(dy, x, dweight, shape)
                    return st_conv_backward_weight(x.dtype.kernel, &p, dy.pointer, x.pointer, dweight.pointer)
                }
            } ?? false
        } ?? false
    }
}
