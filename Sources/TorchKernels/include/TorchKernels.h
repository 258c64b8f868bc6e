// Everything that Swift sees of the kernels.
#pragma once
#include "st_types.h"
#include "st_thread.h"
#include "st_allocator.h"
#include "st_parallel.h"
#include "st_pointwise.h"
#include "st_reduce.h"
#include "st_rows.h"
#include "st_index.h"
#include "st_matrix.h"
#include "st_convolution.h"
#include "st_optim.h"
#include "st_trace.h"
