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

    /// Exclusive or of the elements' bits over `dims` (all if empty), each widened to 64 bits; uint64. PyTorch: `torch.hash_tensor`.
    public func hashTensor(_ dims: [Int] = [], keepDim: Bool = false) -> Tensor {
        guard !dtype.isComplex else {
            TensorError.report("hashTensor", "hash_tensor is not implemented for \(dtype)", hint: "use viewAsReal() first")
            return .placeholder
        }
        guard let d = checkedDims(dims.isEmpty ? nil : dims, "hashTensor") else { return .placeholder }
        let wide = dtype.isFloatingPoint ? withoutGraph.converted(to: .float64).contiguous().bits : withoutGraph.converted(to: .int64)
        let rest = (0..<rank).filter { !d.contains($0) }
        let n = reducedCount(d)
        var folded = wide.permuted(rest + d).contiguous().reshaped(Dims(rest.map { self.dims[$0] } + [n]))
        if n == 0 { folded = Tensor.zeros(Dims(rest.map { self.dims[$0] } + [1]), dtype: .int64, device: device) }
        // Halves onto each other until one is left.
        while folded.dims[rest.count] > 1 {
            let size = folded.dims[rest.count]
            let half = size / 2
            let pairs = folded.slice(-1, 0, half) ^ folded.slice(-1, half, 2 * half)
            folded = size % 2 == 0 ? pairs : cat([pairs, folded.slice(-1, size - 1)], dim: rest.count)
        }
        let sizes = keepDim ? Dims((0..<rank).map { d.contains($0) ? 1 : self.dims[$0] }) : Dims(rest.map { self.dims[$0] })
        return folded.contiguous().reshaped(sizes).converted(to: .uint64)
    }

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
