// Rows: nn.functional and its kin.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let neuralNetwork: [OperatorRow] = [

    ]
}
