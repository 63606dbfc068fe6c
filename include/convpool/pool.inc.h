/* pool.inc.h - max and average pooling of one line of outputs.
 *
 * A line's lanes are output columns, or channels where those lie next to each other. For each tap
 * of the window, all lanes that the tap meets inside the input take one step together: that is one
 * plain loop which compilers turn into vectors, and one body for every layout, stride, dilation and
 * padding.
 *
 * Included once for each instruction set and element type, with STORAGE, STORAGE_NAME, REAL, LOAD,
 * STORE, ISA_NAME and TARGET set.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* Where one tap meets the input: lanes [begin, end), the first of them at `from`. */
typedef struct NAME(tap) {
    const STORAGE *from;
    int64_t step, begin, end, position, position_step;
} NAME(tap);

TARGET CONVPOOL_FORCE_INLINE void NAME(add_lanes)(REAL *CONVPOOL_RESTRICT value,
                                                  const NAME(tap) *tap)
{
    const STORAGE *from = tap->from;
    const int64_t n = tap->end - tap->begin, step = tap->step;
    int64_t j;
    value += tap->begin;
    if (step == 1) {
        for (j = 0; j < n; ++j) {
            value[j] += LOAD(from[j]);
        }
    } else {
        for (j = 0; j < n; ++j) {
            value[j] += LOAD(from[j * step]);
        }
    }
}

/* A NaN is kept once met: no comparison with it is true. */
TARGET CONVPOOL_FORCE_INLINE void NAME(max_lanes)(REAL *CONVPOOL_RESTRICT value,
                                                  const NAME(tap) *tap)
{
    const STORAGE *from = tap->from;
    const int64_t n = tap->end - tap->begin, step = tap->step;
    int64_t j;
    value += tap->begin;
    if (step == 1) {
        for (j = 0; j < n; ++j) {
            const REAL x = LOAD(from[j]), best = value[j];
            value[j] = ((x > best) | (x != x)) ? x : best;
        }
    } else {
        for (j = 0; j < n; ++j) {
            const REAL x = LOAD(from[j * step]), best = value[j];
            value[j] = ((x > best) | (x != x)) ? x : best;
        }
    }
}

/* As max_lanes, and notes where in the input plane the maximum stands: the first of equals, the
 * last of several NaN, as PyTorch does. position[j] < 0: nothing met yet. */
TARGET CONVPOOL_FORCE_INLINE void NAME(argmax_lanes)(REAL *CONVPOOL_RESTRICT value,
                                                     int64_t *CONVPOOL_RESTRICT position,
                                                     const NAME(tap) *tap)
{
    int64_t j;
    for (j = tap->begin; j < tap->end; ++j) {
        const REAL x = LOAD(tap->from[(j - tap->begin) * tap->step]);
        if (x > value[j] || x != x || position[j] < 0) {
            value[j] = x;
            position[j] = tap->position + (j - tap->begin) * tap->position_step;
        }
    }
}

/* Result: how many cells of one axis the window of output o covers. */
TARGET CONVPOOL_FORCE_INLINE int64_t NAME(cells)(const convpool_axis *axis, int64_t o,
                                                 int include_padding)
{
    const int64_t start = o * axis->stride - axis->before, stop = start + axis->kernel;
    const int64_t low = include_padding ? start : start < 0 ? 0 : start;
    const int64_t high = axis->size + (include_padding ? axis->after : 0);
    return (stop < high ? stop : high) - low;
}

/* Pools `lanes` neighbours, output (channel, depth, row, column) being the first: columns, or
 * channels where `channels_last`. x, out and index (NULL: not wanted) point to the image.
 * Precondition: 1 <= lanes <= CONVPOOL_POOL_LANES. */
