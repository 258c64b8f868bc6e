// Batches of samples, prepared by background threads in an order that does not depend on them.
import Glibc
import TorchTensor

/// Batches over a data set. PyTorch: `torch.utils.data.DataLoader`.
///
/// ```swift
/// for batch in DataLoader(dataset, batchSize: 64, shuffle: true, workers: 2) { print(batch[0].shape, batch[1].shape) }
/// ```
/// With `workers` > 0 that many threads prepare batches ahead; the batches and their order are the same as with none.
public struct DataLoader<Set: Dataset>: Sequence {
    public let dataset: Set
    public let batchSize: Int
    public let dropLast: Bool
    public let workers: Int
    private let sampler: any Sampler
    private let generator: Generator

    /// - Parameters:
    ///   - shuffle: a new random order each epoch, drawn as PyTorch does.
    ///   - sampler: an order of one's own, instead of `shuffle`.
    ///   - dropLast: leaves out a last batch that is not full.
    ///   - workers: background threads; 0 prepares each batch when it is asked for.
    ///   - generator: source of the order; the default generator otherwise.
    public init(
        _ dataset: Set, batchSize: Int = 1, shuffle: Bool = false, sampler: (any Sampler)? = nil, dropLast: Bool = false, workers: Int = 0,
        generator: Generator? = nil
    ) {
        if batchSize < 1 { TensorError.report("DataLoader", "batch_size should be a positive integer value, but got batch_size=\(batchSize)") }
        if workers < 0 { TensorError.report("DataLoader", "num_workers option should be non-negative, got \(workers)") }
        if shuffle && sampler != nil { TensorError.report("DataLoader", "sampler option is mutually exclusive with shuffle") }
        self.dataset = dataset
        self.batchSize = Swift.max(1, batchSize)
        self.dropLast = dropLast
        self.workers = Swift.max(0, workers)
        self.sampler = sampler ?? (shuffle ? RandomSampler(dataset.count, generator: generator) : SequentialSampler(dataset.count))
        self.generator = generator ?? .default
    }

    /// Number of batches an epoch.
    public var count: Int {
        let n = (sampler as? RandomSampler)?.sampleCount ?? dataset.count
        return dropLast ? n / batchSize : (n + batchSize - 1) / batchSize
    }

    public var underestimatedCount: Int { 0 }

    /// Starts an epoch.
    public func makeIterator() -> DataLoaderIterator<Set> {
        // PyTorch draws a base seed for its workers first, whether it has any or not.
        _ = generator.next64()
        let order = sampler.indices()
        var batches: [[Int]] = []
        var start = 0
        while start < order.count {
            let end = Swift.min(start + batchSize, order.count)
            if end - start == batchSize || !dropLast { batches.append(Array(order[start..<end])) }
            start = end
        }
        return DataLoaderIterator(dataset, batches, workers: workers)
    }

    /// One epoch; throws what the data set throws. A plain `for` loop reports such an error instead.
    public func forEachBatch(_ body: ([Tensor]) throws -> Void) throws {
        let iterator = makeIterator()
        while let batch = try iterator.nextBatch() { try body(batch) }
    }
}

/// One epoch of batches.
public final class DataLoaderIterator<Set: Dataset>: IteratorProtocol {
    private let dataset: Set
    private let batches: [[Int]]
    private var position = 0
    private let pipeline: Pipeline?

    init(_ dataset: Set, _ batches: [[Int]], workers: Int) {
        self.dataset = dataset
        self.batches = batches
        pipeline = workers == 0 ? nil : Pipeline(batches.count, workers: workers) { try dataset.batch(batches[$0]) }
    }

    deinit { pipeline?.stop() }

    /// The next batch; an error of the data set is reported as misuse. Use `forEachBatch` where files may fail.
    public func next() -> [Tensor]? {
        do { return try nextBatch() } catch {
            TensorError.report("DataLoader", "the data set failed: \(error)", hint: "use forEachBatch, which throws")
            return nil
        }
    }

    /// Passes over the next `count` batches. Call it before the first batch is taken, to go on in the middle of an epoch.
    public func skip(_ count: Int) {
        position += count
        pipeline?.skip(to: position)
    }

    /// The next batch, nil at the end.
    public func nextBatch() throws -> [Tensor]? {
        guard position < batches.count else { return nil }
        defer { position += 1 }
        guard let pipeline else { return try dataset.batch(batches[position]) }
        return try pipeline.take(position).get()
    }
}

/// Threads that work through numbered jobs in order, a few ahead of who takes the results.
private final class Pipeline: @unchecked Sendable {
    // @unchecked: all mutable state is guarded by `mutex`.
    private let jobs: Int
    private let ahead: Int
    private let work: @Sendable (Int) throws -> [Tensor]
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var nextJob = 0
    private var taken = 0
    private var stopped = false
    private var results: [Int: Result<[Tensor], any Error>] = [:]

    init(_ jobs: Int, workers: Int, _ work: @escaping @Sendable (Int) throws -> [Tensor]) {
        self.jobs = jobs
        self.work = work
        ahead = 2 * workers
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
        for _ in 0..<Swift.min(workers, jobs) {
            var thread = pthread_t()
            let reference = Unmanaged.passRetained(self)
            let failed = pthread_create(
                &thread, nil,
                { context in
                    let pipeline = Unmanaged<Pipeline>.fromOpaque(context!).takeRetainedValue()
                    pipeline.run()
                    return nil
                }, reference.toOpaque())
            if failed != 0 { reference.release() } else { pthread_detach(thread) }
        }
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
    }

    private func run() {
        while true {
            pthread_mutex_lock(mutex)
            while !stopped && nextJob < jobs && nextJob >= taken + ahead { pthread_cond_wait(changed, mutex) }
            guard !stopped, nextJob < jobs else {
                pthread_mutex_unlock(mutex)
                return
            }
            let job = nextJob
            nextJob += 1
            pthread_mutex_unlock(mutex)
            let result = Result { try work(job) }
            pthread_mutex_lock(mutex)
            if job >= taken { results[job] = result }
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
    }

    func take(_ job: Int) -> Result<[Tensor], any Error> {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = results.removeValue(forKey: job) {
                taken = job + 1
                pthread_cond_broadcast(changed)
                return result
            }
            // No thread could be started: do the work here.
            if nextJob == job && taken == job && nextJob < jobs {
                nextJob += 1
                pthread_mutex_unlock(mutex)
                let result = Result { try work(job) }
                pthread_mutex_lock(mutex)
                taken = job + 1
                pthread_cond_broadcast(changed)
                return result
            }
            pthread_cond_wait(changed, mutex)
        }
    }

    func skip(to job: Int) {
        pthread_mutex_lock(mutex)
        taken = Swift.max(taken, job)
        nextJob = Swift.max(nextJob, job)
        results = results.filter { $0.key >= job }
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    func stop() {
        pthread_mutex_lock(mutex)
        stopped = true
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }
}
