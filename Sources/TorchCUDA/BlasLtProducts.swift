// Matrix products by cuBLASLt.
import CCUDA
import TorchRuntime

/// cuBLASLt on one device: its handle, and what it chose for products that came before.
///
/// Note [Rows by columns]
/// cuBLASLt's matrices lie by columns. What lies by rows is, read by columns, the transposed matrix; so c = a b by rows is asked for as cᵀ = bᵀ aᵀ: the right factor comes
/// first, m and n are exchanged, and a factor that lies by columns already is given as transposed. A bias of each column of c is one of each row of cᵀ, as its epilogue wants.
final class BlasLtProducts: @unchecked Sendable {
    // @unchecked: all that changes is guarded by the lock.
    private let lock = Mutex()
    private var session: Session?
    private var isMissing = false
    private var plans: [Key: Plan?] = [:]
    /// With more plans than this (shapes that never come again), all are made anew.
    private static let mostPlans = 4096
    /// What NVIDIA advises for Hopper.
    private static let workspaceBytes = 32 << 20

    private struct Session {
        let table: UnsafePointer<cc_blaslt>
        let handle: cc_blaslt_handle
    }

    /// All that the choice of an algorithm depends on.
    private struct Key: Hashable {
        let dtype: DType
        let isTF32, hasBias: Bool
        let a, b: MatrixProduct.Layout
        let m, n, k, batch: Int
        let leads, batchStrides: SIMD4<Int>
        /// Powers of two, up to 256 bytes: of a, b, out, bias.
        let alignments: SIMD4<UInt8>
    }

    /// Descriptors and the algorithm that was chosen for them.
    private final class Plan {
        let table: UnsafePointer<cc_blaslt>
        var operation: cc_blaslt_operation?
        /// In cuBLASLt's order: right factor, left factor, result.
        var layouts: [cc_blaslt_layout] = []
        var algorithm = cc_blaslt_algorithm()
        var workspaceBytes = 0

        init(_ table: UnsafePointer<cc_blaslt>) { self.table = table }

        deinit {
            if let operation { _ = table.pointee.cublasLtMatmulDescDestroy(operation) }
            for l in layouts { _ = table.pointee.cublasLtMatrixLayoutDestroy(l) }
        }
    }

