// x[…]: basic indexing. Masks and integer tensors are in Subscript+Advanced.swift.
import TorchRuntime

extension Tensor {
    /// One position along the first dim. PyTorch: `x[i]`.
    public subscript(_ index: Int) -> Tensor { select(0, index) }
}
