// Files of torch.save made in the tests, byte by byte.
import TorchFormats

/// Bytes of a text, one for each character below U+0100: `"\u{80}\u{2}N."` is a pickle.
func raw(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }

/// Little-endian bytes.
func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) } }

/// A text as `BINUNICODE`.
func unicode(_ text: String) -> [UInt8] { raw("X") + littleEndian(UInt32(text.utf8.count)) + Array(text.utf8) }

enum TorchFixture {
    static let start = raw("\u{80}\u{2}")

    /// A file in the format before 1.6 whose object is this pickle, from the first operation to before `STOP`.
    static func legacy(_ operations: [UInt8], storages: [(key: String, count: Int, bytes: [UInt8])] = [], littleEndian isLittle: Bool = true) -> [UInt8] {
        var file = start + [0x8a, 10] + [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19] + raw(".")
        file += start + raw("M\u{e9}\u{3}.")
        file += start + raw("}") + unicode("little_endian") + [isLittle ? 0x88 : 0x89] + raw("s.")
        file += start + operations + raw(".")
        file += start + raw("](") + storages.flatMap { unicode($0.key) } + raw("e.")
        for s in storages { file += littleEndian(Int64(s.count)) + s.bytes }
        return file
    }

    /// A float tensor over storage `key`: `sizes` and `strides` as they are, whatever they are.
    static func tensor(key: String = "0", storageClass: String = "FloatStorage", count: Int = 6, offset: Int = 0, sizes: [Int] = [2, 3], strides: [Int] = [3, 1], isZip: Bool = false) -> [UInt8] {
        var p = raw("ctorch._utils\n_rebuild_tensor_v2\n((") + unicode("storage") + raw("ctorch\n\(storageClass)\n") + unicode(key) + unicode("cpu") + int(count)
        p += raw(isZip ? "tQ" : "NtQ") + int(offset) + raw("(") + sizes.flatMap(int) + raw("t(") + strides.flatMap(int) + raw("t")
        return p + [0x89] + raw("ccollections\nOrderedDict\n)RtR")
    }

    static func int(_ value: Int) -> [UInt8] { Int32(exactly: value).map { raw("J") + littleEndian($0) } ?? [0x8a, 8] + littleEndian(Int64(value)) }

    static let floats: [UInt8] = (0..<6).flatMap { littleEndian(Float($0).bitPattern) }

    /// A zip archive of these records under `x/`, and `version`.
    static func archive(_ records: [(name: String, bytes: [UInt8])], version: String? = "3\n") throws -> [UInt8] {
        var result: [UInt8] = []
        try Fixtures.withFolder { folder in
            var zip = try ZipWriter(path: "\(folder)/a.pt")
            for r in records { try zip.entry("x/\(r.name)", r.bytes) }
            if let version { try zip.entry("x/version", Array(version.utf8)) }
            try zip.commit()
            result = try FileBytes.read(path: "\(folder)/a.pt")
        }
        return result
    }

    /// An archive with one tensor.
    static func archive(tensor: [UInt8], data: [UInt8] = floats, byteOrder: String = "little") throws -> [UInt8] {
        try archive([("data.pkl", start + tensor + raw(".")), ("byteorder", Array(byteOrder.utf8)), ("data/0", data)])
    }
}

/// A value as a short text.
func show(_ value: CheckpointValue) -> String {
    switch value {
    case .none: "None"
    case .bool(let b): b ? "True" : "False"
    case .int(let i): "\(i)"
    case .bigInt(let s): s
    case .double(let d): "\(d)"
    case .complex(let re, let im): "complex(\(re), \(im))"
    case .string(let s): "'\(s)'"
    case .bytes(let b): "bytes\(b)"
    case .tensor(let t): "tensor\(t.shape)"
    case .list(let items): "[\(items.map(show).joined(separator: ", "))]"
    case .tuple(let items): "(\(items.map(show).joined(separator: ", ")))"
    case .set(let items): "{\(items.map(show).joined(separator: ", "))}"
    case .dictionary(let pairs, let kind): "\(kind == .plain ? "" : "\(kind)"){\(pairs.map { "\(show($0.key)): \(show($0.value))" }.joined(separator: ", "))}"
    case .size(let s): "Size\(s)"
    case .dtype(let s): "dtype \(s)"
    case .global(let s): "global \(s)"
    case .device(let s): "device \(s)"
    case .object(let name, let state): "\(name)(\(show(state)))"
    case .sparse(let s): "sparse \(s.layout)"
    case .quantized(let q): "quantized \(q.typeName)"
    }
}
