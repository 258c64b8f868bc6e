// Connectionist temporal classification.
import Glibc
import TorchRuntime

/// Negative log-likelihood of label sequences over all alignments: logProbs (t, n, c) or (t, c); targets (n, s), or all labels in one row. PyTorch: `torch.nn.functional.ctc_loss`.
///
/// - Parameters:
///   - blank: the class that stands between labels.
///   - zeroInfinity: sequences that can not be aligned count zero.
///
/// `.mean` divides each loss by its target's length first. The gradient is that of PyTorch's CPU kernel, which expects log-softmax before it; it can not be
/// differentiated again.
public func ctcLoss(
    _ logProbs: Tensor, _ targets: Tensor, inputLengths: [Int], targetLengths: [Int], blank: Int = 0, reduction: Reduction = .mean, zeroInfinity: Bool = false
) -> Tensor {
    if let cast = Autocast.raise(logProbs, on: .cpu) {
        return cast.run {
            ctcLoss(
                cast(logProbs), targets, inputLengths: inputLengths, targetLengths: targetLengths, blank: blank, reduction: reduction, zeroInfinity: zeroInfinity)
        }
    }
    if logProbs.rank == 2 {
        let y = ctcLoss(
            logProbs.unsqueeze(1), targets.rank == 1 ? targets.unsqueeze(0) : targets, inputLengths: inputLengths, targetLengths: targetLengths, blank: blank,
            reduction: reduction, zeroInfinity: zeroInfinity)
        return reduction == .none ? y.squeeze(0) : y
    }
    guard logProbs.rank == 3, logProbs.dtype == .float32 || logProbs.dtype == .float64, let labels = targets.asIndex("ctcLoss") else {
        TensorError.report("ctcLoss", "log_probs must be of 2 or 3 dimensions in float32 or float64, got \(logProbs.dims) of \(logProbs.dtype)")
        return .placeholder
    }
    let (steps, batch, classes) = (logProbs.dims[0], logProbs.dims[1], logProbs.dims[2])
    guard blank >= 0, blank < classes else {
        TensorError.report("ctcLoss", "blank must be in label range 0 to \(classes - 1), got \(blank)")
        return .placeholder
    }
    guard inputLengths.count == batch, targetLengths.count == batch, inputLengths.allSatisfy({ $0 >= 0 && $0 <= steps }), targetLengths.allSatisfy({ $0 >= 0 }) else {
        TensorError.report("ctcLoss", "Expected input_lengths (0 to \(steps)) and target_lengths for each of \(batch) sequences, got \(inputLengths) and \(targetLengths)")
        return .placeholder
    }
    let flat = labels.array(of: Int.self)
    var starts: [Int] = []
    if targets.rank == 2 {
        guard targets.dims[0] == batch, (targetLengths.max() ?? 0) <= targets.dims[1] else {
            TensorError.report("ctcLoss", "Expected targets of shape (\(batch), at least \(targetLengths.max() ?? 0)), got \(targets.dims)")
            return .placeholder
        }
        starts = (0..<batch).map { $0 * targets.dims[1] }
    } else {
        var n = 0
        for length in targetLengths {
            starts.append(n)
            n += length
        }
        guard targets.rank == 1, n <= flat.count else {
            TensorError.report("ctcLoss", "Expected targets with \(n) labels in one dimension, got \(targets.dims)")
            return .placeholder
        }
    }
    let sequences = (0..<batch).map { Array(flat[starts[$0]..<(starts[$0] + targetLengths[$0])]) }
    if let bad = sequences.joined().first(where: { $0 < 0 || $0 >= classes }) {
        TensorError.report("ctcLoss", "label \(bad) is out of range: there are \(classes) classes")
        return .placeholder
    }
    let values = logProbs.withoutGraph.array(of: Double.self)
    let wantsGradient = logProbs.isRecorded
    var losses = [Double](repeating: 0, count: batch)
    // d loss / d logProbs of each sequence, as PyTorch defines it.
    var slopes = [Double](repeating: 0, count: wantsGradient ? values.count : 0)
    for b in 0..<batch {
        let alignment = CTCAlignment(values, b, steps: inputLengths[b], batch: batch, classes: classes, labels: sequences[b], blank: blank)
        losses[b] = alignment.loss
        if wantsGradient { alignment.addGradient(&slopes) }
    }
    if zeroInfinity {
        for b in 0..<batch where losses[b] == .infinity {
            losses[b] = 0
            if wantsGradient {
                for t in 0..<steps { for c in 0..<classes { slopes[(t * batch + b) * classes + c] = 0 } }
            }
        }
    }
    let type = logProbs.dtype
    let slope = wantsGradient ? Tensor(slopes, shape: [steps, batch, classes], dtype: type, device: logProbs.device) : nil
    let each = Tensor(losses, dtype: type, device: logProbs.device).recorded("ctcLoss", logProbs) { g in slope! * g.reshaped([1, batch, 1]) }
    switch reduction {
    case .none: return each
    case .sum: return each.sum()
    case .mean: return (each / Tensor(targetLengths.map { Double(Swift.max($0, 1)) }, dtype: type, device: logProbs.device)).mean()
    }
}

