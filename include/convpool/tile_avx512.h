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
#endif

#define ISA_NAME avx512
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
#define VFMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#include "gemm_tile.inc.h"
#include "stencil.inc.h"
enum { convpool_columns_f32_avx512 = VECTORS * LANES };
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
#define LANES 8
#define VEC __m512d
#define VZERO() _mm512_setzero_pd()
#define VLOAD(p) _mm512_loadu_pd(p)
#define VSTORE(p, v) _mm512_storeu_pd(p, v)
#define VSET1(x) _mm512_set1_pd(x)
#define VROW(a, r) VSET1((a)[r])
#define VFMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#include "gemm_tile.inc.h"
#include "stencil.inc.h"
enum { convpool_columns_f64_avx512 = VECTORS * LANES };
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

enum { convpool_rows_avx512 = ROWS };

#undef ISA_NAME
#undef TARGET
#undef ROWS
#undef VECTORS
#undef TILE_CASES

#endif
#endif
