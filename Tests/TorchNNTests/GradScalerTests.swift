// Loss scaling: growth, backoff, skipped steps and state against numbers worked out by hand.
import Glibc
import Testing
import TorchFormats
import TorchNN
import TorchOptim

@Suite struct GradScalerTests {
    private let p = Parameter(Tensor([1.0, 2.0], dtype: .float32))

    /// One iteration whose loss is `factor` times the sum of the parameter.
    @discardableResult
    private func iterate(_ scaler: GradScaler, _ optimizer: Optimizer, _ factor: Double = 1) -> Bool {
        optimizer.zeroGrad()
        scaler.scale(p.tensor.sum() * factor).backward()
        let stepped = scaler.step(optimizer)
        scaler.update()
        return stepped
    }
    private var values: [Float] { p.tensor.array(of: Float.self) }

    @Test func scaleGrowsAndBacksOff() {
        let scaler = GradScaler(initialScale: 8, growthFactor: 4, backoffFactor: 0.25, growthInterval: 2)
        let optimizer = SGD([p], learningRate: 0.5)
        #expect(iterate(scaler, optimizer) && scaler.currentScale == 8)
        #expect(values == [0.5, 1.5])
        #expect(iterate(scaler, optimizer) && scaler.currentScale == 32)
        #expect(iterate(scaler, optimizer) && scaler.currentScale == 32)
        // An overflow: no step, a quarter of the scale, and the count of good steps starts anew.
        #expect(!iterate(scaler, optimizer, .infinity) && scaler.currentScale == 8)
        #expect(!iterate(scaler, optimizer, .nan) && scaler.currentScale == 2)
        #expect(values == [-0.5, 0.5])
        #expect(optimizer.stepCount == 3)
        #expect(iterate(scaler, optimizer) && scaler.currentScale == 2)
        #expect(iterate(scaler, optimizer) && scaler.currentScale == 8)
    }

    @Test func defaultsArePyTorchs() {
        let scaler = GradScaler()
        #expect((scaler.currentScale, scaler.growthFactor, scaler.backoffFactor, scaler.growthInterval) == (65536, 2, 0.5, 2000))
        #expect(scaler.scale(Tensor([1.0, -2.0], dtype: .float32)).array(of: Float.self) == [65536, -131072])
    }

    @Test func scaleStopsWhereFloat32Ends() {
        let scaler = GradScaler(initialScale: 0x1p127, growthInterval: 1)
        iterate(scaler, SGD([p], learningRate: 0.5), 0x1p-20)
        #expect(scaler.currentScale == 0x1p127)
    }

    @Test func unscaleOnceThenStep() {
        let scaler = GradScaler(initialScale: 1024)
        let optimizer = SGD([p], learningRate: 1)
        scaler.scale(p.tensor.sum() * 3.0).backward()
        #expect(p.grad?.array(of: Float.self) == [3072, 3072])
        scaler.unscale(optimizer)
        #expect(p.grad?.array(of: Float.self) == [3, 3])
        scaler.step(optimizer)
        #expect(values == [-2, -1])
        scaler.update(newScale: 16)
        #expect(scaler.currentScale == 16)
    }

    @Test func oneOverflowOfTwoOptimizersSkipsOnlyThatOne() {
        let q = Parameter(Tensor([1.0], dtype: .float32))
        let (a, b) = (SGD([p], learningRate: 1), SGD([q], learningRate: 1))
        let scaler = GradScaler(initialScale: 4)
        scaler.scale(p.tensor.sum() * Double.infinity + q.tensor.sum()).backward()
        #expect(!scaler.step(a) && scaler.step(b))
        scaler.update()
        #expect(values == [1, 2] && q.tensor.array(of: Float.self) == [0])
        #expect(scaler.currentScale == 2)
    }

    @Test func disabledPassesThrough() throws {
        let scaler = GradScaler(enabled: false)
        let optimizer = SGD([p], learningRate: 1)
        #expect(iterate(scaler, optimizer) && scaler.currentScale == 1)
        #expect(values == [0, 1])
        #expect(scaler.checkpointValue.pairs?.isEmpty == true)
        let error = #expect(throws: FormatError.self) { try GradScaler().load(scaler.checkpointValue) }
        #expect("\(error!)".contains("possibly because it was saved from a disabled instance of GradScaler"))
    }

    @Test func stateGoesOn() throws {
        let path = "/tmp/swift-torch-scaler-\(getpid()).pt"
        defer { unlink(path) }
        let scaler = GradScaler(initialScale: 8, growthFactor: 4, backoffFactor: 0.25, growthInterval: 2)
        let optimizer = SGD([p], learningRate: 0.5)
        iterate(scaler, optimizer)
        #expect(scaler.checkpointValue.pairs?.compactMap(\.key.string) == ["scale", "growth_factor", "backoff_factor", "growth_interval", "_growth_tracker"])
        try scaler.save(to: path)
        let again = GradScaler()
        try again.load(from: path)
        #expect(again.currentScale == 8)
        iterate(again, optimizer)
        #expect(again.currentScale == 32)
        #expect(throws: FormatError.self) { try again.load(.dictionary([.init(.string("scale"), .double(2))], kind: .plain)) }
        #expect(again.currentScale == 32)
    }

    @Test func misuseIsReported() {
        func message(_ body: () -> Void) -> String { (#expect(throws: TensorError.self) { try withTensorErrors { body() } })?.description ?? "" }
        #expect(message { _ = GradScaler(growthFactor: 1) }.contains("The growth factor must be > 1.0"))
        #expect(message { _ = GradScaler(backoffFactor: 1) }.contains("The backoff factor must be < 1.0"))
        let (scaler, optimizer) = (GradScaler(initialScale: 2), SGD([p], learningRate: 1))
        #expect(message { scaler.unscale(optimizer) }.contains("Attempted unscale but nothing was scaled"))
        #expect(message { scaler.step(optimizer) }.contains("Attempted step but nothing was scaled"))
        #expect(message { scaler.update() }.contains("Attempted update but nothing was scaled"))
        let loss = scaler.scale(p.tensor.sum())
        #expect(message { scaler.update() }.contains("No inf checks were recorded prior to update"))
        #expect(message { scaler.step(optimizer) }.contains("No inf checks were recorded for this optimizer"))
        loss.backward()
        scaler.update(newScale: 2)
        scaler.unscale(optimizer)
        #expect(message { scaler.unscale(optimizer) }.contains("already been called on this optimizer since the last update()"))
        scaler.step(optimizer)
        #expect(message { scaler.unscale(optimizer) }.contains("being called after step()"))
        #expect(message { scaler.step(optimizer) }.contains("step() has already been called since the last update()"))
        let half = Parameter(Tensor([1.0], dtype: .float16))
        scaler.scale(half.tensor.sum()).backward()
        #expect(message { scaler.unscale(SGD([half], learningRate: 1)) }.contains("Attempting to unscale FP16 gradients"))
    }
}
