// The IDX format of the MNIST family: a big-endian header, then bytes.

/// A file that is not what it should be, or not there.
public enum DataFileError: Error, Sendable, CustomStringConvertible, Equatable {
    /// The file can not be read: path and the system's reason.
    case unreadable(path: String, reason: String)
    /// The contents are damaged: path, byte offset, what is wrong and what was expected.
    case damaged(path: String, offset: Int, reason: String)

    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path): can not be read: \(reason)"
        case .damaged(let path, let offset, let reason): "\(path): damaged at byte \(offset): \(reason)"
        }
    }
}

/// The contents of an IDX file of unsigned bytes.
public struct IDXFile: Sendable, Equatable {
    /// Sizes, outermost first: (60000, 28, 28) for pictures, (60000) for labels.
    public let sizes: [Int]
    /// The elements, row-major.
    public let bytes: [UInt8]

    /// Parses `data`, the contents of the file at `path`.
    public init(_ data: [UInt8], path: String) throws(DataFileError) {
        func fail(_ offset: Int, _ reason: String) -> DataFileError { .damaged(path: path, offset: offset, reason: reason) }
        guard data.count >= 4 else { throw fail(data.count, "ends inside the 4-byte magic number") }
        guard data[0] == 0, data[1] == 0 else { throw fail(0, "not an IDX file: magic number \(data[0...3].map { Int($0) }), expected it to start with 0, 0") }
        guard data[2] == 8 else { throw fail(2, "element type 0x\(String(data[2], radix: 16)), expected 0x8 (unsigned bytes)") }
        let rank = Int(data[3])
        guard rank >= 1, rank <= 4 else { throw fail(3, "\(rank) dimensions, expected 1 to 4") }
        guard data.count >= 4 + 4 * rank else { throw fail(data.count, "ends inside the header, which has \(4 + 4 * rank) bytes") }
        var sizes: [Int] = []
        var count = 1
        for d in 0..<rank {
            let o = 4 + 4 * d
            let n = data[o..<(o + 4)].reduce(0) { $0 << 8 | Int($1) }
            sizes.append(n)
            let (product, overflow) = count.multipliedReportingOverflow(by: n)
            guard !overflow else { throw fail(o, "sizes \(sizes) are too large") }
            count = product
        }
        let start = 4 + 4 * rank
        guard data.count - start == count else {
            throw fail(data.count, "\(data.count - start) bytes of elements, but the header says \(sizes.map(String.init).joined(separator: " x ")) = \(count)")
        }
        self.sizes = sizes
        bytes = Array(data[start...])
    }
}
