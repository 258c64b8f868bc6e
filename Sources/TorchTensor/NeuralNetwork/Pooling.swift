// Max and average pooling in one to three spatial dims, and unpooling.
import TorchKernels
import TorchRuntime

/// The recorded pooling primitives.
enum Pool {
    /// Checks the window and counts the results; nil after a report.
    static func plan(
        _ x: Tensor, _ n: Int, kernelSize: SpatialSize, stride: SpatialSize?, padding: SpatialSize, dilation: SpatialSize, ceilMode: Bool, _ name: StaticString
    ) -> (shape: PoolingShape, spatial: [Int])? {
        let operation = "\(name)"
        guard x.rank == n + 2 || x.rank == n + 1 else {
            TensorError.report(operation, "Expected \(n + 1)D or \(n + 2)D (batch mode) tensor with optional 0 dim batch size for input, but got: \(x.dims)")
            return nil
        }
        guard let k = kernelSize.resolved(n, "kernel_size", operation), let p = padding.resolved(n, "padding", operation),
            let d = dilation.resolved(n, "dilation", operation), let s = stride.map({ $0.values.isEmpty ? k : $0.resolved(n, "stride", operation) }) ?? k
        else { return nil }
        guard k.allSatisfy({ $0 > 0 }) else {
            TensorError.report(operation, "kernel size should be greater than zero, but got \(k)")
            return nil
        }
        guard s.allSatisfy({ $0 > 0 }) else {
            TensorError.report(operation, "stride should not be zero or negative, but got \(s)")
            return nil
        }
        guard d.allSatisfy({ $0 > 0 }) else {
            TensorError.report(operation, "dilation should be greater than zero, but got \(d)")
            return nil
        }
        // Dilation does not count, though a dilated window reaches further.
        guard (0..<n).allSatisfy({ p[$0] >= 0 && p[$0] <= k[$0] / 2 }) else {
            TensorError.report(operation, "pad should be at most half of kernel size and not negative, but got pad=\(p) and kernel_size=\(k)", hint: "pad the input first")
            return nil
        }
        // Only the batch may be empty.
        let lead = x.rank - n
        guard (lead - 1..<x.rank).allSatisfy({ x.dims[$0] > 0 }) else {
            TensorError.report(operation, "Expected tensor with non-zero dims apart from the batch for input, but got: \(x.dims)")
            return nil
        }
        var spatial = [Int]()
        for i in 0..<n {
            let size = x.dims[lead + i]
            let free = size + 2 * p[i] - d[i] * (k[i] - 1) - 1
            // Rounded down, also below zero.
            let rounded = free + (ceilMode ? s[i] - 1 : 0)
            var out = (rounded >= 0 ? rounded / s[i] : -((-rounded + s[i] - 1) / s[i])) + 1
            // The last window must start inside the input or its left padding.
            if ceilMode && (out - 1) * s[i] >= size + p[i] { out -= 1 }
            guard out > 0 else {
                TensorError.report(
                    operation, "Given input size: \(x.dims). Calculated output size has \(out) in spatial dimension \(i). Output size is too small",
                    hint: "use a smaller kernel, or padding, or a larger input")
                return nil
            }
            spatial.append(out)
        }
        return (PoolingShape(kernelSize: k, stride: s, padding: p, dilation: d), spatial)
    }

    static func missing(_ name: StaticString, _ t: Tensor) -> Tensor {
        TensorError.report("\(name)", "\"\(name)\" not implemented for \(t.dtype)", hint: "convert with .to(.float32) first")
        return .placeholder
    }

    /// Max pooling of (n, c, spatial…); indices only where wanted or needed for the gradient.
    static func max(
        _ x: Tensor, _ n: Int, kernelSize: SpatialSize, stride: SpatialSize?, padding: SpatialSize, dilation: SpatialSize, ceilMode: Bool, indices wanted: Bool,
        _ name: StaticString
    ) -> (values: Tensor, indices: Tensor?) {
        // With indices it is another operator, which is not in PyTorch's list.
        if n == 3, !wanted, let cast = Autocast.raise(x, on: .cpu) {
            return cast.run {
                max(cast(x), n, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode, indices: wanted, name)
            }
        }
        guard let (shape, spatial) = plan(x, n, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode, name) else {
            return (.placeholder, wanted ? .placeholder : nil)
        }
        if x.rank == n + 1 {
            let (v, i) = max(
                x.unsqueeze(0), n, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode, indices: wanted, name)
            return (v.squeeze(0), i?.squeeze(0))
        }
        let input = x.withoutGraph.contiguous()
        let sizes = Dims([x.dims[0], x.dims[1]] + spatial)
        let y = Tensor.make(sizes, x.dtype, device: x.device)
        let indices = wanted || x.isRecorded ? Tensor.make(sizes, .int64, device: x.device) : nil
        if y.count > 0, !y.backend.maxPool(y.operand, indices: indices?.operand, input.operand, shape) {
            return (missing(name, x), wanted ? .placeholder : nil)
        }
        guard let indices, x.isRecorded else { return (y, indices) }
        let whole = x.dims
        return (y.recorded(name, x) { g in maxGradient(g, indices, whole) }, indices)
    }

