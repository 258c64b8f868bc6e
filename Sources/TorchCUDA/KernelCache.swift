// Kernels of a device: compiled when first asked for, kept on disk, started without a look-up by name.
import CCUDA
import Glibc
import TorchRuntime

/// A device's kernels by number.
final class KernelCache: @unchecked Sendable {
    // @unchecked: `functions` is an array of words, each written once under the lock; a reader sees nil or the function. The rest is guarded by the lock.
    private let driver: CUDADriver
    private let compiler: NVRTC
    private let architecture: String
    private let disk: KernelDiskCache
    private let functions: UnsafeMutablePointer<cc_function?>
    private let lock = Mutex()
    /// What could not be made, so that it is not tried again for every operator.
    private var failures: [Int: DeviceError] = [:]
    /// Numbers of the kernels started last, in a ring. Written without a lock: at worst a late fault's report is off by one.
    private let recent: UnsafeMutablePointer<Int32>
    private static let recentCount = 16
    private var recentNext = 0

    /// Kernels compiled by this process and kernels found on disk; for tests.
    private(set) var compiled = 0, loaded = 0

    init(_ driver: CUDADriver, _ compiler: NVRTC, architecture: String) {
        self.driver = driver
        self.compiler = compiler
        self.architecture = architecture
        disk = KernelDiskCache()
        functions = .allocate(capacity: KernelFamily.kernelCount)
        functions.initialize(repeating: nil, count: KernelFamily.kernelCount)
        recent = .allocate(capacity: Self.recentCount)
        recent.initialize(repeating: -1, count: Self.recentCount)
    }

    deinit {
        functions.deallocate()
        recent.deallocate()
    }

    /// The kernel with this number, made if need be. The device's context is this thread's.
    @inline(__always)
    func function(_ number: Int) throws(DeviceError) -> cc_function {
        if let f = functions[number] { return f }
        return try make(number)
    }

    /// Remembers a start for the report of a late fault.
    @inline(__always)
    func note(_ number: Int) {
        let i = recentNext & (Self.recentCount - 1)
        recent[i] = Int32(truncatingIfNeeded: number)
        recentNext = i + 1
    }

    /// Names of the kernels started last, latest first.
    var lastLaunches: [String] {
        (1...Self.recentCount).compactMap { back in
            let number = recent[(recentNext - back) & (Self.recentCount - 1)]
            return number < 0 ? nil : KernelFamily.symbol(of: Int(number))
        }
    }

    /// Names of the kernels that were made.
    var names: [String] { (0..<KernelFamily.kernelCount).filter { functions[$0] != nil }.map(KernelFamily.symbol) }

    // MARK: Making

    @inline(never)
    private func make(_ number: Int) throws(DeviceError) -> cc_function {
        if let e = lock.withLock({ failures[number] }) { throw e }
        let program = KernelFamily.program(of: number)
        return try load(number, program, code(program)).get()
    }

    /// Makes the kernels of these names, several at a time. Throws the first error when all others are made.
    func make(_ names: [String]) throws(DeviceError) {
        let wanted = Set(names)
        let programs = (0..<KernelFamily.kernelCount).map { (number: $0, program: KernelFamily.program(of: $0)) }.filter { wanted.contains($0.program.symbol) }
        if let unknown = wanted.subtracting(programs.map(\.program.symbol)).min() {
            throw .kernel(unknown, log: "there is no kernel of this name; CUDA.loadedKernels() gives the names of those that a program has used, of this version of swift-torch")
        }
        let missing = programs.filter { functions[$0.number] == nil }
        let codes = Codes(count: missing.count)
        Parallel.forEach(count: missing.count, grain: 1) { range in
            for i in range { codes[i] = code(missing[i].program) }
        }
        var failure: DeviceError?
        for (i, m) in missing.enumerated() {
            if case .failure(let e) = load(m.number, m.program, codes[i]!) { failure = failure ?? e }
        }
        if let failure { throw failure }
    }

    /// Machine code, and whether it was found on disk.
    private typealias Code = Result<(image: [UInt8], isKept: Bool), DeviceError>

    /// A place for each code.
    private final class Codes: @unchecked Sendable {
        // @unchecked: every place is written by one thread, and read when all are done.
        private let places: UnsafeMutableBufferPointer<Code?>

        init(count: Int) {
            places = .allocate(capacity: count)
            places.initialize(repeating: nil)
        }

        deinit {
            places.deinitialize()
            places.deallocate()
        }

        subscript(_ i: Int) -> Code? {
            get { places[i] }
            set { places[i] = newValue }
        }
    }

    static func options(_ program: KernelFamily.Program, _ architecture: String) -> [String] {
        ["--std=c++20", "--gpu-architecture=\(architecture)", "-default-device"] + program.allDefines.map { "-D\($0)" }
    }

