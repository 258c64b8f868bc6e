// Plans that NVIDIA's libraries made, kept for the next time.
import TorchRuntime

/// A plan, or why there is none.
class LibraryPlan {
    let refusal: DeviceError?
    fileprivate var lastUse = 0

    init(refusal: DeviceError? = nil) { self.refusal = refusal }
}

/// Plans by the numbers that they are for. Where there are more than `capacity`, the one that was not used for longest goes.
struct PlanCache {
    private var plans: [[Int]: LibraryPlan] = [:]
    private var uses = 0
    let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    /// The plan for `key`, if it is kept.
    mutating func find(_ key: [Int]) -> LibraryPlan? {
        guard let plan = plans[key] else { return nil }
        uses += 1
        plan.lastUse = uses
        return plan
    }

    mutating func insert(_ plan: LibraryPlan, for key: [Int]) {
        if plans.count >= capacity {
            var oldest: (key: [Int], use: Int) = ([], .max)
            for (k, p) in plans where p.lastUse < oldest.use { oldest = (k, p.lastUse) }
            plans[oldest.key] = nil
        }
        uses += 1
        plan.lastUse = uses
        plans[key] = plan
    }
}
