// What may stand between the brackets of x[…].
import TorchRuntime

/// One item of a subscript: an integer, a range, a tensor of integers or truth values, `.newAxis`, `.ellipsis`, `.stride(…)`, `.slice(…)`.
///
/// ```swift
/// x[0]            // x[0]              x[0..., 1]            // x[:, 1]
/// x[..., 0]       // x[..., 0]         x[.newAxis]           // x[None]
/// x[1..<3]        // x[1:3]            x[.stride(by: 2)]     // x[::2]
/// x[(-3)...]      // x[-3:]            x[.slice(1, -1)]      // x[1:-1]
/// x[x .> 0]       // x[x > 0]          x[rows, columns]      // x[rows, columns]
/// ```
public protocol TensorIndex: Sendable {
    /// The item in one form.
    var indexItem: IndexItem { get }
}

/// An item of a subscript.
public enum IndexItem: TensorIndex {
    case integer(Int)
    /// Python's `start:stop:step`; nil is open, negative bounds count from the end.
    case range(start: Int?, stop: Int?, step: Int)
    case newAxisItem
    case ellipsisItem
    case tensor(Tensor)

    public var indexItem: IndexItem { self }
}

extension TensorIndex where Self == IndexItem {
    /// A new dim of size 1. PyTorch: `None`.
    public static var newAxis: IndexItem { .newAxisItem }
    /// As many whole dims as are left. PyTorch: `...`.
    public static var ellipsis: IndexItem { .ellipsisItem }
    /// A whole dim. PyTorch: `:`.
    public static var all: IndexItem { .range(start: nil, stop: nil, step: 1) }
    /// Every `by`th position. PyTorch: `from:to:by`.
    public static func stride(from: Int? = nil, to: Int? = nil, by: Int) -> IndexItem { .range(start: from, stop: to, step: by) }
    /// Positions from `start` up to `stop`, negative ones counted from the end. PyTorch: `start:stop`.
    public static func slice(_ start: Int?, _ stop: Int?, step: Int = 1) -> IndexItem { .range(start: start, stop: stop, step: step) }
    /// Positions from `start`, counted from the end if negative. PyTorch: `start:`.
    public static func from(_ start: Int) -> IndexItem { .range(start: start, stop: nil, step: 1) }
    /// Positions up to `stop`, counted from the end if negative. PyTorch: `:stop`.
    public static func upTo(_ stop: Int) -> IndexItem { .range(start: nil, stop: stop, step: 1) }
}

extension IndexItem {
    /// A last position that is included: -1 is the end.
    fileprivate static func through(_ start: Int?, _ last: Int) -> IndexItem { .range(start: start, stop: last == -1 ? nil : last + 1, step: 1) }
}

extension Int: TensorIndex {
    public var indexItem: IndexItem { .integer(self) }
}
extension Range: TensorIndex where Bound == Int {
    /// `-3 ..< -1` counts from the end; `-3 ..< 0` is empty, as `-3:0` in Python.
    public var indexItem: IndexItem { .range(start: lowerBound, stop: upperBound, step: 1) }
}
extension ClosedRange: TensorIndex where Bound == Int {
    public var indexItem: IndexItem { .through(lowerBound, upperBound) }
}
extension PartialRangeFrom: TensorIndex where Bound == Int {
    public var indexItem: IndexItem { .range(start: lowerBound, stop: nil, step: 1) }
}
extension PartialRangeUpTo: TensorIndex where Bound == Int {
    public var indexItem: IndexItem { .range(start: nil, stop: upperBound, step: 1) }
}
extension PartialRangeThrough: TensorIndex where Bound == Int {
    public var indexItem: IndexItem { .through(nil, upperBound) }
}
extension Tensor: TensorIndex {
    public var indexItem: IndexItem { .tensor(self) }
}
extension Array: TensorIndex where Element == Int {
    /// One index array, as a list in Python.
    public var indexItem: IndexItem { .tensor(Tensor(self, device: .cpu)) }
}

// MARK: - Basic indexing

/// A subscript that was checked against a shape: which part of memory it shows, and which dims of that part tensors pick from.
struct ResolvedIndex {
    /// Byte offset of the first element.
    var offset = 0
    var sizes: Dims
    var strides: Dims
    /// Integer tensors by dim of the view; empty for basic indexing.
    var picks: [(dim: Int, index: Tensor)] = []
    /// The only mask, when there is one and nothing else picks: the view's dim where it starts.
    var mask: (dim: Int, mask: Tensor)?

