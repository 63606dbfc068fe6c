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
#if CONVPOOL_X86
CONVPOOL_TARGET_AVX2 static double peak_avx2(long steps)
{
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
    __m256 s[12];
    float out[8];
    double total = 0;
    for (int i = 0; i < 12; ++i) {
        s[i] = _mm256_set1_ps((float)i);
    }
    for (long step = 0; step < steps; ++step) {
        for (int i = 0; i < 12; ++i) {
            s[i] = _mm256_fmadd_ps(s[i], a, b);
        }
    }
    for (int i = 0; i < 12; ++i) {
        _mm256_storeu_ps(out, s[i]);
        total += out[0];
    }
    return total;
}
#endif

static volatile double sink;

/* Best of the repeats, in GFLOP/s; 0 where this machine has no fused multiply-add to measure. */
static double fma_peak(int repeats)
{
    double best = 0;
#if CONVPOOL_X86
    if (convpool_cpu_capabilities() >> CONVPOOL_AVX2 & 1) {
        const long steps = 1000000;
        for (int i = 0; i < repeats; ++i) {
            const double start = now();
            sink = peak_avx2(steps);
            const double rate = 12.0 * 8 * 2 * (double)steps / (now() - start) * 1e-9;
            best = rate > best ? rate : best;
        }
    }
#else
    (void)repeats;
#endif
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
    const double peak = fma_peak(repeats);
    printf("float32 multiply-add peak of one core: %.1f GFLOP/s (double: half of it)\n", peak);
    for (int isa = 0; isa < CONVPOOL_ISAS; ++isa) {
        if (convpool_cpu_capabilities() >> isa & 1) {
            layer("f32", CONVPOOL_F32, isa, peak, repeats);
            layer("f64", CONVPOOL_F64, isa, peak, repeats);
            layer("f16", CONVPOOL_F16, isa, peak, repeats);
        }
    }
    return 0;
}
