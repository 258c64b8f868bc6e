// Start values of parameters, drawn as PyTorch draws them: same seed, same bits.
import TorchTensor

/// Ways to fill a parameter with start values. PyTorch: `torch.nn.init`.
public enum Init {
    /// Which side of a layer keeps its variance.
    public enum FanMode: Sendable { case fanIn, fanOut }

    /// The activation that follows, for the gain.
    public enum Nonlinearity: Sendable, Equatable {
        case linear, sigmoid, tanh, relu, selu
        case leakyReLU(negativeSlope: Double)
    }

    /// Recommended gain for an activation. PyTorch: `calculate_gain`.
    public static func gain(_ nonlinearity: Nonlinearity) -> Double {
        switch nonlinearity {
        case .linear, .sigmoid: 1
        case .tanh: 5.0 / 3
        case .relu: 2.0.squareRoot()
        case .selu: 0.75
        case .leakyReLU(let a): (2 / (1 + a * a)).squareRoot()
        }
    }

    /// Inputs and outputs of one unit: dims 1 and 0 times the receptive field.
    static func fans(_ p: Parameter) -> (fanIn: Int, fanOut: Int)? {
        let d = p.tensor.dims
        guard d.count >= 2 else {
            TensorError.report("Init", "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got shape \(d)")
            return nil
        }
        let field = d[2...].reduce(1, *)
        return (d[1] * field, d[0] * field)
    }

    /// Uniform in [from, to). PyTorch: `uniform_`.
    public static func uniform(_ p: Parameter, from: Double = 0, to: Double = 1, generator: Generator = .default) {
        fill(p) { $0.fillUniform(from: from, to: to, generator: generator) }
    }

    /// Normal. PyTorch: `normal_`.
    public static func normal(_ p: Parameter, mean: Double = 0, std: Double = 1, generator: Generator = .default) {
        fill(p) { $0.fillNormal(mean: mean, std: std, generator: generator) }
    }

    /// One value. PyTorch: `constant_`, `zeros_`, `ones_`.
    public static func constant(_ p: Parameter, _ value: Double) { p.update { $0 = $0.fullLike(value) } }

    /// Uniform with the variance of Glorot and Bengio 2010. PyTorch: `xavier_uniform_`.
    public static func xavierUniform(_ p: Parameter, gain: Double = 1, generator: Generator = .default) {
        guard let (i, o) = fans(p) else { return }
        let bound = 3.0.squareRoot() * (gain * (2.0 / Double(i + o)).squareRoot())
        uniform(p, from: -bound, to: bound, generator: generator)
    }

    /// Normal with the variance of Glorot and Bengio 2010. PyTorch: `xavier_normal_`.
    public static func xavierNormal(_ p: Parameter, gain: Double = 1, generator: Generator = .default) {
        guard let (i, o) = fans(p) else { return }
        normal(p, std: gain * (2.0 / Double(i + o)).squareRoot(), generator: generator)
    }

    /// Uniform with the variance of He et al. 2015. PyTorch: `kaiming_uniform_`.
    public static func kaimingUniform(
        _ p: Parameter, a: Double = 0, mode: FanMode = .fanIn, nonlinearity: Nonlinearity? = nil, generator: Generator = .default
    ) {
        guard let (i, o) = fans(p) else { return }
        let std = gain(nonlinearity ?? .leakyReLU(negativeSlope: a)) / Double(mode == .fanIn ? i : o).squareRoot()
        let bound = 3.0.squareRoot() * std
        uniform(p, from: -bound, to: bound, generator: generator)
    }

    /// Normal with the variance of He et al. 2015. PyTorch: `kaiming_normal_`.
    public static func kaimingNormal(
        _ p: Parameter, a: Double = 0, mode: FanMode = .fanIn, nonlinearity: Nonlinearity? = nil, generator: Generator = .default
    ) {
        guard let (i, o) = fans(p) else { return }
        normal(p, std: gain(nonlinearity ?? .leakyReLU(negativeSlope: a)) / Double(mode == .fanIn ? i : o).squareRoot(), generator: generator)
    }

    /// The identity matrix. PyTorch: `eye_`.
    public static func eye(_ p: Parameter) {
        guard p.tensor.rank == 2 else {
            TensorError.report("Init.eye", "Only tensors with 2 dimensions are supported, got shape \(p.tensor.dims)")
            return
        }
        p.update { $0 = .eye($0.dims[0], $0.dims[1], dtype: $0.dtype) }
    }

    private static func fill(_ p: Parameter, _ body: (inout Tensor) -> Void) {
        p.update { value in
            // Fresh memory: the old values need not be copied.
            var fresh = value.emptyLike()
            body(&fresh)
            value = fresh
        }
    }
}
