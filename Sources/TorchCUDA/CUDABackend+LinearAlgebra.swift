// Linear algebra on the device: which operation goes where. LU, Cholesky, QR, triangular solves and spectra of small matrices are our own kernels', other spectra cuSOLVER's.
import CCUDA
import TorchRuntime

extension CUDABackend {
    public func linearAlgebra(_ op: LinearAlgebraOp, outputs: [Operand], inputs: [Operand]) -> Bool {
        let host = { (name: String) in
            let n = outputs.count
            return onCPU(name, outputs.map { .update($0) } + inputs.map { .read($0) }, failure: true) { cpu, o in
                cpu.linearAlgebra(op, outputs: (0..<n).map { o[$0] }, inputs: inputs.indices.map { o[n + $0] })
            }
        }
        // CUDA has no general eigenvalues before 12.6, and no LDL for Hermitian matrices.
        let name =
            switch op {
            case .eig, .eigValues: "linearAlgebra(eig)"
            case .ldl, .ldlSolve: "linearAlgebra(ldl)"
            case .eigh, .eighValues: "linearAlgebra(eigh)"
            case .svd, .singularValues, .leastSquares: "linearAlgebra(svd)"
            default: "linearAlgebra"
            }
        switch inputs[0].dtype {
        case .float32, .float64, .complex64, .complex128: break
        default: return false
        }
        return onDevice(
            "linearAlgebra", failure: true,
            { () throws(DeviceError) in
                for o in outputs + inputs { try gpu.checkPlace(o) }
                for o in inputs where o.sizes.contains(where: { $0 > Int(Int32.max) }) {
                    throw .kernel("linearAlgebra", log: "a matrix of \(o.sizes) has a side that is larger than kernels count")
                }
                if outputs[0].sizes.dropLast(2).contains(0) { return true }
                try onDevice(op, outputs, inputs)
                return true
            }, host: { host(name) })
    }

    private func onDevice(_ op: LinearAlgebraOp, _ outputs: [Operand], _ inputs: [Operand]) throws(DeviceError) {
        switch op {
        case .lu:
            let (a, pivots, info) = (try working(outputs[0], inputs[0]), try working(outputs[1], trailing: 1), try zeroInfo(outputs[2]))
            if pivots.sizes[1] > 0 { try lu(a, pivots, info, first: 0) }
            try finish(outputs, [a, pivots, info])

        case .luSolve(let adjoint):
            let (x, a) = (try working(outputs[0], inputs[2]), try matrices(inputs[0]))
            let pivots = try vectors(inputs[1])
            if x.count > 0 { try luSolve(a, pivots, x, adjoint: adjoint) }
            try finish(outputs, [x])

        case .cholesky(let upper):
            let (a, info) = (try working(outputs[0], inputs[0]), try zeroInfo(outputs[1]))
            // The transposed of U is the lower factor of the conjugate, whose lower triangle is the upper one of A.
            if a.count > 0 { try cholesky(upper ? Self.transposed(a) : a, info, first: 0) }
            try finish(outputs, [a, info])

        case .triangularSolve(let upper, let unit):
            let (x, a) = (try working(outputs[0], inputs[1]), try matrices(inputs[0]))
            if x.count > 0 { try solve(a, x, upper: upper, unit: unit) }
            try finish(outputs, [x])

        case .householder:
            let (a, tau) = (try byColumns(inputs[0]), try working(outputs[1], trailing: 1))
            if tau.count > 0 { try householder(a, tau) }
            try finish(outputs, [a, tau])

        case .householderProduct:
            let (a, tau) = (try byColumns(inputs[0]), try vectors(inputs[1]))
            let q = try byColumns(outputs[0].sizes, outputs[0].dtype)
            if q.count > 0 { try reflect(a, tau, q) }
            try finish(outputs, [q])

        case .eigh(let upper): try eigh(upper: upper, w: outputs[0], v: outputs[1], info: outputs[2], inputs[0])
        case .eighValues(let upper): try eigh(upper: upper, w: outputs[0], v: nil, info: outputs[1], inputs[0])
        case .svd: try svd(u: outputs[0], s: outputs[1], vh: outputs[2], info: outputs[3], inputs[0])
        case .singularValues: try svd(u: nil, s: outputs[0], vh: nil, info: outputs[1], inputs[0])
        case .leastSquares(let rcond): try leastSquares(outputs, inputs[0], inputs[1], rcond: rcond)
        case .eig, .eigValues, .ldl, .ldlSolve: throw .kernel("linearAlgebra", log: "")
        }
    }

    // MARK: Spectra

