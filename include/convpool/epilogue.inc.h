/* epilogue.inc.h - a tile of sums -> the output array:
 *
 *     out = activation(sum + bias + residual), converted to the array's element type.
 *
 * Included once for each instruction set and element type, with STORAGE, STORAGE_NAME, REAL,
 * REAL_NAME, LOAD, STORE(real) -> element, ISA_NAME and TARGET set.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* One line of a tile, whose values step by the given strides through out and residual. `bias`
 * steps by bias_step: 0 along pixels, 1 along channels. bias and residual may be NULL. */
TARGET CONVPOOL_FORCE_INLINE void NAME(store_line)(const convpool_conv *conv, const REAL *sums,
                                                   int64_t length, const REAL *bias,
                                                   int64_t bias_step, const STORAGE *residual,
                                                   int64_t residual_step, STORAGE *out,
                                                   int64_t out_step)
{
    REAL line[CONVPOOL_MAX_WIDTH];
    int64_t j;
    for (j = 0; j < length; ++j) {
        line[j] = sums[j];
    }
    if (bias != NULL && bias_step == 0) {
        for (j = 0; j < length; ++j) {
            line[j] += bias[0];
        }
    } else if (bias != NULL) {
        for (j = 0; j < length; ++j) {
            line[j] += bias[j];
        }
    }
    if (residual != NULL) {
        for (j = 0; j < length; ++j) {
            line[j] += LOAD(residual[j * residual_step]);
        }
    }
    CONVPOOL_PASTE(convpool_, activate, REAL_NAME, ISA_NAME)
    (line, length, conv->activation, conv->activation_parameter);
    if (out_step == 1) {
        for (j = 0; j < length; ++j) {
            out[j] = STORE(line[j]);
        }
    } else {
        for (j = 0; j < length; ++j) {
            out[j * out_step] = STORE(line[j]);
        }
    }
}

/* Stores a tile of `channels` output channels from number `channel` on and `pixels` pixels from
 * number `pixel` on. Its lines, `pitch` elements apart, run along pixels, or along channels where
 * `channels_last`. `bias`, `residual` and `out` point to the first element of the image and group.
 * Preconditions: channels, pixels <= CONVPOOL_MAX_WIDTH; residual is disjoint from out, or the
 * same elements. */
TARGET CONVPOOL_INLINE void NAME(store_tile)(const convpool_conv *conv, const void *tile,
                                             int64_t pitch, int channels_last, int64_t channel,
                                             int64_t channels, int64_t pixel, int64_t pixels,
                                             const void *bias, const void *residual, void *out)
{
    const int64_t *os = conv->out_stride, *rs = conv->residual_stride;
    const REAL *sums = (const REAL *)tile;
    const REAL *bias_ = bias == NULL ? NULL : (const REAL *)bias + channel;
    convpool_run runs[CONVPOOL_MAX_WIDTH];
    const int n = convpool_split_runs(conv->axis, pixel, pixels, runs);
    int r;
    for (r = 0; r < n; ++r) {
        const convpool_run *run = &runs[r];
        STORAGE *o = (STORAGE *)out + channel * os[CONVPOOL_AT_CHANNEL] +
                     run->depth * os[CONVPOOL_AT_DEPTH] + run->row * os[CONVPOOL_AT_ROW] +
                     run->column * os[CONVPOOL_AT_COLUMN];
        const STORAGE *x = residual == NULL
                               ? NULL
                               : (const STORAGE *)residual + channel * rs[CONVPOOL_AT_CHANNEL] +
                                     run->depth * rs[CONVPOOL_AT_DEPTH] +
                                     run->row * rs[CONVPOOL_AT_ROW] +
                                     run->column * rs[CONVPOOL_AT_COLUMN];
        int64_t i;
        if (channels_last) {
            for (i = 0; i < run->length; ++i) {
                NAME(store_line)(conv, sums + (run->offset + i) * pitch, channels, bias_, 1,
                                 x == NULL ? NULL : x + i * rs[CONVPOOL_AT_COLUMN],
                                 rs[CONVPOOL_AT_CHANNEL], o + i * os[CONVPOOL_AT_COLUMN],
                                 os[CONVPOOL_AT_CHANNEL]);
            }
        } else {
            for (i = 0; i < channels; ++i) {
                NAME(store_line)(conv, sums + run->offset + i * pitch, run->length,
                                 bias_ == NULL ? NULL : bias_ + i, 0,
                                 x == NULL ? NULL : x + i * rs[CONVPOOL_AT_CHANNEL],
                                 rs[CONVPOOL_AT_COLUMN], o + i * os[CONVPOOL_AT_CHANNEL],
                                 os[CONVPOOL_AT_COLUMN]);
            }
        }
    }
}

/* Stores output row `row` of a block from its sums, biased already: sums[column * lanes + lane],
 * which it overwrites. They may stand in the output row itself if its elements are sums and follow
 * each other. residual (NULL: none) and out point to the first lane's first element of the
 * image. */
TARGET CONVPOOL_INLINE void NAME(store_row)(const convpool_conv *conv, const convpool_block *block,
                                            int64_t row, void *sums, const void *residual,
                                            void *out)
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
        if (o_step == 1) {
            for (j = 0; j < inner; ++j) {
                o[j] = STORE(line[j]);
            }
        } else {
            for (j = 0; j < inner; ++j) {
                o[j * o_step] = STORE(line[j]);
            }
        }
    }
}

#undef NAME
