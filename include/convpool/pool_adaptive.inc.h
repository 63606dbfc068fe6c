/* pool_adaptive.inc.h - windows of about equal size, whose number is given.
 *
 *     for each row of outputs:      rows of x   -> cells    some columns, `lanes` channels each
 *     for each output under them:   cells       -> value -> out
 *
 * A sum is a chain over columns of chains down, as elsewhere. Maxima with their places are found by
 * pool_place.inc.h.
 *
 * Included once for each instruction set and element type, by pool.inc.h, which says the rest.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* Combines `count` neighbouring cells of `lanes` each, and `value` if there is `more` before. */
TARGET CONVPOOL_FORCE_INLINE void NAME(fold_cells)(const int average, int more, const REAL *cells,
                                                   int64_t count, int64_t lanes,
                                                   REAL *CONVPOOL_RESTRICT value)
{
    int64_t c, l;
    if (lanes == 1) {
        REAL so_far = more ? NAME(combine)(average, value[0], cells[0]) : cells[0];
        for (c = 1; c < count; ++c) {
            so_far = NAME(combine)(average, so_far, cells[c]);
        }
        value[0] = so_far;
        return;
    }
    for (l = 0; l < lanes; ++l) {
        value[l] = more ? NAME(combine)(average, value[l], cells[l]) : cells[l];
    }
    for (c = 1; c < count; ++c) {
        for (l = 0; l < lanes; ++l) {
            value[l] = NAME(combine)(average, value[l], cells[c * lanes + l]);
        }
    }
}

/* Writes one output of `lanes` channels. */
TARGET CONVPOOL_FORCE_INLINE void NAME(store_lanes)(const int average, const REAL *value,
                                                    double divisor, int64_t lanes, STORAGE *to,
                                                    int64_t unit)
{
    int64_t l;
    for (l = 0; l < lanes; ++l) {
        to[l * unit] = STORE(average ? value[l] / (REAL)divisor : value[l]);
    }
}

/* A row of outputs of `lanes` channels. x and out are those of the first of them; `cells` are those
 * of a window along depth and rows. */
TARGET CONVPOOL_FORCE_INLINE void NAME(adaptive_row)(const int average, const convpool_pool *pool,
                                                     const NAME(window) *w, double cells,
                                                     int64_t lanes, const STORAGE *x, STORAGE *out)
{
    const convpool_axis *axis = &pool->axis[CONVPOOL_COLUMN];
    const int64_t room = CONVPOOL_POOL_CELLS / lanes, unit = pool->out_stride[CONVPOOL_AT_CHANNEL];
    REAL down[CONVPOOL_POOL_ROOM], value[CONVPOOL_POOL_LANES];
    int64_t o, laid = 0, from = 0; /* columns that `down` holds: from to laid */
    for (o = 0; o < axis->out; ++o) {
        const NAME(inside) in = NAME(inside_of)(pool, axis, o);
        const int64_t end = in.first + in.count;
        int64_t column = in.first;
        int more = 0;
        while (column < end) {
            int64_t count;
            if (column < from || column >= laid || (end > laid && end - column <= room)) {
                const int64_t left = axis->size - column;
                const NAME(stretch) s = {column, left < room ? left : room, 0,
                                         left < room ? left : room};
                NAME(reduce_down)(pool, w, &s, lanes, x, down);
                from = column;
                laid = column + s.cells;
            }
            count = (end < laid ? end : laid) - column;
            NAME(fold_cells)(average, more, down + (column - from) * lanes, count, lanes, value);
            column += count;
            more = 1;
        }
        NAME(store_lanes)(average, value, cells * (double)in.count, lanes,
                          out + o * pool->out_stride[CONVPOOL_AT_COLUMN], unit);
    }
}

/* Pools a block. */
TARGET CONVPOOL_NOINLINE void NAME(pool_adaptive)(const convpool_pool *pool, int channels_last,
                                                  const convpool_pool_block *block,
                                                  const STORAGE *x, STORAGE *out)
{
    const int64_t most = channels_last ? CONVPOOL_POOL_LANES : 1;
    int64_t channel, row;
    for (channel = block->channel; channel < block->channel + block->channels; channel += most) {
        const int64_t left = block->channel + block->channels - channel;
        const int64_t lanes = left < most ? left : most;
        const STORAGE *from = x + channel * pool->x_stride[CONVPOOL_AT_CHANNEL];
        for (row = block->row; row < block->row + block->rows; ++row) {
            const NAME(window) w = NAME(window_at)(pool, block->depth, row);
            const double cells = (double)(w.end[0] - w.begin[0]) * (double)(w.end[1] - w.begin[1]);
            STORAGE *to = out + channel * pool->out_stride[CONVPOOL_AT_CHANNEL] +
                          block->depth * pool->out_stride[CONVPOOL_AT_DEPTH] +
                          row * pool->out_stride[CONVPOOL_AT_ROW];
            if (pool->average) {
                NAME(adaptive_row)(1, pool, &w, cells, lanes, from, to);
            } else {
                NAME(adaptive_row)(0, pool, &w, cells, lanes, from, to);
            }
        }
    }
}

#undef NAME
