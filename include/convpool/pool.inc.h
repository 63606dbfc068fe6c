/* pool.inc.h - max and average pooling of one block of outputs.
 *
 * The rows under each row of windows are reduced into one, padding included; then neighbours in
 * it are: kernel rows + kernel columns steps an output instead of their product. Every step
 * reduces one long run of elements: columns, and channels where those lie next to each other.
 * Where windows of columns move by more than one cell, a row is split into its phases first
 * (cells 0, s, 2s ..., then 1, s + 1 ...), so that each tap meets a run without gaps.
 *
 *     for each row of outputs:  rows of x      -> down     cells and lanes, bordered
 *     if gaps:                  down           -> phases
 *     for each run of outputs:  taps of those  -> value
 *     for each row of outputs:  value          -> out      divided, if an average
 *
 * A sum is a chain over columns of chains down (depth, row), whatever the block. Only where one
 * window takes in all its plane's outputs and channels are not the lanes, its cells are dealt to
 * CONVPOOL_POOL_DEAL chains in turn, in the order (depth, row, column), which are then added by
 * quarters, and those by halves.
 *
 * Included once for each instruction set and element type, with STORAGE, STORAGE_NAME, REAL,
 * REAL_IS_DOUBLE, LOAD, STORE, ISA_NAME and TARGET set.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)

/* The larger one; a NaN is kept once met, since no comparison with it is true. */
TARGET CONVPOOL_FORCE_INLINE REAL NAME(combine)(const int average, REAL so_far, REAL x)
{
    const REAL larger = x > so_far ? x : so_far;
    return average ? so_far + x : x != x ? x : larger;
}

TARGET CONVPOOL_FORCE_INLINE REAL NAME(element)(const int stored, const void *from, int64_t i)
{
    return stored ? LOAD(((const STORAGE *)from)[i]) : ((const REAL *)from)[i];
}

/* Element i + offset[0] of `from` combined with element i + offset[1] and so on; all of them with
 * `so_far` where there is `more` of the window before them. `taps` is 1 to 4. */
TARGET CONVPOOL_FORCE_INLINE REAL NAME(fold_one)(const int average, const int stored,
                                                 const int more, const int taps, REAL so_far,
                                                 const void *from, int64_t i,
                                                 const int64_t *offset)
{
    const REAL first = NAME(element)(stored, from, i + offset[0]);
    REAL value = more ? NAME(combine)(average, so_far, first) : first;
    if (taps > 1) {
        value = NAME(combine)(average, value, NAME(element)(stored, from, i + offset[1]));
    }
    if (taps > 2) {
        value = NAME(combine)(average, value, NAME(element)(stored, from, i + offset[2]));
    }
    if (taps > 3) {
        value = NAME(combine)(average, value, NAME(element)(stored, from, i + offset[3]));
    }
    return value;
}

/* Where runs of neighbours lie: `count` elements each, which begin to_step and from_step apart. */
typedef struct NAME(runs) {
    int64_t runs, count, to_step, from_step;
} NAME(runs);

/* That for each neighbour of each run. */
TARGET CONVPOOL_FORCE_INLINE void NAME(fold_taps)(const int average, const int stored,
                                                  const int more, const int taps,
                                                  const NAME(runs) *runs,
                                                  REAL *CONVPOOL_RESTRICT to, const void *from,
                                                  const int64_t *offset)
{
    const NAME(runs) n = *runs;
    int64_t at[] = {offset[0], offset[1], offset[2], offset[3]}, run, i;
    for (run = 0; run < n.runs; ++run) {
        for (i = 0; i < n.count; ++i) {
            to[i] = NAME(fold_one)(average, stored, more, taps, to[i], from, i, at);
        }
        to += n.to_step;
        for (i = 0; i < taps; ++i) {
            at[i] += n.from_step;
        }
    }
}

