// Primitives without a kernel on the device. When one gets its kernel, its lines move to the file of its family.
import TorchKernels
import TorchRuntime

extension CUDABackend {
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
