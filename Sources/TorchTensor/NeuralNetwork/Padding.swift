// Padding of the last dims.
import TorchRuntime

/// What padding is filled with. PyTorch: `mode` of `torch.nn.functional.pad`.
public enum PaddingMode: String, Sendable { case constant, reflect, replicate, circular }

/// Pads the last dims: `padding` lists (before, after) from the last dim on; negative numbers cut. PyTorch: `torch.nn.functional.pad`.
///
/// Modes other than `.constant` pad the last one to three dims of (n, c, …) or (c, …).
public func pad(_ x: Tensor, _ padding: [Int], mode: PaddingMode = .constant, value: some ScalarConvertible = 0) -> Tensor {
    let value = value.scalar
    guard padding.count % 2 == 0, padding.count <= 2 * x.rank else {
        TensorError.report("pad", "Padding length must be divisible by 2 and at most twice the number of dimensions of the input. Got padding \(padding) for input \(x.dims)")
        return .placeholder
    }
    if mode == .constant { return padConstant(x, padding, value) }
    let n = padding.count / 2
    // Of PyTorch's list is every padding with edges and that with mirrors of one and two dims.
    if mode == .replicate || mode == .reflect && n < 3, let cast = Autocast.raise(x, on: .cpu) { return cast.run { pad(cast(x), padding, mode: mode) } }
    guard n >= 1, n <= 3, x.rank == n + 1 || x.rank == n + 2 else {
        TensorError.report(
            "pad",
            "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now: padding \(padding) pads the last \(n) dimensions, which wants an input of \(n + 1) or \(n + 2) dimensions, got \(x.dims)"
        )
        return .placeholder
    }
    var y = x
    for i in 0..<n {
        let d = x.rank - 1 - i
        let (before, after) = (padding[2 * i], padding[2 * i + 1])
        if before == 0 && after == 0 { continue }
        if mode == .circular && (before < 0 || after < 0) {
            // What is cut away does not come round again.
            var cut = [Int](repeating: 0, count: 2 * i)
            cut += [Swift.min(before, 0), Swift.min(after, 0)]
            y = padConstant(y, cut, 0)
            if before <= 0 && after <= 0 { continue }
            var rest = [Int](repeating: 0, count: padding.count)
            rest[2 * i] = Swift.max(before, 0)
            rest[2 * i + 1] = Swift.max(after, 0)
            y = pad(y, rest, mode: .circular)
            continue
        }
        let size = x.dims[d]
        let total = size + before + after
        let fits: Bool
        switch mode {
        case .reflect: fits = before < size && after < size
        case .circular: fits = before <= size && after <= size
        default: fits = size > 0
        }
        guard fits, total >= (mode == .replicate ? 1 : 0) else {
            TensorError.report(
                "pad",
                mode == .reflect
                    ? "Padding size should be less than the corresponding input dimension, but got: padding (\(before), \(after)) at dimension \(d) of input \(x.dims)"
                    : mode == .circular
                        ? "Padding value causes wrapping around more than once: padding (\(before), \(after)) at dimension \(d) of input \(x.dims)"
                        : "input \(x.dims) is too small. Calculated output size \(total) at dimension \(d)")
            return .placeholder
        }
        let index = (0..<total).map { k -> Int in
            let p = k - before
            switch mode {
            case .reflect: return p < 0 ? -p : p >= size ? 2 * (size - 1) - p : p
            case .circular: return ((p % size) + size) % size
            default: return Swift.min(Swift.max(p, 0), size - 1)
            }
        }
        y = y.indexSelect(d, Tensor.table(index, on: x.device))
    }
    return y
}

/// Constant padding; negative numbers cut.
func padConstant(_ x: Tensor, _ padding: [Int], _ value: Scalar) -> Tensor {
    var sizes = x.dims
    var cut = x
    // (start in the result, length) of what stays.
    var places: [(dim: Int, start: Int, length: Int)] = []
    for i in 0..<(padding.count / 2) {
        let d = x.rank - 1 - i
        let (before, after) = (padding[2 * i], padding[2 * i + 1])
        sizes[d] = x.dims[d] + before + after
        guard sizes[d] >= 0 else {
            TensorError.report(
                "pad", "The input size \(x.dims[d]), plus negative padding \(before) and \(after) resulted in a negative output size, which is invalid. Check dimension \(d) of your input.")
            return .placeholder
        }
        let first = Swift.max(0, -before)
        let last = x.dims[d] - Swift.max(0, -after)
        if first > 0 || last < x.dims[d] { cut = cut.slice(d, first, Swift.max(first, last)) }
        if before > 0 || after > 0 { places.append((d, Swift.max(0, before), cut.dims[d])) }
    }
    if places.isEmpty { return cut.clone() }
    func part(_ t: Tensor) -> Tensor { places.reduce(t) { $0.slice($1.dim, $1.start, $1.start + $1.length) } }
    let out = Tensor.full(sizes, value, dtype: x.dtype, device: x.device)
    let place = noGrad { part(out) }
    if place.count > 0 && place.dims == cut.dims { out.backend.copy(place.operand, cut.operand) }
    return out.recorded("pad", cut) { part($0) }
}
