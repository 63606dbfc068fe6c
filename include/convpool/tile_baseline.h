/* tile_baseline.h - the vocabulary of no instruction set at all: the reference for the others, and
 * what runs where none of them does. Without fused multiply-add its last bits differ from theirs.
 */
#ifndef CONVPOOL_TILE_BASELINE_H
#define CONVPOOL_TILE_BASELINE_H

#include "elements.h"

/* The bits that both numbers have. */
#define CONVPOOL_BASELINE_AND(real, name, bits)                                 \
    CONVPOOL_FORCE_INLINE real convpool_and_##name##_baseline(real a, real b)   \
    {                                                                           \
        bits i, j;                                                              \
        memcpy(&i, &a, sizeof i);                                               \
        memcpy(&j, &b, sizeof j);                                               \
        i &= j;                                                                 \
        memcpy(&a, &i, sizeof a);                                               \
        return a;                                                               \
    }
CONVPOOL_BASELINE_AND(float, f32, uint32_t)
CONVPOOL_BASELINE_AND(double, f64, uint64_t)
#undef CONVPOOL_BASELINE_AND

#define ISA_NAME baseline
#define WIDEN8(p, to) convpool_widen_halves(p, to)
#define NARROW8(p, to) convpool_narrow_halves(p, to)
#define TARGET
#define ROWS 4
#define VECTORS 4
#define TILE_CASES(X)             \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) \
    X(2, 1) X(2, 2) X(2, 3) X(2, 4) \
    X(3, 1) X(3, 2) X(3, 3) X(3, 4) \
    X(4, 1) X(4, 2) X(4, 3) X(4, 4)

#define REAL float
#define REAL_NAME f32
#include "vectors.inc.h"

#define REAL double
#define REAL_NAME f64
#define VSUMS(p, q) ((double)(int32_t)((uint32_t)*(p) + (uint32_t)*(q)))
#define VBYTES(p, v) (*(p) = (uint8_t)(int32_t)((v) - 0x1.8p52))
#define VABOVE(v, x) ((v) > (x))
#include "vectors.inc.h"

#define PAIRS
#define REAL int32_t
#define REAL_NAME i32
#include "vectors.inc.h"

enum { convpool_rows_baseline = ROWS };
#include "elements.inc.h"

#endif
