// What a zip archive says of one of its files.

/// An entry of a zip archive, checked against the archive's bytes.
package struct ZipEntry: Sendable, Equatable {
    /// How its bytes are kept.
    package enum Method: UInt16, Sendable { case stored = 0, deflated = 8 }

    /// Its path within the archive: relative, with `/`, without `..`.
    package let name: String
    package let method: Method
    /// Bytes once unpacked.
    package let byteCount: Int
    /// Bytes in the archive.
    package let packedByteCount: Int
    /// CRC-32 of the unpacked bytes; nil where the writer did not compute it (`torch.save` can be told so, and then writes 0).
    package let crc32: UInt32?
    /// First byte of the data, counted from the start of the archive.
    package let dataOffset: Int
    /// Its place in `ZipArchive.entries`.
    let index: Int
}
