// Special functions: error functions, gamma and its kin, Bessel functions, orthogonal polynomials.
import TorchKernels
import TorchRuntime

private let twoOverRootPi = 1.1283791670955126
private let rootTwoPi = 2.5066282746310002

extension Tensor {
    // MARK: Error functions

    /// Error function. PyTorch: `torch.erf`.
    public func erf() -> Tensor { unary(.erf, "erf") { g, x in g * ((x * x).negated.exp() * twoOverRootPi) } }
    /// 1 - erf(x) without cancellation. PyTorch: `torch.erfc`.
    public func erfc() -> Tensor { unary(.erfc, "erfc") { g, x in g * ((x * x).negated.exp() * -twoOverRootPi) } }
    /// Inverse of the error function. PyTorch: `torch.erfinv`.
    public func erfinv() -> Tensor {
        if let cast = Autocast.raise(self, on: .cuda) { return cast.run { cast(self).erfinv() } }
        return unaryOfOutput(.erfinv, "erfinv", { g, y in g * ((y * y).exp() * (1 / twoOverRootPi)) })
    }

    fileprivate var negated: Tensor { -self }

    // MARK: Gamma functions

    /// Logarithm of |Γ(x)|. PyTorch: `torch.lgamma`.
    public func lgamma() -> Tensor { unary(.lgamma, "lgamma") { g, x in g * x.digamma() } }
    /// Logarithmic derivative of Γ. PyTorch: `torch.digamma`.
    public func digamma() -> Tensor { unary(.digamma, "digamma") { g, x in g * x.polygamma(1) } }

    /// n-th derivative of digamma. PyTorch: `torch.polygamma`.
    public func polygamma(_ n: Int) -> Tensor {
        guard n >= 0 else {
            TensorError.report("polygamma", "polygamma(n, x) does not support negative n, got \(n)")
            return .placeholder
        }
        if n == 0 { return digamma() }
        if n == 1 { return unary(.trigamma, "polygamma") { g, x in g * x.polygamma(2) } }
        let x = dtype.isDifferentiable ? self : to(DefaultDType.floating)
        return Tensor.combine(.polygamma, Tensor.number(n, x), x, "polygamma").recorded("polygamma", x) { g in g * x.polygamma(n + 1) }
    }

    /// Logarithm of the multivariate gamma function of dimension p. PyTorch: `torch.mvlgamma`.
    public func mvlgamma(_ p: Int) -> Tensor {
        guard p >= 1 else {
            TensorError.report("mvlgamma", "p has to be greater than or equal to 1, got \(p)")
            return .placeholder
        }
        let x = dtype.isDifferentiable ? self : to(DefaultDType.floating)
        guard !x.dtype.isComplex else {
            TensorError.report("mvlgamma", "mvlgamma is not implemented for \(dtype)")
            return .placeholder
        }
        let shifts = Tensor.table((0..<p).map { -Double($0) / 2 }, dtype: x.dtype, on: x.device)
        let constant = Double(p * (p - 1)) / 4 * 1.1447298858494002
        return (x.unsqueeze(-1) + shifts).lgamma().sum(dim: -1) + constant
    }

    /// Regularised lower incomplete gamma function P(self, other). Differentiable in `other` only. PyTorch: `torch.igamma`.
    public func igamma(_ other: Tensor) -> Tensor {
        Tensor.combine(.igamma, self, other, "igamma").recorded(
            "igamma", (self, { Tensor.noDerivative("igamma", towards: "the first argument", $0) }), (other, { g in g * self.gammaDensity(other) }))
    }

    /// Regularised upper incomplete gamma function Q(self, other). Differentiable in `other` only. PyTorch: `torch.igammac`.
    public func igammac(_ other: Tensor) -> Tensor {
        Tensor.combine(.igammac, self, other, "igammac").recorded(
            "igammac", (self, { Tensor.noDerivative("igammac", towards: "the first argument", $0) }), (other, { g in -(g * self.gammaDensity(other)) }))
    }

