/* pool_general.inc.h - pooling of any geometry and any strides.
 *
 * Every step reduces one long run of elements: columns, and channels where those lie next to each
 * other. Where windows of columns move by more than one cell, a row is split into its phases first
 * (cells 0, s, 2s ..., then 1, s + 1 ...), so that each tap meets a run without gaps.
 *
 *     for each row of outputs:  rows of x      -> down     cells and lanes, bordered
 *     if gaps:                  down           -> phases
 *     for each run of outputs:  taps of those  -> value
 *     for each row of outputs:  value          -> out      divided, if an average
 *
 * Included once for each instruction set and element type, by pool.inc.h, which says the rest.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)
/* Reduces a window's rows over a stretch into `to`, cell by cell, lane by lane. `x` is the first
 * lane's first element. */
TARGET CONVPOOL_FORCE_INLINE void NAME(reduce_down)(const convpool_pool *pool,
                                                    const NAME(window) *w,
                                                    const NAME(stretch) *s, int64_t lanes,
                                                    const STORAGE *x, REAL *to)
{
    const int64_t *step = pool->x_stride;
    const REAL nothing = pool->average ? (REAL)0 : (REAL)-INFINITY;
    const int64_t inside = s->end - s->begin;
    /* One run where cells follow each other without a gap. */
    const int joined =
        lanes == 1 || step[CONVPOOL_AT_COLUMN] == lanes * step[CONVPOOL_AT_CHANNEL];
    const int64_t unit = step[lanes == 1 ? CONVPOOL_AT_COLUMN : CONVPOOL_AT_CHANNEL];
    const int64_t runs = joined ? 1 : inside, length = joined ? inside * lanes : lanes;
    const int empty = inside == 0 || w->begin[0] >= w->end[0] || w->begin[1] >= w->end[1];
    const NAME(runs) n = {runs, length, length, step[CONVPOOL_AT_COLUMN]};
    const int64_t gap = w->step[1] * step[CONVPOOL_AT_ROW];
    const int64_t offset[] = {0, gap, 2 * gap, 3 * gap};
    int64_t d, r, run;
    int more = 0;
    NAME(fill)(to, nothing, (empty ? s->cells : s->begin) * lanes);
    NAME(fill)(to + s->end * lanes, nothing, (s->cells - s->end) * lanes);
    x += (s->left + s->begin) * step[CONVPOOL_AT_COLUMN];
    to += s->begin * lanes;
    for (d = w->begin[0]; !empty && d < w->end[0]; d += w->step[0]) {
        for (r = w->begin[1]; r < w->end[1];) {
            const STORAGE *from = x + d * step[CONVPOOL_AT_DEPTH] + r * step[CONVPOOL_AT_ROW];
            const int64_t left = (w->end[1] - 1 - r) / w->step[1] + 1;
            int done = 1;
            if (unit == 1) {
                done = NAME(fold_x)(pool->average, more, left, &n, to, from, offset);
            } else {
                for (run = 0; run < runs; ++run) {
                    NAME(fold_apart)(pool->average, more, to + run * length,
                                     from + run * n.from_step, unit, length);
                }
            }
            r += done * w->step[1];
            more = 1;
        }
    }
}

/* Writes a row's border; its own cells may be written too. */
TARGET CONVPOOL_FORCE_INLINE void NAME(fill_border)(const NAME(stretch) *s, REAL nothing, REAL *to)
{
    const int64_t after = s->cells - s->end;
    int i;
    if (s->cells >= CONVPOOL_POOL_CHUNK && s->begin <= CONVPOOL_POOL_CHUNK &&
        after <= CONVPOOL_POOL_CHUNK) {
        if (s->begin > 0) {
            for (i = 0; i < CONVPOOL_POOL_CHUNK; ++i) {
                to[i] = nothing;
            }
        }
        if (after > 0) {
            for (i = 0; i < CONVPOOL_POOL_CHUNK; ++i) {
                to[s->cells - CONVPOOL_POOL_CHUNK + i] = nothing;
            }
        }
    } else {
        NAME(fill)(to, nothing, s->begin);
        NAME(fill)(to + s->end, nothing, after);
    }
}

/* Lays out `rows` rows of a stretch with their border. `from` is the first inner cell. */
TARGET CONVPOOL_NOINLINE void NAME(lay_rows)(const STORAGE *from, int64_t row_step,
                                             int64_t column_step, int64_t rows,
                                             const NAME(stretch) *stretch, REAL nothing, REAL *to)
{
    const NAME(stretch) s = *stretch;
    const int64_t count = s.end - s.begin;
    int64_t r;
    if (column_step == 1 && count >= CONVPOOL_POOL_CHUNK) {
        for (r = 0; r < rows; ++r) {
            NAME(fill_border)(&s, nothing, to + r * s.cells);
            NAME(copy_chunks)(CONVPOOL_POOL_CHUNK, from + r * row_step, NULL, count,
                              to + r * s.cells + s.begin);
        }
        return;
    }
    for (r = 0; r < rows; ++r) {
        NAME(fill_border)(&s, nothing, to + r * s.cells);
        NAME(gather)(from + r * row_step, NULL, column_step, count, to + r * s.cells + s.begin);
    }
}

