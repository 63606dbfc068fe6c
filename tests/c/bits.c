/* bits.c - a hash of the bits that the kernels of one instruction set make of fixed inputs, a line
 * for each case. Plain C over the headers, so that it runs wherever a compiler or an emulator does.
 *
 *     cc -O2 -ffp-contract=off -I include tests/c/bits.c -o bits -lm
 *     ./bits            the instruction sets that run here
 *     ./bits avx2       the hashes of one
 *
 * Softplus is left out: its logarithm is the C library's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "convpool/convpool.h"

static const char *const dtype_name[CONVPOOL_DTYPES] = {"f32", "f64", "f16", "u8", "u16"};

static void *allocate(int64_t bytes)
{
    void *memory = calloc(1, (size_t)bytes);
    if (memory == NULL) {
        fprintf(stderr, "bits: no memory for %ld bytes\n", (long)bytes);
        exit(2);
    }
    return memory;
}

/* `count` numbers of [-1, 1), or of all of the type's for pixels: the same on every machine. They
 * have all the digits of the type, lest products be exact with or without fused multiply-add. */
static void *numbers(int dtype, int64_t count, uint64_t seed)
{
    uint64_t state = seed;
    int64_t i;
    void *array = allocate(count * 8);
    for (i = 0; i < count; ++i) {
        double value;
        state = state * 6364136223846793005u + 1442695040888963407u;
        value = (double)(int64_t)(state >> 11) * 0x1p-52 - 1;
        switch (dtype) {
        case CONVPOOL_F32: ((float *)array)[i] = (float)value; break;
        case CONVPOOL_F64: ((double *)array)[i] = value; break;
        case CONVPOOL_F16:
            ((convpool_half *)array)[i] = convpool_half_from_float((float)value);
            break;
        case CONVPOOL_U8: ((uint8_t *)array)[i] = (uint8_t)(state >> 56); break;
        default: ((uint16_t *)array)[i] = (uint16_t)(state >> 48); break;
        }
    }
    return array;
}

/* FNV-1a */
static uint64_t hash(const void *memory, int64_t bytes)
{
    const unsigned char *byte = (const unsigned char *)memory;
    uint64_t sum = 0xcbf29ce484222325u;
    for (; bytes > 0; --bytes) {
        sum = (sum ^ *byte++) * 0x100000001b3u;
    }
    return sum;
}

static void report(const char *verb, const char *name, int dtype, int channels_last,
                   const void *out, int64_t bytes)
{
    printf("%s-%s-%s-%s %016llx\n", verb, name, dtype_name[dtype], channels_last ? "last" : "first",
           (unsigned long long)hash(out, bytes));
}

typedef struct shape {
    const char *name;
    int64_t channels, out_channels; /* 1 of each where every channel has a stencil of its own */
    convpool_axis axis[CONVPOOL_AXES];
    int border, activation;
    double p0, p1;
} shape;

/* Sizes that no tile of any instruction set fits, and sums of several blocks. */
static const shape layers[] = {
    {"3x3", 17, 23, {{1, 1, 1, 1, 0, 0, 1}, {13, 3, 1, 1, 1, 1, 13}, {17, 3, 1, 1, 1, 1, 17}},
     CONVPOOL_CONSTANT, CONVPOOL_LINEAR, 0, 0},
    {"1x1", 301, 50, {{1, 1, 1, 1, 0, 0, 1}, {7, 1, 1, 1, 0, 0, 7}, {9, 1, 1, 1, 0, 0, 9}},
     CONVPOOL_CONSTANT, CONVPOOL_LEAKY_RELU, 0.1, 0},
    {"strided", 5, 9, {{1, 1, 1, 1, 0, 0, 1}, {20, 5, 2, 1, 2, 1, 10}, {21, 4, 3, 2, 3, 3, 7}},
     CONVPOOL_REFLECT, CONVPOOL_SIGMOID, 0, 0},
    {"3-d", 3, 49, {{4, 2, 1, 1, 1, 0, 4}, {6, 3, 1, 1, 1, 1, 6}, {11, 2, 1, 2, 1, 1, 11}},
     CONVPOOL_CIRCULAR, CONVPOOL_TANH, 0, 0},
    {"7x7", 1, 1, {{1, 1, 1, 1, 0, 0, 1}, {13, 7, 1, 1, 3, 3, 13}, {90, 7, 1, 1, 3, 3, 90}},
     CONVPOOL_REPLICATE, CONVPOOL_ELU, 1, 0},
    {"3x3s2", 1, 1, {{1, 1, 1, 1, 0, 0, 1}, {14, 3, 2, 1, 1, 1, 7}, {35, 3, 2, 2, 1, 1, 17}},
     CONVPOOL_CONSTANT, CONVPOOL_SILU, 0, 0},
    {"hardsigmoid", 9, 8, {{1, 1, 1, 1, 0, 0, 1}, {1, 1, 1, 1, 0, 0, 1}, {80, 1, 1, 1, 0, 0, 80}},
     CONVPOOL_CONSTANT, CONVPOOL_HARDSIGMOID, 0.2, 0.5},
    {"hardswish", 9, 8, {{1, 1, 1, 1, 0, 0, 1}, {1, 1, 1, 1, 0, 0, 1}, {80, 1, 1, 1, 0, 0, 80}},
     CONVPOOL_CONSTANT, CONVPOOL_HARDSWISH, 0, 0},
    {"hardtanh", 9, 8, {{1, 1, 1, 1, 0, 0, 1}, {1, 1, 1, 1, 0, 0, 1}, {80, 1, 1, 1, 0, 0, 80}},
     CONVPOOL_CONSTANT, CONVPOOL_HARDTANH, -0.5, 0.75},
};