    private func gammaDensity(_ x: Tensor) -> Tensor { ((self - 1) * x.log() - x - lgamma()).exp() }

    /// PyTorch has no formula here either.
    fileprivate static func noDerivative(_ name: StaticString, towards what: String, _ g: Tensor) -> Tensor {
        TensorError.report("\(name)", "the derivative for '\(name)' towards \(what) is not implemented", hint: "detach that operand")
        return g.zerosLike()
    }

    // MARK: Logarithmic forms

    /// log(p / (1 - p)), with p limited to eps...1 - eps if given. PyTorch: `torch.logit`.
    public func logit(eps: Double? = nil) -> Tensor {
        let x = dtype.isDifferentiable ? self : to(DefaultDType.floating)
        // Half types are rounded once, at the end.
        var p = x.withoutGraph.converted(to: x.dtype.computeType)
        if let eps { p = p.clamp(min: eps, max: 1 - eps) }
        let out = (p / (1 - p)).log().converted(to: x.dtype)
        return Tensor(out.impl.alias()).recorded("logit", x) { g in
            let slope = g / (x * (1 - x))
            if let eps { return slope.kept(where: (x .>= eps).logicalAnd(x .<= 1 - eps)) }
            return (x .>= 0.0).logicalAnd(x .<= 1.0).select(slope, Tensor.number(Double.nan, g))
        }
    }

    /// log(e^self + e^other) without overflow. PyTorch: `torch.logaddexp`.
    public func logAddExp(_ other: Tensor) -> Tensor {
        if Tensor.resultType(self, other).isComplex {
            return Tensor.complexLogAddExp(withoutGraph, other.withoutGraph).recorded(
                "logAddExp", (self, { g in g / ((other - self).exp() + 1).conj() }), (other, { g in g / ((self - other).exp() + 1).conj() }))
        }
        return Tensor.binary(
            .logaddexp, self, other, "logAddExp",
            { g, a, b in g / ((b - a).exp() + 1).conjugateIfComplex }, { g, a, b in g / ((a - b).exp() + 1).conjugateIfComplex })
    }

    /// Around the operand with the larger real part, whose phase is kept unwrapped.
    static func complexLogAddExp(_ x: Tensor, _ y: Tensor) -> Tensor {
        let type = resultType(x, y)
        let (a, b) = (x.to(type), y.to(type))
        let aIsLess = a.real .< b.real
        let (low, high) = (aIsLess.select(a, b), aIsLess.select(b, a))
        let sum = (low - high).exp().log1p() + high
        return (high.real .== -Double.infinity).select(low, sum)
    }

    /// log2(2^self + 2^other) without overflow. PyTorch: `torch.logaddexp2`.
    public func logAddExp2(_ other: Tensor) -> Tensor {
        Tensor.binary(.logaddexp2, self, other, "logAddExp2", { g, a, b in g / ((b - a).exp2() + 1) }, { g, a, b in g / ((a - b).exp2() + 1) })
    }

    /// self * log(other), 0 where self is 0. PyTorch: `torch.xlogy`.
    public func xlogy(_ other: Tensor) -> Tensor {
        Tensor.binary(
            .xlogy, self, other, "xlogy", computation: .floating,
            { g, a, b in g.xlogy(b).kept(where: (a .== 0).logicalAnd(b .<= 0).logicalNot()) }, { g, a, b in g * a / b })
    }

    /// self * log1p(other), 0 where self is 0. PyTorch: `torch.special.xlog1py`.
    public func xlog1py(_ other: Tensor) -> Tensor {
        Tensor.binary(
            .xlog1py, self, other, "xlog1py", computation: .floating,
            { g, a, b in (g * b.log1p()).kept(where: (a .== 0).logicalAnd(b .<= -1).logicalNot()) }, { g, a, b in g * a / (b + 1) })
    }

    /// sin(πx) / (πx), 1 at 0. PyTorch: `torch.sinc`.
    public func sinc() -> Tensor {
        unary(.sinc, "sinc") { g, x in
            let angle = x * Double.pi
            let slope = (angle * angle.cos() - angle.sin()) / (angle * x)
            return (g * slope.conjugateIfComplex).kept(where: x .!= 0)
        }
    }

