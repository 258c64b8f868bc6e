// `swift-torch diff`: in what two files differ.
import ArgumentParser
import Glibc
import Torch

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Compares the tensors of two checkpoints of any formats.",
        discussion: "Exit code: 0 if they agree, 1 if they differ, 2 if a file can not be read. NaN agrees with NaN. Values besides tensors are not compared.")

    @Argument(help: "A file.") var a: String
    @Argument(help: "Another file.") var b: String
    @Option(help: "Differences up to this are none.") var tolerance = 0.0

    func validate() throws {
        guard tolerance >= 0 else { throw ValidationError("--tolerance must not be negative, got \(tolerance)") }
    }

    func run() throws {
        var differences: Int
        do { differences = try compare(Checkpoint(path: a), Checkpoint(path: b)) } catch {
            // As diff(1): 1 says that the files differ, so trouble has a code of its own.
            let line = "Error: \(error)\n"
            _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
            throw ExitCode(2)
        }
        if differences > 0 { throw ExitCode(1) }
    }

    private func compare(_ first: Checkpoint, _ second: Checkpoint) throws -> Int {
        var differences = 0
        for (here, there, path) in [(first, second, a), (second, first, b)] {
            for (name, t) in here.tensors where there[name] == nil {
                print("only in \(path): \(FileFacts.name(name))  \(t.type.name) \(t.shape)")
                differences += 1
            }
        }
        var (common, same, largest, largestRelative, worst) = (0, 0, 0.0, 0.0, "")
        for (name, x) in first.tensors {
            guard let y = second[name] else { continue }
            common += 1
            let label = FileFacts.name(name)
            if x.shape != y.shape {
                print("\(label): shape \(x.shape) and \(y.shape)")
                differences += 1
                continue
            }
            let result = try Difference(x.load(), y.load())
            let differs = result.isExactlyDifferent ? tolerance == 0 : !(result.absolute <= tolerance)
            // Quantised elements are loaded as float32: what they become is compared.
            let typesDiffer = x.dtype != y.dtype
            if typesDiffer { print("\(label): type \(x.type.name) and \(y.type.name)") }
            if differs {
                print(
                    "\(label): largest difference \(FileFacts.short(result.absolute)), relative \(FileFacts.short(result.relative)), \(FileFacts.grouped(result.count)) of \(FileFacts.grouped(x.count)) elements"
                )
            }
            if differs || typesDiffer { differences += 1 } else { same += 1 }
            if !(result.absolute <= largest) { (largest, worst) = (result.absolute, label) }
            if !(result.relative <= largestRelative) { largestRelative = result.relative }
        }
        print(
            "\(FileFacts.counted(common, "tensor")) in both, \(same) agree"
                + (largest == 0 ? "" : "; largest difference \(FileFacts.short(largest)) (\(worst)), relative \(FileFacts.short(largestRelative))"))
        return differences
    }
}

/// How far two tensors of one shape are apart.
struct Difference {
    /// Largest |x - y|; NaN where only one is NaN.
    private(set) var absolute = 0.0
    /// Largest |x - y| / max(|x|, |y|).
    private(set) var relative = 0.0
    /// Elements (parts of complex numbers) that differ.
    private(set) var count = 0
    /// Whole numbers too large for doubles differ where the differences above are 0.
    private(set) var isExactlyDifferent = false

    init(_ x: Tensor, _ y: Tensor) {
        if x.dtype == y.dtype, x.withBytes({ a in y.withBytes { b in memcmp(a.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!, b.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!, a.count) } }) == 0 {
            return
        }
        let dtype: DType = x.dtype.isComplex || y.dtype.isComplex ? .complex128 : .float64
        let (p, q) = (x.to(dtype), y.to(dtype))
        p.withBytes { a in
            q.withBytes { b in
                for (u, v) in zip(a.bindMemory(to: Double.self), b.bindMemory(to: Double.self)) where u != v && !(u.isNaN && v.isNaN) {
                    count += 1
                    let d = (u - v).magnitude
                    let r = d / max(u.magnitude, v.magnitude)
                    // Written so that NaN stays.
                    if !(d <= absolute), !absolute.isNaN { absolute = d }
                    if !(r <= relative), !relative.isNaN { relative = r }
                }
            }
        }
        isExactlyDifferent = count == 0 && x.dtype == y.dtype && x.dtype.isInteger
    }
}
