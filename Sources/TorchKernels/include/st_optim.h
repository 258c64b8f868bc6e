// Fused optimizer updates over many tensors in one call (float32 and float64; contiguous).
#pragma once
#include "st_types.h"
#ifdef __cplusplus
extern "C" {
#endif

/// One tensor's pointers; unused ones NULL.
typedef struct st_optim_tensor { void *param; const void *grad; void *state0; void *state1; void *state2; int64_t count; } st_optim_tensor;
/// PyTorch's SGD: g = maximize ? -grad : grad; g += weight_decay * p; momentum buffer (state0): first step buf = g, else buf = momentum*buf + (1-dampening)*g; nesterov g += momentum*buf; p -= lr*g.
typedef struct st_sgd { double lr, momentum, dampening, weight_decay; bool nesterov, maximize, first_step; } st_sgd;
void st_sgd_step(StDType t, const st_optim_tensor *tensors, int64_t count, const st_sgd *options);
/// Adam / AdamW (`decoupled`): state0 = exp_avg, state1 = exp_avg_sq, state2 = max_exp_avg_sq (amsgrad) or NULL; `step` counts from 1. Eps outside the root, after bias correction, as PyTorch.
typedef struct st_adam { double lr, beta1, beta2, eps, weight_decay, step; bool decoupled, maximize; } st_adam;
void st_adam_step(StDType t, const st_optim_tensor *tensors, int64_t count, const st_adam *options);

#ifdef __cplusplus
}
#endif
