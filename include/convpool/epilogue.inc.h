/* epilogue.inc.h - a tile of sums -> the output array:
 *
 *     out = activation(sum + bias + residual), converted to the array's element type.
 *
 * Included once for each instruction set and element type, with STORAGE, STORAGE_NAME, REAL,
 * REAL_NAME, LOAD, STORE(real) -> element, ISA_NAME and TARGET set, and unless elements are REAL
 * themselves STORE8(reals, elements). With QUANTIZED sums are stored by quantized.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)
#define REAL_VERB(verb) CONVPOOL_PASTE(convpool_, verb, REAL_NAME, ISA_NAME)

#define CACHE_LINE (64 / (int64_t)sizeof(STORAGE))

/* Lines of sums and where they belong. From line to line and from value to value each array steps
 * as it says; bias and residual may be NULL. What is `ahead` of a line by so many elements will be
 * stored soon, and is fetched: processors store to what no cache holds little by little. */
typedef struct NAME(lines) {
    int64_t count, length;
    const REAL *sums;
    int64_t sums_line;
    const REAL *bias;
    int64_t bias_line, bias_step;
    const STORAGE *residual;
    int64_t residual_line, residual_step;
    STORAGE *out;
    int64_t out_line, out_step, ahead;
} NAME(lines);

#ifdef QUANTIZED
#include "quantized.inc.h"
#else

/* to[j * step] = value[j], converted. */
TARGET CONVPOOL_FORCE_INLINE void NAME(convert)(int64_t count, const REAL *value, STORAGE *to,
                                                int64_t step)
{
    int64_t j = 0;
    if (step != 1) {
        for (; j < count; ++j) {
            to[j * step] = STORE(value[j]);
        }
        return;
    }
#ifdef STORE8
    for (; j + 8 <= count; j += 8) {
        STORE8(value + j, to + j);
    }
#endif
    for (; j < count; ++j) {
        to[j] = STORE(value[j]);
    }
}

/* One line with steps of 1 and an activation that only bounds, perhaps by infinities. `biased` (0:
 * not, 1: one for all, 2: each has its own) and `residual` are literals at each call. */
TARGET CONVPOOL_FORCE_INLINE void NAME(store_bounded)(const int biased, const int with_residual,
                                                      int64_t length,
                                                      const REAL *CONVPOOL_RESTRICT sums,
                                                      const REAL *CONVPOOL_RESTRICT bias,
                                                      const STORAGE *residual, STORAGE *out,
                                                      REAL low, REAL high)
{
    int64_t j = 0;
    int i;
#ifdef STORE8 /* by way of a line of sums; without it elements are REAL themselves */
    REAL line[16];
#define PLACE(at, i) line[i]
#define PLACED(count, at) NAME(convert)(count, line, out + (at), 1)
#else
#define PLACE(at, i) out[at]
#define PLACED(count, at) ((void)0)
#endif
#define STORE_ONE(at, i)                                        \
    do {                                                        \
        REAL x = sums[at];                                      \
        x = biased == 0 ? x : x + bias[biased == 1 ? 0 : (at)]; \
        x = with_residual ? x + LOAD(residual[at]) : x;         \
        x = x < low ? low : x;                                  \
        PLACE(at, i) = x > high ? high : x;                     \
    } while (0)
    for (; j + 16 <= length; j += 16) {
        CONVPOOL_KEEP_LOOP
        for (i = 0; i < 16; ++i) {
            STORE_ONE(j + i, i);
        }
        PLACED(16, j);
    }
    if (j + 8 <= length) {
        CONVPOOL_KEEP_LOOP
        for (i = 0; i < 8; ++i) {
            STORE_ONE(j + i, i);
        }
        PLACED(8, j);
        j += 8;
    }
    if (j < length && length >= 8 && !with_residual) { /* a residual may be `out` itself */
        CONVPOOL_KEEP_LOOP
        for (i = 0; i < 8; ++i) {
            STORE_ONE(length - 8 + i, i);
        }
        PLACED(8, length - 8);
        return;
    }
    for (; j < length; ++j) {
        STORE_ONE(j, 0);
        PLACED(1, j);
    }
#undef STORE_ONE
#undef PLACE
#undef PLACED
}

