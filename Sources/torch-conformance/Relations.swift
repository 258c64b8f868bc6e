// Results that have several right answers: what must hold for any of them.
import Torch

/// Tests the kinds of comparison other than by value.
struct Relations {
    let `case`: OperatorCase
    let found: [OperatorValue]
    let inputs: [String: Tensor]
    let positional: [OperatorValue]
    let keywords: [String: OperatorValue]

    private var name: String { OperatorTable.rowName(`case`.function) }

    func difference(_ kind: String, _ i: Int, _ n: Numbers, _ expected: Numbers, _ tolerance: Tolerance) throws -> String? {
        switch kind {
        case "multiset": return multiset(n, expected, tolerance)
        case "index": return try index(n, expected)
        case "set": return try uniqueSet(tolerance)
        case "gauge": return try gauge(n.dtype)
        default: return "unknown kind of comparison: \(kind)"
        }
    }

    // MARK: Eigenvalues in any order

    private func multiset(_ x: Numbers, _ e: Numbers, _ tolerance: Tolerance) -> String? {
        let n = x.shape.last ?? 1
        for b in 0..<(n == 0 ? 0 : x.count / n) {
            var free = Array((b * n)..<(b * n + n))
            for j in (b * n)..<(b * n + n) {
                guard let k = free.firstIndex(where: { x.close($0, e, j, tolerance) }) else { return "no value equals \(e.text(j))" }
                free.remove(at: k)
            }
        }
        return nil
    }

    // MARK: Positions that select equal values

    private func argument(_ position: Int, _ keyword: String) -> OperatorValue? {
        if let k = keywords[keyword] { return k }
        if let names = `case`.json["names"]?.array?.compactMap(\.string), names.count == positional.count {
            return names.firstIndex(of: keyword).map { positional[$0] }
        }
        return position < positional.count ? positional[position] : nil
    }

    private func index(_ x: Numbers, _ e: Numbers) throws -> String? {
        guard case .tensor(let input)? = positional.first else { return "index: no input" }
        let a = Numbers(input)
        let rank = a.shape.count
        if rank == 0 { return x.ints == e.ints ? nil : "index of a 0-dim input" }
        var dim = -1
        if case .int(let d)? = argument(["kthvalue", "topk"].contains(name) ? 2 : 1, "dim") { dim = d }
        if dim < 0 { dim += rank }
        // Without the reduced dim the index lacks one; it stands for size 1.
        var shape = x.shape
        if shape.count == rank - 1 { shape.insert(1, at: dim) }
        guard shape.count == rank else { return "index has rank \(x.shape.count), input \(rank)" }
        let strides = Dims(a.shape).contiguousStrides
        let outStrides = Dims(shape).contiguousStrides
        var seen: [Int: Set<Int64>] = [:]
        for i in 0..<x.count {
            var base = 0
            var line = 0
            var rest = i
            for d in 0..<rank {
                let k = shape[d] == 0 ? 0 : rest / outStrides[d]
                rest -= k * outStrides[d]
                if d != dim {
                    base += k * strides[d]
                    line = line * (shape[d] + 1) + k
                }
            }
            guard x.ints[i] >= 0, x.ints[i] < Int64(a.shape[dim]) else { return "index \(x.ints[i]) out of range at \(x.position(i))" }
            let (p, q) = (base + Int(x.ints[i]) * strides[dim], base + Int(e.ints[i]) * strides[dim])
            let same = a.isInteger ? a.ints[p] == a.ints[q] : a.close(p, a, q, Tolerance(relative: 0, absolute: 0))
            if !same { return "position \(x.ints[i]) at \(x.position(i)) selects \(a.text(p)), expected \(a.text(q))" }
            if name == "argsort" || name == "topk", !seen[line, default: []].insert(x.ints[i]).inserted { return "position \(x.ints[i]) appears twice" }
        }
        return nil
    }

    // MARK: unique

