// Matrix products: which of oneDNN, OpenBLAS and our own kernel computes which shape.
//
// Note [Who multiplies]
// The shape alone decides, never the number of threads: the same product has the same bits however many there are. Measured on Zen 4, float32. Large products:
// ours; on one thread oneDNN's sgemm would be 7 % faster, but a library has to be called for pieces (Note [One pool]) and packs the shared factor anew for each. A
// transposed second factor (every Linear layer) with few rows: our dot-product loops, up to twice as fast as the libraries. A side below 16: OpenBLAS, which does
// not pad, as long as one thread will do. Vectors against a transposed matrix: ours, equal to OpenBLAS and bound by memory; against a plain one: OpenBLAS's gemv, in
// pieces of columns. All between: ours, because calling it costs least. float64 and complex: OpenBLAS for small ones; large complex ones by OpenBLAS in pieces of
// rows, since ours are plain loops. bfloat16: oneDNN, which uses the processor's own instructions; everything else: ours. Without a library its share is ours too.
import CVendor
import TorchKernels
import TorchRuntime

/// One product of matrices: sizes, strides in elements, and where the result's columns are adjacent.
private struct Product {
    var m, n, k: Int
    var a: UnsafeRawPointer, b: UnsafeRawPointer
    var c: UnsafeMutableRawPointer
    var aRow, aColumn, bRow, bColumn, cRow, cColumn: Int
    let alpha, beta: Double
    let dtype: DType

    /// The transposed product: Cᵀ = Bᵀ Aᵀ.
    @inline(__always) mutating func transpose() {
        swap(&m, &n)
        swap(&a, &b)
        (aRow, aColumn, bRow, bColumn) = (bColumn, bRow, aColumn, aRow)
        swap(&cRow, &cColumn)
    }

    @inline(__always) func own() -> Bool {
        st_gemm(
            dtype.kernel, Int64(m), Int64(n), Int64(k), alpha, a, Int64(aRow), Int64(aColumn), b, Int64(bRow), Int64(bColumn), beta, c, Int64(cRow), Int64(cColumn))
    }

    /// Runs it on the calling thread and, outside of parallel work, on the others.
    @inline(__always) mutating func run() -> Bool {
        if dtype == .float32 { return runFloat() }
        return runOther()
    }

    /// How BLAS would name a factor: its leading dimension, and whether it is transposed. Nil if no stride is 1.
    @inline(__always) private static func layout(_ rows: Int, _ columns: Int, _ row: Int, _ column: Int) -> (leading: Int, transposed: Bool)? {
        if column == 1 && row >= columns { return (row, false) }
        if row == 1 && column >= rows { return (column, true) }
        return nil
    }

    @inline(__always) mutating func runFloat() -> Bool {
        if cColumn != 1 && (cRow == 1 || m == 1) { transpose() }
        if m == 1 || n == 1 || k < 2 { return runVector() }
        guard cColumn == 1, cRow >= n, Swift.max(m, n, k) <= Int(Int32.max), let la = Product.layout(m, k, aRow, aColumn),
            let lb = Product.layout(k, n, bRow, bColumn), Swift.max(la.leading, lb.leading, cRow) <= Int(Int32.max)
        else { return own() }
        if Swift.min(m, n, k) < 16, m &* n &* k < 2_000_000, let blas = Vendor.blas {
            Vendor.callSerially()
            blas.pointee.sgemm(
                Int32(CV_ROW_MAJOR), Int32(la.transposed ? CV_TRANSPOSE : CV_NO_TRANSPOSE), Int32(lb.transposed ? CV_TRANSPOSE : CV_NO_TRANSPOSE), Int32(m), Int32(n),
                Int32(k), Float(alpha), a.assumingMemoryBound(to: Float.self), Int32(la.leading), b.assumingMemoryBound(to: Float.self), Int32(lb.leading), Float(beta),
                c.assumingMemoryBound(to: Float.self), Int32(cRow))
            return true
        }
        return own()
    }

