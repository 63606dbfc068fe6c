/* convolve.c - the headers used without Python: a convolution and a pooling on every instruction
 * set that runs here, each compared with the formula.
 *
 *     cc -ffp-contract=off -I "$(python -c 'import convpool; print(convpool.get_include())')" \
 *         convolve.c -o convolve -lm
 */
#include <stdio.h>
#include <stdlib.h>

#include "convpool/convpool.h"

/* 2 images of 5 channels -> 7 channels; 3x3 at stride 2, padded by 1. The pooling is of the same
 * windows. Neither sizes nor channels fill whole tiles. */
enum { BATCH = 2, CHANNELS = 5, OUT_CHANNELS = 7, SIZE = 23, KERNEL = 3, STRIDE = 2, PAD = 1,
       OUT = (SIZE + 2 * PAD - KERNEL) / STRIDE + 1, AREA = SIZE * SIZE, OUT_AREA = OUT * OUT,
       TAPS = KERNEL * KERNEL };

static float x[BATCH * CHANNELS * AREA], weight[OUT_CHANNELS * CHANNELS * TAPS];
static float bias[OUT_CHANNELS], convolved[BATCH * OUT_CHANNELS * OUT_AREA];
static float pooled[BATCH * CHANNELS * OUT_AREA];

static void set_axes(convpool_axis axis[CONVPOOL_AXES])
{
    const convpool_axis flat = {1, 1, 1, 1, 0, 0, 1};
    const convpool_axis side = {SIZE, KERNEL, STRIDE, 1, PAD, PAD, OUT};
    axis[CONVPOOL_DEPTH] = flat;
    axis[CONVPOOL_ROW] = axis[CONVPOOL_COLUMN] = side;
}

/* Strides of an array in the order (batch, channel, row, column). */
static void set_strides(int64_t stride[CONVPOOL_RANK], int64_t channels, int64_t size)
{
    stride[CONVPOOL_AT_COLUMN] = 1;
    stride[CONVPOOL_AT_ROW] = size;
    stride[CONVPOOL_AT_DEPTH] = stride[CONVPOOL_AT_CHANNEL] = size * size;
    stride[CONVPOOL_AT_BATCH] = channels * size * size;
}

static float *room(int64_t elements)
{
    float *memory = (float *)malloc((size_t)elements * sizeof(float));
    if (memory == NULL) {
        exit(2);
    }
    return memory;
}

/* pack -> multiply -> epilogue */
static void convolve(const convpool_kernels *k)
{
    const int64_t rows = k->rows, columns = k->columns, block = 4 * columns;
    const int64_t depth = CHANNELS * TAPS, pixels = BATCH * OUT_AREA;
    const int64_t strips = (OUT_CHANNELS + rows - 1) / rows;
    const int64_t stride[] = {CHANNELS * TAPS, TAPS, TAPS, KERNEL, 1};
    float *weights = room(strips * depth * rows), *tile = room(rows * columns);
    float *panel = room((block / columns * depth + 1) * columns); /* a step more may be read */
    int64_t strip, pixel, p;
    convpool_conv conv;
    memset(&conv, 0, sizeof conv);
    conv.batch = BATCH;
    conv.groups = 1;
    conv.channels = CHANNELS;
    conv.out_channels = OUT_CHANNELS;
    conv.activation = CONVPOOL_RELU;
    set_axes(conv.axis);
    set_strides(conv.x_stride, CHANNELS, SIZE);
    set_strides(conv.out_stride, OUT_CHANNELS, OUT);
    for (strip = 0; strip < strips; ++strip) {
        k->pack_weights(&conv, weight, stride, strip * rows, rows, weights + strip * depth * rows,
                        depth, depth * rows);
    }
    for (pixel = 0; pixel < pixels; pixel += block) {
        const int64_t count = pixels - pixel < block ? pixels - pixel : block;
        k->pack_pixels(&conv, x, 0, depth, pixel, count, columns, depth * columns, panel);
        for (p = 0; p < count; p += columns) {
            const int64_t wide = count - p < columns ? count - p : columns;
            for (strip = 0; strip < strips; ++strip) {
                const int64_t channel = strip * rows, left = OUT_CHANNELS - channel;
                const int64_t high = left < rows ? left : rows;
                k->gemm_tile(high, wide, depth, weights + channel * depth, panel + p * depth,
                             columns, tile, columns, CONVPOOL_CHAIN_STARTS,
                             weights + (channel + rows) * depth);
                k->store_tile(&conv, tile, columns, 0, channel, high, pixel + p, wide, bias, NULL,
                              convolved);
            }
        }
    }
    free(weights);
    free(tile);
    free(panel);
}

