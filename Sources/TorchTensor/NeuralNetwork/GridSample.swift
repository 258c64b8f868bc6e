// Sampling at given places.
import TorchRuntime

/// How values between pixels are found. PyTorch: `mode` of `grid_sample`.
public enum GridSampleMode: String, Sendable { case bilinear, nearest, bicubic }
/// What lies outside. PyTorch: `padding_mode` of `grid_sample`.
public enum GridSamplePadding: String, Sendable { case zeros, border, reflection }

/// Values of x (n, c, h, w) at the places of grid (n, h', w', 2), or in 3-D (n, d', h', w', 3); -1 and 1 are the borders, the innermost dim comes first. PyTorch: `torch.nn.functional.grid_sample`.
public func gridSample(_ x: Tensor, _ grid: Tensor, mode: GridSampleMode = .bilinear, padding: GridSamplePadding = .zeros, alignCorners: Bool = false) -> Tensor {
    if let cast = Autocast.raise(x, grid, on: .cpu) { return cast.run { gridSample(cast(x), cast(grid), mode: mode, padding: padding, alignCorners: alignCorners) } }
    let n = x.rank - 2
    guard n == 2 || n == 3, grid.rank == x.rank, grid.dims[grid.rank - 1] == n, grid.dims[0] == x.dims[0] else {
        TensorError.report(
            "gridSample",
            "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions and batch, and grid to have size \(n) in last dimension, but got input \(x.dims) and grid \(grid.dims)")
        return .placeholder
    }
    guard x.dtype.isFloatingPoint, grid.dtype == x.dtype else {
        TensorError.report("gridSample", "grid_sampler(): expected input and grid to have one floating dtype, but input has \(x.dtype) and grid has \(grid.dtype)")
        return .placeholder
    }
    guard (1..<x.rank).allSatisfy({ x.dims[$0] > 0 }) else {
        TensorError.report("gridSample", "grid_sampler(): expected input to have non-empty dimensions apart from the batch, but input has sizes \(x.dims)")
        return .placeholder
    }
    guard mode != .bicubic || n == 2 else {
        TensorError.report("gridSample", "grid_sampler(): bicubic interpolation only supports 4D input")
        return .placeholder
    }
    // float16 and bfloat16 are rounded once, at the end.
    if x.dtype.itemSize == 2 {
        return gridSample(x.to(.float32), grid.to(.float32), mode: mode, padding: padding, alignCorners: alignCorners).to(x.dtype)
    }
    let sampler = GridSampler(x, grid, padding, alignCorners)
    switch mode {
    case .bilinear: return sampler.linear()
    case .nearest: return sampler.nearest()
    case .bicubic: return sampler.cubic()
    }
}

private struct GridSampler {
    let x: Tensor
    let n: Int
    let sizes: [Int]
    let padding: GridSamplePadding
    let alignCorners: Bool
    let planes: Tensor
    let outShape: [Int]
    /// Unnormalised position along each spatial dim, (n, places).
    let places: [Tensor]

    init(_ x: Tensor, _ grid: Tensor, _ padding: GridSamplePadding, _ alignCorners: Bool) {
        self.x = x
        n = x.rank - 2
        sizes = Array(x.dims[2...])
        self.padding = padding
        self.alignCorners = alignCorners
        planes = x.flatten(startDim: 2)
        outShape = [x.dims[0], x.dims[1]] + Array(grid.dims[1..<(grid.rank - 1)])
        let count = grid.dims[1..<(grid.rank - 1)].reduce(1, *)
        let batch = x.dims[0]
        var places: [Tensor] = []
        for i in 0..<n {
            let g = grid.select(-1, n - 1 - i).reshape([batch, count])
            let size = Double(sizes[i])
            places.append(alignCorners ? (g + 1.0) * ((size - 1) / 2) : ((g + 1.0) * size - 1.0) * 0.5)
        }
        self.places = places
    }

    /// Within [0, size - 1]; the gradient stops at the border.
    private func clipped(_ p: Tensor, _ i: Int) -> Tensor {
        let top = Double(sizes[i] - 1)
        let zeros = p.withoutGraph.zerosLike()
        let low = (p.withoutGraph .> 0).select(p, zeros)
        return (low.withoutGraph .< top).select(low, zeros + top)
    }

    /// Reflected at the borders (between pixels, or at the corners' centres).
    private func reflected(_ p: Tensor, _ i: Int) -> Tensor {
        let (twiceLow, twiceHigh) = alignCorners ? (0.0, 2 * Double(sizes[i] - 1)) : (-1.0, 2 * Double(sizes[i]) - 1)
        if twiceLow == twiceHigh { return p * 0.0 }
        let low = twiceLow / 2
        let span = (twiceHigh - twiceLow) / 2
        let shifted = p - low
        let distance = (shifted.withoutGraph .< 0).select(-shifted, shifted)
        let flips = noGrad { Tensor.map(.floor, distance.withoutGraph / span, "gridSample") }
        let extra = distance - flips * span
        let even = noGrad { (flips - Tensor.map(.floor, flips * 0.5, "gridSample") * 2.0) .== 0 }
        return even.select(extra + low, (span + low) - extra)
    }

    private func padded(_ p: Tensor, _ i: Int) -> Tensor {
        switch padding {
        case .zeros: p
        case .border: clipped(p, i)
        case .reflection: clipped(reflected(p, i), i)
        }
    }

