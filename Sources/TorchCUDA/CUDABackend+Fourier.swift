// Fourier transforms on the device by cuFFT; where it is missing or has no plan, on the CPU.
import TorchRuntime

extension CUDABackend {
    public func fft(_ out: Operand, _ x: Operand, sign: Int) -> Bool {
        guard x.dtype.isComplex, out.dtype == x.dtype, let length = x.sizes.last else { return false }
        return onDevice(
            "fft", failure: true,
            { () throws(DeviceError) in
                for o in [out, x] { try gpu.checkPlace(o) }
                if x.count == 0 { return true }
                try gpu.transforms.transform(out.pointer, x.pointer, length: length, batch: x.count / length, isWide: x.dtype == .complex128, sign: sign)
                return true
            }, host: { onCPU("fft", [.write(out), .read(x)], failure: true) { $0.fft($1[0], $1[1], sign: sign) } })
    }
}
