// .npy and .npz files as checkpoints.
import TorchTensor

/// One array in a file.
enum NumPyArrayReader: CheckpointReader {
    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: NumPyHeader.magic) }

    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint {
        let header = try file.withBytes { b throws(FormatError) in try NumPyHeader(b) }
        let value = try value(header, byteCount: file.count, offset: 0) { () throws(FormatError) in
            file
        } source: {
            .file(file, offset: header.dataOffset)
        }
        return Checkpoint(path: path, format: .npy, root: value, metadata: [("descr", .string(header.descriptor)), ("fortran_order", .bool(header.isFortranOrder))])
    }

    /// Texts of more characters than this in all are not read: they would take many times their bytes.
    private static let textLimit = 1 << 18

    /// The array of `byteCount` bytes behind a header, at byte `offset` of the file.
    static func value(
        _ header: NumPyHeader, byteCount: Int, offset: Int, bytes: () throws(FormatError) -> FileBytes, source: () -> StoredBlock.Source
    ) throws(FormatError) -> CheckpointValue {
        let count = try header.count(offset)
        let itemSize =
            switch header.element {
            case .number(let dtype, _): dtype.itemSize
            case .unicode(let count, _): 4 * count
            case .other(let what): throw FormatError(.unsupported, offset: offset, "an array of \(what)", expected: "numbers or truth values")
            }
        let (needed, overflow) = count.multipliedReportingOverflow(by: itemSize)
        guard !overflow, needed == byteCount - header.dataOffset else {
            throw FormatError(
                .malformed, offset: offset + header.dataOffset, "\(byteCount - header.dataOffset) bytes of elements",
                expected: "\(overflow ? "more than 64 bits can count" : "\(needed)") for shape \(header.shape) of '\(header.descriptor)'")
        }
        switch header.element {
        case .number(let dtype, let isBigEndian):
            let block = StoredBlock(.plain(dtype), count: count, byteCount: needed, isBigEndian: isBigEndian, source())
            guard header.isFortranOrder, header.shape.count > 1, count > 0 else { return .tensor(StoredTensor(block: block, shape: header.shape)) }
            // Column by column: the first index runs fastest.
            var strides: [Int] = []
            var step = 1
            for n in header.shape {
                strides.append(step)
                step *= n
            }
            return .tensor(try StoredTensor(block: block, offset: 0, shape: header.shape, strides: strides))
        case .unicode(let length, let isBigEndian):
            guard count <= textLimit, count * max(length, 1) <= textLimit, header.shape.count <= 8, !header.isFortranOrder || header.shape.count < 2 else {
                throw FormatError(.unsupported, offset: offset, "\(count) texts of \(length) characters", expected: "at most \(textLimit) characters in all")
            }
            return try bytes().withBytes { b throws(FormatError) in
                try texts(UnsafeRawBufferPointer(rebasing: b[header.dataOffset...]), header.shape[...], length, isBigEndian, offset + header.dataOffset)
            }
        case .other: preconditionFailure("thrown above")
        }
    }

    /// Texts as lists in lists, as the shape says.
    private static func texts(
        _ bytes: UnsafeRawBufferPointer, _ shape: ArraySlice<Int>, _ length: Int, _ isBigEndian: Bool, _ offset: Int
    ) throws(FormatError) -> CheckpointValue {
        guard let n = shape.first else {
            var scalars = String.UnicodeScalarView()
            var reader = ByteReader(bytes, base: offset)
            reader.isBigEndian = isBigEndian
            for _ in 0..<length {
                let code = try reader.integer(UInt32.self, "a character")
                guard let scalar = Unicode.Scalar(code) else { throw FormatError(.malformed, offset: offset, "character \(code) does not exist") }
                scalars.append(scalar)
            }
            while scalars.last?.value == 0 { scalars.removeLast() }
            return .string(String(scalars))
        }
        let size = n == 0 ? 0 : bytes.count / n
        var items: [CheckpointValue] = []
        for i in 0..<n {
            items.append(try texts(UnsafeRawBufferPointer(rebasing: bytes[i * size..<(i + 1) * size]), shape.dropFirst(), length, isBigEndian, offset + i * size))
        }
        return .list(items)
    }
}

/// Arrays in a zip archive, by name.
enum NumPyArchiveReader: CheckpointReader {
    /// A zip archive whose first entry is an array, or which is empty.
    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard ZipArchive.recognizes(bytes) else { return false }
        if bytes[2] == 5 { return true }
        guard bytes.count > 30 else { return false }
        let length = Int(bytes.loadUnaligned(fromByteOffset: 26, as: UInt16.self).littleEndian)
        return length >= 4 && bytes.count >= 30 + length && bytes[(30 + length - 4)..<30 + length].elementsEqual(".npy".utf8)
    }

    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint {
        let archive = try ZipArchive(file)
        var pairs: [CheckpointValue.Pair] = []
        var metadata: [(key: String, value: CheckpointValue)] = []
        for entry in archive.entries {
            guard entry.name.hasSuffix(".npy") else {
                metadata.append(("skipped: \(entry.name)", .string("not an array")))
                continue
            }
            let name = String(entry.name.dropLast(4))
            let value: CheckpointValue
            do throws(FormatError) { value = try self.value(entry, archive) } catch {
                // What NumPy can have and tensors can not is passed over, and said; what is broken is not.
                guard error.kind == .unsupported else { throw FormatError(error.kind, offset: error.offset, "array \"\(name)\": \(error.reason)", expected: error.expected) }
                metadata.append(("skipped: \(name)", .string(error.reason)))
                continue
            }
            pairs.append(.init(.string(name), value))
        }
        return Checkpoint(path: path, format: .npz, root: .dictionary(pairs, kind: .plain), metadata: metadata)
    }

    private static func value(_ entry: ZipEntry, _ archive: ZipArchive) throws(FormatError) -> CheckpointValue {
        // Nearly all headers have 128 bytes; the longest are a hundred times longer.
        let short = try archive.withPrefix(of: entry, 1024) { b throws(FormatError) in b.count < 1024 || NumPyHeader.fits(b) }
        let header = try archive.withPrefix(of: entry, short ? 1024 : NumPyHeader.limit + 12) { b throws(FormatError) in try NumPyHeader(b, base: entry.dataOffset) }
        let size = entry.byteCount - header.dataOffset
        return try NumPyArrayReader.value(header, byteCount: entry.byteCount, offset: entry.dataOffset) { () throws(FormatError) in
            try archive.bytes(of: entry)
        } source: {
            switch archive.source(of: entry) {
            case .file(let file, let offset): .file(file, offset: offset + header.dataOffset)
            case .checked(let file, let offset, let check): .checked(file, offset: offset + header.dataOffset, check)
            case .packed(let unpack): .packed { () throws(FormatError) in FileBytes(header.dataOffset..<header.dataOffset + size, of: try unpack()) }
            }
        }
    }
}
