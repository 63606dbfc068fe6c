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
 * Without VEC a vector is one number, and sums are not fused.
 * ISA_NAME, TARGET, ROWS, VECTORS and TILE_CASES stay.
 */
#ifndef VEC
#define VEC REAL
#define LANES 1
#define VZERO() 0
#define VLOAD(p) (*(p))
#define VSTORE(p, v) (*(p) = (v))
#define VSET1(x) (x)
#define VADD(a, b) ((a) + (b))
#define VSUB(a, b) ((a) - (b))
#define VMUL(a, b) ((a) * (b))
#define VFMA(a, b, c) ((a) * (b) + (c))
#define VMAX(a, b) ((a) > (b) ? (a) : (b))
#define VMIN(a, b) ((a) < (b) ? (a) : (b))
#define VAND(a, b) CONVPOOL_PASTE(convpool_, and, REAL_NAME, ISA_NAME)(a, b)
#define VROW(a, r) ((a)[r])
#define VLOAD2(p, v) ((v)[0] = (p)[0], (v)[1] = (p)[1])
#define VLOAD4(p, v) (VLOAD2(p, v), VLOAD2((p) + 2, (v) + 2))
#define VSTORE2(p, v) ((p)[0] = (v)[0], (p)[1] = (v)[1])
#define VSTORE4(p, v) (VSTORE2(p, v), VSTORE2((p) + 2, (v) + 2))
#endif

#include "gemm_tile.inc.h"
#include "stencil.inc.h"
#include "plane.inc.h"
#include "winograd.inc.h"
#include "filter_rows.inc.h"
#include "filter_fold.inc.h"
#include "pool_deal.inc.h"
#include "pool_slide.inc.h"
#include "pool_lanes.inc.h"
#undef REAL
#undef REAL_NAME
#undef LANES
#undef VEC
#undef VZERO
#undef VLOAD
#undef VSTORE
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
