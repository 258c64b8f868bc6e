// A small GPT: what `gpucheck` trains and measures.
import Torch

/// A decoder-only transformer of GPT-2's shape (Radford et al. 2019) with tied embeddings: tokens [b, t] to logits [b, t, vocabulary].
package final class GPT: Module {
    let tokens, positions: Embedding
    let blocks: [Block]
    let norm: LayerNorm

    package init(vocabulary: Int, positions length: Int, width: Int, layers: Int, heads: Int) {
        tokens = Embedding(vocabulary, width)
        positions = Embedding(length, width)
        blocks = (0..<layers).map { _ in Block(width: width, heads: heads) }
        norm = LayerNorm([width])
        super.init()
    }

    package func callAsFunction(_ x: Tensor) -> Tensor {
        var h = tokens(x) + positions.weight.slice(0, 0, x.size(1))
        for b in blocks { h = b(h) }
        return linear(norm(h), tokens.weight)
    }

    /// Attention and a two-layer network, each after a norm and added to its input.
    final class Block: Module {
        let heads: Int
        // In the order in which GPT-2 names them.
        let norm1: LayerNorm
        let project, out: Linear
        let norm2: LayerNorm
        let up, down: Linear

        init(width: Int, heads: Int) {
            self.heads = heads
            (norm1, norm2) = (LayerNorm([width]), LayerNorm([width]))
            (project, out) = (Linear(width, 3 * width), Linear(width, width))
            (up, down) = (Linear(width, 4 * width), Linear(4 * width, width))
            super.init()
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            let (b, t, d) = (x.size(0), x.size(1), x.size(2))
            let all = project(norm1(x)).reshape([b, t, 3, heads, d / heads]).permute([2, 0, 3, 1, 4])
            let attended = scaledDotProductAttention(all.select(0, 0), all.select(0, 1), all.select(0, 2), causal: true)
            let h = x + out(attended.transpose(1, 2).reshape([b, t, d]))
            return h + down(up(norm2(h)).gelu(approximate: .tanh))
        }
    }
}
