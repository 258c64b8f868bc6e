// Rows: views and rearrangements.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let shape: [OperatorRow] = reshaping + reordering + joining + splitting + repeating + diagonals + layouts

    /// The same call as a view and as a copy: `name` and `name_copy`.
    private static func viewAndCopy(_ name: String, _ signature: String, _ call: @escaping @Sendable (Tensor, OperatorArguments) throws -> Tensor) -> [OperatorRow] {
        [
            OperatorRow(name, signature) { a in try .tensor(call(a.tensor("input"), a)) },
            OperatorRow(name + "_copy", signature) { a in try .tensor(call(a.tensor("input"), a).clone()) },
        ]
    }

    private static let reshaping: [OperatorRow] = [
        [
            OperatorRow("reshape", "input, *shape") { a in try .tensor(a.tensor("input").reshape(a.ints("shape"))) },
            OperatorRow("reshape_as", "input, other") { a in try .tensor(a.tensor("input").reshape(as: a.tensor("other"))) },
            OperatorRow("view_as", "input, other") { a in try .tensor(a.tensor("input").view(as: a.tensor("other"))) },
            OperatorRow("flatten", "input, start_dim=0, end_dim=-1") { a in
                try .tensor(a.tensor("input").flatten(startDim: a.int("start_dim"), endDim: a.int("end_dim")))
            },
            OperatorRow("unflatten", "input, dim, sizes") { a in try .tensor(a.tensor("input").unflatten(a.int("dim"), a.ints("sizes"))) },
            .unary("ravel") { x in x.ravel() },
            OperatorRow("broadcast_to", "input, *size") { a in try .tensor(a.tensor("input").broadcast(to: a.ints("size"))) },
            OperatorRow("expand_as", "input, other") { a in try .tensor(a.tensor("input").expand(as: a.tensor("other"))) },
            OperatorRow("resize_", "input, *size") { a in try .tensor(a.tensor("input").resized(a.ints("size"))) },
            OperatorRow("resize_as_", "input, the_template") { a in try .tensor(a.tensor("input").resized(a.tensor("the_template").shape)) },
            OperatorRow("atleast_1d", "*tensors") { a in try each(a, "tensors") { $0.atLeast1D() } },
            OperatorRow("atleast_2d", "*tensors") { a in try each(a, "tensors") { $0.atLeast2D() } },
            OperatorRow("atleast_3d", "*tensors") { a in try each(a, "tensors") { $0.atLeast3D() } },
        ],
        [
            OperatorRow("view", "input, *size") { a in try .tensor(a.tensor("input").view(a.ints("size"))) },
            // The copy asks nothing of the layout.
            OperatorRow("view_copy", "input, *size") { a in try .tensor(a.tensor("input").reshape(a.ints("size")).clone()) },
        ],
        viewAndCopy("squeeze", "input, dim=None") { x, a in try x.squeeze(a.optionalInts("dim")) },
        viewAndCopy("unsqueeze", "input, dim") { x, a in try x.unsqueeze(a.int("dim")) },
        viewAndCopy("expand", "input, *size") { x, a in try x.expand(a.ints("size")) },
    ].flatMap { $0 }

    /// One tensor for one, a list for several.
    private static func each(_ a: OperatorArguments, _ parameter: String, _ call: (Tensor) -> Tensor) throws -> OperatorValue {
        let results = try a.tensors(parameter).map(call)
        if case .list(let items) = a.value(parameter), items.count == 1, case .tensor = items[0] { return .tensor(results[0]) }
        return .tensors(results)
    }

    private static let reordering: [OperatorRow] = [
        viewAndCopy("permute", "input, *dims") { x, a in try x.permute(a.ints("dims")) },
        viewAndCopy("transpose", "input, dim0, dim1") { x, a in try x.transpose(a.int("dim0"), a.int("dim1")) },
        viewAndCopy("t", "input") { x, _ in x.t() },
        [
            OperatorRow("swapaxes", "input, axis0, axis1") { a in try .tensor(a.tensor("input").swapAxes(a.int("axis0"), a.int("axis1"))) },
            OperatorRow("swapdims", "input, dim0, dim1") { a in try .tensor(a.tensor("input").swapDims(a.int("dim0"), a.int("dim1"))) },
            .unary("T") { x in x.T },
            .unary("mT") { x in x.mT },
            .unary("mH") { x in x.mH },
            .unary("adjoint") { x in x.adjoint() },
            .unary("H") { x in x.H },
            OperatorRow("movedim", "input, source, destination") { a in try .tensor(a.tensor("input").moveDim(a.ints("source"), a.ints("destination"))) },
            OperatorRow("moveaxis", "input, source, destination") { a in try .tensor(a.tensor("input").moveDim(a.ints("source"), a.ints("destination"))) },
            OperatorRow("flip", "input, *dims") { a in try .tensor(a.tensor("input").flip(a.ints("dims"))) },
            .unary("fliplr") { x in x.fliplr() },
            .unary("flipud") { x in x.flipud() },
            OperatorRow("roll", "input, shifts, dims=None") { a in try .tensor(a.tensor("input").roll(a.ints("shifts"), dims: a.optionalInts("dims"))) },
            OperatorRow("rot90", "input, k=1, dims=[0, 1]") { a in try .tensor(a.tensor("input").rot90(a.int("k"), dims: a.ints("dims"))) },
        ],
    ].flatMap { $0 }

    private static let joining: [OperatorRow] = [
        OperatorRow("cat", "tensors, dim=0") { a in try .tensor(cat(a.tensors("tensors"), dim: a.int("dim"))) },
        OperatorRow("concat", "tensors, dim=0") { a in try .tensor(cat(a.tensors("tensors"), dim: a.int("dim"))) },
        OperatorRow("concatenate", "tensors, dim=0") { a in try .tensor(cat(a.tensors("tensors"), dim: a.int("dim"))) },
        OperatorRow("stack", "tensors, dim=0") { a in try .tensor(stack(a.tensors("tensors"), dim: a.int("dim"))) },
        OperatorRow("hstack", "tensors") { a in try .tensor(hstack(a.tensors("tensors"))) },
        OperatorRow("vstack", "tensors") { a in try .tensor(vstack(a.tensors("tensors"))) },
        OperatorRow("row_stack", "tensors") { a in try .tensor(vstack(a.tensors("tensors"))) },
        OperatorRow("dstack", "tensors") { a in try .tensor(dstack(a.tensors("tensors"))) },
        OperatorRow("column_stack", "tensors") { a in try .tensor(columnStack(a.tensors("tensors"))) },
        OperatorRow("cartesian_prod", "*tensors") { a in try .tensor(cartesianProd(a.tensors("tensors"))) },
        OperatorRow("combinations", "input, r=2, with_replacement=False") { a in
            try .tensor(a.tensor("input").combinations(a.int("r"), withReplacement: a.bool("with_replacement")))
        },
        OperatorRow("meshgrid", "*tensors, indexing='ij'") { a in try .tensors(meshgrid(a.tensors("tensors"), indexing: a.choice("indexing"))) },
        OperatorRow("broadcast_tensors", "*tensors") { a in try .tensors(broadcastTensors(a.tensors("tensors"))) },
        OperatorRow("broadcast_shapes", "*shapes") { a in
            let shapes = try (a.value("shapes").items ?? []).map { shape -> [Int] in
                if case .int(let n) = shape { return [n] }
                return try (shape.items ?? []).map {
                    guard case .int(let n) = $0 else { throw a.notImplemented("shapes", "expected integers, found \($0.summary)") }
                    return n
                }
            }
            return .tuple(broadcastShapes(shapes).map(OperatorValue.int))
        },
    ]

    /// `sections` or positions, as a number, a list or a tensor.
    private static func pieces(_ a: OperatorArguments, _ parameter: String, sections: (Int) -> [Tensor], indices: ([Int]) -> [Tensor]) throws -> OperatorValue {
        switch a.value(parameter) {
        case .int(let n): return .tensors(sections(n))
        case .tensor(let t) where t.rank == 0: return try .tensors(sections(a.int(parameter)))
        default: return try .tensors(indices(a.ints(parameter)))
        }
    }

    private static let splitting: [OperatorRow] = [
        OperatorRow("split", "tensor, split_size_or_sections, dim=0") { a in
            let (x, d) = (try a.tensor("tensor"), try a.int("dim"))
            return try pieces(a, "split_size_or_sections", sections: { x.split($0, dim: d) }, indices: { x.split($0, dim: d) })
        },
        OperatorRow("unsafe_split", "input, split_size, dim=0") { a in try .tensors(a.tensor("input").split(a.int("split_size"), dim: a.int("dim"))) },
        OperatorRow("split_with_sizes", "input, split_sizes, dim=0") { a in try .tensors(a.tensor("input").split(a.ints("split_sizes"), dim: a.int("dim"))) },
        OperatorRow("split_with_sizes_copy", "input, split_sizes, dim=0") { a in
            try .tensors(a.tensor("input").split(a.ints("split_sizes"), dim: a.int("dim")).map { $0.clone() })
        },
        OperatorRow("chunk", "input, chunks, dim=0") { a in try .tensors(a.tensor("input").chunk(a.int("chunks"), dim: a.int("dim"))) },
        OperatorRow("unsafe_chunk", "input, chunks, dim=0") { a in try .tensors(a.tensor("input").chunk(a.int("chunks"), dim: a.int("dim"))) },
        tensorSplit("indices"), tensorSplit("sections"), tensorSplit("tensor_indices_or_sections"), tensorSplit("indices_or_sections"),
        directedSplit("hsplit", "indices", { $0.hsplit($1) }, { $0.hsplit($1) }), directedSplit("hsplit", "sections", { $0.hsplit($1) }, { $0.hsplit($1) }),
        directedSplit("vsplit", "indices", { $0.vsplit($1) }, { $0.vsplit($1) }), directedSplit("vsplit", "sections", { $0.vsplit($1) }, { $0.vsplit($1) }),
        directedSplit("dsplit", "indices", { $0.dsplit($1) }, { $0.dsplit($1) }), directedSplit("dsplit", "sections", { $0.dsplit($1) }, { $0.dsplit($1) }),
        OperatorRow("unbind", "input, dim=0") { a in try .tensors(a.tensor("input").unbind(dim: a.int("dim"))) },
        OperatorRow("unbind_copy", "input, dim=0") { a in try .tensors(a.tensor("input").unbind(dim: a.int("dim")).map { $0.clone() }) },
    ]

    private static func tensorSplit(_ parameter: String) -> OperatorRow {
        OperatorRow("tensor_split", "input, \(parameter), dim=0") { a in
            let (x, d) = (try a.tensor("input"), try a.int("dim"))
            return try pieces(a, parameter, sections: { x.tensorSplit($0, dim: d) }, indices: { x.tensorSplit($0, dim: d) })
        }
    }

    private static func directedSplit(
        _ name: String, _ parameter: String, _ sections: @escaping @Sendable (Tensor, Int) -> [Tensor], _ indices: @escaping @Sendable (Tensor, [Int]) -> [Tensor]
    ) -> OperatorRow {
        OperatorRow(name, "input, \(parameter)") { a in
            let x = try a.tensor("input")
            return try pieces(a, parameter, sections: { sections(x, $0) }, indices: { indices(x, $0) })
        }
    }

    private static let repeating: [OperatorRow] = [
        OperatorRow("repeat", "input, *repeats") { a in try .tensor(a.tensor("input").repeat(a.ints("repeats"))) },
        OperatorRow("tile", "input, *dims") { a in try .tensor(a.tensor("input").tile(a.ints("dims"))) },
    ]

    private static let diagonals: [OperatorRow] = [
        viewAndCopy("diagonal", "input, offset=0, dim1=0, dim2=1") { x, a in
            try x.diagonal(offset: a.int("offset"), dim1: a.int("dim1"), dim2: a.int("dim2"))
        },
        [
            OperatorRow("diag", "input, diagonal=0") { a in try .tensor(a.tensor("input").diag(a.int("diagonal"))) },
            OperatorRow("diag_embed", "input, offset=0, dim1=-2, dim2=-1") { a in
                try .tensor(a.tensor("input").diagEmbed(offset: a.int("offset"), dim1: a.int("dim1"), dim2: a.int("dim2")))
            },
            OperatorRow("diagflat", "input, offset=0") { a in try .tensor(a.tensor("input").diagflat(a.int("offset"))) },
            OperatorRow("tril", "input, diagonal=0") { a in try .tensor(a.tensor("input").tril(diagonal: a.int("diagonal"))) },
            OperatorRow("triu", "input, diagonal=0") { a in try .tensor(a.tensor("input").triu(diagonal: a.int("diagonal"))) },
        ],
    ].flatMap { $0 }

    private static let layouts: [OperatorRow] = [
        viewAndCopy("unfold", "input, dimension, size, step") { x, a in try x.unfold(a.int("dimension"), size: a.int("size"), step: a.int("step")) },
        viewAndCopy("as_strided", "input, size, stride, storage_offset=None") { x, a in
            try x.asStrided(a.ints("size"), a.ints("stride"), storageOffset: a.optionalInt("storage_offset"))
        },
        [
            .unary("clone") { x in x.clone() },
            .unary("alias_copy") { x in x.clone() },
            .unary("contiguous") { x in x.contiguous() },
            .unary("resolve_conj") { x in x },
            .unary("resolve_neg") { x in x },
            .unary("view_as_real") { x in x.viewAsReal() },
            .unary("view_as_complex") { x in x.viewAsComplex() },
        ],
    ].flatMap { $0 }
}
