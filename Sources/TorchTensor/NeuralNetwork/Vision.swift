// Rearranging pixels, channels and patches.
import TorchRuntime

/// (*, c r², h, w) as (*, c, h r, w r). PyTorch: `torch.nn.functional.pixel_shuffle`.
public func pixelShuffle(_ x: Tensor, _ factor: Int) -> Tensor {
    guard x.rank >= 3, factor > 0, x.dims[x.rank - 3] % (factor * factor) == 0 else {
        TensorError.report(
            "pixelShuffle",
            "pixel_shuffle expects an input of at least 3 dimensions whose 'channel' dimension is divisible by the square of the positive upscale_factor, but got \(x.dims) and \(factor)")
        return .placeholder
    }
    let lead = Array(x.dims[..<(x.rank - 3)])
    let (c, h, w) = (x.dims[x.rank - 3] / (factor * factor), x.dims[x.rank - 2], x.dims[x.rank - 1])
    let n = lead.count
    return x.reshape(lead + [c, factor, factor, h, w]).permute(Array(0..<n) + [n, n + 3, n + 1, n + 4, n + 2]).reshape(lead + [c, h * factor, w * factor])
}

/// (*, c, h r, w r) as (*, c r², h, w). PyTorch: `torch.nn.functional.pixel_unshuffle`.
public func pixelUnshuffle(_ x: Tensor, _ factor: Int) -> Tensor {
    guard x.rank >= 3, factor > 0, x.dims[x.rank - 2] % factor == 0, x.dims[x.rank - 1] % factor == 0 else {
        TensorError.report(
            "pixelUnshuffle", "pixel_unshuffle expects height and width of an input of at least 3 dimensions to be divisible by the positive downscale_factor, but got \(x.dims) and \(factor)")
        return .placeholder
    }
    let lead = Array(x.dims[..<(x.rank - 3)])
    let (c, h, w) = (x.dims[x.rank - 3], x.dims[x.rank - 2] / factor, x.dims[x.rank - 1] / factor)
    let n = lead.count
    return x.reshape(lead + [c, h, factor, w, factor]).permute(Array(0..<n) + [n, n + 2, n + 4, n + 1, n + 3]).reshape(lead + [c * factor * factor, h, w])
}

/// Channels of `groups` groups interleaved: x (n, c, *). PyTorch: `torch.nn.functional.channel_shuffle`.
public func channelShuffle(_ x: Tensor, groups: Int) -> Tensor {
    guard x.rank > 2, groups > 0, x.dims[1] % groups == 0 else {
        TensorError.report("channelShuffle", "channel_shuffle expects an input with more than 2 dims whose channels are divisible by the positive groups, but got \(x.dims) and \(groups)")
        return .placeholder
    }
    let rest = Array(x.dims[2...])
    return x.reshape([x.dims[0], groups, x.dims[1] / groups] + rest).transpose(1, 2).reshape(x.shape)
}

/// The patches' geometry: window positions in a padded plane.
private struct Patches {
    let kernel, dilation, padding, stride, counts, padded: [Int]

    init?(_ input: [Int], kernelSize: SpatialSize, dilation: SpatialSize, padding: SpatialSize, stride: SpatialSize, _ operation: String) {
        guard let k = kernelSize.resolved(2, "kernel_size", operation), let d = dilation.resolved(2, "dilation", operation),
            let p = padding.resolved(2, "padding", operation), let s = stride.resolved(2, "stride", operation)
        else { return nil }
        guard k.allSatisfy({ $0 > 0 }), d.allSatisfy({ $0 > 0 }), s.allSatisfy({ $0 > 0 }), p.allSatisfy({ $0 >= 0 }) else {
            TensorError.report(operation, "kernel size, dilation and stride should be greater than zero and padding not negative, but got \(k), \(d), \(s), \(p)")
            return nil
        }
        padded = [input[0] + 2 * p[0], input[1] + 2 * p[1]]
        let whole = padded
        counts = (0..<2).map { i in
            let free = whole[i] - d[i] * (k[i] - 1) - 1
            return free < 0 ? 0 : free / s[i] + 1
        }
        guard counts.allSatisfy({ $0 > 0 }) else {
            TensorError.report(
                operation,
                "Given input with spatial size \(input), kernel_size=\(k), dilation=\(d), padding=\(p), calculated shape of the array of sliding blocks as \(counts), but its components must be at least one."
            )
            return nil
        }
        (kernel, self.dilation, self.padding, self.stride) = (k, d, p, s)
    }

