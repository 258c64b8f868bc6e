// Discrete Fourier transforms along one dim or several.
import TorchKernels
import TorchRuntime

/// Discrete Fourier transforms. PyTorch: `torch.fft`.
///
/// Lengths of any size (mixed radices, Bluestein for large primes), float32 in float32 and float64 in float64. `n` and `s` cut the input or pad it with zeros first.
public enum FFT {
    /// Where the factor 1 / n goes.
    public enum Norm: String, Sendable {
        /// Into the inverse transform.
        case backward
        /// 1 / sqrt(n) into both.
        case ortho
        /// Into the forward transform.
        case forward
    }

    // MARK: Pieces

    /// A type that transforms compute in: integers and bool become the default one. Nil: reported.
    private static func floating(_ x: Tensor, _ name: String, complex: Bool) -> Tensor? {
        if let cast = Autocast.raise(x, on: .cpu) { return cast.run { floating(cast(x), name, complex: complex) } }
        var type = x.dtype.isDifferentiable ? x.dtype : DefaultDType.floating
        guard type != .float16, type != .bfloat16 else {
            TensorError.report(name, "Unsupported dtype \(x.dtype)", hint: "convert with .to(.float32) first")
            return nil
        }
        if complex { type = type.complex }
        return x.to(type)
    }

    private static func dim(_ x: Tensor, _ dim: Int, _ name: String) -> Int? {
        guard x.rank > 0 else {
            TensorError.report(name, "Dimension specified as \(dim) but tensor has no dimensions")
            return nil
        }
        return x.checkedDim(dim, name)
    }

    /// Cut or padded with zeros to length `n` along `d`.
    private static func resized(_ x: Tensor, _ d: Int, _ n: Int) -> Tensor {
        let size = x.dims[d]
        if n == size { return x }
        if n < size { return x.narrow(d, 0, n) }
        var sizes = x.dims
        sizes[d] = n
        return Tensor.embedding(x, into: sizes) { $0.narrow(d, 0, size) }
    }

    /// The unscaled complex transform along `d`.
    private static func transform(_ x: Tensor, _ d: Int, sign: Int, _ name: StaticString) -> Tensor {
        let last = d == x.rank - 1
        let rows = noGrad { (last ? x.withoutGraph : x.withoutGraph.moveDim(d, -1)).contiguous() }
        let out = Tensor.make(rows.dims, x.dtype, device: x.device)
        guard x.backend.fft(out.operand, rows.operand, sign: sign) else {
            TensorError.report("\(name)", "not implemented for \(x.dtype)")
            return .placeholder
        }
        let y = last ? out : noGrad { out.moveDim(-1, d) }
        return Tensor(y.impl.alias()).recorded(name, x) { g in transform(g, d, sign: -sign, name) }
    }

    /// The factor of a transform of `count` points.
    private static func scaled(_ x: Tensor, _ norm: Norm, forward: Bool, _ count: Int) -> Tensor {
        switch norm {
        case .ortho: return x * (1 / Double(count).squareRoot())
        case .forward: return forward ? x * (1 / Double(count)) : x
        case .backward: return forward ? x : x * (1 / Double(count))
        }
    }

    /// The first n / 2 + 1 values of the transform of real numbers.
    private static func halfTransform(_ x: Tensor, _ d: Int, _ name: StaticString) -> Tensor {
        transform(x.to(x.dtype.complex), d, sign: -1, name).narrow(d, 0, x.dims[d] / 2 + 1)
    }

    /// Real numbers of length `n` from the first n / 2 + 1 values of their transform: the unscaled inverse.
    private static func fromHalf(_ x: Tensor, _ d: Int, _ n: Int, _ name: StaticString) -> Tensor {
        let y: Tensor = noGrad {
            let half = x.withoutGraph
            if n <= 2 { return transform(half, d, sign: 1, name).real.contiguous() }
            let mirror = Tensor.table((1..<(n - n / 2)).reversed(), on: x.device)
            return transform(cat([half, half.indexSelect(d, mirror).conj()], dim: d), d, sign: 1, name).real.contiguous()
        }
        return Tensor(y.impl.alias()).recorded(name, x) { g in
            // Values that stand for two count twice.
            var weights = [Double](repeating: 2, count: n / 2 + 1)
            weights[0] = 1
            if n % 2 == 0 { weights[n / 2] = 1 }
            var shape = Dims(rank: g.rank, repeating: 1)
            shape[d] = weights.count
            return halfTransform(g, d, name) * Tensor.table(weights, dtype: g.dtype, on: g.device).reshaped(shape)
        }
    }

