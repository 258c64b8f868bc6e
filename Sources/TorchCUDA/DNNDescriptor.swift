// Descriptors of cuDNN's graph API.
import CCUDA
import TorchRuntime

/// A descriptor: attributes are set, then it is finalized and constant.
package final class DNNDescriptor {
    private let library: DNNLibrary
    let raw: cc_dnn_descriptor
    /// Descriptors that it was given: they live as long.
    private var parts: [DNNDescriptor] = []

    private init(empty library: DNNLibrary, _ kind: Int) throws(DeviceError) {
        var raw: cc_dnn_descriptor?
        try library.check(library.table.pointee.cudnnBackendCreateDescriptor(Int32(kind), &raw), "cudnnBackendCreateDescriptor")
        guard let raw else { throw .unavailable("cuDNN gave no descriptor of kind \(kind)") }
        (self.library, self.raw) = (library, raw)
    }

    /// A finalized descriptor. Attributes are numbers (addresses too), which are written as their type has them.
    convenience init(_ library: DNNLibrary, _ kind: Int, _ attributes: [(Int, type: Int, [Int])], parts: [(Int, DNNDescriptor)] = []) throws(DeviceError) {
        try self.init(empty: library, kind)
        for (attribute, type, numbers) in attributes { try set(attribute, type, numbers) }
        for (attribute, part) in parts {
            try set(attribute, CC_DNN_OF_DESCRIPTOR, [Int(bitPattern: part.raw)])
            self.parts.append(part)
        }
        try library.check(library.table.pointee.cudnnBackendFinalize(raw), "cudnnBackendFinalize")
    }

    deinit { _ = library.table.pointee.cudnnBackendDestroyDescriptor(raw) }

    /// Bytes of an element: addresses and int64 have 8, enums and floats 4.
    private static func width(_ type: Int) -> Int {
        switch type {
        case CC_DNN_OF_HANDLE, CC_DNN_OF_INT64, CC_DNN_OF_POINTER, CC_DNN_OF_DESCRIPTOR: 8
        case CC_DNN_OF_CHAR: 1
        default: 4
        }
    }

    private func set(_ attribute: Int, _ type: Int, _ numbers: [Int]) throws(DeviceError) {
        let width = Self.width(type)
        let status = withUnsafeTemporaryAllocation(byteCount: max(8, width * numbers.count), alignment: 8) { memory in
            for (i, n) in numbers.enumerated() {
                // The low bytes come first.
                withUnsafeBytes(of: type == CC_DNN_OF_FLOAT ? Int(Float(n).bitPattern) : n) { (memory.baseAddress! + i * width).copyMemory(from: $0.baseAddress!, byteCount: width) }
            }
            return library.table.pointee.cudnnBackendSetAttribute(raw, Int32(attribute), Int32(type), Int64(numbers.count), memory.baseAddress!)
        }
        try library.check(status, "cudnnBackendSetAttribute")
    }

    /// Numbers of an attribute, at most `most`.
    func numbers(_ attribute: Int, _ type: Int, most: Int) throws(DeviceError) -> [Int] {
        let width = Self.width(type)
        var numbers = [Int](repeating: 0, count: most)
        var count: Int64 = 0
        let status = withUnsafeTemporaryAllocation(byteCount: width * most, alignment: 8) { memory in
            let status = library.table.pointee.cudnnBackendGetAttribute(raw, Int32(attribute), Int32(type), Int64(most), &count, memory.baseAddress!)
            if status == CC_DNN_SUCCESS {
                for i in 0..<min(most, Int(count)) { numbers[i] = width == 8 ? Int(memory.load(fromByteOffset: 8 * i, as: Int64.self)) : Int(memory.load(fromByteOffset: 4 * i, as: Int32.self)) }
            }
            return status
        }
        try library.check(status, "cudnnBackendGetAttribute")
        return Array(numbers.prefix(Int(count)))
    }

    /// Descriptors of an attribute, as many as there are: cuDNN fills those that it is given.
    func parts(_ attribute: Int, kind: Int) throws(DeviceError) -> [DNNDescriptor] {
        var count: Int64 = 0
        let get = library.table.pointee.cudnnBackendGetAttribute
        try library.check(get(raw, Int32(attribute), Int32(CC_DNN_OF_DESCRIPTOR), 0, &count, nil), "cudnnBackendGetAttribute")
        var all: [DNNDescriptor] = []
        for _ in 0..<count { all.append(try DNNDescriptor(empty: library, kind)) }
        if all.isEmpty { return [] }
        var raws = all.map(\.raw)
        try library.check(get(raw, Int32(attribute), Int32(CC_DNN_OF_DESCRIPTOR), count, &count, &raws), "cudnnBackendGetAttribute")
        return Array(all.prefix(Int(count)))
    }
}
