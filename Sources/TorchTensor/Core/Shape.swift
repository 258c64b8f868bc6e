// Broadcasting: which shapes fit together.
import TorchRuntime

enum Shape {
    /// The common shape of `a` and `b`, nil if they do not fit. Dims are aligned at the inner end; a size of 1 repeats.
    static func broadcast(_ a: Dims, _ b: Dims) -> Dims? {
        if a == b { return a }
        let rank = Swift.max(a.count, b.count)
        var result = Dims(rank: rank)
        for i in 0..<rank {
            let x = i < rank - a.count ? 1 : a[i - (rank - a.count)]
            let y = i < rank - b.count ? 1 : b[i - (rank - b.count)]
            if x == y || y == 1 {
                result[i] = x
            } else if x == 1 {
                result[i] = y
            } else {
                return nil
            }
        }
        return result
    }

    /// True if a tensor of shape `small` can be repeated to `large`.
    static func canBroadcast(_ small: Dims, to large: Dims) -> Bool {
        if small.count > large.count { return false }
        let lead = large.count - small.count
        for i in 0..<small.count where small[i] != large[i + lead] && small[i] != 1 { return false }
        return true
    }

    /// `broadcast`, reporting what does not fit in PyTorch's words.
    static func broadcast(_ a: Dims, _ b: Dims, _ operation: StaticString) -> Dims? {
        if let s = broadcast(a, b) { return s }
        let rank = Swift.max(a.count, b.count)
        var where_ = ""
        for i in (0..<rank).reversed() {
            let (ia, ib) = (i - (rank - a.count), i - (rank - b.count))
            if ia >= 0, ib >= 0, a[ia] != b[ib], a[ia] != 1, b[ib] != 1 {
                where_ = "The size of tensor a (\(a[ia])) must match the size of tensor b (\(b[ib])) at non-singleton dimension \(i)"
                break
            }
        }
        TensorError.report("\(operation)", "\(where_): shapes \(a) and \(b)", hint: "sizes must be equal or 1, aligned from the last dimension; use reshape or unsqueeze")
        return nil
    }
}
