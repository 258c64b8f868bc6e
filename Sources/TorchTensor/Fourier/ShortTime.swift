// Short-time Fourier transforms: the spectrum of a signal window by window, and back.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// A window of `length` numbers centred in `n` zeros; ones without a window.
    private func centredWindow(_ window: Tensor?, _ length: Int, _ n: Int, _ name: String) -> Tensor? {
        if let window, window.rank != 1 || window.dims[0] != length {
            TensorError.report(name, "expected a 1D window tensor of size equal to win_length=\(length), but got window with size \(window.dims)")
            return nil
        }
        let real = dtype.real
        let w = window ?? Tensor.ones([length], dtype: real, device: device)
        if length == n { return w }
        return Tensor.embedding(w, into: [n]) { $0.narrow(0, (n - length) / 2, length) }
    }

    /// Short-time Fourier transform of a signal (…time) or a batch of them: (frequencies, frames), complex. PyTorch: `torch.stft`.
    ///
    /// - Parameters:
    ///   - fftSize: length of each transform.
    ///   - hopLength: steps from one frame to the next, fftSize / 4 by default.
    ///   - windowLength: length of `window` (fftSize by default), which is centred in the frame.
    ///   - center: pads both ends by fftSize / 2, so that frame t is centred at t * hopLength.
    ///   - normalized: scales by 1 / sqrt(fftSize).
    ///   - onesided: fftSize / 2 + 1 frequencies; by default for real signals.
    public func stft(
        _ fftSize: Int, hopLength: Int? = nil, windowLength: Int? = nil, window: Tensor? = nil, center: Bool = true, padMode: PaddingMode = .reflect,
        normalized: Bool = false, onesided: Bool? = nil
    ) -> Tensor {
        let (hop, length) = (hopLength ?? fftSize / 4, windowLength ?? fftSize)
        guard dtype.isDifferentiable, rank == 1 || rank == 2 else {
            TensorError.report("stft", "expected a 1D or 2D tensor of floating types or complex types, got \(dtype) \(dims)")
            return .placeholder
        }
        guard hop > 0, length > 0, length <= fftSize else {
            TensorError.report("stft", hop > 0 ? "expected 0 < win_length <= n_fft, but got win_length=\(length), n_fft=\(fftSize)" : "expected hop_length > 0, but got hop_length=\(hop)")
            return .placeholder
        }
        guard let w = centredWindow(window, length, fftSize, "stft") else { return .placeholder }
        var x = rank == 1 ? unsqueeze(0) : self
        if center {
            let side = fftSize / 2
            x = pad(x.unsqueeze(1), [side, side], mode: padMode).squeeze(1)
        }
        guard x.rank == 2, fftSize > 0, fftSize <= x.dims[1] else {
            TensorError.report("stft", "expected 0 < n_fft <= \(x.rank == 2 ? x.dims[1] : 0), but got n_fft=\(fftSize)")
            return .placeholder
        }
        let complex = dtype.isComplex || w.dtype.isComplex
        guard !(complex && onesided == true) else {
            TensorError.report("stft", "Cannot have onesided output if window or input is complex")
            return .placeholder
        }
        let frames = x.unfold(-1, size: fftSize, step: hop) * w
        let norm: FFT.Norm = normalized ? .ortho : .backward
        let spectrum = onesided ?? !complex ? FFT.rfft(frames, norm: norm) : FFT.fft(frames, norm: norm)
        let result = spectrum.transpose(1, 2)
        return rank == 1 ? result.squeeze(0) : result
    }

    /// The signal from its short-time Fourier transform, (frequencies, frames) or a batch, by weighted overlap and addition. PyTorch: `torch.istft`.
    ///
    /// `complexResult`: the signal was complex. Other parameters as for `stft`; `length`: how many samples to give.
    public func istft(
        _ fftSize: Int, hopLength: Int? = nil, windowLength: Int? = nil, window: Tensor? = nil, center: Bool = true, normalized: Bool = false,
        onesided: Bool? = nil, length: Int? = nil, complexResult: Bool = false
    ) -> Tensor {
        let (hop, width) = (hopLength ?? fftSize / 4, windowLength ?? fftSize)
        guard dtype.isComplex, rank == 2 || rank == 3, count > 0 else {
            TensorError.report("istft", "istft requires a non-empty complex-valued input tensor of 2 or 3 dimensions, got \(dtype) \(dims)")
            return .placeholder
        }
        let x = rank == 2 ? unsqueeze(0) : self
        let (batch, frequencies, frames) = (x.dims[0], x.dims[1], x.dims[2])
        let half = onesided ?? (frequencies != fftSize)
        guard frequencies == (half ? fftSize / 2 + 1 : fftSize) else {
            TensorError.report("istft", "expected the frequency dimension (3rd to the last) of the input tensor to match n_fft \(half ? "/ 2 + 1 " : "")when onesided=\(half), but got \(frequencies)")
            return .placeholder
        }
        guard hop > 0, hop <= width, width > 0, width <= fftSize else {
            TensorError.report("istft", hop > 0 && hop <= width ? "Expected 0 < win_length <= n_fft, got \(width)" : "Expected 0 < hop_length <= win_length, got \(hop)")
            return .placeholder
        }
        guard !(complexResult && half) else {
            TensorError.report("istft", "Cannot have onesided output if window or input is complex")
            return .placeholder
        }
        guard let w = centredWindow(window, width, fftSize, "istft") else { return .placeholder }
        let norm: FFT.Norm = normalized ? .ortho : .backward
        let columns = x.transpose(1, 2)
        let pieces: Tensor
        if half {
            pieces = FFT.irfft(columns, n: fftSize, norm: norm)
        } else {
            let all = FFT.ifft(columns, norm: norm)
            pieces = complexResult ? all : all.real
        }
        let total = fftSize + hop * (frames - 1)
        let place = (Tensor.arange(frames, device: device) * hop).unsqueeze(1) + Tensor.arange(fftSize, device: device)
        let index = place.flatten()
        let weighted = pieces * w
        let sum = Tensor.zeros([batch, total], dtype: weighted.dtype, device: device).indexAdd(1, index, weighted.reshape([batch, frames * fftSize]))
        let squares = (w * w).unsqueeze(0).expand([frames, fftSize]).reshape([frames * fftSize])
        let envelope = Tensor.zeros([total], dtype: w.dtype, device: device).indexAdd(0, index, squares)
        let start = center ? fftSize / 2 : 0
        let end = length.map { Swift.min(start + $0, total) } ?? (center ? total - fftSize / 2 : total)
        guard end > start else {
            TensorError.report("istft", "the signal has no samples between \(start) and \(end): more frames are needed")
            return .placeholder
        }
        let divisor = envelope.narrow(0, start, end - start)
        let least = divisor.withoutGraph.abs().min().item()
        guard least > 1e-11 else {
            TensorError.report("istft", "window overlap add min: \(least) is not larger than 1e-11", hint: "a window that is zero at its ends needs overlapping frames")
            return .placeholder
        }
        var result = sum.narrow(1, start, end - start) / divisor
        if let length, length > end - start {
            let short = end - start
            result = Tensor.embedding(result, into: [batch, length]) { $0.narrow(1, 0, short) }
        }
        return rank == 2 ? result.squeeze(0) : result
    }
}