    /// The pixels at whole positions (n, places) along each dim: (n, c, places); zero outside.
    private func pixels(_ at: [Tensor]) -> Tensor {
        var index: Tensor?
        var inside: Tensor?
        for i in 0..<n {
            let p = at[i].withoutGraph
            let top = Double(sizes[i] - 1)
            let valid = (p .>= 0).logicalAnd(p .<= top)
            // What is outside, infinite or NaN reads pixel 0 and counts nothing.
            let safe = valid.select(p, p.zerosLike()).to(.int64)
            index = index.map { $0 * sizes[i] + safe } ?? safe
            inside = inside.map { $0.logicalAnd(valid) } ?? valid
        }
        let (batch, channels, count) = (x.dims[0], x.dims[1], index!.dims[1])
        let picked = planes.gather(2, index!.unsqueeze(1).expand(batch, channels, count))
        return inside!.unsqueeze(1).select(picked, picked.withoutGraph.zerosLike())
    }

    func linear() -> Tensor {
        let at = (0..<n).map { padded(places[$0], $0) }
        let floors = at.map { p in noGrad { Tensor.map(.floor, p.withoutGraph, "gridSample") } }
        let fractions = (0..<n).map { at[$0] - floors[$0] }
        var sum: Tensor?
        for corner in 0..<(1 << n) {
            var weight: Tensor?
            var position: [Tensor] = []
            for i in 0..<n {
                let upper = corner >> (n - 1 - i) & 1 == 1
                let w = upper ? fractions[i] : 1.0 - fractions[i]
                weight = weight.map { $0 * w } ?? w
                position.append(upper ? floors[i] + 1.0 : floors[i])
            }
            let part = pixels(position) * weight!.unsqueeze(1)
            sum = sum.map { $0 + part } ?? part
        }
        return sum!.reshape(outShape)
    }

    func nearest() -> Tensor {
        let at = (0..<n).map { i in noGrad { Tensor.map(.round, padded(places[i], i).withoutGraph, "gridSample") } }
        let y = pixels(at)
        guard places.contains(where: \.isRecorded) else { return y.reshape(outShape) }
        // The places have a gradient of zero, not none.
        var zero: Tensor?
        for p in places where p.isRecorded {
            let flat = p.unaryFlat(.sign, "gridSample") * 0.0
            zero = zero.map { $0 + flat } ?? flat
        }
        return (y + zero!.unsqueeze(1)).reshape(outShape)
    }

    func cubic() -> Tensor {
        let floors = places.map { p in noGrad { Tensor.map(.floor, p.withoutGraph, "gridSample") } }
        let a = -0.75
        let (c3, c2): (Double, Double) = (a + 2, a + 3)
        let (d2, d1, d0): (Double, Double, Double) = (-5 * a, 8 * a, -4 * a)
        func near(_ t: Tensor) -> Tensor {
            let inner: Tensor = t * c3 - c2
            let outer: Tensor = inner * t * t
            return outer + 1.0
        }
        func far(_ t: Tensor) -> Tensor {
            let cubic: Tensor = (t * a + d2) * t
            let rest: Tensor = (cubic + d1) * t
            return rest + d0
        }
        func weights(_ i: Int) -> [Tensor] {
            let t = places[i] - floors[i]
            return [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
        }
        let (wy, wx) = (weights(0), weights(1))
        var sum: Tensor?
        for j in 0..<4 {
            let row = noGrad { padded(floors[0] + Double(j - 1), 0) }
            for k in 0..<4 {
                let column = noGrad { padded(floors[1] + Double(k - 1), 1) }
                let part = pixels([row, column]) * (wy[j] * wx[k]).unsqueeze(1)
                sum = sum.map { $0 + part } ?? part
            }
        }
        return sum!.reshape(outShape)
    }
}

/// A grid for `gridSample` from affine maps: theta (n, 2, 3) and size (n, c, h, w), or (n, 3, 4) and (n, c, d, h, w). PyTorch: `torch.nn.functional.affine_grid`.
public func affineGrid(_ theta: Tensor, size: [Int], alignCorners: Bool = false) -> Tensor {
    let n = size.count - 2
    guard n == 2 || n == 3, theta.dims == [size[0], n, n + 1], theta.dtype.isFloatingPoint, size.allSatisfy({ $0 > 0 }) else {
        TensorError.report(
            "affineGrid", "Expected a batch of 2D affine matrices of shape Nx2x3 for size (n, c, h, w), or of 3D ones of shape Nx3x4 for size (n, c, d, h, w). Got \(theta.dims) and \(size).")
        return .placeholder
    }
    func line(_ count: Int) -> [Double] {
        if count == 1 { return [0] }
        return (0..<count).map { i -> Double in
            let position = Double(i)
            if alignCorners { return -1 + 2 * position / Double(count - 1) }
            return (2 * position + 1) / Double(count) - 1
        }
    }
    let spatial = Array(size[2...])
    var columns: [Tensor] = []
    for i in (0..<n).reversed() {
        var shape = [Int](repeating: 1, count: n)
        shape[i] = spatial[i]
        columns.append(Tensor(line(spatial[i]), shape: shape, dtype: .float64, device: .cpu).expand(spatial).reshape([-1, 1]))
    }
    // (places, n + 1): x, y, z, 1.
    let count = spatial.reduce(1, *)
    let base = Tensor.full([count, n + 1], 1.0, dtype: .float64, device: .cpu)
    for (i, c) in columns.enumerated() {
        base.backend.copy(noGrad { base.slice(1, i, i + 1) }.operand, c.operand)
    }
    let points = base.to(theta.dtype).to(theta.device)
    return points.unsqueeze(0).expand(size[0], count, n + 1).matmul(theta.mT).reshape([size[0]] + spatial + [n])
}
