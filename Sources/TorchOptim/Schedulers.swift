// Learning rate over time.
import Glibc
import TorchNN

/// Changes the learning rates of an optimizer's groups, once per `step()`. PyTorch: `torch.optim.lr_scheduler`.
open class LRScheduler {
    public let optimizer: Optimizer
    /// Calls of `step()` so far.
    public private(set) var epoch = 0

    public init(_ optimizer: Optimizer) { self.optimizer = optimizer }

    /// The next epoch begins. PyTorch: `step()`.
    public final func step() {
        epoch += 1
        for g in optimizer.groups { g.learningRate = nextRate(g) }
    }

    /// Goes on from a saved epoch; the groups' rates come with the optimizer's state.
    public func restore(epoch: Int) { self.epoch = epoch }

    /// The rate of a group at `epoch`, given the one before.
    open func nextRate(_ group: ParameterGroup) -> Double { group.learningRate }

    /// Rates of all groups now. PyTorch: `get_last_lr()`.
    public var lastRates: [Double] { optimizer.groups.map(\.learningRate) }
}

/// The rate times gamma every `stepSize` epochs. PyTorch: `StepLR`.
public final class StepLR: LRScheduler {
    public let stepSize: Int
    public let gamma: Double
    public init(_ optimizer: Optimizer, stepSize: Int, gamma: Double = 0.1) {
        self.stepSize = stepSize
        self.gamma = gamma
        super.init(optimizer)
    }
    public override func nextRate(_ group: ParameterGroup) -> Double { epoch % stepSize == 0 ? group.learningRate * gamma : group.learningRate }
}

/// The rate down a half cosine to `etaMin` over `tMax` epochs (Loshchilov and Hutter 2017, without restarts). PyTorch: `CosineAnnealingLR`.
public final class CosineAnnealingLR: LRScheduler {
    public let tMax: Int
    public let etaMin: Double
    public init(_ optimizer: Optimizer, tMax: Int, etaMin: Double = 0) {
        self.tMax = tMax
        self.etaMin = etaMin
        super.init(optimizer)
    }
    // PyTorch's recursive form, so that a rate changed by others on the way is kept.
    public override func nextRate(_ group: ParameterGroup) -> Double {
        let (t, m) = (Double(epoch), Double(tMax))
        if (epoch - 1 - tMax) % (2 * tMax) == 0 {
            return group.learningRate + (group.initialLearningRate - etaMin) * (1 - cos(Double.pi / m)) / 2
        }
        return (1 + cos(Double.pi * t / m)) / (1 + cos(Double.pi * (t - 1) / m)) * (group.learningRate - etaMin) + etaMin
    }
}