    @inline(never) private func eigh(upper: Bool, w: Operand, v: Operand?, info: Operand, _ x: Operand) throws(DeviceError) {
        let (values, verdict) = (try working(w, trailing: 1), try zeroInfo(info))
        var a = try byColumns(x)
        if Self.isNarrow(a) {
            let vectors = try byColumns(x.sizes, x.dtype)
            if a.count > 0 { try rotate(a, vectors, values, verdict, upper: upper) }
            a = vectors
        } else {
            try gpu.solver.eigenvalues(a, values, verdict, vectors: v != nil, upper: upper)
        }
        try finish(v.map { [w, $0, info] } ?? [w, info], v == nil ? [values, verdict] : [values, a, verdict])
    }

    @inline(never) private func svd(u: Operand?, s: Operand, vh: Operand?, info: Operand, _ x: Operand) throws(DeviceError) {
        let (values, verdict) = (try working(s, trailing: 1), try zeroInfo(info))
        let r = x.sizes.count
        let isWide = x.sizes[r - 2] < x.sizes[r - 1]
        // cuSOLVER wants no more columns than rows: A^H = V S U^H.
        func turned(_ o: Operand) -> Operand {
            var t = o
            (t.sizes[r - 2], t.sizes[r - 1]) = (o.sizes[r - 1], o.sizes[r - 2])
            (t.strides[r - 2], t.strides[r - 1]) = (o.strides[r - 1], o.strides[r - 2])
            return t
        }
        if values.count == 0 {
            for case let o? in [u, vh] { try identity(o) }
            return try finish([info], [verdict])
        }
        let source = isWide ? turned(x) : x
        let a = try byColumns(source.sizes, x.dtype)
        try copy(Self.spread(a, source.sizes), source, conjugate: isWide)
        let (left, right) = isWide ? (vh.map(turned), u.map(turned)) : (u, vh)
        let l = try left.map { o throws(DeviceError) in try byColumns(o.sizes, x.dtype) }
        let isNarrow = Self.isNarrow(a)
        // V^H, or V where it is our own.
        var h: Operand?
        if isNarrow || right != nil {
            var sizes = source.sizes
            sizes[r - 2] = sizes[r - 1]
            h = try byColumns(sizes, x.dtype)
        }
        if isNarrow, let v = h {
            try rotate(a, v, values, verdict, u: l)
            h = Self.transposed(v)
        } else {
            try gpu.solver.singularValues(a, values, verdict, u: l, vh: h)
        }
        if let left, let l { try copy(left, Self.spread(l, left.sizes), conjugate: isWide) }
        if let right, let h { try copy(right, Self.spread(h, right.sizes), conjugate: isWide != isNarrow) }
        try finish([s, info], [values, verdict])
    }

    /// x = V S^-1 U^H b, of the singular values that count.
    @inline(never) private func leastSquares(_ outputs: [Operand], _ a: Operand, _ b: Operand, rcond: Double) throws(DeviceError) {
        let r = a.sizes.count
        let (m, n, k) = (a.sizes[r - 2], a.sizes[r - 1], min(a.sizes[r - 2], a.sizes[r - 1]))
        let (x, rank) = (try working(outputs[0], trailing: 2), try working(outputs[1], trailing: 0))
        if k == 0 {
            var zero: (UInt64, UInt64) = (0, 0)
            for o in [x, rank, try zeroInfo(outputs[3])] { fill(o, &zero) }
            return try finish(outputs, [x, rank])
        }
        func new(_ rows: Int, _ columns: Int) throws(DeviceError) -> Operand {
            try temporary(like: Operand(unowned: x.pointer, dtype: a.dtype, sizes: [x.sizes[0], rows, columns], strides: [0, 0, 0]))
        }
        let (u, vh) = (try new(m, k), try new(k, n))
        let lead = Array(a.sizes.dropLast(2))
        try svd(u: Self.spread(u, Dims(lead + [m, k])), s: outputs[2], vh: Self.spread(vh, Dims(lead + [k, n])), info: outputs[3], a)
        let y = try new(k, x.sizes[2])
        if y.count > 0 { try multiply(MatrixProduct(y, Self.transposed(try conjugate(u)), try matrices(b), 1, 0), exact: true) }
        try divideRows(y, by: try vectors(outputs[2]), rank: rank, limit: rcond < 0 ? a.dtype.epsilon : rcond)
        if x.count > 0 { try multiply(MatrixProduct(x, Self.transposed(try conjugate(vh)), y, 1, 0), exact: true) }
        try finish(outputs, [x, rank])
    }

    /// Ones on the diagonals, zeros elsewhere.
    @inline(never) private func identity(_ o: Operand) throws(DeviceError) {
        var zero: (UInt64, UInt64) = (0, 0)
        fill(o, &zero)
        let r = o.sizes.count
        var diagonal = o.view(sizes: Dims(o.sizes.dropLast(1)), strides: Dims(o.strides.dropLast(1)))
        diagonal.sizes[r - 2] = min(o.sizes[r - 2], o.sizes[r - 1])
        diagonal.strides[r - 2] = o.strides[r - 2] + o.strides[r - 1]
        var (single, double) = ((Float(1), Float(0)), (1.0, 0.0))
        if o.dtype.real == .float32 { fill(diagonal, &single) } else { fill(diagonal, &double) }
    }

