/* dispatch.h - the table of kernels: for an element type and an instruction set, the functions
 * that do the work and the tile they work in.
 */
#ifndef CONVPOOL_DISPATCH_H
#define CONVPOOL_DISPATCH_H

#include "cpu.h"
#include "tile_avx2.h"
#include "tile_avx512.h"
/* For a wheel: what few processors run takes less room and a quarter longer. */
#if defined(CONVPOOL_SMALL_BASELINE) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("Os", "tree-vectorize", "vect-cost-model=dynamic")
#include "tile_baseline.h"
#pragma GCC pop_options
#else
#include "tile_baseline.h"
#endif
#include "tile_neon.h"

typedef struct convpool_kernels {
    size_t element_size;   /* of inputs */
    size_t weight_size;    /* of weights */
    size_t out_size;       /* of outputs and residuals */
    size_t real_size;      /* of sums, panels, packed weights and biases */
    int64_t products;      /* in a step of depth: channels that a cell of strips holds, else 1 */
    int x_shift;           /* what the packers add to inputs, modulo 256: 0, 128 or -128 */
    int64_t rows, columns; /* of a tile */
    int64_t lanes;         /* of a vector */
    const convpool_filter_kernels *filter[3]; /* sums in float, double, int32_t; or NULL */
    void (*pack_pixels)(const convpool_conv *conv, const void *x, int64_t begin, int64_t end,
                        int64_t pixel, int64_t pixels, int64_t width, int64_t pitch, void *panel);
    void (*pack_weights)(const convpool_conv *conv, const void *weight, const int64_t *stride,
                         int64_t channel, int64_t width, void *strip, int64_t block, int64_t pitch);
    void (*pack_taps)(const convpool_conv *conv, const void *weight, const int64_t *stride,
                      int64_t channel, int64_t width, void *strip, int64_t block, int64_t pitch);
    void (*copy_windows)(const convpool_conv *conv, const convpool_windows *windows, const void *x,
                         void *copy);
    void (*gemm_tile)(int64_t rows, int64_t columns, int64_t depth, const void *a, const void *b,
                      int64_t b_step, void *tile, int64_t tile_step, int chain, const void *next);
    void (*gemm_turned)(int64_t rows, int64_t columns, int64_t depth, const void *a, const void *b,
                        int64_t b_step, void *tile, int64_t tile_step, int chain, const void *next);
    void (*gemm_rows)(int64_t rows, int64_t columns, int64_t depth, const void *a,
                      const int64_t *place, const int64_t *offset, const void *b, int64_t b_step,
                      void *tile, int64_t tile_step, int chain, const convpool_finish *finish,
                      const void *next);
    void (*gemm_columns)(int64_t rows, int64_t columns, int64_t depth, const void *a,
                         const void *b, const int64_t *offset, void *tile, int64_t tile_step,
                         int chain, const void *next);
    void (*gemm_pair)(int64_t depth, const void *a, int64_t apart, const void *b, int64_t b_step,
                      void *tile, int64_t tile_step, int chain, const void *next);
    void (*gemm_row)(int64_t depth, const void *a, const int64_t *offset, const void *b,
                     int64_t apart, void *tile, int64_t tile_apart, int chain);
    void (*gemm_lines)(int64_t rows, int64_t lines, int64_t depth, const void *a,
                       const int64_t *place, const int64_t *offset, const void *b, int64_t pitch,
                       void *tile, int64_t tile_step, int chain);
    void (*gemm_whole)(int64_t columns, int64_t depth, const void *a, const void *b,
                       int64_t b_step, const int64_t *offset, void *keep, void *tile,
                       int64_t tile_step, int chain, const convpool_finish *finish,
                       const void *next);
    void (*turn)(const void *from, int64_t from_pitch, int64_t lines, int64_t length, void *to,
                 int64_t to_pitch);
    void (*store_tile)(const convpool_conv *conv, const void *tile, int64_t pitch, int pixel_rows,
                       int64_t channel, int64_t channels, int64_t pixel, int64_t pixels,
                       const void *bias, const void *residual, void *out);
    void (*stage_patch)(const convpool_conv *conv, const convpool_stage *stage,
                        const convpool_block *block, const void *x, int bordered, void *patch);
    void (*stage_rows)(const void *from, int64_t count, double less, void *to);
    void (*stencil)(const convpool_stencil *stencil, const void *patch, const void *weight,
                    const void *bias, int64_t rows, int64_t columns, void *out, int64_t pitch);
    void (*stencil_planes)(const convpool_plane *plane, const convpool_stencil *stencil,
                           const void *x, const void *weight, const void *bias, int64_t rows,
                           int64_t columns, void *out, int64_t pitch, void *scratch);
    void (*stencil_lanes)(const convpool_stencil *stencil, const void *patch, const void *weight,
                          int64_t weight_pitch, const void *bias, const convpool_block *block,
                          void *out, int64_t row_pitch, int64_t pitch);
    void (*store_row)(const convpool_conv *conv, const convpool_block *block, int64_t row,
                      void *sums, const void *bias, const void *residual, void *out);
    void (*pool_block)(const convpool_pool *pool, int channels_last,
                       const convpool_pool_block *block, const void *x, void *out, int64_t *index);
    void (*winograd_pack)(const convpool_conv *conv, int side, const void *x, int64_t channels,
                          int64_t tile, int64_t tiles, void *v, int64_t pitch, int64_t plane);
    void (*winograd_store)(const convpool_conv *conv, int side, const void *sums, int64_t pitch,
                           int64_t plane, int64_t channels, int64_t tile, int64_t tiles,
                           const void *bias, const void *residual, void *out);
    void (*winograd_weights)(const convpool_conv *conv, int side, const void *weight,
                             const int64_t *stride, int64_t channel, int64_t width, void *strip,
                             int64_t plane);
} convpool_kernels; /* Pixels have filters alone, bytes no gemm_columns, gemm_pair, gemm_row,
                      * gemm_lines, gemm_whole, turn, pools nor Winograd, some sets no gemm_lines;
                      * NULL otherwise. */

