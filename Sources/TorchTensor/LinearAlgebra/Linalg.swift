// Linear algebra. (Being written on branch `linalg`, together with Fourier/ and CPUBackend+LinearAlgebra.swift: nobody else starts on these.)

/// Linear algebra. PyTorch: `torch.linalg`.
public enum Linalg {}