    /// One row or one column.
    @inline(never) private mutating func runVector() -> Bool {
        if m != 1 && n == 1 { transpose() }
        // A row times a matrix with adjacent columns: sums of rows.
        guard m == 1, n > 1, k > 1, bColumn == 1, bRow >= n, cColumn == 1, aColumn > 0, n &* k >= 65_536, Swift.max(n, k, bRow, aColumn) <= Int(Int32.max),
            let blas = Vendor.blas
        else { return own() }
        let whole = self, columns = 512
        Parallel.forEach(count: (n + columns - 1) / columns, grain: Swift.max(1, 65_536 / (columns &* k))) { range in
            Vendor.callSerially()
            for i in range {
                let first = i * columns
                blas.pointee.sgemv(
                    Int32(CV_ROW_MAJOR), Int32(CV_TRANSPOSE), Int32(whole.k), Int32(Swift.min(columns, whole.n - first)), Float(whole.alpha),
                    whole.b.assumingMemoryBound(to: Float.self) + first, Int32(whole.bRow), whole.a.assumingMemoryBound(to: Float.self), Int32(whole.aColumn),
                    Float(whole.beta), whole.c.assumingMemoryBound(to: Float.self) + first, 1)
            }
        }
        return true
    }

    private mutating func runOther() -> Bool {
        if cColumn != 1 && (cRow == 1 || m == 1) { transpose() }
        guard dtype == .float64 || dtype == .bfloat16 || dtype.isComplex, cColumn == 1, cRow >= n, m > 1, n > 1, k > 1, Swift.max(m, n, k) <= Int(Int32.max),
            let la = Product.layout(m, k, aRow, aColumn), let lb = Product.layout(k, n, bRow, bColumn), Swift.max(la.leading, lb.leading, cRow) <= Int(Int32.max)
        else { return own() }
        if dtype == .bfloat16 {
            guard alpha == 1, beta == 0, Swift.min(m, n, k) >= 16, Vendor.hasPrimitives else { return own() }
            return runPrimitive()
        }
        let isSmall = m &* n &* k < 250_000
        guard dtype.isComplex || isSmall, let blas = Vendor.blas else { return own() }
        if !isSmall && m > 8 {
            // Pieces of rows by the library.
            let whole = self, rows = Swift.max(8, (m + 15) / 16), size = dtype.itemSize
            Parallel.forEach(count: (m + rows - 1) / rows, grain: 1) { range in
                for i in range {
                    var piece = whole
                    piece.m = Swift.min(rows, whole.m - i * rows)
                    piece.a += i * rows * aRow * size
                    piece.c += i * rows * cRow * size
                    _ = piece.callLibrary(blas, la, lb)
                }
            }
            return true
        }
        return callLibrary(blas, la, lb)
    }

    /// float64 and complex products by OpenBLAS, on this thread.
    private func callLibrary(_ blas: UnsafePointer<cv_blas>, _ la: (leading: Int, transposed: Bool), _ lb: (leading: Int, transposed: Bool)) -> Bool {
        Vendor.callSerially()
        let ta = Int32(la.transposed ? CV_TRANSPOSE : CV_NO_TRANSPOSE), tb = Int32(lb.transposed ? CV_TRANSPOSE : CV_NO_TRANSPOSE)
        if dtype == .float64 {
            blas.pointee.dgemm(
                Int32(CV_ROW_MAJOR), ta, tb, Int32(m), Int32(n), Int32(k), alpha, a.assumingMemoryBound(to: Double.self), Int32(la.leading),
                b.assumingMemoryBound(to: Double.self), Int32(lb.leading), beta, c.assumingMemoryBound(to: Double.self), Int32(cRow))
        } else if dtype == .complex64 {
            withUnsafePointer(to: (Float(alpha), Float(0))) { x in
                withUnsafePointer(to: (Float(beta), Float(0))) { y in
                    blas.pointee.cgemm(Int32(CV_ROW_MAJOR), ta, tb, Int32(m), Int32(n), Int32(k), x, a, Int32(la.leading), b, Int32(lb.leading), y, c, Int32(cRow))
                }
            }
        } else {
            withUnsafePointer(to: (alpha, 0.0)) { x in
                withUnsafePointer(to: (beta, 0.0)) { y in
                    blas.pointee.zgemm(Int32(CV_ROW_MAJOR), ta, tb, Int32(m), Int32(n), Int32(k), x, a, Int32(la.leading), b, Int32(lb.leading), y, c, Int32(cRow))
                }
            }
        }
        return true
    }

