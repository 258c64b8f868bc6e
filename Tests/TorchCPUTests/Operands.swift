// Operands with known contents for the tests of the CPU backend.
import TorchKernels
import TorchRuntime

/// Memory for a test operand, freed with it.
final class Block {
    let operand: Operand
    let count: Int
    private let memory: UnsafeMutableRawPointer

    /// Contiguous float32 or float64 values drawn from a small linear congruential generator: the same everywhere.
    init(_ sizes: [Int], _ dtype: DType = .float32, seed: UInt32 = 1, strides: [Int]? = nil) {
        let dims = Dims(sizes), steps = strides.map { Dims($0) } ?? dims.contiguousStrides
        var extent = 1
        for i in 0..<dims.count where dims[i] > 0 { extent += (dims[i] - 1) * steps[i] }
        count = extent
        memory = UnsafeMutableRawPointer.allocate(byteCount: Swift.max(extent, 1) * dtype.itemSize, alignment: 64)
        operand = Operand(unowned: memory, dtype: dtype, sizes: dims, strides: steps)
        var state = seed
        for i in 0..<extent {
            state = state &* 1_664_525 &+ 1_013_904_223
            let value = Double(state >> 8) / Double(1 << 23) - 1
            if dtype == .float64 {
                memory.storeBytes(of: value, toByteOffset: i * 8, as: Double.self)
            } else if dtype == .float32 {
                memory.storeBytes(of: Float(value), toByteOffset: i * 4, as: Float.self)
            } else if dtype == .bfloat16 {
                memory.storeBytes(of: UInt16(truncatingIfNeeded: Float(value).bitPattern >> 16), toByteOffset: i * 2, as: UInt16.self)
            }
        }
    }
    deinit { memory.deallocate() }

    /// The element at an index, widened.
    subscript(_ index: [Int]) -> Double {
        var at = 0
        for (i, k) in index.enumerated() { at += k * operand.strides[i] }
        switch operand.dtype {
        case .float64: return memory.load(fromByteOffset: at * 8, as: Double.self)
        case .bfloat16: return Double(Float(bitPattern: UInt32(memory.load(fromByteOffset: at * 2, as: UInt16.self)) << 16))
        default: return Double(memory.load(fromByteOffset: at * 4, as: Float.self))
        }
    }

    /// All elements in row-major order, widened.
    var values: [Double] {
        var all: [Double] = []
        all.reserveCapacity(operand.count)
        func visit(_ dim: Int, _ at: Int) {
            if dim == operand.sizes.count {
                switch operand.dtype {
                case .float64: all.append(memory.load(fromByteOffset: at * 8, as: Double.self))
                case .bfloat16: all.append(Double(Float(bitPattern: UInt32(memory.load(fromByteOffset: at * 2, as: UInt16.self)) << 16)))
                default: all.append(Double(memory.load(fromByteOffset: at * 4, as: Float.self)))
                }
                return
            }
            let step = operand.strides[dim]
            for i in 0..<operand.sizes[dim] { visit(dim + 1, at + i * step) }
        }
        visit(0, 0)
        return all
    }

    var bytes: [UInt8] { Array(UnsafeRawBufferPointer(start: memory, count: count * operand.dtype.itemSize)) }
    func fill(with byte: UInt8) { memory.initializeMemory(as: UInt8.self, repeating: byte, count: count * operand.dtype.itemSize) }
}
