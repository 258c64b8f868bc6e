// `torch-conformance ops`: the operators against PyTorch's recorded results.
import ArgumentParser
import Glibc
import Torch

struct Operators: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ops", abstract: "Operators: values, gradients and errors.")

    @Option(help: "Folder with ops.jsonl and the areas.") var data: String
    @Option(help: "Device to run on: cpu, or cuda.") var device: String = "cpu"
    @Option(help: "Entries to run: names with * and ?, separated by commas.") var only: String?
    @Option(help: "One area only.") var area: String?
    @Option(help: "Writes every entry's counts and reasons to this file.") var json: String?
    @Option(help: "Fails if fewer entries pass forward.") var thresholdForward: Int?
    @Option(help: "Fails if fewer entries pass backward.") var thresholdBackward: Int?
    @Option(help: "Fails if fewer error cases pass.") var thresholdErrors: Int?
    @Option(help: "Fails if fewer entries pass forward without a primitive of the CPU (for cuda).") var thresholdAlone: Int?
    @Option(help: "Worker processes.") var workers: Int = 2
    @Option(help: "Seconds that one case may take.") var timeLimit: Double = 20
    @Flag(help: "One line for every failing case, not only the first of an entry.") var allCases = false

    /// What is known of one entry.
    final class Entry {
        let name, area, function: String
        var forward = (passed: 0, total: 0)
        var backward = (passed: 0, total: 0)
        var errors = (passed: 0, total: 0)
        var failures: [(kind: CaseResult.Kind, id: String, reason: String)] = []
        /// Primitives that ran on the CPU though the device was asked for.
        var fallbacks: Set<String> = []
        init(name: String, area: String, function: String) { (self.name, self.area, self.function) = (name, area, function) }

        func count(_ kind: CaseResult.Kind, _ id: String, _ reason: String?) {
            let p = reason == nil ? 1 : 0
            switch kind {
            case .forward:
                forward.passed += p
                forward.total += 1
            case .backward:
                backward.passed += p
                backward.total += 1
            case .error:
                errors.passed += p
                errors.total += 1
            }
            if let reason { failures.append((kind, id, reason)) }
        }
        var passesForward: Bool { forward.total > 0 && forward.passed == forward.total }
        var passesBackward: Bool { backward.total > 0 && backward.passed == backward.total }
    }

    /// A case to run: its line, entry, and what it counts for.
    struct Job {
        let line: Int
        let id: String
        let entry: Entry
        let isError, hasGradient: Bool
        func fail(_ reason: String) {
            if isError {
                entry.count(.error, id, reason)
                return
            }
            entry.count(.forward, id, reason)
            if hasGradient { entry.count(.backward, id, reason) }
        }
    }

    func run() throws {
        guard device == "cpu" || device == "cuda" else { throw ValidationError("unknown device \(device); there are cpu and cuda") }
        if device == "cuda", let reason = CUDA.unavailableReason { throw ValidationError("cuda: \(reason)") }
        let (order, jobs) = try plan()
        var batches: [SupervisedBatch] = []
        for (area, list) in jobs.sorted(by: { $0.key < $1.key }) {
            let chunk = Swift.max(60, (list.count + 7) / 8)
            for start in stride(from: 0, to: list.count, by: chunk) {
                let part = Array(list[start..<Swift.min(start + chunk, list.count)])
                batches.append(
                    SupervisedBatch(
                        arguments: ["ops-worker", "--data", data, "--area", area, "--device", device], cases: part.map(\.line),
                        result: { i, kind, reason in
                            if kind == fallbackKind { part[i].entry.fallbacks.formUnion((reason ?? "").split(separator: ",").map(String.init)) }
                            CaseResult.Kind(rawValue: kind).map { part[i].entry.count($0, part[i].id, reason) }
                        },
                        failure: { i, reason in part[i].fail(reason) }))
            }
        }
        try supervise(batches, workers: workers, timeLimit: timeLimit)
        try report(order)
    }

    // MARK: What to run

    private func plan() throws -> (order: [Entry], jobs: [String: [Job]]) {
        let patterns = only?.split(separator: ",").map(String.init)
        var order: [Entry] = []
        var byName: [String: Entry] = [:]
        for line in try MappedFile("\(data)/ops.jsonl").lines {
            let j = try JSON(parsing: line)
            guard let name = j["entry"]?.string, let area = j["area"]?.string, let fn = j["fn"]?.string else { throw ConformanceError("ops.jsonl: an entry without name") }
            if let a = self.area, a != area { continue }
            if let patterns, !patterns.contains(where: { fnmatch($0, name, 0) == 0 }) { continue }
            let e = Entry(name: name, area: area, function: fn)
            order.append(e)
            byName[name] = e
        }
        guard !order.isEmpty else { throw ValidationError("no entry matches") }
        var jobs: [String: [Job]] = [:]
        for area in Set(order.map(\.area)) {
            for (n, line) in try MappedFile("\(data)/\(area)/manifest.jsonl").lines.enumerated() {
                let j = try JSON(parsing: line)
                guard let id = j["id"]?.string, let op = j["op"]?.string, let fn = j["fn"]?.string else { throw ConformanceError("\(area): a case without id") }
                let variant = j["variant"]?.string ?? ""
                guard let e = byName[variant.isEmpty ? op : "\(op)/\(variant)"] else { continue }
                let job = Job(line: n, id: id, entry: e, isError: j["kind"]?.string == "error", hasGradient: j["grad"]?.object != nil)
                if OperatorTable.contains(fn) { jobs[area, default: []].append(job) } else { job.fail("no row") }
            }
        }
        return (order, jobs)
    }

    // MARK: Report

    private func report(_ order: [Entry]) throws {
        for e in order where !e.failures.isEmpty {
            if allCases {
                for f in e.failures { print("FAIL \(e.area) \(e.name) \(name(f.kind)): \(f.id): \(f.reason)") }
                continue
            }
            for (kind, c) in [(CaseResult.Kind.forward, e.forward), (.backward, e.backward), (.error, e.errors)] where c.passed < c.total {
                guard let f = e.failures.first(where: { $0.kind == kind }) else { continue }
                // A failing gradient that only repeats the forward failure says nothing new.
                if kind == .backward, e.failures.contains(where: { $0.kind == .forward && $0.id == f.id && $0.reason == f.reason }) { continue }
                print("FAIL \(e.area) \(e.name) \(name(kind)) \(c.passed)/\(c.total): \(f.id): \(f.reason)")
            }
        }
        if let json { try write(order, json) }
        let forward = order.filter(\.passesForward).count
        let hasBackward = order.filter { $0.backward.total > 0 }
        let backward = hasBackward.filter(\.passesBackward).count
        let errors = order.reduce((0, 0)) { ($0.0 + $1.errors.passed, $0.1 + $1.errors.total) }
        print("ops: forward \(forward)/\(order.count) entries, backward \(backward)/\(hasBackward.count), errors \(errors.0)/\(errors.1)")
        let alone = order.filter { $0.passesForward && $0.fallbacks.isEmpty }.count
        if device != "cpu" { reportFallbacks(order, alone) }
        var low: [String] = []
        if let t = thresholdAlone, alone < t { low.append("forward on \(device) alone \(alone) < \(t)") }
        if let t = thresholdForward, forward < t { low.append("forward \(forward) < \(t)") }
        if let t = thresholdBackward, backward < t { low.append("backward \(backward) < \(t)") }
        if let t = thresholdErrors, errors.0 < t { low.append("errors \(errors.0) < \(t)") }
        if !low.isEmpty {
            writeAll(2, "below the threshold: \(low.joined(separator: ", "))\n")
            throw ExitCode(1)
        }
    }

    /// Entries that pass without the CPU's help, and what the others needed it for.
    private func reportFallbacks(_ order: [Entry], _ alone: Int) {
        let aloneBackward = order.filter { $0.passesBackward && $0.fallbacks.isEmpty }.count
        var entries: [String: Int] = [:]
        for e in order { for p in e.fallbacks { entries[p, default: 0] += 1 } }
        let needs = entries.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        print("ops: on \(device) alone: forward \(alone), backward \(aloneBackward); entries that used a primitive of the CPU: \(needs.isEmpty ? "none" : needs)")
    }

    private func name(_ kind: CaseResult.Kind) -> String { kind == .forward ? "forward" : kind == .backward ? "backward" : "error" }

    private func write(_ order: [Entry], _ path: String) throws {
        guard let f = fopen(path, "w") else { throw ConformanceError("can not write \(path)") }
        defer { fclose(f) }
        for e in order {
            let failures = e.failures.map { f -> JSON in ["kind": .string(name(f.kind)), "id": .string(f.id), "reason": .string(f.reason)] }
            func pair(_ c: (passed: Int, total: Int)) -> JSON { [.int(Int64(c.passed)), .int(Int64(c.total))] }
            let j: JSON = [
                "entry": .string(e.name), "area": .string(e.area), "forward": pair(e.forward), "backward": pair(e.backward), "errors": pair(e.errors),
                "failures": .array(failures), "fallbacks": .array(e.fallbacks.sorted().map { .string($0) }),
            ]
            fputs(try j.text() + "\n", f)
        }
    }
}