    /// Each gradient goes to the place its maximum came from.
    static func maxGradient(_ g: Tensor, _ indices: Tensor, _ sizes: Dims) -> Tensor {
        let dx = Tensor.make(sizes, g.dtype, device: g.device)
        let dy = g.withoutGraph.contiguous()
        if dx.count > 0, !dx.backend.maxPoolBackward(dx.operand, dy.operand, indices: indices.operand) { return missing("maxPoolBackward", g) }
        return dx.recorded("maxPoolBackward", g) { h in
            // A window without an element has the index -1, and no gradient.
            let flat = indices.flatten(startDim: 2)
            let taken = h.flatten(startDim: 2).gather(-1, flat.clamp(min: 0))
            return (flat .>= 0).select(taken, Tensor.zeros([], dtype: taken.dtype, device: taken.device)).reshaped(indices.dims)
        }
    }

    static func average(
        _ x: Tensor, _ n: Int, kernelSize: SpatialSize, stride: SpatialSize?, padding: SpatialSize, ceilMode: Bool, countIncludePad: Bool, divisor: Int?,
        _ name: StaticString
    ) -> Tensor {
        if n == 3, let cast = Autocast.raise(x, on: .cpu) {
            return cast.run {
                average(
                    cast(x), n, kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad, divisor: divisor, name)
            }
        }
        guard case (var shape, let spatial)? = plan(x, n, kernelSize: kernelSize, stride: stride, padding: padding, dilation: 1, ceilMode: ceilMode, name) else { return .placeholder }
        if let divisor {
            guard divisor != 0 else {
                TensorError.report("\(name)", "divisor must be not zero")
                return .placeholder
            }
            shape.divisor = divisor
        }
        shape.countIncludePad = countIncludePad
        if x.rank == n + 1 { return averaged(x.unsqueeze(0), shape, spatial, name).squeeze(0) }
        return averaged(x, shape, spatial, name)
    }

    /// Average pooling of (n, c, spatial…) is linear: its gradient's gradient is itself.
    static func averaged(_ x: Tensor, _ shape: PoolingShape, _ spatial: [Int], _ name: StaticString) -> Tensor {
        let input = x.withoutGraph.contiguous()
        let y = Tensor.make(Dims([x.dims[0], x.dims[1]] + spatial), x.dtype, device: x.device)
        if y.count > 0, !y.backend.averagePool(y.operand, input.operand, shape) { return missing(name, x) }
        let whole = x.dims
        return y.recorded(name, x) { g in
            let dx = Tensor.make(whole, g.dtype, device: g.device)
            let dy = g.withoutGraph.contiguous()
            if dx.count > 0, !dx.backend.averagePoolBackward(dx.operand, dy.operand, shape) { return missing("averagePoolBackward", g) }
            return dx.recorded("averagePoolBackward", g) { h in averaged(h, shape, spatial, name) }
        }
    }

    // MARK: Adaptive

    /// Sizes of an adaptive pooling's result: nil keeps the input's.
    static func adaptiveSizes(_ x: Tensor, _ n: Int, _ sizes: [Int?], _ name: StaticString) -> [Int]? {
        guard x.rank == n + 2 || x.rank == n + 1 else {
            TensorError.report("\(name)", "Expected \(n + 1)D or \(n + 2)D tensor, but got \(x.dims)")
            return nil
        }
        guard sizes.count == n || sizes.count == 1 else {
            TensorError.report("\(name)", "output_size must be one number or \(n), got \(sizes)")
            return nil
        }
        let lead = x.rank - n
        guard (lead - 1..<x.rank).allSatisfy({ x.dims[$0] > 0 }) else {
            TensorError.report("\(name)", "Expected input to have non-zero size for non-batch dimensions, but input has sizes \(x.dims)")
            return nil
        }
        let result = (0..<n).map { (sizes.count == 1 ? sizes[0] : sizes[$0]) ?? x.dims[lead + $0] }
        guard result.allSatisfy({ $0 >= 0 }) else {
            TensorError.report("\(name)", "elements of output_size must be greater than or equal to 0, but got \(result)")
            return nil
        }
        return result
    }

