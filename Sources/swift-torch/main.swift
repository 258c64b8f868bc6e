// The command-line tool.
import Torch

print("swift-torch \(swiftTorchVersion)")
