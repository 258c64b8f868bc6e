// Loss scaling, so that small gradients survive float16.
import TorchFormats
import TorchNN

/// Multiplies the loss, so that gradients do not vanish in float16, divides the gradients by the same factor before the step, leaves out steps whose gradients
/// overflowed, and adapts the factor: after an overflow times `backoffFactor`, after `growthInterval` steps without one times `growthFactor`.
/// PyTorch: `torch.amp.GradScaler`. Paper: Micikevicius et al., "Mixed Precision Training", 2018.
///
/// ```swift
/// let net = Linear(4, 2)
/// let optimizer = SGD(net.parameters(), learningRate: 0.1)
/// let scaler = GradScaler()
/// for _ in 0..<3 {
///     optimizer.zeroGrad()
///     let loss = autocast(.float16) { crossEntropy(net(Tensor.randn(8, 4)), Tensor.randint(0, 2, [8])) }
///     scaler.scale(loss).backward()
///     scaler.step(optimizer)
///     scaler.update()
/// }
/// ```
///
/// Parameters stay float32 (`autocast` casts them where they are used). To look at gradients or clip them, call `unscale` before `step`. With several optimizers, call `step` for
/// each and `update` once.
public final class GradScaler {
    /// False: everything passes through, and `step` is the optimizer's.
    public let isEnabled: Bool
    /// What the scale is multiplied by after `growthInterval` steps without overflow; above 1.
    public private(set) var growthFactor: Double
    /// What the scale is multiplied by after an overflow; below 1.
    public private(set) var backoffFactor: Double
    /// Steps without overflow before the scale grows.
    public private(set) var growthInterval: Int

    // Of float32, as PyTorch's: the same sequence of scales, and it stops growing where float32 ends.
    private var factor: Float
    private var growthTracker = 0
    private var hasScaled = false
    private var progress: [ObjectIdentifier: Progress] = [:]

    private enum Stage { case unscaled, stepped }

    /// What was done for an optimizer since the last `update`.
    private struct Progress {
        // Kept, so that its identity stays its own.
        let optimizer: Optimizer
        var stage: Stage
        /// One flag a device, read when it is needed: reading waits for the device.
        let areFinite: [Tensor]
        var known: Bool?

        var overflowed: Bool { known ?? areFinite.contains { !$0.item(Bool.self) } }
    }

    public init(initialScale: Double = 65536, growthFactor: Double = 2, backoffFactor: Double = 0.5, growthInterval: Int = 2000, enabled: Bool = true) {
        if enabled && growthFactor <= 1 { TensorError.report("GradScaler", "The growth factor must be > 1.0, got \(growthFactor)") }
        if enabled && backoffFactor >= 1 { TensorError.report("GradScaler", "The backoff factor must be < 1.0, got \(backoffFactor)") }
        factor = Float(initialScale)
        self.growthFactor = growthFactor
        self.backoffFactor = backoffFactor
        self.growthInterval = growthInterval
        isEnabled = enabled
    }

    /// The factor of losses now; 1 if not enabled. PyTorch: `get_scale()`.
    public var currentScale: Double { isEnabled ? Double(factor) : 1 }

    /// A loss (or any output that backward starts from) times the scale, in its own type. PyTorch: `scale(outputs)`.
    public func scale(_ output: Tensor) -> Tensor {
        guard isEnabled else { return output }
        hasScaled = true
        return output * Double(factor)
    }

    /// Divides the gradients of the optimizer's parameters by the scale, at most once a step; `step` does it if it was not done. PyTorch: `unscale_(optimizer)`.
    public func unscale(_ optimizer: Optimizer) {
        guard isEnabled, wasScaled("unscale") else { return }
        switch progress[ObjectIdentifier(optimizer)]?.stage {
        case .unscaled:
            TensorError.report("unscale", "unscale() has already been called on this optimizer since the last update()", hint: "call it once an optimizer, then step and update")
            return
        case .stepped:
            TensorError.report("unscale", "unscale() is being called after step()", hint: "call it before step, which unscales where that was not done")
            return
        case nil: break
        }
        let learning = optimizer.groups.flatMap(\.parameters)
        guard !learning.contains(where: { $0.grad?.dtype == .float16 }) else {
            TensorError.report("unscale", "Attempting to unscale FP16 gradients", hint: "keep parameters in float32 and let autocast lower them where they are used")
            return
        }
        let inverse = Double(Float(1 / Double(factor)))
        var flags: [Device: Tensor] = [:]
        noGrad {
            for p in learning {
                guard let g = p.grad else { continue }
                let isFinite = g.isFinite().all()
                flags[g.device] = flags[g.device].map { $0.logicalAnd(isFinite) } ?? isFinite
                p.grad = g * inverse
            }
        }
        progress[ObjectIdentifier(optimizer)] = Progress(optimizer: optimizer, stage: .unscaled, areFinite: Array(flags.values))
    }

