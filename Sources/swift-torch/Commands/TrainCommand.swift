// `swift-torch train`: the main job, a small convolutional network on small pictures.
import ArgumentParser
import Glibc
import Torch
import TorchKernels

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a small convolutional network on Fashion-MNIST, or on embedded handwritten digits where that is not installed.",
        discussion: "Ctrl-C saves the state; --resume goes on from it, with the same bits as if it had not been interrupted.")

    @Option(help: "Passes over the training pictures.") var epochs = 5
    @Option(help: "Pictures a step.") var batchSize = 64
    @Option(help: "Step size of Adam at the start; it follows a half cosine down.") var learningRate = 1e-3
    @Option(help: "Seed of all random numbers.") var seed = 0
    @OptionGroup var device: DeviceOption
    @Option(help: "Worker threads; default: all processors.") var threads: Int?
    @Option(help: "Folder with the four Fashion-MNIST files.") var data: String?
    @Flag(help: "Uses the embedded digits even where Fashion-MNIST is installed.") var digits = false
    @Option(help: "Folder for model.safetensors, state.safetensors and curve.svg.") var output = "."
    @Flag(help: "Goes on from state.safetensors in the output folder.") var resume = false
    @Option(help: .hidden) var stopAfter: Int?

    func validate() throws {
        guard epochs > 0 else { throw ValidationError("--epochs must be positive, got \(epochs)") }
        guard batchSize > 0 else { throw ValidationError("--batch-size must be positive, got \(batchSize)") }
        guard learningRate > 0, learningRate.isFinite else { throw ValidationError("--learning-rate must be positive, got \(learningRate)") }
        if let threads, threads < 1 { throw ValidationError("--threads must be positive, got \(threads)") }
    }

    func run() throws {
        if let threads { Parallel.threadCount = threads }
        try device.apply()
        let pictures = try TrainingData.load(folder: data, digits: digits)
        print("data: \(pictures.source), \(pictures.training.count) training and \(pictures.test.count) test pictures of \(pictures.test.height) x \(pictures.test.width)")
        if !Device.default.isCPU { print("device: \(Device.default)") }
        guard mkdir(output, 0o755) == 0 || errno == EEXIST else { throw CommandFailure("\(output): can not be made: \(String(cString: strerror(errno)))") }
        manualSeed(seed)
        let session = TrainingSession(self, pictures)
        if resume { try session.load() }
        Interrupt.watch()
        try session.run()
    }
}

/// One run of training: model, optimizer, place in the data, and how to save and resume all of it.
final class TrainingSession {
    private let options: TrainCommand
    private let data: TrainingData
    private let model: Classifier
    private let optimizer: Adam
    private let scheduler: CosineAnnealingLR
    private var epoch = 0
    private var step = 0
    /// Generator at the start of the epoch, from which its order of pictures follows.
    private var epochStart = Generator.default.clone()
    private var history: [(x: Double, loss: Double)] = []
    private var accuracies: [(x: Double, accuracy: Double)] = []

    private var modelPath: String { "\(options.output)/model.safetensors" }
    private var statePath: String { "\(options.output)/state.safetensors" }
    private var curvePath: String { "\(options.output)/curve.svg" }

    init(_ options: TrainCommand, _ data: TrainingData) {
        self.options = options
        self.data = data
        model = Classifier(height: data.test.height, width: data.test.width, classes: data.test.classes.count)
        optimizer = Adam(model.parameters(), learningRate: options.learningRate)
        scheduler = CosineAnnealingLR(optimizer, tMax: options.epochs)
    }

    func run() throws {
        if epoch >= options.epochs { print("already trained for \(epoch) epochs") }
        var stepsHere = 0
        while epoch < options.epochs {
            if step == 0 { epochStart = Generator.default.clone() }
            let loader = DataLoader(data.training, batchSize: options.batchSize, shuffle: true, workers: 1)
            let iterator = loader.makeIterator()
            // A resumed epoch takes up where it stopped: same order, the finished batches skipped.
            iterator.skip(step)
            var bar = ProgressBar("epoch \(epoch + 1)/\(options.epochs)", total: loader.count)
            var recent = 0.0
            while let batch = try iterator.nextBatch() {
                let loss = crossEntropy(model(batch[0]), batch[1])
                optimizer.zeroGrad()
                loss.backward()
                optimizer.step()
                step += 1
                stepsHere += 1
                let value = loss.item()
                guard value.isFinite else {
                    throw CommandFailure("the loss became \(value) at step \(step) of epoch \(epoch + 1); try a smaller --learning-rate than \(options.learningRate)")
                }
                recent = recent == 0 ? value : 0.98 * recent + 0.02 * value
                if step % 20 == 0 { history.append((Double(epoch) + Double(step) / Double(loader.count), recent)) }
                bar.update(step, "loss \(ProgressBar.decimal(recent, 4))")
                if Interrupt.wasRequested || stepsHere == options.stopAfter {
                    try save()
                    bar.finish("interrupted; saved \(statePath), go on with --resume")
                    return
                }
            }
            let accuracy = measure()
            epoch += 1
            step = 0
            accuracies.append((Double(epoch), accuracy * 100))
            scheduler.step()
            try save()
            bar.finish("loss \(ProgressBar.decimal(recent, 4))  test accuracy \(ProgressBar.decimal(accuracy * 100, 2)) %")
        }
        try Safetensors.save(model.stateDict().entries, metadata: modelMetadata, to: modelPath)
        try drawCurve()
        print("saved \(modelPath) and \(curvePath)")
    }