    /// First and one past the last position of window `i`.
    @inline(__always)
    static func adaptiveWindow(_ i: Int, _ size: Int, _ out: Int) -> Range<Int> { (i * size / out)..<(((i + 1) * size + out - 1) / out) }

    static func adaptiveAverage(_ x: Tensor, _ n: Int, _ sizes: [Int?], _ name: StaticString) -> Tensor {
        if n == 3, let cast = Autocast.raise(x, on: .cpu) { return cast.run { adaptiveAverage(cast(x), n, sizes, name) } }
        guard let spatial = adaptiveSizes(x, n, sizes, name) else { return .placeholder }
        let lead = x.rank - n
        if spatial.allSatisfy({ $0 == 1 }) { return x.mean(Array(lead..<x.rank), keepDim: true) }
        let input = (0..<n).map { x.dims[lead + $0] }
        if (0..<n).allSatisfy({ spatial[$0] > 0 && input[$0] % spatial[$0] == 0 }) {
            let k = (0..<n).map { input[$0] / spatial[$0] }
            return average(x, n, kernelSize: SpatialSize(k), stride: nil, padding: 0, ceilMode: false, countIncludePad: true, divisor: nil, name)
        }
        // Averaging along one dim is a product with a narrow band.
        var y = x
        for i in 0..<n where spatial[i] != input[i] {
            let (size, out) = (input[i], spatial[i])
            var weights = [Double](repeating: 0, count: size * out)
            for o in 0..<out {
                let window = adaptiveWindow(o, size, out)
                for k in window { weights[k * out + o] = 1 / Double(window.count) }
            }
            let band = Tensor.table(weights, shape: [size, out], dtype: x.dtype, on: x.device)
            y = y.moveDim(lead + i, -1).matmul(band).moveDim(-1, lead + i)
        }
        return y.contiguous()
    }

    /// Maxima over windows that begin at `starts[dim][o]` and have `counts[dim][o]` positions; indices count within the plane.
    static func windowed(_ x: Tensor, _ n: Int, _ starts: [[Int]], _ counts: [[Int]], _ name: StaticString) -> (values: Tensor, indices: Tensor) {
        let lead = x.rank - n
        let input = (0..<n).map { x.dims[lead + $0] }
        let outs = starts.map(\.count)
        let spans = counts.map { $0.max() ?? 1 }
        // Position of window element (k…) of output (o…); short windows repeat their last.
        var positions = Tensor(0, device: .cpu)
        for i in 0..<n {
            let along = starts[i].indices.flatMap { o in (0..<spans[i]).map { starts[i][o] + Swift.min($0, counts[i][o] - 1) } }
            var shape = [Int](repeating: 1, count: 2 * n)
            shape[i] = outs[i]
            shape[n + i] = spans[i]
            positions = positions * input[i] + Tensor(along, shape: shape, device: .cpu)
        }
        let (total, span) = (outs.reduce(1, *), spans.reduce(1, *))
        let flat = positions.expand(outs + spans).reshape([total, span]).constant(on: x.device)
        let head = Array(x.dims[..<lead])
        let planes = x.flatten(startDim: lead)
        let gathered = noGrad { planes.withoutGraph.indexSelect(-1, flat.flatten()).reshape(head + [total, span]) }
        let best = gathered.reduced(.argmax, [gathered.rank - 1], keepDim: true, name)
        let places = flat.expand(head + [total, span]).gather(-1, best).reshape(head + [total])
        return (planes.gather(-1, places).reshape(head + outs), places.reshape(head + outs))
    }

