// Unpacking: the three block types and wrappers, checks, limits, damage.
import Testing
import TorchFormats

struct InflateTests {
    /// The unpacked fixture: letters whose alphabet grows, so that blocks have tables of their own.
    static let letters: [UInt8] = {
        var x: UInt32 = 1
        return (0..<6000).map { i in
            x = (x &* 1_103_515_245 &+ 12345) & 0x7FFF_FFFF
            return UInt8(97 + Int(x >> 16) % (3 + i / 400 % 20))
        }
    }()

    @Test func gzip() throws {
        let packed = try Fixtures.bytes("letters.txt.gz")
        #expect(try Inflate.gunzip(packed, limit: 6000) == Self.letters)
        #expect(try Inflate.gunzip(packed + packed, limit: 12_000) == Self.letters + Self.letters)
        #expect(CRC32.of(Self.letters) == 3_346_315_846)
        #expect(CRC32.of(Array("123456789".utf8)) == 0xCBF4_3926)
    }

    @Test func outputIsBounded() throws {
        let packed = try Fixtures.bytes("letters.txt.gz")
        #expect(throws: InflateError.self) { try Inflate.gunzip(packed, limit: 5999) }
    }

    @Test func zlibStoredAndFixed() throws {
        let zlib: [UInt8] = [0x78, 0xDA, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57, 0xC8, 0x40, 0x27, 0x01, 0x68, 0x03, 0x08, 0xB1]
        #expect(try Inflate.zlib(zlib, limit: 100) == Array("hello hello hello hello".utf8))
        #expect(throws: InflateError.self) { try Inflate.zlib(zlib.dropLast() + [0], limit: 100) }
        #expect(try Inflate.raw([0x01, 0x06, 0x00, 0xF9, 0xFF, 0x73, 0x74, 0x6F, 0x72, 0x65, 0x64], limit: 6) == Array("stored".utf8))
        #expect(try Inflate.raw([0x4B, 0xCB, 0xAC, 0x48, 0x4D, 0x51, 0x48, 0x43, 0x90, 0x00], limit: 17) == Array("fixed fixed fixed".utf8))
    }

    @Test func everyCutIsNoticed() throws {
        let packed = try Fixtures.bytes("letters.txt.gz")
        for n in stride(from: 0, to: packed.count, by: 7) {
            #expect(throws: InflateError.self) { try Inflate.gunzip(Array(packed[..<n]), limit: 6000) }
        }
    }

    @Test func damageIsNoticedAndNeverCrashes() throws {
        let packed = try Fixtures.bytes("letters.txt.gz")
        var random = Sequence32(11)
        for _ in 0..<300 {
            let bad = random.damaged(packed)
            do {
                // Damage to the stored name or time can pass; damage to the data can not.
                #expect(try Inflate.gunzip(bad, limit: 1 << 16) == Self.letters)
            } catch {}
        }
    }
}
