/* kernels.c - GFLOP/s of the micro-kernel and the time of what stands around it, directly and by
 * Winograd's algorithm, and of a 1x1 layer as a whole, for each element type and instruction set,
 * beside the multiply-add peak that the same run measures: that of float32 for bytes too. Plain C
 * over the headers, one core.
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

/* A whole 3x3 layer of 64 -> 64 channels at 56x56. */
enum { SIZE = 56, CHANNELS = 64, PIXELS = SIZE * SIZE, TAPS = 9, DEPTH = CHANNELS * TAPS };

static convpool_conv conv_of_layer(void)
{
    const int64_t stride[CONVPOOL_RANK] = {CHANNELS * PIXELS, PIXELS, PIXELS, SIZE, 1};
    const convpool_axis flat = {1, 1, 1, 1, 0, 0, 1}, padded = {SIZE, 3, 1, 1, 1, 1, SIZE};
    convpool_conv conv;
    memset(&conv, 0, sizeof conv);
    conv.batch = conv.groups = 1;
    conv.channels = conv.out_channels = CHANNELS;
    conv.axis[CONVPOOL_DEPTH] = flat;
    conv.axis[CONVPOOL_ROW] = conv.axis[CONVPOOL_COLUMN] = padded;
    memcpy(conv.x_stride, stride, sizeof stride);
    memcpy(conv.out_stride, stride, sizeof stride);
    return conv;
}

/* Seconds that the steps of a layer take. */
typedef struct times {
    double pack, multiply, store;
} times;

/* Adds the time since *then, which becomes now. */
static void clock_in(double *time, double *then)
{
    const double moment = now();
    *time += moment - *then;
    *then = moment;
}

static void keep_best(times *best, times t)
{
    best->pack = t.pack < best->pack ? t.pack : best->pack;
    best->multiply = t.multiply < best->multiply ? t.multiply : best->multiply;
    best->store = t.store < best->store ? t.store : best->store;
}

/* The beginning of a line: what takes so many seconds. */
static void print_rate(const char *way, const char *what, const char *name, int isa,
                       double multiply_adds, double seconds, double peak)
{
    const double rate = 2e-9 * multiply_adds / seconds;
    printf("%-8s %-4s %-8s %-8s %7.1f GFLOP/s", convpool_isa_name(isa), name, way, what, rate);
    if (peak > 0) {
        printf(" = %5.1f %% of peak", 100 * rate / peak);
    }
}

static void print(const char *way, const char *name, int isa, double multiply_adds, times t,
                  double peak)
{
    const double all = t.pack + t.multiply + t.store;
    print_rate(way, "multiply", name, isa, multiply_adds, t.multiply, peak);
    printf("; packing %4.1f %%, storing %4.1f %% of %7.3f ms\n", 100 * t.pack / all,
           100 * t.store / all, 1e3 * all);
}

/* Panel by panel, as _conv.pyx does it. */
static void direct(const char *name, const convpool_kernels *k, int isa, double peak, int repeats)
{
    const convpool_conv conv = conv_of_layer();
    const int64_t depth = (CHANNELS + k->products - 1) / k->products * (DEPTH / CHANNELS);
    const int64_t strips = (CHANNELS + k->rows - 1) / k->rows, strip_size = k->rows * depth;
    char *x = allocate(CHANNELS * PIXELS * k->element_size);
    char *out = allocate(CHANNELS * PIXELS * k->out_size);
    char *bias = allocate(2 * CHANNELS * k->real_size);
    char *weights = allocate((size_t)(strips * strip_size) * k->real_size);
    char *panel = allocate((size_t)(depth * k->columns) * k->real_size);
    char *tile = allocate((size_t)(k->rows * k->columns) * k->real_size);
    times best = {1e9, 1e9, 1e9};
    for (int repeat = 0; repeat < repeats; ++repeat) {
        times t = {0, 0, 0};
        double then = now();
        for (int64_t pixel = 0; pixel < PIXELS; pixel += k->columns) {
            const int64_t used = PIXELS - pixel < k->columns ? PIXELS - pixel : k->columns;
            k->pack_pixels(&conv, x, 0, depth, pixel, used, k->columns, depth * k->columns, panel);
            clock_in(&t.pack, &then);
            for (int64_t strip = 0; strip < strips; ++strip) {
                const int64_t left = CHANNELS - strip * k->rows;
                const int64_t rows = left < k->rows ? left : k->rows;
                k->gemm_tile(rows, used, depth,
                             weights + (size_t)(strip * strip_size) * k->real_size, panel,
                             k->columns, tile, k->columns, CONVPOOL_CHAIN_STARTS, weights);
                clock_in(&t.multiply, &then);
                k->store_tile(&conv, tile, k->columns, 0, strip * k->rows, rows, pixel, used,
                              k->products == 1 ? NULL : bias, NULL, out);
                clock_in(&t.store, &then);
            }
        }
        keep_best(&best, t);
    }
    print("direct", name, isa, (double)CHANNELS * DEPTH * PIXELS, best, peak);
    free(x);
    free(out);
    free(bias);
    free(weights);
    free(panel);
    free(tile);
}

