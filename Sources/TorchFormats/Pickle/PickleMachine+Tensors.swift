// PyTorch's functions that rebuild tensors.

extension PickleMachine {
    /// Interprets a rebuilding function of PyTorch; nil for other names.
    mutating func rebuild(_ name: String, _ arguments: [PickleValue]) throws(FormatError) -> PickleValue? {
        let prefix = "torch._utils._rebuild_"
        guard name.hasPrefix(prefix) else { return nil }
        func wrong() -> FormatError { malformed("\(name) of \(arguments.map { kind($0) }.joined(separator: ", "))") }
        switch name.dropFirst(prefix.count) {
        case "tensor", "tensor_v2":
            guard let t = try stridedTensor(arguments, metadataAt: 6) else { throw wrong() }
            return try make(.tensor(t))
        case "tensor_v3":
            guard arguments.count > 6, let t = try stridedTensor(arguments, typeAt: 6, metadataAt: 7) else { throw wrong() }
            return try make(.tensor(t))
        case "parameter", "parameter_with_state":
            guard arguments.count >= 2, case .bool(let requiresGradient) = arguments[1] else { throw wrong() }
            // A parameter may hold a sparse or quantised tensor, which has no such flag here.
            guard case .tensor(var t) = node(arguments[0]) else {
                switch node(arguments[0]) {
                case .sparse, .quantized: return arguments[0]
                default: throw wrong()
                }
            }
            (t.isParameter, t.requiresGradient) = (true, requiresGradient)
            return try make(.tensor(t))
        case "from_type_v2":
            guard arguments.count >= 3, let function = globalName(arguments[0]), let inner = items(arguments[2]) else { throw wrong() }
            guard function != name, let value = try rebuild(function, inner) else { throw unsupported("\(name) with \(function)") }
            return value
        case "device_tensor_from_cpu_tensor":
            guard arguments.count == 4, case .tensor(var t) = node(arguments[0]), case .bool(let requiresGradient) = arguments[3] else { throw wrong() }
            t.requiresGradient = requiresGradient
            return try make(.tensor(t))
        case "device_tensor_from_numpy", "xla_tensor":
            guard arguments.count == 4, case .numpyElements = node(arguments[0]) else { throw wrong() }
            return arguments[0]
        case "sparse_tensor", "sparse_csr_tensor":
            guard let t = try sparse(arguments) else { throw wrong() }
            return try make(.sparse(t))
        case "qtensor":
            guard let t = try quantized(arguments) else { throw wrong() }
            return try make(.quantized(t))
        case "meta_tensor_no_storage": throw unsupported("a tensor on the device \"meta\", which has no elements")
        case "nested_tensor": throw unsupported("a nested tensor")
        case "wrapper_subclass": throw unsupported("a tensor of a class of its own")
        default: throw unsupported("calls \(name), which is not on the list of what may be called")
        }
    }

    /// (storage, offset, size, stride[, requires_grad, hooks[, dtype][, metadata]]).
    private mutating func stridedTensor(_ a: [PickleValue], typeAt: Int? = nil, metadataAt: Int) throws(FormatError) -> PickleTensor? {
        guard a.count >= 4, case .storage(let storage) = a[0], case .int(let offset) = a[1], let shape = try integers(a[2]), let strides = try integers(a[3]) else { return nil }
        try charge(256 + 16 * (shape.count + strides.count))
        guard storages[storage].quantizedType == nil else { throw malformed("a plain tensor over a quantised storage") }
        var type = storages[storage].type
        if let typeAt {
            guard let name = globalName(a[typeAt]), let short = PickleGlobals.dtypeName(name) else { throw malformed("\(kind(a[typeAt])) as an element type") }
            guard let t = PickleGlobals.type(named: short) else { throw unsupported("tensors of \(name)") }
            type = t
        }
        // A storage of bytes under a tensor without a type of its own.
        var t = PickleTensor(storage: storage, type: type ?? .plain(.uint8), offset: offset, shape: shape, strides: strides, place: place)
        if a.count > 4 {
            guard case .bool(let requiresGradient) = a[4] else { return nil }
            t.requiresGradient = requiresGradient
        }
        if a.count > metadataAt, case .dictionary(let pairs, _, _) = node(a[metadataAt]) {
            try charge(pairs.count)
            for k in stride(from: 0, to: pairs.count, by: 2) {
                guard case .string(let key) = pairs[k], case .bool(let on) = pairs[k + 1] else { return nil }
                if key == "conj" { t.isConjugate = on } else if key == "neg" { t.isNegative = on }
            }
        }
        return t
    }

