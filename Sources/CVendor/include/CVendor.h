// Libraries opened at run time: libgomp, OpenBLAS with LAPACK, oneDNN. Our own declarations, no header or library of theirs is needed to build or start.
#pragma once
#include "cv_library.h"
#include "cv_blas.h"
#include "cv_lapack.h"
#include "cv_dnnl.h"
