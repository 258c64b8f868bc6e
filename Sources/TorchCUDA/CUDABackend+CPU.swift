// Primitives without a kernel on the device. When one gets its kernel, its lines move to the file of its family.
import TorchKernels
import TorchRuntime

extension CUDABackend {
    // MARK: Scans
    public func scan(_ op: ScanOp, _ out: Operand, _ indices: Operand?, _ x: Operand, dim: Int) -> Bool {
        onCPU("scan", [.write(out), .write(indices), .read(x)], failure: true) { $0.scan(op, $1[0], $1.optional(1), $1[2], dim: dim) }
    }

    // MARK: Rows
    public func batchNormStatistics(mean: Operand, variance: Operand, _ x: Operand) -> Bool {
        onCPU("batchNormStatistics", [.write(mean), .write(variance), .read(x)], failure: true) { $0.batchNormStatistics(mean: $1[0], variance: $1[1], $1[2]) }
    }
    public func batchNorm(_ y: Operand, _ x: Operand, mean: Operand, rstd: Operand, weight: Operand?, bias: Operand?) -> Bool {
        onCPU("batchNorm", [.write(y), .read(x), .read(mean), .read(rstd), .read(weight), .read(bias)], failure: true) {
            $0.batchNorm($1[0], $1[1], mean: $1[2], rstd: $1[3], weight: $1.optional(4), bias: $1.optional(5))
        }
    }
    public func batchNormBackward(dx: Operand?, dweight: Operand?, dbias: Operand?, _ dy: Operand, _ x: Operand, mean: Operand, rstd: Operand, weight: Operand?, training: Bool) -> Bool {
        onCPU("batchNormBackward", [.write(dx), .write(dweight), .write(dbias), .read(dy), .read(x), .read(mean), .read(rstd), .read(weight)], failure: true) {
            $0.batchNormBackward(
                dx: $1.optional(0), dweight: $1.optional(1), dbias: $1.optional(2), $1[3], $1[4], mean: $1[5], rstd: $1[6], weight: $1.optional(7), training: training)
        }
    }

    // MARK: Pooling
    public func maxPool(_ y: Operand, indices: Operand?, _ x: Operand, _ shape: PoolingShape) -> Bool {
        onCPU("maxPool", [.write(y), .write(indices), .read(x)], failure: true) { $0.maxPool($1[0], indices: $1.optional(1), $1[2], shape) }
    }
    public func maxPoolBackward(_ dx: Operand, _ dy: Operand, indices: Operand) -> Bool {
        onCPU("maxPoolBackward", [.update(dx), .read(dy), .read(indices)], failure: true) { $0.maxPoolBackward($1[0], $1[1], indices: $1[2]) }
    }
    public func averagePool(_ y: Operand, _ x: Operand, _ shape: PoolingShape) -> Bool {
        onCPU("averagePool", [.write(y), .read(x)], failure: true) { $0.averagePool($1[0], $1[1], shape) }
    }
    public func averagePoolBackward(_ dx: Operand, _ dy: Operand, _ shape: PoolingShape) -> Bool {
        onCPU("averagePoolBackward", [.update(dx), .read(dy)], failure: true) { $0.averagePoolBackward($1[0], $1[1], shape) }
    }

    // MARK: Linear algebra, Fourier transform
    public func linearAlgebra(_ op: LinearAlgebraOp, outputs: [Operand], inputs: [Operand]) -> Bool {
        let n = outputs.count
        return onCPU("linearAlgebra", outputs.map { .update($0) } + inputs.map { .read($0) }, failure: true) { cpu, o in
            cpu.linearAlgebra(op, outputs: (0..<n).map { o[$0] }, inputs: inputs.indices.map { o[n + $0] })
        }
    }
    public func fft(_ out: Operand, _ x: Operand, sign: Int) -> Bool {
        onCPU("fft", [.write(out), .read(x)], failure: true) { $0.fft($1[0], $1[1], sign: sign) }
    }

    // MARK: Optimizer steps
    /// The same with lists of bare pointers: parameter and states change, the gradient does not.
    func stepOnCPU(_ name: String, _ tensors: [st_optim_tensor], _ dtype: DType, _ body: (any Backend, [st_optim_tensor]) -> Bool) -> Bool {
        var roles: [Role] = []
        for t in tensors {
            let n = Int(t.count)
            roles.append(.update(run(t.param, dtype, n)))
            roles.append(.read(run(t.grad, dtype, n)))
            for state in [t.state0, t.state1, t.state2] { roles.append(.update(state.map { run($0, dtype, n) })) }
        }
        return onCPU(name, roles, failure: true) { cpu, o in
            let copies = tensors.indices.map { i in
                st_optim_tensor(
                    param: o[5 * i].pointer, grad: UnsafeRawPointer(o[5 * i + 1].pointer), state0: o.optional(5 * i + 2)?.pointer, state1: o.optional(5 * i + 3)?.pointer,
                    state2: o.optional(5 * i + 4)?.pointer, count: tensors[i].count)
            }
            return body(cpu, copies)
        }
    }
}
