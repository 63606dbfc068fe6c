/* kernels.c - GFLOP/s of the micro-kernel and of the packer, for each element type and instruction
 * set, beside the multiply-add peak that the same run measures. Plain C over the headers, one core.
 *
 *     cc -O3 -ffp-contract=off -I include benchmarks/c/kernels.c -o kernels -lm && ./kernels
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "convpool/convpool.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Independent chains of multiply-adds in registers: what the units can do at most. */
#define CHAINS (CONVPOOL_ARM64 ? 24 : 12) /* latency times units, where registers allow */
#define PEAK(target, name, vec, set1, fma, store)       \
    target static double peak_##name(long steps)        \
    {                                                   \
        const vec a = set1(0.999f), b = set1(0.001f);   \
        vec s[CHAINS];                                  \
        float out[16];                                  \
        double total = 0;                               \
        CONVPOOL_UNROLL                                 \
        for (int i = 0; i < CHAINS; ++i) {              \
            s[i] = set1((float)i);                      \
        }                                               \
        for (long step = 0; step < steps; ++step) {     \
            CONVPOOL_UNROLL                             \
            for (int i = 0; i < CHAINS; ++i) {          \
                s[i] = fma(s[i], a, b);                 \
            }                                           \
        }                                               \
        CONVPOOL_UNROLL                                 \
        for (int i = 0; i < CHAINS; ++i) {              \
            store(out, s[i]);                           \
            total += out[0];                            \
        }                                               \
        return total;                                   \
    }
#if CONVPOOL_X86
PEAK(CONVPOOL_TARGET_AVX2, avx2, __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps)
PEAK(CONVPOOL_TARGET_AVX512, avx512, __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps)
#elif CONVPOOL_ARM64
#define FMA(a, b, c) vfmaq_f32(c, a, b)
PEAK(, neon, float32x4_t, vdupq_n_f32, FMA, vst1q_f32)
#endif

static volatile double sink;

/* Best of the repeats, in GFLOP/s of float32; 0 for a set without fused multiply-add. */
static double fma_peak(int isa, int repeats)
{
    const long steps = 1000000;
    double (*peak)(long) = NULL, best = 0;
    int lanes = 0;
#if CONVPOOL_X86
    peak = isa == CONVPOOL_AVX2 ? peak_avx2 : isa == CONVPOOL_AVX512 ? peak_avx512 : NULL;
    lanes = isa == CONVPOOL_AVX2 ? 8 : 16;
#elif CONVPOOL_ARM64
    peak = isa == CONVPOOL_NEON ? peak_neon : NULL;
    lanes = 4;
#endif
    for (int i = 0; peak != NULL && i < repeats; ++i) {
        const double start = now();
        sink = peak(steps);
        const double rate = 2e-9 * CHAINS * lanes * (double)steps / (now() - start);
        best = rate > best ? rate : best;
    }
    return best;
}

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (memory == NULL) {
        fprintf(stderr, "kernels: no memory for %zu bytes\n", bytes);
        exit(1);
    }
    return memory;
}

/* A whole 3x3 layer of 64 -> 64 channels at 56x56, panel by panel, as the driver does it. */
static void layer(const char *name, int dtype, int isa, double peak, int repeats)
{
    const convpool_kernels *k = convpool_find_kernels(dtype, isa);
    const int64_t size = 56, channels = 64, taps = 9, depth = channels * taps, pixels = size * size;
    convpool_conv conv;
    memset(&conv, 0, sizeof conv);
    conv.batch = conv.groups = 1;
    conv.channels = conv.out_channels = channels;
    for (int i = 0; i < CONVPOOL_AXES; ++i) {
        const convpool_axis flat = {1, 1, 1, 1, 0, 0, 1}, padded = {size, 3, 1, 1, 1, 1, size};
        conv.axis[i] = i == CONVPOOL_DEPTH ? flat : padded;
    }
    const int64_t stride[CONVPOOL_RANK] = {channels * pixels, pixels, pixels, size, 1};
    memcpy(conv.x_stride, stride, sizeof stride);
    memcpy(conv.out_stride, stride, sizeof stride);
    const int64_t strips = (channels + k->rows - 1) / k->rows;
    char *x = allocate((size_t)(channels * pixels) * k->element_size);
    char *out = allocate((size_t)(channels * pixels) * k->element_size);
    char *weights = allocate((size_t)(strips * k->rows * depth) * k->real_size);
    char *panel = allocate((size_t)(depth * k->columns) * k->real_size);
    char *tile = allocate((size_t)(k->rows * k->columns) * k->real_size);
    double packing = 1e9, multiplying = 1e9, storing = 1e9;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        double pack = 0, multiply = 0, store = 0;
        for (int64_t pixel = 0; pixel < pixels; pixel += k->columns) {
            const int64_t used = pixels - pixel < k->columns ? pixels - pixel : k->columns;
            double start = now();
            k->pack_pixels(&conv, x, 0, depth, pixel, used, k->columns,
                           depth * k->columns, panel);
            double stop = now();
            pack += stop - start;
            for (int64_t strip = 0; strip < strips; ++strip) {
                const int64_t left = channels - strip * k->rows;
                const int64_t rows = left < k->rows ? left : k->rows;
                start = stop;
                k->gemm_tile(rows, used, depth,
                             weights + (size_t)(strip * k->rows * depth) * k->real_size, panel,
                             k->columns, tile, k->columns, CONVPOOL_CHAIN_STARTS);
                stop = now();
                multiply += stop - start;
                start = stop;
                k->store_tile(&conv, tile, k->columns, 0, strip * k->rows, rows, pixel, used,
                              NULL, NULL, out);
                stop = now();
                store += stop - start;
            }
        }
        packing = pack < packing ? pack : packing;
        multiplying = multiply < multiplying ? multiply : multiplying;
        storing = store < storing ? store : storing;
    }
    const double flop = 2e-9 * (double)(channels * depth * pixels);
    printf("%-8s %-4s multiply %7.1f GFLOP/s", convpool_isa_name(isa), name, flop / multiplying);
    if (peak > 0) {
        const double own_peak = dtype == CONVPOOL_F64 ? peak / 2 : peak;
        printf(" = %5.1f %% of peak", 100 * flop / multiplying / own_peak);
    }
    printf("; packing %4.1f %%, storing %4.1f %% of the layer's time\n",
           100 * packing / (packing + multiplying + storing),
           100 * storing / (packing + multiplying + storing));
    free(x);
    free(out);
    free(weights);
    free(panel);
    free(tile);
}

int main(int count, char **words)
{
    const int repeats = count > 1 ? atoi(words[1]) : 20;
    for (int isa = 0; isa < CONVPOOL_ISAS; ++isa) {
        if (convpool_cpu_capabilities() >> isa & 1) {
            const double peak = fma_peak(isa, repeats);
            if (peak > 0) {
                printf("%-8s peak of multiply-adds on one core: float32 %.1f GFLOP/s, "
                       "float64 half of it\n", convpool_isa_name(isa), peak);
            }
            layer("f32", CONVPOOL_F32, isa, peak, repeats);
            layer("f64", CONVPOOL_F64, isa, peak, repeats);
            layer("f16", CONVPOOL_F16, isa, peak, repeats);
        }
    }
    return 0;
}
