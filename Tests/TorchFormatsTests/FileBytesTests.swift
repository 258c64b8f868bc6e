// Files that go wrong under us: cut short while mapped, replaced, pipes, full disks.
import Glibc
import Testing
import TorchFormats
import TorchTensor

struct FileBytesTests {
    /// A safetensors file of one tensor of 3 MB.
    private func writeLarge(_ path: String) throws { try Safetensors.save([("a", Tensor.ones(1 << 18)), ("b", Tensor.full([1 << 19], 2.0))], to: path) }

    @Test func cutShortBeforeItIsLoaded() throws {
        try Fixtures.withFolder { folder in
            let path = folder + "/a.safetensors"
            try writeLarge(path)
            let checkpoint = try Checkpoint(path: path)
            #expect(try checkpoint["a"]!.load().array(of: Float.self).allSatisfy { $0 == 1 })
            #expect(truncate(path, 5000) == 0)
            let error = #expect(throws: FormatError.self) { try checkpoint.load() }
            #expect("\(error!)" == "\(path): was cut short while it was read")
            #expect(throws: FormatError.self) { try checkpoint["a"]!.load() }
            #expect(throws: FormatError.self) { try Safetensors.File(path: path) }
        }
    }

    @Test func cutShortWithinAPage() throws {
        try Fixtures.withFolder { folder in
            let path = folder + "/a.safetensors"
            try Safetensors.save([("a", Tensor.ones(100))], to: path)
            let checkpoint = try Checkpoint(path: path)
            #expect(truncate(path, off_t(try FileBytes.read(path: path).count - 8)) == 0)
            #expect(throws: FormatError.self) { try checkpoint.load() }
        }
    }

    @Test func cutShortWhileItIsUsed() async throws {
        // In a process of its own: the line on stderr is wanted there.
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            try Fixtures.withFolder { folder in
                let path = folder + "/a.safetensors"
                try Safetensors.save([("a", Tensor.ones(1 << 18))], to: path)
                let tensor = try Checkpoint(path: path)["a"]!.load()
                guard truncate(path, 5000) == 0 else { exit(3) }
                let sum = tensor.sum().item()
                guard sum > 0, sum < 2000, tensor.array(of: Float.self).last == 0 else { exit(4) }
            }
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("a.safetensors was cut short while tensors lay in its map"))
        #expect(text.split(separator: "\n").filter { $0.contains("cut short") }.count == 1)
    }

    @Test func otherFaultsStillEndTheProgram() async {
        await #expect(processExitsWith: .signal(SIGBUS)) {
            signal(SIGBUS, SIG_DFL)
            try Fixtures.withFolder { folder in
                try Safetensors.save([("a", Tensor.ones(4))], to: folder + "/a.safetensors")
                let file = try FileBytes(path: folder + "/a.safetensors")
                let other = open(folder + "/other", O_RDWR | O_CREAT, 0o600)
                guard ftruncate(other, 8192) == 0, let p = mmap(nil, 8192, PROT_READ, MAP_SHARED, other, 0) else { exit(3) }
                guard ftruncate(other, 0) == 0 else { exit(4) }
                exit(Int32(p.load(fromByteOffset: 4096, as: UInt8.self)) + Int32(file.count) * 0)
            }
        }
    }

    @Test func moreFilesThanTheGuardWatches() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(7), &limit)
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(7), &limit)
            guard limit.rlim_cur > 1300 else { exit(0) }
            try Fixtures.withFolder { folder in
                try Safetensors.save([("a", Tensor([1.0, 2]))], to: folder + "/a.safetensors")
                let files = try (0..<1100).map { _ in try FileBytes(path: folder + "/a.safetensors") }
                let first = files[0].withBytes { [UInt8]($0) }
                guard files.allSatisfy({ $0.withBytes { [UInt8]($0) } == first && !$0.isDamaged }) else { exit(3) }
            }
        }
    }

    @Test func vanishedAfterOpening() throws {
        try Fixtures.withFolder { folder in
            let path = folder + "/a.safetensors"
            try writeLarge(path)
            let checkpoint = try Checkpoint(path: path)
            unlink(path)
            #expect(try checkpoint["b"]!.load().array(of: Float.self).allSatisfy { $0 == 2 })
            #expect(throws: FormatError.self) { try Checkpoint(path: path) }
        }
    }

    @Test func whatIsNoFile() throws {
        try Fixtures.withFolder { folder in
            let pipe = folder + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            for path in [pipe, folder, "/dev/null", "/dev/zero"] {
                let error = #expect(throws: FormatError.self) { try Checkpoint(path: path) }
                #expect(error?.kind == .system)
            }
            let empty = folder + "/empty"
            try AtomicFile.write([], to: empty)
            let error = #expect(throws: FormatError.self) { try Checkpoint(path: empty) }
            #expect(error?.reason == "the file is empty")
        }
    }

    @Test func aFullDiskLeavesNothingBehind() async {
        await #expect(processExitsWith: .success) {
            // A process may be forbidden to write files beyond a size: the same errors as a full disk.
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
            guard setrlimit(__rlimit_resource_t(1), &limit) == 0 else { exit(3) }
            try Fixtures.withFolder { folder in
                let large: [(name: String, tensor: Tensor)] = [("a", Tensor.ones(1 << 20))]
                for write: () throws -> Void in [
                    { try Safetensors.save(large, to: folder + "/a.safetensors") }, { try NumPyFile.save(large, to: folder + "/a.npz") },
                    { try NumPyFile.save(large[0].tensor, to: folder + "/a.npy") }, { try TorchFile.save(large, to: folder + "/a.pt") },
                ] {
                    do {
                        try write()
                        exit(4)
                    } catch let error as FormatError {
                        guard error.kind == .system, error.reason.hasPrefix("can not write") else { exit(5) }
                    }
                    guard Fixtures.contents(of: folder).isEmpty else { exit(6) }
                }
            }
        }
    }
}
