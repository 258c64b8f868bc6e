// Rows: linear algebra.
import TorchRuntime
import TorchTensor

extension OperatorArguments {
    /// `ord` or `p` of a norm: None, a name or a number.
    fileprivate func normOrder(_ parameter: String) throws -> Linalg.NormOrder? {
        switch value(parameter) {
        case .none: return nil
        case .string(let s):
            switch s {
            case "fro": return .frobenius
            case "nuc": return .nuclear
            case "inf": return .number(.infinity)
            case "-inf": return .number(-.infinity)
            default: throw OperatorCallError(kind: .argument, operation: operation, parameter: parameter, message: "Invalid norm order: \(s)")
            }
        default: return .number(try double(parameter))
        }
    }

    /// A bound that is None, a number or a tensor.
    fileprivate func bound(_ parameter: String) throws -> Tensor? {
        if !has(parameter) { return nil }
        if isTensor(parameter) { return try tensor(parameter) }
        return Tensor(try double(parameter), dtype: .float64, device: .cpu)
    }

    fileprivate func triangle(_ parameter: String) throws -> Linalg.Triangle { try string(parameter).uppercased() == "U" ? .upper : .lower }
}

extension OperatorTable {
    static let linalg: [OperatorRow] = factorisations + solvers + spectra + norms + matrixFunctions

    private static let factorisations: [OperatorRow] = [
        OperatorRow("linalg.cholesky", "input, *, upper=False") { a in try .tensor(Linalg.cholesky(a.tensor("input"), upper: a.bool("upper"))) },
        OperatorRow("cholesky", "input, upper=False") { a in try .tensor(a.tensor("input").cholesky(upper: a.bool("upper"))) },
        OperatorRow("linalg.cholesky_ex", "input, *, upper=False, check_errors=False") { a in
            let r = Linalg.choleskyEx(try a.tensor("input"), upper: try a.bool("upper"), checkErrors: try a.bool("check_errors"))
            return [.tensor(r.factor), .tensor(r.info)]
        },
        OperatorRow("cholesky_solve", "input, input2, upper=False") { a in
            try .tensor(a.tensor("input").choleskySolve(a.tensor("input2"), upper: a.bool("upper")))
        },
        OperatorRow("cholesky_inverse", "input, upper=False") { a in try .tensor(a.tensor("input").choleskyInverse(upper: a.bool("upper"))) },
        OperatorRow("linalg.lu_factor", "A, *, pivot=True") { a in
            guard try a.bool("pivot") else { throw a.notImplemented("pivot", "LU without pivoting") }
            let r = Linalg.luFactor(try a.tensor("A"))
            return [.tensor(r.lu), .tensor(r.pivots)]
        },
        OperatorRow("linalg.lu_factor_ex", "A, *, pivot=True, check_errors=False") { a in
            guard try a.bool("pivot") else { throw a.notImplemented("pivot", "LU without pivoting") }
            let r = Linalg.luFactorEx(try a.tensor("A"), checkErrors: try a.bool("check_errors"))
            return [.tensor(r.lu), .tensor(r.pivots), .tensor(r.info)]
        },
        OperatorRow("linalg.lu", "A, *, pivot=True") { a in
            guard try a.bool("pivot") else { throw a.notImplemented("pivot", "LU without pivoting") }
            let r = Linalg.lu(try a.tensor("A"))
            return [.tensor(r.p), .tensor(r.l), .tensor(r.u)]
        },
        OperatorRow("lu", "input, pivot=True, get_infos=False") { a in
            guard try a.bool("pivot") else { throw a.notImplemented("pivot", "LU without pivoting") }
            let r = Linalg.luFactorEx(try a.tensor("input"))
            return try a.bool("get_infos") ? [.tensor(r.lu), .tensor(r.pivots), .tensor(r.info)] : [.tensor(r.lu), .tensor(r.pivots)]
        },
        OperatorRow("lu_unpack", "LU_data, LU_pivots, unpack_data=True, unpack_pivots=True") { a in
            let r = try a.tensor("LU_data").luUnpack(a.tensor("LU_pivots"))
            let none = OperatorValue.tensor(Tensor.zeros([0]))
            let (data, pivots) = (try a.bool("unpack_data"), try a.bool("unpack_pivots"))
            return [pivots ? .tensor(r.p) : none, data ? .tensor(r.l) : none, data ? .tensor(r.u) : none]
        },
        OperatorRow("linalg.lu_solve", "LU, pivots, B, *, left=True, adjoint=False") { a in
            try .tensor(Linalg.luSolve(a.tensor("LU"), a.tensor("pivots"), a.tensor("B"), left: a.bool("left"), adjoint: a.bool("adjoint")))
        },
        OperatorRow("lu_solve", "input, LU_data, LU_pivots") { a in try .tensor(a.tensor("input").luSolve(a.tensor("LU_data"), a.tensor("LU_pivots"))) },
        OperatorRow("linalg.ldl_factor", "input, *, hermitian=False") { a in
            let r = Linalg.ldlFactor(try a.tensor("input"), hermitian: try a.bool("hermitian"))
            return [.tensor(r.ld), .tensor(r.pivots)]
        },
        OperatorRow("linalg.ldl_factor_ex", "input, *, hermitian=False, check_errors=False") { a in
            let r = Linalg.ldlFactorEx(try a.tensor("input"), hermitian: try a.bool("hermitian"), checkErrors: try a.bool("check_errors"))
            return [.tensor(r.ld), .tensor(r.pivots), .tensor(r.info)]
        },
        OperatorRow("linalg.ldl_solve", "LD, pivots, B, *, hermitian=False") { a in
            try .tensor(Linalg.ldlSolve(a.tensor("LD"), a.tensor("pivots"), a.tensor("B"), hermitian: a.bool("hermitian")))
        },
        OperatorRow("linalg.qr", "A, mode='reduced'") { a in
            let r = Linalg.qr(try a.tensor("A"), mode: try a.choice("mode"))
            return [.tensor(r.q), .tensor(r.r)]
        },
        OperatorRow("qr", "input, some=True") { a in
            let r = Linalg.qr(try a.tensor("input"), mode: try a.bool("some") ? .reduced : .complete)
            return [.tensor(r.q), .tensor(r.r)]
        },
        OperatorRow("geqrf", "input") { a in
            let r = try a.tensor("input").geqrf()
            return [.tensor(r.a), .tensor(r.tau)]
        },
        OperatorRow("linalg.householder_product", "input, tau") { a in try .tensor(Linalg.householderProduct(a.tensor("input"), a.tensor("tau"))) },
        OperatorRow("linalg.householder_product", "input, tau") { a in try .tensor(Linalg.householderProduct(a.tensor("input"), a.tensor("tau"))) }.alias("orgqr"),
        OperatorRow("ormqr", "input, input2, input3, left=True, transpose=False") { a in
            try .tensor(a.tensor("input").ormqr(a.tensor("input2"), a.tensor("input3"), left: a.bool("left"), transpose: a.bool("transpose")))
        },
    ]