    // MARK: Operands of three dims (two for vectors), the batch first

    /// The batch as one dim; nil where it has no one stride.
    @inline(never) private static func collapsed(_ o: Operand, trailing: Int) -> Operand? {
        let lead = o.sizes.count - trailing
        var (count, stride) = (1, 0)
        for d in (0..<lead).reversed() where o.sizes[d] != 1 {
            if count > 1, o.strides[d] != stride * count { return nil }
            if count == 1 { stride = o.strides[d] }
            count *= o.sizes[d]
        }
        var (sizes, strides): (Dims, Dims) = ([count], [stride])
        for d in lead..<o.sizes.count {
            sizes.append(o.sizes[d])
            strides.append(o.strides[d])
        }
        return o.view(sizes: sizes, strides: strides)
    }

    /// An input's matrices as they lie, or a copy.
    @inline(never) private func matrices(_ x: Operand) throws(DeviceError) -> Operand {
        if let whole = Self.collapsed(x, trailing: 2) { return whole }
        let copied = try temporary(like: x)
        try copyHere(copied, x)
        return Self.collapsed(copied, trailing: 2)!
    }

    /// An input's vectors, their elements neighbours.
    @inline(never) private func vectors(_ x: Operand) throws(DeviceError) -> Operand {
        if let whole = Self.collapsed(x, trailing: 1), whole.strides[1] == 1 || whole.sizes[1] < 2 { return whole }
        let copied = try temporary(like: x)
        try copyHere(copied, x)
        return Self.collapsed(copied, trailing: 1)!
    }

    /// Where an output is made, contiguous: its own memory if that is.
    @inline(never) private func working(_ out: Operand, trailing: Int) throws(DeviceError) -> Operand {
        Self.collapsed(out.isContiguous ? out : try temporary(like: out), trailing: trailing)!
    }

    /// Matrices by rows that start as those of an input.
    @inline(never) private func working(_ out: Operand, _ x: Operand) throws(DeviceError) -> Operand {
        let a = try working(out, trailing: 2)
        try copyHere(Self.spread(a, x.sizes), x)
        return a
    }

    @inline(never) private func zeroInfo(_ out: Operand) throws(DeviceError) -> Operand {
        let info = try working(out, trailing: 0)
        var zero: Int32 = 0
        fill(info, &zero)
        return info
    }

    /// Matrices by columns, of undefined contents.
    @inline(never) func byColumns(_ sizes: Dims, _ dtype: DType) throws(DeviceError) -> Operand {
        let r = sizes.count
        var turned = sizes
        (turned[r - 2], turned[r - 1]) = (sizes[r - 1], sizes[r - 2])
        let bytes = sizes.product * dtype.itemSize
        guard let s = gpu.allocate(byteCount: bytes) else { throw refusal(byteCount: bytes) }
        return Self.transposed(Self.collapsed(Operand(s, pointer: s.pointer, dtype: dtype, sizes: turned, strides: turned.contiguousStrides), trailing: 2)!)
    }

    /// A copy of an input's matrices by columns.
    @inline(never) private func byColumns(_ x: Operand) throws(DeviceError) -> Operand {
        let a = try byColumns(x.sizes, x.dtype)
        if a.count > 0 { try copyHere(Self.spread(a, x.sizes), x) }
        return a
    }

    /// Matrices, or their conjugates, to another place.
    @inline(never) private func copy(_ out: Operand, _ x: Operand, conjugate: Bool) throws(DeviceError) {
        if conjugate && x.dtype.isComplex { try self.conjugate(out, x) } else { try copyHere(out, x) }
    }

    /// The dims of the batch again, of what lies matrix behind matrix.
    @inline(never) private static func spread(_ a: Operand, _ sizes: Dims) -> Operand {
        let lead = sizes.count + 1 - a.sizes.count
        var strides = sizes
        var stride = a.strides[0]
        for d in (0..<lead).reversed() {
            strides[d] = stride
            stride *= sizes[d]
        }
        for d in lead..<sizes.count { strides[d] = a.strides[d - lead + 1] }
        return a.view(sizes: sizes, strides: strides)
    }

    /// Copies what was not made in place.
    @inline(never) private func finish(_ outputs: [Operand], _ made: [Operand]) throws(DeviceError) {
        for (out, made) in zip(outputs, made) where made.pointer != out.pointer && out.count > 0 { try copyHere(out, Self.spread(made, out.sizes)) }
    }
}
