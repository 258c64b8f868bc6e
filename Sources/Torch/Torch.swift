// The umbrella: `import Torch` gives everything.
@_exported import TorchData
@_exported import TorchFormats
@_exported import TorchNN
@_exported import TorchOperators
@_exported import TorchOptim
@_exported import TorchTensor

/// Facts about the library.
public enum Torch {
    /// Version of swift-torch.
    public static let version = "0.1.0"
}
