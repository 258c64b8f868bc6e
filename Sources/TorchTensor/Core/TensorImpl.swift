// The one object behind a tensor or view.
import TorchCPU
import TorchKernels
@_exported import TorchRuntime

/// Storage, layout and graph node of a tensor. Constant but for `node`; see Note [Who may write].
///
/// Note [Who may write]
/// Tensors are values. A write (`+=`, subscript assignment, an optimizer step) happens in place only when the `Tensor` that is written is the only one
/// that refers to its impl, and the impl the only one that refers to its storage: then nobody can notice. Otherwise the bytes are copied first. Saved
/// tensors in the graph and views hold references, so they count by themselves.
@usableFromInline
final class TensorImpl: @unchecked Sendable {
    // @unchecked: all but `node` is constant; `node` is set before the tensor is shared, or through a unique reference.
    /// Storage and layout. Constant; a variable only so that uniqueness of the storage can be asked.
    @usableFromInline final var operand: Operand
    @usableFromInline final let count: Int
    @usableFromInline final let isContiguous: Bool
    /// A Swift number that took part in an operator: weaker in type promotion than a 0-dim tensor.
    @usableFromInline final let isNumber: Bool
    /// The operator that made it (or the leaf that collects its gradient), nil if no gradient is wanted.
    @usableFromInline final var node: Node?

    @inline(__always)
    init(_ operand: Operand, count: Int, isContiguous: Bool, isNumber: Bool = false, node: Node? = nil) {
        self.operand = operand
        self.count = count
        self.isContiguous = isContiguous
        self.isNumber = isNumber
        self.node = node
    }

    /// The memory block, of which every tensor has one.
    @usableFromInline final var storage: Storage {
        @inline(__always) get { operand.owner.unsafelyUnwrapped }
    }

    /// The same elements without graph, or with another node.
    @inline(__always)
    func alias(node: Node? = nil) -> TensorImpl {
        TensorImpl(operand, count: count, isContiguous: isContiguous, isNumber: isNumber, node: node)
    }
}
