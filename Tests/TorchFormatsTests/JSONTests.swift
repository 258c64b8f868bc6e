// The JSON reader is strict, exact and bounded.
import Testing
import TorchFormats

struct JSONTests {
    @Test func values() throws {
        let j = try JSON(parsing: #" {"a":[1,-2,3.5,1e3,-0,true,false,null],"b":{"c":"x\n\u00e4\ud83d\ude00\/"},"":"","big":123456789012345678901234567890} "#)
        #expect(j["a"] == [1, -2, 3.5, 1000.0, .double(-0.0), true, false, nil])
        #expect(j["b"]?["c"]?.string == "x\nä😀/")
        #expect(j[""]?.string == "")
        #expect(j["big"] == .bigInt("123456789012345678901234567890"))
        #expect(j.object?.names == ["a", "b", "", "big"])
        #expect(try JSON(parsing: "-9223372036854775808").int == .min)
        #expect(try JSON(parsing: "9223372036854775808") == .bigInt("9223372036854775808"))
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "01", "-", "1.", ".5", "1e", "+1", "NaN", "Infinity", "nul", "tru", "[1 2]", "1 2", "\"\\x\"", "\"\\u12\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "\"abc", "{\"a\":1,\"a\":2}", "{\"a\" 1}", "1e999", "[1]]", "/*x*/1", "\u{FEFF}1", "\"\\", "\"\\u00", "{\"a\"",
    ])
    func refused(_ text: String) { #expect(throws: FormatError.self) { try JSON(parsing: text) } }

    @Test func errorsSayWhere() {
        let error = #expect(throws: FormatError.self) { try JSON(parsing: "{\"a\": 1, \"a\": 2}") }
        #expect("\(error!)" == "at byte 9: not JSON: the name \"a\" occurs twice")
        let end = #expect(throws: FormatError.self) { try JSON(parsing: "[1, 2") }
        #expect(end?.offset == 5)
        #expect(throws: FormatError.self) { try JSON(parsing: [UInt8(ascii: "\""), 0xFF, UInt8(ascii: "\"")]) }
    }

    @Test func depthIsBounded() throws {
        func nested(_ n: Int) -> String { String(repeating: "[", count: n) + String(repeating: "]", count: n) }
        _ = try JSON(parsing: nested(128))
        #expect(throws: FormatError.self) { try JSON(parsing: nested(129)) }
        #expect(throws: FormatError.self) { try JSON(parsing: nested(1_000_000)) }
    }

    @Test func roundTrip() throws {
        let value: JSON = ["a": [1, 2.5, "\u{1}\"\\ü"], "b": [:], "c": [], "d": ["e": nil], "f": .double(1e-7), "g": .bigInt("99999999999999999999")]
        for indented in [false, true] { #expect(try JSON(parsing: value.text(indented: indented)) == value) }
        #expect(try (["a": [1, []], "b": [:]] as JSON).text(indented: true) == "{\n  \"a\": [\n    1,\n    []\n  ],\n  \"b\": {}\n}")
        #expect(throws: FormatError.self) { try JSON.double(.nan).text() }
    }

    @Test func membersCanBeSetAndRemoved() {
        var o: JSON.Object = ["a": 1, "b": 2, "c": 3]
        o["a"] = nil
        o["c"] = 4
        #expect(o.names == ["b", "c"] && o["c"] == 4 && o["a"] == nil)
    }

    @Test func damagedTextNeverCrashes() {
        let good = Array(#"{"a":[1,-2,3.5e10,"\u00e4\ud83d\ude00"],"b":{"c":"text","d":[true,false,null]}}"#.utf8)
        var random = Sequence32(3)
        var refused = 0
        for _ in 0..<20_000 { do { _ = try JSON(parsing: random.damaged(good)) } catch { refused += 1 } }
        #expect(refused > 10_000)
    }
}