    /// The part of `x` as a view, unrecorded.
    func view(of x: Tensor) -> Tensor { x.view(pointer: x.operand.pointer + offset, sizes: sizes, strides: strides) }
    /// The part of an operand.
    func part(of o: Operand) -> Operand { o.view(pointer: o.pointer + offset, sizes: sizes, strides: strides) }

    /// Reports what does not fit, and gives nil.
    init?(_ items: some Collection<IndexItem>, _ x: Tensor) {
        sizes = x.dims
        strides = x.operand.strides
        let itemSize = x.dtype.itemSize
        // How many dims of x the items consume.
        var consumed = 0
        var ellipses = 0
        var picking = 0
        for item in items {
            switch item {
            case .integer, .range: consumed += 1
            case .tensor(let t):
                consumed += Self.isMask(t) ? t.rank : 1
                picking += 1
            case .ellipsisItem: ellipses += 1
            case .newAxisItem: break
            }
        }
        guard ellipses <= 1 else {
            TensorError.report("subscript", "an index can only have a single ellipsis ('...')")
            return nil
        }
        guard consumed <= x.rank else {
            TensorError.report("subscript", "too many indices for tensor of dimension \(x.rank): \(consumed) for shape \(x.dims)")
            return nil
        }
        // `dim` walks the dims of the view; `source` those of x, for messages.
        var dim = 0
        var source = 0
        for item in items {
            switch item {
            case .newAxisItem:
                insertAxis(dim)
                dim += 1
            case .ellipsisItem:
                dim += x.rank - consumed
                source += x.rank - consumed
            case .integer(let i):
                guard select(i, dim, source, itemSize) else { return nil }
                source += 1
            case .range(let start, let stop, let step):
                guard step > 0 else {
                    TensorError.report("subscript", "step must be greater than zero, got \(step)", hint: "use flip for a reversed order")
                    return nil
                }
                let n = sizes[dim]
                func clamp(_ i: Int) -> Int { Swift.min(Swift.max(i < 0 ? i + n : i, 0), n) }
                let s = clamp(start ?? 0)
                let e = Swift.max(clamp(stop ?? n), s)
                offset += s * strides[dim] * itemSize
                sizes[dim] = (e - s + step - 1) / step
                strides[dim] *= step
                dim += 1
                source += 1
            case .tensor(let t):
                if Self.isMask(t) {
                    if t.rank == 0 {
                        // A truth value picks all or nothing of a new dim.
                        insertAxis(dim)
                        picks.append((dim, t.withoutGraph.item(Bool.self) ? Tensor([0], device: .cpu) : Tensor([Int](), device: .cpu)))
                        dim += 1
                        continue
                    }
                    for k in 0..<t.rank where t.dims[k] != sizes[dim + k] {
                        TensorError.report(
                            "subscript", "The shape of the mask \(t.dims) at index \(k) does not match the shape of the indexed tensor \(x.dims) at index \(source + k)")
                        return nil
                    }
                    let bools = t.withoutGraph.converted(to: .bool).to(x.device)
                    if picking == 1 {
                        mask = (dim, bools)
                    } else {
                        for (k, p) in bools.nonzeroTuple().enumerated() { picks.append((dim + k, p)) }
                    }
                    dim += t.rank
                    source += t.rank
                } else if t.dtype.isInteger {
                    if t.rank == 0 {
                        guard select(t.withoutGraph.item(Int.self), dim, source, itemSize) else { return nil }
                    } else {
                        picks.append((dim, t.withoutGraph.converted(to: .int64)))
                        dim += 1
                    }
                    source += 1
                } else {
                    TensorError.report("subscript", "tensors used as indices must be long, int, byte or bool tensors, got \(t.dtype)", hint: "convert the index with .to(.int64)")
                    return nil
                }
            }
        }
    }

    /// PyTorch takes uint8 for a mask, too.
    private static func isMask(_ t: Tensor) -> Bool { t.dtype == .bool || t.dtype == .uint8 }

    private mutating func insertAxis(_ dim: Int) {
        strides.insert(dim < sizes.count ? sizes[dim] * strides[dim] : 1, at: dim)
        sizes.insert(1, at: dim)
    }

    private mutating func select(_ i: Int, _ dim: Int, _ source: Int, _ itemSize: Int) -> Bool {
        let n = sizes[dim]
        guard i >= -n, i < n else {
            TensorError.report("subscript", "index \(i) is out of bounds for dimension \(source) with size \(n)")
            return false
        }
        offset += (i < 0 ? i + n : i) * strides[dim] * itemSize
        sizes.remove(at: dim)
        strides.remove(at: dim)
        return true
    }
}
