// Jacobians, Hessians, products with them, and checks of derivatives by differences.
import Glibc
import TorchRuntime

/// (f(x), vᵀ·J): the vector–Jacobian product. PyTorch: `torch.func.vjp`.
public func vjp(_ f: (Tensor) -> Tensor, at x: Tensor, _ v: Tensor, createGraph: Bool = false) -> (value: Tensor, product: Tensor) {
    let input = createGraph && x.requiresGrad ? x : x.detached().requiringGrad()
    let y = enableGrad { f(input) }
    let g: [Tensor?] = gradients(of: [y], withRespectTo: [input], gradOutputs: [v], createGraph: createGraph, allowUnused: true)
    return (createGraph ? y : y.detached(), g[0] ?? input.zerosLike())
}

/// (f(x), J·v): the Jacobian–vector product, by differentiating the vector–Jacobian product twice. PyTorch: `torch.func.jvp`.
public func jvp(_ f: (Tensor) -> Tensor, at x: Tensor, _ v: Tensor) -> (value: Tensor, product: Tensor) {
    let input = x.detached().requiringGrad()
    return enableGrad {
        let y = f(input)
        guard y.requiresGrad else { return (y, y.zerosLike()) }
        // g(u) = Jᵀu is linear in u, so its own derivative against v is J·v.
        let u = y.zerosLike().requiringGrad()
        let g: [Tensor?] = gradients(of: [y], withRespectTo: [input], gradOutputs: [u], createGraph: true, allowUnused: true)
        guard let jt = g[0], jt.requiresGrad else { return (y.detached(), y.zerosLike()) }
        let result: [Tensor?] = gradients(of: [jt], withRespectTo: [u], gradOutputs: [v], allowUnused: true)
        return (y.detached(), result[0] ?? y.zerosLike())
    }
}

/// All derivatives of f's outputs towards x: shape of the output, then shape of x. PyTorch: `torch.autograd.functional.jacobian`.
public func jacobian(_ f: (Tensor) -> Tensor, at x: Tensor, createGraph: Bool = false) -> Tensor {
    let input = createGraph && x.requiresGrad ? x : x.detached().requiringGrad()
    let y = enableGrad { f(input) }
    guard y.requiresGrad else { return .zeros(y.shape + x.shape, dtype: y.dtype) }
    let flat = y.count
    var rows: [Tensor] = []
    for i in 0..<flat {
        let seed = Tensor.zeros([flat], dtype: y.dtype, device: y.device)
        seed.slice(0, i, i + 1).fillUnshared(1)
        let g: [Tensor?] = gradients(
            of: [y], withRespectTo: [input], gradOutputs: [seed.reshape(y.shape)], retainGraph: true, createGraph: createGraph, allowUnused: true)
        rows.append(g[0] ?? input.zerosLike())
    }
    return stack(rows).reshape(y.shape + x.shape)
}

/// All second derivatives of a scalar function. PyTorch: `torch.autograd.functional.hessian`.
public func hessian(_ f: (Tensor) -> Tensor, at x: Tensor) -> Tensor {
    jacobian(
        { input in
            let y = f(input)
            guard y.requiresGrad else { return input.zerosLike() }
            let g: [Tensor?] = gradients(of: [y], withRespectTo: [input], createGraph: true, allowUnused: true)
            return g[0] ?? input.zerosLike()
        }, at: x)
}

/// Hessian times vector, without the Hessian. PyTorch: `torch.autograd.functional.hvp`.
public func hvp(_ f: (Tensor) -> Tensor, at x: Tensor, _ v: Tensor) -> (value: Tensor, product: Tensor) {
    let input = x.detached().requiringGrad()
    return enableGrad {
        let y = f(input)
        let g = gradients(of: y, withRespectTo: [input], createGraph: true)[0]
        guard g.requiresGrad else { return (y.detached(), input.zerosLike()) }
        let h: [Tensor?] = gradients(of: [g], withRespectTo: [input], gradOutputs: [v], allowUnused: true)
        return (y.detached(), h[0] ?? input.zerosLike())
    }
}

/// What a check of derivatives found wrong.
public struct GradcheckFailure: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// Compares derivatives with central differences; inputs should be float64. Throws where they differ. PyTorch: `torch.autograd.gradcheck`.
public func gradcheck(_ f: ([Tensor]) -> Tensor, _ inputs: [Tensor], epsilon: Double = 1e-6, atol: Double = 1e-5, rtol: Double = 1e-3) throws {
    let leaves = inputs.map { $0.requiresGrad ? $0.detached().requiringGrad() : $0 }
    let y = enableGrad { f(leaves) }
    guard y.requiresGrad else { throw GradcheckFailure(description: "gradcheck: the output does not depend on an input that requires gradients") }
    let weights = (0..<y.count).map { Glibc.cos(Double($0) + 0.5) }
    let cotangent = Tensor(weights, shape: y.shape, dtype: y.dtype, device: y.device)
    let differentiable = leaves.indices.filter { leaves[$0].requiresGrad }
    let analytic: [Tensor?] = gradients(of: [y], withRespectTo: differentiable.map { leaves[$0] }, gradOutputs: [cotangent], allowUnused: true)
    func value(_ xs: [Tensor]) -> Double {
        noGrad { (f(xs) * cotangent).sum().item() }
    }
    for (k, i) in differentiable.enumerated() {
        let base = leaves[i].array(of: Double.self)
        let g = (analytic[k] ?? leaves[i].zerosLike()).array(of: Double.self)
        for j in base.indices {
            var (up, down) = (base, base)
            up[j] += epsilon
            down[j] -= epsilon
            var xs = leaves.map { $0.detached() }
            xs[i] = Tensor(up, shape: leaves[i].shape, dtype: leaves[i].dtype, device: leaves[i].device)
            let high = value(xs)
            xs[i] = Tensor(down, shape: leaves[i].shape, dtype: leaves[i].dtype, device: leaves[i].device)
            let numeric = (high - value(xs)) / (2 * epsilon)
            guard abs(numeric - g[j]) <= atol + rtol * abs(numeric) else {
                throw GradcheckFailure(description: "gradcheck: input \(i), element \(j): derivative \(g[j]), by differences \(numeric)")
            }
        }
    }
}

/// `gradcheck` of the derivatives' own derivatives. PyTorch: `torch.autograd.gradgradcheck`.
public func gradgradcheck(_ f: ([Tensor]) -> Tensor, _ inputs: [Tensor], epsilon: Double = 1e-6, atol: Double = 1e-5, rtol: Double = 1e-3) throws {
    let which = inputs.indices.filter { inputs[$0].requiresGrad }
    try gradcheck(
        { xs in
            let active = xs.enumerated().map { which.contains($0) && !$1.requiresGrad ? $1.requiringGrad() : $1 }
            return enableGrad {
                let y = f(active)
                let weights = (0..<y.count).map { Glibc.sin(Double($0) + 1) }
                let g: [Tensor?] = gradients(
                    of: [y], withRespectTo: which.map { active[$0] }, gradOutputs: [Tensor(weights, shape: y.shape, dtype: y.dtype, device: y.device)], createGraph: true,
                    allowUnused: true)
                // One scalar of all first derivatives.
                return zip(which, g).map { i, g in ((g ?? active[i].zerosLike()) * (Double(i) + 1)).sum() }.reduce(Tensor(0, dtype: y.dtype, device: y.device)) { $0 + $1 }
            }
        }, inputs, epsilon: epsilon, atol: atol, rtol: rtol)
}
