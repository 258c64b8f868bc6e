import Testing

extension EmulatorTests {
    /// The kernels on the emulator, under every schedule. The checks themselves are in Sources/CCUDAEmulator/check_*.cpp.
    @Suite struct CheckTests {
        /// Every check passes under every schedule, with the same bits.
        @Test func everyCheckUnderEverySchedule() throws {
            let emulator = try Emulator.shared.get()
            let count: @convention(c) () -> Int32 = try emulator.function("emulator_check_count")
            let name: @convention(c) (Int32) -> UnsafePointer<CChar>? = try emulator.function("emulator_check_name")
            let run: @convention(c) (Int32, UnsafeMutablePointer<UInt64>) -> UnsafePointer<CChar>? = try emulator.function("emulator_check_run")
            let checks = count()
            #expect(checks > 10)
            var digests: [Int32: UInt64] = [:]
            for schedule in ["forward", "reverse", "shuffle:1", "shuffle:2", "shuffle:3"] {
                try emulator.set("SCHEDULE", schedule)
                // Closer to the end of an allocation, reads past it are seen too.
                try emulator.set("ALIGNMENT", schedule.hasPrefix("shuffle") ? "16" : nil)
                for check in 0..<checks {
                    var digest: UInt64 = 0
                    if let failure = run(check, &digest) {
                        Issue.record("\(schedule): \(String(cString: failure))")
                        continue
                    }
                    let first = digests[check, default: digest]
                    digests[check] = first
                    #expect(first == digest, "\(name(check).map { String(cString: $0) } ?? "?"): other bits under \(schedule)")
                }
            }
            try emulator.set("SCHEDULE", nil)
            try emulator.set("ALIGNMENT", nil)
        }

        /// `Kernels/list.txt`, the contract's list, and what is compiled into the emulator are the same.
        @Test func everyKernelOfTheListIsThere() throws {
            let emulator = try Emulator.shared.get()
            let count: @convention(c) () -> Int32 = try emulator.function("emulator_kernel_count")
            let symbol: @convention(c) (Int32) -> UnsafePointer<CChar>? = try emulator.function("emulator_kernel_symbol")
            let compiled = Set((0..<count()).compactMap { symbol($0).map { String(cString: $0) } }.filter { !$0.hasPrefix("faulty_") })
            var listed: Set<Substring> = []
            for line in try text(of: "Kernels/list.txt").split(separator: "\n") {
                let halves = line.split(separator: ":")
                try #require(halves.count == 2)
                listed.formUnion(halves[1].split(separator: " "))
            }
            let missing = listed.filter { !compiled.contains(String($0)) }, surplus = compiled.filter { !listed.contains(Substring($0)) }
            #expect(missing.isEmpty, "not in the emulator: \(missing.sorted().prefix(5))")
            #expect(surplus.isEmpty, "not in Kernels/list.txt: \(surplus.sorted().prefix(5))")
        }
    }
}
