/* pool_index.inc.h - maxima and where they stand, for all that pool_place.inc.h does not take.
 *
 * Included once for each instruction set and element type, by pool.inc.h, which says the rest.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)
/* Writes the places of one row of outputs into `index`, each from its window's first cell on,
 * which stands at `base` for the first output; a place below 0 is none. */
TARGET CONVPOOL_NOINLINE void NAME(settle)(const convpool_pool *pool, int64_t columns,
                                           int64_t lanes, PLACE *place, int64_t base,
                                           int64_t *index)
{
    const int64_t unit = pool->index_stride[lanes == 1 ? CONVPOOL_AT_COLUMN : CONVPOOL_AT_CHANNEL];
    const int64_t stride = pool->axis[CONVPOOL_COLUMN].stride;
    int64_t c, l;
    if (lanes == 1) {
        for (c = 0; c < columns; ++c) {
            const int64_t old = index[c * unit];
            index[c * unit] = place[c] < 0 ? old : base + c * stride + place[c];
        }
    } else {
        for (c = 0; c < columns; ++c) {
            int64_t *to = index + c * pool->index_stride[CONVPOOL_AT_COLUMN];
            for (l = 0; l < lanes; ++l) {
                const PLACE at = place[c * lanes + l];
                to[l * unit] = at < 0 ? to[l * unit] : base + c * stride + at;
            }
        }
    }
    for (l = 0; l < columns * lanes; ++l) {
        place[l] = -1;
    }
}

/* As pool_values for maxima, and writes where in its plane, flattened, each of them stands: tap
 * by tap in the order (depth, row, column). */
TARGET CONVPOOL_NOINLINE void NAME(pool_indexed)(const convpool_pool *pool,
                                                 const convpool_pool_block *block, int64_t lanes,
                                                 const STORAGE *x, STORAGE *out, int64_t *index)
{
    const convpool_axis *axis = &pool->axis[CONVPOOL_COLUMN];
    const int64_t *step = pool->index_stride;
    const int64_t start = block->column * axis->stride - axis->before;
    REAL down[CONVPOOL_POOL_ROOM], phases[CONVPOOL_POOL_ROOM], value[CONVPOOL_POOL_ROOM];
    PLACE place[CONVPOOL_POOL_ROOM];
    int64_t first_tap, taps, tap, t, r, c, l, run;
    convpool_pool_block line = *block;
    line.rows = 1;
    x += block->channel * pool->x_stride[CONVPOOL_AT_CHANNEL];
    index += block->channel * step[CONVPOOL_AT_CHANNEL] + block->depth * step[CONVPOOL_AT_DEPTH] +
             block->column * step[CONVPOOL_AT_COLUMN];
    convpool_taps_inside(axis, block->column, block->columns, &first_tap, &taps);
    for (line.row = block->row; line.row < block->row + block->rows; ++line.row) {
        const NAME(window) w = NAME(window_at)(pool, line.depth, line.row);
        const int64_t lines = pool->axis[CONVPOOL_ROW].size;
        const int64_t corner = w.begin[0] * lines + w.begin[1]; /* row number of the first cell */
        int64_t *here = index + line.row * step[CONVPOOL_AT_ROW];
        int64_t base = 0, d;
        const int none = w.begin[0] >= w.end[0] || w.begin[1] >= w.end[1];
        NAME(fill)(value, (REAL)-INFINITY, line.columns * lanes);
        for (c = 0; c < line.columns; ++c) {
            const int64_t left = start + c * axis->stride;
            int64_t begin = 0, end = 1;
            if (left < 0 || left >= axis->size) {
                convpool_taps_inside(axis, line.column + c, 1, &begin, &end);
            }
            for (l = 0; l < lanes; ++l) {
                place[c * lanes + l] = -1;
                here[c * step[CONVPOOL_AT_COLUMN] + l * step[CONVPOOL_AT_CHANNEL]] =
                    none || begin >= end ? -1
                                         : corner * axis->size + start + c * axis->stride +
                                               begin * axis->dilation;
            }
        }
        base = corner * axis->size + first_tap * axis->dilation;
        for (d = w.begin[0]; d < w.end[0]; d += w.step[0]) {
            for (r = w.begin[1]; r < w.end[1]; r += w.step[1]) {
                NAME(window) one = w;
                one.begin[0] = d;
                one.end[0] = d + 1;
                one.begin[1] = r;
                one.end[1] = r + 1;
                for (tap = first_tap; tap < taps;) {
                    const NAME(plan) p = NAME(plan_for)(pool, 1, line.columns, lanes, taps - tap);
                    const NAME(stretch) s = NAME(stretch_at)(start + tap * axis->dilation,
                                                             p.pitch / lanes, axis->size);
                    const int apart = p.column != lanes && line.columns > 1;
                    const int64_t runs = apart ? line.columns : 1;
                    const int64_t length =
                        apart ? lanes : convpool_pool_chunks(line.columns * lanes);
                    const int64_t at = (d * lines + r) * axis->size + tap * axis->dilation;
                    int64_t phase = 0, cell = 0; /* of the tap */
                    if (at - base > CONVPOOL_POOL_PLACES) {
                        NAME(settle)(pool, line.columns, lanes, place, base + start, here);
                        base = at;
                    }
                    NAME(reduce_down)(pool, &one, &s, lanes, x, down);
                    if (p.split) {
                        NAME(split_phases)(down, axis->stride, lanes, p.phase / lanes, phases,
                                           p.phase);
                    }
                    for (t = 0; t < p.taps; ++t) {
                        const REAL *from =
                            p.split ? phases + phase * p.phase + cell * lanes : down + cell * lanes;
                        for (run = 0; run < runs; ++run) {
                            NAME(track)(value + run * length, place + run * length,
                                        from + run * p.column,
                                        (PLACE)(at - base + t * axis->dilation), length);
                        }
                        if (p.split) {
                            for (phase += axis->dilation; phase >= axis->stride; ++cell) {
                                phase -= axis->stride;
                            }
                        } else {
                            cell += axis->dilation;
                        }
                    }
                    tap += p.taps;
                }
            }
        }
        NAME(settle)(pool, line.columns, lanes, place, base + start, here);
        NAME(store_block)(pool, &line, lanes, value, line.columns * lanes, out);
    }
}
#undef PLACE

#undef NAME
