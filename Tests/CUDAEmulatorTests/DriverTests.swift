import Glibc
import Testing

extension EmulatorTests {
    /// The look-alikes of driver and compiler: what they refuse, and how they fail when they are asked to.
    @Suite struct DriverTests {
        typealias Handle = UnsafeMutableRawPointer
        let emulator: Emulator
        let initialize: @convention(c) (UInt32) -> Int32
        let allocate: @convention(c) (UnsafeMutablePointer<UInt64>, Int) -> Int32
        let free: @convention(c) (UInt64) -> Int32

        init() throws {
            emulator = try Emulator.shared.get()
            initialize = try emulator.function("cuInit")
            allocate = try emulator.function("cuMemAlloc_v2")
            free = try emulator.function("cuMemFree_v2")
        }

        /// Runs `body` with a variable of the emulator set.
        func with(_ variable: String, _ value: String, _ body: () throws -> Void) throws {
            let reset: @convention(c) () -> Void = try emulator.function("emulator_reset")
            try emulator.set(variable, value)
            try body()
            reset()
            try emulator.set(variable, nil)
        }
        func makeCurrent() throws {
            let retain: @convention(c) (UnsafeMutablePointer<Handle?>, Int32) -> Int32 = try emulator.function("cuDevicePrimaryCtxRetain")
            let setCurrent: @convention(c) (Handle?) -> Int32 = try emulator.function("cuCtxSetCurrent")
            var context: Handle?
            #expect(initialize(0) == 0)
            #expect(retain(&context, 0) == 0)
            #expect(setCurrent(context) == 0)
        }

