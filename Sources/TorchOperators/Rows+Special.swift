// Rows: special functions.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let special: [OperatorRow] = [
        .unary("special.entr") { x in Special.entr(x) },
        .unary("special.erfcx") { x in Special.erfcx(x) },
        .unary("special.ndtr") { x in Special.ndtr(x) },
        .unary("special.ndtri") { x in Special.ndtri(x) },
        .unary("special.log_ndtr") { x in Special.logNdtr(x) },
        .unary("special.i0e") { x in Special.i0e(x) },
        .unary("special.i1") { x in Special.i1(x) },
        .unary("special.i1e") { x in Special.i1e(x) },
        .binary("special.xlog1py") { x, y in x.xlog1py(y) },
        .binary("special.zeta") { x, y in Special.zeta(x, y) },
        OperatorRow("special.polygamma", "n, input") { a in try .tensor(a.tensor("input").polygamma(a.int("n"))) },

        bessel("airy_ai") { x in Special.airyAi(x) },
        bessel("bessel_j0") { x in Special.besselJ0(x) },
        bessel("bessel_j1") { x in Special.besselJ1(x) },
        bessel("bessel_y0") { x in Special.besselY0(x) },
        bessel("bessel_y1") { x in Special.besselY1(x) },
        bessel("modified_bessel_i0") { x in Special.modifiedBesselI0(x) },
        bessel("modified_bessel_i1") { x in Special.modifiedBesselI1(x) },
        bessel("modified_bessel_k0") { x in Special.modifiedBesselK0(x) },
        bessel("modified_bessel_k1") { x in Special.modifiedBesselK1(x) },
        bessel("scaled_modified_bessel_k0") { x in Special.scaledModifiedBesselK0(x) },
        bessel("scaled_modified_bessel_k1") { x in Special.scaledModifiedBesselK1(x) },
        bessel("spherical_bessel_j0") { x in Special.sphericalBesselJ0(x) },

        polynomial("chebyshev_polynomial_t") { x, n in Special.chebyshevPolynomialT(x, n) },
        polynomial("chebyshev_polynomial_u") { x, n in Special.chebyshevPolynomialU(x, n) },
        polynomial("chebyshev_polynomial_v") { x, n in Special.chebyshevPolynomialV(x, n) },
        polynomial("chebyshev_polynomial_w") { x, n in Special.chebyshevPolynomialW(x, n) },
        polynomial("shifted_chebyshev_polynomial_t") { x, n in Special.shiftedChebyshevPolynomialT(x, n) },
        polynomial("shifted_chebyshev_polynomial_u") { x, n in Special.shiftedChebyshevPolynomialU(x, n) },
        polynomial("shifted_chebyshev_polynomial_v") { x, n in Special.shiftedChebyshevPolynomialV(x, n) },
        polynomial("shifted_chebyshev_polynomial_w") { x, n in Special.shiftedChebyshevPolynomialW(x, n) },
        polynomial("hermite_polynomial_h") { x, n in Special.hermitePolynomialH(x, n) },
        polynomial("hermite_polynomial_he") { x, n in Special.hermitePolynomialHe(x, n) },
        polynomial("laguerre_polynomial_l") { x, n in Special.laguerrePolynomialL(x, n) },
        polynomial("legendre_polynomial_p") { x, n in Special.legendrePolynomialP(x, n) },
    ]

    /// PyTorch calls the argument `x` in some of these and `input` in others.
    private static func bessel(_ name: String, _ call: @escaping @Sendable (Tensor) -> Tensor) -> OperatorRow {
        let parameter = ["airy_ai", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1", "spherical_bessel_j0"].contains(name) ? "x" : "input"
        return OperatorRow("special." + name, parameter) { a in try .tensor(call(a.tensor(parameter))) }
    }

    private static func polynomial(_ name: String, _ call: @escaping @Sendable (Tensor, Tensor) -> Tensor) -> OperatorRow {
        .binary("special." + name, "x, n", call)
    }
}
