// The first files of PyTorch: tar archives.

/// A tar archive of three files: `storages` (pickles of key, device and class, each with its elements), `tensors` (pickles with sizes and strides), `pickle` (the object).
enum TorchTarReader: CheckpointReader {
    private static let blockSize = 512

    static func recognizes(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= blockSize else { return false }
        return bytes[257..<262].elementsEqual("ustar".utf8) || ["storages", "tensors", "pickle", "sys_info"].contains(text(bytes, 0, 100))
    }

    static func read(_ file: FileBytes, path: String) throws(FormatError) -> Checkpoint {
        try file.withBytes { b throws(FormatError) in
            let members = try members(b)
            func reader(_ name: String) throws(FormatError) -> ByteReader {
                guard let range = members[name] else { throw FormatError(.malformed, "the tar archive has no file \"\(name)\"", expected: "an archive of PyTorch's first versions") }
                return ByteReader(UnsafeRawBufferPointer(rebasing: b[range]), base: range.lowerBound)
            }
            var machine = PickleMachine(fileSize: b.count, persistence: .numbered([:]))
            var places: [Int] = []
            var values: [String: PickleValue] = [:]
            var storages = try reader("storages")
            try readStorages(&storages, &machine, &places, &values)
            var tensors = try reader("tensors")
            try readTensors(&tensors, &machine, &values)

            var main = PickleMachine(fileSize: b.count, persistence: .numbered(values))
            (main.nodes, main.storages) = (machine.nodes, machine.storages)
            var pickle = try reader("pickle")
            let value = try main.run(&pickle)
            var resolver = PickleResolver(main) { storage throws(FormatError) in
                // The key of a storage is its place in the list.
                (.file(file, offset: places[Int(storage.key)!]), false)
            }
            let tree = try resolver.resolve(value)
            return Checkpoint(path: path, format: .torchTar, root: tree, metadata: resolver.metadata)
        }
    }

    // MARK: - Tar

    private static func members(_ bytes: UnsafeRawBufferPointer) throws(FormatError) -> [String: Range<Int>] {
        var members: [String: Range<Int>] = [:]
        var offset = 0
        while offset + blockSize <= bytes.count {
            let header = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + blockSize])
            if header.allSatisfy({ $0 == 0 }) { break }
            let sum = header.enumerated().reduce(0) { $0 + (148..<156 ~= $1.offset ? 32 : Int($1.element)) }
            guard number(header, 148, 8) == sum || CRC32.isIgnored else { throw FormatError(.malformed, offset: offset, "a tar header with a wrong checksum") }
            guard let size = number(header, 124, 12), size <= bytes.count - offset - blockSize else {
                throw FormatError(.malformed, offset: offset, "a file in the tar archive with a wrong size", expected: "at most the \(bytes.count - offset - blockSize) bytes that follow")
            }
            let start = offset + blockSize
            var name = text(header, 0, 100)
            if name.hasPrefix("./") { name.removeFirst(2) }
            // Only plain files.
            if header[156] == 0 || header[156] == UInt8(ascii: "0") { members[name] = start..<start + size }
            offset = start + (size + blockSize - 1) / blockSize * blockSize
        }
        return members
    }

    private static func text(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> String { String(decoding: bytes[start..<start + count].prefix { $0 != 0 }, as: UTF8.self) }

    /// An octal number.
    private static func number(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ count: Int) -> Int? {
        let digits = String(decoding: bytes[start..<start + count].drop { $0 == 32 }.prefix { $0 >= 0x30 && $0 <= 0x37 }, as: UTF8.self)
        return digits.isEmpty ? nil : Int(digits, radix: 8)
    }

    // MARK: - Storages and tensors

    private static func readStorages(_ reader: inout ByteReader, _ machine: inout PickleMachine, _ places: inout [Int], _ values: inout [String: PickleValue]) throws(FormatError) {
        guard case .int(let count) = try machine.run(&reader), count >= 0 else { throw FormatError(.malformed, offset: reader.offset, "no number of storages") }
        for _ in 0..<count {
            let place = reader.offset
            let facts = try machine.run(&reader)
            guard let parts = machine.items(facts), parts.count == 3, let key = key(parts[0], machine), let name = machine.globalName(parts[2]), let type = PickleGlobals.storageClass(name),
                let element = type.type
            else { throw FormatError(.malformed, offset: place, "a storage without key and class") }
            let elements = try reader.count(Int64.self, atMost: reader.remaining / element.blockByteCount, "the number of elements of a storage")
            let storage = PickleStorage(type: element, quantizedType: type.quantizedType, key: "\(places.count)", count: elements, offset: place)
            places.append(reader.offset)
            _ = try reader.take(elements * element.blockByteCount, "a storage")
            values[key] = .storage(try machine.storage(storage))
        }
        // Views of storages: (key, key of the whole, first element, number of elements).
        // Not in one expression: the machine that is asked would be the one from before the run.
        let list = try machine.run(&reader)
        guard let views = machine.items(list) else { throw FormatError(.malformed, offset: reader.offset, "no list of views") }
        guard views.isEmpty else { throw FormatError(.unsupported, offset: reader.offset, "storages that are parts of others") }
    }

    private static func readTensors(_ reader: inout ByteReader, _ machine: inout PickleMachine, _ values: inout [String: PickleValue]) throws(FormatError) {
        guard case .int(let count) = try machine.run(&reader), count >= 0 else { throw FormatError(.malformed, offset: reader.offset, "no number of tensors") }
        for _ in 0..<count {
            let place = reader.offset
            let facts = try machine.run(&reader)
            guard let parts = machine.items(facts), parts.count == 3, let key = key(parts[0], machine), let storageKey = Self.key(parts[1], machine), case .storage(let storage)? = values[storageKey]
            else {
                throw FormatError(.malformed, offset: place, "a tensor without key and storage")
            }
            let rank = try reader.count(Int32.self, atMost: 64, "the number of dims of a tensor")
            _ = try reader.take(4, "a tensor")
            var numbers: [Int] = []
            for _ in 0..<2 * rank + 1 { numbers.append(Int(try reader.integer(Int64.self, "sizes, strides and offset of a tensor"))) }
            guard let type = machine.storages[storage].type else { throw FormatError(.malformed, offset: place, "a tensor over a storage without a type") }
            values[key] = try machine.make(
                .tensor(PickleTensor(storage: storage, type: type, offset: numbers[2 * rank], shape: Array(numbers[..<rank]), strides: Array(numbers[rank..<2 * rank]), place: place)))
        }
    }

    private static func key(_ value: PickleValue, _ machine: PickleMachine) -> String? { if case .int(let i) = value { "\(i)" } else { machine.text(value) } }
}
