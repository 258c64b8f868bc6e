// Rows: window functions.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let signal: [OperatorRow] = [

    ]
}
