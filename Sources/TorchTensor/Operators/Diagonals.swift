// Diagonals and triangles of matrices.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// The lower triangle of the last two dims, zeros above; `diagonal` moves the border up. PyTorch: `torch.tril`.
    public func tril(diagonal: Int = 0) -> Tensor { triangle(diagonal, lower: true, "tril") }
    /// The upper triangle of the last two dims, zeros below; `diagonal` moves the border up. PyTorch: `torch.triu`.
    public func triu(diagonal: Int = 0) -> Tensor { triangle(diagonal, lower: false, "triu") }

    private func triangle(_ diagonal: Int, lower: Bool, _ name: StaticString) -> Tensor {
        guard rank >= 2 else {
            TensorError.report("\(name)", "input tensor must have at least 2 dimensions, got shape \(dims)")
            return .placeholder
        }
        let keep = Tensor.triangleMask(dims[rank - 2], dims[rank - 1], diagonal, lower: lower, device: device)
        let x = withoutGraph
        let out = noGrad { keep.select(x, Tensor.scalarTensor(.int(0), dtype)) }
        return out.recorded(name, self) { lower ? $0.tril(diagonal: diagonal) : $0.triu(diagonal: diagonal) }
    }

    /// True in one triangle of an n x m matrix.
    static func triangleMask(_ n: Int, _ m: Int, _ diagonal: Int, lower: Bool, device: Device) -> Tensor {
        // Offsets beyond the matrix are all the same, and must not overflow.
        let k = Swift.min(Swift.max(diagonal, -n - 1), m + 1)
        let last = Tensor.arange(k, k + n, device: device).unsqueeze(1)
        let columns = Tensor.arange(m, device: device)
        return lower ? columns .<= last : columns .>= last
    }

    /// A vector as the diagonal of a matrix, or the diagonal of a matrix as a vector. PyTorch: `torch.diag`.
    public func diag(_ offset: Int = 0) -> Tensor {
        switch rank {
        case 1: return diagEmbed(offset: offset)
        case 2: return diagonal(offset: offset).clone()
        default:
            TensorError.report("diag", "Supports 1D or 2D tensors. Got \(rank)D")
            return .placeholder
        }
    }

    /// The last dim as the diagonal of two new dims, zeros elsewhere. PyTorch: `torch.diag_embed`.
    public func diagEmbed(offset: Int = 0, dim1: Int = -2, dim2: Int = -1) -> Tensor {
        guard let a = checkedDim(dim1, "diagEmbed", rank: rank + 1), let b = checkedDim(dim2, "diagEmbed", rank: rank + 1) else { return .placeholder }
        guard a != b, rank > 0 else {
            TensorError.report(
                "diagEmbed", rank == 0 ? "diag_embed needs a tensor of at least one dimension" : "diagonal dimensions cannot be identical \(dim1), \(dim2)")
            return .placeholder
        }
        let n = dims[rank - 1] + Swift.abs(offset)
        var sizes = dims
        sizes.remove(at: rank - 1)
        sizes.insert(n, at: Swift.min(a, b))
        sizes.insert(n, at: Swift.max(a, b))
        return Tensor.embedding(self, into: sizes) { $0.diagonal(offset: offset, dim1: a, dim2: b) }
    }

    /// All elements as the diagonal of a matrix. PyTorch: `torch.diagflat`.
    public func diagflat(_ offset: Int = 0) -> Tensor { reshape([count]).diagEmbed(offset: offset) }
}
