// `torch-conformance rng`: the random streams against PyTorch's, bit for bit.
import ArgumentParser
import Glibc
import Torch

struct RandomStreams: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "rng", abstract: "Random streams, bit for bit.")

    @Option(help: "Folder with rng/ (or that folder itself).") var data: String
    @Option(help: "Functions to report: names with * and ?, separated by commas.") var only: String?
    @Flag(help: "One line for every failing step, not only the first three of a function.") var allSteps = false
    @Option(help: "Fails if fewer steps pass.") var threshold: Int?

    /// Names under which results are counted.
    static let functions: [String: String] = [
        "bernoulli_p": "bernoulli", "bernoulli_t": "bernoulli", "uniform_": "uniform", "normal_": "normal", "random_full": "random_",
        "get_state": "state",
    ]
    static let order = ["rand", "randn", "randint", "randperm", "bernoulli", "uniform", "normal"]

    func run() throws {
        let folder = access("\(data)/rng/manifest.jsonl", F_OK) == 0 ? "\(data)/rng" : data
        let shard = try Shard("\(folder)/tensors.safetensors")
        let patterns = only?.split(separator: ",").map(String.init)
        var counts: [String: (passed: Int, total: Int)] = [:]
        var shown: [String: Int] = [:]
        for line in try MappedFile("\(folder)/manifest.jsonl").lines {
            let record = try JSON(parsing: line)
            guard record["kind"]?.string == "stream", let id = record["id"]?.string, let program = record["program"]?.array else { continue }
            let tolerance = record["match"]?.string == "close" ? record["tolerance"]?.double ?? 0 : nil
            // After a step that can not be run the generator stands elsewhere: the rest of the program can not pass.
            var broken: String?
            for step in program {
                let op = step["op"]?.string ?? ""
                var failure = broken.map { "not run: \($0)" }
                var result: [(key: String, tensor: Tensor)] = []
                if failure == nil {
                    do {
                        result = try withTensorErrors { try RandomStep(json: step, shard: shard).run() }
                    } catch let e as RandomStep.NotOffered {
                        failure = e.description
                        broken = e.description
                    } catch {
                        failure = "\(error)"
                        broken = "\(op) failed"
                    }
                }
                guard step["out"] != nil else { continue }
                for (key, tensor) in result where failure == nil { failure = try difference(tensor, key, shard, tolerance) }
                let name = Self.functions[op] ?? op
                if let patterns, !patterns.contains(where: { fnmatch($0, name, 0) == 0 }) { continue }
                counts[name, default: (0, 0)].total += 1
                guard let failure else {
                    counts[name]!.passed += 1
                    continue
                }
                shown[name, default: 0] += 1
                if allSteps || shown[name]! <= 3 { print("FAIL \(name): \(id): \(failure)") }
            }
        }
        let names = Self.order.filter { counts[$0] != nil } + counts.keys.filter { !Self.order.contains($0) }.sorted()
        let total = counts.values.reduce((0, 0)) { ($0.0 + $1.passed, $0.1 + $1.total) }
        print("rng: " + names.map { "\(counts[$0]!.passed)/\(counts[$0]!.total) \($0)" }.joined(separator: ", ") + ", total \(total.0)/\(total.1)")
        if let threshold, total.0 < threshold {
            writeAll(2, "below the threshold: \(total.0) < \(threshold)\n")
            throw ExitCode(1)
        }
    }

    /// Nil if the tensor has the recorded bytes (or values within the tolerance).
    private func difference(_ t: Tensor, _ key: String, _ shard: Shard, _ tolerance: Double?) throws -> String? {
        try shard.withBytes(key) { bytes, entry in
            let shape = t.dtype.isComplex ? t.shape + [2] : t.shape
            guard let stored = entry.type.dtype, stored == t.dtype.real else { return "\(key): dtype \(t.dtype), recorded \(entry.type)" }
            guard shape == entry.shape else { return "\(key): shape \(Dims(shape)), recorded \(Dims(entry.shape))" }
            if t.withBytes({ $0.elementsEqual(bytes) }) { return nil }
            let (found, expected) = (Numbers(t), Numbers(bytes, t.dtype, t.shape))
            if let tolerance { return found.difference(expected, Tolerance(relative: 0, absolute: tolerance)).map { "\(key): \($0)" } }
            return "\(key): " + (found.difference(expected, Tolerance(relative: 0, absolute: 0)) ?? "the bits differ")
        }
    }
}

/// One step of a recorded program.
struct RandomStep {
    let json: JSON
    let shard: Shard

    /// A function that this library does not have.
    struct NotOffered: Error, CustomStringConvertible {
        let description: String
    }

    private func number(_ name: String) throws -> Double {
        guard let d = json[name]?.double else { throw ConformanceError("\(name) is missing") }
        return d
    }

