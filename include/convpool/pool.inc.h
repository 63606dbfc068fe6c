/* pool.inc.h - max and average pooling of one line of outputs.
 *
 * A line's lanes are neighbouring outputs: channels where those lie next to each other, otherwise
 * columns. Over channels, all lanes take one tap of the window after the other. Over columns, the
 * window's rows are first reduced into one row, padding included, whose neighbours are then reduced
 * tap by tap: kernel rows + kernel columns steps a lane instead of their product, in plain loops
 * that compilers turn into vectors.
 *
 * Included once for each instruction set and element type, with STORAGE, STORAGE_NAME, REAL, LOAD,
 * STORE, ISA_NAME and TARGET set.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* The larger one; a NaN is kept once met, since no comparison with it is true. */
TARGET CONVPOOL_FORCE_INLINE REAL NAME(combine)(const int average, REAL so_far, REAL x)
{
    return average ? so_far + x : ((x > so_far) | (x != x)) ? x : so_far;
}

/* value[j] combined with from[j * step] */
TARGET CONVPOOL_FORCE_INLINE void NAME(combine_array)(const int average,
                                                      REAL *CONVPOOL_RESTRICT value,
                                                      const STORAGE *from, int64_t step,
                                                      int64_t length)
{
    int64_t j;
    if (step == 1) {
        for (j = 0; j < length; ++j) {
            value[j] = NAME(combine)(average, value[j], LOAD(from[j]));
        }
    } else {
        for (j = 0; j < length; ++j) {
            value[j] = NAME(combine)(average, value[j], LOAD(from[j * step]));
        }
    }
}

/* The same for a row of reals. */
TARGET CONVPOOL_FORCE_INLINE void NAME(combine_row)(const int average,
                                                    REAL *CONVPOOL_RESTRICT value,
                                                    const REAL *from, int64_t step, int64_t length)
{
    int64_t j;
    if (step == 1) {
        for (j = 0; j < length; ++j) {
            value[j] = NAME(combine)(average, value[j], from[j]);
        }
    } else if (step == 2) {
        for (j = 0; j < length; ++j) {
            value[j] = NAME(combine)(average, value[j], from[2 * j]);
        }
    } else {
        for (j = 0; j < length; ++j) {
            value[j] = NAME(combine)(average, value[j], from[j * step]);
        }
    }
}

/* Lanes of channels: `x` is the first one's first element. */
TARGET CONVPOOL_FORCE_INLINE void NAME(pool_channels)(const int average, const convpool_pool *pool,
                                                      const int64_t *at, const STORAGE *x,
                                                      int64_t lanes, REAL *value)
{
    const convpool_axis *axis = pool->axis;
    const int64_t *step = pool->x_stride;
    int64_t kd, kr, kc;
    for (kd = 0; kd < axis[CONVPOOL_DEPTH].kernel; ++kd) {
        const int64_t d = convpool_input_index(&axis[CONVPOOL_DEPTH], at[CONVPOOL_AT_DEPTH], kd,
                                               CONVPOOL_CONSTANT);
        for (kr = 0; d >= 0 && kr < axis[CONVPOOL_ROW].kernel; ++kr) {
            const int64_t r = convpool_input_index(&axis[CONVPOOL_ROW], at[CONVPOOL_AT_ROW], kr,
                                                   CONVPOOL_CONSTANT);
            for (kc = 0; r >= 0 && kc < axis[CONVPOOL_COLUMN].kernel; ++kc) {
                const int64_t c = convpool_input_index(
                    &axis[CONVPOOL_COLUMN], at[CONVPOOL_AT_COLUMN], kc, CONVPOOL_CONSTANT);
                if (c >= 0) {
                    NAME(combine_array)(average, value,
                                        x + d * step[CONVPOOL_AT_DEPTH] +
                                            r * step[CONVPOOL_AT_ROW] +
                                            c * step[CONVPOOL_AT_COLUMN],
                                        step[CONVPOOL_AT_CHANNEL], lanes);
                }
            }
        }
    }
}