/* Folds the next of `left` taps, as many as there is a loop for. Result: how many. */
TARGET CONVPOOL_FORCE_INLINE int NAME(fold_next)(const int average, const int stored, int more,
                                                 int64_t left, const NAME(runs) *runs, REAL *to,
                                                 const void *from, const int64_t *offset)
{
    if (more && left >= 4) {
        NAME(fold_taps)(average, stored, 1, 4, runs, to, from, offset);
        return 4;
    }
    if (more) {
        NAME(fold_taps)(average, stored, 1, 1, runs, to, from, offset);
        return 1;
    }
    if (left >= 4) {
        NAME(fold_taps)(average, stored, 0, 4, runs, to, from, offset);
        return 4;
    }
    if (left == 3) {
        NAME(fold_taps)(average, stored, 0, 3, runs, to, from, offset);
        return 3;
    }
    if (left == 2) {
        NAME(fold_taps)(average, stored, 0, 2, runs, to, from, offset);
        return 2;
    }
    NAME(fold_taps)(average, stored, 0, 1, runs, to, from, offset);
    return 1;
}

TARGET CONVPOOL_NOINLINE int NAME(fold_x)(int average, int more, int64_t left,
                                          const NAME(runs) *runs, REAL *to, const STORAGE *from,
                                          const int64_t *offset)
{
    return average ? NAME(fold_next)(1, 1, more, left, runs, to, from, offset)
                   : NAME(fold_next)(0, 1, more, left, runs, to, from, offset);
}

TARGET CONVPOOL_NOINLINE int NAME(fold_reals)(int average, int more, int64_t left,
                                              const NAME(runs) *runs, REAL *to, const REAL *from,
                                              const int64_t *offset)
{
    return average ? NAME(fold_next)(1, 0, more, left, runs, to, from, offset)
                   : NAME(fold_next)(0, 0, more, left, runs, to, from, offset);
}

/* fold_x for neighbours `step` elements apart. */
TARGET CONVPOOL_FORCE_INLINE void NAME(fold_apart)(int average, int more, REAL *to,
                                                  const STORAGE *from, int64_t step,
                                                  int64_t count)
{
    int64_t i;
    for (i = 0; i < count; ++i) {
        const REAL x = LOAD(from[i * step]);
        to[i] = more ? NAME(combine)(average, to[i], x) : x;
    }
}

/* The input cells that a row of windows meets, padding left out: from begin to end by step, along
 * depth and row. */
typedef struct NAME(window) {
    int64_t begin[2], end[2], step[2];
} NAME(window);

TARGET CONVPOOL_FORCE_INLINE NAME(window) NAME(window_at)(const convpool_pool *pool,
                                                          int64_t depth, int64_t row)
{
    const int64_t at[2] = {depth, row};
    NAME(window) window;
    int i;
    for (i = 0; i < 2; ++i) {
        const convpool_axis *axis = &pool->axis[i];
        const int64_t start = at[i] * axis->stride - axis->before;
        int64_t begin, end;
        convpool_taps_inside(axis, at[i], 1, &begin, &end);
        window.begin[i] = start + begin * axis->dilation;
        window.end[i] = start + (end - 1) * axis->dilation + 1;
        window.step[i] = axis->dilation;
    }
    return window;
}

TARGET CONVPOOL_FORCE_INLINE void NAME(fill)(REAL *to, REAL value, int64_t count)
{
    int64_t i;
    for (i = 0; i < count; ++i) {
        to[i] = value;
    }
}

/* What a stretch of the bordered input's columns looks like: `cells` of them from `left` on, of
 * which [begin, end) are the input's own. */
typedef struct NAME(stretch) {
    int64_t left, cells, begin, end;
} NAME(stretch);

TARGET CONVPOOL_FORCE_INLINE NAME(stretch) NAME(stretch_at)(int64_t left, int64_t cells,
                                                            int64_t size)
{
    NAME(stretch) s;
    s.left = left;
    s.cells = cells;
    s.begin = left < 0 ? (-left < cells ? -left : cells) : 0;
    s.end = size - left < cells ? size - left : cells;
    s.end = s.end > s.begin ? s.end : s.begin;
    return s;
}

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
    const int joined = lanes == 1 || step[CONVPOOL_AT_COLUMN] == lanes;
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

