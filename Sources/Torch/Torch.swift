// One import for all: re-exports, nothing else.
@_exported import TorchCUDA
@_exported import TorchData
@_exported import TorchFormats
@_exported import TorchNN
@_exported import TorchOperators
@_exported import TorchOptim
@_exported import TorchRuntime
@_exported import TorchTensor
