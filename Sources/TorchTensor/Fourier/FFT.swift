// Fourier transforms. (Being written on branch `linalg`.)

/// Fourier transforms. PyTorch: `torch.fft`.
public enum FFT {}
