// Runs batches of cases in worker processes: one that crashes or hangs costs only its case.
import Glibc

/// Cases for one worker and what to do with their results. Positions count from 0 within the batch.
struct SupervisedBatch {
    /// The worker's command line; `--cases FILE --skip N` are added.
    let arguments: [String]
    /// Lines of the manifest.
    let cases: [Int]
    let result: (_ position: Int, _ kind: String, _ reason: String?) -> Void
    /// The case ended its process, or took too long.
    let failure: (_ position: Int, _ reason: String) -> Void
}

/// A worker and how far it is.
private final class Running {
    let batch: SupervisedBatch
    let file: String
    var done = 0
    var inCase = false
    var started = monotonic()
    var child: ChildProcess

    init(_ batch: SupervisedBatch, number: Int) throws {
        self.batch = batch
        file = "/tmp/torch-conformance-\(getpid())-\(number)"
        guard let f = fopen(file, "w") else { throw ConformanceError("can not write \(file)") }
        for n in batch.cases { fputs("\(n)\n", f) }
        fclose(f)
        child = try ChildProcess(["torch-conformance"] + batch.arguments + ["--cases", file, "--skip", "0"])
    }

    func restart() throws {
        child = try ChildProcess(["torch-conformance"] + batch.arguments + ["--cases", file, "--skip", "\(done)"])
        started = monotonic()
    }

    /// Takes the lines that have come.
    func take() {
        for line in child.takeLines() {
            let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
            guard done < batch.cases.count, parts.count >= 2, Int(parts[1]) == batch.cases[done] else { continue }
            switch parts[0] {
            case "S":
                inCase = true
                started = monotonic()
            case "R" where parts.count == 4: batch.result(done, String(parts[2]), parts[3].isEmpty ? nil : String(parts[3]))
            case "D":
                inCase = false
                done += 1
            default: break
            }
        }
    }
}

private func monotonic() -> Double {
    var t = timespec()
    clock_gettime(CLOCK_MONOTONIC, &t)
    return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9
}

/// Runs all batches, `workers` at a time.
func supervise(_ batches: [SupervisedBatch], workers: Int, timeLimit: Double) throws {
    var running: [Running] = []
    var number = 0
    var waiting = batches[...]
    while !waiting.isEmpty || !running.isEmpty {
        while running.count < max(1, workers), let next = waiting.popFirst() {
            running.append(try Running(next, number: number))
            number += 1
        }
        var fds: [pollfd] = running.flatMap {
            [pollfd(fd: $0.child.out, events: Int16(POLLIN), revents: 0), pollfd(fd: $0.child.err, events: Int16(POLLIN), revents: 0)]
        }
        poll(&fds, nfds_t(fds.count), 200)
        for (k, r) in Array(running.enumerated()) {
            var ended = false
            if fds[2 * k + 1].revents != 0 { _ = r.child.read(r.child.err) }
            if fds[2 * k].revents != 0 { ended = !r.child.read(r.child.out) }
            r.take()
            let late = r.inCase && monotonic() - r.started > timeLimit
            if late { kill(r.child.pid, SIGKILL) }
            guard ended || late else { continue }
            while r.child.read(r.child.out) {}
            while r.child.read(r.child.err) {}
            r.take()
            let end = r.child.reap()
            if r.done < r.batch.cases.count {
                // The case it was in, or the next one if it died in between, carries the blame.
                let said = r.child.lastError
                r.batch.failure(r.done, late ? "no result within \(timeLimit) s" : "crashed: \(end.text)\(said.isEmpty ? "" : " (\(said))")")
                r.done += 1
                r.inCase = false
            }
            if r.done < r.batch.cases.count {
                try r.restart()
            } else {
                unlink(r.file)
                running.removeAll { $0 === r }
            }
        }
    }
}
