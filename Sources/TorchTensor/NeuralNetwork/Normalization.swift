// Layer, RMS, group and instance normalisation, and scaling to a norm.
import TorchKernels
import TorchRuntime

// Note [Normalisation's derivatives]
// Forward and backward are one kernel each, which keep mean and 1 / standard deviation of each row. Where second derivatives are recorded, backward
// computes the same in differentiable operators from the input instead.

/// The row kernels, recorded.
enum RowNorm {
    /// (rows, columns) of memory that is contiguous.
    static func folded(_ t: Tensor, _ columns: Int) -> Operand {
        let sizes: Dims = [columns == 0 ? 0 : t.count / columns, columns]
        return t.operand.view(sizes: sizes, strides: sizes.contiguousStrides)
    }

    /// Weight and bias in x's type, contiguous, without graph.
    static func parameter(_ p: Tensor?, _ x: Tensor) -> Tensor? { p.map { $0.withoutGraph.converted(to: x.dtype).contiguous() } }

    static func missing(_ name: StaticString, _ t: Tensor) -> Tensor {
        TensorError.report("\(name)", "\"\(name)\" not implemented for \(t.dtype)", hint: "convert with .to(.float32) first")
        return .placeholder
    }

    /// Layer norm over the last `columns` elements; also mean and 1 / standard deviation of each row.
    static func layer(_ x: Tensor, _ columns: Int, _ weight: Tensor?, _ bias: Tensor?, _ epsilon: Double, _ name: StaticString) -> (Tensor, mean: Tensor, rstd: Tensor) {
        let input = x.withoutGraph.contiguous()
        let (w, b) = (parameter(weight, x), parameter(bias, x))
        let y = Tensor.make(x.dims, x.dtype, device: x.device)
        let rows: Dims = [columns == 0 ? 0 : x.count / columns]
        let mean = Tensor.make(rows, x.dtype.computeType, device: x.device)
        let rstd = Tensor.make(rows, x.dtype.computeType, device: x.device)
        if x.count > 0,
            !y.backend.layerNorm(
                folded(y, columns), mean: mean.operand, rstd: rstd.operand, folded(input, columns), weight: w?.operand, bias: b?.operand, epsilon: epsilon)
        {
            return (missing(name, x), mean, rstd)
        }
        let parameters = [weight, bias].compactMap { $0 }
        let hasWeight = weight != nil
        let out = y.recordedJointly(name, [x] + parameters) { g, needs in
            let wantsWeight = hasWeight && needs[1]
            let wantsBias = bias != nil && needs[hasWeight ? 2 : 1]
            var results: [Tensor?]
            if st_grad_enabled() {
                results = composedLayer(g, x, columns, weight, epsilon, wantsWeight: wantsWeight, wantsBias: wantsBias)
            } else {
                let dy = g.contiguous()
                let dx = needs[0] ? Tensor.make(x.dims, x.dtype, device: x.device) : nil
                let dw = wantsWeight ? Tensor.make([columns], x.dtype, device: x.device) : nil
                let db = wantsBias ? Tensor.make([columns], x.dtype, device: x.device) : nil
                if x.count == 0 {
                    dw?.fillUnshared(0)
                    db?.fillUnshared(0)
                } else if !dy.backend.layerNormBackward(
                    dx: dx.map { folded($0, columns) }, dweight: dw?.operand, dbias: db?.operand, folded(dy, columns), folded(input, columns), weight: w?.operand,
                    mean: mean.operand, rstd: rstd.operand)
                {
                    return [missing("layerNormBackward", x)]
                }
                results = [dx, dw?.reshaped(weight!.dims), db?.reshaped(bias!.dims)]
            }
            if bias == nil { results.remove(at: 2) }
            if !hasWeight { results.remove(at: 1) }
            return results
        }
        return (out, mean, rstd)
    }

