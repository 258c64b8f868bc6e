// Every operation of the pickle machine, and everything it must refuse.
import Testing
import TorchFormats

@Suite struct PickleTests {
    private func value(_ operations: String) throws -> String { show(try Checkpoint(bytes: TorchFixture.legacy(raw(operations))).root) }

    private func refusal(_ operations: [UInt8]) -> FormatError? {
        do throws(FormatError) {
            _ = try Checkpoint(bytes: TorchFixture.legacy(operations))
            return nil
        } catch { return error }
    }
    private func refusal(_ operations: String) -> FormatError? { refusal(raw(operations)) }

    @Test(
        "Operations of protocols 0 and 1",
        arguments: [
            ("N", "None"), ("I42\n", "42"), ("I01\n", "True"), ("I00\n", "False"), ("I-7\n", "-7"), ("L12345678901234567890L\n", "12345678901234567890"), ("L-0L\n", "0"), ("F-1.5\n", "-1.5"),
            ("S'a\\n\\x41'\n", "'a\nA'"), ("S\"q\"\n", "'q'"), ("Vgr\u{f6}\\u00df\n", "'größ'"), ("T\u{2}\0\0\0ab", "'ab'"), ("U\u{1}\u{ff}", "bytes[255]"), ("K\u{ff}", "255"),
            ("M\u{ff}\u{ff}", "65535"), ("J\u{ff}\u{ff}\u{ff}\u{ff}", "-1"), ("G?\u{f0}\0\0\0\0\0\0", "1.0"), ("(I1\nI2\nt", "(1, 2)"), ("(lI1\na", "[1]"), ("(S'k'\nI1\nd", "{'k': 1}"), ("]", "[]"),
            ("](I1\nI2\ne", "[1, 2]"), ("}", "{}"), ("}(I1\nI2\nu", "{1: 2}"), ("}I1\nI2\ns", "{1: 2}"), (")", "()"), ("I1\n0I2\n", "2"), ("I1\n(0", "1"), ("I1\n(I5\n1", "1"),
            ("I1\n2\u{86}", "(1, 1)"),
            ("I1\np7\n0g7\n", "1"), ("I1\nq\u{9}0h\u{9}", "1"), ("I1\nr\0\0\0\u{1}0j\0\0\0\u{1}", "1"), ("X\u{3}\0\0\0a\u{c3}\u{9f}", "'aß'"),
        ])
    func oldOperations(_ operations: String, _ expected: String) throws { #expect(try value(operations) == expected) }

    @Test(
        "Operations of protocols 2 to 5",
        arguments: [
            ("\u{88}", "True"), ("\u{89}", "False"), ("\u{8a}\0", "0"), ("\u{8a}\u{1}\u{ff}", "-1"), ("\u{8a}\u{9}\0\0\0\0\0\0\0\u{80}\0", "9223372036854775808"),
            ("\u{8a}\u{9}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{7f}\u{ff}", "-9223372036854775809"), ("\u{8b}\u{2}\0\0\0\0\u{1}", "256"), ("K\u{1}\u{85}", "(1)"),
            ("K\u{1}K\u{2}\u{86}", "(1, 2)"),
            ("K\u{1}K\u{2}K\u{3}\u{87}", "(1, 2, 3)"), ("B\u{2}\0\0\0\0\u{ff}", "bytes[0, 255]"), ("C\u{1}\u{7}", "bytes[7]"), ("\u{8c}\u{1}a", "'a'"), ("\u{8d}\u{1}\0\0\0\0\0\0\0a", "'a'"),
            ("\u{8e}\u{1}\0\0\0\0\0\0\0\u{1}", "bytes[1]"), ("\u{96}\u{1}\0\0\0\0\0\0\0\u{1}", "bytes[1]"), ("\u{8f}(K\u{1}\u{90}", "{1}"), ("(K\u{1}K\u{2}\u{91}", "{1, 2}"),
            ("\u{80}\u{5}\u{95}\u{2}\0\0\0\0\0\0\0K\u{1}", "1"), ("K\u{5}\u{94}0h\0", "5"), ("\u{8c}\u{5}torch\u{8c}\u{7}float32\u{93}", "dtype float32"),
            ("cmy.module\nThing\n)\u{81}}\u{8c}\u{1}a\u{88}sb", "my.module.Thing({'a': True})"), ("cmy.module\nThing\n)}\u{92}", "my.module.Thing(None)"),
            ("(imy.module\nOld\n}b", "my.module.Old({})"), ("(cmy.module\nOld\no}b", "my.module.Old({})"), ("cm\nPair\nK\u{1}K\u{2}\u{86}\u{81}", "m.Pair((1, 2))"),
            ("cmy\nList\n)\u{81}(K\u{1}K\u{2}e", "my.List([1, 2])"),
        ])
    func newOperations(_ operations: String, _ expected: String) throws { #expect(try value(operations) == expected) }

    @Test(
        "Known calls",
        arguments: [
            ("ccollections\nOrderedDict\n)R(I1\nI2\nu", "ordered{1: 2}"), ("ccollections\nCounter\n}(S'a'\nI2\nu\u{85}R", "counter{'a': 2}"),
            ("ccollections\ndefaultdict\nc__builtin__\nlist\n\u{85}R", "defaulting{}"), ("cbuiltins\nset\n](I1\ne\u{85}R", "{1}"), ("c__builtin__\nfrozenset\n](I1\ne\u{85}R", "{1}"),
            ("c__builtin__\ncomplex\nF1\nF2\n\u{86}R", "complex(1.0, 2.0)"), ("c__builtin__\nbytes\n)R", "bytes[]"), ("c_codecs\nencode\nV\u{ff}a\nS'latin1'\n\u{86}R", "bytes[255, 97]"),
            ("c__builtin__\nbytearray\nC\u{1}a\u{85}R", "bytes[97]"), ("ctorch\nSize\n(I2\nI3\nt\u{85}R", "Size[2, 3]"), ("ctorch\ndevice\nS'cuda'\nI1\n\u{86}R", "device cuda:1"),
            ("ctorch.serialization\n_get_layout\nS'torch.sparse_coo'\n\u{85}R", "'torch.sparse_coo'"), ("ccopy_reg\n_reconstructor\n(cm\nC\nc__builtin__\nobject\nNtR}b", "m.C({})"),
            ("cpathlib\nPosixPath\nS'a'\n\u{85}R", "pathlib.PosixPath(('a'))"),
            ("cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nS'f8'\n\u{85}RC\u{8}\0\0\0\0\0\0\u{f0}?\u{86}R", "1.0"),
        ])
    func calls(_ operations: String, _ expected: String) throws { #expect(try value(operations) == expected) }

    @Test("Text of a whole number and its bytes agree for many lengths")
    func longNumbers() throws {
        // Powers of two on both sides of each byte's end.
        var digits = "1"
        for power in 1...200 {
            var carry = 0
            digits = String(
                String.UnicodeScalarView(
                    digits.unicodeScalars.reversed().map { d -> UnicodeScalar in
                        let n = Int(d.value - 48) * 2 + carry
                        carry = n / 10
                        return UnicodeScalar(UInt8(48 + n % 10))
                    }.reversed()))
            if carry > 0 { digits = "1" + digits }
            var bytes = [UInt8](repeating: 0, count: power / 8 + 1)
            bytes[power / 8] = 1 << UInt8(power % 8)
            if power % 8 == 7 { bytes.append(0) }
            #expect(show(try Checkpoint(bytes: TorchFixture.legacy([0x8a, UInt8(bytes.count)] + bytes)).root) == digits)
        }
    }

    // MARK: - Attacks

    @Test(
        "Code by GLOBAL and REDUCE is refused by name",
        arguments: [
            "os\nsystem", "posix\nsystem", "nt\nsystem", "subprocess\nPopen", "builtins\neval", "__builtin__\nexec", "builtins\ngetattr", "__builtin__\nopen", "builtins\n__import__", "torch\nload",
            "torch.hub\nload", "torch.storage\n_load_from_bytes", "importlib\nimport_module", "runpy\n_run_code", "pickle\nloads", "numpy\nload", "functools\npartial", "operator\nattrgetter",
            "webbrowser\nopen",
            "torch._utils\n_rebuild_nonsense", "any\nfunction", "shutil\nrmtree", "sys\nexit",
        ])
    func reduce(_ name: String) {
        let e = refusal("c\(name)\nS'true'\n\u{85}R")
        #expect(e?.kind == .unsupported)
        #expect(e?.reason.contains(name.split(separator: "\n").last!) == true, "\(e?.description ?? "")")
    }

    @Test(
        "Code by the other operations is refused",
        arguments: [
            ("GLOBAL alone", "cposix\nsystem\n"), ("STACK_GLOBAL", "\u{8c}\u{5}posix\u{8c}\u{6}system\u{93}\u{8c}\u{1}a\u{85}R"), ("INST", "(S'true'\nios\nsystem\n"),
            ("INST of an unknown name", "(S'true'\nim\nf\n"),
            ("OBJ", "(cos\nsystem\nS'true'\no"), ("OBJ of an unknown name", "(cm\nf\nS'true'\no"), ("NEWOBJ", "cos\nsystem\nS'true'\n\u{85}\u{81}"), ("NEWOBJ_EX", "cos\nsystem\n)}\u{92}"),
            ("BUILD of a function", "cm\nf\n}b"), ("BUILD of a number", "I1\n}b"), ("a module without a module's state", "ctorch.nn.modules.linear\nLinear\n)\u{81}}S'a'\nI1\nsb"),
            ("EXT1", "\u{82}\u{1}"), ("EXT2", "\u{83}\u{1}\0"), ("EXT4", "\u{84}\u{1}\0\0\0"), ("PERSID", "Pabc\n"), ("a persistent identifier that is no tuple", "I1\nQ"),
            ("a persistent identifier of something else", "(S'file'\nS'/etc/passwd'\ntQ"), ("NEXT_BUFFER", "\u{97}"),
            ("a nested rebuild", "ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nctorch\nTensor\n(S'a'\nt}tR"),
        ])
    func otherOperations(_ name: String, _ operations: String) { #expect(refusal(operations) != nil, "\(name)") }

    @Test(
        "Broken pickles are refused",
        arguments: [
            "", "0", "a", "s", "u", "t", "e", "R", "\u{81}", "b", "h\u{5}", "g5\n", "gx\n", "I1\nI2\na", "I1\nI2\nI3\ns", ")I1\nI2\ns", "}(I1\nu", "}]I1\ns", "}]\u{85}I1\ns", "(]\u{91}",
            "X\u{ff}\u{ff}\u{ff}\u{7f}a",
            "X\u{2}\0\0\0\u{ff}\u{fe}", "\u{8b}\u{ff}\u{ff}\u{ff}\u{ff}", "\u{8b}\u{ff}\u{ff}\u{ff}\u{7f}", "\u{8e}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}", "I12x\n", "Fx\n", "S'a\n",
            "I1\n)R", "\u{ff}",
            "I1", "\u{95}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{7f}", "\u{80}\u{9}N", "T\u{ff}\u{ff}\u{ff}\u{ff}a", "cm\n", "ctorch\nSize\nS'a'\n\u{85}R",
            "ctorch.serialization\n_get_layout\n)R",
        ])
    func broken(_ operations: String) {
        // Cut off: the pickle has no end of its own, and what follows is none.
        if operations == "I1" { #expect(refusal(operations + "(") != nil) } else { #expect(refusal(operations) != nil, "\(operations.debugDescription)") }
    }

    @Test("Memo bombs: sharing is bounded, in the pickle and in the tree")
    func memoBomb() throws {
        func doubled(_ levels: Int) -> [UInt8] {
            var p = raw("]q\0")
            for i in 0..<levels { p += raw("](h") + [UInt8(i)] + raw("h") + [UInt8(i)] + raw("eq") + [UInt8(i + 1)] }
            return p
        }
        #expect(refusal(doubled(60))?.reason.contains("repeated") == true)
        #expect(throws: Never.self) { try Checkpoint(bytes: TorchFixture.legacy(doubled(10))) }
    }

    @Test("Values that contain themselves are refused")
    func cycles() {
        #expect(refusal("]q\0h\0a")?.reason.contains("contains itself") == true)
        #expect(refusal("}q\0I1\nh\0s")?.reason.contains("contains itself") == true)
        #expect(refusal("cm\nC\n)\u{81}q\0}I1\nh\0sb")?.reason.contains("contains itself") == true)
    }

    @Test("Deep nesting is refused without recursion")
    func deep() {
        let depth = 100_000
        #expect(refusal([UInt8](repeating: UInt8(ascii: "]"), count: depth) + [UInt8](repeating: UInt8(ascii: "a"), count: depth - 1))?.reason.contains("deeper") == true)
        #expect(refusal(raw("N") + [UInt8](repeating: 0x85, count: depth))?.reason.contains("deeper") == true)
    }

    @Test("Memory is bounded by the file's size")
    func memory() {
        #expect(refusal([UInt8](repeating: UInt8(ascii: "]"), count: 2_000_000))?.reason.contains("memory") == true)
        #expect(refusal([UInt8](repeating: UInt8(ascii: "N"), count: 4_000_000))?.reason.contains("memory") == true)
        #expect(refusal([UInt8](repeating: UInt8(ascii: "("), count: 4_000_000))?.reason.contains("memory") == true)
    }

    @Test("Work is bounded by the file's size: large keys and texts that are used over and over")
    func work() {
        let many = 100_000
        // A tuple of many values as a key of many entries; a long text as the bytes of many numbers; a long list of sizes for many tensors.
        let tuple = raw("(") + [UInt8](repeating: UInt8(ascii: "N"), count: many) + raw("tq\0})")
        #expect(refusal(tuple + raw("0") + (0..<many).flatMap { _ in raw("h\0Ns") })?.reason.contains("memory") == true)
        let text = unicode(String(repeating: "a", count: many)) + raw("q\0")
        #expect(refusal(text + raw("cnumpy.core.multiarray\nscalar\nq\u{1}cnumpy\ndtype\nS'f8'\n\u{85}Rq\u{2}") + (0..<many).flatMap { _ in raw("h\u{1}h\u{2}h\0\u{86}R") }) != nil)
        #expect(refusal(text + (0..<many).flatMap { _ in raw("h\0h\0\u{93}0") })?.reason.contains("memory") == true)
    }

    @Test("Damaged files end in an error or a value, never in a crash")
    func fuzz() {
        let good = TorchFixture.legacy(
            raw("}") + unicode("w") + TorchFixture.tensor() + raw("s") + unicode("n")
                + raw("cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\u{1}btR(I1\n(I2\ntcnumpy\ndtype\nS'f4'\n\u{85}R\u{89}C")
                + [8] + [UInt8](repeating: 1, count: 8) + raw("tbs"), storages: [("0", 6, TorchFixture.floats)])
        #expect(throws: Never.self) { try Checkpoint(bytes: good).load() }
        var random = Sequence32(7)
        for _ in 0..<4000 { _ = try? Checkpoint(bytes: random.damaged(good)).load() }
    }

    @Test("Error texts say where, what and what would be right")
    func texts() {
        #expect(refusal("cmy.module\nf\n)R")?.description == "at byte 61: pickle: calls my.module.f, which is not on the list of what may be called")
        #expect(refusal("cos\nsystem\n")?.description == "at byte 47: pickle: refers to os.system, which could run code")
        #expect(refusal("I1\nI2\na")?.description == "at byte 53: pickle: appends to a whole number, expected a list")
        #expect(refusal("\u{82}\u{1}")?.description == "at byte 47: pickle: a code of the extension registry")
    }
}
