// `swift-torch predict`: what a trained network sees in pictures.
import ArgumentParser
import Glibc
import Torch

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Shows test pictures, or pictures from a file, with what a saved network takes them for.",
        discussion: "A picture file is a binary grey PGM (P5) of the network's size.")

    @Option(help: "The network that train saved.") var model = "model.safetensors"
    @OptionGroup var device: DeviceOption
    @Option(help: "Number of the first test picture.") var first = 0
    @Option(help: "How many test pictures.") var count = 3
    @Option(help: "Folder with the four Fashion-MNIST files.") var data: String?
    @Flag(help: "Uses the embedded digits even where Fashion-MNIST is installed.") var digits = false
    @Argument(help: "PGM files; test pictures if none is given.") var files: [String] = []

    func run() throws {
        try device.apply()
        let file = try Safetensors.File(path: model)
        let facts = file.metadata
        guard let height = facts["height"].flatMap({ Int($0) }), let width = facts["width"].flatMap({ Int($0) }), height >= 8, width >= 8, height <= 4096, width <= 4096,
            let names = facts["classes"]?.split(separator: "\n").map(String.init), !names.isEmpty
        else { throw CommandFailure("\(model) was not saved by `swift-torch train`: its metadata lack height, width or classes") }
        let network = Classifier(height: height, width: width, classes: names.count)
        do { try network.load(StateDict(try file.tensors())) } catch { throw CommandFailure("\(model): \(error)") }
        network.eval()
        let pictures = try files.isEmpty ? testPictures(height, width) : files.map { try Self.picture($0, height, width) }
        let normal: (Float, Float) = facts["data"] == "Fashion-MNIST" ? (0.2860, 0.3530) : (0.306, 0.377)
        for (title, pixels, label) in pictures {
            let x = Tensor(pixels.map { (Float($0) / 255 - normal.0) / normal.1 }, shape: [1, 1, height, width])
            let p = noGrad { network(x).softmax(dim: 1) }.array(of: Float.self)
            let best = p.indices.sorted { p[$0] > p[$1] }.prefix(3)
            print(title + (label.map { ", labelled \(names[$0])" } ?? ""))
            print(PictureInTerminal.text(pixels, height: height, width: width))
            print(best.map { "\(names[$0]) \(ProgressBar.decimal(Double(p[$0]) * 100, 1)) %" }.joined(separator: ", ") + "\n")
        }
    }

    private func testPictures(_ height: Int, _ width: Int) throws -> [(String, [UInt8], Int?)] {
        let test = try TrainingData.load(folder: data, digits: digits).test
        guard test.height == height, test.width == width else {
            throw CommandFailure("the network wants \(height) x \(width) pictures, the test pictures are \(test.height) x \(test.width)")
        }
        guard first >= 0, count >= 1, first < test.count else { throw CommandFailure("--first \(first): there are \(test.count) test pictures") }
        return (first..<min(first + count, test.count)).map { ("test picture \($0)", test.picture($0), Int(test.labels[$0])) }
    }

    /// Reads a binary PGM file.
    private static func picture(_ path: String, _ height: Int, _ width: Int) throws -> (String, [UInt8], Int?) {
        guard let file = fopen(path, "rb") else { throw CommandFailure("\(path): can not be read: \(String(cString: strerror(errno)))") }
        defer { fclose(file) }
        // Nothing larger than a header and this many pixels can be right.
        var bytes = [UInt8](repeating: 0, count: 1024 + height * width)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        var position = 0
        func word() -> String {
            while position < bytes.count, bytes[position] <= 32 || bytes[position] == UInt8(ascii: "#") {
                if bytes[position] == UInt8(ascii: "#") { while position < bytes.count, bytes[position] != 10 { position += 1 } } else { position += 1 }
            }
            let start = position
            while position < bytes.count, bytes[position] > 32 { position += 1 }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }
        guard word() == "P5", let w = Int(word()), let h = Int(word()), let top = Int(word()), top > 0, top < 256 else {
            throw CommandFailure("\(path): not a binary 8-bit PGM (P5) file")
        }
        guard w == width, h == height else { throw CommandFailure("\(path): \(h) x \(w) pixels, the network wants \(height) x \(width)") }
        position += 1
        guard position + w * h <= bytes.count else { throw CommandFailure("\(path): ends after \(bytes.count) bytes, inside the pixels") }
        return (path, bytes[position..<(position + w * h)].map { UInt8(Int($0) * 255 / top) }, nil)
    }
}
