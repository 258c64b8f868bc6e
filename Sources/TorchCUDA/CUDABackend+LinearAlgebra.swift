// Linear algebra on the device: which operation goes where. LU, Cholesky, QR and triangular solves are our own kernels'.
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
        switch op {
        case .eig, .eigValues: return host("linearAlgebra(eig)")
        case .ldl, .ldlSolve: return host("linearAlgebra(ldl)")
        default: break
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
            }, host: { host("linearAlgebra") })
    }

    private func onDevice(_ op: LinearAlgebraOp, _ outputs: [Operand], _ inputs: [Operand]) throws(DeviceError) {
        switch op {
        case .lu:
            let (a, pivots, info) = (try working(outputs[0], inputs[0]), try working(outputs[1], trailing: 1), try zeroInfo(outputs[2]))
            if pivots.sizes[1] > 0 { try lu(a, pivots, info, first: 0) }
            try finish([(outputs[0], a), (outputs[1], pivots), (outputs[2], info)])

        case .luSolve(let adjoint):
            let (x, a) = (try working(outputs[0], inputs[2]), try matrices(inputs[0]))
            let pivots = try vectors(inputs[1])
            if x.count > 0 { try luSolve(a, pivots, x, adjoint: adjoint) }
            try finish([(outputs[0], x)])

        case .cholesky(let upper):
            let (a, info) = (try working(outputs[0], inputs[0]), try zeroInfo(outputs[1]))
            // The transposed of U is the lower factor of the conjugate, whose lower triangle is the upper one of A.
            if a.count > 0 { try cholesky(upper ? Self.transposed(a) : a, info, first: 0) }
            try finish([(outputs[0], a), (outputs[1], info)])

        case .triangularSolve(let upper, let unit):
            let (x, a) = (try working(outputs[0], inputs[1]), try matrices(inputs[0]))
            if x.count > 0 { try solve(a, x, upper: upper, unit: unit) }
            try finish([(outputs[0], x)])

        case .householder:
            let (a, tau) = (try byColumns(inputs[0]), try working(outputs[1], trailing: 1))
            if tau.count > 0 { try householder(a, tau) }
            try finish([(outputs[0], a), (outputs[1], tau)])

        case .householderProduct:
            let (a, tau) = (try byColumns(inputs[0]), try vectors(inputs[1]))
            let q = try byColumns(outputs[0].sizes, outputs[0].dtype)
            if q.count > 0 { try reflect(a, tau, q) }
            try finish([(outputs[0], q)])

        default: throw .kernel("linearAlgebra", log: "")
        }
    }

    // MARK: Operands of three dims (two for vectors), the batch first

    /// The batch as one dim; nil where it has no one stride.
    private static func collapsed(_ o: Operand, trailing: Int) -> Operand? {
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
    private func matrices(_ x: Operand) throws(DeviceError) -> Operand {
        if let whole = Self.collapsed(x, trailing: 2) { return whole }
        let copied = try temporary(like: x)
        try copyHere(copied, x)
        return Self.collapsed(copied, trailing: 2)!
    }

    /// An input's vectors, their elements neighbours.
    private func vectors(_ x: Operand) throws(DeviceError) -> Operand {
        if let whole = Self.collapsed(x, trailing: 1), whole.strides[1] == 1 || whole.sizes[1] < 2 { return whole }
        let copied = try temporary(like: x)
        try copyHere(copied, x)
        return Self.collapsed(copied, trailing: 1)!
    }

    /// Where an output is made, contiguous: its own memory if that is.
    private func working(_ out: Operand, trailing: Int) throws(DeviceError) -> Operand {
        Self.collapsed(out.isContiguous ? out : try temporary(like: out), trailing: trailing)!
    }

    /// Matrices by rows that start as those of an input.
    private func working(_ out: Operand, _ x: Operand) throws(DeviceError) -> Operand {
        let a = try working(out, trailing: 2)
        try copyHere(Self.spread(a, x.sizes), x)
        return a
    }

    private func zeroInfo(_ out: Operand) throws(DeviceError) -> Operand {
        let info = try working(out, trailing: 0)
        var zero: Int32 = 0
        fill(info, &zero)
        return info
    }

    /// Matrices by columns, of undefined contents.
    func byColumns(_ sizes: Dims, _ dtype: DType) throws(DeviceError) -> Operand {
        let r = sizes.count
        var turned = sizes
        (turned[r - 2], turned[r - 1]) = (sizes[r - 1], sizes[r - 2])
        let bytes = sizes.product * dtype.itemSize
        guard let s = gpu.allocate(byteCount: bytes) else { throw refusal(byteCount: bytes) }
        return Self.transposed(Self.collapsed(Operand(s, pointer: s.pointer, dtype: dtype, sizes: turned, strides: turned.contiguousStrides), trailing: 2)!)
    }

    /// A copy of an input's matrices by columns.
    private func byColumns(_ x: Operand) throws(DeviceError) -> Operand {
        let a = try byColumns(x.sizes, x.dtype)
        if a.count > 0 { try copyHere(Self.spread(a, x.sizes), x) }
        return a
    }

    /// The dims of the batch again, of what lies matrix behind matrix.
    private static func spread(_ a: Operand, _ sizes: Dims) -> Operand {
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
    private func finish(_ results: [(out: Operand, made: Operand)]) throws(DeviceError) {
        for (out, made) in results where made.pointer != out.pointer && out.count > 0 { try copyHere(out, Self.spread(made, out.sizes)) }
    }
}