    /// Place in the padded plane of each (kernel row, kernel column, window row, window column).
    var index: [Int] {
        var result: [Int] = []
        result.reserveCapacity(kernel[0] * kernel[1] * counts[0] * counts[1])
        for ky in 0..<kernel[0] {
            for kx in 0..<kernel[1] {
                for y in 0..<counts[0] {
                    let row = (y * stride[0] + ky * dilation[0]) * padded[1] + kx * dilation[1]
                    for x in 0..<counts[1] { result.append(row + x * stride[1]) }
                }
            }
        }
        return result
    }
}

/// Sliding windows of (n, c, h, w) as columns (n, c kh kw, windows). PyTorch: `torch.nn.functional.unfold`.
public func unfold(_ x: Tensor, kernelSize: SpatialSize, dilation: SpatialSize = 1, padding: SpatialSize = 0, stride: SpatialSize = 1) -> Tensor {
    guard x.rank == 3 || x.rank == 4, (x.rank - 3..<x.rank).allSatisfy({ x.dims[$0] > 0 }) else {
        TensorError.report("unfold", "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: \(x.dims)")
        return .placeholder
    }
    if x.rank == 3 { return unfold(x.unsqueeze(0), kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride).squeeze(0) }
    guard let p = Patches(Array(x.dims[2...]), kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride, "unfold") else { return .placeholder }
    let plane = p.padding == [0, 0] ? x : pad(x, [p.padding[1], p.padding[1], p.padding[0], p.padding[0]])
    let columns = plane.flatten(startDim: 2).indexSelect(2, Tensor.table(p.index, on: x.device))
    return columns.reshape([x.dims[0], x.dims[1] * p.kernel[0] * p.kernel[1], p.counts[0] * p.counts[1]])
}

/// Columns of `unfold` added up to a plane of `outputSize`: (n, c, h, w). PyTorch: `torch.nn.functional.fold`.
public func fold(_ x: Tensor, outputSize: SpatialSize, kernelSize: SpatialSize, dilation: SpatialSize = 1, padding: SpatialSize = 0, stride: SpatialSize = 1) -> Tensor {
    guard x.rank == 2 || x.rank == 3 else {
        TensorError.report("fold", "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: \(x.dims)")
        return .placeholder
    }
    if x.rank == 2 { return fold(x.unsqueeze(0), outputSize: outputSize, kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride).squeeze(0) }
    guard let size = outputSize.resolved(2, "output_size", "fold"),
        let p = Patches(size, kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride, "fold")
    else { return .placeholder }
    let (area, windows) = (p.kernel[0] * p.kernel[1], p.counts[0] * p.counts[1])
    guard x.dims[1] % area == 0, x.dims[2] == windows else {
        TensorError.report(
            "fold", "Expected size of input's dimension 1 to be divisible by the product of kernel_size \(p.kernel) and dimension 2 to be the number of windows \(windows), but got input \(x.dims)")
        return .placeholder
    }
    let channels = x.dims[1] / area
    let zeros = Tensor.zeros([x.dims[0], channels, p.padded[0] * p.padded[1]], dtype: x.dtype, device: x.device)
    let plane = zeros.indexAdd(2, Tensor.table(p.index, on: x.device), x.reshape([x.dims[0], channels, area * windows])).reshape([x.dims[0], channels, p.padded[0], p.padded[1]])
    if p.padding == [0, 0] { return plane }
    return plane.slice(2, p.padding[0], p.padding[0] + size[0]).slice(3, p.padding[1], p.padding[1] + size[1])
}
