// Bits of integers and truth values of bool tensors: & | ^ ~ << >>.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// Bitwise (bool: logical) and. PyTorch: `torch.bitwise_and`.
    public func bitwiseAnd(_ other: Tensor) -> Tensor { Tensor.combine(.bitwiseAnd, self, other, "bitwiseAnd") }
    /// Bitwise (bool: logical) or. PyTorch: `torch.bitwise_or`.
    public func bitwiseOr(_ other: Tensor) -> Tensor { Tensor.combine(.bitwiseOr, self, other, "bitwiseOr") }
    /// Bitwise (bool: logical) exclusive or. PyTorch: `torch.bitwise_xor`.
    public func bitwiseXor(_ other: Tensor) -> Tensor { Tensor.combine(.bitwiseXor, self, other, "bitwiseXor") }
    /// Bitwise (bool: logical) not. PyTorch: `torch.bitwise_not`.
    public func bitwiseNot() -> Tensor { Tensor.map(.bitwiseNot, self, "bitwiseNot") }
    /// Bits moved up by `other` places. PyTorch: `torch.bitwise_left_shift`.
    public func bitwiseLeftShift(_ other: Tensor) -> Tensor { Tensor.combine(.shiftLeft, self, other, "bitwiseLeftShift") }
    /// Bits moved down by `other` places, the sign kept. PyTorch: `torch.bitwise_right_shift`.
    public func bitwiseRightShift(_ other: Tensor) -> Tensor { Tensor.combine(.shiftRight, self, other, "bitwiseRightShift") }

    /// Bitwise (bool: logical) and. PyTorch: `&`.
    public static func & (a: Tensor, b: Tensor) -> Tensor { a.bitwiseAnd(b) }
    /// Bitwise (bool: logical) or. PyTorch: `|`.
    public static func | (a: Tensor, b: Tensor) -> Tensor { a.bitwiseOr(b) }
    /// Bitwise (bool: logical) exclusive or. PyTorch: `^`.
    public static func ^ (a: Tensor, b: Tensor) -> Tensor { a.bitwiseXor(b) }
    /// Bitwise (bool: logical) not. PyTorch: `~`.
    public static prefix func ~ (x: Tensor) -> Tensor { x.bitwiseNot() }
    /// Bits moved up. PyTorch: `<<`.
    public static func << (a: Tensor, b: Tensor) -> Tensor { a.bitwiseLeftShift(b) }
    /// Bits moved down. PyTorch: `>>`.
    public static func >> (a: Tensor, b: Tensor) -> Tensor { a.bitwiseRightShift(b) }

    /// Bitwise and with a number.
    public static func & (a: Tensor, b: Int) -> Tensor { a.bitwiseAnd(number(.int(b))) }
    /// Bitwise or with a number.
    public static func | (a: Tensor, b: Int) -> Tensor { a.bitwiseOr(number(.int(b))) }
    /// Bitwise exclusive or with a number.
    public static func ^ (a: Tensor, b: Int) -> Tensor { a.bitwiseXor(number(.int(b))) }
    /// Bits moved up by a number of places.
    public static func << (a: Tensor, b: Int) -> Tensor { a.bitwiseLeftShift(number(.int(b))) }
    /// Bits moved down by a number of places.
    public static func >> (a: Tensor, b: Int) -> Tensor { a.bitwiseRightShift(number(.int(b))) }

    /// Bitwise and in place where nobody can notice.
    public static func &= (a: inout Tensor, b: Tensor) { a.update(.bitwiseAnd, b, "bitwiseAnd") { $0 & $1 } }
    /// Bitwise or in place where nobody can notice.
    public static func |= (a: inout Tensor, b: Tensor) { a.update(.bitwiseOr, b, "bitwiseOr") { $0 | $1 } }
    /// Bitwise exclusive or in place where nobody can notice.
    public static func ^= (a: inout Tensor, b: Tensor) { a.update(.bitwiseXor, b, "bitwiseXor") { $0 ^ $1 } }
}
