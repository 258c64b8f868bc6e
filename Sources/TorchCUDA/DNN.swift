// cuDNN: found once, built for the CUDA that NVRTC is of.
import CCUDA
import TorchRuntime

/// NVIDIA's convolutions, by cuDNN's graph API. Our own kernels serve where it is missing.
final class DNNLibrary: @unchecked Sendable {
    // @unchecked: the table is filled before the object exists and never changes.
    let table: UnsafePointer<cc_dnn>
    let path: String
    /// E.g. 9.19.
    let version: String
    static let without = "our own kernels convolve"

    /// The library that fits NVRTC, or why there is none.
    static let shared: Result<DNNLibrary, DeviceError> = {
        do throws(DeviceError) { return .success(try DNNLibrary()) } catch { return .failure(error) }
    }()

    /// The library for a CUDA; with `cudaMajor` no driver is asked: descriptors and plans can be made without a device.
    init(cudaMajor given: Int? = nil) throws(DeviceError) {
        let cudaMajor: Int
        (table, path, cudaMajor) = try CUDALibrary.dnn.load(cudaMajor: given, cc_load_dnn, without: Self.without)
        let (number, cuda) = (table.pointee.cudnnGetVersion(), table.pointee.cudnnGetCudartVersion())
        version = "\(number / 10_000).\(number % 10_000 / 100)"
        guard number / 10_000 == 9, cuda / 1000 == cudaMajor else {
            throw CUDALibrary.dnn.isOfOtherVersion(path, version: "\(version) for CUDA \(cuda / 1000)", cudaMajor: cudaMajor, without: Self.without)
        }
    }

    // MARK: Errors

    func check(_ status: Int32, _ call: StaticString) throws(DeviceError) {
        if status != CC_DNN_SUCCESS { throw error(status, call) }
    }

    /// What a status says, with the words that cuDNN keeps for this thread's last error.
    func error(_ status: Int32, _ call: StaticString) -> DeviceError {
        let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
            buffer[0] = 0
            table.pointee.cudnnGetLastErrorString(buffer.baseAddress!, buffer.count)
            return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return .cuda(
            call: "\(call)", code: Int(status), name: String(cString: table.pointee.cudnnGetErrorString(status)), text: text,
            remedy: "SWIFT_TORCH_CUDNN=none convolves by swift-torch's own kernels; CUDA.libraries says which cuDNN is in use")
    }
}

/// A descriptor of cuDNN's graph API. Attributes are set, then it is finalized and constant.
final class DNNDescriptor {
    let library: DNNLibrary
    let raw: cc_dnn_descriptor
    /// Descriptors that it was given: they live as long.
    private var parts: [DNNDescriptor] = []

    init(_ library: DNNLibrary, _ kind: Int) throws(DeviceError) {
        var raw: cc_dnn_descriptor?
        try library.check(library.table.pointee.cudnnBackendCreateDescriptor(Int32(kind), &raw), "cudnnBackendCreateDescriptor")
        guard let raw else { throw .unavailable("cuDNN gave no descriptor of kind \(kind)") }
        self.library = library
        self.raw = raw
    }

    deinit { _ = library.table.pointee.cudnnBackendDestroyDescriptor(raw) }

    /// `Element` is what cuDNN stores for the type: Int32 for enums, Int64, Float, pointers.
    func set<Element>(_ attribute: Int, _ type: Int, _ elements: [Element]) throws(DeviceError) {
        let status = elements.withUnsafeBytes {
            library.table.pointee.cudnnBackendSetAttribute(raw, Int32(attribute), Int32(type), Int64(elements.count), $0.baseAddress!)
        }
        try library.check(status, "cudnnBackendSetAttribute")
    }

    func set(_ attribute: Int, _ number: Int) throws(DeviceError) { try set(attribute, CC_DNN_OF_INT64, [Int64(number)]) }
    func set(_ attribute: Int, _ numbers: Dims) throws(DeviceError) { try set(attribute, CC_DNN_OF_INT64, numbers.map { Int64($0) }) }

    func set(_ attribute: Int, _ part: DNNDescriptor) throws(DeviceError) {
        try set(attribute, CC_DNN_OF_DESCRIPTOR, [part.raw])
        parts.append(part)
    }

    func finalize() throws(DeviceError) { try library.check(library.table.pointee.cudnnBackendFinalize(raw), "cudnnBackendFinalize") }

    /// Elements of an attribute, at most `most`.
    func get<Element>(_ attribute: Int, _ type: Int, most: Int, _ none: Element) throws(DeviceError) -> [Element] {
        var count: Int64 = 0
        var elements = [Element](repeating: none, count: most)
        let status = elements.withUnsafeMutableBytes {
            library.table.pointee.cudnnBackendGetAttribute(raw, Int32(attribute), Int32(type), Int64(most), &count, $0.baseAddress!)
        }
        try library.check(status, "cudnnBackendGetAttribute")
        return Array(elements.prefix(max(0, Int(count))))
    }

    /// Descriptors of an attribute, as many as there are: cuDNN fills those that it is given.
    func get(_ attribute: Int, kind: Int) throws(DeviceError) -> [DNNDescriptor] {
        var count: Int64 = 0
        let api = library.table.pointee
        try library.check(api.cudnnBackendGetAttribute(raw, Int32(attribute), Int32(CC_DNN_OF_DESCRIPTOR), 0, &count, nil), "cudnnBackendGetAttribute")
        var all: [DNNDescriptor] = []
        for _ in 0..<max(0, count) { all.append(try DNNDescriptor(library, kind)) }
        if all.isEmpty { return [] }
        var raws = all.map(\.raw)
        let status = raws.withUnsafeMutableBytes {
            api.cudnnBackendGetAttribute(raw, Int32(attribute), Int32(CC_DNN_OF_DESCRIPTOR), Int64(all.count), &count, $0.baseAddress!)
        }
        try library.check(status, "cudnnBackendGetAttribute")
        return Array(all.prefix(max(0, Int(count))))
    }
}
