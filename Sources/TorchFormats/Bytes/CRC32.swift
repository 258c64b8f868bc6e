// Checksums.
import TorchKernels

/// The CRC-32 of gzip, zip and PNG.
public enum CRC32 {
    /// The checksum of `bytes`; `seed` continues an earlier one.
    public static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 { st_crc32(seed, bytes.baseAddress, Int64(bytes.count)) }

    /// The checksum of an array's bytes; `seed` continues an earlier one.
    public static func of(_ bytes: [UInt8], seed: UInt32 = 0) -> UInt32 { bytes.withUnsafeBytes { of($0, seed: seed) } }

    /// True in the fuzzer's build, which changes bytes without mending their checksums.
    static var isIgnored: Bool {
        #if FUZZING
            true
        #else
            false
        #endif
    }
}
