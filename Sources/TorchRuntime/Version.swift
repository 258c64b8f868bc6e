// The library's version.

/// Version of swift-torch.
public let swiftTorchVersion = "0.1.0"
