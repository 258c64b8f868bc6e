// The pointwise iterator: turns operands of one shape into a few long inner loops.
import TorchKernels

/// Runs an inner loop over operands of equal sizes: drops dims of size 1, orders dims by stride, merges what lies in one run, and splits the rest among threads.
///
/// Strides may be 0 (repetition) or negative. Operand 0 is the output.
public enum StridedLoop {
    /// Inner loops of at most 4 operands (the output included).
    public static func run(_ loop: st_loop, _ operands: borrowing [Operand], parameters: UnsafePointer<KernelParameters>, grain: Int = Parallel.cheapGrain) {
        let sizes = operands[0].sizes
        if sizes.product == 0 { return }
        let n = operands.count
        let rank = sizes.count
        // Plan: extents[d] and strides[d * n + k] in bytes, outermost first.
        withUnsafeTemporaryAllocation(of: Int.self, capacity: (rank + 2) * (n + 1)) { buffer in
            let extents = buffer.baseAddress!
            let strides = extents + (rank + 2)
            let m = plan(operands, extents: extents, strides: strides)
            execute(loop, operands, extents, strides, m, n, parameters, grain)
        }
    }

    /// The dims that are left, outermost first, at least one: extents[d], and strides[d * n + k] in bytes of operand k of n. Returns how many; there is room for rank + 1.
    @inline(__always)
    public static func plan(_ operands: borrowing [Operand], extents: UnsafeMutablePointer<Int>, strides: UnsafeMutablePointer<Int>) -> Int {
        let sizes = operands[0].sizes
        let n = operands.count
        var m = 0
        for d in 0..<sizes.count where sizes[d] != 1 {
            extents[m] = sizes[d]
            for k in 0..<n { strides[m * n + k] = operands[k].strides[d] * operands[k].dtype.itemSize }
            m += 1
        }
        sort(extents, strides, m, n)
        m = merge(extents, strides, m, n)
        if m == 0 {
            extents[0] = 1
            for k in 0..<n { strides[k] = 0 }
            m = 1
        }
        return m
    }

    /// Insertion sort, larger output stride outside; ties are decided by the inputs.
    private static func sort(_ extents: UnsafeMutablePointer<Int>, _ strides: UnsafeMutablePointer<Int>, _ m: Int, _ n: Int) {
        if m < 2 { return }
        for i in 1..<m {
            var j = i
            while j > 0 {
                let outer = strides + (j - 1) * n
                let inner = strides + j * n
                var swap = false
                for k in 0..<n {
                    let (a, b) = (abs(outer[k]), abs(inner[k]))
                    // A repeated output or input says nothing about order.
                    if a == 0 || b == 0 || a == b { continue }
                    swap = a < b
                    break
                }
                if !swap { break }
                for k in 0..<n { (outer[k], inner[k]) = (inner[k], outer[k]) }
                (extents[j - 1], extents[j]) = (extents[j], extents[j - 1])
                j -= 1
            }
        }
    }

    /// Joins neighbours that form one run in every operand; returns the number of dims left.
    private static func merge(_ extents: UnsafeMutablePointer<Int>, _ strides: UnsafeMutablePointer<Int>, _ m: Int, _ n: Int) -> Int {
        if m < 2 { return m }
        var last = 0
        for d in 1..<m {
            var joins = true
            for k in 0..<n where strides[last * n + k] != strides[d * n + k] * extents[d] {
                joins = false
                break
            }
            if joins {
                extents[last] *= extents[d]
            } else {
                last += 1
                extents[last] = extents[d]
            }
            for k in 0..<n { strides[last * n + k] = strides[d * n + k] }
        }
        return last + 1
    }

    private static func execute(
        _ loop: st_loop, _ operands: borrowing [Operand], _ extents: UnsafeMutablePointer<Int>, _ strides: UnsafeMutablePointer<Int>,
        _ m: Int, _ n: Int, _ parameters: UnsafePointer<KernelParameters>, _ grain: Int
    ) {
        let inner = extents[m - 1]
        let innerStrides = strides + (m - 1) * n
        var bases = InlineArray<4, UnsafeMutablePointer<CChar>?>(repeating: nil)
        for k in 0..<n { bases[k] = operands[k].pointer.assumingMemoryBound(to: CChar.self) }

        if m == 1 {
            Parallel.forEach(count: inner, grain: grain) { range in
                var pointers = bases
                var loopStrides = InlineArray<8, Int64>(repeating: 0)
                for k in 0..<n {
                    pointers[k] = bases[k]! + range.lowerBound * innerStrides[k]
                    loopStrides[k] = Int64(innerStrides[k])
                }
                call(loop, &pointers, &loopStrides, range.count, 1, parameters)
            }
            return
        }

        // Rows: all dims but the innermost. The second innermost is the loop's own outer dim.
        var rows = 1
        for d in 0..<(m - 1) { rows *= extents[d] }
        let second = extents[m - 2]
        let secondStrides = strides + (m - 2) * n
        Parallel.forEach(count: rows, grain: Swift.max(1, grain / inner)) { range in
            var loopStrides = InlineArray<8, Int64>(repeating: 0)
            for k in 0..<n {
                loopStrides[k] = Int64(innerStrides[k])
                loopStrides[n + k] = Int64(secondStrides[k])
            }
            var row = range.lowerBound
            while row < range.upperBound {
                var pointers = bases
                var rest = row
                var d = m - 2
                let position = rest % second
                while d >= 0 {
                    let i = rest % extents[d]
                    rest /= extents[d]
                    for k in 0..<n { pointers[k] = pointers[k]! + i * strides[d * n + k] }
                    d -= 1
                }
                let run = Swift.min(second - position, range.upperBound - row)
                call(loop, &pointers, &loopStrides, inner, run, parameters)
                row += run
            }
        }
    }

    @inline(__always)
    private static func call(
        _ loop: st_loop, _ pointers: inout InlineArray<4, UnsafeMutablePointer<CChar>?>, _ strides: inout InlineArray<8, Int64>,
        _ n0: Int, _ n1: Int, _ parameters: UnsafePointer<KernelParameters>
    ) {
        withUnsafePointer(to: &pointers) { p in
            withUnsafePointer(to: &strides) { s in
                p.withMemoryRebound(to: UnsafeMutablePointer<CChar>?.self, capacity: 4) { p in
                    s.withMemoryRebound(to: Int64.self, capacity: 8) { s in
                        loop(p, s, Int64(n0), Int64(n1), parameters)
                    }
                }
            }
        }
    }
}
