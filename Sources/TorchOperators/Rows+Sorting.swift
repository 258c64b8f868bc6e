// Rows: sorting, searching, counting.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let sorting: [OperatorRow] = [

    ]
}