    /// Modified Bessel function of the first kind, order 0. PyTorch: `torch.i0`.
    public func i0() -> Tensor { unary(.i0, "i0") { g, x in g * Special.i1(x) } }

    // MARK: Integers and powers

    /// Greatest common divisor. PyTorch: `torch.gcd`.
    public func gcd(_ other: Tensor) -> Tensor { Tensor.combine(.gcd, self, other, "gcd") }
    /// Least common multiple. PyTorch: `torch.lcm`.
    public func lcm(_ other: Tensor) -> Tensor { Tensor.combine(.lcm, self, other, "lcm") }
    /// self * 2^other. PyTorch: `torch.ldexp`.
    public func ldexp(_ other: Tensor) -> Tensor { self * Tensor.number(.double(2)).pow(other) }

    /// Power in float64, or complex128 for complex operands. PyTorch: `torch.float_power`.
    public func floatPower(_ exponent: Tensor) -> Tensor {
        let type: DType = dtype.isComplex || exponent.dtype.isComplex ? .complex128 : .float64
        return wide(type).pow(exponent.wide(type))
    }

    private func wide(_ type: DType) -> Tensor {
        let t = to(type)
        return impl.isNumber ? Tensor(TensorImpl(t.operand, count: t.count, isContiguous: true, isNumber: true)) : t
    }
}

/// Special functions. PyTorch: `torch.special`. What is a method of `Tensor` (erf, lgamma, logit, …) is not repeated here.
public enum Special {
    // MARK: Exponential and normal distribution

    /// Entropy -x log(x); 0 at 0, -inf below. PyTorch: `torch.special.entr`.
    public static func entr(_ x: Tensor) -> Tensor { x.unary(.entr, "entr") { g, x in g * (-x.log() - 1) } }
    /// e^(x²) erfc(x). PyTorch: `torch.special.erfcx`.
    public static func erfcx(_ x: Tensor) -> Tensor { x.unary(.erfcx, "erfcx") { g, x in g * (x * erfcx(x) * 2 - twoOverRootPi) } }
    /// Distribution function of the standard normal. PyTorch: `torch.special.ndtr`.
    public static func ndtr(_ x: Tensor) -> Tensor { x.unary(.ndtr, "ndtr") { g, x in g * ((x * x * -0.5).exp() * (1 / rootTwoPi)) } }
    /// Its inverse, the quantile function. PyTorch: `torch.special.ndtri`.
    public static func ndtri(_ x: Tensor) -> Tensor { x.unaryOfOutput(.ndtri, "ndtri", { g, y in g * ((y * y * 0.5).exp() * rootTwoPi) }) }
    /// Logarithm of ndtr, accurate far out. PyTorch: `torch.special.log_ndtr`.
    public static func logNdtr(_ x: Tensor) -> Tensor {
        x.unary(.logNdtr, "logNdtr") { g, x in g / erfcx(x * -0.7071067811865476) * 0.7978845608028654 }
    }
    /// self * log1p(other). PyTorch: `torch.special.xlog1py`.
    public static func xlog1py(_ x: Tensor, _ y: Tensor) -> Tensor { x.xlog1py(y) }
    /// Hurwitz zeta function. Differentiable in `q` only. PyTorch: `torch.special.zeta`.
    public static func zeta(_ x: Tensor, _ q: Tensor) -> Tensor {
        let type = Tensor.resultType(x, q).isDifferentiable ? nil : DefaultDType.floating as DType?
        return Tensor.combine(.zeta, x, q, "zeta", KernelParameters(0), .floating).recorded(
            "zeta", (x, { Tensor.noDerivative("zeta", towards: "the first argument", $0) }), (q, { g in g * -(type.map(x.to) ?? x) * zeta(x + 1, q) }))
    }
    /// n-th derivative of digamma. PyTorch: `torch.special.polygamma`.
    public static func polygamma(_ n: Int, _ x: Tensor) -> Tensor { x.polygamma(n) }

