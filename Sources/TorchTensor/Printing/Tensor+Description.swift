// print(x): the same text as PyTorch's.
import TorchKernels
import TorchRuntime

/// How tensors are printed. PyTorch: `torch.set_printoptions`.
public struct PrintOptions: Sendable, Equatable {
    /// Digits after the point.
    public var precision = 4
    /// Tensors of more elements are shortened.
    public var threshold = 1000
    /// Items that a shortened dim shows at each end.
    public var edgeItems = 3
    /// Characters a line.
    public var lineWidth = 80
    /// Powers of ten: always, never, or (nil) where numbers differ too much.
    public var scientific: Bool?

    public init() {}

    // Guarded by the lock below.
    nonisolated(unsafe) private static var value = PrintOptions()
    private static let lock = Mutex()
    /// The options of this process.
    public static var current: PrintOptions {
        get { lock.withLock { value } }
        set { lock.withLock { value = newValue } }
    }
}

extension Tensor: CustomStringConvertible {
    /// The text that PyTorch prints for the same tensor.
    public var description: String { description(PrintOptions.current) }

    /// The text with other options than those of the process.
    public func description(_ options: PrintOptions) -> String {
        let prefix = "tensor("
        var suffixes: [String] = []
        if !device.isCPU { suffixes.append("device='\(device)'") }
        var text: String
        if device.kind == .meta {
            suffixes.append("size=\(dims)")
            if dtype != DefaultDType.floating { suffixes.append("dtype=torch.\(dtype)") }
            text = "..."
        } else if count == 0 {
            if rank != 1 { suffixes.append("size=\(dims)") }
            if dtype != DefaultDType.floating { suffixes.append("dtype=torch.\(dtype)") }
            text = "[]"
        } else {
            let known: [DType] = [DefaultDType.floating, DefaultDType.floating == .float64 ? .complex128 : .complex64, .int64, .bool]
            if !known.contains(dtype) { suffixes.append("dtype=torch.\(dtype)") }
            text = TensorText(self, options).text(indent: prefix.count)
        }
        if let node = gradientNode {
            suffixes.append("grad_fn=<\(node.torchName)>")
        } else if requiresGrad {
            suffixes.append("requires_grad=True")
        }
        text = prefix + text
        // Suffixes stay on the line as long as they fit.
        var lastLine = text.utf8.count - (text.utf8.lastIndex(of: UInt8(ascii: "\n")).map { text.utf8.distance(from: text.utf8.startIndex, to: $0) } ?? -1) + 1
        for s in suffixes {
            if lastLine + s.utf8.count + 2 > options.lineWidth {
                text += ",\n" + String(repeating: " ", count: prefix.count) + s
                lastLine = prefix.count + s.utf8.count
            } else {
                text += ", " + s
                lastLine += s.utf8.count + 2
            }
        }
        return text + ")"
    }
}

/// The elements of a tensor that are shown, and their layout as text.
private struct TensorText {
    private let options: PrintOptions
    /// Sizes of the part that is shown.
    private let sizes: Dims
    /// Dims of which only the ends are shown.
    private let shortened: [Bool]
    /// One text an element, padded.
    private let cells: [String]
    /// Width of an element, as the line breaks count it.
    private let width: Int

    init(_ tensor: Tensor, _ options: PrintOptions) {
        self.options = options
        var shown = tensor.withoutGraph
        let summarize = tensor.count > options.threshold
        var shortened = [Bool](repeating: false, count: tensor.rank)
        if summarize {
            let edge = Swift.max(options.edgeItems, 0)
            for d in 0..<tensor.rank where tensor.dims[d] > 2 * edge {
                shortened[d] = true
                shown = noGrad {
                    let n = tensor.dims[d]
                    return cat([shown.slice(d, 0, edge), shown.slice(d, n - edge, n)], dim: d)
                }
            }
        }
        self.shortened = shortened
        sizes = shown.dims
        let size = tensor.dtype.itemSize
        let type = tensor.dtype
        let values = shown.withBytes { bytes in
            (0..<shown.count).map { i -> Scalar in
                // Unsigned 64-bit numbers may not fit an Int; they are written from their bits below.
                bytes.baseAddress.map { ElementBits.load(type, $0 + i * size) } ?? .int(0)
            }
        }
        switch type {
        case .complex64, .complex128:
            let (re, im) = (values.map(\.doubleValue), values.map { if case .complex(_, let im) = $0 { im } else { 0.0 } })
            let (real, imaginary) = (NumberFormat(re, options), NumberFormat(im, options))
            width = real.width + imaginary.width + 1
            cells = Swift.zip(re, im).map { r, i in
                let part = imaginary.text(i).drop { $0 == " " } + "j"
                return real.text(r) + (part.first == "+" || part.first == "-" ? "" : "+") + part
            }
        case .float16, .bfloat16, .float32, .float64:
            let numbers = values.map(\.doubleValue)
            let format = NumberFormat(numbers, options)
            width = format.width
            cells = numbers.map(format.text)
        default:
            let texts = values.map { v -> String in
                switch v {
                case .bool(let b): b ? "True" : "False"
                case .int(let i): type == .uint64 ? String(UInt64(bitPattern: Int64(i))) : String(i)
                default: "\(v.doubleValue)"
                }
            }
            let longest = texts.map(\.utf8.count).max() ?? 1
            width = longest
            cells = texts.map { NumberFormat.padded($0, longest) }
        }
    }

    func text(indent: Int) -> String { text(0, 0, indent) }

    /// The elements from `first` on, dims from `dim` on.
    private func text(_ dim: Int, _ first: Int, _ indent: Int) -> String {
        if sizes.count == 0 { return cells[0] }
        let n = sizes[dim]
        if dim == sizes.count - 1 {
            var items = Array(cells[first..<(first + n)])
            if shortened[dim] { items.insert(n == 0 ? "..." : " ...", at: n / 2) }
            let perLine = Swift.max(1, (options.lineWidth - indent) / (width + 2))
            let lines = Swift.stride(from: 0, to: items.count, by: perLine).map { items[$0..<Swift.min($0 + perLine, items.count)].joined(separator: ", ") }
            return "[" + lines.joined(separator: ",\n" + String(repeating: " ", count: indent + 1)) + "]"
        }
        let inner = sizes[(dim + 1)...].reduce(1, *)
        var parts = (0..<n).map { text(dim + 1, first + $0 * inner, indent + 1) }
        if shortened[dim] { parts.insert("...", at: n / 2) }
        // A blank line more for each dim further out.
        let separator = "," + String(repeating: "\n", count: sizes.count - dim - 1) + String(repeating: " ", count: indent + 1)
        return "[" + parts.joined(separator: separator) + "]"
    }
}
