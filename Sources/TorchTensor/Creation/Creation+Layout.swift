// New tensors in a given layout, or after another tensor.
import TorchKernels
import TorchRuntime

extension Tensor {
    /// Undefined contents with the given strides, in elements. PyTorch: `torch.empty_strided`.
    public static func emptyStrided(_ size: [Int], _ stride: [Int], dtype: DType? = nil, device: Device = .default) -> Tensor {
        let (sizes, strides) = (Dims(size), Dims(stride))
        guard sizes.count == strides.count, !stride.contains(where: { $0 < 0 }) else {
            TensorError.report("emptyStrided", "mismatch in length of strides and shape, or negative strides: sizes \(sizes), strides \(strides)")
            return placeholder
        }
        // Elements from the first to the last.
        var extent = sizes.contains(0) ? 0 : 1
        for (n, s) in Swift.zip(size, stride) where extent > 0 && n > 0 {
            let (reach, overflow) = (n - 1).multipliedReportingOverflow(by: s)
            let (sum, more) = extent.addingReportingOverflow(reach)
            guard !overflow, !more else {
                TensorError.report("emptyStrided", "sizes \(sizes) with strides \(strides) need more elements than an Int can count")
                return placeholder
            }
            extent = sum
        }
        guard sizes.checkedProduct != nil else { return makeChecked(sizes, dtype ?? DefaultDType.floating, device: device, "emptyStrided") }
        let memory = makeChecked([extent], dtype ?? DefaultDType.floating, device: device, "emptyStrided")
        return memory.view(sizes: sizes, strides: strides)
    }

    /// Undefined contents, dense, with dims lying in memory in the given order, outermost first. PyTorch: `torch.empty_permuted`.
    public static func emptyPermuted(_ size: [Int], order: [Int], dtype: DType? = nil, device: Device = .default) -> Tensor {
        guard order.count == size.count else {
            TensorError.report(
                "emptyPermuted",
                "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = \(size.count) is not equal to len(physical_layout) = \(order.count)")
            return placeholder
        }
        var place = [Int?](repeating: nil, count: size.count)
        for (i, d) in order.enumerated() {
            guard d >= 0, d < size.count else {
                TensorError.report("emptyPermuted", "Dimension out of range (expected to be between 0 and \(size.count - 1), but got \(d) at index \(i))")
                return placeholder
            }
            guard place[d] == nil else {
                TensorError.report("emptyPermuted", "Duplicate dim not allowed: \(d) in \(order)")
                return placeholder
            }
            place[d] = i
        }
        let lying = makeChecked(Dims(order.map { size[$0] }), dtype ?? DefaultDType.floating, device: device, "emptyPermuted")
        return lying.rank == size.count ? lying.permuted(place.map { $0! }) : lying
    }

    // MARK: After another tensor: its type and device unless given

    /// Undefined contents. PyTorch: `Tensor.new_empty`.
    public func newEmpty(_ shape: [Int], dtype: DType? = nil) -> Tensor { .empty(shape, dtype: dtype ?? self.dtype, device: device) }
    /// Zeros. PyTorch: `Tensor.new_zeros`.
    public func newZeros(_ shape: [Int], dtype: DType? = nil) -> Tensor { .zeros(shape, dtype: dtype ?? self.dtype, device: device) }
    /// Ones. PyTorch: `Tensor.new_ones`.
    public func newOnes(_ shape: [Int], dtype: DType? = nil) -> Tensor { .ones(shape, dtype: dtype ?? self.dtype, device: device) }
    /// One number everywhere. PyTorch: `Tensor.new_full`.
    public func newFull(_ shape: [Int], _ value: some ScalarConvertible, dtype: DType? = nil) -> Tensor { .full(shape, value, dtype: dtype ?? self.dtype, device: device) }
    /// Undefined contents with the given strides. PyTorch: `Tensor.new_empty_strided`.
    public func newEmptyStrided(_ size: [Int], _ stride: [Int], dtype: DType? = nil) -> Tensor {
        .emptyStrided(size, stride, dtype: dtype ?? self.dtype, device: device)
    }
    /// Elements of a Swift array. PyTorch: `Tensor.new_tensor`.
    public func newTensor<T: TensorElement>(_ values: [T], dtype: DType? = nil) -> Tensor { Tensor(values, dtype: dtype ?? self.dtype, device: device) }
}
