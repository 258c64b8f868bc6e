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
