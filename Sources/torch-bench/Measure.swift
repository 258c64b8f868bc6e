// Timing: warm up, sample until the budget is spent, report the median as a line of JSON.
import Glibc
import Torch
import WorkloadData

/// Seconds of a clock.
func seconds(_ clock: clockid_t) -> Double {
    var t = timespec()
    clock_gettime(clock, &t)
    return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9
}

/// Keeps the optimizer from dropping a result.
@inline(never) @_optimize(none)
func keep(_ t: Tensor) {}

/// Wall and processor seconds.
struct Duration {
    var wall = 0.0
    var cpu = 0.0

    /// Time of `body`.
    static func of(_ body: () -> Void) -> Duration {
        let (c, w) = (seconds(CLOCK_PROCESS_CPUTIME_ID), seconds(CLOCK_MONOTONIC))
        body()
        let end = seconds(CLOCK_MONOTONIC)
        return Duration(wall: end - w, cpu: seconds(CLOCK_PROCESS_CPUTIME_ID) - c)
    }
}

/// A workload that is ready to run.
struct Prepared {
    var check: Double?
    var lossFirst: Double?
    /// Floating-point operations of an iteration.
    var flops: Double?
    /// Runs the work that many times and gives the time it took, preparations left out.
    let run: (Int) -> Duration

    init(check: Double?, lossFirst: Double? = nil, flops: Double? = nil, run: @escaping (Int) -> Duration) {
        self.check = check
        self.lossFirst = lossFirst
        self.flops = flops
        self.run = run
    }

    /// One operation on tensors, repeated; its result is checked.
    static func operation(flops: Double? = nil, _ body: @escaping () -> Tensor) -> Prepared {
        Prepared(check: checkValue(body()), flops: flops) { k in
            Duration.of { for _ in 0..<k { keep(body()) } }
        }
    }

    /// A training step that gives its loss: five steps run first, the fifth loss is the check.
    static func training(_ step: @escaping () -> Tensor) -> Prepared {
        let losses = (0..<5).map { _ in step().item() }
        return Prepared(check: losses[4], lossFirst: losses[0]) { k in
            Duration.of { for _ in 0..<k { keep(step()) } }
        }
    }
}

/// A named workload.
struct Workload {
    enum Unit: String {
        case ns, us, ms
        case steps = "steps/s"
        case gigabytes = "GB/s"
        /// Number that a time in seconds is multiplied with; nil for a rate.
        var factor: Double? { self == .ns ? 1e9 : self == .us ? 1e6 : self == .ms ? 1e3 : nil }
    }
    let name: String
    let unit: Unit
    var isHeavy = false
    /// Units of work in one iteration, for rates.
    var work = 1.0
    let prepare: () throws -> Prepared

    init(_ name: String, _ unit: Unit, heavy: Bool = false, work: Double = 1, prepare: @escaping () throws -> Prepared) {
        self.name = name
        self.unit = unit
        isHeavy = heavy
        self.work = work
        self.prepare = prepare
    }
}

/// Samples and their figures.
struct Samples {
    var wall: [Double] = []
    var cpu: [Double] = []
    var firstCall = 0.0

    /// Warms up, then samples until `budget` seconds are spent and five samples are in; at most five budgets, then three are enough.
    init(_ run: (Int) -> Duration, budget: Double) {
        firstCall = run(1).wall
        if firstCall <= budget {
            let end = seconds(CLOCK_MONOTONIC) + 0.25 * budget
            var calls = 0
            while calls < 2 || (seconds(CLOCK_MONOTONIC) < end && calls < 50) {
                _ = run(1)
                calls += 1
            }
        }
        // One sample takes at least 2 ms.
        var k = 1
        while k < 1 << 24 {
            let t = run(k).wall
            if t >= 2e-3 { break }
            k = Swift.max(k * 2, Int(Double(k) * Swift.min(50, 2.4e-3 / Swift.max(t, 1e-7))))
        }
        let start = seconds(CLOCK_MONOTONIC)
        var total = 0.0
        while (wall.count < 5 || seconds(CLOCK_MONOTONIC) < start + budget) && wall.count < 2000 {
            let d = run(k)
            wall.append(d.wall / Double(k))
            cpu.append(d.cpu / Double(k))
            total += d.wall
            if wall.count >= 3 && total > 5 * budget { break }
        }
    }

    /// Samples that were taken elsewhere.
    init(wall: [Double]) { (self.wall, cpu) = (wall, []) }

    static func quantile(_ values: [Double], _ q: Double) -> Double {
        let s = values.sorted()
        return s[Swift.min(s.count - 1, Int(q * Double(s.count)))]
    }

    static func median(_ values: [Double]) -> Double {
        let s = values.sorted()
        return s.count % 2 == 1 ? s[s.count / 2] : (s[s.count / 2 - 1] + s[s.count / 2]) / 2
    }
}

/// Lines of the report.
enum Report {
    static var peakMemory: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return Double(usage.ru_maxrss) / 1024
    }

    static func emit(_ w: Workload, threads: Int, _ p: Prepared, _ s: Samples, extra: JSON.Object = [:]) throws {
        let median = Samples.median(s.wall)
        let value = w.unit.factor.map { median * $0 } ?? w.work / median
        var line: JSON.Object = [
            "peer": "swift-torch", "workload": .string(w.name), "metric": w.unit.factor == nil ? "rate" : "time", "value": .double(value),
            "unit": .string(w.unit.rawValue), "threads": .int(Int64(threads)), "check": p.check.map { $0.isFinite ? .double($0) : .null } ?? .null,
            "seconds": .double(median), "best_seconds": .double(s.wall.min()!),
        ]
        if !s.cpu.isEmpty { line["cpu_seconds"] = .double(Samples.median(s.cpu)) }
        line["n"] = .int(Int64(s.wall.count))
        line["p10"] = .double(Samples.quantile(s.wall, 0.1))
        line["p90"] = .double(Samples.quantile(s.wall, 0.9))
        line["peak_rss_mb"] = .double((peakMemory * 10).rounded() / 10)
        if let flops = p.flops { line["gflops"] = .double((flops / median / 1e7).rounded() / 100) }
        if let loss = p.lossFirst { line["loss_first"] = .double(loss) }
        for (name, value) in extra { line[name] = value }
        try write(line)
    }

    static func emit(_ name: String, error: String) throws {
        try write(["peer": "swift-torch", "workload": .string(name), "error": .string(error)])
    }

    private static func write(_ line: JSON.Object) throws {
        let text = try JSON.object(line).text() + "\n"
        _ = text.withCString { Glibc.write(1, $0, strlen($0)) }
    }
}
