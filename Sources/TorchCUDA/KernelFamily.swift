// Which kernels there are and what they are called: the host's half of Kernels/CONTRACT.md.
import CCUDA
import TorchKernels
import TorchRuntime

/// Kernels of one source file. Each is named by a row (an operator), a column (an element type or size) and a variant. A new family is one case and one line of `layout`.
enum KernelFamily: Int, CaseIterable {
    case unary, binary, ternary, convert, select, copy, fill, arange, reduce, softmax, layerNorm, gather, scatter, addRows, matmul, optim, random, dropout, mask, masked, sort
    case mma, attention, batchNorm, pool, scan, convolution, convolutionMma, linearAlgebra

    /// Variants of a pointwise kernel.
    static let run = 0
    static let strided = 1
    static let tiled = 2

    /// How a family's kernels are numbered and named. In symbols and defines `OP` stands for the operator and `TYPE` for the element type or size.
    private struct Layout {
        let file: String
        var defines = ["ST_TYPE=TYPE"]
        let symbols: [String]
        var operators = 1
        var operatorName: @Sendable (Int) -> String = { _ in "" }
        /// Sizes of elements as powers of two, 1 to 16, instead of types.
        var isBySize = false
        /// Types that every operator has kernels for.
        var types = KernelTypes.all

        static func pointwise(_ name: String) -> [String] { ["\(name)_run", "\(name)_strided", "\(name)_tiled"] }
        static let sized = ["ST_SIZE=TYPE"]
        static let operation = ["ST_OP=OP", "ST_TYPE=TYPE"]
    }

    private var layout: Layout { Self.layouts[rawValue] }
    private static let layouts = allCases.map { layout(of: $0) }

    private static func layout(of family: KernelFamily) -> Layout {
        switch family {
        case .unary:
            Layout(
                file: "unary.cu", defines: Layout.operation, symbols: Layout.pointwise("unary_OP_TYPE"), operators: Int(UnaryOp.count.rawValue),
                operatorName: { String(cString: cc_unary_name(Int32($0))) })
        case .binary:
            Layout(
                file: "binary.cu", defines: Layout.operation, symbols: Layout.pointwise("binary_OP_TYPE"), operators: Int(BinaryOp.count.rawValue),
                operatorName: { String(cString: cc_binary_name(Int32($0))) })
        case .ternary:
            Layout(
                file: "ternary.cu", defines: Layout.operation, symbols: Layout.pointwise("ternary_OP_TYPE"), operators: Int(TernaryOp.count.rawValue),
                operatorName: { String(cString: cc_ternary_name(Int32($0))) })
        case .convert:
            Layout(
                file: "convert.cu", defines: ["ST_FROM=OP", "ST_TO=TYPE"], symbols: Layout.pointwise("convert_OP_TYPE"), operators: DType.allCases.count,
                operatorName: { String(cString: cc_type_name(Int32($0))) })
        case .reduce:
            Layout(
                file: "reduce.cu", defines: Layout.operation, symbols: ["reduce_OP_TYPE_inner", "reduce_OP_TYPE_outer", "reduce_OP_TYPE_finish"],
                operators: Int(ReduceOp.count.rawValue), operatorName: { String(cString: cc_reduce_name(Int32($0))) })
        case .scatter:
            // In the order of `ScatterOp`.
            Layout(
                file: "scatter.cu", defines: Layout.operation, symbols: ["scatter_OP_TYPE", "scatterSegments_OP_TYPE"], operators: 5, operatorName: { ["replace", "sum", "prod", "max", "min"][$0] })
        case .select: Layout(file: "select.cu", defines: Layout.sized, symbols: Layout.pointwise("select_TYPE"), isBySize: true)
        case .copy: Layout(file: "copy.cu", defines: Layout.sized, symbols: Layout.pointwise("copy_TYPE"), isBySize: true)
        case .fill: Layout(file: "fill.cu", defines: Layout.sized, symbols: ["fill_TYPE_run", "fill_TYPE_strided"], isBySize: true)
        case .gather: Layout(file: "gather.cu", defines: Layout.sized, symbols: ["gather_TYPE", "takeRows_TYPE", "findZero_TYPE"], isBySize: true)
        case .arange: Layout(file: "arange.cu", symbols: ["arange_TYPE"])
        case .softmax:
            Layout(
                file: "softmax.cu",
                symbols: ["softmax_TYPE", "logSoftmax_TYPE", "softmaxBackward_TYPE", "logSoftmaxBackward_TYPE", "crossEntropy_TYPE", "crossEntropyBackward_TYPE"])
        case .layerNorm: Layout(file: "layernorm.cu", symbols: ["layerNorm_TYPE", "layerNormBackward_TYPE", "layerNormBackwardWeights_TYPE", "layerNormBackwardWeightsFinish_TYPE"])
        case .addRows: Layout(file: "addrows.cu", symbols: ["addRows_TYPE", "addSegments_TYPE"], types: .any)
        case .matmul: Layout(file: "matmul.cu", symbols: ["matmul_TYPE"], types: .numbers)
        case .optim:
            Layout(file: "optim.cu", defines: Layout.operation, symbols: ["sgd_OP_TYPE", "adam_OP_TYPE"], operators: 2, operatorName: { ["few", "many"][$0] })
        case .random:
            Layout(
                file: "random.cu", defines: Layout.operation, symbols: ["random_OP_TYPE"], operators: RandomKernel.allCases.count, operatorName: { RandomKernel.allCases[$0].rawValue })
        case .dropout: Layout(file: "dropout.cu", symbols: ["dropout_TYPE"] + Layout.pointwise("dropoutBackward_TYPE"))
        case .mask: Layout(file: "mask.cu", symbols: ["maskCount_TYPE", "maskScan_TYPE", "maskPositions_TYPE"])
        case .masked: Layout(file: "mask.cu", defines: Layout.sized, symbols: ["maskedSelect_TYPE", "maskedScatter_TYPE"], isBySize: true)
        case .sort:
            Layout(
                file: "sort.cu",
                symbols: [
                    "sortShort_TYPE", "sortRow1024_TYPE", "sortRow2048_TYPE", "sortRow4096_TYPE", "sortRow8192_TYPE", "sortSelect_TYPE", "sortCount_TYPE", "sortScan_TYPE", "sortPlace_TYPE",
                    "sortIslands_TYPE", "sortTake_TYPE", "searchSorted_TYPE",
                ])
        case .mma:
            Layout(file: "matmul_mma.cu", symbols: ["128", "64"].flatMap { side in ["rr", "rc", "cr", "cc"].map { "mma_TYPE_\($0)_\(side)" } }, types: .tensorCores)
        case .attention:
            Layout(
                file: "attention.cu",
                symbols: ["64", "128"].flatMap { width in ["attention", "attentionKeys", "attentionQueries"].map { "\($0)_TYPE_\(width)" } } + ["attentionDelta_TYPE"])
        case .batchNorm:
            Layout(
                file: "batchnorm.cu",
                symbols: ["batchNormStatistics_TYPE", "batchNormMoments_TYPE", "batchNormSums_TYPE", "batchNormConstants_TYPE", "batchNormApply_TYPE", "batchNormBackward_TYPE"])
        case .pool:
            Layout(file: "pool.cu", defines: Layout.operation, symbols: ["pool_OP_TYPE"], operators: PoolKernel.allCases.count, operatorName: { "\(PoolKernel.allCases[$0])" })
        case .scan:
            // In the order of `ScanOp`.
            Layout(
                file: "scan.cu", defines: Layout.operation, symbols: ["scan_OP_TYPE_row", "scan_OP_TYPE_lines", "scan_OP_TYPE_totals"], operators: 5,
                operatorName: { ["sum", "prod", "max", "min", "logSumExp"][$0] })
        case .convolution:
            Layout(
                file: "conv.cu",
                symbols: ["convolution_TYPE", "convolutionDirect_TYPE", "convolutionBackwardWeight_TYPE", "convolutionFinish_TYPE", "convolutionDirectWeight_TYPE"],
                types: .numbers.subtracting([.int16]))
        case .convolutionMma:
            Layout(file: "conv_mma.cu", symbols: ["128", "64"].flatMap { ["convolutionMma_TYPE_\($0)", "convolutionMmaWeight_TYPE_\($0)"] }, types: .tensorCores)
        case .linearAlgebra: Layout(file: "linalg.cu", symbols: ["Cholesky", "Panel", "Exchange", "Solve", "Householder", "Reflect", "DivideRows", "Jacobi"].map { "linalg\($0)_TYPE" })
        }
    }

