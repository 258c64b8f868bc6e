// Rows: linear algebra.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let linalg: [OperatorRow] = [

    ]
}
