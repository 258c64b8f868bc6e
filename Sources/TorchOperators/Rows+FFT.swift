// Rows: Fourier transforms.
import TorchRuntime
import TorchTensor

extension OperatorArguments {
    fileprivate func norm() throws -> FFT.Norm { try has("norm") ? choice("norm") : .backward }
}

extension OperatorRow {
    fileprivate static func alongOne(_ name: String, _ call: @escaping @Sendable (Tensor, Int?, Int, FFT.Norm) -> Tensor) -> OperatorRow {
        OperatorRow("fft." + name, "input, n=None, dim=-1, norm=None") { a in try .tensor(call(a.tensor("input"), a.optionalInt("n"), a.int("dim"), a.norm())) }
    }
    fileprivate static func alongTwo(_ name: String, _ call: @escaping @Sendable (Tensor, [Int]?, [Int], FFT.Norm) -> Tensor) -> OperatorRow {
        OperatorRow("fft." + name, "input, s=None, dim=[-2, -1], norm=None") { a in
            try .tensor(call(a.tensor("input"), a.optionalInts("s"), a.ints("dim"), a.norm()))
        }
    }
    fileprivate static func alongMany(_ name: String, _ call: @escaping @Sendable (Tensor, [Int]?, [Int]?, FFT.Norm) -> Tensor) -> OperatorRow {
        OperatorRow("fft." + name, "input, s=None, dim=None, norm=None") { a in
            try .tensor(call(a.tensor("input"), a.optionalInts("s"), a.optionalInts("dim"), a.norm()))
        }
    }
}

extension OperatorTable {
    static let fft: [OperatorRow] = [
        .alongOne("fft") { x, n, d, m in FFT.fft(x, n: n, dim: d, norm: m) },
        .alongOne("ifft") { x, n, d, m in FFT.ifft(x, n: n, dim: d, norm: m) },
        .alongOne("rfft") { x, n, d, m in FFT.rfft(x, n: n, dim: d, norm: m) },
        .alongOne("irfft") { x, n, d, m in FFT.irfft(x, n: n, dim: d, norm: m) },
        .alongOne("hfft") { x, n, d, m in FFT.hfft(x, n: n, dim: d, norm: m) },
        .alongOne("ihfft") { x, n, d, m in FFT.ihfft(x, n: n, dim: d, norm: m) },
        .alongTwo("fft2") { x, s, d, m in FFT.fft2(x, s: s, dims: d, norm: m) },
        .alongTwo("ifft2") { x, s, d, m in FFT.ifft2(x, s: s, dims: d, norm: m) },
        .alongTwo("rfft2") { x, s, d, m in FFT.rfft2(x, s: s, dims: d, norm: m) },
        .alongTwo("irfft2") { x, s, d, m in FFT.irfft2(x, s: s, dims: d, norm: m) },
        .alongTwo("hfft2") { x, s, d, m in FFT.hfft2(x, s: s, dims: d, norm: m) },
        .alongTwo("ihfft2") { x, s, d, m in FFT.ihfft2(x, s: s, dims: d, norm: m) },
        .alongMany("fftn") { x, s, d, m in FFT.fftn(x, s: s, dims: d, norm: m) },
        .alongMany("ifftn") { x, s, d, m in FFT.ifftn(x, s: s, dims: d, norm: m) },
        .alongMany("rfftn") { x, s, d, m in FFT.rfftn(x, s: s, dims: d, norm: m) },
        .alongMany("irfftn") { x, s, d, m in FFT.irfftn(x, s: s, dims: d, norm: m) },
        .alongMany("hfftn") { x, s, d, m in FFT.hfftn(x, s: s, dims: d, norm: m) },
        .alongMany("ihfftn") { x, s, d, m in FFT.ihfftn(x, s: s, dims: d, norm: m) },
        OperatorRow("fft.fftshift", "input, dim=None") { a in try .tensor(FFT.fftshift(a.tensor("input"), dims: a.optionalInts("dim"))) },
        OperatorRow("fft.ifftshift", "input, dim=None") { a in try .tensor(FFT.ifftshift(a.tensor("input"), dims: a.optionalInts("dim"))) },
        OperatorRow("fft.fftfreq", "n, d=1.0, *, dtype=None") { a in try .tensor(FFT.fftfreq(a.int("n"), d: a.double("d"), dtype: a.dtype())) },
        OperatorRow("fft.rfftfreq", "n, d=1.0, *, dtype=None") { a in try .tensor(FFT.rfftfreq(a.int("n"), d: a.double("d"), dtype: a.dtype())) },
        OperatorRow(
            "stft",
            "input, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode='reflect', normalized=False, onesided=None, return_complex=None, align_to_window=None"
        ) { a in
            if a.has("align_to_window"), try a.bool("align_to_window") { throw a.notImplemented("align_to_window", "aligning frames to the window") }
            let y = try a.tensor("input").stft(
                a.int("n_fft"), hopLength: a.optionalInt("hop_length"), windowLength: a.optionalInt("win_length"), window: a.optionalTensor("window"),
                center: a.bool("center"), padMode: a.choice("pad_mode"), normalized: a.bool("normalized"), onesided: a.optionalBool("onesided"))
            return .tensor(try a.optionalBool("return_complex") == true ? y : y.viewAsReal())
        },
        OperatorRow(
            "istft", "input, n_fft, hop_length=None, win_length=None, window=None, center=True, normalized=False, onesided=None, length=None, return_complex=False"
        ) { a in
            try .tensor(
                a.tensor("input").istft(
                    a.int("n_fft"), hopLength: a.optionalInt("hop_length"), windowLength: a.optionalInt("win_length"), window: a.optionalTensor("window"),
                    center: a.bool("center"), normalized: a.bool("normalized"), onesided: a.optionalBool("onesided"), length: a.optionalInt("length"),
                    complexResult: a.bool("return_complex")))
        },
    ]
}
