// What a primitive does where a device has not implemented it: it says so.
import TorchKernels

extension Backend {
    /// Reports that this device lacks a primitive.
    public func lacks(_ primitive: String) {
        TensorError.report(primitive, "not implemented on this device (\(device))", hint: "move the tensors to the CPU with .to(.cpu) for this operation")
    }

    public func refusal(byteCount: Int) -> DeviceError {
        let m = CPUMemory.statistics
        return .outOfMemory(device: device, requested: byteCount, live: m.live, cached: m.cached, limit: CPUMemory.limit)
    }

    public func copy(_ out: Operand, _ input: Operand) { lacks("copy") }
    public func fill(_ out: Operand, _ value: UnsafeRawPointer) { lacks("fill") }
    public func arange(_ out: Operand, start: Double, step: Double) { lacks("arange") }
    public func unaryRun(_ op: UnaryOp, _ dtype: DType, _ out: UnsafeMutableRawPointer, _ x: UnsafeMutableRawPointer, count: Int, _ parameters: KernelParameters) -> Bool {
        lacks("unaryRun")
        return true
    }
    public func binaryRun(_ op: BinaryOp, _ dtype: DType, _ out: UnsafeMutableRawPointer, _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer, count: Int, _ parameters: KernelParameters)
        -> Bool
    {
        lacks("binaryRun")
        return true
    }
    public func unary(_ op: UnaryOp, _ out: Operand, _ x: Operand, _ parameters: KernelParameters) -> Bool {
        lacks("unary")
        return true
    }
    public func binary(_ op: BinaryOp, _ out: Operand, _ a: Operand, _ b: Operand, _ parameters: KernelParameters) -> Bool {
        lacks("binary")
        return true
    }
    public func ternary(_ op: TernaryOp, _ out: Operand, _ a: Operand, _ b: Operand, _ c: Operand, _ parameters: KernelParameters) -> Bool {
        lacks("ternary")
        return true
    }
    public func select(_ out: Operand, _ condition: Operand, _ a: Operand, _ b: Operand) { lacks("select") }
    public func hasZero(_ x: Operand, _ check: ElementCheck) -> Bool {
        lacks("hasZero")
        return true
    }
    public func reduce(_ op: ReduceOp, _ out: Operand, _ x: Operand, reduced: Dims, _ parameters: KernelParameters) -> Bool {
        lacks("reduce")
        return true
    }
    public func scan(_ op: ScanOp, _ out: Operand, _ indices: Operand?, _ x: Operand, dim: Int) -> Bool {
        lacks("scan")
        return true
    }
    public func softmax(_ out: Operand, _ x: Operand, logarithm: Bool) -> Bool {
        lacks("softmax")
        return true
    }
    public func softmaxBackward(_ dx: Operand, _ dy: Operand, _ y: Operand, logarithm: Bool) -> Bool {
        lacks("softmaxBackward")
        return true
    }
    public func layerNorm(_ y: Operand, mean: Operand, rstd: Operand, _ x: Operand, weight: Operand?, bias: Operand?, epsilon: Double) -> Bool {
        lacks("layerNorm")
        return true
    }
    public func layerNormBackward(dx: Operand?, dweight: Operand?, dbias: Operand?, _ dy: Operand, _ x: Operand, weight: Operand?, mean: Operand, rstd: Operand) -> Bool {
        lacks("layerNormBackward")
        return true
    }
    public func rmsNorm(_ y: Operand, rstd: Operand, _ x: Operand, weight: Operand?, epsilon: Double) -> Bool {
        lacks("rmsNorm")
        return true
    }
    public func rmsNormBackward(dx: Operand?, dweight: Operand?, _ dy: Operand, _ x: Operand, weight: Operand?, rstd: Operand) -> Bool {
        lacks("rmsNormBackward")
        return true
    }
    public func batchNormStatistics(mean: Operand, variance: Operand, _ x: Operand) -> Bool {
        lacks("batchNormStatistics")
        return true
    }
    public func batchNorm(_ y: Operand, _ x: Operand, mean: Operand, rstd: Operand, weight: Operand?, bias: Operand?) -> Bool {
        lacks("batchNorm")
        return true
    }
    public func batchNormBackward(dx: Operand?, dweight: Operand?, dbias: Operand?, _ dy: Operand, _ x: Operand, mean: Operand, rstd: Operand, weight: Operand?, training: Bool) -> Bool {
        lacks("batchNormBackward")
        return true
    }
    public func crossEntropy(loss: Operand, lse: Operand, _ x: Operand, _ target: Operand, ignoreIndex: Int, _ check: ElementCheck) -> Bool {
        lacks("crossEntropy")
        return true
    }
    public func crossEntropyBackward(_ dx: Operand, _ x: Operand, _ target: Operand, lse: Operand, scale: Operand, ignoreIndex: Int) -> Bool {
        lacks("crossEntropyBackward")
        return true
    }
    public func gather(_ out: Operand, _ x: Operand, _ index: Operand, dim: Int, _ check: ElementCheck) -> Int? {
        lacks("gather")
        return nil
    }
    public func scatter(_ op: ScatterOp, _ out: Operand, _ index: Operand, _ source: Operand, dim: Int, _ check: ElementCheck) -> Int? {
        lacks("scatter")
        return nil
    }
    public func takeRows(_ out: Operand, _ x: Operand, _ index: Operand, _ check: ElementCheck) -> Int? {
        lacks("takeRows")
        return nil
    }
    public func addRows(_ out: Operand, _ x: Operand, _ index: Operand, alpha: Double, skip: Int?, _ check: ElementCheck) -> Int? {
        lacks("addRows")
        return nil
    }
    public func nonzero(_ out: Operand?, _ mask: Operand) -> Int {
        lacks("nonzero")
        return 0
    }
    public func maskedSelect(_ out: Operand, _ x: Operand, _ mask: Operand) { lacks("maskedSelect") }
    public func maskedScatter(_ out: Operand, _ mask: Operand, _ source: Operand) -> Int {
        lacks("maskedScatter")
        return 0
    }
    public func sort(values: Operand, indices: Operand?, _ x: Operand, descending: Bool) -> Bool {
        lacks("sort")
        return true
    }
    public func topK(values: Operand, indices: Operand, _ x: Operand, k: Int, largest: Bool) -> Bool {
        lacks("topK")
        return true
    }
    public func searchSorted(_ out: Operand, boundaries: Operand, values: Operand, right: Bool) -> Bool {
        lacks("searchSorted")
        return true
    }
    public func matmul(_ out: Operand, _ a: Operand, _ b: Operand, alpha: Double, beta: Double) -> Bool {
        lacks("matmul")
        return true
    }
    public func affine(_ out: Operand, _ a: Operand, _ b: Operand, bias: Operand) -> Bool {
        copy(out, bias)
        return matmul(out, a, b, alpha: 1, beta: 1)
    }
    public func convolution(_ y: Operand, _ x: Operand, weight: Operand, bias: Operand?, _ shape: ConvolutionShape) -> Bool {
        lacks("convolution")
        return true
    }
    public func convolutionBackwardData(_ dx: Operand, _ dy: Operand, weight: Operand, _ shape: ConvolutionShape) -> Bool {
        lacks("convolutionBackwardData")
        return true
    }
    public func convolutionBackwardWeight(_ dweight: Operand, _ dy: Operand, _ x: Operand, _ shape: ConvolutionShape) -> Bool {
        lacks("convolutionBackwardWeight")
        return true
    }
    public func maxPool(_ y: Operand, indices: Operand?, _ x: Operand, _ shape: PoolingShape) -> Bool {
        lacks("maxPool")
        return true
    }
    public func maxPoolBackward(_ dx: Operand, _ dy: Operand, indices: Operand) -> Bool {
        lacks("maxPoolBackward")
        return true
    }
    public func averagePool(_ y: Operand, _ x: Operand, _ shape: PoolingShape) -> Bool {
        lacks("averagePool")
        return true
    }
    public func averagePoolBackward(_ dx: Operand, _ dy: Operand, _ shape: PoolingShape) -> Bool {
        lacks("averagePoolBackward")
        return true
    }
    public func hasAttention(_ dtype: DType, headSize: Int) -> Bool { false }
    public func attention(_ out: Operand, lse: Operand, query: Operand, key: Operand, value: Operand, causal: Bool, scale: Double) -> Bool {
        lacks("attention")
        return true
    }
    public func attentionBackward(dq: Operand, dk: Operand, dv: Operand, _ dout: Operand, out: Operand, lse: Operand, query: Operand, key: Operand, value: Operand, causal: Bool, scale: Double) -> Bool
    {
        lacks("attentionBackward")
        return true
    }
    public func linearAlgebra(_ op: LinearAlgebraOp, outputs: [Operand], inputs: [Operand]) -> Bool {
        lacks("linearAlgebra")
        return true
    }
    public func fft(_ out: Operand, _ x: Operand, sign: Int) -> Bool {
        lacks("fft")
        return true
    }
    public func random(_ out: Operand, _ distribution: RandomDistribution, _ generator: Generator) { lacks("random") }
    public func dropout(_ out: Operand, kept: Operand?, _ x: Operand, keep: Double, scale: Double, _ generator: Generator) -> Bool { false }
    public func dropoutBackward(_ out: Operand, kept: Operand, _ gradient: Operand, scale: Double) -> Bool { false }
    public func sgdStep(_ tensors: [st_optim_tensor], dtype: DType, _ options: st_sgd, anew: @escaping () -> st_sgd) -> Bool {
        lacks("sgdStep")
        return true
    }
    public func adamStep(_ tensors: [st_optim_tensor], dtype: DType, _ options: st_adam, anew: @escaping () -> st_adam) -> Bool {
        lacks("adamStep")
        return true
    }
}
