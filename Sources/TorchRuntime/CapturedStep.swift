// A step of work that is recorded on a device, as seen by what runs on the host.
import TorchKernels

/// A step that this thread captures for later replays without the host.
///
/// Note [Captured steps]
/// While a step is captured, the kernels that it asks for are noted down and do not run; a replay runs them, with the same arguments on the same memory. Three things would go wrong, and each is
/// dealt with where it arises:
/// - The host waits for a result. It would read what was there before; copies to the CPU and other waits are refused.
/// - A number of the host changes from step to step: learning rates, step counts, places in random streams. Who hands such a number to a kernel also says how it is made anew
///   (`beforeReplay`, and the backend's way to have it read from the device's memory).
/// - A tensor outlives the step but its changed value lies in new memory, as a value's does when others see the old one. A replay would start from the old memory again. So parameters and
///   buffers that are set are written where they are, and where that can not be, the capture is refused. A plain variable that a step assigns can not be watched so.
public final class CapturedStep {
    /// Where the kernels are to run.
    public let device: Device
    /// Whether memory was made by the step itself.
    private let ownsMemory: (UnsafeRawPointer) -> Bool
    /// Runs work of the device at once, and waits for it.
    private let runAside: (() -> Void) -> Void
    private var preparations: [() -> Void] = []
    private var restorations: [() -> Void] = []

    public init(device: Device, ownsMemory: @escaping (UnsafeRawPointer) -> Bool, runAside: @escaping (() -> Void) -> Void) {
        self.device = device
        self.ownsMemory = ownsMemory
        self.runAside = runAside
    }

    /// The step that this thread captures; nil outside of captures.
    @inline(__always)
    public static var current: CapturedStep? {
        guard let p = st_capture() else { return nil }
        return Unmanaged<CapturedStep>.fromOpaque(p).takeUnretainedValue()
    }

    /// Runs `body` as the step.
    public func capture<Result>(_ body: () throws -> Result) rethrows -> Result {
        let outer = st_capture()
        st_set_capture(Unmanaged.passUnretained(self).toOpaque())
        defer {
            st_set_capture(outer)
            // Last changed, first restored.
            for r in restorations.reversed() { r() }
            restorations = []
        }
        return try body()
    }

    /// Runs `body` now and outside of the step: what makes a constant that the step uses.
    public func aside<Result>(_ body: () -> Result) -> Result {
        var result: Result?
        st_set_capture(nil)
        defer { st_set_capture(Unmanaged.passUnretained(self).toOpaque()) }
        runAside { result = body() }
        return result!
    }

    /// `body` runs before each replay, in the order of these calls: it changes on the host what a step changes there.
    public func beforeReplay(_ body: @escaping () -> Void) { preparations.append(body) }

    /// `body` runs when the capture ends: it takes back what the host has counted for a step that did not happen.
    public func afterCapture(_ body: @escaping () -> Void) { restorations.append(body) }

    /// What the host does before a replay.
    public func prepareReplay() { for p in preparations { p() } }

    /// Whether writing to a tensor of this device there is a change that replays go on from: memory that was there before the step.
    public func outlives(_ pointer: UnsafeRawPointer, _ device: Device) -> Bool { device == self.device && !ownsMemory(pointer) }

    /// Reports that `what` can not keep its memory.
    public func refuseMove(_ operation: String, _ what: String) {
        TensorError.report(
            operation,
            "\(what) is changed in a captured step, but its memory is shared with another tensor or its layout changes, so the new value lies elsewhere and replays would start from the old one",
            hint: "let go of copies and views of it before the capture")
    }
}
