// Rows: matrix products.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let matmul: [OperatorRow] = [
        OperatorRow("matmul", "input, other") { a in try .tensor(a.tensor("input").matmul(a.tensor("other"))) },
        OperatorRow("__matmul__", "input, other") { a in try .tensor(a.tensor("input").matmul(a.tensor("other"))) },
        OperatorRow("__rmatmul__", "input, other") { a in try .tensor(a.tensor("other").matmul(a.tensor("input"))) },
        OperatorRow("mm", "input, mat2") { a in try .tensor(a.tensor("input").mm(a.tensor("mat2"))) },
        OperatorRow("bmm", "input, mat2") { a in try .tensor(a.tensor("input").bmm(a.tensor("mat2"))) },
        OperatorRow("mv", "input, vec") { a in try .tensor(a.tensor("input").mv(a.tensor("vec"))) },
        OperatorRow("dot", "input, tensor") { a in try .tensor(a.tensor("input").dot(a.tensor("tensor"))) },
        OperatorRow("vdot", "input, other") { a in try .tensor(a.tensor("input").vdot(a.tensor("other"))) },
        OperatorRow("inner", "input, other") { a in try .tensor(a.tensor("input").inner(a.tensor("other"))) },
        outer, outer.alias("ger"),
        OperatorRow("addmm", "input, mat1, mat2, *, beta=1, alpha=1") { a in
            try .tensor(a.tensor("input").addmm(a.tensor("mat1"), a.tensor("mat2"), beta: a.scalar("beta"), alpha: a.scalar("alpha")))
        },
        OperatorRow("addbmm", "input, batch1, batch2, *, beta=1, alpha=1") { a in
            try .tensor(a.tensor("input").addbmm(a.tensor("batch1"), a.tensor("batch2"), beta: a.scalar("beta"), alpha: a.scalar("alpha")))
        },
        OperatorRow("baddbmm", "input, batch1, batch2, *, beta=1, alpha=1") { a in
            try .tensor(a.tensor("input").baddbmm(a.tensor("batch1"), a.tensor("batch2"), beta: a.scalar("beta"), alpha: a.scalar("alpha")))
        },
        OperatorRow("addmv", "input, mat, vec, *, beta=1, alpha=1") { a in
            try .tensor(a.tensor("input").addmv(a.tensor("mat"), a.tensor("vec"), beta: a.scalar("beta"), alpha: a.scalar("alpha")))
        },
        OperatorRow("addr", "input, vec1, vec2, *, beta=1, alpha=1") { a in
            try .tensor(a.tensor("input").addr(a.tensor("vec1"), a.tensor("vec2"), beta: a.scalar("beta"), alpha: a.scalar("alpha")))
        },
        OperatorRow("kron", "input, other") { a in try .tensor(a.tensor("input").kron(a.tensor("other"))) },
        OperatorRow("tensordot", "a, b, dims=2") { a in
            let (x, y) = try (a.tensor("a"), a.tensor("b"))
            guard let lists = a.value("dims").items else { return try .tensor(TorchTensor.tensordot(x, y, dims: a.int("dims"))) }
            guard lists.count == 2 else { throw a.notImplemented("dims", "expected a number or two lists") }
            func ints(_ v: OperatorValue) throws -> [Int] {
                try v.leaves.map {
                    guard case .int(let i) = $0 else { throw a.notImplemented("dims", "expected integers, found \($0.summary)") }
                    return i
                }
            }
            return try .tensor(TorchTensor.tensordot(x, y, ints(lists[0]), ints(lists[1])))
        },
        OperatorRow("einsum", "equation: str, *operands") { a in try .tensor(TorchTensor.einsum(a.string("equation"), a.tensors("operands"))) },
    ]

    private static let outer = OperatorRow("outer", "input, vec2") { a in try .tensor(a.tensor("input").outer(a.tensor("vec2"))) }
}
