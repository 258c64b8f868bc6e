// Tensors print as PyTorch prints them: every text was recorded from it (Fixtures/printing.py).
import Testing
import TorchFormats
import TorchTensor

// Recorded on the CPU; elsewhere the device is printed too.
@Suite(.enabled(if: Device.default.isCPU)) struct PrintingTests {
    /// The tensor of a recorded case; nil for a kind that is not known here.
    private func tensor(_ c: JSON) -> Tensor? {
        if let kind = c["make"]?.string { return made(kind) }
        guard let dtype = DType(name: c["dtype"]?.string ?? ""), let shape = c["shape"]?.array?.compactMap(\.int), let values = c["values"]?.array else { return nil }
        func number(_ v: JSON) -> Double {
            switch v {
            case .int(let i): Double(i)
            case .double(let d): d
            case .bool(let b): b ? 1 : 0
            case .string("inf"): .infinity
            case .string("-inf"): -.infinity
            default: .nan
            }
        }
        if dtype == .int64 { return Tensor(values.map { $0.int ?? 0 }).reshape(shape) }
        if dtype.isComplex {
            let parts = values.flatMap { $0.array!.map(number) }
            return Tensor(parts, shape: shape + [2], dtype: dtype.real).viewAsComplex()
        }
        return Tensor(values.map(number), shape: shape, dtype: .float64).to(dtype)
    }

    private func made(_ kind: String) -> Tensor? {
        let words = kind.split(separator: " ")
        let numbers = words.compactMap { Int($0) }
        let w = Tensor.ones(2).requiringGrad()
        switch words[0] {
        case "arange": return Tensor.arange(numbers[0], dtype: words[1] == "float" ? .float32 : .int64)
        case "ramp":
            let ramp = Tensor.arange(numbers.reduce(1, *)).reshape(numbers)
            return numbers == [100, 100] ? ramp.to(.float32) / 10000 : ramp
        case "zeros": return Tensor.zeros(numbers)
        case "bool": return Tensor.zeros(numbers, dtype: .bool)
        case "complex": return Tensor.ones(numbers, dtype: .complex64)
        case "leaf": return w
        case "mul": return w * 2
        case "sum": return (w * 2).sum()
        case "view": return (w * 2).view(2, 1)
        default: return nil
        }
    }

    @Test func everythingPrintsAsPyTorchPrintsIt() throws {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let cases = try JSON(parsing: FileBytes.read(path: "\(folder)/Fixtures/printing.json")).array!
        #expect(cases.count > 80)
        for c in cases {
            let t = try #require(tensor(c), "\(c["make"]?.string ?? "")")
            #expect("\(t)" == c["text"]?.string)
        }
    }
}
