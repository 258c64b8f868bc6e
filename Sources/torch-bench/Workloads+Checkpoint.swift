// Workloads of files: 500 MB saved and loaded, page cache warm, nothing forced to the disk.
import Glibc
import Torch
import WorkloadData

extension Workloads {
    static var checkpoint: [Workload] {
        [CheckpointFormat.torch, .safetensors].flatMap { format in
            [
                Workload("ckpt_\(format.rawValue)_save", .gigabytes, heavy: true, work: 0.5) {
                    let folder = try TemporaryFolder()
                    let (tensors, path) = (checkpointTensors, "\(folder.path)/ck")
                    try format.save(tensors, path)
                    var facts = stat()
                    stat(path, &facts)
                    return Prepared(check: (Double(facts.st_size) / 1e5).rounded() / 10) { k in
                        withExtendedLifetime(folder) { Duration.of { for _ in 0..<k { complain { try format.save(tensors, path) } } } }
                    }
                },
                Workload("ckpt_\(format.rawValue)_load", .gigabytes, heavy: true, work: 0.5) {
                    let folder = try TemporaryFolder()
                    let path = "\(folder.path)/ck"
                    try format.save(checkpointTensors, path)
                    var target = (0..<125).map { _ in Tensor.zeros(1000, 1000) }
                    func load() throws {
                        let checkpoint = try Checkpoint(path: path)
                        for i in 0..<125 { try checkpoint["t\(i)"]!.load(into: &target[i]) }
                    }
                    try load()
                    return Prepared(check: checkValue(target[7])) { k in
                        withExtendedLifetime(folder) { Duration.of { for _ in 0..<k { complain(load) } } }
                    }
                },
            ]
        }
    }

    private static var checkpointTensors: [(name: String, tensor: Tensor)] { (0..<125).map { ("t\($0)", fill(4000 + $0, [1000, 1000])) } }

    /// A failure inside the timing ends the program: a time of nothing must not be printed.
    private static func complain(_ body: () throws -> Void) {
        do { try body() } catch { fatalError("\(error)") }
    }
}

/// The formats that are timed, by their names in the workloads.
private enum CheckpointFormat: String {
    case torch = "pt"
    case safetensors = "st"

    func save(_ tensors: [(name: String, tensor: Tensor)], _ path: String) throws {
        switch self {
        case .torch: try TorchFile.save(tensors, to: path, durable: false)
        case .safetensors: try Safetensors.save(tensors, to: path, durable: false)
        }
    }
}

/// A folder that goes when it is no longer used.
private final class TemporaryFolder {
    let path: String
    struct Failure: Error {}

    init() throws {
        var template = Array("\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/torch-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure() }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
    deinit {
        unlink("\(path)/ck")
        rmdir(path)
    }
}