/* One line, whatever its steps and activation. */
TARGET CONVPOOL_NOINLINE void NAME(store_any)(const convpool_conv *conv, int64_t length,
                                              const REAL *sums, const REAL *bias,
                                              int64_t bias_step, const STORAGE *residual,
                                              int64_t residual_step, STORAGE *out,
                                              int64_t out_step)
{
    REAL line[CONVPOOL_MAX_WIDTH];
    int64_t first, used, j;
    for (first = 0; first < length; first += used) {
        used = length - first < CONVPOOL_MAX_WIDTH ? length - first : (int64_t)CONVPOOL_MAX_WIDTH;
        for (j = 0; j < used; ++j) {
            line[j] = sums[first + j];
        }
        for (j = 0; bias != NULL && j < used; ++j) {
            line[j] += bias[(first + j) * bias_step];
        }
        for (j = 0; residual != NULL && j < used; ++j) {
            line[j] += LOAD(residual[(first + j) * residual_step]);
        }
        CONVPOOL_PASTE(convpool_, activate, REAL_NAME, ISA_NAME)
        (line, used, conv->activation, conv->activation_parameter);
        NAME(convert)(used, line, out + first * out_step, out_step);
    }
}

TARGET CONVPOOL_NOINLINE void NAME(store_lines)(const convpool_conv *conv,
                                                const NAME(lines) *lines)
{
    double low, high;
    const int bounded = convpool_only_bounds(conv, &low, &high) && lines->out_step == 1 &&
                        (lines->residual == NULL || lines->residual_step == 1);
    const int biased = lines->bias == NULL ? 0 : lines->bias_step == 0 ? 1 : 2;
    int64_t i, j;
    for (i = 0; i < lines->count; ++i) {
        const REAL *sums = lines->sums + i * lines->sums_line;
        const REAL *bias = lines->bias == NULL ? NULL : lines->bias + i * lines->bias_line;
        const STORAGE *residual =
            lines->residual == NULL ? NULL : lines->residual + i * lines->residual_line;
        STORAGE *out = lines->out + i * lines->out_line;
        if (!bounded) {
            NAME(store_any)(conv, lines->length, sums, bias, lines->bias_step, residual,
                            lines->residual_step, out, lines->out_step);
            continue;
        }
        for (j = 0; j < lines->length; j += CACHE_LINE) {
            CONVPOOL_PREFETCH_OUT(out + lines->ahead + j);
        }
        switch (biased * 2 + (residual != NULL)) {
#define BOUNDED(biased, residue)                                                               \
    case (biased) * 2 + (residue):                                                             \
        NAME(store_bounded)(biased, residue, lines->length, sums, bias, residual, out,         \
                            (REAL)low, (REAL)high);                                            \
        break;
            BOUNDED(0, 0) BOUNDED(1, 0) BOUNDED(2, 0)
            BOUNDED(0, 1) BOUNDED(1, 1) BOUNDED(2, 1)
        default: break;
#undef BOUNDED
        }
    }
}
#endif

TARGET CONVPOOL_INLINE void NAME(store_tile)(const convpool_conv *conv, const void *tile,
                                             int64_t pitch, int pixel_rows, int64_t channel,
                                             int64_t channels, int64_t pixel, int64_t pixels,
                                             const void *bias, const void *residual, void *out);

/* store_tile of a tile whose lines run along pixels, while neighbours in `out` are channels:
 * turned, a piece at a time. */