    private func int(_ name: String) throws -> Int {
        guard let i = json[name]?.int else { throw ConformanceError("\(name) is missing") }
        return i
    }

    private func tensor(_ name: String) throws -> Tensor {
        guard let key = json[name]?.string else { throw ConformanceError("\(name) is missing") }
        return try shard.withBytes(key) { bytes, entry in
            guard let dtype = entry.type.dtype else { throw ConformanceError("\(key): type \(entry.type)") }
            return try Tensor.rebuilt(bytes, dtype, entry.shape)
        }
    }

    /// An empty tensor in the step's layout, filled in place.
    private func filled(_ fill: (inout Tensor) -> Void) -> Tensor {
        let shape = json["size"]?.array?.compactMap(\.int) ?? []
        var t: Tensor
        if json["layout"]?.string == "transposed" {
            t = Tensor.empty(shape.reversed(), dtype: dtype).permute(Array((0..<shape.count).reversed()))
        } else {
            t = Tensor.empty(shape, dtype: dtype)
        }
        fill(&t)
        return t
    }

    private var dtype: DType { json["dtype"]?.string.flatMap(DType.init(name:)) ?? .float32 }
    private var size: [Int] { json["size"]?.array?.compactMap(\.int) ?? [] }

    /// Results by key.
    func run() throws -> [(key: String, tensor: Tensor)] {
        let op = json["op"]?.string ?? ""
        let out = json["out"]?.string ?? ""
        if let t = try basic(op) { return [(out, t)] }
        if let t = try composed(op) { return [(out, t)] }
        if op == "module" { return try module(out) }
        if op == "manual_seed" {
            manualSeed(try int("seed"))
            return []
        }
        throw NotOffered(description: "\(op) is not offered")
    }

    private func basic(_ op: String) throws -> Tensor? {
        switch op {
        case "rand": return Tensor.rand(size, dtype: dtype)
        case "randn": return Tensor.randn(size, dtype: dtype)
        case "randint": return Tensor.randint(try int("low"), try int("high"), size, dtype: dtype)
        case "randperm": return Tensor.randperm(try int("n"), dtype: json["dtype"] == nil ? .int64 : dtype)
        case "uniform_":
            let (a, b) = (try number("a"), try number("b"))
            return filled { $0.fillUniform(from: a, to: b) }
        case "normal_":
            let (mean, std) = (try number("mean"), try number("std"))
            return filled { $0.fillNormal(mean: mean, std: std) }
        case "random_": return filled { $0.fillRandom() }
        case "random_full":
            var t = Tensor.empty(size, dtype: .int64)
            t.withMutableElements(of: Int64.self) { Generator.default.fillAllBits($0.baseAddress!, count: $0.count) }
            return t
        case "bernoulli_p":
            let p = try number("p")
            return filled { $0.fillBernoulli(p) }
        case "bernoulli_t":
            let p = try tensor("p_key")
            var t = Tensor.empty(p.shape, dtype: dtype)
            t.fillBernoulli(p)
            return t
        case "exponential_":
            let rate = try number("lambd")
            return filled { $0.fillExponential(rate: rate) }
        case "cauchy_":
            let (median, sigma) = (try number("median"), try number("sigma"))
            return filled { $0.fillCauchy(median: median, sigma: sigma) }
        case "log_normal_":
            let (mean, std) = (try number("mean"), try number("std"))
            return filled { $0.fillLogNormal(mean: mean, std: std) }
        case "geometric_":
            let p = try number("p")
            return filled { $0.fillGeometric(p) }
        case "multinomial": return try tensor("weights_key").multinomial(try int("num_samples"), replacement: json["replacement"]?.bool ?? false)
        case "poisson": return try tensor("rate_key").poisson()
        case "standard_gamma": return try tensor("alpha_key").standardGamma()
        case "get_state": return Tensor(Generator.default.state, dtype: .uint8)
        case "random_split": return Tensor.randperm(try int("n"))
        case "rrelu", "gumbel_softmax", "binomial", "dirichlet": return try byRow(op)
        default: return nil
        }
    }

    /// Start values, dropout, orders of data.
    private func composed(_ op: String) throws -> Tensor? {
        switch op {
        case "dropout":
            let (x, p) = (try tensor("input_key"), try number("p"))
            switch json["kind"]?.string {
            case "dropout": return dropout(x, p: p)
            case "feature": return x.rank == 3 ? dropout1d(x, p: p) : x.rank == 4 ? dropout2d(x, p: p) : x.rank == 5 ? dropout3d(x, p: p) : nil
            case "alpha": return alphaDropout(x, p: p, training: true)
            case "feature_alpha": return featureAlphaDropout(x, p: p, training: true)
            default: return nil
            }
        case "random_sampler":
            let sampler = RandomSampler(try int("n"), replacement: json["replacement"]?.bool ?? false, sampleCount: json["num_samples"]?.int)
            return Tensor(sampler.indices())
        case "data_loader":
            let n = try int("n")
            let loader = DataLoader(
                TensorDataset(Tensor.arange(n)), batchSize: try int("batch_size"), shuffle: true, dropLast: json["drop_last"]?.bool ?? false)
            var order: [Int] = []
            for _ in 0..<(try int("epochs")) { for batch in loader { order += batch[0].array(of: Int.self) } }
            return Tensor(order)
        case "init": return try initial()
        default: return nil
        }
    }

