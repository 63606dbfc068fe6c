/* quads.inc.h - the micro-kernel of quads of bytes, for one instruction set that multiplies four
 * bytes by four and adds all products to a sum of int32_t in one instruction, modulo 2^32.
 *
 * Takes LANES, VEC and these words on vectors of int32_t, and undefines them; TARGET has those
 * instructions:
 *   VZERO()  VLOAD(p)  VSTORE(p, v)  VSET1(x)  VADD(a, b)
 *   VDOT(u, s, c)       pixels u, as QUADS_SIGNED says, by weights s, plus c
 *   QUADS_SIGNED        whether pixels are int8_t, or uint8_t
 */
#define QUADS
#define FINISHES 0
#define REAL int32_t
#define VROW(a, r) VSET1((a)[r])
#define VRESUME(p) VLOAD(p)

/* Rows of weights by columns of pixels. */
#define REAL_NAME quads
#define VFMA(a, b, c) VDOT(b, a, c)
#include "gemm_tile.inc.h"
#undef REAL_NAME
#undef VFMA

/* Rows of pixels by columns of weights. */
#define REAL_NAME quads_turned
#define VFMA(a, b, c) VDOT(a, b, c)
#include "gemm_tile.inc.h"
#undef REAL_NAME
#undef VFMA

#undef FINISHES
#undef REAL
#undef LANES
#undef VEC
#undef VZERO
#undef VLOAD
#undef VSTORE
#undef VSET1
#undef VROW
#undef VRESUME
#undef VADD
#undef VDOT
