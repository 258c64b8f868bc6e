// Products of matrices, vectors and batches of them.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Machinery

    /// This matrix, or batch of matrices, as the rank-3 operand that the backend wants.
    @inline(__always)
    private func batchOperand(_ transposed: Bool = false) -> Operand {
        let (s, t) = (impl.operand.sizes, impl.operand.strides)
        let n = s.count
        var (sizes, strides) = (Dims(rank: 3), Dims(rank: 3))
        sizes[0] = n == 3 ? s[0] : 1
        strides[0] = n == 3 ? t[0] : 0
        sizes[1] = s[n - 2]
        strides[1] = t[n - 2]
        sizes[2] = s[n - 1]
        strides[2] = t[n - 1]
        return impl.operand.view(sizes: sizes, strides: strides)
    }

    /// out = alpha * a · b + beta * out, unrecorded; all of rank 2 or all of rank 3, types equal, shapes checked.
    @inline(__always)
    static func multiply(into out: Tensor, _ a: Tensor, _ b: Tensor, alpha: Double = 1, beta: Double = 0, _ name: StaticString) -> Bool {
        if out.count == 0 { return true }
        if a.count == 0 {
            // No terms: what is there, scaled.
            if beta == 0 {
                out.fillUnshared(0)
                return true
            }
            if beta == 1 { return true }
        }
        if out.backend.matmul(out.batchOperand(), a.batchOperand(), b.batchOperand(), alpha: alpha, beta: beta) { return true }
        TensorError.report("\(name)", "\"\(name)\" not implemented for \(out.dtype)", hint: "convert with .to(.float32) first")
        return false
    }

    /// out = a · b + bias, unrecorded; all of rank 2 with terms to add, bias broadcasts to out.
    @inline(__always)
    static func affine(into out: Tensor, _ a: Tensor, _ b: Tensor, bias: Tensor, _ name: StaticString) -> Bool {
        if out.count == 0 { return true }
        let target = out.batchOperand()
        if out.backend.affine(target, a.batchOperand(), b.batchOperand(), bias: bias.operand.expanded(to: target.sizes)) { return true }
        TensorError.report("\(name)", "\"\(name)\" not implemented for \(out.dtype)", hint: "convert with .to(.float32) first")
        return false
    }

    /// a · b, unrecorded; see `multiply(into:)`.
    @inline(__always)
    static func multiply(_ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
        let (n, s) = (a.rank, a.dims)
        var sizes = s
        sizes[n - 1] = b.dims[n - 1]
        let out = make(sizes, a.dtype, device: a.device)
        return multiply(into: out, a, b, name) ? out : .placeholder
    }

    /// Types and devices of a product must agree.
    @inline(__always)
    static func agree(_ a: Tensor, _ b: Tensor, _ name: StaticString) -> Bool {
        if a.dtype == b.dtype && a.device == b.device { return true }
        if a.dtype != b.dtype {
            TensorError.report("\(name)", "expected m1 and m2 to have the same dtype, but got: \(a.dtype) != \(b.dtype)", hint: "convert one with .to(...)")
        } else {
            TensorError.report("\(name)", "Expected all tensors to be on the same device, but found at least two devices, \(a.device) and \(b.device)")
        }
        return false
    }

    /// Product of two matrices or of two batches of them, recorded. Shapes are checked.
    @inline(__always)
    private static func product(_ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
        let out = multiply(a, b, name)
        if (a.impl.node != nil || b.impl.node != nil) && st_grad_enabled() {
            out.impl.node = BinaryNode(
                name, out, a, b, saving: true, { g, _, b in product(g, b.mH, "matmul") }, { g, a, _ in product(a.mH, g, "matmul") })
        }
        return out
    }

    // MARK: Products

    /// Product of two matrices. PyTorch: `torch.mm`.
    public func mm(_ other: Tensor) -> Tensor {
        if let cast = Autocast.lower(self, other) { return cast.run { cast(self).mm(cast(other)) } }
        guard rank == 2, other.rank == 2 else {
            TensorError.report("mm", rank == 2 ? "mat2 must be a matrix, got \(other.rank)-D tensor" : "self must be a matrix, got \(rank)-D tensor", hint: "use matmul")
            return .placeholder
        }
        return matrixProduct(other, "mm")
    }

    @inline(__always)
    private func matrixProduct(_ other: Tensor, _ name: StaticString) -> Tensor {
        guard Tensor.agree(self, other, name) else { return .placeholder }
        guard dims[1] == other.dims[0] else {
            TensorError.report(
                "\(name)", "mat1 and mat2 shapes cannot be multiplied (\(dims[0])x\(dims[1]) and \(other.dims[0])x\(other.dims[1]))",
                hint: "dimension 1 of the first must equal dimension 0 of the second; transpose one with .mT?")
            return .placeholder
        }
        return Tensor.product(self, other, name)
    }

    /// Products of two batches of matrices, (b, n, m) and (b, m, p). PyTorch: `torch.bmm`.
    public func bmm(_ other: Tensor) -> Tensor {
        if let cast = Autocast.lower(self, other) { return cast.run { cast(self).bmm(cast(other)) } }
        guard rank == 3, other.rank == 3 else {
            TensorError.report("bmm", "batch1 and batch2 must be 3D tensors, got \(dims) and \(other.dims)", hint: "use matmul")
            return .placeholder
        }
        guard Tensor.agree(self, other, "bmm") else { return .placeholder }
        guard dims[0] == other.dims[0], dims[2] == other.dims[1] else {
            TensorError.report(
                "bmm", "Expected size for first two dimensions of batch2 tensor to be: [\(dims[0]), \(dims[2])] but got: [\(other.dims[0]), \(other.dims[1])]")
            return .placeholder
        }
        return Tensor.product(self, other, "bmm")
    }

    /// Matrix product by NumPy's rules: vectors, matrices, batches with broadcasting. PyTorch: `torch.matmul`.
    public func matmul(_ other: Tensor) -> Tensor {
        if let cast = Autocast.lower(self, other) { return cast.run { cast(self).matmul(cast(other)) } }
        let (n, m) = (rank, other.rank)
        if n == 2 && m == 2 { return matrixProduct(other, "matmul") }
        guard n > 0, m > 0 else {
            TensorError.report("matmul", "both arguments to matmul need to be at least 1D, but they are \(n)D and \(m)D", hint: "multiply with a number with *")
            return .placeholder
        }
        guard Tensor.agree(self, other, "matmul") else { return .placeholder }
        let inner = m == 1 ? other.dims[0] : other.dims[m - 2]
        guard dims[n - 1] == inner else {
            TensorError.report(
                "matmul",
                n == 1 && m == 1
                    ? "inconsistent tensor size, expected tensor \(dims) and src \(other.dims) to have the same number of elements"
                    : "inner sizes differ: \(dims) x \(other.dims): mat1 and mat2 shapes cannot be multiplied: dimension \(n - 1) of the first is \(dims[n - 1]), dimension \(m == 1 ? 0 : m - 2) of the second is \(inner)",
                hint: "the last dimension of the first must equal the next to last of the second")
            return .placeholder
        }
        if n == 1 {
            if m == 1 { return dot(other) }
            return unsqueeze(0).matmul(other).squeeze(-2)
        }
        if m == 1 { return matmul(other.unsqueeze(1)).squeeze(-1) }
        if m == 2 {
            // Rows of all matrices together, if that needs no copy.
            var folded = Dims(rank: 2)
            folded[1] = dims[n - 1]
            folded[0] = dims.product / Swift.max(1, folded[1])
            if folded[1] > 0, stridesForView(folded) != nil {
                var sizes = dims
                sizes[n - 1] = other.dims[1]
                return reshaped(folded).matrixProduct(other, "matmul").reshaped(sizes)
            }
        }
        return batchedProduct(other)
    }

    private func batchedProduct(_ other: Tensor) -> Tensor {
        let (n, m) = (rank, other.rank)
        func batch(_ d: Dims) -> Dims { Dims(Array(d)[..<(d.count - 2)]) }
        guard let common = Shape.broadcast(batch(dims), batch(other.dims), "matmul") else { return .placeholder }
        let (rows, inner, columns) = (dims[n - 2], dims[n - 1], other.dims[m - 1])
        let count = common.product
        func joined(_ t: Tensor, _ r: Int, _ c: Int) -> Tensor {
            var sizes = common
            sizes.append(r)
            sizes.append(c)
            return t.expanded(to: sizes).reshaped([count, r, c])
        }
        var sizes = common
        sizes.append(rows)
        sizes.append(columns)
        return Tensor.product(joined(self, rows, inner), joined(other, inner, columns), "matmul").reshaped(sizes)
    }

    /// Product of a matrix with a vector. PyTorch: `torch.mv`.
    public func mv(_ vector: Tensor) -> Tensor {
        if let cast = Autocast.lower(self, vector, on: .cuda) { return cast.run { cast(self).mv(cast(vector)) } }
        guard rank == 2, vector.rank == 1, dims[1] == vector.dims[0] else {
            TensorError.report("mv", "size mismatch, got input (\(dims)), vec (\(vector.dims)): vector + matrix @ vector expected")
            return .placeholder
        }
        // Not in the CPU's list, unlike matmul.
        return Autocast.within(0) { matmul(vector) }
    }

    /// Inner product of two vectors. PyTorch: `torch.dot`.
    public func dot(_ other: Tensor) -> Tensor {
        if let cast = Autocast.widest(self, other) { return cast.run { cast(self).dot(cast(other)) } }
        guard rank == 1, other.rank == 1 else {
            TensorError.report("dot", "1D tensors expected, but got \(rank)D and \(other.rank)D tensors")
            return .placeholder
        }
        guard dtype == other.dtype else {
            TensorError.report("dot", "expected both vectors to have same dtype, but found \(dtype) and \(other.dtype)")
            return .placeholder
        }
        guard dims[0] == other.dims[0] else {
            TensorError.report(
                "dot",
                "inconsistent tensor size, expected tensor [\(dims[0])] and src [\(other.dims[0])] to have the same number of elements, but got \(dims[0]) and \(other.dims[0]) elements respectively")
            return .placeholder
        }
        guard Tensor.agree(self, other, "dot") else { return .placeholder }
        let row = withoutGraph.reshaped([1, count])
        let out = Tensor.multiply(row, other.withoutGraph.reshaped([count, 1]), "dot").reshaped([])
        if isRecorded || other.isRecorded {
            out.impl.node = BinaryNode("dot", out, self, other, saving: true, { g, _, b in g * b.conjugateIfComplex }, { g, a, _ in g * a.conjugateIfComplex })
        }
        return out
    }

    /// Inner product of the conjugate of this vector with another. PyTorch: `torch.vdot`.
    public func vdot(_ other: Tensor) -> Tensor { conjugateIfComplex.dot(other) }

    /// Sums of products along the last dims. PyTorch: `torch.inner`.
    public func inner(_ other: Tensor) -> Tensor {
        if rank == 0 || other.rank == 0 { return self * other }
        guard dims[rank - 1] == other.dims[other.rank - 1] else {
            TensorError.report("inner", "inner() the last dimension must match on both input tensors but got shapes \(dims) and \(other.dims)")
            return .placeholder
        }
        return tensordot(self, other, [-1], [-1])
    }

    /// All products of elements of two vectors, (n, m). PyTorch: `torch.outer`.
    public func outer(_ other: Tensor) -> Tensor {
        guard rank == 1, other.rank == 1 else {
            TensorError.report("outer", "outer: Expected 1-D argument self and vec2, but got \(rank)-D and \(other.rank)-D")
            return .placeholder
        }
        return reshape([count, 1]) * other
    }

    // MARK: Products that are added

    /// beta * self + alpha * a · b in one pass over the result. Shapes of `a` and `b` are checked; self is broadcast.
    private func addProduct(_ a: Tensor, _ b: Tensor, beta: Scalar, alpha: Scalar, _ name: StaticString) -> Tensor {
        guard Tensor.agree(a, b, name) else { return .placeholder }
        guard dtype == a.dtype else {
            TensorError.report("\(name)", "self and mat2 must have the same dtype, but got \(dtype) and \(a.dtype)")
            return .placeholder
        }
        let n = a.rank
        var sizes = a.dims
        sizes[n - 1] = b.dims[n - 1]
        guard Shape.canBroadcast(dims, to: sizes) else {
            TensorError.report("\(name)", "The expanded size of the tensor \(sizes) must match the existing size \(dims) at non-singleton dimensions: self does not fit the product")
            return .placeholder
        }
        if !dtype.isDifferentiable, case (let s, let t)? = Tensor.wholeFactors(beta, alpha) { return addProduct(a, b, beta: s, alpha: t, name) }
        var plain = dtype.isDifferentiable
        if case .complex = beta { plain = false }
        if case .complex = alpha { plain = false }
        guard plain else {
            let product = Tensor.product(a, b, name)
            let scaled = alpha == .int(1) ? product : product * Tensor.number(alpha)
            if beta.doubleValue == 0, case .int = beta { return scaled }
            return (beta == .int(1) ? self.expanded(to: sizes) : self * Tensor.number(beta)) + scaled
        }
        let (s, t) = (beta.doubleValue, alpha.doubleValue)
        let out = Tensor.make(sizes, dtype, device: device)
        if s != 0 { backend.copy(out.operand, operand.expanded(to: sizes)) }
        guard Tensor.multiply(into: out, a, b, alpha: t, beta: s, name) else { return .placeholder }
        return out.recorded(
            name, (self, { Tensor.scaled($0, s) }), (a, { Tensor.scaled(Tensor.product($0, b.mH, name), t) }), (b, { Tensor.scaled(Tensor.product(a.mH, $0, name), t) }))
    }

    private static func scaled(_ x: Tensor, _ factor: Double) -> Tensor {
        if factor == 1 { return x }
        // The factor itself is not rounded to float16 or bfloat16.
        return x.dtype.itemSize == 2 ? (x.to(.float32) * factor).to(x.dtype) : x * factor
    }

    /// Factors of integer products as whole numbers; nil if they are already.
    private static func wholeFactors(_ beta: Scalar, _ alpha: Scalar) -> (Scalar, Scalar)? {
        func whole(_ s: Scalar) -> Scalar {
            if case .double(let d) = s { return .int(Int(exactly: d.rounded(.towardZero)) ?? 0) }
            return s
        }
        let r = (whole(beta), whole(alpha))
        return r.0 == beta && r.1 == alpha ? nil : r
    }

    /// beta * self + alpha * a · b for matrices; self is broadcast. PyTorch: `torch.addmm`.
    public func addmm(_ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1) -> Tensor {
        if let cast = Autocast.lower(a, b) { return cast.run { cast(self).addmm(cast(a), cast(b), beta: beta, alpha: alpha) } }
        let (beta, alpha) = (beta.scalar, alpha.scalar)
        guard a.rank == 2, b.rank == 2, a.dims[1] == b.dims[0] else {
            TensorError.report("addmm", "mat1 and mat2 shapes cannot be multiplied (\(a.dims) and \(b.dims))")
            return .placeholder
        }
        return addProduct(a, b, beta: beta, alpha: alpha, "addmm")
    }

    /// beta * self + alpha * a · b for batches of matrices; self is broadcast. PyTorch: `torch.baddbmm`.
    public func baddbmm(_ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1) -> Tensor {
        if let cast = Autocast.lower(a, b) { return cast.run { cast(self).baddbmm(cast(a), cast(b), beta: beta, alpha: alpha) } }
        let (beta, alpha) = (beta.scalar, alpha.scalar)
        guard a.rank == 3, b.rank == 3, a.dims[0] == b.dims[0], a.dims[2] == b.dims[1] else {
            TensorError.report("baddbmm", "batch1 and batch2 shapes cannot be multiplied (\(a.dims) and \(b.dims))")
            return .placeholder
        }
        return addProduct(a, b, beta: beta, alpha: alpha, "baddbmm")
    }

    /// beta * self + alpha * the sum of a[i] · b[i]. PyTorch: `torch.addbmm`.
    public func addbmm(_ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1) -> Tensor {
        if let cast = Autocast.lower(a, b) { return cast.run { cast(self).addbmm(cast(a), cast(b), beta: beta, alpha: alpha) } }
        let (beta, alpha) = (beta.scalar, alpha.scalar)
        guard a.rank == 3, b.rank == 3, a.dims[0] == b.dims[0], a.dims[2] == b.dims[1] else {
            TensorError.report("addbmm", "batch1 and batch2 shapes cannot be multiplied (\(a.dims) and \(b.dims))")
            return .placeholder
        }
        // The batch joins the summed dim: one product.
        let (n, rows, inner, columns) = (a.dims[0], a.dims[1], a.dims[2], b.dims[2])
        let wide = a.permuted([1, 0, 2]).reshaped([rows, n * inner])
        return addProduct(wide, b.reshaped([n * inner, columns]), beta: beta, alpha: alpha, "addbmm")
    }

    /// beta * self + alpha * matrix · vector. PyTorch: `torch.addmv`.
    public func addmv(_ matrix: Tensor, _ vector: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1) -> Tensor {
        if let cast = Autocast.lower(matrix, vector, on: .cuda) { return cast.run { cast(self).addmv(cast(matrix), cast(vector), beta: beta, alpha: alpha) } }
        let (beta, alpha) = (beta.scalar, alpha.scalar)
        guard matrix.rank == 2, vector.rank == 1, matrix.dims[1] == vector.dims[0], rank <= 1 else {
            TensorError.report("addmv", "size mismatch, got input \(dims), mat \(matrix.dims), vec \(vector.dims): vector + matrix @ vector expected")
            return .placeholder
        }
        let column = rank == 1 ? unsqueeze(1) : self
        return column.addProduct(matrix, vector.unsqueeze(1), beta: beta, alpha: alpha, "addmv").squeeze(1)
    }

    /// beta * self + alpha * outer(a, b). PyTorch: `torch.addr`.
    public func addr(_ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1) -> Tensor {
        if let cast = Autocast.lower(a, b, on: .cuda) { return cast.run { cast(self).addr(cast(a), cast(b), beta: beta, alpha: alpha) } }
        let (beta, alpha) = (beta.scalar, alpha.scalar)
        guard a.rank == 1, b.rank == 1 else {
            TensorError.report("addr", "addr: Expected 1-D argument vec1 and vec2, but got \(a.rank)-D and \(b.rank)-D")
            return .placeholder
        }
        guard Shape.canBroadcast(dims, to: [a.count, b.count]) else {
            TensorError.report("addr", "size mismatch, input: \(dims), v1: \(a.dims), v2: \(b.dims)")
            return .placeholder
        }
        if dtype == .bool && a.dtype == .bool && b.dtype == .bool {
            func truth(_ s: Scalar) -> Tensor { Tensor(s.doubleValue != 0, device: .cpu) }
            return self.logicalAnd(truth(beta)).logicalOr(a.outer(b).logicalAnd(truth(alpha)))
        }
        let product = a.outer(b)
        let scaled = alpha == .int(1) ? product : product * Tensor.number(alpha)
        // With beta 0, NaN of self does not count.
        if beta == .int(0) || beta == .double(0) || beta == .bool(false) {
            return scaled.to(Tensor.resultType(self, scaled)) + zerosLike().expanded(to: scaled.dims)
        }
        return (beta == .int(1) ? self : self * Tensor.number(beta)) + scaled
    }

    /// Kronecker product: each element of this tensor times all of the other. PyTorch: `torch.kron`.
    public func kron(_ other: Tensor) -> Tensor {
        let n = Swift.max(rank, other.rank)
        var (a, b, sizes) = ([Int](), [Int](), [Int]())
        for i in 0..<n {
            let x = i < n - rank ? 1 : dims[i - (n - rank)]
            let y = i < n - other.rank ? 1 : other.dims[i - (n - other.rank)]
            a += [x, 1]
            b += [1, y]
            sizes.append(x * y)
        }
        return (reshape(a) * other.reshape(b)).reshape(sizes)
    }
}

