// Where CUDA's libraries are looked for.
import Glibc
import TorchRuntime

/// A library of CUDA that is opened at run time.
///
/// Note [Search order]
/// 1. The override variable, which must then be right: a wrong path is an error, not a reason to look further.
/// 2. What this process has loaded already (it may run beside PyTorch): a second copy would not share its state.
/// 3. The loader's own places (LD_LIBRARY_PATH, the cache of ldconfig), newest major version first.
/// 4. CUDA_HOME, CUDA_PATH and the usual folders of the toolkit.
/// 5. The Python wheels of NVIDIA in every Python that can be seen.
/// The libraries of the toolkit must all be of one major version of CUDA, and not newer than the driver; `majors` says which are left. Some count their own versions.
package struct CUDALibrary: Sendable {
    /// For messages.
    let name: String
    /// Environment variable that names the file.
    let override: String
    /// File name with `#` for the library's own major version; without one the name is the same for all.
    let file: String
    /// Folders below `nvidia/` in a Python's packages.
    let wheels: [String]
    /// The library's own major version by CUDA's, where the two differ.
    var ownMajors: [Int: Int] = [:]

    package static let driver = CUDALibrary(name: "NVIDIA driver", override: "SWIFT_TORCH_CUDA_DRIVER", file: "libcuda.so.1", wheels: [])
    package static let nvrtc = CUDALibrary(name: "NVRTC", override: "SWIFT_TORCH_NVRTC", file: "libnvrtc.so.#", wheels: ["cu13", "cuda_nvrtc"])
    package static let blasLt = CUDALibrary(name: "cuBLASLt", override: "SWIFT_TORCH_CUBLASLT", file: "libcublasLt.so.#", wheels: ["cu13", "cublas"])
    package static let fft = CUDALibrary(name: "cuFFT", override: "SWIFT_TORCH_CUFFT", file: "libcufft.so.#", wheels: ["cu13", "cufft"], ownMajors: [12: 11, 13: 12])
    package static let solver = CUDALibrary(name: "cuSOLVER", override: "SWIFT_TORCH_CUSOLVER", file: "libcusolver.so.#", wheels: ["cu13", "cusolver"], ownMajors: [12: 11, 13: 12])
    /// Built for each CUDA, under one name: what it says of its CUDA is checked once it is open.
    package static let dnn = CUDALibrary(name: "cuDNN", override: "SWIFT_TORCH_CUDNN", file: "libcudnn.so.9", wheels: ["cudnn"])

    /// An open library.
    struct Opened {
        let handle: UnsafeMutableRawPointer
        let path: String
    }

    /// Why a library was not opened.
    struct NotFound: Error {
        let reason: String
    }

    /// Opens the first that can be. `majors`: of CUDA; none where the name has no version.
    func open(majors: [Int]) -> Result<Opened, NotFound> {
        if let path = environment(override) {
            if let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) { return .success(Opened(handle: handle, path: path)) }
            return .failure(NotFound(reason: "\(override) names a file that cannot be opened: \(Self.loaderError)"))
        }
        let files = file.contains("#") ? majors.compactMap { ownMajor(ofCUDA: $0) }.map { Self.named(file, major: $0) } : [file]
        for f in files {
            if let handle = dlopen(f, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD) { return .success(Opened(handle: handle, path: f)) }
        }
        // The first error is of the plain name, which says most.
        var reason: String?
        for folder in [""] + Self.toolkitFolders() + (wheels.isEmpty ? [] : Self.wheelFolders(wheels)) {
            for f in files {
                let path = folder.isEmpty ? f : "\(folder)/\(f)"
                if !folder.isEmpty, access(path, R_OK) != 0 { continue }
                if let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) { return .success(Opened(handle: handle, path: path)) }
                let error = Self.loaderError
                // A file that is there and does not load is worth more than one that is not there.
                if reason == nil || !folder.isEmpty { reason = error }
            }
        }
        return .failure(NotFound(reason: reason ?? "not found"))
    }

    /// The library's own major version in this version of CUDA; nil for a CUDA that is not known.
    func ownMajor(ofCUDA major: Int) -> Int? { ownMajors.isEmpty ? major : ownMajors[major] }

    private static var loaderError: String { dlerror().map { String(cString: $0) } ?? "unknown error" }

    private static func named(_ file: String, major: Int) -> String {
        String(file.split(separator: "#", omittingEmptySubsequences: false).joined(separator: "\(major)"))
    }

    // MARK: Libraries that may be missing

    /// An open library with its table of functions.
    struct Loaded {
        let table: UnsafeRawPointer
        let path: String
        let cudaMajor: Int
    }

    /// Opens the library of a CUDA (NVRTC's, unless it is given) and fills its table. The override variable may be `none`; `without` says what serves then, and where it is not found.
    func load(
        cudaMajor given: Int? = nil, without: String, _ fill: (UnsafeMutableRawPointer, UnsafeMutablePointer<UnsafePointer<CChar>?>) -> UnsafeRawPointer?
    ) throws(DeviceError) -> Loaded {
        var cudaMajor = given ?? 0
        if given == nil { cudaMajor = try NVRTC.shared.get().version.major }
        if environment(override) == "none" { throw .unavailable("\(name) is turned off (\(override)=none); \(without)") }
        let opened: Opened
        switch open(majors: [cudaMajor]) {
        case .success(let o): opened = o
        case .failure(let e): throw .unavailable("\(name) of CUDA \(cudaMajor) was not found (\(e.reason)); \(without)")
        }
        var missing: UnsafePointer<CChar>?
        guard let table = fill(opened.handle, &missing) else {
            throw .unavailable("\(name) \(opened.path) lacks the function \(missing.map { String(cString: $0) } ?? "?"); \(without)")
        }
        return Loaded(table: table, path: opened.path, cudaMajor: cudaMajor)
    }

    /// A version as its libraries count them (12500 is 12.5), which must be that of its CUDA.
    func version(of loaded: Loaded, without: String, _ ask: (UnsafeMutablePointer<Int32>) -> Int32) throws(DeviceError) -> String {
        var number: Int32 = 0
        guard ask(&number) == 0 else { throw .unavailable("\(name) \(loaded.path) does not say its version; \(without)") }
        let version = "\(number / 1000).\(number % 1000 / 100)"
        guard Int(number / 1000) == ownMajor(ofCUDA: loaded.cudaMajor) else { throw isOfOtherVersion(loaded.path, version: version, cudaMajor: loaded.cudaMajor, without: without) }
        return version
    }

    /// What to say of a library whose version is not the one that its CUDA has.
    func isOfOtherVersion(_ path: String, version: String, cudaMajor: Int, without: String) -> DeviceError {
        .unavailable("\(name) \(path) is \(version), which does not go with the CUDA \(cudaMajor) of NVRTC; point \(override) to the one of CUDA \(cudaMajor). Until then \(without)")
    }

    // MARK: Folders

    private static func toolkitFolders() -> [String] {
        ["CUDA_HOME", "CUDA_PATH"].compactMap { environment($0) }.flatMap { ["\($0)/lib64", "\($0)/lib"] }
            + ["/usr/local/cuda/lib64", "/usr/local/nvidia/lib64", "/usr/lib/wsl/lib"]
    }

    private static func wheelFolders(_ names: [String]) -> [String] {
        packageFolders().flatMap { root in names.map { "\(root)/nvidia/\($0)/lib" } }
    }

    /// Folders in which Python looks for packages: PYTHONPATH, active environments, and the python3 that PATH finds.
    private static func packageFolders() -> [String] {
        var folders = (environment("PYTHONPATH") ?? "").split(separator: ":").map(String.init)
        var prefixes = ["VIRTUAL_ENV", "CONDA_PREFIX"].compactMap { environment($0) }
        for folder in (environment("PATH") ?? "").split(separator: ":") where access("\(folder)/python3", X_OK) == 0 {
            prefixes.append(contentsOf: installations(of: "\(folder)/python3"))
        }
        for prefix in prefixes {
            for lib in ["\(prefix)/lib", "\(prefix)/local/lib"] {
                for entry in entries(of: lib) where entry.hasPrefix("python3") {
                    folders += ["\(lib)/\(entry)/site-packages", "\(lib)/\(entry)/dist-packages"]
                }
            }
        }
        var seen = Set<String>()
        return folders.filter { seen.insert($0).inserted }
    }

    /// The folders above `bin` along the symbolic links of `python`; a virtual environment ends the search, since its python is a link to another one's.
    private static func installations(of python: String) -> [String] {
        var result: [String] = []
        var path = python
        for _ in 0..<8 {
            let prefix = parent(parent(path))
            result.append(prefix.isEmpty ? "/" : prefix)
            if access("\(prefix)/pyvenv.cfg", R_OK) == 0 { break }
            guard let target = link(path) else { break }
            path = target.hasPrefix("/") ? target : "\(parent(path))/\(target)"
        }
        return result
    }

    private static func parent(_ path: String) -> String { path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "." }

    private static func link(_ path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
            let n = readlink(path, buffer.baseAddress!, buffer.count)
            return n < 0 ? nil : String(decoding: buffer.prefix(n).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    private static func entries(of folder: String) -> [String] {
        guard let d = opendir(folder) else { return [] }
        defer { closedir(d) }
        var result: [String] = []
        while let entry = readdir(d) {
            result.append(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return result.sorted()
    }
}

/// A variable of the environment; nil when unset or empty.
func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
}
