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
#endif

#define ISA_NAME avx2
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
#define VROW(a, r) VSET1((a)[r])
#define VFMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#include "gemm_tile.inc.h"
#include "stencil.inc.h"
enum { convpool_columns_f32_avx2 = VECTORS * LANES };
#undef REAL
#undef REAL_NAME
#undef LANES
#undef VEC
#undef VZERO
#undef VLOAD
#undef VSTORE
#undef VSET1
#undef VROW
#undef VFMA

#define REAL double
#define REAL_NAME f64
#define LANES 4
#define VEC __m256d
#define VZERO() _mm256_setzero_pd()
#define VLOAD(p) _mm256_loadu_pd(p)
#define VSTORE(p, v) _mm256_storeu_pd(p, v)
#define VSET1(x) _mm256_set1_pd(x)
#define VROW(a, r) VSET1((a)[r])
#define VFMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#include "gemm_tile.inc.h"
#include "stencil.inc.h"
enum { convpool_columns_f64_avx2 = VECTORS * LANES };
#undef REAL
#undef REAL_NAME
#undef LANES
#undef VEC
#undef VZERO
#undef VLOAD
#undef VSTORE
#undef VSET1
#undef VROW
#undef VFMA

#include "elements.inc.h"

enum { convpool_rows_avx2 = ROWS };

#undef ISA_NAME
#undef TARGET
#undef ROWS
#undef VECTORS
#undef TILE_CASES

#endif
#endif
