/* bits.c - a hash of the bits that the kernels of one instruction set make of fixed inputs, a line
 * for each case. Plain C over the headers, so that it runs wherever a compiler or an emulator does.
 *
 *     cc -O2 -ffp-contract=off -I include tests/c/bits.c -o bits -lm
 *     ./bits            the instruction sets that run here
 *     ./bits avx2       the hashes of one
 *     ./bits avx2 front the same
 *
 * Each family of kernels is called as its driver does, with buffers no larger than the headers ask
 * for, behind which lies a page that may not be touched: a vector too far ends the program. With
 * "front" such a page lies before them.
 *
 * Softplus is left out: its logarithm is the C library's.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "convpool/convpool.h"

static const char *const dtype_name[CONVPOOL_DTYPES] = {
    "f32", "f64", "f16", "u8", "u16", "s8", "u8-s8", "s8-u8", "u8-i32", "s8-i32"};

static struct {
    void *memory;
    size_t size;
} blocks[64];
static int block_count;
static int guards_front;
static int narrow_weights; /* of bytes: the kernels of quads take them, where there are such */

/* So many bytes, all set (NaN, where they are numbers), that end where a page begins which may not
 * be touched, or begin where one ends. They live until `release`. */
static void *allocate(int64_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t room = ((size_t)bytes + page - 1) / page * page;
    char *memory = (char *)mmap(NULL, room + page, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *data = memory + (guards_front ? page : 0);
    if (memory == MAP_FAILED ||
        mprotect(guards_front ? memory : memory + room, page, PROT_NONE) != 0) {
        fprintf(stderr, "bits: no memory for %ld bytes\n", (long)bytes);
        exit(2);
    }
    memset(data, 0xFF, room);
    blocks[block_count].memory = memory;
    blocks[block_count++].size = room + page;
    return guards_front ? data : data + (room - (size_t)bytes);
}

static void release(void)
{
    while (block_count > 0) {
        --block_count;
        munmap(blocks[block_count].memory, blocks[block_count].size);
    }
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Of outputs. */
static int64_t element_size(int dtype)
{
    static const int64_t size[CONVPOOL_DTYPES] = {4, 8, 2, 1, 2, 1, 1, 1, 4, 4};
    return size[dtype];
}

static int real_of(int dtype)
{
    return dtype == CONVPOOL_F64 ? CONVPOOL_F64 : CONVPOOL_F32;
}

/* `count` numbers of [-1, 1), or of all of the type's for pixels: the same on every machine. They
 * have all the digits of the type, lest products be exact with or without fused multiply-add; some
 * are zeros and the smallest numbers of both signs, and if there are to be `specials`, NaN. */
static void *numbers(int dtype, int64_t count, uint64_t seed, int specials)
{
    const double tiny = dtype == CONVPOOL_F64   ? 0x1p-1074
                        : dtype == CONVPOOL_F32 ? 0x1p-149
                                                : 0x1p-24;
    uint64_t state = seed;
    int64_t i;
    void *array = allocate(count * element_size(dtype));
    for (i = 0; i < count; ++i) {
        double value;
        state = state * 6364136223846793005u + 1442695040888963407u;
        value = (double)(int64_t)(state >> 11) * 0x1p-52 - 1;
        switch (state >> 32 & 0x7F) {
        case 1: value = 0.0; break;
        case 2: value = -0.0; break;
        case 3: value = tiny; break;
        case 4: value = -tiny; break;
        case 5: value = specials ? (double)NAN : value; break;
        case 6: value = specials ? 20 * value : value; break;
        default: break;
        }
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

/* Prints a case's name and the hash (FNV-1a) of its results, of `size` bytes each, in which one NaN
 * is like another: their bits tell of operands' order. */
static void report_as(const char *verb, const char *name, int dtype, int channels_last,
                      const void *out, int64_t count, int64_t size)
{
    uint64_t sum = 0xcbf29ce484222325u;
    int64_t i, j;
    for (i = 0; i < count; ++i) {
        unsigned char element[8];
        int nan = 0;
        memcpy(element, (const char *)out + i * size, (size_t)size);
        if (size != element_size(dtype)) {
            nan = 0;
        } else if (dtype == CONVPOOL_F32) {
            nan = isnan(((const float *)out)[i]);
        } else if (dtype == CONVPOOL_F64) {
            nan = isnan(((const double *)out)[i]);
        } else if (dtype == CONVPOOL_F16) {
            nan = (((const convpool_half *)out)[i].bits & 0x7FFF) > 0x7C00;
        }
        for (j = 0; j < size; ++j) {
            sum = (sum ^ (nan ? 0xFF : element[j])) * 0x100000001b3u;
        }
    }
    printf("%s-%s-%s-%s %016llx\n", verb, name, dtype_name[dtype],
           channels_last ? "last" : "first", (unsigned long long)sum);
}

static void report(const char *verb, const char *name, int dtype, int channels_last,
                   const void *out, int64_t count)
{
    report_as(verb, name, dtype, channels_last, out, count, element_size(dtype));
}

typedef struct layer {
    const char *name;
    int64_t batch, channels, out_channels; /* of the same number, where they are depthwise */
    convpool_axis axis[CONVPOOL_AXES];     /* size, kernel, stride, dilation, before, after, out */
    int border, activation;
    double p0, p1;
    int bias, residual, specials;
    double border_value;
} layer;

#define FLAT {1, 1, 1, 1, 0, 0, 1}

/* Sizes that no tile of any instruction set fits, and sums of several blocks. */
static const layer direct_layers[] = {
    {"3x3", 2, 17, 23, {FLAT, {13, 3, 1, 1, 1, 1, 13}, {17, 3, 1, 1, 1, 1, 17}},
     CONVPOOL_CONSTANT, CONVPOOL_LINEAR, 0, 0, 1, 0, 0, 0.25},
    {"1x1", 1, 301, 50, {FLAT, {7, 1, 1, 1, 0, 0, 7}, {41, 1, 1, 1, 0, 0, 41}},
     CONVPOOL_CONSTANT, CONVPOOL_RELU, 0, 0, 1, 1, 0, 0},
    {"strided", 3, 5, 9, {FLAT, {20, 5, 2, 1, 2, 1, 10}, {21, 4, 3, 2, 3, 3, 7}},
     CONVPOOL_REFLECT, CONVPOOL_HARDTANH, -0.5, 0.75, 0, 1, 0, 0},
    {"3-d", 1, 3, 49, {{4, 2, 1, 1, 1, 0, 4}, {6, 3, 1, 1, 1, 1, 6}, {11, 2, 1, 2, 1, 1, 11}},
     CONVPOOL_CIRCULAR, CONVPOOL_TANH, 0, 0, 1, 0, 0, 0},
    {"wide", 1, 2, 100, {FLAT, {2, 3, 1, 1, 1, 1, 2}, {300, 7, 1, 1, 3, 3, 300}},
     CONVPOOL_REPLICATE, CONVPOOL_LEAKY_RELU, 0.1, 0, 1, 1, 0, 0},
};

/* Points, whose images end within a vector and channels within a strip. */
static const layer whole_layers[] = {
    {"relu", 2, 37, 29, {FLAT, FLAT, {58, 1, 1, 1, 0, 0, 58}},
     CONVPOOL_CONSTANT, CONVPOOL_RELU, 0, 0, 1, 1, 1, 0},
    {"linear", 2, 37, 29, {FLAT, FLAT, {58, 1, 1, 1, 0, 0, 58}},
     CONVPOOL_CONSTANT, CONVPOOL_LINEAR, 0, 0, 0, 0, 0, 0},
    {"hardtanh", 1, 37, 24, {FLAT, FLAT, {97, 1, 1, 1, 0, 0, 97}},
     CONVPOOL_CONSTANT, CONVPOOL_HARDTANH, -0.5, 0.75, 1, 0, 1, 0},
};

/* Of the smallest of these grids several rows and images meet in one vector of tiles; rows of the
 * largest are cut. */
static const layer winograd_layers[] = {
    {"3x3", 2, 21, 19, {FLAT, {14, 3, 1, 1, 1, 1, 14}, {75, 3, 1, 1, 1, 1, 75}},
     CONVPOOL_CONSTANT, CONVPOOL_RELU, 0, 0, 1, 1, 0, 0},
    {"3x3small", 5, 5, 7, {FLAT, {9, 3, 1, 1, 1, 1, 9}, {10, 3, 1, 1, 1, 1, 10}},
     CONVPOOL_CONSTANT, CONVPOOL_HARDTANH, -0.5, 0.75, 0, 1, 0, 0},
    {"3x3valid", 1, 21, 19, {FLAT, {30, 3, 1, 1, 0, 0, 28}, {31, 3, 1, 1, 0, 0, 29}},
     CONVPOOL_CONSTANT, CONVPOOL_LINEAR, 0, 0, 0, 0, 0, 0},
    {"3x3reflect", 1, 3, 9, {FLAT, {13, 3, 1, 1, 2, 1, 14}, {17, 3, 1, 1, 1, 2, 18}},
     CONVPOOL_REFLECT, CONVPOOL_LEAKY_RELU, 0.1, 0, 1, 0, 0, 0},
    {"5x5", 2, 21, 19, {FLAT, {11, 5, 1, 1, 2, 2, 11}, {37, 5, 1, 1, 2, 2, 37}},
     CONVPOOL_CONSTANT, CONVPOOL_HARDTANH, 0, 6, 1, 1, 0, 0},
    {"5x5value", 3, 4, 5, {FLAT, {7, 5, 1, 1, 2, 2, 7}, {9, 5, 1, 1, 1, 3, 9}},
     CONVPOOL_CONSTANT, CONVPOOL_RELU, 0, 0, 1, 0, 0, 0.25},
};

static const layer stencil_layers[] = {
    {"3x3", 1, 37, 37, {FLAT, {14, 3, 1, 1, 1, 1, 14}, {73, 3, 1, 1, 1, 1, 73}},
     CONVPOOL_CONSTANT, CONVPOOL_RELU, 0, 0, 1, 0, 0, 0},
    {"3x3s2", 2, 9, 9, {FLAT, {29, 3, 2, 1, 1, 1, 15}, {70, 3, 2, 1, 1, 1, 35}},
     CONVPOOL_CONSTANT, CONVPOOL_HARDTANH, -0.5, 0.75, 0, 0, 0, 0.25},
    {"5x5", 1, 37, 37, {FLAT, {13, 5, 1, 1, 2, 2, 13}, {19, 5, 1, 1, 2, 2, 19}},
     CONVPOOL_REFLECT, CONVPOOL_SILU, 0, 0, 1, 0, 0, 0},
    {"5x5s2", 1, 21, 21, {FLAT, {26, 5, 2, 1, 2, 2, 13}, {131, 5, 2, 1, 2, 2, 66}},
     CONVPOOL_CONSTANT, CONVPOOL_LINEAR, 0, 0, 1, 1, 0, 0},
    {"7x7", 1, 18, 18, {FLAT, {13, 7, 1, 1, 3, 3, 13}, {90, 7, 1, 1, 3, 3, 90}},
     CONVPOOL_REPLICATE, CONVPOOL_LINEAR, 0, 0, 1, 0, 0, 0},
    {"any", 1, 37, 37, {FLAT, {14, 4, 3, 1, 1, 1, 5}, {211, 3, 1, 2, 1, 1, 209}},
     CONVPOOL_CIRCULAR, CONVPOOL_ELU, 1, 0, 0, 1, 0, 0},
    {"3-d", 1, 17, 17, {{4, 3, 1, 1, 1, 1, 4}, {9, 3, 1, 1, 1, 1, 9}, {11, 3, 1, 1, 1, 1, 11}},
     CONVPOOL_CONSTANT, CONVPOOL_LINEAR, 0, 0, 1, 0, 0, 0},
    {"valid", 1, 37, 37, {FLAT, {16, 3, 1, 1, 0, 0, 14}, {61, 3, 1, 1, 0, 0, 59}},
     CONVPOOL_CONSTANT, CONVPOOL_RELU, 0, 0, 1, 0, 0, 0},
    {"row", 1, 40, 40, {FLAT, {2, 1, 1, 1, 0, 0, 2}, {211, 3, 1, 1, 1, 1, 211}},
     CONVPOOL_CONSTANT, CONVPOOL_RELU, 0, 0, 0, 0, 1, 0},
    {"5x5zeros", 2, 18, 18, {FLAT, {13, 5, 1, 1, 2, 2, 13}, {70, 5, 1, 1, 3, 1, 70}},
     CONVPOOL_CONSTANT, CONVPOOL_RELU, 0, 0, 1, 0, 0, 0},
    {"7x7zeros", 1, 19, 19, {FLAT, {7, 7, 1, 1, 3, 3, 7}, {7, 7, 1, 1, 3, 3, 7}},
     CONVPOOL_CONSTANT, CONVPOOL_LINEAR, 0, 0, 0, 0, 0, 0},
    {"1x1", 1, 37, 37, {FLAT, {14, 1, 1, 1, 0, 0, 14}, {30, 1, 1, 1, 0, 0, 30}},
     CONVPOOL_CONSTANT, CONVPOOL_RELU, 0, 0, 0, 0, 1, 0},
    {"1x1clamp", 1, 37, 37, {FLAT, {14, 1, 1, 1, 0, 0, 14}, {7, 1, 1, 1, 0, 0, 7}},
     CONVPOOL_CONSTANT, CONVPOOL_HARDTANH, 0, 6, 0, 0, 1, 0},
};

static const layer pools[] = {
    {"3x3", 2, 37, 37, {FLAT, {13, 3, 1, 1, 1, 1, 13}, {45, 3, 1, 1, 1, 1, 45}},
     0, 0, 0, 0, 0, 0, 1, 0},
    {"3x3small", 3, 37, 37, {FLAT, {7, 3, 1, 1, 1, 1, 7}, {7, 3, 1, 1, 1, 1, 7}},
     0, 0, 0, 0, 0, 0, 1, 0},
    {"5x5narrow", 2, 3, 3, {FLAT, {4, 5, 1, 1, 2, 2, 4}, {3, 5, 1, 1, 3, 1, 3}},
     0, 0, 0, 0, 0, 0, 0, 0},
    {"2x2s2", 2, 9, 9, {FLAT, {14, 2, 2, 1, 0, 0, 7}, {35, 2, 2, 1, 0, 0, 17}},
     0, 0, 0, 0, 0, 0, 1, 0},
    {"3x3s2", 1, 70, 70, {FLAT, {29, 3, 2, 1, 1, 1, 15}, {130, 3, 2, 1, 1, 1, 65}},
     0, 0, 0, 0, 0, 0, 0, 0},
    {"5x5s3", 1, 5, 5, {FLAT, {40, 5, 3, 1, 2, 2, 14}, {41, 5, 3, 1, 2, 2, 14}},
     0, 0, 0, 0, 0, 0, 1, 0},
    {"dilated", 1, 5, 5, {FLAT, {20, 3, 1, 2, 2, 2, 20}, {23, 3, 2, 3, 3, 3, 12}},
     0, 0, 0, 0, 0, 0, 1, 0},
    {"3-d", 1, 5, 5, {{5, 2, 1, 1, 1, 1, 6}, {9, 3, 2, 1, 1, 1, 5}, {31, 3, 1, 1, 1, 1, 31}},
     0, 0, 0, 0, 0, 0, 1, 0},
    {"global", 2, 67, 67, {FLAT, {7, 7, 1, 1, 0, 0, 1}, {9, 9, 1, 1, 0, 0, 1}},
     0, 0, 0, 0, 0, 0, 0, 0},
    {"long", 1, 2, 2, {FLAT, {3, 3, 1, 1, 1, 1, 3}, {5000, 9, 1, 1, 4, 4, 5000}},
     0, 0, 0, 0, 0, 0, 0, 0},
};

/* Strides of images of such channels and pixels, one element after the other. */
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

/* Those that bytes are convolved in. */
static const layer quantized_layers[] = {
    {"3x3", 2, 17, 23, {FLAT, {13, 3, 1, 1, 1, 1, 13}, {17, 3, 1, 1, 1, 1, 17}},
     CONVPOOL_CONSTANT, 0, 0, 0, 0, 0, 0, 77},
    {"1x1", 1, 301, 50, {FLAT, {7, 1, 1, 1, 0, 0, 7}, {41, 1, 1, 1, 0, 0, 41}},
     CONVPOOL_CONSTANT, 0, 0, 0, 0, 0, 0, 0},
    {"strided", 3, 5, 9, {FLAT, {20, 5, 2, 1, 2, 1, 10}, {21, 4, 3, 2, 3, 3, 7}},
     CONVPOOL_CONSTANT, 0, 0, 0, 0, 0, 0, -128},
    {"wide", 1, 3, 100, {FLAT, {2, 3, 1, 1, 1, 1, 2}, {300, 7, 1, 1, 3, 3, 300}},
     CONVPOOL_CONSTANT, 0, 0, 0, 0, 0, 0, 3},
};

/* A call: its layer as the C side sees it, and its arrays. */
typedef struct call {
    const convpool_kernels *k;
    convpool_conv conv;
    int64_t element, real, taps, pixels, depth, out_count;
    int64_t weight_stride[CONVPOOL_RANK];
    char *x, *weight, *bias, *residual, *out;
} call;

static int reads_signed(int dtype)
{
    return dtype == CONVPOOL_S8 || dtype == CONVPOOL_S8_U8 || dtype == CONVPOOL_S8_I32;
}

/* Weights of [-255, 255], or of [-127, 127] if narrow, as the kernels have them; biases, with
 * scales that spread the results over the type's range. */
static void quantize(call *c, const layer *l, int dtype)
{
    const int64_t weights = l->out_channels * c->weight_stride[0], channels = l->out_channels;
    const uint16_t *any = (const uint16_t *)numbers(CONVPOOL_U16, weights + channels, 2, 0);
    const int is_signed = dtype == CONVPOOL_S8 || dtype == CONVPOOL_U8_S8;
    int16_t *weight = (int16_t *)allocate(weights * 2);
    int32_t *bias = (int32_t *)allocate(channels * 8);
    int64_t i, j;
    for (i = 0; i < weights; ++i) {
        weight[i] = (int16_t)((any[i] % 511 - 255) / (narrow_weights ? 2 : 1));
    }
    for (i = 0; i < channels; ++i) {
        const float scale = 1.0f / (float)(500 + any[weights + i] % 5000);
        bias[i] = any[weights + i] * 3 - 98304;
        for (j = 0; j < weights / channels; ++j) {
            bias[i] -= c->k->x_shift * weight[i * (weights / channels) + j];
        }
        memcpy(bias + channels + i, &scale, sizeof scale);
    }
    for (i = 0; i < weights && c->k->weight_size == 1; ++i) {
        ((int8_t *)weight)[i] = (int8_t)weight[i];
    }
    c->weight = (char *)weight;
    c->bias = (char *)bias;
    c->conv.zero_point = is_signed ? -5 : 121;
    c->conv.activation_parameter[0] = is_signed ? -128 : 0;
    c->conv.activation_parameter[1] = is_signed ? 127 : 250;
}

static call call_of(const layer *l, int dtype, int isa, int channels_last, int depthwise)
{
    const int quads = narrow_weights && convpool_cpu_capabilities() >> (CONVPOOL_QUADS + isa) & 1;
    const convpool_axis *a = l->axis;
    const int64_t size = a[0].size * a[1].size * a[2].size;
    call c;
    memset(&c, 0, sizeof c);
    c.k = quads ? convpool_find_quad_kernels(dtype, isa) : convpool_find_kernels(dtype, isa);
    c.element = (int64_t)c.k->element_size;
    c.real = (int64_t)c.k->real_size;
    c.taps = convpool_taps(a);
    c.pixels = convpool_pixels(a);
    c.depth = ceil_div(l->channels, c.k->products) * c.taps;
    c.out_count = l->batch * l->out_channels * c.pixels;
    c.conv.batch = l->batch;
    c.conv.groups = depthwise ? l->channels : 1;
    c.conv.channels = depthwise ? 1 : l->channels;
    c.conv.out_channels = depthwise ? 1 : l->out_channels;
    memcpy(c.conv.axis, a, sizeof c.conv.axis);
    set_strides(c.conv.x_stride, l->channels, channels_last, a[0].size, a[1].size, a[2].size);
    set_strides(c.conv.out_stride, l->out_channels, channels_last, a[0].out, a[1].out, a[2].out);
    memcpy(c.conv.residual_stride, c.conv.out_stride, sizeof c.conv.out_stride);
    c.conv.border = l->border;
    c.conv.border_value = l->border_value + c.k->x_shift;
    if (c.element == 1 && l->border_value < 0 && !reads_signed(dtype)) {
        c.conv.border_value += 256;
    }
    c.conv.activation = l->activation;
    c.conv.activation_parameter[0] = l->p0;
    c.conv.activation_parameter[1] = l->p1;
    c.weight_stride[0] = c.conv.channels * c.taps;
    c.weight_stride[1] = c.taps;
    c.weight_stride[2] = a[1].kernel * a[2].kernel;
    c.weight_stride[3] = a[2].kernel;
    c.weight_stride[4] = 1;
    c.out = (char *)allocate(c.out_count * (int64_t)c.k->out_size);
    if (c.element == 1) {
        c.x = (char *)numbers(CONVPOOL_U8, l->batch * l->channels * size, 1, 0);
        quantize(&c, l, dtype);
        return c;
    }
    c.x = (char *)numbers(dtype, l->batch * l->channels * size, 1, l->specials);
    c.weight = (char *)numbers(dtype, l->out_channels * c.weight_stride[0], 2, 0);
    c.bias = l->bias ? (char *)numbers(real_of(dtype), l->out_channels, 3, 0) : NULL;
    c.residual = l->residual ? (char *)numbers(dtype, c.out_count, 4, 0) : NULL;
    return c;
}

/* _conv.pyx: pack -> multiply -> epilogue, in blocks of depth whose chains go on. */
static void direct(const char *verb, const layer *l, int dtype, int isa, int channels_last)
{
    enum { STEPS = 100 };
    call c = call_of(l, dtype, isa, channels_last, 0);
    const convpool_kernels *k = c.k;
    const int64_t depth = c.depth, all = l->batch * c.pixels;
    const int64_t pixel_width = channels_last ? k->rows : k->columns;
    const int64_t channel_width = channels_last ? k->columns : k->rows;
    const int64_t strips = ceil_div(l->out_channels, channel_width);
    const int64_t most = CONVPOOL_MAX_PIXELS / pixel_width; /* strips of pixels */
    const int64_t pitch = STEPS * pixel_width + 16, tile_size = k->rows * k->columns * c.real;
    const int64_t piece = STEPS * channel_width * c.real;
    char *packed = (char *)allocate(ceil_div(depth, STEPS) * strips * piece);
    char *panel = (char *)allocate(most * pitch * c.real);
    char *tiles = (char *)allocate(strips * most * tile_size);
    int64_t strip, pixel, begin, p;
    for (strip = 0; strip < strips; ++strip) {
        k->pack_weights(&c.conv, c.weight, c.weight_stride, strip * channel_width, channel_width,
                        packed + strip * piece, STEPS, strips * STEPS * channel_width);
    }
    for (pixel = 0; pixel < all; pixel += most * pixel_width) {
        const int64_t pixels = least(all - pixel, most * pixel_width);
        const int64_t lines = ceil_div(pixels, pixel_width);
        for (begin = 0; begin < depth; begin += STEPS) {
            const int64_t steps = least(depth - begin, STEPS);
            k->pack_pixels(&c.conv, c.x, begin, begin + steps, pixel, pixels, pixel_width, pitch,
                           panel);
            for (p = 0; p < lines; ++p) {
                for (strip = 0; strip < strips; ++strip) {
                    const char *a = packed + (begin / STEPS * strips + strip) * piece;
                    const char *b = panel + p * pitch * c.real;
                    const int64_t rows = least(l->out_channels - strip * channel_width,
                                               channel_width);
                    const int64_t columns = least(pixels - p * pixel_width, pixel_width);
                    const int64_t at = channels_last ? strip * most + p : p * strips + strip;
                    const int chain = begin > 0 ? CONVPOOL_CHAIN_GOES_ON : CONVPOOL_CHAIN_STARTS;
                    if (channels_last) {
                        k->gemm_turned(columns, rows, steps, b, a, k->columns,
                                       tiles + at * tile_size, k->columns, chain, a);
                    } else {
                        k->gemm_tile(rows, columns, steps, a, b, k->columns,
                                     tiles + at * tile_size, k->columns, chain, b);
                    }
                }
            }
        }
        for (strip = 0; channels_last && strip < strips; ++strip) {
            const int64_t channel = strip * channel_width;
            k->store_tile(&c.conv, tiles + strip * most * tile_size, k->columns, 1, channel,
                          least(l->out_channels - channel, channel_width), pixel, pixels, c.bias,
                          c.residual, c.out);
        }
        for (p = 0; !channels_last && p < lines; ++p) {
            k->store_tile(&c.conv, tiles + p * strips * tile_size, k->columns, 0, 0,
                          l->out_channels, pixel + p * pixel_width,
                          least(pixels - p * pixel_width, pixel_width), c.bias, c.residual, c.out);
        }
    }
    report(verb, l->name, dtype, channels_last, c.out, c.out_count);
}

/* The same for kernels of one tap: pixels are rows, read where they lie. */
static void in_place(int dtype, int isa, int channels_last)
{
    enum { CHANNELS = 37, OUT = 21, PIXELS = 53, FIRST = 20 };
    const layer one = {"points", 1, CHANNELS, OUT, {FLAT, FLAT, {PIXELS, 1, 1, 1, 0, 0, PIXELS}},
                       CONVPOOL_RELU, 0, 0, 1, 0, 0, 0, 0};
    call c = call_of(&one, dtype, isa, channels_last, 0);
    const convpool_kernels *k = c.k;
    const int64_t channel_step = c.conv.x_stride[CONVPOOL_AT_CHANNEL];
    int64_t *place = (int64_t *)allocate(PIXELS * (int64_t)sizeof(int64_t));
    int64_t *offset = (int64_t *)allocate(CHANNELS * (int64_t)sizeof(int64_t));
    char *weights = (char *)allocate((CHANNELS + 1) * k->columns * c.real);
    char *tiles = (char *)allocate(PIXELS * k->columns * c.real);
    int64_t channel, pixel;
    convpool_input_places(&c.conv, 0, PIXELS, place);
    for (channel = 0; channel < CHANNELS; ++channel) {
        offset[channel] = channel * channel_step;
    }
    for (channel = 0; channel < OUT; channel += k->columns) {
        const int64_t used = least(k->columns, OUT - channel);
        k->pack_weights(&c.conv, c.weight, c.weight_stride, channel, k->columns, weights, CHANNELS,
                        0);
        for (pixel = 0; pixel < PIXELS; pixel += k->rows) {
            char *tile = tiles + pixel * k->columns * c.real;
            const int64_t rows = least(k->rows, PIXELS - pixel);
            k->gemm_rows(rows, used, FIRST, c.x, place + pixel, offset, weights, k->columns, tile,
                         k->columns, CONVPOOL_CHAIN_STARTS, NULL, weights);
            k->gemm_rows(rows, used, CHANNELS - FIRST, c.x, place + pixel, offset + FIRST,
                         weights + FIRST * k->columns * c.real, k->columns, tile, k->columns,
                         CONVPOOL_CHAIN_GOES_ON, NULL, weights);
        }
        k->store_tile(&c.conv, tiles, k->columns, 1, channel, used, 0, PIXELS, c.bias, NULL, c.out);
    }
    report("place", one.name, dtype, channels_last, c.out, c.out_count);
}

/* Those by weights that lie as lines of a matrix, one to CONVPOOL_LINE_ROWS pixels at a time; where
 * an instruction set has no such kernel, as above. */
static void by_lines(int dtype, int isa, int channels_last)
{
    enum { CHANNELS = 37, OUT = 21, PIXELS = 53, FIRST = 20, PITCH = 32 };
    const layer one = {"points", 1, CHANNELS, OUT, {FLAT, FLAT, {PIXELS, 1, 1, 1, 0, 0, PIXELS}},
                       CONVPOOL_RELU, 0, 0, 1, 0, 0, 0, 0};
    call c = call_of(&one, dtype, isa, channels_last, 0);
    const convpool_kernels *k = c.k;
    int64_t *place = (int64_t *)allocate(PIXELS * (int64_t)sizeof(int64_t));
    int64_t *offset = (int64_t *)allocate(CHANNELS * (int64_t)sizeof(int64_t));
    char *tile = (char *)allocate(CONVPOOL_LINE_ROWS * PITCH * c.real);
    int64_t channel, pixel, rows, n = 0;
    convpool_input_places(&c.conv, 0, PIXELS, place);
    for (channel = 0; channel < CHANNELS; ++channel) {
        offset[channel] = channel * c.conv.x_stride[CONVPOOL_AT_CHANNEL];
    }
    for (pixel = 0; k->gemm_lines != NULL && pixel < PIXELS; pixel += rows) {
        rows = least(1 + n++ % CONVPOOL_LINE_ROWS, PIXELS - pixel);
        k->gemm_lines(rows, OUT, FIRST, c.x, place + pixel, offset, c.weight, CHANNELS, tile, PITCH,
                      CONVPOOL_CHAIN_STARTS);
        k->gemm_lines(rows, OUT, CHANNELS - FIRST, c.x, place + pixel, offset + FIRST,
                      c.weight + FIRST * c.real, CHANNELS, tile, PITCH, CONVPOOL_CHAIN_GOES_ON);
        k->store_tile(&c.conv, tile, PITCH, 1, 0, OUT, pixel, rows, c.bias, NULL, c.out);
    }
    if (k->gemm_lines != NULL) {
        report("place", one.name, dtype, channels_last, c.out, c.out_count);
    } else {
        in_place(dtype, isa, channels_last);
    }
}

/* Those with channels last, each pixel by itself: as many strips of channels as are multiplied by
 * one row at a time, of which the last may be empty. */
static void one_row(int dtype, int isa)
{
    enum { CHANNELS = 37, OUT = 21, PIXELS = 53, FIRST = 20 };
    const layer one = {"points", 1, CHANNELS, OUT, {FLAT, FLAT, {PIXELS, 1, 1, 1, 0, 0, PIXELS}},
                       CONVPOOL_RELU, 0, 0, 1, 0, 0, 0, 0};
    call c = call_of(&one, dtype, isa, 1, 0);
    const convpool_kernels *k = c.k;
    const int64_t piece = (CHANNELS + 1) * k->columns, group = CONVPOOL_ROW_STRIPS * k->columns;
    int64_t *offset = (int64_t *)allocate(CHANNELS * (int64_t)sizeof(int64_t));
    char *weights = (char *)allocate(CONVPOOL_ROW_STRIPS * piece * c.real);
    char *tiles = (char *)allocate(group * c.real);
    int64_t channel, pixel, first, strip;
    for (channel = 0; channel < CHANNELS; ++channel) {
        offset[channel] = channel;
    }
    for (first = 0; k->gemm_row != NULL && first < OUT; first += group) {
        for (strip = 0; strip < CONVPOOL_ROW_STRIPS; ++strip) {
            k->pack_weights(&c.conv, c.weight, c.weight_stride,
                            least(first + strip * k->columns, OUT - 1), k->columns,
                            weights + strip * piece * c.real, CHANNELS, 0);
        }
        for (pixel = 0; pixel < PIXELS; ++pixel) {
            const char *x = c.x + pixel * CHANNELS * c.real;
            k->gemm_row(FIRST, x, offset, weights, piece, tiles, k->columns,
                        CONVPOOL_CHAIN_STARTS);
            k->gemm_row(CHANNELS - FIRST, x, offset + FIRST,
                        weights + FIRST * k->columns * c.real, piece, tiles, k->columns,
                        CONVPOOL_CHAIN_GOES_ON);
            for (strip = 0; strip < CONVPOOL_ROW_STRIPS; ++strip) {
                channel = first + strip * k->columns;
                if (channel < OUT) {
                    k->store_tile(&c.conv, tiles + strip * k->columns * c.real, k->columns, 1,
                                  channel, least(k->columns, OUT - channel), pixel, 1, c.bias,
                                  NULL, c.out);
                }
            }
        }
    }
    report("row", one.name, dtype, 1, c.out, c.out_count);
}

/* Where tiles from a channel and an image's pixel on are finished, as the layer says, which only
 * bounds; as if stored by store_tile. Pixels are evenly spaced. */
static convpool_finish finish_of(const call *c, int64_t image, int64_t channel, int64_t pixel,
                                 int pixel_rows)
{
    const int64_t *step = c->conv.out_stride;
    const int64_t at = image * step[CONVPOOL_AT_BATCH] + channel * step[CONVPOOL_AT_CHANNEL] +
                       pixel * step[CONVPOOL_AT_COLUMN];
    convpool_finish finish;
    finish.bias = c->bias == NULL ? NULL : c->bias + channel * c->real;
    finish.residual = c->residual == NULL ? NULL : c->residual + at * c->element;
    finish.out = c->out + at * c->element;
    finish.out_line = step[pixel_rows ? CONVPOOL_AT_COLUMN : CONVPOOL_AT_CHANNEL];
    finish.residual_line = finish.out_line;
    convpool_only_bounds(&c->conv, &finish.low, &finish.high);
    return finish;
}

/* The same with pixels as rows in a copy of what windows see; where they can be, every other tile
 * is finished where it is multiplied. */
static void windows(const char *verb, const layer *l, int dtype, int isa, int channels_last)
{
    enum { STEPS = 100 };
    call c = call_of(l, dtype, isa, channels_last, 0);
    const convpool_kernels *k = c.k;
    const int64_t depth = c.depth, all = l->batch * c.pixels;
    const int64_t most = CONVPOOL_MAX_PIXELS / k->rows * k->rows, tile_size = k->columns * c.real;
    const int64_t strips = ceil_div(l->out_channels, k->columns);
    char *weights = (char *)allocate(strips * (depth + 1) * tile_size);
    char *tiles = (char *)allocate(strips * most * tile_size);
    int64_t *place = (int64_t *)allocate(most * (int64_t)sizeof(int64_t));
    int64_t *offset = (int64_t *)allocate(STEPS * (int64_t)sizeof(int64_t));
    double low, high;
    const int finishes = channels_last && k->gemm_whole != NULL && c.real == c.element &&
                         convpool_only_bounds(&c.conv, &low, &high);
    convpool_windows seen;
    int64_t strip, pixel, begin, p;
    for (strip = 0; strip < strips; ++strip) {
        k->pack_weights(&c.conv, c.weight, c.weight_stride, strip * k->columns, k->columns,
                        weights + strip * depth * tile_size, depth, 0);
    }
    for (pixel = 0; pixel < all; pixel += most) {
        const int64_t pixels = least(all - pixel, most);
        for (begin = 0; begin < depth; begin += STEPS) {
            const int64_t end = least(depth, begin + STEPS), channel = begin / c.taps;
            const int chain = begin > 0 ? CONVPOOL_CHAIN_GOES_ON : CONVPOOL_CHAIN_STARTS;
            char *copy;
            convpool_copied_windows(&c.conv, pixel, pixels, channel,
                                    ceil_div(end, c.taps) - channel, 0, &seen);
            convpool_copied_places(&c.conv, &seen, place);
            convpool_copied_offsets(&c.conv, &seen, begin, end, offset);
            copy = (char *)allocate(seen.size * c.real);
            k->copy_windows(&c.conv, &seen, c.x, copy);
            for (strip = 0; strip < strips; ++strip) {
                const int64_t used = least(k->columns, l->out_channels - strip * k->columns);
                for (p = 0; p < pixels; p += k->rows) {
                    const int64_t rows = least(k->rows, pixels - p);
                    const int done = finishes && used % k->lanes == 0 && p / k->rows % 2 == 1;
                    const convpool_finish finish =
                        finish_of(&c, 0, strip * k->columns, pixel + p, 1);
                    char *tile = tiles + (strip * most + p) * tile_size;
                    k->gemm_rows(rows, used, end - begin, copy, place + p, offset,
                                 weights + (strip * depth + begin) * tile_size, k->columns, tile,
                                 k->columns, chain, done && end == depth ? &finish : NULL,
                                 weights);
                    if (end == depth && !done) {
                        k->store_tile(&c.conv, tile, k->columns, 1, strip * k->columns, used,
                                      pixel + p, rows, c.bias, c.residual, c.out);
                    }
                }
            }
        }
    }
    report(verb, l->name, dtype, channels_last, c.out, c.out_count);
}

/* Points as columns, read in place: the first strip of channels packs them for the others, and
 * tiles of whole strips are finished where they are multiplied. */
static void whole(const layer *l, int dtype, int isa)
{
    enum { STEPS = 20 };
    call c = call_of(l, dtype, isa, 0, 0);
    const convpool_kernels *k = c.k;
    const int64_t strips = ceil_div(l->out_channels, k->rows), full = l->out_channels / k->rows;
    const int64_t size = k->rows * k->columns * c.real, strip_size = c.depth * k->rows * c.real;
    char *weights = (char *)allocate(strips * strip_size);
    char *panel = (char *)allocate(STEPS * k->columns * c.real);
    char *tiles = (char *)allocate(strips * size);
    int64_t image, strip, begin, at, next;
    for (strip = 0; strip < strips; ++strip) {
        k->pack_weights(&c.conv, c.weight, c.weight_stride, strip * k->rows, k->rows,
                        weights + strip * strip_size, c.depth, 0);
    }
    for (image = 0; image < l->batch; ++image) {
        for (at = 0; at < c.pixels; at = next) {
            next = least(at + k->columns, c.pixels);
            next -= next < c.pixels && c.pixels - next < k->lanes ? k->lanes : 0;
            for (begin = 0; begin < c.depth; begin += STEPS) {
                const int64_t depth = least(STEPS, c.depth - begin);
                const int chain = begin > 0 ? CONVPOOL_CHAIN_GOES_ON : CONVPOOL_CHAIN_STARTS;
                for (strip = 0; strip < strips; ++strip) {
                    const char *a = weights + strip * strip_size + begin * k->rows * c.real;
                    const char *x =
                        c.x + ((image * l->channels + begin) * c.pixels + at) * c.real;
                    const convpool_finish finish = finish_of(&c, image, strip * k->rows, at, 0);
                    if (strip == full) {
                        k->gemm_tile(l->out_channels % k->rows, next - at, depth, a, panel,
                                     k->columns, tiles + strip * size, k->columns, chain, a);
                    } else {
                        k->gemm_whole(next - at, depth, a, strip == 0 ? x : panel,
                                      strip == 0 ? c.pixels : k->columns, NULL,
                                      strip == 0 ? panel : NULL, tiles + strip * size, k->columns,
                                      chain, begin + depth == c.depth ? &finish : NULL, a);
                    }
                }
            }
            if (full < strips) {
                k->store_tile(&c.conv, tiles + full * size, k->columns, 0, full * k->rows,
                              l->out_channels % k->rows, image * c.pixels + at, next - at, c.bias,
                              c.residual, c.out);
            }
        }
    }
    report("whole", l->name, dtype, 0, c.out, c.out_count);
}

/* The same with pixels as columns, each tile within a row of the output; finished, if it is to be
 * and can be, where it is multiplied. */
static void lines(const char *verb, const layer *l, int dtype, int isa, int finishes)
{
    enum { STEPS = 100 };
    call c = call_of(l, dtype, isa, 0, 0);
    const convpool_kernels *k = c.k;
    const int64_t depth = c.depth, line = l->axis[CONVPOOL_COLUMN].out;
    const int64_t strips = ceil_div(l->out_channels, k->rows), piece = depth * k->rows * c.real;
    char *weights = (char *)allocate(strips * piece);
    char *tiles = (char *)allocate(strips * k->rows * k->columns * c.real);
    int64_t *place = (int64_t *)allocate(k->columns * (int64_t)sizeof(int64_t));
    int64_t *offset = (int64_t *)allocate(STEPS * (int64_t)sizeof(int64_t));
    const int64_t most =
        (int64_t)convpool_windows_most(&c.conv, k->columns, least(STEPS / c.taps + 2, l->channels));
    char *copy = (char *)allocate((most + k->columns) * c.real); /* it reads whole vectors */
    double low, high;
    const int64_t finished = finishes && convpool_only_bounds(&c.conv, &low, &high)
                                 ? l->out_channels / k->rows
                                 : 0;
    convpool_windows seen;
    int64_t strip, row, at, begin, stored;
    for (strip = 0; strip < strips; ++strip) {
        k->pack_weights(&c.conv, c.weight, c.weight_stride, strip * k->rows, k->rows,
                        weights + strip * piece, depth, 0);
    }
    for (row = 0; row < l->batch * c.pixels; row += line) {
        for (at = 0; at < line; at += k->columns) {
            const int64_t pixels = least(line - at, k->columns);
            for (begin = 0; begin < depth; begin += STEPS) {
                const int64_t end = least(depth, begin + STEPS), channel = begin / c.taps;
                const int chain = begin > 0 ? CONVPOOL_CHAIN_GOES_ON : CONVPOOL_CHAIN_STARTS;
                convpool_copied_windows(&c.conv, row + at, pixels, channel,
                                        ceil_div(end, c.taps) - channel, 1, &seen);
                convpool_copied_places(&c.conv, &seen, place);
                convpool_copied_offsets(&c.conv, &seen, begin, end, offset);
                k->copy_windows(&c.conv, &seen, c.x, copy);
                for (strip = 0; strip < strips; ++strip) {
                    const char *a = weights + strip * piece + begin * k->rows * c.real;
                    const int64_t rows = least(k->rows, l->out_channels - strip * k->rows);
                    char *tile = tiles + strip * k->rows * k->columns * c.real;
                    if (strip < finished && pixels >= k->lanes) {
                        const convpool_finish finish =
                            finish_of(&c, row / c.pixels, strip * k->rows, row % c.pixels + at, 0);
                        k->gemm_whole(pixels, end - begin, a, copy + *place * c.real, 0, offset,
                                      NULL, tile, k->columns, chain,
                                      end == depth ? &finish : NULL, weights);
                    } else {
                        k->gemm_columns(rows, pixels, end - begin, a, copy + *place * c.real,
                                        offset, tile, k->columns, chain, weights);
                    }
                }
            }
            stored = pixels >= k->lanes ? finished * k->rows : 0;
            if (stored < l->out_channels) {
                k->store_tile(&c.conv, tiles + stored * k->columns * c.real, k->columns, 0, stored,
                              l->out_channels - stored, row + at, pixels, c.bias, c.residual,
                              c.out);
            }
        }
    }
    report(verb, l->name, dtype, 0, c.out, c.out_count);
}

/* Every activation of every kind of number, straight from a tile. */
static void activations(int dtype, int isa, int channels_last)
{
    static const struct {
        const char *name;
        double p0, p1;
    } activation[] = {{"linear", 0, 0},   {"relu", 0, 0},     {"leaky_relu", 0.1, 0},
                      {"elu", 1, 0},      {"sigmoid", 0, 0},  {"hardsigmoid", 0.2, 0.5},
                      {"tanh", 0, 0},     {"silu", 0, 0},     {"hardswish", 0, 0},
                      {"hardtanh", -0.5, 0.75}};
    enum { CHANNELS = 8, PIXELS = 101 };
    const layer one = {"", 1, CHANNELS, CHANNELS, {FLAT, FLAT, {PIXELS, 1, 1, 1, 0, 0, PIXELS}},
                       0, 0, 0, 0, 0, 0, 0, 0};
    int i;
    for (i = 0; i < (int)(sizeof activation / sizeof *activation); ++i) {
        call c = call_of(&one, dtype, isa, channels_last, 0);
        c.conv.activation = i;
        c.conv.activation_parameter[0] = activation[i].p0;
        c.conv.activation_parameter[1] = activation[i].p1;
        c.k->store_tile(&c.conv, numbers(real_of(dtype), CHANNELS * PIXELS, 5, 1),
                        channels_last ? CHANNELS : PIXELS, channels_last, 0, CHANNELS, 0, PIXELS,
                        NULL, NULL, c.out);
        report("activation", activation[i].name, dtype, channels_last, c.out, c.out_count);
        release();
    }
}

/* _winograd.pyx: transform -> multiply -> transform back, the channels' sums in two blocks. */
static void winograd(const layer *l, int side, int dtype, int isa, int channels_last)
{
    enum { MOST = CONVPOOL_WINOGRAD_CHUNK - 3 };
    call c = call_of(l, dtype, isa, channels_last, 0);
    const convpool_kernels *k = c.k;
    const int64_t m = side + 1 - l->axis[1].kernel, points_of = side * side;
    const int64_t all = l->batch * ceil_div(l->axis[1].out, m) * ceil_div(l->axis[2].out, m);
    const int64_t strips = ceil_div(l->out_channels, k->rows), steps = ceil_div(l->channels, 2);
    const int64_t weight_plane = strips * k->rows * l->channels;
    char *weights = (char *)allocate(points_of * weight_plane * c.real);
    int64_t strip, first, point, begin, tile;
    for (strip = 0; strip < strips; ++strip) {
        k->winograd_weights(&c.conv, side, c.weight, c.weight_stride, strip * k->rows, k->rows,
                            weights + strip * k->rows * l->channels * c.real, weight_plane);
    }
    for (first = 0; first < all; first += MOST) {
        const int64_t tiles = least(all - first, MOST);
        const int64_t pitch = ceil_div(tiles, CONVPOOL_WINOGRAD_TILES) * CONVPOOL_WINOGRAD_TILES;
        const int64_t plane = l->channels * pitch, sum_plane = strips * k->rows * pitch;
        char *points = (char *)allocate((points_of * plane + pitch) * c.real);
        char *sums = (char *)allocate(points_of * sum_plane * c.real);
        k->winograd_pack(&c.conv, side, c.x, l->channels, first, tiles, points, pitch, plane);
        for (point = 0; point < points_of; ++point) {
            for (begin = 0; begin < l->channels; begin += steps) {
                const int64_t depth = least(steps, l->channels - begin);
                const int chain = begin > 0 ? CONVPOOL_CHAIN_ADDS : CONVPOOL_CHAIN_STARTS;
                for (tile = 0; tile < tiles; tile += k->columns) {
                    const int64_t columns = least(k->columns, tiles - tile);
                    const char *column =
                        points + (point * plane + begin * pitch + tile) * c.real;
                    for (strip = 0; strip < strips; ++strip) {
                        const char *row = weights + (point * weight_plane +
                                                     (strip * l->channels + begin) * k->rows) *
                                                        c.real;
                        char *sum =
                            sums + (point * sum_plane + strip * k->rows * pitch + tile) * c.real;
                        if (columns <= k->lanes && strip + 1 < strips) {
                            k->gemm_pair(depth, row, l->channels * k->rows, column, pitch, sum,
                                         pitch, chain, weights);
                            ++strip;
                        } else {
                            k->gemm_tile(least(k->rows, l->out_channels - strip * k->rows),
                                         columns, depth, row, column, pitch, sum, pitch, chain,
                                         weights);
                        }
                    }
                }
            }
        }
        k->winograd_store(&c.conv, side, sums, pitch, sum_plane, l->out_channels, first, tiles,
                          c.bias, c.residual, c.out);
    }
    report(side == 4 ? "winograd4" : "winograd", l->name, dtype, channels_last, c.out, c.out_count);
}

/* What _stencil.pyx makes of a layer before its blocks. */
typedef struct stencil_plan {
    convpool_conv staged;
    convpool_stage stage;
    convpool_stencil over_patch, over_input;
    int64_t lanes, weight_pitch;
    int bounded;    /* the activation is one of the stencil's bounds */
    int in_place;   /* sums are formed in `out` */
    int over_all;   /* and over the input itself */
    int64_t *offset;
    char *patch, *sums;
} stencil_plan;

enum { STENCIL_ROWS = 11 };

static int64_t staged_for(const convpool_axis *axis, int64_t outputs, int channels_last)
{
    return channels_last ? (outputs - 1) * axis->stride + 1 : outputs;
}

static stencil_plan plan_stencil(const call *c, const layer *l, int channels_last)
{
    const convpool_axis *row = &l->axis[1], *column = &l->axis[2];
    const int64_t rows = least(row->out, STENCIL_ROWS);
    stencil_plan p;
    int64_t pitch;
    p.lanes = channels_last ? l->channels : 1;
    p.weight_pitch = channels_last ? ceil_div(p.lanes, 16) * 16 : 1;
    p.staged = c->conv;
    if (channels_last) {
        p.staged.axis[1].stride = p.staged.axis[2].stride = 1;
    }
    p.stage = convpool_stage_for(&p.staged, staged_for(row, rows, channels_last),
                                 staged_for(column, column->out, channels_last), p.lanes);
    pitch = p.stage.columns * p.lanes;
    p.offset = (int64_t *)allocate(2 * c->taps * 8);
    convpool_stage_offsets(&p.staged, &p.stage, p.offset);
    convpool_input_offsets(&c->conv, p.offset + c->taps);
    p.over_patch = convpool_stencil_for(&c->conv, channels_last, p.offset, pitch, p.lanes);
    if (channels_last) {
        p.over_patch.row_step *= row->stride;
    }
    p.over_input = convpool_stencil_for(&c->conv, 1, p.offset + c->taps,
                                        c->conv.x_stride[CONVPOOL_AT_ROW] * row->stride,
                                        c->conv.x_stride[CONVPOOL_AT_COLUMN]);
    p.in_place = c->element == c->real && c->residual == NULL;
    p.bounded = p.in_place && (l->activation == CONVPOOL_LINEAR ||
                               l->activation == CONVPOOL_RELU ||
                               l->activation == CONVPOOL_HARDTANH);
    if (p.bounded && l->activation != CONVPOOL_LINEAR) {
        p.over_patch.low = p.over_input.low = l->p0;
        p.over_patch.high = p.over_input.high =
            l->activation == CONVPOOL_RELU ? (double)INFINITY : l->p1;
    }
    p.over_all = channels_last && c->element == c->real && p.lanes >= 16 && row->before == 0 &&
                 column->before == 0 && l->axis[0].before == 0;
    p.patch = (char *)allocate(
        (convpool_stage_size(&p.staged, &p.stage) + CONVPOOL_SLACK) * c->real);
    p.sums = (char *)allocate(rows * column->out * p.lanes * c->real);
    return p;
}

/* One block of rows of all lanes, which begin with `channel`. */
static void stencil_block(const call *c, const stencil_plan *p, const convpool_block *block,
                          int64_t image, int64_t channel, const char *weight, const char *bias,
                          int channels_last)
{
    const convpool_kernels *k = c->k;
    const int64_t *xs = c->conv.x_stride, *os = c->conv.out_stride;
    const char *x = c->x + (image * xs[0] + channel * xs[1]) * c->element;
    const int64_t out_at = image * os[0] + channel * os[1];
    const char *from = p->patch, *biased = k->products == 1 ? bias : NULL;
    char *out = c->out + out_at * (int64_t)k->out_size, *sums = p->sums;
    int64_t row_pitch = block->columns * p->lanes, pitch = p->lanes, row;
    convpool_block staged = *block;
    staged.row *= channels_last ? c->conv.axis[1].stride : 1;
    staged.rows = staged_for(&c->conv.axis[1], block->rows, channels_last);
    staged.columns = staged_for(&c->conv.axis[2], block->columns, channels_last);
    if (p->over_all) {
        from = x + (block->depth * c->conv.axis[0].stride * xs[2] +
                    block->row * c->conv.axis[1].stride * xs[3]) * c->element;
    } else {
        const int bordered = !channels_last && channel > 0 && c->conv.border == CONVPOOL_CONSTANT;
        k->stage_patch(&p->staged, &p->stage, &staged, x, bordered, p->patch);
    }
    if (p->in_place) {
        row_pitch = os[CONVPOOL_AT_ROW];
        pitch = os[CONVPOOL_AT_COLUMN];
        sums = out + (block->depth * os[2] + block->row * row_pitch) * c->element;
    }
    if (channels_last) {
        k->stencil_lanes(p->over_all ? &p->over_input : &p->over_patch, from, weight,
                         p->weight_pitch, biased, block, sums, row_pitch, pitch);
    } else {
        k->stencil(&p->over_patch, from, weight, biased, block->rows, block->columns, sums,
                   row_pitch);
    }
    for (row = 0; !p->bounded && row < block->rows; ++row) {
        k->store_row(&c->conv, block, block->row + row, sums + row * row_pitch * c->real, bias,
                     c->residual == NULL ? NULL : c->residual + out_at * c->element, out);
    }
}

/* The weight of a depthwise layer as stencils take it. */
static char *taps_of(const call *c, const layer *l)
{
    const int16_t *whole = (const int16_t *)(void *)c->weight;
    const int64_t count = l->channels * c->taps;
    float *real;
    int64_t i;
    if (c->element != 1) {
        return c->weight;
    }
    real = (float *)allocate(count * 4);
    for (i = 0; i < count; ++i) {
        real[i] = (float)whole[i];
    }
    return (char *)real;
}

/* _stencil.pyx */
static void stencil(const layer *l, int dtype, int isa, int channels_last)
{
    call c = call_of(l, dtype, isa, channels_last, 1);
    const stencil_plan p = plan_stencil(&c, l, channels_last);
    char *packed = (char *)allocate(c.taps * p.weight_pitch * c.real);
    char *bias = c.bias == NULL ? NULL : (char *)allocate(p.weight_pitch * c.real);
    convpool_conv all = c.conv;
    convpool_block block;
    int64_t image, channel;
    c.weight = taps_of(&c, l);
    all.out_channels = l->channels;
    block.lanes = p.lanes;
    block.column = 0;
    block.columns = l->axis[2].out;
    for (block.row = 0; block.row < l->axis[1].out; block.row += STENCIL_ROWS) {
        block.rows = least(STENCIL_ROWS, l->axis[1].out - block.row);
        for (image = 0; image < l->batch; ++image) {
            for (block.depth = 0; block.depth < l->axis[0].out; ++block.depth) {
                for (channel = 0; channel < l->channels; channel += p.lanes) {
                    c.k->pack_taps(&all, c.weight, c.weight_stride, channel, p.weight_pitch,
                                   packed, c.taps, 0);
                    if (bias != NULL) {
                        memcpy(bias, c.bias + channel * c.real, (size_t)(p.lanes * c.real));
                    }
                    stencil_block(&c, &p, &block, image, channel, packed,
                                  c.element == 1 ? c.bias + channel * c.real : bias,
                                  channels_last);
                }
            }
        }
    }
    report("stencil", l->name, dtype, channels_last, c.out, c.out_count);
}

/* The same along rows, all planes of an image at once, where those are the same sums. */
static void planes(const layer *l, int dtype, int isa)
{
    const convpool_axis *row = &l->axis[1], *column = &l->axis[2];
    const int64_t cells = row->size * column->size, pixels = row->out * column->out;
    const int64_t scratch = convpool_plane_scratch(row, row->out);
    call c = call_of(l, dtype, isa, 0, 1);
    const stencil_plan p = plan_stencil(&c, l, 0);
    const int whole = c.element == 1;
    char *patch = (char *)allocate((l->channels * cells + CONVPOOL_SLACK) * c.real);
    char *taps = (char *)allocate(l->channels * c.taps * c.real);
    char *sums = (char *)allocate(l->channels * pixels * c.real);
    float *borders = (float *)allocate(l->channels * 4);
    convpool_plane plane;
    convpool_block block;
    int64_t image, channel, i;
    if (convpool_plane_vectors(p.over_patch.shape) == 0 || l->border != CONVPOOL_CONSTANT ||
        l->axis[0].kernel > 1 || (!whole && l->border_value != 0)) {
        return;
    }
    c.weight = taps_of(&c, l);
    for (channel = 0; channel < l->channels; ++channel) {
        float *own = (float *)(void *)(taps + channel * c.taps * c.real);
        c.k->pack_taps(&c.conv, c.weight + channel * c.taps * (whole ? 4 : c.element),
                       c.weight_stride, 0, 1, own, c.taps, 0);
        for (i = 0, borders[channel] = 0; whole && i < c.taps; ++i) {
            borders[channel] += own[i] * (float)c.conv.border_value;
        }
    }
    memset(&plane, 0, sizeof plane);
    plane.rows = row->size;
    plane.columns = plane.row_step = column->size;
    plane.top = -row->before;
    plane.left = -column->before;
    plane.planes = l->channels;
    plane.step = cells;
    plane.high = l->channels * cells + CONVPOOL_SLACK;
    plane.out_step = pixels;
    memset(&block, 0, sizeof block);
    block.rows = row->out;
    block.columns = column->out;
    block.lanes = 1;
    for (image = 0; image < l->batch; ++image) {
        c.k->stage_rows(c.x + image * c.conv.x_stride[0] * c.element, l->channels * cells,
                        c.conv.border_value, patch);
        c.k->stencil_planes(&plane, &p.over_patch, patch, taps,
                            whole ? (const void *)borders : c.bias, row->out, column->out, sums,
                            column->out, allocate(scratch * c.real));
        for (channel = 0; channel < l->channels; ++channel) {
            const int64_t at = image * c.conv.out_stride[0] + channel * c.conv.out_stride[1];
            for (i = 0; i < row->out; ++i) {
                c.k->store_row(&c.conv, &block, i,
                               sums + (channel * pixels + i * column->out) * c.real,
                               c.bias == NULL ? NULL : c.bias + channel * c.real,
                               c.residual == NULL ? NULL : c.residual + at * c.element,
                               c.out + at * (int64_t)c.k->out_size);
            }
        }
    }
    report("planes", l->name, dtype, 0, c.out, c.out_count);
}

/* _pool.pyx; `verb` is maximum, index (maxima, and where they stand) or average. */
static void pool(const layer *l, int dtype, int isa, int channels_last, const char *verb)
{
    const convpool_axis *a = l->axis;
    call c = call_of(l, dtype, isa, channels_last, 1);
    int64_t *index = verb[0] == 'i' ? (int64_t *)allocate(c.out_count * 8) : NULL;
    convpool_pool pooling;
    convpool_pool_block cut, block;
    int64_t image;
    memset(&pooling, 0, sizeof pooling);
    pooling.batch = l->batch;
    pooling.channels = l->channels;
    pooling.average = verb[0] == 'a';
    pooling.include_padding = a[1].kernel == 3;
    memcpy(pooling.axis, a, sizeof pooling.axis);
    memcpy(pooling.x_stride, c.conv.x_stride, sizeof c.conv.x_stride);
    memcpy(pooling.out_stride, c.conv.out_stride, sizeof c.conv.out_stride);
    memcpy(pooling.index_stride, c.conv.out_stride, sizeof c.conv.out_stride);
    block = cut = convpool_pool_cut(&pooling, channels_last);
#define EACH(at, count, end)                                   \
    for (block.at = 0; block.at < (end) &&                     \
         ((block.count = least(cut.count, (end) - block.at)), 1); block.at += cut.count)
    for (image = 0; image < l->batch; ++image) {
        for (block.depth = 0; block.depth < a[0].out; ++block.depth) {
            EACH(channel, channels, l->channels) {
                EACH(row, rows, a[1].out) {
                    EACH(column, columns, a[2].out) {
                        c.k->pool_block(&pooling, channels_last, &block,
                                        c.x + image * pooling.x_stride[0] * c.element,
                                        c.out + image * pooling.out_stride[0] * c.element,
                                        index == NULL ? NULL
                                                      : index + image * pooling.index_stride[0]);
                    }
                }
            }
        }
    }
#undef EACH
    report(verb, l->name, dtype, channels_last, c.out, c.out_count);
    if (index != NULL) {
        report_as("where", l->name, dtype, channels_last, index, c.out_count, 8);
    }
}

/* An image under a filter, with its taps and the lines of its border. */
typedef struct picture {
    const convpool_filter_kernels *k;
    convpool_filter image;
    int64_t real, count, inputs, pitch; /* bytes; elements of an output row and of a line */
    char *x, *out, *lines;
    const void **line;
} picture;

enum { PICTURE_HEIGHT = 37, PICTURE_WIDTH = 83, PICTURE_CHANNELS = 3 };

static picture picture_of(int dtype, int isa, int wide, int channels_last, int64_t kernel_height,
                          int64_t kernel_width, int64_t rows)
{
    const int64_t pixels = PICTURE_HEIGHT * PICTURE_WIDTH, all = pixels * PICTURE_CHANNELS;
    const int64_t step = channels_last ? PICTURE_CHANNELS : 1;
    const int64_t stride[3] = {step * PICTURE_WIDTH, step, channels_last ? 1 : pixels};
    int64_t *column, i;
    double *taps;
    picture p;
    memset(&p, 0, sizeof p);
    p.k = convpool_find_kernels(dtype, isa)->filter[wide];
    p.real = (int64_t)p.k->real_size;
    p.count = PICTURE_WIDTH * PICTURE_CHANNELS;
    p.inputs = p.count + (kernel_width - 1) * PICTURE_CHANNELS;
    p.pitch = p.inputs + CONVPOOL_SLACK;
    p.x = (char *)numbers(dtype, all, 6, 0);
    p.out = (char *)allocate(all * element_size(dtype));
    p.lines = (char *)allocate(rows * p.pitch * p.real);
    p.line = (const void **)allocate(rows * (int64_t)sizeof(void *));
    for (i = 0; i < rows; ++i) {
        p.line[i] = p.lines + i * p.pitch * p.real;
    }
    column = (int64_t *)allocate((PICTURE_WIDTH + kernel_width - 1) * 8);
    for (i = 0; i < PICTURE_WIDTH + kernel_width - 1; ++i) {
        column[i] = convpool_border_index(i - kernel_width / 2, PICTURE_WIDTH, CONVPOOL_CONSTANT);
    }
    taps = (double *)numbers(CONVPOOL_F64, kernel_height * kernel_width, 7, 0);
    p.image.height = PICTURE_HEIGHT;
    p.image.width = PICTURE_WIDTH;
    p.image.channels = PICTURE_CHANNELS;
    p.image.kernel_height = kernel_height;
    p.image.kernel_width = kernel_width;
    p.image.above = kernel_height / 2;
    p.image.left = kernel_width / 2;
    memcpy(p.image.x_stride, stride, sizeof stride);
    memcpy(p.image.out_stride, stride, sizeof stride);
    p.image.border = CONVPOOL_CONSTANT;
    p.image.border_value = 7;
    p.image.column = column;
    p.image.taps = taps;
    p.image.doubt = wide ? 1e-9 : 0.02;
    return p;
}

/* Taps, each rounded to the type of sums. */
static void *rounded(const double *taps, int64_t count, int64_t real)
{
    void *to = allocate(count * real);
    int64_t i;
    for (i = 0; i < count; ++i) {
        if (real == 4) {
            ((float *)to)[i] = (float)taps[i];
        } else {
            ((double *)to)[i] = taps[i];
        }
    }
    return to;
}

static void store_picture(const picture *p, const char *sums, int64_t pitch)
{
    int64_t row;
    for (row = 0; row < PICTURE_HEIGHT; ++row) {
        p->k->store(&p->image, p->x, sums + row * pitch * p->real, row, 0, PICTURE_WIDTH, 0,
                    PICTURE_CHANNELS, p->out);
    }
}

/* _filter.pyx: all rows of taps at once or, where they are `separable`, along lines first. */
static void filter(const char *verb, const char *name, int dtype, int isa, int wide,
                   int channels_last, int64_t height, int64_t width, int separable)
{
    const int64_t rows = PICTURE_HEIGHT + height - 1;
    picture p = picture_of(dtype, isa, wide, channels_last, height, width, rows);
    const void *weight = rounded(p.image.taps, height * width, p.real);
    char *sums = (char *)allocate(PICTURE_HEIGHT * p.count * p.real);
    char *along = (char *)allocate(p.pitch * p.real);
    const void *one_line = along;
    int64_t i;
    for (i = 0; i < rows; ++i) {
        char *to = p.lines + i * p.pitch * p.real;
        p.k->line(&p.image, p.x, i, 0, p.inputs / PICTURE_CHANNELS, 0, PICTURE_CHANNELS,
                  separable ? along : to);
        if (separable) {
            p.k->rows(&one_line, weight, 1, width, PICTURE_CHANNELS, p.count, 1, to, 0);
        }
    }
    p.k->rows(p.line, weight, height, separable ? 1 : width, PICTURE_CHANNELS, p.count,
              PICTURE_HEIGHT, sums, p.count);
    store_picture(&p, sums, p.count);
    report(verb, name, dtype, channels_last, p.out,
           PICTURE_HEIGHT * PICTURE_WIDTH * PICTURE_CHANNELS);
}

/* The same for tall kernels, folded. */
static void folded(const char *verb, const char *name, int dtype, int isa, int wide,
                   int channels_last, int64_t height, int64_t width, int levels)
{
    enum { MOST = 9 };
    const int64_t group = 1 << levels, products = levels == 1 ? 3 : 9, part = height / group;
    const int64_t groups = ceil_div(PICTURE_HEIGHT, group), lines = groups + part - 1;
    picture p = picture_of(dtype, isa, wide, channels_last, height, width,
                           (lines + 1) * group - 1);
    const int64_t line_size = p.pitch * p.real, pitch = p.count + CONVPOOL_SLACK;
    char *ring = (char *)allocate(products * lines * line_size), *weight;
    char *product = (char *)allocate(products * groups * pitch * p.real);
    char *sums = (char *)allocate(groups * group * pitch * p.real);
    const void **line = (const void **)allocate(lines * (int64_t)sizeof(void *));
    double *taps = (double *)allocate(products * part * width * 8);
    double *half = (double *)allocate(products * part * width * 8);
    void *to[MOST];
    int64_t i, j, q, n = 1, rows = height;
    int level;
    memcpy(half, p.image.taps, (size_t)(height * width) * 8);
    for (level = 0; level < levels; ++level, n *= 3) { /* even rows, all, odd rows */
        rows /= 2;
        for (i = 0; i < n * rows; ++i) {
            const double *even = half + 2 * i * width, *odd = even + width;
            for (q = 0; q < width; ++q) {
                double *at = taps + ((i / rows * 3) * rows + i % rows) * width + q;
                at[0] = even[q];
                at[rows * width] = even[q] + odd[q];
                at[2 * rows * width] = odd[q];
            }
        }
        memcpy(half, taps, (size_t)(products * part * width) * 8);
    }
    weight = (char *)rounded(taps, products * part * width, p.real);
    for (i = 0; i < (lines + 1) * group - 1; ++i) {
        p.k->line(&p.image, p.x, i, 0, p.inputs / PICTURE_CHANNELS, 0, PICTURE_CHANNELS,
                  p.lines + i * line_size);
    }
    for (i = 0; i < lines; ++i) {
        for (j = 0; j < products; ++j) {
            to[j] = ring + (j * lines + i) * line_size;
        }
        p.k->fold(p.line + i * group, levels, p.inputs, to);
    }
    for (j = 0; j < products; ++j) {
        for (i = 0; i < lines; ++i) {
            line[i] = ring + (j * lines + i) * line_size;
        }
        p.k->rows(line, weight + j * part * width * p.real, part, width, PICTURE_CHANNELS, p.count,
                  groups, product + j * groups * pitch * p.real, pitch);
    }
    for (i = 0; i < groups; ++i) {
        p.k->unfold(product + i * pitch * p.real, groups * pitch, levels, p.count,
                    sums + i * group * pitch * p.real, pitch);
    }
    store_picture(&p, sums, pitch);
    report(verb, name, dtype, channels_last, p.out,
           PICTURE_HEIGHT * PICTURE_WIDTH * PICTURE_CHANNELS);
}

static void all_filters(int dtype, int isa, int channels_last)
{
    int wide;
    for (wide = 0; wide < 2; ++wide) {
        const char *verb = wide ? "filter64" : "filter32";
        if (convpool_find_kernels(dtype, isa)->filter[wide] == NULL) {
            continue;
        }
#define DO(call) (call, release())
        DO(filter(verb, "3x3", dtype, isa, wide, channels_last, 3, 3, 0));
        DO(filter(verb, "8x5", dtype, isa, wide, channels_last, 8, 5, 0));
        DO(filter(verb, "2x31", dtype, isa, wide, channels_last, 2, 31, 0));
        DO(filter(verb, "separable", dtype, isa, wide, channels_last, 7, 7, 1));
        DO(folded(verb, "folded", dtype, isa, wide, channels_last, 8, 5, 1));
        DO(folded(verb, "folded-twice", dtype, isa, wide, channels_last, 12, 5, 2));
    }
}

static void all_layers(int dtype, int isa, int channels_last)
{
    size_t i;
#define EACH(layers) for (i = 0; i < sizeof(layers) / sizeof *(layers); ++i)
    activations(dtype, isa, channels_last);
    EACH(direct_layers) DO(direct("direct", &direct_layers[i], dtype, isa, channels_last));
    EACH(direct_layers) DO(windows("windows", &direct_layers[i], dtype, isa, channels_last));
    if (!channels_last) {
        EACH(direct_layers) DO(lines("lines", &direct_layers[i], dtype, isa, 0));
    }
    if (dtype != CONVPOOL_F16 && !channels_last) {
        EACH(direct_layers) DO(lines("finished", &direct_layers[i], dtype, isa, 1));
        EACH(whole_layers) DO(direct("direct", &whole_layers[i], dtype, isa, 0));
        EACH(whole_layers) DO(whole(&whole_layers[i], dtype, isa));
    }
    if (dtype != CONVPOOL_F16) {
        DO(in_place(dtype, isa, channels_last));
        DO(by_lines(dtype, isa, channels_last));
    }
    if (dtype != CONVPOOL_F16 && channels_last) {
        DO(one_row(dtype, isa));
    }
    EACH(winograd_layers) {
        DO(winograd(&winograd_layers[i], 6, dtype, isa, channels_last));
        if (winograd_layers[i].axis[1].kernel == 3) {
            DO(winograd(&winograd_layers[i], 4, dtype, isa, channels_last));
        }
    }
    EACH(stencil_layers) DO(stencil(&stencil_layers[i], dtype, isa, channels_last));
    if (!channels_last) {
        EACH(stencil_layers) DO(planes(&stencil_layers[i], dtype, isa));
    }
    EACH(pools) {
        DO(pool(&pools[i], dtype, isa, channels_last, "maximum"));
        DO(pool(&pools[i], dtype, isa, channels_last, "index"));
        DO(pool(&pools[i], dtype, isa, channels_last, "average"));
    }
#undef EACH
}

static void all_bytes(int dtype, int isa, int channels_last)
{
    size_t i;
    for (i = 0; i < sizeof quantized_layers / sizeof *quantized_layers; ++i) {
        const layer *l = &quantized_layers[i];
        narrow_weights = 0;
        DO(direct("quantized", l, dtype, isa, channels_last));
        DO(windows("quantized-windows", l, dtype, isa, channels_last));
        narrow_weights = 1;
        DO(direct("narrow", l, dtype, isa, channels_last));
        DO(windows("narrow-windows", l, dtype, isa, channels_last));
    }
    narrow_weights = 0;
    for (i = 0; i < sizeof stencil_layers / sizeof *stencil_layers; ++i) {
        DO(stencil(&stencil_layers[i], dtype, isa, channels_last));
        if (!channels_last) {
            DO(planes(&stencil_layers[i], dtype, isa));
        }
    }
#undef DO
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
    guards_front = count > 2 && strcmp(words[2], "front") == 0;
    if (isa == CONVPOOL_ISAS) {
        fprintf(stderr, "bits: no %s here\n", words[1]);
        return 2;
    }
    for (i = 0; i < 2 * CONVPOOL_DTYPES; ++i) {
        if (i / 2 <= CONVPOOL_F16) {
            all_layers(i / 2, isa, i % 2);
        }
        all_filters(i / 2, isa, i % 2);
    }
    for (i = 0; i < 2 * CONVPOOL_DTYPES; ++i) {
        if (convpool_find_kernels(i / 2, isa)->products == 2) {
            all_bytes(i / 2, isa, i % 2);
        }
    }
    return 0;
}