    private static func isPositive(_ n: Int, _ name: String) -> Bool {
        if n >= 1 { return true }
        TensorError.report(name, "Invalid number of data points (\(n)) specified")
        return false
    }

    private static func isReal(_ x: Tensor, _ name: String) -> Bool {
        if !x.dtype.isComplex { return true }
        TensorError.report(name, "\(name) expects a real input tensor, but got \(x.dtype)")
        return false
    }

    // MARK: One dim

    private static func complexTransform(_ x: Tensor, _ n: Int?, _ dim: Int, _ norm: Norm, forward: Bool, _ name: String) -> Tensor {
        guard let d = self.dim(x, dim, name), let input = floating(x, name, complex: true) else { return .placeholder }
        let count = n ?? x.dims[d]
        guard isPositive(count, name) else { return .placeholder }
        return scaled(transform(resized(input, d, count), d, sign: forward ? -1 : 1, "fft"), norm, forward: forward, count)
    }

    /// The transform along one dim, complex. PyTorch: `torch.fft.fft`.
    public static func fft(_ x: Tensor, n: Int? = nil, dim: Int = -1, norm: Norm = .backward) -> Tensor { complexTransform(x, n, dim, norm, forward: true, "fft") }
    /// The inverse of `fft`. PyTorch: `torch.fft.ifft`.
    public static func ifft(_ x: Tensor, n: Int? = nil, dim: Int = -1, norm: Norm = .backward) -> Tensor { complexTransform(x, n, dim, norm, forward: false, "ifft") }

    private static func realTransform(_ x: Tensor, _ n: Int?, _ dim: Int, _ norm: Norm, forward: Bool, _ name: String) -> Tensor {
        guard isReal(x, name), let d = self.dim(x, dim, name), let input = floating(x, name, complex: false) else { return .placeholder }
        let count = n ?? x.dims[d]
        guard isPositive(count, name) else { return .placeholder }
        let half = halfTransform(resized(input, d, count), d, "rfft")
        return scaled(forward ? half : half.conj(), norm, forward: forward, count)
    }

    /// The first n / 2 + 1 values of the transform of real numbers; the others are their conjugates. PyTorch: `torch.fft.rfft`.
    public static func rfft(_ x: Tensor, n: Int? = nil, dim: Int = -1, norm: Norm = .backward) -> Tensor { realTransform(x, n, dim, norm, forward: true, "rfft") }
    /// The inverse of `hfft`: half of a Hermitian result from real numbers. PyTorch: `torch.fft.ihfft`.
    public static func ihfft(_ x: Tensor, n: Int? = nil, dim: Int = -1, norm: Norm = .backward) -> Tensor { realTransform(x, n, dim, norm, forward: false, "ihfft") }

    private static func hermitianTransform(_ x: Tensor, _ n: Int?, _ dim: Int, _ norm: Norm, forward: Bool, _ name: String) -> Tensor {
        guard let d = self.dim(x, dim, name), let input = floating(x, name, complex: true) else { return .placeholder }
        let count = n ?? 2 * (x.dims[d] - 1)
        guard isPositive(count, name) else { return .placeholder }
        let half = resized(forward ? input.conj() : input, d, count / 2 + 1)
        return scaled(fromHalf(half, d, count, "irfft"), norm, forward: forward, count)
    }

    /// The inverse of `rfft`: `n` real numbers (an even count by default). PyTorch: `torch.fft.irfft`.
    public static func irfft(_ x: Tensor, n: Int? = nil, dim: Int = -1, norm: Norm = .backward) -> Tensor { hermitianTransform(x, n, dim, norm, forward: false, "irfft") }
    /// The transform, real, of a Hermitian signal given by its first n / 2 + 1 values. PyTorch: `torch.fft.hfft`.
    public static func hfft(_ x: Tensor, n: Int? = nil, dim: Int = -1, norm: Norm = .backward) -> Tensor { hermitianTransform(x, n, dim, norm, forward: true, "hfft") }

    // MARK: Several dims

