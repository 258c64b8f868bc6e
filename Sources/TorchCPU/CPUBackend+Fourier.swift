// Fourier transforms on the CPU: plans kept by length, rows on several threads.
import TorchKernels
import TorchRuntime

/// A transform's plan, freed when nobody uses it any more.
private final class FourierPlan: @unchecked Sendable {
    // @unchecked: the plan is constant once made.
    let plan: OpaquePointer
    init?(_ length: Int, wide: Bool) {
        guard let p = st_fft_plan_make(Int64(length), wide) else { return nil }
        plan = p
    }
    deinit { st_fft_plan_free(plan) }
}

/// Plans used lately.
private enum FourierPlans {
    // nonisolated(unsafe): guarded by the lock below.
    nonisolated(unsafe) private static var plans: [Int: FourierPlan] = [:]
    private static let lock = Mutex()

    static func plan(_ length: Int, wide: Bool) -> FourierPlan? {
        let key = length * 2 + (wide ? 1 : 0)
        if let p = lock.withLock({ plans[key] }) { return p }
        guard let p = FourierPlan(length, wide: wide) else { return nil }
        lock.withLock {
            // A program uses few lengths; one that uses many starts afresh now and then.
            if plans.count >= 64 { plans.removeAll() }
            plans[key] = p
        }
        return p
    }
}

extension CPUBackend {
    public func fft(_ out: Operand, _ x: Operand, sign: Int) -> Bool {
        guard x.dtype.isComplex, out.dtype == x.dtype, x.sizes.count > 0 else { return false }
        let n = x.sizes[x.sizes.count - 1]
        if x.count == 0 { return true }
        guard let plan = FourierPlans.plan(n, wide: x.dtype == .complex128) else {
            TensorError.report("fft", "no memory to plan a transform of length \(n)")
            return true
        }
        let bytes = n * x.dtype.itemSize
        withExtendedLifetime(plan) {
            Parallel.forEach(count: x.count / n, grain: Swift.max(1, 8192 / n)) { rows in
                guard let work = Storage.allocate(byteCount: st_fft_workspace(plan.plan)) else {
                    TensorError.report("fft", "no memory for a transform of length \(n)")
                    return
                }
                withExtendedLifetime(work) {
                    st_fft_rows(plan.plan, x.pointer + rows.lowerBound * bytes, out.pointer + rows.lowerBound * bytes, Int64(rows.count), Int32(sign), work.pointer)
                }
            }
        }
        return true
    }
}
