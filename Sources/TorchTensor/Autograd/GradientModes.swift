// Whether operators are recorded: modes of the running thread.
import TorchKernels

/// Runs `body` without recording operators. PyTorch: `torch.no_grad`.
///
/// The mode belongs to the thread; the closure is synchronous, so it can not leak across an `await`.
@inline(__always)
public func noGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let was = st_grad_enabled()
    st_set_grad_enabled(false)
    defer { st_set_grad_enabled(was) }
    return try body()
}

/// Runs `body` with recording on, inside a `noGrad`. PyTorch: `torch.enable_grad`.
public func enableGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let was = st_grad_enabled()
    st_set_grad_enabled(!st_inference_mode())
    defer { st_set_grad_enabled(was) }
    return try body()
}

/// Runs `body` for results only: nothing is recorded, not even by `enableGrad` inside a layer. PyTorch: `torch.inference_mode`.
public func inferenceMode<Result>(_ body: () throws -> Result) rethrows -> Result {
    let (was, inference) = (st_grad_enabled(), st_inference_mode())
    st_set_grad_enabled(false)
    st_set_inference_mode(true)
    defer {
        st_set_grad_enabled(was)
        st_set_inference_mode(inference)
    }
    return try body()
}

/// True if operators are recorded on this thread. PyTorch: `torch.is_grad_enabled`.
public var isGradEnabled: Bool { st_grad_enabled() }

/// Runs `body` so that a NaN made by a derivative is reported with the forward call it belongs to. Slow. PyTorch: `torch.autograd.detect_anomaly`.
public func detectAnomaly<Result>(_ body: () throws -> Result) rethrows -> Result {
    let was = st_anomaly_mode()
    st_set_anomaly_mode(true)
    defer { st_set_anomaly_mode(was) }
    return try body()
}
