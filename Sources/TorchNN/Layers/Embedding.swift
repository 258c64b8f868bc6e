// Tables of vectors.
import TorchTensor

/// A table of vectors, looked up by int64 indices: (…) to (…, embeddingDim). PyTorch: `torch.nn.Embedding`.
public final class Embedding: Module, Layer {
    /// (numEmbeddings, embeddingDim)
    @Parameter public var weight: Tensor
    public let paddingIdx: Int?

    /// Start values: standard normal, the padding row zero.
    public init(_ numEmbeddings: Int, _ embeddingDim: Int, paddingIdx: Int? = nil, dtype: DType = .float32, generator: Generator = .default) {
        self.paddingIdx = paddingIdx.map { $0 < 0 ? $0 + numEmbeddings : $0 }
        _weight = Parameter(.empty([numEmbeddings, embeddingDim], dtype: dtype))
        super.init()
        Init.normal($weight, generator: generator)
        if let row = self.paddingIdx {
            guard row >= 0 && row < numEmbeddings else {
                TensorError.report("Embedding", "Padding_idx must be within num_embeddings: \(row) of \(numEmbeddings)")
                return
            }
            // Every other row as it is, this one zero.
            $weight.update { w in w = w * (Tensor.arange(numEmbeddings, device: w.device).unsqueeze(1) .!= row).to(dtype) }
        }
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { inLayer { embedding(x, weight, paddingIdx: paddingIdx) } }
    public override var extraDescription: String {
        "\(weight.size(0)), \(weight.size(1))" + (paddingIdx.map { ", padding_idx=\($0)" } ?? "")
    }
}
