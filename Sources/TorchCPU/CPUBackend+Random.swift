// Random numbers on the CPU.
import TorchRuntime

extension CPUBackend {
    public func random(_ out: Operand, _ distribution: RandomDistribution, _ generator: Generator) {
        if out.count > 0 { generator.fill(out.pointer, count: out.count, dtype: out.dtype, distribution) }
    }
}
