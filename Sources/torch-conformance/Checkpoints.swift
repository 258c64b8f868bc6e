// `torch-conformance checkpoints`: files of every format, good and bad.
import ArgumentParser
import Glibc
import Torch

struct Checkpoints: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoints", abstract: "Checkpoint files of every format: good ones have the recorded content, bad ones are refused.")

    @Option(help: "Folder with checkpoints/ (or that folder itself).") var data: String
    @Option(help: "Files to report: names with * and ?, separated by commas.") var only: String?
    @Option(help: "Folder to which the good files are written again (torch.save, safetensors, .npz), for PyTorch and NumPy to compare.") var rewrite: String?
    @Option(help: "Fails if fewer good files load with the right content.") var thresholdGood: Int?
    @Option(help: "Fails if fewer bad files are refused.") var thresholdBad: Int?

    /// A payload of the malicious files would make this file in the current folder.
    static let trap = "conformance_must_not_exist.txt"
    /// Seconds after which a file counts as hanging; each should take less than one.
    static let timeLimit = 20.0

    func run() throws {
        let folder = access("\(data)/checkpoints/manifest.jsonl", F_OK) == 0 ? "\(data)/checkpoints" : data
        let patterns = only?.split(separator: ",").map(String.init)
        unlink(Self.trap)
        var cases: [(line: Int, file: String, expect: String)] = []
        for (n, line) in try MappedFile("\(folder)/manifest.jsonl").lines.enumerated() {
            let record = try JSON(parsing: line)
            guard record["kind"]?.string == "file", let file = record["file"]?.string, let expect = record["expect"]?.string else { continue }
            if let patterns, !patterns.contains(where: { fnmatch($0, file, 0) == 0 }) { continue }
            cases.append((n, file, expect))
        }
        var passed: [String: Int] = [:]
        func total(_ expect: String) -> Int { cases.count { $0.expect == expect } }
        func note(_ position: Int, _ reason: String?) {
            if let reason { print("FAIL \(cases[position].file): \(reason)") } else { passed[cases[position].expect, default: 0] += 1 }
        }
        let batch = SupervisedBatch(
            arguments: ["checkpoints-worker", "--data", folder] + (rewrite.map { ["--rewrite", $0] } ?? []), cases: cases.map(\.line), result: { position, _, reason in note(position, reason) },
            failure: { note($0, $1) })
        try supervise([batch], workers: 1, timeLimit: Self.timeLimit)
        let isTrapped = access(Self.trap, F_OK) == 0
        if isTrapped { print("FAIL \(Self.trap) exists: a file has run code") }
        let (good, bad) = (passed["load"] ?? 0, passed["reject"] ?? 0)
        print("checkpoints: good \(good)/\(total("load")), bad \(bad)/\(total("reject")), either \(passed["either"] ?? 0)/\(total("either"))")
        for (name, count, threshold) in [("good", good, thresholdGood), ("bad", bad, thresholdBad)] {
            guard let threshold, count < threshold else { continue }
            writeAll(2, "below the threshold: \(count) < \(threshold) \(name) files\n")
            throw ExitCode(1)
        }
        if isTrapped { throw ExitCode(1) }
    }
}

/// One process of `checkpoints`.
struct CheckpointWorker: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "checkpoints-worker", abstract: "Opens files for `checkpoints` (internal).", shouldDisplay: false)

    @Option var data: String
    @Option var rewrite: String?
    @Option(help: "File with case numbers, one a line.") var cases: String
    @Option(help: "How many of them to skip.") var skip: Int = 0

    func run() throws {
        try runWorker(manifest: "\(data)/manifest.jsonl", cases: cases, skip: skip) { record in
            [("file", CheckpointCase(record: record, folder: data, rewrite: rewrite).run())]
        }
    }
}

/// One file of the manifest.
struct CheckpointCase {
    let record: JSON
    let folder: String
    let rewrite: String?

    private var expect: String { record["expect"]?.string ?? "" }

    /// Nil if the file did what it should: within a second, and with no more memory than its size justifies.
    func run() -> String? {
        let bytes = record["bytes"]?.int ?? 0
        let before = (time: seconds(), memory: peakMemory())
        var difference: String?
        do {
            let checkpoint = try Checkpoint(path: "\(folder)/\(record["file"]?.string ?? "")")
            _ = try checkpoint.load()
            // The comparison is not part of the time.
            let limits = limits(before, bytes)
            if expect == "reject" { return "loaded, but must be refused" }
            if expect == "load" { difference = try CheckpointComparison(checkpoint, record).difference() ?? again(checkpoint) }
            return difference ?? limits
        } catch let error as FormatError {
            return expect == "load" ? error.description : limits(before, bytes)
        } catch { return "\(error)" }
    }

    /// Writes the content again and reads that: the whole tree as a file of torch.save, the tensors as safetensors and .npz.
    private func again(_ checkpoint: Checkpoint) throws -> String? {
        guard let rewrite else { return nil }
        let path = "\(rewrite)/\(record["file"]?.string ?? "")"
        let tensors = try checkpoint.load()
        for (ending, lacks) in [("safetensors", DType.complex128), ("npz", .bfloat16)] {
            // A file of one tensor has no name for it; names of ONNX may look like absolute paths, which an archive must not have.
            let known = tensors.filter { $0.tensor.dtype != lacks }.map { (name: $0.name.isEmpty ? "tensor" : String($0.name.drop { $0 == "/" }), tensor: $0.tensor) }
            let copy = "\(path).\(ending)"
            if ending == "npz" { try NumPyFile.save(known, to: copy) } else { try Safetensors.save(known, to: copy) }
            let written = try Checkpoint(path: copy)
            guard written.tensors.map(\.name) == known.map(\.name) else { return "written as \(ending): other names" }
            for (name, tensor) in known {
                let other = try written[name]!.load()
                guard other.dtype == tensor.dtype, other.shape == tensor.shape, tensor.withBytes({ a in other.withBytes { a.elementsEqual($0) } }) else {
                    return "written as \(ending): \(name) differs"
                }
            }
        }
        guard record["format"]?.string == "torch.save", isWritable(checkpoint.root) else { return nil }
        try TorchFile.save(checkpoint.root, metadata: checkpoint.metadata, to: path)
        let written = try Checkpoint(path: path)
        return try CheckpointComparison(written, record).difference().map { "written again: \($0)" }
    }

    /// Objects of classes are not written, and a defaultdict becomes a plain dictionary.
    private func isWritable(_ value: CheckpointValue) -> Bool {
        switch value {
        case .object: false
        case .dictionary(let pairs, let kind): kind != .defaulting && pairs.allSatisfy { isWritable($0.value) }
        case .list(let items), .tuple(let items): items.allSatisfy(isWritable)
        default: true
        }
    }

    private func limits(_ before: (time: Double, memory: Int), _ bytes: Int) -> String? {
        let time = seconds() - before.time
        if time > 1 { return "took \(time) s" }
        let memory = peakMemory() - before.memory
        return memory > 3 * bytes + 64 << 20 ? "took \(memory >> 20) MiB for a file of \(bytes) bytes" : nil
    }

    private func seconds() -> Double {
        var t = timespec()
        clock_gettime(CLOCK_MONOTONIC, &t)
        return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9
    }

    private func peakMemory() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
    }
}