/* Largest values, block by block. */
static void pool(const convpool_kernels *k)
{
    convpool_pool pool;
    convpool_pool_block most, block;
    int64_t image;
    memset(&pool, 0, sizeof pool);
    pool.batch = BATCH;
    pool.channels = CHANNELS;
    set_axes(pool.axis);
    set_strides(pool.x_stride, CHANNELS, SIZE);
    set_strides(pool.out_stride, CHANNELS, OUT);
    most = block = convpool_pool_cut(&pool, 0);
    for (image = 0; image < BATCH; ++image) {
        for (block.channel = 0; block.channel < CHANNELS; block.channel += most.channels) {
            const int64_t channels = CHANNELS - block.channel;
            block.channels = channels < most.channels ? channels : most.channels;
            for (block.row = 0; block.row < OUT; block.row += most.rows) {
                block.rows = OUT - block.row < most.rows ? OUT - block.row : most.rows;
                k->pool_block(&pool, 0, &block, x + image * pool.x_stride[0],
                              pooled + image * pool.out_stride[0], NULL);
            }
        }
    }
}

/* Whether window (row, column) of a plane meets the input at tap (r, c), and where. */
static int meets(int row, int column, int r, int c, int *at)
{
    const int y = row * STRIDE + r - PAD, z = column * STRIDE + c - PAD;
    *at = y * SIZE + z;
    return y >= 0 && y < SIZE && z >= 0 && z < SIZE;
}

static double expected_sum(int image, int out_channel, int row, int column)
{
    double sum = bias[out_channel];
    int channel, r, c, at;
    for (channel = 0; channel < CHANNELS; ++channel) {
        for (r = 0; r < KERNEL; ++r) {
            for (c = 0; c < KERNEL; ++c) {
                if (meets(row, column, r, c, &at)) {
                    sum += (double)x[(image * CHANNELS + channel) * AREA + at] *
                           weight[(out_channel * CHANNELS + channel) * TAPS + r * KERNEL + c];
                }
            }
        }
    }
    return sum > 0 ? sum : 0;
}

static double expected_maximum(int plane, int row, int column)
{
    double most = -INFINITY;
    int r, c, at;
    for (r = 0; r < KERNEL; ++r) {
        for (c = 0; c < KERNEL; ++c) {
            if (meets(row, column, r, c, &at) && x[plane * AREA + at] > most) {
                most = x[plane * AREA + at];
            }
        }
    }
    return most;
}

/* Result: how many outputs are wrong. Each of 46 additions to sums below 64 is off by 2^-19 at most,
 * each of 45 products by 2^-25. */
static int wrong(void)
{
    int image, channel, row, column, count = 0;
    for (image = 0; image < BATCH; ++image) {
        for (row = 0; row < OUT; ++row) {
            for (column = 0; column < OUT; ++column) {
                const int pixel = row * OUT + column;
                for (channel = 0; channel < OUT_CHANNELS; ++channel) {
                    const int o = (image * OUT_CHANNELS + channel) * OUT_AREA + pixel;
                    const double error = convolved[o] - expected_sum(image, channel, row, column);
                    count += !(fabs(error) < 47 * 0x1p-19);
                }
                for (channel = 0; channel < CHANNELS; ++channel) {
                    const int plane = image * CHANNELS + channel;
                    count += pooled[plane * OUT_AREA + pixel] !=
                             (float)expected_maximum(plane, row, column);
                }
            }
        }
    }
    return count;
}

static void fill(float *to, int count, int seed)
{
    int i;
    for (i = 0; i < count; ++i) {
        to[i] = (float)(((i + seed) * 7919) % 1009) / 505 - 1;
    }
}

int main(void)
{
    const unsigned capabilities = convpool_cpu_capabilities();
    int isa, failures = 0;
    fill(x, BATCH * CHANNELS * AREA, 1);
    fill(weight, OUT_CHANNELS * CHANNELS * TAPS, 2);
    fill(bias, OUT_CHANNELS, 3);
    printf("convpool %d.%d.%d\n", CONVPOOL_VERSION_MAJOR, CONVPOOL_VERSION_MINOR,
           CONVPOOL_VERSION_PATCH);
    for (isa = 0; isa < CONVPOOL_ISAS; ++isa) {
        if (capabilities >> isa & 1) {
            const convpool_kernels *k = convpool_find_kernels(CONVPOOL_F32, isa);
            int count;
            memset(convolved, 0xFF, sizeof convolved);
            memset(pooled, 0xFF, sizeof pooled);
            convolve(k);
            pool(k);
            count = wrong();
            printf("%s: %d wrong\n", convpool_isa_name(isa), count);
            failures += count > 0;
        }
    }
    return failures;
}