/* reduce_down for all planes and rows of a block whose windows' rows fit beside each other:
 * they are laid out with their border, after which each row of windows is one run without edges.
 * `x` is the first channel's first element. */
TARGET CONVPOOL_NOINLINE void NAME(reduce_staged)(const convpool_pool *pool,
                                                  const convpool_pool_block *block,
                                                  const NAME(stretch) *s, const STORAGE *x,
                                                  REAL *CONVPOOL_RESTRICT staged,
                                                  REAL *CONVPOOL_RESTRICT to)
{
    const convpool_axis *axis = &pool->axis[CONVPOOL_ROW];
    const int64_t *step = pool->x_stride;
    const int64_t top = block->row * axis->stride - axis->before, pitch = s->cells;
    const int64_t rows = convpool_pool_rows_under(axis, block->rows);
    const int64_t begin = top < 0 ? -top : 0;
    const int64_t end = axis->size - top < rows ? axis->size - top : rows;
    /* Rows of windows that move by one cell form one run. */
    const int64_t runs = axis->stride == 1 ? 1 : block->rows, length = pitch * block->rows / runs;
    const int64_t tap = axis->dilation * pitch;
    /* A run may only go on into the next one if that is made after it, in one turn of taps. */
    const int exact = runs > 1 && axis->kernel > 4;
    const NAME(runs) n = {runs, exact ? length : convpool_pool_chunks(length), length,
                          axis->stride * pitch};
    const REAL nothing = pool->average ? (REAL)0 : (REAL)-INFINITY;
    int64_t channel;
    for (channel = 0; channel < block->channels; ++channel) {
        const STORAGE *from = x + channel * step[CONVPOOL_AT_CHANNEL] +
                              block->depth * step[CONVPOOL_AT_DEPTH] +
                              (s->left + s->begin) * step[CONVPOOL_AT_COLUMN];
        REAL *plane = staged + channel * rows * pitch;
        int64_t t = 0;
        NAME(fill)(plane, nothing, begin * pitch);
        NAME(fill)(plane + end * pitch, nothing, (rows - end) * pitch);
        NAME(lay_rows)(from + (top + begin) * step[CONVPOOL_AT_ROW], step[CONVPOOL_AT_ROW],
                       step[CONVPOOL_AT_COLUMN], end - begin, s, nothing, plane + begin * pitch);
        while (t < axis->kernel) {
            const int64_t offset[] = {t * tap, (t + 1) * tap, (t + 2) * tap, (t + 3) * tap};
            t += NAME(fold_reals)(pool->average, t > 0, axis->kernel - t, &n, to, plane, offset);
        }
        to += block->rows * pitch;
    }
}

/* Splits `count` phases of `lanes` each; phase p begins at to[p * pitch]. */
TARGET CONVPOOL_NOINLINE void NAME(split_phases)(const REAL *CONVPOOL_RESTRICT from,
                                                 int64_t stride, int64_t lanes, int64_t count,
                                                 REAL *CONVPOOL_RESTRICT to, int64_t pitch)
{
    int64_t i = 0, phase, l;
    if (stride == 3 && lanes == 1) {
        for (; i < count; ++i) {
            to[i] = from[3 * i];
            to[pitch + i] = from[3 * i + 1];
            to[2 * pitch + i] = from[3 * i + 2];
        }
    }
    if (stride == 2 && lanes == 1) {
        for (; i + CONVPOOL_POOL_CHUNK <= count; i += CONVPOOL_POOL_CHUNK) {
            for (l = 0; l < CONVPOOL_POOL_CHUNK; ++l) {
                to[i + l] = from[2 * (i + l)];
            }
            for (l = 0; l < CONVPOOL_POOL_CHUNK; ++l) {
                to[pitch + i + l] = from[2 * (i + l) + 1];
            }
        }
    }
    for (; i < count; ++i) {
        for (phase = 0; phase < stride; ++phase) {
            for (l = 0; l < lanes; ++l) {
                to[phase * pitch + i * lanes + l] = from[(i * stride + phase) * lanes + l];
            }
        }
    }
}

/* How a block's columns lie in `down` and `phases`, for some of the taps. */
typedef struct NAME(plan) {
    int split;           /* into phases */
    int64_t taps;        /* at most, at once */
    int64_t pitch;       /* of a row of cells, in elements */
    int64_t phase;       /* from one phase to the next, in elements */
    int64_t row, column; /* from one row and column of outputs to the next, in elements */
} NAME(plan);

