// cuDNN: found once, built for the CUDA that NVRTC is of.
import CCUDA
import TorchRuntime

/// NVIDIA's convolutions, by cuDNN's graph API. Our own kernels serve where it is missing.
package final class DNNLibrary: @unchecked Sendable {
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
    package init(cudaMajor given: Int? = nil) throws(DeviceError) {
        let loaded = try CUDALibrary.dnn.load(cudaMajor: given, without: Self.without) { cc_load_dnn($0, $1).map { UnsafeRawPointer($0) } }
        (table, path) = (loaded.table.assumingMemoryBound(to: cc_dnn.self), loaded.path)
        let (number, cuda) = (table.pointee.cudnnGetVersion(), table.pointee.cudnnGetCudartVersion())
        version = "\(number / 10_000).\(number % 10_000 / 100)"
        guard number / 10_000 == 9, cuda / 1000 == loaded.cudaMajor else {
            throw CUDALibrary.dnn.isOfOtherVersion(path, version: "\(version) for CUDA \(cuda / 1000)", cudaMajor: loaded.cudaMajor, without: Self.without)
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

    /// True for an error by which cuDNN says, in one of its ways, that it has nothing for this.
    static func isLack(_ error: DeviceError) -> Bool {
        if case .cuda(_, let code, _, _, _) = error { code / 1000 * 1000 == CC_DNN_NOT_SUPPORTED } else { false }
    }
}
