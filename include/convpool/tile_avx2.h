/* tile_avx2.h - the vocabulary of AVX2 with FMA: 16 registers of 256 bits. A tile of 6 rows by 2
 * vectors keeps 12 of them as sums, which hides the latency of the two FMA units, and leaves room
 * for two columns and a row.
 */
#ifndef CONVPOOL_TILE_AVX2_H
#define CONVPOOL_TILE_AVX2_H

#include "elements.h"

#if CONVPOOL_X86
#include <immintrin.h>
#if defined(_MSC_VER) && defined(__clang__) /* it leaves these out */
#include <avxintrin.h>
#include <avx2intrin.h>
#include <fmaintrin.h>
#include <avxvnniintrin.h>
#endif

/* Loads that take neighbours apart, v[i] = p[i], p[i + n], p[i + 2 n], ... for n = 2 or 4, and
 * stores that put them together again. */
CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_load2_f32_avx2(const float *p, __m256 *v)
{
    const __m256 low = _mm256_loadu_ps(p), high = _mm256_loadu_ps(p + 8);
    const __m256d even = _mm256_castps_pd(_mm256_shuffle_ps(low, high, 0x88));
    const __m256d odd = _mm256_castps_pd(_mm256_shuffle_ps(low, high, 0xDD));
    v[0] = _mm256_castpd_ps(_mm256_permute4x64_pd(even, 0xD8));
    v[1] = _mm256_castpd_ps(_mm256_permute4x64_pd(odd, 0xD8));
}

CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_store2_f32_avx2(float *p, const __m256 *v)
{
    const __m256 low = _mm256_unpacklo_ps(v[0], v[1]), high = _mm256_unpackhi_ps(v[0], v[1]);
    _mm256_storeu_ps(p, _mm256_permute2f128_ps(low, high, 0x20));
    _mm256_storeu_ps(p + 8, _mm256_permute2f128_ps(low, high, 0x31));
}

/* The low byte of each element. */
CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_store_bytes_avx2(uint8_t *p, __m256i v)
{
    const __m256i first = _mm256_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                           -1, 0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                                           -1, -1);
    const __m256i four = _mm256_shuffle_epi8(v, first);
    _mm_storel_epi64((__m128i *)(void *)p,
                     _mm_unpacklo_epi32(_mm256_castsi256_si128(four),
                                        _mm256_extracti128_si256(four, 1)));
}

/* In both halves of a register: the transpose of a 4x4 matrix. */
CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_transpose_f32_avx2(__m256 *v)
{
    const __m256 a = _mm256_unpacklo_ps(v[0], v[1]), b = _mm256_unpackhi_ps(v[0], v[1]);
    const __m256 c = _mm256_unpacklo_ps(v[2], v[3]), d = _mm256_unpackhi_ps(v[2], v[3]);
    v[0] = _mm256_shuffle_ps(a, c, 0x44);
    v[1] = _mm256_shuffle_ps(a, c, 0xEE);
    v[2] = _mm256_shuffle_ps(b, d, 0x44);
    v[3] = _mm256_shuffle_ps(b, d, 0xEE);
}

CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_store4_f32_avx2(float *p, const __m256 *v)
{
    __m256 row[4];
    int i;
    for (i = 0; i < 4; ++i) {
        row[i] = v[i];
    }
    convpool_transpose_f32_avx2(row);
    for (i = 0; i < 4; ++i) {
        _mm_storeu_ps(p + 4 * i, _mm256_castps256_ps128(row[i]));
        _mm_storeu_ps(p + 16 + 4 * i, _mm256_extractf128_ps(row[i], 1));
    }
}

/* Elements 0 to 3 of as many lines as a register holds elements. */
CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_columns4_f32_avx2(const float *p,
                                                                       int64_t pitch, __m256 *v)
{
    int i;
    for (i = 0; i < 4; ++i) {
        v[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(p + i * pitch)),
                                    _mm_loadu_ps(p + (4 + i) * pitch), 1);
    }
    convpool_transpose_f32_avx2(v);
}

CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_load2_f64_avx2(const double *p,
                                                                        __m256d *v)
{
    const __m256d low = _mm256_loadu_pd(p), high = _mm256_loadu_pd(p + 4);
    v[0] = _mm256_permute4x64_pd(_mm256_unpacklo_pd(low, high), 0xD8);
    v[1] = _mm256_permute4x64_pd(_mm256_unpackhi_pd(low, high), 0xD8);
}

CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_store2_f64_avx2(double *p,
                                                                         const __m256d *v)
{
    const __m256d low = _mm256_unpacklo_pd(v[0], v[1]), high = _mm256_unpackhi_pd(v[0], v[1]);
    _mm256_storeu_pd(p, _mm256_permute2f128_pd(low, high, 0x20));
    _mm256_storeu_pd(p + 4, _mm256_permute2f128_pd(low, high, 0x31));
}

CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_transpose_f64_avx2(__m256d *v)
{
    const __m256d a = _mm256_unpacklo_pd(v[0], v[1]), b = _mm256_unpackhi_pd(v[0], v[1]);
    const __m256d c = _mm256_unpacklo_pd(v[2], v[3]), d = _mm256_unpackhi_pd(v[2], v[3]);
    v[0] = _mm256_permute2f128_pd(a, c, 0x20);
    v[1] = _mm256_permute2f128_pd(b, d, 0x20);
    v[2] = _mm256_permute2f128_pd(a, c, 0x31);
    v[3] = _mm256_permute2f128_pd(b, d, 0x31);
}

CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_columns4_f64_avx2(const double *p,
                                                                       int64_t pitch, __m256d *v)
{
    int i;
    for (i = 0; i < 4; ++i) {
        v[i] = _mm256_loadu_pd(p + i * pitch);
    }
    convpool_transpose_f64_avx2(v);
}

CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_store4_f64_avx2(double *p,
                                                                         const __m256d *v)
{
    __m256d row[4];
    int i;
    for (i = 0; i < 4; ++i) {
        row[i] = v[i];
    }
    convpool_transpose_f64_avx2(row);
    for (i = 0; i < 4; ++i) {
        _mm256_storeu_pd(p + 4 * i, row[i]);
    }
}

CONVPOOL_TARGET_AVX2 CONVPOOL_FORCE_INLINE void convpool_store4_i32_avx2(int32_t *p,
                                                                         const __m256i *v)
{
    __m256 row[4];
    int i;
    for (i = 0; i < 4; ++i) {
        row[i] = _mm256_castsi256_ps(v[i]);
    }
    convpool_store4_f32_avx2((float *)(void *)p, row);
}

#define ISA_NAME avx2
#define WIDEN8(p, to) convpool_widen_halves_f16c(p, to)
#define NARROW8(p, to) convpool_narrow_halves_f16c(p, to)
#define TARGET CONVPOOL_TARGET_AVX2
#define ROWS 6
#define VECTORS 2
#define TILE_CASES(X) \
    X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) \
    X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2)

#define REAL float
#define REAL_NAME f32
#define LANES 8
#define VEC __m256
#define VZERO() _mm256_setzero_ps()
#define VLOAD(p) _mm256_loadu_ps(p)
#define VSTORE(p, v) _mm256_storeu_ps(p, v)
#define VSET1(x) _mm256_set1_ps(x)
#define VADD(a, b) _mm256_add_ps(a, b)
#define VSUB(a, b) _mm256_sub_ps(a, b)
#define VMUL(a, b) _mm256_mul_ps(a, b)
#define VAND(a, b) _mm256_and_ps(a, b)
#define VROW(a, r) VSET1((a)[r])
#define VFMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define VMAX(a, b) _mm256_max_ps(a, b)
#define VMIN(a, b) _mm256_min_ps(a, b)
#define VLOAD2(p, v) convpool_load2_f32_avx2(p, v)
#define VLOAD4(p, v) convpool_columns4_f32_avx2(p, 4, v)
#define VSTORE2(p, v) convpool_store2_f32_avx2(p, v)
#define VSTORE4(p, v) convpool_store4_f32_avx2(p, v)
#define VLINES(p, pitch, v) convpool_columns4_f32_avx2(p, pitch, v)
#define VSUMS(p, q)                                                                       \
    _mm256_cvtepi32_ps(_mm256_add_epi32(_mm256_loadu_si256((const __m256i *)(p)),         \
                                        _mm256_loadu_si256((const __m256i *)(q))))
#define VBYTES(p, v) convpool_store_bytes_avx2(p, _mm256_castps_si256(v))
#define VABOVE(v, x) (_mm256_movemask_ps(_mm256_cmp_ps(v, VSET1(x), _CMP_GT_OQ)) != 0)
#include "vectors.inc.h"

#define REAL double
#define REAL_NAME f64
#define LANES 4
#define VEC __m256d
#define VZERO() _mm256_setzero_pd()
#define VLOAD(p) _mm256_loadu_pd(p)
#define VSTORE(p, v) _mm256_storeu_pd(p, v)
#define VSET1(x) _mm256_set1_pd(x)
#define VADD(a, b) _mm256_add_pd(a, b)
#define VSUB(a, b) _mm256_sub_pd(a, b)
#define VMUL(a, b) _mm256_mul_pd(a, b)
#define VAND(a, b) _mm256_and_pd(a, b)
#define VROW(a, r) VSET1((a)[r])
#define VFMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define VMAX(a, b) _mm256_max_pd(a, b)
#define VMIN(a, b) _mm256_min_pd(a, b)
#define VLOAD2(p, v) convpool_load2_f64_avx2(p, v)
#define VLOAD4(p, v) convpool_columns4_f64_avx2(p, 4, v)
#define VSTORE2(p, v) convpool_store2_f64_avx2(p, v)
#define VSTORE4(p, v) convpool_store4_f64_avx2(p, v)
#define VLINES(p, pitch, v) convpool_columns4_f64_avx2(p, pitch, v)
#include "vectors.inc.h"

#define PAIRS
#define REAL int32_t
#define REAL_NAME i32
#define LANES 8
#define VEC __m256i
#define VZERO() _mm256_setzero_si256()
#define VLOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define VSTORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define VSET1(x) _mm256_set1_epi32(x)
#define VROW(a, r) VSET1((a)[r])
#define VADD(a, b) _mm256_add_epi32(a, b)
#define VFMA(a, b, c) _mm256_add_epi32(_mm256_madd_epi16(a, b), c)
#define VSTORE4(p, v) convpool_store4_i32_avx2(p, v)
#define VJOIN(p, q) \
    VSTORE(p, _mm256_blend_epi16(VLOAD(p), _mm256_slli_epi32(VLOAD(q), 16), 0xAA))
#include "vectors.inc.h"

#if CONVPOOL_AVX2_QUADS
#undef TARGET
#define TARGET CONVPOOL_TARGET_AVX2_QUADS
#define QUADS_SIGNED 0
#define LANES 8
#define VEC __m256i
#define VZERO() _mm256_setzero_si256()
#define VLOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define VSTORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define VSET1(x) _mm256_set1_epi32(x)
#define VADD(a, b) _mm256_add_epi32(a, b)
#define VDOT(u, s, c) _mm256_dpbusd_avx_epi32(c, u, s)
#include "quads.inc.h"
#undef TARGET
#define TARGET CONVPOOL_TARGET_AVX2
#endif

enum { convpool_rows_avx2 = ROWS };
#include "elements.inc.h"

#endif
#endif
