// The data of the workloads: a hash of the position, the same bits in every framework.
import TorchNN
import TorchTensor

/// Mixes seed and position.
@inline(__always)
package func hash32(_ seed: UInt32, _ i: UInt32) -> UInt32 {
    var x = i &* 0x9E37_79B1 &+ seed &* 0x85EB_CA77
    x ^= x >> 16
    x = x &* 0x7FEB_352D
    x ^= x >> 15
    x = x &* 0x846C_A68B
    x ^= x >> 16
    return x
}

/// float32 in [-scale, scale).
package func fill(_ seed: Int, _ shape: [Int], _ scale: Double = 1) -> Tensor {
    let (s, f) = (UInt32(seed), Float(scale))
    var t = Tensor.empty(shape)
    t.withMutableElements(of: Float.self) { out in
        for i in 0..<out.count { out[i] = (Float(hash32(s, UInt32(truncatingIfNeeded: i)) >> 8) * 0x1p-23 - 1) * f }
    }
    return t
}

/// int64 in [0, mod).
package func ints(_ seed: Int, _ shape: [Int], _ mod: Int) -> Tensor {
    let (s, m) = (UInt32(seed), UInt32(mod))
    var t = Tensor.empty(shape, dtype: .int64)
    t.withMutableElements(of: Int64.self) { out in
        for i in 0..<out.count { out[i] = Int64(hash32(s, UInt32(truncatingIfNeeded: i)) % m) }
    }
    return t
}

/// Mean of out[i] * (1 + i mod 8) in float64.
package func checkValue(_ t: Tensor) -> Double {
    let values = t.detached().array(of: Double.self)
    var sum = 0.0
    for (i, v) in values.enumerated() { sum += v * Double(1 + i % 8) }
    return sum / Double(values.count)
}

/// Sets a model's parameters by the rule of the workloads: parameter j is fill(1000 + j), biases are zero, weights have scale 1 / √(fan in).
package func setParameters(_ model: Module) {
    for (j, (name, p)) in model.namedParameters().enumerated() {
        let shape = p.tensor.shape
        if name.hasSuffix("bias") {
            p.tensor = Tensor.zeros(shape)
        } else {
            let fanIn = shape.dropFirst().reduce(1, *)
            p.tensor = fill(1000 + j, shape, 1 / Double(fanIn).squareRoot())
        }
    }
}
