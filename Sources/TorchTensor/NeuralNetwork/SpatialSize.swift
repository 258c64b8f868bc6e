// Numbers per spatial dimension: kernel sizes, strides, paddings.
import TorchRuntime

/// One number for all spatial dims or one for each, outermost first: `3`, `[3, 5]`.
public struct SpatialSize: Sendable, Equatable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// One number, or as many as there are spatial dims.
    public let values: [Int]
    public init(_ value: Int) { values = [value] }
    public init(_ values: [Int]) { self.values = values }
    public init(_ height: Int, _ width: Int) { values = [height, width] }
    public init(integerLiteral value: Int) { values = [value] }
    public init(arrayLiteral elements: Int...) { values = elements }
    public var description: String { values.count == 1 ? "\(values[0])" : "(" + values.map(String.init).joined(separator: ", ") + ")" }

    /// `rank` numbers; reports a wrong count.
    public func resolved(_ rank: Int, _ name: String, _ operation: String) -> [Int]? {
        if values.count == rank { return values }
        if values.count == 1 { return [Int](repeating: values[0], count: rank) }
        TensorError.report(operation, "expected \(name) to be a single integer value or a list of \(rank) values to match the convolution dimensions, but got \(name)=\(values)")
        return nil
    }
}
