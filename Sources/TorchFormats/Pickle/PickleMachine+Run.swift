// The operations.

extension PickleMachine {
    /// Runs from the reader's position to `STOP` and returns the value.
    mutating func run(_ reader: inout ByteReader) throws(FormatError) -> PickleValue {
        while true {
            place = reader.offset
            let code = try reader.integer(UInt8.self, "pickle: the next operation")
            if code == UInt8(ascii: ".") { return try finish() }
            if code < 0x80 { try runText(code, &reader) } else { try runBinary(code, &reader) }
        }
    }

    // MARK: - Protocols 0 and 1

    private mutating func runText(_ code: UInt8, _ reader: inout ByteReader) throws(FormatError) {
        switch UnicodeScalar(code) {
        case "(": try mark()
        case "0": try discard()
        case "1": _ = try popMark()
        case "2": try push(top())
        case "N": try push(.none)
        // Numbers.
        case "K": try push(.int(Int(reader.integer(UInt8.self, "a number"))))
        case "M": try push(.int(Int(reader.integer(UInt16.self, "a number"))))
        case "J": try push(.int(Int(reader.integer(Int32.self, "a number"))))
        case "I":
            let line = try textLine(&reader)
            if line == "00" || line == "01" { return try push(.bool(line == "01")) }
            try push(number(Substring(line)))
        case "L":
            var line = try Substring(textLine(&reader))
            if line.last == "L" { line.removeLast() }
            try push(number(line))
        case "F":
            let line = try textLine(&reader)
            guard let d = Double(line) else { throw malformed("\"\(line.prefix(40))\" is no float") }
            try push(.double(d))
        case "G":
            reader.isBigEndian = true
            defer { reader.isBigEndian = false }
            try push(.double(reader.double("a float")))
        // Texts and bytes.
        case "S":
            let line = try reader.line("a text")
            guard line.count >= 2, let q = line.first, q == line.last, q == UInt8(ascii: "'") || q == UInt8(ascii: "\"") else { throw malformed("a text without quotes") }
            try push(bytesOrText(unescaped(UnsafeRawBufferPointer(rebasing: line[1..<line.count - 1]))))
        case "T":
            let n = try length(Int32.self, &reader)
            try push(bytesOrText([UInt8](reader.take(n, "a text"))))
        case "U":
            let n = try length(UInt8.self, &reader)
            try push(bytesOrText([UInt8](reader.take(n, "a text"))))
        case "V": try push(.string(rawUnicode(reader.line("a text"))))
        case "X": try push(text(length(UInt32.self, &reader), &reader))
        case "B": try push(bytes(length(UInt32.self, &reader), &reader))
        case "C": try push(bytes(length(UInt8.self, &reader), &reader))
        // Containers.
        case ")": try push(makeTuple([]))
        case "t": try push(make(.tuple(popMark())))
        case "]": try push(make(.list([])))
        case "l": try push(make(.list(popMark())))
        case "}": try push(make(.dictionary([], .plain, attributes: nil)))
        case "d":
            let items = try popMark()
            let d = try make(.dictionary([], .plain, attributes: nil))
            try set(items, in: d)
            try push(d)
        case "a":
            let item = try pop()
            try append([item], to: top())
        case "e":
            let items = try popMark()
            try append(items, to: top())
        case "s":
            let value = try pop()
            let key = try pop()
            try set([key, value], in: top())
        case "u":
            let items = try popMark()
            try set(items, in: top())
        // Memo.
        case "p": try remember(memoIndex(&reader))
        case "q": try remember(Int(reader.integer(UInt8.self, "a memo index")))
        case "r": try remember(Int(reader.integer(UInt32.self, "a memo index")))
        case "g": try push(recall(memoIndex(&reader)))
        case "h": try push(recall(Int(reader.integer(UInt8.self, "a memo index"))))
        case "j": try push(recall(Int(reader.integer(UInt32.self, "a memo index"))))
        // Names, objects, calls.
        case "c":
            let module = try textLine(&reader)
            try push(global(module: module, name: textLine(&reader)))
        case "i":
            let module = try textLine(&reader)
            let cls = try global(module: module, name: textLine(&reader))
            let arguments = try popMark()
            try push(instantiate(cls, arguments))
        case "o":
            let items = try popMark()
            guard let cls = items.first else { throw malformed("OBJ without a class") }
            try push(instantiate(cls, Array(items.dropFirst())))
        case "R":
            let arguments = try pop()
            let function = try pop()
            guard let items = items(arguments) else { throw malformed("a call with \(kind(arguments))", expected: "a tuple of arguments") }
            try push(call(function, items))
        case "b":
            let state = try pop()
            try build(top(), state)
        case "Q": try push(persistent(pop()))
        case "P":
            let id = try textLine(&reader)
            guard case .numbered = persistence else { throw malformed("the persistent identifier \"\(id.prefix(40))\" is a text", expected: "a tuple") }
            try push(persistent(.string(id)))
        default: throw malformed("unknown operation 0x\(String(code, radix: 16))")
        }
    }

