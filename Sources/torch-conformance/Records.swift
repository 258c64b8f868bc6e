// `torch-conformance modules` and `optim`: layers and optimizers against recorded runs.
import ArgumentParser
import Glibc
import Torch

/// What the two commands share.
struct RecordOptions: ParsableArguments {
    @Option(help: "Folder with modules/ and optim/.") var data: String
    @Option(help: "Records to run by class or id: names with * and ?, separated by commas.") var only: String?
    @Option(help: "Worker processes.") var workers: Int = 2
    @Option(help: "Seconds that one record may take.") var timeLimit: Double = 20
    @Option(help: "Fails if fewer records pass, all kinds together.") var threshold: Int?
    @Flag(help: "One line for every failing record, not only the first three of a class and reason.") var allCases = false
}

struct Modules: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "modules", abstract: "Layers: outputs, gradients, state and texts.")
    @OptionGroup var options: RecordOptions
    func run() throws { try runRecords("modules", options, kinds: ["module": ["module", "repr"], "error": ["error"]]) }
}

struct Optimizers: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "optim", abstract: "Optimizers and schedules.")
    @OptionGroup var options: RecordOptions
    func run() throws {
        let kinds = [
            "optimizer", "scheduler", "clip", "optimizer_error", "optimizer_sparse", "lbfgs", "averaging", "averaging_error", "update_bn", "grad_scaler",
        ]
        try runRecords("optim", options, kinds: Dictionary(uniqueKeysWithValues: kinds.map { ($0, [$0]) }))
    }
}

/// One process of `modules` or `optim`.
struct RecordWorker: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "records-worker", abstract: "Runs records (internal).", shouldDisplay: false)

    @Option var data: String
    @Option var part: String
    @Option(help: "File with record numbers, one a line.") var cases: String
    @Option(help: "How many of them to skip.") var skip: Int = 0

    func run() throws {
        let shard = try Shard("\(data)/\(part)/tensors.safetensors")
        try runWorker(manifest: "\(data)/\(part)/manifest.jsonl", cases: cases, skip: skip) { json in
            let record = Record(json: json, shard: shard)
            return part == "modules" ? ModuleCase(record).run() : OptimizerCase(record).run()
        }
    }
}

/// Runs one part. `kinds`: what a record of each kind counts for.
private func runRecords(_ part: String, _ o: RecordOptions, kinds: [String: [String]]) throws {
    struct Item {
        let line: Int
        let id, group: String
        let counts: [String]
    }
    final class Tally {
        var passed: [String: Int] = [:]
        var total: [String: Int] = [:]
        var failures: [(group: String, kind: String, id: String, reason: String)] = []
        func count(_ kind: String, _ item: Item, _ reason: String?) {
            total[kind, default: 0] += 1
            guard let reason else {
                passed[kind, default: 0] += 1
                return
            }
            failures.append((item.group, kind, item.id, reason))
        }
    }
    let patterns = o.only?.split(separator: ",").map(String.init)
    var items: [Item] = []
    for (n, line) in try MappedFile("\(o.data)/\(part)/manifest.jsonl").lines.enumerated() {
        let j = try JSON(parsing: line)
        guard let kind = j["kind"]?.string, let counts = kinds[kind], let id = j["id"]?.string else { continue }
        let group = j["class"]?.string ?? j["fn"]?.string ?? kind
        if let patterns, !patterns.contains(where: { fnmatch($0, group, 0) == 0 || fnmatch($0, id, 0) == 0 }) { continue }
        items.append(Item(line: n, id: id, group: group, counts: counts))
    }
    guard !items.isEmpty else { throw ValidationError("no record matches") }
    let tally = Tally()
    let chunk = Swift.max(50, (items.count + 7) / 8)
    let batches = stride(from: 0, to: items.count, by: chunk).map { start -> SupervisedBatch in
        let part_ = Array(items[start..<Swift.min(start + chunk, items.count)])
        return SupervisedBatch(
            arguments: ["records-worker", "--data", o.data, "--part", part], cases: part_.map(\.line),
            result: { i, kind, reason in tally.count(kind, part_[i], reason) },
            failure: { i, reason in for k in part_[i].counts { tally.count(k, part_[i], reason) } })
    }
    try supervise(batches, workers: o.workers, timeLimit: o.timeLimit)
    var shown: [String: Int] = [:]
    for f in tally.failures.sorted(by: { ($0.group, $0.id) < ($1.group, $1.id) }) {
        let key = "\(f.group) \(f.kind) \(f.reason.prefix(40))"
        shown[key, default: 0] += 1
        if o.allCases || shown[key]! <= 1 { print("FAIL \(f.group) \(f.kind): \(f.id): \(f.reason)") }
    }
    let order = kinds.values.flatMap { $0 }.sorted { (tally.total[$0] ?? 0, $1) > (tally.total[$1] ?? 0, $0) }
    let text = order.filter { tally.total[$0] != nil }.map { "\($0) \(tally.passed[$0] ?? 0)/\(tally.total[$0]!)" }
    print("\(part): " + text.joined(separator: ", "))
    let passed = tally.passed.values.reduce(0, +)
    if let t = o.threshold, passed < t {
        writeAll(2, "below the threshold: \(passed) < \(t)\n")
        throw ExitCode(1)
    }
}
