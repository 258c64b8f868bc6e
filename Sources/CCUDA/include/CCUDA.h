// CUDA without CUDA's headers: the functions that we call of its libraries, all opened at run time, and the kernels' sources.
#pragma once
#include "cc_driver.h"
#include "cc_nvrtc.h"
#include "cc_blaslt.h"
#include "cc_dnn.h"
#include "cc_fft.h"
#include "cc_solver.h"
#include "cc_kernels.h"
