// The text at the start of an .npy file.
import TorchTensor

/// What an .npy header says of the array behind it.
struct NumPyHeader {
    /// The elements.
    enum Element: Equatable {
        case number(DType, isBigEndian: Bool)
        /// Texts of `count` characters of 32 bits, shorter ones padded with zeros.
        case unicode(count: Int, isBigEndian: Bool)
        /// Anything else, with what it is.
        case other(String)
    }

    let element: Element
    /// As written, for messages.
    let descriptor: String
    let isFortranOrder: Bool
    let shape: [Int]
    /// First byte of the elements, counted from the array's first byte.
    let dataOffset: Int

    static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    /// Longest header that is read, far beyond what 64 dims need.
    static let limit = 1 << 16

    /// Reads the header at the start of `bytes`; `base` is added to the offsets in errors.
    init(_ bytes: UnsafeRawBufferPointer, base: Int = 0) throws(FormatError) {
        var reader = ByteReader(bytes, base: base)
        guard try reader.take(6, "the magic").elementsEqual(Self.magic) else { throw FormatError(.malformed, offset: base, "does not begin as an .npy file") }
        let (major, minor) = (try reader.integer(UInt8.self, "the version"), try reader.integer(UInt8.self, "the version"))
        guard (1...3).contains(major), minor == 0 else { throw FormatError(.unsupported, offset: base + 6, "version \(major).\(minor) of the .npy format", expected: "1.0, 2.0 or 3.0") }
        let what = "the header's length"
        let length = major == 1 ? try reader.count(UInt16.self, atMost: Self.limit, what) : try reader.count(UInt32.self, atMost: Self.limit, what)
        let start = reader.offset
        let text = try reader.take(length, "the header")
        dataOffset = reader.position
        func bad(_ reason: String, _ expected: String = "") -> FormatError { FormatError(.malformed, offset: start, reason, expected: expected) }

        guard case .dictionary(let members) = try PythonLiteral(text, base: start) else { throw bad("the header is not a dictionary") }
        var found: [String: PythonLiteral] = [:]
        for (key, value) in members {
            guard case .string(let name) = key, found.updateValue(value, forKey: name) == nil else { throw bad("the header's keys are not different texts") }
        }
        guard let descr = found["descr"], let order = found["fortran_order"], let sizes = found["shape"], found.count == 3 else {
            throw bad("the header has the keys \(found.keys.sorted().joined(separator: ", "))", "descr, fortran_order, shape")
        }
        guard case .bool(let isFortranOrder) = order else { throw bad("fortran_order is neither True nor False") }
        guard case .tuple(let items) = sizes else { throw bad("the shape is not a tuple") }
        guard items.count <= 64 else { throw bad("\(items.count) dims", "at most 64") }
        var shape: [Int] = []
        for item in items {
            guard case .int(let n) = item, n >= 0 else { throw bad("a size in the shape is not a whole number from 0") }
            shape.append(n)
        }
        self.isFortranOrder = isFortranOrder
        self.shape = shape
        switch descr {
        case .string(let s):
            descriptor = s
            guard let e = Self.element(s) else { throw bad("unknown element type '\(s.prefix(40))'") }
            element = e
        case .list, .tuple:
            descriptor = "structured"
            element = .other("records of several fields")
        default: throw bad("descr is neither a text nor a list")
        }
    }

    /// True if the header that begins these bytes ends within them.
    static func fits(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 12 else { return false }
        return 12 + Int(bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self).littleEndian) <= bytes.count && (bytes[6] == 1 || bytes[10] == 0 && bytes[11] == 0)
    }

    /// The element type of a descriptor such as `<f4`.
    private static func element(_ descriptor: String) -> Element? {
        var s = Substring(descriptor)
        let order = s.first.flatMap { "<>|=".contains($0) ? $0 : nil }
        if order != nil { s = s.dropFirst() }
        let isBigEndian = order == ">"
        let digits = s.dropFirst()
        guard let kind = s.first, digits.utf8.allSatisfy({ $0 >= 48 && $0 < 58 }), digits.count <= 9 else {
            // Dates have a unit in brackets.
            return s.first == "M" || s.first == "m" ? .other("dates") : nil
        }
        let size = Int(digits)
        switch (kind, size) {
        case ("b", 1), ("?", nil): return .number(.bool, isBigEndian: false)
        case ("i", 1): return .number(.int8, isBigEndian: false)
        case ("i", 2): return .number(.int16, isBigEndian: isBigEndian)
        case ("i", 4): return .number(.int32, isBigEndian: isBigEndian)
        case ("i", 8): return .number(.int64, isBigEndian: isBigEndian)
        case ("u", 1): return .number(.uint8, isBigEndian: false)
        case ("u", 2): return .number(.uint16, isBigEndian: isBigEndian)
        case ("u", 4): return .number(.uint32, isBigEndian: isBigEndian)
        case ("u", 8): return .number(.uint64, isBigEndian: isBigEndian)
        case ("f", 2): return .number(.float16, isBigEndian: isBigEndian)
        case ("f", 4): return .number(.float32, isBigEndian: isBigEndian)
        case ("f", 8): return .number(.float64, isBigEndian: isBigEndian)
        case ("c", 8): return .number(.complex64, isBigEndian: isBigEndian)
        case ("c", 16): return .number(.complex128, isBigEndian: isBigEndian)
        case ("f", 12), ("f", 16), ("c", 24), ("c", 32): return .other("extended floats, which differ between machines")
        case ("U", let n?): return .unicode(count: n, isBigEndian: isBigEndian)
        case ("S", _?), ("a", _?): return .other("byte strings")
        case ("V", _?): return .other("raw bytes")
        case ("O", _): return .other("Python objects, which are a pickle that could run code")
        case ("M", _?), ("m", _?): return .other("dates")
        default: return nil
        }
    }

    /// Number of elements; throws if 64 bits can not count them.
    func count(_ offset: Int) throws(FormatError) -> Int {
        var count = 1
        for n in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: n)
            guard !overflow else { throw FormatError(.malformed, offset: offset, "shape \(shape) has more elements than 64 bits can count") }
            count = product
        }
        return count
    }
}