    private func uniqueSet(_ tolerance: Tolerance) throws -> String? {
        let expected = try `case`.expectedLeaves().map { try OperatorCase.key($0).map { try `case`.numbers($0) } }
        let actual = found.map { v -> Numbers? in if case .tensor(let t) = v { Numbers(t) } else { nil } }
        guard let e0 = expected[0], let a0 = actual[0], e0.shape == a0.shape else { return "values differ in number" }
        // Slices along `dim`, or single elements without it.
        let dim: Int? = if e0.shape.count > 1, case .int(let d)? = keywords["dim"] { d < 0 ? d + e0.shape.count : d } else { nil }
        let inner = dim.map { e0.shape[($0 + 1)...].reduce(1, *) } ?? 1
        let slices = dim.map { e0.shape[$0] } ?? e0.count
        let members = (0..<e0.count).map { i in (slice: dim == nil ? i : i / inner % slices, rest: dim == nil ? 0 : i / (inner * slices) * inner + i % inner) }
        let bySlice = Dictionary(grouping: e0.count == 0 ? [] : Array(members.indices), by: { members[$0].slice }).mapValues { $0.sorted { members[$0].rest < members[$1].rest } }
        func equal(_ k: Int, _ j: Int) -> Bool { zip(bySlice[k] ?? [], bySlice[j] ?? []).allSatisfy { a0.close($0, e0, $1, tolerance) } }
        // place[i]: where the expected value i stands in ours.
        var place: [Int] = []
        for j in 0..<slices {
            guard let k = (0..<slices).first(where: { equal($0, j) && !place.contains($0) }) else { return "no value equals \(e0.text(j))" }
            place.append(k)
        }
        for i in 1..<Swift.max(expected.count, 1) {
            guard let e = expected[i], let a = actual[i] else { continue }
            if let d = a.formDifference(e.dtype, e.shape) { return "output \(i): \(d)" }
            let isInverse = keywordTrue("return_inverse") && i == 1
            for j in 0..<e.count {
                let right = isInverse ? Int(a.ints[j]) == place[Int(e.ints[j])] : a.ints[place[j]] == e.ints[j]
                if !right { return "output \(i) differs at \(j)" }
            }
        }
        return nil
    }

    private func keywordTrue(_ k: String) -> Bool { if case .bool(true)? = keywords[k] { true } else { false } }

    // MARK: Factorisations

    private func output(_ i: Int) -> Numbers? { if case .tensor(let t) = found[i] { Numbers(t) } else { nil } }