    /// The gradients of layer norm in differentiable operators: towards x, weight, bias.
    private static func composedLayer(
        _ g: Tensor, _ x: Tensor, _ columns: Int, _ weight: Tensor?, _ epsilon: Double, wantsWeight: Bool, wantsBias: Bool
    ) -> [Tensor?] {
        let rows = x.count / Swift.max(1, columns)
        let x2 = x.reshaped([rows, columns])
        let g2 = g.reshaped([rows, columns])
        let centred = x2 - x2.mean(dim: 1, keepDim: true)
        let rstd = (centred.square().mean(dim: 1, keepDim: true) + epsilon).rsqrt()
        let normal = centred * rstd
        let gw = weight.map { g2 * $0.to(x.dtype).reshaped([1, columns]) } ?? g2
        let projection = normal * (gw * normal).mean(dim: 1, keepDim: true)
        let dx = (rstd * (gw - gw.mean(dim: 1, keepDim: true) - projection)).reshaped(x.dims)
        return [dx, wantsWeight ? (g2 * normal).sum([0]).reshaped(weight!.dims) : nil, wantsBias ? g2.sum([0]).reshaped(weight?.dims ?? [columns]) : nil]
    }

    static func rms(_ x: Tensor, _ columns: Int, _ weight: Tensor?, _ epsilon: Double) -> Tensor {
        let input = x.withoutGraph.contiguous()
        let w = parameter(weight, x)
        let y = Tensor.make(x.dims, x.dtype, device: x.device)
        let rstd = Tensor.make([columns == 0 ? 0 : x.count / columns], x.dtype.computeType, device: x.device)
        if x.count > 0, !y.backend.rmsNorm(folded(y, columns), rstd: rstd.operand, folded(input, columns), weight: w?.operand, epsilon: epsilon) {
            return missing("rmsNorm", x)
        }
        return y.recordedJointly("rmsNorm", weight.map { [x, $0] } ?? [x]) { g, needs in
            let wantsWeight = weight != nil && needs[1]
            if st_grad_enabled() {
                let rows = x.count / Swift.max(1, columns)
                let (x2, g2) = (x.reshaped([rows, columns]), g.reshaped([rows, columns]))
                let scale = (x2.square().mean(dim: 1, keepDim: true) + epsilon).rsqrt()
                let normal = x2 * scale
                let gw = weight.map { g2 * $0.to(x.dtype).reshaped([1, columns]) } ?? g2
                let projection = normal * (gw * normal).mean(dim: 1, keepDim: true)
                let dx = (scale * (gw - projection)).reshaped(x.dims)
                return weight == nil ? [dx] : [dx, wantsWeight ? (g2 * normal).sum([0]).reshaped(weight!.dims) : nil]
            }
            let dy = g.contiguous()
            let dx = needs[0] ? Tensor.make(x.dims, x.dtype, device: x.device) : nil
            let dw = wantsWeight ? Tensor.make([columns], x.dtype, device: x.device) : nil
            if x.count == 0 {
                dw?.fillUnshared(0)
            } else if !dy.backend.rmsNormBackward(
                dx: dx.map { folded($0, columns) }, dweight: dw?.operand, folded(dy, columns), folded(input, columns), weight: w?.operand, rstd: rstd.operand)
            {
                return [missing("rmsNormBackward", x)]
            }
            return weight == nil ? [dx] : [dx, dw?.reshaped(weight!.dims)]
        }
    }

