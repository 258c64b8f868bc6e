// Numbers at equal steps, and the positions of triangles.
import TorchKernels
import TorchRuntime

extension Tensor {
    // MARK: Equal steps

    /// `steps` numbers from start to end, both included; start and end are tensors of no dims. PyTorch: `torch.linspace`.
    public static func linspace(_ start: Tensor, _ end: Tensor, steps: Int, dtype: DType? = nil, device: Device = .default) -> Tensor {
        guard let (s, e) = ends(start, end, steps, "linspace") else { return placeholder }
        let complex = start.dtype.isComplex || end.dtype.isComplex
        let type = dtype ?? (complex ? DefaultDType.complex : DefaultDType.floating)
        guard !complex || type.isComplex else {
            TensorError.report("linspace", "linspace(): inferred dtype complex can't be safely cast to passed dtype \(type)")
            return placeholder
        }
        return spaced(s, e, steps, type).to(device)
    }

    /// base ** linspace; start and end are tensors of no dims. PyTorch: `torch.logspace`.
    public static func logspace(_ start: Tensor, _ end: Tensor, steps: Int, base: Double = 10, dtype: DType? = nil, device: Device = .default) -> Tensor {
        guard let (s, e) = ends(start, end, steps, "logspace") else { return placeholder }
        let complex = start.dtype.isComplex || end.dtype.isComplex
        let type = dtype ?? (complex ? DefaultDType.complex : DefaultDType.floating)
        guard !complex || type.isComplex else {
            TensorError.report("logspace", "logspace(): inferred dtype complex can't be safely cast to passed dtype \(type)")
            return placeholder
        }
        let wide: DType = type.isComplex ? .complex128 : .float64
        // Whole results come from ends that are whole themselves.
        let truncated = !type.isDifferentiable
        let ends = truncated ? (Ends(s.0.rounded(.towardZero), 0), Ends(e.0.rounded(.towardZero), 0)) : (s, e)
        return scalarTensor(.double(base), wide).pow(spaced(ends.0, ends.1, steps, wide)).to(type).to(device)
    }

    private typealias Ends = (Double, Double)

    /// Both ends as complex numbers.
    private static func ends(_ start: Tensor, _ end: Tensor, _ steps: Int, _ name: String) -> (Ends, Ends)? {
        guard start.rank == 0, end.rank == 0 else {
            TensorError.report(name, "\(name) only supports 0-dimensional start and end tensors, but got start with \(start.rank) dimension(s) and end with \(end.rank) dimension(s).")
            return nil
        }
        guard steps >= 0 else {
            TensorError.report(name, "number of steps must be non-negative, got \(steps)")
            return nil
        }
        func number(_ t: Tensor) -> Ends {
            let x = t.withoutGraph
            return x.dtype.isComplex ? (x.real.item(), x.imag.item()) : (x.item(), 0)
        }
        return (number(start), number(end))
    }

    /// Counted from both ends, as PyTorch, so that the last one is exact; computed in the result's own precision.
    private static func spaced(_ start: Ends, _ end: Ends, _ steps: Int, _ type: DType) -> Tensor {
        switch type {
        case .complex64, .complex128:
            let part = type.real
            return complex(spaced((start.0, 0), (end.0, 0), steps, part), spaced((start.1, 0), (end.1, 0), steps, part))
        case .float32, .float16, .bfloat16:
            // Ends in the type, steps in float32.
            let (s, e) = (Float(rounded(start.0, type)), Float(rounded(end.0, type)))
            let step = steps > 1 ? (e - s) / Float(steps - 1) : 0
            return Tensor((0..<steps).map { $0 < steps / 2 || steps == 1 ? s + step * Float($0) : e - step * Float(steps - 1 - $0) }, device: .cpu).converted(to: type)
        case .float64:
            return Tensor(points(start.0, end.0, steps), dtype: .float64, device: .cpu)
        default:
            // Whole ends, steps in double, each result cut off.
            let values = points(start.0.rounded(.towardZero), end.0.rounded(.towardZero), steps)
            return Tensor(values.map { $0.rounded(.towardZero) }, dtype: .float64, device: .cpu).converted(to: type)
        }
    }

    private static func points(_ s: Double, _ e: Double, _ steps: Int) -> [Double] {
        let step = steps > 1 ? (e - s) / Double(steps - 1) : 0
        return (0..<steps).map { $0 < steps / 2 || steps == 1 ? s + step * Double($0) : e - step * Double(steps - 1 - $0) }
    }

    /// A number as `type` holds it.
    private static func rounded(_ value: Double, _ type: DType) -> Double { scalarTensor(.double(value), type).item() }

    // MARK: Positions of triangles

    /// Rows and columns of the elements of a lower triangle, as a tensor of two rows. PyTorch: `torch.tril_indices`.
    public static func trilIndices(_ rows: Int, _ columns: Int, offset: Int = 0, dtype: DType = .int64, device: Device = .default) -> Tensor {
        triangleIndices(rows, columns, offset, lower: true, dtype, device, "trilIndices")
    }
    /// Rows and columns of the elements of an upper triangle, as a tensor of two rows. PyTorch: `torch.triu_indices`.
    public static func triuIndices(_ rows: Int, _ columns: Int, offset: Int = 0, dtype: DType = .int64, device: Device = .default) -> Tensor {
        triangleIndices(rows, columns, offset, lower: false, dtype, device, "triuIndices")
    }

    private static func triangleIndices(_ rows: Int, _ columns: Int, _ offset: Int, lower: Bool, _ dtype: DType, _ device: Device, _ name: String) -> Tensor {
        guard rows >= 0, columns >= 0 else {
            TensorError.report(name, "\(rows < 0 ? "row" : "col") must be non-negative, got \(rows < 0 ? rows : columns)")
            return placeholder
        }
        var (r, c) = ([Int](), [Int]())
        let k = Swift.min(Swift.max(offset, -rows - 1), columns + 1)
        for i in 0..<rows {
            let range = lower ? 0..<Swift.min(Swift.max(i + k + 1, 0), columns) : Swift.min(Swift.max(i + k, 0), columns)..<columns
            for j in range {
                r.append(i)
                c.append(j)
            }
        }
        return Tensor(r + c, shape: [2, r.count], dtype: dtype, device: device)
    }
}
