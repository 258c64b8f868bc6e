// Where the test files are, files that live as long as a test, and repeatable bytes for fuzzing.
import Glibc
import TorchFormats

enum Fixtures {
    static let folder = String(#filePath.dropLast("Fixtures.swift".count)) + "Fixtures/"

    static func names(in sub: String = "", suffix: String) -> [String] {
        guard let dir = opendir(folder + sub) else { return [] }
        defer { closedir(dir) }
        var names: [String] = []
        while let entry = readdir(dir) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name.hasSuffix(suffix) { names.append(name) }
        }
        return names.sorted()
    }

    static func bytes(_ name: String) throws -> [UInt8] { try FileBytes.read(path: folder + name) }

    /// Runs `body` with the path of a fresh folder and removes it with its files afterwards.
    static func withFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/swift-torch-tests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FormatError(.system, "no temporary folder") }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            for name in contents(of: path) { unlink("\(path)/\(name)") }
            rmdir(path)
        }
        try body(path)
    }

    static func contents(of path: String) -> [String] {
        guard let dir = opendir(path) else { return [] }
        defer { closedir(dir) }
        var names: [String] = []
        while let entry = readdir(dir) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}

/// A small generator with a fixed sequence.
struct Sequence32 {
    var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state >> 33) % bound
    }
    /// `bytes` with up to four bytes changed, or cut, or doubled in part.
    mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var b = bytes
        for _ in 0...next(4) where !b.isEmpty {
            switch next(5) {
            case 0: b.removeLast(next(b.count) + 1)
            case 1: b.insert(UInt8(next(256)), at: next(b.count))
            case 2: b.remove(at: next(b.count))
            default: b[next(b.count)] = UInt8(next(256))
            }
        }
        return b
    }
}

extension Fixtures {
    /// The fuzzer's seeds: a small file of every format.
    static let seeds = String(folder.dropLast("Tests/TorchFormatsTests/Fixtures/".count)) + "Fuzz/Seeds/"

    static func seed(_ name: String) throws -> [UInt8] { try FileBytes.read(path: seeds + name) }
}

/// Bytes put together from numbers and texts, least significant byte first.
struct ByteBuilder {
    var bytes: [UInt8] = []
    init() {}
    mutating func put<each T: FixedWidthInteger>(_ values: repeat each T) {
        for value in repeat each values { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }
    }
    mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }
    mutating func put(_ more: [UInt8]) { bytes.append(contentsOf: more) }
}

/// Where a value is in bytes.
func place(of part: [UInt8], in bytes: [UInt8], last: Bool = false) -> Int {
    let places = (0...(bytes.count - part.count)).lazy.filter { bytes[$0..<$0 + part.count].elementsEqual(part) }
    return last ? places.reversed().first! : places.first!
}
