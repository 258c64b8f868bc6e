// First and second derivatives of operators against differences. The first test the fused kernels, the second the composed forms beside them.
import Testing
import TorchTensor

/// Points away from the kinks at 0, ±0.5, ±1, ±3 and 6.
private let points = Tensor([-3.7, -2.2, -0.8, -0.3, 0.2, 0.7, 1.6, 2.4, 4.1, 6.5], shape: [2, 5], dtype: .float64)
private let positive = Tensor([0.15, 0.4, 0.83, 1.7, 2.9, 4.2], shape: [2, 3], dtype: .float64)
private let unit = Tensor([0.12, 0.35, 0.48, 0.61, 0.77, 0.93], shape: [2, 3], dtype: .float64)

private typealias Function = @Sendable (Tensor) -> Tensor

private func check(_ name: String, _ x: Tensor, second: Bool = true, _ f: Function) {
    let leaf = x.requiringGrad()
    #expect(throws: Never.self, "\(name)") { try gradcheck({ f($0[0]) }, [leaf]) }
    if second { #expect(throws: Never.self, "\(name), second derivative") { try gradgradcheck({ f($0[0]) }, [leaf]) } }
}

@Suite struct OperatorDerivativeTests {
    @Test func activations() {
        let all: [(String, Function)] = [
            ("sigmoid", { $0.sigmoid() }), ("logSigmoid", { $0.logSigmoid() }), ("softsign", { $0.softsign() }), ("tanhShrink", { $0.tanhShrink() }),
            ("hardSigmoid", { $0.hardSigmoid() * $0 }), ("hardtanh", { $0.hardtanh(min: -1.5, max: 2) * $0 }), ("relu6", { $0.relu6() * $0 }), ("relu", { $0.relu() * $0 }),
            ("leakyRelu", { $0.leakyRelu(negativeSlope: 0.2) * $0 }), ("threshold", { $0.threshold(0.5, value: 2) * $0 }),
            ("hardShrink", { $0.hardShrink() * $0 }), ("softShrink", { $0.softShrink() * $0 }), ("gelu", { $0.gelu() }),
            ("gelu tanh", { $0.gelu(approximate: .tanh) }), ("silu", { $0.silu() }), ("mish", { $0.mish() }), ("softplus", { $0.softplus(beta: 1.5, threshold: 5) }),
            ("elu", { $0.elu(alpha: 0.7) }), ("celu", { $0.celu(alpha: 1.3) }), ("selu", { $0.selu() }), ("hardSwish", { $0.hardSwish() }),
        ]
        for (name, f) in all { check(name, points, f) }
        check("glu", points.reshape(5, 2)) { $0.glu() }
        let weight = Tensor([0.1, 0.3, -0.2, 0.5, 0.9], dtype: .float64).requiringGrad()
        #expect(throws: Never.self) { try gradcheck({ $0[0].prelu($0[1]) }, [points.requiringGrad(), weight]) }
    }

    @Test func limitsAndMagnitudes() {
        let other = points * -0.6 + 0.3
        check("clamp", points) { $0.clamp(min: -1.1, max: 2) * $0 }
        check("abs", points) { $0.abs() * $0 }
        check("frac", points) { $0.frac() * $0 }
        check("nanToNum", points) { $0.nanToNum() * $0 }
        let pairs: [(String, @Sendable (Tensor, Tensor) -> Tensor)] = [
            ("maximum", { $0.maximum($1) }), ("minimum", { $0.minimum($1) }), ("fmax", { $0.fmax($1) }), ("fmin", { $0.fmin($1) }), ("hypot", { $0.hypot($1) }),
            ("copysign", { $0.copysign($1) }), ("clamp", { $0.clamp(min: $1, max: nil) }), ("logAddExp", { $0.logAddExp($1) }), ("logAddExp2", { $0.logAddExp2($1) }),
        ]
        for (name, f) in pairs {
            #expect(throws: Never.self, "\(name)") { try gradcheck({ f($0[0], $0[1]) * $0[0] }, [points.requiringGrad(), other.requiringGrad()]) }
            #expect(throws: Never.self, "\(name)") { try gradgradcheck({ f($0[0], $0[1]) * $0[0] }, [points.requiringGrad(), other.requiringGrad()]) }
        }
    }

    @Test func specialFunctions() {
        let all: [(String, Function)] = [
            ("erf", { $0.erf() }), ("erfc", { $0.erfc() }), ("lgamma", { $0.lgamma() }), ("digamma", { $0.digamma() }), ("polygamma", { $0.polygamma(2) }),
            ("i0", { $0.i0() }), ("i0e", { Special.i0e($0) }), ("i1", { Special.i1($0) }), ("i1e", { Special.i1e($0) }), ("sinc", { $0.sinc() }),
            ("entr", { Special.entr($0) }), ("erfcx", { Special.erfcx($0) }), ("ndtr", { Special.ndtr($0) }), ("logNdtr", { Special.logNdtr($0) }),
            ("mvlgamma", { ($0 + 2.0).mvlgamma(3) }), ("xlogy", { $0.xlogy($0 + 1.0) }), ("xlog1py", { $0.xlog1py($0) }),
        ]
        for (name, f) in all { check(name, positive, f) }
        check("erfinv", unit) { $0.erfinv() }
        check("ndtri", unit) { Special.ndtri($0) }
        check("logit", unit) { $0.logit() }
        check("igamma", positive, second: false) { Tensor(1.7, dtype: .float64).igamma($0) }
        check("zeta", positive, second: false) { Special.zeta(Tensor(2.5, dtype: .float64), $0) }
    }

    @Test func reductions() {
        let x = Tensor([0.3, -1.2, 2.4, 0.9, -0.7, 1.8], shape: [2, 3], dtype: .float64)
        let withZeros = Tensor([0.3, 0, 2.4, 0, -0.7, 0], shape: [2, 3], dtype: .float64)
        let all: [(String, Function)] = [
            ("var", { $0.var() }), ("var dim", { $0.var(dim: 1, correction: 0) }), ("std", { $0.std(dim: 0) }), ("prod", { $0.prod() }), ("prod dim", { $0.prod(dim: 1) }),
            ("logsumexp", { $0.logsumexp(dim: 1) }), ("norm 1.5", { $0.norm(1.5) }), ("norm 2", { $0.norm(2, dim: 1) }), ("norm 3", { $0.norm(3, dim: 0) }),
            ("cumsum", { $0.cumsum(dim: 1) * $0 }), ("cumprod", { $0.cumprod(dim: 1) }), ("logcumsumexp", { $0.logcumsumexp(dim: 1) * $0 }), ("cummax", { $0.cummax(dim: 1).values * $0 }),
            ("amax", { $0.amax(dim: 1).square() }), ("max", { $0.max() * $0 }), ("sort", { $0.sort(dim: 1, descending: true).values * $0 }), ("median", { $0.median(dim: 1).values * $0.sum() }),
            ("topk", { $0.topk(2).values.square() }), ("quantile", { $0.quantile(0.3, dim: 1).square() }), ("cov", { $0.cov() }), ("corrcoef", { $0.corrcoef() }),
            ("trapezoid", { ($0 * $0).trapezoid(dx: 0.5) }), ("gradient", { ($0 * $0).gradient(dims: [1])[0] }), ("diff", { ($0 * $0).diff(n: 2) }), ("nansum", { ($0 * $0).nansum([0]) }),
        ]
        for (name, f) in all { check(name, x, f) }
        check("prod with zeros", withZeros) { $0.prod(dim: 1) }
        check("prod with zeros", withZeros) { $0.prod() }
        check("cumprod with zeros", withZeros) { $0.cumprod(dim: 1) }
        // The form without n² products agrees with it.
        let leaf = withZeros.requiringGrad()
        let y = leaf.cumprod(dim: 1).sum()
        let plain = gradients(of: [y], withRespectTo: [leaf], retainGraph: true)[0]
        let recorded = gradients(of: [y], withRespectTo: [leaf], createGraph: true)[0]
        #expect(plain.allClose(recorded.detached()))
    }
}