static const shape pools[] = {
    {"3x3", 37, 37, {{1, 1, 1, 1, 0, 0, 1}, {13, 3, 1, 1, 1, 1, 13}, {45, 3, 1, 1, 1, 1, 45}},
     0, 0, 0, 0},
    {"2x2s2", 9, 9, {{1, 1, 1, 1, 0, 0, 1}, {14, 2, 2, 1, 0, 0, 7}, {35, 2, 2, 1, 0, 0, 17}},
     0, 0, 0, 0},
};

/* Strides of one image of such channels and pixels, one element after the other. */
static void set_strides(int64_t *stride, int64_t channels, int channels_last, int64_t depth,
                        int64_t rows, int64_t columns)
{
    const int64_t pixel = channels_last ? channels : 1;
    stride[CONVPOOL_AT_COLUMN] = pixel;
    stride[CONVPOOL_AT_ROW] = pixel * columns;
    stride[CONVPOOL_AT_DEPTH] = pixel * columns * rows;
    stride[CONVPOOL_AT_CHANNEL] = channels_last ? 1 : depth * rows * columns;
    stride[CONVPOOL_AT_BATCH] = channels * depth * rows * columns;
}

static void set_conv(convpool_conv *conv, const shape *layer, int64_t x_channels,
                     int64_t out_channels, int channels_last)
{
    const convpool_axis *a = layer->axis;
    memset(conv, 0, sizeof *conv);
    conv->batch = conv->groups = 1;
    conv->channels = layer->channels;
    conv->out_channels = layer->out_channels;
    memcpy(conv->axis, a, sizeof conv->axis);
    set_strides(conv->x_stride, x_channels, channels_last, a[0].size, a[1].size, a[2].size);
    set_strides(conv->out_stride, out_channels, channels_last, a[0].out, a[1].out, a[2].out);
    memcpy(conv->residual_stride, conv->out_stride, sizeof conv->out_stride);
    conv->border = layer->border;
    conv->border_value = 0.25;
    conv->activation = layer->activation;
    conv->activation_parameter[0] = layer->p0;
    conv->activation_parameter[1] = layer->p1;
}

static int real_of(int dtype)
{
    return dtype == CONVPOOL_F16 ? CONVPOOL_F32 : dtype > CONVPOOL_F16 ? CONVPOOL_F64 : dtype;
}

