// Operators that look at the same memory with other sizes and strides: no copies.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Reshaping

    /// The same elements in another shape; -1 stands for what is left. A view where strides allow, else a copy. PyTorch: `reshape`.
    public func reshape(_ shape: [Int]) -> Tensor {
        guard let target = resolved(shape, "reshape") else { return .placeholder }
        return reshaped(target)
    }
    /// The same elements in another shape.
    public func reshape(_ shape: Int...) -> Tensor { reshape(shape) }

    /// The same memory in another shape, refused where strides do not allow it. PyTorch: `view`.
    public func view(_ shape: [Int]) -> Tensor {
        guard let target = resolved(shape, "view") else { return .placeholder }
        guard let strides = stridesForView(target) else {
            TensorError.report(
                "view", "view size is not compatible with input tensor's size and stride (shape \(dims), strides \(operand.strides), wanted \(target))",
                hint: "use reshape")
            return .placeholder
        }
        let out = view(sizes: target, strides: strides)
        if isRecorded { out.impl.node = ReshapeNode("view", out, self) }
        return out
    }
    /// The same memory in another shape.
    public func view(_ shape: Int...) -> Tensor { view(shape) }

    @inline(__always)
    func reshaped(_ target: Dims) -> Tensor {
        let out: Tensor
        if isContiguous {
            out = view(sizes: target, strides: target.contiguousStrides)
        } else if let strides = stridesForView(target) {
            out = view(sizes: target, strides: strides)
        } else {
            let t = Tensor.make(dims, dtype, device: device)
            backend.copy(t.operand, operand)
            out = t.view(sizes: target, strides: target.contiguousStrides)
        }
        if isRecorded { out.impl.node = ReshapeNode("reshape", out, self) }
        return out
    }

    /// Replaces -1 and checks the number of elements.
    @inline(__always)
    private func resolved(_ shape: [Int], _ operation: StaticString) -> Dims? {
        var target = Dims(rank: shape.count)
        var product = 1
        for (i, size) in shape.enumerated() {
            let (p, overflow) = product.multipliedReportingOverflow(by: size)
            // -1 and everything that is wrong.
            if size < 0 || overflow { return resolvedOpen(shape, "\(operation)") }
            target[i] = size
            product = p
        }
        return product == count ? target : resolvedOpen(shape, "\(operation)")
    }

    @inline(never)
    private func resolvedOpen(_ shape: [Int], _ operation: String) -> Dims? {
        var target = Dims(shape)
        if let open = shape.firstIndex(of: -1) {
            target[open] = 1
            let known = target.checkedProduct ?? 0
            guard shape.filter({ $0 == -1 }).count == 1, known > 0, count % known == 0 else {
                let reason =
                    known == 0
                    ? "cannot reshape tensor of 0 elements into shape \(shape) because the unspecified dimension size -1 can be any value and is ambiguous"
                    : "shape '\(shape)' is invalid for input of size \(count)"
                TensorError.report(operation, "\(reason) (input shape \(dims))")
                return nil
            }
            target[open] = count / known
        }
        guard target.checkedProduct == count else {
            TensorError.report(operation, "shape '\(shape)' is invalid for input of size \(count) (input shape \(dims))")
            return nil
        }
        return target
    }

    /// Strides that show the elements in `target`'s shape without moving them, nil if there are none.
    func stridesForView(_ target: Dims) -> Dims? {
        if isContiguous || count == 0 { return target.contiguousStrides }
        let (sizes, old) = (operand.sizes, operand.strides)
        var strides = Dims(rank: target.count)
        var t = target.count - 1
        var d = sizes.count - 1
        while d >= 0 {
            // One run of dims that lie in each other.
            var run = sizes[d]
            let base = old[d]
            var expected = old[d] * sizes[d]
            d -= 1
            while d >= 0, sizes[d] == 1 || old[d] == expected || run == 1 {
                if run == 1 && sizes[d] != 1 { break }
                run *= sizes[d]
                if sizes[d] != 1 { expected = old[d] * sizes[d] }
                d -= 1
            }
            var filled = 1
            while t >= 0, filled < run || target[t] == 1 {
                strides[t] = base * filled
                filled *= target[t]
                t -= 1
            }
            if filled != run { return nil }
        }
        while t >= 0 {
            if target[t] != 1 { return nil }
            strides[t] = 1
            t -= 1
        }
        return strides
    }

    /// Joins dims from `startDim` to `endDim`. PyTorch: `flatten`.
    public func flatten(startDim: Int = 0, endDim: Int = -1) -> Tensor {
        if rank == 0 { return reshape([1]) }
        guard let s = checkedDim(startDim, "flatten"), let e = checkedDim(endDim, "flatten") else { return .placeholder }
        guard s <= e else {
            TensorError.report("flatten", "flatten() has invalid args: start_dim cannot come after end_dim (\(startDim), \(endDim))")
            return .placeholder
        }
        if s == e { return self }
        var target = Dims()
        for i in 0..<s { target.append(dims[i]) }
        target.append(dims[s...e].reduce(1, *))
        for i in (e + 1)..<Swift.max(rank, e + 1) { target.append(dims[i]) }
        return reshaped(target)
    }

    /// Splits one dim into several; -1 stands for what is left. PyTorch: `unflatten`.
    public func unflatten(_ dim: Int, _ sizes: [Int]) -> Tensor {
        guard let d = checkedDim(dim, "unflatten") else { return .placeholder }
        let known = sizes.filter { $0 != -1 }.reduce(1, *)
        let resolved = sizes.map { $0 == -1 ? (known == 0 ? 0 : dims[d] / known) : $0 }
        guard !sizes.isEmpty, resolved.reduce(1, *) == dims[d] else {
            TensorError.report("unflatten", "Provided sizes \(sizes) don't multiply up to the size of dim \(dim) (\(dims[d])) in the input tensor")
            return .placeholder
        }
        return reshape(Array(dims[..<d]) + resolved + Array(dims[(d + 1)...]))
    }

    // MARK: Order of dims

    /// Dims in another order. PyTorch: `permute`.
    public func permute(_ order: [Int]) -> Tensor {
        guard order.count == rank else {
            TensorError.report("permute", "number of dimensions in the tensor input does not match the length of the desired ordering: \(rank) and \(order.count)")
            return .placeholder
        }
        guard let p = checkedDims(order, "permute") else { return .placeholder }
        return permuted(p)
    }
    /// Dims in another order.
    public func permute(_ order: Int...) -> Tensor { permute(order) }

    func permuted(_ order: [Int]) -> Tensor {
        var (sizes, strides) = (dims, operand.strides)
        for (i, d) in order.enumerated() {
            sizes[i] = dims[d]
            strides[i] = operand.strides[d]
        }
        return view(sizes: sizes, strides: strides).recorded("permute", self) { g in
            var inverse = order
            for (i, d) in order.enumerated() { inverse[d] = i }
            return g.permuted(inverse)
        }
    }

    /// Two dims exchanged. PyTorch: `transpose`.
    public func transpose(_ a: Int, _ b: Int) -> Tensor {
        guard let x = checkedDim(a, "transpose"), let y = checkedDim(b, "transpose") else { return .placeholder }
        if rank == 0 { return self }
        var (sizes, strides) = (impl.operand.sizes, impl.operand.strides)
        (sizes[x], sizes[y]) = (sizes[y], sizes[x])
        (strides[x], strides[y]) = (strides[y], strides[x])
        let out = view(sizes: sizes, strides: strides)
        if isRecorded { out.impl.node = ClosureNode("transpose", out, [self]) { $0.transpose(x, y) } }
        return out
    }

    /// A matrix transposed; vectors stay. PyTorch: `t()`.
    public func t() -> Tensor {
        guard rank <= 2 else {
            TensorError.report("t", "t() expects a tensor with <= 2 dimensions, but self is \(rank)D", hint: "use transpose(-2, -1) or mT")
            return .placeholder
        }
        return rank == 2 ? transpose(0, 1) : self
    }

    /// All dims reversed. PyTorch: `T`.
    public var T: Tensor { permuted((0..<rank).reversed()) }
    /// The last two dims exchanged. PyTorch: `mT`.
    public var mT: Tensor {
        guard rank >= 2 else {
            TensorError.report("mT", "tensor.mT is only supported on matrices or batches of matrices. Got \(rank)-D tensor.")
            return .placeholder
        }
        return transpose(-2, -1)
    }
    /// Conjugate transpose of the last two dims. PyTorch: `mH`.
    public var mH: Tensor { mT.conjugateIfComplex }

    /// Dims moved to other places, the rest in order. PyTorch: `movedim`.
    public func moveDim(_ source: [Int], _ destination: [Int]) -> Tensor {
        guard source.count == destination.count, let s = checkedDims(source, "moveDim"), let d = checkedDims(destination, "moveDim") else {
            if source.count != destination.count {
                TensorError.report("moveDim", "Invalid source or destination dims: source \(source) and destination \(destination) must have the same number of elements")
            }
            return .placeholder
        }
        if rank == 0 { return self }
        var order = [Int?](repeating: nil, count: rank)
        for (from, to) in Swift.zip(s, d) { order[to] = from }
        var rest = (0..<rank).filter { !s.contains($0) }.makeIterator()
        return permuted(order.map { $0 ?? rest.next()! })
    }
    /// One dim moved.
    public func moveDim(_ source: Int, _ destination: Int) -> Tensor { moveDim([source], [destination]) }

    // MARK: Dims of size 1

    /// All dims of size 1 dropped, or those given. PyTorch: `squeeze`.
    public func squeeze(_ dims: [Int]? = nil) -> Tensor {
        guard let wanted = checkedDims(dims, "squeeze") else { return .placeholder }
        var (sizes, strides) = (Dims(), Dims())
        for d in 0..<rank where !(wanted.contains(d) && self.dims[d] == 1) {
            sizes.append(self.dims[d])
            strides.append(operand.strides[d])
        }
        let out = view(sizes: sizes, strides: strides)
        if isRecorded { out.impl.node = ReshapeNode("squeeze", out, self) }
        return out
    }
    /// One dim dropped if its size is 1. PyTorch: `squeeze(dim)`.
    public func squeeze(_ dim: Int) -> Tensor { squeeze([dim]) }

    /// A dim of size 1 put in before position `dim`. PyTorch: `unsqueeze`.
    public func unsqueeze(_ dim: Int) -> Tensor {
        guard let d = checkedDim(dim, "unsqueeze", rank: rank + 1) else { return .placeholder }
        var (sizes, strides) = (dims, operand.strides)
        strides.insert(d < rank ? sizes[d] * strides[d] : 1, at: d)
        sizes.insert(1, at: d)
        let out = view(sizes: sizes, strides: strides)
        if isRecorded { out.impl.node = ReshapeNode("unsqueeze", out, self) }
        return out
    }

    // MARK: Repetition without memory

    /// Dims of size 1 repeated to `shape` (-1 keeps a size) without copying. PyTorch: `expand`.
    public func expand(_ shape: [Int]) -> Tensor {
        guard shape.count >= rank else {
            TensorError.report("expand", "the number of sizes provided (\(shape.count)) must be greater or equal to the number of dimensions in the tensor (\(rank))")
            return .placeholder
        }
        var target = Dims(shape)
        let lead = shape.count - rank
        for i in 0..<shape.count where shape[i] == -1 {
            guard i >= lead else {
                TensorError.report("expand", "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension \(i)")
                return .placeholder
            }
            target[i] = dims[i - lead]
        }
        return expanded(to: target)
    }
    /// Dims of size 1 repeated.
    public func expand(_ shape: Int...) -> Tensor { expand(shape) }
    /// Repeated to another tensor's shape. PyTorch: `expand_as`.
    public func expand(as other: Tensor) -> Tensor { expanded(to: other.dims) }

    func expanded(to target: Dims) -> Tensor {
        if target == dims { return self }
        guard Shape.canBroadcast(dims, to: target), !target.contains(where: { $0 < 0 }) else {
            TensorError.report("expand", "The expanded size of the tensor \(target) must match the existing size \(dims) at non-singleton dimensions")
            return .placeholder
        }
        let o = operand.expanded(to: target)
        let out = view(sizes: target, strides: o.strides)
        // The engine sums the gradient down.
        return out.recorded("expand", self) { $0 }
    }

    // MARK: Parts

    /// Elements `start`, `start + step`, … below `end` along `dim`; out-of-range bounds are clamped as Python's. PyTorch: `aten.slice`.
    public func slice(_ dim: Int, _ start: Int? = nil, _ end: Int? = nil, step: Int = 1) -> Tensor {
        guard rank > 0 else {
            TensorError.report("slice", "slice() cannot be applied to a 0-dim tensor")
            return .placeholder
        }
        guard let d = checkedDim(dim, "slice") else { return .placeholder }
        guard step > 0 else {
            TensorError.report("slice", "slice step must be positive, got \(step)", hint: "use flip for a reversed order")
            return .placeholder
        }
        let n = impl.operand.sizes[d]
        func clamp(_ i: Int) -> Int { Swift.min(Swift.max(i < 0 ? i + n : i, 0), n) }
        let s = clamp(start ?? 0)
        let e = Swift.max(clamp(end ?? n), s)
        var (sizes, strides) = (impl.operand.sizes, impl.operand.strides)
        sizes[d] = (e - s + step - 1) / step
        let out = view(
            pointer: impl.operand.pointer + s * strides[d] * dtype.itemSize, sizes: sizes,
            strides: {
                strides[d] *= step
                return strides
            }())
        if isRecorded {
            let whole = impl.operand.sizes
            out.impl.node = ClosureNode("slice", out, [self]) { g in Tensor.embedding(g, into: whole) { $0.slice(d, s, e, step: step) } }
        }
        return out
    }

    /// `length` elements from `start` along `dim`. PyTorch: `narrow`.
    public func narrow(_ dim: Int, _ start: Int, _ length: Int) -> Tensor {
        guard let d = checkedDim(dim, "narrow") else { return .placeholder }
        let n = rank == 0 ? 0 : dims[d]
        let s = start < 0 ? start + n : start
        guard rank > 0, s >= 0, length >= 0, s + length <= n else {
            TensorError.report("narrow", "start (\(start)) + length (\(length)) exceeds dimension size (\(n))")
            return .placeholder
        }
        return slice(d, s, s + length)
    }

    /// One position along `dim`, which goes away. PyTorch: `select`.
    public func select(_ dim: Int, _ index: Int) -> Tensor {
        guard rank > 0 else {
            TensorError.report("select", "select() cannot be applied to a 0-dim tensor.")
            return .placeholder
        }
        guard let d = checkedDim(dim, "select") else { return .placeholder }
        let n = dims[d]
        guard index >= -n, index < n else {
            TensorError.report("select", "index \(index) is out of bounds for dimension \(d) with size \(n)")
            return .placeholder
        }
        let i = index < 0 ? index + n : index
        var (sizes, strides) = (dims, operand.strides)
        sizes.remove(at: d)
        let stride = strides.remove(at: d)
        let whole = dims
        return view(pointer: operand.pointer + i * stride * dtype.itemSize, sizes: sizes, strides: strides).recorded("select", self) { g in
            Tensor.embedding(g, into: whole) { $0.select(d, i) }
        }
    }

    /// The diagonal of two dims, at the end. PyTorch: `diagonal`.
    public func diagonal(offset: Int = 0, dim1: Int = 0, dim2: Int = 1) -> Tensor {
        guard let a = checkedDim(dim1, "diagonal"), let b = checkedDim(dim2, "diagonal") else { return .placeholder }
        guard a != b, rank >= 2 else {
            TensorError.report("diagonal", "diagonal dimensions cannot be identical \(dim1), \(dim2)")
            return .placeholder
        }
        let n = Swift.max(0, offset >= 0 ? Swift.min(dims[a], dims[b] - offset) : Swift.min(dims[a] + offset, dims[b]))
        var (sizes, strides) = (Dims(), Dims())
        for d in 0..<rank where d != a && d != b {
            sizes.append(dims[d])
            strides.append(operand.strides[d])
        }
        sizes.append(n)
        strides.append(operand.strides[a] + operand.strides[b])
        let start = n == 0 ? 0 : offset >= 0 ? offset * operand.strides[b] : -offset * operand.strides[a]
        let whole = dims
        return view(pointer: operand.pointer + start * dtype.itemSize, sizes: sizes, strides: strides).recorded("diagonal", self) { g in
            Tensor.embedding(g, into: whole) { $0.diagonal(offset: offset, dim1: a, dim2: b) }
        }
    }

    /// Windows of `size` along `dim`, `step` apart, as a new last dim. PyTorch: `Tensor.unfold`.
    public func unfold(_ dim: Int, size: Int, step: Int) -> Tensor {
        guard let d = checkedDim(dim, "unfold") else { return .placeholder }
        if rank == 0 { return reshape([1]).unfold(0, size: size, step: step).select(0, 0) }
        let n = dims[d]
        guard size >= 0, step > 0, size <= n else {
            TensorError.report("unfold", "maximum size for tensor at dimension \(dim) is \(n) but size is \(size) (step \(step) must be > 0)")
            return .placeholder
        }
        var (sizes, strides) = (dims, operand.strides)
        let stride = strides[d]
        sizes[d] = (n - size) / step + 1
        strides[d] = stride * step
        sizes.append(size)
        strides.append(stride)
        let whole = dims
        return view(sizes: sizes, strides: strides).recorded("unfold", self) { g in
            // Windows may overlap: element (…, w, …, k) belongs at w * step + k.
            let index = (Tensor.arange(sizes[d], device: g.device) * step).unsqueeze(1) + Tensor.arange(size, device: g.device)
            let moved = g.moveDim(-1, d + 1).flatten(startDim: d, endDim: d + 1)
            return Tensor.zeros(whole, dtype: g.dtype, device: g.device).indexAdd(d, index.flatten(), moved)
        }
    }

    /// Zeros of shape `whole` with `gradient` at the place that `part` shows; the derivative of every view that shows a part.
    static func embedding(_ gradient: Tensor, into whole: Dims, at part: @escaping (Tensor) -> Tensor) -> Tensor {
        let zeros = Tensor.zeros(whole, dtype: gradient.dtype, device: gradient.device)
        let place = noGrad { part(zeros) }
        zeros.backend.copy(place.operand, gradient.operand)
        return zeros.recorded("embed", gradient) { part($0) }
    }
}

/// A view or copy with another shape; the gradient takes the old one.
final class ReshapeNode: Node, @unchecked Sendable {
    // @unchecked: see Node.
    private let label: StaticString
    private let sizes: Dims

    @inline(__always)
    init(_ label: StaticString, _ output: Tensor, _ x: Tensor) {
        self.label = label
        sizes = x.impl.operand.sizes
        super.init(output, x.impl.node)
    }

    override var name: String { "\(label)" }
    override func apply(_ gradient: Tensor) { if let e0 { Engine.push(e0, gradient.reshaped(sizes)) } }
}

extension ClosureNode {
    /// One input.
    convenience init(_ label: StaticString, _ output: Tensor, _ inputs: [Tensor], _ derivative: @escaping Derivative) {
        self.init(label, output, inputs, [derivative])
    }
}