    /// Queues the product; false where cuBLASLt is missing or has nothing for it, so that our own kernels serve.
    func multiply(_ p: MatrixProduct, _ layout: (a: MatrixProduct.Layout, b: MatrixProduct.Layout), isTF32: Bool, on gpu: CUDADevice) throws(DeviceError) -> Bool {
        // A closure would lose the type of the error.
        let result: Result<Bool, DeviceError> = lock.withLock {
            do throws(DeviceError) {
                return .success(try multiplyLocked(p, layout, isTF32, gpu))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func multiplyLocked(_ p: MatrixProduct, _ layout: (a: MatrixProduct.Layout, b: MatrixProduct.Layout), _ isTF32: Bool, _ gpu: CUDADevice) throws(DeviceError) -> Bool {
        if isMissing { return false }
        if session == nil { try open(gpu) }
        guard let session else { return false }
        guard let a = Self.lead(p.a, layout.a), let b = Self.lead(p.b, layout.b), let c = Self.lead(p.out, .rows) else { return false }
        let key = Key(
            dtype: p.dtype, isTF32: isTF32, hasBias: p.bias != nil, a: layout.a, b: layout.b, m: p.m, n: p.n, k: p.k, batch: p.batch, leads: SIMD4(a, b, c, 0), batchStrides: SIMD4(p.a, p.b, p.out),
            alignments: SIMD4(Self.alignment(p.a), Self.alignment(p.b), Self.alignment(p.out), p.bias.map(Self.alignment) ?? 8))
        try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
        let plan: Plan?
        if let known = plans[key] {
            plan = known
        } else {
            if plans.count >= Self.mostPlans { plans.removeAll() }
            plan = try makePlan(session, p, key, gpu)
            plans[key] = .some(plan)
        }
        guard let plan, let operation = plan.operation else { return false }
        let api = session.table.pointee
        // The algorithm needs what it was chosen for.
        let workspace = plan.workspaceBytes > 0 ? self.workspace(gpu) : nil
        if plan.workspaceBytes > workspace?.byteCount ?? 0 { return false }
        if let bias = p.bias { try Self.set(api.cublasLtMatmulDescSetAttribute, operation, CC_BLASLT_BIAS_POINTER, CUDADevice.address(bias.pointer), "cublasLtMatmulDescSetAttribute") }
        let (x, y, z) = (CUDADevice.address(p.b.pointer), CUDADevice.address(p.a.pointer), CUDADevice.address(p.out.pointer))
        let status = Self.withScalars(p) { alpha, beta in
            api.cublasLtMatmul(
                session.handle, operation, alpha, x, plan.layouts[0], y, plan.layouts[1], beta, z, plan.layouts[2], z, plan.layouts[2], &plan.algorithm,
                CUDADevice.address(workspace?.pointer), workspace?.byteCount ?? 0, gpu.stream)
        }
        try Self.check(status, "cublasLtMatmul")
        return true
    }

    /// Fills `session`, or says that there is none.
    private func open(_ gpu: CUDADevice) throws(DeviceError) {
        guard case .success(let library) = BlasLt.shared else {
            isMissing = true
            return
        }
        try gpu.check(cc_bind(gpu.driver.table, gpu.context), "cuCtxSetCurrent")
        var handle: cc_blaslt_handle?
        let status = library.table.pointee.cublasLtCreate(&handle)
        guard status == CC_BLASLT_SUCCESS, let handle else {
            // Not a reason to stop: our own kernels multiply.
            isMissing = true
            CUDAFallbacks.explain("matmul", .unavailable("cuBLASLt (\(library.path)) can not be used, and our own kernels multiply matrices: \(Self.error(status, "cublasLtCreate"))"))
            return
        }
        session = Session(table: library.table, handle: handle)
    }

    // MARK: Plans

    /// Memory for the products of this thread's stream; nil where it is short: the choice is then among algorithms that need none.
    private func workspace(_ gpu: CUDADevice) -> Storage? { gpu.queue.workspace { gpu.allocate(byteCount: Self.workspaceBytes) } }

    /// The product's descriptors with the algorithm that cuBLASLt thinks best; nil if it has none.
    private func makePlan(_ session: Session, _ p: MatrixProduct, _ key: Key, _ gpu: CUDADevice) throws(DeviceError) -> Plan? {
        let api = session.table.pointee
        let types = Self.types(p.dtype, key.isTF32)
        let plan = Plan(session.table)
        try Self.check(api.cublasLtMatmulDescCreate(&plan.operation, types.compute, types.scale), "cublasLtMatmulDescCreate")
        guard let operation = plan.operation else { return nil }
        let set = api.cublasLtMatmulDescSetAttribute
        let name: StaticString = "cublasLtMatmulDescSetAttribute"
        try Self.set(set, operation, CC_BLASLT_TRANSA, Int32(key.b == .rows ? CC_BLASLT_N : CC_BLASLT_T), name)
        try Self.set(set, operation, CC_BLASLT_TRANSB, Int32(key.a == .rows ? CC_BLASLT_N : CC_BLASLT_T), name)
        if let bias = p.bias {
            try Self.set(set, operation, CC_BLASLT_EPILOGUE, UInt32(CC_BLASLT_EPILOGUE_BIAS), name)
            try Self.set(set, operation, CC_BLASLT_BIAS_POINTER, CUDADevice.address(bias.pointer), name)
        }
        // Sizes by columns: of what lies by rows, the row's length comes first.
        for (rows, columns, lead, batchStride) in [
            key.b == .rows ? (p.n, p.k, key.leads[1], key.batchStrides[1]) : (p.k, p.n, key.leads[1], key.batchStrides[1]),
            key.a == .rows ? (p.k, p.m, key.leads[0], key.batchStrides[0]) : (p.m, p.k, key.leads[0], key.batchStrides[0]), (p.n, p.m, key.leads[2], key.batchStrides[2]),
        ] {
            var layout: cc_blaslt_layout?
            try Self.check(api.cublasLtMatrixLayoutCreate(&layout, types.element, UInt64(rows), UInt64(columns), Int64(lead)), "cublasLtMatrixLayoutCreate")
            guard let layout else { return nil }
            plan.layouts.append(layout)
            if p.batch > 1 {
                try Self.set(api.cublasLtMatrixLayoutSetAttribute, layout, CC_BLASLT_BATCH_COUNT, Int32(p.batch), "cublasLtMatrixLayoutSetAttribute")
                try Self.set(api.cublasLtMatrixLayoutSetAttribute, layout, CC_BLASLT_BATCH_STRIDE, Int64(batchStride), "cublasLtMatrixLayoutSetAttribute")
            }
        }
        var preference: cc_blaslt_preference?
        try Self.check(api.cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate")
        guard let preference else { return nil }
        defer { _ = api.cublasLtMatmulPreferenceDestroy(preference) }
        let prefer = api.cublasLtMatmulPreferenceSetAttribute
        try Self.set(prefer, preference, CC_BLASLT_WORKSPACE_BYTES, UInt64(workspace(gpu)?.byteCount ?? 0), "cublasLtMatmulPreferenceSetAttribute")
        for (attribute, place) in [(CC_BLASLT_ALIGNMENT_A, 1), (CC_BLASLT_ALIGNMENT_B, 0), (CC_BLASLT_ALIGNMENT_C, 2), (CC_BLASLT_ALIGNMENT_D, 2)] {
            try Self.set(prefer, preference, attribute, UInt32(1) << UInt32(key.alignments[place]), "cublasLtMatmulPreferenceSetAttribute")
        }
        var best = cc_blaslt_heuristic()
        var found: Int32 = 0
        let l = plan.layouts
        let status = api.cublasLtMatmulAlgoGetHeuristic(session.handle, operation, l[0], l[1], l[2], l[2], preference, 1, &best, &found)
        if status == CC_BLASLT_NOT_SUPPORTED { return nil }
        try Self.check(status, "cublasLtMatmulAlgoGetHeuristic")
        guard found > 0, best.state == CC_BLASLT_SUCCESS else { return nil }
        plan.algorithm = best.algorithm
        plan.workspaceBytes = best.workspace_bytes
        return plan
    }

    /// Elements from one row (or column) to the next; nil where they overlap or repeat, which cuBLASLt refuses.
    private static func lead(_ x: Operand, _ layout: MatrixProduct.Layout) -> Int? {
        let (inner, outer, stride) = layout == .rows ? (x.sizes[2], x.sizes[1], x.strides[1]) : (x.sizes[1], x.sizes[2], x.strides[2])
        if outer == 1 { return max(inner, 1) }
        return stride >= max(inner, 1) ? stride : nil
    }

    private static func alignment(_ x: Operand) -> UInt8 { UInt8(min(8, UInt(bitPattern: x.pointer).trailingZeroBitCount)) }

    // MARK: Types

    /// Sums are at least float32; float32 is rounded to tf32 only where that is allowed.
    private static func types(_ dtype: DType, _ isTF32: Bool) -> (element: Int32, compute: Int32, scale: Int32) {
        func number(_ value: Int) -> Int32 { Int32(value) }
        let single = number(isTF32 ? CC_BLASLT_COMPUTE_TF32 : CC_BLASLT_COMPUTE_F32)
        switch dtype {
        case .float16: return (number(CC_BLASLT_F16), number(CC_BLASLT_COMPUTE_F32), number(CC_BLASLT_F32))
        case .bfloat16: return (number(CC_BLASLT_BF16), number(CC_BLASLT_COMPUTE_F32), number(CC_BLASLT_F32))
        case .float64: return (number(CC_BLASLT_F64), number(CC_BLASLT_COMPUTE_F64), number(CC_BLASLT_F64))
        case .complex64: return (number(CC_BLASLT_C64), single, number(CC_BLASLT_C64))
        case .complex128: return (number(CC_BLASLT_C128), number(CC_BLASLT_COMPUTE_F64), number(CC_BLASLT_C128))
        default: return (number(CC_BLASLT_F32), single, number(CC_BLASLT_F32))
        }
    }

    /// alpha and beta in the type that cuBLASLt scales with.
    private static func withScalars<Result>(_ p: MatrixProduct, _ body: (UnsafeRawPointer, UnsafeRawPointer) -> Result) -> Result {
        switch p.dtype {
        case .float64, .complex128:
            var scalars = (p.alpha, 0.0, p.beta, 0.0)
            return withUnsafeBytes(of: &scalars) { body($0.baseAddress!, $0.baseAddress! + 16) }
        default:
            var scalars = (Float(p.alpha), Float(0), Float(p.beta), Float(0))
            return withUnsafeBytes(of: &scalars) { body($0.baseAddress!, $0.baseAddress! + 8) }
        }
    }

    // MARK: Errors

    private static func set<Object, Value: BitwiseCopyable>(
        _ function: (Object, Int32, UnsafeRawPointer, Int) -> Int32, _ object: Object, _ attribute: Int, _ value: Value, _ call: StaticString
    ) throws(DeviceError) {
        var value = value
        try check(function(object, Int32(attribute), &value, MemoryLayout<Value>.size), call)
    }

    private static func check(_ status: Int32, _ call: StaticString) throws(DeviceError) {
        if status != 0 { throw error(status, call) }
    }

    private static func error(_ status: Int32, _ call: StaticString) -> DeviceError {
        let known: [Int32: (String, String)] = [
            1: ("NOT_INITIALIZED", "the library could not start on this device"), 3: ("ALLOC_FAILED", "no memory for its own needs"), 7: ("INVALID_VALUE", "it refuses an argument"),
            8: ("ARCH_MISMATCH", "it has no code for this device"), 11: ("MAPPING_ERROR", "device memory could not be reached"),
            13: ("EXECUTION_FAILED", "its kernel did not run"), 14: ("INTERNAL_ERROR", "it failed inside"), 15: ("NOT_SUPPORTED", "it has nothing for this"),
            16: ("LICENSE_ERROR", "it is not licensed"),
        ]
        let (name, text) = known[status] ?? ("unknown", "a status that this version does not know")
        return .cuda(
            call: "\(call)", code: Int(status), name: "CUBLAS_STATUS_\(name)", text: text,
            remedy: "SWIFT_TORCH_CUBLASLT=none multiplies by swift-torch's own kernels; CUDA.libraries says which cuBLASLt is in use")
    }
}

extension SIMD4<Int> {
    /// Batch strides of three operands; that of a single matrix says nothing.
    fileprivate init(_ a: Operand, _ b: Operand, _ c: Operand) {
        func stride(_ o: Operand) -> Int { o.sizes[0] == 1 ? 0 : o.strides[0] }
        self.init(stride(a), stride(b), stride(c), 0)
    }
}
