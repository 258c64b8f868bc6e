// Functional losses until TorchTensor has them; to be deleted then.
import TorchTensor

func mseLoss(_ x: Tensor, _ y: Tensor, reduction: Reduction) -> Tensor { reduced((x - y).square(), reduction) }
func l1Loss(_ x: Tensor, _ y: Tensor, reduction: Reduction) -> Tensor { reduced((x - y).abs(), reduction) }
func binaryCrossEntropyWithLogits(_ x: Tensor, _ y: Tensor, reduction: Reduction) -> Tensor { reduced(x.clamp(min: 0) - x * y + (-x.abs()).exp().log1p(), reduction) }
private func reduced(_ x: Tensor, _ r: Reduction) -> Tensor { r == .none ? x : r == .mean ? x.mean() : x.sum() }