    /// Dims as positions and their lengths after cutting or padding. `half`: the last one stands for 2 (size - 1) values unless `s` says.
    private static func plan(_ x: Tensor, _ s: [Int]?, _ dims: [Int]?, _ name: String, half: Bool = false) -> [(dim: Int, size: Int)]? {
        if let s, let dims, s.count != dims.count {
            TensorError.report(name, "When given, dim and shape arguments must have the same length: s \(s), dim \(dims)")
            return nil
        }
        if let s, dims == nil, s.count > x.rank {
            TensorError.report(name, "Got shape with \(s.count) values but input tensor only has \(x.rank) dimensions.")
            return nil
        }
        let chosen = dims ?? (s.map { Array((x.rank - $0.count)..<x.rank) } ?? Array(0..<x.rank))
        if x.rank == 0, let first = chosen.first {
            TensorError.report(name, "Dimension specified as \(first) but tensor has no dimensions")
            return nil
        }
        guard let d = x.checkedDims(chosen, name) else { return nil }
        var result: [(dim: Int, size: Int)] = []
        for (i, p) in d.enumerated() {
            let given = s.map { $0[i] } ?? -1
            let size = given != -1 ? given : half && i == d.count - 1 ? 2 * (x.dims[p] - 1) : x.dims[p]
            guard isPositive(size, name) else { return nil }
            result.append((p, size))
        }
        return result
    }

    private static func transforms(_ x: Tensor, _ plan: some Sequence<(dim: Int, size: Int)>, sign: Int) -> Tensor {
        plan.reduce(x) { y, p in transform(resized(y, p.dim, p.size), p.dim, sign: sign, "fftn") }
    }

    private static func points(_ plan: [(dim: Int, size: Int)]) -> Int { plan.reduce(1) { $0 * $1.size } }

    private static func complexTransforms(_ x: Tensor, _ s: [Int]?, _ dims: [Int]?, _ norm: Norm, forward: Bool, _ name: String) -> Tensor {
        guard let p = plan(x, s, dims, name), let input = floating(x, name, complex: true) else { return .placeholder }
        return scaled(transforms(input, p, sign: forward ? -1 : 1), norm, forward: forward, points(p))
    }

    private static func realTransforms(_ x: Tensor, _ s: [Int]?, _ dims: [Int]?, _ norm: Norm, forward: Bool, _ name: String) -> Tensor {
        guard isReal(x, name), let p = plan(x, s, dims, name), let input = floating(x, name, complex: false) else { return .placeholder }
        guard let last = p.last else {
            TensorError.report(name, "\(name) must transform at least one axis")
            return .placeholder
        }
        let cut = p.reduce(input) { resized($0, $1.dim, $1.size) }
        let half = halfTransform(cut, last.dim, "rfft")
        return scaled(transforms(forward ? half : half.conj(), p.dropLast(), sign: forward ? -1 : 1), norm, forward: forward, points(p))
    }

    private static func hermitianTransforms(_ x: Tensor, _ s: [Int]?, _ dims: [Int]?, _ norm: Norm, forward: Bool, _ name: String) -> Tensor {
        guard let p = plan(x, s, dims, name, half: true), let input = floating(x, name, complex: true) else { return .placeholder }
        guard let last = p.last else {
            TensorError.report(name, "\(name) must transform at least one axis")
            return .placeholder
        }
        let others = transforms(resized(input, last.dim, last.size / 2 + 1), p.dropLast(), sign: forward ? -1 : 1)
        return scaled(fromHalf(forward ? others.conj() : others, last.dim, last.size, "irfftn"), norm, forward: forward, points(p))
    }

    /// The transform over several dims (all by default; the last ones where only `s` is given). PyTorch: `torch.fft.fftn`.
    public static func fftn(_ x: Tensor, s: [Int]? = nil, dims: [Int]? = nil, norm: Norm = .backward) -> Tensor { complexTransforms(x, s, dims, norm, forward: true, "fftn") }
    /// The inverse of `fftn`. PyTorch: `torch.fft.ifftn`.
    public static func ifftn(_ x: Tensor, s: [Int]? = nil, dims: [Int]? = nil, norm: Norm = .backward) -> Tensor { complexTransforms(x, s, dims, norm, forward: false, "ifftn") }
    /// The transform of real numbers over several dims, half of the last one. PyTorch: `torch.fft.rfftn`.
    public static func rfftn(_ x: Tensor, s: [Int]? = nil, dims: [Int]? = nil, norm: Norm = .backward) -> Tensor { realTransforms(x, s, dims, norm, forward: true, "rfftn") }
    /// The inverse of `rfftn`. PyTorch: `torch.fft.irfftn`.
    public static func irfftn(_ x: Tensor, s: [Int]? = nil, dims: [Int]? = nil, norm: Norm = .backward) -> Tensor { hermitianTransforms(x, s, dims, norm, forward: false, "irfftn") }
    /// The transform, real, of a signal that is Hermitian in its last dim. PyTorch: `torch.fft.hfftn`.
    public static func hfftn(_ x: Tensor, s: [Int]? = nil, dims: [Int]? = nil, norm: Norm = .backward) -> Tensor { hermitianTransforms(x, s, dims, norm, forward: true, "hfftn") }
    /// The inverse of `hfftn`. PyTorch: `torch.fft.ihfftn`.
    public static func ihfftn(_ x: Tensor, s: [Int]? = nil, dims: [Int]? = nil, norm: Norm = .backward) -> Tensor { realTransforms(x, s, dims, norm, forward: false, "ihfftn") }