    private static let solvers: [OperatorRow] = [
        OperatorRow("linalg.solve_triangular", "A, B, *, upper, left=True, unitriangular=False") { a in
            try .tensor(Linalg.solveTriangular(a.tensor("A"), a.tensor("B"), upper: a.bool("upper"), left: a.bool("left"), unitriangular: a.bool("unitriangular")))
        },
        OperatorRow("linalg.solve", "A, B, *, left=True") { a in try .tensor(Linalg.solve(a.tensor("A"), a.tensor("B"), left: a.bool("left"))) },
        OperatorRow("linalg.solve_ex", "A, B, *, left=True, check_errors=False") { a in
            let r = Linalg.solveEx(try a.tensor("A"), try a.tensor("B"), left: try a.bool("left"), checkErrors: try a.bool("check_errors"))
            return [.tensor(r.result), .tensor(r.info)]
        },
        .unary("linalg.inv") { x in Linalg.inv(x) },
        .unary("inverse") { x in Linalg.inv(x) },
        OperatorRow("linalg.inv_ex", "A, *, check_errors=False") { a in
            let r = Linalg.invEx(try a.tensor("A"), checkErrors: try a.bool("check_errors"))
            return [.tensor(r.inverse), .tensor(r.info)]
        },
        OperatorRow("linalg.det", "A") { a in try .tensor(Linalg.det(a.tensor("A"))) },
        .unary("det") { x in Linalg.det(x) },
        OperatorRow("linalg.slogdet", "A") { a in
            let r = Linalg.slogdet(try a.tensor("A"))
            return [.tensor(r.sign), .tensor(r.logAbsDet)]
        },
        OperatorRow("linalg.slogdet", "A") { a in
            let r = Linalg.slogdet(try a.tensor("A"))
            return [.tensor(r.sign), .tensor(r.logAbsDet)]
        }.alias("slogdet"),
        .unary("logdet") { x in x.logdet() },
        OperatorRow("linalg.tensorinv", "input, ind=2") { a in try .tensor(Linalg.tensorinv(a.tensor("input"), ind: a.int("ind"))) },
        OperatorRow("linalg.tensorsolve", "input, other, dims=None") { a in
            try .tensor(Linalg.tensorsolve(a.tensor("input"), a.tensor("other"), dims: a.optionalInts("dims")))
        },
        OperatorRow("linalg.lstsq", "input, b, rcond=None, *, driver=None") { a in
            let driver: Linalg.LeastSquaresDriver = try a.has("driver") ? a.choice("driver") : .gelsy
            let r = Linalg.lstsq(try a.tensor("input"), try a.tensor("b"), rcond: try a.optionalDouble("rcond"), driver: driver)
            return [.tensor(r.solution), .tensor(r.residuals), .tensor(r.rank), .tensor(r.singularValues)]
        },
        OperatorRow("linalg.pinv", "input, *, atol=None, rtol=None, hermitian=False") { a in
            try .tensor(Linalg.pinv(a.tensor("input"), atol: a.bound("atol"), rtol: a.bound("rtol"), hermitian: a.bool("hermitian")))
        },
        OperatorRow("linalg.pinv", "input, rcond, hermitian=False") { a in
            try .tensor(Linalg.pinv(a.tensor("input"), atol: Tensor(0, dtype: .float64, device: .cpu), rtol: a.bound("rcond"), hermitian: a.bool("hermitian")))
        },
        OperatorRow("pinverse", "input, rcond=1e-15") { a in try .tensor(a.tensor("input").pinverse(rcond: a.double("rcond"))) },
        OperatorRow("linalg.matrix_rank", "input, *, atol=None, rtol=None, hermitian=False") { a in
            try .tensor(Linalg.matrixRank(a.tensor("input"), atol: a.bound("atol"), rtol: a.bound("rtol"), hermitian: a.bool("hermitian")))
        },
        OperatorRow("linalg.matrix_rank", "input, tol, hermitian=False") { a in
            try .tensor(Linalg.matrixRank(a.tensor("input"), atol: a.bound("tol"), rtol: Tensor(0, dtype: .float64, device: .cpu), hermitian: a.bool("hermitian")))
        },
    ]

