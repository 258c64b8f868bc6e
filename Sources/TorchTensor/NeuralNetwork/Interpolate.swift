// Resampling to another size.
import TorchRuntime

/// How values between samples are found. PyTorch: `mode` of `torch.nn.functional.interpolate`.
public enum InterpolationMode: String, Sendable {
    case nearest
    /// Nearest with the centre of pixels, as other libraries count.
    case nearestExact = "nearest-exact"
    case linear, bilinear, bicubic, trilinear
    /// Means over the area of each new pixel.
    case area
}

/// Resamples the spatial dims of x (n, c, spatial…). PyTorch: `torch.nn.functional.interpolate`.
///
/// - Parameters:
///   - size: sizes of the result; or
///   - scaleFactor: how much larger the result is.
///   - alignCorners: the centres of corner pixels stay in place (linear, bilinear, bicubic, trilinear).
///   - recomputeScaleFactor: the factor that is used follows from the rounded size.
///   - antialias: wider filters when shrinking (bilinear, bicubic).
public func interpolate(
    _ x: Tensor, size: [Int]? = nil, scaleFactor: [Double]? = nil, mode: InterpolationMode = .nearest, alignCorners: Bool? = nil, recomputeScaleFactor: Bool = false,
    antialias: Bool = false
) -> Tensor {
    let n = x.rank - 2
    guard n >= 1, n <= 3 else {
        TensorError.report(
            "interpolate",
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got \(x.rank)D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got \(mode.rawValue))")
        return .placeholder
    }
    let wanted: Int?
    switch mode {
    case .linear: wanted = 1
    case .bilinear, .bicubic: wanted = 2
    case .trilinear: wanted = 3
    default: wanted = nil
    }
    guard wanted == nil || wanted == n else {
        TensorError.report("interpolate", "Got \(x.rank)D input, but \(mode.rawValue) mode needs \(wanted! + 2)D input")
        return .placeholder
    }
    guard alignCorners == nil || wanted != nil else {
        TensorError.report("interpolate", "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear")
        return .placeholder
    }
    guard !antialias || mode == .bilinear || mode == .bicubic else {
        TensorError.report("interpolate", "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input")
        return .placeholder
    }
    let input = (0..<n).map { x.dims[$0 + 2] }
    var factors = [Double?](repeating: nil, count: n)
    let out: [Int]
    switch (size, scaleFactor) {
    case (let size?, nil):
        out = size.count == 1 ? [Int](repeating: size[0], count: n) : size
    case (nil, let scale?):
        let s = scale.count == 1 ? [Double](repeating: scale[0], count: n) : scale
        guard s.count == n else {
            TensorError.report("interpolate", "Input and scale_factor must have the same number of spatial dimensions, but got input with spatial dimensions of \(input) and scale_factor of \(scale)")
            return .placeholder
        }
        out = (0..<n).map {
            let v = Double(input[$0]) * s[$0]
            return v.isFinite && v < 9e15 ? Int(v.rounded(.down)) : -1
        }
        if !recomputeScaleFactor { factors = s }
    default:
        TensorError.report("interpolate", size == nil ? "either size or scale_factor should be defined" : "only one of size or scale_factor should be defined")
        return .placeholder
    }
    guard out.count == n, out.allSatisfy({ $0 > 0 }), input.allSatisfy({ $0 > 0 }) else {
        TensorError.report("interpolate", "Input and output sizes should be greater than 0, but got input \(input), output \(out)")
        return .placeholder
    }
    if mode == .area {
        switch n {
        case 1: return adaptiveAvgPool1d(x, out)
        case 2: return adaptiveAvgPool2d(x, out)
        default: return adaptiveAvgPool3d(x, out)
        }
    }
    let isNearest = mode == .nearest || mode == .nearestExact
    guard isNearest || x.dtype.isFloatingPoint else {
        TensorError.report("interpolate", "\"interpolate\" in mode \(mode.rawValue) not implemented for \(x.dtype)", hint: "convert with .to(.float32) first")
        return .placeholder
    }
    // float16 and bfloat16 are rounded once, at the end.
    var y = (!isNearest || x.isRecorded) && x.dtype.isFloatingPoint && x.dtype.itemSize == 2 ? x.to(.float32) : x
    // The innermost dim first, as the largest saving comes from shrinking it.
    for i in (0..<n).reversed() {
        let d = i + 2
        let line = Resampling(input: input[i], output: out[i], factor: factors[i], alignCorners: alignCorners ?? false, double: x.dtype == .float64)
        switch mode {
        case .nearest, .nearestExact:
            if input[i] != out[i] || factors[i] != nil { y = y.indexSelect(d, Tensor.table(line.nearest(exact: mode == .nearestExact), on: x.device)) }
        case .bicubic: y = antialias ? line.filtered(y, d, cubic: true) : line.cubic(y, d)
        default: y = antialias ? line.filtered(y, d, cubic: false) : line.linear(y, d)
        }
    }
    return y.to(x.dtype)
}

/// One dim's resampling.
private struct Resampling {
    let input, output: Int
    let factor: Double?
    let alignCorners: Bool
    /// Positions are computed in the elements' type, as PyTorch does.
    let double: Bool

    private func rounded(_ v: Double) -> Double { double ? v : Double(Float(v)) }