    var file: String { layout.file }

    // MARK: Numbers

    /// What a kernel's number is computed from, of each family; and how many kernels there are.
    private static let shapes: (families: [(base: Int, columns: Int, variants: Int, types: KernelTypes)], count: Int) = {
        var next = 0
        let families = allCases.map { family in
            let l = family.layout
            let shape = (base: next, columns: l.isBySize ? 5 : DType.allCases.count, variants: l.symbols.count, types: l.types)
            next += l.operators * shape.columns * shape.variants
            return shape
        }
        return (families, next)
    }()
    static let kernelCount = shapes.count

    /// A kernel's number.
    @inline(__always)
    func number(_ row: Int, _ column: Int, _ variant: Int) -> Int {
        let s = Self.shapes.families[rawValue]
        return s.base + (row * s.columns + column) * s.variants + variant
    }

    /// Whether there are kernels for elements of this type.
    func has(_ dtype: DType) -> Bool { Self.shapes.families[rawValue].types.contains(KernelTypes(dtype)) }

    /// What NVRTC is asked for: one kernel of a file.
    struct Program {
        let file: String
        /// Of the file: what it is instantiated for.
        let defines: [String]
        let symbol: String

        /// `defines`, and those that leave the file's other kernels out (Kernels/preamble.cuh).
        var allDefines: [String] { defines + ["ST_ONE", "ST_MAKE_\(symbol)=~,1"] }
    }

    /// The program of kernel `number`.
    static func program(of number: Int) -> Program {
        let family = allCases.last { shapes.families[$0.rawValue].base <= number }!
        let (layout, shape) = (family.layout, shapes.families[family.rawValue])
        let (index, variant) = (number - shape.base).quotientAndRemainder(dividingBy: shape.variants)
        let (row, column) = (index / shape.columns, index % shape.columns)
        let op = layout.operatorName(row)
        let type = layout.isBySize ? "\(1 << column)" : String(cString: cc_type_name(Int32(column)))
        // OP and TYPE are words of their own in every pattern.
        func named(_ pattern: String) -> String {
            pattern.split(separator: "_", omittingEmptySubsequences: false).map { word in
                if word == "OP" { return op }
                if word == "TYPE" { return type }
                if word.hasSuffix("=OP") { return "\(word.dropLast(2))\(op)" }
                if word.hasSuffix("=TYPE") { return "\(word.dropLast(4))\(type)" }
                return String(word)
            }.joined(separator: "_")
        }
        return Program(file: layout.file, defines: layout.defines.map(named), symbol: named(layout.symbols[variant]))
    }

    /// A kernel's name.
    static func symbol(of number: Int) -> String { program(of: number).symbol }
}