/* Lanes of columns: `x` is the channel's first element. */
TARGET CONVPOOL_FORCE_INLINE void NAME(pool_columns)(const int average, const convpool_pool *pool,
                                                     const int64_t *at, const STORAGE *x,
                                                     int64_t lanes, REAL *value)
{
    const convpool_axis *axis = pool->axis, *column = &axis[CONVPOOL_COLUMN];
    const int64_t *step = pool->x_stride;
    const int64_t span = (lanes - 1) * column->stride + 1; /* cells that one tap meets */
    const int64_t reach = (column->kernel - 1) * column->dilation;
    const int64_t first = at[CONVPOOL_AT_COLUMN] * column->stride - column->before;
    const REAL nothing = average ? (REAL)0 : (REAL)-INFINITY;
    REAL row[CONVPOOL_POOL_SPAN];
    /* Where the kernel reaches too far for one row, each tap has a row of its own. */
    const int whole = span + reach <= CONVPOOL_POOL_SPAN;
    const int64_t taps = whole ? 1 : column->kernel, width = whole ? span + reach : span;
    int64_t kd, kr, kc, tap, j;
    for (tap = 0; tap < taps; ++tap) {
        const int64_t left = first + tap * column->dilation;
        const int64_t begin = left < 0 ? (-left < width ? -left : width) : 0;
        const int64_t end = column->size - left < width ? column->size - left : width;
        for (j = 0; j < width; ++j) {
            row[j] = nothing;
        }
        for (kd = 0; kd < axis[CONVPOOL_DEPTH].kernel; ++kd) {
            const int64_t d = convpool_input_index(&axis[CONVPOOL_DEPTH], at[CONVPOOL_AT_DEPTH],
                                                   kd, CONVPOOL_CONSTANT);
            for (kr = 0; d >= 0 && kr < axis[CONVPOOL_ROW].kernel; ++kr) {
                const int64_t r = convpool_input_index(&axis[CONVPOOL_ROW], at[CONVPOOL_AT_ROW],
                                                       kr, CONVPOOL_CONSTANT);
                if (r >= 0 && begin < end) {
                    NAME(combine_array)(average, row + begin,
                                        x + d * step[CONVPOOL_AT_DEPTH] +
                                            r * step[CONVPOOL_AT_ROW] +
                                            (left + begin) * step[CONVPOOL_AT_COLUMN],
                                        step[CONVPOOL_AT_COLUMN], end - begin);
                }
            }
        }
        for (kc = 0; kc < (whole ? column->kernel : 1); ++kc) {
            NAME(combine_row)(average, value, row + kc * column->dilation, column->stride, lanes);
        }
    }
}

/* One output's maximum and where in its input plane, flattened, it stands: the first of equals,
 * the last of several NaN, as PyTorch does. `x` is the channel's first element. */
TARGET CONVPOOL_FORCE_INLINE REAL NAME(pool_indexed)(const convpool_pool *pool, const int64_t *at,
                                                     const STORAGE *x, int64_t *position)
{
    const convpool_axis *axis = pool->axis;
    const int64_t *step = pool->x_stride;
    REAL best = (REAL)-INFINITY;
    int64_t kd, kr, kc;
    *position = -1;
    for (kd = 0; kd < axis[CONVPOOL_DEPTH].kernel; ++kd) {
        const int64_t d = convpool_input_index(&axis[CONVPOOL_DEPTH], at[CONVPOOL_AT_DEPTH], kd,
                                               CONVPOOL_CONSTANT);
        for (kr = 0; d >= 0 && kr < axis[CONVPOOL_ROW].kernel; ++kr) {
            const int64_t r = convpool_input_index(&axis[CONVPOOL_ROW], at[CONVPOOL_AT_ROW], kr,
                                                   CONVPOOL_CONSTANT);
            for (kc = 0; r >= 0 && kc < axis[CONVPOOL_COLUMN].kernel; ++kc) {
                const int64_t c = convpool_input_index(
                    &axis[CONVPOOL_COLUMN], at[CONVPOOL_AT_COLUMN], kc, CONVPOOL_CONSTANT);
                if (c >= 0) {
                    const REAL value = LOAD(x[d * step[CONVPOOL_AT_DEPTH] +
                                              r * step[CONVPOOL_AT_ROW] +
                                              c * step[CONVPOOL_AT_COLUMN]]);
                    if (value > best || value != value || *position < 0) {
                        best = value;
                        *position = (d * axis[CONVPOOL_ROW].size + r) *
                                        axis[CONVPOOL_COLUMN].size + c;
                    }
                }
            }
        }
    }
    return best;
}