    private static let spectra: [OperatorRow] = [
        OperatorRow("linalg.svd", "A, full_matrices=True, *, driver=None") { a in
            let r = Linalg.svd(try a.tensor("A"), fullMatrices: try a.bool("full_matrices"))
            return [.tensor(r.u), .tensor(r.s), .tensor(r.vh)]
        },
        OperatorRow("svd", "input, some=True, compute_uv=True") { a in
            let x = try a.tensor("input")
            let r = Linalg.svd(x, fullMatrices: !(try a.bool("some")))
            if try a.bool("compute_uv") { return [.tensor(r.u), .tensor(r.s), .tensor(r.vh.mH)] }
            let batch = Array(x.shape.dropLast(2))
            let (m, n) = (x.size(-2), x.size(-1))
            return [.tensor(x.newZeros(batch + [m, m])), .tensor(r.s), .tensor(x.newZeros(batch + [n, n]))]
        },
        OperatorRow("linalg.svdvals", "A, *, driver=None") { a in try .tensor(Linalg.svdvals(a.tensor("A"))) },
        OperatorRow("linalg.eigh", "input, UPLO='L'") { a in
            let r = Linalg.eigh(try a.tensor("input"), triangle: try a.triangle("UPLO"))
            return [.tensor(r.eigenvalues), .tensor(r.eigenvectors)]
        },
        OperatorRow("linalg.eigvalsh", "input, UPLO='L'") { a in try .tensor(Linalg.eigvalsh(a.tensor("input"), triangle: a.triangle("UPLO"))) },
        OperatorRow("linalg.eig") { a in
            let r = Linalg.eig(try a.tensor("input"))
            return [.tensor(r.eigenvalues), .tensor(r.eigenvectors)]
        },
        .unary("linalg.eigvals") { x in Linalg.eigvals(x) },
        OperatorRow("svd_lowrank", "A, q=6, niter=2, M=None") { a in
            let r = svdLowrank(try a.tensor("A"), q: try a.int("q"), iterations: try a.int("niter"), mean: try a.optionalTensor("M"))
            return [.tensor(r.u), .tensor(r.s), .tensor(r.v)]
        },
        OperatorRow("pca_lowrank", "A, q=None, center=True, niter=2") { a in
            let r = pcaLowrank(try a.tensor("A"), q: try a.optionalInt("q"), center: try a.bool("center"), iterations: try a.int("niter"))
            return [.tensor(r.u), .tensor(r.s), .tensor(r.v)]
        },
    ]