    // MARK: Bessel functions

    /// e^-|x| i0(x). PyTorch: `torch.special.i0e`.
    public static func i0e(_ x: Tensor) -> Tensor { x.unary(.i0e, "i0e") { g, x in g * (i1e(x) - x.sgn() * i0e(x)) } }
    /// Modified Bessel function of the first kind, order 1. PyTorch: `torch.special.i1`.
    public static func i1(_ x: Tensor) -> Tensor {
        x.unary(.i1, "i1") { g, x in
            // The limit at 0 is 1/2.
            let atZero = x.abs() .<= x.dtype.epsilon
            let safe = atZero.select(Tensor.number(1.0, x), x)
            return g * atZero.select(Tensor.number(0.5, x), safe.i0() - i1(x) / safe)
        }
    }
    /// e^-|x| i1(x). PyTorch: `torch.special.i1e`.
    public static func i1e(_ x: Tensor) -> Tensor {
        x.unary(.i1e, "i1e") { g, x in
            let atZero = x.abs() .<= x.dtype.epsilon
            let safe = atZero.select(Tensor.number(1.0, x), x)
            return g * atZero.select(Tensor.number(0.5, x), i0e(safe) - i1e(x) * (safe.sgn() + safe.reciprocal()))
        }
    }

    /// A function that PyTorch does not differentiate.
    private static func undifferentiated(_ op: UnaryOp, _ name: StaticString, _ x: Tensor) -> Tensor {
        x.unary(op, name) { g, _ in Tensor.noDerivative("special function", towards: "its argument", g) }
    }

    /// Bessel function of the first kind, order 0. PyTorch: `torch.special.bessel_j0`.
    public static func besselJ0(_ x: Tensor) -> Tensor { undifferentiated(.besselJ0, "besselJ0", x) }
    /// Bessel function of the first kind, order 1. PyTorch: `torch.special.bessel_j1`.
    public static func besselJ1(_ x: Tensor) -> Tensor { undifferentiated(.besselJ1, "besselJ1", x) }
    /// Bessel function of the second kind, order 0. PyTorch: `torch.special.bessel_y0`.
    public static func besselY0(_ x: Tensor) -> Tensor { undifferentiated(.besselY0, "besselY0", x) }
    /// Bessel function of the second kind, order 1. PyTorch: `torch.special.bessel_y1`.
    public static func besselY1(_ x: Tensor) -> Tensor { undifferentiated(.besselY1, "besselY1", x) }
    /// Modified Bessel function of the first kind, order 0. PyTorch: `torch.special.modified_bessel_i0`.
    public static func modifiedBesselI0(_ x: Tensor) -> Tensor { undifferentiated(.modifiedBesselI0, "modifiedBesselI0", x) }
    /// Modified Bessel function of the first kind, order 1. PyTorch: `torch.special.modified_bessel_i1`.
    public static func modifiedBesselI1(_ x: Tensor) -> Tensor { undifferentiated(.modifiedBesselI1, "modifiedBesselI1", x) }
    /// Modified Bessel function of the second kind, order 0. PyTorch: `torch.special.modified_bessel_k0`.
    public static func modifiedBesselK0(_ x: Tensor) -> Tensor { undifferentiated(.modifiedBesselK0, "modifiedBesselK0", x) }
    /// Modified Bessel function of the second kind, order 1. PyTorch: `torch.special.modified_bessel_k1`.
    public static func modifiedBesselK1(_ x: Tensor) -> Tensor { undifferentiated(.modifiedBesselK1, "modifiedBesselK1", x) }
    /// e^x modifiedBesselK0(x). PyTorch: `torch.special.scaled_modified_bessel_k0`.
    public static func scaledModifiedBesselK0(_ x: Tensor) -> Tensor { undifferentiated(.scaledModifiedBesselK0, "scaledModifiedBesselK0", x) }
    /// e^x modifiedBesselK1(x). PyTorch: `torch.special.scaled_modified_bessel_k1`.
    public static func scaledModifiedBesselK1(_ x: Tensor) -> Tensor { undifferentiated(.scaledModifiedBesselK1, "scaledModifiedBesselK1", x) }
    /// Spherical Bessel function of the first kind, order 0. PyTorch: `torch.special.spherical_bessel_j0`.
    public static func sphericalBesselJ0(_ x: Tensor) -> Tensor { undifferentiated(.sphericalBesselJ0, "sphericalBesselJ0", x) }
    /// Airy function Ai. PyTorch: `torch.special.airy_ai`.
    public static func airyAi(_ x: Tensor) -> Tensor { undifferentiated(.airyAi, "airyAi", x) }