    private func gauge(_ dtype: DType) throws -> String? {
        guard case .tensor(let input)? = positional.first else { return "gauge: no input" }
        let a = ComplexMatrix.batch(Numbers(input))
        let unit = dtype.real == .float64 ? 1e-9 : 2e-4
        func off(_ x: ComplexMatrix, _ y: ComplexMatrix, _ what: String) -> String? {
            let d = x.distance(y)
            let bound = unit * Swift.max(1, y.largest) * Double(Swift.max(1, x.rows, x.columns))
            return d <= bound ? nil : "\(what) is off by \(d) (allowed \(bound))"
        }
        func orthonormal(_ q: ComplexMatrix, _ what: String) -> String? { off(q.adjoint * q, .identity(q.columns), what) }

        switch name {
        case "linalg.eig", "linalg.eigh":
            guard let l = output(0), let v = output(1) else { return "two tensors expected" }
            let upper: Bool
            if case .string(let s)? = argument(1, "UPLO") { upper = s == "U" || s == "u" } else { upper = false }
            let (ls, vs) = (ComplexMatrix.batch(l, vector: true), ComplexMatrix.batch(v))
            for b in 0..<a.count {
                let m = name == "linalg.eigh" ? a[b].mirrored(upper: upper) : a[b]
                if let d = off(m * vs[b], vs[b] * ComplexMatrix.diagonal(ls[b]), "A V - V diag(L)") { return d }
                if name == "linalg.eigh" {
                    if let d = orthonormal(vs[b], "V^H V") { return d }
                } else {
                    let g = vs[b].adjoint * vs[b]
                    for j in 0..<g.rows where Swift.abs(g.re[j * g.columns + j] - 1) > unit * 10 { return "column \(j) of V has not norm 1" }
                }
            }
        case "qr", "linalg.qr":
            guard let r = output(1), let q = output(0) else { return "two tensors expected" }
            let onlyR: Bool
            if case .string(let s)? = argument(1, "mode") { onlyR = s == "r" } else { onlyR = false }
            let rs = ComplexMatrix.batch(r)
            for b in 0..<a.count {
                if let d = off(rs[b], rs[b].upperTriangle, "the lower triangle of R") { return d }
                if onlyR {
                    if let d = off(rs[b].adjoint * rs[b], a[b].adjoint * a[b], "R^H R - A^H A") { return d }
                    continue
                }
                let qm = ComplexMatrix.batch(q)[b]
                if let d = off(qm * rs[b], a[b], "Q R - A") { return d }
                if let d = orthonormal(qm, "Q^H Q") { return d }
            }
        case "svd", "linalg.svd":
            guard let u = output(0), let s = output(1), let w = output(2) else { return "three tensors expected" }
            let (us, ss, ws) = (ComplexMatrix.batch(u), ComplexMatrix.batch(s, vector: true), ComplexMatrix.batch(w))
            for b in 0..<a.count {
                // `svd` returns V, `linalg.svd` its adjoint.
                let vh = name == "svd" ? ws[b].adjoint : ws[b]
                let k = Swift.min(a[b].rows, a[b].columns)
                if name == "svd", case .bool(false)? = argument(2, "compute_uv") { continue }
                let scaled: ComplexMatrix = us[b].leading(columns: k) * ComplexMatrix.diagonal(ss[b])
                let product: ComplexMatrix = scaled * vh.leading(rows: k)
                if let d = off(product, a[b], "U diag(S) Vh - A") { return d }
                if let d = orthonormal(us[b], "U^H U") { return d }
                if let d = orthonormal(vh.adjoint, "Vh Vh^H") { return d }
            }
        case "geqrf":
            guard let packed = output(0), let tau = output(1) else { return "two tensors expected" }
            let (ps, ts) = (ComplexMatrix.batch(packed), ComplexMatrix.batch(tau, vector: true))
            for b in 0..<a.count {
                let (m, n) = (a[b].rows, a[b].columns)
                let k = Swift.min(m, n)
                // Q = H0 H1 …, H = I - tau v v^H with v = (0 … 0, 1, column below the diagonal).
                var q = ComplexMatrix.identity(m)
                for i in 0..<k {
                    var v = ComplexMatrix(m, 1)
                    v.re[i] = 1
                    for r in Swift.min(i + 1, m)..<m { (v.re[r], v.im[r]) = (ps[b].re[r * n + i], ps[b].im[r * n + i]) }
                    var t = ComplexMatrix(1, 1)
                    (t.re[0], t.im[0]) = (ts[b].re[i], ts[b].im[i])
                    let vv = v * t * v.adjoint
                    var h = ComplexMatrix.identity(m)
                    for j in 0..<(m * m) {
                        h.re[j] -= vv.re[j]
                        h.im[j] -= vv.im[j]
                    }
                    q = q * h
                }
                if let d = off(q.leading(columns: k) * ps[b].leading(rows: k).upperTriangle, a[b], "Q R - A") { return d }
            }
        case "linalg.ldl_factor", "linalg.ldl_factor_ex":
            guard case .tensor(let ld) = found[0], case .tensor(let pivots) = found[1] else { return "two tensors expected" }
            let hermitian: Bool
            if case .bool(let h)? = argument(1, "hermitian") { hermitian = h } else { hermitian = false }
            let n = ld.size(-1)
            let eye = Tensor.eye(n, dtype: ld.dtype).to(ld.device).expand(ld.shape).contiguous()
            let x = try withTensorErrors {
                try OperatorTable.call("linalg.ldl_solve", [.tensor(ld), .tensor(pivots), .tensor(eye)], ["hermitian": .bool(hermitian)]).value
            }
            guard case .tensor(let inverse) = x else { return "ldl_solve gave no tensor" }
            for (b, xb) in ComplexMatrix.batch(Numbers(inverse)).enumerated() {
                let m = a[b].mirrored(upper: false, conjugate: hermitian)
                let d = (m * xb).distance(.identity(n))
                let bound = unit * Swift.max(1, m.largest * xb.largest) * Double(n)
                if d > bound { return "A solve(I) - I is off by \(d) (allowed \(bound))" }
            }
        default: return "no test for the relation of \(name): \(`case`.json["relation"]?.string ?? "")"
        }
        return nil
    }
}
