// Optimizer updates in one pass over memory: sgd_TYPE and adam_TYPE, for ST_TYPE. The order of operations is that of the CPU's cpu/optim.inc, which is PyTorch's.
#include "preamble.cuh"

#ifndef ST_OPTIM_KERNELS
enum { kNesterov = 1, kMaximize = 2, kFirstStep = 4 };

/// scalar: lr, momentum, 1 - dampening, weight decay.
template <class C> ST_DEVICE void sgd_kernel(const st_optim_args &args) {
  C *p = pointer<C>(args.parameter), *m = pointer<C>(args.state[0]);
  const C *g = pointer<const C>(args.gradient);
  const C rate = (C)args.scalar[0], momentum = (C)args.scalar[1], fresh = (C)args.scalar[2], decay = (C)args.scalar[3], sign = args.flags & kMaximize ? C(-1) : C(1);
  const bool remembers = momentum != C(0) && m;
  for (uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; i < args.count; i += (uint64_t)gridDim.x * blockDim.x) {
    const C x = p[i];
    C d = g[i] * sign;
    if (decay != C(0)) d = d + x * decay;
    if (remembers) {
      C b = d;
      if (!(args.flags & kFirstStep)) b = m[i] * momentum + d * fresh;
      m[i] = b;
      d = args.flags & kNesterov ? d + b * momentum : b;
    }
    p[i] = x - d * rate;
  }
}
/// scalar: kept share of the parameter (1 - lr decay), 1 - beta1, beta2, 1 - beta2, lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t), eps, coupled decay.
template <class C> ST_DEVICE void adam_kernel(const st_optim_args &args) {
  C *p = pointer<C>(args.parameter), *m = pointer<C>(args.state[0]), *v = pointer<C>(args.state[1]), *top = pointer<C>(args.state[2]);
  const C *g = pointer<const C>(args.gradient);
  const C keep = (C)args.scalar[0], fresh1 = (C)args.scalar[1], beta2 = (C)args.scalar[2], fresh2 = (C)args.scalar[3], step = (C)args.scalar[4], root = (C)args.scalar[5];
  const C eps = (C)args.scalar[6], decay = (C)args.scalar[7], sign = args.flags & kMaximize ? C(-1) : C(1);
  for (uint64_t i = (uint64_t)blockIdx.x * blockDim.x + threadIdx.x; i < args.count; i += (uint64_t)gridDim.x * blockDim.x) {
    C x = p[i], d = g[i] * sign;
    if (decay != C(0)) d = d + x * decay;
    x = x * keep;
    C a = m[i];
    a = a + (d - a) * fresh1;
    C q = v[i] * beta2 + d * d * fresh2;
    m[i] = a;
    v[i] = q;
    if (top) {
      const C largest = top[i];
      q = q > largest || q != q ? q : largest;
      top[i] = q;
    }
    p[i] = x - a * step / (m_sqrt(q) * root + eps);
  }
}
#define ST_OPTIM_KERNELS(type) \
  ST_KERNEL(sgd_##type, st_optim_args, ST_KERNEL_BLOCK) { sgd_kernel<dtype_##type>(args); } \
  ST_KERNEL(adam_##type, st_optim_args, ST_KERNEL_BLOCK) { adam_kernel<dtype_##type>(args); }
#define ST_OPTIM_KERNELS_OF(type) ST_OPTIM_KERNELS(type)
#endif
#ifdef ST_TYPE
ST_OPTIM_KERNELS_OF(ST_TYPE)
#endif