    private static let norms: [OperatorRow] = [
        OperatorRow("linalg.vector_norm", "input, ord=2, dim=None, keepdim=False, *, dtype=None") { a in
            try .tensor(
                Linalg.vectorNorm(a.tensor("input"), order: a.double("ord"), dims: a.optionalInts("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype()))
        },
        OperatorRow("linalg.matrix_norm", "input, ord='fro', dim=[-2, -1], keepdim=False, *, dtype=None") { a in
            let d = try a.ints("dim")
            guard d.count == 2 else { throw OperatorCallError(kind: .argument, operation: "linalg.matrix_norm", parameter: "dim", message: "dim must be a 2-tuple") }
            return try .tensor(
                Linalg.matrixNorm(a.tensor("input"), order: a.normOrder("ord") ?? .frobenius, dims: (d[0], d[1]), keepDim: a.bool("keepdim"), dtype: a.dtype()))
        },
        OperatorRow("linalg.norm", "input, ord=None, dim=None, keepdim=False, *, dtype=None") { a in
            try .tensor(
                Linalg.norm(a.tensor("input"), order: a.normOrder("ord"), dims: a.optionalInts("dim"), keepDim: a.bool("keepdim"), dtype: a.dtype()))
        },
        OperatorRow("norm", "input, p='fro', dim=None, keepdim=False, *, dtype=None") { a in
            let (x, dims, keep, type) = (try a.tensor("input"), try a.optionalInts("dim"), try a.bool("keepdim"), try a.dtype())
            switch try a.normOrder("p") ?? .frobenius {
            case .frobenius: return .tensor(x.norm(2, dims, keepDim: keep, dtype: type))
            case .number(let p): return .tensor(x.norm(p, dims, keepDim: keep, dtype: type))
            case .nuclear:
                let d = dims ?? [-2, -1]
                guard d.count == 2 else { throw OperatorCallError(kind: .argument, operation: "norm", parameter: "dim", message: "the nuclear norm is over two dims") }
                return .tensor(Linalg.matrixNorm(x, order: .nuclear, dims: (d[0], d[1]), keepDim: keep, dtype: type))
            }
        },
        OperatorRow("linalg.cond", "input, p=None") { a in try .tensor(Linalg.cond(a.tensor("input"), order: a.normOrder("p") ?? 2)) },
        OperatorRow("dist", "input, other, p=2") { a in try .tensor(a.tensor("input").dist(a.tensor("other"), p: a.double("p"))) },
        OperatorRow("cdist", "x1, x2, p=2.0, compute_mode=None") { a in try .tensor(cdist(a.tensor("x1"), a.tensor("x2"), p: a.double("p"))) },
        OperatorRow("renorm", "input, p, dim, maxnorm") { a in
            try .tensor(a.tensor("input").renorm(p: a.double("p"), dim: a.int("dim"), maxNorm: a.double("maxnorm")))
        },
    ]

    private static let matrixFunctions: [OperatorRow] = [
        OperatorRow("linalg.matrix_power", "input, n") { a in try .tensor(Linalg.matrixPower(a.tensor("input"), a.int("n"))) },
        OperatorRow("matrix_power", "input, n") { a in try .tensor(Linalg.matrixPower(a.tensor("input"), a.int("n"))) },
        .unary("linalg.matrix_exp") { x in Linalg.matrixExp(x) },
        .unary("matrix_exp") { x in Linalg.matrixExp(x) },
        OperatorRow("linalg.multi_dot", "tensors") { a in try .tensor(Linalg.multiDot(a.tensors("tensors"))) },
        OperatorRow("chain_matmul", "*tensors") { a in try .tensor(Linalg.multiDot(a.tensors("tensors"))) },
        OperatorRow("linalg.cross", "input, other, *, dim=-1") { a in try .tensor(Linalg.cross(a.tensor("input"), a.tensor("other"), dim: a.int("dim"))) },
        OperatorRow("cross", "input, other, dim=None") { a in try .tensor(a.tensor("input").cross(a.tensor("other"), dim: a.optionalInt("dim"))) },
        OperatorRow("linalg.vecdot", "x, y, *, dim=-1") { a in try .tensor(Linalg.vecdot(a.tensor("x"), a.tensor("y"), dim: a.int("dim"))) },
        OperatorRow("linalg.vander", "x, *, N=None") { a in try .tensor(Linalg.vander(a.tensor("x"), a.optionalInt("N"))) },
        OperatorRow("linalg.diagonal", "A, *, offset=0, dim1=-2, dim2=-1") { a in
            try .tensor(Linalg.diagonal(a.tensor("A"), offset: a.int("offset"), dim1: a.int("dim1"), dim2: a.int("dim2")))
        },
        .unary("trace") { x in x.trace() },
    ]
}
