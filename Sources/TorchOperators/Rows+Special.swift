// Rows: special functions.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let special: [OperatorRow] = [

    ]
}
