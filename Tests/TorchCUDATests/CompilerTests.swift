// The kernels in this binary, through NVIDIA's own compiler where it is installed.
import Glibc
import Testing
import TorchCUDA
import TorchTensor

@Suite struct KernelSourceTests {
    @Test func everyFileAndHeaderIsInTheBinary() {
        #expect(KernelCheck.missingSources == [])
    }
}

@Suite(.enabled(if: KernelCheck.unavailableReason == nil, "NVRTC is not installed")) struct CompilerTests {
    @Test(arguments: [
        "unary_gelu_f32_run", "unary_sigmoid_c64_strided", "binary_add_bf16_run", "binary_pow_i64_run", "ternary_lerp_f64_run", "convert_f32_bf16_run", "select_4_run",
        "copy_16_strided", "fill_8_run", "arange_i64", "reduce_sum_f32_inner", "reduce_argmax_f16_outer", "attention_bf16_64", "attentionDelta_f32", "maskScan_bool", "sortTake_i32",
    ])
    func kernelsBecomeMachineCode(symbol: String) throws {
        let image = try KernelCheck.compile(symbol, architecture: "sm_90")
        // A cubin is an ELF file that names its kernels.
        #expect(image.starts(with: [0x7f, 0x45, 0x4c, 0x46]))
        #expect(String(decoding: image, as: UTF8.self).contains(symbol))
    }

    @Test func theOthersOfAFileAreLeftOut() throws {
        let image = String(decoding: try KernelCheck.compile("softmaxBackward_f16", architecture: "sm_90"), as: UTF8.self)
        for other in ["logSoftmax_f16", "logSoftmaxBackward_f16", "crossEntropy_f16"] { #expect(!image.contains(other)) }
    }
}
