/* tile_neon.h - the vocabulary of NEON on 64-bit ARM: 32 registers of 128 bits. A tile of 8 rows by
 * 3 vectors keeps 24 of them as sums and leaves room for three columns and the rows, which multiply
 * straight from the elements of a register.
 */
#ifndef CONVPOOL_TILE_NEON_H
#define CONVPOOL_TILE_NEON_H

#include "elements.h"

#if CONVPOOL_ARM64
#include <arm_neon.h>

/* Loads that take neighbours apart, v[i] = p[i], p[i + n], p[i + 2 n], ... for n = 2 or 4, and
 * stores that put them together again: what NEON calls structures. */
#define CONVPOOL_NEON_STRUCTURES(n, real, name, suffix)                                           \
    CONVPOOL_FORCE_INLINE void convpool_load##n##_##name##_neon(const real *p, suffix##_t *v)     \
    {                                                                                             \
        const suffix##x##n##_t all = vld##n##q_##name(p);                                         \
        int i;                                                                                    \
        for (i = 0; i < n; ++i) {                                                                 \
            v[i] = all.val[i];                                                                    \
        }                                                                                         \
    }                                                                                             \
    CONVPOOL_FORCE_INLINE void convpool_store##n##_##name##_neon(real *p, const suffix##_t *v)    \
    {                                                                                             \
        suffix##x##n##_t all;                                                                     \
        int i;                                                                                    \
        for (i = 0; i < n; ++i) {                                                                 \
            all.val[i] = v[i];                                                                    \
        }                                                                                         \
        vst##n##q_##name(p, all);                                                                 \
    }
CONVPOOL_NEON_STRUCTURES(2, float, f32, float32x4)
CONVPOOL_NEON_STRUCTURES(4, float, f32, float32x4)
CONVPOOL_NEON_STRUCTURES(2, double, f64, float64x2)
CONVPOOL_NEON_STRUCTURES(4, double, f64, float64x2)
#undef CONVPOOL_NEON_STRUCTURES

/* The low byte of each element. */
CONVPOOL_FORCE_INLINE void convpool_store_bytes_neon(uint8_t *p, uint32x4_t v)
{
    const uint16x4_t half = vmovn_u32(v);
    const uint8x8_t bytes = vmovn_u16(vcombine_u16(half, half));
    const uint32_t four = vget_lane_u32(vreinterpret_u32_u8(bytes), 0);
    memcpy(p, &four, sizeof four);
}

/* Two registers: pairs are in the first alone, sums in both. */
CONVPOOL_FORCE_INLINE int32x4x2_t convpool_pairs_neon(int32x4_t first, int32x4_t second)
{
    int32x4x2_t v;
    v.val[0] = first;
    v.val[1] = second;
    return v;
}

CONVPOOL_FORCE_INLINE int32x4x2_t convpool_multiply_pairs_neon(int32x4x2_t a, int32x4x2_t b,
                                                               int32x4x2_t c)
{
    const int16x8_t x = vreinterpretq_s16_s32(a.val[0]), y = vreinterpretq_s16_s32(b.val[0]);
    c.val[0] = vmlal_s16(c.val[0], vget_low_s16(x), vget_low_s16(y));
    c.val[1] = vmlal_high_s16(c.val[1], x, y);
    return c;
}

/* Sums as multiplications leave them: each in two elements. */
CONVPOOL_FORCE_INLINE int32x4x2_t convpool_resume_neon(int32x4_t sums)
{
    return vzipq_s32(sums, vdupq_n_s32(0));
}

CONVPOOL_FORCE_INLINE void convpool_store4_i32_neon(int32_t *p, const int32x4x2_t *v)
{
    int32x4x4_t all;
    int i;
    for (i = 0; i < 4; ++i) {
        all.val[i] = v[i].val[0];
    }
    vst4q_s32(p, all);
}

#define ISA_NAME neon
#if defined(_MSC_VER) && !defined(__clang__)
#define WIDEN8(p, to) convpool_widen_halves(p, to)
#define NARROW8(p, to) convpool_narrow_halves(p, to)
#else
#define WIDEN8(p, to) convpool_widen_halves_neon(p, to)
#define NARROW8(p, to) convpool_narrow_halves_neon(p, to)
#endif
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
#define VADD(a, b) vaddq_f32(a, b)
#define VSUB(a, b) vsubq_f32(a, b)
#define VMUL(a, b) vmulq_f32(a, b)
#define VAND(a, b) \
    vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)))
