// A training curve as an SVG picture.

/// Lines over a common x, each with its own y axis on the left or right.
struct SVGChart {
    /// One line.
    struct Series {
        var name: String
        var color: String
        var points: [(x: Double, y: Double)]
        /// Uses the right axis.
        var isRight = false
    }

    var title: String
    var xLabel: String
    var series: [Series]
    private let width = 720.0
    private let height = 420.0
    private let margin = (left: 64.0, right: 64.0, top: 40.0, bottom: 48.0)

    init(title: String, xLabel: String, series: [Series]) {
        self.title = title
        self.xLabel = xLabel
        self.series = series
    }

    /// The picture's text.
    var svg: String {
        let plotWidth = width - margin.left - margin.right
        let plotHeight = height - margin.top - margin.bottom
        let all = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
        let xs = Self.range(all.map(\.x))
        var out = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(n(width))\" height=\"\(n(height))\" viewBox=\"0 0 \(n(width)) \(n(height))\" font-family=\"sans-serif\" font-size=\"12\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            "<text x=\"\(n(width / 2))\" y=\"22\" text-anchor=\"middle\" font-size=\"15\">\(Self.escape(title))</text>",
            "<text x=\"\(n(width / 2))\" y=\"\(n(height - 10))\" text-anchor=\"middle\">\(Self.escape(xLabel))</text>",
        ]
        func px(_ x: Double) -> Double { margin.left + (x - xs.low) / (xs.high - xs.low) * plotWidth }
        for t in Self.ticks(xs) {
            out.append("<line x1=\"\(n(px(t)))\" y1=\"\(n(margin.top + plotHeight))\" x2=\"\(n(px(t)))\" y2=\"\(n(margin.top + plotHeight + 5))\" stroke=\"black\"/>")
            out.append("<text x=\"\(n(px(t)))\" y=\"\(n(margin.top + plotHeight + 18))\" text-anchor=\"middle\">\(Self.label(t))</text>")
        }
        for isRight in [false, true] {
            let mine = series.filter { $0.isRight == isRight }
            guard !mine.isEmpty else { continue }
            let ys = Self.range(mine.flatMap(\.points).map(\.y).filter(\.isFinite))
            func py(_ y: Double) -> Double { margin.top + plotHeight - (y - ys.low) / (ys.high - ys.low) * plotHeight }
            for t in Self.ticks(ys) {
                let x = isRight ? margin.left + plotWidth : margin.left
                if !isRight {
                    out.append("<line x1=\"\(n(margin.left))\" y1=\"\(n(py(t)))\" x2=\"\(n(margin.left + plotWidth))\" y2=\"\(n(py(t)))\" stroke=\"#dddddd\"/>")
                }
                out.append("<text x=\"\(n(isRight ? x + 8 : x - 8))\" y=\"\(n(py(t) + 4))\" text-anchor=\"\(isRight ? "start" : "end")\">\(Self.label(t))</text>")
            }
            for s in mine {
                let points = s.points.filter { $0.x.isFinite && $0.y.isFinite }.map { "\(n(px($0.x))),\(n(py($0.y)))" }.joined(separator: " ")
                out.append("<polyline fill=\"none\" stroke=\"\(s.color)\" stroke-width=\"1.5\" points=\"\(points)\"/>")
            }
        }
        out.append("<rect x=\"\(n(margin.left))\" y=\"\(n(margin.top))\" width=\"\(n(plotWidth))\" height=\"\(n(plotHeight))\" fill=\"none\" stroke=\"black\"/>")
        for (i, s) in series.enumerated() {
            let y = margin.top + 18 + Double(i) * 18
            let x = margin.left + plotWidth - 170
            out.append("<line x1=\"\(n(x))\" y1=\"\(n(y - 4))\" x2=\"\(n(x + 22))\" y2=\"\(n(y - 4))\" stroke=\"\(s.color)\" stroke-width=\"2\"/>")
            out.append("<text x=\"\(n(x + 28))\" y=\"\(n(y))\">\(Self.escape(s.name))</text>")
        }
        out.append("</svg>\n")
        return out.joined(separator: "\n")
    }

    private func n(_ v: Double) -> String { ProgressBar.decimal(v, 1) }

    private static func range(_ values: [Double]) -> (low: Double, high: Double) {
        guard let low = values.min(), let high = values.max() else { return (0, 1) }
        return low == high ? (low - 0.5, high + 0.5) : (low, high)
    }

    /// About five round numbers inside a range.
    static func ticks(_ range: (low: Double, high: Double)) -> [Double] {
        let rough = (range.high - range.low) / 5
        var step = 1.0
        while step > rough { step /= 10 }
        while step * 10 <= rough { step *= 10 }
        step *= rough / step >= 5 ? 5 : rough / step >= 2 ? 2 : 1
        var t = (range.low / step).rounded(.up) * step
        var result: [Double] = []
        while t <= range.high + step * 1e-9, result.count < 20 {
            result.append(t)
            t += step
        }
        return result
    }

    private static func label(_ t: Double) -> String {
        let places = abs(t - t.rounded()) < 1e-9 ? 0 : abs(t * 10 - (t * 10).rounded()) < 1e-9 ? 1 : abs(t * 100 - (t * 100).rounded()) < 1e-9 ? 2 : 4
        return ProgressBar.decimal(t, places)
    }

    private static func escape(_ text: String) -> String {
        text.map { c in
            switch c {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            case "\"": "&quot;"
            default: String(c)
            }
        }.joined()
    }
}