    /// One step of the optimizer on unscaled gradients, or none where a gradient is infinite or NaN; says whether it was made. PyTorch: `step(optimizer)`.
    @discardableResult
    public func step(_ optimizer: Optimizer) -> Bool {
        guard isEnabled else {
            optimizer.step()
            return true
        }
        guard wasScaled("step") else { return false }
        let id = ObjectIdentifier(optimizer)
        if progress[id] == nil { unscale(optimizer) }
        // Nil: what unscale found wrong is reported.
        guard var state = progress[id] else { return false }
        guard state.stage == .unscaled else {
            TensorError.report("step", "step() has already been called since the last update()", hint: "call update() after the steps of all optimizers")
            return false
        }
        guard !state.areFinite.isEmpty else {
            TensorError.report("step", "No inf checks were recorded for this optimizer", hint: "none of its parameters has a gradient: call backward on the scaled loss first")
            return false
        }
        let skips = state.overflowed
        state.known = skips
        state.stage = .stepped
        progress[id] = state
        if !skips { optimizer.step() }
        return !skips
    }

    /// Adapts the scale to what the steps since the last call found, and begins the next iteration. `newScale`: sets it instead. PyTorch: `update(new_scale)`.
    public func update(newScale: Double? = nil) {
        guard isEnabled, wasScaled("update") else { return }
        if let newScale {
            factor = Float(newScale)
        } else {
            guard progress.values.contains(where: { !$0.areFinite.isEmpty }) else {
                TensorError.report("update", "No inf checks were recorded prior to update", hint: "call step or unscale for an optimizer whose parameters have gradients")
                return
            }
            let overflowed = progress.values.contains { $0.overflowed }
            if overflowed {
                factor = Float(Double(factor) * backoffFactor)
                growthTracker = 0
            } else {
                growthTracker += 1
                if growthTracker == growthInterval {
                    let grown = Float(Double(factor) * growthFactor)
                    if grown.isFinite { factor = grown }
                    growthTracker = 0
                }
            }
        }
        progress = [:]
    }

    private func wasScaled(_ operation: String) -> Bool {
        if hasScaled { return true }
        TensorError.report(
            operation, "Attempted \(operation) but nothing was scaled: this may indicate that the script did not use scaler.scale(loss) earlier in the iteration",
            hint: "scaler.scale(loss).backward()")
        return false
    }
}

extension GradScaler {
    /// All state under PyTorch's names: `scale`, `growth_factor`, `backoff_factor`, `growth_interval`, `_growth_tracker`; empty if not enabled. PyTorch: `state_dict()`.
    public var checkpointValue: CheckpointValue {
        let pairs: [(String, CheckpointValue)] = [
            ("scale", .double(Double(factor))), ("growth_factor", .double(growthFactor)), ("backoff_factor", .double(backoffFactor)), ("growth_interval", .int(growthInterval)),
            ("_growth_tracker", .int(growthTracker)),
        ]
        return .dictionary(isEnabled ? pairs.map { .init(.string($0), $1) } : [], kind: .plain)
    }

    /// Goes on from state in PyTorch's layout; one that is not enabled takes nothing over. Throws and changes nothing if an entry is missing. PyTorch: `load_state_dict`.
    public func load(_ value: CheckpointValue) throws(FormatError) {
        guard isEnabled else { return }
        if value.pairs?.isEmpty == true {
            throw FormatError(.request, "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler")
        }
        guard let scale = value["scale"]?.double, let growth = value["growth_factor"]?.double, let backoff = value["backoff_factor"]?.double,
            let interval = value["growth_interval"]?.int, let tracker = value["_growth_tracker"]?.int
        else {
            throw FormatError(.malformed, "is not the state of a GradScaler", expected: "numbers scale, growth_factor, backoff_factor, growth_interval, _growth_tracker")
        }
        (factor, growthFactor, backoffFactor, growthInterval, growthTracker) = (Float(scale), growth, backoff, interval, tracker)
    }

    /// Writes the state for `torch.load`. PyTorch: `torch.save(scaler.state_dict(), path)`.
    public func save(to path: String) throws(FormatError) { try TorchFile.save(checkpointValue, to: path) }

    /// Goes on from a file that PyTorch or `save(to:)` wrote. `key`: where in it the scaler is, e.g. `scaler`. PyTorch: `load_state_dict(torch.load(path))`.
    public func load(from path: String, key: String? = nil) throws {
        let checkpoint = try Checkpoint(path: path)
        guard let value = key.map({ checkpoint.root[$0] }) ?? checkpoint.root else { throw FormatError(.request, file: path, "has no entry \"\(key ?? "")\"") }
        do throws(FormatError) { try load(value) } catch { throw error.inFile(path) }
    }
}
