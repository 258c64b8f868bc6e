// Products of matrices on the device, by our own kernel.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    public func matmul(_ out: Operand, _ a: Operand, _ b: Operand, alpha: Double, beta: Double) -> Bool {
        let host = { onCPU("matmul", [beta == 0 ? .write(out) : .update(out), .read(a), .read(b)], failure: true) { $0.matmul($1[0], $1[1], $1[2], alpha: alpha, beta: beta) } }
        guard out.dtype.isDifferentiable else { return host() }
        return onDevice(
            "matmul", failure: true,
            { () throws(DeviceError) in
                // The kernel writes rows; a result that lies by columns is the transposed product.
                if out.strides[2] == 1 || out.sizes[2] == 1 {
                    try multiply(out, a, b, alpha, beta)
                } else if out.strides[1] == 1 || out.sizes[1] == 1 {
                    try multiply(Self.transposed(out), Self.transposed(b), Self.transposed(a), alpha, beta)
                } else {
                    throw .kernel("matmul", log: "the result has no dim of stride 1")
                }
                return true
            }, host: host)
    }

    private static func transposed(_ x: Operand) -> Operand {
        x.view(sizes: [x.sizes[0], x.sizes[2], x.sizes[1]], strides: [x.strides[0], x.strides[2], x.strides[1]])
    }

    private func multiply(_ out: Operand, _ a: Operand, _ b: Operand, _ alpha: Double, _ beta: Double) throws(DeviceError) {
        for o in [out, a, b] { try gpu.checkPlace(o) }
        let (batch, m, n, k) = (out.sizes[0], out.sizes[1], out.sizes[2], a.sizes[2])
        if batch == 0 || m == 0 || n == 0 { return }
        guard max(m, n, k) <= Int(Int32.max) else { throw .kernel("matmul", log: "a side of \(max(m, n, k)) is more than the kernel counts") }
        var g = st_matmul_args()
        (g.m, g.n, g.k) = (UInt32(m), UInt32(n), UInt32(k))
        (g.a_batch, g.a_row, g.a_column) = (Int64(a.strides[0]), Int64(a.strides[1]), Int64(a.strides[2]))
        (g.b_batch, g.b_row, g.b_column) = (Int64(b.strides[0]), Int64(b.strides[1]), Int64(b.strides[2]))
        (g.c_batch, g.c_row) = (Int64(out.strides[0]), Int64(out.strides[1]))
        (g.alpha, g.beta) = (alpha, beta)
        let size = out.dtype.itemSize
        for start in stride(from: 0, to: batch, by: 65_535) {
            let count = min(65_535, batch - start)
            g.a = CUDADevice.address(a.pointer + start * a.strides[0] * size)
            g.b = CUDADevice.address(b.pointer + start * b.strides[0] * size)
            g.c = CUDADevice.address(out.pointer + start * out.strides[0] * size)
            g.batch = UInt32(count)
            try gpu.launch(KernelFamily.matmul.number(0, Int(out.dtype.rawValue), 0), grid: ((n + 63) / 64, (m + 63) / 64, count), block: (256, 1), &g)
        }
    }
}
