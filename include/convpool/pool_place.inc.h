/* pool_place.inc.h - maxima and where they stand, tap by tap in the order (depth, row, column).
 *
 *     channels   neighbours of an output, some at a time: each tap is a run of them
 *     planes     laid out with their border, rows and columns split into phases (row i goes to
 *                phase i % stride), so that each tap is one run over all outputs of a block
 *
 * What a tap is larger than it replaces, together with its place: so many cells of the plane from a
 * cell that an output has of its own. The place that stands before any is that of the first cell
 * inside, which a window of -infinity alone keeps.
 *
 * Included once for each instruction set and element type, by pool.inc.h, which says the rest.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)
/* Where in its window a maximum stands; as wide as REAL, so that one comparison selects both. */
#if REAL_IS_DOUBLE
#define PLACE int64_t
#else
#define PLACE int32_t
#endif

/* value[i] and place[i] become from[i] and `here` where that is larger or NaN: the first of equals
 * stays, the last of several NaN wins. */
TARGET CONVPOOL_NOINLINE void NAME(track)(REAL *CONVPOOL_RESTRICT value,
                                          PLACE *CONVPOOL_RESTRICT place, const REAL *from,
                                          PLACE here, int64_t count)
{
    int64_t i;
    for (i = 0; i < count; ++i) {
        const REAL x = from[i], so_far = value[i];
        const int better = (x > so_far) | (x != x);
        value[i] = better ? x : so_far;
        place[i] = better ? here : place[i];
    }
}

/* track for three taps after each other, from `here` on and so far apart. */
TARGET CONVPOOL_NOINLINE void NAME(track_three)(REAL *CONVPOOL_RESTRICT value,
                                                PLACE *CONVPOOL_RESTRICT place, const REAL *from,
                                                const REAL *second, const REAL *third, PLACE here,
                                                PLACE gap, int64_t count)
{
    int64_t i;
    for (i = 0; i < count; ++i) {
        const REAL a = from[i], b = second[i], c = third[i];
        REAL so_far = value[i];
        PLACE at = place[i];
        int better = (a > so_far) | (a != a);
        so_far = better ? a : so_far;
        at = better ? here : at;
        better = (b > so_far) | (b != b);
        so_far = better ? b : so_far;
        at = better ? here + gap : at;
        better = (c > so_far) | (c != c);
        value[i] = better ? c : so_far;
        place[i] = better ? here + 2 * gap : at;
    }
}

/* Result: whether all cells of a window are within CONVPOOL_POOL_PLACES of its first. */
TARGET CONVPOOL_INLINE int NAME(places_fit)(const convpool_pool *pool)
{
    double reach = 0;
    int i;
    for (i = 0; i < CONVPOOL_AXES; ++i) {
        const convpool_axis *axis = &pool->axis[i];
        const int64_t inside = axis->size - 1, taps = inside / axis->dilation;
        const int64_t more = axis->kernel - 1 < taps ? axis->kernel - 1 : taps;
        reach = reach * (double)axis->size + (double)(more * axis->dilation);
    }
    return reach <= CONVPOOL_POOL_PLACES;
}

/* Channels of an output that are held against each tap at once. */
enum { NAME(place_lanes) = 4 * CONVPOOL_POOL_CHUNK };

/* As track, for `count` channels `unit` apart. */
TARGET CONVPOOL_FORCE_INLINE void NAME(track_lanes)(REAL *CONVPOOL_RESTRICT value,
                                                    PLACE *CONVPOOL_RESTRICT place,
                                                    const STORAGE *CONVPOOL_RESTRICT from,
                                                    int64_t unit, PLACE here, int64_t count)
{
    int64_t i;
    for (i = 0; i < count; ++i) {
        const REAL x = LOAD(from[i * unit]), so_far = value[i];
        const int better = (x > so_far) | (x != x);
        value[i] = better ? x : so_far;
        place[i] = better ? here : place[i];
    }
}

/* One output of `count` channels; `from` is the first of them in the plane's first cell. */
TARGET CONVPOOL_FORCE_INLINE void NAME(place_output)(const convpool_pool *pool,
                                                     const NAME(inside) *in, const STORAGE *from,
                                                     int64_t unit, int64_t count, REAL *value,
                                                     PLACE *place)
{
    const int64_t *step = &pool->x_stride[CONVPOOL_AT_DEPTH];
    const int64_t rows = pool->axis[CONVPOOL_ROW].size, columns = pool->axis[CONVPOOL_COLUMN].size;
    int64_t d, r, c, i;
    for (i = 0; i < count; ++i) {
        value[i] = (REAL)-INFINITY;
        place[i] = 0;
    }
    for (d = 0; d < in[0].count; ++d) {
        for (r = 0; r < in[1].count; ++r) {
            const STORAGE *at = from + (in[0].first + d * in[0].gap) * step[0] +
                                (in[1].first + r * in[1].gap) * step[1] + in[2].first * step[2];
            const int64_t here = (d * in[0].gap * rows + r * in[1].gap) * columns;
            for (c = 0; c < in[2].count; ++c, at += in[2].gap * step[2]) {
                NAME(track_lanes)(value, place, at, unit, (PLACE)(here + c * in[2].gap), count);
            }
        }
    }
}

