/* pool_direct.inc.h - pooling of real numbers straight from x to out, by vectors, where one of the
 * two lies along rows without gaps: columns (pool_slide.inc.h) or channels (pool_lanes.inc.h).
 *
 * Maxima are found as if there were no NaN. Both functions return 0 where that is in doubt; what
 * they have written by then is to be made again.
 *
 * Included once for each instruction set and element type that is real, by pool.inc.h.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* Result: whether pool_sliding takes it. */
TARGET CONVPOOL_INLINE int NAME(slides)(const convpool_pool *pool)
{
    return convpool_pool_is_staged(pool) && pool->x_stride[CONVPOOL_AT_COLUMN] == 1 &&
           pool->out_stride[CONVPOOL_AT_COLUMN] == 1;
}

/* Result: how far from its first element an image's last one lies in memory, plus one. */
TARGET CONVPOOL_INLINE int64_t NAME(image_end)(const convpool_pool *pool)
{
    const int64_t *step = &pool->x_stride[CONVPOOL_AT_DEPTH];
    int64_t end = 1;
    int axis;
    for (axis = 0; axis < CONVPOOL_AXES; ++axis) {
        const int64_t reach = (pool->axis[axis].size - 1) * step[axis];
        end += reach > 0 ? reach : 0;
    }
    if (pool->x_stride[CONVPOOL_AT_CHANNEL] > 0) {
        end += (pool->channels - 1) * pool->x_stride[CONVPOOL_AT_CHANNEL];
    }
    return end;
}

/* Makes one of rows whose cells are met alike and follow each other. */
TARGET CONVPOOL_INLINE void NAME(join_rows)(convpool_pool_rows *n)
{
    int64_t r, last = 0;
    for (r = 1; r < n->rows; ++r) {
        if (n->taps[r] == n->taps[last] && n->fresh[r] == n->fresh[last] &&
            n->first[r] == n->first[last] + n->cells[last]) {
            n->cells[last] += n->cells[r];
            continue;
        }
        ++last;
        n->first[last] = n->first[r];
        n->taps[last] = n->taps[r];
        n->fresh[last] = n->fresh[r];
        n->cells[last] = n->cells[r];
    }
    n->rows = last + 1;
}