    /// Share of test pictures whose class was found.
    private func measure() -> Double {
        model.eval()
        defer { model.train() }
        var right = 0
        noGrad {
            for batch in DataLoader(data.test, batchSize: 500) {
                right += (model(batch[0]).argmax(dim: 1) .== batch[1]).sum().item(Int.self)
            }
        }
        return Double(right) / Double(data.test.count)
    }

    // MARK: Saving

    private var modelMetadata: [String: String] {
        ["format": "pt", "data": data.test.name, "height": "\(data.test.height)", "width": "\(data.test.width)", "classes": data.test.classes.joined(separator: "\n")]
    }

    /// Everything that the rest of the training depends on.
    private func save() throws {
        var entries = model.stateDict().entries.map { ("model.\($0.name)", $0.tensor) }
        entries += optimizer.stateDict().entries.map { ("optimizer.\($0.name)", $0.tensor) }
        entries.append(("position", Tensor([epoch, step, options.batchSize, options.epochs])))
        entries.append(("generator.epoch_start", Tensor(epochStart.state)))
        entries.append(("generator.now", Tensor(Generator.default.state)))
        entries.append(("history", Tensor(history.flatMap { [$0.x, $0.loss] }, dtype: .float64)))
        entries.append(("accuracies", Tensor(accuracies.flatMap { [$0.x, $0.accuracy] }, dtype: .float64)))
        try Safetensors.save(entries.map { (name: $0.0, tensor: $0.1) }, metadata: modelMetadata, to: statePath)
    }

    func load() throws {
        let state = StateDict(try Safetensors.load(statePath))
        func part(_ prefix: String) -> StateDict {
            StateDict(state.entries.filter { $0.name.hasPrefix(prefix) }.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) })
        }
        guard let position = state["position"]?.array(of: Int.self), position.count == 4, let start = state["generator.epoch_start"], let now = state["generator.now"],
            let history = state["history"]?.array(of: Double.self), let accuracies = state["accuracies"]?.array(of: Double.self)
        else { throw CommandFailure("\(statePath) is not a training state of this command") }
        guard position[2] == options.batchSize, position[3] == options.epochs else {
            throw CommandFailure("\(statePath) was made with --batch-size \(position[2]) --epochs \(position[3]); resume with the same")
        }
        try model.load(part("model."))
        try optimizer.load(part("optimizer."))
        epoch = position[0]
        step = position[1]
        scheduler.restore(epoch: epoch)
        epochStart = try Generator(state: start.array(of: UInt8.self))
        // In the middle of an epoch the loader must draw its order again.
        try Generator.default.setState((step > 0 ? start : now).array(of: UInt8.self))
        self.history = stride(from: 0, to: history.count - 1, by: 2).map { (history[$0], history[$0 + 1]) }
        self.accuracies = stride(from: 0, to: accuracies.count - 1, by: 2).map { (accuracies[$0], accuracies[$0 + 1]) }
        print("resumed at epoch \(epoch + 1), step \(step)")
    }

    private func drawCurve() throws {
        let chart = SVGChart(
            title: "\(data.test.name): training loss and test accuracy", xLabel: "epoch",
            series: [
                .init(name: "training loss", color: "#1f77b4", points: history.map { ($0.x, $0.loss) }),
                .init(name: "test accuracy (%)", color: "#d62728", points: accuracies.map { ($0.x, $0.accuracy) }, isRight: true),
            ])
        guard let file = fopen(curvePath, "w") else { throw CommandFailure("\(curvePath): can not be written: \(String(cString: strerror(errno)))") }
        let written = fputs(chart.svg, file)
        guard fclose(file) == 0, written >= 0 else { throw CommandFailure("\(curvePath): can not be written: \(String(cString: strerror(errno)))") }
    }
}

/// Ctrl-C as a request that the training loop sees between steps.
enum Interrupt {
    // Set by the signal handler, read by the loop; one byte.
    nonisolated(unsafe) private static var requested: sig_atomic_t = 0

    static var wasRequested: Bool { requested != 0 }

    static func watch() {
        for number in [SIGINT, SIGTERM] { signal(number, handler) }
    }

    private static let handler: @convention(c) (Int32) -> Void = { _ in
        // A second one ends the program at once.
        if Interrupt.requested != 0 { _exit(130) }
        Interrupt.requested = 1
    }
}
