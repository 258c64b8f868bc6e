// The small convolutional network of the workloads.
import TorchNN
import TorchTensor

/// 28 x 28 pictures to ten classes: two convolutions, two linear layers.
package final class LeNet: Module {
    let c1 = Conv2d(1, 16, kernelSize: 5, padding: 2)
    let c2 = Conv2d(16, 32, kernelSize: 5, padding: 2)
    let f1 = Linear(1568, 128)
    let f2 = Linear(128, 10)

    package func callAsFunction(_ x: Tensor) -> Tensor {
        var h = maxPool2d(c1(x).relu(), kernelSize: 2)
        h = maxPool2d(c2(h).relu(), kernelSize: 2)
        return f2(f1(h.flatten(startDim: 1)).relu())
    }
}
