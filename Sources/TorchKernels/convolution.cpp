// Convolution of our own, 1 to 3 spatial dims.
//
// Note [Convolution]
// float32 and float64: an implicit matrix product. A piece of the input is copied once into a padded box in the cache; from it, panels of neighbouring results are
// gathered tap by tap and multiplied by packed weights in the register tiles of the matrix product, so no column matrix is ever in memory. The gradient of the data
// is the same sum with the roles of input and output channels exchanged, once for each residue of the position modulo the stride, so that no multiplication is by
// an inserted zero. The gradient of the weights reads the box in place and has output channels along the vectors. One-by-one kernels are matrix products as they
// stand. Pieces depend on the shape only and partial sums are added in a fixed order: the number of threads does not change a bit.
// float16 and bfloat16 are widened as a whole. Integers and complex numbers go by the definition.
#include "st_convolution.h"
#include "st_allocator.h"
#include "st_matrix.h"
#include "st_parallel.h"

#define ST_LEVEL_FILE "convolution.inc"
#include "cpu/each_level.h"
#include "cpu/widen.h"

namespace {

int64_t product(const int64_t *v) { return v[0] * v[1] * v[2]; }

/// A one-by-one kernel that moves nothing: the images are matrices [channels, pixels].
bool is_pointwise(const st_conv *s) {
  for (int d = 0; d < 3; ++d)
    if (s->kernel[d] != 1 || s->stride[d] != 1 || s->pad[d] != 0) return false;
  // Few pixels leave the product's vectors empty; the panels of the general way run over several images.
  return s->groups == 1 && product(s->in) >= 64;
}
bool pointwise_forward(StDType t, size_t size, const st_conv *s, const void *x, const void *w, const void *bias, void *y) {
  const int64_t p = product(s->in);
  if (bias)
    for (int64_t i = 0; i < s->n * s->o; ++i) {
      const char *b = (const char *)bias + (size_t)(i % s->o) * size;
      if (size == 4) for (int64_t j = 0; j < p; ++j) ((float *)y)[i * p + j] = *(const float *)b;
      else for (int64_t j = 0; j < p; ++j) ((double *)y)[i * p + j] = *(const double *)b;
    }
  return st_gemm_batched(t, s->n, s->o, p, s->c, 1, w, 0, s->c, 1, x, s->c * p, p, 1, bias ? 1 : 0, y, s->o * p, p, 1);
}
bool pointwise_data(StDType t, const st_conv *s, const void *dy, const void *w, void *dx) {
  const int64_t p = product(s->in);
  return st_gemm_batched(t, s->n, s->c, p, s->o, 1, w, 0, 1, s->c, dy, s->o * p, p, 1, 0, dx, s->c * p, p, 1);
}

// MARK: By the definition

template <class R> struct Complex {
  R re, im;
  Complex() = default;
  Complex(R r) : re(r), im(0) {}
  Complex(R r, R i) : re(r), im(i) {}
  friend Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
  Complex &operator+=(Complex b) { re += b.re; im += b.im; return *this; }
};
enum Which { kForward, kData, kWeight };
template <class T> struct PlainJob { Which which; const st_conv *s; const T *a, *b, *bias; T *out; };
/// Input position of tap k at output q along dim d; negative or too large outside.
inline int64_t position(const st_conv *s, int d, int64_t q, int64_t k) { return q * s->stride[d] - s->pad[d] + k * s->dilation[d]; }

/// One image and channel of the result (for the weights: one pair of channels) a task: every sum belongs to one thread.
template <class T> void plain_task(void *context, int64_t from, int64_t to) {
  auto *j = (PlainJob<T> *)context;
  const st_conv *s = j->s;
  const int64_t in = product(s->in), out = product(s->out), taps = product(s->kernel), cg = s->c / s->groups, og = s->o / s->groups;
  for (int64_t task = from; task < to; ++task) {
    auto walk = [&](auto body) {   // body(output place, input place, tap)
      for (int64_t q0 = 0; q0 < s->out[0]; ++q0)
        for (int64_t k0 = 0; k0 < s->kernel[0]; ++k0) {
          const int64_t z = position(s, 0, q0, k0);
          if (z < 0 || z >= s->in[0]) continue;
          for (int64_t q1 = 0; q1 < s->out[1]; ++q1)
            for (int64_t k1 = 0; k1 < s->kernel[1]; ++k1) {
              const int64_t y = position(s, 1, q1, k1);
              if (y < 0 || y >= s->in[1]) continue;
              for (int64_t q2 = 0; q2 < s->out[2]; ++q2)
                for (int64_t k2 = 0; k2 < s->kernel[2]; ++k2) {
                  const int64_t x = position(s, 2, q2, k2);
                  if (x >= 0 && x < s->in[2])
                    body((q0 * s->out[1] + q1) * s->out[2] + q2, (z * s->in[1] + y) * s->in[2] + x, (k0 * s->kernel[1] + k1) * s->kernel[2] + k2);
                }
            }
        }
    };
    if (j->which == kForward) {
      const int64_t image = task / s->o, o = task % s->o, group = o / og;
      T *y = j->out + task * out;
      for (int64_t i = 0; i < out; ++i) y[i] = j->bias ? j->bias[o] : T(0);
      for (int64_t c = 0; c < cg; ++c) {
        const T *x = j->a + (image * s->c + group * cg + c) * in, *w = j->b + (o * cg + c) * taps;
        walk([&](int64_t q, int64_t p, int64_t k) { y[q] += x[p] * w[k]; });
      }
    } else if (j->which == kData) {
      const int64_t image = task / s->c, c = task % s->c, group = c / cg;
      T *dx = j->out + task * in;
      for (int64_t i = 0; i < in; ++i) dx[i] = T(0);
      for (int64_t o = group * og; o < (group + 1) * og; ++o) {
        const T *dy = j->a + (image * s->o + o) * out, *w = j->b + (o * cg + c % cg) * taps;
        walk([&](int64_t q, int64_t p, int64_t k) { dx[p] += dy[q] * w[k]; });
      }
    } else {
      const int64_t o = task / cg, c = o / og * cg + task % cg;
      T *dw = j->out + task * taps;
      for (int64_t i = 0; i < taps; ++i) dw[i] = T(0);
      for (int64_t image = 0; image < s->n; ++image) {
        const T *dy = j->a + (image * s->o + o) * out, *x = j->b + (image * s->c + c) * in;
        walk([&](int64_t q, int64_t p, int64_t k) { dw[k] += dy[q] * x[p]; });
      }
    }
  }
}
template <class T> bool plain(Which which, const st_conv *s, const void *a, const void *b, const void *bias, void *out) {
  PlainJob<T> job = {which, s, (const T *)a, (const T *)b, (const T *)bias, (T *)out};
  st_parallel_for(which == kForward ? s->n * s->o : which == kData ? s->n * s->c : s->o * (s->c / s->groups), 1, plain_task<T>, &job);
  return true;
}
bool plain(Which which, StDType t, const st_conv *s, const void *a, const void *b, const void *bias, void *out) {
  switch (t) {
  case StDType_complex64: return plain<Complex<float>>(which, s, a, b, bias, out);
  case StDType_complex128: return plain<Complex<double>>(which, s, a, b, bias, out);
  case StDType_uint8: case StDType_int8: return plain<uint8_t>(which, s, a, b, bias, out);
  case StDType_int32: return plain<uint32_t>(which, s, a, b, bias, out);
  case StDType_int64: return plain<uint64_t>(which, s, a, b, bias, out);
  default: return false;
  }
}

// MARK: 16-bit floats

struct Wide {
  float *data;
  size_t bytes;
  Wide(bool brain, const void *in, int64_t n) : data(nullptr), bytes((size_t)n * sizeof(float)) {
    if (!n) return;
    data = (float *)st_allocate(bytes);
    if (data && in) st_widen(brain, in, n, data);
  }
  ~Wide() { if (data) st_deallocate(data, bytes); }
  Wide(const Wide &) = delete;
};

int64_t x_count(const st_conv *s) { return s->n * s->c * product(s->in); }
int64_t y_count(const st_conv *s) { return s->n * s->o * product(s->out); }
int64_t w_count(const st_conv *s) { return s->o * (s->c / s->groups) * product(s->kernel); }

}  // namespace

