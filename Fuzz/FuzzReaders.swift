// What libFuzzer calls. It is compiled together with TorchFormats' sources (see `make fuzz`), so that the readers are instrumented.
//
// An input is a file: its reader is found as `Checkpoint` finds it, everything is listed, and tensors are loaded. Texts and streams that no file format begins with
// have a tag of four bytes before them. Checksums are not compared (FUZZING), or no changed archive would get past them. A crash, a hang, or memory that the input's
// size does not justify is a bug; a thrown error is not.
import TorchTensor

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let input = [UInt8](UnsafeBufferPointer(start: start, count: count))
    do {
        switch String(decoding: input.prefix(4), as: UTF8.self) {
        case "JSON": _ = try JSON(parsing: Array(input.dropFirst(4))).text()
        case "GZIP": _ = try Inflate.gunzip(Array(input.dropFirst(4)), limit: 1 << 20)
        case "ZLIB": _ = try Inflate.zlib(Array(input.dropFirst(4)), limit: 1 << 20)
        case "DEFL": _ = try Inflate.raw(Array(input.dropFirst(4)), limit: 1 << 20)
        default: try open(input)
        }
    } catch {}
    return 0
}

/// Reads a file to the end.
private func open(_ input: [UInt8]) throws {
    let checkpoint = try Checkpoint(bytes: input)
    var budget = 64 << 20
    for (_, stored) in checkpoint.tensors {
        // A repeated element (stride 0) may stand for many; what is loaded is still small.
        budget -= stored.block.count * stored.dtype.itemSize
        guard budget > 0 else { break }
        guard let tensor = try? stored.load() else { continue }
        precondition(tensor.shape == stored.shape && tensor.dtype == stored.dtype)
        // The first and the last element, wherever the strides put them.
        if tensor.count > 0, tensor.count <= 1 << 16 { _ = tensor.withBytes { $0[0] ^ $0[$0.count - 1] } }
    }
    for (_, value) in checkpoint.metadata { if let t = value.tensor { _ = try? t.load() } }
}