/* Pools whole rows of several planes. */
TARGET CONVPOOL_NOINLINE int NAME(pool_sliding)(const convpool_pool *pool,
                                                const convpool_pool_block *block, const REAL *x,
                                                REAL *out)
{
    const convpool_axis *axis = &pool->axis[CONVPOOL_COLUMN];
    const int64_t *x_step = pool->x_stride, *out_step = pool->out_stride;
    const int64_t start = block->channel * x_step[CONVPOOL_AT_CHANNEL] +
                          block->depth * x_step[CONVPOOL_AT_DEPTH];
    /* Rows and planes of `out` that follow each other may be overrun, within the block. */
    const int even = out_step[CONVPOOL_AT_ROW] == axis->out &&
                     (block->channels == 1 ||
                      out_step[CONVPOOL_AT_CHANNEL] == axis->out * block->rows);
    const int flat = even && !pool->average && NAME(pool_is_flat)(axis);
    const NAME(stretch) s = flat ? NAME(stretch_at)(0, axis->size, axis->size)
                                 : NAME(stretch_at)(-axis->before, convpool_pool_width(axis),
                                                    axis->size);
    REAL room[CONVPOOL_POOL_REACH + CONVPOOL_POOL_CELLS + CONVPOOL_SLACK];
    REAL *const down = room + CONVPOOL_POOL_REACH;
    REAL divisor[CONVPOOL_POOL_CELLS], seen[CONVPOOL_POOL_DEAL];
    convpool_pool_rows n;
    convpool_pool_across to;
    NAME(window) w = NAME(window_at)(pool, block->depth, block->row);
    int64_t r;
    n.planes = to.planes = block->channels;
    n.rows = to.rows = block->rows;
    to.pitch = s.cells;
    n.left = s.begin;
    n.right = s.cells - s.end;
    n.plane_step = x_step[CONVPOOL_AT_CHANNEL];
    n.gap = pool->axis[CONVPOOL_ROW].dilation * x_step[CONVPOOL_AT_ROW];
    n.limit = NAME(image_end)(pool) - start;
    for (r = 0; r < block->rows; ++r) {
        const int64_t cells = w.end[1] - w.begin[1], here = w.begin[1];
        n.first[r] = here * x_step[CONVPOOL_AT_ROW] +
                     (s.left + s.begin) * x_step[CONVPOOL_AT_COLUMN];
        n.cells[r] = s.end - s.begin;
        n.taps[r] = n.fresh[r] = cells > 0 ? (cells - 1) / w.step[1] + 1 : 0;
        if (r + 1 < block->rows) {
            w = NAME(window_at)(pool, block->depth, block->row + r + 1);
            if (w.step[1] == 1 && w.begin[1] - here < n.taps[r]) {
                n.fresh[r] = w.begin[1] - here;
            }
        }
    }
    if (flat) {
        NAME(join_rows)(&n);
        NAME(fill)(room, 0, CONVPOOL_POOL_REACH);
    }
    NAME(fill)(seen, 0, CONVPOOL_POOL_DEAL);
    NAME(pool_down)(pool->average, &n, x + start, down, seen);
    if (!pool->average && NAME(pool_doubt)(seen)) {
        return 0;
    }
    to.columns = axis->out;
    to.taps = axis->kernel;
    to.gap = axis->dilation;
    to.plane_step = out_step[CONVPOOL_AT_CHANNEL];
    to.from_step = block->rows * s.cells;
    to.row_step = out_step[CONVPOOL_AT_ROW];
    to.limit = even && !pool->average ? block->channels * block->rows * axis->out : 0;
    out += block->channel * out_step[CONVPOOL_AT_CHANNEL] +
           block->depth * out_step[CONVPOOL_AT_DEPTH] + block->row * out_step[CONVPOOL_AT_ROW];
    if (flat) {
        const int64_t count = block->channels * block->rows * axis->out;
        NAME(fill)(down + count, 0, CONVPOOL_POOL_REACH + 16);
        NAME(pool_flat)(axis, down, count, out);
        return 1;
    }
    if (!pool->average) {
        NAME(pool_across)(0, axis->stride, &to, down, down, out);
        return 1;
    }
    for (r = 0; r < block->rows; r += to.rows) {
        to.rows = NAME(alike)(pool, block->row + r, block->rows - r);
        NAME(divisors)(pool, block, block->row + r, 1, divisor);
        NAME(pool_across)(1, axis->stride, &to, down + r * s.cells, divisor,
                          out + r * to.row_step);
    }
    return 1;
}

/* Result: whether pool_sideways takes it: windows that share few cells, which are better reduced
 * each by itself. */
TARGET CONVPOOL_INLINE int NAME(goes_sideways)(const convpool_pool *pool)
{
    const convpool_axis *row = &pool->axis[CONVPOOL_ROW], *column = &pool->axis[CONVPOOL_COLUMN];
    const int few = row->kernel <= 4 && column->kernel <= 4;
    return pool->axis[CONVPOOL_DEPTH].kernel == 1 && pool->axis[CONVPOOL_DEPTH].before == 0 &&
           pool->axis[CONVPOOL_DEPTH].after == 0 && pool->axis[CONVPOOL_DEPTH].stride == 1 &&
           pool->channels >= CONVPOOL_POOL_CHUNK && (few || column->stride >= column->kernel ||
                                                     column->out == 1) &&
           pool->x_stride[CONVPOOL_AT_CHANNEL] == 1 && pool->out_stride[CONVPOOL_AT_CHANNEL] == 1;
}