/// Forward and backward variables of one sequence over its labels with blanks between.
private struct CTCAlignment {
    let values: [Double]
    let b, steps, batch, classes: Int
    /// Labels with blanks between and around.
    let states: [Int]
    let loss: Double
    private let alpha: [[Double]]

    private static func logSum(_ a: Double, _ b: Double) -> Double {
        let m = Swift.max(a, b)
        return m == -.infinity ? m : m + log(exp(a - m) + exp(b - m))
    }

    init(_ values: [Double], _ b: Int, steps: Int, batch: Int, classes: Int, labels: [Int], blank: Int) {
        (self.values, self.b, self.steps, self.batch, self.classes) = (values, b, steps, batch, classes)
        let states = [blank] + labels.flatMap { [$0, blank] }
        self.states = states
        func lp(_ t: Int, _ s: Int) -> Double { values[(t * batch + b) * classes + states[s]] }
        guard steps > 0 else {
            alpha = []
            loss = labels.isEmpty ? 0 : .infinity
            return
        }
        var rows = [[Double](repeating: -.infinity, count: states.count)]
        rows[0][0] = lp(0, 0)
        if states.count > 1 { rows[0][1] = lp(0, 1) }
        for t in 1..<Swift.max(1, steps) {
            var row = [Double](repeating: -.infinity, count: states.count)
            let last = rows[t - 1]
            for s in states.indices {
                var a = last[s]
                if s > 0 { a = Self.logSum(a, last[s - 1]) }
                // A label may follow another directly unless they are equal.
                if s > 1, states[s] != states[s - 2] { a = Self.logSum(a, last[s - 2]) }
                row[s] = a + lp(t, s)
            }
            rows.append(row)
        }
        alpha = rows
        let end = rows[steps - 1]
        loss = -(states.count > 1 ? Self.logSum(end[states.count - 1], end[states.count - 2]) : end[0])
    }

    func addGradient(_ slopes: inout [Double]) {
        guard steps > 0 else { return }
        func lp(_ t: Int, _ s: Int) -> Double { values[(t * batch + b) * classes + states[s]] }
        var beta = [Double](repeating: -.infinity, count: states.count)
        for t in (0..<steps).reversed() {
            var row = [Double](repeating: -.infinity, count: states.count)
            if t == steps - 1 {
                row[states.count - 1] = lp(t, states.count - 1)
                if states.count > 1 { row[states.count - 2] = lp(t, states.count - 2) }
            } else {
                for s in states.indices {
                    var a = beta[s]
                    if s + 1 < states.count { a = Self.logSum(a, beta[s + 1]) }
                    if s + 2 < states.count, states[s] != states[s + 2] { a = Self.logSum(a, beta[s + 2]) }
                    row[s] = a + lp(t, s)
                }
            }
            beta = row
            var joint = [Double](repeating: -.infinity, count: classes)
            for s in states.indices { joint[states[s]] = Self.logSum(joint[states[s]], alpha[t][s] + beta[s]) }
            for c in 0..<classes {
                let i = (t * batch + b) * classes + c
                slopes[i] = exp(values[i]) - exp(joint[c] + loss - values[i])
            }
        }
    }
}
