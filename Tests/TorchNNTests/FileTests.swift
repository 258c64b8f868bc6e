// Models and optimizers in files: what PyTorch saved goes on here as it would there; what is saved here comes back.
import Glibc
import Testing
import TorchFormats
import TorchNN
import TorchOptim

private final class Net: Module {
    let layers = Sequential(Linear(4, 3, bias: false), BatchNorm1d(3), ReLU(), Linear(3, 2))
}

@Suite struct FileTests {
    private let fixtures = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/Fixtures"

    private func network() -> Sequential { Sequential(Linear(4, 3, bias: false), BatchNorm1d(3), ReLU(), Linear(3, 2)) }
    private func optimizer(_ name: String, _ parameters: [Parameter], learningRate: Double) -> Optimizer {
        name == "adam" ? AdamW(parameters, learningRate: learningRate, betas: (0.8, 0.99), weightDecay: 0) : SGD(parameters, learningRate: learningRate, momentum: 0.9, nesterov: true)
    }

    /// Three steps on fixed data; the last loss.
    private func train(_ net: Sequential, _ optimizer: Optimizer) -> Double {
        let x = Tensor.arange(24.0).reshape([6, 4]).sin()
        let y = Tensor([0, 1, 1, 0, 1, 0])
        var last = 0.0
        for _ in 0..<3 {
            optimizer.zeroGrad()
            let loss = crossEntropy(net(x), y)
            loss.backward()
            optimizer.step()
            last = loss.item()
        }
        return last
    }

    private func withFolder(_ body: (String) throws -> Void) rethrows {
        var template = Array("/tmp/torch-tests-XXXXXX".utf8CString)
        _ = mkdtemp(&template)
        let folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer {
            for name in ["model.pt", "model.safetensors", "optimizer.pt"] { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
        try body(folder)
    }

    @Test(arguments: ["adam", "sgd"]) func trainingOfPyTorchGoesOn(name: String) throws {
        let path = "\(fixtures)/training_\(name).pt"
        let checkpoint = try Checkpoint(path: path)
        let net = network()
        // Another rate: the saved one must win.
        let optimizer = optimizer(name, net.parameters(), learningRate: 1)
        try net.load(from: checkpoint, prefix: "model")
        try optimizer.load(from: path, key: "optimizer")
        #expect(optimizer.groups[0].learningRate == (name == "adam" ? 0.05 : 0.1) && optimizer.groups[0].weightDecay == (name == "adam" ? 0.1 : 0))
        let loss = train(net, optimizer)
        #expect(abs(loss - checkpoint.root["loss"]!.double!) < 1e-6)
        for (key, tensor) in net.stateDict() {
            let expected = try checkpoint["after.\(key)"]!.load()
            #expect((tensor.to(.cpu).to(.float64) - expected.to(.float64)).abs().max().item() < 2e-6, "\(key)")
        }
    }

    @Test(arguments: ["adam", "sgd"]) func savedHereGoesOnWithTheSameBits(name: String) throws {
        try withFolder { folder in
            let (a, b) = (network(), network())
            let first = optimizer(name, a.parameters(), learningRate: 0.05)
            _ = train(a, first)
            try a.save(to: "\(folder)/model.pt")
            try first.save(to: "\(folder)/optimizer.pt")
            let second = optimizer(name, b.parameters(), learningRate: 0.5)
            try b.load(from: "\(folder)/model.pt")
            try second.load(from: "\(folder)/optimizer.pt")
            #expect(train(a, first) == train(b, second))
            for (x, y) in zip(a.stateDict(), b.stateDict()) { #expect(x.tensor.to(.float64).array(of: Double.self) == y.tensor.to(.float64).array(of: Double.self), "\(x.name)") }
        }
    }

    @Test func whereTheModelIs() throws {
        try withFolder { folder in
            let path = "\(folder)/model.safetensors"
            let net = Net()
            try net.save(to: path, metadata: ["note": "kept"])
            #expect(try Safetensors.File(path: path).metadata["note"] == "kept")
            // The model in the file is the inner one's parent: the error says where to look.
            let inner = network()
            let error = #expect(throws: StateError.self) { try inner.load(from: path) }
            #expect(error!.report.missing.count == 8 && error!.report.unexpected.count == 8)
            #expect(error!.description.contains("hint: all of it is under `layers`: load with prefix: \"layers\""))
            #expect(try inner.load(from: path, prefix: "layers").isComplete)
            #expect(inner.stateDict()["0.weight"]!.array(of: Float.self) == net.stateDict()["layers.0.weight"]!.array(of: Float.self))
            #expect(throws: FormatError.self) { try net.save(to: "\(folder)/model.pt", metadata: ["note": "lost"]) }
            #expect(throws: FormatError.self) { try net.load(from: "\(folder)/absent.pt") }
        }
    }

    @Test func optimizerStateThatDoesNotFit() throws {
        let path = "\(fixtures)/training_adam.pt"
        let p = network().parameters()
        func message(_ optimizer: Optimizer, key: String? = "optimizer") -> String { #expect(throws: FormatError.self) { try optimizer.load(from: path, key: key) }?.description ?? "" }
        #expect(message(AdamW(p, betas: (0.9, 0.99))).contains("was saved with betas (0.8, 0.99), expected (0.9, 0.99), as this optimizer was made"))
        #expect(message(Adam(p, betas: (0.8, 0.99))).contains("decoupled_weight_decay true"))
        #expect(message(AdamW(Array(p.dropLast()), betas: (0.8, 0.99))).contains("group 0 has 5 parameters, expected 4"))
        #expect(message(AdamW(Array(p.reversed()), betas: (0.8, 0.99))).contains("exp_avg of parameter 0 has shape [3, 4], expected [2]"))
        #expect(message(AdamW(p, betas: (0.8, 0.99)), key: "model").contains("is not the state of an optimizer"))
        #expect(message(AdamW(p, betas: (0.8, 0.99)), key: "absent").contains("has no entry \"absent\""))
    }
}
