// Convolutions on the device: by cuDNN where it is found and has a plan (DNNConvolutions.swift), else by our own kernels, which gather as they multiply, on tensor cores where the type
// allows it: the geometry and how the work is split among blocks.
import CCUDA
import TorchKernels
import TorchRuntime

extension CUDABackend {
    public func convolution(_ y: Operand, _ x: Operand, weight: Operand, bias: Operand?, _ shape: ConvolutionShape) -> Bool {
        guard KernelFamily.convolution.has(y.dtype) else { return false }
        return onDevice(
            "convolution", failure: true,
            { () throws(DeviceError) in
                for o in [y, x, weight] + (bias.map { [$0] } ?? []) { try gpu.checkPlace(o) }
                if y.count == 0 { return true }
                if try convolveByDNN(.forward, y: y, x: x, weight: weight, bias: bias, shape) { return true }
                var a = try Self.geometry(out: y, in: x, weight, shape, isTurned: false)
                (a.bias, a.bias_stride) = (CUDADevice.address(bias?.pointer), UInt32(bias?.strides[0] ?? 0))
                try convolve(&a, y.dtype)
                return true
            },
            host: { onCPU("convolution", [.write(y), .read(x), .read(weight), .read(bias)], failure: true) { $0.convolution($1[0], $1[1], weight: $1[2], bias: $1.optional(3), shape) } })
    }

    public func convolutionBackwardData(_ dx: Operand, _ dy: Operand, weight: Operand, _ shape: ConvolutionShape) -> Bool {
        guard KernelFamily.convolution.has(dx.dtype) else { return false }
        return onDevice(
            "convolutionBackwardData", failure: true,
            { () throws(DeviceError) in
                for o in [dx, dy, weight] { try gpu.checkPlace(o) }
                if dx.count == 0 { return true }
                if try convolveByDNN(.backwardData, y: dy, x: dx, weight: weight, shape) { return true }
                var a = try Self.geometry(out: dx, in: dy, weight, shape, isTurned: true)
                try convolve(&a, dx.dtype)
                return true
            },
            host: {
                onCPU("convolutionBackwardData", [.write(dx), .read(dy), .read(weight)], failure: true) { $0.convolutionBackwardData($1[0], $1[1], weight: $1[2], shape) }
            })
    }

    public func convolutionBackwardWeight(_ dweight: Operand, _ dy: Operand, _ x: Operand, _ shape: ConvolutionShape) -> Bool {
        guard KernelFamily.convolution.has(dweight.dtype) else { return false }
        return onDevice(
            "convolutionBackwardWeight", failure: true,
            { () throws(DeviceError) in
                for o in [dweight, dy, x] { try gpu.checkPlace(o) }
                if dweight.count == 0 { return true }
                if try convolveByDNN(.backwardWeight, y: dy, x: x, weight: dweight, shape) { return true }
                var a = try Self.geometry(out: dy, in: x, dweight, shape, isTurned: false)
                try sumWeights(&a, dweight.dtype)
                return true
            },
            host: {
                onCPU("convolutionBackwardWeight", [.write(dweight), .read(dy), .read(x)], failure: true) { $0.convolutionBackwardWeight($1[0], $1[1], $1[2], shape) }
            })
    }

    // MARK: Geometry

