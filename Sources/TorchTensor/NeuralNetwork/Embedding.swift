// Rows of a table by integer, and one-hot vectors.
import TorchKernels
import TorchRuntime

/// Rows of `weight` (entries, width) at `indices` (any shape): (*, width). PyTorch: `torch.nn.functional.embedding`.
///
/// - Parameters:
///   - paddingIdx: an entry that gets no gradient; negative counts from the end.
///   - scaleGradByFreq: divides an entry's gradient by how often it occurs.
public func embedding(_ indices: Tensor, _ weight: Tensor, paddingIdx: Int? = nil, scaleGradByFreq: Bool = false) -> Tensor {
    guard weight.rank == 2 else {
        TensorError.report("embedding", "'weight' must be 2-D, got \(weight.dims)")
        return .placeholder
    }
    guard let k = indices.asIndex("embedding", on: weight.device)?.contiguous() else { return .placeholder }
    guard let padding = resolvedPadding(paddingIdx, weight.dims[0], "embedding") else { return .placeholder }
    var sizes = indices.dims
    sizes.append(weight.dims[1])
    let table = weight.withoutGraph.contiguous()
    let out = Tensor.make(sizes, weight.dtype, device: weight.device)
    let flat = k.view(sizes: [k.count], strides: [1])
    let check = ElementCheck.index("embedding", dim: 0)
    if k.count > 0, let bad = out.backend.takeRows(out.view(sizes: [k.count, weight.dims[1]], strides: [weight.dims[1], 1]).operand, table.operand, flat.operand, check) {
        Tensor.reportIndex(check, flat, bad, size: weight.dims[0])
        return .placeholder
    }
    let whole = weight.dims
    return out.recorded("embedding", weight) { g in embeddingGradient(g, flat, whole, padding, scaleGradByFreq) }
}

/// A padding entry as 0..<entries, -1 for none; nil after a report.
private func resolvedPadding(_ index: Int?, _ entries: Int, _ operation: String) -> Int? {
    guard let index else { return -1 }
    guard index >= -entries, index < entries else {
        TensorError.report(operation, "Padding_idx must be within num_embeddings (\(entries)), got \(index)")
        return nil
    }
    return index < 0 ? index + entries : index
}

/// The gradient's rows added up by entry; linear in g, so its own derivative is an embedding again.
private func embeddingGradient(_ g: Tensor, _ flat: Tensor, _ whole: Dims, _ padding: Int, _ scaled: Bool) -> Tensor {
    var rows = g.reshaped([flat.count, whole[1]])
    if scaled, flat.count > 0 {
        let ones = Tensor.full([flat.count], 1, dtype: .float32, device: g.device)
        let counts = Tensor.zeros([whole[0]], dtype: .float32, device: g.device).indexAdd(0, flat, ones)
        rows = rows / counts.indexSelect(0, flat).unsqueeze(1).to(g.dtype)
    }
    let dw = Tensor.zeros(whole, dtype: g.dtype, device: g.device)
    let block = rows.withoutGraph.contiguous()
    let check = ElementCheck.index("embeddingBackward", dim: 0)
    if flat.count > 0 { _ = dw.backend.addRows(dw.operand, block.operand, flat.operand, alpha: 1, skip: padding < 0 ? nil : padding, check) }
    return dw.recorded("embeddingBackward", rows) { h in
        let picked = h.indexSelect(0, flat)
        return padding < 0 ? picked : (flat .!= padding).unsqueeze(1).to(h.dtype) * picked
    }
}

/// How an embedding bag joins its rows. PyTorch: `mode`.
public enum EmbeddingBagMode: String, Sendable { case sum, mean, max }

