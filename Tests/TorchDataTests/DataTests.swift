// Data sets, samplers, loaders, and the files they read.
import Testing
import TorchData

private struct Numbers: Dataset {
    let count: Int
    func item(_ i: Int) -> [Tensor] { [Tensor(Double(i)), Tensor(i * i)] }
}

private struct Failing: Dataset {
    struct Broken: Error {}
    var count: Int { 10 }
    func item(_ i: Int) throws -> [Tensor] {
        if i == 7 { throw Broken() }
        return [Tensor(i)]
    }
}

@Suite struct DataTests {
    @Test func batchesAreCollatedInOrder() {
        let batches = Array(DataLoader(Numbers(count: 5), batchSize: 2))
        #expect(batches.count == 3)
        #expect(batches[1][0].array(of: Float.self) == [2, 3] && batches[1][1].array(of: Int.self) == [4, 9])
        #expect(batches[2][0].shape == [1])
        #expect(DataLoader(Numbers(count: 5), batchSize: 2, dropLast: true).count == 2)
    }

    @Test func workersChangeNothing() {
        func epoch(_ workers: Int) -> [[Float]] {
            let g = Generator(seed: 3)
            return DataLoader(Numbers(count: 103), batchSize: 10, shuffle: true, workers: workers, generator: g).map { $0[0].array(of: Float.self) }
        }
        let plain = epoch(0)
        #expect(plain.flatMap { $0 }.sorted() == (0..<103).map(Float.init))
        #expect(plain.flatMap { $0 } != (0..<103).map(Float.init))
        for workers in [1, 2, 4] { #expect(epoch(workers) == plain) }
    }

    // In a process of its own: the default generator is one for all threads.
    @Test func theOrderIsThatOfPyTorch() async {
        await #expect(processExitsWith: .success) {
            // torch.manual_seed(0); [int(x) for x in DataLoader(range(8), shuffle=True)]
            manualSeed(0)
            let order = DataLoader(Numbers(count: 8), shuffle: true).map { Int($0[0].item()) }
            guard order == [2, 0, 5, 3, 1, 4, 7, 6] else { fatalError("\(order)") }
        }
    }

    @Test func skippingGoesOnInTheMiddle() throws {
        for workers in [0, 2] {
            let iterator = DataLoader(Numbers(count: 10), batchSize: 2, workers: workers).makeIterator()
            iterator.skip(3)
            #expect(try iterator.nextBatch()![0].array(of: Float.self) == [6, 7])
        }
    }

    @Test func errorsOfTheDataSetReachTheLoop() {
        for workers in [0, 2] {
            var seen = 0
            #expect(throws: Failing.Broken.self) { try DataLoader(Failing(), batchSize: 2, workers: workers).forEachBatch { _ in seen += 1 } }
            #expect(seen == 3)
        }
    }

    @Test func anAbandonedLoaderStops() {
        for _ in 0..<20 { _ = DataLoader(Numbers(count: 1000), batchSize: 10, workers: 2).makeIterator().next() }
    }

    @Test func digitsAreComplete() {
        let digits = Digits.load()
        #expect(digits.count == 1797 && digits.pixels.count == 1797 * 64)
        #expect(digits.labels.prefix(12) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
        #expect(digits.picture(0).prefix(8) == [0, 0, 80, 208, 144, 16, 0, 0])
        let batch = digits.batch([0, 1])
        #expect(batch[0].shape == [2, 1, 8, 8] && batch[1].array(of: Int.self) == [0, 1])
    }

    @Test func damagedIDXFilesAreRefused() throws {
        let good: [UInt8] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3] + [1, 2, 3, 4, 5, 6]
        #expect(try IDXFile(good, path: "x").sizes == [2, 3])
        func reason(_ data: [UInt8]) -> String {
            do {
                _ = try IDXFile(data, path: "x")
                return "accepted"
            } catch { return error.description }
        }
        #expect(reason([0, 0]).contains("ends inside the 4-byte magic number"))
        #expect(reason([1, 0, 8, 1, 0, 0, 0, 0]).contains("not an IDX file"))
        #expect(reason([0, 0, 0x0D, 1, 0, 0, 0, 0]).contains("element type 0xd"))
        #expect(reason(Array(good.prefix(9))).contains("ends inside the header"))
        #expect(reason(Array(good.dropLast())).contains("5 bytes of elements, but the header says 2 x 3 = 6"))
        #expect(reason([0, 0, 8, 4] + [UInt8](repeating: 255, count: 16)).contains("bytes of elements") || reason([0, 0, 8, 4] + [UInt8](repeating: 255, count: 16)).contains("too large"))
        #expect(throws: DataFileError.self) { try FashionMNIST.load(training: true, from: "/nonexistent") }
    }
}