    private var scale: Double {
        if alignCorners { return output > 1 ? rounded(Double(input - 1) / Double(output - 1)) : 0 }
        if let factor, factor > 0 { return rounded(1 / factor) }
        return rounded(Double(input) / Double(output))
    }

    private func source(_ i: Int) -> Double {
        alignCorners ? rounded(scale * Double(i)) : rounded(rounded(scale * (Double(i) + 0.5)) - 0.5)
    }

    func nearest(exact: Bool) -> [Int] {
        let s = Float(factor.map { 1 / $0 } ?? Double(input) / Double(output))
        return (0..<output).map { i in
            let p = exact ? (Float(i) + 0.5) * s : Float(i) * s
            return Swift.min(Int(p.rounded(.down)), input - 1)
        }
    }

    /// Sum of picked slices times weights along `d`; `taps` lists (positions, weights).
    private func combined(_ x: Tensor, _ d: Int, _ taps: [([Int], [Double])]) -> Tensor {
        var shape = [Int](repeating: 1, count: x.rank)
        shape[d] = output
        var sum: Tensor?
        for (positions, weights) in taps {
            if weights.allSatisfy({ $0 == 0 }) { continue }
            let part = x.indexSelect(d, Tensor.table(positions, on: x.device)) * Tensor.table(weights, shape: shape, dtype: x.dtype, on: x.device)
            sum = sum.map { $0 + part } ?? part
        }
        return sum ?? x.indexSelect(d, Tensor.table(taps[0].0, on: x.device)) * 0.0
    }

    func linear(_ x: Tensor, _ d: Int) -> Tensor {
        if input == output && (factor == nil || alignCorners) { return x }
        var (low, high, a, b) = ([Int](), [Int](), [Double](), [Double]())
        for i in 0..<output {
            let s = Swift.max(0, source(i))
            let p = Swift.min(Int(s), input - 1)
            let w = Swift.min(Swift.max(s - Double(p), 0), 1)
            low.append(p)
            high.append(Swift.min(p + 1, input - 1))
            b.append(w)
            a.append(1 - w)
        }
        return combined(x, d, [(low, a), (high, b)])
    }

    func cubic(_ x: Tensor, _ d: Int) -> Tensor {
        var taps = [([Int], [Double])](repeating: ([], []), count: 4)
        for i in 0..<output {
            let s = source(i)
            let p = s.rounded(.down)
            let weights = cubicWeights(s - p)
            for k in 0..<4 {
                taps[k].0.append(Swift.min(Swift.max(Int(p) - 1 + k, 0), input - 1))
                taps[k].1.append(weights[k])
            }
        }
        return combined(x, d, taps)
    }

    /// Filters that widen when shrinking: a product with a narrow band.
    func filtered(_ x: Tensor, _ d: Int, cubic: Bool) -> Tensor {
        let s = scale
        let reach = (cubic ? 2.0 : 1.0) * Swift.max(s, 1)
        let inverse = s >= 1 ? 1 / s : 1
        func filter(_ t: Double) -> Double {
            let a = Swift.abs(t)
            guard cubic else { return a < 1 ? 1 - a : 0 }
            let c = -0.5
            if a < 1 { return ((c + 2) * a - (c + 3)) * a * a + 1 }
            return a < 2 ? (((a - 5) * a + 8) * a - 4) * c : 0
        }
        var band = [Double](repeating: 0, count: input * output)
        for i in 0..<output {
            let centre = s * (Double(i) + 0.5)
            let first = Swift.max(Int(centre - reach + 0.5), 0)
            let last = Swift.min(Int(centre + reach + 0.5), input)
            var weights = [Double]()
            var total = 0.0
            for k in first..<Swift.max(first, last) {
                let w = filter((Double(k) - centre + 0.5) * inverse)
                weights.append(w)
                total += w
            }
            for (k, w) in weights.enumerated() { band[(first + k) * output + i] = total == 0 ? w : w / total }
        }
        let matrix = Tensor.table(band, shape: [input, output], dtype: x.dtype, on: x.device)
        return x.moveDim(d, -1).matmul(matrix).moveDim(-1, d).contiguous()
    }
}

/// Weights of the four neighbours at distance `t` from the second, with PyTorch's constant -0.75.
private func cubicWeights(_ t: Double) -> [Double] {
    let a = -0.75
    func near(_ x: Double) -> Double { ((a + 2) * x - (a + 3)) * x * x + 1 }
    func far(_ x: Double) -> Double { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
    return [far(t + 1), near(t), near(1 - t), far(2 - t)]
}

/// Resampling to the nearest. PyTorch: `torch.nn.functional.upsample_nearest`.
public func upsampleNearest(_ x: Tensor, size: [Int]? = nil, scaleFactor: [Double]? = nil) -> Tensor { interpolate(x, size: size, scaleFactor: scaleFactor) }
/// Bilinear resampling with aligned corners. PyTorch: `torch.nn.functional.upsample_bilinear`.
public func upsampleBilinear(_ x: Tensor, size: [Int]? = nil, scaleFactor: [Double]? = nil) -> Tensor {
    interpolate(x, size: size, scaleFactor: scaleFactor, mode: .bilinear, alignCorners: true)
}