    private func key(_ program: KernelFamily.Program) -> UInt128 {
        disk.key(program.file, Self.options(program, architecture) + ["\(compiler.version)", compiler.path, swiftTorchVersion])
    }

    /// Takes no lock: threads compile side by side, at worst the same.
    private func code(_ program: KernelFamily.Program) -> Code {
        if let image = disk.read(key(program)) { return .success((image, true)) }
        return compile(program)
    }

    private func compile(_ program: KernelFamily.Program) -> Code {
        do throws(DeviceError) {
            return .success((try compiler.compile(program.file, Self.options(program, architecture), symbol: program.symbol), false))
        } catch {
            return .failure(error)
        }
    }

    private func load(_ number: Int, _ program: KernelFamily.Program, _ code: Code) -> Result<cc_function, DeviceError> {
        lock.withLock {
            if let f = functions[number] { return .success(f) }
            do throws(DeviceError) {
                var (image, isKept) = try code.get()
                var f = isKept ? try? function(image, program) : nil
                if f == nil {
                    // What was kept does not load: as if it were not there.
                    if isKept { (image, isKept) = try compile(program).get() }
                    f = try function(image, program)
                    disk.write(key(program), image)
                }
                if isKept { loaded += 1 } else { compiled += 1 }
                functions[number] = f
                return .success(f!)
            } catch {
                failures[number] = error
                return .failure(error)
            }
        }
    }

    private func function(_ image: [UInt8], _ program: KernelFamily.Program) throws(DeviceError) -> cc_function {
        let api = driver.table
        var (module, f): (cc_module?, cc_function?)
        try driver.check(image.withUnsafeBytes { api.pointee.cuModuleLoadData(&module, $0.baseAddress!) }, "cuModuleLoadData")
        guard let module else { throw .kernel(program.symbol, log: "the driver gave no module") }
        let r = api.pointee.cuModuleGetFunction(&f, module, program.symbol)
        guard r == 0, let f else { throw .kernel(program.symbol, log: "not in \(program.file) (cuModuleGetFunction: error \(r))") }
        return f
    }
}

// MARK: - Compiling

/// A kernel's file or a header.
struct KernelSource: @unchecked Sendable {
    // @unchecked: the text is part of the program, or read once and kept for good.
    let name: String
    let text: UnsafePointer<CChar>
    let isHeader: Bool

    /// What the program carries. For work on kernels: files of the same name in the folder that SWIFT_TORCH_KERNELS names take its place, so that they need no new build.
    static let all: [KernelSource] = {
        var count: Int32 = 0
        let first = cc_sources(&count)
        let folder = environment("SWIFT_TORCH_KERNELS")
        return (0..<Int(count)).map {
            let name = String(cString: first[$0].name)
            return KernelSource(name: name, text: folder.flatMap { read("\($0)/\(name)") } ?? first[$0].text, isHeader: first[$0].is_header)
        }
    }()

    private static func read(_ path: String) -> UnsafePointer<CChar>? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var (text, capacity): (UnsafeMutablePointer<CChar>?, Int) = (nil, 0)
        // Up to a NUL, which a text has none of.
        return getdelim(&text, &capacity, 0, file) >= 0 ? UnsafePointer(text) : nil
    }
}

