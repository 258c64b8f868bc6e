// Scaled dot-product attention and multi-head attention.
import TorchRuntime

/// softmax(query · keyᵀ * scale + mask) · value: query (…, t, e), key (…, s, e), value (…, s, v). PyTorch: `torch.nn.functional.scaled_dot_product_attention`.
///
/// - Parameters:
///   - mask: bool (true takes part) or numbers that are added, broadcast to (…, t, s). A row that nothing takes part in gives zeros.
///   - causal: position i sees positions up to i; not together with a mask.
///   - scale: 1 / sqrt(e) unless given.
///   - enableGQA: key and value have fewer heads (dim -3), each used by several of the query's.
public func scaledDotProductAttention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, dropout: Double = 0, causal: Bool = false, scale: Double? = nil, enableGQA: Bool = false,
    generator: Generator? = nil
) -> Tensor {
    attend(query, key, value, mask: mask, dropout: dropout, causal: causal, scale: scale, enableGQA: enableGQA, needWeights: false, generator: generator)?.output ?? .placeholder
}

/// The output and, if wanted, the weights (after dropout). Where they are not wanted, nor a mask or dropout, a device may have one operator for all of it.
func attend(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor?, dropout p: Double, causal: Bool, scale: Double?, enableGQA: Bool, needWeights: Bool,
    generator: Generator?
) -> (output: Tensor, weights: Tensor?)? {
    if let cast = Autocast.lower(query, key) {
        return cast.run {
            attend(
                cast(query), cast(key), cast(value), mask: cast(mask), dropout: p, causal: causal, scale: scale, enableGQA: enableGQA, needWeights: needWeights, generator: generator)
        }
    }
    let operation = "scaledDotProductAttention"
    guard query.rank >= 2, key.rank >= 2, value.rank >= 2, query.dtype == key.dtype, query.dtype == value.dtype else {
        TensorError.report(
            operation,
            "Expected query, key, and value to all be at least 2 dimensional and of one dtype, but got query \(query.dims) \(query.dtype), key \(key.dims) \(key.dtype), value \(value.dims) \(value.dtype)"
        )
        return nil
    }
    let e = query.dims[query.rank - 1]
    guard key.dims[key.rank - 1] == e, key.dims[key.rank - 2] == value.dims[value.rank - 2] else {
        TensorError.report(operation, "query \(query.dims) and key \(key.dims) must have the same last dimension, key and value \(value.dims) the same length")
        return nil
    }
    guard !(causal && mask != nil) else {
        TensorError.report(operation, "Explicit attn_mask should not be set when is_causal=True")
        return nil
    }
    var (k, v) = (key, value)
    if enableGQA {
        guard query.rank >= 3, key.rank >= 3, value.rank >= 3, key.dims[key.rank - 3] > 0, value.dims[value.rank - 3] > 0, query.dims[query.rank - 3] % key.dims[key.rank - 3] == 0,
            query.dims[query.rank - 3] % value.dims[value.rank - 3] == 0
        else {
            TensorError.report(operation, "Number of heads in key and value must divide the number of heads in query: query \(query.dims), key \(key.dims), value \(value.dims)")
            return nil
        }
        func repeated(_ t: Tensor) -> Tensor {
            let (heads, times) = (t.dims[t.rank - 3], query.dims[query.rank - 3] / t.dims[t.rank - 3])
            if times == 1 { return t }
            var wide = t.shape
            wide.insert(times, at: t.rank - 2)
            var joined = t.shape
            joined[t.rank - 3] = heads * times
            return t.unsqueeze(-3).expand(wide).reshape(joined)
        }
        (k, v) = (repeated(key), repeated(value))
    }
    let factor = scale ?? (e == 0 ? 1 : 1 / Double(e).squareRoot())
    if !needWeights, mask == nil, p == 0, let output = fusedAttention(query, k, v, causal: causal, scale: factor) { return (output, nil) }
    var scores = (query * factor).matmul(k.mT)
    let minusInfinity = Tensor.number(.double(-.infinity))
    if causal { scores = causalScores(scores) }
    if let mask {
        guard Shape.broadcast(mask.dims, scores.dims) == scores.dims else {
            TensorError.report(operation, "attn_mask of shape \(mask.dims) does not broadcast to the scores' shape \(scores.dims)")
            return nil
        }
        scores = mask.dtype == .bool ? mask.select(scores, minusInfinity) : scores + mask.to(scores.dtype)
    }
    var weights = scores.softmax(dim: -1)
    if mask != nil {
        let empty = (scores.withoutGraph .== -Double.infinity).all([-1], keepDim: true)
        if empty.any().item(Bool.self) { weights = empty.select(weights.withoutGraph.zerosLike(), weights) }
    }
    if p > 0 { weights = dropout(weights, p: p, training: true, generator: generator) }
    return (weights.matmul(v), weights)
}