TARGET CONVPOOL_NOINLINE void NAME(turn_channels)(const convpool_conv *conv, const REAL *sums,
                                                  int64_t pitch, int64_t channel, int64_t channels,
                                                  int64_t pixel, int64_t pixels, const void *bias,
                                                  const void *residual, void *out)
{
    enum { PIECE = CONVPOOL_MAX_WIDTH, HIGH = 64 };
    REAL turned[HIGH * PIECE];
    int64_t first, p, used, high;
    for (p = 0; p < pixels; p += high) {
        high = pixels - p < HIGH ? pixels - p : (int64_t)HIGH;
        for (first = 0; first < channels; first += used) {
            used = channels - first < PIECE ? channels - first : (int64_t)PIECE;
            REAL_VERB(turn_whole)(sums + first * pitch + p, pitch, used, high, turned, PIECE);
            NAME(store_tile)(conv, turned, PIECE, 1, channel + first, used, pixel + p, high, bias,
                             residual, out);
        }
    }
}

/* store_tile of a tile whose lines run along channels, while neighbours in `out` are pixels:
 * turned, a piece at a time. */
TARGET CONVPOOL_NOINLINE void NAME(turn_tile)(const convpool_conv *conv, const REAL *sums,
                                              int64_t pitch, int64_t channel, int64_t channels,
                                              int64_t pixel, int64_t pixels, const void *bias,
                                              const void *residual, void *out)
{
    enum { PIECE = 64 };
    REAL turned[CONVPOOL_MAX_WIDTH * PIECE];
    int64_t first, used;
    for (first = 0; first < pixels; first += used) {
        used = pixels - first < PIECE ? pixels - first : (int64_t)PIECE;
        REAL_VERB(turn)(sums + first * pitch, pitch, used, channels, turned, PIECE);
        NAME(store_tile)(conv, turned, PIECE, 0, channel, channels, pixel + first, used, bias,
                         residual, out);
    }
}

/* Stores a tile of `channels` output channels from number `channel` on and `pixels` pixels from
 * number `pixel` of the batch on. Its lines, `pitch` elements apart, run along pixels, or along
 * channels where `pixel_rows`. `bias`, `residual` and `out` point to the group's first element.
 * Preconditions: pixels <= CONVPOOL_MAX_PIXELS; if `pixel_rows`, channels <= CONVPOOL_MAX_WIDTH;
 * lines that run along channels have whole vectors; residual is disjoint from out, or the same
 * elements. */
TARGET CONVPOOL_INLINE void NAME(store_tile)(const convpool_conv *conv, const void *tile,
                                             int64_t pitch, int pixel_rows, int64_t channel,
                                             int64_t channels, int64_t pixel, int64_t pixels,
                                             const void *bias, const void *residual, void *out)
{
    const int64_t *os = conv->out_stride, *rs = conv->residual_stride;
    const REAL *sums = (const REAL *)tile;
    const REAL *bias_ = bias == NULL ? NULL : (const REAL *)bias + channel;
    /* Rows that follow each other in memory are one line. */
    const int dense = convpool_outputs_follow(conv, CONVPOOL_AT_ROW, residual != NULL);
    convpool_run runs[CONVPOOL_MAX_PIXELS];
    const int n = convpool_split_runs(conv->axis, pixel, pixels, runs);
    int r, next;
    if (pixel_rows && os[CONVPOOL_AT_COLUMN] == 1 && os[CONVPOOL_AT_CHANNEL] != 1) {
        NAME(turn_tile)(conv, sums, pitch, channel, channels, pixel, pixels, bias, residual, out);
        return;
    }
    if (!pixel_rows && os[CONVPOOL_AT_CHANNEL] == 1 && os[CONVPOOL_AT_COLUMN] != 1 &&
        channels > 1) {
        NAME(turn_channels)(conv, sums, pitch, channel, channels, pixel, pixels, bias, residual,
                            out);
        return;
    }
    for (r = 0; r < n; r = next) {
        convpool_run *run = &runs[r];
        const int64_t out_at = convpool_run_at(run, os) + channel * os[CONVPOOL_AT_CHANNEL];
        const int64_t residual_at = convpool_run_at(run, rs) + channel * rs[CONVPOOL_AT_CHANNEL];
        const int line = pixel_rows ? CONVPOOL_AT_COLUMN : CONVPOOL_AT_CHANNEL;
        const int step = pixel_rows ? CONVPOOL_AT_CHANNEL : CONVPOOL_AT_COLUMN;
        NAME(lines) lines;
        for (next = r + 1; dense && next < n && runs[next].image == run->image &&
                           runs[next].depth == run->depth; ++next) {
            run->length += runs[next].length;
        }
        lines.count = pixel_rows ? run->length : channels;
        lines.length = pixel_rows ? channels : run->length;
        lines.sums = sums + (pixel_rows ? run->offset * pitch : run->offset);
        lines.sums_line = pitch;
        lines.bias = bias_;
        lines.bias_line = !pixel_rows;
        lines.bias_step = pixel_rows;
        lines.residual = residual == NULL ? NULL : (const STORAGE *)residual + residual_at;
        lines.residual_line = rs[line];
        lines.residual_step = rs[step];
        lines.out = (STORAGE *)out + out_at;
        lines.out_line = os[line];
        lines.out_step = os[step];
        lines.ahead = 2 * os[line];
        NAME(store_lines)(conv, &lines);
    }
}