    /// (layout, (indices, values, size[, is_coalesced])) or (layout, (compressed indices, plain indices, values, size)).
    private mutating func sparse(_ a: [PickleValue]) throws(FormatError) -> PickleSparse? {
        guard a.count == 2, case .string(let name) = a[0], let parts = items(a[1]), parts.count >= 3 else { return nil }
        guard let layout = ["torch.sparse_coo": "coo", "torch.sparse_csr": "csr", "torch.sparse_csc": "csc", "torch.sparse_bsr": "bsr", "torch.sparse_bsc": "bsc"][name] else {
            throw malformed("the layout \(name.prefix(40))")
        }
        let isCOO = layout == "coo"
        let indices = isCOO ? [parts[0]] : Array(parts[0...1])
        let rest = parts.dropFirst(indices.count)
        guard rest.count >= 2, let shape = try integers(rest[rest.startIndex + 1]), shape.allSatisfy({ $0 >= 0 }) else { return nil }
        let values = rest[rest.startIndex]
        for part in indices + [values] {
            guard case .tensor = node(part) else { return nil }
        }
        var isCoalesced: Bool?
        if isCOO, rest.count > 2, case .bool(let b) = rest[rest.startIndex + 2] { isCoalesced = b }
        try charge(256 + 8 * shape.count)
        return PickleSparse(layout: layout, shape: shape, indices: indices, values: values, isCoalesced: isCoalesced)
    }

    /// (storage, offset, size, stride, (scheme, …), requires_grad, hooks).
    private mutating func quantized(_ a: [PickleValue]) throws(FormatError) -> PickleQuantized? {
        guard a.count >= 5, case .storage(let storage) = a[0], case .int(let offset) = a[1], let shape = try integers(a[2]), let strides = try integers(a[3]), let p = items(a[4]), let first = p.first,
            let scheme = globalName(first)
        else { return nil }
        guard let typeName = storages[storage].quantizedType, let type = storages[storage].type else { throw malformed("a quantised tensor over a plain storage") }
        try charge(512 + 16 * (shape.count + strides.count))
        let integers = PickleTensor(storage: storage, type: type, offset: offset, shape: shape, strides: strides, place: place)
        switch scheme {
        case "torch.per_tensor_affine":
            guard p.count == 3, let scale = real(p[1]), case .int(let zeroPoint) = p[2] else { return nil }
            return PickleQuantized(typeName: typeName, integers: integers, scheme: .perTensor(scale: scale, zeroPoint: zeroPoint))
        case "torch.per_channel_affine", "torch.per_channel_affine_float_qparams":
            guard p.count == 4, case .int(let axis) = p[3], case .tensor(let scales) = node(p[1]), case .tensor(let zeroPoints) = node(p[2]) else { return nil }
            guard shape.indices.contains(axis) else { throw malformed("a quantised tensor of \(shape.count) dims with its scales along dim \(axis)") }
            guard scales.shape == [shape[axis]], zeroPoints.shape == [shape[axis]] else {
                throw malformed("scales of shape \(scales.shape) and zero points of shape \(zeroPoints.shape)", expected: "one for each of the \(shape[axis]) along dim \(axis)")
            }
            return PickleQuantized(typeName: typeName, integers: integers, scheme: .perChannel(scales: p[1], zeroPoints: p[2], axis: axis))
        default: throw unsupported("the quantisation \(scheme)")
        }
    }
}
