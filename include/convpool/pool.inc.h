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

/* The input cells under one output's window, padding left out: from begin to end by step, along
 * depth, row and column. */
typedef struct NAME(window) {
    int64_t begin[CONVPOOL_AXES], end[CONVPOOL_AXES], step[CONVPOOL_AXES];
} NAME(window);

TARGET CONVPOOL_FORCE_INLINE NAME(window) NAME(window_at)(const convpool_pool *pool,
                                                          const int64_t *at)
{
    NAME(window) window;
    int i;
    for (i = 0; i < CONVPOOL_AXES; ++i) {
        const convpool_axis *axis = &pool->axis[i];
        const int64_t start = at[CONVPOOL_AT_DEPTH + i] * axis->stride - axis->before;
        int64_t begin, end;
        convpool_taps_inside(axis, at[CONVPOOL_AT_DEPTH + i], 1, &begin, &end);
        window.begin[i] = start + begin * axis->dilation;
        window.end[i] = start + (end - 1) * axis->dilation + 1;
        window.step[i] = axis->dilation;
    }
    return window;
}

/* Lanes of channels: `x` is the first one's first element. */
TARGET CONVPOOL_FORCE_INLINE void NAME(pool_channels)(const int average, const convpool_pool *pool,
                                                      const int64_t *at, const STORAGE *x,
                                                      int64_t lanes, REAL *value)
{
    const int64_t *step = pool->x_stride;
    const NAME(window) w = NAME(window_at)(pool, at);
    int64_t d, r, c;
    for (d = w.begin[0]; d < w.end[0]; d += w.step[0]) {
        for (r = w.begin[1]; r < w.end[1]; r += w.step[1]) {
            for (c = w.begin[2]; c < w.end[2]; c += w.step[2]) {
                NAME(combine_array)(average, value,
                                    x + d * step[CONVPOOL_AT_DEPTH] + r * step[CONVPOOL_AT_ROW] +
                                        c * step[CONVPOOL_AT_COLUMN],
                                    step[CONVPOOL_AT_CHANNEL], lanes);
            }
        }
    }
}

/* Lanes of columns: `x` is the channel's first element. */
TARGET CONVPOOL_FORCE_INLINE void NAME(pool_columns)(const int average, const convpool_pool *pool,
                                                     const int64_t *at, const STORAGE *x,
                                                     int64_t lanes, REAL *value)
{
    const convpool_axis *column = &pool->axis[CONVPOOL_COLUMN];
    const int64_t *step = pool->x_stride;
    const int64_t span = (lanes - 1) * column->stride + 1; /* cells that one tap meets */
    const int64_t reach = (column->kernel - 1) * column->dilation;
    const int64_t first = at[CONVPOOL_AT_COLUMN] * column->stride - column->before;
    const REAL nothing = average ? (REAL)0 : (REAL)-INFINITY;
    REAL row[CONVPOOL_POOL_SPAN];
    const NAME(window) w = NAME(window_at)(pool, at);
    /* Where the kernel reaches too far for one row, each tap has a row of its own. */
    const int whole = span + reach <= CONVPOOL_POOL_SPAN;
    const int64_t width = whole ? span + reach : span;
    int64_t tap = 0, taps = 1, d, r, kc, j;
    if (!whole) {
        convpool_taps_inside(column, at[CONVPOOL_AT_COLUMN], lanes, &tap, &taps);
    }
    for (; tap < taps; ++tap) {
        const int64_t left = first + tap * column->dilation;
        const int64_t begin = left < 0 ? (-left < width ? -left : width) : 0;
        const int64_t end = column->size - left < width ? column->size - left : width;
        for (j = 0; j < width; ++j) {
            row[j] = nothing;
        }
        for (d = w.begin[0]; begin < end && d < w.end[0]; d += w.step[0]) {
            for (r = w.begin[1]; r < w.end[1]; r += w.step[1]) {
                NAME(combine_array)(average, row + begin,
                                    x + d * step[CONVPOOL_AT_DEPTH] + r * step[CONVPOOL_AT_ROW] +
                                        (left + begin) * step[CONVPOOL_AT_COLUMN],
                                    step[CONVPOOL_AT_COLUMN], end - begin);
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
    const int64_t *step = pool->x_stride;
    const NAME(window) w = NAME(window_at)(pool, at);
    REAL best = (REAL)-INFINITY;
    int64_t d, r, c;
    *position = -1;
    for (d = w.begin[0]; d < w.end[0]; d += w.step[0]) {
        for (r = w.begin[1]; r < w.end[1]; r += w.step[1]) {
            for (c = w.begin[2]; c < w.end[2]; c += w.step[2]) {
                const REAL value = LOAD(x[d * step[CONVPOOL_AT_DEPTH] +
                                          r * step[CONVPOOL_AT_ROW] +
                                          c * step[CONVPOOL_AT_COLUMN]]);
                if (value > best || value != value || *position < 0) {
                    best = value;
                    *position = (d * pool->axis[CONVPOOL_ROW].size + r) *
                                    pool->axis[CONVPOOL_COLUMN].size + c;
                }
            }
        }
    }
    return best;
}

/* Result: how many cells of one axis the window of output o covers. (A real number, since the
 * product over axes may be larger than any integer.) */
CONVPOOL_FORCE_INLINE double NAME(cells)(const convpool_axis *axis, int64_t o,
                                          int include_padding)
{
    const int64_t start = o * axis->stride - axis->before, stop = start + axis->kernel;
    const int64_t low = include_padding ? start : start < 0 ? 0 : start;
    const int64_t high = axis->size + (include_padding ? axis->after : 0);
    return (double)((stop < high ? stop : high) - low);
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
        const double plane =
            NAME(cells)(&pool->axis[CONVPOOL_DEPTH], depth, pool->include_padding) *
            NAME(cells)(&pool->axis[CONVPOOL_ROW], row, pool->include_padding);
        for (j = 0; j < lanes; ++j) {
            const double cells =
                plane * NAME(cells)(&pool->axis[CONVPOOL_COLUMN],
                                    channels_last ? column : column + j, pool->include_padding);
            value[j] /= (REAL)(pool->divisor != 0 ? (double)pool->divisor : cells);
        }
    }
    for (j = 0; j < lanes; ++j) {
        ((STORAGE *)out)[out_at + j * pool->out_stride[lane_axis]] = STORE(value[j]);
    }
}

#undef NAME
