// Primitives that the device lacks: run on the CPU, on copies.
import Glibc
import TorchRuntime

/// What a primitive does with an operand.
enum Role {
    /// Reads it.
    case read(Operand?)
    /// Overwrites all of it.
    case write(Operand?)
    /// Changes a part of it, or reads it too.
    case update(Operand?)

    var operand: Operand? {
        switch self {
        case .read(let o), .write(let o), .update(let o): o
        }
    }
}

/// The operands of one primitive on the CPU.
struct HostOperands {
    fileprivate(set) var all: [Operand?]
    /// An operand that must be there.
    subscript(_ i: Int) -> Operand { all[i]! }
    /// An operand that may be missing.
    func optional(_ i: Int) -> Operand? { all[i] }
}

extension CUDABackend {
    /// Runs `body` on the CPU with copies of the operands, and copies back what it wrote.
    ///
    /// An operand that is input and output at once is copied twice, so the CPU's primitive sees two that do not overlap, which is always allowed.
    func onCPU<Result>(_ primitive: String, _ roles: [Role], failure: Result, _ body: (any Backend, HostOperands) -> Result) -> Result {
        // All that does not depend on the primitive is compiled once.
        guard let host = hostCopies(primitive, roles) else { return failure }
        let result = body(Backends.cpu, host)
        copyBack(roles, host)
        return result
    }

    /// Copies for the CPU; nil if that was reported to be impossible.
    @inline(never) private func hostCopies(_ primitive: String, _ roles: [Role]) -> HostOperands? {
        if gpu.capture != nil {
            TensorError.report(
                primitive, "this has no kernel on \(device) and runs on the CPU, which a captured step can not do: a replay runs without the host", hint: "do it before or after the step")
            return nil
        }
        CUDAFallbacks.note(primitive, device)
        var host = HostOperands(all: [])
        for role in roles {
            guard let o = role.operand else {
                host.all.append(nil)
                continue
            }
            guard place(o) == .here else {
                // Nobody has noticed so far.
                TensorError.report(primitive, "\(CUDADevice.elsewhere(device, o.owner?.device ?? .cpu))", hint: "move one with .to(.cpu) or .to(.cuda)")
                return nil
            }
            guard let memory = Self.hostMemory(o) else {
                TensorError.report(primitive, "no memory on the CPU for a copy of \(o.sizes) \(o.dtype)")
                return nil
            }
            if case .write = role {} else { copy(memory.seen, memory.source) }
            host.all.append(memory.whole)
        }
        return host
    }

    /// What the CPU wrote.
    @inline(never) private func copyBack(_ roles: [Role], _ host: HostOperands) {
        for (role, copied) in zip(roles, host.all) {
            guard let copied, let o = role.operand else { continue }
            if case .read = role { continue }
            let target = Self.withoutRepetition(o)
            copy(target, copied.view(sizes: target.sizes, strides: target.sizes.contiguousStrides))
        }
    }

    /// Row-major memory on the CPU for `o`, elements that it repeats once: as the CPU sees them, as the copy writes them, and what is copied.
    private static func hostMemory(_ o: Operand) -> (whole: Operand, seen: Operand, source: Operand)? {
        let source = withoutRepetition(o)
        guard let s = Storage.allocate(byteCount: max(source.count, 1) * o.dtype.itemSize) else { return nil }
        let seen = Operand(s, pointer: s.pointer, dtype: o.dtype, sizes: source.sizes, strides: source.sizes.contiguousStrides)
        var whole = seen
        whole.sizes = o.sizes
        for d in 0..<o.sizes.count where o.sizes[d] != source.sizes[d] { whole.strides[d] = 0 }
        return (whole, seen, source)
    }

    /// The same without dims that repeat: those get size 1.
    static func withoutRepetition(_ o: Operand) -> Operand {
        var r = o
        for d in 0..<o.sizes.count where o.strides[d] == 0 && o.sizes[d] > 1 { r.sizes[d] = 1 }
        return r
    }

    /// An operand over bare contiguous memory of this device, which the caller keeps alive.
    func run(_ pointer: UnsafeRawPointer, _ dtype: DType, _ count: Int) -> Operand {
        let p = UnsafeMutableRawPointer(mutating: pointer)
        let storage = Storage(pointer: p, byteCount: count * dtype.itemSize, owner: NobodysMemory.one, device: device)
        return Operand(storage, pointer: p, dtype: dtype, sizes: [count], strides: [1])
    }

    /// Runs `kernel`; where there is none, or it can not be made, says so once and runs `host` instead. Other errors are reported, and `failure` is the result.
    @inline(__always)
    func onDevice<Result>(_ primitive: String, failure: Result, _ kernel: () throws(DeviceError) -> Result, host: () -> Result) -> Result {
        do throws(DeviceError) {
            return try kernel()
        } catch {
            if case .kernel = error {
                CUDAFallbacks.explain(primitive, error)
                return host()
            }
            TensorError.report(primitive, "\(error)")
            return failure
        }
    }
}

/// What a storage names as its owner when others keep its memory.
private final class NobodysMemory: Sendable {
    static let one = NobodysMemory()
}

/// Which primitives ran on the CPU for want of a kernel.
enum CUDAFallbacks {
    // Guarded by the lock.
    nonisolated(unsafe) private static var counts: [String: Int] = [:]
    private static let lock = Mutex()
    private static let isQuiet = (environment("SWIFT_TORCH_CUDA_QUIET") ?? "0") != "0"

    /// Counts one, and says so on standard error the first time.
    static func note(_ primitive: String, _ device: Device) {
        let isFirst = lock.withLock {
            counts[primitive, default: 0] += 1
            return counts[primitive] == 1
        }
        if isFirst, !isQuiet {
            say("\(primitive) has no kernel on \(device) and runs on the CPU, with copies there and back (SWIFT_TORCH_CUDA_QUIET=1 silences this)")
        }
    }

    // Guarded by the lock.
    nonisolated(unsafe) private static var explained: Set<String> = []

    /// Says once, and always, why a kernel that should be there is not.
    static func explain(_ primitive: String, _ error: DeviceError) {
        if case .kernel(_, let log) = error, log.isEmpty { return }
        let text = "\(error)"
        if lock.withLock({ explained.insert(text).inserted }) { say("\(primitive): \(text)") }
    }

    private static func say(_ text: String) {
        let line = "swift-torch: \(text)\n"
        _ = line.utf8.withContiguousStorageIfAvailable { write(2, $0.baseAddress, $0.count) }
    }

    static var all: [(primitive: String, count: Int)] { lock.withLock { counts.map { ($0.key, $0.value) } }.sorted { $0.primitive < $1.primitive } }
    static func reset() { lock.withLock { counts = [:] } }
}