    /// The kernels' numbers. `isTurned`: `in` is the gradient of the result and `out` that of the data (Note [Phases] of conv.cu).
    private static func geometry(out: Operand, in source: Operand, _ weight: Operand, _ shape: ConvolutionShape, isTurned: Bool) throws(DeviceError) -> st_conv_args {
        let name = isTurned ? "convolutionBackwardData" : "convolution"
        let rank = out.sizes.count - 2
        guard rank >= 1, rank <= 3 else { throw .kernel(name, log: "there is no kernel for \(rank) spatial dims, only for 1 to 3") }
        // Offsets in elements are counted with 31 bits, positions, which may lie in the padding, with 29.
        for o in [out, source, weight] {
            let reach = zip(o.sizes, o.strides).reduce(0) { $0 + max($1.0 - 1, 0) * abs($1.1) }
            guard max(reach, o.count) < Int(Int32.max), o.strides.allSatisfy({ $0 >= 0 && $0 <= Int(Int32.max) }) else {
                throw .kernel(name, log: "\(o.sizes) with strides \(o.strides) has more elements than the kernel counts (2^31)")
            }
        }
        let groups = shape.groups
        let (outChannels, inChannels) = (out.sizes[1] / groups, source.sizes[1] / groups)
        var a = st_conv_args()
        (a.out, a.in, a.weight) = (CUDADevice.address(out.pointer), CUDADevice.address(source.pointer), CUDADevice.address(weight.pointer))
        (a.rows, a.channels, a.groups) = (UInt32(outChannels), UInt32(inChannels), UInt32(groups))
        (a.in_batch, a.in_channel, a.in_group) = (UInt32(source.strides[0]), UInt32(source.strides[1]), UInt32(truncatingIfNeeded: source.strides[1] * inChannels))
        (a.out_batch, a.out_row, a.out_group) = (UInt32(out.strides[0]), UInt32(out.strides[1]), UInt32(truncatingIfNeeded: out.strides[1] * outChannels))
        let (row, channel) = isTurned ? (1, 0) : (0, 1)
        (a.weight_row, a.weight_channel) = (UInt32(weight.strides[row]), UInt32(weight.strides[channel]))
        a.weight_group = UInt32(truncatingIfNeeded: weight.strides[0] * (isTurned ? inChannels : outChannels))

        var (pixels, taps, planes) = (out.sizes[0], inChannels, groups)
        var dims: [st_conv_dim] = []
        for i in 0..<3 {
            // Innermost first; a dim that is not there has one position and one tap.
            let d = i < rank ? rank - 1 - i : -1
            func size(_ o: Operand) -> Int { d < 0 ? 1 : o.sizes[d + 2] }
            func stride(_ o: Operand) -> UInt32 { d < 0 ? 0 : UInt32(o.strides[d + 2]) }
            let (step, pad, dilation) = d < 0 ? (1, 0, 1) : (shape.stride[d], shape.padding[d], shape.dilation[d])
            let (extent, outExtent, kernel) = (size(source), size(out), size(weight))
            let limit = 1 << 29
            guard kernel > 0, max(step, pad, dilation, extent, outExtent, kernel) < limit, kernel * dilation + pad + max(extent, outExtent) * (isTurned ? 1 : step) < limit else {
                throw .kernel(name, log: "positions of size \(extent), stride \(step), padding \(pad), dilation \(dilation), kernel \(kernel) are more than the kernel counts (2^29)")
            }
            let shared = isTurned ? greatestCommonDivisor(step, dilation) : 1
            let phases = isTurned ? step : 1
            let perPhase = (outExtent + phases - 1) / phases
            dims.append(
                st_conv_dim(
                    kernel: st_make_divisor(UInt32(kernel)), phases: st_make_divisor(UInt32(phases)), pixels: st_make_divisor(UInt32(perPhase)), along: UInt32(isTurned ? 1 : step),
                    step: UInt32(isTurned ? step / shared : 1), extent: UInt32(extent), out_extent: UInt32(outExtent), move: Int32(isTurned ? -(dilation / shared) : dilation),
                    start: Int32(isTurned ? pad : -pad), dilation: Int32(dilation), in_stride: stride(source), out_stride: stride(out), weight_stride: stride(weight)))
            (pixels, taps) = (pixels * perPhase, taps * kernel)
            let (product, overflow) = planes.multipliedReportingOverflow(by: phases)
            planes = overflow ? .max : product
        }
        a.dim = (dims[0], dims[1], dims[2])
        guard max(pixels, taps, planes) < Int(Int32.max) else {
            throw .kernel(name, log: "\(pixels) pixels, \(taps) products for each or \(planes) groups and phases are more than the kernel counts (2^31)")
        }
        (a.pixels, a.taps, a.planes) = (UInt32(pixels), UInt32(taps), UInt32(planes))
        a.packed = !isTurned && hasPackedRows(weight) ? 1 : 0
        return a
    }

    /// Whether each row of the weights is a run of whole chunks of 16 bytes.
    private static func hasPackedRows(_ weight: Operand) -> Bool {
        var run = 1
        for d in weight.sizes.indices.dropFirst().reversed() {
            if weight.sizes[d] != 1, weight.strides[d] != run { return false }
            run *= weight.sizes[d]
        }
        return (UInt(bitPattern: weight.pointer) | UInt(run * weight.dtype.itemSize) | UInt(weight.strides[0] * weight.dtype.itemSize)) % 16 == 0
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : greatestCommonDivisor(b, a % b) }