    private func initial() throws -> Tensor {
        let p = Parameter(Tensor.zeros(size, dtype: dtype))
        let k = json["kwargs"]
        func option(_ name: String, _ fallback: Double) -> Double { k?[name]?.double ?? fallback }
        let mode: Init.FanMode = k?["mode"]?.string == "fan_out" ? .fanOut : .fanIn
        let nonlinearity: Init.Nonlinearity
        switch k?["nonlinearity"]?.string ?? "leaky_relu" {
        case "relu": nonlinearity = .relu
        case "tanh": nonlinearity = .tanh
        case "sigmoid": nonlinearity = .sigmoid
        case "selu": nonlinearity = .selu
        case "linear": nonlinearity = .linear
        default: nonlinearity = .leakyReLU(negativeSlope: option("a", 0))
        }
        switch json["fn"]?.string ?? "" {
        case "uniform_": Init.uniform(p, from: option("a", 0), to: option("b", 1))
        case "normal_": Init.normal(p, mean: option("mean", 0), std: option("std", 1))
        case "trunc_normal_": Init.truncNormal(p, mean: option("mean", 0), std: option("std", 1), a: option("a", -2), b: option("b", 2))
        case "constant_": Init.constant(p, option("val", 0))
        case "ones_": Init.constant(p, 1)
        case "zeros_": Init.constant(p, 0)
        case "eye_": Init.eye(p)
        case "xavier_uniform_": Init.xavierUniform(p, gain: option("gain", 1))
        case "xavier_normal_": Init.xavierNormal(p, gain: option("gain", 1))
        case "kaiming_uniform_": Init.kaimingUniform(p, a: option("a", 0), mode: mode, nonlinearity: nonlinearity)
        case "kaiming_normal_": Init.kaimingNormal(p, a: option("a", 0), mode: mode, nonlinearity: nonlinearity)
        case "orthogonal_": Init.orthogonal(p, gain: option("gain", 1))
        case "sparse_": Init.sparse(p, sparsity: option("sparsity", 0), std: option("std", 0.01))
        case "dirac_": Init.dirac(p, groups: k?["groups"]?.int ?? 1)
        default: throw NotOffered(description: "init.\(json["fn"]?.string ?? "") is not offered")
        }
        return p.tensor
    }

    /// A layer's start values.
    private func module(_ out: String) throws -> [(key: String, tensor: Tensor)] {
        let record = Record(json: ["class": json["class"] ?? .null, "kwargs": json["args"] ?? .null, "args": []], shard: shard)
        let built: BuiltModule
        do {
            built = try ModuleTable.build(record, record.json, dtype)
        } catch let e as Record.Unsupported {
            throw NotOffered(description: e.description)
        }
        let state = built.module.stateDict()
        return try (json["state_dict"]?.array ?? []).compactMap(\.string).map { name in
            guard let t = state[name] else { throw ConformanceError("no state '\(name)'") }
            return ("\(out).\(name)", t)
        }
    }

    /// Functions of the operator table.
    private func byRow(_ op: String) throws -> Tensor {
        let row: String, arguments: [OperatorValue], keywords: [String: OperatorValue]
        switch op {
        case "rrelu":
            row = "nn.functional.rrelu"
            arguments = [.tensor(try tensor("input_key"))]
            keywords = ["lower": .double(try number("lower")), "upper": .double(try number("upper")), "training": .bool(true)]
        case "gumbel_softmax":
            row = "nn.functional.gumbel_softmax"
            arguments = [.tensor(try tensor("input_key"))]
            keywords = ["tau": .double(try number("tau")), "hard": .bool(json["hard"]?.bool ?? false)]
        case "binomial": (row, arguments, keywords) = ("binomial", [.tensor(try tensor("count_key")), .tensor(try tensor("prob_key"))], [:])
        default: (row, arguments, keywords) = ("_sample_dirichlet", [.tensor(try tensor("alpha_key"))], [:])
        }
        guard OperatorTable.contains(row) else { throw NotOffered(description: "\(op) is not offered") }
        guard case .tensor(let t) = try OperatorTable.call(row, arguments, keywords).value else { throw ConformanceError("\(row) gave no tensor") }
        return t
    }
}
