// Random numbers on the device, in the streams of PyTorch's CUDA generator: see Note [Random streams on the device] and Note [Generators of devices].
import CCUDA
import Glibc
import TorchKernels
import TorchRuntime

/// Operators of random.cu.
enum RandomKernel: String, CaseIterable {
    case uniform, normal, logNormal, exponential, cauchy, geometric, bernoulli, integers, wideIntegers, each

    /// Its place among the operators.
    var row: Int { Self.allCases.firstIndex(of: self)! }
}

extension CUDABackend {
    public func random(_ out: Operand, _ distribution: RandomDistribution, _ generator: Generator) {
        if out.count == 0 { return }
        if out.dtype.isComplex {
            // A pair of real numbers for each element.
            let pairs = out.view(dtype: out.dtype.real, sizes: [2 * out.count], strides: [1])
            guard case .normal(let mean, let std, let contiguous) = distribution else { return random(pairs, distribution, generator) }
            return random(pairs, .normal(mean: mean, std: std / 2.0.squareRoot(), contiguous: contiguous), generator)
        }
        let host = {
            if case .bernoulliEach(let chances) = distribution {
                return onCPU("random", [.write(out), .read(chances)], failure: ()) { $0.random($1[0], .bernoulliEach($1[1]), generator) }
            }
            onCPU("random", [.write(out)], failure: ()) { $0.random($1[0], distribution, generator) }
        }
        guard generator.device == device else { return host() }
        onDevice("random", failure: (), { () throws(DeviceError) in try draw(out, distribution, generator) }, host: host)
    }

