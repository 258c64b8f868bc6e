// Products by columns on the host, with the types of the kernels.
#include "blaslt.h"
#include "../CCUDA/include/cc_blaslt.h"
#include "kernels.h"
#define ST_KERNEL_FILE "none"
namespace {
#include "mma.cuh"

float rounded(float x) { return float_of(to_tf32(bits_of(x))); }
double rounded(double x) { return x; }
template <class T> complex<T> rounded(complex<T> z) { return {rounded(z.re), rounded(z.im)}; }

template <class S> void multiply(const st_emulator::BlasLtProblem &p, const void *alpha_place, const void *a_matrix, const st_emulator::BlasLtLayout &al, const void *b_matrix,
                                 const st_emulator::BlasLtLayout &bl, const void *beta_place, const void *c_matrix, const st_emulator::BlasLtLayout &cl, void *d_matrix,
                                 const st_emulator::BlasLtLayout &dl, const void *bias_vector) {
  typedef Compute<S> C;
  C alpha, beta;
  memcpy((void *)&alpha, alpha_place, sizeof alpha);
  memcpy((void *)&beta, beta_place, sizeof beta);
  const C zero = {};
  const bool adds = memcmp((const void *)&beta, (const void *)&zero, sizeof beta) != 0;
  for (int64_t z = 0; z < dl.batch; ++z) {
    const S *a = (const S *)a_matrix + z * al.batch_stride, *b = (const S *)b_matrix + z * bl.batch_stride, *c = (const S *)c_matrix + z * cl.batch_stride;
    S *d = (S *)d_matrix + z * dl.batch_stride;
    for (uint64_t j = 0; j < p.n; ++j)
      for (uint64_t i = 0; i < p.m; ++i) {
        C sum = {};
        for (uint64_t k = 0; k < p.k; ++k) {
          C x = load_as(a + (p.a_transposed ? (int64_t)k + (int64_t)i * al.lead : (int64_t)i + (int64_t)k * al.lead));
          C y = load_as(b + (p.b_transposed ? (int64_t)j + (int64_t)k * bl.lead : (int64_t)k + (int64_t)j * bl.lead));
          if (p.tf32) {
            x = rounded(x);
            y = rounded(y);
          }
          sum = sum + x * y;
        }
        C value = alpha * sum;
        if (adds) value = value + beta * load_as(c + (int64_t)i + (int64_t)j * cl.lead);
        if (bias_vector) value = value + load_as((const S *)bias_vector + i);
        d[(int64_t)i + (int64_t)j * dl.lead] = Element<S>::store(value);
      }
  }
}
}  // namespace

namespace st_emulator {

void multiply_by_columns(const BlasLtProblem &problem, const void *alpha, const void *a, const BlasLtLayout &al, const void *b, const BlasLtLayout &bl, const void *beta, const void *c,
                         const BlasLtLayout &cl, void *d, const BlasLtLayout &dl, const void *bias) {
  auto run = [&](auto function) { function(problem, alpha, a, al, b, bl, beta, c, cl, d, dl, bias); };
  switch (al.type) {
    case CC_BLASLT_F16: return run(multiply<half>);
    case CC_BLASLT_BF16: return run(multiply<bfloat16>);
    case CC_BLASLT_F32: return run(multiply<float>);
    case CC_BLASLT_F64: return run(multiply<double>);
    case CC_BLASLT_C64: return run(multiply<complex64>);
    case CC_BLASLT_C128: return run(multiply<complex128>);
  }
}

}  // namespace st_emulator
