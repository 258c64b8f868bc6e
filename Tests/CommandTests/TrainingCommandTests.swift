// The commands that train and show: what they print, what they save, what they refuse.
import Foundation
import Testing

@Suite struct TrainingCommandTests {
    @Test func environment() throws {
        let run = try Outcome.of("env")
        #expect(run.status == 0)
        for word in ["swift-torch", "CPU level", "OpenBLAS", "oneDNN", "CUDA", "float32"] { #expect(run.output.contains(word), "\(word)") }
        let bare = try Outcome.of("env", environment: ["SWIFT_TORCH_VENDOR": "none"])
        #expect(bare.output.contains("our own kernels serve"))
    }

    @Test func theTour() throws {
        let run = try Outcome.of("demo", "--rows", "50")
        #expect(run.status == 0 && run.errors.isEmpty)
        #expect(run.output.contains("y = 6.0  dy/da, dy/db, dy/dc = 2.0 1.0 1.0"))
        #expect(run.output.contains("digraph {") && run.output.contains("step 2000: loss 0.0"))
    }

    @Test func trainingLearnsAndItsNetworkPredicts() throws {
        let folder = try Folder()
        let run = try Outcome.of("train", "--digits", "--epochs", "6", "--output", folder["."])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("data: embedded handwritten digits"))
        let accuracy = run.output.split(separator: "\n").last { $0.contains("epoch 6/6") }.flatMap { $0.split(separator: " ").compactMap { Double($0) }.max() }
        #expect((accuracy ?? 0) > 85, "\(run.output)")
        #expect(try String(decoding: folder.data("curve.svg"), as: UTF8.self).contains("<svg"))
        let shown = try Outcome.of("predict", "--digits", "--model", folder["model.safetensors"], "--count", "2")
        #expect(shown.status == 0 && shown.output.contains("test picture") && shown.output.contains("%"), "\(shown.output)\(shown.errors)")
    }

    @Test func interruptedTrainingGoesOnWithTheSameBits() throws {
        let (whole, parts) = (try Folder(), try Folder())
        #expect(try Outcome.of("train", "--digits", "--epochs", "3", "--output", whole["."]).status == 0)
        let stopped = try Outcome.of("train", "--digits", "--epochs", "3", "--stop-after", "31", "--output", parts["."])
        #expect(stopped.status == 0 && stopped.output.contains("go on with --resume"), "\(stopped.output)")
        // Another number of threads must not matter either.
        let resumed = try Outcome.of("train", "--digits", "--epochs", "3", "--resume", "--threads", "1", "--output", parts["."])
        #expect(resumed.output.contains("resumed at epoch 2, step 8"), "\(resumed.output)\(resumed.errors)")
        #expect(try whole.data("model.safetensors") == parts.data("model.safetensors"))
        let other = try Outcome.of("train", "--digits", "--epochs", "4", "--resume", "--output", parts["."])
        #expect(other.status != 0 && other.errors.contains("--epochs 3; resume with the same"))
    }

    /// On the emulated device: started there, gone on with here.
    @Test func aDeviceByName() throws {
        let folder = try Folder()
        let emulator = try Outcome.tool.deletingLastPathComponent().appendingPathComponent("libcuda-emulator.so").path
        let there = ["SWIFT_TORCH_CUDA_DRIVER": emulator, "SWIFT_TORCH_NVRTC": emulator, "SWIFT_TORCH_CUDA_CACHE": "none"]
        let common = ["train", "--digits", "--epochs", "1", "--output", folder["."]]
        let stopped = try Outcome.of(common + ["--stop-after", "2", "--device", "cuda"], environment: there)
        #expect(stopped.status == 0 && stopped.output.contains("device: cuda:0") && stopped.output.contains("go on with --resume"), "\(stopped.output)\(stopped.errors)")
        let resumed = try Outcome.of(common + ["--resume", "--stop-after", "1", "--device", "cpu"])
        #expect(resumed.status == 0 && resumed.output.contains("resumed at epoch 1, step 2"), "\(resumed.output)\(resumed.errors)")
        let beyond = try Outcome.of(common + ["--device", "cuda:3"], environment: there)
        #expect(beyond.status == 1 && beyond.errors.contains("--device cuda:3: the last of 1 CUDA devices is cuda:0"), "\(beyond.errors)")
        let without = try Outcome.of(common + ["--device", "cuda"], environment: ["SWIFT_TORCH_CUDA_DRIVER": "/nowhere/libcuda.so.1"])
        #expect(without.status == 1 && without.errors.contains("--device cuda:0: ") && without.errors.contains("/nowhere/libcuda.so.1"), "\(without.errors)")
    }

    @Test func badInputIsRefusedInOneLine() throws {
        let folder = try Folder()
        func refusal(_ arguments: String...) throws -> String {
            let run = try Outcome.of(arguments)
            // 64: the arguments; 1: what they lead to. Never a crash.
            #expect(run.status == 64 || run.status == 1, "\(run)")
            #expect(run.errors.split(separator: "\n").count <= 3 || run.status == 64, "\(run.errors)")
            return run.errors
        }
        #expect(try refusal("train", "--epocs", "3").contains("Unknown option '--epocs'"))
        #expect(try refusal("train", "--epochs", "0").contains("--epochs must be positive, got 0"))
        #expect(try refusal("train", "--learning-rate", "-1", "--output", folder["x"]).contains("learning-rate"))
        #expect(try refusal("train", "--device", "gpu").contains("'gpu' is invalid for '--device"))
        #expect(try refusal("predict", "--device", "meta").contains("give cpu or cuda"))
        #expect(try refusal("train", "--threads", "0").contains("--threads must be positive"))
        #expect(try refusal("train", "--data", "/nowhere").contains("/nowhere"))
        #expect(try refusal("train", "--digits", "--resume", "--output", folder["."]).contains("state.safetensors"))
        #expect(try refusal("predict", "--model", folder["absent.safetensors"]).contains("absent.safetensors"))
        #expect(try refusal("sing", "loudly").contains("sing"))
    }

    @Test func damagedDataAreNamed() throws {
        let folder = try Folder()
        for name in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] {
            try Data("not pictures".utf8).write(to: folder.url.appendingPathComponent(name))
        }
        let run = try Outcome.of("train", "--data", folder["."])
        #expect(run.status == 1 && run.errors.contains("train-images-idx3-ubyte"), "\(run.errors)")
    }

    @Test func lossThatIsNotANumberEndsTraining() throws {
        let folder = try Folder()
        let run = try Outcome.of("train", "--digits", "--learning-rate", "1e30", "--output", folder["."])
        #expect(run.status == 1 && run.errors.contains("try a smaller --learning-rate"), "\(run.errors)")
    }
}