/* pack -> multiply -> epilogue */
static void multiply(const shape *layer, int dtype, int isa, int channels_last)
{
    enum { BLOCK = 100 };
    const convpool_kernels *k = convpool_find_kernels(dtype, isa);
    const convpool_kernels *w = convpool_find_kernels(real_of(dtype), isa);
    const int64_t real = (int64_t)k->real_size, pixels = convpool_pixels(layer->axis);
    const int64_t taps = convpool_taps(layer->axis), depth = layer->channels * taps;
    const int64_t pixel_width = channels_last ? k->rows : k->columns;
    const int64_t channel_width = channels_last ? k->columns : k->rows;
    const int64_t strips = (layer->out_channels + channel_width - 1) / channel_width;
    const int64_t tile_size = k->rows * k->columns * real;
    const int64_t size = layer->axis[0].size * layer->axis[1].size * layer->axis[2].size;
    const int64_t stride[CONVPOOL_RANK] = {
        depth, taps, layer->axis[1].kernel * layer->axis[2].kernel, layer->axis[2].kernel, 1};
    void *x = numbers(dtype, layer->channels * size, 1);
    void *weight = numbers(real_of(dtype), layer->out_channels * depth, 2);
    void *bias = numbers(real_of(dtype), layer->out_channels, 3);
    void *residual = numbers(dtype, layer->out_channels * pixels, 4);
    char *out = (char *)allocate(layer->out_channels * pixels * 8);
    char *packed = (char *)allocate(strips * depth * channel_width * real);
    char *panel = (char *)allocate(BLOCK * pixel_width * real);
    char *tiles = (char *)allocate(strips * tile_size);
    convpool_conv conv;
    int64_t strip, pixel, begin;
    set_conv(&conv, layer, layer->channels, layer->out_channels, channels_last);
    for (strip = 0; strip < strips; ++strip) {
        w->pack_weights(&conv, weight, stride, strip * channel_width, channel_width,
                        packed + strip * depth * channel_width * real);
    }
    for (pixel = 0; pixel < pixels; pixel += pixel_width) {
        const int64_t left = pixels - pixel, used = left < pixel_width ? left : pixel_width;
        for (begin = 0; begin < depth; begin += BLOCK) {
            const int64_t end = depth - begin < BLOCK ? depth : begin + BLOCK;
            k->pack_pixels(&conv, x, begin, end, pixel, used, pixel_width, BLOCK * pixel_width,
                           panel);
            for (strip = 0; strip < strips; ++strip) {
                const int64_t channel = strip * channel_width;
                const int64_t rest = layer->out_channels - channel;
                const int64_t channels = rest < channel_width ? rest : channel_width;
                const char *a = packed + (strip * depth + begin) * channel_width * real;
                char *tile = tiles + strip * tile_size;
                k->gemm_tile(channels_last ? used : channels, channels_last ? channels : used,
                             end - begin, channels_last ? panel : a, channels_last ? a : panel,
                             tile, begin > 0);
                if (end == depth) {
                    k->store_tile(&conv, tile, k->columns, channels_last, channel, channels, pixel,
                                  used, bias, residual, out);
                }
            }
        }
    }
    report("multiply", layer->name, dtype, channels_last, out,
           layer->out_channels * pixels * (int64_t)k->element_size);
    free(x);
    free(weight);
    free(bias);
    free(residual);
    free(out);
    free(packed);
    free(panel);
    free(tiles);
}

/* A stencil for each of 37 channels, on lanes of them where they come last. */
static void stencil(const shape *layer, int dtype, int isa, int channels_last)
{
    enum { CHANNELS = 37 };
    const convpool_kernels *k = convpool_find_kernels(dtype, isa);
    const convpool_axis *a = layer->axis;
    const int64_t real = (int64_t)k->real_size, element = (int64_t)k->element_size;
    const int64_t taps = convpool_taps(a), lanes = channels_last ? CHANNELS : 1;
    const int64_t pixels = convpool_pixels(a), size = a[0].size * a[1].size * a[2].size;
    convpool_conv conv;
    convpool_stage stage;
    void *x, *bias;
    char *out, *weight, *patch, *sums;
    int64_t *offset, channel, row, count;
    set_conv(&conv, layer, CHANNELS, CHANNELS, channels_last);
    stage = convpool_stage_for(&conv, a[1].out, a[2].out, lanes);
    count = (a[1].out - 1) * stage.columns + a[2].out;
    x = numbers(dtype, CHANNELS * size, 5);
    bias = numbers(real_of(dtype), CHANNELS, 6);
    weight = (char *)numbers(real_of(dtype), taps * CHANNELS + CONVPOOL_SLACK, 7);
    out = (char *)allocate(CHANNELS * pixels * 8);
    patch = (char *)allocate((convpool_stage_size(&conv, &stage) + CONVPOOL_SLACK) * real);
    sums = (char *)allocate((a[1].out * stage.columns * lanes + CONVPOOL_SLACK) * real);
    offset = (int64_t *)allocate(taps * 8);
    convpool_stage_offsets(&conv, &stage, offset);
    for (channel = 0; channel < CHANNELS; channel += lanes) {
        k->stage_patch(&conv, &stage,
                       (char *)x + channel * conv.x_stride[CONVPOOL_AT_CHANNEL] * element, 0, 0, 0,
                       patch);
        if (channels_last) {
            k->stencil_lanes(patch, offset, weight, CHANNELS, taps, lanes, lanes, count, sums);
        } else {
            k->stencil(patch, offset, weight + channel * taps * real, taps, count, sums);
        }
        for (row = 0; row < a[1].out; ++row) {
            k->store_row(&conv, sums + row * stage.columns * lanes * real, lanes, 0, row, 0,
                         a[2].out, (char *)bias + channel * real, NULL,
                         out + channel * conv.out_stride[CONVPOOL_AT_CHANNEL] * element);
        }
    }
    report("stencil", layer->name, dtype, channels_last, out, CHANNELS * pixels * element);
    free(x);
    free(bias);
    free(weight);
    free(out);
    free(patch);
    free(sums);
    free(offset);
}

