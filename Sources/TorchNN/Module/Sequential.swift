// Modules that hold modules.
import TorchTensor

/// Layers one after another. PyTorch: `torch.nn.Sequential`.
/// ```swift
/// let net = Sequential {
///     Linear(784, 128)
///     ReLU()
///     Linear(128, 10)
/// }
/// ```
public final class Sequential: Module, Layer {
    private let layers: [any Layer]

    public init(_ layers: [any Layer]) { self.layers = layers }
    /// Layers listed in a closure; `if` and `for` may be used.
    public convenience init(@LayerBuilder _ layers: () -> [any Layer]) { self.init(layers()) }
    public convenience init(_ layers: any Layer...) { self.init(layers) }

    public func callAsFunction(_ x: Tensor) -> Tensor { layers.reduce(x) { $1($0) } }
    /// Named by their numbers.
    public override func listedModules() -> [(name: String, module: Module)]? { layers.enumerated().map { ("\($0)", $1) } }
    public var count: Int { layers.count }
    public subscript(_ i: Int) -> any Layer { layers[i] }
}

/// A list of modules. PyTorch: `torch.nn.ModuleList`.
public final class ModuleList<Element: Module>: Module, Sequence {
    private let elements: [Element]
    public init(_ elements: [Element]) { self.elements = elements }
    public override func listedModules() -> [(name: String, module: Module)]? { elements.enumerated().map { ("\($0)", $1) } }
    public var count: Int { elements.count }
    public subscript(_ i: Int) -> Element { elements[i] }
    public func makeIterator() -> Array<Element>.Iterator { elements.makeIterator() }
}

/// Collects the layers in `Sequential { … }`.
@resultBuilder
public enum LayerBuilder {
    public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
    public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap { $0 } }
    public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
    public static func buildEither(first part: [any Layer]) -> [any Layer] { part }
    public static func buildEither(second part: [any Layer]) -> [any Layer] { part }
    public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap { $0 } }
}
