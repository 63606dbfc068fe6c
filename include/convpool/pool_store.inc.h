/* pool_store.inc.h - what an average divides by, and the way of a block's values into `out`.
 *
 * Included once for each instruction set and element type, by pool.inc.h, which says the rest.
 */
#define NAME(verb) CONVPOOL_PASTE(convpool_, verb, STORAGE_NAME, ISA_NAME)
/* Result: how many cells of one axis the window of output o covers. (A real number, since the
 * product over axes may be larger than any integer.) */
CONVPOOL_FORCE_INLINE double NAME(cells)(const convpool_axis *axis, int64_t o,
                                         int include_padding)
{
    const int64_t start = o * axis->stride - axis->before, gap = axis->dilation - 1;
    const int64_t low = include_padding || start > 0 ? 0 : -start;
    const int64_t high = axis->size - start + (include_padding ? axis->after : 0);
    const int64_t first = gap ? (low + gap) / axis->dilation : low;
    const int64_t last = gap ? (high + gap) / axis->dilation : high;
    return (double)((last < axis->kernel ? last : axis->kernel) - first);
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

/* The same for all columns of a block's row, `lanes` times each. */
TARGET CONVPOOL_NOINLINE void NAME(divisors)(const convpool_pool *pool,
                                             const convpool_pool_block *block, int64_t row,
                                             int64_t lanes, REAL *to)
{
    int64_t begin, end, last, c = 0;
    convpool_outputs_inside(&pool->axis[CONVPOOL_COLUMN], &begin, &end);
    if (pool->divisor != 0) {
        begin = block->column;
        end = block->column + block->columns;
    }
    while (c < block->columns) {
        const int64_t column = block->column + c;
        const REAL cells = NAME(divisor)(pool, block->depth, row, column);
        last = begin <= column && column < end ? end - block->column : c + 1;
        last = last < block->columns ? last : block->columns;
        NAME(fill)(to + c * lanes, cells, (last - c) * lanes);
        c = last;
    }
}

/* to[i] = value[i], divided by divisor[i] if an average, `chunk` at a time; the last chunk
 * overlaps the one before it. */
TARGET CONVPOOL_FORCE_INLINE void NAME(store_chunk)(const int average, const int chunk,
                                                    const REAL *CONVPOOL_RESTRICT value,
                                                    const REAL *CONVPOOL_RESTRICT divisor,
                                                    STORAGE *CONVPOOL_RESTRICT to)
{
    int l;
#ifdef STORE8
    REAL line[CONVPOOL_POOL_CHUNK];
    for (l = 0; l < chunk; ++l) {
        line[l] = average ? value[l] / divisor[l] : value[l];
    }
    NAME(convert)(chunk, line, to, 1);
#else
    for (l = 0; l < chunk; ++l) {
        to[l] = STORE(average ? value[l] / divisor[l] : value[l]);
    }
#endif
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
    int64_t plane, r, rows;
    out += block->channel * step[CONVPOOL_AT_CHANNEL] + block->depth * step[CONVPOOL_AT_DEPTH] +
           block->row * step[CONVPOOL_AT_ROW] + block->column * step[CONVPOOL_AT_COLUMN];
    for (r = 0; r < block->rows; r += rows) {
        const int64_t row = block->row + r;
        rows = pool->average ? NAME(alike)(pool, row, block->rows - r) : block->rows;
        if (pool->average) {
            NAME(divisors)(pool, block, row, lanes, divisor);
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

#undef NAME