#define VMAX(a, b) vbslq_f32(vcgtq_f32(a, b), a, b) /* vmaxq takes +0 over -0 */
#define VMIN(a, b) vbslq_f32(vcltq_f32(a, b), a, b)
#define VFMA(a, b, c) vfmaq_f32(c, a, b)
#define VLOAD2(p, v) convpool_load2_f32_neon(p, v)
#define VLOAD4(p, v) convpool_load4_f32_neon(p, v)
#define VSTORE2(p, v) convpool_store2_f32_neon(p, v)
#define VSTORE4(p, v) convpool_store4_f32_neon(p, v)
#define VSUMS(p, q) vcvtq_f32_s32(vaddq_s32(vld1q_s32(p), vld1q_s32(q)))
#define VBYTES(p, v) convpool_store_bytes_neon(p, vreinterpretq_u32_f32(v))
#define VABOVE(v, x) (vmaxvq_f32(v) > (x))
#include "vectors.inc.h"

#define REAL double
#define REAL_NAME f64
#define LANES 2
#define VEC float64x2_t
#define VZERO() vdupq_n_f64(0)
#define VLOAD(p) vld1q_f64(p)
#define VSTORE(p, v) vst1q_f64(p, v)
#define VSET1(x) vdupq_n_f64(x)
#define VROW(a, r) VELEMENT(a, r)
#define VADD(a, b) vaddq_f64(a, b)
#define VSUB(a, b) vsubq_f64(a, b)
#define VMUL(a, b) vmulq_f64(a, b)
#define VAND(a, b) \
    vreinterpretq_f64_u64(vandq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b)))
#define VMAX(a, b) vbslq_f64(vcgtq_f64(a, b), a, b) /* vmaxq takes +0 over -0 */
#define VMIN(a, b) vbslq_f64(vcltq_f64(a, b), a, b)
#define VFMA(a, b, c) vfmaq_f64(c, a, b)
#define VLOAD2(p, v) convpool_load2_f64_neon(p, v)
#define VLOAD4(p, v) convpool_load4_f64_neon(p, v)
#define VSTORE2(p, v) convpool_store2_f64_neon(p, v)
#define VSTORE4(p, v) convpool_store4_f64_neon(p, v)
#include "vectors.inc.h"

/* A multiply-add of halves widens them: the sums of the first two pairs of a register stay apart
 * from those of the others, and both products of a pair from each other until sums are stored. Sums
 * of one vector of columns thus fill as many registers as two. */
#undef VECTORS
#undef TILE_CASES
#define VECTORS 1
#define TILE_CASES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1)
#define PAIRS
#define REAL int32_t
#define REAL_NAME i32
#define LANES 4
#define VEC int32x4x2_t
#define VZERO() convpool_pairs_neon(vdupq_n_s32(0), vdupq_n_s32(0))
#define VLOAD(p) convpool_pairs_neon(vld1q_s32(p), vdupq_n_s32(0))
#define VSTORE(p, v) vst1q_s32(p, vpaddq_s32((v).val[0], (v).val[1]))
#define VSET1(x) convpool_pairs_neon(vdupq_n_s32(x), vdupq_n_s32(0))
#define VRESUME(p) convpool_resume_neon(vld1q_s32(p))
#define VROW(a, r) VSET1((a)[r])
#define VADD(a, b) \
    convpool_pairs_neon(vaddq_s32((a).val[0], (b).val[0]), vaddq_s32((a).val[1], (b).val[1]))
#define VFMA(a, b, c) convpool_multiply_pairs_neon(a, b, c)
#define VSTORE4(p, v) convpool_store4_i32_neon(p, v)
#define VJOIN(p, q) vst1q_s32(p, vsliq_n_s32(vld1q_s32(p), vld1q_s32(q), 16))
#include "vectors.inc.h"

#if CONVPOOL_NEON_QUADS
#undef TARGET
#define TARGET CONVPOOL_TARGET_NEON_QUADS
#define QUADS_SIGNED 1
#define LANES 4
#define VEC int32x4_t
#define VZERO() vdupq_n_s32(0)
#define VLOAD(p) vld1q_s32(p)
#define VSTORE(p, v) vst1q_s32(p, v)
#define VSET1(x) vdupq_n_s32(x)
#define VADD(a, b) vaddq_s32(a, b)
#define VDOT(u, s, c) vdotq_s32(c, vreinterpretq_s8_s32(u), vreinterpretq_s8_s32(s))
#include "quads.inc.h"
#undef TARGET
#define TARGET
#endif

enum { convpool_rows_neon = ROWS };
#include "elements.inc.h"
#undef VELEMENT

#endif
#endif