    // MARK: - Protocols 2 to 5

    private mutating func runBinary(_ code: UInt8, _ reader: inout ByteReader) throws(FormatError) {
        switch code {
        case 0x80:
            let version = try reader.integer(UInt8.self, "the protocol")
            guard version <= 5 else { throw unsupported("protocol \(version)", expected: "0 to 5") }
        case 0x81:
            let arguments = try pop()
            let cls = try pop()
            guard let items = items(arguments) else { throw malformed("a class with \(kind(arguments))", expected: "a tuple of arguments") }
            try push(newObject(cls, items))
        case 0x82, 0x83, 0x84: throw unsupported("a code of the extension registry")
        case 0x85:
            let a = try pop()
            try push(makeTuple([a]))
        case 0x86:
            let (b, a) = (try pop(), try pop())
            try push(makeTuple([a, b]))
        case 0x87:
            let (c, b, a) = (try pop(), try pop(), try pop())
            try push(makeTuple([a, b, c]))
        case 0x88: try push(.bool(true))
        case 0x89: try push(.bool(false))
        case 0x8a: try push(long(Int(reader.integer(UInt8.self, "a length")), &reader))
        case 0x8b: try push(long(length(Int32.self, &reader), &reader))
        case 0x8c: try push(text(length(UInt8.self, &reader), &reader))
        case 0x8d: try push(text(length(UInt64.self, &reader), &reader))
        case 0x8e, 0x96: try push(bytes(length(UInt64.self, &reader), &reader))
        case 0x8f: try push(make(.set([])))
        case 0x90:
            let items = try popMark()
            guard case .node(let i) = try top(), case .set(var old) = nodes[i] else { throw malformed("adds to \(kind(try top()))", expected: "a set") }
            for item in items { try checkKey(item) }
            nodes[i] = .set([])
            old.append(contentsOf: items)
            nodes[i] = .set(old)
        case 0x91:
            let items = try popMark()
            for item in items { try checkKey(item) }
            try push(make(.set(items)))
        case 0x92:
            let keywords = try pop()
            let arguments = try pop()
            let cls = try pop()
            guard let items = items(arguments) else { throw malformed("a class with \(kind(arguments))", expected: "a tuple of arguments") }
            guard case .dictionary(let pairs, _, _) = node(keywords) else { throw malformed("a class with \(kind(keywords))", expected: "a dictionary of keywords") }
            try push(newObject(cls, pairs.isEmpty ? items : items + [keywords]))
        case 0x93:
            let (name, module) = (try pop(), try pop())
            guard case .string(let n) = name, case .string(let m) = module else { throw malformed("a name that is \(kind(name)) of \(kind(module))", expected: "two texts") }
            try push(global(module: m, name: n))
        case 0x94: try rememberNext()
        case 0x95:
            let n = try reader.integer(UInt64.self, "a frame's length")
            guard n <= UInt64(reader.remaining) else { throw malformed("a frame of \(n) bytes", expected: "at most the \(reader.remaining) that follow") }
        case 0x97, 0x98: throw unsupported("a buffer outside the pickle")
        default: throw malformed("unknown operation 0x\(String(code, radix: 16))")
        }
    }

    // MARK: - Operands