    /// oneDNN's matrix-product primitive, in pieces of rows; ours where it has none.
    private func runPrimitive() -> Bool {
        let sa = [Int64(m * k), Int64(aRow), Int64(aColumn)], sb = [Int64(k * n), Int64(bRow), Int64(bColumn)], sc = [Int64(m * n), Int64(cRow), 1]
        let rows = m &* n &* k < 1_000_000 ? m : Swift.max(64, (m + 7) / 8)
        let size = dtype.itemSize, pieces = (m + rows - 1) / rows
        func piece(_ i: Int) -> Bool {
            Vendor.callSerially()
            let count = Swift.min(rows, m - i * rows)
            guard let operation = cv_dnnl_matmul(dtype == .bfloat16 ? .bf16 : .f32, 1, Int64(count), Int64(n), Int64(k), sa, sb, sc, 1) else { return false }
            return operation.run([UnsafeMutableRawPointer(mutating: a + i * rows * aRow * size), UnsafeMutableRawPointer(mutating: b), c + i * rows * cRow * size]) ?? false
        }
        if pieces == 1 { return piece(0) || own() }
        let failed = UnsafeMutablePointer<Bool>.allocate(capacity: pieces)
        defer { failed.deallocate() }
        Parallel.forEach(count: pieces, grain: 1) { range in
            for i in range { failed[i] = !piece(i) }
        }
        return !UnsafeBufferPointer(start: failed, count: pieces).contains(true) || own()
    }
}

extension OpaquePointer {
    /// Runs a oneDNN operation with a workspace from our allocator; nil when memory is refused. Spends the handle.
    func run(_ operands: [UnsafeMutableRawPointer?]) -> Bool? {
        let bytes = cv_dnnl_workspace(self)
        guard bytes > 0 else { return operands.withUnsafeBufferPointer { cv_dnnl_run(self, $0.baseAddress!, nil) } }
        guard let workspace = st_allocate(bytes) else {
            cv_dnnl_release(self)
            return nil
        }
        defer { st_deallocate(workspace, bytes) }
        return operands.withUnsafeBufferPointer { cv_dnnl_run(self, $0.baseAddress!, workspace) }
    }
}

extension CPUBackend {
    public func matmul(_ out: Operand, _ a: Operand, _ b: Operand, alpha: Double, beta: Double) -> Bool {
        let batch = out.sizes[0]
        var p = Product(
            m: out.sizes[1], n: out.sizes[2], k: a.sizes[2], a: UnsafeRawPointer(a.pointer), b: UnsafeRawPointer(b.pointer), c: out.pointer, aRow: a.strides[1],
            aColumn: a.strides[2], bRow: b.strides[1], bColumn: b.strides[2], cRow: out.strides[1], cColumn: out.strides[2], alpha: alpha, beta: beta, dtype: out.dtype)
        if batch == 1 { return p.run() }
        return multiplyBatch(batch, p, a.strides[0], b.strides[0], out.strides[0])
    }

    /// Many products: small ones split among threads, large ones each on all threads.
    @inline(never)
    private func multiplyBatch(_ batch: Int, _ product: Product, _ aBatch: Int, _ bBatch: Int, _ cBatch: Int) -> Bool {
        if batch == 0 { return true }
        let p = product
        // One second factor for all, and rows that go on from one product to the next: one tall product.
        if bBatch == 0 && aBatch == p.m * p.aRow && cBatch == p.m * p.cRow && p.m > 0 {
            var tall = p
            tall.m *= batch
            return tall.run()
        }
        let size = p.dtype.itemSize
        func one(_ i: Int) -> Bool {
            var q = p
            q.a += i * aBatch * size
            q.b += i * bBatch * size
            q.c += i * cBatch * size
            return q.run()
        }
        let work = Double(p.m) * Double(p.n) * Double(p.k)
        if st_thread_count() == 1 || (work > 3e7 && batch < 4 * Int(st_thread_count())) {
            for i in 0..<batch where !one(i) { return false }
            return true
        }
        let failed = UnsafeMutablePointer<Bool>.allocate(capacity: batch)
        defer { failed.deallocate() }
        failed.initialize(repeating: false, count: batch)
        Parallel.forEach(count: batch, grain: Int(250_000 / (work + 1)) + 1) { range in
            for i in range { failed[i] = !one(i) }
        }
        return !UnsafeBufferPointer(start: failed, count: batch).contains(true)
    }
}
