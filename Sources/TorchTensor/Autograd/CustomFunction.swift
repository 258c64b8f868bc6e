// Functions with a derivative of the user's own, and recomputation.
import TorchKernels
import TorchRuntime

/// Runs `forward` unrecorded and puts it on the tape with the given derivative. PyTorch: `torch.autograd.Function`.
///
/// `backward` gets the gradient of the output, the inputs and the output, and returns one gradient (or nil) an input. Written in differentiable operators,
/// it can be differentiated again.
/// ```swift
/// let y = customFunction([x]) { $0[0].exp() } backward: { g, inputs, y in [g * y] }
/// ```
public func customFunction(
    _ inputs: [Tensor], name: StaticString = "customFunction", forward: ([Tensor]) -> Tensor,
    backward: @escaping (_ gradient: Tensor, _ inputs: [Tensor], _ output: Tensor) -> [Tensor?]
) -> Tensor {
    let y = Tensor(noGrad { forward(inputs.map(\.withoutGraph)) }.impl.alias())
    return Tensor.recordedJointly(name, outputs: [y], inputs) { gradients, outputs, _ in
        guard let g = gradients[0] else { return inputs.map { _ in nil } }
        let results = backward(g, inputs, outputs[0])
        guard results.count == inputs.count else {
            TensorError.report("\(name)", "backward returned \(results.count) gradients for \(inputs.count) inputs")
            return inputs.map { _ in nil }
        }
        return results
    }[0]
}
