// Einstein summation.
import TorchRuntime

/// Sums of products named by letters: `einsum("bij,bjk->bik", a, b)`. PyTorch: `torch.einsum`.
///
/// Letters that the output does not name are summed; without `->` the output has the letters that occur once, in alphabetical order. `...` stands for
/// dims that broadcast. Contracts from left to right.
public func einsum(_ equation: String, _ operands: Tensor...) -> Tensor { einsum(equation, operands) }

/// Einstein summation over a list of operands.
public func einsum(_ equation: String, _ operands: [Tensor]) -> Tensor {
    if operands.count > 1, let cast = Autocast.lower(operands[0], operands[1]) { return cast.run { einsum(equation, operands.map { cast($0) }) } }
    guard let plan = EinsumPlan(equation, operands) else { return .placeholder }
    return plan.run(operands)
}

/// An equation with its letters as numbers: letters by their code, dims of `...` from 1000 up, counted from the inner end.
private struct EinsumPlan {
    private var inputs: [[Int]] = []
    private var output: [Int] = []

    private static func fail(_ message: String) {
        TensorError.report("einsum", "einsum(): \(message)")
    }

    init?(_ equation: String, _ operands: [Tensor]) {
        guard !operands.isEmpty else {
            Self.fail("must provide at least one operand")
            return nil
        }
        let text = Array(equation.utf8.filter { $0 != UInt8(ascii: " ") })
        var sides: [[UInt8]] = [[]]
        var i = 0
        while i < text.count {
            if text[i] == UInt8(ascii: "-"), i + 1 < text.count, text[i + 1] == UInt8(ascii: ">") {
                sides.append([])
                i += 2
            } else {
                sides[sides.count - 1].append(text[i])
                i += 1
            }
        }
        guard sides.count <= 2 else {
            Self.fail("found more than one '->' in the equation \(equation)")
            return nil
        }
        let terms = sides[0].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map(Array.init)
        guard terms.count == operands.count else {
            Self.fail("\(terms.count > operands.count ? "fewer" : "more") operands were provided than specified in the equation (\(operands.count) for \(terms.count) terms)")
            return nil
        }
        var widest = 0
        for (k, term) in terms.enumerated() {
            guard let labels = Self.labels(term, rank: operands[k].rank, operand: k) else { return nil }
            inputs.append(labels)
            widest = Swift.max(widest, labels.count { $0 >= 1000 })
        }
        let dots = (0..<widest).reversed().map { 1000 + $0 }
        let all = inputs.joined()
        if sides.count == 2 {
            guard let labels = Self.labels(sides[1], rank: nil, operand: -1, dots: dots) else { return nil }
            guard Set(labels).count == labels.count else {
                Self.fail("output subscript appears more than once in the output")
                return nil
            }
            for l in labels where l < 1000 && !all.contains(l) {
                Self.fail("output subscript \(Character(UnicodeScalar(UInt8(l)))) does not appear in the equation for any input operand")
                return nil
            }
            output = labels
        } else {
            // Upper case first, as the codes are.
            output = dots + Set(all).filter { l in l < 1000 && inputs.reduce(0, { n, t in n + t.count { $0 == l } }) == 1 }.sorted()
        }
        var sizes: [Int: Int] = [:]
        for (labels, t) in Swift.zip(inputs, operands) {
            for (d, l) in labels.enumerated() {
                let n = t.dims[d]
                if let m = sizes[l], m != n, m != 1, n != 1 {
                    Self.fail("operands do not broadcast with remapped shapes: a subscript has size \(n), which does not match the previously seen size \(m)")
                    return nil
                }
                sizes[l] = Swift.max(sizes[l] ?? 1, n == 1 ? 1 : n)
                if n == 0 { sizes[l] = 0 }
            }
        }
        let types = Set(operands.map(\.dtype))
        guard types.count == 1 else {
            Self.fail("expected scalar types of the operands to be the same, got \(operands.map(\.dtype))")
            return nil
        }
    }

    private static func labels(_ term: [UInt8], rank: Int?, operand: Int, dots: [Int] = []) -> [Int]? {
        var result: [Int] = []
        var place: Int?
        var i = 0
        while i < term.count {
            let c = term[i]
            if c == UInt8(ascii: ".") {
                guard i + 2 < term.count, term[i + 1] == c, term[i + 2] == c, place == nil else {
                    fail("found '.' for operand \(operand) that is not part of any ellipsis, or a second ellipsis")
                    return nil
                }
                place = result.count
                i += 3
                continue
            }
            guard (c >= 65 && c <= 90) || (c >= 97 && c <= 122) else {
                fail("invalid subscript given at index \(i), subscripts must be in [a-zA-Z]")
                return nil
            }
            result.append(Int(c))
            i += 1
        }
        guard let rank else {
            if let place { result.insert(contentsOf: dots, at: place) }
            return result
        }
        guard place == nil ? result.count == rank : result.count <= rank else {
            fail("the number of subscripts in the equation (\(result.count)) does not match the number of dimensions (\(rank)) for operand \(operand)")
            return nil
        }
        if let place { result.insert(contentsOf: (0..<(rank - result.count)).reversed().map { 1000 + $0 }, at: place) }
        return result
    }

