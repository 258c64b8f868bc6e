// Libraries that were found on this machine, opened when the first product or convolution wants them.
import CVendor
import Glibc
import TorchKernels

/// Libraries opened at run time: libgomp, OpenBLAS with LAPACK, oneDNN. Our own kernels stand in for each that is missing.
///
/// The environment variable `SWIFT_TORCH_VENDOR` restricts them: `none`, or a list such as `openblas,gomp`.
public enum Vendor {
    /// What became of one library.
    public struct Library: Sendable {
        public let name: String
        public let isFound: Bool
        /// As the library reports it; empty when it was not found.
        public let version: String
        public let path: String
        /// Why it is not used, or which part of it is not; empty when all of it is.
        public let reason: String
    }

    /// All libraries that are looked for, found or not.
    public static var libraries: [Library] {
        _ = opened
        return [CVLibrary.gomp, .openblas, .dnnl].map { which in
            let l = cv_library_info(which)!
            return Library(name: String(cString: l.pointee.name), isFound: l.pointee.found, version: text(l.pointee.version), path: text(l.pointee.path), reason: text(l.pointee.reason))
        }
    }

    private static func text<T>(_ characters: T) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Opens the libraries, once.
    private static let opened: Void = {
        cv_open()
        if sharesPool, let entry = cv_gomp_entry() { st_use_gomp(entry) }
    }()

    // nonisolated(unsafe): a table of function pointers, filled before it is first seen and constant afterwards.
    nonisolated(unsafe) static let blas: UnsafePointer<cv_blas>? = {
        _ = opened
        return cv_blas_table()
    }()
    /// True where oneDNN's primitives can be used.
    static let hasPrimitives: Bool = {
        _ = opened
        return cv_dnnl_available()
    }()
    /// True where the user wants libgomp's team as the thread pool (`SWIFT_TORCH_POOL=gomp`). See Note [One pool].
    private static let sharesPool = getenv("SWIFT_TORCH_POOL").map { String(cString: $0) == "gomp" } ?? false

    // Note [One pool]
    // Threads come from our own pool, and library calls run on the one thread that makes them: work is cut into pieces first. A team of OpenMP waits for each of its
    // members, so on a machine that others use too every parallel region may last until the scheduler comes round, 8 to 16 ms were measured, where our pool's
    // caller takes the pieces that nobody has begun. And two pools that spin for work take the processors from each other.

    /// Called before a library call: it is to run on this thread only.
    @inline(__always)
    static func callSerially() { cv_use_threads(1) }

    /// Called before a library call that can not be cut into pieces and is long (a factorisation): it may use as many threads as ours.
    @inline(__always)
    static func limitThreads() { cv_use_threads(st_in_parallel() ? 1 : st_thread_count()) }
}
