// x[…]: reading and writing parts of a tensor.
import TorchKernels
import TorchRuntime

// Note [Writing through a subscript]
// `x[…] = v` changes only `x`: in place when nobody else sees its memory and nothing is recorded (Note [Who may write]), on a copy otherwise. When `x` or `v`
// is recorded, the result is a new tensor on the tape: `v` gets the gradient of the part, `x` that of the rest.

extension Tensor {
    // MARK: The subscripts

    /// The part that the items show: a view for integers and ranges, a copy where tensors pick. PyTorch: `x[…]`.
    public subscript(_ index: any TensorIndex...) -> Tensor {
        get { indexed(index.map(\.indexItem)) }
        set { assign(newValue, index.map(\.indexItem)) }
    }

    /// One position along the first dim. PyTorch: `x[i]`.
    public subscript(_ i: Int) -> Tensor {
        get { select(0, i) }
        set { assign(newValue, CollectionOfOne(.integer(i))) }
    }

    /// One position along the first two dims. PyTorch: `x[i, j]`.
    public subscript(_ i: Int, _ j: Int) -> Tensor {
        get { indexed([.integer(i), .integer(j)]) }
        set { assign(newValue, [.integer(i), .integer(j)]) }
    }

    /// Positions along the first dim. PyTorch: `x[a:b]`.
    public subscript(_ range: Range<Int>) -> Tensor {
        get { rank > 0 ? slice(0, range.lowerBound, range.upperBound) : indexed([range.indexItem]) }
        set { assign(newValue, CollectionOfOne(range.indexItem)) }
    }

    // `...` in Swift is a function, so it has no place in a list of items: forms with it in the first four places; `.ellipsis` goes anywhere.

    /// Whole dims, then items. PyTorch: `x[..., i]`.
    public subscript(_ dots: UnboundedRange, _ rest: any TensorIndex...) -> Tensor {
        get { indexed([.ellipsisItem] + rest.map(\.indexItem)) }
        set { assign(newValue, [.ellipsisItem] + rest.map(\.indexItem)) }
    }
    /// An item, whole dims, then items. PyTorch: `x[i, ..., j]`.
    public subscript(_ a: any TensorIndex, _ dots: UnboundedRange, _ rest: any TensorIndex...) -> Tensor {
        get { indexed([a.indexItem, .ellipsisItem] + rest.map(\.indexItem)) }
        set { assign(newValue, [a.indexItem, .ellipsisItem] + rest.map(\.indexItem)) }
    }
    /// Two items, whole dims, then items. PyTorch: `x[i, j, ..., k]`.
    public subscript(_ a: any TensorIndex, _ b: any TensorIndex, _ dots: UnboundedRange, _ rest: any TensorIndex...) -> Tensor {
        get { indexed([a.indexItem, b.indexItem, .ellipsisItem] + rest.map(\.indexItem)) }
        set { assign(newValue, [a.indexItem, b.indexItem, .ellipsisItem] + rest.map(\.indexItem)) }
    }

    /// One element as a Swift number, or a number for all elements of a part: `x[0, 1] = 5`, `x[mask] = 0.5`, `let v: Float = x[0, 1]`.
    /// The number is converted to the tensor's type. PyTorch: `x[…] = 5`, `x[…].item()`.
    @_disfavoredOverload
    public subscript<Number: TensorElement>(_ index: any TensorIndex...) -> Number {
        get { indexed(index.map(\.indexItem)).item(Number.self) }
        set { assign(.number(newValue.scalar), index.map(\.indexItem)) }
    }
    /// A number for all elements of a part that whole dims lead to.
    @_disfavoredOverload
    public subscript<Number: TensorElement>(_ dots: UnboundedRange, _ rest: any TensorIndex...) -> Number {
        get { indexed([.ellipsisItem] + rest.map(\.indexItem)).item(Number.self) }
        set { assign(.number(newValue.scalar), [.ellipsisItem] + rest.map(\.indexItem)) }
    }

    // MARK: Reading

    /// The part that `items` show.
    public func indexed(_ items: [IndexItem]) -> Tensor {
        guard let r = ResolvedIndex(items, self) else { return .placeholder }
        let part = r.view(of: self)
        if isRecorded {
            let whole = dims
            let basic = items.filter { if case .tensor(let t) = $0 { t.rank == 0 } else { true } }
            if r.picks.isEmpty && r.mask == nil {
                part.impl.node = ClosureNode("slice", part, [self]) { g in Tensor.embedding(g, into: whole) { $0.indexed(basic) } }
            } else {
                // The view below the picking items: tensors count as whole dims.
                let open = items.flatMap { item -> [IndexItem] in
                    guard case .tensor(let t) = item else { return [item] }
                    if t.dtype == .bool || t.dtype == .uint8 { return t.rank == 0 ? [.newAxisItem] : [IndexItem](repeating: .all, count: t.rank) }
                    return t.rank == 0 ? [.integer(t.withoutGraph.item(Int.self))] : [.all]
                }
                part.impl.node = ClosureNode("slice", part, [self]) { g in Tensor.embedding(g, into: whole) { $0.indexed(open) } }
            }
        }
        if let (dim, mask) = r.mask { return part.picked(dim, mask) }
        return r.picks.isEmpty ? part : part.picked(r.picks)
    }

    // MARK: Writing

    /// `self[items] = value`, in place where nobody can notice.
    mutating func assign(_ value: Tensor, _ items: some Collection<IndexItem>) {
        if value.dtype.isComplex && !dtype.isComplex {
            TensorError.report("subscript", "value cannot be converted to type \(dtype) without overflow: it is complex")
            return
        }
        guard var r = ResolvedIndex(items, self) else { return }
        if st_grad_enabled() && (impl.node != nil || value.impl.node != nil) {
            let whole = Array(items)
            if let out = replacing(whole, by: value) { impl = out.impl }
            return
        }
        if !isUnshared() {
            makeUnshared()
            // The copy may lie in another order.
            guard let again = ResolvedIndex(items, self) else { return }
            r = again
        }
        _ = Tensor.write(r.part(of: operand), value.withoutGraph, r, backend, accumulate: false)
    }

    /// A copy with `value` at `items`, recorded.
    private func replacing(_ items: [IndexItem], by value: Tensor) -> Tensor? {
        let out = copied()
        guard let r = ResolvedIndex(items, out), Tensor.write(r.part(of: out.operand), value.withoutGraph, r, out.backend, accumulate: false) else { return nil }
        let shape = value.dims
        return out.recorded(
            "indexPut",
            (
                self,
                { g in
                    var rest = g
                    rest.assign(.number(.int(0)), items)
                    return rest
                }
            ),
            (
                value,
                { g in
                    // Leading sizes of 1 that the part does not have.
                    let part = g.indexed(items)
                    return part.rank < shape.count ? part.sumToSize(Dims(shape[(shape.count - part.rank)...])).reshaped(shape) : part
                }
            ))
    }
}
