// Rows: random numbers.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let random: [OperatorRow] = [

    ]
}
