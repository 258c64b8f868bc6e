// Pointwise kernels: conversion between element types. Bound by memory, so the third level would not help.
#include "st_pointwise.h"
#define ST_HIGHEST_LEVEL 1
#define ST_LEVEL_FILE "pointwise_convert.inc"
#include "cpu/each_level.h"

extern "C" st_loop st_convert(StDType from, StDType to) {
  if (from >= ST_DTYPE_COUNT || to >= ST_DTYPE_COUNT) return nullptr;
  return ST_PICK(find_convert)(from, to);
}
