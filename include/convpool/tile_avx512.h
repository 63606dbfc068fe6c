/* tile_avx512.h - the vocabulary of AVX-512: 32 registers of 512 bits. A tile of 8 rows by 3
 * vectors keeps 24 of them as sums and reads 11 values for 24 multiply-adds; 3 vectors are 48
 * pixels of float32, which cut a panel of 240 evenly.
 */
#ifndef CONVPOOL_TILE_AVX512_H
#define CONVPOOL_TILE_AVX512_H

#include "elements.h"

#if CONVPOOL_X86
#include <immintrin.h>
#if defined(_MSC_VER) && defined(__clang__) /* it leaves these out */
#include <smmintrin.h>
#include <avx512fintrin.h>
#include <avx512bwintrin.h>
#include <avx512dqintrin.h>
#include <avx512vlintrin.h>
#include <avx512vnniintrin.h>
#endif

/* Loads that take neighbours apart, v[i] = p[i], p[i + n], p[i + 2 n], ... for n = 2 or 4, and
 * stores that put them together again. */
#define CONVPOOL_AVX512_STRUCTURES(name, real, vec, ps, lanes, even, odd, low, high)              \
    CONVPOOL_TARGET_AVX512 CONVPOOL_FORCE_INLINE void                                             \
    convpool_apart_##name##_avx512(vec a, vec b, vec *evens, vec *odds)                           \
    {                                                                                             \
        *evens = _mm512_permutex2var_##ps(a, even, b);                                            \
        *odds = _mm512_permutex2var_##ps(a, odd, b);                                              \
    }                                                                                             \
    CONVPOOL_TARGET_AVX512 CONVPOOL_FORCE_INLINE void                                             \
    convpool_together_##name##_avx512(vec a, vec b, vec *first, vec *second)                      \
    {                                                                                             \
        *first = _mm512_permutex2var_##ps(a, low, b);                                             \
        *second = _mm512_permutex2var_##ps(a, high, b);                                           \
    }                                                                                             \
    CONVPOOL_TARGET_AVX512 CONVPOOL_FORCE_INLINE void                                             \
    convpool_load2_##name##_avx512(const real *p, vec *v)                                         \
    {                                                                                             \
        convpool_apart_##name##_avx512(_mm512_loadu_##ps(p), _mm512_loadu_##ps(p + lanes),        \
                                       &v[0], &v[1]);                                             \
    }                                                                                             \
    CONVPOOL_TARGET_AVX512 CONVPOOL_FORCE_INLINE void                                             \
    convpool_store2_##name##_avx512(real *p, const vec *v)                                        \
    {                                                                                             \
        vec a, b;                                                                                 \
        convpool_together_##name##_avx512(v[0], v[1], &a, &b);                                    \
        _mm512_storeu_##ps(p, a);                                                                 \
        _mm512_storeu_##ps(p + lanes, b);                                                         \
    }                                                                                             \
    CONVPOOL_TARGET_AVX512 CONVPOOL_FORCE_INLINE void                                             \
    convpool_load4_##name##_avx512(const real *p, vec *v)                                         \
    {                                                                                             \
        vec a[2], b[2];                                                                           \
        convpool_load2_##name##_avx512(p, a);                                                     \
        convpool_load2_##name##_avx512(p + 2 * lanes, b);                                         \
        convpool_apart_##name##_avx512(a[0], b[0], &v[0], &v[2]);                                 \
        convpool_apart_##name##_avx512(a[1], b[1], &v[1], &v[3]);                                 \
    }                                                                                             \
    CONVPOOL_TARGET_AVX512 CONVPOOL_FORCE_INLINE void                                             \
    convpool_store4_##name##_avx512(real *p, const vec *v)                                        \
    {                                                                                             \
        vec a[2], b[2];                                                                           \
        convpool_together_##name##_avx512(v[0], v[2], &a[0], &b[0]);                              \
        convpool_together_##name##_avx512(v[1], v[3], &a[1], &b[1]);                              \
        convpool_store2_##name##_avx512(p, a);                                                    \
        convpool_store2_##name##_avx512(p + 2 * lanes, b);                                        \
    }
CONVPOOL_AVX512_STRUCTURES(f32, float, __m512, ps, 16,
    _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
    _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31),
    _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
    _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31))
CONVPOOL_AVX512_STRUCTURES(f64, double, __m512d, pd, 8,
    _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15),
    _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11), _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15))
#undef CONVPOOL_AVX512_STRUCTURES

CONVPOOL_TARGET_AVX512 CONVPOOL_FORCE_INLINE void convpool_store4_i32_avx512(int32_t *p,
                                                                             const __m512i *v)
{
    __m512 row[4];
    int i;
    for (i = 0; i < 4; ++i) {
        row[i] = _mm512_castsi512_ps(v[i]);
    }
    convpool_store4_f32_avx512((float *)(void *)p, row);
}

