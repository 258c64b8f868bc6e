// Progress that behaves in a terminal and in a log.
import Glibc
import TorchKernels

/// Shows how far a task is: one line that is redrawn in a terminal, a plain line now and then elsewhere.
struct ProgressBar {
    private let title: String
    private let total: Int
    private let unit: String
    private let isTerminal: Bool
    private let start = st_wall_seconds()
    private var lastShown = 0.0
    private var lastLength = 0

    init(_ title: String, total: Int, unit: String = "steps", isTerminal: Bool = isatty(STDOUT_FILENO) == 1) {
        self.title = title
        self.total = max(total, 1)
        self.unit = unit
        self.isTerminal = isTerminal
    }

    /// Shows `done` of the total and a note such as the loss. Cheap to call at every step.
    mutating func update(_ done: Int, _ note: String) {
        let now = st_wall_seconds()
        // Ten frames a second are enough for eyes; a line every ten seconds for a log.
        guard now - lastShown >= (isTerminal ? 0.1 : 10), lastShown > 0 || isTerminal || now - start >= 10 else { return }
        lastShown = now
        show(done, note, now - start)
    }

    /// Replaces the bar by a final line.
    mutating func finish(_ note: String) {
        if isTerminal { write("\r" + String(repeating: " ", count: lastLength) + "\r") }
        write("\(title)  \(note)  \(Self.time(st_wall_seconds() - start))\n")
        lastLength = 0
    }

    private mutating func show(_ done: Int, _ note: String, _ elapsed: Double) {
        let rate = Double(done) / max(elapsed, 1e-9)
        let left = Double(total - done) / max(rate, 1e-9)
        let percent = done * 100 / total
        let facts = "\(percent)%  \(note)  \(Self.decimal(rate, 1)) \(unit)/s  \(Self.time(left)) left"
        guard isTerminal else {
            write("\(title)  \(facts)\n")
            return
        }
        let width = Self.terminalWidth()
        let room = min(30, width - title.count - facts.count - 6)
        let bar = room >= 5 ? "[" + String(repeating: "=", count: room * done / total) + String(repeating: " ", count: room - room * done / total) + "] " : ""
        let line = String("\(title)  \(bar)\(facts)".prefix(width - 1))
        write("\r" + line + String(repeating: " ", count: max(0, lastLength - line.count)))
        lastLength = line.count
    }

    private func write(_ text: String) {
        print(text, terminator: "")
        fflush(nil)  // all streams: the global `stdout` is not safe to name under strict concurrency
    }

    private static func terminalWidth() -> Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    /// Seconds as people write them: `0.3 s`, `42 s`, `3:07`.
    static func time(_ seconds: Double) -> String {
        if seconds < 10 { return "\(decimal(seconds, 1)) s" }
        let whole = Int(min(seconds, 359_999))
        if whole < 60 { return "\(whole) s" }
        let tail = whole % 60 < 10 ? "0\(whole % 60)" : "\(whole % 60)"
        return whole < 3600 ? "\(whole / 60):\(tail)" : "\(whole / 3600) h \(whole / 60 % 60) min"
    }

    /// A number with `places` decimals.
    static func decimal(_ value: Double, _ places: Int) -> String {
        guard value.isFinite else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let rounded = (abs(value) * scale).rounded()
        guard rounded < 9e15 else { return "\(value)" }
        let digits = String(Int(rounded))
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let sign = value < 0 && rounded > 0 ? "-" : ""
        return places == 0 ? sign + padded : "\(sign)\(padded.dropLast(places)).\(padded.suffix(places))"
    }
}
