// The thread pool, from Swift.
import TorchKernels

/// Work on several threads.
public enum Parallel {
    /// Elements of cheap work below which a second thread costs more than it gains.
    public static let cheapGrain = 32_768

    /// Threads in use. PyTorch: `torch.get_num_threads`, `torch.set_num_threads`.
    public static var threadCount: Int {
        get { Int(st_thread_count()) }
        set { st_set_thread_count(Int32(clamping: Swift.max(1, newValue))) }
    }

    /// Runs `body` over `0..<count` in chunks of `grain`, perhaps on several threads. Boundaries depend on `count` and `grain` only.
    ///
    /// `body` may write to memory that no other chunk touches; it must not trap on purpose or throw.
    @inline(__always)
    public static func forEach(count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
        if count <= grain {
            if count > 0 { body(0..<count) }
            return
        }
        run(count, Swift.max(1, grain), body)
    }

    @inline(never)
    private static func run(_ count: Int, _ grain: Int, _ body: (Range<Int>) -> Void) {
        // The pool returns only when every chunk is done, so the closure may live on this stack.
        withoutActuallyEscaping(body) { escaping in
            let box = Task(body: escaping)
            withExtendedLifetime(box) {
                st_parallel_for(Int64(count), Int64(grain), runChunk, Unmanaged.passUnretained(box).toOpaque())
            }
        }
    }

    private final class Task {
        let body: (Range<Int>) -> Void
        init(body: @escaping (Range<Int>) -> Void) { self.body = body }
    }

    // A plain function: a closure formed in main-actor code would check its executor on the worker thread and trap.
    private static let runChunk: @convention(c) (UnsafeMutableRawPointer?, Int64, Int64) -> Void = { context, begin, end in
        Unmanaged<Task>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0.body(Int(begin)..<Int(end)) }
    }
}