    // MARK: Launches

    /// Below this many rows most of a tile would be empty: then a thread makes a pixel by itself.
    private static let fewRows = 8

    private func convolve(_ a: inout st_conv_args, _ dtype: DType) throws(DeviceError) {
        let (rows, pixels, type) = (Int(a.rows), Int(a.pixels), Int(dtype.rawValue))
        if rows <= Self.fewRows { return try launch(KernelFamily.convolution.number(0, type, 1), &a, rows: 4, columns: 256, over: pixels, planes: Int(a.planes)) }
        guard multipliesOnTensorCores(dtype, roundsToTF32: CUDA.allowTF32Convolution) else {
            return try launch(KernelFamily.convolution.number(0, type, 0), &a, rows: 64, columns: 64, over: pixels, planes: Int(a.planes))
        }
        // What is gathered once serves all rows of a block: the more the better, as long as a large device has a block for each multiprocessor.
        let isTall = rows > 64 && ((rows + 127) / 128) * ((pixels + 63) / 64) * Int(a.planes) >= 128
        try launch(
            KernelFamily.convolutionMma.number(0, type, isTall ? 0 : 2), &a, rows: isTall ? 128 : 64, columns: 64, over: pixels, planes: Int(a.planes), block: isTall ? 256 : 128)
    }

    /// Blocks make `rows` times `columns` of the results.
    private func launch(_ kernel: Int, _ a: inout st_conv_args, rows: Int, columns: Int, over count: Int, planes: Int, block: Int = 256) throws(DeviceError) {
        let lines = (Int(a.rows) + rows - 1) / rows
        guard lines <= 65_535 else { throw .kernel("convolution", log: "\(a.rows) channels in a group are more than the kernel counts") }
        try gpu.launch(kernel, grid: ((count + columns - 1) / columns, lines, min(planes, 65_535)), block: (block, 1), &a)
    }

    private func sumWeights(_ a: inout st_conv_args, _ dtype: DType) throws(DeviceError) {
        let (rows, taps, groups, pixels) = (Int(a.rows), Int(a.taps), Int(a.groups), Int(a.pixels))
        let weights = groups * rows * taps
        func kernel(_ variant: Int) -> Int { KernelFamily.convolution.number(0, Int(dtype.rawValue), variant) }
        (a.splits, a.each) = (1, UInt32(max(pixels, 1)))
        // As with few rows: in depthwise convolution each group has a few weights only, and there are many groups.
        if groups > 1, rows * taps <= 128 { return try gpu.launch(kernel(4), grid: (weights, 1, 1), block: (256, 1), &a) }
        // The shape alone decides into how many parts the pixels go, so that the same shape gives the same bits. A part is worth its sums in the workspace.
        // Here tall blocks always serve: parts are what keeps the device busy.
        let onTensorCores = multipliesOnTensorCores(dtype, roundsToTF32: CUDA.allowTF32Convolution), isTall = onTensorCores && rows > 64
        let side = isTall ? 128 : 64
        let tiles = (rows + side - 1) / side * ((taps + 63) / 64) * groups
        let wanted = tiles >= 256 ? 1 : max(1, min(512 / tiles, pixels / 256))
        // Whole slices, of up to 32 pixels; no part is empty.
        let each = ((pixels + wanted - 1) / wanted + 31) & ~31
        let splits = max(1, (pixels + each - 1) / max(each, 1))
        (a.splits, a.each) = (UInt32(splits), UInt32(max(each, 1)))
        let bytes = splits * weights * max(dtype.itemSize, 4)
        let workspace = splits > 1 ? gpu.allocate(byteCount: bytes) : nil
        if splits > 1 {
            guard let workspace else { throw refusal(byteCount: bytes) }
            a.workspace = CUDADevice.address(workspace.pointer)
        }
        let product = onTensorCores ? KernelFamily.convolutionMma.number(0, Int(dtype.rawValue), isTall ? 1 : 3) : kernel(2)
        try launch(product, &a, rows: side, columns: 64, over: taps, planes: groups * splits, block: onTensorCores ? side * 2 : 256)
        if splits > 1 { try gpu.launch(kernel(3), grid: ((weights + 255) / 256, 1, 1), block: (256, 1), &a) }
        withExtendedLifetime(workspace) {}
    }
}
