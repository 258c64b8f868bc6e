// Convolutions and their transposes in one to three spatial dims.
import TorchKernels
import TorchRuntime

// Note [Convolution's three products]
// y = F(x, w), dx = D(dy, w) and dw = W(dy, x) are each linear in both operands, and the derivative of any one of them is made of the other two:
//   F: towards x D(g, w), towards w W(g, x)      D: towards dy F(g, w), towards w W(dy, g)      W: towards dy F(x, g), towards x D(dy, g)
// So all derivatives exist with three primitives, and a transposed convolution is D.

/// How much a convolution's input is padded: `1`, `[1, 2]`, `.same`, `.valid`.
public enum ConvolutionPadding: Sendable, Equatable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
    /// None. PyTorch: `'valid'`.
    case valid
    /// As much as keeps the size, for stride 1. PyTorch: `'same'`.
    case same
    /// So many on both sides.
    case size(SpatialSize)
    public init(integerLiteral value: Int) { self = .size(SpatialSize(value)) }
    public init(arrayLiteral elements: Int...) { self = .size(SpatialSize(elements)) }
}

/// The recorded primitives of Note [Convolution's three products].
enum Convolve {
    static func missing(_ name: StaticString, _ t: Tensor) -> Tensor {
        TensorError.report("\(name)", "\"\(name)\" not implemented for \(t.dtype)", hint: "convert with .to(.float32) first")
        return .placeholder
    }

    /// F. `spatial`: sizes of the result.
    static func forward(_ x: Tensor, _ w: Tensor, _ bias: Tensor?, _ shape: ConvolutionShape, spatial: [Int], _ name: StaticString) -> Tensor {
        let (input, kernel) = (x.withoutGraph.contiguous(), w.withoutGraph.contiguous())
        let plainBias = bias?.withoutGraph.contiguous()
        let y = Tensor.make(Dims([x.dims[0], w.dims[0]] + spatial), x.dtype, device: x.device)
        if y.count > 0 {
            if input.count == 0 || kernel.count == 0 {
                y.fillUnshared(0)
                if let plainBias {
                    y.backend.copy(y.operand, plainBias.view(sizes: channelSizes(plainBias, y.rank), strides: channelSizes(plainBias, y.rank).contiguousStrides).operand.expanded(to: y.dims))
                }
            } else if !y.backend.convolution(y.operand, input.operand, weight: kernel.operand, bias: plainBias?.operand, shape) {
                return missing(name, x)
            }
        }
        let (inputSizes, kernelSizes) = (x.dims, w.dims)
        let towardsX: Derivative = { g in data(g, w.conjugateIfComplex, shape, inputSizes, "convolutionBackwardData") }
        let towardsW: Derivative = { g in weight(g, x.conjugateIfComplex, shape, kernelSizes, "convolutionBackwardWeight") }
        guard let bias else { return y.recorded(name, (x, towardsX), (w, towardsW)) }
        return y.recorded(name, (x, towardsX), (w, towardsW), (bias, channelSum))
    }

    /// D. `sizes`: of the result.
    static func data(_ dy: Tensor, _ w: Tensor, _ shape: ConvolutionShape, _ sizes: Dims, _ name: StaticString) -> Tensor {
        let (gradient, kernel) = (dy.withoutGraph.contiguous(), w.withoutGraph.contiguous())
        let dx = Tensor.make(sizes, dy.dtype, device: dy.device)
        if dx.count > 0 {
            if gradient.count == 0 || kernel.count == 0 {
                dx.fillUnshared(0)
            } else if !dx.backend.convolutionBackwardData(dx.operand, gradient.operand, weight: kernel.operand, shape) {
                return missing(name, dy)
            }
        }
        let (spatial, kernelSizes) = (Array(dy.dims[2...]), w.dims)
        return dx.recorded(
            name, (dy, { h in forward(h, w.conjugateIfComplex, nil, shape, spatial: spatial, "convolution") }),
            (w, { h in weight(dy.conjugateIfComplex, h, shape, kernelSizes, "convolutionBackwardWeight") }))
    }