    func run(_ operands: [Tensor]) -> Tensor {
        var terms = Swift.zip(inputs, operands).map { Self.diagonals($0, $1) }
        var (labels, value) = terms.removeFirst()
        while !terms.isEmpty {
            let (nextLabels, next) = terms.removeFirst()
            let later = Set(output).union(terms.flatMap(\.0))
            (labels, value) = Self.contract(labels, value, nextLabels, next, keeping: later)
        }
        let gone = labels.indices.filter { !output.contains(labels[$0]) }
        if !gone.isEmpty {
            value = value.sum(gone, dtype: value.dtype)
            labels = labels.filter { output.contains($0) }
        }
        // Dims of `...` that no operand of this term had are not there; all output letters are.
        let order = output.compactMap { labels.firstIndex(of: $0) }
        return order == Array(0..<labels.count) ? value : value.permuted(order)
    }

    /// A letter twice in one operand takes the diagonal.
    private static func diagonals(_ labels: [Int], _ t: Tensor) -> ([Int], Tensor) {
        var (labels, t) = (labels, t)
        var i = 0
        while i < labels.count {
            if let j = labels[(i + 1)...].firstIndex(of: labels[i]) {
                let label = labels[i]
                // A size of 1 beside another repeats.
                if t.dims[i] != t.dims[j] {
                    var sizes = t.shape
                    sizes[i] = Swift.max(t.dims[i], t.dims[j])
                    sizes[j] = sizes[i]
                    t = t.expand(sizes)
                }
                t = t.diagonal(dim1: i, dim2: j)
                labels.remove(at: j)
                labels.remove(at: i)
                labels.append(label)
            } else {
                i += 1
            }
        }
        return (labels, t)
    }

    /// One product of two operands: letters in both that nobody needs later are summed by it.
    private static func contract(_ la: [Int], _ a: Tensor, _ lb: [Int], _ b: Tensor, keeping later: Set<Int>) -> ([Int], Tensor) {
        var (la, a, lb, b) = (la, a, lb, b)
        func reduceAlone(_ labels: inout [Int], _ t: inout Tensor, other: [Int], otherSizes: Dims) {
            // Letters only here, or where the other has size 1, can be summed at once.
            let gone = labels.indices.filter { i in
                guard !later.contains(labels[i]) else { return false }
                guard let j = other.firstIndex(of: labels[i]) else { return true }
                return otherSizes[j] == 1 && t.dims[i] != 1
            }
            if gone.isEmpty { return }
            let dropped = gone.filter { !other.contains(labels[$0]) }
            t = t.sum(Array(gone), keepDim: true, dtype: t.dtype)
            if !dropped.isEmpty {
                t = t.squeeze(dropped)
                labels = labels.indices.filter { !dropped.contains($0) }.map { labels[$0] }
            }
        }
        reduceAlone(&la, &a, other: lb, otherSizes: b.dims)
        reduceAlone(&lb, &b, other: la, otherSizes: a.dims)
        let shared = la.filter { lb.contains($0) }
        let summed = shared.filter { !later.contains($0) }
        let batch = shared.filter { later.contains($0) }
        let (onlyA, onlyB) = (la.filter { !lb.contains($0) }, lb.filter { !la.contains($0) })
        func size(_ l: Int) -> Int {
            let x = la.firstIndex(of: l).map { a.dims[$0] } ?? 1
            let y = lb.firstIndex(of: l).map { b.dims[$0] } ?? 1
            return x == 1 ? y : x
        }
        let result = batch + onlyA + onlyB
        let sizes = result.map(size)
        if summed.isEmpty && (onlyA.isEmpty || onlyB.isEmpty || batch.isEmpty) {
            // Nothing to sum: a broadcast product.
            func spread(_ labels: [Int], _ t: Tensor) -> Tensor {
                let mine = result.filter { labels.contains($0) }
                let ordered = t.permuted(mine.map { labels.firstIndex(of: $0)! })
                var next = 0
                return ordered.reshape(
                    result.map { l in
                        if !labels.contains(l) { return 1 }
                        next += 1
                        return ordered.dims[next - 1]
                    })
            }
            return (result, spread(la, a) * spread(lb, b))
        }
        func fitted(_ t: Tensor, _ labels: [Int], _ first: [Int], _ second: [Int], _ third: [Int]) -> Tensor {
            let order = first + second + third
            let p = t.permuted(order.map { labels.firstIndex(of: $0)! }).expanded(to: Dims(order.map(size)))
            func total(_ group: [Int]) -> Int { group.reduce(1) { $0 * size($1) } }
            return p.reshaped([total(first), total(second), total(third)])
        }
        let left = fitted(a, la, batch, onlyA, summed)
        let right = fitted(b, lb, batch, summed, onlyB)
        return (result, left.bmm(right).reshape(sizes))
    }
}
