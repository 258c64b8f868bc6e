// Optimizer updates in one pass over memory and one launch for a list of parameters: sgd_OP_TYPE and adam_OP_TYPE, for ST_OP (few, many: the length of the list) and ST_TYPE. The order
// of operations is that of the CPU's cpu/optim.inc, which is PyTorch's.
#include "preamble.cuh"

#ifndef ST_OPTIM_KERNELS
enum { kNesterov = 1, kMaximize = 2, kFirstStep = 4 };

template <class C> struct alignas(16) Quad { C x[4]; };

/// The part of a parameter that this block updates.
template <class C> struct Part {
  C *parameter, *state[3];
  const C *gradient;
  uint32_t count;
  bool quads;
};
template <class C, class Args> ST_DEVICE Part<C> part_of(const Args &args) {
  // The last parameter whose first chunk is not beyond this one. All threads of a block take the same way.
  uint32_t low = 0, high = args.n.tensors - 1;
  while (low < high) {
    const uint32_t middle = (low + high + 1) / 2;
    if (args.entry[middle].first <= blockIdx.x) low = middle;
    else high = middle - 1;
  }
  const st_optim_entry &e = args.entry[low];
  const uint64_t begin = (blockIdx.x - e.first) * args.n.chunk, rest = e.count - begin, bytes = begin * sizeof(C);
  Part<C> p;
  p.count = (uint32_t)(rest < args.n.chunk ? rest : args.n.chunk);
  p.parameter = pointer<C>(e.parameter + bytes);
  p.gradient = pointer<const C>(e.gradient + bytes);
  st_address all = e.parameter | e.gradient;
#pragma unroll
  for (int k = 0; k < 3; ++k) {
    p.state[k] = e.state[k] ? pointer<C>(e.state[k] + bytes) : nullptr;
    all |= e.state[k];
  }
  p.quads = all % 16 == 0;
  return p;
}
/// Calls update(x, d, states) for every element of the part, four at a time in 16-byte accesses where addresses allow it. States that are not there read as 0 and are not written.
template <class C, int States, class F> ST_DEVICE void update_part(const Part<C> &part, const F &update) {
  const uint32_t quads = part.quads ? part.count / 4 : 0;
  for (uint32_t i = threadIdx.x; i < quads; i += blockDim.x) {
    Quad<C> x = ((const Quad<C> *)part.parameter)[i], s[States];
    const Quad<C> d = ((const Quad<C> *)part.gradient)[i];
#pragma unroll
    for (int k = 0; k < States; ++k) s[k] = part.state[k] ? ((const Quad<C> *)part.state[k])[i] : Quad<C>{};
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      C state[States];
#pragma unroll
      for (int k = 0; k < States; ++k) state[k] = s[k].x[e];
      x.x[e] = update(x.x[e], d.x[e], state);
#pragma unroll
      for (int k = 0; k < States; ++k) s[k].x[e] = state[k];
    }
    ((Quad<C> *)part.parameter)[i] = x;
#pragma unroll
    for (int k = 0; k < States; ++k)
      if (part.state[k]) ((Quad<C> *)part.state[k])[i] = s[k];
  }
  for (uint32_t i = quads * 4 + threadIdx.x; i < part.count; i += blockDim.x) {
    C state[States];
#pragma unroll
    for (int k = 0; k < States; ++k) state[k] = part.state[k] ? part.state[k][i] : C(0);
    part.parameter[i] = update(part.parameter[i], part.gradient[i], state);
#pragma unroll
    for (int k = 0; k < States; ++k)
      if (part.state[k]) part.state[k][i] = state[k];
  }
}

/// Number k of the step, from the arguments or from where the device has it.
template <class C> ST_DEVICE C number(const st_optim_numbers &n, int k) { return (C)(n.scalars ? pointer<const double>(n.scalars)[k] : n.scalar[k]); }

/// scalar: lr, momentum, 1 - dampening, weight decay.
template <class C, class Args> ST_DEVICE void sgd_kernel(const Args &args) {
  const st_optim_numbers &n = args.n;
  const C rate = number<C>(n, 0), momentum = number<C>(n, 1), fresh = number<C>(n, 2), decay = number<C>(n, 3), sign = n.flags & kMaximize ? C(-1) : C(1);
  Part<C> part = part_of<C>(args);
  const bool remembers = momentum != C(0) && part.state[0], first = n.flags & kFirstStep, nesterov = n.flags & kNesterov;
  if (!remembers) part.state[0] = nullptr;
  update_part<C, 1>(part, [&](C x, C gradient, C *state) {
    C d = gradient * sign;
    if (decay != C(0)) d = d + x * decay;
    if (remembers) {
      C b = d;
      if (!first) b = state[0] * momentum + d * fresh;
      state[0] = b;
      d = nesterov ? d + b * momentum : b;
    }
    return x - d * rate;
  });
}
/// scalar: kept share of the parameter (1 - lr decay), 1 - beta1, beta2, 1 - beta2, lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), eps, coupled decay.
template <class C, class Args> ST_DEVICE void adam_kernel(const Args &args) {
  const st_optim_numbers &n = args.n;
  const C keep = number<C>(n, 0), fresh1 = number<C>(n, 1), beta2 = number<C>(n, 2), fresh2 = number<C>(n, 3), step = number<C>(n, 4), root = number<C>(n, 5);
  const C eps = number<C>(n, 6), decay = number<C>(n, 7), sign = n.flags & kMaximize ? C(-1) : C(1);
  const Part<C> part = part_of<C>(args);
  const bool amsgrad = part.state[2];
  update_part<C, 3>(part, [&](C x, C gradient, C *state) {
    C d = gradient * sign;
    if (decay != C(0)) d = d + x * decay;
    x = x * keep;
    const C a = state[0] + (d - state[0]) * fresh1;
    C q = state[1] * beta2 + d * d * fresh2;
    state[0] = a;
    state[1] = q;
    if (amsgrad) {
      q = q > state[2] || q != q ? q : state[2];
      state[2] = q;
    }
    return x - a * step / (m_sqrt(q) * root + eps);
  });
}
#define ST_OPTIM_KERNELS(size, type) \
  ST_KERNEL(sgd_##size##_##type, st_optim_##size##_args, ST_KERNEL_BLOCK) { sgd_kernel<dtype_##type>(args); } \
  ST_KERNEL(adam_##size##_##type, st_optim_##size##_args, ST_KERNEL_BLOCK) { adam_kernel<dtype_##type>(args); }
#define ST_OPTIM_KERNELS_OF(size, type) ST_OPTIM_KERNELS(size, type)
#endif
#ifdef ST_OP
ST_OPTIM_KERNELS_OF(ST_OP, ST_TYPE)
#endif