    /// W. `sizes`: of the result.
    static func weight(_ dy: Tensor, _ x: Tensor, _ shape: ConvolutionShape, _ sizes: Dims, _ name: StaticString) -> Tensor {
        let (gradient, input) = (dy.withoutGraph.contiguous(), x.withoutGraph.contiguous())
        let dw = Tensor.make(sizes, dy.dtype, device: dy.device)
        if dw.count > 0 {
            if gradient.count == 0 || input.count == 0 {
                dw.fillUnshared(0)
            } else if !dw.backend.convolutionBackwardWeight(dw.operand, gradient.operand, input.operand, shape) {
                return missing(name, dy)
            }
        }
        let (spatial, inputSizes) = (Array(dy.dims[2...]), x.dims)
        return dw.recorded(
            name, (dy, { h in forward(x.conjugateIfComplex, h, nil, shape, spatial: spatial, "convolution") }),
            (x, { h in data(dy.conjugateIfComplex, h, shape, inputSizes, "convolutionBackwardData") }))
    }

    /// (c) as (c, 1, …), to broadcast against (n, c, spatial…).
    private static func channelSizes(_ bias: Tensor, _ rank: Int) -> Dims { Dims([bias.count] + [Int](repeating: 1, count: rank - 2)) }

    /// The derivative towards a bias: the sum over batch and space.
    static func channelSum(_ g: Tensor) -> Tensor? { g.sum([0] + Array(2..<g.rank)) }

    private static func list(_ sizes: some Sequence<Int>) -> String { "[" + sizes.map(String.init).joined(separator: ", ") + "]" }
    private static func product(_ sizes: some Sequence<Int>) -> String { "(" + sizes.map(String.init).joined(separator: " x ") + ")" }

    /// What both directions check; returns stride and dilation.
    private static func checked(
        _ x: Tensor, _ w: Tensor, _ bias: Tensor?, _ n: Int, stride: SpatialSize, dilation: SpatialSize, groups: Int, _ name: StaticString
    ) -> (stride: [Int], dilation: [Int])? {
        let operation = "\(name)"
        guard let s = stride.resolved(n, "stride", operation), let d = dilation.resolved(n, "dilation", operation) else { return nil }
        guard w.rank == n + 2, x.rank == n + 2 || x.rank == n + 1 else {
            TensorError.report(
                operation, "Expected \(n + 1)D (unbatched) or \(n + 2)D (batched) input and \(n + 2)D weight to \(name), but got input of size: \(list(x.dims)) and weight of size \(list(w.dims))")
            return nil
        }
        guard x.dtype == w.dtype, bias == nil || bias!.dtype == x.dtype else {
            TensorError.report(operation, "Input type (\(x.dtype)) and weight type (\(w.dtype)) and bias type (\(bias?.dtype ?? w.dtype)) should be the same")
            return nil
        }
        guard x.device == w.device else {
            TensorError.report(operation, "Expected all tensors to be on the same device, but found at least two devices, \(x.device) and \(w.device)")
            return nil
        }
        guard groups > 0 else {
            TensorError.report(operation, "expected groups to be greater than 0, but got groups=\(groups)")
            return nil
        }
        guard s.allSatisfy({ $0 > 0 }) else {
            TensorError.report(operation, "non-positive stride is not supported: \(s)")
            return nil
        }
        guard d.allSatisfy({ $0 > 0 }) else {
            TensorError.report(operation, "dilation should be greater than zero: \(d)")
            return nil
        }
        return (s, d)
    }

