/* dispatch.h - the table of kernels: for an element type and an instruction set, the functions
 * that do the work and the tile they work in.
 */
#ifndef CONVPOOL_DISPATCH_H
#define CONVPOOL_DISPATCH_H

#include "cpu.h"
#include "tile_avx2.h"
#include "tile_baseline.h"

typedef struct convpool_kernels {
    size_t element_size;   /* of arrays */
    size_t real_size;      /* of sums, panels, packed weights and biases */
    int64_t rows, columns; /* of a tile */
    void (*pack_pixels)(const convpool_conv *conv, const void *x, int64_t begin, int64_t end,
                        int64_t pixel, int64_t pixels, int64_t width, int64_t pitch, void *panel);
    void (*pack_weights)(const convpool_conv *conv, const void *weight, const int64_t *stride,
                         int64_t channel, int64_t width, void *strip);
    void (*gemm_tile)(int64_t rows, int64_t columns, int64_t depth, const void *a, const void *b,
                      void *tile, int accumulate);
    void (*store_tile)(const convpool_conv *conv, const void *tile, int64_t pitch,
                       int channels_last, int64_t channel, int64_t channels, int64_t pixel,
                       int64_t pixels, const void *bias, const void *residual, void *out);
    void (*stage_patch)(const convpool_conv *conv, const convpool_stage *stage, const void *x,
                        int64_t depth, int64_t row, int64_t column, void *patch);
    void (*stencil)(const void *patch, const int64_t *offset, const void *weight, int64_t taps,
                    int64_t count, void *out);
    void (*stencil_lanes)(const void *patch, const int64_t *offset, const void *weight,
                          int64_t pitch, int64_t taps, int64_t lanes, int64_t step, int64_t count,
                          void *out);
    void (*store_row)(const convpool_conv *conv, const void *sums, int64_t lanes, int64_t depth,
                      int64_t row, int64_t column, int64_t columns, const void *bias,
                      const void *residual, void *out);
    void (*pool_block)(const convpool_pool *pool, int channels_last,
                       const convpool_pool_block *block, const void *x, void *out,
                       int64_t *index); /* NULL: the type is not pooled */
} convpool_kernels;

typedef float convpool_real_f32;
typedef double convpool_real_f64;

#define CONVPOOL_KERNELS(isa, storage, type, real, pool)                               \
    {                                                                                  \
        sizeof(type), sizeof(convpool_real_##real), convpool_rows_##isa,               \
            convpool_columns_##real##_##isa, convpool_pack_pixels_##storage##_##isa,   \
            convpool_pack_weights_##storage##_##isa, convpool_gemm_tile_##real##_##isa, \
            convpool_store_tile_##storage##_##isa, convpool_stage_patch_##storage##_##isa, \
            convpool_stencil_##real##_##isa, convpool_stencil_lanes_##real##_##isa,    \
            convpool_store_row_##storage##_##isa, pool                                 \
    }

/* In the order of convpool_dtype. */
#define CONVPOOL_ALL_KERNELS(isa)                                                    \
    {                                                                                \
        CONVPOOL_KERNELS(isa, f32, float, f32, convpool_pool_block_f32_##isa),       \
        CONVPOOL_KERNELS(isa, f64, double, f64, convpool_pool_block_f64_##isa),      \
        CONVPOOL_KERNELS(isa, f16, convpool_half, f32, convpool_pool_block_f16_##isa), \
        CONVPOOL_KERNELS(isa, u8, uint8_t, f64, NULL),                               \
        CONVPOOL_KERNELS(isa, u16, uint16_t, f64, NULL),                             \
    }

/* Result: the kernels of a type for an instruction set, NULL for a number that names none or was
 * not compiled. Guarantee: the pointer stays good.
 * Precondition for calling them: convpool_cpu_capabilities() has the set's bit. */
CONVPOOL_INLINE const convpool_kernels *convpool_find_kernels(int dtype, int isa)
{
    static const convpool_kernels baseline[CONVPOOL_DTYPES] = CONVPOOL_ALL_KERNELS(baseline);
#if CONVPOOL_X86
    static const convpool_kernels avx2[CONVPOOL_DTYPES] = CONVPOOL_ALL_KERNELS(avx2);
#endif
    if (dtype < 0 || dtype >= CONVPOOL_DTYPES) {
        return NULL;
    }
    switch (isa) {
    case CONVPOOL_BASELINE: return &baseline[dtype];
#if CONVPOOL_X86
    case CONVPOOL_AVX2: return &avx2[dtype];
#endif
    default: return NULL;
    }
}

#endif
