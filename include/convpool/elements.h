/* elements.h - what the per-type bodies (*.inc.h) share. */
#ifndef CONVPOOL_ELEMENTS_H
#define CONVPOOL_ELEMENTS_H

#include <math.h>
#include <stddef.h>

#include "filter.h"
#include "geometry.h"
#include "halves.h"
#include "quads.h"
#include "types.h"
#include "windows.h"

/* No strip is wider: bounds the small arrays that packers and epilogues keep on the stack. */
enum { CONVPOOL_MAX_WIDTH = 64 };

/* Elements of a patch that packing keeps on the stack: it shares the first level of cache with what
 * it is copied to. */
enum { CONVPOOL_PATCH = 4096 };

/* Elements by which stencils may overrun a patch and their sums, so that vectors need no tail. */
enum { CONVPOOL_SLACK = 128 };

/* Has what follows read memory anew: compilers otherwise keep more values for later than there are
 * registers, and move them to the stack and back. */
#if defined(__GNUC__) || defined(__clang__)
#define CONVPOOL_RELOAD __asm__ volatile("" ::: "memory")
#else
#define CONVPOOL_RELOAD ((void)0)
#endif

/* Keeps a pointer in one register: compilers otherwise keep what it is the sum of, and add that
 * again in each step of a loop. */
#if defined(__GNUC__) || defined(__clang__)
#define CONVPOOL_WHOLE(pointer) __asm__("" : "+r"(pointer))
#else
#define CONVPOOL_WHOLE(pointer) ((void)0)
#endif

/* Column phases of a patch whose ends are found once for all its rows. */
enum { CONVPOOL_PHASES = 4 };

/* Neighbours that pooling reduces in one step: a loop of constant length, which compilers turn into
 * vectors. */
enum { CONVPOOL_POOL_CHUNK = 8 };

/* Chains of a sum over a whole plane: enough to hide the latency of an addition. */
enum { CONVPOOL_POOL_DEAL = 32 };

/* What gemm_tile does with the sums that a tile holds. */
typedef enum convpool_chain {
    CONVPOOL_CHAIN_STARTS = 0,  /* overwrites them: sums run from 0 */
    CONVPOOL_CHAIN_GOES_ON = 1, /* sums run from them */
    CONVPOOL_CHAIN_ADDS = 2     /* sums run from 0 and are added to them */
} convpool_chain;

/* Strips of columns that one row is multiplied by at a time. */
enum { CONVPOOL_ROW_STRIPS = 4 };

/* Rows that gemm_lines takes, and vectors of lines at a time. */
enum { CONVPOOL_LINE_ROWS = 4, CONVPOOL_LINE_VECTORS = 4 };

/* Where gemm_whole and gemm_rows leave finished sums: row r at out[r * out_line], after
 * residual[r * residual_line] and biases were added, of rows by gemm_whole and of columns by
 * gemm_rows, and within bounds, perhaps infinite. Bias and residual may be NULL. */
typedef struct convpool_finish {
    const void *bias, *residual;
    void *out;
    int64_t residual_line, out_line;
    double low, high;
} convpool_finish;

/* Winograd's tiles see so many cells a side at most, whatever the kernel. So many of them are
 * transformed together at most, and multiplied. */
enum { CONVPOOL_WINOGRAD_SIDE = 6, CONVPOOL_WINOGRAD_POINTS = 36, CONVPOOL_WINOGRAD_TILES = 16,
       CONVPOOL_WINOGRAD_CHUNK = 64 };
/* Marks of those and of what a vector goes beyond. */
enum { CONVPOOL_WINOGRAD_MARKS = CONVPOOL_WINOGRAD_CHUNK + CONVPOOL_WINOGRAD_TILES };

/* Cells of a row under neighbouring tiles that are 4 apart, as far as whole vectors are read. */
enum { CONVPOOL_WINOGRAD_WIDTH = 4 * CONVPOOL_WINOGRAD_TILES + 4 };

/* Result: value rounded half to even within [0, top]; 0 for NaN. */
CONVPOOL_INLINE double convpool_saturate(double value, double top)
{
    /* Adding and taking away 2^52 rounds to a whole number in the current (nearest) mode. */
    const double bounded = value > 0 ? (value < top ? value : top) : 0;
    return (bounded + 0x1p52) - 0x1p52;
}

#endif
