// Rows: picking and placing elements.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let indexing: [OperatorRow] = subscripts + alongDim + slices + masks + parts

    /// A Python index as items: a tuple has one a dim, anything else is one item.
    private static func items(_ a: OperatorArguments, _ parameter: String) throws -> [IndexItem] {
        if case .tuple(let items) = a.value(parameter) { return try items.map { try item($0, a, parameter) } }
        return try [item(a.value(parameter), a, parameter)]
    }

    private static func item(_ value: OperatorValue, _ a: OperatorArguments, _ parameter: String) throws -> IndexItem {
        func bound(_ v: OperatorValue) throws -> Int? {
            switch v {
            case .none: return nil
            case .int(let i): return i
            case .tensor(let t) where t.count == 1: return t.item(Int.self)
            default: throw a.notImplemented(parameter, "a slice bound of \(v.summary)")
            }
        }
        switch value {
        case .none: return .newAxisItem
        case .bool(let b): return .tensor(Tensor(b, device: .cpu))
        case .int(let i): return .integer(i)
        case .tensor(let t): return .tensor(t)
        case .ellipsis: return .ellipsisItem
        case .slice(let start, let stop, let step): return try .range(start: bound(start), stop: bound(stop), step: bound(step) ?? 1)
        case .list(let items):
            var (flat, shape) = ([Int](), [Int]())
            var truths = false
            func walk(_ v: OperatorValue, _ depth: Int) throws {
                switch v {
                case .int(let i): flat.append(i)
                case .bool(let b):
                    truths = true
                    flat.append(b ? 1 : 0)
                case .list(let inner), .tuple(let inner):
                    if shape.count <= depth { shape.append(inner.count) }
                    for i in inner { try walk(i, depth + 1) }
                default: throw a.notImplemented(parameter, "an index list that holds \(v.summary)")
                }
            }
            try walk(.list(items), 0)
            let t = Tensor(flat, shape: shape, device: .cpu)
            return .tensor(truths ? t.to(.bool) : t)
        default: throw a.notImplemented(parameter, "an index of \(value.summary)")
        }
    }

    private static let subscripts: [OperatorRow] = [
        OperatorRow("__getitem__", "input, key") { a in try .tensor(a.tensor("input").indexed(items(a, "key"))) },
        OperatorRow("index_put", "input, indices, values, accumulate=False") { a in
            try .tensor(a.tensor("input").indexPut(a.optionalTensors("indices"), a.tensor("values"), accumulate: a.bool("accumulate")))
        },
        OperatorRow("take", "input, index") { a in try .tensor(a.tensor("input").take(a.tensor("index"))) },
        OperatorRow("put", "input, index, source, accumulate=False") { a in
            try .tensor(a.tensor("input").put(a.tensor("index"), a.tensor("source"), accumulate: a.bool("accumulate")))
        },
        OperatorRow("unravel_index", "indices, shape") { a in try .tensors(a.tensor("indices").unravelIndex(a.ints("shape"))) },
    ]

    private static let alongDim: [OperatorRow] = [
        OperatorRow("gather", "input, dim, index, *, sparse_grad=False") { a in try .tensor(a.tensor("input").gather(a.int("dim"), a.tensor("index"))) },
        OperatorRow("take_along_dim", "input, indices, dim=None") { a in
            try .tensor(a.tensor("input").takeAlongDim(a.tensor("indices"), dim: a.optionalInt("dim")))
        },
        OperatorRow("scatter_add", "input, dim, index, src") { a in
            try .tensor(a.tensor("input").scatterAdd(a.int("dim"), a.tensor("index"), a.tensor("src")))
        },
        OperatorRow("scatter", "input, dim, index, src: Tensor, *, reduce=None") { a in
            let (x, d, k, s) = (try a.tensor("input"), try a.int("dim"), try a.tensor("index"), try a.tensor("src"))
            return try .tensor(scatter(x, d, k, s, a))
        },
        OperatorRow("scatter", "input, dim, index, value, *, reduce=None") { a in
            let (x, d, k) = (try a.tensor("input"), try a.int("dim"), try a.tensor("index"))
            let value = try a.scalar("value")
            if !a.has("reduce") { return .tensor(x.scatter(d, k, value)) }
            return try .tensor(scatter(x, d, k, x.newFull(k.shape, value), a))
        },
        OperatorRow("scatter_reduce", "input, dim, index, src, reduce, *, include_self=True") { a in
            let (x, s) = (try a.tensor("input"), try a.tensor("src"))
            return try .tensor(x.scatterReduce(a.int("dim"), a.tensor("index"), s, a.choice("reduce"), includeSelf: a.bool("include_self")))
        },
    ]

    /// The old `reduce` argument of `scatter`.
    private static func scatter(_ x: Tensor, _ d: Int, _ k: Tensor, _ s: Tensor, _ a: OperatorArguments) throws -> Tensor {
        switch try a.optionalString("reduce") {
        case nil: return x.scatter(d, k, s)
        case "add": return x.scatterAdd(d, k, s)
        case "multiply": return x.scatterReduce(d, k, s, .prod)
        case let other?: throw a.notImplemented("reduce", "reduce argument must be either add or multiply, got \(other)")
        }
    }

    private static let slices: [OperatorRow] = [
        OperatorRow("index_select", "input, dim, index") { a in try .tensor(a.tensor("input").indexSelect(a.int("dim"), a.tensor("index"))) },
        OperatorRow("index_add", "input, dim, index, source, *, alpha=1") { a in
            try .tensor(a.tensor("input").indexAdd(a.int("dim"), a.tensor("index"), a.tensor("source"), alpha: a.double("alpha")))
        },
        OperatorRow("index_copy", "input, dim, index, source") { a in
            try .tensor(a.tensor("input").indexCopy(a.int("dim"), a.tensor("index"), a.tensor("source")))
        },
        OperatorRow("index_fill", "input, dim, index, value: Tensor") { a in
            try .tensor(a.tensor("input").indexFill(a.int("dim"), a.tensor("index"), a.tensor("value")))
        },
        OperatorRow("index_fill", "input, dim, index, value") { a in
            try .tensor(a.tensor("input").indexFill(a.int("dim"), a.tensor("index"), a.scalar("value")))
        },
        OperatorRow("index_reduce", "input, dim, index, source, reduce, *, include_self=True") { a in
            let (x, s) = (try a.tensor("input"), try a.tensor("source"))
            return try .tensor(x.indexReduce(a.int("dim"), a.tensor("index"), s, a.choice("reduce"), includeSelf: a.bool("include_self")))
        },
        OperatorRow("repeat_interleave", "input, repeats: Tensor, dim=None, *, output_size=None") { a in
            try .tensor(a.tensor("input").repeatInterleave(a.tensor("repeats"), dim: a.optionalInt("dim"), outputSize: a.optionalInt("output_size")))
        },
        OperatorRow("repeat_interleave", "input, repeats, dim=None, *, output_size=None") { a in
            try .tensor(a.tensor("input").repeatInterleave(a.int("repeats"), dim: a.optionalInt("dim")))
        },
        OperatorRow("repeat_interleave", "repeats, *, output_size=None") { a in
            try .tensor(Tensor.repeatInterleave(a.tensor("repeats"), outputSize: a.optionalInt("output_size")))
        },
    ]

    private static let masks: [OperatorRow] = [
        OperatorRow("masked_fill", "input, mask, value: Tensor") { a in try .tensor(a.tensor("input").maskedFill(a.tensor("mask"), a.tensor("value"))) },
        OperatorRow("masked_fill", "input, mask, value") { a in try .tensor(a.tensor("input").maskedFill(a.tensor("mask"), a.scalar("value"))) },
        OperatorRow("masked_select", "input, mask") { a in try .tensor(a.tensor("input").maskedSelect(a.tensor("mask"))) },
        OperatorRow("masked_scatter", "input, mask, source") { a in try .tensor(a.tensor("input").maskedScatter(a.tensor("mask"), a.tensor("source"))) },
        OperatorRow("nonzero", "input, *, as_tuple=False") { a in
            let x = try a.tensor("input")
            return try a.bool("as_tuple") ? .tensors(x.nonzeroTuple()) : .tensor(x.nonzero())
        },
        OperatorRow("nonzero_static", "input, *, size, fill_value=-1") { a in
            try .tensor(a.tensor("input").nonzero(size: a.int("size"), fillValue: a.int("fill_value")))
        },
        .unary("argwhere") { x in x.argwhere() },
        OperatorRow("where", "condition, self, other") { a in try .tensor(`where`(a.tensor("condition"), a.operand("self"), a.operand("other"))) },
        OperatorRow("where", "condition") { a in try .tensors(whereIndices(a.tensor("condition"))) },
    ]

    private static let parts: [OperatorRow] = [
        OperatorRow("narrow", "input, dim, start, length") { a in try .tensor(narrowed(a)) },
        OperatorRow("narrow_copy", "input, dim, start, length") { a in try .tensor(narrowed(a).clone()) },
        OperatorRow("select", "input, dim, index") { a in try .tensor(a.tensor("input").select(a.int("dim"), a.int("index"))) },
        OperatorRow("slice", "input, dim=0, start=None, end=None, step=1") { a in
            try .tensor(a.tensor("input").slice(a.int("dim"), a.optionalInt("start"), a.optionalInt("end"), step: a.int("step")))
        },
        OperatorRow("select_scatter", "input, src, dim, index") { a in
            try .tensor(a.tensor("input").selectScatter(a.tensor("src"), a.int("dim"), a.int("index")))
        },
        OperatorRow("slice_scatter", "input, src, dim=0, start=None, end=None, step=1") { a in
            let (x, s) = (try a.tensor("input"), try a.tensor("src"))
            return try .tensor(x.sliceScatter(s, a.int("dim"), a.optionalInt("start"), a.optionalInt("end"), step: a.int("step")))
        },
        OperatorRow("diagonal_scatter", "input, src, offset=0, dim1=0, dim2=1") { a in
            try .tensor(a.tensor("input").diagonalScatter(a.tensor("src"), offset: a.int("offset"), dim1: a.int("dim1"), dim2: a.int("dim2")))
        },
        OperatorRow("as_strided_scatter", "input, src, size, stride, storage_offset=None") { a in
            let (x, s) = (try a.tensor("input"), try a.tensor("src"))
            return try .tensor(x.asStridedScatter(s, a.ints("size"), a.ints("stride"), storageOffset: a.optionalInt("storage_offset")))
        },
        OperatorRow("fill", "input, value: Tensor") { a in try .tensor(a.tensor("input").filled(a.tensor("value"))) },
        OperatorRow("fill", "input, value") { a in try .tensor(a.tensor("input").filled(a.scalar("value"))) },
        .unary("zero_") { x in x.filled(0) },
    ]

    /// A start that is a tensor must have no dims.
    private static func narrowed(_ a: OperatorArguments) throws -> Tensor {
        if case .tensor(let t) = a.value("start"), t.rank != 0 || !t.dtype.isInteger {
            TensorError.report("narrow", "start must be an 0-dim integral Tensor.")
        }
        return try a.tensor("input").narrow(a.int("dim"), a.int("start"), a.int("length"))
    }
}
