// What losses share: how they are reduced, and that they refuse accidental broadcasting.
import TorchRuntime

/// How the losses of single elements become one. PyTorch: `reduction`.
public enum Reduction: String, Sendable {
    /// One loss an element.
    case none
    case mean
    case sum

    func apply(_ losses: Tensor) -> Tensor {
        switch self {
        case .none: losses
        case .mean: losses.mean()
        case .sum: losses.sum()
        }
    }
}

enum Loss {
    /// Predictions and targets must have one shape: (n, 1) against (n) would make n² losses, which nobody means.
    static func sameShape(_ x: Tensor, _ target: Tensor, _ operation: String) -> Bool {
        if x.dims == target.dims { return true }
        TensorError.report(
            operation, "Using a target size (\(target.dims)) that is different to the input size (\(x.dims)): a loss does not broadcast",
            hint: target.count == x.count ? "reshape one: target.reshape(\(x.shape))" : "make both the same size")
        return false
    }

    /// For losses that may repeat a target (or prediction) along dims of size 1, in one number of dims: (1, 5) beside (3, 5), never (n, 1) beside (n); a 0-dim target is a number.
    static func repeats(_ x: Tensor, _ target: Tensor, _ operation: String) -> Bool {
        if target.rank == 0 || x.rank == target.rank, Shape.canBroadcast(target.dims, to: x.dims) || Shape.canBroadcast(x.dims, to: target.dims) { return true }
        return sameShape(x, target, operation)
    }
}
