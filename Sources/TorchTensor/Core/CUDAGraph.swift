// Steps of work that are captured once and replayed without the host.
import TorchCUDA
import TorchRuntime

/// A step of work on a CUDA device, captured once and then replayed with one call of the driver: nearly nothing is left of what it costs to start hundreds of kernels.
/// PyTorch: `torch.cuda.CUDAGraph`, `torch.cuda.graph`, `make_graphed_callables`.
///
/// ```swift
/// func train(_ net: Sequential, _ optimizer: Adam, _ batches: [(Tensor, Tensor)]) throws {
///     func step(_ x: Tensor, _ y: Tensor) -> Tensor {
///         optimizer.zeroGrad()
///         let loss = crossEntropy(net(x), y)
///         loss.backward()
///         optimizer.step()
///         return loss
///     }
///     _ = step(batches[0].0.to(.cuda), batches[0].1.to(.cuda))       // makes the optimizer's state
///     let graph = try CUDAGraph([batches[0].0, batches[0].1]) { [step($0[0], $0[1])] }
///     for (x, y) in batches { print(try graph.replay([x, y])[0].item()) }
/// }
/// ```
///
/// The capture notes what the step asks of the device and runs none of it. A replay does the same with the values that are there then: parameters, buffers and optimizer states go on from replay to replay,
/// inputs are copied in, outputs are copied out. Learning rates and step counts of `Adam`, `AdamW` and `SGD` and the places of random generators are the current ones at each replay, so a
/// schedule works and dropout draws what it would have drawn without a graph.
///
/// A step that can not be repeated so is refused with the reason, and the capture throws: one that copies to the CPU (`item()`, printing, `if` on a value), copies elements from the CPU, waits, uses an
/// operator that runs on the CPU, does an optimizer's first step, or changes a parameter whose memory is shared. What can not be seen: numbers that Swift code computes and a variable of yours that the step
/// assigns (`total = total + loss`) stay as they were in the capture; let the step return what you want to have. After a refusal gradients, and variables that the step has assigned, are undefined.
///
/// Shapes are fixed. The graph keeps the memory that its step used, and what the step has set outside, such as `grad`, shows the last replay. It belongs to one thread at a time; replays run on
/// the current stream (`withCUDAStream`).
public final class CUDAGraph {
    private let graph: CapturedGraph
    private let inputs: [Tensor]
    private let outputs: [Tensor]

    /// Captures `step`, which gets tensors like `inputs`, on the device with this index. PyTorch: `torch.cuda.graph(graph)`.
    ///
    /// Throws `TensorError` with the reason if the step can not be captured, `DeviceError` if the device refuses, and what `step` throws.
    public init(_ inputs: [Tensor], device index: Int = 0, _ step: ([Tensor]) throws -> [Tensor]) throws {
        // Memory of their own, made before the capture, where the replays find their inputs.
        let own = inputs.map { $0.withoutGraph.to(.cuda(index)).copied() }
        let (graph, results) = try CapturedGraph.capture(device: index) {
            let results = try step(own).map(\.withoutGraph)
            for (i, r) in results.enumerated() where r.device != .cuda(index) {
                TensorError.report("CUDAGraph", "result \(i) of the step is on \(r.device), where replays change nothing", hint: "return tensors of \(Device.cuda(index))")
            }
            return results
        }
        (self.graph, self.inputs, outputs) = (graph, own, results)
    }

    /// Captures a step that finds its inputs and leaves its results by itself: in parameters, buffers, and tensors that are changed in place.
    public convenience init(device index: Int = 0, _ step: () throws -> Void) throws {
        try self.init([], device: index) { _ in
            try step()
            return []
        }
    }

    /// Queues the step once more, with these inputs: the step's results, as tensors of their own. PyTorch: `replay()`.
    ///
    /// Inputs must have the shapes and types of the capture's; they may be on the CPU. Nothing waits. What is wrong with elements (an index out of range) is reported as without a graph, at the next wait.
    @discardableResult
    public func replay(_ values: [Tensor] = []) throws(DeviceError) -> [Tensor] {
        guard values.count == inputs.count else {
            TensorError.report("replay", "the graph was captured with \(inputs.count) inputs, not \(values.count)")
            return outputs.map { _ in .placeholder }
        }
        for (i, (new, own)) in zip(values, inputs).enumerated() where new.dims != own.dims || new.dtype != own.dtype {
            TensorError.report(
                "replay", "input \(i) is \(new.dims) \(new.dtype), and the graph was captured with \(own.dims) \(own.dtype)",
                hint: "capture a graph for each shape, or pad the input")
            return outputs.map { _ in .placeholder }
        }
        for (new, own) in zip(values, inputs) { own.backend.copy(own.operand, new.operand) }
        try graph.replay()
        return outputs.map { $0.copied() }
    }
}
