// Factorisations by cuSOLVER: its handles, its memory, its calls.
import CCUDA
import TorchRuntime

/// cuSOLVER on one device, with a handle for each stream: a handle owns memory that its calls work in.
///
/// What a call needs besides comes from the device's allocator and goes back at once (Note [Reuse in stream order]). Matrices lie by columns, one behind the other.
final class DenseSolver: @unchecked Sendable {
    // @unchecked: all that changes is guarded by the lock.
    // The device holds this object, and is never closed.
    private unowned let gpu: CUDADevice
    private let lock = Mutex()
    private var sessions = PlanCache(capacity: 40)

    private final class Session: LibraryPlan {
        let api: cc_solver
        private(set) var handle: cc_solver_handle!
        private(set) var params: cc_solver_params!

        init(_ api: cc_solver, _ stream: cc_stream?) throws(DeviceError) {
            self.api = api
            super.init()
            try DenseSolver.check(api.cusolverDnCreate(&handle), "cusolverDnCreate")
            try DenseSolver.check(api.cusolverDnCreateParams(&params), "cusolverDnCreateParams")
            try DenseSolver.check(api.cusolverDnSetStream(handle, stream), "cusolverDnSetStream")
            if let set = api.cusolverDnSetDeterministicMode { try DenseSolver.check(set(handle, Int32(CC_SOLVER_DETERMINISTIC)), "cusolverDnSetDeterministicMode") }
        }

        deinit {
            if let params { _ = api.cusolverDnDestroyParams(params) }
            if let handle { _ = api.cusolverDnDestroy(handle) }
        }
    }

    init(_ gpu: CUDADevice) { self.gpu = gpu }

    // MARK: Calls

    /// Reflectors and their factors in place of each matrix.
    func householder(_ a: Operand, _ tau: Operand) throws(DeviceError) {
        let (m, n, type, lead) = (Int64(a.sizes[1]), Int64(a.sizes[2]), Self.type(a.dtype), Self.lead(a))
        guard let info = gpu.allocate(byteCount: 4) else { throw refusal(4) }
        let verdict = CUDADevice.address(info.pointer)
        try perform(
            "cusolverDnXgeqrf", count: a.sizes[0], { $0.api.cusolverDnXgeqrf_bufferSize($0.handle, $0.params, m, n, type, 0, lead, type, 0, type, $1, $2) },
            { s, i, w in s.api.cusolverDnXgeqrf(s.handle, s.params, m, n, type, Self.place(a, i), lead, type, Self.place(tau, i), type, w.device, w.deviceBytes, w.host, w.hostBytes, verdict) })
        withExtendedLifetime(info) {}
    }

    /// Eigenvalues, and eigenvectors in place of each matrix (which is lost where they are not wanted).
    func eigenvalues(_ a: Operand, _ w: Operand, _ info: Operand, vectors: Bool, upper: Bool) throws(DeviceError) {
        let (n, type, real, lead) = (Int64(a.sizes[1]), Self.type(a.dtype), Self.type(w.dtype), Self.lead(a))
        let (wanted, triangle) = (Int32(vectors ? CC_SOLVER_VECTORS : CC_SOLVER_VALUES), Int32(upper ? CC_SOLVER_UPPER : CC_SOLVER_LOWER))
        let (first, values) = (CUDADevice.address(a.pointer), CUDADevice.address(w.pointer))
        if a.sizes[0] > 1, let api = try? SolverLibrary.shared.get().table.pointee, let ask = api.cusolverDnXsyevBatched_bufferSize, let run = api.cusolverDnXsyevBatched {
            let batch = Int64(a.sizes[0])
            return try perform(
                "cusolverDnXsyevBatched", count: 1, { ask($0.handle, $0.params, wanted, triangle, n, type, first, lead, real, values, type, $1, $2, batch) },
                { s, _, m in run(s.handle, s.params, wanted, triangle, n, type, first, lead, real, values, type, m.device, m.deviceBytes, m.host, m.hostBytes, Self.place(info, 0), batch) })
        }
        try perform(
            "cusolverDnXsyevd", count: a.sizes[0], { $0.api.cusolverDnXsyevd_bufferSize($0.handle, $0.params, wanted, triangle, n, type, first, lead, real, values, type, $1, $2) },
            { s, i, m in
                s.api.cusolverDnXsyevd(
                    s.handle, s.params, wanted, triangle, n, type, Self.place(a, i), lead, real, Self.place(w, i), type, m.device, m.deviceBytes, m.host, m.hostBytes, Self.place(info, i))
            })
    }

    /// Singular values of matrices with no more columns than rows, which are lost; with vectors if there is a place for them, as many left ones as `u` has columns.
    func singularValues(_ a: Operand, _ s: Operand, _ info: Operand, u: Operand? = nil, vh: Operand? = nil) throws(DeviceError) {
        let (m, n, type, real, lead) = (Int64(a.sizes[1]), Int64(a.sizes[2]), Self.type(a.dtype), Self.type(s.dtype), Self.lead(a))
        let job = Int8(UInt8(ascii: u.map { $0.sizes[2] > a.sizes[2] ? "A" : "S" } ?? "N"))
        let (uLead, vhLead) = (u.map(Self.lead) ?? m, vh.map(Self.lead) ?? n)
        try perform(
            "cusolverDnXgesvd", count: a.sizes[0],
            {
                $0.api.cusolverDnXgesvd_bufferSize(
                    $0.handle, $0.params, job, job, m, n, type, Self.place(a, 0), lead, real, Self.place(s, 0), type, Self.place(u, 0), uLead, type, Self.place(vh, 0), vhLead, type, $1, $2)
            },
            { c, i, w in
                c.api.cusolverDnXgesvd(
                    c.handle, c.params, job, job, m, n, type, Self.place(a, i), lead, real, Self.place(s, i), type, Self.place(u, i), uLead, type, Self.place(vh, i), vhLead, type, w.device,
                    w.deviceBytes, w.host, w.hostBytes, Self.place(info, i))
            })
    }

