/* tile_baseline.h - the vocabulary of no instruction set at all: the reference for the others, and
 * what runs where none of them does. Without fused multiply-add its last bits differ from theirs.
 */
#ifndef CONVPOOL_TILE_BASELINE_H
#define CONVPOOL_TILE_BASELINE_H

#include "elements.h"

CONVPOOL_FORCE_INLINE float convpool_and_f32_baseline(float a, float b)
{
    uint32_t i, j;
    memcpy(&i, &a, sizeof i);
    memcpy(&j, &b, sizeof j);
    i &= j;
    memcpy(&a, &i, sizeof a);
    return a;
}

CONVPOOL_FORCE_INLINE double convpool_and_f64_baseline(double a, double b)
{
    uint64_t i, j;
    memcpy(&i, &a, sizeof i);
    memcpy(&j, &b, sizeof j);
    i &= j;
    memcpy(&a, &i, sizeof a);
    return a;
}

#define ISA_NAME baseline
#define TARGET
#define LANES 1
#define VZERO() 0
#define VLOAD(p) (*(p))
#define VSTORE(p, v) (*(p) = (v))
#define VSET1(x) (x)
#define VADD(a, b) ((a) + (b))
#define VSUB(a, b) ((a) - (b))
#define VMUL(a, b) ((a) * (b))
#define VAND(a, b) CONVPOOL_PASTE(convpool_, and, REAL_NAME, baseline)(a, b)
#define VFMA(a, b, c) ((a) * (b) + (c))
#define VMAX(a, b) ((a) > (b) ? (a) : (b))
#define VMIN(a, b) ((a) < (b) ? (a) : (b))
#define VLOAD2(p, v) ((v)[0] = (p)[0], (v)[1] = (p)[1])
#define VLOAD4(p, v) (VLOAD2(p, v), VLOAD2((p) + 2, (v) + 2))
#define VSTORE2(p, v) ((p)[0] = (v)[0], (p)[1] = (v)[1])
#define VSTORE4(p, v) (VSTORE2(p, v), VSTORE2((p) + 2, (v) + 2))
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
#include "winograd.inc.h"
#include "filter_rows.inc.h"
#include "filter_fold.inc.h"
#undef REAL
#undef REAL_NAME
#undef VEC

#define REAL double
#define REAL_NAME f64
#define VEC double
#include "gemm_tile.inc.h"
#include "stencil.inc.h"
#include "winograd.inc.h"
#include "filter_rows.inc.h"
#include "filter_fold.inc.h"
#undef REAL
#undef REAL_NAME
#undef VEC

#include "elements.inc.h"
#include "filters.inc.h"

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
#undef VADD
#undef VSUB
#undef VMUL
#undef VAND
#undef VFMA
#undef VMAX
#undef VMIN
#undef VLOAD2
#undef VLOAD4
#undef VSTORE2
#undef VSTORE4
#undef ROWS
#undef VECTORS
#undef TILE_CASES

#endif