    public func dropout(_ out: Operand, kept: Operand?, _ x: Operand, keep: Double, scale: Double, _ generator: Generator) -> Bool {
        guard generator.device == device else { return false }
        return onDevice(
            "dropout", failure: true,
            { () throws(DeviceError) in
                for o in [out, x] { try gpu.checkPlace(o) }
                if let kept { try gpu.checkPlace(kept) }
                let count = out.count
                // PyTorch's kernel takes as many neighbours as fit 16 bytes, halved until nothing is left over; threads start a fresh block for each access of four or more.
                var neighbours = 16 / out.dtype.itemSize
                while count % neighbours != 0 { neighbours /= 2 }
                let (grid, step) = gpu.randomGeometry(count, numbers: 4)
                var a = st_dropout_args()
                (a.seed, a.offset, a.place) = try place(of: generator, advancing: UInt64(step))
                (a.y, a.x, a.kept) = (CUDADevice.address(out.pointer), CUDADevice.address(x.pointer), CUDADevice.address(kept?.pointer))
                (a.count, a.neighbours, a.keep, a.scale) = (UInt64(count), UInt64(neighbours), keep, scale)
                try gpu.launch(KernelFamily.dropout.number(0, Int(out.dtype.rawValue), 0), grid: (grid, 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
                return true
            }, host: { false })
    }

    public func dropoutBackward(_ out: Operand, kept: Operand, _ gradient: Operand, scale: Double) -> Bool {
        onDevice(
            "dropoutBackward", failure: true,
            { () throws(DeviceError) in
                try gpu.pointwise(KernelFamily.dropout.number(0, Int(out.dtype.rawValue), 1), [out, kept, gradient], KernelParameters(scale))
                return true
            }, host: { false })
    }

    private func draw(_ out: Operand, _ distribution: RandomDistribution, _ generator: Generator) throws(DeviceError) {
        let type = out.dtype
        var a = st_random_args()
        var chances: Operand?
        let kernel: RandomKernel
        switch distribution {
        case .uniform(let from, let to): (kernel, a.a, a.b) = (.uniform, from, to)
        case .normal(let mean, let std, _): (kernel, a.a, a.b) = (.normal, mean, std)
        case .logNormal(let mean, let std): (kernel, a.a, a.b) = (.logNormal, mean, std)
        case .exponential(let rate): (kernel, a.a) = (.exponential, rate)
        case .cauchy(let median, let sigma): (kernel, a.a, a.b) = (.cauchy, median, sigma)
        case .geometric(let probability): (kernel, a.a) = (.geometric, log1p(-probability))
        case .bernoulli(let probability): (kernel, a.a) = (.bernoulli, probability)
        case .bernoulliEach(let p):
            guard p.dtype == type else {
                // Drawn in the type of the probabilities, then converted.
                let middle = try temporary(like: p)
                try draw(middle, distribution, generator)
                return try gpu.pointwise(KernelFamily.convert.number(Int(p.dtype.rawValue), Int(type.rawValue), KernelFamily.run), [out, middle])
            }
            (kernel, chances) = (.each, p)
        case .integers(let from, let to):
            let (low, high) = Generator.integerBounds(from, to, type)
            a.base = low
            a.range = UInt64(bitPattern: high) &- UInt64(bitPattern: low)
            // Below this the remainder of a 32-bit number is even enough.
            kernel = a.range >= 1 << 28 || a.range == 0 ? .wideIntegers : .integers
        case .allIntegers:
            (kernel, a.range) = Self.allIntegers(type)
        case .permutation: return try permute(out, generator)
        }
        for case let o? in [out, chances] { try gpu.checkPlace(o) }
        let numbers = kernel == .wideIntegers || type == .float64 && [.uniform, .normal, .logNormal, .exponential, .cauchy, .geometric, .bernoulli].contains(kernel) ? 2 : 4
        let (grid, step) = kernel == .each ? ((out.count + 1023) / 1024, 12) : gpu.randomGeometry(out.count, numbers: numbers)
        (a.seed, a.offset, a.place) = try place(of: generator, advancing: UInt64(step))
        (a.out, a.chances, a.count) = (CUDADevice.address(out.pointer), CUDADevice.address(chances?.pointer), UInt64(out.count))
        try gpu.launch(KernelFamily.random.number(kernel.row, Int(type.rawValue), 0), grid: (grid, 1, 1), block: (Int(ST_KERNEL_BLOCK), 1), &a)
    }

    /// From where a draw starts: seed and offset, or, for a step that is captured, where the device will find them and how far behind them. The generator moves on.
    func place(of generator: Generator, advancing count: UInt64) throws(DeviceError) -> (seed: UInt64, offset: UInt64, address: UInt64) {
        if let capture = gpu.capture {
            let place = try capture.place(of: generator, advancing: count)
            return (0, place.offset, place.address)
        }
        guard let place = generator.advance(by: count) else { throw .unavailable("a generator of \(generator.device) can not draw on \(device)") }
        return (place.seed, place.offset, 0)
    }

    /// What draws all integers of a type from 0 on, and their number; 0 for all of a draw.
    private static func allIntegers(_ type: DType) -> (RandomKernel, UInt64) {
        switch type {
        case .bool: (.integers, 2)
        case .uint8: (.integers, 1 << 8)
        case .int8: (.integers, 1 << 7)
        case .int16: (.integers, 1 << 15)
        case .uint16: (.integers, 1 << 16)
        case .int32: (.integers, 1 << 31)
        case .uint32: (.integers, 0)
        case .float16: (.integers, (1 << 11) + 1)
        case .bfloat16: (.integers, (1 << 8) + 1)
        case .float32: (.integers, (1 << 24) + 1)
        case .float64: (.wideIntegers, (1 << 53) + 1)
        case .int64: (.wideIntegers, 1 << 63)
        default: (.wideIntegers, 0)
        }
    }
}

extension CUDADevice {
    /// Blocks of 256 threads that draw `count` numbers, `numbers` from each block of Philox, and by how much that moves the generator's offset: PyTorch's choice, which the stream depends on.
    func randomGeometry(_ count: Int, numbers: Int) -> (blocks: Int, offset: Int) {
        let block = Int(ST_KERNEL_BLOCK)
        let blocks = min((count + block - 1) / block, properties.multiprocessors * (properties.threadsPerMultiprocessor / block))
        return (blocks, ((count - 1) / (block * blocks * numbers) + 1) * 4)
    }
}
