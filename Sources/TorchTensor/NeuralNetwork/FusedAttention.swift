// Attention as one operator, on devices that have it: the scores are never stored.
import TorchKernels
import TorchRuntime

/// softmax(query · keyᵀ * scale) · value by the device's own primitive; nil where that does not apply, and the caller composes. PyTorch: its flash attention backend.
func fusedAttention(_ query: Tensor, _ key: Tensor, _ value: Tensor, causal: Bool, scale: Double) -> Tensor? {
    let (rank, device) = (query.rank, query.device)
    guard !device.isCPU, key.device == device, value.device == device, rank <= 4, key.rank == rank, value.rank == rank, query.count > 0, key.count > 0,
        value.dims == key.dims, Array(query.dims).dropLast(2) == Array(key.dims).dropLast(2), query.backend.hasAttention(query.dtype, headSize: query.dims[rank - 1])
    else { return nil }
    let (q, k, v) = (query.withoutGraph, key.withoutGraph, value.withoutGraph)
    let out = Tensor.make(query.dims, query.dtype, device: device)
    var rows = query.dims
    rows[rank - 1] = 1
    let lse = Tensor.make(Dims(Array(rows).dropLast()), .float32, device: device)
    guard
        query.backend.attention(
            out.headOperand, lse: lse.operand, query: q.headOperand, key: k.headOperand, value: v.headOperand, causal: causal, scale: scale)
    else { return nil }
    if st_grad_enabled() && (query.impl.node != nil || key.impl.node != nil || value.impl.node != nil) {
        out.impl.node = AttentionNode(out, query, key, value, lse, causal, scale)
    }
    return out
}

/// Scores of positions that a query does not see are -infinity.
func causalScores(_ scores: Tensor) -> Tensor {
    let (t, s) = (scores.dims[scores.rank - 2], scores.dims[scores.rank - 1])
    let visible = Tensor.arange(t, device: scores.device).unsqueeze(1) .>= Tensor.arange(s, device: scores.device).unsqueeze(0)
    return visible.select(scores, Tensor.number(.double(-.infinity)))
}

extension Tensor {
    /// (…, t, d) with up to two dims in front as the operand [b, h, t, d] that backends want.
    fileprivate var headOperand: Operand {
        let o = impl.operand
        let lead = 4 - o.sizes.count
        var (sizes, strides) = (Dims(rank: 4, repeating: 1), Dims(rank: 4))
        for d in 0..<o.sizes.count { (sizes[lead + d], strides[lead + d]) = (o.sizes[d], o.strides[d]) }
        return o.view(sizes: sizes, strides: strides)
    }
}

/// Derivatives of `fusedAttention`. Where a graph of the derivatives is wanted they are composed of products, so that they can be differentiated again; PyTorch's fused kernels
/// refuse that.
final class AttentionNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    private var saved: (query: Tensor, key: Tensor, value: Tensor, out: Tensor, lse: Tensor)?
    private let causal: Bool
    private let scale: Double

    init(_ output: Tensor, _ query: Tensor, _ key: Tensor, _ value: Tensor, _ lse: Tensor, _ causal: Bool, _ scale: Double) {
        // Without its node: it would keep itself alive.
        saved = (query, key, value, output.withoutGraph, lse)
        self.causal = causal
        self.scale = scale
        super.init(output, query.impl.node, key.impl.node, more: [value.impl.node])
    }

    override var name: String { "scaledDotProductAttention" }

    override func apply(_ gradient: Tensor) {
        guard let saved else { return }
        let (q, k, v) = (saved.query, saved.key, saved.value)
        var results: (Tensor, Tensor, Tensor)?
        if !st_grad_enabled() {
            let (dq, dk, dv) = (Tensor.make(q.dims, q.dtype, device: q.device), Tensor.make(k.dims, k.dtype, device: k.device), Tensor.make(v.dims, v.dtype, device: v.device))
            let isDone = q.backend.attentionBackward(
                dq: dq.headOperand, dk: dk.headOperand, dv: dv.headOperand, gradient.headOperand, out: saved.out.headOperand, lse: saved.lse.operand,
                query: q.headOperand, key: k.headOperand, value: v.headOperand, causal: causal, scale: scale)
            if isDone { results = (dq, dk, dv) }
        }
        let (dq, dk, dv) = results ?? composed(q, k, v, gradient)
        if let e0, e0.isNeeded { Engine.push(e0, dq) }
        if let e1, e1.isNeeded { Engine.push(e1, dk) }
        if let more, let e2 = more[0], e2.isNeeded { Engine.push(e2, dv) }
    }

    private func composed(_ q: Tensor, _ k: Tensor, _ v: Tensor, _ gradient: Tensor) -> (Tensor, Tensor, Tensor) {
        let scores = (q * scale).matmul(k.mT)
        let weights = (causal ? causalScores(scores) : scores).softmax(dim: -1)
        let dweights = gradient.matmul(v.mT)
        let dscores = weights * (dweights - (dweights * weights).sum([-1], keepDim: true)) * scale
        return (dscores.matmul(k), dscores.mT.matmul(q), weights.mT.matmul(gradient))
    }

    override func release() {
        saved = nil
        isReleased = true
    }
}
