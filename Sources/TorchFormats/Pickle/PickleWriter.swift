// Writing pickles of protocol 2, in the operations that PyTorch's restricted loader knows.

/// Bytes of a pickle, operation by operation.
struct PickleWriter {
    private(set) var bytes: [UInt8] = [0x80, 2]
    /// Places in the memo of names and texts that come again and again.
    private var memo: [String: Int] = [:]

    /// The pickle's end.
    mutating func stop() { bytes.append(UInt8(ascii: ".")) }

    private mutating func number<T: FixedWidthInteger>(_ value: T) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    private mutating func code(_ c: UnicodeScalar) { bytes.append(UInt8(ascii: c)) }

    // MARK: - Plain values

    mutating func none() { code("N") }
    mutating func bool(_ b: Bool) { bytes.append(b ? 0x88 : 0x89) }

    mutating func int(_ value: Int) {
        if let v = UInt8(exactly: value) {
            code("K")
            number(v)
        } else if let v = UInt16(exactly: value) {
            code("M")
            number(v)
        } else if let v = Int32(exactly: value) {
            code("J")
            number(v)
        } else {
            bytes += [0x8a, 8]
            number(Int64(value))
        }
    }

    /// A number of any length; false if `digits` is none, or has more than 255 bytes.
    mutating func bigInt(_ digits: String) -> Bool {
        guard let b = PickleInteger.bytes(digits), b.count <= 255 else { return false }
        bytes += [0x8a, UInt8(b.count)]
        bytes += b
        return true
    }

    mutating func double(_ value: Double) {
        code("G")
        number(value.bitPattern.byteSwapped)
    }

    mutating func string(_ text: String) {
        code("X")
        number(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// A text that is kept in the memo.
    mutating func repeatedString(_ text: String) { remembered("s\(text)") { $0.string(text) } }

    /// Python 3's bytes in protocol 2: a Latin-1 text to be encoded.
    mutating func bytes(_ raw: [UInt8]) {
        global("_codecs", "encode")
        string(String(String.UnicodeScalarView(raw.map { UnicodeScalar($0) })))
        repeatedString("latin1")
        tuple2()
        reduce()
    }

    mutating func global(_ module: String, _ name: String) {
        remembered("g\(module)\n\(name)") { w in
            w.code("c")
            w.bytes.append(contentsOf: "\(module)\n\(name)\n".utf8)
        }
    }

    /// Writes once, then recalls.
    private mutating func remembered(_ key: String, _ write: (inout PickleWriter) -> Void) {
        if let place = memo[key] {
            code(place < 256 ? "h" : "j")
            if place < 256 { number(UInt8(place)) } else { number(UInt32(place)) }
            return
        }
        write(&self)
        let place = memo.count
        memo[key] = place
        code(place < 256 ? "q" : "r")
        if place < 256 { number(UInt8(place)) } else { number(UInt32(place)) }
    }

    // MARK: - Containers and calls

    mutating func emptyTuple() { code(")") }
    mutating func emptyList() { code("]") }
    mutating func emptyDictionary() { code("}") }
    mutating func mark() { code("(") }
    /// The values since the mark.
    mutating func tuple() { code("t") }
    mutating func tuple1() { bytes.append(0x85) }
    mutating func tuple2() { bytes.append(0x86) }
    mutating func tuple3() { bytes.append(0x87) }
    /// Appends the values since the mark to the list below it.
    mutating func appends() { code("e") }
    /// Sets the keys and values since the mark in the dictionary below it.
    mutating func setItems() { code("u") }
    mutating func reduce() { code("R") }
    mutating func build() { code("b") }
    mutating func persistent() { code("Q") }

    /// A tuple of whole numbers.
    mutating func tuple(_ values: [Int]) {
        if values.isEmpty { return emptyTuple() }
        if values.count > 3 { mark() }
        for v in values { int(v) }
        switch values.count {
        case 1: tuple1()
        case 2: tuple2()
        case 3: tuple3()
        default: tuple()
        }
    }
}