/* Result: how many cells of one axis the window of output o covers. */
CONVPOOL_FORCE_INLINE int64_t NAME(cells)(const convpool_axis *axis, int64_t o,
                                          int include_padding)
{
    const int64_t start = o * axis->stride - axis->before, stop = start + axis->kernel;
    const int64_t low = include_padding ? start : start < 0 ? 0 : start;
    const int64_t high = axis->size + (include_padding ? axis->after : 0);
    return (stop < high ? stop : high) - low;
}

/* Pools `lanes` neighbours, output (channel, depth, row, column) being the first: columns, or
 * channels where `channels_last`. x, out and index (NULL: not wanted) point to the image.
 * Preconditions: 1 <= lanes <= CONVPOOL_POOL_LANES, and for lanes of columns also
 * (lanes - 1) * stride < CONVPOOL_POOL_SPAN. */
TARGET CONVPOOL_INLINE void NAME(pool_lanes)(const convpool_pool *pool, int channels_last,
                                             int64_t channel, int64_t depth, int64_t row,
                                             int64_t column, int64_t lanes, const void *x,
                                             void *out, int64_t *index)
{
    const int lane_axis = channels_last ? CONVPOOL_AT_CHANNEL : CONVPOOL_AT_COLUMN;
    const STORAGE *from = (const STORAGE *)x + channel * pool->x_stride[CONVPOOL_AT_CHANNEL];
    int64_t at[CONVPOOL_RANK] = {0, channel, depth, row, column};
    REAL value[CONVPOOL_POOL_LANES];
    int64_t j, out_at = 0, index_at = 0;
    for (j = 1; j < CONVPOOL_RANK; ++j) {
        out_at += at[j] * pool->out_stride[j];
        index_at += at[j] * pool->index_stride[j];
    }
    for (j = 0; j < lanes; ++j) {
        value[j] = pool->average ? (REAL)0 : (REAL)-INFINITY;
    }
    if (index != NULL) {
        for (j = 0; j < lanes; ++j, ++at[lane_axis]) {
            value[j] = NAME(pool_indexed)(
                pool, at, from + (channels_last ? j * pool->x_stride[CONVPOOL_AT_CHANNEL] : 0),
                &index[index_at + j * pool->index_stride[lane_axis]]);
        }
    } else if (channels_last && pool->average) {
        NAME(pool_channels)(1, pool, at, from, lanes, value);
    } else if (channels_last) {
        NAME(pool_channels)(0, pool, at, from, lanes, value);
    } else if (pool->average) {
        NAME(pool_columns)(1, pool, at, from, lanes, value);
    } else {
        NAME(pool_columns)(0, pool, at, from, lanes, value);
    }
    if (pool->average) {
        const int64_t plane =
            NAME(cells)(&pool->axis[CONVPOOL_DEPTH], depth, pool->include_padding) *
            NAME(cells)(&pool->axis[CONVPOOL_ROW], row, pool->include_padding);
        for (j = 0; j < lanes; ++j) {
            const int64_t cells =
                plane * NAME(cells)(&pool->axis[CONVPOOL_COLUMN],
                                    channels_last ? column : column + j, pool->include_padding);
            value[j] /= (REAL)(pool->divisor != 0 ? pool->divisor : cells);
        }
    }
    for (j = 0; j < lanes; ++j) {
        ((STORAGE *)out)[out_at + j * pool->out_stride[lane_axis]] = STORE(value[j]);
    }
}

#undef NAME