    static func adaptiveMax(_ x: Tensor, _ n: Int, _ sizes: [Int?], indices wanted: Bool, _ name: StaticString) -> (values: Tensor, indices: Tensor?) {
        if n == 3, let cast = Autocast.raise(x, on: .cpu) { return cast.run { adaptiveMax(cast(x), n, sizes, indices: wanted, name) } }
        guard let spatial = adaptiveSizes(x, n, sizes, name) else { return (.placeholder, wanted ? .placeholder : nil) }
        let lead = x.rank - n
        let input = (0..<n).map { x.dims[lead + $0] }
        if (0..<n).allSatisfy({ spatial[$0] > 0 && input[$0] % spatial[$0] == 0 }) {
            let k = (0..<n).map { input[$0] / spatial[$0] }
            return max(x, n, kernelSize: SpatialSize(k), stride: nil, padding: 0, dilation: 1, ceilMode: false, indices: wanted, name)
        }
        if spatial.contains(0) || x.count == 0 {
            let empty = Dims(Array(x.dims[..<lead]) + spatial)
            return (Tensor.make(empty, x.dtype, device: x.device).recorded(name, x) { _ in x.zerosLike() }, wanted ? Tensor.make(empty, .int64, device: x.device) : nil)
        }
        let windows = (0..<n).map { i in (0..<spatial[i]).map { adaptiveWindow($0, input[i], spatial[i]) } }
        let (v, i) = windowed(x, n, windows.map { $0.map(\.lowerBound) }, windows.map { $0.map(\.count) }, name)
        return (v, i)
    }

    // MARK: Unpooling

    static func unpool(
        _ x: Tensor, _ indices: Tensor, _ n: Int, kernelSize: SpatialSize, stride: SpatialSize?, padding: SpatialSize, outputSize: [Int]?, _ name: StaticString
    ) -> Tensor {
        if let cast = Autocast.raise(x, on: .cpu) {
            return cast.run { unpool(cast(x), indices, n, kernelSize: kernelSize, stride: stride, padding: padding, outputSize: outputSize, name) }
        }
        let operation = "\(name)"
        guard x.rank == n + 2 || x.rank == n + 1, x.dims == indices.dims else {
            TensorError.report(
                operation, "Expected shape of indices to be same as that of the input tensor (\(x.dims)) of \(n + 1) or \(n + 2) dimensions but got indices tensor with shape: \(indices.dims)")
            return .placeholder
        }
        guard indices.dtype == .int64 else {
            TensorError.report(operation, "elements in indices should be type int64 but got: \(indices.dtype)")
            return .placeholder
        }
        guard let k = kernelSize.resolved(n, "kernel_size", operation), let p = padding.resolved(n, "padding", operation),
            let s = stride.map({ $0.values.isEmpty ? k : $0.resolved(n, "stride", operation) }) ?? k
        else { return .placeholder }
        guard s.allSatisfy({ $0 > 0 }) else {
            TensorError.report(operation, "strides should be greater than zero, but got stride: \(s)")
            return .placeholder
        }
        let lead = x.rank - n
        let usual = (0..<n).map { (x.dims[lead + $0] - 1) * s[$0] - 2 * p[$0] + k[$0] }
        var spatial = usual
        if let outputSize {
            spatial = outputSize.count == x.rank ? Array(outputSize[lead...]) : outputSize
            guard spatial.count == n, (0..<n).allSatisfy({ spatial[$0] > usual[$0] - s[$0] && spatial[$0] < usual[$0] + s[$0] }) else {
                TensorError.report(operation, "invalid output_size \(outputSize) (each dimension must be within a stride of \(usual))")
                return .placeholder
            }
        }
        guard spatial.allSatisfy({ $0 > 0 }) else {
            TensorError.report(operation, "calculated output size \(spatial) is not positive")
            return .placeholder
        }
        let head = Array(x.dims[..<lead])
        let total = spatial.reduce(1, *)
        let flat = indices.withoutGraph.contiguous().reshape(head + [usual.isEmpty ? 1 : x.dims[lead...].reduce(1, *)])
        let zeros = Tensor.zeros(Dims(head + [total]), dtype: x.dtype, device: x.device)
        let values = x.flatten(startDim: lead)
        let y = zeros.scattered(.replace, -1, flat, values.withoutGraph, name)
        if y.count == 0 && zeros.count != 0 { return .placeholder }
        return y.recorded(name, values) { g in g.gather(-1, flat) }.reshape(head + spatial)
    }

    // MARK: Fractional

