// Names in pickles: which are refused on sight, and what PyTorch's mean.

/// What is known about names of classes and functions.
enum PickleGlobals {
    /// Modules none of whose names a checkpoint can want: they start programs, open files, or run code.
    private static let refusedModules: Set<String> = [
        "os", "posix", "nt", "posixpath", "ntpath", "subprocess", "sys", "importlib", "imp", "runpy", "shutil", "socket", "ctypes", "pty", "pickle", "_pickle", "cPickle", "codeop", "commands",
        "popen2", "pdb", "bdb", "timeit", "cProfile", "webbrowser", "urllib", "urllib2", "httplib", "ftplib", "requests", "asyncio", "multiprocessing", "signal", "marshal", "zipimport", "pkgutil",
        "operator", "_operator", "pip", "setuptools", "distutils", "dill", "cloudpickle", "joblib", "shelve", "sqlite3",
    ]
    /// The names of Python's built-in module that are data.
    private static let builtins: Set<String> = [
        "set", "frozenset", "complex", "bytes", "bytearray", "list", "dict", "tuple", "int", "float", "str", "bool", "object", "slice", "range", "type", "NoneType", "Ellipsis", "long", "unicode",
    ]

    /// The name as it is called today: `__builtin__.set` is `builtins.set`.
    static func canonical(module: String, name: String) -> String {
        switch module {
        case "__builtin__": return "builtins.\(name)"
        case "copy_reg": return "copyreg.\(name)"
        case "numpy.core.multiarray", "numpy.core.numeric": return "numpy._core.\(module.dropFirst("numpy.core.".count)).\(name)"
        case "torch._tensor" where name == "_rebuild_from_type_v2": return "torch._utils._rebuild_from_type_v2"
        default: return "\(module).\(name)"
        }
    }

    /// True if the mere mention is a reason to refuse: nothing but running code can come of it.
    static func isRefused(module: String, name: String) -> Bool {
        if module == "builtins" || module == "__builtin__" { return !builtins.contains(name) }
        let top = String(module.prefix { $0 != "." })
        return refusedModules.contains(top)
    }

    /// Classes whose instances are made by a call with plain arguments; they are kept as data.
    static let dataClasses: Set<String> = [
        "builtins.slice", "builtins.range", "collections.deque", "pathlib.Path", "pathlib.PosixPath", "pathlib.PurePath", "pathlib.PurePosixPath", "pathlib.WindowsPath", "pathlib.PureWindowsPath",
        "pathlib._local.PosixPath", "pathlib._local.WindowsPath", "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone", "uuid.UUID", "decimal.Decimal",
        "fractions.Fraction",
    ]

    /// The type that a name without `torch.` stands for; nil if it is none, or none that is read.
    static func type(named name: String) -> StoredType? {
        if let dtype = types[name] { return dtype }
        if let format = Float8Format(rawValue: name) { return .float8(format) }
        return name == "complex32" ? .complexHalf : nil
    }
    private static let types: [String: StoredType] = [
        "bool": .plain(.bool), "uint8": .plain(.uint8), "int8": .plain(.int8), "int16": .plain(.int16), "int32": .plain(.int32), "int64": .plain(.int64), "uint16": .plain(.uint16),
        "uint32": .plain(.uint32), "uint64": .plain(.uint64), "float16": .plain(.float16), "bfloat16": .plain(.bfloat16), "float32": .plain(.float32), "float64": .plain(.float64),
        "complex64": .plain(.complex64), "complex128": .plain(.complex128),
    ]
    /// Types that can only be named.
    private static let otherTypes: Set<String> = [
        "qint8", "quint8", "qint32", "quint4x2", "quint2x4", "bits8", "bits16", "bits1x8", "bits2x4", "bits4x2", "float4_e2m1fn_x2", "int1", "int2", "int3", "int4", "int5", "int6", "int7", "uint1",
        "uint2", "uint3", "uint4", "uint5", "uint6", "uint7",
    ]

    /// `float32` for `torch.float32`; nil if the name is no element type.
    static func dtypeName(_ name: String) -> String? {
        guard name.hasPrefix("torch.") else { return nil }
        let short = String(name.dropFirst("torch.".count))
        return type(named: short) != nil || otherTypes.contains(short) ? short : nil
    }

    /// What the elements of a storage class are; nil if there is no such class.
    static func storageClass(_ name: String) -> (type: StoredType?, quantizedType: String?)? {
        var short = Substring(name)
        guard short.hasPrefix("torch.") else { return nil }
        short.removeFirst("torch.".count)
        for part in ["cuda.", "storage."] where short.hasPrefix(part) { short.removeFirst(part.count) }
        switch short {
        case "UntypedStorage", "_UntypedStorage": return (nil, nil)
        case "FloatStorage": return (.plain(.float32), nil)
        case "DoubleStorage": return (.plain(.float64), nil)
        case "HalfStorage": return (.plain(.float16), nil)
        case "BFloat16Storage": return (.plain(.bfloat16), nil)
        case "LongStorage": return (.plain(.int64), nil)
        case "IntStorage": return (.plain(.int32), nil)
        case "ShortStorage": return (.plain(.int16), nil)
        case "CharStorage": return (.plain(.int8), nil)
        case "ByteStorage": return (.plain(.uint8), nil)
        case "BoolStorage": return (.plain(.bool), nil)
        case "ComplexFloatStorage": return (.plain(.complex64), nil)
        case "ComplexDoubleStorage": return (.plain(.complex128), nil)
        case "QInt8Storage": return (.plain(.int8), "qint8")
        case "QUInt8Storage": return (.plain(.uint8), "quint8")
        case "QInt32Storage": return (.plain(.int32), "qint32")
        default: return nil
        }
    }

    /// The class of storages of a type, without `torch.`; nil for the types that came after such classes.
    static func storageClass(of type: StoredType) -> String? {
        switch type {
        case .plain(.float32): "FloatStorage"
        case .plain(.float64): "DoubleStorage"
        case .plain(.float16): "HalfStorage"
        case .plain(.bfloat16): "BFloat16Storage"
        case .plain(.int64): "LongStorage"
        case .plain(.int32): "IntStorage"
        case .plain(.int16): "ShortStorage"
        case .plain(.int8): "CharStorage"
        case .plain(.uint8): "ByteStorage"
        case .plain(.bool): "BoolStorage"
        case .plain(.complex64): "ComplexFloatStorage"
        case .plain(.complex128): "ComplexDoubleStorage"
        default: nil
        }
    }
}
