// The network of `train` and `predict`, and the data it learns from.
import Torch

/// A small convolutional network for grey pictures of any size from 8 x 8.
final class Classifier: Module, Layer {
    let conv1: Conv2d
    let conv2: Conv2d
    let fc1: Linear
    let fc2: Linear

    init(height: Int, width: Int, classes: Int) {
        conv1 = Conv2d(1, 16, kernelSize: 5, padding: 2)
        conv2 = Conv2d(16, 32, kernelSize: 5, padding: 2)
        fc1 = Linear(32 * (height / 4) * (width / 4), 128)
        fc2 = Linear(128, classes)
        super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let a = maxPool2d(conv1(x).relu(), kernelSize: [2, 2])
        let b = maxPool2d(conv2(a).relu(), kernelSize: [2, 2])
        return fc2(fc1(b.flatten(startDim: 1)).relu())
    }
}

/// Which pictures to learn from.
struct TrainingData {
    let training: PictureDataset
    let test: PictureDataset
    /// Where they come from, in words.
    let source: String

    /// Fashion-MNIST where it is installed (or in `folder`), otherwise the embedded digits.
    static func load(folder: String?, digits: Bool) throws -> TrainingData {
        if let folder, !digits { return try fashion(folder) }
        if !digits, FashionMNIST.isInstalled() { return try fashion(FashionMNIST.debianFolder) }
        // The last 360 are kept back; the digits come in no particular order.
        let (training, test) = Digits.load().split(at: 1437)
        return TrainingData(training: training, test: test, source: digits ? "embedded handwritten digits" : "embedded handwritten digits (Fashion-MNIST is not installed)")
    }

    private static func fashion(_ folder: String) throws -> TrainingData {
        TrainingData(
            training: try FashionMNIST.load(training: true, from: folder), test: try FashionMNIST.load(training: false, from: folder), source: "Fashion-MNIST in \(folder)")
    }
}
