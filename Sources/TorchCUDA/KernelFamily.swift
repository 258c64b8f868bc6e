// Which kernels there are and what they are called: the host's half of Kernels/CONTRACT.md.
import CCUDA
import TorchKernels
import TorchRuntime

/// Kernels of one source file. Each is named by a row (an operator), a column (an element type or size) and a variant.
enum KernelFamily: Int, CaseIterable {
    case unary, binary, ternary, convert, select, copy, fill, arange, reduce, softmax, layerNorm, gather, scatter, addRows, matmul, optim

    /// Variants of a pointwise kernel.
    static let run = 0
    static let strided = 1

    var file: String {
        switch self {
        case .layerNorm: "layernorm.cu"
        case .addRows: "addrows.cu"
        default: "\(self).cu"
        }
    }

    /// How many operators.
    private var rows: Int {
        switch self {
        case .unary: Int(UnaryOp.count.rawValue)
        case .binary: Int(BinaryOp.count.rawValue)
        case .ternary: Int(TernaryOp.count.rawValue)
        case .reduce: Int(ReduceOp.count.rawValue)
        case .convert: DType.allCases.count
        case .scatter: Self.scatterNames.count
        default: 1
        }
    }

    /// The column is the logarithm of an element's size rather than its type.
    private var isBySize: Bool {
        switch self {
        case .select, .copy, .fill, .gather: true
        default: false
        }
    }
    private var columns: Int { isBySize ? 5 : DType.allCases.count }

    private var variants: Int {
        switch self {
        case .unary, .binary, .ternary, .convert, .select, .copy, .fill, .gather, .optim: 2
        case .reduce, .layerNorm: 3
        case .softmax: 6
        case .arange, .scatter, .addRows, .matmul: 1
        }
    }

    private func operatorName(_ row: Int) -> String {
        switch self {
        case .unary: String(cString: cc_unary_name(Int32(row)))
        case .binary: String(cString: cc_binary_name(Int32(row)))
        case .ternary: String(cString: cc_ternary_name(Int32(row)))
        case .reduce: String(cString: cc_reduce_name(Int32(row)))
        case .scatter: Self.scatterNames[row]
        default: ""
        }
    }
    /// In the order of `ScatterOp`.
    private static let scatterNames = ["replace", "sum", "prod", "max", "min"]

    private func columnName(_ column: Int) -> String { isBySize ? "\(1 << column)" : String(cString: cc_type_name(Int32(column))) }

    // MARK: Numbers

    /// Number of the first kernel of each family, and of all.
    private static let bases: [Int] = allCases.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.rows * $1.columns * $1.variants) }
    static let kernelCount = bases[bases.count - 1]

    /// A kernel's number.
    @inline(__always)
    func number(_ row: Int, _ column: Int, _ variant: Int) -> Int {
        switch self {
        case .unary, .binary, .ternary: Self.bases[rawValue] + ((row * 15 + column) << 1) + variant
        default: Self.bases[rawValue] + (row * columns + column) * variants + variant
        }
    }

    /// What NVRTC is asked for.
    struct Program {
        let file: String
        let defines: [String]
        /// The program's kernels; the first has number `first`, the others follow.
        let symbols: [String]
        let first: Int
    }

    /// The program in which kernel `number` is.
    static func program(of number: Int) -> Program {
        let family = allCases.last { bases[$0.rawValue] <= number }!
        let variants = family.variants
        let index = (number - bases[family.rawValue]) / variants
        let (row, column) = (index / family.columns, index % family.columns)
        let (op, name) = (family.operatorName(row), family.columnName(column))
        let type = "ST_TYPE=\(name)"
        let (defines, symbols): ([String], [String])
        switch family {
        case .unary, .binary, .ternary: (defines, symbols) = (["ST_OP=\(op)", type], ["run", "strided"].map { "\(family)_\(op)_\(name)_\($0)" })
        case .reduce: (defines, symbols) = (["ST_OP=\(op)", type], ["inner", "outer", "finish"].map { "reduce_\(op)_\(name)_\($0)" })
        case .convert:
            let from = String(cString: cc_type_name(Int32(row)))
            (defines, symbols) = (["ST_FROM=\(from)", "ST_TO=\(name)"], ["run", "strided"].map { "convert_\(from)_\(name)_\($0)" })
        case .select, .copy, .fill: (defines, symbols) = (["ST_SIZE=\(name)"], ["run", "strided"].map { "\(family)_\(name)_\($0)" })
        case .gather: (defines, symbols) = (["ST_SIZE=\(name)"], ["gather", "takeRows"].map { "\($0)_\(name)" })
        case .softmax: (defines, symbols) = ([type], ["softmax", "logSoftmax", "softmaxBackward", "logSoftmaxBackward", "crossEntropy", "crossEntropyBackward"].map { "\($0)_\(name)" })
        case .layerNorm: (defines, symbols) = ([type], ["layerNorm", "layerNormBackward", "layerNormBackwardWeights"].map { "\($0)_\(name)" })
        case .optim: (defines, symbols) = ([type], ["sgd", "adam"].map { "\($0)_\(name)" })
        case .scatter: (defines, symbols) = (["ST_OP=\(op)", type], ["scatter_\(op)_\(name)"])
        case .arange, .addRows, .matmul: (defines, symbols) = ([type], ["\(family)_\(name)"])
        }
        return Program(file: family.file, defines: defines, symbols: symbols, first: number - (number - bases[family.rawValue]) % variants)
    }

    /// A kernel's name.
    static func symbol(of number: Int) -> String {
        let p = program(of: number)
        return p.symbols[number - p.first]
    }
}
