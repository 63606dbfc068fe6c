/* tile_neon.h - the vocabulary of NEON on 64-bit ARM: 32 registers of 128 bits. A tile of 8 rows by
 * 3 vectors keeps 24 of them as sums and leaves room for three columns and the rows, which multiply
 * straight from the elements of a register.
 */
#ifndef CONVPOOL_TILE_NEON_H
#define CONVPOOL_TILE_NEON_H

#include "elements.h"

#if CONVPOOL_ARM64
#include <arm_neon.h>

#define ISA_NAME neon
#define TARGET
#define ROWS 8
#define VECTORS 3
#define TILE_CASES(X)                                               \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) \
    X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) X(7, 2) X(8, 2) \
    X(1, 3) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(6, 3) X(7, 3) X(8, 3)

/* Multiplication by an element comes out of this where vectors take subscripts. Whole registers of
 * rows are read: ROWS is a multiple of LANES. */
#if defined(_MSC_VER) && !defined(__clang__)
#define VELEMENT(a, r) VSET1((a)[r])
#else
#define VELEMENT(a, r) VSET1(VLOAD((a) + (r) / LANES * LANES)[(r) % LANES])
#endif

#define REAL float
#define REAL_NAME f32
#define LANES 4
#define VEC float32x4_t
#define VZERO() vdupq_n_f32(0)
#define VLOAD(p) vld1q_f32(p)
#define VSTORE(p, v) vst1q_f32(p, v)
#define VSET1(x) vdupq_n_f32(x)
#define VROW(a, r) VELEMENT(a, r)
#define VFMA(a, b, c) vfmaq_f32(c, a, b)
#include "gemm_tile.inc.h"
#include "stencil.inc.h"
enum { convpool_columns_f32_neon = VECTORS * LANES };
#undef REAL
#undef REAL_NAME
#undef LANES
#undef VEC
#undef VZERO
#undef VLOAD
#undef VSTORE
#undef VSET1
#undef VROW
#undef VFMA

#define REAL double
#define REAL_NAME f64
#define LANES 2
#define VEC float64x2_t
#define VZERO() vdupq_n_f64(0)
#define VLOAD(p) vld1q_f64(p)
#define VSTORE(p, v) vst1q_f64(p, v)
#define VSET1(x) vdupq_n_f64(x)
#define VROW(a, r) VELEMENT(a, r)
#define VFMA(a, b, c) vfmaq_f64(c, a, b)
#include "gemm_tile.inc.h"
#include "stencil.inc.h"
enum { convpool_columns_f64_neon = VECTORS * LANES };
#undef REAL
#undef REAL_NAME
#undef LANES
#undef VEC
#undef VZERO
#undef VLOAD
#undef VSTORE
#undef VSET1
#undef VROW
#undef VFMA

#include "elements.inc.h"

enum { convpool_rows_neon = ROWS };

#undef ISA_NAME
#undef TARGET
#undef ROWS
#undef VECTORS
#undef TILE_CASES
#undef VELEMENT

#endif
#endif