/* A 1x1 layer of the same channels and pixels, whose micro-kernel packs and stores by itself. */
static void points(const char *name, const convpool_kernels *k, int isa, double peak, int repeats)
{
    const int64_t strips = CHANNELS / k->rows, size = (int64_t)k->real_size; /* whole ones */
    char *x = allocate((size_t)(CHANNELS * PIXELS * size));
    char *out = allocate((size_t)(CHANNELS * PIXELS * size));
    char *weights = allocate((size_t)((strips + 1) * k->rows * CHANNELS * size));
    char *panel = allocate((size_t)((CHANNELS + 1) * k->columns * size));
    double best = 1e9;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        const double start = now();
        for (int64_t pixel = 0; pixel < PIXELS; pixel += k->columns) {
            const int64_t used = PIXELS - pixel < k->columns ? PIXELS - pixel : k->columns;
            for (int64_t strip = 0; strip < strips; ++strip) {
                const convpool_finish finish = {
                    NULL, NULL, out + (strip * k->rows * PIXELS + pixel) * size, 0, PIXELS, 0, 6};
                const char *a = weights + strip * k->rows * CHANNELS * size;
                k->gemm_whole(used, CHANNELS, a, strip == 0 ? x + pixel * size : panel,
                              strip == 0 ? (int64_t)PIXELS : k->columns, NULL,
                              strip == 0 ? panel : NULL, NULL, 0, CONVPOOL_CHAIN_STARTS, &finish,
                              a + k->rows * CHANNELS * size);
            }
        }
        const double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    print_rate("points", "all", name, isa, (double)(strips * k->rows * CHANNELS * PIXELS), best,
               peak);
    printf("; %7.3f ms\n", 1e3 * best);
    free(x);
    free(out);
    free(weights);
    free(panel);
}

/* Chunk of tiles by chunk, as _winograd.pyx does it; multiply-adds are those that are done. */
static void winograd(const char *name, int dtype, int isa, double peak, int repeats)
{
    enum { POINTS = CONVPOOL_WINOGRAD_POINTS, CHUNK = CONVPOOL_WINOGRAD_CHUNK };
    enum { ACROSS = SIZE / 4, TILES = ACROSS * ACROSS };
    const convpool_kernels *k = convpool_find_kernels(dtype, isa);
    const convpool_conv conv = conv_of_layer();
    const int64_t strips = (CHANNELS + k->rows - 1) / k->rows, real = (int64_t)k->real_size;
    const int64_t plane = CHANNELS * CHUNK + 16, sum_plane = strips * k->rows * CHUNK + 16;
    const int64_t weight_plane = strips * k->rows * CHANNELS;
    char *x = allocate(CHANNELS * PIXELS * k->element_size);
    char *out = allocate(CHANNELS * PIXELS * k->element_size);
    char *weights = allocate((size_t)(POINTS * weight_plane * real));
    char *points = allocate((size_t)((POINTS * plane + CHUNK) * real));
    char *sums = allocate((size_t)(POINTS * sum_plane * real));
    times best = {1e9, 1e9, 1e9};
    for (int repeat = 0; repeat < repeats; ++repeat) {
        times t = {0, 0, 0};
        double then = now();
        for (int64_t first = 0; first < TILES; first += CHUNK) {
            const int64_t tiles = TILES - first < CHUNK ? TILES - first : CHUNK;
            k->winograd_pack(&conv, CONVPOOL_WINOGRAD_SIDE, x, CHANNELS, first, tiles, points,
                             CHUNK, plane);
            clock_in(&t.pack, &then);
            for (int64_t point = 0; point < POINTS; ++point) {
                for (int64_t strip = 0; strip < strips; ++strip) {
                    const int64_t left = CHANNELS - strip * k->rows;
                    for (int64_t tile = 0; tile < tiles; tile += k->columns) {
                        k->gemm_tile(
                            left < k->rows ? left : k->rows,
                            tiles - tile < k->columns ? tiles - tile : k->columns, CHANNELS,
                            weights + (point * weight_plane + strip * k->rows * CHANNELS) * real,
                            points + (point * plane + tile) * real, CHUNK,
                            sums + (point * sum_plane + strip * k->rows * CHUNK + tile) * real,
                            CHUNK, CONVPOOL_CHAIN_STARTS, weights);
                    }
                }
            }
            clock_in(&t.multiply, &then);
            k->winograd_store(&conv, CONVPOOL_WINOGRAD_SIDE, sums, CHUNK, sum_plane, CHANNELS,
                              first, tiles, NULL, NULL, out);
            clock_in(&t.store, &then);
        }
        keep_best(&best, t);
    }
    print("winograd", name, isa, (double)POINTS * CHANNELS * CHANNELS * TILES, best, peak);
    free(x);
    free(out);
    free(weights);
    free(points);
    free(sums);
}

int main(int count, char **words)
{
    static const char *const name[] = {"f32", "f64", "f16"};
    const int repeats = count > 1 ? atoi(words[1]) : 20;
    for (int isa = 0; isa < CONVPOOL_ISAS; ++isa) {
        if (convpool_cpu_capabilities() >> isa & 1) {
            const double peak = fma_peak(isa, repeats);
            if (peak > 0) {
                printf("%-8s peak of multiply-adds on one core: float32 %.1f GFLOP/s, "
                       "float64 half of it\n", convpool_isa_name(isa), peak);
            }
            for (int dtype = 0; dtype < 3; ++dtype) {
                const double own_peak = dtype == CONVPOOL_F64 ? peak / 2 : peak;
                direct(name[dtype], convpool_find_kernels(dtype, isa), isa, own_peak, repeats);
                if (dtype != CONVPOOL_F16) {
                    points(name[dtype], convpool_find_kernels(dtype, isa), isa, own_peak, repeats);
                }
                winograd(name[dtype], dtype, isa, own_peak, repeats);
            }
            direct("u8x2", convpool_find_kernels(CONVPOOL_U8, isa), isa, peak, repeats);
            if (convpool_cpu_capabilities() >> (CONVPOOL_QUADS + isa) & 1) {
                direct("u8x4", convpool_find_quad_kernels(CONVPOOL_U8, isa), isa, peak, repeats);
            }
        }
    }
    return 0;
}
