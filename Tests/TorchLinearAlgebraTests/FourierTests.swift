// Transforms against the plain sum, for lengths of every kind; gradients; short-time transforms give the signal back.
import Glibc
import Testing
import TorchTensor

@Suite struct FourierTests {
    /// The defining sum in double, with exactly reduced angles.
    private func plainSum(_ re: [Double], _ im: [Double]) -> (re: [Double], im: [Double]) {
        let n = re.count
        var (a, b) = ([Double](repeating: 0, count: n), [Double](repeating: 0, count: n))
        for k in 0..<n {
            for j in 0..<n {
                let angle = -2 * Double.pi * Double(j * k % n) / Double(n)
                a[k] += re[j] * cos(angle) - im[j] * sin(angle)
                b[k] += re[j] * sin(angle) + im[j] * cos(angle)
            }
        }
        return (a, b)
    }

    @Test func everyLength() {
        // Up to 70 by ones, then powers, mixed radices, large primes (Bluestein).
        for n in Array(1...70) + [81, 97, 120, 128, 194, 243, 256, 343, 509, 625, 1000, 1009] {
            for (dtype, tolerance) in [(DType.complex64, 6e-7), (.complex128, 2e-15)] {
                let x = numbers(n, seed: n, dtype: dtype)
                let e = plainSum(x.real.array(of: Double.self), x.imag.array(of: Double.self))
                let y = FFT.fft(x)
                let (re, im) = (y.real.array(of: Double.self), y.imag.array(of: Double.self))
                let size = (0..<n).reduce(0.0) { $0 + e.re[$1] * e.re[$1] + e.im[$1] * e.im[$1] }
                var off = 0.0
                for i in 0..<n {
                    let (dr, di): (Double, Double) = (re[i] - e.re[i], im[i] - e.im[i])
                    off += dr * dr + di * di
                }
                #expect((off / size).squareRoot() < tolerance, "length \(n) \(dtype)")
                #expect(distance(FFT.ifft(y), x) < tolerance * 8, "inverse, length \(n) \(dtype)")
                let real = x.real.contiguous()
                #expect(distance(FFT.irfft(FFT.rfft(real), n: n), real) < tolerance * 8, "real, length \(n) \(dtype)")
                #expect(distance(FFT.hfft(FFT.ihfft(real), n: n), real) < tolerance * 8, "Hermitian, length \(n) \(dtype)")
            }
        }
    }

    @Test func manyRowsAndDims() {
        let x = numbers(40, 30, 12, dtype: .complex128)
        let one = FFT.fft(FFT.fft(FFT.fft(x, dim: 0), dim: 1), dim: 2)
        #expect(distance(FFT.fftn(x), one) < 1e-11)
        #expect(distance(FFT.ifftn(one), x) < 1e-13)
        let y = numbers(6, 5, 8)
        for norm in [FFT.Norm.backward, .ortho, .forward] { #expect(distance(FFT.irfftn(FFT.rfftn(y, norm: norm), norm: norm), y) < 1e-14) }
        #expect(FFT.fftfreq(5, d: 0.5).array(of: Float.self) == [0, 0.4, 0.8, -0.8, -0.4])
        #expect(FFT.fftshift(Tensor.arange(5)).array(of: Int.self) == [3, 4, 0, 1, 2])
        #expect(FFT.ifftshift(FFT.fftshift(Tensor.arange(5))).array(of: Int.self) == [0, 1, 2, 3, 4])
    }

    @Test func gradients() throws {
        let x = numbers(3, 6).requiringGrad()
        func parts(_ z: Tensor) -> Tensor { cat([z.real.flatten(), z.imag.flatten()]) }
        try gradgradcheck({ parts(FFT.rfft($0[0], n: 7)).square() }, [x])
        try gradcheck({ FFT.irfft(Tensor.complex($0[0], $0[0] * 2.0)) }, [x])
        try gradcheck({ FFT.irfft(Tensor.complex($0[0], $0[0] * 2.0), n: 9, norm: .ortho) }, [x])
        try gradcheck({ FFT.hfft(Tensor.complex($0[0], $0[0] * 2.0)) }, [x])
        try gradcheck({ parts(FFT.ihfftn($0[0])) }, [x])
        let signal = numbers(40, seed: 3).requiringGrad()
        try gradcheck({ parts($0[0].stft(8, window: Tensor.ones([8], dtype: .float64))) }, [signal])
    }

    @Test func shortTimeTransformGivesTheSignalBack() {
        let x = numbers(2, 100)
        let window = Tensor((0..<16).map { 0.5 - 0.5 * cos(2 * Double.pi * Double($0) / 16) }, dtype: .float64)
        let y = x.stft(16, hopLength: 4, window: window)
        #expect(y.shape == [2, 9, 26])
        #expect(distance(y.istft(16, hopLength: 4, window: window, length: 100), x) < 1e-13)
    }

    @Test func misuse() {
        func message(_ body: () -> Tensor) -> String {
            do { _ = try withTensorErrors(body) } catch { return "\(error)" }
            return "no error"
        }
        #expect(message { FFT.fft(Tensor(1.0)) }.contains("Dimension specified as -1 but tensor has no dimensions"))
        #expect(message { FFT.fft(Tensor.ones([4]), n: 0) }.contains("Invalid number of data points (0) specified"))
        #expect(message { FFT.rfft(Tensor.ones([4]).to(.complex64)) }.contains("rfft expects a real input tensor"))
    }
}