typedef float convpool_real_f32;
typedef double convpool_real_f64;

/* What waits for memory is as fast with the vectors of AVX2. */
#define CONVPOOL_LINES_baseline(real) NULL
#define CONVPOOL_LINES_avx2(real) convpool_gemm_lines_##real##_avx2
#define CONVPOOL_LINES_avx512(real) convpool_gemm_lines_##real##_avx2
#define CONVPOOL_LINES_neon(real) NULL

#define CONVPOOL_NO_FILTER {NULL, NULL, NULL}
#define CONVPOOL_FILTER_f32(isa) {&convpool_filter_f32_f32_##isa, NULL, NULL}
#define CONVPOOL_FILTER_f64(isa) {NULL, &convpool_filter_f64_f64_##isa, NULL}
#define CONVPOOL_FILTER_f16(isa) CONVPOOL_NO_FILTER
#define CONVPOOL_FILTER_u8(isa)                                       \
    {&convpool_filter_u8_f32_##isa, &convpool_filter_u8_f64_##isa, \
     &convpool_filter_u8_i32_##isa}
#define CONVPOOL_FILTER_u16(isa) \
    {&convpool_filter_u16_f32_##isa, &convpool_filter_u16_f64_##isa, NULL}

#define CONVPOOL_FLOAT(isa, storage, type, real)                                          \
    {                                                                                     \
        sizeof(type), sizeof(type), sizeof(type), sizeof(convpool_real_##real), 1, 0,     \
            convpool_rows_##isa, convpool_columns_##real##_##isa,                         \
            convpool_lanes_##real##_##isa, CONVPOOL_FILTER_##storage(isa),                \
            convpool_pack_pixels_##storage##_##isa, convpool_pack_weights_##storage##_##isa, \
            convpool_pack_weights_##storage##_##isa,                                      \
            convpool_copy_windows_##storage##_##isa,                                      \
            convpool_gemm_tile_##real##_##isa, convpool_gemm_tile_##real##_##isa,         \
            convpool_gemm_rows_##real##_##isa, convpool_gemm_columns_##real##_##isa,      \
            convpool_gemm_pair_##real##_##isa, convpool_gemm_row_##real##_##isa,          \
            CONVPOOL_LINES_##isa(real),                                                   \
            convpool_gemm_whole_##real##_##isa, convpool_turn_whole_##real##_##isa,       \
            convpool_store_tile_##storage##_##isa,                                        \
            convpool_stage_patch_##storage##_##isa,                                       \
            convpool_stage_rows_##storage##_##isa, convpool_stencil_##real##_##isa,       \
            convpool_stencil_planes_##real##_##isa, convpool_stencil_lanes_##real##_##isa, \
            convpool_store_row_##storage##_##isa,                                         \
            convpool_pool_block_##storage##_##isa, convpool_winograd_pack_##storage##_##isa, \
            convpool_winograd_store_##storage##_##isa,                                    \
            convpool_winograd_weights_##storage##_##isa                                   \
    }

#define CONVPOOL_PIXELS(isa, storage, type)                                                  \
    {                                                                                        \
        sizeof(type), sizeof(type), sizeof(type), sizeof(double), 1, 0, convpool_rows_##isa, \
            convpool_columns_f64_##isa, convpool_lanes_f64_##isa,                            \
            CONVPOOL_FILTER_##storage(isa), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,  \
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,    \
            NULL, NULL, NULL                                                                 \
    }

/* Bytes `x`, with weights of int16_t, and what their sums are stored as. */
#define CONVPOOL_QUANTIZED(isa, x, out, out_type, filter)                                   \
    {                                                                                       \
        1, sizeof(int16_t), sizeof(out_type), sizeof(int32_t), 2, 0, convpool_rows_##isa,   \
            convpool_columns_i32_##isa, convpool_lanes_i32_##isa, filter,                   \
            convpool_pack_pixels_##x##x2_##isa,                                             \
            convpool_pack_weights_i16x2_##isa, convpool_pack_weights_f32_##isa,             \
            convpool_copy_windows_##x##x2_##isa,                                            \
            convpool_gemm_tile_i32_##isa, convpool_gemm_tile_i32_##isa,                     \
            convpool_gemm_rows_i32_##isa, NULL, NULL, NULL, NULL, NULL, NULL,               \
            convpool_store_tile_##out##_##isa,                                              \
            convpool_stage_patch_##x##f_##isa, convpool_stage_rows_##x##f_##isa,            \
            convpool_stencil_f32_##isa,                                                     \
            convpool_stencil_planes_f32_##isa, convpool_stencil_lanes_f32_##isa,            \
            convpool_store_row_##out##_##isa, NULL, NULL, NULL, NULL                        \
    }

/* The same with weights of int8_t, in quads. */
#define CONVPOOL_QUADRUPLE(isa, x, shift, out, out_type)                                    \
    {                                                                                       \
        1, 1, sizeof(out_type), sizeof(int32_t), 4, shift, convpool_rows_##isa,             \
            convpool_columns_i32_##isa, convpool_lanes_i32_##isa, CONVPOOL_NO_FILTER,       \
            convpool_pack_pixels_##x##x4_##isa, convpool_pack_weights_i8x4_##isa, NULL,     \
            convpool_copy_windows_##x##x4_##isa,                                            \
            convpool_gemm_tile_quads_##isa, convpool_gemm_tile_quads_turned_##isa,          \
            convpool_gemm_rows_quads_turned_##isa, NULL, NULL, NULL, NULL, NULL, NULL,      \
            convpool_store_tile_##out##_##isa, NULL, NULL, NULL, NULL, NULL, NULL, NULL,    \
            NULL, NULL, NULL                                                                \
    }

/* In the order of convpool_dtype. */
#define CONVPOOL_ALL_KERNELS(isa)                                                            \
    {                                                                                        \
        CONVPOOL_FLOAT(isa, f32, float, f32), CONVPOOL_FLOAT(isa, f64, double, f64),         \
            CONVPOOL_FLOAT(isa, f16, convpool_half, f32),                                    \
            CONVPOOL_QUANTIZED(isa, u8, u8, uint8_t, CONVPOOL_FILTER_u8(isa)),               \
            CONVPOOL_PIXELS(isa, u16, uint16_t),                                             \
            CONVPOOL_QUANTIZED(isa, s8, s8, int8_t, CONVPOOL_NO_FILTER),                     \
            CONVPOOL_QUANTIZED(isa, u8, s8, int8_t, CONVPOOL_NO_FILTER),                     \
            CONVPOOL_QUANTIZED(isa, s8, u8, uint8_t, CONVPOOL_NO_FILTER),                    \
            CONVPOOL_QUANTIZED(isa, u8, i32, int32_t, CONVPOOL_NO_FILTER),                   \
            CONVPOOL_QUANTIZED(isa, s8, i32, int32_t, CONVPOOL_NO_FILTER),                   \
    }

/* Result: the kernels of a type for an instruction set, NULL for a number that names none or was
 * not compiled. Guarantee: the pointer stays good.
 * Precondition for calling them: convpool_cpu_capabilities() has the set's bit. */
CONVPOOL_INLINE const convpool_kernels *convpool_find_kernels(int dtype, int isa)
{
    static const convpool_kernels baseline[CONVPOOL_DTYPES] = CONVPOOL_ALL_KERNELS(baseline);
#if CONVPOOL_X86
    static const convpool_kernels avx2[CONVPOOL_DTYPES] = CONVPOOL_ALL_KERNELS(avx2);
    static const convpool_kernels avx512[CONVPOOL_DTYPES] = CONVPOOL_ALL_KERNELS(avx512);
#elif CONVPOOL_ARM64
    static const convpool_kernels neon[CONVPOOL_DTYPES] = CONVPOOL_ALL_KERNELS(neon);
#endif
    if (dtype < 0 || dtype >= CONVPOOL_DTYPES) {
        return NULL;
    }
    switch (isa) {
    case CONVPOOL_BASELINE: return &baseline[dtype];
#if CONVPOOL_X86
    case CONVPOOL_AVX2: return &avx2[dtype];
    case CONVPOOL_AVX512: return &avx512[dtype];
#elif CONVPOOL_ARM64
    case CONVPOOL_NEON: return &neon[dtype];
#endif
    default: return NULL;
    }
}

/* By input and output: uint8_t and int8_t of each; then uint8_t and int8_t with sums. */
#define CONVPOOL_ALL_QUADS(isa, u8_shift, s8_shift)                                    \
    {                                                                                  \
        CONVPOOL_QUADRUPLE(isa, u8, u8_shift, u8, uint8_t),                            \
            CONVPOOL_QUADRUPLE(isa, s8, s8_shift, s8, int8_t),                         \
            CONVPOOL_QUADRUPLE(isa, u8, u8_shift, s8, int8_t),                         \
            CONVPOOL_QUADRUPLE(isa, s8, s8_shift, u8, uint8_t),                        \
            CONVPOOL_QUADRUPLE(isa, u8, u8_shift, i32, int32_t),                       \
            CONVPOOL_QUADRUPLE(isa, s8, s8_shift, i32, int32_t),                       \
    }

/* Result: the kernels of a type of bytes that multiply quads, faster than those of
 * convpool_find_kernels and exact like them, for weights of int8_t; NULL for other types and where
 * the compiler knew none. The input's zero point, as conv->border_value and in biases, counts with
 * x_shift added. Guarantee: the pointer stays good.
 * Precondition for calling them: convpool_cpu_capabilities() has bit CONVPOOL_QUADS + isa. */
CONVPOOL_INLINE const convpool_kernels *convpool_find_quad_kernels(int dtype, int isa)
{
#if CONVPOOL_X86 && CONVPOOL_AVX2_QUADS
    static const convpool_kernels avx2[6] = CONVPOOL_ALL_QUADS(avx2, 0, 128);
#endif
#if CONVPOOL_X86 && CONVPOOL_AVX512_QUADS
    static const convpool_kernels avx512[6] = CONVPOOL_ALL_QUADS(avx512, 0, 128);
#endif
#if CONVPOOL_ARM64 && CONVPOOL_NEON_QUADS
    static const convpool_kernels neon[6] = CONVPOOL_ALL_QUADS(neon, -128, 0);
#endif
    const int row = dtype == CONVPOOL_U8 ? 0 : dtype - CONVPOOL_S8 + 1;
    if (row <= 0 ? dtype != CONVPOOL_U8 : row >= 6) {
        return NULL;
    }
    switch (isa) {
#if CONVPOOL_X86 && CONVPOOL_AVX2_QUADS
    case CONVPOOL_AVX2: return &avx2[row];
#endif
#if CONVPOOL_X86 && CONVPOOL_AVX512_QUADS
    case CONVPOOL_AVX512: return &avx512[row];
#endif
#if CONVPOOL_ARM64 && CONVPOOL_NEON_QUADS
    case CONVPOOL_NEON: return &neon[row];
#endif
    default: return NULL;
    }
}

#endif