#define ISA_NAME avx512
#define WIDEN8(p, to) convpool_widen_halves_f16c(p, to)
#define NARROW8(p, to) convpool_narrow_halves_f16c(p, to)
#define TARGET CONVPOOL_TARGET_AVX512
#define ROWS 8
#define VECTORS 3
#define TILE_CASES(X)                                               \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) \
    X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2) X(7, 2) X(8, 2) \
    X(1, 3) X(2, 3) X(3, 3) X(4, 3) X(5, 3) X(6, 3) X(7, 3) X(8, 3)

#define REAL float
#define REAL_NAME f32
#define LANES 16
#define VEC __m512
#define VZERO() _mm512_setzero_ps()
#define VLOAD(p) _mm512_loadu_ps(p)
#define VSTORE(p, v) _mm512_storeu_ps(p, v)
#define VSET1(x) _mm512_set1_ps(x)
#define VROW(a, r) VSET1((a)[r])
#define VADD(a, b) _mm512_add_ps(a, b)
#define VSUB(a, b) _mm512_sub_ps(a, b)
#define VMUL(a, b) _mm512_mul_ps(a, b)
#define VAND(a, b) _mm512_and_ps(a, b)
#define VMAX(a, b) _mm512_max_ps(a, b)
#define VMIN(a, b) _mm512_min_ps(a, b)
#define VFMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define VLOAD2(p, v) convpool_load2_f32_avx512(p, v)
#define VLOAD4(p, v) convpool_load4_f32_avx512(p, v)
#define VSTORE2(p, v) convpool_store2_f32_avx512(p, v)
#define VSTORE4(p, v) convpool_store4_f32_avx512(p, v)
#define VSUMS(p, q) \
    _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_loadu_si512(p), _mm512_loadu_si512(q)))
#define VBYTES(p, v)                           \
    _mm_storeu_si128((__m128i *)(void *)(p),   \
                     _mm512_cvtepi32_epi8(_mm512_castps_si512(v)))
#define VABOVE(v, x) (_mm512_cmp_ps_mask(v, VSET1(x), _CMP_GT_OQ) != 0)
#include "vectors.inc.h"

#define REAL double
#define REAL_NAME f64
#define LANES 8
#define VEC __m512d
#define VZERO() _mm512_setzero_pd()
#define VLOAD(p) _mm512_loadu_pd(p)
#define VSTORE(p, v) _mm512_storeu_pd(p, v)
#define VSET1(x) _mm512_set1_pd(x)
#define VROW(a, r) VSET1((a)[r])
#define VADD(a, b) _mm512_add_pd(a, b)
#define VSUB(a, b) _mm512_sub_pd(a, b)
#define VMUL(a, b) _mm512_mul_pd(a, b)
#define VAND(a, b) _mm512_and_pd(a, b)
#define VMAX(a, b) _mm512_max_pd(a, b)
#define VMIN(a, b) _mm512_min_pd(a, b)
#define VFMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#define VLOAD2(p, v) convpool_load2_f64_avx512(p, v)
#define VLOAD4(p, v) convpool_load4_f64_avx512(p, v)
#define VSTORE2(p, v) convpool_store2_f64_avx512(p, v)
#define VSTORE4(p, v) convpool_store4_f64_avx512(p, v)
#include "vectors.inc.h"

#define PAIRS
#define REAL int32_t
#define REAL_NAME i32
#define LANES 16
#define VEC __m512i
#define VZERO() _mm512_setzero_si512()
#define VLOAD(p) _mm512_loadu_si512(p)
#define VSTORE(p, v) _mm512_storeu_si512(p, v)
#define VSET1(x) _mm512_set1_epi32(x)
#define VROW(a, r) VSET1((a)[r])
#define VADD(a, b) _mm512_add_epi32(a, b)
#define VFMA(a, b, c) _mm512_add_epi32(_mm512_madd_epi16(a, b), c)
#define VSTORE4(p, v) convpool_store4_i32_avx512(p, v)
#define VJOIN(p, q) \
    VSTORE(p, _mm512_mask_blend_epi16(0xAAAAAAAA, VLOAD(p), _mm512_slli_epi32(VLOAD(q), 16)))
#include "vectors.inc.h"

#if CONVPOOL_AVX512_QUADS
#undef TARGET
#define TARGET CONVPOOL_TARGET_AVX512_QUADS
#define QUADS_SIGNED 0
#define LANES 16
#define VEC __m512i
#define VZERO() _mm512_setzero_si512()
#define VLOAD(p) _mm512_loadu_si512(p)
#define VSTORE(p, v) _mm512_storeu_si512(p, v)
#define VSET1(x) _mm512_set1_epi32(x)
#define VADD(a, b) _mm512_add_epi32(a, b)
#define VDOT(u, s, c) _mm512_dpbusd_epi32(c, u, s)
#include "quads.inc.h"
#undef TARGET
#define TARGET CONVPOOL_TARGET_AVX512
#endif

enum { convpool_rows_avx512 = ROWS };
#include "elements.inc.h"

#endif
#endif