#ifndef QUANTIZED
/* Stores output row `row` of a block from its sums, biased already, so that `bias` says nothing:
 * sums[column * lanes + lane], which it overwrites. They may stand in the output row itself if its
 * elements are sums and follow each other. residual (NULL: none) and out point to the first lane's
 * first element of the image. */
TARGET CONVPOOL_INLINE void NAME(store_row)(const convpool_conv *conv, const convpool_block *block,
                                            int64_t row, void *sums, const void *bias,
                                            const void *residual, void *out)
{
    const int64_t *os = conv->out_stride, *rs = conv->residual_stride;
    const int64_t lanes = block->lanes, columns = block->columns;
    const int64_t step = os[CONVPOOL_AT_CHANNEL], x_step = rs[CONVPOOL_AT_CHANNEL];
    REAL *line = (REAL *)sums;
    STORAGE *o = (STORAGE *)out + block->depth * os[CONVPOOL_AT_DEPTH] +
                 row * os[CONVPOOL_AT_ROW] + block->column * os[CONVPOOL_AT_COLUMN];
    const STORAGE *x = residual == NULL ? NULL
                                        : (const STORAGE *)residual +
                                              block->depth * rs[CONVPOOL_AT_DEPTH] +
                                              row * rs[CONVPOOL_AT_ROW] +
                                              block->column * rs[CONVPOOL_AT_COLUMN];
    /* Along pixels where a pixel is one lane, or where nothing tells lanes from pixels. */
    const int flat = lanes == 1 || (x == NULL && step == 1 && os[CONVPOOL_AT_COLUMN] == lanes);
    const int64_t o_step = lanes == 1 ? os[CONVPOOL_AT_COLUMN] : step;
    const int64_t outer = flat ? 1 : columns, inner = flat ? columns * lanes : lanes;
    int64_t i, j;
    (void)bias;
    for (i = 0; i < columns && x != NULL; ++i) {
        for (j = 0; j < lanes; ++j) {
            line[i * lanes + j] += LOAD(x[i * rs[CONVPOOL_AT_COLUMN] + j * x_step]);
        }
    }
    CONVPOOL_PASTE(convpool_, activate, REAL_NAME, ISA_NAME)
    (line, columns * lanes, conv->activation, conv->activation_parameter);
    if ((const void *)line == (const void *)o) {
        return;
    }
    for (i = 0; i < outer; ++i, line += inner, o += os[CONVPOOL_AT_COLUMN]) {
        NAME(convert)(inner, line, o, o_step);
    }
}
#endif

#undef NAME
#undef REAL_VERB
#undef CACHE_LINE