/* Pools `outputs` windows of a row that meet taps [first, last) of each column. */
TARGET CONVPOOL_NOINLINE void NAME(pool_alike)(const convpool_pool *pool,
                                               const convpool_pool_block *block, int64_t column,
                                               int64_t outputs, int64_t first, int64_t last,
                                               const REAL *x, REAL *out, REAL *seen)
{
    const convpool_axis *axis = &pool->axis[CONVPOOL_COLUMN];
    const int64_t *x_step = pool->x_stride, *out_step = pool->out_stride;
    const NAME(window) w = NAME(window_at)(pool, block->depth, block->row);
    const int64_t cells = w.end[1] - w.begin[1];
    const int64_t rows = cells > 0 ? (cells - 1) / w.step[1] + 1 : 0;
    const REAL divisor = NAME(divisor)(pool, block->depth, block->row, column);
    REAL value[CONVPOOL_POOL_WIDE];
    convpool_pool_taps n;
    int64_t o, i, line, lines;
    /* Lines of taps are those under each other: sums run in the order of the general way. */
    n.lines = last - first;
    n.line_step = axis->dilation * x_step[CONVPOOL_AT_COLUMN];
    n.taps = rows;
    n.tap_step = pool->axis[CONVPOOL_ROW].dilation * x_step[CONVPOOL_AT_ROW];
    n.outputs = outputs;
    n.channels = block->channels;
    n.x_step = axis->stride * x_step[CONVPOOL_AT_COLUMN];
    n.out_step = out_step[CONVPOOL_AT_COLUMN];
    x += block->channel + block->depth * x_step[CONVPOOL_AT_DEPTH] +
         w.begin[1] * x_step[CONVPOOL_AT_ROW] +
         (column * axis->stride - axis->before + first * axis->dilation) *
             x_step[CONVPOOL_AT_COLUMN];
    out += block->channel + block->depth * out_step[CONVPOOL_AT_DEPTH] +
           block->row * out_step[CONVPOOL_AT_ROW] + column * out_step[CONVPOOL_AT_COLUMN];
    if (n.taps <= 0 || n.lines <= 0) {
        for (o = 0; o < outputs; ++o) {
            NAME(fill)(out + o * n.out_step, pool->average ? 0 / divisor : (REAL)-INFINITY,
                       n.channels);
        }
        return;
    }
    if (n.x_step == n.channels && n.out_step == n.channels) { /* outputs form one run */
        n.channels *= n.outputs;
        n.outputs = 1;
    }
    if (n.taps * n.lines <= CONVPOOL_POOL_TAPS || n.channels > CONVPOOL_POOL_WIDE) {
        NAME(pool_lanes)(pool->average, 0, &n, x, out, seen);
        for (o = 0; pool->average && o < n.outputs; ++o) {
            for (i = 0; i < n.channels; ++i) {
                out[o * n.out_step + i] /= divisor;
            }
        }
        return;
    }
    /* Large windows are read line by line. */
    outputs = n.outputs;
    lines = n.lines;
    n.lines = n.outputs = 1;
    for (o = 0; o < outputs; ++o) {
        for (line = 0; line < lines; ++line) {
            NAME(pool_lanes)(pool->average, line > 0, &n,
                             x + o * n.x_step + line * n.line_step, value, seen);
        }
        for (i = 0; i < n.channels; ++i) {
            out[o * n.out_step + i] = pool->average ? value[i] / divisor : value[i];
        }
    }
}

/* Pools rows of several channels that lie next to each other. */
TARGET CONVPOOL_NOINLINE int NAME(pool_sideways)(const convpool_pool *pool,
                                                 const convpool_pool_block *block, const REAL *x,
                                                 REAL *out)
{
    const convpool_axis *axis = &pool->axis[CONVPOOL_COLUMN];
    convpool_pool_block line = *block;
    REAL seen[CONVPOOL_POOL_DEAL];
    int64_t begin, end, column, first, last;
    convpool_outputs_inside(axis, &begin, &end);
    begin = begin > 0 ? begin : 0; /* the first window may begin well inside */
    NAME(fill)(seen, 0, CONVPOOL_POOL_DEAL);
    for (line.row = block->row; line.row < block->row + block->rows; ++line.row) {
        for (column = 0; column < axis->out; ++column) {
            if (column == begin && begin < end) {
                NAME(pool_alike)(pool, &line, begin, end - begin, 0, axis->kernel, x, out, seen);
                column = end;
            }
            if (column < axis->out) {
                convpool_taps_inside(axis, column, 1, &first, &last);
                NAME(pool_alike)(pool, &line, column, 1, first, last, x, out, seen);
            }
        }
    }
    return pool->average || !NAME(pool_doubt)(seen);
}

#undef NAME
