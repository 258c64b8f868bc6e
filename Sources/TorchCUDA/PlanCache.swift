// Plans that NVIDIA's libraries made, kept for the next time.

/// Plans by what they are for. Where there are more than `capacity`, the one that was not used for longest goes.
struct PlanCache<Key: Hashable, Plan> {
    private var entries: [Key: (plan: Plan, lastUse: UInt64)] = [:]
    private var uses: UInt64 = 0
    let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    /// The plan for `key`, if it is kept.
    mutating func find(_ key: Key) -> Plan? {
        guard let i = entries.index(forKey: key) else { return nil }
        uses += 1
        entries.values[i].lastUse = uses
        return entries.values[i].plan
    }

    mutating func insert(_ plan: Plan, for key: Key) {
        if entries.count >= capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) { entries[oldest.key] = nil }
        uses += 1
        entries[key] = (plan, uses)
    }
}
