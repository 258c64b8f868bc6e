// A grey picture as characters: two rows of pixels to a line of text.

enum PictureInTerminal {
    /// `pixels` are grey values, `height` x `width`, row by row. Plain ASCII shades, so that a log shows it too.
    static func text(_ pixels: [UInt8], height: Int, width: Int) -> String {
        let shades = Array(" .:-=+*#%@")
        var lines: [String] = []
        // Characters are twice as high as wide.
        for row in stride(from: 0, to: height, by: 2) {
            var line = ""
            for column in 0..<width {
                let upper = Int(pixels[row * width + column])
                let lower = row + 1 < height ? Int(pixels[(row + 1) * width + column]) : upper
                line.append(shades[(upper + lower) / 2 * (shades.count - 1) / 255])
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n")
    }
}
