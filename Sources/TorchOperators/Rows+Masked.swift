// Rows: reductions under a mask.
import TorchRuntime
import TorchTensor

extension OperatorTable {
    static let masked: [OperatorRow] = [

    ]
}