/* One channel of an output, wherever its maximum stands: result and place as from place_output. */
TARGET CONVPOOL_NOINLINE REAL NAME(place_far)(const convpool_pool *pool, const NAME(inside) *in,
                                              const STORAGE *from, int64_t *place)
{
    const int64_t *step = &pool->x_stride[CONVPOOL_AT_DEPTH];
    const int64_t rows = pool->axis[CONVPOOL_ROW].size, columns = pool->axis[CONVPOOL_COLUMN].size;
    REAL value = (REAL)-INFINITY;
    int64_t d, r, c;
    *place = 0;
    for (d = 0; d < in[0].count; ++d) {
        for (r = 0; r < in[1].count; ++r) {
            for (c = 0; c < in[2].count; ++c) {
                const REAL x = LOAD(from[(in[0].first + d * in[0].gap) * step[0] +
                                         (in[1].first + r * in[1].gap) * step[1] +
                                         (in[2].first + c * in[2].gap) * step[2]]);
                if ((x > value) | (x != x)) {
                    value = x;
                    *place = (d * in[0].gap * rows + r * in[1].gap) * columns + c * in[2].gap;
                }
            }
        }
    }
    return value;
}

/* Pools a row of a block whose channels are neighbours, or of any `adaptive` block. */
TARGET CONVPOOL_NOINLINE void NAME(place_channels)(const convpool_pool *pool,
                                                   const convpool_pool_block *block, int64_t row,
                                                   const STORAGE *x, STORAGE *out, int64_t *index)
{
    const int64_t unit = pool->x_stride[CONVPOOL_AT_CHANNEL];
    const int64_t out_unit = pool->out_stride[CONVPOOL_AT_CHANNEL];
    const int64_t index_unit = pool->index_stride[CONVPOOL_AT_CHANNEL];
    const int64_t rows = pool->axis[CONVPOOL_ROW].size, columns = pool->axis[CONVPOOL_COLUMN].size;
    const int64_t lanes = NAME(place_lanes);
    const int near = NAME(places_fit)(pool);
    REAL value[NAME(place_lanes)];
    PLACE place[NAME(place_lanes)];
    NAME(inside) in[CONVPOOL_AXES];
    int64_t column, channel, i;
    in[0] = NAME(inside_of)(pool, &pool->axis[CONVPOOL_DEPTH], block->depth);
    in[1] = NAME(inside_of)(pool, &pool->axis[CONVPOOL_ROW], row);
    x += block->channel * unit;
    out += block->channel * out_unit + block->depth * pool->out_stride[CONVPOOL_AT_DEPTH] +
           row * pool->out_stride[CONVPOOL_AT_ROW];
    index += block->channel * index_unit + block->depth * pool->index_stride[CONVPOOL_AT_DEPTH] +
             row * pool->index_stride[CONVPOOL_AT_ROW];
    for (column = block->column; column < block->column + block->columns; ++column) {
        STORAGE *to = out + column * pool->out_stride[CONVPOOL_AT_COLUMN];
        int64_t *to_index = index + column * pool->index_stride[CONVPOOL_AT_COLUMN];
        int64_t base;
        in[2] = NAME(inside_of)(pool, &pool->axis[CONVPOOL_COLUMN], column);
        base = (in[0].first * rows + in[1].first) * columns + in[2].first;
        for (channel = 0; channel < block->channels; channel += lanes) {
            const int64_t left = block->channels - channel, count = left < lanes ? left : lanes;
            if (in[0].count <= 0 || in[1].count <= 0 || in[2].count <= 0) {
                for (i = 0; i < count; ++i) {
                    to[(channel + i) * out_unit] = STORE((REAL)-INFINITY);
                    to_index[(channel + i) * index_unit] = -1;
                }
                continue;
            }
            if (!near) {
                for (i = 0; i < count; ++i) {
                    int64_t at;
                    to[(channel + i) * out_unit] = STORE(
                        NAME(place_far)(pool, in, x + (channel + i) * unit, &at));
                    to_index[(channel + i) * index_unit] = base + at;
                }
                continue;
            }
            if (count == lanes && unit == 1) {
                NAME(place_output)(pool, in, x + channel, 1, NAME(place_lanes), value, place);
            } else {
                NAME(place_output)(pool, in, x + channel * unit, unit, count, value, place);
            }
            for (i = 0; i < count; ++i) {
                to[(channel + i) * out_unit] = STORE(value[i]);
                to_index[(channel + i) * index_unit] = base + place[i];
            }
        }
    }
}