/* Copies one row of cells, `chunk` at a time; the last chunk overlaps the one before it. */
TARGET CONVPOOL_FORCE_INLINE void NAME(copy_chunks)(const int chunk,
                                                    const STORAGE *CONVPOOL_RESTRICT from,
                                                    int64_t count, REAL *CONVPOOL_RESTRICT to)
{
    const int64_t last = count - chunk;
    int64_t i;
    int l;
    for (i = 0; i < last; i += chunk) {
        for (l = 0; l < chunk; ++l) {
            to[i + l] = LOAD(from[i + l]);
        }
    }
    for (l = 0; l < chunk; ++l) {
        to[last + l] = LOAD(from[last + l]);
    }
}

TARGET CONVPOOL_FORCE_INLINE void NAME(copy_cells)(const STORAGE *from, int64_t step,
                                                   int64_t count, REAL *to)
{
    int64_t i;
    if (step != 1) {
        for (i = 0; i < count; ++i) {
            to[i] = LOAD(from[i * step]);
        }
    } else if (count >= CONVPOOL_POOL_CHUNK) {
        NAME(copy_chunks)(CONVPOOL_POOL_CHUNK, from, count, to);
    } else if (count >= 4) {
        NAME(copy_chunks)(4, from, count, to);
    } else {
        NAME(copy_chunks)(1, from, count, to);
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
            NAME(copy_chunks)(CONVPOOL_POOL_CHUNK, from + r * row_step, count,
                              to + r * s.cells + s.begin);
        }
        return;
    }
    for (r = 0; r < rows; ++r) {
        NAME(fill_border)(&s, nothing, to + r * s.cells);
        NAME(copy_cells)(from + r * row_step, column_step, count, to + r * s.cells + s.begin);
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
    const int64_t rows = convpool_pool_rows(axis, block->rows);
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

/* What the sum of output (depth, row, column) is divided by. */
TARGET CONVPOOL_FORCE_INLINE REAL NAME(divisor)(const convpool_pool *pool, int64_t depth,
                                                int64_t row, int64_t column)
{
    const int padding = pool->include_padding;
    return (REAL)(pool->divisor != 0
                      ? (double)pool->divisor
                      : NAME(cells)(&pool->axis[CONVPOOL_DEPTH], depth, padding) *
                            NAME(cells)(&pool->axis[CONVPOOL_ROW], row, padding) *
                            NAME(cells)(&pool->axis[CONVPOOL_COLUMN], column, padding));
}

/* to[i] = value[i], divided by divisor[i] if an average, `chunk` at a time; the last chunk
 * overlaps the one before it. */
TARGET CONVPOOL_FORCE_INLINE void NAME(store_chunk)(const int average, const int chunk,
                                                    const REAL *CONVPOOL_RESTRICT value,
                                                    const REAL *CONVPOOL_RESTRICT divisor,
                                                    STORAGE *CONVPOOL_RESTRICT to)
{
    int l;
    for (l = 0; l < chunk; ++l) {
        to[l] = STORE(average ? value[l] / divisor[l] : value[l]);
    }
}

TARGET CONVPOOL_FORCE_INLINE void NAME(store_run)(const int average, const int chunk,
                                                  const REAL *value, const REAL *divisor,
                                                  int64_t count, STORAGE *to)
{
    const int64_t last = count - chunk;
    int64_t i;
    for (i = 0; i < last; i += chunk) {
        NAME(store_chunk)(average, chunk, value + i, divisor + i, to + i);
    }
    NAME(store_chunk)(average, chunk, value + last, divisor + last, to + last);
}

/* Stores `runs` runs of `count` values, which begin `pitch` apart and whose divisors begin
 * `divisor_pitch` apart, to runs `run_step` apart of elements `step` apart. */
TARGET CONVPOOL_FORCE_INLINE void NAME(store_runs)(const int average, const REAL *value,
                                                   int64_t pitch, const REAL *divisor,
                                                   int64_t divisor_pitch, int64_t runs,
                                                   int64_t count, STORAGE *to, int64_t run_step,
                                                   int64_t step)
{
    int64_t run, i;
    for (run = 0; step != 1 && run < runs; ++run) {
        for (i = 0; i < count; ++i) {
            const REAL sum = value[run * pitch + i];
            to[run * run_step + i * step] =
                STORE(average ? sum / divisor[run * divisor_pitch + i] : sum);
        }
    }
    if (step == 1 && count >= CONVPOOL_POOL_CHUNK) {
        for (run = 0; run < runs; ++run) {
            NAME(store_run)(average, CONVPOOL_POOL_CHUNK, value + run * pitch,
                            divisor + run * divisor_pitch, count, to + run * run_step);
        }
    } else if (step == 1 && count >= 4) {
        for (run = 0; run < runs; ++run) {
            NAME(store_run)(average, 4, value + run * pitch, divisor + run * divisor_pitch, count,
                            to + run * run_step);
        }
    } else if (step == 1) {
        for (run = 0; run < runs; ++run) {
            NAME(store_run)(average, 1, value + run * pitch, divisor + run * divisor_pitch, count,
                            to + run * run_step);
        }
    }
}

TARGET CONVPOOL_NOINLINE void NAME(store_maxima)(const REAL *value, int64_t pitch, int64_t runs,
                                                 int64_t count, STORAGE *to, int64_t run_step,
                                                 int64_t step)
{
    NAME(store_runs)(0, value, pitch, value, pitch, runs, count, to, run_step, step);
}

TARGET CONVPOOL_NOINLINE void NAME(store_means)(const REAL *value, int64_t pitch,
                                                const REAL *divisor, int64_t divisor_pitch,
                                                int64_t runs, int64_t count, STORAGE *to,
                                                int64_t run_step, int64_t step)
{
    NAME(store_runs)(1, value, pitch, divisor, divisor_pitch, runs, count, to, run_step, step);
}

/* Result: how many rows from output row `row` on, of at most `rows`, have as many cells under
 * their windows. */
CONVPOOL_FORCE_INLINE int64_t NAME(alike)(const convpool_pool *pool, int64_t row, int64_t rows)
{
    const convpool_axis *axis = &pool->axis[CONVPOOL_ROW];
    const double cells = NAME(cells)(axis, row, pool->include_padding);
    int64_t n = 1;
    while (n < rows && (pool->divisor != 0 ||
                        NAME(cells)(axis, row + n, pool->include_padding) == cells)) {
        ++n;
    }
    return n;
}

/* Stores a block's values, whose rows begin `pitch` apart. `out` is the image. */
TARGET CONVPOOL_NOINLINE void NAME(store_block)(const convpool_pool *pool,
                                                const convpool_pool_block *block, int64_t lanes,
                                                const REAL *value, int64_t pitch, STORAGE *out)
{
    const int64_t *step = pool->out_stride;
    /* Runs are rows, or outputs where lanes of the next one do not follow at once. */
    const int joined = lanes == 1 || (step[CONVPOOL_AT_CHANNEL] == 1 &&
                                      step[CONVPOOL_AT_COLUMN] == lanes);
    const int64_t unit = step[lanes == 1 ? CONVPOOL_AT_COLUMN : CONVPOOL_AT_CHANNEL];
    const int64_t length = joined ? block->columns * lanes : lanes;
    const int64_t planes = lanes == 1 ? block->channels : 1;
    REAL divisor[CONVPOOL_POOL_CELLS];
    int64_t plane, r, c, l, rows;
    out += block->channel * step[CONVPOOL_AT_CHANNEL] + block->depth * step[CONVPOOL_AT_DEPTH] +
           block->row * step[CONVPOOL_AT_ROW] + block->column * step[CONVPOOL_AT_COLUMN];
    for (r = 0; r < block->rows; r += rows) {
        const int64_t row = block->row + r;
        rows = pool->average ? NAME(alike)(pool, row, block->rows - r) : block->rows;
        for (c = 0; pool->average && c < block->columns; ++c) {
            const REAL cells = NAME(divisor)(pool, block->depth, row, block->column + c);
            for (l = 0; l < lanes; ++l) {
                divisor[c * lanes + l] = cells;
            }
        }
        for (plane = 0; plane < planes; ++plane) {
            const REAL *from = value + (plane * block->rows + r) * pitch;
            STORAGE *to = out + plane * step[CONVPOOL_AT_CHANNEL] + r * step[CONVPOOL_AT_ROW];
            const int64_t runs = joined ? rows : block->columns;
            const int64_t run_step = step[joined ? CONVPOOL_AT_ROW : CONVPOOL_AT_COLUMN];
            if (pool->average) {
                NAME(store_means)(from, joined ? pitch : lanes, divisor, joined ? 0 : lanes,
                                  runs, length, to, run_step, unit);
            } else {
                NAME(store_maxima)(from, joined ? pitch : lanes, runs, length, to, run_step,
                                   unit);
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

/* Reduces `count` cells, dealt in turn, into lanes that hold something if there were `more` cells
 * before them, of which there was a whole number of deals. */
TARGET CONVPOOL_FORCE_INLINE void NAME(deal)(const int average, int more, const STORAGE *from,
                                             int64_t count, REAL *CONVPOOL_RESTRICT lane)
{
    const int64_t none[] = {0, 0, 0, 0};
    NAME(runs) n = {1, count % CONVPOOL_POOL_DEAL, 0, 0};
    REAL sum[CONVPOOL_POOL_DEAL];
    int64_t i = 0;
    int l;
    if (!more && count < CONVPOOL_POOL_DEAL) {
        NAME(fill)(lane + count, average ? (REAL)0 : (REAL)-INFINITY, CONVPOOL_POOL_DEAL - count);
    } else {
        for (l = 0; l < CONVPOOL_POOL_DEAL; ++l) {
            sum[l] = more ? lane[l] : LOAD(from[l]);
        }
        for (i = more ? 0 : CONVPOOL_POOL_DEAL; i + CONVPOOL_POOL_DEAL <= count;
             i += CONVPOOL_POOL_DEAL) {
            for (l = 0; l < CONVPOOL_POOL_DEAL; ++l) {
                sum[l] = NAME(combine)(average, sum[l], LOAD(from[i + l]));
            }
        }
        for (l = 0; l < CONVPOOL_POOL_DEAL; ++l) {
            lane[l] = sum[l];
        }
        more = 1;
    }
    if (i < count) {
        NAME(fold_x)(average, more, 1, &n, lane, from + i, none);
    }
}

/* Deals out all cells [begin, end) of one channel's plane. Cells that do not follow each other are
 * gathered first: the order of a sum is that of the cells, not of the memory. */
TARGET CONVPOOL_FORCE_INLINE void NAME(deal_plane)(const int average, const convpool_pool *pool,
                                                   const int64_t *begin, const int64_t *end,
                                                   const STORAGE *x, REAL *lane)
{
    const int64_t *step = &pool->x_stride[CONVPOOL_AT_DEPTH];
    const int64_t columns = end[2] - begin[2], rows = end[1] - begin[1];
    const int even = step[2] == 1 && (rows == 1 || step[1] == columns) &&
                     (end[0] - begin[0] == 1 || step[0] == columns * rows);
    STORAGE gathered[CONVPOOL_POOL_CELLS];
    int64_t d, r, c, cells = 0;
    int more = 0;
    if (even) {
        NAME(deal)(average, 0, x + begin[0] * step[0] + begin[1] * step[1] + begin[2],
                   (end[0] - begin[0]) * rows * columns, lane);
        return;
    }
    for (d = begin[0]; d < end[0]; ++d) {
        for (r = begin[1]; r < end[1]; ++r) {
            for (c = begin[2]; c < end[2]; ++c) {
                gathered[cells++] = x[d * step[0] + r * step[1] + c * step[2]];
                if (cells == CONVPOOL_POOL_CELLS) {
                    NAME(deal)(average, more, gathered, cells, lane);
                    cells = 0;
                    more = 1;
                }
            }
        }
    }
    if (cells > 0) {
        NAME(deal)(average, more, gathered, cells, lane);
    }
}

/* Reduces each channel's plane to its only output. */
TARGET CONVPOOL_FORCE_INLINE void NAME(reduce_planes)(const int average,
                                                      const convpool_pool *pool,
                                                      const convpool_pool_block *block,
                                                      const STORAGE *x, STORAGE *out)
{
    const int64_t quarter = CONVPOOL_POOL_DEAL / 4, offset[] = {0, quarter, 2 * quarter,
                                                                3 * quarter};
    const NAME(runs) n = {block->channels, quarter, quarter, CONVPOOL_POOL_DEAL};
    const REAL divisor = NAME(divisor)(pool, 0, 0, 0);
    REAL lanes[CONVPOOL_POOL_LANES * CONVPOOL_POOL_DEAL];
    REAL quarters[CONVPOOL_POOL_LANES * CONVPOOL_POOL_DEAL / 4];
    int64_t begin[CONVPOOL_AXES], end[CONVPOOL_AXES], channel, l, half;
    int i;
    for (i = 0; i < CONVPOOL_AXES; ++i) {
        const convpool_axis *axis = &pool->axis[i];
        convpool_taps_inside(axis, 0, 1, &begin[i], &end[i]);
        begin[i] -= axis->before;
        end[i] -= axis->before;
    }
    x += block->channel * pool->x_stride[CONVPOOL_AT_CHANNEL];
    out += block->channel * pool->out_stride[CONVPOOL_AT_CHANNEL];
    for (channel = 0; channel < block->channels; ++channel) {
        NAME(deal_plane)(average, pool, begin, end,
                         x + channel * pool->x_stride[CONVPOOL_AT_CHANNEL],
                         lanes + channel * CONVPOOL_POOL_DEAL);
    }
    NAME(fold_reals)(average, 0, 4, &n, quarters, lanes, offset);
    for (channel = 0; channel < block->channels; ++channel) {
        REAL *value = quarters + channel * quarter;
        for (half = quarter / 2; half >= 1; half /= 2) {
            for (l = 0; l < half; ++l) {
                value[l] = NAME(combine)(average, value[l], value[l + half]);
            }
        }
        out[channel * pool->out_stride[CONVPOOL_AT_CHANNEL]] =
            STORE(average ? value[0] / divisor : value[0]);
    }
}

TARGET CONVPOOL_NOINLINE void NAME(pool_whole)(const convpool_pool *pool,
                                               const convpool_pool_block *block,
                                               const STORAGE *x, STORAGE *out)
{
    if (pool->average) {
        NAME(reduce_planes)(1, pool, block, x, out);
    } else {
        NAME(reduce_planes)(0, pool, block, x, out);
    }
}

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

/* Pools one block of outputs, of several channels where those are the lanes or where each has one
 * output. x, out and index (NULL: not wanted) point to the image.
 * Precondition: the block lies within the outputs and is no larger than convpool_pool_cut says. */
TARGET CONVPOOL_INLINE void NAME(pool_block)(const convpool_pool *pool, int channels_last,
                                             const convpool_pool_block *block, const void *x,
                                             void *out, int64_t *index)
{
    convpool_pool_block plane = *block;
    const int64_t lanes = channels_last ? block->channels : 1;
    if (index == NULL && convpool_pool_is_whole(pool, channels_last)) {
        NAME(pool_whole)(pool, block, (const STORAGE *)x, (STORAGE *)out);
        return;
    }
    if (index == NULL) {
        NAME(pool_values)(pool, block, lanes, (const STORAGE *)x, (STORAGE *)out);
        return;
    }
    for (plane.channels = lanes; plane.channel < block->channel + block->channels;
         plane.channel += lanes) {
        NAME(pool_indexed)(pool, &plane, lanes, (const STORAGE *)x, (STORAGE *)out, index);
    }
}

#undef NAME