    /// Starts of pseudo-random windows, as PyTorch spaces them.
    static func fractionalStarts(_ sample: Double, _ input: Int, _ out: Int, _ kernel: Int) -> [Int] {
        if out == 1 { return [input - kernel] }
        let alpha = Double(input - kernel) / Double(out - 1)
        return (0..<out).map { i in i == out - 1 ? input - kernel : Int((Double(i) + sample) * alpha) - Int(sample * alpha) }
    }

    static func fractional(
        _ x: Tensor, _ n: Int, kernelSize: SpatialSize, outputSize: [Int]?, outputRatio: [Double]?, samples: Tensor?, generator: Generator?, _ name: StaticString
    ) -> (values: Tensor, indices: Tensor) {
        if let cast = Autocast.raise(x, on: .cpu) {
            return cast.run {
                fractional(cast(x), n, kernelSize: kernelSize, outputSize: outputSize, outputRatio: outputRatio, samples: cast(samples), generator: generator, name)
            }
        }
        let operation = "\(name)"
        let none = (Tensor.placeholder, Tensor.placeholder)
        guard x.rank == n + 1 || x.rank == n + 2, let k = kernelSize.resolved(n, "kernel_size", operation) else {
            if x.rank != n + 1 && x.rank != n + 2 { TensorError.report(operation, "Expected \(n + 1)D or \(n + 2)D tensor, but got: \(x.dims)") }
            return none
        }
        let lead = x.rank - n
        let input = (0..<n).map { x.dims[lead + $0] }
        let outs: [Int]
        if let outputSize {
            outs = outputSize.count == 1 ? [Int](repeating: outputSize[0], count: n) : outputSize
        } else if let outputRatio {
            let ratios = outputRatio.count == 1 ? [Double](repeating: outputRatio[0], count: n) : outputRatio
            guard ratios.count == n, ratios.allSatisfy({ $0 > 0 && $0 < 1 }) else {
                TensorError.report(operation, "output_ratio must be between 0 and 1 (got \(outputRatio))")
                return none
            }
            outs = (0..<n).map { Int(Double(input[$0]) * ratios[$0]) }
        } else {
            TensorError.report(operation, "requires specifying either an output_size or an output_ratio")
            return none
        }
        guard outs.count == n, (0..<n).allSatisfy({ outs[$0] > 0 && k[$0] > 0 && outs[$0] + k[$0] - 1 <= input[$0] }) else {
            TensorError.report(operation, "pool of size \(k) and output \(outs) too large relative to input \(x.dims)")
            return none
        }
        let batch = lead == 2 ? x.dims[0] : 1
        let channels = x.dims[lead - 1]
        let draws = samples ?? Tensor.rand([batch, channels, n], dtype: x.dtype, device: x.device, generator: generator)
        guard draws.dims == [batch, channels, n] else {
            TensorError.report(operation, "random samples have shape \(draws.dims), expected \([batch, channels, n])")
            return none
        }
        // Every plane has windows of its own; the sample of the innermost dim comes first.
        let u = draws.to(.float64).array(of: Double.self)
        let planes = lead == 2 ? x : x.unsqueeze(0)
        var values: [Tensor] = []
        var indices: [Tensor] = []
        for b in 0..<batch {
            for c in 0..<channels {
                let starts = (0..<n).map { i in fractionalStarts(u[(b * channels + c) * n + (n - 1 - i)], input[i], outs[i], k[i]) }
                let (v, i) = windowed(planes.select(0, b).select(0, c), n, starts, (0..<n).map { [Int](repeating: k[$0], count: outs[$0]) }, name)
                values.append(v)
                indices.append(i)
            }
        }
        guard !values.isEmpty else {
            let empty = Dims(Array(x.dims[..<lead]) + outs)
            let nothing = Tensor.make(empty, x.dtype, device: x.device).recorded(name, x) { _ in x.zerosLike() }
            return (nothing, Tensor.make(empty, .int64, device: x.device))
        }
        let shape = Array(x.dims[..<lead]) + outs
        return (joined(values).reshape(shape), joined(indices).reshape(shape))
    }

    /// Equal shapes as one tensor with a new first dim.
    private static func joined(_ parts: [Tensor]) -> Tensor {
        let sizes = parts[0].dims
        let out = Tensor.make(Dims([parts.count] + sizes.array), parts[0].dtype, device: parts[0].device)
        for (i, p) in parts.enumerated() { out.backend.copy(noGrad { out.select(0, i) }.operand, p.operand) }
        return out.recordedJointly("stack", parts) { g, _ in parts.indices.map { g.select(0, $0) } }
    }
}
