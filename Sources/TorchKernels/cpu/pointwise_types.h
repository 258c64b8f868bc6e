// Element type classes and result kinds that the operator lists (include/st_unary.def and its fellows) name, as bit sets over StDType.
#pragma once
#include "st_pointwise.h"

#define ST_TYPES_BOOL 0x0001u
#define ST_TYPES_INT 0x003eu
#define ST_TYPES_FLT 0x03c0u
#define ST_TYPES_FULL 0x0300u   // float32 and float64
#define ST_TYPES_COMPLEX 0x0c00u
#define ST_TYPES_UNSIGNED 0x7000u  // uint16, uint32, uint64
#define ST_TYPES_INTB (ST_TYPES_INT | ST_TYPES_BOOL)
#define ST_TYPES_REAL (ST_TYPES_INT | ST_TYPES_FLT)
#define ST_TYPES_REALB (ST_TYPES_REAL | ST_TYPES_BOOL)
#define ST_TYPES_FC (ST_TYPES_FLT | ST_TYPES_COMPLEX)
#define ST_TYPES_NUM (ST_TYPES_REAL | ST_TYPES_COMPLEX)
#define ST_TYPES_NUMB (ST_TYPES_NUM | ST_TYPES_BOOL)
#define ST_TYPES_ANY ST_TYPES_NUMB
#define ST_TYPES_ALL (ST_TYPES_ANY | ST_TYPES_UNSIGNED)

enum { ST_RESULT_SAME, ST_RESULT_BOOL, ST_RESULT_ABS, ST_RESULT_ANGLE, ST_RESULT_CPLX };

/// The parts that the tables are compiled in: bool and integers, floats, complex numbers; special functions of floats. Each returns NULL for what it lacks.
st_loop st_unary_float(StUnaryOp op, StDType dtype);
st_loop st_unary_integer(StUnaryOp op, StDType dtype);
st_loop st_unary_complex(StUnaryOp op, StDType dtype);
st_loop st_unary_special(StUnaryOp op, StDType dtype);
st_loop st_binary_float(StBinaryOp op, StDType dtype);
st_loop st_binary_integer(StBinaryOp op, StDType dtype);
st_loop st_binary_complex(StBinaryOp op, StDType dtype);
st_loop st_binary_special(StBinaryOp op, StDType dtype);
st_loop st_ternary_float(StTernaryOp op, StDType dtype);
st_loop st_ternary_integer(StTernaryOp op, StDType dtype);
st_loop st_ternary_complex(StTernaryOp op, StDType dtype);