    /// `fftn` over the last two dims. PyTorch: `torch.fft.fft2`.
    public static func fft2(_ x: Tensor, s: [Int]? = nil, dims: [Int] = [-2, -1], norm: Norm = .backward) -> Tensor { fftn(x, s: s, dims: dims, norm: norm) }
    /// `ifftn` over the last two dims. PyTorch: `torch.fft.ifft2`.
    public static func ifft2(_ x: Tensor, s: [Int]? = nil, dims: [Int] = [-2, -1], norm: Norm = .backward) -> Tensor { ifftn(x, s: s, dims: dims, norm: norm) }
    /// `rfftn` over the last two dims. PyTorch: `torch.fft.rfft2`.
    public static func rfft2(_ x: Tensor, s: [Int]? = nil, dims: [Int] = [-2, -1], norm: Norm = .backward) -> Tensor { rfftn(x, s: s, dims: dims, norm: norm) }
    /// `irfftn` over the last two dims. PyTorch: `torch.fft.irfft2`.
    public static func irfft2(_ x: Tensor, s: [Int]? = nil, dims: [Int] = [-2, -1], norm: Norm = .backward) -> Tensor { irfftn(x, s: s, dims: dims, norm: norm) }
    /// `hfftn` over the last two dims. PyTorch: `torch.fft.hfft2`.
    public static func hfft2(_ x: Tensor, s: [Int]? = nil, dims: [Int] = [-2, -1], norm: Norm = .backward) -> Tensor { hfftn(x, s: s, dims: dims, norm: norm) }
    /// `ihfftn` over the last two dims. PyTorch: `torch.fft.ihfft2`.
    public static func ihfft2(_ x: Tensor, s: [Int]? = nil, dims: [Int] = [-2, -1], norm: Norm = .backward) -> Tensor { ihfftn(x, s: s, dims: dims, norm: norm) }

    // MARK: Frequencies

    /// Frequencies of `fft`'s values for samples `d` apart: 0, 1, …, -1 over n d. PyTorch: `torch.fft.fftfreq`.
    public static func fftfreq(_ n: Int, d: Double = 1, dtype: DType? = nil, device: Device = .default) -> Tensor {
        let values = (0..<Swift.max(n, 0)).map { Double($0 < (n + 1) / 2 ? $0 : $0 - n) / (Double(n) * d) }
        return Tensor(values, dtype: dtype, device: device)
    }

    /// Frequencies of `rfft`'s values. PyTorch: `torch.fft.rfftfreq`.
    public static func rfftfreq(_ n: Int, d: Double = 1, dtype: DType? = nil, device: Device = .default) -> Tensor {
        let values = (0..<(Swift.max(n, 0) / 2 + 1)).map { Double($0) / (Double(n) * d) }
        return Tensor(values, dtype: dtype, device: device)
    }

    /// Moves frequency 0 to the middle. PyTorch: `torch.fft.fftshift`.
    public static func fftshift(_ x: Tensor, dims: [Int]? = nil) -> Tensor { rotated(x, dims, "fftshift") { $0 / 2 } }
    /// The inverse of `fftshift`. PyTorch: `torch.fft.ifftshift`.
    public static func ifftshift(_ x: Tensor, dims: [Int]? = nil) -> Tensor { rotated(x, dims, "ifftshift") { ($0 + 1) / 2 } }

    private static func rotated(_ x: Tensor, _ dims: [Int]?, _ name: String, by shift: (Int) -> Int) -> Tensor {
        guard let d = x.checkedDims(dims, name) else { return .placeholder }
        return d.reduce(x) { y, p in
            let n = y.dims[p]
            let k = n == 0 ? 0 : shift(n) % n
            return k == 0 ? y : cat([y.narrow(p, n - k, k), y.narrow(p, 0, n - k)], dim: p)
        }
    }
}