    /// Checks that `shape` is the end of x's shape; returns its number of elements.
    static func checked(_ x: Tensor, _ shape: [Int], _ weight: Tensor?, _ bias: Tensor?, _ operation: String) -> Int? {
        guard !shape.isEmpty else {
            TensorError.report(operation, "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got normalized_shape = \(shape)")
            return nil
        }
        guard x.rank >= shape.count, Array(x.dims[(x.rank - shape.count)...]) == shape else {
            TensorError.report(
                operation, "Given normalized_shape=\(shape), expected input with shape [*, \(shape.map(String.init).joined(separator: ", "))], but got input of size \(x.dims)")
            return nil
        }
        for p in [weight, bias].compactMap({ $0 }) where p.shape != shape {
            TensorError.report(operation, "Expected weight and bias to be of same shape as normalized_shape, but got a parameter of shape \(p.dims) and normalized_shape = \(shape)")
            return nil
        }
        guard x.dtype.isFloatingPoint || (x.dtype.isComplex && operation == "rmsNorm") else {
            _ = missing("layerNorm", x)
            return nil
        }
        return shape.reduce(1, *)
    }
}

/// Zero mean and unit variance over the last dims, which have shape `normalizedShape`. PyTorch: `torch.nn.functional.layer_norm`.
public func layerNorm(_ x: Tensor, _ normalizedShape: [Int], weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5) -> Tensor {
    if let cast = Autocast.raise(x, on: .cuda) { return cast.run { layerNorm(cast(x), normalizedShape, weight: cast(weight), bias: cast(bias), epsilon: epsilon) } }
    guard let columns = RowNorm.checked(x, normalizedShape, weight, bias, "layerNorm") else { return .placeholder }
    return RowNorm.layer(x, columns, weight, bias, epsilon, "layerNorm").0
}

/// Layer norm with each row's mean and 1 / standard deviation, which carry no gradient. PyTorch: `torch.native_layer_norm`.
public func layerNormWithStatistics(
    _ x: Tensor, _ normalizedShape: [Int], weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
) -> (output: Tensor, mean: Tensor, rstd: Tensor) {
    if let cast = Autocast.raise(x, on: .cuda) { return cast.run { layerNormWithStatistics(cast(x), normalizedShape, weight: cast(weight), bias: cast(bias), epsilon: epsilon) } }
    guard let columns = RowNorm.checked(x, normalizedShape, weight, bias, "layerNorm") else { return (.placeholder, .placeholder, .placeholder) }
    let (y, mean, rstd) = RowNorm.layer(x, columns, weight, bias, epsilon, "layerNorm")
    let sizes = Dims(Array(x.dims[..<(x.rank - normalizedShape.count)]) + [Int](repeating: 1, count: normalizedShape.count))
    // float16 and bfloat16 keep their statistics' type only beside float32 parameters.
    let type = weight.map { $0.dtype == x.dtype } ?? true ? x.dtype : mean.dtype
    if x.count == 0 { return (y, Tensor.zeros(sizes, dtype: type, device: x.device), Tensor.zeros(sizes, dtype: type, device: x.device)) }
    return (y, mean.reshaped(sizes).to(type), rstd.reshaped(sizes).to(type))
}

/// x over its root mean square along the last dims. `epsilon` nil: the type's. PyTorch: `torch.nn.functional.rms_norm`.
public func rmsNorm(_ x: Tensor, _ normalizedShape: [Int], weight: Tensor? = nil, epsilon: Double? = nil) -> Tensor {
    if let cast = Autocast.raise(x, on: .cuda) { return cast.run { rmsNorm(cast(x), normalizedShape, weight: cast(weight), epsilon: epsilon) } }
    guard let columns = RowNorm.checked(x, normalizedShape, weight, nil, "rmsNorm") else { return .placeholder }
    let tiny = epsilon ?? x.dtype.computeType.epsilon
    if x.dtype.isComplex {
        // PyTorch's composition takes the square, not the squared modulus.
        let y = x * (x.square().mean(Array((x.rank - normalizedShape.count)..<x.rank), keepDim: true) + tiny).rsqrt()
        return weight.map { y * $0 } ?? y
    }
    return RowNorm.rms(x, columns, weight, tiny)
}

/// Zero mean and unit variance over each group of channels; x (n, c, *). PyTorch: `torch.nn.functional.group_norm`.
public func groupNorm(_ x: Tensor, groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5) -> Tensor {
    groupNormalized(x, groups, weight, bias, epsilon)?.output ?? .placeholder
}