    static func run(
        _ x: Tensor, _ w: Tensor, _ bias: Tensor?, _ n: Int, stride: SpatialSize, padding: ConvolutionPadding, dilation: SpatialSize, groups: Int, _ name: StaticString
    ) -> Tensor {
        if let cast = Autocast.lower(x, w) {
            return cast.run { run(cast(x), cast(w), cast(bias), n, stride: stride, padding: padding, dilation: dilation, groups: groups, name) }
        }
        guard let (s, d) = checked(x, w, bias, n, stride: stride, dilation: dilation, groups: groups, name) else { return .placeholder }
        if x.rank == n + 1 {
            return run(x.unsqueeze(0), w, bias, n, stride: stride, padding: padding, dilation: dilation, groups: groups, name).squeeze(0)
        }
        let operation = "\(name)"
        guard w.dims[0] % groups == 0, w.dims[0] >= groups || w.dims[0] == 0 else {
            TensorError.report(operation, "Given groups=\(groups), expected weight to be at least \(groups) at dimension 0 and divisible by it, but got weight of size \(list(w.dims)) instead")
            return .placeholder
        }
        guard x.dims[1] == w.dims[1] * groups else {
            TensorError.report(
                operation, "Given groups=\(groups), weight of size \(list(w.dims)), expected input\(list(x.dims)) to have \(w.dims[1] * groups) channels, but got \(x.dims[1]) channels instead")
            return .placeholder
        }
        if let bias, bias.rank != 1 || bias.dims[0] != w.dims[0] {
            TensorError.report(operation, "Given weight of size \(list(w.dims)), expected bias to be 1-dimensional with \(w.dims[0]) elements, but got bias of size \(list(bias.dims)) instead")
            return .placeholder
        }
        let kernel = Array(w.dims[2...])
        var input = x
        var pad = [Int](repeating: 0, count: n)
        switch padding {
        case .valid: break
        case .size(let p):
            guard let resolved = p.resolved(n, "padding", operation) else { return .placeholder }
            guard resolved.allSatisfy({ $0 >= 0 }) else {
                TensorError.report(operation, "negative padding is not supported: \(resolved)")
                return .placeholder
            }
            pad = resolved
        case .same:
            guard s.allSatisfy({ $0 == 1 }) else {
                TensorError.report(operation, "padding='same' is not supported for strided convolutions")
                return .placeholder
            }
            // An odd rest is padded at the end.
            var extra = [Int]()
            for i in 0..<n {
                let total = d[i] * (kernel[i] - 1)
                pad[i] = total / 2
                extra.insert(contentsOf: [0, total - 2 * (total / 2)], at: 0)
            }
            if extra.contains(where: { $0 > 0 }) { input = padConstant(input, extra, 0) }
        }
        var spatial = [Int]()
        for i in 0..<n {
            let padded = input.dims[i + 2] + 2 * pad[i]
            let reach = d[i] * (kernel[i] - 1) + 1
            guard kernel[i] > 0, padded >= reach else {
                let sizes = (0..<n).map { input.dims[$0 + 2] + 2 * pad[$0] }
                TensorError.report(
                    operation, "Calculated padded input size per channel: \(product(sizes)). Kernel size: \(product(kernel)). Kernel size can't be greater than actual input size",
                    hint: "use a smaller kernel or stride before this layer, or more padding")
                return .placeholder
            }
            spatial.append((padded - reach) / s[i] + 1)
        }
        return forward(input, w, bias, ConvolutionShape(stride: s, padding: pad, dilation: d, groups: groups), spatial: spatial, name)
    }

    static func runTransposed(
        _ x: Tensor, _ w: Tensor, _ bias: Tensor?, _ n: Int, stride: SpatialSize, padding: SpatialSize, outputPadding: SpatialSize, groups: Int, dilation: SpatialSize,
        _ name: StaticString
    ) -> Tensor {
        if let cast = Autocast.lower(x, w) {
            return cast.run {
                runTransposed(cast(x), cast(w), cast(bias), n, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation, name)
            }
        }
        guard let (s, d) = checked(x, w, bias, n, stride: stride, dilation: dilation, groups: groups, name) else { return .placeholder }
        if x.rank == n + 1 {
            return runTransposed(
                x.unsqueeze(0), w, bias, n, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation, name
            ).squeeze(0)
        }
        let operation = "\(name)"
        guard let pad = padding.resolved(n, "padding", operation), let more = outputPadding.resolved(n, "output_padding", operation) else { return .placeholder }
        guard pad.allSatisfy({ $0 >= 0 }) else {
            TensorError.report(operation, "negative padding is not supported: \(pad)")
            return .placeholder
        }
        guard (0..<n).allSatisfy({ more[$0] >= 0 && (more[$0] < s[$0] || more[$0] < d[$0]) }) else {
            TensorError.report(operation, "output padding must be smaller than either stride or dilation, but got output_padding \(more), stride \(s), dilation \(d)")
            return .placeholder
        }
        guard w.dims[0] == x.dims[1], x.dims[1] % groups == 0 else {
            TensorError.report(
                operation,
                "Given transposed=1, weight of size \(list(w.dims)), expected input\(list(x.dims)) to have \(w.dims[0]) channels, a multiple of groups=\(groups), but got \(x.dims[1]) channels instead"
            )
            return .placeholder
        }
        if let bias, bias.rank != 1 || bias.dims[0] != w.dims[1] * groups {
            TensorError.report(
                operation, "Given transposed=1, weight of size \(list(w.dims)), expected bias to be 1-dimensional with \(w.dims[1] * groups) elements, but got bias of size \(list(bias.dims)) instead")
            return .placeholder
        }
        var sizes = Dims([x.dims[0], w.dims[1] * groups])
        for i in 0..<n {
            let size = (x.dims[i + 2] - 1) * s[i] - 2 * pad[i] + d[i] * (w.dims[i + 2] - 1) + more[i] + 1
            guard size > 0 else {
                TensorError.report(operation, "Given input size per channel: \(product(x.dims[2...])). Calculated output size per channel has \(size) in dimension \(i). Output size is too small")
                return .placeholder
            }
            sizes.append(size)
        }
        let y = data(x, w, ConvolutionShape(stride: s, padding: pad, dilation: d, groups: groups), sizes, name)
        guard let bias else { return y }
        return y + bias.reshape([bias.count] + [Int](repeating: 1, count: n))
    }
}