        @Test func noDevice() throws {
            try with("DEVICES", "0") { #expect(initialize(0) == 100) }
            #expect(initialize(0) == 0)
        }

        @Test func oldDriver() throws {
            let version: @convention(c) (UnsafeMutablePointer<Int32>) -> Int32 = try emulator.function("cuDriverGetVersion")
            var value: Int32 = 0
            try with("DRIVER", "11040") {
                #expect(version(&value) == 0)
                #expect(value == 11040)
            }
            #expect(version(&value) == 0)
            #expect(value == 13000)
        }

        @Test func outOfMemory() throws {
            let name: @convention(c) (Int32, UnsafeMutablePointer<UnsafePointer<CChar>?>) -> Int32 = try emulator.function("cuGetErrorName")
            try with("MEMORY", "1000000") {
                try makeCurrent()
                var (a, b): (UInt64, UInt64) = (0, 0)
                #expect(allocate(&a, 600_000) == 0)
                #expect(a % 256 == 0)
                #expect(allocate(&b, 600_000) == 2)
                #expect(free(a) == 0)
                #expect(allocate(&b, 600_000) == 0)
                #expect(free(b) == 0)
                #expect(free(b) == 1, "freed twice")
            }
            var text: UnsafePointer<CChar>?
            #expect(name(2, &text) == 0)
            #expect(text.map { String(cString: $0) } == "CUDA_ERROR_OUT_OF_MEMORY")
        }

        @Test func copiesOutsideOfAllocationsAreRefused() throws {
            let toDevice: @convention(c) (UInt64, UnsafeRawPointer, Int, Handle?) -> Int32 = try emulator.function("cuMemcpyHtoDAsync_v2")
            let toHost: @convention(c) (UnsafeMutableRawPointer, UInt64, Int, Handle?) -> Int32 = try emulator.function("cuMemcpyDtoHAsync_v2")
            try makeCurrent()
            var address: UInt64 = 0
            #expect(allocate(&address, 100) == 0)
            var bytes = [UInt8](repeating: 0, count: 200)
            #expect(toHost(&bytes, address, 100, nil) == 0)
            #expect(bytes[..<100].allSatisfy { $0 == 0xFF }, "new memory is filled with 0xFF")
            #expect(toDevice(address, bytes, 101, nil) == 1)
            #expect(toDevice(address + 50, bytes, 50, nil) == 0)
            #expect(toHost(&bytes, address + 50, 51, nil) == 1)
            #expect(free(address) == 0)
        }

        /// Compiles as the host does; the result of the compiler and its log.
        func compile(_ file: String, _ defines: [String]) throws -> (result: Int32, log: String, image: [CChar]) {
            let create: @convention(c) (UnsafeMutablePointer<Handle?>, UnsafePointer<CChar>, UnsafePointer<CChar>, Int32, Handle?, Handle?) -> Int32 = try emulator.function("nvrtcCreateProgram")
            let compile: @convention(c) (Handle?, Int32, UnsafePointer<UnsafePointer<CChar>?>) -> Int32 = try emulator.function("nvrtcCompileProgram")
            let size: @convention(c) (Handle?, UnsafeMutablePointer<Int>) -> Int32 = try emulator.function("nvrtcGetProgramLogSize")
            let log: @convention(c) (Handle?, UnsafeMutablePointer<CChar>) -> Int32 = try emulator.function("nvrtcGetProgramLog")
            let imageSize: @convention(c) (Handle?, UnsafeMutablePointer<Int>) -> Int32 = try emulator.function("nvrtcGetCUBINSize")
            let image: @convention(c) (Handle?, UnsafeMutablePointer<CChar>) -> Int32 = try emulator.function("nvrtcGetCUBIN")
            let destroy: @convention(c) (UnsafeMutablePointer<Handle?>) -> Int32 = try emulator.function("nvrtcDestroyProgram")
            var program: Handle?
            #expect(create(&program, "", file, 0, nil, nil) == 0)
            defer { _ = destroy(&program) }
            let options = defines.map { strdup("-D" + $0) }
            defer { options.forEach { Glibc.free($0) } }
            let result = compile(program, Int32(options.count), options.map { UnsafePointer($0) })
            var bytes = 0
            #expect(size(program, &bytes) == 0)
            var text = [CChar](repeating: 0, count: bytes)
            #expect(log(program, &text) == 0)
            guard result == 0 else { return (result, String(decoding: text.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self), []) }
            #expect(imageSize(program, &bytes) == 0)
            var code = [CChar](repeating: 0, count: bytes)
            #expect(image(program, &code) == 0)
            return (0, "", code)
        }

        @Test func programsAndFunctionsOfTheContractOnly() throws {
            let load: @convention(c) (UnsafeMutablePointer<Handle?>, UnsafeRawPointer) -> Int32 = try emulator.function("cuModuleLoadData")
            let function: @convention(c) (UnsafeMutablePointer<Handle?>, Handle?, UnsafePointer<CChar>) -> Int32 = try emulator.function("cuModuleGetFunction")
            try makeCurrent()
            #expect(try compile("unary.cu", ["ST_OP=gelu", "ST_TYPE=i32"]).log.contains("no kernel of unary.cu with ST_OP=gelu ST_TYPE=i32"))
            #expect(try compile("unknown.cu", []).result == 6)
            let good = try compile("unary.cu", ["ST_OP=gelu", "ST_TYPE=f32"])
            #expect(good.result == 0)
            var (module, kernel): (Handle?, Handle?)
            #expect(load(&module, "not a module") == 200)
            #expect(load(&module, good.image) == 0)
            #expect(function(&kernel, module, "unary_gelu_f32_run") == 0)
            #expect(function(&kernel, module, "unary_gelu_f64_run") == 500, "a kernel of other defines")
            #expect(function(&kernel, module, "binary_add_f32_run") == 500, "a kernel of another file")
            try with("MISSING", "unary_gelu_f32_run") { #expect(function(&kernel, module, "unary_gelu_f32_run") == 500) }
            try with("FAIL_COMPILE", "unary.cu") {
                let failed = try compile("unary.cu", ["ST_OP=gelu", "ST_TYPE=f32"])
                #expect(failed.result == 6)
                #expect(failed.log.contains("unary.cu(1): error"))
            }
        }

        @Test func launchesAreChecked() throws {
            let load: @convention(c) (UnsafeMutablePointer<Handle?>, UnsafeRawPointer) -> Int32 = try emulator.function("cuModuleLoadData")
            let function: @convention(c) (UnsafeMutablePointer<Handle?>, Handle?, UnsafePointer<CChar>) -> Int32 = try emulator.function("cuModuleGetFunction")
            typealias Launch = @convention(c) (Handle?, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, Handle?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?, Handle?) -> Int32
            let launch: Launch = try emulator.function("cuLaunchKernel")
            let synchronize: @convention(c) (Handle?) -> Int32 = try emulator.function("cuStreamSynchronize")
            let fault: @convention(c) () -> UnsafePointer<CChar> = try emulator.function("emulator_fault")
            try makeCurrent()
            let program = try compile("arange.cu", ["ST_TYPE=f32"])
            var (module, kernel): (Handle?, Handle?)
            #expect(load(&module, program.image) == 0)
            #expect(function(&kernel, module, "arange_f32") == 0)
            // Nothing to write: count is 0.
            var arguments = [UInt64](repeating: 0, count: 8)
            try arguments.withUnsafeMutableBytes { bytes in
                var parameters: [UnsafeMutableRawPointer?] = [bytes.baseAddress]
                #expect(launch(kernel, 1, 1, 1, 256, 1, 1, 0, nil, &parameters, nil) == 0)
                #expect(launch(kernel, 0, 1, 1, 256, 1, 1, 0, nil, &parameters, nil) == 1, "no block")
                #expect(launch(kernel, 1, 65536, 1, 256, 1, 1, 0, nil, &parameters, nil) == 1, "grid y")
                #expect(launch(kernel, 1, 1, 1, 1025, 1, 1, 0, nil, &parameters, nil) == 1, "threads")
                #expect(launch(kernel, 1, 1, 1, 512, 1, 1, 0, nil, &parameters, nil) == 1, "more threads than the kernel was compiled for")
                #expect(launch(kernel, 1, 1, 1, 256, 1, 1, 0, nil, nil, nil) == 1, "no arguments")
                #expect(launch(kernel, 1, 1, 1, 256, 1, 1, 0, bytes.baseAddress, &parameters, nil) == 400, "no such stream")
                try with("FAIL_LAUNCH", "arange_f32") {
                    #expect(launch(kernel, 1, 1, 1, 256, 1, 1, 0, nil, &parameters, nil) == 719)
                    #expect(synchronize(nil) == 719, "the context is lost")
                    #expect(String(cString: fault()).contains("arange_f32"))
                }
                #expect(synchronize(nil) == 0)
            }
        }
    }
}