    // MARK: Orthogonal polynomials of degree n (truncated to a whole number); not differentiable, as in PyTorch

    private static func polynomial(_ op: BinaryOp, _ name: StaticString, _ x: Tensor, _ n: Tensor) -> Tensor {
        Tensor.combine(op, x, n, name, KernelParameters(0), .floating).recorded(
            name, (x, { Tensor.noDerivative("orthogonal polynomial", towards: "x", $0) }), (n, { Tensor.noDerivative("orthogonal polynomial", towards: "n", $0) }))
    }

    /// Chebyshev polynomial of the first kind. PyTorch: `torch.special.chebyshev_polynomial_t`.
    public static func chebyshevPolynomialT(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.chebyshevT, "chebyshevPolynomialT", x, n) }
    /// Chebyshev polynomial of the second kind. PyTorch: `torch.special.chebyshev_polynomial_u`.
    public static func chebyshevPolynomialU(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.chebyshevU, "chebyshevPolynomialU", x, n) }
    /// Chebyshev polynomial of the third kind. PyTorch: `torch.special.chebyshev_polynomial_v`.
    public static func chebyshevPolynomialV(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.chebyshevV, "chebyshevPolynomialV", x, n) }
    /// Chebyshev polynomial of the fourth kind. PyTorch: `torch.special.chebyshev_polynomial_w`.
    public static func chebyshevPolynomialW(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.chebyshevW, "chebyshevPolynomialW", x, n) }
    /// Chebyshev polynomial of the first kind on 0...1. PyTorch: `torch.special.shifted_chebyshev_polynomial_t`.
    public static func shiftedChebyshevPolynomialT(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.shiftedChebyshevT, "shiftedChebyshevPolynomialT", x, n) }
    /// Chebyshev polynomial of the second kind on 0...1. PyTorch: `torch.special.shifted_chebyshev_polynomial_u`.
    public static func shiftedChebyshevPolynomialU(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.shiftedChebyshevU, "shiftedChebyshevPolynomialU", x, n) }
    /// Chebyshev polynomial of the third kind on 0...1. PyTorch: `torch.special.shifted_chebyshev_polynomial_v`.
    public static func shiftedChebyshevPolynomialV(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.shiftedChebyshevV, "shiftedChebyshevPolynomialV", x, n) }
    /// Chebyshev polynomial of the fourth kind on 0...1. PyTorch: `torch.special.shifted_chebyshev_polynomial_w`.
    public static func shiftedChebyshevPolynomialW(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.shiftedChebyshevW, "shiftedChebyshevPolynomialW", x, n) }
    /// Physicists' Hermite polynomial. PyTorch: `torch.special.hermite_polynomial_h`.
    public static func hermitePolynomialH(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.hermiteH, "hermitePolynomialH", x, n) }
    /// Probabilists' Hermite polynomial. PyTorch: `torch.special.hermite_polynomial_he`.
    public static func hermitePolynomialHe(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.hermiteHe, "hermitePolynomialHe", x, n) }
    /// Laguerre polynomial. PyTorch: `torch.special.laguerre_polynomial_l`.
    public static func laguerrePolynomialL(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.laguerreL, "laguerrePolynomialL", x, n) }
    /// Legendre polynomial. PyTorch: `torch.special.legendre_polynomial_p`.
    public static func legendrePolynomialP(_ x: Tensor, _ n: Tensor) -> Tensor { polynomial(.legendreP, "legendrePolynomialP", x, n) }
}