/// Multi-head attention with projections: query (l, n, e) or (l, e), key and value (s, n, …) or (s, …). PyTorch: `torch.nn.functional.multi_head_attention_forward`.
///
/// - Parameters:
///   - inWeight: (3 e, e), the projections of query, key, value below each other; or nil with `separateWeights`.
///   - inBias: (3 e).
///   - keyPaddingMask: (n, s), true (or -inf) where a key does not count.
///   - attentionMask: (l, s) or (n * heads, l, s), **true where attention is forbidden**, or numbers that are added, as PyTorch.
/// - Returns: the output (l, n, e) and, if wanted, the weights (n, l, s) averaged over heads or (n, heads, l, s).
public func multiHeadAttention(
    query: Tensor, key: Tensor, value: Tensor, heads: Int, inWeight: Tensor?, inBias: Tensor?, outWeight: Tensor, outBias: Tensor?,
    separateWeights: (query: Tensor, key: Tensor, value: Tensor)? = nil, biasKey: Tensor? = nil, biasValue: Tensor? = nil, addZeroAttention: Bool = false,
    dropout p: Double = 0, training: Bool = true, keyPaddingMask: Tensor? = nil, attentionMask: Tensor? = nil, needWeights: Bool = true, averageWeights: Bool = true,
    causal: Bool = false, generator: Generator? = nil
) -> (output: Tensor, weights: Tensor?) {
    let operation = "multiHeadAttention"
    let none: (Tensor, Tensor?) = (.placeholder, needWeights ? .placeholder : nil)
    if query.rank == 2 {
        let r = multiHeadAttention(
            query: query.unsqueeze(1), key: key.unsqueeze(1), value: value.unsqueeze(1), heads: heads, inWeight: inWeight, inBias: inBias, outWeight: outWeight,
            outBias: outBias, separateWeights: separateWeights, biasKey: biasKey, biasValue: biasValue, addZeroAttention: addZeroAttention, dropout: p,
            training: training, keyPaddingMask: keyPaddingMask?.unsqueeze(0), attentionMask: attentionMask, needWeights: needWeights, averageWeights: averageWeights,
            causal: causal, generator: generator)
        return (r.output.squeeze(1), r.weights?.squeeze(0))
    }
    guard query.rank == 3, key.rank == 3, value.rank == 3, key.dims[0] == value.dims[0], key.dims[1] == query.dims[1], value.dims[1] == query.dims[1] else {
        TensorError.report(operation, "query should be unbatched 2D or batched 3D tensor and key and value fit, but received query \(query.dims), key \(key.dims), value \(value.dims)")
        return none
    }
    let (l, n, e) = (query.dims[0], query.dims[1], query.dims[2])
    guard heads > 0, e % heads == 0 else {
        TensorError.report(operation, "embed_dim \(e) not divisible by num_heads \(heads)")
        return none
    }
    let width = e / heads
    func part(_ t: Tensor?, _ i: Int) -> Tensor? { t?.slice(0, i * e, (i + 1) * e) }
    var (q, k, v): (Tensor, Tensor, Tensor)
    if let separateWeights {
        q = linear(query, separateWeights.query, part(inBias, 0))
        k = linear(key, separateWeights.key, part(inBias, 1))
        v = linear(value, separateWeights.value, part(inBias, 2))
    } else {
        guard let inWeight, inWeight.dims == [3 * e, e] else {
            TensorError.report(operation, "in_proj_weight must have shape (\(3 * e), \(e)), got \(inWeight.map { "\($0.dims)" } ?? "none")")
            return none
        }
        if query.impl === key.impl && key.impl === value.impl {
            let all = linear(query, inWeight, inBias)
            (q, k, v) = (all.slice(2, 0, e), all.slice(2, e, 2 * e), all.slice(2, 2 * e, 3 * e))
        } else {
            q = linear(query, part(inWeight, 0)!, part(inBias, 0))
            k = linear(key, part(inWeight, 1)!, part(inBias, 1))
            v = linear(value, part(inWeight, 2)!, part(inBias, 2))
        }
    }
    var extra = 0
    /// One more position at the end of (s, n, e).
    func appended(_ t: Tensor, _ row: Tensor) -> Tensor {
        let padded = pad(t, [0, 0, 0, 0, 0, 1])
        return padded + pad(row.expand([1, t.dims[1], t.dims[2]]), [0, 0, 0, 0, t.dims[0], 0])
    }
    if let biasKey, let biasValue {
        (k, v) = (appended(k, biasKey), appended(v, biasValue))
        extra += 1
    }
    if addZeroAttention {
        (k, v) = (pad(k, [0, 0, 0, 0, 0, 1]), pad(v, [0, 0, 0, 0, 0, 1]))
        extra += 1
    }
    let s = k.dims[0]
    // (length, n, e) as (n, heads, length, width): views.
    func split(_ t: Tensor) -> Tensor { t.reshape([t.dims[0], n, heads, width]).permute([1, 2, 0, 3]) }
    /// A mask as numbers to add, with room for the appended positions.
    func additive(_ m: Tensor) -> Tensor {
        // One of the two numbers is on the mask's device: two of the CPU would be chosen from there.
        let numbers = m.dtype == .bool ? m.select(Tensor.number(.double(-.infinity)), Tensor.zeros([], dtype: q.dtype, device: m.device)) : m.to(q.dtype)
        return extra > 0 ? pad(numbers, [0, extra]) : numbers
    }
    var mask: Tensor?
    if let attentionMask {
        let m = additive(attentionMask)
        mask = m.rank == 3 ? m.reshape([n, heads, l, s]) : m
    } else if causal, needWeights || keyPaddingMask != nil || extra > 0 {
        let hidden = Tensor.arange(l, device: query.device).unsqueeze(1) .< Tensor.arange(s - extra, device: query.device).unsqueeze(0)
        mask = additive(hidden)
    }
    if let keyPaddingMask {
        guard keyPaddingMask.dims == [n, s - extra] else {
            TensorError.report(operation, "key_padding_mask must have shape (\(n), \(s - extra)), got \(keyPaddingMask.dims)")
            return none
        }
        let m = additive(keyPaddingMask).reshape([n, 1, 1, s])
        mask = mask.map { $0 + m } ?? m
    }
    guard
        let r = attend(
            split(q), split(k), split(v), mask: mask, dropout: training ? p : 0, causal: causal && mask == nil, scale: nil, enableGQA: false, needWeights: needWeights,
            generator: generator)
    else { return none }
    let joined = r.output.permute([2, 0, 1, 3]).reshape([l, n, e])
    let output = linear(joined, outWeight, outBias)
    guard needWeights else { return (output, nil) }
    return (output, averageWeights ? r.weights?.mean(dim: 1) : r.weights)
}