extension NVRTC {
    /// Machine code of `file` with `options`. `symbol` is for messages.
    func compile(_ file: String, _ options: [String], symbol: String) throws(DeviceError) -> [UInt8] {
        let sources = KernelSource.all
        // A family that is not written yet: nothing to explain.
        guard let source = sources.first(where: { $0.name == file }) else { throw .kernel(symbol, log: "") }
        let headers = sources.filter(\.isHeader)
        // C strings that live until the end.
        let names = headers.map { strdup($0.name) }
        let arguments = options.map { strdup($0) }
        defer { for p in names + arguments { free(p) } }
        let texts: [UnsafePointer<CChar>?] = headers.map { $0.text }
        var program: cc_program?
        let made = table.pointee.nvrtcCreateProgram(&program, source.text, file, Int32(headers.count), texts, names.map { UnsafePointer($0) })
        guard made == 0, program != nil else { throw .kernel(symbol, log: "nvrtcCreateProgram: error \(made)") }
        defer { _ = table.pointee.nvrtcDestroyProgram(&program) }
        let result = table.pointee.nvrtcCompileProgram(program!, Int32(arguments.count), arguments.map { UnsafePointer($0) })
        guard result == 0 else {
            throw .kernel(symbol, log: "NVRTC \(version.major).\(version.minor) refused \(file) (\(options.joined(separator: " "))):\n\(Self.withSourceLine(log(program!), sources))")
        }
        var size = 0
        guard table.pointee.nvrtcGetCUBINSize(program!, &size) == 0, size > 0 else { throw .kernel(symbol, log: "NVRTC gave no machine code for \(options[1])") }
        var image = [UInt8](repeating: 0, count: size)
        _ = image.withUnsafeMutableBytes { table.pointee.nvrtcGetCUBIN(program!, $0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
        return image
    }

    private func log(_ program: cc_program) -> String {
        var size = 0
        guard table.pointee.nvrtcGetProgramLogSize(program, &size) == 0, size > 0 else { return "no log" }
        var text = [CChar](repeating: 0, count: size)
        _ = table.pointee.nvrtcGetProgramLog(program, &text)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The log with the line that its first `file(number)` names, which is in this binary and nowhere else.
    private static func withSourceLine(_ log: String, _ sources: [KernelSource]) -> String {
        for line in log.split(separator: "\n") {
            guard let open = line.firstIndex(of: "("), let close = line[open...].firstIndex(of: ")"), let number = Int(line[line.index(after: open)..<close]),
                let source = sources.first(where: { line[..<open].hasSuffix($0.name) })
            else { continue }
            let lines = String(cString: source.text).split(separator: "\n", omittingEmptySubsequences: false)
            if number >= 1, number <= lines.count { return "\(log)\n\(source.name):\(number): \(lines[number - 1])" }
        }
        return log
    }
}

// MARK: - On disk

/// Compiled programs in the user's cache folder.
///
/// Note [Kernel cache]
/// A file is named by a hash of all that goes into it: every source text, the options, the compiler's version and place, our version. It is written beside its place and
/// renamed, so that another process sees all of it or nothing; a checksum finds what was damaged, which is compiled again and overwritten. Failures to write are nobody's
/// business but the next start's. Variables: SWIFT_TORCH_CUDA_CACHE (a folder, or `none`), XDG_CACHE_HOME, HOME.
struct KernelDiskCache {
    private let folder: String?
    /// Hash of all sources.
    private let sources: UInt128

    init() {
        if let own = environment("SWIFT_TORCH_CUDA_CACHE") {
            folder = own == "none" ? nil : own
        } else if let cache = environment("XDG_CACHE_HOME") ?? environment("HOME").map({ "\($0)/.cache" }) {
            folder = "\(cache)/swift-torch/cuda"
        } else {
            folder = nil
        }
        var h = Self.start
        for s in folder == nil ? [] : KernelSource.all {
            h = Self.hash(s.name.utf8, h)
            h = Self.hash(UnsafeRawBufferPointer(start: s.text, count: strlen(s.text)), h)
        }
        sources = h
    }

    // FNV-1a, 128 bits: programs are told apart by it, nothing is protected.
    private static let start: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    private static func hash(_ bytes: some Sequence<UInt8>, _ start: UInt128) -> UInt128 {
        var h = start
        for b in bytes { h = (h ^ UInt128(b)) &* 0x0000_0000_0100_0000_0000_0000_0000_013b }
        // An end of each part, so that parts do not run together.
        return (h ^ 0x1ff) &* 0x0000_0000_0100_0000_0000_0000_0000_013b
    }

    func key(_ file: String, _ facts: [String]) -> UInt128 {
        facts.reduce(Self.hash(file.utf8, sources)) { Self.hash($1.utf8, $0) }
    }

    private func path(_ key: UInt128) -> String? { folder.map { "\($0)/\(String(key, radix: 36)).cubin" } }

    /// Magic, key, checksum, then the image.
    private static let headerSize = 40
    private static let magic: UInt64 = 0x4e42_5543_5453_0001

    private static func header(_ key: UInt128, _ image: some Collection<UInt8>) -> [UInt8] {
        var h = [UInt8]()
        withUnsafeBytes(of: magic) { h += $0 }
        withUnsafeBytes(of: key) { h += $0 }
        withUnsafeBytes(of: hash(image, start)) { h += $0 }
        return h
    }

    /// The image kept under `key`; nil if there is none that is sound.
    func read(_ key: UInt128) -> [UInt8]? {
        guard let path = path(key) else { return nil }
        let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_size > Self.headerSize else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(facts.st_size))
        guard Glibc.read(file, &bytes, bytes.count) == bytes.count else { return nil }
        let image = Array(bytes[Self.headerSize...])
        return Self.header(key, image).elementsEqual(bytes[..<Self.headerSize]) ? image : nil
    }

    func write(_ key: UInt128, _ image: [UInt8]) {
        guard let folder, let path = path(key) else { return }
        Self.makeFolder(folder)
        let temporary = "\(path).\(getpid())"
        let file = Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { return }
        let bytes = Self.header(key, image) + image
        let written = Glibc.write(file, bytes, bytes.count)
        close(file)
        if written != bytes.count || rename(temporary, path) != 0 { unlink(temporary) }
    }

    private static func makeFolder(_ path: String) {
        var part = ""
        for name in path.split(separator: "/", omittingEmptySubsequences: false) {
            part += part.isEmpty && name.isEmpty ? "" : "\(name)"
            if !part.isEmpty { mkdir(part, 0o755) }
            part += "/"
        }
    }
}
