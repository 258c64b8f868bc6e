// What primitives check of the elements that they are given, and when that is reported.

/// The check of a primitive: whose it is, and what is said of an element that fails it.
///
/// Note [Checks of elements]
/// The CPU finds a bad index or a zero divisor before it is used and says at once where it is: the primitive returns the position, or true. A device would have to be waited for. So it
/// notes the first bad element, passes it over, and the primitive returns as if all were well; what it gives for bad elements is undefined. The report comes, by the operator's name,
/// with the next wait for the device: a copy to the CPU (`item()`, printing), `CUDA.synchronize()`, or the end of a `withTensorErrors` scope, which waits if there is anything to look
/// for. So an error inside such a scope is thrown by that scope, on every device. A device in debug mode waits after each operator and reports as the CPU does.
public struct ElementCheck: Sendable {
    private enum Kind: Sendable {
        case index(dim: Int)
        case divisor
        case target
    }
    private let operation: StaticString
    private let kind: Kind

    /// An index along `dim`.
    public static func index(_ operation: StaticString, dim: Int) -> ElementCheck { ElementCheck(operation: operation, kind: .index(dim: dim)) }
    /// A divisor of integers.
    public static func divisor(_ operation: StaticString) -> ElementCheck { ElementCheck(operation: operation, kind: .divisor) }

    /// The class of an example, of `size`.
    public static func target(_ operation: StaticString) -> ElementCheck { ElementCheck(operation: operation, kind: .target) }

    /// Reports the element `value` at `position`; `size` is that of the dim that is indexed.
    public func report(_ value: String, position: Int, size: Int) {
        switch kind {
        case .index(let dim):
            TensorError.report("\(operation)", "index \(value) is out of bounds for dimension \(dim) with size \(size) (at position \(position) of the index)")
        case .target: TensorError.report("\(operation)", "Target \(value) is out of bounds: there are \(size) classes (target number \(position))")
        case .divisor:
            TensorError.report("\(operation)", "ZeroDivisionError: an element of the integer divisor is 0", hint: "divide floating tensors, or mask the zeros first")
        }
    }

    /// Waits for devices with checks whose outcome is open, and reports what they found. Set when the first such device is opened.
    nonisolated(unsafe) public static var examineDevices: (@Sendable () -> Void)?  // written once, before the device has work
}
