// The base of layers and models.
@_exported import TorchTensor

/// A layer or model: owns parameters, buffers and other modules, found by reflection in declaration order. PyTorch: `torch.nn.Module`.
///
/// ```swift
/// final class Net: Module {
///     let fc1 = Linear(784, 128)
///     let fc2 = Linear(128, 10)
///     func callAsFunction(_ x: Tensor) -> Tensor { fc2(fc1(x).relu()) }
/// }
/// ```
/// A stored `Tensor` must be a `@Parameter` or `@Buffer`; a container that can not be walked is reported by name. Nothing is skipped silently.
open class Module {
    /// True while training: dropout drops, batch norm uses the batch. PyTorch: `training`.
    public private(set) var isTraining = true
    /// Where this module was found in its model, e.g. `features.0`; for messages.
    var foundAs = ""

    public init() {
        Module.nameLayersInErrors
    }

    /// Facts for printing, e.g. `inFeatures=4, outFeatures=2`. PyTorch: `extra_repr`.
    open var extraDescription: String { "" }

    /// Called after the training mode changed.
    open func modeDidChange() {}

    // MARK: Mode

    /// Sets training mode here and in all modules inside. PyTorch: `train()`.
    @discardableResult
    public func train(_ on: Bool = true) -> Self {
        for (_, m) in namedModules() {
            m.isTraining = on
            m.modeDidChange()
        }
        return self
    }

    /// Sets evaluation mode. PyTorch: `eval()`.
    @discardableResult
    public func eval() -> Self { train(false) }

    // MARK: Parts

    /// Modules that a container lists under names of its own choice; nil for modules whose properties are looked at.
    open func listedModules() -> [(name: String, module: Module)]? { nil }

    /// Modules directly inside, by name. PyTorch: `named_children()`.
    public func namedChildren() -> [(name: String, module: Module)] { Reflection.members(of: self).children }

    /// This module (name "") and all inside, depth first. A module reached twice appears once. PyTorch: `named_modules()`.
    public func namedModules() -> [(name: String, module: Module)] {
        var result: [(String, Module)] = []
        var seen = Set<ObjectIdentifier>()
        func walk(_ m: Module, _ name: String) {
            guard seen.insert(ObjectIdentifier(m)).inserted else { return }
            if !name.isEmpty { m.foundAs = name }
            result.append((name, m))
            for (child, inner) in m.namedChildren() { walk(inner, name.isEmpty ? child : "\(name).\(child)") }
        }
        walk(self, "")
        return result
    }

    /// All modules, this one first. PyTorch: `modules()`.
    public func modules() -> [Module] { namedModules().map(\.module) }

    /// All parameters with their names, own ones before those of children; a shared one once. PyTorch: `named_parameters()`.
    public func namedParameters() -> [(name: String, parameter: Parameter)] {
        var seen = Set<ObjectIdentifier>()
        return namedModules().flatMap { prefix, m in
            Reflection.members(of: m).parameters.compactMap { name, p in
                seen.insert(ObjectIdentifier(p)).inserted ? (prefix.isEmpty ? name : "\(prefix).\(name)", p) : nil
            }
        }
    }

    /// All parameters. PyTorch: `parameters()`.
    public func parameters() -> [Parameter] { namedParameters().map(\.parameter) }

    /// All buffers with their names. PyTorch: `named_buffers()`.
    public func namedBuffers() -> [(name: String, buffer: Buffer)] {
        var seen = Set<ObjectIdentifier>()
        return namedModules().flatMap { prefix, m in
            Reflection.members(of: m).buffers.compactMap { name, b in
                seen.insert(ObjectIdentifier(b)).inserted ? (prefix.isEmpty ? name : "\(prefix).\(name)", b) : nil
            }
        }
    }

    /// Number of elements of all parameters.
    public var parameterCount: Int { parameters().reduce(0) { $0 + $1.tensor.count } }

    // MARK: Changing all

    /// Forgets all gradients. PyTorch: `zero_grad()`.
    public func zeroGrad() { for p in parameters() { p.zeroGrad() } }

    /// Torch7's name of `zeroGrad`.
    public func zeroGradParameters() { zeroGrad() }

    /// One step against the gradients: p -= learningRate * grad, Torch7's way.
    public func updateParameters(learningRate: Double) {
        for p in parameters() {
            guard let g = p.grad else { continue }
            p.update { $0.add(g, scaledBy: -learningRate) }
        }
    }

    /// Stops (or resumes) learning of all parameters here and inside. PyTorch: `requires_grad_()`.
    @discardableResult
    public func freeze(_ on: Bool = true) -> Self {
        for p in parameters() { p.requiresGrad = !on }
        return self
    }

    /// Floating parameters and buffers in another type. PyTorch: `to(dtype)`.
    @discardableResult
    public func to(_ dtype: DType) -> Self {
        noGrad {
            for p in parameters() where p.tensor.dtype.isDifferentiable { p.tensor = p.tensor.to(dtype) }
            for (_, b) in namedBuffers() where b.wrappedValue.dtype.isDifferentiable { b.wrappedValue = b.wrappedValue.to(dtype) }
        }
        return self
    }

    /// Parameters and buffers on another device. PyTorch: `to(device)`.
    @discardableResult
    public func to(_ device: Device) -> Self {
        noGrad {
            for p in parameters() { p.tensor = p.tensor.to(device) }
            for (_, b) in namedBuffers() { b.wrappedValue = b.wrappedValue.to(device) }
        }
        return self
    }

    /// Calls `body` with every module inside, innermost first, then this one. PyTorch: `apply`.
    @discardableResult
    public func apply(_ body: (Module) -> Void) -> Self {
        for (_, m) in namedModules().reversed() { body(m) }
        return self
    }

    /// Runs `body` so that errors inside name this layer.
    @inline(__always)
    public func inLayer<Result>(_ body: () -> Result) -> Result { ModulePath.with(self, body) }

    private static let nameLayersInErrors: Void = {
        ModulePath.describe = { pointer in
            let m = Unmanaged<Module>.fromOpaque(pointer).takeUnretainedValue()
            let facts = m.extraDescription
            let type = facts.isEmpty ? "\(Swift.type(of: m))" : "\(Swift.type(of: m))(\(facts))"
            return m.foundAs.isEmpty ? type : "\(m.foundAs): \(type)"
        }
    }()
}

/// A module that maps one tensor to one tensor, so that it fits into `Sequential`.
public protocol Layer: Module {
    /// The layer's output.
    func callAsFunction(_ x: Tensor) -> Tensor
}

extension Layer {
    /// The same as calling the layer; Torch7's and PyTorch's `forward`.
    public func forward(_ x: Tensor) -> Tensor { self(x) }
}