TARGET CONVPOOL_FORCE_INLINE NAME(plan) NAME(plan_for)(const convpool_pool *pool, int64_t rows,
                                                       int64_t columns, int64_t lanes,
                                                       int64_t taps)
{
    const convpool_axis *axis = &pool->axis[CONVPOOL_COLUMN];
    const int64_t stride = axis->stride, span = (columns - 1) * stride + 1;
    const int64_t room = CONVPOOL_POOL_CELLS / (lanes * rows);
    int64_t slack, cells;
    NAME(plan) p;
    p.split = stride > 1 && columns > 1 && lanes < CONVPOOL_POOL_CHUNK;
    slack = p.split ? stride - 1 : 0; /* rows begin at phase 0 */
    p.taps = (room - span - slack) / axis->dilation + 1;
    p.taps = p.taps < taps ? p.taps : taps;
    cells = span + (p.taps - 1) * axis->dilation + slack;
    cells -= p.split ? cells % stride : 0;
    p.pitch = cells * lanes;
    p.phase = p.split ? p.pitch * rows / stride : 0;
    if (p.split && stride == 2 && lanes == 1) {
        p.phase = convpool_pool_chunks(p.phase); /* split_phases then needs no tail */
    }
    p.row = p.split ? p.pitch / stride : p.pitch;
    p.column = p.split ? lanes : stride * lanes;
    return p;
}

/* Where tap number `tap` of a row's first output lies. */
TARGET CONVPOOL_FORCE_INLINE int64_t NAME(tap_at)(const convpool_pool *pool, const NAME(plan) *p,
                                                  int64_t lanes, int64_t tap)
{
    const int64_t cell = tap * pool->axis[CONVPOOL_COLUMN].dilation;
    const int64_t stride = pool->axis[CONVPOOL_COLUMN].stride;
    return p->split ? cell % stride * p->phase + cell / stride * lanes : cell * lanes;
}

/* Pools a block's `lanes` neighbours: channels, or 1. */
TARGET CONVPOOL_NOINLINE void NAME(pool_values)(const convpool_pool *pool,
                                                const convpool_pool_block *block, int64_t lanes,
                                                const STORAGE *x, STORAGE *out)
{
    const convpool_axis *axis = &pool->axis[CONVPOOL_COLUMN];
    const int64_t rows = lanes > 1 ? block->rows : block->rows * block->channels;
    const int staged = lanes == 1 && convpool_pool_is_staged(pool);
    REAL first[CONVPOOL_POOL_ROOM], down[CONVPOOL_POOL_ROOM], value[CONVPOOL_POOL_ROOM];
    int64_t tap, taps, r, value_pitch = block->columns * lanes;
    int more = 0;
    x += block->channel * pool->x_stride[CONVPOOL_AT_CHANNEL];
    convpool_taps_inside(axis, block->column, block->columns, &tap, &taps);
    if (tap >= taps) {
        NAME(fill)(value, pool->average ? (REAL)0 : (REAL)-INFINITY, value_pitch * rows);
    }
    while (tap < taps) {
        const NAME(plan) p = NAME(plan_for)(pool, rows, block->columns, lanes, taps - tap);
        const NAME(stretch) s = NAME(stretch_at)(
            block->column * axis->stride - axis->before + tap * axis->dilation,
            p.pitch / lanes, axis->size);
        /* All outputs in one run, if what lies between their rows is not much; else a run a row,
         * or one an output where there are gaps between outputs. */
        const int apart = p.column != lanes && block->columns > 1;
        const int whole = !apart && p.row <= 2 * block->columns * lanes;
        const int64_t length = whole ? (rows - 1) * p.row + block->columns * lanes
                                     : block->columns * lanes;
        const NAME(runs) n = {apart ? block->columns : 1,
                              whole   ? convpool_pool_chunks(length)
                              : apart ? lanes
                                      : length,
                              lanes, p.column};
        const REAL *from = p.split ? first : down;
        int64_t t = 0;
        value_pitch = whole ? p.row : value_pitch;
        if (staged) {
            NAME(reduce_staged)(pool, block, &s, x, first, down);
        }
        for (r = 0; !staged && r < rows; ++r) {
            const NAME(window) w = NAME(window_at)(pool, block->depth, block->row + r);
            NAME(reduce_down)(pool, &w, &s, lanes, x, down + r * p.pitch);
        }
        if (p.split) {
            NAME(split_phases)(down, axis->stride, lanes, p.phase / lanes, first, p.phase);
        }
        while (t < p.taps) {
            int64_t offset[4];
            int i, done = 0;
            for (i = 0; i < 4; ++i) {
                offset[i] = t + i < p.taps ? NAME(tap_at)(pool, &p, lanes, t + i) : 0;
            }
            for (r = 0; r < (whole ? 1 : rows); ++r) {
                done = NAME(fold_reals)(pool->average, more, p.taps - t, &n, value + r * length,
                                        from + r * p.row, offset);
            }
            t += done;
            more = 1;
        }
        tap += p.taps;
    }
    NAME(store_block)(pool, block, lanes, value, value_pitch, out);
}

#undef NAME