extern "C" bool st_conv_forward(StDType t, const st_conv *s, const void *x, const void *weight, const void *bias, void *y) {
  if (y_count(s) == 0) return true;
  switch (t) {
  case StDType_float32:
    if (is_pointwise(s)) return pointwise_forward(t, 4, s, x, weight, bias, y);
    return ST_PICK(forward_f32)(s, x, weight, bias, y);
  case StDType_float64:
    if (is_pointwise(s)) return pointwise_forward(t, 8, s, x, weight, bias, y);
    return ST_PICK(forward_f64)(s, x, weight, bias, y);
  case StDType_float16: case StDType_bfloat16: {
    const bool brain = t == StDType_bfloat16;
    Wide wx(brain, x, x_count(s)), ww(brain, weight, w_count(s)), wb(brain, bias, bias ? s->o : 0), wy(brain, nullptr, y_count(s));
    if (!wx.data || !ww.data || !wy.data || (bias && !wb.data) || !st_conv_forward(StDType_float32, s, wx.data, ww.data, wb.data, wy.data)) return false;
    st_narrow(brain, wy.data, y_count(s), y);
    return true;
  }
  default: return plain(kForward, t, s, x, weight, bias, y);
  }
}

extern "C" bool st_conv_backward_data(StDType t, const st_conv *s, const void *dy, const void *weight, void *dx) {
  if (x_count(s) == 0) return true;
  switch (t) {
  case StDType_float32: return is_pointwise(s) ? pointwise_data(t, s, dy, weight, dx) : ST_PICK(backward_data_f32)(s, dy, weight, dx);
  case StDType_float64: return is_pointwise(s) ? pointwise_data(t, s, dy, weight, dx) : ST_PICK(backward_data_f64)(s, dy, weight, dx);
  case StDType_float16: case StDType_bfloat16: {
    const bool brain = t == StDType_bfloat16;
    Wide wy(brain, dy, y_count(s)), ww(brain, weight, w_count(s)), wx(brain, nullptr, x_count(s));
    if (!wx.data || !ww.data || !wy.data || !st_conv_backward_data(StDType_float32, s, wy.data, ww.data, wx.data)) return false;
    st_narrow(brain, wx.data, x_count(s), dx);
    return true;
  }
  default: return plain(kData, t, s, dy, weight, nullptr, dx);
  }
}

extern "C" bool st_conv_backward_weight(StDType t, const st_conv *s, const void *dy, const void *x, void *dweight) {
  if (w_count(s) == 0) return true;
  switch (t) {
  case StDType_float32: return ST_PICK(backward_weight_f32)(s, dy, x, dweight);
  case StDType_float64: return ST_PICK(backward_weight_f64)(s, dy, x, dweight);
  case StDType_float16: case StDType_bfloat16: {
    const bool brain = t == StDType_bfloat16;
    Wide wy(brain, dy, y_count(s)), wx(brain, x, x_count(s)), ww(brain, nullptr, w_count(s));
    if (!wx.data || !ww.data || !wy.data || !st_conv_backward_weight(StDType_float32, s, wy.data, wx.data, ww.data)) return false;
    st_narrow(brain, ww.data, w_count(s), dweight);
    return true;
  }
  default: return plain(kWeight, t, s, dy, x, nullptr, dweight);
  }
}