/* How a plane's cells lie once they are split: each row phase of `rows` rows, of which column phase
 * q is a row of `pitch` cells, q * phase further on. */
typedef struct NAME(phases) {
    int64_t row_phases, rows, cells, pitch, phase;
} NAME(phases);

TARGET CONVPOOL_FORCE_INLINE NAME(phases) NAME(split_for)(const convpool_pool *pool,
                                                          int64_t outputs)
{
    const convpool_axis *row = &pool->axis[CONVPOOL_ROW], *column = &pool->axis[CONVPOOL_COLUMN];
    const int64_t reach = (row->kernel - 1) * row->dilation;
    NAME(phases) s;
    s.row_phases = reach < row->stride ? reach + 1 : row->stride;
    s.rows = outputs + reach / row->stride;
    s.cells = convpool_pool_width(column);
    s.cells -= column->out > 1 ? s.cells % column->stride : 0;
    s.pitch = column->out > 1 ? s.cells / column->stride : s.cells;
    s.phase = s.row_phases * s.rows * s.pitch;
    return s;
}

/* Result: how many rows of outputs fit a block's arrays once split, 0 if it is not to be. */
TARGET CONVPOOL_INLINE int64_t NAME(split_rows)(const convpool_pool *pool)
{
    NAME(phases) s;
    int64_t rows;
    if (!convpool_pool_is_staged(pool)) {
        return 0;
    }
    s = NAME(split_for)(pool, 0);
    rows = CONVPOOL_POOL_CELLS / (s.cells * s.row_phases) - s.rows;
    return rows > 0 ? rows : 0;
}

/* Lays out the cells under a block's rows of one plane, split. */
TARGET CONVPOOL_NOINLINE void NAME(lay_split)(const convpool_pool *pool,
                                              const convpool_pool_block *block,
                                              const NAME(phases) *split, const STORAGE *x,
                                              REAL *laid, REAL *to)
{
    const convpool_axis *axis = &pool->axis[CONVPOOL_ROW], *column = &pool->axis[CONVPOOL_COLUMN];
    const NAME(stretch) s = NAME(stretch_at)(-column->before, split->cells, column->size);
    const int64_t step = pool->x_stride[CONVPOOL_AT_ROW], stride = axis->stride;
    const int splits = column->stride > 1 && column->out > 1;
    const REAL nothing = (REAL)-INFINITY;
    REAL *line = splits ? laid : to;
    int64_t phase;
    x += block->channel * pool->x_stride[CONVPOOL_AT_CHANNEL] +
         block->depth * pool->x_stride[CONVPOOL_AT_DEPTH] +
         (s.left + s.begin) * pool->x_stride[CONVPOOL_AT_COLUMN];
    for (phase = 0; phase < split->row_phases; ++phase) {
        const int64_t top = block->row * stride - axis->before + phase;
        int64_t begin = top < 0 ? (stride - 1 - top) / stride : 0;
        int64_t end = top < axis->size ? (axis->size - 1 - top) / stride + 1 : 0;
        end = end < split->rows ? end : split->rows;
        begin = begin < end ? begin : end > 0 ? end : 0;
        end = end > begin ? end : begin;
        NAME(fill)(line, nothing, begin * split->cells);
        NAME(lay_rows)(x + (top + begin * stride) * step, stride * step,
                       pool->x_stride[CONVPOOL_AT_COLUMN], end - begin, &s, nothing,
                       line + begin * split->cells);
        NAME(fill)(line + end * split->cells, nothing, (split->rows - end) * split->cells);
        line += split->rows * split->cells;
    }
    if (splits) {
        NAME(split_phases)(laid, column->stride, 1, split->phase, to, split->phase);
    }
}

/* Writes places from each output's first cell on into a row of `index`. */
TARGET CONVPOOL_FORCE_INLINE void NAME(settle_row)(const PLACE *CONVPOOL_RESTRICT place,
                                                   int64_t base, int64_t stride, int64_t columns,
                                                   int64_t *CONVPOOL_RESTRICT index, int64_t unit)
{
    int64_t c;
    for (c = 0; c < columns; ++c) {
        index[c * unit] = base + c * stride + place[c];
    }
}

/* Where cell number `at` of a line's first output lies. */
TARGET CONVPOOL_FORCE_INLINE const REAL *NAME(tap_in)(const NAME(phases) *split, const REAL *line,
                                                      int64_t stride, int64_t at)
{
    return line + at % stride * split->phase + at / stride;
}

