/* tile_baseline.h - the vocabulary of no instruction set at all: the reference for the others, and
 * what runs where none of them does. Without fused multiply-add its last bits differ from theirs.
 */
#ifndef CONVPOOL_TILE_BASELINE_H
#define CONVPOOL_TILE_BASELINE_H

#include "elements.h"

#define ISA_NAME baseline
#define TARGET
#define LANES 1
#define VZERO() 0
#define VLOAD(p) (*(p))
#define VSTORE(p, v) (*(p) = (v))
#define VSET1(x) (x)
#define VROW(a, r) VSET1((a)[r])
#define VFMA(a, b, c) ((a) * (b) + (c))
#define ROWS 4
#define VECTORS 4
#define TILE_CASES(X)             \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) \
    X(2, 1) X(2, 2) X(2, 3) X(2, 4) \
    X(3, 1) X(3, 2) X(3, 3) X(3, 4) \
    X(4, 1) X(4, 2) X(4, 3) X(4, 4)

#define REAL float
#define REAL_NAME f32
#define VEC float
#include "gemm_tile.inc.h"
#include "stencil.inc.h"
#undef REAL
#undef REAL_NAME
#undef VEC

#define REAL double
#define REAL_NAME f64
#define VEC double
#include "gemm_tile.inc.h"
#include "stencil.inc.h"
#undef REAL
#undef REAL_NAME
#undef VEC

#include "elements.inc.h"

enum {
    convpool_rows_baseline = ROWS,
    convpool_columns_f32_baseline = VECTORS * LANES,
    convpool_columns_f64_baseline = VECTORS * LANES
};

#undef ISA_NAME
#undef TARGET
#undef LANES
#undef VZERO
#undef VLOAD
#undef VSTORE
#undef VSET1
#undef VROW
#undef VFMA
#undef ROWS
#undef VECTORS
#undef TILE_CASES

#endif
