/* vectors.inc.h - all that works on vectors of one real type, for one instruction set.
 *
 * Takes the vocabulary of that type, and undefines it:
 *   REAL  REAL_NAME                             the type and its name
 *   VEC  LANES  VZERO()  VLOAD(p)  VSTORE(p, v)  VSET1(x)
 *   VADD(a, b)  VSUB(a, b)  VMUL(a, b)          rounded each by itself
 *   VFMA(a, b, c) = a * b + c                   rounded once, where the set can
 *   VMAX(a, b) = a > b ? a : b  VMIN(a, b) = a < b ? a : b, of NaN and of zeros, too
 *   VAND(a, b)                                  of bits
 *   VROW(a, r) = VSET1(a[r]), where r < ROWS    from memory, or from a register of several rows
 *   VLOADn(p, v), n = 2 or 4: v[i] = p[i], p[i + n], p[i + 2 n], ...; VSTOREn(p, v), its inverse
 * and where gemm_lines is to be
 *   VLINES(p, pitch, v)                         v[j] = p[j], p[pitch + j], ... , j < 4
 * and for one of the types alone, which scales sums of int32_t (quantized_scale.inc.h)
 *   VSUMS(p, q)                                 p[i] + q[i] of int32_t, modulo 2^32
 *   VBYTES(p, v)                                whole numbers near 1.5 * 2^23, or in double
 *                                               1.5 * 2^52, less that: their low bytes
 *   VABOVE(v, x)                                whether any is larger than a number
 * Without VEC a vector is one number, and sums are not fused.
 *
 * With PAIRS, REAL is int32_t, and every number of lines and weights two of int16_t, the first in
 * the low half; sums and
 *   VFMA(a, b, c) = a.low * b.low + a.high * b.high + c
 *   VJOIN(p, q)                                 p[i] = the low halves of p[i] and q[i]
 * are exact, sums modulo 2^32. Of the other words it needs VZERO to VSET1, VADD of sums, VROW, and
 * VSTORE4.
 * VEC may hold several parts of a sum, which VSTORE adds up; then
 *   VRESUME(p)                                  loads sums that VSTORE stored
 *
 * ISA_NAME, TARGET, ROWS, VECTORS and TILE_CASES stay.
 */
#ifndef VEC
#define VEC REAL
#define LANES 1
#define VZERO() 0
#define VLOAD(p) (*(p))
#define VSTORE(p, v) (*(p) = (v))
#define VSET1(x) (x)
#ifdef PAIRS
#define VFMA(a, b, c)                                               \
    ((REAL)((uint32_t)((int16_t)(a) * (int16_t)(b)) +               \
            (uint32_t)(((a) >> 16) * ((b) >> 16)) + (uint32_t)(c)))
#define VADD(a, b) ((REAL)((uint32_t)(a) + (uint32_t)(b)))
#define VJOIN(p, q) (*(p) = (REAL)((uint32_t)(uint16_t)*(p) | (uint32_t)*(q) << 16))
#else
#define VFMA(a, b, c) ((a) * (b) + (c))
#define VADD(a, b) ((a) + (b))
#endif
#define VSUB(a, b) ((a) - (b))
#define VMUL(a, b) ((a) * (b))
#define VMAX(a, b) ((a) > (b) ? (a) : (b))
#define VMIN(a, b) ((a) < (b) ? (a) : (b))
#define VAND(a, b) CONVPOOL_PASTE(convpool_, and, REAL_NAME, ISA_NAME)(a, b)
#define VROW(a, r) ((a)[r])
#define VLOAD2(p, v) ((v)[0] = (p)[0], (v)[1] = (p)[1])
#define VLOAD4(p, v) (VLOAD2(p, v), VLOAD2((p) + 2, (v) + 2))
#define VSTORE2(p, v) ((p)[0] = (v)[0], (p)[1] = (v)[1])
#define VSTORE4(p, v) (VSTORE2(p, v), VSTORE2((p) + 2, (v) + 2))
#endif

#ifndef VRESUME
#define VRESUME(p) VLOAD(p)
#endif

#include "filter_rows.inc.h"
#ifdef PAIRS
#define FINISHES 0
#else
#define FINISHES 1
#include "finish_tile.inc.h"
#endif
#include "gemm_tile.inc.h"
#undef FINISHES
#include "turn.inc.h"
#ifdef VLINES
#include "gemm_lines.inc.h"
#undef VLINES
#endif
enum { CONVPOOL_PASTE(convpool_, lanes, REAL_NAME, ISA_NAME) = LANES,
       CONVPOOL_PASTE(convpool_, columns, REAL_NAME, ISA_NAME) = VECTORS * LANES };
#ifdef PAIRS
#include "filter_join.inc.h"
#else
#include "gemm_whole.inc.h"
#include "stencil.inc.h"
#include "plane.inc.h"
#include "winograd.inc.h"
#include "filter_fold.inc.h"
#include "pool_deal.inc.h"
#include "pool_slide.inc.h"
#include "pool_flat.inc.h"
#include "pool_lanes.inc.h"
#endif
#ifdef VSUMS
#include "quantized_scale.inc.h"
#undef VSUMS
#undef VBYTES
#undef VABOVE
#endif
#undef PAIRS
#undef VJOIN
#undef REAL
#undef REAL_NAME
#undef LANES
#undef VEC
#undef VZERO
#undef VLOAD
#undef VSTORE
#undef VRESUME
#undef VSET1
#undef VROW
#undef VADD
#undef VSUB
#undef VMUL
#undef VAND
#undef VMAX
#undef VMIN
#undef VFMA
#undef VLOAD2
#undef VLOAD4
#undef VSTORE2
#undef VSTORE4