static void pool(const shape *layer, int dtype, int isa, int channels_last, const char *verb)
{
    const convpool_kernels *k = convpool_find_kernels(dtype, isa);
    const convpool_axis *a = layer->axis;
    const int64_t pixels = convpool_pixels(a), size = a[0].size * a[1].size * a[2].size;
    const int64_t channels = layer->channels, lanes = channels_last ? channels : a[2].out;
    const int64_t lines = pixels * channels / lanes;
    convpool_pool conv;
    int64_t line;
    void *x = numbers(dtype, channels * size, 8);
    void *out = allocate(channels * pixels * 8);
    int64_t *index = (int64_t *)allocate(channels * pixels * 8);
    memset(&conv, 0, sizeof conv);
    conv.batch = 1;
    conv.channels = channels;
    memcpy(conv.axis, a, sizeof conv.axis);
    set_strides(conv.x_stride, channels, channels_last, a[0].size, a[1].size, a[2].size);
    set_strides(conv.out_stride, channels, channels_last, a[0].out, a[1].out, a[2].out);
    memcpy(conv.index_stride, conv.out_stride, sizeof conv.out_stride);
    conv.average = verb[0] == 'a';
    for (line = 0; line < lines; ++line) {
        const int64_t column = channels_last ? line % a[2].out : 0;
        const int64_t row = channels_last ? line / a[2].out : line % a[1].out;
        k->pool_lanes(&conv, channels_last, channels_last ? 0 : line / a[1].out, 0, row, column,
                      lanes, x, out, verb[0] == 'i' ? index : NULL);
    }
    report(verb, layer->name, dtype, channels_last, out,
           channels * pixels * (int64_t)k->element_size);
    if (verb[0] == 'i') {
        report("where", layer->name, dtype, channels_last, index, channels * pixels * 8);
    }
    free(x);
    free(out);
    free(index);
}

int main(int count, char **words)
{
    const unsigned capabilities = convpool_cpu_capabilities();
    int isa, i;
    for (isa = 0; isa < CONVPOOL_ISAS; ++isa) {
        if (capabilities >> isa & 1 && count < 2) {
            printf("%s\n", convpool_isa_name(isa));
        } else if (capabilities >> isa & 1 && strcmp(words[1], convpool_isa_name(isa)) == 0) {
            break;
        }
    }
    if (count < 2) {
        return 0;
    }
    if (isa == CONVPOOL_ISAS) {
        fprintf(stderr, "bits: no %s here\n", words[1]);
        return 2;
    }
    for (i = 0; i < 2 * CONVPOOL_DTYPES; ++i) {
        const int dtype = i / 2, channels_last = i % 2;
        size_t j;
        for (j = 0; j < sizeof layers / sizeof *layers; ++j) {
            multiply(&layers[j], dtype, isa, channels_last);
            if (layers[j].channels == 1) {
                stencil(&layers[j], dtype, isa, channels_last);
            }
        }
        for (j = 0; dtype <= CONVPOOL_F16 && j < sizeof pools / sizeof *pools; ++j) {
            pool(&pools[j], dtype, isa, channels_last, "maximum");
            pool(&pools[j], dtype, isa, channels_last, "index");
            pool(&pools[j], dtype, isa, channels_last, "average");
        }
    }
    return 0;
}