    // MARK: What calls share

    private struct Work {
        let device: cc_address
        let deviceBytes: Int
        let host: UnsafeMutableRawPointer?
        let hostBytes: Int
    }

    /// Asks for the memory that one matrix needs, and does `count` of them. Throws `.kernel` where cuSOLVER can not do it: then the CPU does.
    private func perform(
        _ call: StaticString, count: Int, _ ask: (Session, UnsafeMutablePointer<Int>, UnsafeMutablePointer<Int>) -> Int32, _ run: (Session, Int, Work) -> Int32
    ) throws(DeviceError) {
        // It waits for the device inside, as far as is known.
        try gpu.refuseInCapture("asks cuSOLVER")
        // A closure would lose the type of the error.
        let result: Result<Void, DeviceError> = lock.withLock {
            do throws(DeviceError) {
                return .success(try performLocked(call, count, ask, run))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private func performLocked(
        _ call: StaticString, _ count: Int, _ ask: (Session, UnsafeMutablePointer<Int>, UnsafeMutablePointer<Int>) -> Int32, _ run: (Session, Int, Work) -> Int32
    ) throws(DeviceError) {
        // Without a reason: that cuSOLVER is missing is said by CUDA.libraries, that the CPU factors by CUDA.fallbacks.
        guard case .success(let library) = SolverLibrary.shared else { throw .kernel("linearAlgebra", log: "") }
        try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
        let session: Session
        let key = [Int(bitPattern: gpu.stream)]
        if let known = sessions.find(key) as? Session {
            session = known
        } else {
            session = try Session(library.table.pointee, gpu.stream)
            sessions.insert(session, for: key)
        }
        var (deviceBytes, hostBytes) = (0, 0)
        try Self.check(ask(session, &deviceBytes, &hostBytes), call)
        guard let memory = gpu.allocate(byteCount: max(deviceBytes, 1)) else { throw refusal(deviceBytes) }
        let host = UnsafeMutableRawPointer.allocate(byteCount: max(hostBytes, 1), alignment: 16)
        defer { host.deallocate() }
        let work = Work(device: CUDADevice.address(memory.pointer), deviceBytes: deviceBytes, host: host, hostBytes: hostBytes)
        for i in 0..<count { try Self.check(run(session, i, work), call) }
        withExtendedLifetime(memory) {}
        if CUDADevice.isDebugging { try gpu.synchronize() }
    }

    private func refusal(_ bytes: Int) -> DeviceError { .outOfDeviceMemory(device: gpu.device, requested: bytes, breakdown: gpu.allocator.breakdown) }

    private static func place(_ x: Operand?, _ i: Int) -> cc_address { x.map { CUDADevice.address($0.pointer + i * $0.strides[0] * $0.dtype.itemSize) } ?? 0 }
    private static func lead(_ x: Operand) -> Int64 { Int64(max(x.sizes[1], 1)) }

    private static func type(_ dtype: DType) -> Int32 {
        let type =
            switch dtype {
            case .float32: CC_BLASLT_F32
            case .float64: CC_BLASLT_F64
            case .complex64: CC_BLASLT_C64
            default: CC_BLASLT_C128
            }
        return Int32(type)
    }

    // MARK: Errors

    private static func check(_ status: Int32, _ call: StaticString) throws(DeviceError) {
        if status == CC_SOLVER_SUCCESS { return }
        let (name, text) =
            switch Int(status) {
            case CC_SOLVER_NOT_INITIALIZED: ("NOT_INITIALIZED", "the library could not start on this device")
            case CC_SOLVER_ALLOC_FAILED: ("ALLOC_FAILED", "no memory for its own needs")
            case CC_SOLVER_INVALID_VALUE: ("INVALID_VALUE", "it refuses an argument")
            case CC_SOLVER_ARCH_MISMATCH: ("ARCH_MISMATCH", "it has no code for this device")
            case CC_SOLVER_EXECUTION_FAILED: ("EXECUTION_FAILED", "its kernel did not run")
            case CC_SOLVER_INTERNAL_ERROR: ("INTERNAL_ERROR", "it failed inside")
            case CC_SOLVER_NOT_SUPPORTED: ("NOT_SUPPORTED", "it has nothing for this")
            default: ("unknown", "a status that this version does not know")
            }
        let error = DeviceError.cuda(
            call: "\(call)", code: Int(status), name: "CUSOLVER_STATUS_\(name)", text: text,
            remedy: "SWIFT_TORCH_CUSOLVER=none leaves eigenvalues and singular values to the CPU; CUDA.libraries says which cuSOLVER is in use")
        if status == CC_SOLVER_NOT_SUPPORTED { throw .kernel("linearAlgebra", log: "the CPU factors: \(error)") }
        throw error
    }
}
