// Long training: memory stays flat, and the number of threads changes no bit.
import Glibc
import Testing
import TorchNN
import TorchOptim

/// A small network with all that a step has: convolution, batch norm, pooling, dropout, linear layers.
private final class SmallNet: Module {
    let conv = Conv2d(1, 6, kernelSize: 3, padding: 1)
    let norm = BatchNorm2d(6)
    let pool = MaxPool2d(2)
    let drop = Dropout(0.2)
    let head = Linear(6 * 14 * 14, 10)
    func callAsFunction(_ x: Tensor) -> Tensor { head(drop(pool(norm(conv(x)).relu()).flatten(startDim: 1))) }
}

/// Resident memory in bytes.
private func residentMemory() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var (size, resident) = (0, 0)
    withUnsafeMutablePointer(to: &size) { a in
        withUnsafeMutablePointer(to: &resident) { b in _ = withVaList([a, b]) { vfscanf(file, "%ld %ld", $0) } }
    }
    return resident * Int(sysconf(Int32(_SC_PAGESIZE)))
}

@Suite struct TrainingTests {
    // In a process of its own: memory and the count of live blocks are those of all threads.
    @Test func twentyThousandStepsKeepMemoryFlat() async {
        await #expect(processExitsWith: .success) {
            manualSeed(0)
            let net = Sequential(Linear(16, 32), ReLU(), Linear(32, 4))
            let optimizer = Adam(net.parameters(), learningRate: 1e-3)
            let (x, y) = (Tensor.randn(8, 16), Tensor.randint(0, 4, [8]))
            func steps(_ n: Int) {
                for _ in 0..<n {
                    optimizer.zeroGrad()
                    crossEntropy(net(x), y).backward()
                    optimizer.step()
                }
            }
            steps(2_000)
            let (blocks, memory) = (Storage.liveCount, residentMemory())
            steps(18_000)
            guard Storage.liveCount == blocks else { fatalError("\(Storage.liveCount) blocks, \(blocks) before") }
            guard memory > 0, residentMemory() - memory < 1 << 20 else { fatalError("\(residentMemory()) bytes resident, \(memory) before") }
        }
    }

    // In processes of their own: the number of threads is one for all.
    @Test func bitsDoNotDependOnThreads() async {
        await #expect(processExitsWith: .success) {
            func train(threads: Int) -> [Float] {
                Parallel.threadCount = threads
                manualSeed(3)
                let net = SmallNet()
                let optimizer = SGD(net.parameters(), learningRate: 0.01, momentum: 0.9)
                let (x, y) = (Tensor.randn(64, 1, 28, 28), Tensor.randint(0, 10, [64]))
                var losses: [Float] = []
                for _ in 0..<12 {
                    optimizer.zeroGrad()
                    let loss = crossEntropy(net(x), y)
                    loss.backward()
                    optimizer.step()
                    losses.append(loss.item(Float.self))
                }
                return losses + net.stateDict().entries.flatMap { $0.tensor.to(.float32).flatten().array(of: Float.self) }
            }
            let one = train(threads: 1)
            guard one.allSatisfy(\.isFinite), one[11] < one[0] else { fatalError("does not learn: \(one.prefix(12))") }
            for threads in [2, 3] where train(threads: threads).map(\.bitPattern) != one.map(\.bitPattern) { fatalError("\(threads) threads give other bits") }
        }
    }
}
