// Small grey pictures with class labels, in memory.
import Glibc
import TorchFormats
import TorchTensor

/// Grey pictures and their classes. A sample is a float32 picture (1, height, width), normalised, and an int64 label.
public struct PictureDataset: Dataset {
    /// What it is, for messages.
    public let name: String
    /// Names of the classes.
    public let classes: [String]
    public let height, width: Int
    /// Grey values 0 to 255, picture by picture, row by row.
    public let pixels: [UInt8]
    public let labels: [UInt8]
    /// Pictures are (value / 255 - mean) / deviation.
    public let mean, deviation: Float

    public init(name: String, classes: [String], height: Int, width: Int, pixels: [UInt8], labels: [UInt8], mean: Float, deviation: Float) {
        precondition(pixels.count == labels.count * height * width, "PictureDataset: \(pixels.count) pixels for \(labels.count) pictures of \(height) x \(width)")
        self.name = name
        self.classes = classes
        self.height = height
        self.width = width
        self.pixels = pixels
        self.labels = labels
        self.mean = mean
        self.deviation = deviation
    }

    public var count: Int { labels.count }

    public func item(_ index: Int) -> [Tensor] {
        let both = batch([index])
        return [both[0][0], both[1][0]]
    }

    public func batch(_ indices: [Int]) -> [Tensor] {
        let size = height * width
        var values = [Float](repeating: 0, count: indices.count * size)
        var target = [Int64](repeating: 0, count: indices.count)
        // One table instead of a division a pixel.
        let table = (0..<256).map { (Float($0) / 255 - mean) / deviation }
        for (row, index) in indices.enumerated() {
            target[row] = Int64(labels[index])
            for k in 0..<size { values[row * size + k] = table[Int(pixels[index * size + k])] }
        }
        return [Tensor(values, shape: [indices.count, 1, height, width]), Tensor(target)]
    }

    /// One picture's grey values.
    public func picture(_ index: Int) -> [UInt8] { Array(pixels[(index * height * width)..<((index + 1) * height * width)]) }

    /// The first `count` samples, and the rest.
    public func split(at count: Int) -> (PictureDataset, PictureDataset) {
        func part(_ range: Range<Int>) -> PictureDataset {
            PictureDataset(
                name: name, classes: classes, height: height, width: width, pixels: Array(pixels[(range.lowerBound * height * width)..<(range.upperBound * height * width)]),
                labels: Array(labels[range]), mean: mean, deviation: deviation)
        }
        return (part(0..<count), part(count..<self.count))
    }
}

/// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 60,000 and 10,000 pictures of clothes, 28 x 28, 10 classes.
public enum FashionMNIST {
    /// Where Debian's package `dataset-fashion-mnist` puts it.
    public static let debianFolder = "/usr/share/datasets/fashion-mnist"
    /// The classes, by label.
    public static let classes = ["T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]

    /// True if the four files are in `folder`.
    public static func isInstalled(in folder: String = debianFolder) -> Bool {
        ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"].allSatisfy { access("\(folder)/\($0)-ubyte.gz", R_OK) == 0 }
    }

    /// The training pictures, or the test pictures.
    public static func load(training: Bool, from folder: String = debianFolder) throws -> PictureDataset {
        let part = training ? "train" : "t10k"
        let pictures = try file("\(folder)/\(part)-images-idx3-ubyte.gz")
        let labels = try file("\(folder)/\(part)-labels-idx1-ubyte.gz")
        guard pictures.sizes.count == 3, labels.sizes.count == 1, pictures.sizes[0] == labels.sizes[0] else {
            throw DataFileError.damaged(path: folder, offset: 0, reason: "pictures \(pictures.sizes) and labels \(labels.sizes) do not belong together")
        }
        if let wrong = labels.bytes.firstIndex(where: { $0 >= classes.count }) {
            throw DataFileError.damaged(path: folder, offset: 8 + wrong, reason: "label \(labels.bytes[wrong]), expected 0 to \(classes.count - 1)")
        }
        return PictureDataset(
            name: "Fashion-MNIST", classes: classes, height: pictures.sizes[1], width: pictures.sizes[2], pixels: pictures.bytes, labels: labels.bytes, mean: 0.2860,
            deviation: 0.3530)
    }

    private static func file(_ path: String) throws -> IDXFile {
        let packed = try readFile(path)
        // 60,000 pictures unpack to 47 MB; anything beyond 200 MB is not this file.
        let data: [UInt8]
        do { data = try Inflate.gunzip(packed, limit: 200_000_000) } catch { throw DataFileError.damaged(path: path, offset: 0, reason: "\(error)") }
        return try IDXFile(data, path: path)
    }

    private static func readFile(_ path: String) throws(DataFileError) -> [UInt8] {
        func reason() -> String { String(cString: strerror(errno)) }
        let fd = open(path, O_RDONLY)
        guard fd >= 0 else { throw .unreadable(path: path, reason: reason()) }
        defer { close(fd) }
        var info = stat()
        guard fstat(fd, &info) == 0 else { throw .unreadable(path: path, reason: reason()) }
        var data = [UInt8](repeating: 0, count: Int(info.st_size))
        var done = 0
        while done < data.count {
            let n = data.withUnsafeMutableBytes { read(fd, $0.baseAddress! + done, $0.count - done) }
            if n == 0 { throw .damaged(path: path, offset: done, reason: "ends before its length of \(data.count) bytes") }
            if n < 0 {
                if errno == EINTR { continue }
                throw .unreadable(path: path, reason: reason())
            }
            done += n
        }
        return data
    }
}
