// Quantised blocks to float32.

extension GGMLType {
    /// Writes the elements of whole blocks as float32.
    func dequantize(_ source: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<Float>) {
        fatalError("replaced by the GGUF reader's commit")
    }
}