    private func length<T: FixedWidthInteger>(_ type: T.Type, _ reader: inout ByteReader) throws(FormatError) -> Int {
        let n = try reader.integer(T.self, "a length")
        guard n >= 0, n <= reader.remaining else { throw malformed("a length of \(n)", expected: "at most the \(reader.remaining) bytes that follow") }
        return Int(n)
    }

    private mutating func text(_ count: Int, _ reader: inout ByteReader) throws(FormatError) -> PickleValue {
        if count > 15 { try charge(count + 48) }
        return .string(try reader.text(count, "pickle: a text"))
    }

    private mutating func bytes(_ count: Int, _ reader: inout ByteReader) throws(FormatError) -> PickleValue {
        try charge(count + 48)
        return .bytes([UInt8](try reader.take(count, "bytes")))
    }

    private mutating func long(_ count: Int, _ reader: inout ByteReader) throws(FormatError) -> PickleValue {
        guard count <= PickleInteger.byteLimit else { throw unsupported("a whole number of \(count) bytes", expected: "at most \(PickleInteger.byteLimit)") }
        // Its digits.
        if count > 8 { try charge(3 * count + 48) }
        return PickleInteger.value(try reader.take(count, "a whole number"))
    }

    private mutating func number(_ text: Substring) throws(FormatError) -> PickleValue {
        if text.utf8.count > 15 { try charge(text.utf8.count + 48) }
        guard let n = PickleInteger.number(text) else { throw malformed("\"\(text.prefix(40))\" is no whole number of reasonable length") }
        return n
    }

    private mutating func textLine(_ reader: inout ByteReader) throws(FormatError) -> String {
        let line = try reader.line("a line")
        guard line.count <= 1 << 16, let s = String(validating: line, as: UTF8.self) else { throw malformed("a name or number that is no text") }
        return s
    }

    private mutating func memoIndex(_ reader: inout ByteReader) throws(FormatError) -> Int {
        let line = try textLine(&reader)
        guard let i = Int(line), i >= 0 else { throw malformed("\"\(line.prefix(40))\" is no memo index") }
        return i
    }

    /// Texts of Python 2 are bytes that were meant as texts, or not.
    private mutating func bytesOrText(_ bytes: [UInt8]) throws(FormatError) -> PickleValue {
        try charge(bytes.count + 48)
        return String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(bytes)
    }

    /// A Python literal's escapes undone.
    private func unescaped(_ raw: UnsafeRawBufferPointer) throws(FormatError) -> [UInt8] {
        var out: [UInt8] = []
        var i = 0
        while i < raw.count {
            guard raw[i] == UInt8(ascii: "\\"), i + 1 < raw.count else {
                out.append(raw[i])
                i += 1
                continue
            }
            i += 2
            switch UnicodeScalar(raw[i - 1]) {
            case "n": out.append(10)
            case "t": out.append(9)
            case "r": out.append(13)
            case "x":
                guard i + 2 <= raw.count, let v = UInt8(String(decoding: raw[i..<i + 2], as: UTF8.self), radix: 16) else { throw malformed("a text with a broken escape") }
                out.append(v)
                i += 2
            default: out.append(raw[i - 1])
            }
        }
        return out
    }

    /// `raw-unicode-escape`: Latin-1 with \u and \U escapes.
    private mutating func rawUnicode(_ raw: UnsafeRawBufferPointer) throws(FormatError) -> String {
        try charge(2 * raw.count + 48)
        var out = String.UnicodeScalarView()
        var i = 0
        while i < raw.count {
            let width = raw[i] == UInt8(ascii: "\\") && i + 1 < raw.count ? (raw[i + 1] == UInt8(ascii: "u") ? 4 : raw[i + 1] == UInt8(ascii: "U") ? 8 : 0) : 0
            if width == 0 {
                out.append(UnicodeScalar(raw[i]))
                i += 1
                continue
            }
            guard i + 2 + width <= raw.count, let v = UInt32(String(decoding: raw[i + 2..<i + 2 + width], as: UTF8.self), radix: 16), let u = UnicodeScalar(v) else {
                throw malformed("a text with a broken escape")
            }
            out.append(u)
            i += 2 + width
        }
        return String(out)
    }
}
