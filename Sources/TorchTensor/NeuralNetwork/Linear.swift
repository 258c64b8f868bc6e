// The affine map of layers.
import TorchKernels
import TorchRuntime

/// x · weightᵀ + bias over the last dim: x (*, in), weight (out, in), bias (out). PyTorch: `torch.nn.functional.linear`.
public func linear(_ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil) -> Tensor {
    if let cast = Autocast.lower(x, weight) { return cast.run { linear(cast(x), cast(weight), cast(bias)) } }
    guard weight.rank == 2, x.rank > 0 else { return linearOfVector(x, weight, bias) }
    guard Tensor.agree(x, weight, "linear") else { return .placeholder }
    let (inner, columns) = (weight.dims[1], weight.dims[0])
    guard x.dims[x.rank - 1] == inner else {
        TensorError.report(
            "linear",
            "mat1 and mat2 shapes cannot be multiplied (\(x.dims.product / Swift.max(1, x.dims[x.rank - 1]))x\(x.dims[x.rank - 1]) and \(inner)x\(columns)): input \(x.dims), weight \(weight.dims)",
            hint: "the last dimension of the input must be the layer's number of input features, \(inner)")
        return .placeholder
    }
    if let bias {
        guard bias.dtype == x.dtype, Shape.canBroadcast(bias.dims, to: [1, columns]) else {
            TensorError.report("linear", "bias \(bias.dims) of \(bias.dtype) does not fit an output of \(columns) features of \(x.dtype)")
            return .placeholder
        }
    }
    let rows = x.rank == 2 ? x.withoutGraph : noGrad { x.reshaped([x.count / Swift.max(1, inner), inner]) }
    var sizes = x.dims
    sizes[x.rank - 1] = columns
    let out = Tensor.make(sizes, x.dtype, device: x.device)
    let folded: Dims = [sizes.product / Swift.max(1, columns), columns]
    let target = out.view(sizes: folded, strides: folded.contiguousStrides)
    let transposed = weight.withoutGraph.transpose(0, 1)
    if inner == 0 {
        // No terms: the bias alone.
        if folded[0] * columns > 0 { if let bias { out.backend.copy(target.operand, bias.operand.expanded(to: folded)) } else { out.fillUnshared(0) } }
    } else if let bias {
        if !Tensor.affine(into: target, rows, transposed, bias: bias, "linear") { return .placeholder }
    } else if !Tensor.multiply(into: target, rows, transposed, "linear") {
        return .placeholder
    }
    if st_grad_enabled() && (x.impl.node != nil || weight.impl.node != nil || bias?.impl.node != nil) {
        out.impl.node = LinearNode(out, x, weight, bias)
    }
    return out
}

/// The rare case of a weight vector: one output, without its dim.
private func linearOfVector(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    guard weight.rank == 1, x.rank > 0 else {
        TensorError.report("linear", "linear expects an input of at least 1 dimension and a weight of 1 or 2, got \(x.dims) and \(weight.dims)")
        return .placeholder
    }
    let y = x.matmul(weight)
    return bias.map { y + $0 } ?? y
}

/// Derivatives of `linear`: one product towards the input, one towards the weight on transposed strides, one sum towards the bias.
final class LinearNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    private var x: Tensor?
    private var weight: Tensor?
    private let biasSizes: Dims

    init(_ output: Tensor, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?) {
        self.x = x
        self.weight = weight
        biasSizes = bias?.dims ?? []
        super.init(output, x.impl.node, weight.impl.node, more: bias == nil ? nil : [bias!.impl.node])
    }

    override var name: String { "linear" }

    override func apply(_ gradient: Tensor) {
        guard let x, let weight else { return }
        let columns = weight.dims[0]
        let g = gradient.rank == 2 ? gradient : gradient.reshaped([gradient.count / Swift.max(1, columns), columns])
        let w = weight.conjugateIfComplex
        if let e0, e0.isNeeded { Engine.push(e0, x.rank == 2 ? g.mm(w) : g.mm(w).reshaped(x.dims)) }
        if let e1, e1.isNeeded {
            let rows = x.rank == 2 ? x : x.reshaped([g.dims[0], x.dims[x.rank - 1]])
            Engine.push(e1, g.transpose(0, 1).mm(rows.conjugateIfComplex))
        }
        if let more, let e2 = more[0], e2.isNeeded { Engine.push(e2, biasSizes.count == 1 && biasSizes[0] == columns ? g.sum([0]) : g.sumToSize(biasSizes)) }
    }

    override func release() {
        x = nil
        weight = nil
        isReleased = true
    }
}

/// x1ᵀ · weight[k] · x2 + bias[k] for each k: weight (out, in1, in2). PyTorch: `torch.nn.functional.bilinear`.
public func bilinear(_ x1: Tensor, _ x2: Tensor, _ weight: Tensor, _ bias: Tensor? = nil) -> Tensor {
    if let cast = Autocast.widest(x1, weight) { return cast.run { bilinear(cast(x1), cast(x2), cast(weight), cast(bias)) } }
    guard weight.rank == 3, x1.rank > 0, x1.rank == x2.rank, x1.dims[x1.rank - 1] == weight.dims[1], x2.dims[x2.rank - 1] == weight.dims[2],
        Array(x1.dims).dropLast() == Array(x2.dims).dropLast()
    else {
        TensorError.report("bilinear", "bilinear(): input sizes do not match weight size: got \(x1.dims) and \(x2.dims) with weight \(weight.dims)")
        return .placeholder
    }
    // Not in the CPU's list, unlike einsum.
    let y = Autocast.within(0) { einsum("...i,oij,...j->...o", x1, weight, x2) }
    return bias.map { y + $0 } ?? y
}