/// Group norm with each group's mean and 1 / standard deviation (n, groups), which carry gradients too. PyTorch: `torch.native_group_norm`.
public func groupNormWithStatistics(
    _ x: Tensor, groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
) -> (output: Tensor, mean: Tensor, rstd: Tensor) {
    guard let r = groupNormalized(x, groups, weight, bias, epsilon) else { return (.placeholder, .placeholder, .placeholder) }
    let sizes: Dims = [x.dims[0], groups]
    let type = weight.map { $0.dtype == x.dtype } ?? true ? x.dtype : r.mean.dtype
    func none() -> Tensor { Tensor.zeros(sizes, dtype: type, device: x.device).recorded("groupNorm", x) { _ in x.zerosLike() } }
    if sizes.product == 0 || x.count == 0 || r.mean.count != sizes.product { return (r.output, none(), none()) }
    guard x.isRecorded else { return (r.output, r.mean.reshaped(sizes).to(type), r.rstd.reshaped(sizes).to(type)) }
    let rows = x.reshaped([sizes[0], groups, x.count / sizes.product])
    let mean = rows.mean(dim: 2)
    let rstd = ((rows - mean.unsqueeze(2)).square().mean(dim: 2) + epsilon).rsqrt()
    return (r.output, mean.to(type), rstd.to(type))
}

private func groupNormalized(_ x: Tensor, _ groups: Int, _ weight: Tensor?, _ bias: Tensor?, _ epsilon: Double) -> (output: Tensor, mean: Tensor, rstd: Tensor)? {
    if let cast = Autocast.raise(x, on: .cuda) { return cast.run { groupNormalized(cast(x), groups, cast(weight), cast(bias), epsilon) } }
    guard x.rank >= 2, x.dtype.isFloatingPoint else {
        TensorError.report("groupNorm", "Expected at least 2 dimensions of a floating type for input tensor but received \(x.dims) of \(x.dtype)")
        return nil
    }
    let channels = x.dims[1]
    guard groups > 0, channels % groups == 0 else {
        TensorError.report("groupNorm", "Expected number of channels in input to be divisible by num_groups, but got input of shape \(x.dims) and num_groups=\(groups)")
        return nil
    }
    for p in [weight, bias].compactMap({ $0 }) where p.dims != [channels] {
        TensorError.report("groupNorm", "Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape \(p.dims) and input of shape \(x.dims)")
        return nil
    }
    let columns = x.dims[0] == 0 ? 0 : x.count / (x.dims[0] * groups)
    let (normal, mean, rstd) = RowNorm.layer(x, columns, nil, nil, epsilon, "groupNorm")
    var y = normal
    let perChannel = Dims([channels] + [Int](repeating: 1, count: x.rank - 2))
    if let weight { y = y * weight.to(x.dtype).reshaped(perChannel) }
    if let bias { y = y + bias.to(x.dtype).reshaped(perChannel) }
    return (y, mean, rstd)
}

/// Response over the squares of neighbouring channels. PyTorch: `torch.nn.functional.local_response_norm`.
public func localResponseNorm(_ x: Tensor, size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) -> Tensor {
    guard x.rank >= 3 else {
        TensorError.report("localResponseNorm", "Expected 3D or higher dimensionality input (got \(x.rank) dimensions)")
        return .placeholder
    }
    if x.count == 0 { return x }
    let squares = x.square().flatten(startDim: 2).unsqueeze(1)
    // (n, 1, c, space): windows over the channels.
    let padded = pad(squares, [0, 0, size / 2, (size - 1) / 2])
    let means = avgPool2d(padded, kernelSize: [size, 1], stride: 1).squeeze(1).reshaped(x.dims)
    return x / (means * alpha + k).pow(beta)
}
