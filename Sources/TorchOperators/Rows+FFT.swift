// Rows: Fourier transforms.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let fft: [OperatorRow] = [

    ]
}
