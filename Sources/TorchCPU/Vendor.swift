// Libraries that were found on this machine, opened when the first product or convolution wants them.
import CVendor
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
            let reason = which == .dnnl ? String(cString: cv_dnnl_reason()) : text(l.pointee.reason)
            return Library(name: String(cString: l.pointee.name), isFound: l.pointee.found, version: text(l.pointee.version), path: text(l.pointee.path), reason: reason)
        }
    }

    private static func text<T>(_ characters: T) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Opens the libraries and hands libgomp's team to the thread pool, once.
    private static let opened: Void = {
        cv_open()
        if let entry = cv_gomp_entry() { st_use_gomp(entry) }
    }()

    // nonisolated(unsafe): a table of function pointers, filled before it is first seen and constant afterwards.
    nonisolated(unsafe) static let blas: UnsafePointer<cv_blas>? = {
        _ = opened
        return cv_blas_table()
    }()
    static let sgemm: cv_dnnl_sgemm_function? = {
        _ = opened
        return cv_dnnl_sgemm_entry()
    }()
    /// True where oneDNN's primitives can be used.
    static let hasPrimitives: Bool = {
        _ = opened
        return cv_dnnl_available()
    }()
    /// True where the thread pool is libgomp's: library calls inside a parallel region then run on one thread by themselves.
    private static let sharesPool: Bool = {
        _ = opened
        return cv_gomp_entry() != nil
    }()

    /// Called before a library call that may use threads. Returns how many it may use.
    @inline(__always) @discardableResult
    static func limitThreads() -> Int32 {
        if st_in_parallel() {
            if !sharesPool { cv_use_threads(1) }
            return 1
        }
        let count = st_thread_count()
        cv_use_threads(count)
        return count
    }
}