/// Convolution over one dim: x (n, c, l) or (c, l), weight (o, c / groups, k). PyTorch: `torch.nn.functional.conv1d`.
public func conv1d(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: SpatialSize = 1, padding: ConvolutionPadding = 0, dilation: SpatialSize = 1, groups: Int = 1
) -> Tensor { Convolve.run(x, weight, bias, 1, stride: stride, padding: padding, dilation: dilation, groups: groups, "conv1d") }

/// Convolution over two dims: x (n, c, h, w) or (c, h, w), weight (o, c / groups, kh, kw). PyTorch: `torch.nn.functional.conv2d`.
public func conv2d(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: SpatialSize = 1, padding: ConvolutionPadding = 0, dilation: SpatialSize = 1, groups: Int = 1
) -> Tensor { Convolve.run(x, weight, bias, 2, stride: stride, padding: padding, dilation: dilation, groups: groups, "conv2d") }

/// Convolution over three dims: x (n, c, d, h, w) or (c, d, h, w), weight (o, c / groups, kd, kh, kw). PyTorch: `torch.nn.functional.conv3d`.
public func conv3d(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: SpatialSize = 1, padding: ConvolutionPadding = 0, dilation: SpatialSize = 1, groups: Int = 1
) -> Tensor { Convolve.run(x, weight, bias, 3, stride: stride, padding: padding, dilation: dilation, groups: groups, "conv3d") }

/// Transposed convolution over one dim: weight (c, o / groups, k). PyTorch: `torch.nn.functional.conv_transpose1d`.
public func convTranspose1d(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: SpatialSize = 1, padding: SpatialSize = 0, outputPadding: SpatialSize = 0, groups: Int = 1,
    dilation: SpatialSize = 1
) -> Tensor {
    Convolve.runTransposed(x, weight, bias, 1, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation, "convTranspose1d")
}

/// Transposed convolution over two dims: weight (c, o / groups, kh, kw). PyTorch: `torch.nn.functional.conv_transpose2d`.
public func convTranspose2d(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: SpatialSize = 1, padding: SpatialSize = 0, outputPadding: SpatialSize = 0, groups: Int = 1,
    dilation: SpatialSize = 1
) -> Tensor {
    Convolve.runTransposed(x, weight, bias, 2, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation, "convTranspose2d")
}

/// Transposed convolution over three dims: weight (c, o / groups, kd, kh, kw). PyTorch: `torch.nn.functional.conv_transpose3d`.
public func convTranspose3d(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: SpatialSize = 1, padding: SpatialSize = 0, outputPadding: SpatialSize = 0, groups: Int = 1,
    dilation: SpatialSize = 1
) -> Tensor {
    Convolve.runTransposed(x, weight, bias, 3, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation, "convTranspose3d")
}
