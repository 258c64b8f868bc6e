// Rows: matrix products.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let matmul: [OperatorRow] = [

    ]
}