/// Sums, means or maxima of bags of rows of `weight`. PyTorch: `torch.nn.functional.embedding_bag`.
///
/// - Parameters:
///   - indices: (bags, length), or (n) with `offsets` naming where each bag starts.
///   - perSampleWeights: factors of the rows, in the shape of `indices`; only for `.sum`.
///   - includeLastOffset: the last offset is the end of the last bag.
///   - paddingIdx: an entry that does not count.
public func embeddingBag(
    _ indices: Tensor, _ weight: Tensor, offsets: Tensor? = nil, mode: EmbeddingBagMode = .mean, perSampleWeights: Tensor? = nil, includeLastOffset: Bool = false,
    paddingIdx: Int? = nil, scaleGradByFreq: Bool = false
) -> Tensor {
    let operation = "embeddingBag"
    guard weight.rank == 2, let k = indices.asIndex("embeddingBag"), let padding = resolvedPadding(paddingIdx, weight.dims[0], operation) else {
        if weight.rank != 2 { TensorError.report(operation, "'weight' must be 2-D, got \(weight.dims)") }
        return .placeholder
    }
    guard indices.rank == 2 ? offsets == nil : indices.rank == 1 && offsets != nil else {
        TensorError.report(operation, "input has to be 2D without offsets, or 1D with offsets, got input \(indices.dims) and offsets \(offsets.map { "\($0.dims)" } ?? "none")")
        return .placeholder
    }
    if let perSampleWeights {
        guard mode == .sum, perSampleWeights.dims == indices.dims else {
            TensorError.report(operation, "per_sample_weights is only supported for mode='sum' and must have the shape of the input \(indices.dims), got mode \(mode) and \(perSampleWeights.dims)")
            return .placeholder
        }
    }
    let flat = k.contiguous().flatten()
    let n = flat.count
    // Which bag each index belongs to.
    var starts: [Int]
    if let offsets {
        starts = offsets.array(of: Int.self)
        if includeLastOffset {
            guard !starts.isEmpty else {
                TensorError.report(operation, "include_last_offset: number of offsets should be at least 1")
                return .placeholder
            }
            starts.removeLast()
        }
        guard starts.first ?? 0 == 0, Swift.zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }), (starts.last ?? 0) <= n else {
            TensorError.report(operation, "offsets[0] has to be 0 and offsets must not fall or exceed the input's length \(n), got \(starts)")
            return .placeholder
        }
    } else {
        starts = (0..<indices.dims[0]).map { $0 * indices.dims[1] }
    }
    let bags = starts.count
    let positions = flat.array(of: Int.self)
    var bagOf = [Int](repeating: 0, count: n)
    var counts = [Double](repeating: 0, count: bags)
    for b in 0..<bags {
        for i in starts[b]..<(b + 1 < bags ? starts[b + 1] : n) {
            bagOf[i] = b
            if positions[i] != padding { counts[b] += 1 }
        }
    }
    let keptPlaces = positions.indices.filter { positions[$0] != padding }
    let everything = keptPlaces.count == n
    let place = Tensor(keptPlaces, device: weight.device)
    let kept = everything ? flat : flat.indexSelect(0, place)
    let bag = Tensor(keptPlaces.map { bagOf[$0] }, device: weight.device)
    var rows = embedding(kept, weight, scaleGradByFreq: scaleGradByFreq)
    if let perSampleWeights {
        let factors = perSampleWeights.reshape([n])
        rows = rows * (everything ? factors : factors.indexSelect(0, place)).unsqueeze(1)
    }
    let zeros = Tensor.zeros([bags, weight.dims[1]], dtype: weight.dtype, device: weight.device)
    if mode != .max {
        let sums = zeros.indexAdd(0, bag, rows)
        if mode == .sum { return sums }
        return sums / Tensor(counts.map { Swift.max($0, 1) }, dtype: weight.dtype, device: weight.device).unsqueeze(1)
    }
    // Per bag and column: the first row that has the maximum.
    guard n > 0, weight.dims[1] > 0 else { return zeros }
    let width = weight.dims[1]
    let values = rows.withoutGraph.to(.float64).array(of: Double.self)
    var best = [Int](repeating: -1, count: bags * width)
    for (r, place) in keptPlaces.enumerated() {
        let b = bagOf[place]
        for c in 0..<width {
            let i = best[b * width + c]
            if i < 0 || values[r * width + c] > values[i * width + c] { best[b * width + c] = r }
        }
    }
    let none = keptPlaces.count
    let padded = pad(rows, [0, 0, 0, 1])
    return padded.gather(0, Tensor(best.map { $0 < 0 ? none : $0 }, shape: [bags, width], device: weight.device))
}

extension Tensor {
    /// Vectors with a one at the place this integer tensor names: (*, classes) of int64. PyTorch: `torch.nn.functional.one_hot`.
    public func oneHot(classes: Int? = nil) -> Tensor {
        guard dtype == .int64 else {
            TensorError.report("oneHot", "one_hot is only applicable to index tensor of type int64, got \(dtype)")
            return .placeholder
        }
        let values = array(of: Int.self)
        guard !values.isEmpty || classes != nil else {
            TensorError.report("oneHot", "Can not infer total number of classes from empty tensor.")
            return .placeholder
        }
        let n = classes ?? ((values.max() ?? -1) + 1)
        guard n > 0 || (values.isEmpty && n >= 0), values.allSatisfy({ $0 >= 0 && $0 < n }) else {
            TensorError.report("oneHot", "Class values must be non-negative and smaller than num_classes (\(n)): they reach from \(values.min() ?? 0) to \(values.max() ?? 0)")
            return .placeholder
        }
        var sizes = dims
        sizes.append(n)
        let zeros = Tensor.zeros(sizes, dtype: .int64, device: device)
        if values.isEmpty { return zeros }
        return zeros.scattered(.replace, -1, unsqueeze(-1), Tensor.full(Dims(shape + [1]), 1, dtype: .int64, device: device), "oneHot")
    }
}
