// Products of matrices on the device: by cuBLASLt where it is found, else by our own kernels, on tensor cores where type and layout allow it.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    public func matmul(_ out: Operand, _ a: Operand, _ b: Operand, alpha: Double, beta: Double) -> Bool {
        let host = { onCPU("matmul", [beta == 0 ? .write(out) : .update(out), .read(a), .read(b)], failure: true) { $0.matmul($1[0], $1[1], $1[2], alpha: alpha, beta: beta) } }
        guard KernelFamily.matmul.has(out.dtype) else { return host() }
        return onDevice(
            "matmul", failure: true,
            { () throws(DeviceError) in
                // The kernels write rows; a result that lies by columns is the transposed product.
                if out.strides[2] == 1 || out.sizes[2] == 1 {
                    try multiply(MatrixProduct(out, a, b, alpha, beta))
                } else if out.strides[1] == 1 || out.sizes[1] == 1 {
                    try multiply(MatrixProduct(Self.transposed(out), Self.transposed(b), Self.transposed(a), alpha, beta))
                } else {
                    throw .kernel("matmul", log: "the result has no dim of stride 1")
                }
                return true
            }, host: host)
    }

    public func affine(_ out: Operand, _ a: Operand, _ b: Operand, bias: Operand) -> Bool {
        let host = {
            copy(out, bias)
            return matmul(out, a, b, alpha: 1, beta: 1)
        }
        // One bias for each column, contiguous, is added where the product is written.
        let isVector = bias.strides[0] == 0 && bias.strides[1] == 0 && (bias.strides[2] == 1 || bias.sizes[2] == 1)
        guard out.dtype.isDifferentiable, isVector, out.strides[2] == 1 || out.sizes[2] == 1 else { return host() }
        return onDevice(
            "affine", failure: true,
            { () throws(DeviceError) in
                try gpu.checkPlace(bias)
                try multiply(MatrixProduct(out, a, b, bias: bias, 1, 0))
                return true
            }, host: host)
    }

    static func transposed(_ x: Operand) -> Operand {
        x.view(sizes: [x.sizes[0], x.sizes[2], x.sizes[1]], strides: [x.strides[0], x.strides[2], x.strides[1]])
    }

    /// `exact`: float32 is not rounded to tf32, whatever is allowed.
    func multiply(_ p: MatrixProduct, exact: Bool = false) throws(DeviceError) {
        for o in [p.out, p.a, p.b] { try gpu.checkPlace(o) }
        if p.batch == 0 || p.m == 0 || p.n == 0 { return }
        guard max(p.m, p.n, p.k) <= Int(Int32.max) else { throw .kernel("matmul", log: "a side of \(max(p.m, p.n, p.k)) is more than the kernel counts") }
        if p.dtype.isDifferentiable, let layout = p.layout {
            let isTF32 = p.dtype.real == .float32 && CUDA.allowTF32 && !exact
            if p.k > 0, try gpu.products.multiply(p, layout, isTF32: isTF32, on: gpu) { return }
            if multipliesOnTensorCores(p.dtype, roundsToTF32: isTF32) { return try multiplyOnTensorCores(p, layout) }
        }
        try launch(p, .matmul, 0, side: 64, block: 256) { ($1, $0) }
    }

    /// Whether our kernels multiply elements of this type on tensor cores: those of Ampere and newer devices.
    func multipliesOnTensorCores(_ dtype: DType, roundsToTF32: Bool) -> Bool { gpu.properties.major >= 8 && KernelFamily.mma.has(dtype) && (dtype != .float32 || roundsToTF32) }

    /// Tiles of 128 where they are enough to keep a large device busy, else of 64. By the shape alone, so that equal shapes give equal bits.
    private func multiplyOnTensorCores(_ p: MatrixProduct, _ layout: (a: MatrixProduct.Layout, b: MatrixProduct.Layout)) throws(DeviceError) {
        let tiles = { (side: Int) in ((p.m + side - 1) / side) * ((p.n + side - 1) / side) }
        let isLarge = min(p.m, p.n) > 64 && tiles(128) * p.batch >= 128
        let variant = (isLarge ? 0 : 4) + layout.a.rawValue * 2 + layout.b.rawValue
        try launch(p, .mma, variant, side: isLarge ? 128 : 64, block: isLarge ? 256 : 128) { ($0 * $1, 1) }
    }

    /// `grid`: what x and y of the grid are, from the rows and columns of tiles.
    private func launch(_ p: MatrixProduct, _ family: KernelFamily, _ variant: Int, side: Int, block: Int, grid: (Int, Int) -> (Int, Int)) throws(DeviceError) {
        let (x, y) = grid((p.m + side - 1) / side, (p.n + side - 1) / side)
        guard x <= Int(Int32.max), y <= 65_535 else { throw .kernel("matmul", log: "\(p.m) x \(p.n) elements are more tiles than a grid has blocks") }
        var g = st_matmul_args()
        (g.m, g.n, g.k) = (UInt32(p.m), UInt32(p.n), UInt32(p.k))
        // The stride of a dim of size 1 says nothing, and might look unaligned.
        let stride = { (o: Operand, d: Int) in Int64(o.sizes[d] == 1 ? 0 : o.strides[d]) }
        (g.a_batch, g.a_row, g.a_column) = (stride(p.a, 0), stride(p.a, 1), stride(p.a, 2))
        (g.b_batch, g.b_row, g.b_column) = (stride(p.b, 0), stride(p.b, 1), stride(p.b, 2))
        (g.c_batch, g.c_row) = (stride(p.out, 0), stride(p.out, 1))
        (g.alpha, g.beta) = (p.alpha, p.beta)
        g.bias = CUDADevice.address(p.bias?.pointer)
        let size = p.dtype.itemSize
        for start in Swift.stride(from: 0, to: p.batch, by: 65_535) {
            let count = min(65_535, p.batch - start)
            g.a = CUDADevice.address(p.a.pointer + start * p.a.strides[0] * size)
            g.b = CUDADevice.address(p.b.pointer + start * p.b.strides[0] * size)
            g.c = CUDADevice.address(p.out.pointer + start * p.out.strides[0] * size)
            g.batch = UInt32(count)
            try gpu.launch(family.number(0, Int(p.dtype.rawValue), variant), grid: (x, y, count), block: (block, 1), &g)
        }
    }
}

/// out = alpha a b + beta out + bias of each column, with rows of out contiguous and the bias too.
struct MatrixProduct {
    let out, a, b: Operand
    let bias: Operand?
    let alpha, beta: Double
    let batch, m, n, k: Int
    var dtype: DType { out.dtype }

    init(_ out: Operand, _ a: Operand, _ b: Operand, bias: Operand? = nil, _ alpha: Double, _ beta: Double) {
        (self.out, self.a, self.b, self.bias, self.alpha, self.beta) = (out, a, b, bias, alpha, beta)
        (batch, m, n, k) = (out.sizes[0], out.sizes[1], out.sizes[2], a.sizes[2])
    }

    /// Which way a matrix lies.
    enum Layout: Int {
        /// Neighbours of a row are neighbours in memory.
        case rows = 0
        case columns = 1
    }

    /// How a and b lie; nil if one of them has no direction of stride 1.
    var layout: (a: Layout, b: Layout)? {
        guard let x = Self.layout(a), let y = Self.layout(b) else { return nil }
        return (x, y)
    }

    private static func layout(_ x: Operand) -> Layout? {
        if x.strides[2] == 1 { return .rows }
        if x.strides[1] == 1 { return .columns }
        return x.sizes[2] == 1 ? .rows : x.sizes[1] == 1 ? .columns : nil
    }
}