/* Pools some rows of one plane: a block of one channel, no more rows than split_rows. */
TARGET CONVPOOL_NOINLINE void NAME(place_plane)(const convpool_pool *pool,
                                                const convpool_pool_block *block,
                                                const STORAGE *x, STORAGE *out, int64_t *index)
{
    const convpool_axis *row = &pool->axis[CONVPOOL_ROW], *column = &pool->axis[CONVPOOL_COLUMN];
    const NAME(phases) s = NAME(split_for)(pool, block->rows);
    const int64_t unit = pool->index_stride[CONVPOOL_AT_COLUMN];
    const int64_t length = (block->rows - 1) * s.pitch + block->columns;
    const int64_t stride = column->out > 1 ? column->stride : 1;
    REAL laid[CONVPOOL_POOL_ROOM], cells[CONVPOOL_POOL_ROOM], value[CONVPOOL_POOL_ROOM];
    PLACE place[CONVPOOL_POOL_ROOM], edge[CONVPOOL_POOL_CELLS];
    int64_t begin, end, r, c;
    NAME(lay_split)(pool, block, &s, x, laid, cells);
    convpool_outputs_inside(column, &begin, &end);
    for (c = 0; c < block->columns; ++c) {
        edge[c] = 0;
        if (c < begin || c >= end) {
            edge[c] = (PLACE)(NAME(inside_of)(pool, column, c).first -
                              (c * column->stride - column->before));
        }
    }
    for (r = 0; r < block->rows; ++r) {
        const NAME(inside) in = NAME(inside_of)(pool, row, block->row + r);
        const int64_t top = (block->row + r) * row->stride - row->before;
        for (c = 0; c < block->columns; ++c) {
            place[r * s.pitch + c] = (PLACE)((in.first - top) * column->size) + edge[c];
        }
    }
    NAME(fill)(value, (REAL)-INFINITY, length);
    for (r = 0; r < row->kernel; ++r) {
        const int64_t y = r * row->dilation;
        const REAL *line = cells + (y % row->stride * s.rows + y / row->stride) * s.pitch;
        for (c = 0; c < column->kernel; ++c) {
            const PLACE gap = (PLACE)column->dilation;
            const PLACE here = (PLACE)(y * column->size) + (PLACE)c * gap;
            const REAL *tap = NAME(tap_in)(&s, line, stride, c * gap);
            if (c + 3 <= column->kernel) {
                NAME(track_three)(value, place, tap, NAME(tap_in)(&s, line, stride, (c + 1) * gap),
                                  NAME(tap_in)(&s, line, stride, (c + 2) * gap), here, gap, length);
                c += 2;
            } else {
                NAME(track)(value, place, tap, here, length);
            }
        }
    }
    index += block->channel * pool->index_stride[CONVPOOL_AT_CHANNEL] +
             block->depth * pool->index_stride[CONVPOOL_AT_DEPTH] +
             block->row * pool->index_stride[CONVPOOL_AT_ROW];
    for (r = 0; r < block->rows; ++r) {
        const int64_t top = (block->row + r) * row->stride - row->before;
        const int64_t base = (block->depth * row->size + top) * column->size - column->before;
        int64_t *to = index + r * pool->index_stride[CONVPOOL_AT_ROW];
        if (unit == 1) {
            NAME(settle_row)(place + r * s.pitch, base, column->stride, block->columns, to, 1);
        } else {
            NAME(settle_row)(place + r * s.pitch, base, column->stride, block->columns, to, unit);
        }
        if (row->dilation > 1 || column->dilation > 1) { /* windows may step over the input */
            const int none = NAME(inside_of)(pool, row, block->row + r).count <= 0;
            for (c = 0; c < block->columns; ++c) {
                if (none || NAME(inside_of)(pool, column, c).count <= 0) {
                    to[c * unit] = -1;
                }
            }
        }
    }
    NAME(store_block)(pool, block, 1, value, s.pitch, out);
}

/* Pools a block. Result: whether it is one of those. */
TARGET CONVPOOL_NOINLINE int NAME(pool_placed)(const convpool_pool *pool, int channels_last,
                                               const convpool_pool_block *block, const STORAGE *x,
                                               STORAGE *out, int64_t *index)
{
    const int outputs = channels_last || pool->adaptive; /* one by one */
    const int64_t rows = outputs ? 1 : NAME(split_rows)(pool);
    convpool_pool_block part = *block;
    int64_t channel, row;
    if (rows == 0 || (!outputs && !NAME(places_fit)(pool))) {
        return 0;
    }
    for (row = block->row; outputs && row < block->row + block->rows; ++row) {
        NAME(place_channels)(pool, block, row, x, out, index);
    }
    for (channel = 0; !outputs && channel < block->channels; ++channel) {
        part.channel = block->channel + channel;
        part.channels = 1;
        for (row = 0; row < block->rows; row += rows) {
            part.row = block->row + row;
            part.rows = rows < block->rows - row ? rows : block->rows - row;
            NAME(place_plane)(pool, &part, x, out, index);
        }
    }
    return 1;
}

#undef NAME
