// Which backend serves which device.

/// The backends of this process.
public enum Backends {
    // Written while modules initialise or a device is opened, before tensors of that device exist; read everywhere.
    nonisolated(unsafe) private static var registered: [any Backend] = []
    /// The CPU's backend, in a variable of its own because every operator reads it.
    nonisolated(unsafe) public private(set) static var cpu: (any Backend)! = nil  // set once by `register` before the first tensor
    private static let lock = Mutex()

    /// Makes `backend` the one for its device.
    public static func register(_ backend: any Backend) {
        lock.withLock {
            if backend.device.isCPU { cpu = backend }
            registered.removeAll { $0.device == backend.device }
            registered.append(backend)
        }
    }

    /// The backend of `device`, nil if there is none.
    public static func find(_ device: Device) -> (any Backend)? {
        if device.isCPU { return cpu }
        return lock.withLock { registered.first { $0.device == device } }
    }
}