/// Sums of products over the last `dims` dims of `a` and the first of `b`. PyTorch: `torch.tensordot`.
public func tensordot(_ a: Tensor, _ b: Tensor, dims: Int = 2) -> Tensor {
    guard dims >= 0, dims <= a.rank, dims <= b.rank else {
        TensorError.report("tensordot", "tensordot expects dims >= 0 and at most the number of dimensions, but got dims=\(dims) for \(a.dims) and \(b.dims)")
        return .placeholder
    }
    return tensordot(a, b, Array((a.rank - dims)..<a.rank), Array(0..<dims))
}

/// Sums of products over `dimsA` of `a` and `dimsB` of `b`, pairwise. PyTorch: `torch.tensordot`.
public func tensordot(_ a: Tensor, _ b: Tensor, _ dimsA: [Int], _ dimsB: [Int]) -> Tensor {
    if let cast = Autocast.widest(a, b) { return cast.run { tensordot(cast(a), cast(b), dimsA, dimsB) } }
    guard dimsA.count == dimsB.count else {
        TensorError.report("tensordot", "both dimension lists should have same length, got \(dimsA) and \(dimsB)")
        return .placeholder
    }
    guard let x = a.checkedDims(dimsA, "tensordot"), let y = b.checkedDims(dimsB, "tensordot") else { return .placeholder }
    guard a.dtype == b.dtype else {
        TensorError.report("tensordot", "both inputs should have same dtype, but got \(a.dtype) and \(b.dtype)")
        return .placeholder
    }
    var (s, t) = (a, b)
    for (i, j) in Swift.zip(x, y) where a.dims[i] != b.dims[j] {
        // A size of 1 repeats; summing the other operand first says the same.
        if a.dims[i] == 1 {
            t = t.sum([j], keepDim: true, dtype: t.dtype)
        } else if b.dims[j] == 1 {
            s = s.sum([i], keepDim: true, dtype: s.dtype)
        } else {
            TensorError.report("tensordot", "contracted dimensions need to match, but first has size \(a.dims[i]) in dim \(i) and second has size \(b.dims[j]) in dim \(j)")
            return .placeholder
        }
    }
    let (freeA, freeB) = ((0..<a.rank).filter { !x.contains($0) }, (0..<b.rank).filter { !y.contains($0) })
    let inner = x.reduce(1) { $0 * s.dims[$1] }
    let rows = freeA.reduce(1) { $0 * s.dims[$1] }
    let columns = freeB.reduce(1) { $0 * t.dims[$1] }
    let left = s.permuted(freeA + x).reshaped([rows, inner])
    let right = t.permuted(y + freeB).reshaped([inner, columns])
    return left.mm(right).reshaped(Dims(freeA.map { s.dims[$0] } + freeB.map { t.dims[$0] }))
}