TARGET CONVPOOL_INLINE void NAME(pool_lanes)(const convpool_pool *pool, int channels_last,
                                             int64_t channel, int64_t depth, int64_t row,
                                             int64_t column, int64_t lanes, const void *x,
                                             void *out, int64_t *index)
{
    const convpool_axis *ad = &pool->axis[CONVPOOL_DEPTH], *ar = &pool->axis[CONVPOOL_ROW];
    const convpool_axis *ac = &pool->axis[CONVPOOL_COLUMN];
    const int64_t *xs = pool->x_stride;
    const int lane_axis = channels_last ? CONVPOOL_AT_CHANNEL : CONVPOOL_AT_COLUMN;
    const int64_t at[CONVPOOL_RANK] = {0, channel, depth, row, column};
    REAL value[CONVPOOL_POOL_LANES];
    int64_t position[CONVPOOL_POOL_LANES];
    int64_t kd, kr, kc, j, out_at = 0, index_at = 0;
    for (j = 0; j < lanes; ++j) {
        value[j] = pool->average ? (REAL)0 : (REAL)-INFINITY;
        position[j] = -1;
    }
    for (kd = 0; kd < ad->kernel; ++kd) {
        const int64_t d = depth * ad->stride + kd * ad->dilation - ad->before;
        if (d < 0 || d >= ad->size) {
            continue;
        }
        for (kr = 0; kr < ar->kernel; ++kr) {
            const int64_t r = row * ar->stride + kr * ar->dilation - ar->before;
            if (r < 0 || r >= ar->size) {
                continue;
            }
            for (kc = 0; kc < ac->kernel; ++kc) {
                int64_t c = column * ac->stride + kc * ac->dilation - ac->before;
                NAME(tap) tap;
                tap.begin = 0;
                tap.end = lanes;
                if (channels_last) {
                    tap.step = xs[CONVPOOL_AT_CHANNEL];
                    tap.position_step = 0;
                    if (c < 0 || c >= ac->size) {
                        continue;
                    }
                } else {
                    tap.step = ac->stride * xs[CONVPOOL_AT_COLUMN];
                    tap.position_step = ac->stride;
                    if (c < 0) {
                        tap.begin = (-c + ac->stride - 1) / ac->stride;
                        c += tap.begin * ac->stride;
                    }
                    if (c + (lanes - 1 - tap.begin) * ac->stride >= ac->size) {
                        tap.end = c < ac->size
                                      ? tap.begin + (ac->size - c + ac->stride - 1) / ac->stride
                                      : tap.begin;
                    }
                    if (tap.begin >= tap.end) {
                        continue;
                    }
                }
                tap.from = (const STORAGE *)x + channel * xs[CONVPOOL_AT_CHANNEL] +
                           d * xs[CONVPOOL_AT_DEPTH] + r * xs[CONVPOOL_AT_ROW] +
                           c * xs[CONVPOOL_AT_COLUMN];
                tap.position = (d * ar->size + r) * ac->size + c;
                if (pool->average) {
                    NAME(add_lanes)(value, &tap);
                } else if (index == NULL) {
                    NAME(max_lanes)(value, &tap);
                } else {
                    NAME(argmax_lanes)(value, position, &tap);
                }
            }
        }
    }
    if (pool->average) {
        const int64_t plane = NAME(cells)(ad, depth, pool->include_padding) *
                              NAME(cells)(ar, row, pool->include_padding);
        for (j = 0; j < lanes; ++j) {
            const int64_t cells =
                plane * NAME(cells)(ac, channels_last ? column : column + j,
                                    pool->include_padding);
            value[j] /= (REAL)(pool->divisor != 0 ? pool->divisor : cells);
        }
    }
    for (j = 1; j < CONVPOOL_RANK; ++j) {
        out_at += at[j] * pool->out_stride[j];
        index_at += at[j] * pool->index_stride[j];
    }
    for (j = 0; j < lanes; ++j) {
        ((STORAGE *)out)[out_at + j * pool->out_stride[lane_axis]] = STORE(value[j]);
    }
    if (index != NULL) {
        for (j = 0; j < lanes; ++j) {
            index[index_at + j * pool->index_stride[lane_axis]] = position[j];
        }
    }
}

#undef NAME
